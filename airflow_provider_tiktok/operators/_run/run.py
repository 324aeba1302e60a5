"""One run of :class:`~airflow_provider_tiktok.operators.report.TikTokReportOperator`: from its options to its summary."""

from __future__ import annotations

import gc
import logging
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar, cast

from airflow_provider_tiktok import clock
from airflow_provider_tiktok._compat_late import time_trigger
from airflow_provider_tiktok.api.endpoints.advertisers import AccountLookup
from airflow_provider_tiktok.entities.plan import list_all
from airflow_provider_tiktok.exceptions import (
    TikTokEmptyReportError,
    TikTokRateLimitError,
    TikTokStoppedError,
)
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._outputs.base import Output
from airflow_provider_tiktok.operators._outputs.columns import OutputColumns, read_columns
from airflow_provider_tiktok.operators._outputs.files import FileOutput
from airflow_provider_tiktok.operators._outputs.xcom import XComOutput
from airflow_provider_tiktok.operators._run.checkpoint import RunCheckpoint
from airflow_provider_tiktok.operators._run.lineage import Lineage
from airflow_provider_tiktok.operators._run.metrics import send_metrics
from airflow_provider_tiktok.operators._run.options import ReportOptions, RunOptions
from airflow_provider_tiktok.operators._run.outcome import Deferred, Finished
from airflow_provider_tiktok.operators._run.schedule import asks_for_final_figures, backfilled_day, run_time
from airflow_provider_tiktok.operators._run.story import story_of
from airflow_provider_tiktok.reports.fetch.collectors import Encode
from airflow_provider_tiktok.reports.fetch.paged import PagedSource
from airflow_provider_tiktok.reports.fetch.source import ReportSource, RowSource
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.params.request import parse_request
from airflow_provider_tiktok.reports.planning.plan import Plan, ReportPlan
from airflow_provider_tiktok.reports.planning.planner import make_plan
from airflow_provider_tiktok.reports.planning.reconcile import read_reconciliation
from airflow_provider_tiktok.reports.result.accounts import MAX_ACCOUNTS
from airflow_provider_tiktok.reports.result.restatement import compared_by
from airflow_provider_tiktok.reports.result.summary import make_summary
from airflow_provider_tiktok.reports.rows.schema import schema_of, window_columns

log = logging.getLogger(__name__)

P = TypeVar("P", bound=Plan)

MAX_WAIT = 60.0
"""Seconds that a worker waits for TikTok to take calls again, where the triggerer could wait instead."""

_JITTER = 5.0  # seconds over which tasks that waited for the same time begin


