"""One call to TikTok: header, encoding, envelope, pacing, retry, and an error that says what to do."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import requests
import urllib3
from requests.adapters import HTTPAdapter

from airflow_provider_tiktok import __version__
from airflow_provider_tiktok.api.codes import Action, look_up
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.pacing import Pacer
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokRateLimitError,
    TikTokStoppedError,
    TikTokTransportError,
)

log = logging.getLogger(__name__)

THROTTLE_HEADER = "X-Tt-Ads-Throttle"
"""Header with which TikTok says that it left rows out (over 20,000 IDs)."""

_MAX_BODY = 64 * 2**20  # bytes; a page of 1,000 rows with 100 metrics takes about 4 MiB
_MAX_MESSAGE = 600
_CHUNK = 2**18
_LISTEN = 0.25  # seconds after which a waiting call notices that it is cancelled


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient one call is.

    :param attempts: how often a call is made in all when faults come.
    :param first_pause: seconds before the second attempt; each further pause is twice as long.
    :param longest_pause: seconds that no single pause exceeds.
    :param throttle_patience: seconds to keep waiting while TikTok answers "too many requests"; it
        suspends an app that used up a minute's quota for five minutes.
    """

    attempts: int = 5
    first_pause: float = 1.0
    longest_pause: float = 60.0
    throttle_patience: float = 330.0

    def pause(self, failures: int) -> float:
        """Give the seconds to wait after so many failures, with jitter."""
        pause: float = min(self.first_pause * 2 ** (failures - 1), self.longest_pause)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Answer:
    """What TikTok answered to one call that it accepted.

    :param data: the envelope's ``data``. Numbers with a point are kept as the text that TikTok sent.
    :param request_id: TikTok's ID of the call.
    :param truncated: TikTok's words where it says that rows are left out; else empty.
    """

    data: dict[str, Any]
    request_id: str
    truncated: str


@dataclass
class CallCounts:
    """What a client did so far. A call that is made again counts each time."""

    api_calls: int = 0
    retried_calls: int = 0
    throttled_calls: int = 0


@dataclass(frozen=True, slots=True)
class _Failure:
    """One attempt that brought no answer."""

    action: Action
    error: TikTokAPIError


