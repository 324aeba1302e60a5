"""Who may call, and how often."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.emulator.errors import MESSAGES, TOO_MANY, TOO_MANY_FOR_ACCOUNT, ApiError
from airflow_provider_tiktok.emulator.settings import Settings

_REFUSED_TOKENS = {
    **dict.fromkeys(("revoked", "invalid", "bad", "wrong"), 40105),
    "expired": 40102,
}
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_REFUSED_SECRETS = ("wrong", "bad", "invalid")


def check_token(token: str | None, settings: Settings) -> None:
    """Refuse a missing, bad or expired token.

    :raises ApiError: with TikTok's text.
    """
    if not token:
        raise ApiError(40104)
    if settings.tokens:
        if token not in settings.tokens:
            raise ApiError(40105)
        return
    for beginning, code in _REFUSED_TOKENS.items():
        if token.lower().startswith(beginning):
            raise ApiError(code)


def check_app(app_id: str, secret: str, settings: Settings) -> None:
    """Refuse another app's ID, and an app secret that says that it is wrong.

    :raises ApiError: with TikTok's text.
    """
    check_secret(app_id, secret, settings, 40113)


def check_secret(app_id: str, secret: str, settings: Settings, code: int) -> None:
    """Refuse another app's ID or secret with a code of the caller's.

    :raises ApiError: with TikTok's text.
    """
    if app_id != settings.app_id or secret.lower().startswith(_REFUSED_SECRETS):
        raise ApiError(code)


class RateLimit:
    """At most so many calls within any second, of all tokens together: they belong to one app.

    :param clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = clock.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()

    def take(self, settings: Settings) -> None:
        """Let a call through, or refuse it; refused calls do not count.

        :param settings: how many calls, and of which app.
        :raises ApiError: when there were too many.
        """
        if not settings.qps:
            return
        now = self._clock()
        with self._lock:
            while self._taken and self._taken[0] <= now - 1:
                self._taken.popleft()
            if len(self._taken) >= settings.qps:
                raise _too_many(settings)
            self._taken.append(now)


class CreationLimit:
    """How many report tasks may be created: by the app, all tokens together, and for an account.

    :param clock: seconds of the epoch.
    """

    def __init__(self, clock: Callable[[], float] = clock.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._made: deque[tuple[float, frozenset[str]]] = deque()
        self._closed_until = 0.0

    def take(self, advertiser_ids: Iterable[str], settings: Settings) -> None:
        """Let a creation through, or refuse it; refused ones do not count.

        :param settings: how many there may be, and of which app.
        :raises ApiError: when there were too many.
        """
        now, accounts = self._clock(), frozenset(advertiser_ids)
        today = now // _DAY * _DAY
        with self._lock:
            while self._made and self._made[0][0] < min(today, now - _HOUR):
                self._made.popleft()
            if now < self._closed_until:
                raise _too_many(settings)
            for most, since, closed_until in (
                (settings.task_qps, now - 1, now),
                (settings.task_qpm, now - _MINUTE, now + 5 * _MINUTE),
                (settings.task_qpd, today, today + _DAY),
            ):
                if most and sum(moment >= since for moment, _ in self._made) >= most:
                    self._closed_until = closed_until
                    raise _too_many(settings)
            for account in sorted(accounts) if settings.task_account_hour else ():
                made = sum(moment >= now - _HOUR and account in named for moment, named in self._made)
                if made >= settings.task_account_hour:
                    text = MESSAGES[TOO_MANY_FOR_ACCOUNT].format(advertiser_id=account)
                    raise ApiError(TOO_MANY_FOR_ACCOUNT, text)
            self._made.append((now, accounts))


def _too_many(settings: Settings) -> ApiError:
    return ApiError(TOO_MANY, MESSAGES[TOO_MANY].format(app_id=settings.app_id))
