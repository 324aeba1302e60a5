"""Decide the days of a report, and split them into request windows that TikTok accepts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta, timezone, tzinfo

from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.planning.plan import RunTime, Window

_ONE_DAY = timedelta(days=1)


def days_of(request: ReportRequest, run: RunTime, zone: tzinfo | None) -> tuple[date, date] | None:
    """Return the first and the last day, from the request, the run, or the account's own calendar."""
    if request.query_lifetime:
        return None
    if request.start_date is not None and request.end_date is not None:
        start, end = request.start_date, request.end_date
    elif run.days is not None:
        start, end = run.days
    elif request.kind.account != "advertiser_id":
        # a business center has accounts of many time zones; TikTok doesn't document which one its days are in
        start = end = run.time.astimezone(timezone.utc).date() - _ONE_DAY
    else:
        start = end = run.time.astimezone(zone).date() - _ONE_DAY
    try:
        return start - timedelta(days=request.lookback_days), end
    except OverflowError:
        raise invalid(
            "lookback_days",
            f"is {request.lookback_days}, which goes back before the calendar begins. Use fewer days.",
        ) from None


def windows_of(request: ReportRequest, days: tuple[date, date] | None) -> Sequence[Window]:
    """Return the request windows of a report for its days; ``None`` means a lifetime."""
    if days is None:
        return [Window()]
    if request.is_async and not request.by_day:
        return [Window(*days)]  # a report task may span any number of days
    span = 1 if request.by_day else request.kind.span(request.dimensions)
    periods = [name.removeprefix("stat_time_") for name in request.time_dimensions]
    return split_days(*days, span, next((name for name in periods if name in {"week", "month"}), ""))


def split_days(start: date, end: date, max_days: int, period: str = "") -> Sequence[Window]:
    """Split a date range, both days inclusive, into windows without gap or overlap.

    :param max_days: days that a window has at most.
    :param period: ``week`` or ``month`` if no window may end inside one, because its row would come twice.
    """
    step = timedelta(days=max_days)
    windows = []
    while start <= end:
        last = min(end, start + step - _ONE_DAY)
        if last < end and period:
            last = _first_day(last + _ONE_DAY, period) - _ONE_DAY
        windows.append(Window(start, last))
        start = last + _ONE_DAY
    return windows


def _first_day(day: date, period: str) -> date:
    """Return the first day of a day's week or month."""
    return day - timedelta(days=day.weekday()) if period == "week" else day.replace(day=1)
