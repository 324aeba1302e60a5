"""The consent page, codes and tokens."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from airflow_provider_tiktok.emulator.settings import APP_ID
from tests.clock import MovedClock

from .conftest import TOKEN, Client

pytestmark = pytest.mark.usefixtures("moved_clock")

REDIRECT = "http://127.0.0.1:9/callback?keep=this"


def page(client: Client, **params: str) -> requests.Response:
    given = {"app_id": APP_ID, "state": "s 1", "redirect_uri": REDIRECT, **params}
    return requests.get(f"{client.emulator.url}/portal/auth", params=given, allow_redirects=False, timeout=60)


def post(client: Client, path: str, body: Any, token: str | None = None) -> dict[str, Any]:
    headers = {"Access-Token": token} if token else {}
    url = f"{client.emulator.url}/open_api/v1.3/oauth2/{path}/"
    answer: dict[str, Any] = requests.post(url, json=body, headers=headers, timeout=60).json()
    return answer


def code_of(client: Client) -> str:
    return parse_qs(urlsplit(page(client).headers["Location"]).query)["auth_code"][0]


def app(**more: Any) -> dict[str, Any]:
    return {"app_id": APP_ID, "secret": "s", **more}


def token_of(client: Client) -> str:
    token: str = post(client, "access_token", app(auth_code=code_of(client)))["data"]["access_token"]
    return token


def test_the_page_redirects_with_code_and_state(client: Client) -> None:
    response = page(client)
    assert response.status_code == 302
    location = response.headers["Location"]
    assert location.startswith("http://127.0.0.1:9/callback?keep=this&auth_code=")
    query = parse_qs(urlsplit(location).query)
    assert (query["keep"], query["state"]) == (["this"], ["s 1"])
    assert query["auth_code"] == query["code"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"app_id": "7"},
        {"redirect_uri": ""},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "/here"},
    ],
)
def test_the_page_refuses_another_app_and_invalid_urls(client: Client, wrong: dict[str, str]) -> None:
    response = page(client, **wrong)
    assert response.status_code == 400
    assert "Location" not in response.headers


def test_only_the_apps_redirect_urls_are_redirected_to(own_client: Any) -> None:
    client = own_client(redirect_uris=("https://example.com/tiktok",))
    assert page(client).status_code == 400
    assert page(client, redirect_uri="https://example.com/tiktok").status_code == 302


def test_a_code_is_exchanged_for_a_token_once(client: Client) -> None:
    code = code_of(client)
    data = post(client, "access_token", app(auth_code=code))["data"]
    assert set(data) == {"access_token", "scope", "advertiser_ids"}
    assert data["scope"] == [1, 2, 3, 4, 6, 8, 7533163835474346001]
    assert data["advertiser_ids"] == list(client.emulator.world.accounts)
    again = post(client, "access_token", app(auth_code=code))
    assert (again["code"], again["data"]) == (40110, {})


def test_an_issued_token_is_valid_even_if_tokens_are_listed(own_client: Any) -> None:
    client = own_client(tokens=("the-only-one",))
    assert client.get("user/info/", token=token_of(client)).json()["code"] == 0
    assert client.get("user/info/").json()["code"] == 40105


def test_a_code_expires(own_client: Any, moved_clock: MovedClock) -> None:
    client = own_client(code_seconds=0.05)
    code = code_of(client)
    moved_clock.advance(0.06)
    assert post(client, "access_token", app(auth_code=code))["code"] == 40110


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"auth_code": "made-up"}, 40101),
        ({"app_id": "7"}, 40101),
        ({"secret": "wrong"}, 40101),
        ({"secret": None}, 40002),
        ({"app_id": int(APP_ID)}, 40002),
        ({"auth_code": 5}, 40002),
        ({"return_advertiser_ids": "yes"}, 40002),
    ],
)
def test_an_exchange_that_tiktok_refuses(client: Client, changes: dict[str, Any], code: int) -> None:
    assert post(client, "access_token", app(auth_code=code_of(client)) | changes)["code"] == code


def test_parameters_must_be_in_the_body(client: Client) -> None:
    url = f"{client.emulator.url}/open_api/v1.3/oauth2/access_token/"
    answer = requests.post(url, params=app(auth_code=code_of(client)), json={}, timeout=60).json()
    assert answer["message"] == "Missing required field(s): app_id, secret, auth_code"


@pytest.mark.parametrize("path", ["access_token", "revoke_token"])
def test_the_wrong_method_is_an_html_page(client: Client, path: str) -> None:
    assert client.get(f"oauth2/{path}/").status_code == 405


def test_a_revoked_token_is_refused_from_then_on(client: Client) -> None:
    token = token_of(client)
    answer = post(client, "revoke_token", app(access_token=token), token)
    assert answer["data"] == {"app_id": APP_ID, "advertiser_ids": list(client.emulator.world.accounts)}
    assert client.get("user/info/", token=token).json()["code"] == 40105
    assert post(client, "revoke_token", app(access_token=token), token)["code"] == 40105
    assert client.get("user/info/").json()["code"] == 0  # other tokens stay valid


def test_a_revocation_that_tiktok_refuses(client: Client) -> None:
    assert post(client, "revoke_token", app(access_token=TOKEN))["code"] == 40104
    assert post(client, "revoke_token", app(access_token=TOKEN) | {"secret": "wrong"}, TOKEN)["code"] == 40113
    assert post(client, "revoke_token", app(), TOKEN)["code"] == 40002


def test_consent_may_be_denied_or_have_a_wrong_state(client: Client) -> None:
    client.emulator.set_faults([{"fault": "deny_consent"}])
    assert parse_qs(urlsplit(page(client).headers["Location"]).query) == {"keep": ["this"], "state": ["s 1"]}
    client.emulator.set_faults([{"fault": "wrong_state"}])
    query = parse_qs(urlsplit(page(client).headers["Location"]).query)
    assert query["state"] != ["s 1"]
    assert query["auth_code"]


def test_the_call_log_contains_no_secret(client: Client) -> None:
    code = code_of(client)
    token = post(client, "access_token", app(auth_code=code))["data"]["access_token"]
    post(client, "revoke_token", app(access_token=token), token)
    shown = repr(client.emulator.calls)
    assert [call.code for call in client.emulator.calls] == [None, 0, 0]
    assert code not in shown
    assert token not in shown
