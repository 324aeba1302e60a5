"""Who may call, and how often."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from airflow_provider_tiktok.emulator.errors import MESSAGES, ApiError
from airflow_provider_tiktok.emulator.settings import Settings

_REFUSED_TOKENS = {
    **dict.fromkeys(("revoked", "invalid", "bad", "wrong"), 40105),
    "expired": 40102,
}
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

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
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
                raise ApiError(40100, MESSAGES[40100].format(app_id=settings.app_id))
            self._taken.append(now)
