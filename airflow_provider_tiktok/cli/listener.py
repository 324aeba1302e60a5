"""Wait for TikTok's redirect, on loopback or as an address on standard input, whichever comes first."""

from __future__ import annotations

import http.server
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_tiktok.exceptions import TikTokError

HOST = "127.0.0.1"
PATH = "/callback"

_CONNECTION_TIMEOUT = 5.0  # seconds for a connection, which a browser may open in advance and never use
_MAX_LENGTH = 8_192  # characters of an address
_POLL_INTERVAL = 0.2  # seconds
_PAGE = b"""<!doctype html><meta charset="utf-8"><title>Airflow and TikTok</title>
<p>The answer has arrived. The terminal shows the result; you may close this window.</p>
"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address holds the code
    "Content-Security-Policy": "default-src 'none'",
    "Connection": "close",
}


class Listener:
    """Accepts one redirect on loopback, and no second one. Use it as a context manager.

    :param port: 0 takes a free one.
    :raises TikTokError: the port is taken.
    """

    def __init__(self, port: int) -> None:
        self.redirect: str | None = None
        self._lock = threading.Lock()
        try:
            self._server = _Server((HOST, port), _handler_of(self))
        except OSError as error:
            raise TikTokError(
                f"Port {port} of {HOST} can't be used ({error.strerror}). Choose another with --port (the app in "
                "TikTok's portal must know the redirect URL), or paste the redirect's address with --paste."
            ) from None
        self.redirect_uri = f"http://{HOST}:{self._server.server_port}{PATH}"
        self.hosts = {f"{name}:{self._server.server_port}" for name in (HOST, "localhost")}

    def __enter__(self) -> Listener:
        threading.Thread(target=self._server.serve_forever, args=(_POLL_INTERVAL,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, path: str) -> bool:
        """Store the redirect if it is the first one, and return whether it is."""
        with self._lock:
            first = self.redirect is None
            if first:
                self.redirect = path
            return first


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing about a browser that closed the connection."""


def _handler_of(listener: Listener) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = _CONNECTION_TIMEOUT

        def do_GET(self) -> None:
            """Accept the redirect; a browser requests other paths as well, such as an icon."""
            # refuse other host names: a web page's own name may resolve to loopback
            known = self.headers.get("Host", "") in listener.hosts
            right = known and urlsplit(self.path).path == PATH and len(self.path) <= _MAX_LENGTH
            taken = right and listener.take(self.path)
            self.send_response_only(200 if taken else 404)
            page = _PAGE if taken else b"Not found.\n"
            for name, value in {**_HEADERS, "Content-Length": str(len(page))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *args: Any) -> None:
            """Log nothing: the request line holds the code."""

    return Handler


def await_redirect(listener: Listener | None, seconds: float) -> str:
    """Wait for the redirect.

    :param listener: ``None`` waits for the pasted address only.
    :param seconds: how long.
    :return: the address, or its path and query.
    :raises TikTokError: it didn't come.
    """
    deadline = time.monotonic() + seconds
    reads = True
    with _silent_input():
        while time.monotonic() < deadline:
            if listener is not None and listener.redirect is not None:
                return listener.redirect
            line = _read_line(min(_POLL_INTERVAL, max(0.0, deadline - time.monotonic()))) if reads else None
            if line is None:
                if not reads:
                    time.sleep(_POLL_INTERVAL / 4)
            elif line.strip():
                return line
            elif not line:  # the end of the input: only the listener is left
                reads = False
                if listener is None:
                    raise TikTokError(
                        "The redirect's address wasn't pasted: standard input is at its end. Nothing was done."
                    )
    raise TikTokError(
        f"TikTok's redirect didn't come within {seconds:g} s. Nothing was done. Run the command again; where the browser "
        "runs on another machine, paste the address that it ends at."
    )


def _read_line(seconds: float) -> str | None:
    """Read a line of input if there is one in time; the empty text is the end of the input."""
    try:
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
    except (OSError, ValueError):  # no input, or one that can't be waited for
        return ""
    return sys.stdin.readline() if ready else None


@contextmanager
def _silent_input() -> Iterator[None]:
    """Show nothing of what is pasted into a terminal: it holds the code."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield
        return
    import termios  # not on every system

    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    silent = termios.tcgetattr(file)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(file, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(file, termios.TCSADRAIN, before)
