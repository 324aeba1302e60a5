"""The app's rate limiter: when the next call may start, for all tasks together that share its state.

TikTok counts an app's calls in any second, in a minute, and in a day (UTC), whichever task or machine makes
them, and answers too many with one code (40100), without saying which limit it was. What is known about an
app here (when its latest calls started, and what TikTok answered) is in a
:class:`~airflow_provider_tiktok.api.rate_limit.state.StateStore`, which the tasks of a machine share, or
those of all machines. A machine that shares none is noticed by its effect: every refusal halves the rate, which
then recovers.

Which limit it was is inferred from what helps. A second's limit passes within seconds. When every call is
refused for three quarters of a minute, it is the minute's limit, for which TikTok suspends the app for five
minutes; when it still refuses after these, it is the day's. A refusal after minutes without any call is the first one again.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.rate_limit.state import (
    DAY,
    LEAST_RATE,
    MINUTE,
    MOST_ACCOUNTS,
    SECOND,
    Change,
    LimiterState,
    StateStore,
    UntrueError,
)

_Result = TypeVar("_Result")

_SLACK = 0.07  # seconds; calls may reach TikTok so much closer together than they leave here
_BACKOFFS = (1, 2, 4, 8, 8, 8, 8, 8)  # times the initial backoff, while it may be the limit of a second
_SUSPENSION = 300.0  # seconds, for a minute's limit
_AFTER_SUSPENSION = 30.0  # seconds until it is asked a second time whether that is over
_QUIET = 120.0  # seconds without a call after which a refusal says nothing about those before; longer than a probe's
_RECOVERY = 0.02  # fraction of the full rate that comes back in a second
_TOLERANCE = 1.0  # seconds that the clocks of two processors may differ by, and more
_LONGEST_CALL = 86_400.0  # seconds
_SHORT = 60.0  # seconds; no second's limit keeps the app from calling for longer
_PROBE = 60.0  # seconds that others wait for the call which finds out whether TikTok takes calls again
_POLL_INTERVAL = 0.25  # seconds until they check again

_HINTS = ((DAY, ("qpd", "per day", "daily")), (MINUTE, ("qpm", "per minute")))


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal means for the next calls.

    :param limit: the limit that it was, as far as can be inferred.
    :param seconds: for how long no call is made.
    :param is_new: false for a call that was in flight when another one was refused.
    :param is_suspension: whether it is the first that shows a suspension of the app.
    """

    limit: str
    seconds: float
    is_new: bool
    is_suspension: bool = False


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """An app's rate limit at present, as far as this machine knows.

    :param rate: calls a second that may be made now.
    :param limit: the limit because of which no call is made; empty when there is none.
    :param seconds_blocked: for how long.
    :param problem: why the rate limit is not shared as it should be; empty if it is.
    """

    rate: float
    limit: str
    seconds_blocked: float
    problem: str = ""


