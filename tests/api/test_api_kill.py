"""A stop ends a call at once, wherever the server is silent: it waits for nothing that may never come."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from urllib3 import PoolManager

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.endpoints.downloads import fetch_file
from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob, download_task
from airflow_provider_tiktok.api.retry import RetryPolicy
from airflow_provider_tiktok.api.transport import watchdog
from airflow_provider_tiktok.exceptions import TikTokStoppedError

LONG_WAITS = RetryPolicy(initial_backoff=60, max_throttle_wait=600)
LONG = 30.0  # seconds; a test that waits for a timeout is one that fails
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

SILENT_AFTER = {
    "nothing": b"",
    "half a status": b"HTTP/1.1 20",
    "half a head": HEAD,
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "the head": HEAD + b"Content-Length: 100\r\n\r\n",
    "half a body": HEAD + b"Content-Length: 100\r\n\r\n" + b'{"code":0,',
    "a body without length": HEAD + b'\r\n{"code":0,"data":{}}',
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\n{",
    "all chunks but the last": HEAD + b'Transfer-Encoding: chunked\r\n\r\n14\r\n{"code":0,"data":{}}\r\n',
    "half of what is packed": HEAD + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b",
}


class SilentServer:
    """Sends given bytes, and then nothing. ``asked`` is set when a request has arrived."""

    def __init__(self, sends: bytes) -> None:
        self.asked = threading.Event()
        self._sends = sends
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.address}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                connection.recv(65_536)
                connection.sendall(self._sends)
            except OSError:
                return
            self.asked.set()

    def close(self) -> None:
        for one in (self._listener, *self._open):
            one.close()


@pytest.fixture
def silent() -> Iterator[Callable[[bytes], SilentServer]]:
    servers: list[SilentServer] = []

    def start(sends: bytes) -> SilentServer:
        servers.append(SilentServer(sends))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def new_client() -> Iterator[Callable[[str], TikTokClient]]:
    clients: list[TikTokClient] = []

    def make(url: str) -> TikTokClient:
        credentials = TikTokCredentials("token-1234", url, qps=1e4, timeout=LONG, shared_budget=False)
        clients.append(TikTokClient(credentials, retry=LONG_WAITS))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def stopped_while(within) -> Callable[[Callable[[], object], threading.Event, threading.Event], None]:
    """Return a function that does work, stops it once it has started, and checks that it ends soon."""

    def see(work: Callable[[], object], stop: threading.Event, begun: threading.Event) -> None:
        threading.Thread(target=lambda: begun.wait(10) and stop.set(), daemon=True).start()
        with within(LONG / 3), pytest.raises(TikTokStoppedError):
            work()

    return see


@pytest.mark.sampled(12)
@pytest.mark.parametrize("sends", SILENT_AFTER.values(), ids=SILENT_AFTER)
@pytest.mark.parametrize("method", ["get", "post", "file"])
def test_a_stop_ends_a_call_whose_answer_stalls(silent, new_client, sends, method, stopped_while):
    server = silent(sends)
    client = new_client(server.url)
    work = {
        "get": lambda: client.get("report/integrated/get/", {}),
        "post": lambda: client.post("report/task/cancel/", {"advertiser_id": "7"}),
        "file": lambda: client.get("report/task/download/", {}, into=io.BytesIO()),
    }[method]
    stopped_while(work, client.stop, server.asked)
    assert client.counts.api_calls == 1


@pytest.mark.parametrize("sends", SILENT_AFTER.values(), ids=SILENT_AFTER)
def test_a_stop_ends_the_transfer_of_a_file(silent, sends, stopped_while):
    server = silent(sends)
    stop = threading.Event()

    def fetch() -> object:
        url = f"{server.url}/file?sign=1"
        return fetch_file(url, io.BytesIO(), api_url=server.url, timeout=LONG, stop=stop, subject="a file")

    stopped_while(fetch, stop, server.asked)


def test_a_stop_ends_a_download_whose_host_is_silent(silent, new_client, stopped_while):
    files = silent(b"")
    body = f'{{"code":0,"data":{{"download_url":"{files.url}/x?sign=1"}}}}'.encode()
    api = silent(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    client = new_client(api.url)
    task = ReportJob("1", "7")

    def download() -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("airflow_provider_tiktok.api.endpoints.downloads.check_address", lambda *_: None)
            return download_task(client, task, io.BytesIO())

    stopped_while(download, client.stop, files.asked)


@pytest.mark.parametrize("sends", [b"", HEAD + b"Content-Length: 100\r\n\r\n"], ids=["nothing", "the head"])
def test_a_stop_ends_a_call_through_a_socks_proxy(silent, new_client, monkeypatch, sends, stopped_while):
    class Socks(PoolManager):
        """Replaces PySocks, which has its own type of connections; it connects directly."""

        def __init__(self, *_: object, username: str, password: str, **kwargs: object) -> None:
            super().__init__(**kwargs)

    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", Socks)
    monkeypatch.setenv("HTTP_PROXY", "socks5://proxy.example:1080")
    server = silent(sends)
    client = new_client(server.url)
    stopped_while(lambda: client.get("user/info/", {}), client.stop, server.asked)


def test_a_stop_ends_a_tls_handshake(silent, new_client, stopped_while):
    server = silent(b"")
    client = new_client(f"https://{server.address}")
    stopped_while(lambda: client.get("user/info/", {}), client.stop, server.asked)


@pytest.mark.parametrize("where", ["socket.getaddrinfo", "socket.socket.connect"])
@pytest.mark.parametrize("is_create", [False, True])
def test_a_stop_ends_what_cannot_be_interrupted(new_client, monkeypatch, where, is_create, stopped_while):
    begun, end = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        begun.set()
        end.wait(LONG)
        raise OSError("too late")

    monkeypatch.setattr(where, hang)
    client = new_client("http://127.0.0.1:9")
    stopped_while(lambda: client.post("report/task/create/", {}, is_create=is_create), client.stop, begun)
    end.set()


def test_a_creation_has_a_short_time_to_be_answered(silent, new_client, monkeypatch, stopped_while):
    """A created task must be cancelled; but a silent server doesn't delay the kill."""
    monkeypatch.setattr("airflow_provider_tiktok.api.transport.session._GRACE", 0.3)
    server = silent(b"")
    client = new_client(server.url)
    stopped_while(lambda: client.post("report/task/create/", {}, is_create=True), client.stop, server.asked)


def test_an_answer_that_ends_with_its_connection_is_none_when_the_call_was_ended(silent):
    """After a socket is shut down, the stream ends, which looks like the end of such an answer."""
    server = silent(HEAD + b'\r\n{"code":0,"data":{}}')
    credentials = TikTokCredentials("token-1234", server.url, qps=1e4, timeout=0.3, shared_budget=False)
    client = TikTokClient(credentials, retry=RetryPolicy(attempts=1, timeouts=1))
    with pytest.raises(Exception, match=r"no answer within 0\.3 s"):
        client.get("user/info/", {})
    client.close()


def test_the_thread_that_looks_after_calls_ends_with_them(silent, new_client):
    body = b'{"code":0,"data":{}}'
    server = silent(HEAD + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    client = new_client(server.url)
    client.get("user/info/", {})
    assert client._transport.watchdog._is_awake
    end = time.monotonic() + 10
    while client._transport.watchdog._is_awake:
        assert time.monotonic() < end
        time.sleep(watchdog._TICK / 4)
    client.get("user/info/", {})
    assert client._transport.watchdog._is_awake
