"""Holds a client's calls back until TikTok takes them, and learns from what TikTok answers.

Three limits apply: that of the app; that of new report tasks, for calls that create one; and that of one account, which
only the calls about it have to wait for. All are in one state, which tasks share.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from functools import partial

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api import stopping
from airflow_provider_tiktok.api.calls import ApiCall, CallFailure
from airflow_provider_tiktok.api.codes import SLOWER, Action
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.rate_limit.limiter import RateLimiter, RateLimitStatus
from airflow_provider_tiktok.api.rate_limit.state import (
    DAY,
    MINUTE,
    SECOND,
    StateStore,
    calls_to_remember,
    open_store,
    state_name,
)
from airflow_provider_tiktok.api.retry import RetryPolicy
from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokConfigError, TikTokRateLimitError

log = logging.getLogger(__name__)

CREATIONS_PER_SECOND = 1.0
"""Report tasks that are created in a second. TikTok's pages say 1 and 2 a second; both mean at most 60 in a minute."""

_DELAY = 0.005  # seconds after which a call that leaves late is worth correcting
_CHECK_INTERVAL = 0.25  # seconds after which a waiting call asks the rate limiter again
_TOO_MANY = 40100


class Throttle:
    """The limits that the calls of one client keep to.

    :param credentials: host, app and calls a second.
    :param policy: how long a call waits.
    :param stop: ends every wait.
    """

    def __init__(self, credentials: TikTokCredentials, policy: RetryPolicy, stop: threading.Event) -> None:
        self.policy = policy
        self.stop = stop
        self.limiter = RateLimiter(
            credentials.qps, _open_store(credentials), initial_backoff=policy.initial_backoff
        )

    def turn(self, call: ApiCall) -> Turn:
        """Begin with a call."""
        return Turn(self, call)

    def status(self) -> RateLimitStatus:
        """Return the app's rate limit at present."""
        return self.limiter.status()

    def close(self) -> None:
        """Close the state store."""
        self.limiter.close()


def _open_store(credentials: TikTokCredentials) -> StateStore:
    """Open the store of the app's state, which has the token's name where no App ID is known.

    :raises TikTokConfigError: it is to be in a Redis, for which no client is installed.
    """
    host, app, qps = credentials.base_url, credentials.app_id or credentials.access_token, credentials.qps
    open_local = partial(open_store, host, app, qps, shared=credentials.shared_budget)
    if credentials.rate_limit_redis is None or not credentials.shared_budget:
        return open_local()
    try:
        from airflow_provider_tiktok.api.rate_limit.redis_store import RedisStore  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise TikTokConfigError(
            f"rate_limit_conn_id needs a client of Redis, and {error.name!r} is not installed. Install "
            "airflow-provider-tiktok[redis], or empty that field of the connection."
        ) from None
    return RedisStore(credentials.rate_limit_redis, state_name(host, app), calls_to_remember(qps), open_local)


