"""Checks of tokens and apps, and rate limits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.emulator.errors import (
    MESSAGES,
    PERMISSION,
    TOO_MANY,
    TOO_MANY_FOR_ACCOUNT,
    ApiError,
)
from airflow_provider_tiktok.emulator.settings import Settings

_REFUSED_TOKENS = {
    **dict.fromkeys(("revoked", "invalid", "bad", "wrong"), 40105),
    "expired": 40102,
}
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
SCOPES: dict[int, tuple[str, ...]] = {
    1: ("advertiser/info/", "oauth2/advertiser/get/"),
    2: ("campaign/get/", "adgroup/get/", "ad/get/", "smart_plus/", "gmv_max/campaign/get/"),
    3: ("dmp/",),
    4: ("report/", "gmv_max/report/", "gmv_max/video_list/report/", "smart_plus/material_report/"),
    6: ("file/", "identity/"),
    8: ("pixel/",),
}
"""The beginnings of the paths that each scope of an app covers: Ad Account Management (1), Ads Management (2),
Audience Management (3), Reporting (4), Creative Management (6) and Pixel Management (8)."""

_SCOPE_OF = {start: scope for scope, starts in SCOPES.items() for start in starts}
_REFUSED_SECRETS = ("wrong", "bad", "invalid")


def check_token(token: str | None, settings: Settings) -> None:
    """Raise ApiError if a token is missing, invalid or expired.

    :raises ApiError: with TikTok's message.
    """
    if not token:
        raise ApiError(40104)
    if settings.tokens:
        if token not in settings.tokens:
            raise ApiError(40105)
        return
    for prefix, code in _REFUSED_TOKENS.items():
        if token.lower().startswith(prefix):
            raise ApiError(code)


def check_app(app_id: str, secret: str, settings: Settings, code: int = 40113) -> None:
    """Raise ApiError if the ID is another app's, or the secret has a refused prefix.

    :param code: the return code of the refusal.
    :raises ApiError: with TikTok's message.
    """
    if app_id != settings.app_id or secret.lower().startswith(_REFUSED_SECRETS):
        raise ApiError(code)


def check_scope(path: str, settings: Settings) -> None:
    """Raise ApiError if the app lacks the scope of a path.

    :param path: the path below the version of the API.
    :raises ApiError: with a message that, like TikTok's, does not name the scope.
    """
    start = max((one for one in _SCOPE_OF if path.startswith(one)), key=len, default=None)
    if start is not None and _SCOPE_OF[start] not in settings.scopes:
        raise ApiError(
            PERMISSION,
            f"Permission error: your App lacks the required scope of /{path}. Please add it and reauthorize your API App.",
        )


class RateLimit:
    """The rate limit of calls per second, of all tokens together: they belong to one app.

    :param clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = clock.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: deque[float] = deque()

    def acquire(self, settings: Settings) -> None:
        """Count a call, or raise ApiError if it exceeds the limit; refused calls do not count.

        :param settings: the limit and the app.
        :raises ApiError: if there are too many calls.
        """
        if not settings.qps:
            return
        now = self._clock()
        with self._lock:
            while self._calls and self._calls[0] <= now - 1:
                self._calls.popleft()
            if len(self._calls) >= settings.qps:
                raise _too_many(settings)
            self._calls.append(now)


class CreationLimit:
    """The limits of creations of report tasks: for the app, all tokens together, and for an account.

    :param clock: a clock that returns a Unix timestamp.
    """

    def __init__(self, clock: Callable[[], float] = clock.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._creations: deque[tuple[float, frozenset[str]]] = deque()
        self._blocked_until = 0.0

    def acquire(self, advertiser_ids: Iterable[str], settings: Settings) -> None:
        """Count a creation, or raise ApiError if it exceeds a limit; refused creations do not count.

        :param settings: the limits and the app.
        :raises ApiError: if there are too many creations.
        """
        now, accounts = self._clock(), frozenset(advertiser_ids)
        today = now // _DAY * _DAY
        with self._lock:
            while self._creations and self._creations[0][0] < min(today, now - _HOUR):
                self._creations.popleft()
            if now < self._blocked_until:
                raise _too_many(settings)
            for limit, since, blocked_until in (
                (settings.task_qps, now - 1, now),
                (settings.task_qpm, now - _MINUTE, now + 5 * _MINUTE),
                (settings.task_qpd, today, today + _DAY),
            ):
                if limit and sum(time >= since for time, _ in self._creations) >= limit:
                    self._blocked_until = blocked_until
                    raise _too_many(settings)
            for account in sorted(accounts) if settings.task_account_hour else ():
                created = sum(time >= now - _HOUR and account in named for time, named in self._creations)
                if created >= settings.task_account_hour:
                    message = MESSAGES[TOO_MANY_FOR_ACCOUNT].format(advertiser_id=account)
                    raise ApiError(TOO_MANY_FOR_ACCOUNT, message)
            self._creations.append((now, accounts))


def _too_many(settings: Settings) -> ApiError:
    return ApiError(TOO_MANY, MESSAGES[TOO_MANY].format(app_id=settings.app_id))
