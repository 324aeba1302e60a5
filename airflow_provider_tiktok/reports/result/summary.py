"""What a report says of itself in XCom: its summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from airflow_provider_tiktok.api.client import CallCounts
from airflow_provider_tiktok.reports.fetch.source import ReportSource, RowSource
from airflow_provider_tiktok.reports.planning.plan import ReportPlan
from airflow_provider_tiktok.reports.result.accounts import AccountFigures, Describe
from airflow_provider_tiktok.reports.rows.tally import SPEND


def summarize_entities(source: RowSource, counts: CallCounts, describe: Describe) -> dict[str, Any]:
    """Build the summary of a list of entities.

    :param source: the source whose rows have all come.
    :param counts: the calls it took.
    :param describe: asks TikTok for names and currencies of accounts.
    """
    accounts = AccountFigures(source, describe).as_dict()["accounts"]
    return {**count_rows(source, counts), "accounts": accounts}


def count_rows(source: RowSource, counts: CallCounts) -> dict[str, Any]:
    """Return what every summary says, of a report or of a list of entities. It names no files yet.

    :param source: the source whose rows have all come.
    :param counts: the calls it took.
    """
    result = source.result
    return {
        "row_count": result.row_count,
        "advertiser_ids": [name for name in source.plan.accounts if name not in result.skipped],
        "skipped_advertisers": dict(result.skipped),
        "columns": dict(source.reader.schema.columns),
        "paths": [],
        "path_count": 0,
        "manifest": None,
        "bytes": 0,
        "api_calls": counts.api_calls,
        "throttled_calls": counts.throttled_calls,
        "suspensions": counts.suspensions,
        "retried_calls": counts.retried_calls + result.refetched,
        "complete": not (result.skipped or result.cut),
    }


def make_summary(
    source: ReportSource, counts: CallCounts, now: datetime, describe: Describe = lambda _: {}
) -> dict[str, Any]:
    """Build the summary that goes to XCom: small, and plain JSON.

    :param source: the source whose rows have all come.
    :param counts: the calls it took.
    :param now: decides whether the figures are final.
    :param describe: asks TikTok for names and currencies of accounts.
    """
    plan = source.plan
    skipped = source.result.skipped
    figures = AccountFigures(source, describe, has_spend=SPEND in plan.request.metrics)
    dates = account_days(plan)
    told = figures.as_dict(dates)
    usual = (iso_day(plan.start_date), iso_day(plan.end_date))
    return {
        **count_rows(source, counts),
        "dropped_metrics": sorted({name for names in source.result.dropped.values() for name in names}),
        "report_start_date": iso_day(plan.start_date),
        "report_end_date": iso_day(plan.end_date),
        "account_dates": {
            name: list(days) for name, days in dates.items() if days != usual and name not in skipped
        },
        "total_metrics": source.total_metrics,
        **told,
        **_final_days(source, now, told["accounts"]),
        "is_final": plan.is_final(now),
    }


def _final_days(source: ReportSource, now: datetime, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last final day of most accounts, and those of the named ones that have another."""
    days = {
        name: iso_day(day)
        for name, day in source.plan.final_days(now).items()
        if name not in source.result.skipped
    }
    [(usual, _)] = Counter(days.values()).most_common(1) or [(None, 0)]
    return {
        "final_day": usual,
        "final_days": {name: day for name, day in days.items() if day != usual and name in named},
    }


def account_days(plan: ReportPlan) -> dict[str, tuple[str | None, str | None]]:
    """Return the first and last day of each account."""
    first: dict[str, date | None] = {}
    last: dict[str, date | None] = {}
    for call in plan.calls:
        first.setdefault(call.advertiser_id, call.window.start)
        last[call.advertiser_id] = call.window.end
    return {name: (iso_day(start), iso_day(last[name])) for name, start in first.items()}


def iso_day(day: date | None) -> str | None:
    """Return a day as ISO 8601, and no day as ``None``."""
    return day.isoformat() if day else None
