"""Compute when a day's figures are final: TikTok completes and corrects them after the day is over."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone, tzinfo

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.model import ReportRequest

LAST_TO_END = timezone(timedelta(hours=-12))
"""The zone on Earth where a day ends last: the safe choice for an account whose time zone is unknown."""

CORRECTION = time(12, tzinfo=timezone.utc)
"""When TikTok corrects the figures of the day before (document 1738864894606337). Its FAQ says 08:00 UTC: the later
one is safe."""

_ONE_DAY = timedelta(days=1)


def complete_at(request: ReportRequest, day: date, zone: tzinfo) -> datetime:
    """Return the time from which TikTok adds nothing more to a day's figures.

    By then the day is over in the account's time zone, and the latency that TikTok documents for the
    slowest of the report's figures has passed.

    :param zone: the account's time zone.
    :return: in UTC.
    """
    return _end_of(day, zone) + _latency(request)


def complete_until(request: ReportRequest, now: datetime, zone: tzinfo) -> date:
    """Return the last day to whose figures TikTok adds nothing more.

    :param now: with a time zone.
    :param zone: the account's time zone.
    """
    return (now - _latency(request)).astimezone(zone).date() - _ONE_DAY


def corrected_at(request: ReportRequest, day: date, zone: tzinfo) -> datetime:
    """Return the time from which a day's figures are complete and corrected.

    The correction that counts is the first one that covers the complete day, real-time figures included.

    :param zone: the account's time zone.
    :return: in UTC.
    """
    shown = _end_of(day, zone) + catalog.REAL_TIME_LATENCY
    correction = datetime.combine(shown.date(), CORRECTION)
    if correction < shown:
        correction += _ONE_DAY
    return max(correction, complete_at(request, day, zone))


def _latency(request: ReportRequest) -> timedelta:
    return catalog.latency((*request.dimensions, *request.metrics), request.report_type)


def _end_of(day: date, zone: tzinfo) -> datetime:
    # in UTC, because adding to a local time ignores the clock changes twice a year
    return datetime.combine(day + _ONE_DAY, time.min, zone).astimezone(timezone.utc)
