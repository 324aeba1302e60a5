"""Decide when Airflow tries a task again, by TikTok's errors. For Airflow 3.3 and later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokError,
    TikTokIncompleteReportError,
    TikTokRateLimitError,
)

try:
    from airflow.sdk import RetryDecision, RetryPolicy
except ImportError:
    raise ImportError(
        "TikTokRetryPolicy needs Airflow 3.3 or later, where tasks have a `retry_policy`. On an earlier version, leave it "
        "out and use `retries` and `retry_delay`; errors that can't pass by themselves end a task there, too."
    ) from None

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

_MAINTENANCE = 60001
_LONGEST_REASON = 500
"""Characters that Airflow keeps of a reason."""


class TikTokRetryPolicy(RetryPolicy):  # type: ignore[misc,unused-ignore]
    """Lets TikTok's errors say whether a task is tried again, and when.

    .. code-block:: python

        TikTokReportOperator(task_id="report", preset="ad_daily", retries=5, retry_policy=TikTokRetryPolicy())

    An error that can't pass by itself (a revoked token, a missing permission, a wrong parameter) ends the task.
    A used-up quota waits until TikTok takes calls again: the next second, five minutes, or 00:00 UTC.
    TikTok's maintenance waits longer, and rows that don't add up are fetched again soon. Everything else,
    errors of other packages included, is left to ``retries`` and ``retry_delay``; no policy can go beyond
    ``retries``.

    :param maintenance_delay: how long to wait while TikTok is under maintenance.
    :param incomplete_delay: how long to wait after a report whose rows were not those that TikTok counted.
    :param throttle_delay: how long to wait when TikTok gave no time at which it takes calls again.
    """

    def __init__(
        self,
        *,
        maintenance_delay: timedelta = timedelta(minutes=30),
        incomplete_delay: timedelta = timedelta(minutes=1),
        throttle_delay: timedelta = timedelta(minutes=5),
    ) -> None:
        self.maintenance_delay = maintenance_delay
        self.incomplete_delay = incomplete_delay
        self.throttle_delay = throttle_delay

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide; called by Airflow in the worker, with the error that ended the task.

        :param exception: the error, or one that was raised from it.
        """
        error = next((one for one in _chain(exception) if isinstance(one, TikTokError)), None)
        if error is None:
            return RetryDecision.default()
        reason = str(error)[:_LONGEST_REASON]
        if not error.retryable:
            return RetryDecision.fail(reason=reason)
        delay = next((find(self, error) for concerns, find in _DELAYS if concerns(error)), None)
        return RetryDecision.default() if delay is None else RetryDecision.retry(delay=delay, reason=reason)

    def serialize(self) -> dict[str, Any]:
        """Write the policy as JSON."""
        return {
            "__type": type(self).__name__,
            **{name: getattr(self, name).total_seconds() for name in _PARAMETERS},
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TikTokRetryPolicy:
        """Read what :meth:`serialize` wrote."""
        return cls(**{name: timedelta(seconds=data[name]) for name in _PARAMETERS if name in data})


_PARAMETERS = ("maintenance_delay", "incomplete_delay", "throttle_delay")


def _throttle_delay(policy: TikTokRetryPolicy, error: Any) -> timedelta:
    if error.retry_after is None:
        return policy.throttle_delay
    return timedelta(seconds=error.retry_after)


_DELAYS: tuple[
    tuple[Callable[[TikTokError], bool], Callable[[TikTokRetryPolicy, TikTokError], timedelta]], ...
] = (
    (lambda error: isinstance(error, TikTokRateLimitError), _throttle_delay),
    (
        lambda error: isinstance(error, TikTokAPIError) and error.code == _MAINTENANCE,
        lambda policy, _: policy.maintenance_delay,
    ),
    (lambda error: isinstance(error, TikTokIncompleteReportError), lambda policy, _: policy.incomplete_delay),
)
"""How long to wait after which errors; after others as long as the task says."""


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    """Return an error, and those that it was raised from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__
