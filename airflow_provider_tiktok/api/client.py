"""One call to TikTok: header, encoding, envelope, pacing, retry, and an error that says what to do."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import IO, Any

import requests
from requests.utils import get_environ_proxies

from airflow_provider_tiktok import __version__, clock
from airflow_provider_tiktok.api.codes import SLOWER, Action, look_up
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.rate_limit.limiter import Budget, BudgetState
from airflow_provider_tiktok.api.rate_limit.state import DAY, MINUTE, SECOND, open_ledger
from airflow_provider_tiktok.api.transport.body import ENCODINGS, TooLargeError, pieces, read_body
from airflow_provider_tiktok.api.transport.problems import CAUGHT, Problem, problem_of, status_problem
from airflow_provider_tiktok.api.transport.redaction import HIDDEN, Redactor, without_signatures
from airflow_provider_tiktok.api.transport.sanitize import plain, well_formed_json
from airflow_provider_tiktok.api.transport.secret import Secret
from airflow_provider_tiktok.api.transport.session import (
    Call,
    Watchdog,
    WatchedAdapter,
    let_it_last,
    stop_error,
)
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokRateLimitError,
    TikTokStoppedError,
    TikTokTransportError,
)

try:  # Airflow 3 brings it; it takes a third of the time that Python's own reader takes
    import msgspec

    _decode: Callable[[bytes], Any] | None = msgspec.json.Decoder(float_hook=str).decode
except ImportError:  # Airflow 2
    _decode = None

log = logging.getLogger(__name__)

THROTTLE_HEADER = "X-Tt-Ads-Throttle"
"""Header with which TikTok says that it left rows out (over 20,000 IDs)."""

_MAX_BODY = 64 * 2**20  # bytes; a page of 1,000 rows with 100 metrics takes about 4 MiB
_MAX_MESSAGE = 600
_TOO_MANY = 40100
_MAX_FILE = 64 * 2**30  # bytes of a report task's file
_SLOW_AFTER, _SLOWEST = 120.0, 1024  # seconds after which a file must have come at so many bytes a second
_FILE_HEADERS = {"Accept": "text/csv, application/json, */*", "Accept-Encoding": "identity"}
_CODE = re.compile(r"-?[0-9]{1,10}")

CREATIONS_PER_SECOND = 1.0
"""Report tasks that are created in a second. TikTok's pages say 1 and 2 a second; both mean at most 60 in a minute."""

_GRACE = 3.0
"""Seconds that the creation of a report task may go on when the task is stopped: what was created is to be cancelled.
Airflow kills a process five seconds after it has asked it to stop."""

