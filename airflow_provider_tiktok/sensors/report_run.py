"""One run of :class:`~airflow_provider_tiktok.sensors.report.TikTokReportReadySensor`: from its parameters to a moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._run.schedule import run_time
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.request import parse_request, read_dates
from airflow_provider_tiktok.reports.planning.planner import final_times
from airflow_provider_tiktok.sensors.report import TikTokReportReadySensor

_REPORT_PARAMETERS = tuple(
    name
    for name in TikTokReportReadySensor.template_fields
    if name not in {"tiktok_conn_id", "report_start_date", "report_end_date"}
)


def find_moment(task: TikTokReportReadySensor, hook: TikTokHook, context: Any, now: datetime) -> datetime:
    """Find when the figures of the latest account are final.

    :param task: the sensor, with its templates rendered.
    :param hook: asks TikTok about the accounts.
    :param context: Airflow's context; may be empty.
    :return: in UTC.
    """
    # a report refuses days to come, for which it is right to wait
    start, end = read_dates(task.report_start_date, task.report_end_date)
    request = parse_request(**{name: getattr(task, name) for name in _REPORT_PARAMETERS})
    request = replace(request, start_date=start, end_date=end)
    try:
        moments = final_times(
            hook.get_conn(), request, run_time(context), correction=task.correction, now=now
        )
    except OverflowError:
        raise invalid("report_end_date", f"is {end}, which leads out of the calendar.") from None
    account, moment = max(moments.items(), key=lambda item: item[1])
    if moment > now:
        task.log.info(
            "The figures are final at %s UTC, in %s.%s",
            f"{moment:%Y-%m-%d %H:%M}",
            str(moment - now).partition(".")[0],
            f" Account {account} is the last of {len(moments)}." if len(moments) > 1 else "",
        )
    return moment
