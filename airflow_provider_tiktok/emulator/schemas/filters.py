"""The ``filtering`` parameter of reports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import ValidationError

from airflow_provider_tiktok.emulator.errors import missing, not_acceptable, parameter_error
from airflow_provider_tiktok.emulator.schemas.fields import Typed, array
from airflow_provider_tiktok.emulator.world.conditions import (
    COMPARISONS,
    FILTER_TYPES,
    RANGES,
    Field,
    Filter,
)

_KEYS = ("field_name", "filter_type", "filter_value")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def filters(known: Mapping[str, Field], *, plain_lists: bool = False) -> Typed:
    """Return a list of filters, each an object of name, type and value.

    :param known: the fields to filter by.
    :param plain_lists: whether a list of values is a list, not a JSON string.
    """
    return array(lambda items: tuple(_parse(item, known, plain_lists) for item in items), load_default=())


def _parse(item: Any, known: Mapping[str, Field], plain_lists: bool) -> Filter:
    if not isinstance(item, dict):
        raise ValidationError("Not a valid list of objects.")
    absent = [key for key in _KEYS if key not in item]
    if absent:
        raise missing(*(f"filtering.{key}" for key in absent))
    unknown = [key for key in item if key not in _KEYS]
    if unknown:
        raise ValidationError(f"{unknown[0]}: Unknown field.")
    name, kind, value = (item[key] for key in _KEYS)
    if not isinstance(name, str) or name not in known:
        raise parameter_error(f"Invalid value for filtering: field_name {name} is not supported")
    if kind not in FILTER_TYPES:
        raise not_acceptable("filter_type", FILTER_TYPES)
    field = known[name]
    if kind not in field.types:
        raise parameter_error(
            f"Invalid value for filtering: filter_type {kind} is not supported for field_name {name}"
        )
    if plain_lists and isinstance(value, list):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise ValidationError(f"filter_value of {name}: Not a valid string.")
    return Filter(name, kind, _values(name, kind, value, field), field)


def _values(name: str, kind: str, text: str, field: Field) -> tuple[str, ...]:
    if kind in COMPARISONS or kind == "MATCH":
        values: tuple[str, ...] = (text,)
    else:
        values = _array(name, text)
        if kind in RANGES and len(values) != 2:  # noqa: PLR2004 - from and to
            raise ValidationError(f"filter_value of {name}: Length must be 2.")
    if not values:
        raise ValidationError(f"filter_value of {name}: Shorter than minimum length 1.")
    _check(name, values, field)
    return tuple(_full_time(value) for value in values) if field.is_time else values


def _check(name: str, values: tuple[str, ...], field: Field) -> None:
    if field.is_id:
        if len(values) > field.max_ids:
            raise ValidationError(f"{name}: Longer than maximum length {field.max_ids}.")
        if not all(value.isascii() and value.isdigit() for value in values):
            raise ValidationError(f"{name}: Not a valid ID.")
    if field.is_number and not all(_NUMBER.fullmatch(value) for value in values):
        raise ValidationError(f"filter_value of {name}: Not a valid number.")
    if field.values and not set(values) <= set(field.values):
        raise not_acceptable(name, field.values)


def _array(name: str, text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise ValidationError(f"filter_value of {name}: Not a valid JSON array string.")
    # TikTok's older examples have numbers inside the string
    if not all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in found):
        raise ValidationError(f"filter_value of {name}: Not a valid list of strings.")
    return tuple(str(value) for value in found)


def _full_time(text: str) -> str:
    """Return a validated time as date and time of day."""
    for pattern in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, pattern).strftime("%Y-%m-%d %H:%M:%S")
        except ValueError:
            continue
    raise ValidationError("filter_value of create_time: Not a valid datetime.")
