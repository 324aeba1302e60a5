"""One DAG writes a report and emits an asset event; another waits for it and loads the files.

The asset's event carries the report's summary, so the second DAG knows the files, their number of rows, and the days
and accounts that they replace. It loads them into SQLite, by deleting and inserting in one transaction;
``docs/loading.md`` has the same for BigQuery, Snowflake, Redshift, Databricks and DuckDB.

Airflow 2 calls assets data sets, and the events ``triggering_dataset_events``.
"""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, task

from airflow_provider_tiktok.operators.report import TikTokReportOperator

FOLDER = os.environ.get("TIKTOK_EXAMPLE_OUTPUT", "/tmp/tiktok_reports")
CAMPAIGNS = Asset("tiktok_campaigns")

with DAG("example_tiktok_write_asset", schedule=None, catchup=False, tags=["tiktok"]):
    TikTokReportOperator(
        task_id="report",
        dimensions=["campaign_id", "stat_time_day"],
        metrics=["campaign_name", "spend", "impressions"],
        output_path=f"{FOLDER}/campaigns/{{{{ run_id }}}}.jsonl",
        outlets=[CAMPAIGNS],
    )

with DAG("example_tiktok_load_on_asset", schedule=[CAMPAIGNS], catchup=False, tags=["tiktok"]):

    @task
    def load(triggering_asset_events: Any = None) -> int:
        """Replace the accounts and days of each report, and return the number of the table's rows."""
        with closing(sqlite3.connect(f"{FOLDER}/campaigns.db")) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS campaigns (advertiser_id TEXT, stat_time_day TEXT, campaign_id TEXT,"
                " campaign_name TEXT, spend TEXT, impressions INTEGER)"  # SQLite has no decimals
            )
            for event in triggering_asset_events[CAMPAIGNS]:
                replace(database, event.extra)
            return database.execute("SELECT count(*) FROM campaigns").fetchone()[0]

    def replace(database: sqlite3.Connection, summary: dict) -> None:
        """Delete the rows of a report's accounts and days from the table, and insert the new ones."""
        days = [summary["report_start_date"], summary["report_end_date"]]
        own = summary["account_dates"]  # of accounts whose last complete day differs, in their time zone
        database.executemany(
            "DELETE FROM campaigns WHERE advertiser_id = ? AND stat_time_day BETWEEN ? AND ?",
            [(account, *own.get(account, days)) for account in summary["advertiser_ids"]],
        )
        for path in summary["paths"]:
            with Path(path).open(encoding="utf-8") as lines:
                database.executemany(
                    "INSERT INTO campaigns VALUES (:advertiser_id, :stat_time_day, :campaign_id, :campaign_name,"
                    " :spend, :impressions)",
                    (json.loads(line, parse_float=str) for line in lines),
                )

    load()
