"""The parameters of a call, parsed as TikTok's gateway parses them.

In a query string, strings are unquoted; lists, objects, booleans and numbers are JSON. The same parameters
can be a JSON object in the body of a GET.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from airflow_provider_tiktok.emulator.errors import missing, not_acceptable, parameter_error

_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True)
class Params:
    """The typed parameters of one call; each method raises ApiError for what TikTok refuses.

    :param query: the parameters in the query string.
    :param body: the parameters in a JSON body; the query string takes precedence.
    :param token: the access token of the call.
    :param host: the URL at which the caller reached the emulator, without a slash at the end.
    """

    query: Mapping[str, str]
    body: Mapping[str, Any]
    token: str = field(default="", repr=False)
    host: str = ""

    def has(self, name: str) -> bool:
        """Return whether a parameter is present."""
        return name in self.query or self.body.get(name) is not None

    def require(self, *names: str) -> None:
        """Raise ApiError if one of the parameters is absent."""
        absent = [name for name in names if not self.has(name)]
        if absent:
            raise missing(*absent)

    def string(self, name: str) -> str | None:
        """Return a string parameter."""
        value = self._raw(name)
        if value is not None and not isinstance(value, str):
            raise parameter_error(f"{name}: Not a valid string.")
        return value

    def choice(self, name: str, accepted: tuple[str, ...], default: str | None = None) -> str | None:
        """Return one value of an enumeration; the case must match."""
        value = self.string(name)
        if value is None:
            return default
        if value not in accepted:
            raise not_acceptable(name, accepted)
        return value

    def identifier(self, name: str) -> str | None:
        """Return an ID: a string of digits."""
        value = self.string(name)
        if value is not None and not _ID.fullmatch(value):
            raise parameter_error(f"{name}: Not a valid ID, a numeric string is expected.")
        return value

    def integer(self, name: str, default: int, low: int, high: int | None) -> int:
        """Return an integer within bounds."""
        value = self._raw(name)
        if value is None:
            return default
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise parameter_error(f"{name}: Not a valid integer.")
        if value < low or (high is not None and value > high):
            bounds = f"between {low} and {high}" if high is not None else f"greater than or equal to {low}"
            raise parameter_error(f"{name}: Must be {bounds}.")
        return value

    def boolean(self, name: str) -> bool:
        """Return a JSON boolean; the default is false.

        In a query string it can begin with a capital, as TikTok's own SDK for Python writes it.
        """
        value = self._raw(name)
        if name in self.query:
            value = {"true": True, "True": True, "false": False, "False": False}.get(self.query[name])
        elif value is None:
            return False
        if not isinstance(value, bool):
            raise parameter_error(f"{name}: Not a valid boolean.")
        return value

    def day(self, name: str) -> int | None:
        """Return a date as its ordinal."""
        value = self.string(name)
        if value is None:
            return None
        try:
            if _DAY.fullmatch(value):
                return date.fromisoformat(value).toordinal()
        except ValueError:
            pass
        raise parameter_error(f"{name}: Not a valid date, the format is YYYY-MM-DD.")

    def array(self, name: str) -> list[Any] | None:
        """Return a JSON list."""
        value = self._raw(name)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                value = None
        if not isinstance(value, list):
            raise parameter_error(f"{name}: Not a valid list.")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a JSON object; the default is empty."""
        value = self._raw(name)
        if value is None:
            return {}
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                value = None
        if not isinstance(value, dict):
            raise parameter_error(f"{name}: Not a valid object.")
        return value

    def strings(self, name: str) -> tuple[str, ...] | None:
        """Return a JSON list of strings."""
        values = self.array(name)
        if values is None:
            return None
        if not all(isinstance(value, str) for value in values):
            raise parameter_error(f"{name}: Not a valid list of strings.")
        return tuple(values)

    def identifiers(self, name: str, max_length: int) -> tuple[str, ...] | None:
        """Return a JSON list of IDs."""
        values = self.strings(name)
        if values is None:
            return None
        if not 1 <= len(values) <= max_length:
            raise parameter_error(f"{name}: Length must be between 1 and {max_length}")
        if not all(_ID.fullmatch(value) for value in values):
            raise parameter_error(f"{name}: Not a valid list of IDs, numeric strings are expected.")
        return values

    def _raw(self, name: str) -> Any:
        return self.query[name] if name in self.query else self.body.get(name)