class Run(ABC):
    """One attempt at rows that TikTok gives page by page, complete or not at all.

    :param options: of the operator.
    :param columns: of the output.
    :param hook: calls TikTok.
    :param context: Airflow's context; may be empty.
    :param stop: set when the task is killed.

    ``source`` is the source of the rows, as soon as there is one, for who shows how far it is.
    """

    noun: ClassVar[str]
    """What the rows are, for messages."""
    check_first: ClassVar[str]
    """What to do where there are no rows."""

    def __init__(
        self,
        options: RunOptions,
        columns: OutputColumns,
        hook: TikTokHook,
        context: Any,
        stop: threading.Event,
    ) -> None:
        self.options = options
        self.columns = columns
        self.context = context
        self.partition_by = columns.partition_columns(options.partition_by)
        self.client = hook.get_conn(
            connections=options.max_concurrency, max_suspension_wait=MAX_WAIT if options.deferrable else None
        )
        self.accounts = AccountLookup(self.client)
        self.source: RowSource | None = None
        self._stop = stop
        self._began = clock.monotonic()
        self._lineage = Lineage(options, hook, context)

    def execute(self, unfinished: Mapping[str, Any] | None = None) -> Finished | Deferred:
        """Fetch the rows and publish them, complete or not at all.

        :param unfinished: what :meth:`defer` stored, where this attempt has waited in the triggerer.
        """
        started_at = read_start(unfinished)
        try:
            return self.attempt(resumed=unfinished is not None)
        except TikTokRateLimitError as error:
            deferred = self.defer(error, {"began": started_at})
            if deferred is None:
                raise
            return deferred

    @abstractmethod
    def attempt(self, *, resumed: bool) -> Finished:
        """Fetch the rows and publish them, without a wait in the triggerer.

        :param resumed: whether this attempt has waited there before.
        """

    @abstractmethod
    def describe(self, source: RowSource) -> str:
        """Return what is fetched, for the log."""

    @abstractmethod
    def summarize(self, source: RowSource) -> dict[str, Any]:
        """Return the summary of rows that have all come."""

    def fetch(
        self,
        plan: P,
        output: Output,
        open_source: Callable[[P, Encode, RunCheckpoint], RowSource],
        *,
        resumed: bool,
    ) -> Finished:
        """Fetch the rows of a plan, with those that an attempt before has saved, and publish them.

        :param output: takes the rows; it is closed afterwards.
        :param open_source: returns the source of the rows, which encodes them, and resumes from a checkpoint.
        :param resumed: as of :meth:`attempt`.
        """
        with (
            closing(self.accounts),
            closing(output),
            closing(self._open_checkpoint(plan, output, resumed=resumed)) as checkpoint,
        ):
            encode = self.columns.encoder(output.encode, checkpoint.started_at)
            source = self.source = open_source(plan, encode, checkpoint)
            with checkpoint.saved_on_error(source):
                return self.complete(source, checkpoint.batches(source), output)

    def open_files(self, plan: Plan, compared: Mapping[str, Any] | None = None) -> Output:
        """Open XCom, or files where there is a path.

        :param compared: how the files are compared with those that they replace; ``None`` if they aren't.
        """
        options = self.options
        if options.output_path is None:
            return XComOutput(self.columns, options.max_xcom_bytes, self.context.get("ti"))
        return FileOutput(
            options.output_path,
            plan,
            self.columns,
            output_format=options.output_format,
            conn_id=options.output_conn_id,
            partition_by=self.partition_by,
            compared=compared,
        )

    def complete(
        self, source: RowSource, batches: Generator[Sequence[Any], None, None], output: Output
    ) -> Finished:
        """Write all rows to the output, and publish them.

        :param source: of the rows.
        :param batches: the rows, as the output encodes them.
        """
        log.info("%s", self.describe(source))
        try:
            # after an error, calls that are still under way end now
            with _without_cycle_collection(), closing(batches):
                for batch in batches:
                    output.write(batch)
        finally:
            _log_windows(source.result.windows)
        self.check_stopped()
        summary = self.summarize(source) | {"columns": dict(self.columns.types)}
        if not summary["row_count"] and self.options.on_empty == "fail":
            raise TikTokEmptyReportError(
                f"TikTok has no rows for this {self.noun}, and `on_empty` is 'fail'. {self.check_first}"
            )
        output.publish(source, summary, clock.now())
        self._lineage.emit(summary)
        send_metrics(summary, clock.monotonic() - self._began, self.context)
        self.log_summary(summary)
        if not summary["row_count"] and self.options.on_empty == "skip":
            if (task_instance := self.context.get("ti")) is not None:
                task_instance.xcom_push(key="return_value", value=summary)
            return Finished(summary, f"TikTok has no rows for this {self.noun}, and `on_empty` is 'skip'.")
        return Finished(summary)

    def defer(self, error: TikTokRateLimitError, unfinished: Mapping[str, Any]) -> Deferred | None:
        """Free the worker until TikTok takes calls again, where that is a while, and ``execution_timeout`` allows it.

        Airflow itself starts to measure that limit again after each deferral.

        :param error: says when TikTok takes calls again.
        :param unfinished: what :meth:`execute` needs to know afterwards, when it ``began`` among it; Airflow stores it
            as JSON.
        :return: ``None`` where the error is to end the attempt.
        """
        options, seconds = self.options, error.retry_after
        if not options.deferrable or seconds is None or seconds < MAX_WAIT:
            return None
        limit = options.execution_timeout
        if limit is not None and clock.time() + seconds > unfinished["began"] + limit:
            log.warning(
                "The task's `execution_timeout` of %s ends before that, so it doesn't wait.",
                timedelta(seconds=limit),
            )
            return None
        time = clock.now() + timedelta(seconds=seconds + random.uniform(0, _JITTER))  # noqa: S311
        log.warning("%s The task waits in the triggerer until %s.", error, f"{time:%Y-%m-%d %H:%M:%S} UTC")
        return Deferred(time_trigger(time), "go_on", {"unfinished": dict(unfinished)})

    def check_stopped(self) -> None:
        """Raise :class:`~airflow_provider_tiktok.exceptions.TikTokStoppedError` if the task was killed."""
        if self._stop.is_set():
            raise TikTokStoppedError(
                "The task was stopped before its result was published; nothing is changed."
            )

    def log_summary(self, summary: Mapping[str, Any]) -> None:
        """Log what was published, and what of it is odd."""
        if not summary["row_count"]:
            log.warning("TikTok has no rows for this %s. %s", self.noun, self.check_first)
        if summary["skipped_advertisers"]:
            log.warning("Skipped accounts: %s", ", ".join(summary["skipped_advertisers"]))
        log.info("%s", story_of(summary, self.options.output_path))

    def _open_checkpoint(self, plan: Plan, output: Output, *, resumed: bool) -> RunCheckpoint:
        return RunCheckpoint(self.options, self.context, plan, output, self.client, resumed=resumed)


