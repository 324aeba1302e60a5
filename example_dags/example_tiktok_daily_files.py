"""Figures of every ad by day, in one file per day and advertiser account; it can be backfilled.

Airflow 3's ``@daily`` runs at midnight and has no data interval, so a run reads the last complete day in each
account's time zone, and with ``lookback_days`` the two days before it again, because TikTok corrects conversions for
some days. It replaces only the files of these days and accounts, so a backfill, a rerun and tomorrow's run don't
conflict.

``airflow backfill create --dag-id example_tiktok_daily_files --from-date 2026-11-01 --to-date 2026-11-20``
"""

import os
from datetime import datetime, timezone

from airflow import DAG

from airflow_provider_tiktok.operators.report import TikTokReportOperator

with DAG(
    "example_tiktok_daily_files",
    schedule="@daily",
    start_date=datetime(2026, 11, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["tiktok"],
):
    TikTokReportOperator(
        task_id="report",
        dimensions=["ad_id", "stat_time_day"],
        metrics=["spend", "impressions", "clicks", "ctr", "conversion", "cost_per_conversion"],
        with_parents=True,
        lookback_days=2,
        output_path=os.environ.get("TIKTOK_EXAMPLE_OUTPUT", "/tmp/tiktok_reports"),
        partition_by=["stat_time_day", "advertiser_id"],
    )
