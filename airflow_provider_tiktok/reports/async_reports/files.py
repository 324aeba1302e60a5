"""Fetches the rows of a report from the files that TikTok's report tasks made: complete, or not at all."""

from __future__ import annotations

import hashlib
import logging
import re
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import IO, Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.endpoints.report_tasks import (
    FAILED,
    NOT_READY,
    RUNNING,
    SUCCESS,
    JobState,
    ReportJob,
    download_task,
)
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokError,
    TikTokIncompleteReportError,
    TikTokOutputError,
    TikTokReportTaskError,
)
from airflow_provider_tiktok.reports.async_reports.csv_rows import ends_with_line, read_rows
from airflow_provider_tiktok.reports.async_reports.poll import POLL_INTERVAL, PollTimer, default_deadlines
from airflow_provider_tiktok.reports.fetch.collectors import (
    Encode,
    IdCollector,
    RowCollector,
    read_page,
    row_budget,
)
from airflow_provider_tiktok.reports.fetch.completeness import CompletenessCheck
from airflow_provider_tiktok.reports.fetch.failures import FAIL, AccountFailures
from airflow_provider_tiktok.reports.fetch.source import FetchResult, Position, page_rows
from airflow_provider_tiktok.reports.planning.plan import ReportCall, ReportPlan
from airflow_provider_tiktok.reports.planning.reconcile import Reconciliation
from airflow_provider_tiktok.reports.planning.windows import split_days
from airflow_provider_tiktok.reports.report_types import MAX_DAYS_WITHOUT_TIME
from airflow_provider_tiktok.reports.rows.clock_change import repeated_hour_error
from airflow_provider_tiktok.reports.rows.reader import RowReader
from airflow_provider_tiktok.reports.rows.tally import tally_text
from airflow_provider_tiktok.storage.temporary import temporary_errors

log = logging.getLogger(__name__)

_DOWNLOADS = 3
_LASTING = re.compile(r"invalid|parameter|not supported|permission|not exist", re.IGNORECASE)
_PAUSE = 2.0  # seconds before a file is fetched again


