"""Runs a plan page by page: every page of every window, complete or failed, in a deterministic order."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Iterator
from typing import Any

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.exceptions import TikTokError, TikTokIncompleteReportError
from airflow_provider_tiktok.reports.fetch.collectors import Encode, row_budget
from airflow_provider_tiktok.reports.fetch.dropped_metrics import DroppedMetrics
from airflow_provider_tiktok.reports.fetch.failures import FAIL, AccountFailures
from airflow_provider_tiktok.reports.fetch.progress import Progress
from airflow_provider_tiktok.reports.fetch.recovery import CallRecovery
from airflow_provider_tiktok.reports.fetch.scheduler import PageScheduler
from airflow_provider_tiktok.reports.fetch.source import FetchResult, Position, page_rows
from airflow_provider_tiktok.reports.fetch.totals import total_metrics
from airflow_provider_tiktok.reports.fetch.window.calls import FetchSettings
from airflow_provider_tiktok.reports.fetch.window.window import WindowFetch
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.planning.plan import ReportPlan
from airflow_provider_tiktok.reports.planning.reconcile import Reconciliation
from airflow_provider_tiktok.reports.rows.reader import RowReader
from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer

log = logging.getLogger(__name__)

_WAITING_CELLS = 250_000  # cells of answers that wait to be read: some 25 MiB
_NAMED = 20  # accounts that a message names


class PagedSource:
    """Fetches the rows of a plan page by page.

    Pages, windows and accounts are fetched side by side, and rows are passed on in the plan's order. The rows
    of a window are buffered until TikTok's own count is met and no key came twice; else the window is fetched
    again, and after three times the report fails. What is oversized for one call is split.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param encode: makes of a page what the reader of :meth:`batches` wants of each of its rows. The rows as they are if
        not given.
    :param max_concurrency: calls in flight.
    :param on_advertiser_error: as :class:`~airflow_provider_tiktok.reports.fetch.failures.AccountFailures`'s.
    :param drop_invalid_metrics: go on without the metrics that TikTok refuses by name; their column is null.
    :param reconciliation: compares every window's spend with the account's own.
    :param resume_from: where an earlier fetch has left off, and what it brought until there.
    """

    def __init__(
        self,
        client: TikTokClient,
        plan: ReportPlan,
        *,
        encode: Encode = page_rows,
        max_concurrency: int = 8,
        on_advertiser_error: str = FAIL,
        drop_invalid_metrics: bool = False,
        reconciliation: Reconciliation | None = None,
        resume_from: tuple[Position, FetchResult] | None = None,
    ) -> None:
        self._failures = AccountFailures(on_advertiser_error, plan.advertiser_ids)
        if max_concurrency < 1:
            raise invalid("max_concurrency", f"must be 1 or more, not {max_concurrency}.")
        self.plan = plan
        self.reader = RowReader(plan.request)
        self._position, self.result = resume_from or (Position(), FetchResult())
        self.reader.seen_metrics = set(self.result.seen_metrics)
        self._failures.resume(self.result.skipped)
        self._dropped = DroppedMetrics(
            plan.request, allowed=drop_invalid_metrics, by_account=self.result.dropped
        )
        columns = len(self.reader.schema.columns)
        budget = row_budget(columns)
        self._settings = FetchSettings(plan.request, self.reader, encode, budget, reconciliation)
        self._windows = plan.windows[self._position.windows :]
        self._windows_left = Counter(calls[0].advertiser_id for calls in self._windows)
        self._account_rows = _AccountRows(budget)
        self._progress = Progress(
            len(plan.advertiser_ids),
            len(self._windows),
            client.credentials.qps,
            lambda: client.counts.api_calls,
        )
        waiting = max(1, _WAITING_CELLS // (columns * plan.request.page_size))
        self._scheduler = PageScheduler(
            client,
            plan,
            self._open_windows(),
            result=self.result,
            recovery=CallRecovery(plan.request, self._dropped),
            progress=self._progress,
            on_account_error=self._fail_account,
            concurrency=max_concurrency,
            waiting=min(waiting, max_concurrency),
        )

    @property
    def position(self) -> Position:
        """The last place up to which the rows passed on were those of complete windows, and accounts where one may fail.

        It stays before an account that has failed, unless that is to be skipped.

        It moves when the batch after that place is asked for.
        """
        return self._position

    @property
    def total_metrics(self) -> dict[str, Any] | None:
        """TikTok's totals by metric, if they were asked for."""
        return total_metrics(self.plan.request.report_type, self.result.totals)

    def batches(self) -> Generator[list[Any], None, None]:
        """Yield the rows, about a thousand at a time.

        :raises TikTokIncompleteReportError: the rows of a window could not be made complete.
        :raises TikTokAPIError: TikTok refused.
        """
        try:
            for advertiser_id, error in self.plan.refused.items():
                if advertiser_id not in self._failures:
                    self._fail_account(advertiser_id, error)
            self._warn_of_multi_window_rows()
            while window := self._scheduler.next_window():
                for batch in self._rows_of(window):
                    self.result.row_count += len(batch)
                    yield batch
                    self._scheduler.advance()
                if self._account_rows.is_empty and not self._failures.fail_the_report:
                    totals = len(self.result.totals)
                    self._position = Position(window.index + 1, self.result.row_count, totals)
        finally:
            # after an error, or when the reader has had enough, calls in flight must not hold the task up
            self._scheduler.close()
            self._account_rows.discard()
        self._check_no_window_is_missing()
        self.reader.dropped = self._dropped.names
        self.reader.finish(self.result.row_count)
        self._failures.raise_at_end()

    def _open_windows(self) -> Iterator[WindowFetch]:
        """Yield the windows that are to be fetched, but for those of accounts that failed meanwhile."""
        for index, calls in enumerate(self._windows, self._position.windows):
            if calls[0].advertiser_id not in self._failures:
                yield WindowFetch(calls, index, self._settings)

    def _rows_of(self, window: WindowFetch) -> Iterator[list[Any]]:
        """Yield the rows of a window, or, where accounts may be skipped, of its account after its last window."""
        assert window.rows is not None  # noqa: S101 - it is complete
        account = window.advertiser_id
        self.result.totals += [(account, totals) for totals in window.totals]
        self._windows_left[account] -= 1
        if self._failures.policy == FAIL:
            with window.rows as rows:
                yield from rows.batches()
        else:
            # rows of an account that fails in a later window must not have been passed on
            self._account_rows.add(account, window.rows)
        if not self._windows_left[account]:
            self._progress.accounts_done += 1
            yield from self._account_rows.release()

    def _fail_account(self, advertiser_id: str, error: TikTokError) -> None:
        """Record that an account failed, and drop what it brought.

        :raises TikTokError: it ends the report.
        """
        self._failures.record(advertiser_id, error)
        self.result.skipped = self._failures.skipped
        self.result.totals = [item for item in self.result.totals if item[0] != advertiser_id]
        self._account_rows.discard_of(advertiser_id)

    def _warn_of_multi_window_rows(self) -> None:
        """Warn when rows of several windows can't be distinguished, or are in several orders."""
        request, windows = self.plan.request, self.plan.windows
        if request.order_field and len(self.plan) > 1:
            log.warning(
                "TikTok orders each of the %d calls by %s by itself; the rows as a whole are not in that order.",
                len(self.plan),
                request.order_field,
            )
        if not (request.time_dimensions or request.by_day) and len(windows) > len(self._windows_left):
            log.warning(
                "TikTok sums up at most %d days without a time dimension, so each entity has a row for each window of them. "
                "Counts and money of these rows may be added up, people and rates may not; add stat_time_day to tell "
                "them apart.",
                request.kind.span(request.dimensions),
            )

    def _check_no_window_is_missing(self) -> None:
        """Check that every window of the plan has been passed on, but for those of accounts that failed."""
        left = [name for name, count in self._windows_left.items() if count and name not in self._failures]
        if left:
            raise TikTokIncompleteReportError(
                f"Windows of {len(left)} advertiser account(s) were not fetched: {', '.join(left[:_NAMED])}. This is a "
                "mistake in airflow-provider-tiktok; please report it. Running the task again may help."
            )


class _AccountRows:
    """The rows of an account's complete windows, until its last one is complete.

    :param budget: for rows in memory.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._advertiser_id = ""
        self._rows: RowBuffer | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no rows are here."""
        return self._rows is None

    def add(self, advertiser_id: str, rows: RowBuffer) -> None:
        """Move the rows of a window here."""
        self._advertiser_id = advertiser_id
        self._rows = self._rows or RowBuffer(keep_order=True, budget=self._budget)
        with rows:
            for batch in rows.batches():
                self._rows.add([()] * len(batch), batch)

    def release(self) -> Iterator[list[Any]]:
        """Yield all rows; none are here then."""
        rows, self._rows = self._rows, None
        if rows is not None:
            with rows:
                yield from rows.batches()

    def discard_of(self, advertiser_id: str) -> None:
        """Drop the rows, if they are an account's."""
        if self._advertiser_id == advertiser_id:
            self.discard()

    def discard(self) -> None:
        """Drop the rows."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None
