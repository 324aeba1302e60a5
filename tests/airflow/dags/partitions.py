"""A report whose days are partitions of an asset, and a DAG that runs once for each of them."""

from airflow.sdk import DAG, Asset, PartitionedAssetTimetable, task

from airflow_provider_tiktok.operators.report import TikTokReportOperator

DAYS = Asset("tiktok-days")

with DAG("days", schedule=None):
    TikTokReportOperator(
        task_id="report",
        dimensions="campaign_id, stat_time_day",
        report_start_date="2026-08-01",
        report_end_date="2026-08-03",
        outlets=[DAYS],
        asset_partitions=True,
    )

with DAG("each_day", schedule=PartitionedAssetTimetable(assets=DAYS), catchup=False):

    @task
    def show(dag_run=None) -> str:
        """Return the day that the run is for."""
        return dag_run.partition_key

    show()
