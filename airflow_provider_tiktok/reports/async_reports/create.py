"""Creates the report tasks of a plan, one after the other, but for those that exist already."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.endpoints.report_tasks import (
    FAILED,
    JobState,
    ReportJob,
    check_task,
    create_task,
)
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokError,
    TikTokInvalidRequestError,
)
from airflow_provider_tiktok.reports.async_reports.submission import Submission, job_body, job_of
from airflow_provider_tiktok.reports.fetch.dropped_metrics import DroppedMetrics
from airflow_provider_tiktok.reports.fetch.failures import continues_after
from airflow_provider_tiktok.reports.params.explain import explained
from airflow_provider_tiktok.reports.planning.plan import ReportCall, ReportPlan

log = logging.getLogger(__name__)


class JobCreation:
    """Creates the tasks of a plan.

    :param client: makes the calls.
    :param plan: what is wanted.
    :param on_advertiser_error: as the operator's.
    :param drop_invalid_metrics: create a task without the metrics that TikTok refuses by name.
    """

    def __init__(
        self, client: TikTokClient, plan: ReportPlan, *, on_advertiser_error: str, drop_invalid_metrics: bool
    ) -> None:
        self.refused: dict[str, TikTokAPIError] = {}
        self._client = client
        self._plan = plan
        self._policy = on_advertiser_error
        self._dropped = DroppedMetrics(plan.request, allowed=drop_invalid_metrics, by_account={})
        self._wanted = {job_of(call).identity: call for call in plan.calls}
        self._tasks: dict[tuple[str, str | None, str | None, str], ReportJob] = {}

    @property
    def tasks(self) -> tuple[ReportJob, ...]:
        """The tasks that there are, in the plan's order."""
        return tuple(
            self._tasks[identity]
            for identity, call in self._wanted.items()
            if identity in self._tasks and call.advertiser_id not in self.refused
        )

    def needs(self, task: ReportJob) -> bool:
        """Return whether an existing job makes something that the plan wants."""
        return task.identity in self._wanted

    def reuse(self, tasks: Iterable[ReportJob]) -> None:
        """Use existing jobs, of the same report, instead of new ones."""
        self._tasks.update({task.identity: task for task in tasks})

    def create(self) -> Iterator[tuple[ReportJob, ...]]:
        """Create what is missing; after each new task, give those that there are.

        :raises TikTokError: TikTok refused one account, and the report is not to go on without it.
        """
        for advertiser_id, error in self._plan.refused.items():
            self._refuse(advertiser_id, error)
        for identity, call in self._wanted.items():
            if identity in self._tasks or call.advertiser_id in self.refused:
                continue
            try:
                self._tasks[identity] = self._create(call)
            except TikTokAPIError as error:
                self._refuse(call.advertiser_id, error)
            else:
                yield self.tasks

    def submission(self, fingerprint: str, began: float) -> Submission:
        """Sum up what was created.

        :param fingerprint: of the report.
        :param began: Unix timestamp at which the attempt began.
        """
        counts = self._client.counts
        return Submission(
            tasks=self.tasks,
            advertiser_ids=self._plan.advertiser_ids,
            refused=dict(self.refused),
            zones={name: str(zone) for name, zone in self._plan.zones.items()},
            described=self._plan.described,
            fingerprint=fingerprint,
            calls=dict(vars(counts)),
            began=began,
            planned=Counter(call.advertiser_id for call in self._wanted.values()),
        )

    def _create(self, call: ReportCall) -> ReportJob:
        request = self._plan.request
        subject = f"report task for {call.account}, {call.window}{', ' if call.part else ''}{call.part}"
        while True:
            dropped = self._dropped.of(call.advertiser_id)
            try:
                report_task_id = create_task(self._client, job_body(call, request, dropped), subject)
            except TikTokInvalidRequestError as error:
                if not self._dropped.drop(
                    call, self._dropped.left(call.advertiser_id, request.metrics), error
                ):
                    raise explained(error, request) from None
            else:
                log.info("Created report task %s for %s, %s", report_task_id, call.account, call.window)
                return job_of(call, report_task_id, dropped)

    def _refuse(self, advertiser_id: str, error: TikTokAPIError) -> None:
        """Go on without an account, if the report may.

        :raises TikTokAPIError: it may not.
        """
        if not continues_after(self._policy, error):
            raise error
        self.refused[advertiser_id] = error


def reusable_state(client: TikTokClient, task: ReportJob) -> JobState | None:
    """Return how far a job of an earlier attempt is; ``None`` when a new one has to be made.

    Where TikTok doesn't say now, it is reused: the wait for it shows what it is.
    """
    try:
        state = check_task(client, task)
    except TikTokError as error:
        if error.retryable:
            return JobState("QUEUING")
        state = JobState(FAILED, str(error))
    if state.status in {FAILED, "CANCELED"}:
        log.warning("An earlier attempt's %s is of no use (%s), and is created again.", task, state.status)
        return None
    return state
