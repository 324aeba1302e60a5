"""Watches report tasks until each has come to its end, or the time is up.

It does no waiting of its own: a worker waits with an event that a kill sets, a triggerer with its event loop.
Times are Unix timestamps, so that a watch which begins again elsewhere ends when the first would have.
"""

from __future__ import annotations

import logging
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.codes import is_about_one_account
from airflow_provider_tiktok.api.endpoints.report_tasks import (
    FAILED,
    QUEUING,
    RUNNING,
    SUCCESS,
    JobState,
    ReportJob,
    check_task,
)
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokError,
    TikTokRateLimitError,
    TikTokStoppedError,
)

log = logging.getLogger(__name__)

DONE, TIMEOUT, ERROR = "done", "timeout", "error"

POLL_INTERVAL = 30.0
"""Seconds between two polls where the caller doesn't say."""

_WAIT_TIMEOUT = 6 * 3_600.0  # seconds, as the operator's default

MAX_FAULT_TIME = 1_800.0
"""Seconds for which TikTok may answer with faults only before the watch is given up."""

_ACCOUNT = "account"  # marks, among a state's facts, that TikTok refused the account
_INITIAL_DELAY = 2.0
_GROWTH = 1.6
_MAX_BACKOFF = 300.0  # seconds between two calls that go wrong
_WITH_ADDRESS = re.compile(r"\w+://\S+")


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """How a watch ended.

    :param status: ``done``, when every task has come to its end, good or bad; ``timeout``; or ``error``.
    :param message: what happened, in sentences, where it is not ``done``.
    :param code: TikTok's return code of an error.
    :param request_id: TikTok's request ID of an error.
    :param retryable: whether the same may go well later.
    :param states: what TikTok said last, by the tasks' IDs.
    :param api_calls: calls made for it.
    """

    status: str
    message: str = ""
    code: int | None = None
    request_id: str = ""
    retryable: bool = True
    states: Mapping[str, JobState] = field(default_factory=dict)
    api_calls: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it. It holds no address, and nothing secret."""
        states = {
            name: [one.status, one.message, one.request_id, *([_ACCOUNT] if one.about_account else [])]
            for name, one in self.states.items()
        }
        names = ("status", "message", "code", "request_id", "retryable", "api_calls")
        return {**{name: getattr(self, name) for name in names}, "states": states}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WatchEnd:
        """Read what :meth:`as_dict` gave."""
        states = {
            name: JobState(*map(str, one[:3]), about_account=_ACCOUNT in one[3:])
            for name, one in values.get("states", {}).items()
        }
        return cls(**{**values, "states": states})


def default_deadlines() -> dict[str, float]:
    """Return when a wait that begins now is given up, where the caller doesn't say."""
    return {"6 hours": clock.time() + _WAIT_TIMEOUT}


class PollTimer:
    """Decide when TikTok is asked again, and when the wait is given up.

    :param poll_interval: longest seconds between two polls; the first ones follow each other faster.
    :param deadlines: when the wait is given up, by the name of the limit that says so.
    :param clock: returns Unix timestamps.
    """

    def __init__(
        self, poll_interval: float, deadlines: Mapping[str, float], clock: Callable[[], float] = clock.time
    ) -> None:
        self.limit = min(deadlines, key=lambda name: deadlines[name])
        self._end_time = deadlines[self.limit]
        self._interval = poll_interval
        self._clock = clock
        self._delay = min(_INITIAL_DELAY, poll_interval) / _GROWTH

    @property
    def is_over(self) -> bool:
        """Whether a deadline has passed."""
        return self._clock() >= self._end_time

    def pause(self) -> float:
        """Return the seconds until the next poll."""
        jitter = random.uniform(0.9, 1.1)  # noqa: S311
        return max(0.0, min(self._delay * jitter, self._end_time - self._clock()))

    def lengthen(self) -> None:
        """Make the next delay longer, up to the interval."""
        self._delay = min(self._interval, self._delay * _GROWTH)

    def back_off(self, at_least: float = 0.0) -> None:
        """Make the next delay longer than the interval, for a call has gone wrong."""
        self._delay = max(self._interval, min(_MAX_BACKOFF, self._delay * 2), at_least)