class ReportRun(Run):
    """One attempt at a report.

    :param options: of the operator.
    :param hook: calls TikTok.
    :param context: Airflow's context; may be empty.
    :param stop: set when the task is killed.
    :param on_plan: called with the plan as soon as there is one.
    """

    options: ReportOptions
    noun = "report"
    check_first = "Check dates, accounts and filters."

    def __init__(
        self,
        options: ReportOptions,
        hook: TikTokHook,
        context: Any,
        stop: threading.Event,
        on_plan: Callable[[ReportPlan], None] = lambda _: None,
    ) -> None:
        self.request = parse_request(**options.report)
        super().__init__(options, _columns_of(self.request, options), hook, context, stop)
        self.reconciliation = read_reconciliation(
            self.request, options.reconcile, options.reconcile_tolerance
        )
        self.on_plan = on_plan
        self._final_time: datetime | None = None

    def attempt(self, *, resumed: bool) -> Finished:
        """Fetch the report and publish it, without a wait in the triggerer.

        :param resumed: whether this attempt has waited there before.
        """
        plan = self.plan()
        return self.fetch(plan, self.open_output(plan), self._open_source, resumed=resumed)

    def plan(self) -> ReportPlan:
        """Plan the report for the time of this run."""
        plan = make_plan(self.client, self.request, run_time(self.context))
        self.on_plan(plan)
        self._warn_of_other_days(plan)
        return plan

    def _warn_of_other_days(self, plan: ReportPlan) -> None:
        """Warn in a run of a backfill that leaves the days to TikTok's accounts, and so doesn't load its own day."""
        own = backfilled_day(self.context)
        first = plan.start_date
        if own is None or self.request.end_date is not None or first is None or plan.end_date is None:
            return
        if not first <= own <= plan.end_date:
            log.warning(
                "This run of a backfill is for %s and loads %s, each account's last complete day before the run. Set "
                '`report_start_date="{{ ds }}"` to load its own day.',
                own,
                plan.span,
            )

    def open_output(self, plan: ReportPlan) -> Output:
        """Open what takes the rows: a table, files or XCom.

        :raises TikTokOutputError: it can't take the rows of this plan.
        """
        options = self.options
        if options.table is not None:
            from airflow_provider_tiktok.operators._outputs.sql import (
                SqlOutput,  # loads Airflow's SQL provider
            )

            return SqlOutput(options.table, plan, self.columns, self.check_stopped)
        compared = compared_by(plan.request, schema_of(plan.request)) if options.restatement else None
        return self.open_files(plan, compared)

    def describe(self, source: RowSource) -> str:
        """Return what is fetched, for the log."""
        plan = _of_report(source).plan
        return (
            f"{plan.request.report_type} report{f' of {plan.request.data_level}' if plan.request.data_level else ''} by "
            f"{', '.join(plan.request.dimensions)}: {len(plan.advertiser_ids)} account(s), {plan.span}, "
            f"{len(plan.windows)} window(s)"
        )

    def summarize(self, source: RowSource) -> dict[str, Any]:
        """Return the summary of rows that have all come."""
        self._final_time = _of_report(source).plan.final_time()
        return make_summary(_of_report(source), self.client.counts, clock.now(), self.accounts.read)

    def log_summary(self, summary: Mapping[str, Any]) -> None:
        """Log what was published, and what of it is odd."""
        if not summary["is_final"] and self._final_time is not None:
            log.log(
                logging.WARNING if asks_for_final_figures(self.context) else logging.INFO,
                "Figures of %s are final at %s UTC: until then TikTok adds to them. `lookback_days` in a later run reads "
                "the day again.",
                summary["report_end_date"],
                f"{self._final_time:%Y-%m-%d %H:%M}",
            )
        if summary["dropped_metrics"]:
            log.warning("Metrics that TikTok refused: %s", ", ".join(summary["dropped_metrics"]))
        super().log_summary(summary)

    def _open_source(self, plan: ReportPlan, encode: Encode, checkpoint: RunCheckpoint) -> PagedSource:
        return PagedSource(
            self.client,
            plan,
            list_all=list_all,
            encode=encode,
            max_concurrency=self.options.max_concurrency,
            on_advertiser_error=self.options.on_advertiser_error,
            drop_invalid_metrics=self.options.drop_invalid_metrics,
            reconciliation=self.reconciliation,
            resume_from=checkpoint.resume_from,
            on_idle=lambda: self._look_accounts_up(plan),
        )

    def _look_accounts_up(self, plan: ReportPlan) -> None:
        """Begin to look up what the summary says of accounts, where the plan didn't need to know."""
        if plan.described is None and self.source is not None:
            names = [name for name in plan.accounts if name not in self.source.result.skipped]
            self.accounts.begin(names[:MAX_ACCOUNTS])


def _columns_of(request: ReportRequest, options: ReportOptions) -> OutputColumns:
    """Return the columns of the files, the table or the rows in XCom."""
    schema = schema_of(request)
    more = window_columns(request, schema) if options.table is not None else {}
    return read_columns(
        schema.columns | more, options.column_names, options.loaded_at, partition_by=options.partition_by
    )


def read_start(unfinished: Mapping[str, Any] | None) -> float:
    """Return the Unix timestamp at which an attempt began, before all its waits."""
    return float(unfinished["began"]) if unfinished else clock.time()


@contextmanager
def _without_cycle_collection() -> Iterator[None]:
    """Let Python look for no cycles among rows, which have none: that takes a quarter of a report's processor time.

    The few cycles that calls leave, such as errors with their tracebacks, are collected afterwards.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _log_windows(lines: Sequence[str]) -> None:
    """Log each window, in a group that Airflow's UI shows closed; what is of interest on the way stands before it."""
    if not lines:
        return
    log.info("::group::Windows")
    for line in lines:
        log.info("%s", line)
    log.info("::endgroup::")


def _of_report(source: RowSource) -> ReportSource:
    return cast("ReportSource", source)
