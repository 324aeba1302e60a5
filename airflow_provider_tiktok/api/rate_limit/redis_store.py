"""Keeps the state of an app's rate limiter in a Redis, for all machines.

Nothing is locked there. A process reads the state with Redis' time and works out the next one, and a script puts that in
its place if no one else has changed it in the meantime; else the process works on what it is now. So a process that is
killed holds no one up, and no machine's clock matters. Redis holds times and counts under a key that expires, and neither
token nor ID.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from airflow_provider_tiktok.api.rate_limit.redis_link import LostError, RedisLink
from airflow_provider_tiktok.api.rate_limit.state import (
    Change,
    LimiterState,
    MemoryStore,
    StateStore,
    UntrueError,
    new_state,
    read_state,
    write_state,
)
from airflow_provider_tiktok.api.redis_settings import RedisSettings

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

# with no arguments it only reads
_SCRIPT = """
local held = redis.call('GET', KEYS[1]) or ''
local swapped = 0
if ARGV[1] == held then
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
    swapped = 1
end
return {swapped, held, redis.call('TIME')}
"""
_PREFIX = "airflow-provider-tiktok:"
_KEPT = 86_400  # seconds that the state is kept after its latest change, or after the end of a suspension


class RedisStore:
    """Keeps the state for all processes that use the same Redis; without it, in another store.

    While Redis is lost, what is known stays in the processes: the first one that comes back to an empty Redis, or to one
    that forgot the latest changes, writes what it saw last. No one knows which calls started in between, so that none
    starts for a second.

    :param settings: how to reach Redis.
    :param name: the app's name there.
    :param calls: how many calls to remember.
    :param open_spare: opens the store to use while Redis can't be used.
    """

    def __init__(
        self, settings: RedisSettings, name: str, calls: int, open_spare: Callable[[], StateStore]
    ) -> None:
        self._conn_id = settings.conn_id
        self._key = f"{_PREFIX}{name}"
        self._calls = calls
        self._open_spare = open_spare
        self._spare: StateStore | None = None
        self._lock = threading.Lock()
        self._seen, self._seen_until = b"", 0.0
        self._is_doubted = False
        self._link = RedisLink(settings, (_SCRIPT, self._key))

    @property
    def problem(self) -> str:
        """Why Redis can't be used at present; empty if it can."""
        return self._link.problem

    def update(self, change: Change[_Result]) -> _Result:
        """Apply a change to what Redis holds; while it can't be used, to the state of the other store."""
        with self._lock:
            while self._link.is_up():
                try:
                    return self._swap(change)
                except LostError:  # applied again: what was done twice is a call counted twice
                    continue
            if self._spare is None:
                log.warning(
                    "Tasks can't share the app's rate limit through the Redis of connection %r (%s). Until they can, which "
                    "is tried every five seconds, the tasks of each machine keep to it by themselves.",
                    *(self._conn_id, self._link.problem or "it doesn't answer"),
                )
                self._spare = self._open_spare()
            spare = self._spare
        return spare.update(change)

    def close(self) -> None:
        """Disconnect. Calls that are still under way note nothing that others see."""
        self._link.close()
        with self._lock:
            self._spare = self._spare or MemoryStore(self._calls)
            self._spare.close()

    def _swap(self, change: Change[_Result]) -> _Result:
        """Apply a change to what Redis holds, until no other process was faster."""
        _, held, time = self._link.run(_SCRIPT, self._key)
        while True:
            state, result = self._apply(change, held, _seconds(time))
            text = write_state(state)
            if text != held:
                kept = math.ceil(max(0.0, state.blocked_until - _seconds(time))) + _KEPT
                swapped, held, time = self._link.run(_SCRIPT, self._key, held, text, kept)
                if not swapped:
                    continue
            self._seen, self._seen_until = text, _latest(state)
            return result

    def _apply(self, change: Change[_Result], held: bytes, now: float) -> tuple[LimiterState, _Result]:
        """Return the state that a change makes of what Redis holds, and what the change returns."""
        try:
            state = read_state(held, self._calls)
            if _latest(state) < self._seen_until:
                state = self._after_loss(read_state(self._seen, self._calls), now)
            return state, change(state, now)
        except UntrueError as error:
            if not self._is_doubted:
                self._is_doubted = True
                log.warning(
                    "The app's rate limit begins from scratch: what the Redis of connection %r holds about it can't be true "
                    "(%s). Another version or another program may have done this.",
                    *(self._conn_id, error),
                )
            state = self._after_loss(new_state(self._calls), now)
            return state, change(state, now)

    def _after_loss(self, state: LimiterState, now: float) -> LimiterState:
        """Return a state of which the latest calls are not known: as many as may be have just started."""
        state.starts.clear()
        state.starts.extend([now] * self._calls)
        state.created_at = now
        return state


def _latest(state: LimiterState) -> float:
    return max(state.starts, default=0.0)


def _seconds(time: Any) -> float:
    """Return Redis' time in seconds."""
    seconds, microseconds = time
    return int(seconds) + int(microseconds) / 1e6
