"""The listener on loopback: one redirect, and no second one."""

import socket
import threading

import pytest
import requests

from airflow_provider_tiktok.cli import listener as module
from airflow_provider_tiktok.cli.listener import Listener, await_redirect
from airflow_provider_tiktok.exceptions import TikTokError


@pytest.fixture
def listener():
    with Listener(0) as listener:
        yield listener


@pytest.fixture(autouse=True)
def _no_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123


def test_the_redirect_is_accepted_and_the_browser_informed(listener):
    response = requests.get(f"{listener.redirect_uri}?code=1&state=2", timeout=60)
    assert (response.status_code, "close this window" in response.text) == (200, True)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert await_redirect(listener, 5) == "/callback?code=1&state=2"


def test_a_second_redirect_is_not_taken(listener):
    assert requests.get(f"{listener.redirect_uri}?code=1", timeout=60).status_code == 200
    assert requests.get(f"{listener.redirect_uri}?code=2", timeout=60).status_code == 404
    assert await_redirect(listener, 5) == "/callback?code=1"


@pytest.mark.parametrize("path", ["/favicon.ico", "/", "/callback/x?code=1", "/callback?code=" + "1" * 9_000])
def test_what_else_a_browser_asks_for_is_not_the_redirect(listener, path):
    url = listener.redirect_uri.removesuffix("/callback") + path
    assert requests.get(url, timeout=60).status_code == 404
    assert listener.redirect is None


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", ""])
def test_a_name_that_resolves_to_loopback_is_no_way_in(listener, host):
    response = requests.get(f"{listener.redirect_uri}?code=1", headers={"Host": host}, timeout=60)
    assert response.status_code == 404
    assert listener.redirect is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_a_get_is_a_redirect(listener, method):
    assert requests.request(method, f"{listener.redirect_uri}?code=1", timeout=60).status_code == 501
    assert listener.redirect is None


def test_a_silent_connection_blocks_no_other(listener):
    port = int(listener.redirect_uri.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port)):
        assert requests.get(f"{listener.redirect_uri}?code=1", timeout=60).status_code == 200


def test_it_listens_on_loopback_only(listener):
    assert listener.redirect_uri.startswith("http://127.0.0.1:")
    assert listener._server.server_address[0] == "127.0.0.1"


def test_a_taken_port_is_reported_with_the_remedy():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(TikTokError, match=r"Choose another with --port .* --paste"):
            Listener(other.getsockname()[1])


def test_the_wait_ends(listener, within):
    with within(2), pytest.raises(TikTokError, match=r"didn't come within 0.3 s"):
        await_redirect(listener, 0.3)


def test_a_late_redirect_is_waited_for(listener):
    threading.Timer(0.3, requests.get, (f"{listener.redirect_uri}?code=1",), {"timeout": 5}).start()
    assert await_redirect(listener, 10) == "/callback?code=1"


def test_a_pasted_address_is_as_good(listener, monkeypatch, tmp_path):
    (tmp_path / "input").write_text("\n  \nhttp://127.0.0.1:1/callback?code=7\n")
    monkeypatch.setattr("sys.stdin", (tmp_path / "input").open())
    assert await_redirect(listener, 5) == "http://127.0.0.1:1/callback?code=7\n"


def test_without_listener_and_input_there_is_nothing_to_wait_for():
    with pytest.raises(TikTokError, match="wasn't pasted"):
        await_redirect(None, 60)


def test_what_is_pasted_into_a_terminal_is_not_shown(monkeypatch):
    import os
    import pty
    import termios

    main, terminal = pty.openpty()
    with os.fdopen(terminal, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with module._silent_input():
            assert not termios.tcgetattr(stdin.fileno())[3] & termios.ECHO
        assert termios.tcgetattr(stdin.fileno())[3] & termios.ECHO
    os.close(main)
