"""The same report with each of Airflow's schedules, to check its days."""

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, task

from airflow_provider_tiktok.operators.report import TikTokReportOperator

SIGNAL = Asset("tiktok-signal")
A_WHILE_AGO = datetime.now(timezone.utc) - timedelta(days=10)


def report(dag_id: str, **schedule: object) -> None:
    with DAG(dag_id, start_date=A_WHILE_AGO, catchup=False, **schedule):
        TikTokReportOperator(task_id="report", dimensions="advertiser_id")


report("interval_schedule", schedule=CronDataIntervalTimetable("0 0 * * *", timezone="Asia/Tokyo"))
report("cron_schedule", schedule="@daily")
report("asset_schedule", schedule=[SIGNAL])

with DAG("signal", schedule=None):

    @task(outlets=[SIGNAL])
    def send() -> None:
        """Trigger the DAG that waits for the asset."""

    send()
