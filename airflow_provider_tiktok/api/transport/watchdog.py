"""HTTP calls that end in time: when their time is up, and when the task is stopped.

The timeout of :mod:`requests` is for each piece that arrives: a server that sends one byte a minute keeps a call for
ever, and one that sends nothing keeps a killed task for as long as the timeout. A thread looks after the calls under
way, and shuts down the socket of one that has to end, which ends whatever reads from it. Looking up the host's name,
connecting and the TLS handshake can't be ended from outside: a thread of their own makes them, and is left behind.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from airflow_provider_tiktok.api.stopping import stop_error
from airflow_provider_tiktok.api.transport.certificates import set_up_once

if TYPE_CHECKING:
    _Base = HTTPConnection
else:
    _Base = object

_Result = TypeVar("_Result")
_Error = TypeVar("_Error", bound=BaseException)

_TICK = 0.1  # seconds between two looks at the calls under way

_current = threading.local()


class Call:
    """A call under way.

    :param seconds: within which the complete answer has to come once the call is sent.
    :param stop: set when the task is stopped.
    :param grace: seconds that the call may go on after that.
    :param on_send: called when the connection is there and the request is about to leave.
    """

    def __init__(
        self,
        seconds: float,
        stop: threading.Event,
        grace: float = 0.0,
        on_send: Callable[[], None] = lambda: None,
    ) -> None:
        self.is_late = False
        self.is_stopped = False
        self.on_send = on_send
        self._seconds = seconds
        self._stop = stop
        self._grace = grace
        self._stopped_at: float | None = None
        self._deadline: float | None = None
        self._socket: Any = None

    def sent(self, sock: Any) -> None:
        """Note that the request has left through a socket; the answer's time begins."""
        self._socket = sock
        self._deadline = time.monotonic() + self._seconds

    def let_it_last(self) -> None:
        """Bound the rest of the answer no more; each piece still has the timeout."""
        self._deadline = None

    def look(self) -> None:
        """Shut the socket down if the call has to end."""
        now = time.monotonic()
        if self._stop.is_set() and self._stopped_at is None:
            self._stopped_at = now
        if self._stopped_at is not None and now >= self._stopped_at + self._grace:
            self.is_stopped = True
        elif self._deadline is not None and now >= self._deadline:
            self.is_late = True
        else:
            return
        if self._socket is not None:
            with suppress(OSError):
                # that of the system, for an encrypted one takes its encryption off, while another thread reads
                socket.socket.shutdown(getattr(self._socket, "socket", self._socket), socket.SHUT_RDWR)

    def connect(self, connect: Callable[[], None]) -> None:
        """Connect in another thread, which is left behind when the task is stopped."""
        done = threading.Event()
        errors: list[BaseException] = []

        def work() -> None:
            try:
                connect()
            except BaseException as error:
                errors.append(error)
            finally:
                done.set()

        threading.Thread(target=work, name="tiktok-connect", daemon=True).start()
        while not done.wait(_TICK):
            if self._stop.is_set():
                raise stop_error()
        if errors:
            raise errors.pop()

    def problem(self) -> Exception | None:
        """Return the error that says why the call was ended; ``None`` if it wasn't."""
        if self.is_stopped:
            return stop_error()
        return requests.exceptions.ReadTimeout() if self.is_late else None


def bare(error: _Error) -> _Error:
    """Take traceback, cause and context off an error."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def let_it_last() -> None:
    """Let the rest of the answer that this thread reads take as long as it needs, while something comes."""
    call: Call | None = getattr(_current, "call", None)
    if call is not None:
        call.let_it_last()


class Watchdog:
    """Ends calls that have to end. Its thread lives for as long as there are calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: set[Call] = set()
        self._is_awake = False

    def run(self, call: Call, work: Callable[[], _Result]) -> _Result:
        """Make a call, and end it when it has to end.

        The error that comes of it has neither traceback nor cause nor context: the variables of requests' frames, and
        its errors' messages, hold token and URL.

        :raises TikTokStoppedError: the task was stopped.
        :raises requests.exceptions.RequestException: no answer came.
        """
        results: list[_Result] = []
        error: BaseException | None = None
        self._begin(call)
        try:
            results.append(work())
        except BaseException as caught:
            error = caught
        finally:
            self._end(call)
        if error is None or isinstance(error, Exception):
            error = call.problem() or error
        if error is None:
            return results.pop()
        try:
            raise bare(error)
        finally:
            del error

    def _begin(self, call: Call) -> None:
        with self._lock:
            self._calls.add(call)
            if not self._is_awake:
                self._is_awake = True
                threading.Thread(target=self._run, name="tiktok-watchdog", daemon=True).start()
        _current.call = call

    def _end(self, call: Call) -> None:
        _current.call = None
        with self._lock:  # from here on the socket may serve another call
            self._calls.discard(call)

    def _run(self) -> None:
        while True:
            time.sleep(_TICK)
            with self._lock:
                if not self._calls:
                    self._is_awake = False
                    return
                for call in self._calls:
                    call.look()


class _Mixin(_Base):
    def connect(self) -> None:
        """Connect so that a stopped task needn't wait for it."""
        call: Call | None = getattr(_current, "call", None)
        if call is None:
            super().connect()
        else:
            call.connect(super().connect)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send the request, which is under way only once the connection is there."""
        call: Call | None = getattr(_current, "call", None)
        if call is not None:
            if self.sock is None:
                self.connect()
            call.on_send()
        super().request(*args, **kwargs)

    def getresponse(self) -> Any:
        """Wait for the answer, which begins to count now."""
        call: Call | None = getattr(_current, "call", None)
        if call is not None:
            call.sent(self.sock)
        return super().getresponse()


@cache
def _watched(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a kind of pool with such connections in place of its own, which a SOCKS proxy has as well."""
    connection = type("WatchedConnection", (_Mixin, pool.ConnectionCls), {})
    return type("WatchedPool", (pool,), {"ConnectionCls": connection})


def _watch(manager: Any) -> None:
    manager.pool_classes_by_scheme = {
        scheme: _watched(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


class WatchedAdapter(HTTPAdapter):
    """Makes such connections, to the host and through a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Set up a pool's verification of certificates, once."""
        verifying: Any = super().cert_verify
        set_up_once(conn, lambda: verifying(conn, url, verify, cert))

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the pools of connections through a proxy."""
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            _watch(manager)
        return manager
