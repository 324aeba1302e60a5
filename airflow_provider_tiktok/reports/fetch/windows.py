"""Fetches the windows of a plan: every page of every window, complete or failed, in a deterministic order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from typing import Any

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.exceptions import TikTokError, TikTokIncompleteReportError
from airflow_provider_tiktok.reports.fetch.failures import FAIL, AccountFailures
from airflow_provider_tiktok.reports.fetch.progress import Progress
from airflow_provider_tiktok.reports.fetch.scheduler import PageScheduler, Recovery
from airflow_provider_tiktok.reports.fetch.source import FetchResult, Position
from airflow_provider_tiktok.reports.fetch.window.window import Making, WindowFetch
from airflow_provider_tiktok.reports.planning.plan import Plan
from airflow_provider_tiktok.reports.rows.reader import Reader
from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer

_WAITING_CELLS = 250_000  # cells of answers that wait to be read: some 25 MiB
_NAMED = 20  # accounts that a message names


class WindowSource:
    """Fetches the windows of a plan, page by page.

    Pages, windows and accounts are fetched side by side, and rows are passed on in the plan's order. The rows
    of a window are buffered until TikTok's own count is met and no key came twice; else the window is fetched
    again, and after three times the account fails.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param reader: reads the rows, and knows their columns.
    :param making: makes calls of windows, and rows of those.
    :param recovery: decides what follows when a call fails.
    :param budget: for rows in memory.
    :param failures: what an account's failure means for the others.
    :param max_concurrency: calls in flight.
    :param resumed: where an earlier fetch has left off, and what it brought until there.
    :param on_idle: as :class:`~airflow_provider_tiktok.reports.fetch.scheduler.PageScheduler`'s.

    ``progress`` counts what has come.
    """

    def __init__(
        self,
        client: TikTokClient,
        plan: Plan,
        reader: Reader,
        making: Making,
        recovery: Recovery,
        *,
        budget: MemoryBudget,
        failures: AccountFailures,
        max_concurrency: int,
        resumed: tuple[Position, FetchResult],
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._failures = failures
        self._making = making
        self._position, self.result = resumed
        self._failures.resume(self.result.skipped)
        self._refused = plan.refused
        self._reader = reader
        self._windows = plan.windows[self._position.windows :]
        self._windows_left = Counter(calls[0].advertiser_id for calls in self._windows)
        self._account_rows = _AccountRows(budget)
        self.progress = Progress(
            len(plan.advertiser_ids),
            len(self._windows),
            client.credentials.qps,
            lambda: client.counts.api_calls,
        )
        waiting = max(1, _WAITING_CELLS // (len(reader.schema.columns) * plan.request.page_size))
        self._scheduler = PageScheduler(
            client,
            plan,
            self._open_windows(),
            result=self.result,
            recovery=recovery,
            progress=self.progress,
            on_account_error=self._fail_account,
            concurrency=max_concurrency,
            waiting=min(waiting, max_concurrency),
            on_idle=on_idle,
        )

    @property
    def position(self) -> Position:
        """The last place up to which the rows passed on were those of complete windows, and accounts where one may fail.

        It stays before an account that has failed, unless that is to be skipped.

        It moves when the batch after that place is asked for.
        """
        return self._position

    def batches(self) -> Generator[list[Any], None, None]:
        """Yield the rows, about a thousand at a time.

        :raises TikTokIncompleteReportError: the rows of a window could not be made complete.
        :raises TikTokAPIError: TikTok refused.
        """
        try:
            for advertiser_id, error in self._refused.items():
                if advertiser_id not in self._failures:
                    self._fail_account(advertiser_id, error)
            while window := self._scheduler.next_window():
                for batch in self._rows_of(window):
                    self.result.row_count += len(batch)
                    yield batch
                    self._scheduler.advance()
                if self._account_rows.is_empty and not self._failures.fail_the_report:
                    self._position = Position(
                        window.index + 1,
                        self.result.row_count,
                        len(self.result.totals),
                        len(self.result.tallies),
                    )
        finally:
            # after an error, or when the reader has had enough, calls in flight must not hold the task up
            self._scheduler.close()
            self._account_rows.discard()
        self._check_no_window_is_missing()
        self._finish()
        self._failures.raise_at_end()

    def _open_windows(self) -> Iterator[WindowFetch]:
        """Yield the windows that are to be fetched, but for those of accounts that failed meanwhile."""
        for index, calls in enumerate(self._windows, self._position.windows):
            if calls[0].advertiser_id not in self._failures:
                yield WindowFetch(calls, index, self._making)

    def _rows_of(self, window: WindowFetch) -> Iterator[list[Any]]:
        """Yield the rows of a window, or, where accounts may be skipped, of its account after its last window."""
        assert window.rows is not None  # noqa: S101 - it is complete
        account = window.advertiser_id
        if window.is_cut and account not in self.result.cut:
            self.result.cut.append(account)
        self.result.totals += [(account, totals) for totals in window.totals]
        self.result.tallies.append((account, self._tally(window)))
        self._windows_left[account] -= 1
        if self._failures.policy == FAIL:
            with window.rows as rows:
                yield from rows.batches()
        else:
            # rows of an account that fails in a later window must not have been passed on
            self._account_rows.add(account, window.rows)
        if not self._windows_left[account]:
            self.progress.accounts_done += 1
            yield from self._account_rows.release()

    def _fail_account(self, advertiser_id: str, error: TikTokError) -> None:
        """Record that an account failed, and drop what it brought.

        :raises TikTokError: it ends the report.
        """
        self._failures.record(advertiser_id, error)
        self.result.skipped = self._failures.skipped
        self.result.totals = [item for item in self.result.totals if item[0] != advertiser_id]
        self.result.tallies = [item for item in self.result.tallies if item[0] != advertiser_id]
        self._account_rows.discard_of(advertiser_id)

    def _tally(self, window: WindowFetch) -> str:
        """Return the figures of a window's rows, before they are passed on."""
        return window.tally

    def _finish(self) -> None:
        """Log what is odd about all rows together."""
        self._reader.finish(self.result.row_count)

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
