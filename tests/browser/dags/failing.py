"""A report that TikTok refuses: the account does not exist."""

from airflow import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator

with DAG("failing", schedule=None):
    TikTokReportOperator(
        task_id="report",
        advertiser_ids="7999999999999999999",
        dimensions=["campaign_id", "stat_time_day"],
        metrics=["spend", "impressions"],
        filters=[{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": [1, 2, 3]}],
        report_start_date="2026-11-01",
        report_end_date="2026-11-03",
    )
