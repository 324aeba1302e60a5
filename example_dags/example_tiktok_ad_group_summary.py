"""Yesterday's figures of every ad group, every day: a preset and nothing else."""

from airflow import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator

with DAG("example_tiktok_ad_group_summary", schedule="@daily", catchup=False, tags=["tiktok"]):
    TikTokReportOperator(task_id="report", preset="ad_group_summary")
