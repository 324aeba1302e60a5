"""Token and secret show nowhere: not in dumps of variables, not after an interruption, not elsewhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from urllib.parse import quote, quote_plus

import pytest
import requests

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.credentials import TikTokCredentials, read_credentials
from airflow_provider_tiktok.api.endpoints.advertisers import list_authorised
from airflow_provider_tiktok.api.retry import RetryPolicy
from airflow_provider_tiktok.api.transport.secret import Secret
from airflow_provider_tiktok.exceptions import TikTokConfigError, TikTokError

from .conftest import SECRET, TOKEN, complete, head


def shows_nothing(text: str) -> None:
    for secret in (TOKEN, SECRET, quote(SECRET, safe=""), quote_plus(SECRET)):
        assert secret not in text


def with_variables(error: BaseException) -> str:
    """Write a traceback as error trackers do, with the variables of every frame, causes included."""
    found = []
    seen: list[BaseException] = [error]
    while seen:
        one = seen.pop()
        found.append("".join(traceback.TracebackException.from_exception(one, capture_locals=True).format()))
        seen += [other for other in (one.__cause__, one.__context__) if other is not None]
    return "\n".join(found)


def refusing(message: str = "no", status: str = "200 OK"):
    body = json.dumps({"code": 40105, "message": message, "request_id": "R", "data": {}}).encode()
    return lambda: [head(f"Content-Length: {len(body)}", status=status) + body]


def test_a_secret_is_text_that_does_not_show_itself():
    secret = Secret("abc")
    assert (secret, f"{secret}", str(secret), secret.encode()) == ("abc", "abc", "abc", b"abc")
    assert repr(secret) == repr({"x": secret})[6:-1] == "'***'"
    assert f"{secret!r}" == "'***'"
    assert (secret[:2], repr(secret[:2]), repr(secret[0])) == ("ab", "'***'", "'***'")
    assert json.dumps({"x": secret}) == '{"x": "abc"}'
    assert pickle.loads(pickle.dumps(secret)) == copy.copy(secret) == "abc"


def test_nothing_that_holds_a_secret_shows_it(hostile, client_of):
    client = client_of(hostile(complete(b"{}")))
    session = client._transport.session
    prepared = session.prepare_request(requests.Request("GET", "http://127.0.0.1:1/"))
    for holder in (client.credentials, client, session, session.headers, prepared, prepared.headers):
        shows_nothing(repr(holder))
        shows_nothing(f"{holder}")
    shows_nothing(repr(vars(client.credentials)))
    shows_nothing(repr(client.credentials.secrets))
    assert prepared.headers["Access-Token"] == TOKEN


ENDS = {
    "refusal": refusing(),
    "refusal that repeats them": refusing(f"token {TOKEN}, secret {SECRET}, {quote(SECRET, safe='')}"),
    "HTML": complete(b"<html>"),
    "HTTP 500": refusing(status="500 Oops"),
    "broken": lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"],
    "no HTTP": lambda: [b"\0\0\0\0"],
    "bad head": lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: x\r\nContent-Encoding: gzip\r\n\r\n{}"],
}


@pytest.mark.parametrize("pieces", ENDS.values(), ids=ENDS)
def test_a_failed_call_leaves_no_secret_in_the_variables_of_its_traceback(hostile, client_of, caplog, pieces):
    caplog.set_level(logging.DEBUG)
    client = client_of(hostile(pieces))
    with pytest.raises(TikTokError) as caught:
        list_authorised(client)
    shows_nothing(with_variables(caught.value))
    shows_nothing(caplog.text)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("where", ["send", "getresponse", "body"])
@pytest.mark.parametrize(
    "kind", [KeyboardInterrupt, SystemExit, MemoryError, type("TaskTimeout", (BaseException,), {})]
)
def test_an_interruption_leaves_none_either(hostile, client_of, monkeypatch, where, kind):
    """Airflow ends a task by raising an exception at any point."""

    def interrupt(*_: object, **__: object) -> None:
        raise kind

    target = {
        "send": "requests.adapters.HTTPAdapter.send",
        "getresponse": "http.client.HTTPConnection.getresponse",
        "body": "airflow_provider_tiktok.api.transport.session.read_body",
    }[where]
    monkeypatch.setattr(target, interrupt)
    client = client_of(hostile(complete(b"{}")))
    with pytest.raises(kind) as caught:
        list_authorised(client)
    # the test's own frames hold the secrets as well
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    named = [frame for frame in frames if "/tests/" not in frame.filename]
    assert named
    shows_nothing(repr([frame.locals for frame in named]))
    assert not [frame for frame in frames if "/requests/" in frame.filename or "/urllib3/" in frame.filename]


@pytest.mark.parametrize(
    "token",
    [
        "two words",
        "line\nend",
        "line\r\nX-Evil: 1",
        "tab\tinside",
        "nul\0inside",
        "bell\x07",
        "\x1b[31m",
        "caf\u00e9",
        "\u2028x",
    ],
)
def test_a_token_that_would_make_a_header_of_its_own_is_refused_and_not_shown(token):
    with pytest.raises(TikTokConfigError) as caught:
        read_credentials("mine", password=f"begin-{token}-end", host=None)
    assert "begin" not in str(caught.value)


def test_a_header_that_cannot_be_sent_is_not_shown():
    token = "first-part\nsecond-part"
    client = TikTokClient(
        TikTokCredentials(token, "http://127.0.0.1:9", qps=100.0), retry=RetryPolicy(attempts=1)
    )
    with pytest.raises(TikTokError) as caught:
        client.get("user/info/", {})
    client.close()
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    shown = str(caught.value) + repr([frame.locals for frame in frames if "/tests/" not in frame.filename])
    for part in token.split("\n"):
        assert part not in shown


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_redirect_is_followed(hostile, client_of, status, method):
    other = hostile(complete(b'{"code":0,"data":{}}'))
    first = hostile(lambda: [head(f"Location: {other.url}/steal", "Content-Length: 0", status=status)])
    with pytest.raises(TikTokError, match="the token must not follow"):
        getattr(client_of(first), method)("user/info/", {})
    assert (first.calls, other.calls) == (1, 0)


def test_a_proxy_of_the_environment_is_given_the_token_only_for_hosts_that_it_serves(hostile, monkeypatch):
    """`NO_PROXY` counts, so that a local TikTok isn't called through a proxy."""
    server, proxy = hostile(complete(b'{"code":0,"data":{}}')), hostile(complete(b'{"code":0,"data":{}}'))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = TikTokClient(TikTokCredentials(TOKEN, server.url, qps=100.0))
    client.get("user/info/", {})
    client.close()
    assert (server.calls, proxy.calls) == (1, 0)


def test_a_login_of_netrc_is_not_sent(hostile, client_of, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    client = client_of(hostile(complete(b'{"code":0,"data":{}}')))
    request = client._transport.session.prepare_request(requests.Request("GET", client.credentials.base_url))
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    "host",
    [
        "file:///etc/passwd",
        "ftp://x",
        "gopher://x",
        "http+unix://x",
        "javascript:x",
        "http://user:password@x",
        "http://x?y",
        "http://x#y",
        "http://x y",
        "http://",
        "http://x:port",
        "http://[x",
    ],
)
def test_a_host_that_is_no_base_url_is_refused(host):
    with pytest.raises(TikTokConfigError) as caught:
        read_credentials("mine", password="token-1234", host=host)
    assert "password@" not in str(caught.value)
