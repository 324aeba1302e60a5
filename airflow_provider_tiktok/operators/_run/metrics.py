"""Figures of a run for Airflow's own metrics: StatsD or OpenTelemetry, whichever the installation sends."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow_provider_tiktok._compat_late import stats

log = logging.getLogger(__name__)

COUNTS = {
    "tiktok.rows": "row_count",
    "tiktok.calls": "api_calls",
    "tiktok.throttled": "throttled_calls",
}
"""The counters, each with the summary's key."""

SECONDS = "tiktok.seconds"
"""The timer."""


def send_metrics(summary: Mapping[str, Any], seconds: float, context: Any) -> None:
    """Send a run's figures. What was spent is not among them; a failure doesn't fail the task.

    :param summary: of the run.
    :param seconds: that it took.
    :param context: Airflow's context; may be empty.
    """
    try:
        found = stats()
        if found is None:
            return
        task_instance = context.get("ti")
        names = {name: getattr(task_instance, name, None) for name in ("dag_id", "task_id")}
        tags = {name: value for name, value in names.items() if isinstance(value, str)}
        for metric, key in COUNTS.items():
            found.incr(metric, summary[key], tags=tags)
        found.timing(SECONDS, timedelta(seconds=seconds), tags=tags)
    except Exception:  # the rows are published
        log.info("Airflow's metrics lack this run.", exc_info=True)
