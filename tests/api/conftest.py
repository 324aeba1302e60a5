"""A scripted TikTok on loopback, for broken answers, byte by byte, which the emulator can't send."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.retry import RetryPolicy

TOKEN = "token-5f2c9d41aa"
SECRET = "s3cret/+ with=signs&7e1b"
HASTY = RetryPolicy(initial_backoff=0.01, max_backoff=0.02, max_throttle_wait=0.1)


@dataclass
class Reply:
    """What the server does with one call.

    :param body: bytes, or an object sent as JSON.
    :param fault: ``reset`` breaks the connection, ``truncate`` after half the body, ``drip`` sends a byte
        every 50 ms.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    fault: str = ""


def ok(data: Any = None) -> Reply:
    return Reply({"code": 0, "message": "OK", "request_id": "R1", "data": {} if data is None else data})


def refusal(code: int, message: str = "Some message.", request_id: str = "R9") -> Reply:
    return Reply({"code": code, "message": message, "request_id": request_id, "data": {}})


@dataclass
class Call:
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw_query: str
    body: Any = None
    method: str = "GET"


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: connections break here on purpose."""


class ScriptedServer:
    """Sends the replies of its script one after the other, the last one repeatedly."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.script: list[Reply] | Callable[[Call], Reply] = [ok()]
        self._server = _HttpServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply(self, call: Call) -> Reply:
        self.calls.append(call)
        if callable(self.script):
            return self.script(call)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def _handler(outer) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                self.do_GET(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def do_GET(self, posted: Any = None) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query, True).items()}
                call = Call(parts.path, query, dict(self.headers), parts.query, posted, self.command)
                reply = outer.reply(call)
                time.sleep(reply.delay)
                if reply.fault == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    for each in (self.rfile, self.wfile, self.connection):
                        each.close()
                    self.close_connection = True
                    return
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self._send_body(reply, body)
                except OSError:
                    self.close_connection = True

            def _send_body(self, reply: Reply, body: bytes) -> None:
                if reply.fault == "drip":
                    for index in range(len(body)):
                        self.wfile.write(body[index : index + 1])
                        self.wfile.flush()
                        time.sleep(0.05)
                elif reply.fault == "truncate":
                    self.wfile.write(body[: len(body) // 2])
                    self.close_connection = True
                else:
                    self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def other_server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def make_client(server: ScriptedServer) -> Iterator[Callable[..., TikTokClient]]:
    clients = []

    def make(retry: RetryPolicy = HASTY, stop: threading.Event | None = None, **fields: Any) -> TikTokClient:
        known = {"access_token": TOKEN, "base_url": server.url, "qps": 10_000, "timeout": 5, **fields}
        clients.append(TikTokClient(TikTokCredentials(**known), retry=retry, stop=stop))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., TikTokClient]) -> TikTokClient:
    return make_client()
