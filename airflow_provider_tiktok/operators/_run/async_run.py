"""One run of the report operator in ``mode="async"``: report tasks are created, waited for, and fetched.

The wait is in this worker or in the triggerer. After a triggerer's wait another process goes on, with nothing but
what was given along.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok._compat import AirflowSkipException
from airflow_provider_tiktok.api.endpoints.report_tasks import ReportTask
from airflow_provider_tiktok.exceptions import (
    TikTokError,
    TikTokRateLimitError,
    TikTokReportTaskError,
    TikTokStoppedError,
)
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._run.job_store import TaskMemory
from airflow_provider_tiktok.operators._run.run import (
    PATIENCE,
    _fetch,
    _publish,
    _read_request,
    began_at,
    wait_elsewhere,
)
from airflow_provider_tiktok.operators._run.schedule import run_time
from airflow_provider_tiktok.reports.async_reports.cancel import stop_tasks
from airflow_provider_tiktok.reports.async_reports.poll import DONE, ERROR, TIMEOUT, WatchEnd
from airflow_provider_tiktok.reports.async_reports.run import ReportJobs
from airflow_provider_tiktok.reports.async_reports.submission import Submission
from airflow_provider_tiktok.reports.planning.planner import make_plan

if TYPE_CHECKING:
    from airflow_provider_tiktok.operators.report import TikTokReportOperator

_BACKSTOP = timedelta(minutes=10)
"""How much later than its own deadlines Airflow itself gives a trigger up, which no triggerer may be running."""

_AT_LEAST = 15.0
"""Seconds that a wait in the triggerer lasts. A busy scheduler that hears of a task's return before it has heard of
its deferral takes the task for killed, and fails it."""

_HANDLER = 0.6  # seconds that a kill waits for its cancellations
_AT_EXIT = 3.0  # seconds that the process then waits for them; Airflow waits 5 before it kills for good


class TaskReport:
    """A report that TikTok makes in report tasks.

    :param task: the operator, with its templates rendered.
    :param hook: calls TikTok.
    :param context: Airflow's context; may be empty.
    """

    def __init__(self, task: TikTokReportOperator, hook: TikTokHook, context: Any) -> None:
        self._task = task
        self._hook = hook
        self._context = context
        self._request, self._reconciliation = _read_request(task)
        self._client = hook.get_conn(
            connections=task.max_concurrency, suspension_patience=PATIENCE if task.deferrable else None
        )
        self._jobs = ReportJobs(
            self._client,
            self._request,
            on_advertiser_error=task.on_advertiser_error,
            drop_invalid_metrics=task.drop_invalid_metrics,
            poll_interval=seconds(task.poll_interval),
            cancel_when_stopped=task.cancel_on_kill,
            on_change=self._remember,
        )
        self._memory = TaskMemory(context, self._jobs.fingerprint, durable=task.durable)
        self._began = clock.time()
        task.at_work = self

    def cancel(self) -> None:
        """Cancel the running report tasks, once each. It may be called amid any other work, from a signal's handler.

        A server that sends nothing holds no kill up: the cancellations go on while the task ends.
        """
        given = (self._client.credentials, self._jobs.pop_running())
        stopping = threading.Thread(target=stop_tasks, args=given)
        stopping.start()
        stopping.join(_HANDLER)
        if stopping.is_alive():
            # Airflow runs what is registered in a task's process, and waits for no thread
            atexit.register(stopping.join, _AT_EXIT)

    def begin(self, unfinished: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Create the report tasks; then wait for them, or let the triggerer wait.

        :param unfinished: what this attempt had created before it waited for TikTok to take calls again.
        :return: the summary.
        """
        # what is wrong with the output is told before TikTok is asked for anything
        output = self._task.open_output(self._request)
        output.discard()
        self._began = began_at(unfinished)
        self._jobs.adopt(*self._recall(unfinished))
        with self._cleaning_up():
            plan = make_plan(self._client, self._request, run_time(self._context))
            output.check(plan)
            self._task.link_facts = plan.facts()
            submission = self._jobs.submit(plan, deadlines=self._deadlines(), started_at=self._began)
            if self._jobs.running and self._task.deferrable:
                self._defer(submission)
            return self._finish(submission, self._jobs.wait(submission))

    def resume(self, event: Any) -> dict[str, Any]:
        """Go on after the triggerer's wait.

        :param event: the trigger's.
        :return: the summary.
        """
        if not _is_end(event):
            raise _retryable(
                "The triggerer came back without a word on the report tasks. Give triggerer and worker the same "
                "version of airflow-provider-tiktok, and run the task again."
            )
        submission = Submission.from_dict(event["submission"])
        if submission.deadlines is None:  # it waits since an older version
            submission = replace(submission, deadlines=self._deadlines())
        end = WatchEnd.from_dict({name: value for name, value in event.items() if name != "submission"})
        self._began = submission.began
        with self._cleaning_up():
            self._jobs.resume(submission, end)
            return self._finish(submission, end)

    def _remember(self, jobs: Sequence[ReportTask]) -> None:
        """Leave only these to a later attempt."""
        if jobs:
            self._memory.remember(jobs)
        else:
            self._memory.forget()

    def _recall(
        self, unfinished: Mapping[str, Any] | None
    ) -> tuple[Sequence[ReportTask], Sequence[ReportTask]]:
        """Give the report tasks of use that there are already, and those that nobody wants any more."""
        if not unfinished:
            return self._memory.recall()
        known, unwanted = (
            list(map(ReportTask.from_list, unfinished[name])) for name in ("report_tasks", "unwanted")
        )
        self._client.counts.add(unfinished["calls"])
        if unfinished["fingerprint"] != self._jobs.fingerprint:
            return [], known + unwanted
        return known, unwanted

    def _deadlines(self) -> dict[str, float]:
        """Say until when the report tasks are waited for, as seconds since the epoch.

        In a worker Airflow itself ends a task in time; in the triggerer nobody does. A wait for TikTok's quota counts
        towards ``execution_timeout``, and not towards ``wait_timeout``, which is for TikTok's work at the report.
        """
        deadlines = {"wait_timeout": clock.time() + seconds(self._task.wait_timeout)}
        limit = self._task.execution_timeout
        if self._task.deferrable and limit is not None:
            deadlines["execution_timeout"] = self._began + limit.total_seconds()
        return deadlines

    def _defer(self, submission: Submission) -> None:
        from airflow_provider_tiktok.triggers.report import TikTokReportTrigger

        task = self._task
        poll_interval = seconds(task.poll_interval)
        deadlines = dict(submission.deadlines or {})
        left = timedelta(seconds=max(0.0, min(deadlines.values()) - clock.time()) + 2 * poll_interval)
        task.defer(
            trigger=TikTokReportTrigger(
                tiktok_conn_id=task.tiktok_conn_id or TikTokHook.default_conn_name,
                report_tasks=[one.as_list() for one in submission.tasks],
                poll_interval=poll_interval,
                deadlines=deadlines,
                stop_at_failure=task.on_advertiser_error == "fail",
                cancel_on_kill=task.cancel_on_kill,
                fire_after=clock.time() + _AT_LEAST,
                submission=submission.as_dict(),
            ),
            method_name="execute_complete",
            timeout=left + _BACKSTOP,
        )

    def _finish(self, submission: Submission, end: WatchEnd) -> dict[str, Any]:
        """Fetch what the report tasks made, and publish it."""
        output = self._task.open_output(self._request)
        try:
            source = self._jobs.source(
                submission, end, encode=output.encode, reconciliation=self._reconciliation
            )
            _fetch(self._task, source, output)
            self._task.check_stopped()
            return _publish(self._task, self._context, source, output, self._client.counts, hook=self._hook)
        finally:
            output.discard()

    @contextmanager
    def _waiting_elsewhere(self) -> Iterator[None]:
        """Free the worker while TikTok takes no calls; the report tasks go on at TikTok's.

        A kill amid that wait cancels none of them, for TikTok would not take that call either.
        """
        try:
            yield
        except TikTokRateLimitError as error:
            unfinished = {
                "began": self._began,
                "report_tasks": [one.as_list() for one in self._jobs.created],
                "unwanted": [one.as_list() for one in self._jobs.unwanted],
                "fingerprint": self._jobs.fingerprint,
                "calls": dict(vars(self._client.counts)),
            }
            wait_elsewhere(self._task, error, unfinished)
            raise

    @contextmanager
    def _cleaning_up(self) -> Iterator[None]:
        """Leave nothing behind that nobody will fetch: neither report tasks at TikTok's nor what Airflow remembers."""
        try:
            with self._waiting_elsewhere():
                yield
        except TikTokStoppedError:
            raise  # whoever killed the task has had them cancelled, or wanted them to go on
        except TikTokError as error:
            if not (error.retryable and self._memory.serves_a_retry):
                self._jobs.cancel()
                self._memory.forget()
            raise
        except AirflowSkipException:
            self._memory.forget()
            raise
        else:
            self._memory.forget()


def seconds(value: float | timedelta) -> float:
    """Read a time that may be given as a number or as a ``timedelta``."""
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _is_end(event: Any) -> bool:
    """Say whether an event is the trigger's."""
    return (
        isinstance(event, Mapping)
        and event.get("status") in {DONE, TIMEOUT, ERROR}
        and bool(event.get("submission"))
    )


def _retryable(text: str) -> TikTokReportTaskError:
    return TikTokReportTaskError(text, retryable=True)
