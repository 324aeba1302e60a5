"""A report's summary, and the names of its files."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_tiktok.exceptions import TikTokPermissionError
from airflow_provider_tiktok.reports.planning.plan import RunTime
from airflow_provider_tiktok.reports.result.manifest import file_name, make_manifest, restates
from airflow_provider_tiktok.reports.result.summary import make_summary

from .helpers import NOW, UTC, FakeClient, all_rows, fetch, items, old_plan, paged, plan

ZONES = {"7": ZoneInfo("Europe/Berlin"), "8": ZoneInfo("America/Los_Angeles")}
DAY_BY_DAY = {"dimensions": "ad_id,stat_time_day"}


def name(partition_by=(), client=None, **parameters) -> str:
    report_plan = old_plan(client or FakeClient(), **parameters)
    return file_name(report_plan, partition_by)


def days(start: str, end: str) -> RunTime:
    return RunTime(NOW, (date.fromisoformat(start), date.fromisoformat(end)))


# the summary


def test_the_summary_says_what_came():
    client = FakeClient(paged(items(3)))
    report = fetch(client, old_plan(client, advertiser_ids="7,8"))
    all_rows(report)
    summary = make_summary(report, client.counts, NOW)
    assert json.loads(json.dumps(summary)) == {
        "row_count": 6,
        "advertiser_ids": ["7", "8"],
        "skipped_advertisers": {},
        "dropped_metrics": [],
        "report_start_date": "2026-01-05",
        "report_end_date": "2026-01-05",
        "account_dates": {},
        "columns": {"advertiser_id": "string", "ad_id": "string", "spend": "decimal"},
        "paths": [],
        "path_count": 0,
        "manifest": None,
        "bytes": 0,
        "api_calls": 2,
        "throttled_calls": 0,
        "suspensions": 0,
        "retried_calls": 0,
        "total_metrics": None,
        "spend": {"": "9.00"},
        "accounts": {
            account: {
                "name": None,
                "currency": None,
                "timezone": None,
                "rows": 3,
                "spend": "4.50",
                "start": "2026-01-05",
                "end": "2026-01-05",
            }
            for account in ("7", "8")
        },
        "days": {},
        "complete": True,
        "final_day": "2026-01-05",
        "final_days": {},
        "is_final": True,
    }


@pytest.mark.parametrize(
    ("now", "berlin", "los_angeles", "is_final"),
    [
        ("2026-01-04 23:29", "2026-01-03", "2026-01-03", False),  # the latency of spend is half an hour
        ("2026-01-04 23:30", "2026-01-04", "2026-01-03", False),
        ("2026-01-05 23:30", "2026-01-05", "2026-01-04", False),
        ("2026-01-06 08:30", "2026-01-05", "2026-01-05", True),
        ("2026-02-01 00:00", "2026-01-05", "2026-01-05", True),
        ("2026-01-03 23:30", "2026-01-03", None, False),
        ("2026-01-03 00:00", None, None, False),
    ],
)
def test_the_last_final_day_is_each_accounts_own(now, berlin, los_angeles, is_final):
    client = FakeClient(paged([]), accounts={"7": "Europe/Berlin", "8": "America/Los_Angeles"})
    report_plan = plan(
        client,
        advertiser_ids="7,8",
        report_start_date="2026-01-03",
        report_end_date="2026-01-05",
        **DAY_BY_DAY,
    )
    report = fetch(client, dataclasses.replace(report_plan, zones=ZONES))
    all_rows(report)
    summary = make_summary(report, client.counts, datetime.fromisoformat(f"{now}+00:00"))
    assert {"7": summary["final_day"], "8": summary["final_day"]} | summary["final_days"] == {
        "7": berlin,
        "8": los_angeles,
    }
    assert len(summary["final_days"]) == (berlin != los_angeles)
    assert summary["is_final"] == is_final


def test_the_last_final_day_is_none_of_an_account_that_was_skipped():
    client = FakeClient(paged([]), accounts={"7": "Europe/Berlin", "8": "America/Los_Angeles"})
    report_plan = plan(client, advertiser_ids="7,8", report_start_date="2026-01-05", **DAY_BY_DAY)
    report = fetch(client, dataclasses.replace(report_plan, zones=ZONES))
    all_rows(report)
    report.result.skipped["7"] = "gone"
    summary = make_summary(report, client.counts, datetime(2026, 1, 5, 23, 30, tzinfo=UTC))
    assert (summary["final_day"], summary["final_days"]) == (None, {})


def test_the_last_final_day_is_found_in_windows_before_the_last():
    client = FakeClient(paged([]))
    hours = {"dimensions": "ad_id,stat_time_hour", "report_start_date": "2026-01-01"}
    report = fetch(client, plan(client, report_end_date="2026-01-09", **hours))
    all_rows(report)
    summary = make_summary(report, client.counts, datetime(2026, 1, 6, 13, tzinfo=UTC))
    assert (summary["final_day"], summary["final_days"], summary["is_final"]) == ("2026-01-05", {}, False)


def test_a_lifetime_has_no_final_day():
    client = FakeClient(paged([]))
    report = fetch(client, old_plan(client, query_lifetime=True))
    all_rows(report)
    summary = make_summary(report, client.counts, NOW)
    assert (summary["final_day"], summary["final_days"]) == (None, {})


def test_a_report_with_a_skipped_account_is_not_complete():
    def answer(params):
        if params["advertiser_id"] == "8":
            raise TikTokPermissionError("not granted", code=40001)
        return paged(items(1))(params)

    client = FakeClient(answer)
    report = fetch(client, old_plan(client, advertiser_ids="7,8"), on_advertiser_error="skip")
    all_rows(report)
    summary = make_summary(report, client.counts, NOW)
    assert (summary["complete"], summary["advertiser_ids"]) == (False, ["7"])
    assert summary["skipped_advertisers"] == {"8": "not granted"}


def test_an_empty_report_has_the_same_columns():
    client = FakeClient(paged([]))
    report = fetch(client, old_plan(client, query_lifetime=True))
    all_rows(report)
    summary = make_summary(report, client.counts, NOW)
    assert summary["columns"] == {"advertiser_id": "string", "ad_id": "string", "spend": "decimal"}
    assert (summary["row_count"], summary["report_start_date"], summary["is_final"]) == (0, None, False)


def test_the_manifest_holds_request_windows_and_counts():
    client = FakeClient(paged([]))
    report = fetch(client, plan(client, run=days("2026-01-01", "2026-02-01"), **DAY_BY_DAY))
    all_rows(report)
    manifest = make_manifest(
        report, make_summary(report, client.counts, NOW), datetime(2026, 11, 22, 12, tzinfo=UTC)
    )
    assert manifest.pop("request")["dimensions"] == ["ad_id", "stat_time_day"]
    assert manifest == {
        "created_at": "2026-11-22T12:00:00+00:00",
        "timezones": {},
        "windows": [
            {"advertiser_id": "7", "start_date": "2026-01-01", "end_date": "2026-01-30"},
            {"advertiser_id": "7", "start_date": "2026-01-31", "end_date": "2026-02-01"},
        ],
        "row_count": 0,
        "skipped_advertisers": {},
        "complete": True,
        "is_final": True,
    }


# names of files


def test_a_file_is_named_after_level_days_and_request():
    assert name().rpartition("_")[0] == "ad_20260105_20260105"
    assert name(["stat_time_day"], **DAY_BY_DAY).rpartition("_")[0] == "ad"
    assert len(name().rpartition("_")[2]) == 12


def test_the_same_request_has_the_same_name():
    written = {"dimensions": '["ad_id"]', "metrics": "spend", "advertiser_ids": ["7", "8"]}
    assert name(advertiser_ids="7,8") == name(**written)


def test_what_changes_no_row_does_not_change_the_name():
    assert name(request_params={"page_size": 10}) == name()
    assert name(order_field="spend", order_type="ASC") == name()


@pytest.mark.parametrize(
    "changed",
    [
        {"advertiser_ids": "8"},
        {"metrics": "spend,clicks"},
        {"dimensions": "campaign_id"},
        {"report_start_date": "2026-01-04"},
        {"filters": '[{"field_name":"ad_ids","filter_type":"IN","filter_value":[1]}]'},
        {"include_deleted": False},
        {"request_params": {"enable_total_metrics": True}},
        {"query_lifetime": True},
    ],
    ids=str,
)
def test_another_request_has_another_name(changed):
    assert name(**changed) != name()


def test_what_the_folders_say_is_not_in_the_name():
    by_day = ["stat_time_day"]
    both = ["stat_time_day", "advertiser_id"]
    later = {**DAY_BY_DAY, "report_start_date": "2026-01-06"}
    assert name(by_day, **DAY_BY_DAY) == name(by_day, **later)
    assert name(by_day, **DAY_BY_DAY) != name(by_day, **DAY_BY_DAY, advertiser_ids="8")
    assert name(both, **DAY_BY_DAY) == name(both, **DAY_BY_DAY, advertiser_ids="8")
    assert name(["advertiser_id"], **DAY_BY_DAY) != name(["advertiser_id"], **later)


def test_every_account_is_one_request_for_all_callers():
    before = FakeClient(app_id="1", app_secret="s", authorised=("7",))
    after = FakeClient(app_id="1", app_secret="s", authorised=("9", "7"))
    assert name(client=before, advertiser_ids="*") == name(client=after, advertiser_ids="*")


# which partitions a run restates


def restated(partition, skipped=(), **parameters) -> bool:
    client = FakeClient()
    report_plan = plan(client, **{"run": days("2026-01-10", "2026-02-15"), **DAY_BY_DAY, **parameters})
    return restates(report_plan, skipped)(partition)


@pytest.mark.parametrize(
    ("partition", "expected"),
    [
        ({"stat_time_day": "2026-01-10"}, True),
        ({"stat_time_day": "2026-02-15"}, True),
        ({"stat_time_day": "2026-01-09"}, False),
        ({"stat_time_day": "2026-02-16"}, False),
        ({"stat_time_day": "2026-01-12", "advertiser_id": "7"}, True),
        ({"stat_time_day": "2026-01-12", "advertiser_id": "8"}, False),
        ({"stat_time_day": "2026-01-12", "ad_id": "1"}, True),
        ({"advertiser_id": "7"}, True),
        ({"advertiser_id": "8"}, False),
        ({"ad_id": "5"}, True),
        ({"stat_time_day": None}, True),
        ({"stat_time_day": ""}, False),
        ({"stat_time_day": "garbage"}, False),
    ],
    ids=str,
)
def test_a_run_restates_its_own_days_and_accounts(partition, expected):
    assert restated(partition) is expected


def test_hours_belong_to_their_day():
    parameters = {"dimensions": "ad_id,stat_time_hour"}
    assert restated({"stat_time_hour": "2026-01-10T23:00:00"}, **parameters) is True
    assert restated({"stat_time_hour": "2026-01-09T23:00:00"}, **parameters) is False


def test_nothing_is_said_about_a_skipped_account():
    parameters = {"advertiser_ids": "7,8"}
    assert restated({"advertiser_id": "8"}, ["8"], **parameters) is False
    assert restated({"advertiser_id": "7", "stat_time_day": "2026-01-10"}, ["8"], **parameters) is True
    assert restated({"stat_time_day": "2026-01-10"}, ["7", "8"], **parameters) is False


def test_a_lifetime_restates_its_accounts():
    parameters = {"dimensions": "ad_id", "query_lifetime": True}
    assert restated({"advertiser_id": "7"}, **parameters) is True
    assert restated({"advertiser_id": "8"}, **parameters) is False
    assert restated({"ad_id": "1"}, **parameters) is True
