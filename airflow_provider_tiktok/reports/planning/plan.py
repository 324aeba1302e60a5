"""The plan of a report: its calls, each of one account and one request window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from itertools import groupby, islice
from typing import Any, Protocol

from airflow_provider_tiktok.api.endpoints.advertisers import Advertiser
from airflow_provider_tiktok.exceptions import TikTokAPIError
from airflow_provider_tiktok.reports.params.model import ReportRequest, Request
from airflow_provider_tiktok.reports.planning.finality import LAST_TO_END, complete_at, complete_until

_SHOWN = 20  # accounts


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
    """The first call of one request window of one account, or of one sweep of a list; more pages follow from TikTok's count.

    :param advertiser_id: the account, or the business center that represents its accounts.
    :param window: the days.
    :param common: TikTok's parameters that are the same for each account, window and page.
    :param parameter: TikTok's parameter for the ID of the account or business center.
    :param part: which part of the window it is, if several calls share one.
    :param campaigns: the campaigns that it is limited to; empty for all.
    :param adgroups: the ad groups that it is limited to; empty for all.
    :param list_key: where ``data`` has the rows.
    :param reach: how many of the rows TikTok gives at most; ``None`` for all.
    :param path: TikTok's endpoint, where it isn't the plan's.
    :param options: further arguments of :meth:`~airflow_provider_tiktok.api.client.TikTokClient.get`.
    """

    advertiser_id: str
    window: Window
    common: Mapping[str, Any] = field(repr=False)
    parameter: str = "advertiser_id"
    part: str = ""
    campaigns: tuple[str, ...] = ()
    adgroups: tuple[str, ...] = ()

    list_key: str = "list"
    reach: int | None = None
    path: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

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


class Plan(Protocol):
    """The calls of a report or of a list of entities, in the order of their rows."""

    @property
    def request(self) -> Request:
        """What was asked for."""

    @property
    def advertiser_ids(self) -> tuple[str, ...]:
        """The accounts, in order, or the business center that represents its accounts."""

    @property
    def calls(self) -> tuple[ReportCall, ...]:
        """The first call of every window."""

    @property
    def refused(self) -> Mapping[str, TikTokAPIError]:
        """Why accounts can't be planned, by ID."""

    @property
    def zones(self) -> Mapping[str, tzinfo]:
        """Time zones of the accounts, if TikTok was asked."""

    @property
    def described(self) -> Mapping[str, Advertiser] | None:
        """What TikTok said of the accounts; ``None`` if it wasn't asked."""

    @property
    def path(self) -> str:
        """TikTok's endpoint."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts; none for a report on a business center."""

    @property
    def start_date(self) -> date | None:
        """The first day of any account."""

    @property
    def end_date(self) -> date | None:
        """The last day of any account."""

    @property
    def windows(self) -> list[tuple[ReportCall, ...]]:
        """The calls of each window of each account, in order."""

    def facts(self) -> dict[str, Any]:
        """Return what is known before the first row, as the summary has it."""

    def decided(self) -> dict[str, Any]:
        """Return what is fetched, for people who read the task's rendered fields."""


@dataclass(frozen=True)
class ReportPlan:
    """The calls of a report, in the order of their rows.

    :param request: the report.
    :param advertiser_ids: the accounts, in order, or the business center that represents its accounts.
    :param calls: the first call of every window.
    :param refused: why accounts can't be planned, by ID: TikTok refuses them, or doesn't send their time zone.
    :param zones: time zones of the accounts, if TikTok was asked.
    :param described: what TikTok said of the accounts; ``None`` if it wasn't asked.
    """

    request: ReportRequest
    advertiser_ids: tuple[str, ...]
    calls: tuple[ReportCall, ...]
    refused: dict[str, TikTokAPIError]
    zones: dict[str, tzinfo]
    described: Mapping[str, Advertiser] | None = None

    def __len__(self) -> int:
        return len(self.calls)

    @property
    def path(self) -> str:
        """TikTok's endpoint."""
        return self.request.kind.endpoint(self.request.dimensions)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts; none for a report on a business center."""
        return self.advertiser_ids if self.request.kind.account == "advertiser_id" else ()

    @property
    def windows(self) -> list[tuple[ReportCall, ...]]:
        """The calls of each window of each account, in order; nearly always one call each."""
        return windows_in(self.calls)

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
            "advertiser_names": {
                name: found.advertiser_name
                for name, found in (self.described or {}).items()
                if found.advertiser_name
            },
            "advertiser_ids": list(self.accounts),
            "report_start_date": self.start_date.isoformat() if self.start_date else None,
            "report_end_date": self.end_date.isoformat() if self.end_date else None,
        }

    def decided(self) -> dict[str, Any]:
        """Return what is fetched, for people who read the task's rendered fields."""
        request = self.request
        days: dict[str, Window] = {}
        for call in self.calls:
            first = days.get(call.advertiser_id, call.window)
            days[call.advertiser_id] = Window(first.start, call.window.end)
        return {
            "report_type": request.report_type,
            "data_level": request.data_level,
            "dimensions": list(request.dimensions),
            "metrics": list(request.metrics),
            "filters": request.filters if isinstance(request.filters, dict) else list(request.filters),
            "accounts": first_of({name: str(window) for name, window in days.items()}),
            "windows": len(self.windows),
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
        """Return whether TikTok has stopped completing every account's last day.

        They are final when the day is over in the account's time zone and the latency that TikTok documents
        for the slowest of the report's figures has passed. If a zone is unknown, the day ends when it ends
        everywhere. A lifetime is never final.
        """
        time = self.final_time()
        return time is not None and time <= now

    def final_time(self) -> datetime | None:
        """Return from when on :meth:`is_final` holds; ``None`` if it never does."""
        last_days = {call.advertiser_id: call.window.end for call in self.calls}
        times = [
            complete_at(self.request, last, self.zones.get(account, LAST_TO_END))
            for account, last in last_days.items()
            if last is not None
        ]
        return max(times) if times and len(times) == len(last_days) else None

    def final_days(self, now: datetime) -> dict[str, date | None]:
        """Return the last day of each account that TikTok has stopped completing; ``None`` where it completes all.

        Accounts differ by their time zones. The last day that is loaded is among them where :meth:`is_final` holds.
        """
        days: dict[str, date | None] = {}
        for account, calls in groupby(self.calls, key=lambda call: call.advertiser_id):
            until = complete_until(self.request, now, self.zones.get(account, LAST_TO_END))
            windows = (call.window for call in calls)
            final = (
                min(each.end, until) for each in windows if each.start and each.end and each.start <= until
            )
            days[account] = max(final, default=None)
        return days


def first_of(accounts: Mapping[str, str]) -> dict[str, Any]:
    """Return the first accounts, and how many more there are: Airflow cuts long fields off."""
    more = len(accounts) - _SHOWN
    return dict(islice(accounts.items(), _SHOWN)) | ({"more": more} if more > 0 else {})


def windows_in(calls: Iterable[ReportCall]) -> list[tuple[ReportCall, ...]]:
    """Return the calls of each window of each account, in order."""
    grouped = groupby(calls, key=lambda call: (call.advertiser_id, call.window))
    return [tuple(calls) for _, calls in grouped]
