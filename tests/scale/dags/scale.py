"""The same report of every account both ways, and a day's report to backfill."""

import os
from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG, CronDataIntervalTimetable

from airflow_provider_tiktok.operators.advertisers import TikTokListAdvertisersOperator
from airflow_provider_tiktok.operators.report import TikTokReportOperator

OUTPUT = os.environ["TIKTOK_EXAMPLE_OUTPUT"]
RETRY = {"retries": 2, "retry_delay": timedelta(seconds=1)}
# a call for each day of an account
HOURS = {
    "dimensions": "campaign_id, stat_time_hour",
    "metrics": "spend, impressions, clicks",
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-08-07",
}


def mapped(dag_id, conn_id="tiktok_default"):
    """Make a DAG with a task for each account."""
    with DAG(dag_id, schedule=None, default_args=RETRY):
        accounts = TikTokListAdvertisersOperator(task_id="accounts", tiktok_conn_id=conn_id)
        TikTokReportOperator.partial(
            task_id="report",
            tiktok_conn_id=conn_id,
            map_index_template="{{ task.advertiser_ids }}",
            output_path=f"{OUTPUT}/{dag_id}/",
            partition_by=["advertiser_id"],
            **HOURS,
        ).expand(advertiser_ids=accounts.output)


def one_task(dag_id):
    """Make a DAG with one task for all accounts."""
    with DAG(dag_id, schedule=None, default_args=RETRY):
        TikTokReportOperator(
            task_id="report",
            advertiser_ids="*",
            output_path=f"{OUTPUT}/{dag_id}/",
            partition_by=["advertiser_id"],
            **HOURS,
        )


mapped("mapped")
mapped("mapped_killed")
mapped("mapped_apart")
mapped("mapped_through_redis", "tiktok_shared")
one_task("one_task")
one_task("one_task_killed")

# its only days are those that are backfilled
FIRST = datetime(2026, 6, 1, tzinfo=timezone.utc)
with DAG(
    "days",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=FIRST,
    end_date=FIRST + timedelta(days=90),
    catchup=False,
    is_paused_upon_creation=False,
    default_args=RETRY,
):
    TikTokReportOperator(
        task_id="report",
        dimensions="ad_id, stat_time_day",
        metrics="spend, impressions, clicks",
        output_path=f"{OUTPUT}/days/",
        partition_by=["stat_time_day"],
    )