class FileSource:
    """Fetches the rows of a plan from files, one for each report task.

    The rows of an account are passed on when all of its files are here and no key came twice.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param tasks: the task of each call of the plan, in its order.
    :param states: what TikTok said of the tasks, by their IDs.
    :param refused: why accounts have no task, by ID.
    :param poll_interval: longest seconds between two calls for a file that isn't ready.
    :param deadlines: when the wait for such a file is given up, by the name of the limit that says so.
    :param encode: makes of a page what the reader of :meth:`batches` wants of each of its rows. The rows as they are if
        not given.
    :param on_advertiser_error: as :class:`~airflow_provider_tiktok.reports.fetch.failures.AccountFailures`'s.
    :param reconciliation: compares every window's spend with the account's own.
    :param on_unusable: called with a task whose file can't be used, so that a later attempt has a new one made.
    """

    def __init__(
        self,
        client: TikTokClient,
        plan: ReportPlan,
        tasks: Sequence[ReportJob],
        states: Mapping[str, JobState],
        *,
        refused: Mapping[str, TikTokAPIError],
        poll_interval: float = POLL_INTERVAL,
        deadlines: Mapping[str, float] | None = None,
        encode: Encode = page_rows,
        on_advertiser_error: str = FAIL,
        reconciliation: Reconciliation | None = None,
        on_unusable: Callable[[ReportJob], None] = lambda task: None,
    ) -> None:
        self.plan = plan
        self.result = FetchResult()
        self.reader = RowReader(plan.request)
        self._client = client
        self._encode = encode
        self._failures = AccountFailures(on_advertiser_error, plan.advertiser_ids)
        self._reconciliation = reconciliation
        self._on_unusable = on_unusable
        self._completeness = CompletenessCheck()
        self._budget = row_budget(len(self.reader.schema.columns))
        self._tasks = list(zip(plan.calls, tasks, strict=True))
        self._states = states
        self._refused = refused
        self._poll_interval = poll_interval
        self._deadlines = deadlines or default_deadlines()
        for task in tasks:
            if task.dropped:
                self.result.dropped.setdefault(task.advertiser_id, []).extend(task.dropped)
                self.reader.dropped |= set(task.dropped)

    @property
    def position(self) -> Position:
        """The beginning: files of report tasks are fetched from scratch."""
        return Position()

    @property
    def total_metrics(self) -> None:
        """``None``: report tasks have no totals."""
        return None

    def batches(self) -> Generator[list[Any], None, None]:
        """Yield the rows, about a thousand at a time.

        :raises TikTokReportTaskError: a task failed, or was cancelled.
        :raises TikTokIncompleteReportError: a file is not complete.
        """
        for advertiser_id, refusal in self._refused.items():
            self._fail_account(advertiser_id, refusal)
        if self._failures.policy == FAIL:
            # a task that failed comes before those that were given up because of it
            for _, task in sorted(self._tasks, key=lambda pair: self._state(pair[1]).status in RUNNING):
                self._check_state(task)
        for advertiser_id, pairs in groupby(self._tasks, key=lambda pair: pair[0].advertiser_id):
            collectors: list[RowCollector] = []
            try:
                self._read_account(list(pairs), collectors)
            except TikTokError as error:
                for collector in collectors:
                    collector.clear()
                self._fail_account(advertiser_id, error)
                continue
            self.result.tallies.append(
                (advertiser_id, tally_text(each.tally.by_day() for each in collectors))
            )
            for collector in collectors:
                with collector.buffer as rows:
                    for batch in rows.batches():
                        self.result.row_count += len(batch)
                        yield batch
        self.reader.finish(self.result.row_count)
        self._failures.raise_at_end()

    def _fail_account(self, advertiser_id: str, error: TikTokError) -> None:
        self._failures.record(advertiser_id, error)
        self.result.skipped = self._failures.skipped

    def _read_account(
        self, pairs: Sequence[tuple[ReportCall, ReportJob]], collectors: list[RowCollector]
    ) -> None:
        """Read all files of an account; those of one window are put together."""
        for _, task in pairs:
            self._check_state(task)
        for _, window in groupby(pairs, key=lambda pair: pair[0].window):
            (call, task), *others = window
            rows = self._read_task(call, task)
            collectors.append(rows)
            for other in others:
                rows.absorb(self._read_task(*other))
                if rows.buffer.has_duplicates():
                    raise TikTokIncompleteReportError(
                        f"TikTok gave a row in two report tasks of {call.account}. Run the task again."
                    )
            self._reconcile(call, rows)

    def _state(self, task: ReportJob) -> JobState:
        return self._states.get(task.report_task_id, JobState(SUCCESS))

    def _check_state(self, task: ReportJob) -> None:
        """Raise if a job made nothing.

        :raises TikTokReportTaskError: it did not.
        """
        state = self._state(task)
        if state.status == SUCCESS:
            return
        self._on_unusable(task)
        raise job_error(task, state)

    def _read_task(self, call: ReportCall, task: ReportJob) -> RowCollector:
        """Download a task's file and read it; again when it came broken."""
        started = clock.monotonic()
        for attempt in range(1, _DOWNLOADS + 1):
            collector = self._collector()
            try:
                with temporary_errors(), tempfile.TemporaryFile(prefix="tiktok-rows-") as file:
                    size = self._download(task, file)
                    self._read_file(call, task, file, collector)
            except TikTokIncompleteReportError as error:
                collector.clear()
                if attempt == _DOWNLOADS or not error.retryable:
                    self._on_unusable(task)  # a new task may make a better file
                    raise
                log.warning("%s Attempt %d of %d to get all of it.", error, attempt, _DOWNLOADS)
                self.result.refetched += 1
                self._client.wait(_PAUSE)
            except TikTokOutputError:  # no room for it
                collector.clear()
                raise
            else:
                seconds = clock.monotonic() - started
                self.result.windows.append(
                    f"{call.account}, {call.window}: {len(collector.buffer):,} rows in {size:,} bytes, {seconds:.1f} s"
                )
                return collector
        raise AssertionError  # the last attempt returned or raised

    def _download(self, task: ReportJob, file: IO[bytes]) -> int:
        """Download a task's file, and make sure that it is all there; give its bytes.

        Where the host doesn't say how long the file is, it is fetched twice: a break can't come at the same byte.
        """
        saved = self._download_when_ready(task, file)
        if not saved["is_complete"]:
            digest = _digest(file)
            saved = self._download_when_ready(task, file)
            if _digest(file) != digest:
                raise TikTokIncompleteReportError(
                    f"A file came in two lengths, so one of them broke off: that of {task}. Run the task again."
                )
        if not ends_with_line(file):  # a figure could be cut off, and still be one
            raise TikTokIncompleteReportError(
                f"A file ends in the middle of a line: that of {task}. Run the task again."
            )
        size: int = saved["bytes"]
        return size

    def _download_when_ready(self, task: ReportJob, file: IO[bytes]) -> dict[str, Any]:
        """Download a task's file; wait where TikTok says that it isn't ready, though the task's check said it was.

        :raises TikTokReportTaskError: it isn't ready when the time is up.
        """
        timer = PollTimer(self._poll_interval, self._deadlines)
        while True:
            timer.lengthen()
            try:
                return download_task(self._client, task, file)
            except TikTokAPIError as error:
                if error.code != NOT_READY:
                    raise
                refusal = error
            if timer.is_over:
                self._on_unusable(task)
                raise _never_ready(task, timer.limit, refusal)
            pause = timer.pause()
            log.warning("%s It said before that it was ready; it is asked again in %.0f s.", refusal, pause)
            self._client.wait(pause)

    def _read_file(self, call: ReportCall, task: ReportJob, file: IO[bytes], collector: RowCollector) -> None:
        request = self.plan.request
        wanted = [name for name in request.metrics if name not in task.dropped]
        subject = f"{call.account}, {call.window}, {task.report_task_id}"
        pages = read_rows(file, self.reader.schema, request.dimensions, wanted, subject)
        first = 1
        for number, items in enumerate(pages, start=1):
            collector.take_page(read_page(self.reader, call, number, items, subject=subject, first=first))
            first += len(items)
            if self._client.stop.is_set():
                self._client.wait(0)  # raises
            if collector.has_double:
                break
        problem = collector.problem()
        if problem:
            repeated = repeated_hour_error(self._client, self.plan, call, collector.doubled_times())
            raise repeated or TikTokIncompleteReportError(f"{problem} ({subject}). Run the task again.")

    def _collector(self) -> RowCollector:
        return RowCollector(
            self.reader,
            self._encode,
            order_field=self.plan.request.order_field,
            budget=self._budget,
            sums=("spend",) if self._reconciliation is not None else (),
        )

    def _reconcile(self, call: ReportCall, collector: RowCollector) -> None:
        """Compare the rows' spend with the account's own, which synchronous calls return.

        :raises TikTokIncompleteReportError: they are too far apart.
        """
        if self._reconciliation is None:
            return
        path = self.plan.request.kind.endpoint(self.plan.request.dimensions)
        account = IdCollector("advertiser_id", ("spend",))
        windows = [call.window]
        if call.window.start and call.window.end:
            windows = list(split_days(call.window.start, call.window.end, MAX_DAYS_WITHOUT_TIME))
        for window in windows:
            asked = self._reconciliation.call(replace(call, window=window))
            answer = self._client.get(path, asked.params, subject=asked.subject(1))
            self._completeness.check(answer, asked.params["metrics"], asked.subject(1))
            account.take(1, account.read(asked, 1, answer.data.get("list") or []))
        found, spent = collector.sums["spend"], account.sums["spend"]
        problem = self._reconciliation.problem(found, spent, rows=len(collector.buffer))
        if problem:
            deleted = (
                " Report tasks may leave out what is deleted, which `mode='sync'` counts."
                if found < spent
                else ""
            )
            raise TikTokIncompleteReportError(
                f"The report of {call.account}, {call.window}: {problem}.{deleted}"
            )


