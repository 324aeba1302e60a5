"""Fetches the pages of several windows side by side, those of the earliest windows first."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.exceptions import TikTokError, TikTokIncompleteReportError
from airflow_provider_tiktok.reports.fetch.completeness import CompletenessCheck
from airflow_provider_tiktok.reports.fetch.progress import Progress
from airflow_provider_tiktok.reports.fetch.refetch import refetch
from airflow_provider_tiktok.reports.fetch.source import FetchResult
from airflow_provider_tiktok.reports.fetch.window.window import PageJob, WindowFetch
from airflow_provider_tiktok.reports.fetch.worker_pool import Outcome, WorkerPool
from airflow_provider_tiktok.reports.planning.plan import Plan

log = logging.getLogger(__name__)

_LOOK = 0.1  # seconds after which a window in its backoff is looked at again
_TICK = 1.0  # seconds after which the progress is looked at, when nothing comes


class Recovery(Protocol):
    """Decides what follows when a call fails, or when the rows of a window are not complete.

    :param timeouts: how many calls in a row have timed out.
    """

    timeouts: int

    def prepare(self, job: PageJob) -> bool:
        """Change a call before a page of it is fetched; return whether the page is still to be fetched."""

    def succeeded(self) -> None:
        """Note that TikTok answered a call in time."""

    def recover(self, job: PageJob, error: TikTokError) -> TikTokError | None:
        """Change a call that failed so that it may succeed, or return the error of its account."""

    def incomplete(self, window: WindowFetch, problem: str) -> TikTokIncompleteReportError:
        """Return the error of a window whose rows were not those that TikTok counted, in every attempt."""


class PageScheduler:
    """Fetches windows, and returns them complete and in the plan's order.

    One thread calls its methods; the worker pool's threads make one call each.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param windows: yields the plan's windows, each when it is begun.
    :param result: gets the number of calls for windows that are fetched again.
    :param recovery: decides what follows when a call fails.
    :param progress: counts and logs what has come.
    :param on_account_error: called with an account's ID and error when it can't be fetched; raises what ends the report.
    :param concurrency: calls in flight.
    :param waiting: answers that may wait in memory to be read.
    :param on_idle: called, maybe more than once, while the last pages of a window of many pages leave threads idle.
    """

    def __init__(
        self,
        client: TikTokClient,
        plan: Plan,
        windows: Iterator[WindowFetch],
        *,
        result: FetchResult,
        recovery: Recovery,
        progress: Progress,
        on_account_error: Callable[[str, TikTokError], None],
        concurrency: int,
        waiting: int,
        on_idle: Callable[[], None],
    ) -> None:
        self._client = client
        self._path = plan.path
        self._to_open = windows
        self._result = result
        self._recovery = recovery
        self._progress = progress
        self._on_account_error = on_account_error
        self._on_idle = on_idle
        self._completeness = CompletenessCheck()
        self._cancel = threading.Event()
        # windows ahead of the one whose rows come next; enough to keep all threads busy with small ones
        self._open: deque[WindowFetch] = deque()
        self._concurrency = concurrency
        self._lookahead = 4 * concurrency
        self._pool: WorkerPool[PageJob, Answer] = WorkerPool(self._fetch_page, concurrency, waiting=waiting)
        self._end: TikTokError | None = None

    def next_window(self) -> WindowFetch | None:
        """Return the next window in the plan's order, once it is complete; ``None`` after the last one.

        An error that ends the report is raised after the windows that are complete already, so that a checkpoint can
        have their rows.
        """
        while True:
            if self._end is None:
                self._submit()
            if self._open and self._open[0].is_complete:
                return self._open.popleft()
            if self._end is not None:
                raise self._end
            if not self._open:
                # those of an account that failed may still have calls under way, which leave no capacity for another's
                if not self._open_window():
                    return None
                continue
            if self._pool.is_empty:  # all windows that are left are in their backoff
                self._client.wait(_LOOK)
            self._advance(_TICK if not self._pool.is_empty else 0)

    def advance(self) -> None:
        """Deal with one call that has ended, if there is one.

        A page for each batch of rows that is passed on: more would bring rows of later windows, which wait here, while a
        checkpoint has only those that were passed on.
        """
        self._advance(0)

    def close(self) -> None:
        """Drop all windows; don't wait for calls in flight."""
        self._cancel.set()
        self._pool.close()
        for window in self._open:
            window.discard()

    def _submit(self) -> None:
        """Submit as many pages as there is capacity for."""
        # TikTok counts timeouts: until one call has shown what size works, it is one at a time
        while self._pool.has_capacity and (not self._recovery.timeouts or self._pool.is_empty):
            job = self._next_job()
            if job is not None:
                if self._recovery.prepare(job):
                    self._result.refetched += job.window.attempts > 1
                    self._pool.submit(replace(job, timeouts_before=self._recovery.timeouts))
            # a further window is only begun for a thread that has nothing else to do, for its rows take memory
            elif not (self._pool.has_idle and len(self._open) < self._lookahead and self._open_window()):
                return

    def _next_job(self) -> PageJob | None:
        now = clock.monotonic()
        ready = (one for one in self._open if not one.is_complete and one.not_before <= now)
        return next(filter(None, (window.next_job() for window in ready)), None)

    def _open_window(self) -> bool:
        """Begin with the next window, if there is one."""
        window = next(self._to_open, None)
        if window is None:
            return False
        self._open.append(window)
        return True

    def _advance(self, seconds: float) -> None:
        """Deal with one outcome, if there is one, waiting so long for it if need be."""
        outcome = self._pool.next(seconds) if self._end is None else None
        if outcome is not None:
            try:
                self._deal_with(outcome)
            except TikTokError as error:
                self._end = error
                return
            self._submit()
        self._progress.tick(self._count_pages)

    def _count_pages(self) -> tuple[int, int]:
        """Return how many pages are known of in the windows under way, and how many of them have come."""
        under_way = [window for window in self._open if not window.is_complete]
        return sum(window.pages for window in under_way), sum(window.pages_taken for window in under_way)

    def _deal_with(self, outcome: Outcome[PageJob, Answer]) -> None:
        job = outcome.job
        try:
            answer = outcome.future.result()
        except TikTokError as error:
            if self._is_current(job) and (failure := self._recovery.recover(job, error)) is not None:
                self._fail_account(job.window.advertiser_id, failure)
        else:
            self._recovery.succeeded()
            if self._is_current(job):
                self._take(job, answer)

    def _is_current(self, job: PageJob) -> bool:
        return job.window.is_current(job) and job.window in self._open

    def _take(self, job: PageJob, answer: Answer) -> None:
        window = job.window
        try:
            job.call.read_counts(job.page, answer)
            self._submit()  # the next calls are under way while this one's rows are read
            if problem := window.take(job, answer):
                refetch(window, problem, self._recovery.incomplete)
            elif window.pages > self._concurrency and self._pool.has_idle:
                self._on_idle()
        except TikTokError as error:
            self._fail_account(window.advertiser_id, error)
            return
        if window.rows is not None:
            self._progress.window_done(window.pages, len(window.rows))
            seconds = clock.monotonic() - window.started
            self._result.windows.append(
                f"{window}: {len(window.rows):,} rows in {window.pages} page(s), {seconds:.1f} s"
            )

    def _fail_account(self, advertiser_id: str, error: TikTokError) -> None:
        """End the report, or drop the account's windows."""
        self._on_account_error(advertiser_id, error)
        for window in self._open:
            if window.advertiser_id == advertiser_id:
                window.discard()
        self._open = deque(window for window in self._open if window.advertiser_id != advertiser_id)

    def _fetch_page(self, job: PageJob) -> Answer:
        """Make one call; runs in a thread of the worker pool."""
        call = job.call
        subject = call.call.subject(job.page)
        params = {**call.asked.params, "page": job.page}
        answer = self._client.get(
            call.call.path or self._path, params, subject=subject, cancel=self._cancel, **call.call.options
        )
        self._completeness.check(answer, call.metrics, subject)
        return answer
