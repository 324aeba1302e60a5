"""The ``filtering`` parameter of reports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow_provider_tiktok.emulator.errors import ApiError, missing, not_acceptable, parameter_error
from airflow_provider_tiktok.emulator.world.conditions import (
    COMPARISONS,
    FIELDS,
    FILTER_TYPES,
    RANGES,
    Field,
    Filter,
)

_KEYS = ("field_name", "filter_type", "filter_value")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def parse_filters(items: list[Any], fields: Mapping[str, Field] | None = None) -> tuple[Filter, ...]:
    """Return the validated filters of the ``filtering`` parameter.

    :param fields: the fields to filter by; ``None`` is those of BASIC reports.
    :raises ApiError: for the first filter that TikTok refuses.
    """
    return tuple(_parse(item, FIELDS if fields is None else fields) for item in items)


def _parse(item: Any, fields: Mapping[str, Field]) -> Filter:
    if not isinstance(item, dict):
        raise parameter_error("filtering: Not a valid list of objects.")
    absent = [key for key in _KEYS if key not in item]
    if absent:
        raise missing(*(f"filtering.{key}" for key in absent))
    unknown = [key for key in item if key not in _KEYS]
    if unknown:
        raise parameter_error(f"filtering: {unknown[0]}: Unknown field.")
    name, kind, value = (item[key] for key in _KEYS)
    if not isinstance(name, str) or name not in fields:
        raise parameter_error(f"Invalid value for filtering: field_name {name} is not supported")
    if kind not in FILTER_TYPES:
        raise not_acceptable("filter_type", FILTER_TYPES)
    field = fields[name]
    if kind not in field.types:
        raise parameter_error(
            f"Invalid value for filtering: filter_type {kind} is not supported for field_name {name}"
        )
    if not isinstance(value, str):
        raise parameter_error(f"filtering: filter_value of {name}: Not a valid string.")
    return Filter(name, kind, _values(name, kind, value, field), field)


def _values(name: str, kind: str, text: str, field: Field) -> tuple[str, ...]:
    if kind in COMPARISONS or kind == "MATCH":
        values: tuple[str, ...] = (text,)
    else:
        values = _array(name, text)
        if kind in RANGES and len(values) != 2:  # noqa: PLR2004 - from and to
            raise parameter_error(f"filtering: filter_value of {name}: Length must be 2.")
    if not values:
        raise parameter_error(f"filtering: filter_value of {name}: Shorter than minimum length 1.")
    _check(name, values, field)
    return tuple(_full_time(value) for value in values) if field.is_time else values


def _check(name: str, values: tuple[str, ...], field: Field) -> None:
    if field.is_id:
        if len(values) > field.max_ids:
            raise parameter_error(f"filtering: {name}: Longer than maximum length {field.max_ids}.")
        if not all(value.isascii() and value.isdigit() for value in values):
            raise parameter_error(f"filtering: {name}: Not a valid ID.")
    if field.is_number and not all(_NUMBER.fullmatch(value) for value in values):
        raise parameter_error(f"filtering: filter_value of {name}: Not a valid number.")
    if field.values and not set(values) <= set(field.values):
        raise not_acceptable(name, field.values)


def _array(name: str, text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise parameter_error(f"filtering: filter_value of {name}: Not a valid JSON array string.")
    # TikTok's older examples have numbers inside the string
    if not all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in found):
        raise parameter_error(f"filtering: filter_value of {name}: Not a valid list of strings.")
    return tuple(str(value) for value in found)


def _full_time(text: str) -> str:
    """Return a validated time as date and time of day."""
    for pattern in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, pattern).strftime("%Y-%m-%d %H:%M:%S")
        except ValueError:
            continue
    raise _invalid_time()


def _invalid_time() -> ApiError:
    return parameter_error("filtering: filter_value of create_time: Not a valid datetime.")
