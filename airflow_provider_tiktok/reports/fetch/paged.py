"""Runs a plan: every page of every window, complete or failed, in a deterministic order."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import Answer, TikTokClient
from airflow_provider_tiktok.exceptions import (
    TikTokError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
)
from airflow_provider_tiktok.reports.fetch import split
from airflow_provider_tiktok.reports.fetch.collectors import Encode, row_budget
from airflow_provider_tiktok.reports.fetch.completeness import CompletenessCheck
from airflow_provider_tiktok.reports.fetch.failures import FAIL, AccountFailures
from airflow_provider_tiktok.reports.fetch.progress import Progress
from airflow_provider_tiktok.reports.fetch.source import FetchResult, Position, page_rows
from airflow_provider_tiktok.reports.fetch.totals import total_metrics
from airflow_provider_tiktok.reports.fetch.window import Job, WindowFetch
from airflow_provider_tiktok.reports.fetch.worker_pool import Flight, Outcome
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.explain import explained, refused_metrics, with_advice
from airflow_provider_tiktok.reports.planning.planner import ReportPlan
from airflow_provider_tiktok.reports.planning.reconcile import Reconciliation
from airflow_provider_tiktok.reports.rows.buffer import RowSpool
from airflow_provider_tiktok.reports.rows.clock_change import repeated_hour_error
from airflow_provider_tiktok.reports.rows.reader import RowReader

log = logging.getLogger(__name__)

_WINDOW_ATTEMPTS = 3
_REFETCH_PAUSE = 2.0  # seconds; figures that move need some time to come to rest
_WAITING_CELLS = 250_000  # cells of answers that wait to be read: some 25 MiB
_LOOK = 0.1  # seconds after which a paused window is looked at again
_TICK = 1.0  # seconds after which the progress is looked at, when nothing comes
_NAMED = 20  # accounts that a message names
_ASK_FOR_LESS = (
    "Ask for less at a time: group by campaign_id, adgroup_id or ad_id, where the report has it, or filter by "
    "campaign_ids."
)
_HOPELESS = 12  # calls in a row that time out, however small they are made


class PagedSource:
    """Fetches the rows of a plan page by page.

    Pages, windows and accounts are fetched side by side, and rows are passed on in the plan's order. The rows
    of a window are held until TikTok's own count is met and no key came twice; else the window is fetched
    again, and after three times the report fails. What is too much for one call is divided.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param encode: makes of a page what the reader of :meth:`batches` wants of each of its rows. The rows as they are if
        not given.
    :param max_concurrency: calls in flight.
    :param on_advertiser_error: ``fail`` at once, ``fail_at_end`` after the other accounts, or ``skip``
        the account, when TikTok refuses one account.
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
        on_advertiser_error: str = "fail",
        drop_invalid_metrics: bool = False,
        reconciliation: Reconciliation | None = None,
        resume_from: tuple[Position, FetchResult] | None = None,
    ) -> None:
        self._failures = AccountFailures(on_advertiser_error, plan.advertiser_ids)
        if max_concurrency < 1:
            raise invalid("max_concurrency", f"must be 1 or more, not {max_concurrency}.")
        self.plan = plan
        self.result = FetchResult()
        self.reader = RowReader(plan.request)
        self._client = client
        self._encode = encode
        self._drop_invalid_metrics = drop_invalid_metrics
        self._reconciliation = reconciliation
        self._path = plan.request.kind.endpoint(plan.request.dimensions)
        self._cancel = threading.Event()
        # windows ahead of the one whose rows come next; enough to keep all threads busy with small ones
        self._open: deque[WindowFetch] = deque()
        self._lookahead = 4 * max_concurrency
        columns = len(self.reader.schema.columns)
        self._room = row_budget(columns)
        waiting = max(1, _WAITING_CELLS // (columns * plan.request.page_size))
        self._flight: Flight[Job, Answer] = Flight(
            self._make_call, max_concurrency, waiting=min(waiting, max_concurrency)
        )
        self._turns = max_concurrency
        self._end: TikTokError | None = None
        self._position = Position()
        if resume_from is not None:
            self._resume(*resume_from)
        windows = plan.windows[self._position.windows :]
        self._windows_left = Counter(calls[0].advertiser_id for calls in windows)
        self._to_open = enumerate(windows, self._position.windows)
        self._held: RowSpool | None = None
        self._held_account = ""
        self._sizes: dict[str, split.Size] = {}
        self._completeness = CompletenessCheck()
        self._told_of: set[tuple[str, str]] = set()
        self._timeouts = 0
        self._progress = Progress(
            len(plan.advertiser_ids),
            len(windows),
            client.credentials.qps,
            lambda: client.counts.api_calls,
        )

    def batches(self) -> Iterator[list[Any]]:
        """Give the rows, about a thousand at a time.

        :raises TikTokIncompleteReportError: the rows of a window could not be made whole.
        :raises TikTokAPIError: TikTok refused.
        """
        try:
            for advertiser_id, error in self.plan.refused.items():
                if advertiser_id not in self._failures:
                    self._fail_account(advertiser_id, error)
            self._warn_of_multi_window_rows()
            while window := self._next_window():
                for batch in self._rows_of(window):
                    self.result.row_count += len(batch)
                    yield batch
                    for _ in range(self._turns):
                        if not self._advance(0):
                            break
                if self._held is None and not self._failures.fail_the_report:
                    self._position = Position(
                        window.index + 1, self.result.row_count, len(self.result.totals)
                    )
        finally:
            # after an error, or when the reader has had enough, calls in flight must not hold the task up
            self._cancel.set()
            self._flight.close()
            for window in self._open:
                window.discard()
            if self._held is not None:
                self._held.close()
        self._miss_nothing()
        self.reader.finish(self.result.row_count)
        self._failures.raise_at_end()

    @property
    def position(self) -> Position:
        """The last place at which the rows passed on were those of whole windows, and of whole accounts where one may fail.

        It stays before an account that has failed, unless that is to be skipped.

        It moves when the batch after that place is asked for.
        """
        return self._position

    @property
    def total_metrics(self) -> dict[str, Any] | None:
        """TikTok's totals by metric, if they were asked for."""
        return total_metrics(self.plan.request.report_type, self.result.totals)

    def _warn_of_multi_window_rows(self) -> None:
        """Say so when rows of several windows can't be told apart, or stand in several orders."""
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

    def _resume(self, position: Position, result: FetchResult) -> None:
        """Continue where an earlier fetch has left off."""
        self._position, self.result = position, result
        self.reader.dropped = {name for names in result.dropped.values() for name in names}
        self.reader.seen_metrics = set(result.seen_metrics)
        self._failures.resume(result.skipped)

    def _miss_nothing(self) -> None:
        """Make sure that every window of the plan has been passed on, but for those of accounts that failed."""
        left = [name for name, count in self._windows_left.items() if count and name not in self._failures]
        if left:
            raise TikTokIncompleteReportError(
                f"Windows of {len(left)} advertiser account(s) were not fetched: {', '.join(left[:_NAMED])}. This is a "
                "mistake in airflow-provider-tiktok; please report it. Running the task again may help."
            )

    # the main thread: which page is fetched next, and what becomes of those that came

    def _next_window(self) -> WindowFetch | None:
        """Give the next window in the plan's order, once it is whole; ``None`` after the last one.

        An error that ends the report is raised behind the windows that are whole already: who keeps rows keeps theirs.
        """
        while True:
            if self._end is None:
                self._submit()
            if self._open and self._open[0].is_whole:
                return self._open.popleft()
            if self._end is not None:
                raise self._end
            if not self._open:
                # those of an account that failed may still have calls under way, which leave no room for another's
                if not self._open_window():
                    return None
                continue
            if self._flight.is_empty:  # all windows that are left are paused
                self._client.pause(_LOOK)
            self._advance(_TICK if not self._flight.is_empty else 0)

    def _submit(self) -> None:
        """Take as many pages into flight as there is room for, those of the earliest windows first."""
        while self._flight.has_room and (not self._timeouts or self._flight.is_empty):
            # TikTok counts time-outs: until one call has shown what size works, it is one at a time
            now = clock.monotonic()
            ready = (window for window in self._open if window.not_before <= now)
            job = next(filter(None, (window.next_job() for window in ready)), None)
            if job is not None:
                self._fix_metrics(job)
            if job is not None and (way := self._is_known_to_be_too_much(job)):
                job.window.divide(job.part, way, self._sizes[job.window.advertiser_id])
            elif job is not None:
                self.result.refetched += job.window.attempts > 1
                self._flight.submit(replace(job, timeouts_before=self._timeouts))
            # a further window is only begun for a thread that has nothing else to do, for its rows take memory
            elif not (self._flight.has_idle and len(self._open) < self._lookahead and self._open_window()):
                return

    def _open_window(self) -> bool:
        """Begin with the next window of the plan, unless there is none."""
        for index, calls in self._to_open:
            if calls[0].advertiser_id in self._failures:
                continue
            window = WindowFetch(
                calls,
                index,
                self.plan.request,
                reader=self.reader,
                encode=self._encode,
                room=self._room,
                reconciliation=self._reconciliation,
            )
            self._open.append(window)
            return True
        return False

    def _advance(self, seconds: float) -> bool:
        """Deal with one outcome, waiting so long for it if need be; say whether there was one."""
        outcome = self._flight.next(seconds) if self._end is None else None
        if outcome is not None:
            try:
                self._deal_with(outcome)
            except TikTokError as error:
                self._end = error
                return False
            self._submit()
        self._progress.tick(
            sum(window.pages for window in self._open), sum(window.pages_taken for window in self._open)
        )
        return outcome is not None

    def _deal_with(self, outcome: Outcome[Job, Answer]) -> None:
        job = outcome.job
        try:
            answer = outcome.future.result()
        except TikTokError as error:
            if job.window.is_current(job) and job.window in self._open:
                self._on_job_error(job, error)
        else:
            self._timeouts = 0
            if job.window.is_current(job) and job.window in self._open:
                self._take(job, answer)

    def _take(self, job: Job, answer: Answer) -> None:
        window = job.window
        try:
            job.part.learn(job.page, answer)
            self._submit()  # the next calls are under way while this one's rows are read
            problem = window.take(job, answer)
            if problem:
                self._refetch(window, problem)
        except TikTokError as error:
            self._give_up(window.advertiser_id, error)
            return
        if window.is_whole and window.spool is not None:
            self._progress.window_done(window.pages, len(window.spool))
            log.info(
                "%s: %s rows in %d page(s), %.1f s",
                window,
                f"{len(window.spool):,}",
                window.pages,
                clock.monotonic() - window.started,
            )

    def _refetch(self, window: WindowFetch, problem: str) -> None:
        if window.attempts >= _WINDOW_ATTEMPTS:
            repeated = repeated_hour_error(self._client, self.plan, window.calls[0], window.doubled_times())
            raise repeated or TikTokIncompleteReportError(
                f"The report of {window}, could not be made whole in "
                f"{_WINDOW_ATTEMPTS} attempts: {problem}. TikTok's figures may be moving; run the task again later."
            )
        log.warning(
            "%s: %s; attempt %d of %d to fetch the window whole.",
            window,
            problem,
            window.attempts,
            _WINDOW_ATTEMPTS,
        )
        window.restart()
        window.not_before = clock.monotonic() + _REFETCH_PAUSE * window.attempts * random.uniform(0.75, 1.25)  # noqa: S311

    def _rows_of(self, window: WindowFetch) -> Iterator[list[Any]]:
        """Give the rows of the window, or, where accounts may be skipped, of its account after its last window."""
        assert window.spool is not None  # noqa: S101 - it is whole
        account = window.advertiser_id
        self.result.totals += [(account, totals) for totals in window.totals()]
        self._windows_left[account] -= 1
        is_last = not self._windows_left[account]
        with window.spool as spool:
            if self._failures.policy == FAIL:
                yield from spool.batches()
            else:
                # rows of an account that fails in a later window must not have been passed on
                self._held = self._held or RowSpool(keep_order=True, room=self._room)
                self._held_account = account
                for batch in spool.batches():
                    self._held.add([()] * len(batch), batch)
        if is_last:
            self._progress.accounts_done += 1
            held, self._held = self._held, None
            if held is not None:
                with held:
                    yield from held.batches()

    def _fix_metrics(self, job: Job) -> None:
        """Decide with its first page which metrics a part asks for."""
        if job.page == 1:
            dropped = self.result.dropped.get(job.window.advertiser_id, ())
            asked = [name for name in job.part.call.params["metrics"] if name not in dropped]
            job.part.metrics = tuple(asked or job.part.call.params["metrics"])

    def _on_job_error(self, job: Job, error: TikTokError) -> None:
        """Go on where there is a way: smaller calls, or fewer metrics; else give the account up."""
        reason = split.too_much(error)
        if reason == split.TIMEOUT:
            # those that were under way together count as one
            self._timeouts = max(self._timeouts, job.timeouts_before + 1)
        way = job.window.way_to_divide(job.part, reason) if reason and self._timeouts < _HOPELESS else ""
        if way:
            self._divide(job, way, error)
        elif isinstance(error, TikTokInvalidRequestError) and self._goes_without(job, error):
            # a list that was made before the report went without is made anew, with all that follows from it
            (job.window if job.window.list_of(job.part) else job.part).restart()
        else:
            self._give_up(job.window.advertiser_id, self._explained(job, error, reason))

    def _explained(self, job: Job, error: TikTokError, reason: str) -> TikTokError:
        """Add to the error of a call what this version knows about it, and what helps.

        :param reason: why the call was too much, if it was.
        """
        request = self.plan.request
        listed = job.window.list_of(job.part)
        if listed and (reason or isinstance(error, TikTokInvalidRequestError)):
            return with_advice(
                error,
                f"The call lists the {listed} by which the report has to be divided, with the report's own metrics: leave "
                "those out that TikTok's message names, or filter by campaign_ids, some at a time.",
            )
        if isinstance(error, TikTokInvalidRequestError):
            error = explained(error, request)
        obstacle = split.obstacle(request, job.part.asked, reason) if reason else ""
        if obstacle:
            return with_advice(error, obstacle)
        if reason == split.TIMEOUT:
            return with_advice(error, f"{_ASK_FOR_LESS} Fewer metrics or days help too.")
        return with_advice(error, _ASK_FOR_LESS) if reason == split.CUT else error

    def _divide(self, job: Job, way: str, error: TikTokError) -> None:
        account = job.window.advertiser_id
        if (account, way) not in self._told_of:
            self._told_of.add((account, way))
            log.warning("%s The report of this account is divided by %s, and put together again.", error, way)
        size = self._sizes.setdefault(account, split.Size())
        job.window.divide(job.part, way, size)

    def _is_known_to_be_too_much(self, job: Job) -> str:
        """Say how a call is to be divided before it is made, for others of its account were too much; else empty."""
        size = self._sizes.get(job.window.advertiser_id)
        if size is None or job.page != 1:
            return ""
        return job.window.way_to_size(job.part, size)

    def _goes_without(self, job: Job, error: TikTokInvalidRequestError) -> bool:
        """Drop the metrics that TikTok refuses by name, where that is wanted and leaves a report."""
        refused = [name for name in refused_metrics(error.message) if name in job.part.metrics]
        gone = self.result.dropped.get(job.window.advertiser_id, ())
        if job.window.list_of(job.part):
            # what can't be listed may well be in the rows; a list goes without what the rows go without
            return bool(refused) and set(refused) <= set(gone)
        left = set(job.part.metrics).difference(refused, gone)
        sorts_by = self.plan.request.order_field in refused
        if not (self._drop_invalid_metrics and refused and left and not sorts_by):
            return False
        dropped = self.result.dropped.setdefault(job.window.advertiser_id, [])
        new = [name for name in refused if name not in dropped]
        if new:
            dropped += new
            self.reader.dropped |= set(new)
            log.warning(
                "%s: TikTok refused %s; the report goes on without.", job.window.account, ", ".join(new)
            )
        return True

    def _give_up(self, advertiser_id: str, error: TikTokError) -> None:
        """End the report, or the account's part in it."""
        self._fail_account(advertiser_id, error)
        for window in self._open:
            if window.advertiser_id == advertiser_id:
                window.discard()
        self._open = deque(window for window in self._open if window.advertiser_id != advertiser_id)
        self.result.totals = [item for item in self.result.totals if item[0] != advertiser_id]
        if self._held is not None and self._held_account == advertiser_id:
            self._held.close()
            self._held = None

    def _fail_account(self, advertiser_id: str, error: TikTokError) -> None:
        self._failures.record(advertiser_id, error)
        self.result.skipped = self._failures.skipped

    # the other threads: one call each

    def _make_call(self, job: Job) -> Answer:
        part = job.part
        subject = part.call.subject(job.page)
        params = {**part.call.params, "metrics": list(part.metrics), "page": job.page}
        answer = self._client.get(self._path, params, subject=subject, cancel=self._cancel)
        self._completeness.check(answer, part.metrics, subject)
        return answer
