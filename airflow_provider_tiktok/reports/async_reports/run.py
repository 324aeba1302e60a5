"""A report in TikTok's report tasks from beginning to end: create, wait, resume, fetch, cancel.

In code such a report task is a job; ``task`` alone is Airflow's, of which nothing here knows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.codes import look_up
from airflow_provider_tiktok.api.endpoints.report_tasks import (
    QUEUING,
    RUNNING,
    SUCCESS,
    JobState,
    ReportJob,
)
from airflow_provider_tiktok.exceptions import TikTokError, TikTokReportTaskError
from airflow_provider_tiktok.reports.async_reports.cancel import cancel_jobs
from airflow_provider_tiktok.reports.async_reports.create import JobCreation, reusable_state
from airflow_provider_tiktok.reports.async_reports.files import FileSource, job_error
from airflow_provider_tiktok.reports.async_reports.poll import (
    DONE,
    ERROR,
    POLL_INTERVAL,
    TIMEOUT,
    JobWatch,
    WatchEnd,
    default_deadlines,
)
from airflow_provider_tiktok.reports.async_reports.submission import Submission, fingerprint
from airflow_provider_tiktok.reports.fetch.collectors import Encode
from airflow_provider_tiktok.reports.fetch.failures import FAIL
from airflow_provider_tiktok.reports.fetch.source import page_rows
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.planning.plan import ReportPlan
from airflow_provider_tiktok.reports.planning.reconcile import Reconciliation

log = logging.getLogger(__name__)

_UNKNOWN = JobState(QUEUING)
"""The state of a job of which nothing is known."""


class ReportJobs:
    """The jobs of one report.

    A process calls :meth:`submit` and :meth:`wait`, or, after another process has waited, :meth:`resume`; then
    :meth:`source`. :meth:`run` does all of it. :attr:`running` is right at any time, so that what ends the
    process, a signal's handler too, can have those cancelled.

    :param client: makes the calls, and ends the wait when it is stopped.
    :param request: the report.
    :param on_advertiser_error: as :class:`~airflow_provider_tiktok.reports.fetch.failures.AccountFailures`'s.
    :param drop_invalid_metrics: create a job without the metrics that TikTok refuses by name.
    :param poll_interval: longest seconds between two rounds of checks.
    :param cancel_when_stopped: cancel jobs that no one fetches when the client is stopped while they are created, and
        those of earlier attempts that aren't wanted any more.
    :param on_change: called with the jobs that a later attempt can use, each time that these change.
    """

    def __init__(
        self,
        client: TikTokClient,
        request: ReportRequest,
        *,
        on_advertiser_error: str = FAIL,
        drop_invalid_metrics: bool = False,
        poll_interval: float = POLL_INTERVAL,
        cancel_when_stopped: bool = True,
        on_change: Callable[[Sequence[ReportJob]], None] = lambda jobs: None,
    ) -> None:
        self.fingerprint = fingerprint(request, client.credentials)
        self.created: Sequence[ReportJob] = ()
        self.unwanted: Sequence[ReportJob] = ()
        self._client = client
        self._request = request
        self._policy = on_advertiser_error
        self._drop_invalid_metrics = drop_invalid_metrics
        self._poll_interval = poll_interval
        self._cancels = cancel_when_stopped
        self._on_change = on_change
        self._states: Mapping[str, JobState] = {}
        self._watch: JobWatch | None = None
        self._cancelled: list[ReportJob] = []

    @property
    def running(self) -> list[ReportJob]:
        """The jobs that TikTok may still be at work at."""
        jobs = self._watch.pending if self._watch is not None else self._in_state(*RUNNING)
        return [job for job in jobs if job not in self._cancelled]

    def run(
        self, plan: ReportPlan, *, encode: Encode = page_rows, reconciliation: Reconciliation | None = None
    ) -> FileSource:
        """Have a report made, wait for it, and return the source of its rows; on an error cancel what is running.

        :raises TikTokError: TikTok refused, didn't make it in time, or the client was stopped.
        """
        try:
            submission = self.submit(plan)
            end = self.wait(submission)
            return self.source(submission, end, encode=encode, reconciliation=reconciliation)
        except BaseException:
            self.cancel()
            raise

    def adopt(self, known: Sequence[ReportJob], unwanted: Sequence[ReportJob] = ()) -> None:
        """Set the jobs of an earlier attempt, before :meth:`submit` decides about them.

        :param known: of the same report.
        :param unwanted: of another report, such as one with other parameters.
        """
        self.created, self.unwanted = known, unwanted

    def submit(
        self,
        plan: ReportPlan,
        *,
        deadlines: Mapping[str, float] | None = None,
        started_at: float | None = None,
    ) -> Submission:
        """Create the jobs of a plan, but for those that exist already.

        :param deadlines: when the wait is given up, as Unix timestamps by the name of the limit; six hours from now if not
            given.
        :param started_at: Unix timestamp at which the attempt began; now if not given.
        :raises TikTokError: TikTok refused an account without which the report is not to go on.
        """
        deadlines = deadlines or default_deadlines()
        creation = JobCreation(
            self._client,
            plan,
            on_advertiser_error=self._policy,
            drop_invalid_metrics=self._drop_invalid_metrics,
        )
        self._reuse(creation)
        for jobs in creation.create():
            self.created = jobs
            self._on_change(jobs)
            self._check_stopped()
        submission = creation.submission(self.fingerprint, clock.time() if started_at is None else started_at)
        log.info(
            "%d report task(s), of which %d are to be waited for", len(submission.tasks), len(self.running)
        )
        return replace(submission, deadlines=deadlines)

    def wait(self, submission: Submission) -> WatchEnd:
        """Wait until each job has ended, one has failed that the report can't do without, or the time is up.

        :raises TikTokStoppedError: the client was stopped.
        """
        if not self.running:
            return WatchEnd(DONE, states=self._states)
        watch = self._watch = JobWatch(
            submission.tasks,
            poll_interval=self._poll_interval,
            deadlines=submission.deadlines or default_deadlines(),
            stop_at_failure=self._policy == FAIL,
        )
        while (end := watch.poll(self._client)) is None:
            self._client.wait(watch.pause())
        return end

    def resume(self, submission: Submission, end: WatchEnd) -> None:
        """Resume after another process has waited.

        :raises TikTokReportTaskError: the jobs are those of another report.
        """
        self.created, self._states = submission.tasks, end.states
        if submission.fingerprint != self.fingerprint:
            raise _retryable(
                "The report's parameters, or the connection's token, changed while its report tasks were made, so "
                "these are of no use. Run the task again."
            )
        self._client.counts.add(submission.calls)
        self._client.counts.api_calls += end.api_calls

    def source(
        self,
        submission: Submission,
        end: WatchEnd,
        *,
        encode: Encode = page_rows,
        reconciliation: Reconciliation | None = None,
    ) -> FileSource:
        """Return the source of the rows that the jobs made.

        :param end: of the wait.
        :param encode: makes of a page what the reader of the rows wants.
        :param reconciliation: compares every window's spend with the account's own.
        :raises TikTokReportTaskError: a job without which the report is not to go on failed, or isn't done; jobs that are
            still running are cancelled.
        :raises TikTokAPIError: the wait ended with TikTok's error.
        """
        self._check(end)
        return FileSource(
            self._client,
            submission.plan(self._request),
            submission.tasks,
            end.states,
            refused=submission.refused,
            poll_interval=self._poll_interval,
            deadlines=submission.deadlines,
            encode=encode,
            on_advertiser_error=self._policy,
            reconciliation=reconciliation,
            on_unusable=self._drop,
        )

    def pop_running(self) -> list[ReportJob]:
        """Return the running jobs, which the caller cancels; each of them is returned once."""
        jobs = self.running
        self._cancelled += jobs
        return jobs

    def cancel(self) -> None:
        """Cancel the running jobs, once each."""
        cancel_jobs(self._client.credentials, self.pop_running())

    def _reuse(self, creation: JobCreation) -> None:
        """Let the creation use the jobs that exist, and cancel those that no one wants any more."""
        unwanted = [*self.unwanted, *(job for job in self.created if not creation.needs(job))]
        states: dict[str, JobState] = {}
        for job in filter(creation.needs, self.created):
            if (state := reusable_state(self._client, job)) is not None:
                states[job.report_task_id] = state
                creation.reuse([job])
                log.info("Reusing %s of an earlier attempt; it is %s.", job, state.status)
        self.created, self._states = creation.tasks, states
        if self._cancels:
            found = ((job, reusable_state(self._client, job)) for job in unwanted)
            cancel_jobs(
                self._client.credentials, [job for job, state in found if state and state.status in RUNNING]
            )
        self.unwanted = ()

    def _check_stopped(self) -> None:
        """End the work if the client was stopped: a kill while TikTok answered knew nothing of the newest job.

        :raises TikTokStoppedError: it was.
        """
        if self._client.stop.is_set() and self._cancels:
            self.cancel()
        self._client.wait(0)

    def _check(self, end: WatchEnd) -> None:
        """Raise what keeps the report from being fetched; cancel what is not wanted any more then."""
        self._watch, self._states = None, end.states
        done = self._in_state(SUCCESS)
        failed = [job for job in self.created if job not in done and job not in self._in_state(*RUNNING)]
        if end.status == ERROR:
            raise _watch_error(end)
        if end.status != TIMEOUT and not (failed and self._policy == FAIL):
            return
        self.cancel()
        self._on_change(done)
        if failed and end.status == DONE:
            raise job_error(failed[0], end.states[failed[0].report_task_id])
        raise _retryable(
            f"{end.message}, so they were cancelled. Large reports take TikTok long: allow more time, or ask for fewer "
            "days or accounts at once."
        )

    def _drop(self, job: ReportJob) -> None:
        """Leave a job of no use to no later attempt."""
        self.created = [one for one in self.created if one != job]
        self._on_change(self.created)

    def _in_state(self, *statuses: str) -> list[ReportJob]:
        return [
            job for job in self.created if self._states.get(job.report_task_id, _UNKNOWN).status in statuses
        ]


def _watch_error(end: WatchEnd) -> TikTokError:
    """Return the error that ended a wait, as what it was."""
    if end.code is None:
        return TikTokReportTaskError(end.message, retryable=end.retryable)
    return look_up(end.code).error(
        end.message, code=end.code, request_id=end.request_id, retryable=end.retryable
    )


def _retryable(text: str) -> TikTokReportTaskError:
    return TikTokReportTaskError(text, retryable=True)
