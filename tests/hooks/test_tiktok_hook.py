"""The hook: from a connection to calls and reports."""

import json
from decimal import Decimal

import pytest
from airflow.models.connection import Connection

from airflow_provider_tiktok.emulator.settings import APP_ID
from airflow_provider_tiktok.exceptions import TikTokConfigError, TikTokError, TikTokInvalidRequestError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.reports.async_reports import poll
from tests.conftest import SECRET, TOKEN, connection_json, needs_bad_extra

pytestmark = pytest.mark.usefixtures("moved_clock")


def ordinary(emulator):
    return [name for name in emulator.world.accounts if name.startswith("71")]


# Airflow 3.3's own Connection.get_hook() still goes through what it deprecates
@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
def test_airflow_gives_this_hook_for_a_connection_of_our_type(emulator, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_MINE", connection_json(emulator.url))
    hook = Connection(conn_id="mine", conn_type="tiktok").get_hook()
    assert type(hook) is TikTokHook
    assert hook.tiktok_conn_id == "mine"


def test_the_token_travels_in_the_header_only(emulator, connect, monkeypatch):
    connect()
    hook = TikTokHook()
    hook.list_advertisers()
    list(
        hook.iter_report(
            dimensions="advertiser_id", advertiser_ids=ordinary(emulator)[0], report_start_date="2026-08-01"
        )
    )
    sent = json.dumps([[call.path, call.query] for call in emulator.calls])
    assert TOKEN not in sent
    assert hook.get_conn().credentials.access_token == TOKEN
    assert TOKEN not in repr(hook.get_conn().credentials)
    assert SECRET not in repr(hook.get_conn().credentials)


def test_listed_advertisers_have_zone_and_currency(emulator, connect):
    connect()
    listed = {item["advertiser_id"]: item for item in TikTokHook().list_advertisers()}
    assert list(listed) == list(emulator.world.accounts)
    for name, account in emulator.world.accounts.items():
        if not account.forbidden:
            assert listed[name] == {
                "advertiser_id": name,
                "advertiser_name": account.name,
                "currency": account.currency,
                "timezone": account.zone,
                "status": "STATUS_ENABLE",
            }


def test_an_account_that_grants_nothing_is_listed_by_name_with_the_others(emulator, connect, forbidden):
    connect()
    listed = {item["advertiser_id"]: item for item in TikTokHook().list_advertisers()}
    assert list(listed) == list(emulator.world.accounts)
    assert listed[forbidden] == {
        "advertiser_id": forbidden,
        "advertiser_name": "Locked Door",
        "currency": None,
        "timezone": None,
        "status": None,
    }
    assert [item["currency"] for item in listed.values()][:3] == ["USD", "EUR", "JPY"]


def test_without_an_app_the_connections_own_accounts_are_listed(emulator, connect):
    one, two = ordinary(emulator)[:2]
    connect(app_id="", app_secret="", advertiser_ids=f"{one}, {two}")
    assert [item["advertiser_id"] for item in TikTokHook().list_advertisers()] == [one, two]
    assert [call.path.rsplit("/", 3)[-3:-1] for call in emulator.calls] == [["advertiser", "info"]]


def test_without_app_and_accounts_listing_says_what_is_missing(emulator, connect):
    connect(app_id="", app_secret="")
    with pytest.raises(TikTokConfigError, match="App ID and App secret"):
        TikTokHook().list_advertisers()


def test_iter_report_gives_the_same_rows_as_the_emulator_holds(emulator, connect):
    connect()
    advertiser_id = ordinary(emulator)[1]
    report = {
        "dimensions": ["adgroup_id", "stat_time_day"],
        "metrics": ["spend", "impressions", "adgroup_name"],
    }
    rows = list(
        TikTokHook().iter_report(
            **report,
            advertiser_ids=advertiser_id,
            report_start_date="2026-08-01",
            report_end_date="2026-09-30",
        )
    )
    held = emulator.world.rows(
        advertiser_id,
        "AUCTION_ADGROUP",
        report["dimensions"],
        report["metrics"],
        "2026-08-01",
        "2026-09-30",
        True,
    )
    expected = {
        (row["dimensions"]["adgroup_id"], row["dimensions"]["stat_time_day"][:10]): (
            Decimal(row["metrics"]["spend"]),
            int(row["metrics"]["impressions"]),
            row["metrics"]["adgroup_name"],
        )
        for row in held
    }
    assert len(rows) == len(held)
    found = {
        (row["adgroup_id"], row["stat_time_day"]): (row["spend"], row["impressions"], row["adgroup_name"])
        for row in rows
    }
    assert found == expected
    assert {type(row["spend"]) for row in rows} == {Decimal}


def test_a_plan_counts_the_first_calls_and_makes_none(emulator, connect):
    connect()
    ids = ordinary(emulator)[:3]
    plan = TikTokHook().plan_report(
        dimensions="ad_id,stat_time_day",
        advertiser_ids=ids,
        report_start_date="2026-01-01",
        report_end_date="2026-03-31",
    )
    assert len(plan) == len(plan.calls) == 3 * 3
    assert [(str(call.window.start), str(call.window.end)) for call in plan.calls[:3]] == [
        ("2026-01-01", "2026-01-30"),
        ("2026-01-31", "2026-03-01"),
        ("2026-03-02", "2026-03-31"),
    ]
    assert emulator.calls == []


def test_unknown_parameters_are_refused(connect):
    connect()
    with pytest.raises(TikTokInvalidRequestError, match="`dimensions`"):
        TikTokHook().plan_report(dimensions="ad_idd")


# -- test_connection -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({}, "Token and app are good; they reach 7 advertiser account(s)."),
        ({"app_id": "", "app_secret": ""}, "The token is good. The connection has neither"),
        (
            {"app_id": "", "app_secret": "", "advertiser_ids": "{one}"},
            "The token is good; it reaches the 1 advertiser",
        ),
    ],
)
def test_a_good_connection_names_its_accounts(emulator, connect, extra, says):
    connect(**{name: value.replace("{one}", ordinary(emulator)[0]) for name, value in extra.items()})
    good, message = TikTokHook().test_connection()
    assert (good, message.startswith(says)) == (True, True), message
    assert len(emulator.calls) <= 2


