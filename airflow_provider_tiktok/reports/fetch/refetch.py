"""Fetch a window again whose rows were not those that TikTok counted, as they are while figures move."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.fetch.window.window import WindowFetch

log = logging.getLogger(__name__)

_MAX_ATTEMPTS = 3
_BACKOFF = 2.0  # seconds; figures that move need some time to come to rest


def refetch(
    window: WindowFetch, problem: str, incomplete: Callable[[WindowFetch, str], TikTokIncompleteReportError]
) -> None:
    """Restart a window, after a backoff.

    :param problem: what is wrong with its rows.
    :param incomplete: returns the error of a window that could not be made complete.
    :raises TikTokIncompleteReportError: it was the last attempt.
    """
    if window.attempts >= _MAX_ATTEMPTS:
        raise incomplete(window, problem)
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
