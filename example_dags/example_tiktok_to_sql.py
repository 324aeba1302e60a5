"""Every ad's figures by day in a table of a database, which a re-run or a backfill corrects and never doubles.

The table is made by the first run. Each run replaces the rows of its own accounts and days in one
transaction: with ``lookback_days`` the two days before as well, because TikTok corrects conversions for some
days. The connection may be of any database that Airflow has a SQL hook for; ``sqlite_default``, which Airflow
brings along, needs ``apache-airflow-providers-sqlite``.
"""

import os
from datetime import datetime, timezone

from airflow.sdk import DAG

from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator

with DAG(
    "example_tiktok_to_sql",
    schedule="@daily",
    start_date=datetime(2026, 11, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=True,  # it wants a database
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
