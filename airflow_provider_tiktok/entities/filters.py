"""Read the user's filters of a list of entities, each by the type that TikTok's ``filtering`` has for it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timezone
from typing import Any

import pendulum

from airflow_provider_tiktok.entities.kinds import KINDS, Kind
from airflow_provider_tiktok.reports.params import coerce
from airflow_provider_tiktok.reports.params.coerce import invalid

MAX_IDS = 100
"""IDs that TikTok takes in a filter."""

_LISTS = ("_ids", "_ids_v2", "_types", "_origins", "_events", "_sources", "ratio")  # ends of names
_TIMES = ("creation_filter_start_time", "creation_filter_end_time")
_FLAGS = (
    "is_smart_performance_campaign",
    "split_test_enabled",
    "displayable",
    "available_for_catalog_only",
)
_NUMBERS = ("width", "height")
_WORD_IDS = ("video_ids", "image_ids")  # the other IDs are digits
_DIGITS = re.compile(r"[0-9]+")


def read_filters(value: object, kind: Kind) -> dict[str, Any]:
    """Return the filters as TikTok takes them: those that are ``None`` or empty are none.

    :param value: the user's: an object, or the same as JSON text.
    :raises TikTokInvalidRequestError: TikTok has no such filter here, or a value can't be one of it.
    """
    given = coerce.structure(coerce.optional(value, "filters"))
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise invalid("filters", f"must be an object such as {{'campaign_ids': ['123']}}, not {given!r}.")
    known = (*kind.filters, *kind.parameters)
    for name in given:
        if name not in known:
            others = [one.name for one in KINDS.values() if name in (*one.filters, *one.parameters)]
            where = f" It is a filter of {', '.join(others)}." if others else ""
            meant = "" if others else coerce.did_you_mean(name, known)
            raise invalid(
                "filters",
                f"names {name!r}, by which TikTok can't filter {kind.plural}.{where}{meant} They have "
                f"{', '.join(known) or 'no filters'}.",
            )
    read = {name: _read(name, one, kind) for name, one in given.items()}
    found = {name: one for name, one in read.items() if one is not None}
    coerce.check_sendable(found, "filters")
    return found


def utc_time(value: object) -> str | None:
    """Return a time in UTC, as TikTok writes it; ``None`` if it is no time. Without a zone it is in UTC."""
    parsed: object = value
    if not isinstance(value, (datetime, date)):
        try:
            parsed = pendulum.parse(str(value).strip(), exact=True)
        except (ValueError, OverflowError):
            return None
    if isinstance(parsed, datetime):
        time = parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)
        with suppress(OverflowError):  # on the first or last day of the calendar
            return f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}"
        return None
    return f"{parsed:%Y-%m-%d} 00:00:00" if isinstance(parsed, date) else None


def _read(name: str, value: object, kind: Kind) -> Any:
    """Read one filter; ``None`` where the user gives none."""
    value = coerce.optional(value, f"filters.{name}")
    if value is None or name == kind.modified:  # which is read with `modified_since`
        return value
    if name.endswith(_LISTS):
        return _read_list(name, value)
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    read: Any = None
    if name in _FLAGS:
        read, wanted = coerce.as_json(value), "true or false"
        read = read if isinstance(read, bool) else None
    elif name in _NUMBERS:
        read, wanted = _whole(value), "a whole number"
    elif name in _TIMES:
        read, wanted = utc_time(value), "a time, such as 2026-11-01T13:00:00Z; without a zone it is UTC"
    else:
        wanted = "one text or whole number"
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            read = str(value).strip()
    if read is None:
        raise invalid(f"filters.{name}", f"is {value!r}, and it takes {wanted}.")
    return read


def _read_list(name: str, value: object) -> list[Any] | None:
    """Read a list, which may be text with commas, JSON text, or one value; ``None`` for an empty one."""
    if isinstance(value, str) and value.strip().startswith(("[", "(")):
        value = coerce.structure(value)
    if isinstance(value, str):
        value = value.split(",")
    elif isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    items = [item.strip() if isinstance(item, str) else item for item in items]
    items = list(dict.fromkeys(_read_item(name, item) for item in items if item != ""))
    if name.endswith(("_ids", "_ids_v2")) and len(items) > MAX_IDS:
        raise invalid(f"filters.{name}", f"holds {len(items):,} IDs; TikTok takes {MAX_IDS} at most.")
    return items or None


def _read_item(name: str, item: object) -> Any:
    """Read one value of a list: text, but for ratios, which are numbers."""
    is_number = isinstance(item, (int, float)) and not isinstance(item, bool) and math.isfinite(item)
    if name == "ratio" and is_number:
        return item
    if isinstance(item, str) or (is_number and isinstance(item, int)):
        text = str(item)
        if name not in _WORD_IDS and name.endswith(("_ids", "_ids_v2")) and not _DIGITS.fullmatch(text):
            raise invalid(f"filters.{name}", f"holds {text!r}; IDs are numbers.")
        if not coerce.is_none(text):
            return text
    raise invalid(f"filters.{name}", f"holds {item!r}; it takes a list of text, or text with commas.")


def _whole(value: object) -> int | None:
    text = str(value).strip()
    return int(text) if _DIGITS.fullmatch(text) and not isinstance(value, bool) else None
