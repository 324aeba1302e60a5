"""Reports that fail, in DAGs that allow retries."""

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator

with DAG("retrying", schedule=None, default_args={"retries": 2, "retry_delay": timedelta(seconds=1)}):
    day = {"dimensions": "ad_id", "report_start_date": "2026-08-01"}
    TikTokReportOperator(task_id="misspelt", metrics="spendd", **day)
    TikTokReportOperator(
        task_id="forbidden", advertiser_ids="{{ params.forbidden }}", params={"forbidden": "1"}, **day
    )
    TikTokReportOperator(task_id="too_much", max_xcom_bytes=10, **day)
