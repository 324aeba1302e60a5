"""The record of calls, for tests that ask what a client sent. It never holds a token or a secret."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

_SECRET = frozenset({"secret", "access_token", "app_secret", "auth_code", "access-token", "sign"})
_NUMBERS = frozenset({"page", "page_size"})
_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    :param query: its parameters, decoded: lists and objects from their JSON, ``true`` and ``false``,
        ``page`` and ``page_size`` as numbers; IDs stay text.
    :param status: HTTP status; 0 where the connection broke first.
    :param code: TikTok's return code; ``None`` where the answer had none.
    :param rows: how many rows the answer had.
    :param fault: the fault that struck.
    :param with_token: whether it carried an access token.
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
        self._calls: deque[Call] = deque(maxlen=_KEPT)

    def add(self, call: Call) -> None:
        """Remember a call."""
        with self._lock:
            self._calls.append(call)

    def all(self) -> list[Call]:
        """Give all calls."""
        with self._lock:
            return list(self._calls)

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()


def decode(parameters: dict[str, Any]) -> dict[str, Any]:
    """Decode the parameters of a call, without its secrets."""
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
