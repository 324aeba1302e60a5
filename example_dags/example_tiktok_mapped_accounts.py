"""One mapped task per advertiser account: each can be monitored, retried and cleared separately."""

from airflow import DAG

from airflow_provider_tiktok.operators.advertisers import TikTokListAdvertisersOperator
from airflow_provider_tiktok.operators.report import TikTokReportOperator

with DAG("example_tiktok_mapped_accounts", schedule=None, catchup=False, tags=["tiktok"]):
    accounts = TikTokListAdvertisersOperator(task_id="accounts")

    TikTokReportOperator.partial(
        task_id="report",
        preset="auction_campaign_summary",
        map_index_template="{{ task.account }}",
    ).expand(advertiser_ids=accounts.output)