@pytest.mark.parametrize(
    ("fields", "begins", "advises"),
    [
        ({"password": "revoked-token-1234"}, "Token:", "Authorise the app again"),
        ({"password": ""}, "Connection 'tiktok_default' has no access token", "Put TikTok's access token"),
        ({"extra": {"app_id": APP_ID, "app_secret": "wrong-secret"}}, "App:", "Check App ID and App secret"),
        ({"extra": {"app_id": "7", "app_secret": "s" * 9}}, "App:", "Check App ID and App secret"),
        (
            {"extra": {"advertiser_ids": "1", "app_id": APP_ID, "app_secret": "s" * 9}},
            "Account:",
            "Correct Advertiser IDs",
        ),
        ({"extra": {"advertiser_ids": "1"}}, "Account:", "advertiser_ids"),
        ({"host": "http://127.0.0.1:9"}, "Network:", "Check that the worker reaches the host"),
        ({"host": "ftp://x"}, "The host of connection", "http://127.0.0.1:8765"),
        pytest.param({"extra": "[]"}, "The extra of connection", "JSON object", marks=needs_bad_extra),
    ],
)
def test_a_bad_connection_says_which_part_is_wrong(emulator, monkeypatch, fields, begins, advises):
    good_fields = {"conn_type": "tiktok", "host": emulator.url, "password": TOKEN, "extra": {}}
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", json.dumps(good_fields | fields))
    good, message = TikTokHook().test_connection()
    assert good is False
    assert message.startswith(begins), message
    assert advises in message
    assert len(message) < 2000
    assert TOKEN not in message
    assert "wrong-secret" not in message
    assert len(emulator.calls) <= 2


def test_an_unknown_connection_is_no_exception_either():
    good, message = TikTokHook("missing").test_connection()
    assert good is False
    assert "'missing'" in message


def test_an_authorised_app_without_accounts_is_no_success(emulator, connect):
    connect()
    emulator.configure(accounts=0, empty_account=False)
    good, message = TikTokHook().test_connection()
    emulator.configure(accounts=None, empty_account=True)
    assert good is False
    assert message.startswith(
        "Account: the token is good, but no advertiser account has authorised this app."
    )


def test_iter_report_takes_report_tasks_as_well(emulator, connect, monkeypatch):
    emulator.configure(task_seconds=0.2)
    account = next(name for name in emulator.world.accounts if name.startswith("71"))
    connect(advertiser_ids=account)
    report = {"dimensions": "ad_id,stat_time_day", "metrics": "spend", "report_start_date": "2026-08-01"}
    hook = TikTokHook()
    try:
        assert len(hook.plan_report(mode="async", **report | {"report_end_date": "2026-10-31"})) == 1
        expected = list(hook.iter_report(**report))
        emulator.clear()
        assert list(hook.iter_report(mode="async", **report)) == expected
        assert len([call for call in emulator.calls if call.path.endswith("report/task/create/")]) == 1
        # a file that isn't ready although its check said SUCCESS
        monkeypatch.setattr(poll, "_INITIAL_DELAY", 0.02)
        emulator.set_faults([{"fault": "code:40201", "path": "report/task/download/", "first": 2}])
        assert list(hook.iter_report(mode="async", **report)) == expected
        emulator.configure(task_seconds=60)
        emulator.set_faults([{"fault": "code:40105", "path": "report/task/check/"}])
        with pytest.raises(TikTokError):
            list(hook.iter_report(mode="async", **report))
        assert emulator.tasks[-1].canceled
    finally:
        hook.close()
        emulator.configure(task_seconds=1)
