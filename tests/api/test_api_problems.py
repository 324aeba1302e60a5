"""TLS and proxies: problems of the worker's environment are reported at once, with the variable to correct."""

from __future__ import annotations

import io
import os
import random
import re
import ssl
import string
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from airflow_provider_tiktok.api.diagnosis.check import check_connection
from airflow_provider_tiktok.api.diagnosis.examination import examine
from airflow_provider_tiktok.api.endpoints.downloads import fetch_file
from airflow_provider_tiktok.exceptions import TikTokTransportError
from tests.tls import self_signed

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
ENVELOPE = b'{"code": 0, "message": "OK", "request_id": "R1", "data": {}}'


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in VARIABLES:
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> str:
    return self_signed(tmp_path_factory.mktemp("tls"))


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.hits += 1
        self.send_response(getattr(self.server, "status", 200))
        self.send_header("Content-Length", str(len(ENVELOPE)))
        self.end_headers()
        self.wfile.write(ENVELOPE)

    do_CONNECT = do_GET  # noqa: N815

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    hits = 0

    def handle_error(self, *args: object) -> None:
        """Log nothing: handshakes fail here on purpose."""


@pytest.fixture
def serve() -> Iterator:
    """Return a function that starts a server on loopback; with a certificate it uses TLS."""
    servers = []

    def start(certificate: str = "", status: int = 200) -> _Server:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.status = status
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        server.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def messages_of(make_client, url: str) -> list[str]:
    """Return the messages of every type of call for the same problem, and check that each failed at once."""
    messages = []
    client = make_client(base_url=url)
    with pytest.raises(TikTokTransportError) as caught:
        client.get("user/info/", {})
    assert (caught.value.retryable, client.counts.api_calls) == (False, 1)
    messages.append(str(caught.value))
    with pytest.raises(TikTokTransportError) as caught:
        fetch_file(
            f"{url}/x?sign=5ecret",
            io.BytesIO(),
            api_url=url,
            timeout=60,
            stop=threading.Event(),
            subject="file",
        )
    assert not caught.value.retryable
    messages.append(str(caught.value))
    works, sentence = check_connection(make_client(base_url=url))
    assert not works
    assert sentence.startswith("Network: ")
    messages.append(sentence)
    network = [finding for finding in examine(make_client(base_url=url), "c") if finding.part == "network"]
    assert [finding.state for finding in network] == ["BAD"]
    messages.append(network[0].text)
    assert not any("5ecret" in text for text in messages)
    return messages


# CA bundles


def _bundle(kind: str, folder) -> str:
    path = folder / f"{kind}.pem"
    contents = {
        "empty": b"",
        "garbage": b"no certificate at all\n",
        "damaged": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "cut": b"-----BEGIN CERTIFICATE-----\nMIIB",
        "binary": bytes(range(256)),
    }
    if kind in contents:
        path.write_bytes(contents[kind])
    return str(path)


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    ("kind", "fault"),
    [("missing", "doesn't exist")]
    + [
        (kind, "holds no certificate in PEM form, or a damaged one")
        for kind in ("empty", "garbage", "damaged", "cut", "binary")
    ],
)
def test_a_bundle_that_cannot_be_used_is_named(
    make_client, serve, certificate, monkeypatch, tmp_path, variable, kind, fault
):
    path = _bundle(kind, tmp_path)
    monkeypatch.setenv(variable, path)
    for text in messages_of(make_client, f"https://127.0.0.1:{serve(certificate).port}"):
        assert (
            f"the CA bundle of {variable} ({path!r}) {fault}. Set {variable} to a PEM file with the cert"
            in text
        )


