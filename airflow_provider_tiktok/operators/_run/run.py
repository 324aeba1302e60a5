"""One run of :class:`~airflow_provider_tiktok.operators.report.TikTokReportOperator`, from its parameters to its summary."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from inspect import signature
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok._compat import AirflowSkipException
from airflow_provider_tiktok._compat_late import moment_trigger
from airflow_provider_tiktok.api.client import CallCounts
from airflow_provider_tiktok.exceptions import TikTokEmptyReportError, TikTokError, TikTokRateLimitError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._outputs.files import FileOutput, Output, XComOutput, read_path
from airflow_provider_tiktok.operators._run import lineage
from airflow_provider_tiktok.operators._run.checkpoint import KeptRows
from airflow_provider_tiktok.operators._run.schedule import run_time
from airflow_provider_tiktok.reports.fetch.paged import PagedSource
from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.params import coerce
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.params.request import parse_request
from airflow_provider_tiktok.reports.planning.planner import make_plan
from airflow_provider_tiktok.reports.planning.reconcile import Reconciliation, read_reconciliation
from airflow_provider_tiktok.reports.result.summary import make_summary
from airflow_provider_tiktok.reports.rows.schema import schema_of

if TYPE_CHECKING:
    from airflow_provider_tiktok.operators.report import TikTokReportOperator

PATIENCE = 60.0
"""Seconds that a worker waits for TikTok to take calls again, where the triggerer could wait instead."""

_SPREAD = 5.0  # seconds over which tasks that waited for the same moment begin

_REPORT_PARAMETERS = tuple(signature(parse_request).parameters)


def run_report(
    task: TikTokReportOperator, hook: TikTokHook, context: Any, unfinished: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Fetch the report and publish it, whole.

    :param task: the operator, with its templates rendered.
    :param hook: calls TikTok.
    :param context: Airflow's context; may be empty.
    :param unfinished: what :func:`wait_elsewhere` has left, where this attempt has waited.
    :return: the summary.
    """
    task.published = None
    began = began_at(unfinished)
    request, reconciliation = _read_request(task)
    output = task.open_output(request)
    try:
        client = hook.get_conn(
            connections=task.max_concurrency, suspension_patience=PATIENCE if task.deferrable else None
        )
        plan = make_plan(client, request, run_time(context))
        output.check(plan)
        task.link_facts = plan.facts()
        goes_on = unfinished is not None
        with closing(KeptRows(task, context, plan, output, client, goes_on=goes_on)) as kept:
            fetch = PagedSource(
                client,
                plan,
                encode=output.encode,
                max_concurrency=task.max_concurrency,
                on_advertiser_error=task.on_advertiser_error,
                drop_invalid_metrics=task.drop_invalid_metrics,
                reconciliation=reconciliation,
                resume_from=kept.begin_at,
            )
            with _keeping(task, fetch, kept):
                _fetch(task, fetch, output, kept)
                task.check_stopped()
                return _publish(task, context, fetch, output, client.counts, hook=hook)
    except TikTokRateLimitError as error:
        wait_elsewhere(task, error, {"began": began})
        raise
    finally:
        output.discard()


@contextmanager
def _keeping(task: TikTokReportOperator, fetch: RowSource, kept: KeptRows) -> Iterator[None]:
    """Leave the rows of finished windows to another attempt where one will come, and else nothing."""
    try:
        yield
    except AirflowSkipException:
        kept.discard()
        raise
    except Exception as error:
        if isinstance(error, TikTokError) and not error.retryable and task.fail_fast:
            kept.discard()
        else:
            kept.save(fetch)
        raise
    kept.discard()


def wait_elsewhere(
    task: TikTokReportOperator, error: TikTokRateLimitError, unfinished: dict[str, Any]
) -> None:
    """Free the worker until TikTok takes calls again, where that is a while, and ``execution_timeout`` allows it.

    Airflow itself measures that limit anew after each deferral.

    :param unfinished: what the operator's ``go_on`` wants to know of the work until here, when it ``began`` among it;
        Airflow keeps it as JSON.
    """
    seconds = error.retry_after
    if not task.deferrable or seconds is None or seconds < PATIENCE:
        return
    limit = task.execution_timeout
    if limit is not None and clock.time() + seconds > unfinished["began"] + limit.total_seconds():
        task.log.warning("The task's `execution_timeout` of %s ends before that, so it doesn't wait.", limit)
        return
    moment = clock.now() + timedelta(seconds=seconds + random.uniform(0, _SPREAD))  # noqa: S311
    task.log.warning("%s The task waits in the triggerer until %s.", error, f"{moment:%Y-%m-%d %H:%M:%S} UTC")
    task.defer(trigger=moment_trigger(moment), method_name="go_on", kwargs={"unfinished": unfinished})


def began_at(unfinished: Mapping[str, Any] | None) -> float:
    """Give the second of the epoch at which an attempt began, before all its waits."""
    return float(unfinished["began"]) if unfinished else clock.time()


