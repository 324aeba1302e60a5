"""TikTok's SDK for Python: a daily report of ads, by windows of at most 30 days and by pages."""

from __future__ import annotations

from datetime import date, timedelta

from business_api_client import ApiClient, Configuration, ReportingApi

from tests.compat import job

METRICS = ["campaign_name", "ad_name", "spend", "impressions", "clicks", "ctr", "reach", "conversion"]
WINDOW = timedelta(days=29)


def main() -> None:
    """Write every row of the report."""
    wanted = job.read()
    configuration = Configuration()
    configuration.host = wanted["url"]
    api = ReportingApi(ApiClient(configuration))
    last = date.fromisoformat(wanted["end"])
    for account in wanted["accounts"]:
        first = date.fromisoformat(wanted["start"])
        while first <= last:
            page, pages = 1, 1
            while page <= pages:
                data = api.report_integrated_get(
                    "BASIC",
                    wanted["token"],
                    advertiser_id=account,
                    data_level="AUCTION_AD",
                    dimensions=["ad_id", "stat_time_day"],
                    metrics=METRICS,
                    start_date=str(first),
                    end_date=str(min(first + WINDOW, last)),
                    page=page,
                    page_size=wanted["page_size"],
                )["data"]
                for row in data["list"]:
                    job.record("ad_daily", {"advertiser_id": account} | row["dimensions"] | row["metrics"])
                page, pages = page + 1, data["page_info"]["total_page"]
            first += WINDOW + timedelta(days=1)


if __name__ == "__main__":
    main()
