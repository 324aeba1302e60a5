"""Reports in report tasks: waited for in the triggerer and in a worker, with and without retries."""

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator


def note_process(context):
    """Tell the test which process is to be killed."""
    attempt = context["ti"].try_number
    Path(os.environ["TIKTOK_EXAMPLE_OUTPUT"], f"pid-{context['dag'].dag_id}-{attempt}").write_text(
        str(os.getpid())
    )


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
            task_id="report",
            tiktok_conn_id="tiktok_tasks",
            mode="async",
            dimensions="ad_id",
            metrics="spend,clicks",
            report_start_date="2026-08-01",
            poll_interval=1,
            pre_execute=note_process,
            **options,
        )