_LISTEN = 0.25  # seconds after which a waiting call notices that it is cancelled


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient one call is.

    :param attempts: how often a call is made in all when faults come.
    :param timeouts: how often a call is made in all that times out; TikTok blocks a call that times out
        three times in ten minutes.
    :param first_pause: seconds before the second attempt; each further pause is twice as long.
    :param longest_pause: seconds that no single pause exceeds.
    :param throttle_patience: seconds to keep waiting while TikTok answers "too many requests"; it
        suspends an app that used up a minute's quota for five minutes.
    :param suspension_patience: seconds to wait for the end of such a suspension; ``None`` is as long as for anything.
    """

    attempts: int = 5
    timeouts: int = 2
    first_pause: float = 1.0
    longest_pause: float = 60.0
    throttle_patience: float = 400.0
    suspension_patience: float | None = None

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


@dataclass(frozen=True, slots=True)
class Exchange:
    """How one HTTP call went, for whoever looks into a connection.

    :param seconds: from the request to the end of the answer.
    :param date: the answer's header ``Date``; empty where there was none.
    """

    seconds: float
    date: str


@dataclass
class CallCounts:
    """What a client did so far. A call that is made again counts each time."""

    api_calls: int = 0
    retried_calls: int = 0
    throttled_calls: int = 0

    def add(self, calls: Mapping[str, int]) -> None:
        """Add what another client did, by the names of these fields."""
        for name, number in calls.items():
            setattr(self, name, getattr(self, name) + number)


@dataclass(frozen=True, slots=True)
class _Failure:
    """One attempt that brought no answer.

    :param may_be_done: whether TikTok may have done what was asked all the same.
    """

    action: Action
    error: TikTokAPIError
    may_be_done: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    """What one call sends.

    :param path: endpoint.
    :param query: parameters in the URL; of a POST only the account that it is about, which is not sent there.
    :param body: JSON to post; ``None`` for a GET.
    :param is_create: whether it makes something.
    :param into: where an answer goes that is no JSON.
    :param once: whether it is never made again, unless TikTok refused it because of too many requests.
    :param needs_data: whether an answer without data is of no use.
    """

    path: str
    query: dict[str, str]
    body: dict[str, Any] | None = None
    is_create: bool = False
    into: IO[bytes] | None = None
    once: bool = False
    needs_data: bool = True

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


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
        self.last_exchange: Exchange | None = None
        self.stop = stop or threading.Event()
        self._redactor = Redactor(credentials.secrets)
        self._retry = retry or RetryPolicy()
        self._ledger = open_ledger(
            credentials.base_url,
            credentials.app_id or credentials.access_token,
            credentials.qps,
            shared=credentials.shared_budget,
        )
        self._budget = Budget(credentials.qps, self._ledger, first_pause=self._retry.first_pause)
        self._creations: Budget | None = None
        self._paused_accounts: dict[str, float] = {}
        self._lock = threading.Lock()
        self._session = new_session(
            credentials.base_url,
            {
                # whoever asks for a token has none yet
                **({"Access-Token": Secret(credentials.access_token)} if credentials.access_token else {}),
                "Accept": "application/json",
                "Accept-Encoding": ENCODINGS,
            },
            connections,
        )
        self._watchdog = Watchdog()
        HIDDEN.add(credentials.secrets)
        self._root = f"{credentials.base_url}/open_api/{credentials.api_version}/"

    def get(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        subject: str = "",
        cancel: threading.Event | None = None,
        into: IO[bytes] | None = None,
        needs_data: bool = True,
    ) -> Answer:
        """Make one GET call, again and again while that can help.

        :param path: endpoint, such as ``report/integrated/get/``.
        :param params: TikTok's parameters; ``None`` is left out, text is sent as it is, everything
            else as JSON.
        :param subject: what the call is about, such as ``advertiser 7..., page 2``; for messages.
        :param cancel: set when nobody wants the answer any more; ends this call's waits.
        :param into: an empty file for an answer that is no JSON, such as a report's CSV; the answer's data then say
            its ``bytes``, and whether their number was proven (``is_whole``).
        :param needs_data: whether it is an error that TikTok accepts the call and sends no data.
        :raises TikTokAPIError: TikTok refused, or no usable answer came.
        :raises TikTokStoppedError: the task was stopped while the call waited.
        """
        query = {
            name: value
            if isinstance(value, str)
            else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            for name, value in params.items()
            if value is not None
        }
        return self._make(_Request(path, query, into=into, needs_data=needs_data), subject, cancel)

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        subject: str = "",
        is_create: bool = False,
        once: bool = False,
        needs_data: bool = True,
    ) -> Answer:
        """Make one POST call.

        :param path: endpoint, such as ``report/task/create/``.
        :param body: TikTok's parameters, sent as JSON; ``None`` is left out.
        :param subject: what the call is about, for messages.
        :param is_create: whether the call makes something: it is then paced by the budget for report tasks as well,
            and not made again when its answer was lost, for what it makes would be there twice.
        :param once: whether the call is not made again whatever went wrong, for it may have used up what it
            sent; one that TikTok refused because of too many requests did nothing.
        :param needs_data: as of :meth:`get`.
        :raises TikTokAPIError: TikTok refused, or no usable answer came.
        :raises TikTokStoppedError: the task was stopped while the call waited.
        """
        sent = {name: value for name, value in body.items() if value is not None}
        account = {"advertiser_id": str(sent["advertiser_id"])} if "advertiser_id" in sent else {}
        return self._make(
            _Request(path, account, sent, is_create, once=once, needs_data=needs_data), subject, None
        )

    def _make(self, request: _Request, subject: str, cancel: threading.Event | None) -> Answer:
        account = request.query.get("advertiser_id", "")
        failures = timeouts = refusals = 0
        waited = 0.0
        error: TikTokAPIError | None = None
        while True:
            self._wait_for_account(account, cancel)
            if request.is_create:
                waited, _ = self._wait_for_turn(waited, subject, error, cancel, self._budget_of_creations())
            waited, started = self._wait_for_turn(waited, subject, error, cancel, self._budget)
            self._count(retried_calls=error is not None)
            started = self._budget.leaves(started)
            try:
                outcome = self._attempt(request, subject)
            except TikTokStoppedError:
                self._budget.gave_no_answer(started)
                raise
            self._tell_budget(outcome, started)
            if isinstance(outcome, Answer):
                return outcome
            action, error = outcome.action, outcome.error
            if action in {Action.THROTTLE, Action.THROTTLE_ONE}:
                refusals += 1
                self._count(throttled_calls=1)
                if action is Action.THROTTLE:
                    self._pause_app(started, error)
                else:
                    waited += self._pause_account(account, refusals, waited, error)
            else:
                failures += 1
                timeouts += action is Action.TIMEOUT
                if (
                    request.once
                    or action not in {Action.RETRY, Action.TIMEOUT}
                    or failures >= self._retry.attempts
                    or timeouts >= self._retry.timeouts
                    or (request.is_create and outcome.may_be_done)
                ):
                    raise error
                pause = self._retry.pause(failures)
                log.warning(
                    "%s Attempt %d of %d; the next one in %.1f s.",
                    error,
                    failures,
                    self._retry.timeouts if action is Action.TIMEOUT else self._retry.attempts,
                    pause,
                )
                self._wait(pause, cancel)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._ledger.close()
        if self._creations is not None:
            self._creations.close()

    def pause(self, seconds: float) -> None:
        """Wait, unless the task is stopped in the meantime.

        :raises TikTokStoppedError: it was.
        """
        self._wait(seconds, None)

    def budget_state(self) -> BudgetState:
        """Say how the app stands with TikTok, as far as this machine knows."""
        return self._budget.state()

    def hide(self, secret: str) -> None:
        """Keep a secret that came up later than the credentials out of logs and errors."""
        self._redactor.add((secret,))
        HIDDEN.add((secret,))

    def redact(self, text: str) -> str:
        """Blank the connection's secrets out of a text."""
        return self._redactor.text(text)

    def redact_file(self, file: IO[bytes]) -> None:
        """Blank the connection's secrets out of a file; its length stays."""
        self._redactor.file(file)

    def _wait(self, seconds: float, cancel: threading.Event | None) -> None:
        """Wait, unless the task is stopped or the call is cancelled in the meantime."""
        end = clock.monotonic() + seconds
        while True:
            left = end - clock.monotonic()
            stopped = clock.wait(self.stop, min(left, _LISTEN)) if left > 0 else self.stop.is_set()
            if stopped or (cancel is not None and cancel.is_set()):
                raise stop_error()
            if left <= _LISTEN:
                return

    def _wait_for_turn(
        self,
        waited: float,
        subject: str,
        error: TikTokAPIError | None,
        cancel: threading.Event | None,
        budget: Budget,
    ) -> tuple[float, float]:
        """Wait until a budget of the app's has a call.

        :param waited: seconds that this call has waited already while TikTok took no calls.
        :param error: what came of the call before, if it was made.
        :return: the same with this wait, and the moment at which the call may start.
        :raises TikTokRateLimitError: TikTok takes no calls for longer than this client is willing to wait.
        """
        while True:
            self._wait(0, cancel)  # a stopped task makes no call
            seconds, moment = budget.start()
            if not seconds:
                return waited, moment
            limit, closed = budget.closed()
            if limit == DAY or waited + closed > self._patience(limit):
                raise self._refused_for(limit or SECOND, closed, subject, error)
            pause = min(seconds, _LISTEN)
            if closed:
                waited += pause
            self._wait(pause, cancel)

    def _budget_of_creations(self) -> Budget:
        """Give the budget of the calls that create report tasks, which TikTok counts by themselves as well."""
        with self._lock:
            if self._creations is None:
                credentials = self.credentials
                qps = min(CREATIONS_PER_SECOND, credentials.qps)
                app = f"report tasks of {credentials.app_id or credentials.access_token}"
                ledger = open_ledger(credentials.base_url, app, qps, shared=credentials.shared_budget)
                self._creations = Budget(qps, ledger, first_pause=self._retry.first_pause)
            return self._creations

    def _patience(self, limit: str | None) -> float:
        """Say for how many seconds a call waits while TikTok takes none."""
        suspension = self._retry.suspension_patience
        return self._retry.throttle_patience if limit != MINUTE or suspension is None else suspension

    def _tell_budget(self, outcome: Answer | _Failure, started: float) -> None:
        """Tell the budget whether TikTok took the call; a refusal is told by :meth:`_pause_app`."""
        if isinstance(outcome, Answer) or outcome.error.code is not None:
            if not (isinstance(outcome, _Failure) and outcome.action is Action.THROTTLE):
                self._budget.answered(started)
        elif outcome.action is not Action.THROTTLE:
            self._budget.gave_no_answer(started)

    def _pause_app(self, started: float, error: TikTokAPIError) -> None:
        """Let no task of the app call for a while."""
        refusal = self._budget.refused(started, error.message)
        if not refusal.is_news:
            return
        if refusal.limit == DAY:
            raise self._refused_for(refusal.limit, refusal.seconds, "", error)
        why = " TikTok suspends an app for five minutes when it made too many calls in one." * (
            refusal.limit == MINUTE
        )
        log.warning("%s%s Waiting %.0f s.", error, why, refusal.seconds)

    def _refused_for(
        self, limit: str, seconds: float, subject: str, error: TikTokAPIError | None = None
    ) -> TikTokRateLimitError:
        """Say for how long TikTok takes no calls."""
        again = clock.now() + timedelta(seconds=seconds)
        what = {
            DAY: "the app's calls of the day are used up, which TikTok counts from 00:00 to 24:00 UTC",
            MINUTE: "the app made too many calls in a minute, and is suspended for five",
        }.get(limit, "the app made too many calls")
        return TikTokRateLimitError(
            f"TikTok takes no calls now{_of(subject)}: {what}. It takes calls again at {again:%Y-%m-%d %H:%M:%S} UTC, in "
            f"{timedelta(seconds=round(seconds))}. {SLOWER}" + (f" [{_reference(error)}]" if error else ""),
            code=(error.code if error else None) or _TOO_MANY,
            message=error.message if error else "",
            request_id=error.request_id if error else "",
            retry_after=seconds,
        )

    def _wait_for_account(self, account: str, cancel: threading.Event | None) -> None:
        with self._lock:
            seconds = self._paused_accounts.get(account, 0.0) - clock.monotonic()
        if seconds > 0:
            self._wait(seconds, cancel)

    def _pause_account(self, account: str, refusals: int, waited: float, error: TikTokAPIError) -> float:
        """Make no calls about an account for a while; give the seconds."""
        pause = self._retry.pause(refusals)
        if waited + pause > self._retry.throttle_patience:
            raise error
        log.warning("%s Waiting %.0f s with calls about this account.", error, pause)
        with self._lock:
            until = max(self._paused_accounts.get(account, 0.0), clock.monotonic() + pause)
            self._paused_accounts[account] = until
        return pause

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + number)

    def _attempt(self, request: _Request, subject: str) -> Answer | _Failure:
        self._count(api_calls=1)
        started = time.monotonic()
        problem: Problem | None = None
        status = 0
        body: bytes | dict[str, Any] = b""
        headers: Mapping[str, str] = {}
        # errors are raised outside `except`, for requests' own texts hold the URL with the app secret
        try:
            status, headers, body = self._send(request)
        except CAUGHT as error:
            problem = problem_of(error, self._root, self.credentials.timeout)
            if problem is None:
                raise
        if problem is not None:
            return self._transport_failure(problem, subject)
        log.debug(
            "%s %s (%s): HTTP %d, %d bytes, %.3f s",
            request.method,
            request.path,
            subject,
            status,
            len(body),
            time.monotonic() - started,
        )
        if isinstance(body, dict):
            return Answer(body, "", "")
        return self._read(request, status, headers, body, subject)

    def _send(self, request: _Request) -> tuple[int, Mapping[str, str], bytes | dict[str, Any]]:
        """Make the HTTP call and read its body, within the time-out and a bound of bytes.

        :return: status, headers and body; for a body that went into the call's file, what is known of it.
        """
        call = Call(self.credentials.timeout, self.stop, grace=_GRACE if request.is_create else 0.0)
        return self._watchdog.run(call, lambda: self._exchange(request))

    def _exchange(self, request: _Request) -> tuple[int, Mapping[str, str], bytes | dict[str, Any]]:
        started = time.monotonic()
        with self._session.request(
            request.method,
            self._root + request.path,
            params=request.query if request.body is None else None,
            json=request.body,
            headers=_FILE_HEADERS if request.into is not None else None,
            timeout=self.credentials.timeout,
            stream=True,
            allow_redirects=False,
        ) as response:
            redact_headers(response, self._redactor)
            if request.into is not None and response.status_code == requests.codes.ok:
                saved = save_body(response, request.into)
                body = self._redactor.body(_take_back(request.into))
                return response.status_code, response.headers, body or saved
            body = read_body(response, _MAX_BODY)
            let_it_last()  # it is all here
            body = self._redactor.body(body)
            self.last_exchange = Exchange(time.monotonic() - started, response.headers.get("Date", ""))
            return response.status_code, response.headers, body

    def _read(
        self, request: _Request, status: int, headers: Mapping[str, str], body: bytes, subject: str
    ) -> Answer | _Failure:
        """Tell from status and body what the call brought."""
        envelope = _envelope(body)
        if envelope is not None and envelope["code"] != 0:
            return self._code_failure(envelope, subject)
        if status == requests.codes.ok and envelope is not None:
            data = envelope.get("data")
            if data is None and not request.needs_data:
                data = {}
            if isinstance(data, dict):
                return Answer(
                    data, plain(envelope.get("request_id", ""), 80), plain(headers.get(THROTTLE_HEADER, ""))
                )
            return self._no_data(envelope, subject)
        if status == requests.codes.too_many_requests:
            return _Failure(
                Action.THROTTLE, TikTokRateLimitError(f"HTTP 429, too many requests{_of(subject)}.")
            )
        problem = status_problem(status, self._root)
        timed_out = status in {requests.codes.gateway_timeout, requests.codes.request_timeout}
        return self._transport_failure(
            replace(problem, timed_out=timed_out, unsent=problem.permanent), subject
        )

    def _no_data(self, envelope: dict[str, Any], subject: str) -> _Failure:
        """Return the failure of a call that TikTok accepted without the data that it was made for."""
        message = plain(self.redact(str(envelope.get("message", ""))), _MAX_MESSAGE)
        request_id = plain(self.redact(str(envelope.get("request_id", ""))), 80)
        reference = f"Its message: {message!r} [code 0, request_id {request_id}]"
        if "data" not in envelope or envelope["data"] is not None:
            what = "isn't an object" if "data" in envelope else "is missing"
            problem = Problem(f"TikTok accepted the call, but `data` {what} in its answer. {reference}")
            return self._transport_failure(problem, subject)
        error = TikTokTransportError(
            f"TikTok accepted the call{_of(subject)} and sent no data (`data` is null). Run the task again; if it stays, "
            f"ask TikTok's support. {reference}",
            code=0,
            message=message,
            request_id=request_id,
        )
        # null is TikTok's word for nothing, which asking again at once doesn't change
        return _Failure(Action.PERMANENT, error, may_be_done=True)

    def _code_failure(self, envelope: dict[str, Any], subject: str) -> _Failure:
        code = envelope["code"]
        message = plain(without_signatures(self.redact(str(envelope.get("message", "")))), _MAX_MESSAGE)
        request_id = plain(self.redact(str(envelope.get("request_id", ""))), 80)
        meaning = look_up(code, message)
        text = (
            f"TikTok refused the call{_of(subject)}: {meaning.meaning}. Its message: {message!r}. "
            f"{meaning.advice} [code {code}, request_id {request_id}]"
        )
        retryable = meaning.action not in {Action.PERMANENT, Action.REAUTHORISE}
        timed_out = meaning.action is Action.TIMEOUT
        error = meaning.error(
            text, code=code, message=message, request_id=request_id, retryable=retryable, timed_out=timed_out
        )
        # TikTok says with a code that it did nothing, unless it is that it can't tell yet
        return _Failure(meaning.action, error, may_be_done=timed_out)

    def _transport_failure(self, problem: Problem, subject: str) -> _Failure:
        host = self.credentials.base_url
        advice = problem.advice or (
            "Check the API host and version in the Airflow connection."
            if problem.permanent
            else "Check that the worker reaches the host; if it does, the failure is TikTok's and passes."
        )
        text = self.redact(f"No usable answer from {host}{_of(subject)}: {problem.text}. {advice}")
        error = TikTokTransportError(text, retryable=not problem.permanent, timed_out=problem.timed_out)
        action = (
            Action.PERMANENT if problem.permanent else Action.TIMEOUT if problem.timed_out else Action.RETRY
        )
        return _Failure(action, error, may_be_done=not problem.unsent)