class TikTokClient:
    """Calls TikTok's API. Safe to share between threads.

    :param credentials: whom to call and as whom.
    :param retry: how patient a call is.
    :param stop: set by another thread, it ends every wait; the call then raises
        :class:`TikTokStoppedError`.
    :param connections: how many calls may be in flight.
    """

    def __init__(
        self,
        credentials: TikTokCredentials,
        *,
        retry: RetryPolicy | None = None,
        stop: threading.Event | None = None,
        connections: int = 8,
    ) -> None:
        self.credentials = credentials
        self.counts = CallCounts()
        self.stop = stop or threading.Event()
        self._secrets = _spellings(credentials.secrets)
        self._retry = retry or RetryPolicy()
        self._pacer = Pacer(credentials.qps)
        self._lock = threading.Lock()
        self._session = _new_session(credentials, connections)
        _HIDDEN.add(credentials.secrets)
        self._root = f"{credentials.base_url}/open_api/{credentials.api_version}/"

    def get(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        subject: str = "",
        cancel: threading.Event | None = None,
    ) -> Answer:
        """Make one GET call, again and again while that can help.

        :param path: endpoint, such as ``report/integrated/get/``.
        :param params: TikTok's parameters; ``None`` is left out, text is sent as it is, everything
            else as JSON.
        :param subject: what the call is about, such as ``advertiser 7..., page 2``; for messages.
        :param cancel: set when nobody wants the answer any more; ends this call's waits.
        :raises TikTokAPIError: TikTok refused, or gave no usable answer often enough.
        """
        query = {
            name: value
            if isinstance(value, str)
            else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            for name, value in params.items()
            if value is not None
        }
        failures = throttles = 0
        waited = 0.0
        while True:
            self._wait(self._pacer.reserve(), cancel)
            outcome = self._attempt(path, query, subject)
            if isinstance(outcome, Answer):
                return outcome
            if outcome.action is Action.THROTTLE:
                throttles += 1
                pause = self._retry.pause(throttles)
                self._count(throttled_calls=1)
                if waited + pause > self._retry.throttle_patience:
                    raise outcome.error
                waited += pause
                log.warning("%s Waiting %.0f s.", outcome.error, pause)
                self._pacer.close_for(pause)
            else:
                failures += 1
                if outcome.action is not Action.RETRY or failures >= self._retry.attempts:
                    raise outcome.error
                pause = self._retry.pause(failures)
                log.warning(
                    "%s Attempt %d of %d; the next one in %.1f s.",
                    outcome.error,
                    failures,
                    self._retry.attempts,
                    pause,
                )
                self._wait(pause, cancel)
            self._count(retried_calls=1)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def redact(self, text: str) -> str:
        """Blank the connection's secrets out of a text."""
        return _blank(text, self._secrets)

    def _wait(self, seconds: float, cancel: threading.Event | None) -> None:
        """Wait, unless the task is stopped or the call is cancelled in the meantime."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            stopped = self.stop.wait(min(left, _LISTEN)) if left > 0 else self.stop.is_set()
            if stopped or (cancel is not None and cancel.is_set()):
                raise TikTokStoppedError("The task was stopped, so the calls to TikTok were given up.")
            if left <= _LISTEN:
                return

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + number)

    def _attempt(self, path: str, query: dict[str, str], subject: str) -> Answer | _Failure:
        self._count(api_calls=1)
        started = time.monotonic()
        problem = ""
        permanent = False
        status, body = 0, b""
        headers: Mapping[str, str] = {}
        # errors are raised outside `except`, for requests' own texts hold the URL with the app secret
        try:
            status, headers, body = self._send(path, query)
        except requests.exceptions.SSLError as error:
            problem, permanent = _tls_problem(error)
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            urllib3.exceptions.LocationParseError,
        ):
            problem, permanent = "the URL is not valid", True
        except requests.exceptions.Timeout:
            problem = f"no answer within {self.credentials.timeout:g} s"
        except requests.exceptions.ProxyError:
            problem = "the HTTP proxy could not be reached or refused the connection"
        except requests.exceptions.ConnectionError as error:
            problem = _connection_problem(error)
        except _TooLargeError:
            problem, permanent = f"the answer is larger than {_MAX_BODY >> 20} MiB", True
        except requests.exceptions.RequestException as error:
            problem = f"the connection broke ({type(error).__name__})"
        if problem:
            return self._transport_failure(problem, subject, permanent=permanent)
        log.debug(
            "GET %s (%s): HTTP %d, %d bytes, %.3f s",
            path,
            subject,
            status,
            len(body),
            time.monotonic() - started,
        )
        return self._read(status, headers, body, subject)

    def _send(self, path: str, query: dict[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        """Make the HTTP call and read its body, within the time-out and a bound of bytes."""
        timeout = self.credentials.timeout
        deadline = time.monotonic() + timeout
        with self._session.get(
            self._root + path, params=query, timeout=timeout, stream=True, allow_redirects=False
        ) as response:
            chunks = []
            size = 0
            for chunk in _chunks(response):
                chunks.append(chunk)
                size += len(chunk)
                if time.monotonic() > deadline or self.stop.is_set():
                    raise requests.exceptions.ReadTimeout
                if size > _MAX_BODY:
                    raise _TooLargeError
            return response.status_code, response.headers, b"".join(chunks)

    def _read(self, status: int, headers: Mapping[str, str], body: bytes, subject: str) -> Answer | _Failure:
        """Tell from status and body what the call brought."""
        envelope = _envelope(body)
        if envelope is not None and envelope["code"] != 0:
            return self._code_failure(envelope, subject)
        data = envelope.get("data") if envelope else None
        if status == requests.codes.ok and envelope and isinstance(data, dict):
            return Answer(data, str(envelope.get("request_id", "")), headers.get(THROTTLE_HEADER, ""))
        if status == requests.codes.too_many_requests:
            return _Failure(
                Action.THROTTLE, TikTokRateLimitError(f"HTTP 429, too many requests{_of(subject)}.")
            )
        problem, permanent = _status_problem(status)
        return self._transport_failure(problem, subject, permanent=permanent)

    def _code_failure(self, envelope: dict[str, Any], subject: str) -> _Failure:
        code = envelope["code"]
        message = self.redact(" ".join(str(envelope.get("message", "")).split()))[:_MAX_MESSAGE]
        request_id = self.redact(str(envelope.get("request_id", "")))[:80]
        meaning = look_up(code, message)
        text = (
            f"TikTok refused the call{_of(subject)}: {meaning.meaning}. Its message: {message!r}. "
            f"{meaning.advice} [code {code}, request_id {request_id}]"
        )
        retryable = meaning.action not in {Action.PERMANENT, Action.REAUTHORISE}
        error = meaning.error(text, code=code, message=message, request_id=request_id, retryable=retryable)
        return _Failure(meaning.action, error)

    def _transport_failure(self, problem: str, subject: str, *, permanent: bool = False) -> _Failure:
        host = self.credentials.base_url
        advice = (
            "Check the API host and version in the Airflow connection."
            if permanent
            else "Check that the worker reaches the host; if it does, the failure is TikTok's and passes."
        )
        text = self.redact(f"No usable answer from {host}{_of(subject)}: {problem}. {advice}")
        error = TikTokTransportError(text, retryable=not permanent)
        return _Failure(Action.PERMANENT if permanent else Action.RETRY, error)


class _TooLargeError(Exception):
    """An answer that no report needs."""


def _spellings(secrets: Iterable[str]) -> tuple[str, ...]:
    """Give secrets as they may stand in a text: plain, in a URL, in JSON."""
    return tuple(
        {
            text
            for secret in secrets
            for text in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
        }
    )


def _blank(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


class _Hidden(logging.Filter):
    """Keeps secrets out of what urllib3 logs at debug: account discovery has the app secret in its URL."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: set[str] = set()

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these from now on, plain and as a URL holds them."""
        self._texts |= set(_spellings(secrets))
        urllib3_log = logging.getLogger("urllib3.connectionpool")
        if self not in urllib3_log.filters:
            urllib3_log.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Blank them out of the record; it is logged all the same."""
        text = record.getMessage()
        blanked = _blank(text, tuple(self._texts))
        if blanked != text:
            record.msg, record.args = blanked, ()
        return True


