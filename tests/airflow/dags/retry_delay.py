"""A report whose retry waits for as long as TikTok's error says."""

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.retry_policy import TikTokRetryPolicy

with DAG("retry_delay", schedule=None):
    TikTokReportOperator(
        task_id="report",
        tiktok_conn_id="tiktok_long_wait",
        preset="ad_daily",
        report_start_date="2026-11-01",
        retries=2,
        retry_delay=timedelta(seconds=1),
        retry_policy=TikTokRetryPolicy(),
    )