class Turn:
    """One call, until TikTok has taken it: waits before each attempt, and notes how the attempt went."""

    def __init__(self, throttle: Throttle, call: ApiCall) -> None:
        self._throttle = throttle
        self._call = call
        self._limiter = throttle.limiter
        self._started = 0.0
        self._allowed = 0.0
        self._waited = 0.0
        self._account_refusals = 0
        self._error: TikTokAPIError | None = None

    def wait(self) -> None:
        """Wait until every limit allows the call.

        :raises TikTokRateLimitError: TikTok takes no calls for longer than the policy allows to wait.
        :raises TikTokStoppedError: the task was stopped, or the call cancelled.
        """
        creations = CREATIONS_PER_SECOND if self._call.is_create else None
        while True:
            self._wait(0)  # a stopped task makes no call
            self._allowed = clock.monotonic()
            seconds, self._started = self._limiter.acquire(self._call.advertiser_id, creations=creations)
            if not seconds:
                return
            limit, blocked = self._limiter.blocked()
            if limit == DAY or self._waited + blocked > _max_wait(self._throttle.policy, limit):
                raise _refused_for(limit or SECOND, blocked, self._call.subject, self._error)
            seconds = min(seconds, _CHECK_INTERVAL)
            if blocked:
                self._waited += seconds
            self._wait(seconds)

    def sent(self) -> None:
        """Note that the call leaves now, which may be a connection and a TLS handshake after it was allowed to."""
        if clock.monotonic() - self._allowed >= _DELAY:
            self._started = self._limiter.sent(self._started)

    def accepted(self) -> None:
        """Note that TikTok took the call."""
        self._limiter.accepted(self._started)

    def unanswered(self) -> None:
        """Note that the attempt brought no answer."""
        self._limiter.unanswered(self._started)

    def failed(self, failure: CallFailure) -> bool:
        """Note how an attempt failed; return whether it is the first that shows a suspension of the app.

        :raises TikTokAPIError: TikTok takes no calls for longer than the policy allows to wait.
        """
        self._error = failure.error
        is_suspension = False
        if failure.action is Action.THROTTLE:
            is_suspension = self._back_off_app(failure.error)
        elif failure.error.code is None:
            self.unanswered()
        else:
            self.accepted()  # the app may call, whatever TikTok says about this call
        if failure.action is Action.THROTTLE_ONE:
            self._back_off_account(failure.error)
        return is_suspension

    def _back_off_app(self, error: TikTokAPIError) -> bool:
        refusal = self._limiter.refused(self._started, error.message)
        if not refusal.is_new:
            return False
        if refusal.limit == DAY:
            raise _refused_for(refusal.limit, refusal.seconds, "", error)
        why = (
            " TikTok suspends an app for five minutes when it made too many calls in one."
            if refusal.limit == MINUTE
            else ""
        )
        log.warning("%s%s Waiting %.0f s.", error, why, refusal.seconds)
        return refusal.is_suspension

    def _back_off_account(self, error: TikTokAPIError) -> None:
        self._account_refusals += 1
        backoff = self._throttle.policy.backoff(self._account_refusals)
        if self._waited + backoff > self._throttle.policy.max_throttle_wait:
            raise error
        log.warning("%s Waiting %.0f s with calls about this account.", error, backoff)
        self._limiter.back_off(self._call.advertiser_id, backoff)
        self._waited += backoff
        self._wait(backoff)

    def _wait(self, seconds: float) -> None:
        stopping.wait(seconds, self._throttle.stop, self._call.cancel)


def _refused_for(
    limit: str, seconds: float, subject: str, error: TikTokAPIError | None
) -> TikTokRateLimitError:
    """Return the error that says for how long TikTok takes no calls."""
    again = clock.now() + timedelta(seconds=seconds)
    what = {
        DAY: "the app's calls of the day are used up, which TikTok counts from 00:00 to 24:00 UTC",
        MINUTE: "the app made too many calls in a minute, and is suspended for five",
    }.get(limit, "the app made too many calls")
    about = f" ({subject})" if subject else ""
    reference = f" [code {error.code}, request_id {error.request_id}]" if error else ""
    return TikTokRateLimitError(
        f"TikTok takes no calls now{about}: {what}. It takes calls again at {again:%Y-%m-%d %H:%M:%S} UTC, in "
        f"{timedelta(seconds=round(seconds))}. {SLOWER}{reference}",
        code=(error.code if error else None) or _TOO_MANY,
        message=error.message if error else "",
        request_id=error.request_id if error else "",
        retry_after=seconds,
    )


def _max_wait(policy: RetryPolicy, limit: str | None) -> float:
    """Return for how many seconds a call waits while TikTok takes none, because of one of its limits."""
    if limit == MINUTE and policy.max_suspension_wait is not None:
        return policy.max_suspension_wait
    return policy.max_throttle_wait