_HIDDEN = _Hidden()


class _Session(requests.Session):
    """Goes nowhere but where it is sent."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """See no redirect: the token must not follow one, and its address need not even be well formed."""


def _new_session(credentials: TikTokCredentials, connections: int) -> requests.Session:
    session = _Session()
    session.headers.update(
        {
            "Access-Token": credentials.access_token,
            "Accept": "application/json",
            "User-Agent": f"airflow-provider-tiktok/{__version__}",
        }
    )
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections + 1, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Give the body as it comes. Waiting for whole chunks would let a slow one outlast the time-out."""
    if not hasattr(response.raw, "read1"):  # urllib3 before 2.1
        yield from response.iter_content(_CHUNK)
        return
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            yield chunk
    except urllib3.exceptions.ReadTimeoutError:
        raise requests.exceptions.ReadTimeout from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise requests.exceptions.ChunkedEncodingError(type(error).__name__) from None


def _envelope(body: bytes) -> dict[str, Any] | None:
    """Read TikTok's envelope; ``None`` when the body isn't one."""
    try:
        # numbers with a point stay text, so that no digit is lost on the way
        envelope = json.loads(body, parse_float=str, parse_constant=str)
        if not isinstance(envelope, dict):
            return None
        envelope["code"] = int(envelope["code"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return envelope


def _status_problem(status: int) -> tuple[str, bool]:
    """Say what is wrong with an answer that is no envelope, and whether it will stay so."""
    if status == requests.codes.ok:
        return "the answer is not TikTok's JSON", False
    if status >= requests.codes.internal_server_error or status in {
        requests.codes.no_content,
        requests.codes.request_timeout,
    }:
        return f"HTTP {status}", False
    if status == requests.codes.not_found:
        return "HTTP 404, there is no such API path at this host", True
    if status in {requests.codes.unauthorized, requests.codes.forbidden}:
        return f"HTTP {status}, the host refuses the token, or a proxy before it wants a login", True
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        return f"HTTP {status}, the host redirects and the token must not follow", True
    return f"HTTP {status}", True


def _tls_problem(error: requests.exceptions.SSLError) -> tuple[str, bool]:
    """Say what is wrong with the encrypted connection, and whether it will stay so."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "the TLS certificate of the host could not be verified", True
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text:
        return "the host doesn't speak TLS; write http:// into the API host if that is meant", True
    return "the TLS connection broke", False


def _connection_problem(error: requests.exceptions.ConnectionError) -> str:
    text = str(error).lower()
    if "refused" in text:
        return "the connection was refused"
    if "name or service" in text or "resolve" in text or "getaddrinfo" in text:
        return "the host name could not be resolved"
    return "the connection broke"


def _of(subject: str) -> str:
    return f" ({subject})" if subject else ""
