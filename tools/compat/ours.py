"""This package: the same reports through ``TikTokHook.iter_report``."""

from __future__ import annotations

from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from tools.compat import job


def main() -> None:
    """Write every row of the job's reports."""
    told = job.read()
    for stream, report in told["reports"].items():
        for row in TikTokHook().iter_report(
            **report,
            advertiser_ids=told["accounts"],
            report_start_date=told["start"],
            report_end_date=told["end"],
        ):
            job.record(stream, row)


if __name__ == "__main__":
    main()
