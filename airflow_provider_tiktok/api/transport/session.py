"""HTTP sessions, and calls that end within their time limit and a bound of bytes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

import requests
from requests.utils import get_environ_proxies

from airflow_provider_tiktok import __version__
from airflow_provider_tiktok.api.calls import ApiCall
from airflow_provider_tiktok.api.transport.body import ENCODINGS, read_body, save_body
from airflow_provider_tiktok.api.transport.problems import Problem, problem_of_call
from airflow_provider_tiktok.api.transport.redaction import Redactor
from airflow_provider_tiktok.api.transport.watchdog import Call, Watchdog, WatchedAdapter, let_it_last

_MAX_BODY = 64 * 2**20  # bytes; a page of 1,000 rows with 100 metrics takes about 4 MiB
_FILE_HEADERS = {"Accept": "text/csv, application/json, */*", "Accept-Encoding": "identity"}

_GRACE = 3.0
"""Seconds that the creation of a report task may go on when the task is stopped: what was created is to be cancelled.
Airflow kills a process five seconds after it has asked it to stop."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back from one HTTP call.

    :param body: empty where it was saved.
    :param saved: what is known of a body that went into the call's file; ``None`` for any other.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    saved: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """How one HTTP call went, for those who examine a connection.

    :param seconds: from the request to the end of the answer.
    :param date: the answer's header ``Date``; empty where there was none.
    """

    seconds: float
    date: str


class Transport:
    """Makes the HTTP calls of one client.

    :param host: base URL, which decides the proxy.
    :param root: URL below which the endpoints are.
    :param headers: sent with each call.
    :param timeout: seconds that a call may take.
    :param stop: set by another thread, it ends calls that are in flight.
    :param redactor: takes the client's secrets out of all that comes in.
    :param connections: how many calls may be in flight.
    """

    def __init__(
        self,
        host: str,
        root: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        stop: threading.Event,
        redactor: Redactor,
        connections: int,
    ) -> None:
        self.last_exchange: Exchange | None = None
        self.session = new_session(
            host, {**headers, "Accept": "application/json", "Accept-Encoding": ENCODINGS}, connections
        )
        self.watchdog = Watchdog()
        self._root = root
        self._timeout = timeout
        self._stop = stop
        self._redactor = redactor

    def send(self, call: ApiCall, on_send: Callable[[], None]) -> HttpResponse | Problem:
        """Make an HTTP call and read its body.

        :param on_send: called when the connection is there and the request is about to leave.
        :raises TikTokStoppedError: the task was stopped.
        """
        watched = Call(self._timeout, self._stop, _GRACE if call.is_create else 0.0, on_send)
        return problem_of_call(
            lambda: self.watchdog.run(watched, lambda: self._exchange(call)), self._root, self._timeout
        )

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def _exchange(self, call: ApiCall) -> HttpResponse:
        started = time.monotonic()
        with self.session.request(
            call.method,
            self._root + call.path,
            params=call.query if call.body is None else None,
            json=call.body,
            headers=_FILE_HEADERS if call.into is not None else None,
            timeout=self._timeout,
            stream=True,
            allow_redirects=False,
        ) as response:
            self._redact_headers(response)
            status, headers = response.status_code, response.headers
            if call.into is not None and status == requests.codes.ok:
                saved = save_body(response, call.into)
                body = self._redactor.body(_envelope_or_html(call.into))
                return HttpResponse(status, headers, body, None if body else saved)
            body = read_body(response, _MAX_BODY)
            let_it_last()  # it is all here
            body = self._redactor.body(body)
            self.last_exchange = Exchange(time.monotonic() - started, headers.get("Date", ""))
            return HttpResponse(status, headers, body)

    def _redact_headers(self, response: requests.Response) -> None:
        """Redact an answer's headers, of which some get into messages and decide how its body is read."""
        for name, value in response.headers.items():
            if (redacted := self._redactor.text(value)) != value:
                response.headers[name] = redacted


class _Session(requests.Session):
    """Follows no redirect."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """See no redirect: the token must not follow one, and its address need not even be well formed."""


def new_session(url: str, headers: Mapping[str, str], connections: int) -> requests.Session:
    """Open a session that follows no redirect, reads no ``~/.netrc`` and sends these headers only.

    :param url: where its calls go, which decides the proxy.
    """
    session = _Session()
    session.headers.update({"User-Agent": f"airflow-provider-tiktok/{__version__}", **headers})
    # read once: requests would go through the entire environment at every call, and look for a login in ~/.netrc
    session.trust_env = False
    session.proxies.update(get_environ_proxies(url))
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if bundle:
        session.verify = bundle
    adapter = WatchedAdapter(pool_connections=1, pool_maxsize=connections + 1, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _envelope_or_html(file: IO[bytes]) -> bytes:
    """Return what was saved, if it is TikTok's envelope or a page of HTML and no report; whatever it calls itself."""
    file.seek(0)
    if file.read(1) not in {b"{", b"<"}:
        return b""
    file.seek(0)
    return file.read(_MAX_BODY)
