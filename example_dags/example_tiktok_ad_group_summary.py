"""Yesterday's figures of every ad group, every day: only a preset."""

from datetime import datetime, timezone

from airflow import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator

with DAG(
    "example_tiktok_ad_group_summary",
    schedule="@daily",
    start_date=datetime(2026, 11, 1, tzinfo=timezone.utc),  # Airflow 2 requires one for a schedule
    catchup=False,
    tags=["tiktok"],
):
    TikTokReportOperator(task_id="report", preset="ad_group_summary")
