"""A report whose task is deferred for a second before it runs, to check its links afterwards."""

from datetime import timedelta
from typing import Any

from airflow import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator

try:
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
except ImportError:  # Airflow 2
    from airflow.triggers.temporal import TimeDeltaTrigger


class LaterReportOperator(TikTokReportOperator):
    """Defers for a second first."""

    def execute(self, context: Any) -> Any:
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="fetch")

    def fetch(self, context: Any, event: Any = None) -> Any:
        return super().execute(context)


with DAG("linked", schedule=None):
    LaterReportOperator(
        task_id="deferred",
        # on a busy machine Airflow may take a task that is deferred for so short for killed
        retries=2,
        retry_delay=timedelta(seconds=1),
        dimensions="campaign_id",
        report_start_date="2026-11-01",
        report_end_date="2026-11-03",
    )
