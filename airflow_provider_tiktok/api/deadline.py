"""HTTP connections whose whole answer, head and body, comes within the time-out.

The time-out of :mod:`requests` is for each piece that arrives: a server that sends one byte a minute keeps
a call for ever. Here every wait for a piece is as long as what is left of the answer's time.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Callable

    _Base = HTTPConnection
else:
    _Base = object


class _Timed(io.RawIOBase):
    """What arrives at a socket until a moment."""

    def __init__(self, file: io.BufferedReader, sock: socket.socket, seconds: float) -> None:
        self._file = file
        self._raw = file.raw
        self._socket = sock
        self._seconds = seconds
        self._deadline: float | None = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._seconds if self._deadline is None else self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def let_it_last(self) -> None:
        """From now on the time is for each piece."""
        self._deadline = None

    def close(self) -> None:
        if not self.closed:
            with suppress(OSError):  # the next call on this connection has the whole time again
                self._socket.settimeout(self._seconds)
            self._file.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Reads its head and body through :class:`_Timed`."""

    def __init__(self, sock: socket.socket, *args: Any, seconds: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.timed = _Timed(self.fp, sock, seconds)
        self.fp = io.BufferedReader(self.timed)


def let_it_last(response: requests.Response) -> None:
    """Let the rest of an answer take as long as it needs, while something comes within the time-out."""
    original = getattr(response.raw, "_original_response", None)
    if isinstance(original, _Response):
        original.timed.let_it_last()


class _Mixin(_Base):
    response_class: Callable[..., http.client.HTTPResponse]  # type: ignore[assignment]

    def getresponse(self) -> Any:
        """Wait for the answer, which begins to count now."""
        if isinstance(self.timeout, (int, float)):
            self.response_class = partial(_Response, seconds=float(self.timeout))
        return super().getresponse()


class _Connection(_Mixin, HTTPConnection):
    pass


class _SecureConnection(_Mixin, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class TimedAdapter(HTTPAdapter):
    """Makes such connections, to the host and through a proxy."""

    _POOLS = {"http": _Pool, "https": _SecurePool}  # noqa: RUF012 - read only

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pool of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # which has connections of its own
            manager.pool_classes_by_scheme = self._POOLS
        return manager
