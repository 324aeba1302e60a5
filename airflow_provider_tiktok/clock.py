"""The one clock that this package reads and waits by.

It is the machine's. A test puts another one in its place with :func:`replaced` and moves it, instead of waiting. What
waits for a socket stays with the machine's own clock: no test can move the operating system's timeouts.
"""

from __future__ import annotations

import asyncio
import threading
import time as _time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone


class Clock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back, the same for all processes of the machine."""
        return _time.monotonic()

    def time(self) -> float:
        """Return the Unix timestamp."""
        return _time.time()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until an event is set, so many seconds at most, and return whether it is."""
        return event.wait(seconds)

    async def sleep(self, seconds: float) -> None:
        """Wait in an event loop."""
        await asyncio.sleep(seconds)


_clock = Clock()


def monotonic() -> float:
    """Return the seconds of a clock that never goes back, the same for all processes of the machine."""
    return _clock.monotonic()


def time() -> float:
    """Return the Unix timestamp."""
    return _clock.time()


def now() -> datetime:
    """Return the time of day in UTC."""
    return datetime.fromtimestamp(time(), timezone.utc)


def wait(event: threading.Event, seconds: float) -> bool:
    """Wait until an event is set, so many seconds at most, and return whether it is."""
    return _clock.wait(event, seconds)


async def sleep(seconds: float) -> None:
    """Wait in an event loop."""
    await _clock.sleep(seconds)


@contextmanager
def replaced(clock: Clock) -> Iterator[None]:
    """Let this process read and wait by another clock while a ``with`` block lasts."""
    global _clock  # noqa: PLW0603 - one for all threads
    before, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = before
