"""Reports that are too much for one call, against a TikTok that refuses what is too large."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokTransportError,
)

from .helpers import FakeClient, all_rows, fetch, old_plan, paged

FIRST = date(2026, 1, 5)
CAMPAIGNS = [str(100 + number) for number in range(40)]
TOO_LARGE = TikTokAPIError("too large", code=40067)


def timed_out() -> TikTokTransportError:
    error = TikTokTransportError("no answer")
    error.timed_out = True
    return error


class World:
    """Each campaign has one ad with figures on every day but the empty ones; more than 30 rows at once are too many."""

    def __init__(self, *, empty=(), faults=()):
        self.empty = {FIRST + timedelta(days=day) for day in empty}
        self.faults = list(faults)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, params):
        self.asked.append(params)
        first, last = (date.fromisoformat(params[f"{end}_date"]) for end in ("start", "end"))
        days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
        days = [day for day in days if day not in self.empty]
        if params["dimensions"] == ["campaign_id"]:
            return paged(
                [
                    {"dimensions": {"campaign_id": name}, "metrics": {"spend": str(len(days))}}
                    for name in CAMPAIGNS
                    if days
                ]
            )(params)
        if self.faults:
            raise self.faults.pop(0)
        wanted = [
            json.loads(item["filter_value"])
            for item in params.get("filtering") or []
            if item["field_name"] == "campaign_ids"
        ]
        names = wanted[0] if wanted else CAMPAIGNS
        rows = [
            {
                "dimensions": {"ad_id": f"{name}1", "stat_time_day": f"{day} 00:00:00"},
                "metrics": {"spend": "1"},
            }
            for day in days
            for name in names
        ]
        if not wanted and len(rows) > 30:
            raise TOO_LARGE
        return paged(rows)(params)


def of_days(world, days, **options):
    client = FakeClient(world)
    last = FIRST + timedelta(days=days - 1)
    return fetch(client, old_plan(client, dimensions="ad_id,stat_time_day", report_end_date=last), **options)


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@pytest.mark.parametrize("empty", [(), (0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_days_without_rows_do_not_fail_a_divided_report(empty, concurrency):
    rows = all_rows(of_days(World(empty=empty), 3, max_concurrency=concurrency))
    days = [(FIRST + timedelta(days=day)).isoformat() for day in range(3) if day not in empty]
    assert [(day, ad) for _, ad, day, _ in rows] == [(day, f"{name}1") for day in days for name in CAMPAIGNS]


def test_a_window_without_rows_that_times_out_once_is_asked_again():
    world = World(empty=(0,), faults=[timed_out()])
    assert all_rows(of_days(world, 1)) == []
    assert [params["dimensions"][0] for params in world.asked] == ["ad_id", "campaign_id", "ad_id"]


def test_a_window_without_rows_that_stays_too_much_fails():
    world = World(empty=(0,), faults=[TOO_LARGE] * 9)
    with pytest.raises((TikTokAPIError, TikTokIncompleteReportError), match="too large"):
        all_rows(of_days(world, 1))


@pytest.mark.parametrize(
    ("metrics", "refused"),
    [
        ("spend,clicks", {"clicks"}),
        ("clicks,spend", {"clicks"}),
        ("spend,impressions,clicks", {"clicks"}),
        ("spend,impressions,clicks,ctr", {"clicks", "ctr"}),
        ("clicks,ctr,spend,impressions", {"clicks", "ctr"}),
    ],
)
def test_metrics_that_are_dropped_in_a_report_divided_by_metrics_leave_the_others(metrics, refused):
    def report(params):
        wrong = refused & set(params["metrics"])
        if not params["metrics"]:
            raise TikTokInvalidRequestError(
                "none", code=40002, message="metrics: Length must be between 1 and 100"
            )
        if len(params["metrics"]) > 1:
            raise TOO_LARGE
        if wrong:
            message = f"Invalid metric fields: ['{wrong.pop()}']"
            raise TikTokInvalidRequestError("wrong", code=40002, message=message)
        values = {name: str(len(name)) for name in params["metrics"]}
        return paged([{"dimensions": {"advertiser_id": "7"}, "metrics": values}])(params)

    client = FakeClient(report)
    plan = old_plan(client, dimensions="advertiser_id", metrics=metrics)
    rows = all_rows(fetch(client, plan, drop_invalid_metrics=True, max_concurrency=1))
    wanted = [None if name in refused else str(len(name)) for name in metrics.split(",")]
    assert [list(row[-len(wanted) :]) for row in rows] == [wanted]
