"""A clock whose waits cost no time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airflow_provider_tiktok.clock import Clock

_LOOK = 0.002  # seconds of the machine's, until a wait that may not end yet looks again


class MovedClock(Clock):
    """A clock that runs like the machine's, and moves to the end of a wait instead of waiting.

    Of several waits the one that ends first moves the clock first, in any thread or event loop, so that the order is
    kept. While a call is running (:meth:`call`) the clock stands still: otherwise the call would seem to take as long
    as another thread's wait. A call in which the emulator itself waits does not count as running.
    """

    def __init__(self) -> None:
        self._ahead = 0.0
        self._ends: list[float] = []
        self._calls = 0
        self._served = 0
        self._changed = threading.Condition()

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def time(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        with self._changed:
            self._ahead += seconds
            self._changed.notify_all()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        with self._until(seconds) as is_over, self._changed:
            while not event.is_set() and not is_over():
                self._changed.wait(_LOOK)
        return event.is_set()

    async def sleep(self, seconds: float) -> None:
        with self._until(seconds, serves=threading.current_thread().name == "tiktok-emulator") as is_over:
            while not is_over():
                await asyncio.sleep(_LOOK)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Prevent waits from moving the clock while a call is running."""
        with self._changed:
            self._calls += 1
        try:
            yield
        finally:
            with self._changed:
                self._calls -= 1
                self._changed.notify_all()

    @contextmanager
    def _until(self, seconds: float, *, serves: bool = False) -> Iterator[Callable[[], bool]]:
        """Record a wait, and return a function that reports whether it is over; the first to end moves the clock.

        :param serves: whether a running call waits for it.
        """
        with self._changed:
            end = self.monotonic() + seconds
            self._ends.append(end)
            self._served += serves

        def is_over() -> bool:
            with self._changed:
                left = end - self.monotonic()
                if left > 0 and end == min(self._ends) and self._calls <= self._served:
                    self._ahead += left
                return end <= self.monotonic()

        try:
            yield is_over
        finally:
            with self._changed:
                self._ends.remove(end)
                self._served -= serves
                self._changed.notify_all()
