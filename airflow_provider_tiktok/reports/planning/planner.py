"""Plan a request: its accounts, and the days of each, as calls that TikTok accepts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone, tzinfo
from itertools import groupby
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.endpoints import advertisers
from airflow_provider_tiktok.api.zones import read_zone
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokInvalidRequestError,
)
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.request import ALL_ADVERTISERS, ReportRequest
from airflow_provider_tiktok.reports.params.rules import check_sandbox
from airflow_provider_tiktok.reports.planning.finality import LAST_TO_END, complete_at, corrected_at

log = logging.getLogger(__name__)

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RunTime:
    """The time of a run.

    :param time: the run's point in time, with a time zone.
    :param days: first and last day of the run's data interval; ``None`` if it has none.
    """

    time: datetime
    days: tuple[date, date] | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A request window: one of the date ranges that a report is split into.

    Both days are inclusive, in the account's time zone; ``None`` for a lifetime.
    """

    start: date | None = None
    end: date | None = None

    def __str__(self) -> str:
        return "lifetime" if self.start is None else f"{self.start} to {self.end}"


@dataclass(frozen=True, slots=True)
class ReportCall:
    """The first call of one request window of one account; more pages follow from TikTok's count.

    :param advertiser_id: the account, or the business center that stands for its accounts.
    :param window: the days.
    :param common: TikTok's parameters that are the same for each account, window and page.
    :param parameter: TikTok's parameter for the ID of the account or business center.
    :param part: which part of the window it is, if several calls share one.
    :param campaigns: the campaigns that it is limited to; empty for all.
    :param adgroups: the ad groups that it is limited to; empty for all.
    """

    advertiser_id: str
    window: Window
    common: Mapping[str, Any] = field(repr=False)
    parameter: str = "advertiser_id"
    part: str = ""
    campaigns: tuple[str, ...] = ()
    adgroups: tuple[str, ...] = ()

    @property
    def params(self) -> dict[str, Any]:
        """TikTok's parameters of the first page."""
        return {
            self.parameter: self.advertiser_id,
            **self.common,
            "start_date": self.window.start.isoformat() if self.window.start else None,
            "end_date": self.window.end.isoformat() if self.window.end else None,
            "page": 1,
        }

    def subject(self, page: int) -> str:
        """Return the account, the window and the page of a call, for messages."""
        return f"{self.account}, {self.window}{', ' if self.part else ''}{self.part}, page {page}"

    @property
    def account(self) -> str:
        """The account or business center of the report, for messages."""
        center = self.parameter != "advertiser_id"
        return f"{'business center' if center else 'advertiser'} {self.advertiser_id}"


@dataclass(frozen=True)
class ReportPlan:
    """The calls of a report, in the order of their rows.

    :param request: the report.
    :param advertiser_ids: the accounts, in order, or the business center that stands for its accounts.
    :param calls: the first call of every window.
    :param refused: why accounts can't be planned, by ID: TikTok refuses them, or doesn't send their time zone.
    :param zones: time zones of the accounts, if TikTok was asked.
    :param names: names of the accounts, if TikTok was asked.
    """

    request: ReportRequest
    advertiser_ids: tuple[str, ...]
    calls: tuple[ReportCall, ...]
    refused: dict[str, TikTokAPIError]
    zones: dict[str, tzinfo]
    names: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.calls)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts; none for a report on a business center."""
        return self.advertiser_ids if self.request.kind.account == "advertiser_id" else ()

    @property
    def windows(self) -> list[tuple[ReportCall, ...]]:
        """The calls of each window of each account, in order; nearly always one call each."""
        grouped = groupby(self.calls, key=lambda call: (call.advertiser_id, call.window))
        return [tuple(calls) for _, calls in grouped]

    @property
    def start_date(self) -> date | None:
        """The first day of any account."""
        return min((call.window.start for call in self.calls if call.window.start), default=None)

    @property
    def end_date(self) -> date | None:
        """The last day of any account."""
        return max((call.window.end for call in self.calls if call.window.end), default=None)

    @property
    def span(self) -> str:
        """The days of all accounts together, in words."""
        if self.request.query_lifetime:
            return "lifetime"
        return "days not known" if self.start_date is None else f"{self.start_date} to {self.end_date}"

    def facts(self) -> dict[str, Any]:
        """Return what is known of the report before its rows: accounts and days, as the summary has them."""
        return {
            "advertiser_names": dict(self.names),
            "advertiser_ids": list(self.accounts),
            "report_start_date": self.start_date.isoformat() if self.start_date else None,
            "report_end_date": self.end_date.isoformat() if self.end_date else None,
        }

    @property
    def share_of_quota(self) -> float:
        """The fraction of the daily quota of TikTok's basic level that the calls use."""
        return len(self) / self.request.kind.daily_calls

    def shortest_seconds(self, qps: float) -> float:
        """Return the least time in seconds that the first calls take at a rate limit.

        :param qps: requests per second.
        """
        burst = max(1, int(qps))  # calls that the limiter admits at once
        return max(0, len(self) - 1) // burst * max(1.0, burst / qps)

    def is_final(self, now: datetime) -> bool:
        """Say whether TikTok has stopped completing every account's last day.

        They are final when the day is over in the account's time zone and the latency that TikTok documents
        for the slowest of the report's figures has passed. If a zone is unknown, the day ends when it ends
        everywhere. A lifetime is never final.
        """
        last_days: dict[str, date | None] = {call.advertiser_id: call.window.end for call in self.calls}
        return bool(last_days) and all(
            last is not None and complete_at(self.request, last, self.zones.get(account, LAST_TO_END)) <= now
            for account, last in last_days.items()
        )


