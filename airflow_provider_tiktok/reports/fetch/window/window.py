"""One window of one account while it is fetched: its pages, and whether together they are complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.reports.fetch.window.calls import FetchSettings, WindowCalls
from airflow_provider_tiktok.reports.fetch.window.checks import join_rows, window_problem
from airflow_provider_tiktok.reports.fetch.window.paged_call import PagedCall
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.storage.buffer import RowBuffer


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
    :param settings: of the report.
    """

    def __init__(self, planned: Sequence[ReportCall], index: int, settings: FetchSettings) -> None:
        self.planned = tuple(planned)
        self.index = index
        self.account = planned[0].account
        self.advertiser_id = planned[0].advertiser_id
        self.attempts = 1
        self.not_before = 0.0
        self.started = clock.monotonic()
        self.rows: RowBuffer | None = None
        self.calls = WindowCalls(self.planned, settings)
        self._settings = settings

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
        self.calls = WindowCalls(self.planned, self._settings)

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
        if problem := window_problem(self.calls, self._settings):
            return problem
        self.rows = join_rows(self.calls.row_calls, self._settings)
        return "" if self.rows is not None else "TikTok gave a row in two parts of the window"
