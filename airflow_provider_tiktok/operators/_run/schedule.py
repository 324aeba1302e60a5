"""When a task runs: its time, and the calendar days of its data interval."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.zones import read_zone
from airflow_provider_tiktok.reports.planning.plan import RunTime

_DAY = timedelta(days=1)
_SENSOR = "TikTokReportReadySensor"


def run_time(context: Any) -> RunTime:
    """Read a task's context.

    A data interval with a length gives its calendar days in the DAG's time zone, as ``[start, end)``: from the day in
    which it starts to the one before the day in which it ends, and at least one. So a daily interval is one day at
    whatever hour it starts, and intervals that follow each other have each day once. Airflow 3's cron schedules and its
    manual and asset-triggered runs have no length.

    :param context: the context that Airflow gives to ``execute``; may be empty.
    """
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    run = context.get("dag_run")
    time = end or context.get("logical_date") or getattr(run, "run_after", None)
    if not isinstance(time, datetime):
        time = clock.now()
    if not (isinstance(start, datetime) and isinstance(end, datetime) and start < end):
        return RunTime(time)
    zone = _zone(context.get("dag"))
    first, end_day = start.astimezone(zone).date(), end.astimezone(zone).date()
    return RunTime(time, (first, max(first, end_day - _DAY)))


def backfilled_day(context: Any) -> date | None:
    """Return the day that a run of a backfill is for, in the DAG's time zone; ``None`` for other runs."""
    kind, time = getattr(context.get("dag_run"), "run_type", None), context.get("logical_date")
    if str(getattr(kind, "value", kind)) != "backfill" or not isinstance(time, datetime):
        return None
    return time.astimezone(_zone(context.get("dag"))).date()


def asks_for_final_figures(context: Any) -> bool:
    """Return whether a task before this one waits until figures are final."""
    task = context.get("task")
    find = getattr(task, "get_flat_relatives", None)
    before = find(upstream=True) if find is not None and task.has_dag() else ()
    return any(getattr(one, "task_type", "") == _SENSOR for one in before)


def _zone(dag: Any) -> tzinfo:
    """Return the zone in which a DAG's schedule counts its days: the timetable's own, where that has one, or the DAG's."""
    timetable = getattr(dag, "timetable", None)
    for owner, name in ((timetable, "timezone"), (timetable, "_timezone"), (dag, "timezone")):
        zone = getattr(owner, name, None)
        found = zone if isinstance(zone, tzinfo) else read_zone(zone)
        if found is not None:
            return found
    return timezone.utc
