"""A report in report tasks from beginning to end, for callers that are no Airflow task."""

from __future__ import annotations

from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.exceptions import TikTokReportTaskError
from airflow_provider_tiktok.reports.async_reports.cancel import stop_tasks
from airflow_provider_tiktok.reports.async_reports.create import TaskCreation
from airflow_provider_tiktok.reports.async_reports.files import FileSource
from airflow_provider_tiktok.reports.async_reports.poll import (
    DONE,
    POLL_INTERVAL,
    TaskWatch,
    default_deadlines,
)
from airflow_provider_tiktok.reports.planning.planner import ReportPlan


def make_by_tasks(
    client: TikTokClient,
    plan: ReportPlan,
    *,
    on_advertiser_error: str = "fail",
    drop_invalid_metrics: bool = False,
    **options: Any,
) -> FileSource:
    """Have a report made, and wait for it.

    :param client: makes the calls, and ends the wait when it is stopped.
    :param plan: what is wanted.
    :param options: as :class:`~airflow_provider_tiktok.reports.async_reports.files.FileSource`'s.
    :return: what fetches its rows.
    :raises TikTokReportTaskError: TikTok didn't make it in six hours. What it still works at is cancelled.
    """
    creation = TaskCreation(
        client, plan, on_advertiser_error=on_advertiser_error, drop_invalid_metrics=drop_invalid_metrics
    )
    watch: TaskWatch | None = None
    try:
        for _ in creation.create():
            client.pause(0)
        deadlines = default_deadlines()
        watch = TaskWatch(
            creation.tasks,
            poll_interval=POLL_INTERVAL,
            deadlines=deadlines,
            stop_at_failure=on_advertiser_error == "fail",
        )
        while (end := watch.poll(client)) is None:
            client.pause(watch.pause())
        if end.status != DONE:
            raise TikTokReportTaskError(f"{end.message}, so the report is given up.")  # noqa: TRY301 - to be cleaned up after
    except BaseException:
        stop_tasks(client.credentials, watch.pending if watch else creation.tasks)
        raise
    if on_advertiser_error == "fail":
        stop_tasks(client.credentials, watch.pending)  # one has failed, and the fetch says so
    submission = creation.submission("", clock.time())
    return FileSource(
        client,
        submission.plan(plan.request),
        submission.tasks,
        end.states,
        refused=submission.refused,
        poll_interval=POLL_INTERVAL,
        deadlines=deadlines,
        on_advertiser_error=on_advertiser_error,
        **options,
    )
