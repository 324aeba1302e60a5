"""What is Airflow's of ``mode="async"``: deferral, resuming after the triggerer's wait, the task state store, the kill.

The jobs themselves are :mod:`airflow_provider_tiktok.reports.async_reports`'s. After the triggerer's wait another process
resumes, with nothing but what Airflow stored.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob
from airflow_provider_tiktok.exceptions import (
    TikTokError,
    TikTokRateLimitError,
    TikTokReportTaskError,
    TikTokStoppedError,
)
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._run.job_store import JobStore
from airflow_provider_tiktok.operators._run.outcome import Deferred, Finished
from airflow_provider_tiktok.operators._run.run import ReportRun, read_start
from airflow_provider_tiktok.reports.async_reports.cancel import cancel_jobs
from airflow_provider_tiktok.reports.async_reports.poll import DONE, ERROR, TIMEOUT, WatchEnd
from airflow_provider_tiktok.reports.async_reports.run import ReportJobs
from airflow_provider_tiktok.reports.async_reports.submission import Submission

_BACKSTOP = timedelta(minutes=10)
"""How much later than its own deadlines Airflow itself gives up a trigger, which no triggerer may be running."""

_MIN_WAIT = 15.0
"""Seconds that a wait in the triggerer lasts. A busy scheduler that hears of a task's return before it has heard of
its deferral takes the task for killed, and fails it."""

_HANDLER = 0.6  # seconds that a kill waits for its cancellations
_AT_EXIT = 3.0  # seconds that the process then waits for them; Airflow waits 5 before it kills for good


class AsyncReportRun:
    """One attempt at a report that TikTok makes in report tasks, which are jobs in this code.

    :param run: whose report it is.
    """

    def __init__(self, run: ReportRun) -> None:
        self._run = run
        self._options = run.options
        self._client = run.client
        self._jobs = ReportJobs(
            run.client,
            run.request,
            on_advertiser_error=run.options.on_advertiser_error,
            drop_invalid_metrics=run.options.drop_invalid_metrics,
            poll_interval=run.options.poll_interval,
            cancel_when_stopped=run.options.cancel_on_kill,
            on_change=self._store_jobs,
        )
        self._store = JobStore(run.context, self._jobs.fingerprint, durable=run.options.durable)
        self._started_at = clock.time()

    def execute(self, unfinished: Mapping[str, Any] | None = None) -> Finished | Deferred:
        """Create the jobs; then wait for them, or let the triggerer wait.

        :param unfinished: what this attempt had created before it waited for TikTok to take calls again.
        """
        self._started_at = read_start(unfinished)
        self._jobs.adopt(*self._load_jobs(unfinished))
        return self._clean_up_after(self._submit)

    def resume(self, event: Any) -> Finished | Deferred:
        """Resume after the triggerer's wait.

        :param event: the trigger's.
        """
        if not _is_end(event):
            raise TikTokReportTaskError(
                "The triggerer came back without a word on the report tasks. Give triggerer and worker the same "
                "version of airflow-provider-tiktok, and run the task again.",
                retryable=True,
            )
        submission = Submission.from_dict(event["submission"])
        if submission.deadlines is None:  # it waits since an older version
            submission = replace(submission, deadlines=self._deadlines())
        end = WatchEnd.from_dict({name: value for name, value in event.items() if name != "submission"})
        self._started_at = submission.began

        def fetch() -> Finished:
            self._jobs.resume(submission, end)
            return self._finish(submission, end)

        return self._clean_up_after(fetch)

    def on_kill(self) -> None:
        """Cancel the jobs that run, once each, where ``cancel_on_kill`` asks for it.

        The handler of a signal may call it during any other work. A server that sends nothing holds no kill up: the
        cancellations go on while the task ends.
        """
        if not self._options.cancel_on_kill:
            return
        arguments = (self._client.credentials, self._jobs.pop_running())
        cancelling = threading.Thread(target=cancel_jobs, args=arguments, name="tiktok-cancel")
        cancelling.start()
        cancelling.join(_HANDLER)
        if cancelling.is_alive():
            # Airflow runs what is registered in a task's process, and waits for no thread
            atexit.register(cancelling.join, _AT_EXIT)

    def _submit(self) -> Finished | Deferred:
        plan = self._run.plan()
        # an output that can't take the rows is refused before any job is created; the rows come hours later, or in another
        # process, and nothing is held open until then
        self._run.open_output(plan).close()
        submission = self._jobs.submit(plan, deadlines=self._deadlines(), started_at=self._started_at)
        if self._jobs.running and self._options.deferrable:
            return self._defer(submission)
        return self._finish(submission, self._jobs.wait(submission))

    def _finish(self, submission: Submission, end: WatchEnd) -> Finished:
        """Fetch what the jobs made, and publish it."""
        plan = submission.plan(self._run.request)  # without the accounts that TikTok refused meanwhile
        self._run.on_plan(plan)
        with closing(self._run.open_output(plan)) as output:
            source = self._jobs.source(
                submission,
                end,
                encode=self._run.columns.encoder(output.encode, self._started_at),
                reconciliation=self._run.reconciliation,
            )
            return self._run.complete(source, source.batches(), output)

    def _deadlines(self) -> dict[str, float]:
        """Return until when the jobs are waited for, as Unix timestamps.

        In a worker Airflow itself ends a task in time; in the triggerer no one does. A wait for TikTok's quota counts
        towards ``execution_timeout``, and not towards ``wait_timeout``, which is for TikTok's work at the report.
        """
        deadlines = {"wait_timeout": clock.time() + self._options.wait_timeout}
        limit = self._options.execution_timeout
        if self._options.deferrable and limit is not None:
            deadlines["execution_timeout"] = self._started_at + limit
        return deadlines

    def _defer(self, submission: Submission) -> Deferred:
        from airflow_provider_tiktok.triggers.report import TikTokReportTrigger

        options = self._options
        deadlines = dict(submission.deadlines or {})
        left = max(0.0, min(deadlines.values()) - clock.time()) + 2 * options.poll_interval
        trigger = TikTokReportTrigger(
            tiktok_conn_id=options.tiktok_conn_id or TikTokHook.default_conn_name,
            report_tasks=[job.as_list() for job in submission.tasks],
            poll_interval=options.poll_interval,
            deadlines=deadlines,
            stop_at_failure=options.on_advertiser_error == "fail",
            cancel_on_kill=options.cancel_on_kill,
            fire_after=clock.time() + _MIN_WAIT,
            submission=submission.as_dict(),
        )
        return Deferred(trigger, "execute_complete", timeout=timedelta(seconds=left) + _BACKSTOP)

    def _clean_up_after(self, work: Callable[[], Finished | Deferred]) -> Finished | Deferred:
        """Do work, and leave nothing behind that no one will fetch: neither jobs at TikTok nor what Airflow stores."""
        try:
            outcome = work()
        except TikTokStoppedError:
            raise  # the kill has cancelled the jobs, or left them to the next attempt
        except TikTokError as error:
            deferred = self._defer_for_quota(error) if isinstance(error, TikTokRateLimitError) else None
            if deferred is not None:
                return deferred
            if not (error.retryable and self._store.serves_a_retry):
                self._jobs.cancel()
                self._store.clear()
            raise
        if isinstance(outcome, Finished):
            self._store.clear()
        return outcome

    def _defer_for_quota(self, error: TikTokRateLimitError) -> Deferred | None:
        """Free the worker while TikTok takes no calls; TikTok goes on with the jobs.

        A kill during that wait cancels none of them, for TikTok would not take that call either.
        """
        unfinished = {
            "began": self._started_at,
            "report_tasks": [job.as_list() for job in self._jobs.created],
            "unwanted": [job.as_list() for job in self._jobs.unwanted],
            "fingerprint": self._jobs.fingerprint,
            "calls": dict(vars(self._client.counts)),
        }
        return self._run.defer(error, unfinished)

    def _load_jobs(
        self, unfinished: Mapping[str, Any] | None
    ) -> tuple[Sequence[ReportJob], Sequence[ReportJob]]:
        """Return the jobs of use that exist already, and those that no one wants any more."""
        if not unfinished:
            return self._store.load()
        known, unwanted = (
            list(map(ReportJob.from_list, unfinished[name])) for name in ("report_tasks", "unwanted")
        )
        self._client.counts.add(unfinished["calls"])
        if unfinished["fingerprint"] != self._jobs.fingerprint:
            return [], known + unwanted
        return known, unwanted

    def _store_jobs(self, jobs: Sequence[ReportJob]) -> None:
        """Leave only these to a later attempt."""
        if jobs:
            self._store.save(jobs)
        else:
            self._store.clear()


def _is_end(event: Any) -> bool:
    """Return whether an event is the trigger's."""
    return (
        isinstance(event, Mapping)
        and event.get("status") in {DONE, TIMEOUT, ERROR}
        and bool(event.get("submission"))
    )
