"""One window of one account while it is fetched: its pages, and whether together they are complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.reports.fetch.window.calls import RowCall
from airflow_provider_tiktok.reports.fetch.window.paged_call import PagedCall
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.reports.rows.tally import tally_text
from airflow_provider_tiktok.storage.buffer import RowBuffer


class Calls(Protocol):
    """The calls of one window."""

    @property
    def row_calls(self) -> Sequence[RowCall]:
        """Those that bring the window's rows."""

    @property
    def is_complete(self) -> bool:
        """Whether all pages of all calls have come."""

    def all(self) -> Sequence[PagedCall]:
        """Return the calls whose pages are to be fetched."""

    def complete(self, call: PagedCall) -> None:
        """Do what follows from a call that is complete."""

    def clear(self) -> None:
        """Drop all rows."""


@dataclass(frozen=True, slots=True)
class Making:
    """How windows are made of calls.

    :param new_calls: returns the calls of a window that the plan has.
    :param join: returns the rows of complete calls, or what is wrong with them together.
    """

    new_calls: Callable[[Sequence[ReportCall]], Calls]
    join: Callable[[Any], RowBuffer | str]


@dataclass(frozen=True, slots=True)
class PageJob:
    """One page to fetch.

    :param attempt: of the call; the page is of no use once that has restarted.
    :param timeouts_before: how many calls in a row had timed out when it was made.
    """

    window: WindowFetch
    call: PagedCall
    attempt: int
    page: int
    timeouts_before: int = 0


class WindowFetch:
    """Fetches one window.

    :param planned: the plan's calls for it.
    :param index: which of the plan's windows it is.
    :param making: makes calls of it, and rows of those.
    """

    def __init__(self, planned: Sequence[ReportCall], index: int, making: Making) -> None:
        self.planned = tuple(planned)
        self.index = index
        self.account = planned[0].account
        self.advertiser_id = planned[0].advertiser_id
        self.attempts = 1
        self.not_before = 0.0
        self.started = clock.monotonic()
        self.rows: RowBuffer | None = None
        self.calls = making.new_calls(self.planned)
        self._making = making

    def __str__(self) -> str:
        return f"{self.account}, {self.planned[0].window}"

    @property
    def is_complete(self) -> bool:
        """Whether its rows are there and checked."""
        return self.rows is not None

    @property
    def pages(self) -> int:
        """How many pages are known of."""
        return sum(call.pages for call in self.calls.all())

    @property
    def pages_taken(self) -> int:
        """How many of them have come."""
        return sum(min(call.pages_taken, call.pages) for call in self.calls.all())

    @property
    def totals(self) -> list[dict[str, Any]]:
        """TikTok's ``total_metrics`` of each call that has rows; empty where it sent none."""
        calls = [one.call for one in self.calls.row_calls]
        return [dict(call.totals or {}) for call in calls if call.totals or call.rows]

    @property
    def tally(self) -> str:
        """The figures of its rows by account and day, as text."""
        return tally_text(one.collector.tally.by_day() for one in self.calls.row_calls)

    @property
    def is_cut(self) -> bool:
        """Whether TikTok has, or may have, more rows than it gives."""
        return any(one.call.is_cut for one in self.calls.row_calls)

    def next_job(self) -> PageJob | None:
        """Return the next page to fetch; ``None`` when all known ones are under way."""
        for call in self.calls.all():
            if (page := call.next_page()) is not None:
                return PageJob(self, call, call.attempt, page)
        return None

    def is_current(self, job: PageJob) -> bool:
        """Return whether a page is still of use."""
        return (
            not self.is_complete
            and job.attempt == job.call.attempt
            and not job.call.is_complete
            and any(call is job.call for call in self.calls.all())
        )

    def take(self, job: PageJob, answer: Answer) -> str:
        """Collect a page whose counts are read.

        :return: what is wrong with the window, if that shows now; it must be fetched again then.
        """
        job.call.take(job.page, answer)
        if not job.call.is_complete:
            return ""
        if problem := job.call.problem():
            return problem
        self.calls.complete(job.call)
        return self._finish() if self.calls.is_complete else ""

    def restart(self) -> None:
        """Fetch everything again."""
        self.attempts += 1
        self.discard()
        self.calls = self._making.new_calls(self.planned)

    def discard(self) -> None:
        """Drop all rows."""
        self.calls.clear()
        if self.rows is not None:
            self.rows.close()
            self.rows = None

    def doubled_times(self) -> set[str]:
        """Return the times of the rows that came twice, in a report that has a time."""
        return {time for one in self.calls.row_calls for time in one.collector.doubled_times()}

    def _finish(self) -> str:
        """Check the window, and join its rows; return what is wrong, if anything."""
        joined = self._making.join(self.calls)
        if isinstance(joined, str):
            return joined
        self.rows = joined
        return ""
