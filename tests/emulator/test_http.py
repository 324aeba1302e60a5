"""Paths, encodings, envelopes, accounts, limits and the log of calls."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from airflow_provider_tiktok.emulator.settings import APP_ID
from tests.clock import MovedClock

from .conftest import REPORT, TOKEN, Client, ordinary


def test_the_envelope(client: Client) -> None:
    response = client.get(REPORT, **client.legal())
    body = response.json()
    assert response.status_code == 200
    assert list(body) == ["code", "message", "request_id", "data"]
    assert re.fullmatch(r"\d{14}[0-9A-F]{20}", body["request_id"])
    assert response.headers["X-TT-LOGID"] == body["request_id"]
    assert set(body["data"]) == {"list", "page_info"}


@pytest.mark.parametrize("path", ["report/integrated/get", "report/", "report/task/create", "nonsense"])
def test_an_unknown_path_is_plain_404(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.text) == (404, "404 page not found")
    assert response.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("path", [REPORT, "advertiser/info/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_wrong_method_is_an_html_page(client: Client, method: str, path: str) -> None:
    response = requests.request(method, f"{client.emulator.url}/open_api/v1.3/{path}", timeout=60)
    assert response.status_code == 405
    assert "html" in response.headers["Content-Type"]


@pytest.mark.parametrize("version", ["v1.2", "v1.1", "v9.9"])
def test_another_version_is_refused_in_an_envelope(client: Client, version: str) -> None:
    response = requests.get(f"{client.emulator.url}/open_api/{version}/{REPORT}", timeout=60)
    assert (response.status_code, response.json()["code"]) == (200, 40051)


def body_call(client: Client, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.session.get(
        f"{client.emulator.url}/open_api/v1.3/{REPORT}",
        headers={"Access-Token": TOKEN},
        json={**client.legal(), **changes},
        timeout=60,
    ).json()
    return answer


def test_a_get_with_a_json_body_has_the_same_answer(client: Client) -> None:
    answer = body_call(client, page="2", page_size="7", order_field="spend", query_lifetime=False)
    assert answer["data"] == client.report(page=2, page_size=7, order_field="spend")["data"]
    assert answer["data"]["page_info"]["page"] == 2


def test_in_a_body_too_an_id_must_be_text_and_a_boolean_a_boolean(client: Client) -> None:
    assert (
        body_call(client, advertiser_id=7100000007131187933)["message"]
        == "advertiser_id: Not a valid string."
    )
    assert body_call(client, query_lifetime="true")["message"] == "query_lifetime: Not a valid boolean."


def test_a_body_that_is_no_json(client: Client) -> None:
    response = client.session.get(
        f"{client.emulator.url}/open_api/v1.3/user/info/",
        headers={"Access-Token": TOKEN},
        data="{",
        timeout=60,
    )
    assert response.json()["code"] == 40002


def test_discovery_lists_every_account(client: Client) -> None:
    data = client.get("oauth2/advertiser/get/", app_id=APP_ID, secret="s").json()["data"]
    assert list(data) == ["list"]
    assert {row["advertiser_id"]: row["advertiser_name"] for row in data["list"]} == {
        account.advertiser_id: account.name for account in client.emulator.world.accounts.values()
    }
    assert all(re.fullmatch(r"\d{19}", row["advertiser_id"]) for row in data["list"])


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"secret": "s"}, 40002, "Missing required field(s): app_id"),
        ({}, 40002, "Missing required field(s): app_id, secret"),
        (
            {"app_id": APP_ID, "secret": "wrong"},
            40113,
            "The app_id is inconsistent with the token's app information. Please retry after correcting it. ",
        ),
        (
            {"app_id": "7000000000000000009", "secret": "s"},
            40113,
            "The app_id is inconsistent with the token's app information. Please retry after correcting it. ",
        ),
    ],
)
def test_discovery_refuses(client: Client, params: dict[str, str], code: int, text: str) -> None:
    answer = client.get("oauth2/advertiser/get/", **params).json()
    assert (answer["code"], answer["message"]) == (code, text)


def test_discovery_for_another_app_id(own_client: Any) -> None:
    client = own_client(app_id="7000000000000000009")
    path = "oauth2/advertiser/get/"
    assert client.get(path, app_id="7000000000000000009", secret="s").json()["code"] == 0
    assert client.get(path, app_id=APP_ID, secret="s").json()["code"] == 40113
    client.emulator.set_faults([{"fault": "code:40100"}])
    assert "App 7000000000000000009 are" in client.get("user/info/").json()["message"]


def test_account_details(client: Client) -> None:
    ids = list(client.emulator.world.accounts)[:6]
    data = client.get("advertiser/info/", advertiser_ids=ids).json()["data"]
    assert list(data) == ["list"]
    assert [(row["currency"], row["timezone"], row["display_timezone"]) for row in data["list"]] == [
        ("USD", "Etc/GMT+8", "America/Los_Angeles"),
        ("EUR", "Etc/GMT-1", "Europe/Berlin"),
        ("JPY", "Etc/GMT-9", "Asia/Tokyo"),
        ("INR", "Etc/GMT-5:30", "Asia/Kolkata"),
        ("BRL", "Etc/GMT+3", "America/Sao_Paulo"),
        ("NZD", "Etc/GMT-12", "Pacific/Auckland"),
    ]
    assert isinstance(data["list"][0]["create_time"], int)
    assert data["list"][0]["status"] == "STATUS_ENABLE"


def test_account_details_by_fields(client: Client) -> None:
    ids = [ordinary(client.emulator.world)]
    rows = client.get("advertiser/info/", advertiser_ids=ids, fields=["currency"]).json()["data"]["list"]
    assert rows == [{"currency": "USD"}]
    assert (
        "correct is [" in client.get("advertiser/info/", advertiser_ids=ids, fields=["x"]).json()["message"]
    )


def test_account_details_of_too_many(client: Client) -> None:
    assert client.get("advertiser/info/", advertiser_ids=["1"] * 101).json()["code"] == 40011


def test_account_details_with_one_that_grants_nothing(client: Client) -> None:
    (forbidden,) = [one for one in client.emulator.world.accounts.values() if one.forbidden]
    ids = [ordinary(client.emulator.world), forbidden.advertiser_id]
    answer = client.get("advertiser/info/", advertiser_ids=ids).json()
    assert (answer["code"], answer["message"], answer["data"]) == (
        40001,
        "advertiser does not grant you /advertiser/info/:GET permission",
        {},
    )


def test_whose_token(client: Client) -> None:
    assert "core_user_id" in client.get("user/info/").json()["data"]
    assert client.get("user/info/", token="revoked").json()["code"] == 40105


def test_qps(own_client: Any, moved_clock: MovedClock) -> None:
    client = own_client(qps=3)
    answers = [client.get("user/info/").json() for _ in range(5)]
    assert [answer["code"] for answer in answers] == [0, 0, 0, 40100, 40100]
    assert re.fullmatch(
        r"Due to too many requests, requests from App \d+ are temporarily restricted.", answers[-1]["message"]
    )
    another = client.get("user/info/", token="another").json()
    assert another["code"] == 40100  # its token is of the same app
    moved_clock.advance(1.05)
    assert client.get("user/info/").json()["code"] == 0


@pytest.mark.alone
def test_latency_is_per_call_and_calls_run_concurrently(own_client: Any) -> None:
    client = own_client(latency_ms=300)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda _: requests.get(f"{client.emulator.url}/open_api/v1.3/user/info/", timeout=60),
                range(8),
            )
        )
    assert 0.3 <= time.monotonic() - began < 1.8  # one after the other they take 2.4


def test_the_call_log(client: Client) -> None:
    client.report(page_size=3, filtering=[])
    client.get("oauth2/advertiser/get/", app_id=APP_ID, secret="s3cret")
    client.get("user/info/", token="bad")
    first, second, third = client.emulator.calls
    assert (first.method, first.path) == ("GET", "/open_api/v1.3/report/integrated/get/")
    assert (first.status, first.code, first.rows) == (200, 0, 3)
    assert first.query["dimensions"] == ["ad_id", "stat_time_day"]
    assert first.query["advertiser_id"] == ordinary(client.emulator.world)
    assert first.query["page_size"] == 3
    assert second.query == {"app_id": APP_ID}
    assert third.code == 40105
    assert TOKEN not in repr(client.emulator.calls)


def test_the_call_log_over_http(client: Client) -> None:
    client.get("user/info/")
    url = f"{client.emulator.url}/_emulator/calls/"
    assert [call["path"] for call in requests.get(url, timeout=60).json()] == ["/open_api/v1.3/user/info/"]
    assert requests.delete(url, timeout=60).json() == []
    assert client.emulator.calls == []


def test_settings_change_while_it_runs(own_client: Any) -> None:
    client = own_client()
    client.emulator.configure(decimals=3)
    answer = client.report()
    assert re.fullmatch(r"\d+\.\d{3}", answer["data"]["list"][0]["metrics"]["spend"])


def test_a_long_query_in_one_line(client: Client) -> None:
    ids = [str(10**18 + number) for number in range(100)]
    rule = {"field_name": "ad_ids", "filter_type": "IN", "filter_value": json.dumps(ids)}
    assert client.report(filtering=[rule])["code"] == 0


def test_a_token_without_accounts(own_client: Any) -> None:
    client = own_client(accounts=0, empty_account=False)
    answer = client.get("oauth2/advertiser/get/", app_id=APP_ID, secret="s").json()
    assert (answer["code"], answer["data"]) == (0, {"list": []})
