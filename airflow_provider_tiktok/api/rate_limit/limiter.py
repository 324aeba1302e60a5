"""The app's request budget: when the next call may start, for all tasks of a machine together.

TikTok counts an app's calls in any second, in a minute, and in a day (UTC), whichever task or machine makes
them, and answers too many with one code (40100) and no word on which limit it was. What is known about an
app here - when its latest calls started, and what TikTok said to them - stands in a
:class:`~airflow_provider_tiktok.api.rate_limit.state.Ledger` that the tasks of a machine share. Other machines are
noticed by their effect: every refusal halves the rate, which then recovers.

Which limit it was, is told by what helps. A second's limit passes in a second or some. When every call is
refused for three quarters of a minute, it is the minute's limit, for which TikTok suspends the app for five
minutes; when it still refuses after these, it is the day's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.rate_limit.state import DAY, LEAST_RATE, MINUTE, SECOND, Account, Ledger

_SLACK = 0.09  # calls may reach TikTok closer together than they leave here
_DELAY = 0.005  # seconds after which a call that started late is worth correcting
_PAUSES = (1, 2, 4, 8, 8, 8, 8, 8)  # times the first pause, while it may be the limit of a second
_SUSPENSION = 300.0  # seconds, for a minute's limit
_AFTER_SUSPENSION = 30.0  # seconds until it is asked a second time whether that is over
_RECOVERY = 0.02  # part of the full rate that comes back in a second
_TOLERANCE = 1.0  # seconds that the clocks of two processors may differ by, and more
_SHORT = 60.0  # seconds; no second's limit keeps the app from calling for longer
_PROBE = 60.0  # seconds that others wait for the call which finds out whether a pause is over
_LOOK = 0.25  # seconds until they look again

_HINTS = ((DAY, ("qpd", "per day", "daily")), (MINUTE, ("qpm", "per minute")))


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal of TikTok's means for the calls to come.

    :param limit: the limit that it was, as far as can be told.
    :param seconds: how long no call is made.
    :param is_news: false for a call that was under way when another one was refused.
    """

    limit: str
    seconds: float
    is_news: bool


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How an app stands with TikTok, as far as this machine knows.

    :param rate: calls a second that may be made now.
    :param limit: the limit that keeps the app from calling; empty when none does.
    :param seconds_closed: for how long.
    """

    rate: float
    limit: str
    seconds_closed: float


class Budget:
    """Holds calls back so that no second sees more than ``qps`` of them, and fewer while TikTok refuses.

    :param qps: calls a second that TikTok gives the app; below 1 it is one call every ``1 / qps`` seconds.
    :param ledger: where the app's latest calls are written down.
    :param first_pause: seconds after a refusal; each further one in a row doubles them.
    :param clock: seconds on a clock that never goes back and that all processes of the machine share.
    :param utc: the time of day.
    """

    def __init__(
        self,
        qps: float,
        ledger: Ledger,
        *,
        first_pause: float = 1.0,
        clock: Callable[[], float] = clock.monotonic,
        utc: Callable[[], datetime] = clock.now,
    ) -> None:
        self._qps = qps
        self._ledger = ledger
        self._first_pause = first_pause
        self._clock = clock
        self._utc = utc

    def start(self) -> tuple[float, float]:
        """Start a call, if one may start now.

        :return: seconds until it is worth asking again, 0 when the call may start; and the moment that
            :meth:`refused` and :meth:`answered` want to know.
        """
        with self._look() as (account, now):
            wait = self._wait(account, now)
            if wait > 0:
                return wait, now
            account.starts.append(now)
            if account.strikes > 1:
                account.probed_at = now
            return 0.0, now

    def leaves(self, started: float) -> float:
        """Note that a call is sent only now: a busy machine may have let it wait after it had started.

        :return: the moment that the other methods want to know from here on.
        """
        now = self._clock()
        if now - started < _DELAY:
            return started
        with self._look() as (account, _):
            if started in account.starts:
                account.starts.remove(started)
                account.starts.append(now)
                if account.probed_at == started:
                    account.probed_at = now
                return now
        return started

    def answered(self, started: float) -> None:
        """Note that TikTok took a call, whatever it answered."""
        with self._look() as (account, _):
            if account.strikes and started >= account.closed_at:
                account.strikes = 0
                account.limit = ""
                account.probed_at = 0.0

    def gave_no_answer(self, started: float) -> None:
        """Note that a call brought no answer, so that another one finds out whether a pause is over."""
        with self._look() as (account, _):
            if account.probed_at == started:
                account.probed_at = 0.0

    def refused(self, started: float, message: str = "") -> Refusal:
        """Note that TikTok refused a call as one too many, and pause.

        :param started: when the call started.
        :param message: TikTok's, which may say which limit it was.
        """
        with self._look() as (account, now):
            if started < account.closed_at:
                return Refusal(account.limit or SECOND, max(0.0, account.closed_until - now), is_news=False)
            if account.limit == DAY:  # a day later it is a new question which limit it is
                account.strikes, account.limit = 0, ""
            account.strikes += 1
            if account.strikes == 1:
                account.refused_at = now
            account.rate = max(LEAST_RATE, min(self._rate(account, now), self._qps) / 2)
            account.rate_at = account.closed_at = now
            account.probed_at = 0.0
            account.limit, pause = self._judge(account, now, message)
            account.closed_until = now + pause
            return Refusal(account.limit, pause, is_news=True)

    def close(self) -> None:
        """Let go of the ledger."""
        self._ledger.close()

    def closed(self) -> tuple[str, float]:
        """Say which limit keeps the app from calling, and for how many seconds; none and 0 when nothing does."""
        with self._look() as (account, now):
            return account.limit, max(0.0, account.closed_until - now)

    def state(self) -> BudgetState:
        """Say how the app stands."""
        with self._look() as (account, now):
            closed = max(0.0, account.closed_until - now)
            return BudgetState(self._rate(account, now), account.limit if closed else "", closed)

    @contextmanager
    def _look(self) -> Iterator[tuple[Account, float]]:
        """Look into the ledger, with the present time; times that can't be true are set aside."""
        with self._ledger as account:
            now = self._clock()
            problem = self._untruth(account, now)
            yield self._ledger.set_aside(problem) if problem else account, now

    def _untruth(self, account: Account, now: float) -> str:
        """Return what of an account's times can't be true; empty if nothing."""
        latest = max(account.rate_at, account.closed_at, account.refused_at, account.probed_at)
        if max(latest, max(account.starts, default=0.0)) > now + _TOLERANCE:
            return "it has calls or refusals of the future"
        if account.closed_until <= now:
            return ""
        longest = {SECOND: max(_SHORT, 10 * self._first_pause), DAY: self._until_midnight() + _SHORT}
        if account.closed_until > now + longest.get(account.limit, _SUSPENSION) + _TOLERANCE:
            return "it lets no call be made for longer than TikTok ever does"
        return ""

    def _wait(self, account: Account, now: float) -> float:
        """Give the seconds until the next call may start, as far as can be told now."""
        if now < account.closed_until:
            return account.closed_until - now
        if account.strikes > 1 and now - account.probed_at < _PROBE:
            return _LOOK  # one call finds out for all whether TikTok takes calls again
        rate = self._rate(account, now)
        # where TikTok has refused, others call too: even steps leave them room, a burst doesn't
        calls = max(1, int(rate)) if rate >= self._qps else 1
        if len(account.starts) < calls:
            return 0.0
        period = max(1.0, calls / rate) + _SLACK if rate >= self._qps else 1 / rate
        return max(0.0, account.starts[-calls] + period - now)

    def _rate(self, account: Account, now: float) -> float:
        """Give the calls a second that may be made now."""
        if not account.rate:
            return self._qps
        recovered = account.rate + max(0.0, now - account.rate_at) * _RECOVERY * self._qps
        return min(self._qps, recovered)

    def _judge(self, account: Account, now: float, message: str) -> tuple[str, float]:
        """Say which limit it was, and how long to pause."""
        text = message.lower()
        hint = next((limit for limit, words in _HINTS if any(word in text for word in words)), "")
        if hint == DAY:
            return DAY, self._until_midnight()
        if account.limit == MINUTE:
            if now - account.refused_at < _SUSPENSION + _AFTER_SUSPENSION:
                return MINUTE, _AFTER_SUSPENSION
            return DAY, self._until_midnight()
        if hint == MINUTE or account.strikes > len(_PAUSES):
            return MINUTE, max(1.0, account.refused_at + _SUSPENSION - now)
        pause = self._first_pause * _PAUSES[account.strikes - 1]
        return SECOND, pause * random.uniform(0.75, 1.25)  # noqa: S311

    def _until_midnight(self) -> float:
        """Give the seconds until TikTok's next day, and a few more for clocks that differ."""
        now = self._utc()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - now).total_seconds() + 5.0
