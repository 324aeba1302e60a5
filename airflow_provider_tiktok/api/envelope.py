"""TikTok's envelope: from status, headers and body to the answer, or to an error that says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from airflow_provider_tiktok.api.calls import Answer, ApiCall, CallFailure, JsonNumber
from airflow_provider_tiktok.api.codes import Action, look_up
from airflow_provider_tiktok.api.transport.problems import Problem, status_problem
from airflow_provider_tiktok.api.transport.redaction import without_signatures
from airflow_provider_tiktok.api.transport.sanitize import sanitize, well_formed_json
from airflow_provider_tiktok.api.transport.session import HttpResponse
from airflow_provider_tiktok.exceptions import TikTokAuthError, TikTokRateLimitError, TikTokTransportError

try:  # Airflow 3 brings it; it takes a third of the time that Python's own reader takes
    import msgspec

    _decode: Mapping[type[str], Callable[[bytes], Any]] = {
        kind: msgspec.json.Decoder(float_hook=kind).decode for kind in (str, JsonNumber)
    }
except ImportError:  # Airflow 2
    _decode = {}

THROTTLE_HEADER = "X-Tt-Ads-Throttle"
"""Header with which TikTok says that it left rows out (over 20,000 IDs)."""

_MAX_MESSAGE = 600
_MAX_ID = 80
_COMMANDS = (
    " It is the connection {conn_id!r}: `airflow-tiktok doctor {conn_id}` examines it, `airflow-tiktok connect {conn_id}` "
    "gets a new token and stores it."
)
_CODE = re.compile(r"-?[0-9]{1,10}")


class EnvelopeReader:
    """Reads the answers to one client's calls.

    :param host: base URL of the API, for messages.
    :param root: URL below which the endpoints are, which decides the proxy.
    :param redact: takes the client's secrets out of a text.
    :param conn_id: ID of the Airflow connection, for messages; empty if there is none.
    """

    def __init__(self, host: str, root: str, redact: Callable[[str], str], *, conn_id: str = "") -> None:
        self._host = host
        self._root = root
        self._redact = redact
        self._commands = _COMMANDS.format(conn_id=sanitize(conn_id, _MAX_ID)) if conn_id else ""

    def read(self, response: HttpResponse, call: ApiCall) -> Answer | CallFailure:
        """Return what an HTTP response brings."""
        if response.saved is not None:
            return Answer(response.saved, "", "")
        envelope = _envelope(response.body, JsonNumber if call.marks_numbers else str)
        if envelope is not None and envelope["code"] != 0:
            return self._refusal(envelope, call)
        if envelope is not None and response.status == HTTPStatus.OK:
            data = envelope.get("data")
            if data is None and not call.needs_data:
                data = {}
            if isinstance(data, dict):
                request_id = sanitize(envelope.get("request_id", ""), _MAX_ID)
                return Answer(data, request_id, sanitize(response.headers.get(THROTTLE_HEADER, "")))
            return self._no_data(envelope, call.subject)
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            error = TikTokRateLimitError(f"HTTP 429, too many requests{of(call.subject)}.")
            return CallFailure(Action.THROTTLE, error)
        return self.failure(status_problem(response.status, self._root), call.subject)

    def failure(self, problem: Problem, subject: str) -> CallFailure:
        """Return the failure of a call that brought no usable answer."""
        advice = problem.advice or (
            "Check the API host and version in the Airflow connection."
            if problem.permanent
            else "Check that the worker reaches the host; if it does, the failure is TikTok's and passes."
        )
        text = self._redact(f"No usable answer from {self._host}{of(subject)}: {problem.text}. {advice}")
        error = TikTokTransportError(text, retryable=not problem.permanent, timed_out=problem.timed_out)
        action = (
            Action.PERMANENT if problem.permanent else Action.TIMEOUT if problem.timed_out else Action.RETRY
        )
        return CallFailure(action, error, may_be_done=not problem.unsent)

    def _refusal(self, envelope: dict[str, Any], call: ApiCall) -> CallFailure:
        """Return the failure of a call that TikTok answered with a code."""
        code = envelope["code"]
        message = without_signatures(self._redact(str(envelope.get("message", ""))))
        message, request_id = sanitize(message, _MAX_MESSAGE), self._request_id(envelope)
        meaning = look_up(code, message, call.path)
        timed_out = meaning.action is Action.TIMEOUT
        commands = self._commands if issubclass(meaning.error, TikTokAuthError) else ""
        error = meaning.error(
            f"TikTok refused the call: {meaning.meaning}{of(call.subject)}. Its message: {message!r}. "
            f"{meaning.advice}{commands} [code {code}, request_id {request_id}]",
            code=code,
            message=message,
            request_id=request_id,
            retryable=meaning.action not in {Action.PERMANENT, Action.REAUTHORISE},
            timed_out=timed_out,
        )
        # TikTok says with a code that it did nothing, unless it is that it can't tell yet
        return CallFailure(meaning.action, error, may_be_done=timed_out)

    def _no_data(self, envelope: dict[str, Any], subject: str) -> CallFailure:
        """Return the failure of a call that TikTok accepted without the data that it was made for."""
        message = sanitize(self._redact(str(envelope.get("message", ""))), _MAX_MESSAGE)
        request_id = self._request_id(envelope)
        reference = f"Its message: {message!r} [code 0, request_id {request_id}]"
        if "data" not in envelope or envelope["data"] is not None:
            what = "isn't an object" if "data" in envelope else "is missing"
            problem = Problem(f"TikTok accepted the call, but `data` {what} in its answer. {reference}")
            return self.failure(problem, subject)
        error = TikTokTransportError(
            f"TikTok accepted the call and sent no data: `data` is null{of(subject)}. Run the task again; if it stays, "
            f"ask TikTok's support. {reference}",
            code=0,
            message=message,
            request_id=request_id,
        )
        # null is TikTok's word for nothing, which asking again at once doesn't change
        return CallFailure(Action.PERMANENT, error, may_be_done=True)

    def _request_id(self, envelope: dict[str, Any]) -> str:
        return sanitize(self._redact(str(envelope.get("request_id", ""))), _MAX_ID)


def of(subject: str) -> str:
    """Return what a call is about, as an error text continues with it."""
    return f" ({subject})" if subject else ""


def read_json(body: bytes, number: type[str] = str) -> Any:
    """Return the value of JSON with strings that are well formed; numbers with a point stay text, to lose no digit.

    :param number: the class of that text.
    :raises ValueError: it is not JSON.
    """
    if _decode:
        try:
            value = _decode[number](body)
        except (ValueError, RecursionError):  # half characters and NaN, which Python's own reader takes
            pass
        else:
            return well_formed_json(value) if b"\\" in body and b"\\u0000" in body else value
    return well_formed_json(json.loads(body, parse_float=number, parse_constant=str))


def _envelope(body: bytes, number: type[str]) -> dict[str, Any] | None:
    """Return TikTok's envelope; ``None`` when the body isn't one."""
    try:
        envelope = read_json(body, number)
        if not isinstance(envelope, dict):
            return None
        code = envelope["code"]
        # int() would take false for 0, which is success
        if isinstance(code, bool) or not _CODE.fullmatch(str(code)):
            return None
        envelope["code"] = int(code)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return envelope
