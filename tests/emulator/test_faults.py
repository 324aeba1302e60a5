"""Each fault, each selector, and the faults file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_tiktok.api.codes import RETURN_CODES
from airflow_provider_tiktok.emulator.errors import MESSAGES
from airflow_provider_tiktok.emulator.faults import FaultError, parse_fault, read_faults
from tests.clock import MovedClock

from .conftest import REPORT, Client, ordinary


def inject(client: Client, fault: str, **more: Any) -> None:
    client.emulator.set_faults([{"fault": fault, **more}])


@pytest.mark.parametrize(
    ("fault", "more", "error"),
    [
        ("reset", {}, requests.ConnectionError),
        ("reset", {"after_bytes": 100}, requests.exceptions.ChunkedEncodingError),
        ("truncated", {}, requests.exceptions.ChunkedEncodingError),
        ("timeout", {"seconds": 0.05}, requests.ConnectionError),
    ],
)
def test_the_connection_breaks(
    client: Client, fault: str, more: dict[str, Any], error: type[Exception]
) -> None:
    inject(client, fault, **more)
    with pytest.raises(error):
        client.report()
    assert (client.emulator.calls[-1].status, client.emulator.calls[-1].fault) == (0, fault)


def test_a_timeout_outlasts_the_client(client: Client) -> None:
    inject(client, "timeout")
    with pytest.raises(requests.Timeout):
        requests.get(f"{client.emulator.url}/open_api/v1.3/user/info/", timeout=0.1)


def test_slow_is_late_and_right(client: Client, moved_clock: MovedClock) -> None:
    complete = client.report()["data"]
    inject(client, "slow", seconds=200)
    began = moved_clock.monotonic()
    assert client.report()["data"] == complete
    assert moved_clock.monotonic() - began >= 200


@pytest.mark.parametrize(
    ("fault", "status", "beginning"),
    [
        ("http_500", 500, "Internal"),
        ("http_502_html", 502, "<html>"),
        ("html_200", 200, "<!DOCTYPE"),
        ("empty_body", 200, ""),
        ("not_object", 200, "["),
        ("broken_json", 200, '{"code": 0'),
    ],
)
def test_the_answer_is_wrong(client: Client, fault: str, status: int, beginning: str) -> None:
    inject(client, fault)
    response = client.get(REPORT, **client.legal())
    assert response.status_code == status
    assert response.text.startswith(beginning)
    with pytest.raises((ValueError, AttributeError)):
        response.json().keys()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            40100,
            "Due to too many requests, requests from App 7350000000000000001 are temporarily restricted.",
        ),
        (40133, "QPS (11) reaches QPS limit 10 for current path, request is temporarily restricted."),
        (40067, "Your query is too large"),
        (51010, "Internal service timed out"),
        (-1, "Client IP address is in banned Country list."),
        (41002, "The fields are not in use."),
        (99999, "Unknown error."),
    ],
)
def test_any_return_code(client: Client, code: int, text: str) -> None:
    inject(client, f"code:{code}")
    answer = client.report()
    assert answer["code"] == code
    assert text in answer["message"]


def test_every_code_that_the_client_knows_has_a_text() -> None:
    assert set(RETURN_CODES) - set(MESSAGES) == set()


def test_a_text_of_ones_own(client: Client) -> None:
    inject(client, "code:50000", message="Gremlins.")
    assert client.report()["message"] == "Gremlins."


def test_a_missing_row(client: Client) -> None:
    complete = client.report()["data"]
    inject(client, "drop_row")
    faulty = client.report()["data"]
    assert len(faulty["list"]) == len(complete["list"]) - 1
    assert faulty["page_info"] == complete["page_info"]


def test_a_repeated_row(client: Client) -> None:
    inject(client, "duplicate_row")
    rows = [json.dumps(row) for row in client.report()["data"]["list"]]
    assert len(rows) == 11
    assert len(set(rows)) == 10


def test_a_short_page(client: Client) -> None:
    complete = client.report()["data"]
    inject(client, "short_page")
    assert client.report()["data"] == {**complete, "list": complete["list"][:5]}


def test_a_moving_total(client: Client) -> None:
    inject(client, "moving_total")
    totals = {client.report()["data"]["page_info"]["total_number"] for _ in range(3)}
    assert len(totals) == 3


@pytest.mark.parametrize("flag", ["search_ads_throttle", "uv_invalid"])
def test_flags_in_extra_info(client: Client, flag: str) -> None:
    complete = client.report()["data"]
    inject(client, flag)
    assert client.report()["data"] == {**complete, "extra_info": {flag: True}}


def test_one_row_a_page_and_a_count_without_end(client: Client) -> None:
    inject(client, "endless_pages")
    data = client.report()["data"]
    assert len(data["list"]) == 1
    assert data["page_info"]["total_number"] == 999_999_999
    assert data["page_info"]["total_page"] == 100_000_000


def test_the_throttle_header(client: Client) -> None:
    inject(client, "throttle_header")
    assert "X-Tt-Ads-Throttle" in client.get(REPORT, **client.legal()).headers


def faulty_calls(client: Client, count: int, **more: Any) -> list[int]:
    """Return the positions of the calls to which the fault applies."""
    client.emulator.set_faults([{"fault": "code:50000", **more}])
    return [position for position in range(1, count + 1) if client.report()["code"] == 50000]


@pytest.mark.parametrize(
    ("selectors", "positions"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"every": 3}, [3, 6]),
        ({"first": 2}, [1, 2]),
        ({"at": [2, 5]}, [2, 5]),
        ({"every": 2, "first": 4}, [2, 4]),
        ({"path": "user/info/"}, []),
        ({"path": "report/integrated/get/", "first": 1}, [1]),
        ({"page": 2}, []),
        ({"advertiser_id": "1"}, []),
    ],
)
def test_selectors(client: Client, selectors: dict[str, Any], positions: list[int]) -> None:
    assert faulty_calls(client, 6, **selectors) == positions


def test_a_rule_for_one_page_of_one_account(client: Client) -> None:
    account = ordinary(client.emulator.world)
    inject(client, "code:50000", page=2, advertiser_id=account, first=1)
    codes = [client.report(page=page)["code"] for page in (1, 2, 2)]
    assert codes == [0, 50000, 0]


def test_the_first_rule_that_matches_applies(client: Client) -> None:
    client.emulator.set_faults([{"fault": "code:50002", "at": [2]}, {"fault": "code:51305", "first": 2}])
    assert [client.report()["code"] for _ in range(3)] == [51305, 50002, 0]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("timeout", "must be an object"),
        ({}, "has no 'fault'"),
        ({"fault": "explode"}, "unknown fault 'explode'"),
        ({"fault": "code:abc"}, "unknown fault"),
        ({"fault": "reset", "evry": 2}, "unknown key 'evry'"),
        ({"fault": "reset", "every": "2"}, "'every' of the wrong type"),
        ({"fault": "reset", "every": 0}, "'every' below 1"),
        ({"fault": "reset", "at": [0]}, "'at' below 1"),
        ({"fault": "reset", "first": True}, "'first' of the wrong type"),
    ],
)
def test_invalid_rules(rule: Any, text: str) -> None:
    with pytest.raises(FaultError, match=text):
        parse_fault(rule)


def test_a_faults_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('[{"fault": "slow", "seconds": 2}, {"fault": "code:40100", "every": 5}]')
    assert [(one.kind, one.seconds, one.every) for one in read_faults(file)] == [
        ("slow", 2.0, None),
        ("code:40100", 0.0, 5),
    ]


@pytest.mark.parametrize(
    ("content", "text"), [("{", "not valid JSON"), ("{}", "JSON list"), ("[1]", "Rule 1 of")]
)
def test_a_bad_faults_file(tmp_path: Path, content: str, text: str) -> None:
    file = tmp_path / "faults.json"
    file.write_text(content)
    with pytest.raises(FaultError, match=text):
        read_faults(file)
