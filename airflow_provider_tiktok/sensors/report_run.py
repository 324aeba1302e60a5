"""What :class:`~airflow_provider_tiktok.sensors.report.TikTokReportReadySensor` waits for: from its fields to a time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._run.schedule import run_time
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.request import parse_request, read_dates
from airflow_provider_tiktok.reports.planning.planner import final_times

log = logging.getLogger(__name__)


def find_final_time(
    report: Mapping[str, Any], hook: TikTokHook, context: Any, now: datetime, *, correction: bool
) -> datetime:
    """Return when the figures of the latest account are final, in UTC.

    :param report: the report's parameters.
    :param hook: asks TikTok about the accounts.
    :param context: Airflow's context; may be empty.
    :param correction: wait for TikTok's daily correction, too.
    """
    # a report refuses days to come, for which a sensor may wait
    start, end = read_dates(report["report_start_date"], report["report_end_date"])
    undated = {**report, "report_start_date": None, "report_end_date": None}
    request = replace(parse_request(**undated), start_date=start, end_date=end)
    try:
        times = final_times(hook.get_conn(), request, run_time(context), correction=correction, now=now)
    except OverflowError:
        raise invalid("report_end_date", f"is {end}, which leads out of the calendar.") from None
    account, time = max(times.items(), key=lambda item: item[1])
    if time > now:
        log.info(
            "The figures are final at %s UTC, in %s.%s",
            f"{time:%Y-%m-%d %H:%M}",
            str(time - now).partition(".")[0],
            f" Account {account} is the last of {len(times)}." if len(times) > 1 else "",
        )
    return time
