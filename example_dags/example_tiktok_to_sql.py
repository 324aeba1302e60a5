"""Figures of every ad by day in a database table; reruns and backfills replace rows and never duplicate them.

The first run creates the table. Each run replaces the rows of its accounts and days in one transaction: with
``lookback_days`` also the two days before, because TikTok corrects conversions for some days. The connection may be
of any database with a SQL hook in Airflow; ``sqlite_default``, an Airflow default, needs
``apache-airflow-providers-sqlite``.
"""

import os
from datetime import datetime, timezone

from airflow import DAG

from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator

with DAG(
    "example_tiktok_to_sql",
    schedule="@daily",
    start_date=datetime(2026, 11, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=True,  # it needs a database
    tags=["tiktok"],
):
    TikTokReportToSqlOperator(
        task_id="report",
        dimensions=["ad_id", "stat_time_day"],
        metrics=["spend", "impressions", "clicks", "ctr", "conversion", "cost_per_conversion"],
        with_parents=True,
        lookback_days=2,
        sql_conn_id=os.environ.get("TIKTOK_EXAMPLE_SQL_CONN_ID", "sqlite_default"),
        table="tiktok_ads",
    )
