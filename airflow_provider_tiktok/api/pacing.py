"""The app's request budget: when the next call may start."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

_SLACK = 0.02  # calls reach TikTok a little closer together than they leave here


class Pacer:
    """Hold calls back so that no second sees more than ``qps`` of them.

    One pacer serves all threads of a task. TikTok counts per app ("Basic" apps have 10 calls a
    second, 600 a minute), so tasks of one app that run at the same time share its budget.

    :param qps: calls per second; below 1 it is one call every ``1 / qps`` seconds.
    :param clock: seconds on a clock that never goes back.
    """

    def __init__(self, qps: float, clock: Callable[[], float] = time.monotonic) -> None:
        calls = max(1, int(qps))
        self._period = max(1.0, calls / qps) + _SLACK
        self._starts: deque[float] = deque(maxlen=calls)
        self._closed_until = 0.0
        self._lock = threading.Lock()
        self._clock = clock

    def reserve(self) -> float:
        """Book the next call and give the seconds to wait before making it."""
        with self._lock:
            now = self._clock()
            start = max(now, self._closed_until)
            if len(self._starts) == self._starts.maxlen:
                start = max(start, self._starts[0] + self._period)
            self._starts.append(start)
            return start - now

    def close_for(self, seconds: float) -> None:
        """Let no further call start for so many seconds, whichever thread makes it."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)
