"""A whole warehouse: accounts, campaigns, ad groups, ads and their figures, in the tables that Fivetran's dbt package reads.

Every run lists the accounts' entities, and adds a row to their history for each one that changed. It loads two days of
figures, yesterday and the day before, because TikTok corrects figures for some time; raise ``lookback_days`` for conversions
that come later. Reruns and backfills replace rows and never duplicate them. Names of tables and columns are Fivetran's, see
``docs/dbt.md``.

The connection may be of any database with a SQL hook in Airflow; ``sqlite_default``, an Airflow default, needs
``apache-airflow-providers-sqlite``. Where a database has schemas, ``TIKTOK_EXAMPLE_SCHEMA`` names one, which must exist.
"""

import os
from datetime import datetime, timezone

from airflow import DAG

from airflow_provider_tiktok.operators.entities_to_sql import TikTokEntitiesToSqlOperator
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator

SCHEMA = os.environ.get("TIKTOK_EXAMPLE_SCHEMA", "")
PREFIX = f"{SCHEMA}." if SCHEMA else ""

ENTITIES = {  # table: entity
    "advertiser": "advertiser",
    "campaign_history": "campaign",
    "adgroup_history": "adgroup",
    "ad_history": "ad",
    "smart_plus_ad_history": "smart_plus_ad",
}
REPORTS = {  # table: preset
    "campaign_report_hourly": "campaign_hourly",
    "adgroup_report_hourly": "adgroup_hourly",
    "ad_report_hourly": "ad_hourly",
    "campaign_report_daily": "campaign_daily",
    "adgroup_report_daily": "adgroup_daily",
    "ad_report_daily": "ad_daily",
    "campaign_country_report": "campaign_audience_country_daily",
}

with DAG(
    "example_tiktok_warehouse",
    schedule="@daily",
    start_date=datetime(2026, 11, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=True,  # it needs a database
    max_active_tasks=4,  # they share the app's rate limit
    default_args={
        "sql_conn_id": os.environ.get("TIKTOK_EXAMPLE_SQL_CONN_ID", "sqlite_default"),
        "column_names": "fivetran",
        "loaded_at": "_fivetran_synced",
        "add_columns": True,  # of fields that come with a later version
    },
    tags=["tiktok"],
):
    for table, entity in ENTITIES.items():
        TikTokEntitiesToSqlOperator(
            task_id=table, entity=entity, table=f"{PREFIX}{table}", history=table.endswith("_history")
        )
    for table, preset in REPORTS.items():
        TikTokReportToSqlOperator(task_id=table, preset=preset, lookback_days=1, table=f"{PREFIX}{table}")
