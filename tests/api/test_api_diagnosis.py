"""The examination of a connection, one part at a time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_tiktok.api.diagnosis.examination import BAD, GOOD, LOOK, NONE, examine

from .conftest import SECRET, Reply, ok, refusal

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=timezone.utc)
ACCOUNT = {
    "advertiser_id": "71",
    "name": "Acme",
    "currency": "USD",
    "display_timezone": "Europe/Berlin",
    "status": "STATUS_ENABLE",
}
ANSWERS = {
    "user/info/": ok({"core_user_id": "1"}),
    "oauth2/advertiser/get/": ok({"list": [{"advertiser_id": "71", "advertiser_name": "Acme"}]}),
    "advertiser/info/": ok({"list": [ACCOUNT]}),
    "report/integrated/get/": ok({"list": [], "page_info": {}}),
    "report/task/check/": refusal(40002, "task_id doesn't exist"),
}


@pytest.fixture
def found(make_client, server):
    """Examine a connection to a scripted TikTok; return state, text and advice by part."""

    def look(answers=None, *, scopes=(), clock=lambda: NOW, **fields):
        replies = ANSWERS | (answers or {})
        server.script = lambda call: replies[call.path.removeprefix("/open_api/v1.3/")]
        client = make_client(**{"app_id": "7", "app_secret": SECRET, "shared_budget": False, **fields})
        result = {}
        for finding in examine(client, "mine", scopes, clock):
            result.setdefault(finding.part, []).append(finding)
        return result

    return look


def states(found, part):
    return [finding.state for finding in found[part]]


def test_all_is_well(found):
    result = found(scopes=("4",))
    assert {part: states(result, part) for part in result} == {
        "host": [GOOD],
        "token": [GOOD],
        "app": [GOOD],
        "accounts": [GOOD],
        "scopes": [GOOD],
        "reports": [GOOD],
        "async tasks": [GOOD],
        "clock": [LOOK],  # NOW is not the server's time
        "latency": [GOOD],
        "rate limit": [GOOD],
    }
    (account,) = result["accounts"][0].accounts
    assert (account.advertiser_id, account.currency, account.timezone) == ("71", "USD", "Europe/Berlin")


def test_ten_calls_at_most(found, server):
    found()
    assert len(server.calls) <= 10
    assert {call.method for call in server.calls} == {"GET"}


@pytest.mark.parametrize(
    ("path", "answer", "part", "state", "words"),
    [
        ("user/info/", refusal(40105, "revoked"), "token", BAD, "wrong or revoked"),
        ("user/info/", Reply(b"", 404), "network", BAD, "no such API path"),
        ("user/info/", refusal(40001, "lacks the required scope"), "token", GOOD, "takes it"),
        ("oauth2/advertiser/get/", refusal(40113), "app", BAD, "does not fit the token"),
        ("oauth2/advertiser/get/", ok({"list": []}), "accounts", BAD, "No advertiser account has authorised"),
        (
            "report/integrated/get/",
            refusal(40001, "lacks the required scope"),
            "reports",
            BAD,
            "lacks a scope",
        ),
        ("report/task/check/", refusal(40118), "async tasks", LOOK, "not allow-listed"),
        ("report/task/check/", refusal(40001, "no permission"), "async tasks", LOOK, "no permission"),
        ("report/task/check/", Reply(b"", 404), "async tasks", NONE, "not known"),
    ],
)
def test_a_fault_is_found_where_it_is(found, path, answer, part, state, words):
    finding = found({path: answer})[part][-1]
    assert (finding.state, words in finding.text) == (state, True), finding
    assert state not in {BAD, LOOK} or finding.advice


@pytest.mark.parametrize("answer", [refusal(40105), Reply(b"", 404)])
def test_without_token_or_network_nothing_else_is_requested(found, server, answer):
    result = found({"user/info/": answer})
    assert len(server.calls) == 1
    assert "app" not in result


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "STATUS_LIMIT"}, "the status is not STATUS_ENABLE"),
        ({"display_timezone": "Mars/Olympus"}, "no time zone"),
    ],
)
def test_an_account_that_differs_from_others_is_reported(found, change, words):
    result = found({"advertiser/info/": ok({"list": [ACCOUNT | change]})})
    assert states(result, "accounts") == [GOOD, LOOK]
    assert words in result["accounts"][1].text


def test_accounts_of_the_connection_that_the_token_cannot_access(found):
    result = found(advertiser_ids=("71", "72", "73"))
    assert states(result, "accounts") == [GOOD, BAD]
    assert "Advertiser IDs name 72, 73" in result["accounts"][1].text


def test_without_an_app_the_named_accounts_are_looked_at(found, server):
    result = found(app_id="", app_secret="", advertiser_ids=("71",))
    assert states(result, "app") == [LOOK]
    assert states(result, "accounts") == [GOOD]


@pytest.mark.parametrize(
    ("offset", "state", "words"),
    [(0, GOOD, "within 1 s"), (30, GOOD, "within"), (3_600, LOOK, "ahead of"), (-90_000, LOOK, "behind")],
)
def test_the_clock_is_compared_with_tiktoks(found, offset, state, words):
    result = found(clock=lambda: datetime.now(timezone.utc) + timedelta(seconds=offset))
    assert (states(result, "clock"), words in result["clock"][0].text) == ([state], True), result["clock"]


def test_a_host_without_encryption_is_reported(make_client):
    client = make_client(base_url="http://no-such-host.invalid")
    host = next(iter(examine(client, "mine")))
    assert (host.state, "not encrypted" in host.text) == (LOOK, True)


def test_an_app_that_tiktok_slows_down_is_reported(make_client, server):
    from airflow_provider_tiktok.api.retry import RetryPolicy

    client = make_client(shared_budget=False, retry=RetryPolicy(attempts=1, max_throttle_wait=1))
    server.script = [refusal(40100, "App reaches the QPM limit 600")]
    finding = list(examine(client, "mine"))[-1]
    assert (finding.part, finding.state) == ("rate limit", LOOK)
    assert "its limit a minute" in finding.text
