"""Sensors whose moment comes soon, much later, and never in time."""

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG

from airflow_provider_tiktok.reports.planning import planner
from airflow_provider_tiktok.sensors.report import TikTokReportReadySensor

SOON = timedelta(seconds=40)


def in_a_moment(request, day, zone):
    """Stand in for TikTok's correction of noon."""
    return datetime.now(timezone.utc) + SOON


day = {
    "tiktok_conn_id": "tiktok_long_wait",
    "preset": "ad_daily",
    "report_end_date": "2026-11-10",
    "deferrable": True,
}

with DAG("waiting", schedule=None, default_args={"retries": 1, "retry_delay": timedelta(seconds=1)}):
    planner.corrected_at = in_a_moment
    TikTokReportReadySensor(task_id="ready", **day)

for dag_id, timeout in {"waiting_in_vain": 3, "waiting_in_vain_for_long": 31}.items():
    with DAG(dag_id, schedule=None, default_args={"retries": 1, "retry_delay": timedelta(seconds=1)}):
        TikTokReportReadySensor(
            task_id="late",
            **day | {"report_end_date": "2126-11-10", "correction": False},
            timeout=timeout,
        )