def make_plan(
    client: TikTokClient, request: ReportRequest, run: RunTime, *, now: datetime | None = None
) -> ReportPlan:
    """Return the plan of a report. TikTok is asked about the accounts only if the answer matters.

    :param client: for ``"*"`` and for time zones.
    :param request: the report.
    :param run: decides the days if the request names none.
    :param now: the current time; for tests.
    :raises TikTokInvalidRequestError: there is no account.
    """
    if client.credentials.is_sandbox:
        check_sandbox(request.shape)
        if request.is_async:
            raise invalid("mode", "is async, and TikTok's sandbox has no report tasks. Use sync there.")
    ids = _accounts(client, request)
    zones: dict[str, tzinfo] = {}
    names: dict[str, str] = {}
    refused: dict[str, TikTokAPIError] = {}
    if _days_depend_on_zones(request, run):
        zones, details = _zones(client, ids, names)
        unknown = [name for name in ids if name not in zones and name not in details.refused]
        refused = details.refused | {name: _zone_unknown(name, details) for name in unknown}
    elif _finality_depends_on_zones(request, run, now):
        zones = _zones_if_possible(client, ids, names)
    common = request.params()
    filters = request.split_filters()
    calls = [
        ReportCall(
            advertiser_id,
            window,
            {**common, "filtering": filtering} if filtering else common,
            request.kind.account,
            f"filter {number} of {len(filters)}" if len(filters) > 1 else "",
        )
        for advertiser_id in ids
        if advertiser_id not in refused
        for window in _windows(request, _days(request, run, zones.get(advertiser_id)))
        for number, filtering in enumerate(filters, start=1)
    ]
    return ReportPlan(request, ids, tuple(calls), refused, zones, names)


def final_times(
    client: TikTokClient, request: ReportRequest, run: RunTime, *, correction: bool = True, now: datetime
) -> dict[str, datetime]:
    """Return when the figures of each account's last day are final.

    TikTok is asked about the accounts at most, and not at all if the day is final everywhere on Earth.

    :param run: decides the day if the request names none.
    :param correction: wait for TikTok's daily correction, too.
    :return: times in UTC by account, or by the business center that represents its accounts; under an empty name
        if one time is late enough for every account.
    :raises TikTokAPIError: TikTok refuses an account, or doesn't send the time zone that decides its day.
    """
    if request.query_lifetime:
        raise invalid("query_lifetime", "is True, and lifetime figures are never final. Name a day instead.")
    final_at = corrected_at if correction else complete_at
    last = request.end_date or (run.days[1] if run.days else None)
    if last is not None and (everywhere := final_at(request, last, LAST_TO_END)) <= now:
        return {"": everywhere}
    ids = _accounts(client, request)
    zones: dict[str, tzinfo] = {}
    details = advertisers.Details()
    if request.kind.account == "advertiser_id":
        zones, details = _zones(client, ids)
        for error in details.refused.values():
            raise error
    times = {}
    for name in ids:
        if name not in zones and _days_depend_on_zones(request, run):
            raise _zone_unknown(name, details)
        if days := _days(request, run, zones.get(name)):
            times[name] = final_at(request, days[1], zones.get(name, LAST_TO_END))
    return times


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


