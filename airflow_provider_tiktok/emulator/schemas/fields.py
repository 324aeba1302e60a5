"""The types of parameters, as marshmallow fields: TikTok's messages are marshmallow's, or of its style.

In a query string, strings are unquoted; lists, objects, booleans and numbers are JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from marshmallow import ValidationError, fields, validate

from airflow_provider_tiktok.emulator.errors import (
    TOO_MANY_IDS,
    UNACCEPTABLE,
    ApiError,
    parameter_error,
    unacceptable,
)

_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
"""The booleans of query strings; TikTok's own SDK for Python writes a capital."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_ID = re.compile(r"[0-9]{1,19}")
_NO_STRINGS = "Not a valid list of strings."


class Typed(fields.Raw):
    """A parameter whose type is a function, which returns the value or raises ValidationError."""

    def __init__(self, parse: Callable[[Any], Any], **options: Any) -> None:
        super().__init__(**options)
        self.parse = parse

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return self.parse(value)


class Flag(fields.Boolean):
    """A boolean."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        written = data is not None and attr in data.params.query  # in an object, it is JSON's
        found = _BOOLEANS.get(value) if written else value
        if not isinstance(found, bool):
            raise self.make_error("invalid")
        return found


def flag(*, default: bool = False) -> Flag:
    """Return a boolean."""
    return Flag(load_default=default)


def string(**options: Any) -> fields.String:
    """Return a string."""
    return fields.String(**options, error_messages={"null": "Not a valid string."})


def choice(values: Sequence[str], **options: Any) -> fields.String:
    """Return one value of an enumeration; the case must match."""
    return string(validate=validate.OneOf(values, error=unacceptable(values)), **options)


def identifier() -> fields.String:
    """Return an ID: a string of digits."""
    error = "Not a valid ID, a numeric string is expected."
    return string(validate=validate.Regexp(r"[0-9]{1,19}\Z", error=error))


def whole(low: int, high: int | None = None, default: int | None = None) -> Typed:
    """Return an integer within bounds; its default is the lower one."""
    error = None if high is None else f"Must be between {low} and {high}."
    return Typed(_whole, load_default=default or low, validate=validate.Range(low, high, error=error))


def day() -> Typed:
    """Return a date, as its ordinal."""
    return Typed(_day)


def time() -> Typed:
    """Return a time in UTC, as text."""
    return Typed(_time)


def code(prefix: str) -> fields.String:
    """Return a value of an enumeration that is open: a code that begins with a prefix."""
    error = f"Not a valid value, values begin with {prefix}."
    return string(validate=validate.Regexp(rf"{prefix}[A-Z0-9_]+\Z", error=error))


def array(parse: Callable[[list[Any]], Any], **options: Any) -> Typed:
    """Return a list, whose items a function reads."""
    return Typed(lambda value: parse(_from_json(value, list, "Not a valid list.")), **options)


def strings(*validators: Any, accepted: Sequence[str] = ()) -> Typed:
    """Return a list of strings, which can be an enumeration's values."""
    return array(_strings, validate=[*validators, *_among(accepted)])


def identifiers(most: int) -> Typed:
    """Return a list of IDs."""
    error = "Not a valid list of IDs, numeric strings are expected."
    return strings(_length(most), partial(_check_ids, _ID, error))


def id_filter(most: int, *, digits: bool = True) -> Typed:
    """Return the list of IDs of an object's key in a list of entities.

    :param digits: whether the IDs are numbers.
    """
    return Typed(partial(id_list, most, digits=digits), error_messages={"null": _NO_STRINGS})


def id_list(most: int, value: Any, *, digits: bool = True) -> tuple[str, ...]:
    """Return IDs where too many have a return code of their own.

    :raises ApiError: if there are too many.
    """
    found = _strings(value)
    if not found:
        raise ValidationError("Shorter than minimum length 1.")
    if len(found) > most:
        raise ApiError(TOO_MANY_IDS)
    if digits:
        _check_ids(_ID, "Not a valid list of IDs, numeric strings are expected.", found)
    return found


def mapping(parse: Callable[[dict[str, Any]], Any] = dict) -> Typed:
    """Return an object, which a function reads; the default is an empty one."""
    return Typed(lambda value: parse(_from_json(value, dict, "Not a valid object.")), load_default=parse({}))


def known(keys: Mapping[str, fields.Field[Any]], *, names_first: bool = False) -> Typed:
    """Return an object with known keys, which are read in the order of the call.

    :param names_first: whether unknown keys are refused before any value is read.
    """

    def parse(given: dict[str, Any]) -> dict[str, Any]:
        for name in given if names_first else ():
            _check_key(keys, name)
        return {name: _read_key(keys, name, value) for name, value in given.items()}

    return mapping(parse)


def values(most: int, accepted: Sequence[str] = ()) -> Typed:
    """Return the list of strings of an object's key: an enumeration's values, or IDs."""
    ids = partial(_check_ids, re.compile(r"[0-9]+"), "Not a valid ID.")
    what: list[Any] = _among(accepted) or [ids]
    return Typed(_strings, validate=[_length(most), *what], error_messages={"null": _NO_STRINGS})


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValidationError(_NO_STRINGS)
    return tuple(value)


def _among(accepted: Sequence[str]) -> list[validate.ContainsOnly]:
    return [validate.ContainsOnly(accepted, error=unacceptable(accepted))] if accepted else []


def _length(most: int) -> validate.Length:
    return validate.Length(1, most, error="Length must be between {min} and {max}")


def _whole(value: Any) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValidationError("Not a valid integer.")
    return value


def _day(value: Any) -> int:
    if not isinstance(value, str):
        raise ValidationError("Not a valid string.")
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value).toordinal()
    except ValueError:
        pass
    raise ValidationError("Not a valid date, the format is YYYY-MM-DD.")


def _time(value: Any) -> str:
    if not isinstance(value, str):
        raise ValidationError("Not a valid string.")
    try:
        if _TIME.fullmatch(value) and datetime.fromisoformat(value):
            return value
    except ValueError:
        pass
    raise ValidationError("Not a valid time, the format is YYYY-MM-DD HH:MM:SS.")


def _from_json(value: Any, wanted: type, error: str) -> Any:
    """Return a list or an object, which is JSON in a query string."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, wanted):
        raise ValidationError(error)
    return found


def _check_key(keys: Mapping[str, fields.Field[Any]], name: str) -> None:
    if name not in keys:
        raise ValidationError(f"{name}: Unknown field.")


def _read_key(keys: Mapping[str, fields.Field[Any]], name: str, value: Any) -> Any:
    _check_key(keys, name)
    try:
        return keys[name].deserialize(value, name)
    except ValidationError as error:
        message = f"{name}: {error.messages[0]}"
        # the refusal of an enumeration's key does not name the object
        raise (parameter_error if UNACCEPTABLE in message else ValidationError)(message) from None


def _check_ids(pattern: re.Pattern[str], error: str, given: Sequence[str]) -> None:
    if not all(map(pattern.fullmatch, given)):
        raise ValidationError(error)
