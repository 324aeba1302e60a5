"""When a task runs: its point in time, and the calendar days of its data interval."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

import pendulum

from airflow_provider_tiktok.api.advertisers import is_zone
from airflow_provider_tiktok.reports.plan import RunTime

_INSTANT = timedelta(microseconds=1)


def run_time(context: Any) -> RunTime:
    """Read a task's context.

    A data interval with a length gives the calendar days that it touches in the DAG's time zone, as
    ``[start, end)``. Airflow 3's cron schedules and its manual and asset-triggered runs have none.

    :param context: the context that Airflow gives to ``execute``; may be empty.
    """
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    run = context.get("dag_run")
    moment = end or context.get("logical_date") or getattr(run, "run_after", None)
    if not isinstance(moment, datetime):
        moment = datetime.now(timezone.utc)
    if not (isinstance(start, datetime) and isinstance(end, datetime) and start < end):
        return RunTime(moment)
    zone = _zone(context.get("dag"))
    return RunTime(moment, (start.astimezone(zone).date(), (end - _INSTANT).astimezone(zone).date()))


def _zone(dag: Any) -> tzinfo:
    """Give the zone in which a DAG's schedule counts its days: the timetable's own, where that has one, or the DAG's."""
    timetable = getattr(dag, "timetable", None)
    for owner, name in ((timetable, "timezone"), (timetable, "_timezone"), (dag, "timezone")):
        zone = getattr(owner, name, None)
        if is_zone(zone):
            return pendulum.timezone(zone)
        if isinstance(zone, tzinfo):
            return zone
    return timezone.utc