class _Session(requests.Session):
    """Goes nowhere but where it is sent."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """See no redirect: the token must not follow one, and its address need not even be well formed."""


def new_session(url: str, headers: Mapping[str, str], connections: int) -> requests.Session:
    """Open a session that follows no redirect, reads no ``~/.netrc`` and sends these headers only.

    :param url: where its calls go, which decides the proxy.
    """
    session = _Session()
    session.headers.update({"User-Agent": f"airflow-provider-tiktok/{__version__}", **headers})
    # read once: requests would go through the whole environment at every call, and look for a login in ~/.netrc
    session.trust_env = False
    session.proxies.update(get_environ_proxies(url))
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if bundle:
        session.verify = bundle
    adapter = WatchedAdapter(pool_connections=1, pool_maxsize=connections + 1, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def redact_headers(response: requests.Response, redactor: Redactor) -> None:
    """Blank secrets out of an answer's headers, of which some get into messages and decide how its body is read."""
    for name, value in response.headers.items():
        if (redacted := redactor.text(value)) != value:
            response.headers[name] = redacted


def _take_back(file: IO[bytes]) -> bytes:
    """Give what was saved, if it is TikTok's envelope or a page of HTML and not a report; whatever it calls itself."""
    file.seek(0)
    if file.read(1) not in {b"{", b"<"}:
        return b""
    file.seek(0)
    return file.read(_MAX_BODY)


