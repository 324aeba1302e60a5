"""Fetch a window again whose rows were not those that TikTok counted, as they are while figures move."""

from __future__ import annotations

import logging
import random

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.fetch.window.window import WindowFetch
from airflow_provider_tiktok.reports.planning.plan import ReportPlan
from airflow_provider_tiktok.reports.rows.clock_change import repeated_hour_error

log = logging.getLogger(__name__)

_MAX_ATTEMPTS = 3
_BACKOFF = 2.0  # seconds; figures that move need some time to come to rest


def refetch(window: WindowFetch, problem: str, client: TikTokClient, plan: ReportPlan) -> None:
    """Restart a window, after a backoff.

    :param problem: what is wrong with its rows.
    :raises TikTokIncompleteReportError: it was the last attempt.
    """
    if window.attempts >= _MAX_ATTEMPTS:
        repeated = repeated_hour_error(client, plan, window.planned[0], window.doubled_times())
        raise repeated or TikTokIncompleteReportError(
            f"The report of {window}, could not be made complete in "
            f"{_MAX_ATTEMPTS} attempts: {problem}. TikTok's figures may be moving; run the task again later."
        )
    log.warning(
        "%s: %s; attempt %d of %d to fetch all of the window.",
        window,
        problem,
        window.attempts,
        _MAX_ATTEMPTS,
    )
    window.restart()
    jitter = random.uniform(0.75, 1.25)  # noqa: S311
    window.not_before = clock.monotonic() + _BACKOFF * window.attempts * jitter
