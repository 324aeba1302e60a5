"""Counts how far a report is, and logs it, every few seconds at most."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from airflow_provider_tiktok import clock

log = logging.getLogger(__name__)

_FIRST = 5.0  # seconds; a report that is done by then needs no progress
_LONGEST = 30.0  # seconds between two lines of a report that takes long
_COUNT = 0.2  # seconds between two counts of the pages of windows under way


@dataclass(frozen=True, slots=True)
class State:
    """How far a report is.

    :param seconds: since it began.
    :param pages: that have come, those of windows under way among them.
    :param expected_pages: how many pages there will be, as far as can be told; 0 if it is too early.
    :param rows: of complete windows.
    :param calls: that were made.
    """

    seconds: float
    accounts: int
    accounts_done: int
    windows: int
    windows_done: int
    pages: int
    expected_pages: int
    rows: int
    calls: int

    @property
    def time_left(self) -> timedelta | None:
        """A guess from the pages of the complete windows; ``None`` if it is too early."""
        if not (self.expected_pages and self.pages):
            return None
        return timedelta(
            seconds=max(0, round((self.expected_pages - self.pages) * self.seconds / self.pages))
        )


class Progress:
    """Counts what has come, and logs a line when the last one is some seconds old.

    Another thread may ask for the state, to show it.

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
        self._next_count = self._started
        self._open_pages = (0, 0)
        self.accounts_done = 0
        self.windows_done = 0
        self.pages_done = 0
        self.rows = 0

    def window_done(self, pages: int, rows: int) -> None:
        """Count a complete window."""
        self.windows_done += 1
        self.pages_done += pages
        self.rows += rows
        self._open_pages, self._next_count = (0, 0), self._started  # its pages aren't under way any more

    def tick(self, count_pages: Callable[[], tuple[int, int]]) -> None:
        """Count the pages under way, and log a line, if it is time.

        :param count_pages: returns how many pages are known of in the windows under way, and how many of them have come;
            only called if it is time.
        """
        now = self._clock()
        if now < self._next_count:
            return
        self._next_count = now + _COUNT
        self._open_pages = count_pages()
        if now < self._next:
            return
        self._pause = min(_LONGEST, self._pause * 1.5)
        self._next = now + self._pause
        state = self.state()
        left = state.time_left
        log.info(
            "So far %d of %d account(s), %d of %d window(s), %s pages, %s complete rows (%s rows/s); %.1f calls/s, %.0f%% "
            "of the rate limit of %g; %s",
            state.accounts_done,
            state.accounts,
            state.windows_done,
            state.windows,
            f"{state.pages:,}",
            f"{state.rows:,}",
            f"{state.rows / state.seconds:,.0f}",
            state.calls / state.seconds,
            100 * state.calls / state.seconds / self._qps,
            self._qps,
            "too early to say how long it takes" if left is None else f"about {left} left",
        )

    def state(self) -> State:
        """Return how far the report is."""
        known, taken = self._open_pages
        expected = 0
        if self.windows_done:
            expected = max(
                self.pages_done + known, round(self.pages_done / self.windows_done * self._windows)
            )
        return State(
            seconds=max(self._clock() - self._started, 0.001),
            accounts=self._accounts,
            accounts_done=self.accounts_done,
            windows=self._windows,
            windows_done=self.windows_done,
            pages=self.pages_done + taken,
            expected_pages=expected,
            rows=self.rows,
            calls=self._calls() - self._calls_before,
        )
