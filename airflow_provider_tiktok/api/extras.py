"""The typed reader of a connection's extra."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokConfigError

_MOST = 1_000_000  # calls a second, or seconds
_NUMBER = re.compile(r"\+?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "y", "on", "t"), True),
    **dict.fromkeys(("false", "0", "no", "n", "off", "f"), False),
}
"""How a switch may be written: a connection that is a URI has nothing but text."""
_SHOWN = 24  # characters of a wrong value that a message shows: it may be a token in the wrong field


def shown(value: object) -> str:
    """Return a wrong value as a message shows it, a long one by its beginning only."""
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else f"{value[:4]}...")
    return repr(value) if len(repr(value)) <= _SHOWN else f"of the type {type(value).__name__}"


class Extras:
    """Reads the fields of a connection's extra; what can't be used is an error that names the field.

    :param conn_id: the connection's ID, for messages.
    :param extra: its extra, as JSON text.
    :raises TikTokConfigError: it is no JSON object.
    """

    def __init__(self, conn_id: str, extra: str | None) -> None:
        self._conn_id = conn_id
        try:
            values = json.loads(extra) if extra and extra.strip() else {}
        except ValueError:
            raise TikTokConfigError(
                f"The extra of connection {conn_id!r} is not valid JSON. Correct it."
            ) from None
        if not isinstance(values, Mapping):
            raise TikTokConfigError(
                f'The extra of connection {conn_id!r} must be a JSON object such as {{"app_id": "..."}}.'
            )
        self._values = values

    def get(self, name: str) -> Any:
        """Return a field's value; ``None`` where it is missing or empty."""
        # forms before Airflow 2.3 stored extras under a prefixed name
        value = self._values.get(name, self._values.get(f"extra__tiktok__{name}"))
        value = value.strip() if isinstance(value, str) else value
        return None if value == "" else value

    def text(self, name: str) -> str:
        """Return a text; a number is one too."""
        value = self.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise self.error(name, "must be text")
        return str(value).strip()

    def number(self, name: str, default: float) -> float:
        """Return a number above 0."""
        value = self.get(name)
        if value is None:
            return default
        if isinstance(value, str):  # Python takes more than a number's text form, such as 1_0 and nan
            number = float(value) if _NUMBER.fullmatch(value) else 0.0
        else:
            number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
        if not 0 < number <= _MOST:
            raise self.error(name, f"must be a number above 0 and at most {_MOST:,}, not {shown(value)}")
        return float(number)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a truth value."""
        value = self.get(name)
        if value is None:
            return default
        flag = value if isinstance(value, bool) else _FLAGS.get(str(value).lower())
        if flag is None:
            raise self.error(name, f"must be true or false, not {shown(value)}")
        return flag

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object, which may be JSON text."""
        value = self.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise self.error(name, "is not valid JSON") from None
        if not isinstance(value, (dict, type(None))):
            raise self.error(name, "must be a JSON object")
        return value or {}

    def error(self, name: str, problem: str) -> TikTokConfigError:
        """Return the error about a field."""
        return TikTokConfigError(f"Extra field {name!r} of connection {self._conn_id!r} {problem}.")
