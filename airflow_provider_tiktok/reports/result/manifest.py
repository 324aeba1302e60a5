"""What a folder of a report's files says of itself: its manifest, the names of its files, and which it replaces."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any

from airflow_provider_tiktok.fingerprint import fingerprint_of
from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.planning.plan import Plan, Window
from airflow_provider_tiktok.reports.result.summary import iso_day
from airflow_provider_tiktok.reports.rows.schema import DAY_LENGTH, is_time


def make_manifest(source: RowSource, summary: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Build what a folder's manifest says next to its files."""
    plan = source.plan
    return {
        "created_at": now.isoformat(timespec="seconds"),
        "request": plan.request.params(),
        "timezones": {account: str(zone) for account, zone in plan.zones.items()},
        "windows": [
            {
                plan.request.account: account,
                "start_date": iso_day(window.start),
                "end_date": iso_day(window.end),
            }
            # once each, however many calls it takes
            for account, window in dict.fromkeys((call.advertiser_id, call.window) for call in plan.calls)
        ],
        **{
            name: summary[name]
            for name in ("row_count", "skipped_advertisers", "complete", "is_final")
            if name in summary
        },
    }


def file_name(plan: Plan, partition_by: Collection[str]) -> str:
    """Name the data files of a report in a folder, without extension.

    The same request gives the same name. What the partition folders say (account, day) is left out of
    it, so that a later run which restates a day replaces that day's file.
    """
    unimportant = dict.fromkeys(("page_size", "order_field", "order_type"))  # they change no row
    identity: dict[str, Any] = {**plan.request.params(), **unimportant}
    if plan.request.exclude_advertiser_ids:
        identity["exclude_advertiser_ids"] = sorted(plan.request.exclude_advertiser_ids)
    if plan.request.by_day:
        identity["by_day"] = True
    words = [plan.request.name]
    if "advertiser_id" not in partition_by:
        # "every account" and "the connection's" stay the same request when an account joins
        named = plan.request.advertiser_ids
        # the same accounts in another order are the same request: two files of them would count each row twice
        identity["advertiser_ids"] = sorted(named) if named else "the connection's"
    if not any(map(is_time, partition_by)):
        identity["days"] = [iso_day(plan.start_date), iso_day(plan.end_date)]
        words += [day.strftime("%Y%m%d") for day in (plan.start_date, plan.end_date) if day]
    return "_".join((*words, fingerprint_of(identity, 12)))


def restates(plan: Plan, skipped: Collection[str]) -> Callable[[Mapping[str, str | None]], bool]:
    """Return a test for partitions: whether a run of this plan replaces what is in them.

    :param skipped: accounts that it has no rows of.
    """
    said: dict[str, list[Window]] = {}
    for call in plan.calls:
        if call.advertiser_id not in skipped:
            said.setdefault(call.advertiser_id, []).append(call.window)

    def test(partition: Mapping[str, str | None]) -> bool:
        # a report on a business center says something about every account that has a partition
        account = partition.get("advertiser_id") if plan.accounts else None
        if skipped and not account:
            return False  # it may hold rows of theirs
        windows = said.get(account, []) if account else [window for each in said.values() for window in each]
        times = [partition[name] for name in partition if is_time(name)]
        if not times:
            return bool(windows)
        if times[0] is None:  # the folder of rows without a day
            return bool(windows)
        try:
            day = date.fromisoformat(times[0][:DAY_LENGTH])
        except ValueError:
            return False
        return any(window.start <= day <= window.end for window in windows if window.start and window.end)

    return test