class RateLimiter:
    """Spaces calls out so that no second sees more than ``qps`` of them, and fewer while TikTok refuses.

    :param qps: calls a second that TikTok gives the app; below 1 it is one call every ``1 / qps`` seconds.
    :param store: where the app's limiter state is, and whose clock all times are of.
    :param initial_backoff: seconds without calls after a refusal; each consecutive one doubles them.
    :param utc: the time of day.
    """

    def __init__(
        self,
        qps: float,
        store: StateStore,
        *,
        initial_backoff: float = 1.0,
        utc: Callable[[], datetime] = clock.now,
    ) -> None:
        self._qps = qps
        self._store = store
        self._initial_backoff = initial_backoff
        self._utc = utc
        self._sees_refusals = True

    def acquire(self, account: str = "", *, creations: float | None = None) -> tuple[float, float]:
        """Count a call as started, if one may start now.

        :param account: the account that it is about, if any.
        :param creations: report tasks that may be created in a second, if it creates one.
        :return: seconds until it is worth asking again, 0 when the call may start; and the present time, which
            is the start that the other methods take.
        """

        def start(state: LimiterState, now: float) -> tuple[float, float]:
            wait = max(
                state.accounts.get(_digest(account), 0.0) - now,
                state.created_at + (1 + _SLACK) / min(creations, self._qps) - now if creations else 0.0,
                self._wait(state, now),
            )
            if wait > 0:
                return wait, now
            state.starts.append(now)
            if creations:
                state.created_at = now
            if state.refusals > 1:
                state.probed_at = now
            return 0.0, now

        return self._update(start)

    def sent(self, started: float) -> float:
        """Note that a call is sent only now: it was connected first, or a busy machine let it wait.

        :return: the start that the other methods take from here on.
        """

        def move(state: LimiterState, now: float) -> float:
            if started not in state.starts:
                return started
            state.starts.remove(started)
            state.starts.append(now)
            if state.probed_at == started:
                state.probed_at = now
            if state.created_at == started:
                state.created_at = now
            return now

        return self._update(move)

    def accepted(self, started: float) -> None:
        """Note that TikTok took a call, whatever it answered."""

        def forget(state: LimiterState, now: float) -> None:
            if state.refusals and state.blocked_at <= started <= now:
                state.refusals = 0
                state.limit = ""
                state.probed_at = 0.0

        if self._sees_refusals:
            self._update(forget)

    def unanswered(self, started: float) -> None:
        """Note that a call brought no answer, so that another one finds out whether TikTok takes calls again."""

        def pass_on(state: LimiterState, _: float) -> None:
            if state.probed_at == started:
                state.probed_at = 0.0

        if self._sees_refusals:
            self._update(pass_on)

    def refused(self, started: float, message: str = "") -> Refusal:
        """Note that TikTok refused a call as one too many, and make no call for a while.

        :param started: when the call started.
        :param message: TikTok's message, which may say which limit it was.
        """

        def block(state: LimiterState, now: float) -> Refusal:
            # a start of another clock, where a store had to replace one: no time can be compared with it
            is_known = 0 <= now - started < _LONGEST_CALL
            if started < state.blocked_at if is_known else now < state.blocked_until:
                return Refusal(state.limit or SECOND, max(0.0, state.blocked_until - now), is_new=False)
            # a day later, or when no call was tried for a while, it is a new question which limit it is
            if state.limit == DAY or now > state.blocked_until + _QUIET:
                state.refusals, state.limit = 0, ""
            state.refusals += 1
            if state.refusals == 1:
                state.refused_at = now
            state.rate = max(LEAST_RATE, min(self._rate(state, now), self._qps) / 2)
            state.rate_at = state.blocked_at = now
            state.probed_at = 0.0
            was_suspended = state.limit == MINUTE
            state.limit, seconds = self._infer_limit(state, now, message)
            state.blocked_until = now + seconds
            is_suspension = state.limit == MINUTE and not was_suspended
            return Refusal(state.limit, seconds, is_new=True, is_suspension=is_suspension)

        return self._update(block)

    def back_off(self, account: str, seconds: float) -> None:
        """Make no call about an account for so many seconds from now."""

        def extend(state: LimiterState, now: float) -> None:
            ends = {one: end for one, end in state.accounts.items() if end > now}
            end, digest = round(now + min(seconds, _SUSPENSION), 3), _digest(account)
            ends[digest] = max(ends.get(digest, 0.0), end)
            latest = sorted(ends, key=ends.__getitem__, reverse=True)[:MOST_ACCOUNTS]
            state.accounts = {one: ends[one] for one in latest}

        self._update(extend)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def blocked(self) -> tuple[str, float]:
        """Return the limit because of which no call is made, and for how many seconds; empty and 0 for none."""
        return self._update(lambda state, now: (state.limit, max(0.0, state.blocked_until - now)))

    def status(self) -> RateLimitStatus:
        """Return the app's rate limit at present."""

        def look(state: LimiterState, now: float) -> RateLimitStatus:
            closed = max(0.0, state.blocked_until - now)
            return RateLimitStatus(
                self._rate(state, now), state.limit if closed else "", closed, self._store.problem
            )

        return self._update(look)

    def _update(self, change: Change[_Result]) -> _Result:
        """Apply a change to the state; one that can't be true is replaced first."""

        def checked(state: LimiterState, now: float) -> _Result:
            if problem := self._problem(state, now):
                raise UntrueError(problem)
            result = change(state, now)
            # where there were none after a call's start, its answer proves nothing that isn't known
            self._sees_refusals = bool(state.refusals)
            return result

        return self._store.update(checked)

    def _problem(self, state: LimiterState, now: float) -> str:
        """Return what about a state's times can't be true; empty if nothing."""
        latest = max(state.rate_at, state.blocked_at, state.refused_at, state.probed_at, state.created_at)
        if max(latest, max(state.starts, default=0.0)) > now + _TOLERANCE:
            return "it has calls or refusals of the future"
        if max(state.accounts.values(), default=0.0) > now + _SUSPENSION + _TOLERANCE:
            return "it lets no call about an account be made for longer than any backoff lasts"
        if state.blocked_until <= now:
            return ""
        longest = {SECOND: max(_SHORT, 10 * self._initial_backoff), DAY: self._until_midnight() + _SHORT}
        if state.blocked_until > now + longest.get(state.limit, _SUSPENSION) + _TOLERANCE:
            return "it lets no call be made for longer than TikTok ever does"
        return ""

    def _wait(self, state: LimiterState, now: float) -> float:
        """Return the seconds until the next call may start, as far as is known now."""
        if now < state.blocked_until:
            return state.blocked_until - now
        if state.refusals > 1 and now - state.probed_at < _PROBE:
            return _POLL_INTERVAL  # one call finds out for all whether TikTok takes calls again
        rate = self._rate(state, now)
        # where TikTok has refused, others call too: even spacing leaves room for them, a burst doesn't
        calls = max(1, int(rate)) if rate >= self._qps else 1
        if len(state.starts) < calls:
            return 0.0
        period = max(1.0, calls / rate) + _SLACK if rate >= self._qps else 1 / rate
        return max(0.0, state.starts[-calls] + period - now)

    def _rate(self, state: LimiterState, now: float) -> float:
        """Return the calls a second that may be made now."""
        if not state.rate:
            return self._qps
        recovered = state.rate + max(0.0, now - state.rate_at) * _RECOVERY * self._qps
        return min(self._qps, recovered)

    def _infer_limit(self, state: LimiterState, now: float, message: str) -> tuple[str, float]:
        """Return which limit it was, and for how many seconds to make no call."""
        text = message.lower()
        hint = next((limit for limit, words in _HINTS if any(word in text for word in words)), "")
        if hint == DAY:
            return DAY, self._until_midnight()
        if state.limit == MINUTE:
            if now - state.refused_at < _SUSPENSION + _AFTER_SUSPENSION:
                return MINUTE, _AFTER_SUSPENSION
            return DAY, self._until_midnight()
        if hint == MINUTE or state.refusals > len(_BACKOFFS):
            return MINUTE, max(1.0, state.refused_at + _SUSPENSION - now)
        backoff = self._initial_backoff * _BACKOFFS[state.refusals - 1]
        return SECOND, backoff * random.uniform(0.75, 1.25)  # noqa: S311

    def _until_midnight(self) -> float:
        """Return the seconds until TikTok's next day, and a few more for clocks that differ."""
        now = self._utc()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - now).total_seconds() + 5.0


def _digest(account: str) -> str:
    """Return what the state has for an account's ID, which it doesn't show."""
    return hashlib.sha256(account.encode()).hexdigest()[:8]
