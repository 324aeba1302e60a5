"""Sensors whose figures are final soon, much later, and too late."""

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG

from airflow_provider_tiktok.reports.planning import planner
from airflow_provider_tiktok.sensors.report import TikTokReportReadySensor

SOON = timedelta(seconds=40)


def soon(request, day, zone):
    """Replace TikTok's correction at noon."""
    return datetime.now(timezone.utc) + SOON


day = {
    "tiktok_conn_id": "tiktok_long_wait",
    "preset": "ad_daily",
    "report_end_date": "2026-11-10",
    "deferrable": True,
}

with DAG("waiting", schedule=None, default_args={"retries": 1, "retry_delay": timedelta(seconds=1)}):
    planner.corrected_at = soon
    TikTokReportReadySensor(task_id="ready", **day)

for dag_id, timeout in {"waiting_too_long": 3, "waiting_too_long_deferred": 31}.items():
    with DAG(dag_id, schedule=None, default_args={"retries": 1, "retry_delay": timedelta(seconds=1)}):
        TikTokReportReadySensor(
            task_id="late",
            **day | {"report_end_date": "2126-11-10", "correction": False},
            timeout=timeout,
        )
