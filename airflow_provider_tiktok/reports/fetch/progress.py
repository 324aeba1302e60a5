"""Logs how far a long report is, every few seconds at most."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from airflow_provider_tiktok import clock

log = logging.getLogger(__name__)

_FIRST = 5.0  # seconds; a report that is done by then needs no progress
_LONGEST = 30.0  # seconds between two lines of a report that takes long


class Progress:
    """Counts what has come, and logs a line when the last one is some seconds old.

    :param accounts: how many there are.
    :param windows: how many there are.
    :param qps: calls a second that the app may make.
    :param calls: gives the number of calls made so far.
    :param clock: seconds on a clock that never goes back.
    """

    def __init__(
        self,
        accounts: int,
        windows: int,
        qps: float,
        calls: Callable[[], int],
        clock: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._accounts = accounts
        self._windows = windows
        self._qps = qps
        self._calls = calls
        self._clock = clock
        self._started = clock()
        self._calls_before = calls()
        self._pause = _FIRST
        self._next = self._started + _FIRST
        self.accounts_done = 0
        self.windows_done = 0
        self.pages_done = 0
        self.rows = 0

    def window_done(self, pages: int, rows: int) -> None:
        """Count a complete window."""
        self.windows_done += 1
        self.pages_done += pages
        self.rows += rows

    def tick(self, count_pages: Callable[[], tuple[int, int]]) -> None:
        """Log a line, if it is time.

        :param count_pages: returns how many pages are known of in the windows under way, and how many of them have come;
            only called for a line.
        """
        now = self._clock()
        if now < self._next:
            return
        open_pages, open_pages_taken = count_pages()
        self._pause = min(_LONGEST, self._pause * 1.5)
        self._next = now + self._pause
        seconds = now - self._started
        calls = self._calls() - self._calls_before
        pages = self.pages_done + open_pages_taken
        log.info(
            "So far %d of %d account(s), %d of %d window(s), %s pages, %s complete rows (%s rows/s); %.1f calls/s, %.0f%% "
            "of the rate limit of %g; %s",
            self.accounts_done,
            self._accounts,
            self.windows_done,
            self._windows,
            f"{pages:,}",
            f"{self.rows:,}",
            f"{self.rows / seconds:,.0f}",
            calls / seconds,
            100 * calls / seconds / self._qps,
            self._qps,
            self._time_left(seconds, pages, open_pages),
        )

    def _time_left(self, seconds: float, pages: int, open_pages: int) -> str:
        """Guess from the pages of the complete windows."""
        if not (self.windows_done and pages):
            return "too early to say how long it takes"
        known = self.pages_done + open_pages
        expected = max(known, self.pages_done / self.windows_done * self._windows)
        left = round((expected - pages) * seconds / pages)
        return f"about {timedelta(seconds=max(0, left))} left"
