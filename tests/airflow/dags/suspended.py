"""A report during which TikTok suspends the app, for less than TikTok's five minutes."""

import os

from airflow.sdk import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator

REPORT = {
    "dimensions": "campaign_id,stat_time_day",
    "metrics": "spend,clicks",
    "report_start_date": "2026-03-01",
    "report_end_date": "2026-08-27",  # six windows of 30 days
    "max_concurrency": 1,
}


def suspend_briefly(context):
    from airflow_provider_tiktok.api.rate_limit import limiter
    from airflow_provider_tiktok.operators._run import run

    limiter._SUSPENSION = 20
    run.MAX_WAIT = 5


with DAG("suspended", schedule=None):
    TikTokReportOperator(
        task_id="report",
        tiktok_conn_id="tiktok_suspended",
        deferrable=True,
        output_path=os.environ.get("TIKTOK_EXAMPLE_OUTPUT", "") + "/suspended/",
        pre_execute=suspend_briefly,
        **REPORT,
    )
