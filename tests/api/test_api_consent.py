"""The consent address, its redirect, the exchange and the revocation."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_tiktok.api.client import CallCounts
from airflow_provider_tiktok.api.endpoints.oauth import (
    consent_url,
    exchange_code,
    read_redirect,
    revoke_token,
)
from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokConfigError, TikTokError

from .conftest import SECRET, TOKEN, Reply, ok, refusal

STATE = "state-5d1f"
CODE = "code-77e0a1"


def test_the_address_holds_app_state_and_redirect():
    url = consent_url(
        "https://business-api.tiktok.com/portal/auth", "7", "http://127.0.0.1:8766/callback", STATE
    )
    assert url.startswith("https://business-api.tiktok.com/portal/auth?app_id=7&")
    assert parse_qs(urlsplit(url).query) == {
        "app_id": ["7"],
        "state": [STATE],
        "redirect_uri": ["http://127.0.0.1:8766/callback"],
    }


@pytest.mark.parametrize(
    "url",
    [
        f"/callback?auth_code={CODE}&code={CODE}&state={STATE}",
        f"  https://example.com/x?y=1&state={STATE}&code={CODE}#_=_\n",
        f"http://127.0.0.1:8766/callback?auth_code={CODE}&state={STATE}",
    ],
)
def test_a_code_is_taken_from_path_or_address(url):
    assert read_redirect(url, STATE) == CODE
    assert CODE not in repr(read_redirect(url, STATE))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"/callback?auth_code={CODE}&state=other", "`state` is not the one"),
        (f"/callback?auth_code={CODE}", "`state` is not the one"),
        (f"/callback?auth_code={CODE}&state={STATE}&state=other", "`state` is not the one"),
        (f"/callback?auth_code={CODE}&state={STATE}x", "`state` is not the one"),
        (f"/callback?auth_code={CODE}&state=\u00e9", "`state` is not the one"),
        (
            f"/callback?state={STATE}&error=access_denied%0a::group::",
            r"not given \(access_denied ::group::\)",
        ),
        (f"/callback?state={STATE}&code={CODE}&auth_code=other", "two different codes"),
        ("hello", "not the address"),
        ("http://[broken?state=1", "not the address"),
    ],
)
def test_another_redirect_is_refused_without_showing_the_code(url, says):
    with pytest.raises(TikTokError, match=says) as caught:
        read_redirect(url, STATE)
    assert CODE not in str(caught.value)
    assert caught.value.__context__ is None or CODE not in str(caught.value.__context__)


@pytest.fixture
def tokenless(make_client):
    return make_client(access_token="", app_id="7", app_secret=SECRET)


def test_the_exchange_posts_app_and_code_and_no_token(tokenless, server):
    server.script = [ok({"access_token": TOKEN, "scope": [4, 7533163835474346001], "advertiser_ids": ["71"]})]
    grant = exchange_code(tokenless, CODE)
    assert (grant.access_token, grant.scopes, grant.advertiser_ids) == (
        TOKEN,
        ("4", "7533163835474346001"),
        ("71",),
    )
    assert TOKEN not in repr(grant)
    (call,) = server.calls
    assert (call.method, call.path) == ("POST", "/open_api/v1.3/oauth2/access_token/")
    assert call.body == {"app_id": "7", "secret": SECRET, "auth_code": CODE}
    assert call.query == {}
    assert "Access-Token" not in call.headers


@pytest.mark.parametrize(
    "reply", [Reply(b"", 500), Reply(fault="reset"), refusal(50000), Reply(b"<html>")], ids=str
)
def test_an_exchange_is_never_made_twice(tokenless, server, reply):
    server.script = [reply]
    with pytest.raises(TikTokAPIError):
        exchange_code(tokenless, CODE)
    assert len(server.calls) == 1


def test_an_exchange_that_came_too_soon_is_made_again(tokenless, server):
    server.script = [refusal(40100), ok({"access_token": TOKEN})]
    assert exchange_code(tokenless, CODE).access_token == TOKEN
    assert tokenless.counts == CallCounts(api_calls=2, retried_calls=1, throttled_calls=1)


@pytest.mark.parametrize("token", [None, 5, "", "x", "with blank", "line\nend", "t" * 1001, ["t" * 9]])
def test_an_answer_without_a_usable_token_is_an_error(tokenless, server, token):
    server.script = [ok({"access_token": token})]
    with pytest.raises(TikTokError, match="holds no token"):
        exchange_code(tokenless, CODE)


def test_a_refusal_that_repeats_code_and_secret_shows_neither(tokenless, server):
    server.script = [refusal(40110, f"The auth_code {CODE} of {SECRET} is canceled.")]
    with pytest.raises(TikTokAPIError) as caught:
        exchange_code(tokenless, CODE)
    assert caught.value.message == "The auth_code *** of *** is canceled."
    assert CODE not in str(caught.value)


def test_a_revocation_sends_the_token_and_is_made_again_when_its_answer_is_lost(make_client, server):
    client = make_client(app_id="7", app_secret=SECRET)
    server.script = [Reply(b"", 502), ok({"app_id": "7", "advertiser_ids": ["71", "72"]})]
    assert revoke_token(client) == ("71", "72")
    assert [call.body for call in server.calls] == [
        {"app_id": "7", "secret": SECRET, "access_token": TOKEN}
    ] * 2
    assert server.calls[0].headers["Access-Token"] == TOKEN


def test_without_an_app_nothing_is_sent(make_client, server):
    with pytest.raises(TikTokConfigError, match="App ID and App secret"):
        revoke_token(make_client())
    assert server.calls == []