def _read_request(task: TikTokReportOperator) -> tuple[ReportRequest, Reconciliation | None]:
    request = parse_request(**{name: getattr(task, name) for name in _REPORT_PARAMETERS})
    return request, read_reconciliation(request, task.reconcile, task.reconcile_tolerance)


def open_files_or_xcom(task: TikTokReportOperator, request: ReportRequest) -> Output:
    """Open what takes the rows of an operator with an ``output_path``, or without one."""
    schema = schema_of(request)
    path, conn_id = read_path(task.output_path)
    named = coerce.structure(coerce.optional(task.partition_by, "partition_by"))
    partition_by = coerce.names(named, "partition_by") if named else ()
    if path is None:
        for name in ("partition_by", "output_format", "output_conn_id"):
            if partition_by if name == "partition_by" else coerce.optional(getattr(task, name), name):
                raise coerce.invalid(name, "is about files, so it needs an `output_path`.")
        if task.restatement:
            raise coerce.invalid(
                "restatement", "compares the files that a run replaces, so it needs an `output_path`."
            )
        return XComOutput(schema, task.max_xcom_bytes)
    return FileOutput(
        path,
        schema,
        output_format=coerce.text(task.output_format, "output_format"),
        conn_id=coerce.text(task.output_conn_id, "output_conn_id") or conn_id,
        partition_by=partition_by or (),
        restatement=task.restatement,
    )


def _fetch(
    task: TikTokReportOperator, fetch: RowSource, output: Output, kept: KeptRows | None = None
) -> None:
    plan = fetch.plan
    task.log.info(
        "%s report%s by %s: %d account(s), %s, %d window(s)",
        plan.request.report_type,
        f" of {plan.request.data_level}" if plan.request.data_level else "",
        ", ".join(plan.request.dimensions),
        len(plan.advertiser_ids),
        plan.span,
        len(plan.windows),
    )
    task.log.info("::group::Windows")
    try:
        with _without_cycle_collection():
            if kept is not None:
                kept.pass_on(fetch, output)
            for batch in fetch.batches():
                if kept is not None:
                    kept.note(fetch, batch)
                output.write(fetch, batch)
            if kept is not None:
                kept.note(fetch)
    finally:
        task.log.info("::endgroup::")


@contextmanager
def _without_cycle_collection() -> Iterator[None]:
    """Let Python look for no cycles among rows, which have none: it would spend a fifth of the time on that.

    What few cycles calls leave behind, such as errors with their tracebacks, is collected afterwards.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _publish(
    task: TikTokReportOperator,
    context: Any,
    fetch: RowSource,
    output: Output,
    counts: CallCounts,
    *,
    hook: TikTokHook,
) -> dict[str, Any]:
    now = clock.now()
    summary = make_summary(fetch, counts, now)
    if not summary["row_count"] and task.on_empty == "fail":
        raise TikTokEmptyReportError(
            "TikTok has no rows for this report, and `on_empty` is 'fail'. Check dates, accounts and filters."
        )
    output.publish(fetch, summary, now, context)
    _log_summary(task, summary)
    lineage.tell(task, hook, context, summary)
    if not summary["row_count"] and task.on_empty == "skip":
        if (task_instance := context.get("ti")) is not None:
            task_instance.xcom_push(key="return_value", value=summary)
        raise AirflowSkipException("TikTok has no rows for this report, and `on_empty` is 'skip'.")
    return summary


def _log_summary(task: TikTokReportOperator, summary: Mapping[str, Any]) -> None:
    if not summary["row_count"]:
        task.log.warning(
            "TikTok has no rows for this report. Check dates, accounts and filters if that is odd."
        )
    if not summary["is_final"] and summary["report_end_date"]:
        task.log.warning(
            "The figures are not final: %s is not over in every account's time zone, or TikTok still completes "
            "figures such as reach. `lookback_days` in a later run reads the day again.",
            summary["report_end_date"],
        )
    if summary["dropped_metrics"]:
        task.log.warning("Metrics that TikTok refused: %s", ", ".join(summary["dropped_metrics"]))
    if summary["skipped_advertisers"]:
        task.log.warning("Skipped accounts: %s", ", ".join(summary["skipped_advertisers"]))
    task.log.info(
        "%s rows%s, %d call(s) of which %d repeated; %s",
        f"{summary['row_count']:,}",
        "" if "table" in summary else f", {summary['bytes']:,} bytes",
        summary["api_calls"],
        summary["retried_calls"],
        _where(task, summary),
    )


def _where(task: TikTokReportOperator, summary: Mapping[str, Any]) -> str:
    if "table" in summary:
        return f"rows are in table {summary['table']}"
    if task.output_path:
        return f"{summary['path_count']} file(s): {task.output_path}"
    return "rows are in XCom under the key 'rows'"