def save_body(response: requests.Response, into: IO[bytes], max_bytes: int = _MAX_FILE) -> dict[str, Any]:
    """Write an answer's body into a file, from its beginning, in bounded memory.

    :return: its ``bytes``, and ``is_whole``: whether the answer said where it ends, so that nothing is missing.
    :raises requests.exceptions.RequestException: the connection broke before the end.
    """
    let_it_last()  # a large file takes longer than a call may
    into.seek(0)
    into.truncate()
    size = 0
    started = time.monotonic()
    for chunk in pieces(response):
        size += len(chunk)
        if size > max_bytes:
            raise TooLargeError(f"{max_bytes >> 30} GiB")
        seconds = time.monotonic() - started
        if seconds > _SLOW_AFTER and size < seconds * _SLOWEST:
            raise requests.exceptions.ReadTimeout
        into.write(chunk)
    into.flush()
    length = response.headers.get("Content-Length")
    unpacked = response.headers.get("Content-Encoding", "identity").lower() == "identity"
    if length is not None and unpacked and length.strip() != str(size):
        raise requests.exceptions.ChunkedEncodingError("short")
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    return {"bytes": size, "is_whole": length is not None or chunked}


def _read_json(body: bytes) -> Any:
    """Read JSON with texts that are well formed; numbers with a point stay text, so that no digit is lost on the way.

    :raises ValueError: it is no JSON.
    """
    if _decode is not None:
        try:
            value = _decode(body)
        except (ValueError, RecursionError):  # half characters and NaN, which Python's own reader takes
            pass
        else:
            return well_formed_json(value) if b"\\" in body and b"\\u0000" in body else value
    return well_formed_json(json.loads(body, parse_float=str, parse_constant=str))


def _envelope(body: bytes) -> dict[str, Any] | None:
    """Read TikTok's envelope; ``None`` when the body isn't one."""
    try:
        envelope = _read_json(body)
        if not isinstance(envelope, dict):
            return None
        code = envelope["code"]
        if isinstance(code, bool) or not _CODE.fullmatch(
            str(code)
        ):  # int() would take false for 0, which is success
            return None
        envelope["code"] = int(code)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return envelope


def _reference(error: TikTokAPIError) -> str:
    return f"code {error.code}, request_id {error.request_id}"


def _of(subject: str) -> str:
    return f" ({subject})" if subject else ""
