"""Tasks of several kinds, one of which skips an account, for the page that shows what they loaded."""

from airflow import DAG

from airflow_provider_tiktok.operators.entities import TikTokEntitiesOperator
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator

DAYS = {"report_start_date": "2026-11-01", "report_end_date": "2026-11-03"}

with DAG("monitored", schedule=None):
    TikTokReportOperator(
        task_id="skipping",
        preset="campaign_daily",
        advertiser_ids="{{ conn.tiktok_default.extra_dejson.advertiser_ids }}, 7999999999999999999",
        on_advertiser_error="skip",
        **DAYS,
    )
    TikTokReportToSqlOperator(
        task_id="into_table", preset="campaign_daily", sql_conn_id="tiktok_tables", table="campaigns", **DAYS
    )
    TikTokReportOperator(
        task_id="deferred",
        dimensions="campaign_id, stat_time_day",
        metrics="spend, impressions",
        mode="async",
        deferrable=True,
        poll_interval=1,
        **DAYS,
    )
    TikTokReportOperator.partial(task_id="mapped", preset="campaign_daily").expand(
        report_start_date=["2026-11-01", "2026-11-02"]
    )
    TikTokEntitiesOperator(task_id="campaigns", entity="campaign")

with DAG("never_run", schedule=None):
    TikTokReportOperator(task_id="report", preset="ad_daily")