def job_error(task: ReportJob, state: JobState) -> TikTokReportTaskError:
    """Return the error for a job that made nothing.

    TikTok's own faults pass, and a new job may go well. One that failed because of what was asked for won't.
    """
    what = "failed" if state.status == FAILED else f"is {state.status}"
    said = f" TikTok's message: {state.message!r}." if state.message else ""
    lasting = state.status == FAILED and bool(_LASTING.search(state.message))
    advice = (
        "Correct what the message names, or use `mode='sync'`"
        if lasting
        else "Run the task again, which has a new one made; if it stays, ask for less at a time, or use `mode='sync'`"
    )
    return TikTokReportTaskError(
        f"TikTok's report task {what}, so the report is not there: {task}.{said} {advice}. "
        f"[request_id {state.request_id}]",
        retryable=not lasting,
        about_one_account=state.about_account,
    )


def _never_ready(task: ReportJob, limit: str, refusal: TikTokAPIError) -> TikTokReportTaskError:
    return TikTokReportTaskError(
        f"TikTok's file is not ready until the end of `{limit}`, although TikTok says that {task} is done. Run the task "
        f"again, which has a new one made, and allow more time. [code {refusal.code}, request_id {refusal.request_id}]",
        retryable=True,
    )


def _digest(file: IO[bytes]) -> bytes:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(2**20):
        digest.update(chunk)
    return digest.digest()
