"""A hostile server: it sends given bytes, for as long as the client reads them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.retry import RetryPolicy

TOKEN = "token-that-nobody-may-see-3b9"
SECRET = "secret/that+nobody may=see&77"


class HostileServer:
    """Answers every call with the same pieces. ``sent`` counts the bytes that a client received."""

    def __init__(self, pieces: Callable[[], Iterable[bytes]]) -> None:
        self.sent = 0
        self.calls = 0
        self._pieces = pieces
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._stop = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._stop.set()
        self._listener.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            try:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65_536)
                self.calls += 1
                for piece in self._pieces():
                    if self._stop.is_set():
                        return
                    connection.sendall(piece)
                    self.sent += len(piece)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)
            except OSError:
                pass


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", "Content-Type: application/json", *lines, "", "")).encode(
        "latin-1"
    )


def complete(body: bytes, *lines: str) -> Callable[[], Iterable[bytes]]:
    return lambda: [head(f"Content-Length: {len(body)}", *lines) + body]


@pytest.fixture
def hostile() -> Iterator[Callable[..., HostileServer]]:
    """Start a server that sends these pieces."""
    servers = []

    def start(pieces: Callable[[], Iterable[bytes]]) -> HostileServer:
        servers.append(HostileServer(pieces))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def client_of() -> Iterator[Callable[..., TikTokClient]]:
    """Return a client that calls such a server, without retries."""
    clients = []

    def make(server: HostileServer, **fields: object) -> TikTokClient:
        known = {
            "access_token": TOKEN,
            "app_secret": SECRET,
            "app_id": "7",
            "base_url": server.url,
            "qps": 10_000.0,
            "timeout": 5.0,
            **fields,
        }
        clients.append(TikTokClient(TikTokCredentials(**known), retry=RetryPolicy(attempts=1, timeouts=1)))  # type: ignore[arg-type]
        return clients[-1]

    yield make
    for client in clients:
        client.close()
