"""The log of calls, for tests that check what a client sent. It never contains a token or a secret."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

_SECRET = frozenset({"secret", "access_token", "app_secret", "auth_code", "access-token", "sign"})
_NUMBERS = frozenset({"page", "page_size"})
_MAX_CALLS = 100_000


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call.

    :param query: the decoded parameters: lists and objects from JSON, ``true`` and ``false`` as booleans,
        ``page`` and ``page_size`` as numbers; IDs stay strings.
    :param status: the HTTP status; 0 if the connection broke first.
    :param code: TikTok's return code; ``None`` if the answer has none.
    :param rows: the number of rows in the answer.
    :param fault: the fault that was applied.
    :param with_token: whether the call had an access token.
    """

    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    status: int = 0
    code: int | None = None
    rows: int = 0
    fault: str | None = None
    with_token: bool = False


class CallLog:
    """The latest calls, oldest first; safe to read while serving."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=_MAX_CALLS)

    def add(self, call: Call) -> None:
        """Record a call."""
        with self._lock:
            self._calls.append(call)

    def all(self) -> list[Call]:
        """Return all recorded calls."""
        with self._lock:
            return list(self._calls)

    def clear(self) -> None:
        """Remove all recorded calls."""
        with self._lock:
            self._calls.clear()


def decode(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the decoded parameters of a call, without its secrets."""
    return {name: _decode(name, value) for name, value in parameters.items() if name.lower() not in _SECRET}


def _decode(name: str, value: Any) -> Any:
    if isinstance(value, str) and (
        value[:1] in ("[", "{") or value in ("true", "false") or (name in _NUMBERS and value.isdecimal())
    ):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