def test_the_bundle_that_counts_is_named(make_client, serve, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")
    monkeypatch.setenv("CURL_CA_BUNDLE", certificate)
    for text in messages_of(make_client, f"https://127.0.0.1:{serve(certificate).port}"):
        assert "REQUESTS_CA_BUNDLE ('/no/such.pem') doesn't exist" in text


def test_a_certificate_that_no_bundle_knows(make_client, serve, certificate):
    for text in messages_of(make_client, f"https://127.0.0.1:{serve(certificate).port}"):
        assert (
            "the TLS certificate of the host could not be verified: self-signed certificate. Where your"
            in text
        )
        assert "set REQUESTS_CA_BUNDLE to a PEM file" in text


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_certificate_that_the_bundle_does_not_know(make_client, serve, certificate, monkeypatch, variable):
    import certifi

    monkeypatch.setenv(variable, certifi.where())
    for text in messages_of(make_client, f"https://127.0.0.1:{serve(certificate).port}"):
        assert (
            f"could not be verified with the CA bundle of {variable} ({certifi.where()!r}): self-signed"
            in text
        )
        assert f"to that bundle, or correct {variable}." in text


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_folder_without_certificates_verifies_nothing(
    make_client, serve, certificate, monkeypatch, tmp_path, variable
):
    monkeypatch.setenv(variable, str(tmp_path))
    for text in messages_of(make_client, f"https://127.0.0.1:{serve(certificate).port}"):
        assert f"could not be verified with the CA bundle of {variable} ({str(tmp_path)!r})" in text


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (
            {"until": timedelta(days=-1)},
            r"certificate has expired\. Check the worker's clock; where it is right, the ",
        ),
        (
            {"host": "127.0.0.2"},
            r"not valid for '127\.0\.0\.1'\. The certificate is another host's: check the name of ",
        ),
    ],
)
def test_no_bundle_is_blamed_for_a_certificate_that_none_makes_good(
    make_client, serve, monkeypatch, tmp_path, made, says
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", path := self_signed(tmp_path, **made))
    for text in messages_of(make_client, f"https://127.0.0.1:{serve(path).port}"):
        assert re.search(says, text)
        assert "Add the certificate" not in text


def test_a_good_bundle_is_good(make_client, serve, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    url = f"https://127.0.0.1:{serve(certificate).port}"
    assert make_client(base_url=url).get("user/info/", {}).request_id == "R1"


def test_a_bundle_does_not_matter_without_tls(make_client, serve, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")
    assert make_client(base_url=f"http://127.0.0.1:{serve().port}").get("user/info/", {}).request_id == "R1"


# proxies

_PASSWORDS = ("hunter2", "hun/ter2", "hun#ter2", "hun?ter2", "hun@ter2", "hun:ter2", "hun%2Fter2")
_QUOTED = ("hunter2", "hun%2Fter2")
_BAD_PROXIES = {
    "socks5://{login}127.0.0.1:9": ("socks5://127.0.0.1:9", "Install PySocks"),
    "socks5h://{login}127.0.0.1:9": ("socks5h://127.0.0.1:9", "Install PySocks"),
    "socks4://{login}proxy.example": ("socks4://proxy.example", "Install PySocks"),
    "socks9://{login}127.0.0.1:9": ("socks9://127.0.0.1:9", "name an HTTP proxy in {variable}"),
    "SOCKS5://{login}127.0.0.1:9": ("SOCKS5://127.0.0.1:9", "{variable}"),
    "ftp://{login}127.0.0.1:9": ("ftp://127.0.0.1:9", "Correct {variable}"),
    "http://{login}": ("http://", "Correct {variable}"),
    "http://{login}:8080": ("http://:8080", "Correct {variable}"),
    "http://{login}127.0.0.1:abc": ("http://127.0.0.1", "Correct {variable}"),
    "http://{login}127.0.0.1:99999": ("http://127.0.0.1:99999", "Correct {variable}"),
    "http://{login}[::1": ("http://[", "Correct {variable}"),
    "http://{login}exa mple:9": ("http://exa", "Correct {variable}"),
}


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("variable", ["{}_PROXY", "{}_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("proxy", _BAD_PROXIES)
def test_a_proxy_that_cannot_work_is_named_without_its_login(
    make_client, monkeypatch, scheme, variable, proxy
):
    name = variable.format(scheme.upper() if variable.isupper() else scheme)
    shown, advice = _BAD_PROXIES[proxy]
    # a wrong login takes precedence over a wrong scheme
    passwords = _QUOTED if "socks" in proxy.lower() else _PASSWORDS
    password = random.Random(proxy + name).choice(passwords)
    monkeypatch.setenv(name, proxy.format(login=random.Random(name).choice(["", f"us3r:{password}@"])))
    for text in messages_of(make_client, f"{scheme}://business-api.example"):
        assert f"the proxy of {name} ('{shown}" in text
        assert advice.format(variable=name) in text
        assert "hun" not in text
        assert "us3r" not in text
        assert "API host" not in text


@pytest.mark.parametrize("seed", range(40))
def test_no_part_of_a_login_is_ever_shown(make_client, monkeypatch, seed):
    chance = random.Random(seed)
    letters = string.ascii_letters + string.digits + "/?#@:%&=+[]\\ \t'\"{}"
    password = "pw5ecret" + "".join(chance.choices(letters, k=12)) + "pw5ecret"
    scheme = chance.choice(["http", "https", "socks5", "socks9", "ftp", "htp", ""])
    proxy = (
        f"{scheme}{'://' if scheme else ''}us3r:{password}@127.0.0.1:{chance.choice(['9', 'x', '', '99999'])}"
    )
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    client = make_client(base_url="https://business-api.example")
    with pytest.raises(TikTokTransportError, match="HTTPS_PROXY") as caught:
        client.get("user/info/", {})
    assert "pw5ecret" not in str(caught.value)
    assert "us3r" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("status", "says", "advice"),
    [
        (407, "wants a login", "Put its user name and password into HTTPS_PROXY"),
        (403, "refuses the connection with HTTP 403", "name the host in NO_PROXY"),
        (405, "refuses the connection with HTTP 405", "name the host in NO_PROXY"),
    ],
)
def test_a_proxy_that_refuses_is_named(make_client, serve, monkeypatch, status, says, advice):
    proxy = serve(status=status)
    monkeypatch.setenv("HTTPS_PROXY", f"http://us3r:hunter2@127.0.0.1:{proxy.port}")
    for text in messages_of(make_client, "https://business-api.example"):
        assert f"the proxy of HTTPS_PROXY ('http://127.0.0.1:{proxy.port}') {says}" in text
        assert advice in text
        assert "hunter2" not in text


@pytest.mark.parametrize(
    ("status", "says"),
    [(407, r"the proxy of HTTP_PROXY \('http://127.0.0.1:\d+'\) wants a login"), (404, "HTTP 404")],
)
def test_a_proxy_before_a_host_without_tls_wants_a_login(make_client, serve, monkeypatch, status, says):
    proxy = serve(status=status)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    client = make_client(base_url="http://business-api.example")
    proxy.RequestHandlerClass = type("_Html", (_Handler,), {"do_GET": lambda self: self.send_error(status)})
    with pytest.raises(TikTokTransportError, match=says):
        client.get("user/info/", {})
    assert client.counts.api_calls == 1


def test_a_proxy_that_does_not_speak_tls_is_named(make_client, serve, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{serve().port}")
    for text in messages_of(make_client, "https://business-api.example"):
        assert "doesn't speak TLS. Write http:// instead of https:// into HTTPS_PROXY" in text


def test_a_proxy_whose_certificate_is_unknown_is_named(make_client, serve, certificate, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{serve(certificate).port}")
    for text in messages_of(make_client, "https://business-api.example"):
        assert "the TLS certificate of the proxy of HTTPS_PROXY ('https://127.0.0.1:" in text
        assert "could not be verified: self-signed certificate" in text


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_a_proxys_own_fault_may_pass(make_client, serve, monkeypatch, status):
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{serve(status=status).port}")
    client = make_client(base_url="https://business-api.example")
    with pytest.raises(TikTokTransportError, match=rf"proxy of HTTPS_PROXY .*\(HTTP {status}\)") as caught:
        client.get("user/info/", {})
    assert caught.value.retryable
    assert client.counts.api_calls == 5


def test_a_proxy_out_of_reach_may_come_back(make_client, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://us3r:hunter2@127.0.0.1:9")
    client = make_client(base_url="https://business-api.example")
    with pytest.raises(
        TikTokTransportError, match=r"HTTPS_PROXY \('http://127.0.0.1:9'\) could not be"
    ) as caught:
        client.get("user/info/", {})
    assert caught.value.retryable
    assert client.counts.api_calls == 5


def test_a_proxy_is_no_proxy_for_hosts_that_need_none(make_client, serve, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert make_client(base_url=f"http://127.0.0.1:{serve().port}").get("user/info/", {}).request_id == "R1"


def test_a_full_disk_is_no_problem_of_the_networks(make_client, server):
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        make_client().get("report/task/download/", {}, into=Full())
