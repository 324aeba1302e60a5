"""Reports in report tasks: waited for in the triggerer and in a worker, with and without retries."""

import os
from datetime import date, timedelta
from pathlib import Path

from airflow.sdk import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator


def note_process(context):
    """Write the ID of the process to kill for the test."""
    attempt = context["ti"].try_number
    Path(os.environ["TIKTOK_EXAMPLE_OUTPUT"], f"pid-{context['dag'].dag_id}-{attempt}").write_text(
        str(os.getpid())
    )


REPORT = {
    "task_id": "report",
    "tiktok_conn_id": "tiktok_tasks",
    "mode": "async",
    "dimensions": "ad_id",
    "metrics": "spend,clicks",
}
VARIANTS = {
    "tasks_deferred": {"deferrable": True},
    "tasks_in_worker": {"deferrable": False},
    "tasks_impatient": {"deferrable": True, "wait_timeout": 4},
    "tasks_retried": {"deferrable": True, "retries": 2, "retry_delay": timedelta(seconds=1)},
    "tasks_in_worker_retried": {"deferrable": False, "retries": 2, "retry_delay": timedelta(seconds=1)},
}

for dag_id, options in VARIANTS.items():
    with DAG(dag_id, schedule=None):
        TikTokReportOperator(
            **REPORT,
            report_start_date="2026-08-01",
            poll_interval=1,
            pre_execute=note_process,
            **options,
        )

with DAG("tasks_many", schedule=None):
    TikTokReportOperator.partial(**REPORT, poll_interval=2, deferrable=True).expand(
        report_start_date=[f"{date(2026, 8, 1) + timedelta(days=day)}" for day in range(20)]
    )