class JobWatch:
    """Watches some tasks.

    :param tasks: the tasks.
    :param poll_interval: longest seconds between two rounds of checks; the first ones follow each other faster,
        and those after a fault slower.
    :param deadlines: when the wait is given up, by the name of the limit that says so.
    :param stop_at_failure: end as soon as one task has failed, instead of waiting for the others.
    :param clock: returns Unix timestamps.
    """

    def __init__(
        self,
        tasks: Sequence[ReportJob],
        *,
        poll_interval: float,
        deadlines: Mapping[str, float],
        stop_at_failure: bool = True,
        clock: Callable[[], float] = clock.time,
    ) -> None:
        self.states: dict[str, JobState] = {}
        self._tasks = list(tasks)
        self._timer = PollTimer(poll_interval, deadlines, clock)
        self._stop_at_failure = stop_at_failure
        self._clock = clock
        self._troubled_since: float | None = None
        self._logged = ""
        self._calls = 0

    @property
    def pending(self) -> list[ReportJob]:
        """The tasks that are not at their end, as far as is known."""
        return [
            task
            for task in self._tasks
            if self.states.get(task.report_task_id, JobState(QUEUING)).status in RUNNING
        ]

    def poll(self, client: TikTokClient) -> WatchEnd | None:
        """Make one round of checks.

        :return: how the watch ended; ``None`` when it goes on after :meth:`pause`.
        :raises TikTokStoppedError: the task was stopped.
        """
        before = client.counts.api_calls
        end = self._round(client)
        self._log_states()
        failed = any(state.status not in {*RUNNING, SUCCESS} for state in self.states.values())
        if end is None and (not self.pending or (failed and self._stop_at_failure)):
            end = WatchEnd(DONE, states=dict(self.states))
        if end is None and self._timer.is_over:
            end = self._time_is_up()
        self._calls += client.counts.api_calls - before
        if end is None:
            return None
        return replace(end, states=dict(self.states), api_calls=self._calls)

    def pause(self) -> float:
        """Return the seconds until the next round."""
        return self._timer.pause()

    def _round(self, client: TikTokClient) -> WatchEnd | None:
        for task in self.pending:
            try:
                self.states[task.report_task_id] = check_task(client, task)
            except TikTokStoppedError:
                raise
            except TikTokError as error:
                end = self._on_error(task, error)
                if end is not None or error.retryable:
                    return end  # the others would fare no better now
            else:
                self._troubled_since = None
        self._timer.lengthen()
        return None

    def _on_error(self, task: ReportJob, error: TikTokError) -> WatchEnd | None:
        """Return how the watch ends by an error; ``None`` for a fault that passes, or one about a single job."""
        if error.retryable:
            now = self._clock()
            since = self._troubled_since = self._troubled_since or now
            if isinstance(error, TikTokRateLimitError) and error.retry_after:
                self._timer.back_off(error.retry_after)
                return None  # TikTok has said when to come again
            self._timer.back_off()
            if now - since < MAX_FAULT_TIME:
                log.warning("%s It is asked again in %.0f s.", error, self._timer.pause())
                return None
        elif isinstance(error, TikTokAPIError) and is_about_one_account(error):
            self.states[task.report_task_id] = JobState(
                FAILED, error.message, error.request_id, about_account=True
            )
            return None
        return WatchEnd(
            ERROR,
            _WITH_ADDRESS.sub("(address)", str(error)),
            getattr(error, "code", None),
            getattr(error, "request_id", ""),
            error.retryable,
        )

    def _time_is_up(self) -> WatchEnd:
        waiting = ", ".join(task.report_task_id for task in self.pending[:5])
        more = f" and {len(self.pending) - 5} more" if len(self.pending) > 5 else ""  # noqa: PLR2004
        return WatchEnd(
            TIMEOUT,
            f"TikTok has not finished report task(s) {waiting}{more} (of {len(self._tasks)}) within `{self._timer.limit}`",
        )

    def _log_states(self) -> None:
        """Log how far the tasks are, when that has changed."""
        counts = Counter(state.status for state in self.states.values())
        text = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        if text and text != self._logged:
            self._logged = text
            log.info("Report tasks: %s", text)