def _accounts(client: TikTokClient, request: ReportRequest) -> tuple[str, ...]:
    """Return the accounts of a report, or the business center of a report on one."""
    if request.kind.account != "advertiser_id":
        return (str(request.extra[request.kind.account]),)
    ids = _named_accounts(client, request)
    left = tuple(name for name in ids if name not in request.exclude_advertiser_ids)
    if not left:
        raise invalid("exclude_advertiser_ids", "holds every account of the report. Leave at least one.")
    return left


def _named_accounts(client: TikTokClient, request: ReportRequest) -> tuple[str, ...]:
    named = client.credentials.advertiser_ids if request.advertiser_ids is None else request.advertiser_ids
    if not named:
        raise TikTokInvalidRequestError(
            "`advertiser_ids` is given neither to the report nor in the Airflow connection. Name the accounts, or "
            'use "*" for every account that the token reaches.'
        )
    if named == (ALL_ADVERTISERS,):
        ids = tuple(sorted(advertisers.list_authorised(client)))  # TikTok lists them in any order
        if not ids:
            raise TikTokInvalidRequestError(
                '`advertiser_ids` is "*", but no advertiser account has authorised this app. Authorise the app again '
                "and tick the accounts."
            )
        return ids
    return named


def _days_depend_on_zones(request: ReportRequest, run: RunTime) -> bool:
    """Return whether the report covers each account's own last complete day."""
    return (
        request.kind.account == "advertiser_id"
        and not request.query_lifetime
        and request.end_date is None
        and run.days is None
    )


def _finality_depends_on_zones(request: ReportRequest, run: RunTime, now: datetime | None) -> bool:
    """Return whether the last day isn't final everywhere on Earth yet."""
    last = request.end_date or (run.days[1] if run.days else None)
    if request.query_lifetime or last is None or request.kind.account != "advertiser_id":
        return False
    return (now or clock.now()) < complete_at(request, last, LAST_TO_END)


def _zones(
    client: TikTokClient, ids: tuple[str, ...], names: dict[str, str] | None = None
) -> tuple[dict[str, tzinfo], advertisers.Details]:
    """Return the time zones of accounts, and collect the names that come with them.

    :param names: the names are added to it.
    :return: the known zones by account, and TikTok's complete answer.
    """
    details = advertisers.describe(client, ids)
    if names is not None:
        named = {name: advertiser.advertiser_name for name, advertiser in details.found.items()}
        names |= {name: text for name, text in named.items() if text}
    zones = {name: zone for name, found in details.found.items() if (zone := read_zone(found.timezone))}
    return zones, details


def _zones_if_possible(
    client: TikTokClient, ids: tuple[str, ...], names: dict[str, str]
) -> dict[str, tzinfo]:
    """Return the zones if TikTok sends them; only the summary uses them, so the report doesn't need them."""
    try:
        return _zones(client, ids, names)[0]
    except TikTokAPIError as error:
        log.warning("The accounts' time zones are unknown, so the figures count as not final. %s", error)
        return {}


def _zone_unknown(advertiser_id: str, details: advertisers.Details) -> TikTokInvalidRequestError:
    found = details.found.get(advertiser_id)
    problem = (
        f"TikTok names the time zone of advertiser {advertiser_id} {found.timezone!r}, which Python doesn't know"
        if found and found.timezone
        else f"TikTok doesn't send the time zone of advertiser {advertiser_id}"
    )
    return TikTokInvalidRequestError(
        f"{problem}, so its last complete day is unknown. Set `report_start_date`."
    )


def _days(request: ReportRequest, run: RunTime, zone: tzinfo | None) -> tuple[date, date] | None:
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


def _windows(request: ReportRequest, days: tuple[date, date] | None) -> Sequence[Window]:
    if days is None:
        return [Window()]
    if request.is_async and not request.by_day:
        return [Window(*days)]  # a report task may span any number of days
    span = 1 if request.by_day else request.kind.span(request.dimensions)
    periods = [name.removeprefix("stat_time_") for name in request.time_dimensions]
    return split_days(*days, span, next((name for name in periods if name in {"week", "month"}), ""))
