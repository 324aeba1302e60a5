"""Whether and when a call that failed is made again."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass

from airflow_provider_tiktok.api.calls import ApiCall, CallFailure
from airflow_provider_tiktok.api.codes import Action

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often one call is made, and how long it waits.

    :param attempts: how often a call is made in all when faults come.
    :param timeouts: how often a call is made in all that times out; TikTok blocks a call that times out
        three times in ten minutes.
    :param initial_backoff: seconds before the second attempt; the backoff doubles after each further failure.
    :param max_backoff: longest backoff in seconds.
    :param max_throttle_wait: seconds to keep waiting while TikTok answers "too many requests"; it
        suspends an app that used up a minute's quota for five minutes.
    :param max_suspension_wait: seconds to wait for the end of such a suspension; ``None`` is ``max_throttle_wait``.
    """

    attempts: int = 5
    timeouts: int = 2
    initial_backoff: float = 1.0
    max_backoff: float = 60.0
    max_throttle_wait: float = 400.0
    max_suspension_wait: float | None = None

    def backoff(self, failures: int) -> float:
        """Return the seconds to wait after so many failures: exponential, with jitter."""
        seconds: float = min(self.initial_backoff * 2 ** (failures - 1), self.max_backoff)
        return seconds * random.uniform(0.75, 1.25)  # noqa: S311


class Retries:
    """Counts the failures of one call, and decides whether it is made again.

    Refusals because of too many requests don't count; the rate limiter waits for their end.
    """

    def __init__(self, policy: RetryPolicy, call: ApiCall) -> None:
        self._policy = policy
        self._call = call
        self._failures = 0
        self._timeouts = 0

    def backoff_after(self, failure: CallFailure) -> float:
        """Return the seconds until the next attempt.

        :raises TikTokAPIError: the failure's error: the call is not made again.
        """
        self._failures += 1
        self._timeouts += failure.action is Action.TIMEOUT
        if not self._may_repeat(failure):
            raise failure.error
        backoff = self._policy.backoff(self._failures)
        attempts = self._policy.timeouts if failure.action is Action.TIMEOUT else self._policy.attempts
        log.warning(
            "%s Attempt %d of %d; the next one in %.1f s.", failure.error, self._failures, attempts, backoff
        )
        return backoff

    def _may_repeat(self, failure: CallFailure) -> bool:
        return (
            not self._call.once
            and failure.action in {Action.RETRY, Action.TIMEOUT}
            and self._failures < self._policy.attempts
            and self._timeouts < self._policy.timeouts
            and not (self._call.is_create and failure.may_be_done)
        )
