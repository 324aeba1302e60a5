"""How a stopped task ends what it waits for."""

from __future__ import annotations

import threading

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.exceptions import TikTokStoppedError

_CHECK_INTERVAL = 0.25  # seconds after which a waiting call notices that it is cancelled


def stop_error() -> TikTokStoppedError:
    """Return the error that ends the calls of a stopped task."""
    return TikTokStoppedError("The task was stopped, so the calls to TikTok were given up.")


def wait(seconds: float, stop: threading.Event, cancel: threading.Event | None = None) -> None:
    """Wait, unless the task is stopped or the call is cancelled in the meantime.

    :param stop: set when the task is stopped.
    :param cancel: set when no one needs the call's answer any more.
    :raises TikTokStoppedError: one of them is set.
    """
    end = clock.monotonic() + seconds
    while True:
        left = end - clock.monotonic()
        stopped = clock.wait(stop, min(left, _CHECK_INTERVAL)) if left > 0 else stop.is_set()
        if stopped or (cancel is not None and cancel.is_set()):
            raise stop_error()
        if left <= _CHECK_INTERVAL:
            return
