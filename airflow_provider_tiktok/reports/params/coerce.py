"""Read what users and templates write: lists, JSON, dates, numbers, in any of their usual spellings.

Jinja renders a Python list as its ``repr``; a native-typed template passes the list itself. All of them mean
the same here. ``None`` and empty text mean "not given"; the text that Jinja makes of ``None`` is refused, because it
comes from a mistake.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, TypeAlias

import pendulum

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError

Names: TypeAlias = str | Sequence[str]
"""Names as users write them: a list, or text with commas, JSON, or what Jinja makes of a list."""

Ids: TypeAlias = str | int | Sequence[str | int]
"""IDs as users write them: one, or as names."""

Filters: TypeAlias = str | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Filters as users write them: objects, or JSON text."""

_BOOLEANS = {"True": True, "true": True, "False": False, "false": False}
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def invalid(name: str, problem: str) -> TikTokInvalidRequestError:
    """Build the error for a parameter that can't be used.

    :param name: the parameter, as the user knows it.
    :param problem: what is wrong with it and what would be right.
    """
    return TikTokInvalidRequestError(f"`{name}` {problem}")


def structure(value: object) -> Any:
    """Read JSON or Python literal text; other values, and text that is neither, come back as they are."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return value


def is_none(value: object) -> bool:
    """Return whether a value is ``None``, or the text that templates make of it."""
    return value is None or (isinstance(value, str) and value.strip() in {"None", "null"})


def optional(value: object, name: str) -> Any:
    """Return a value; ``None`` when not given, which empty text means as well.

    :raises TikTokInvalidRequestError: it is the text that templates make of ``None``.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if is_none(value):
        raise invalid(
            name,
            f"is the text {str(value).strip()!r}, which a template makes of a value that is missing. Give empty text, or "
            "leave the parameter out, where nothing is meant.",
        )
    return value


def text(value: object, name: str) -> str | None:
    """Read a word; ``None`` when not given."""
    value = optional(value, name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(name, f"must be text, not {value!r}.")
    return value.strip()


def path(value: object, name: str) -> str | None:
    """Read a path or URL; ``None`` when not given."""
    if hasattr(value, "protocol"):  # an fsspec path, such as Airflow's ObjectStoragePath; its text is the URL
        value = str(value)
    elif isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # what a native-typed template makes of a folder named by its date
    written = text(value, name)
    if written is not None and re.match(r"[a-z0-9+.-]+://[^/@]*:[^/@]*@", written, re.IGNORECASE):
        raise invalid(
            name,
            "holds a user and a password. Put them into an Airflow connection, and its ID into `output_conn_id`.",
        )
    return written


def choice(value: object, name: str, allowed: tuple[str, ...]) -> str | None:
    """Read one of a few words, in any case; ``None`` when not given."""
    word = text(value, name)
    if word is None:
        return None
    for candidate in allowed:
        if word.upper() == candidate.upper():
            return candidate
    raise invalid(name, f"is {word!r}; it can be {', '.join(allowed)}.{did_you_mean(word.upper(), allowed)}")


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """Return a sentence with the nearest of the known words, or empty text."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def names(value: object, name: str) -> tuple[str, ...] | None:
    """Read a list of names from a list, comma-separated text, JSON text or a rendered list.

    :return: the names in order without repeats; ``None`` when not given.
    """
    value = optional(value, name)
    if value is None:
        return None
    if isinstance(value, str):
        read = structure(value) if value.strip().startswith(("[", "(", "{", '"', "'")) else None
        value = value.split(",") if read is None or isinstance(read, str) else read
        if isinstance(read, str):
            value = read.split(",")
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    if not isinstance(value, (list, tuple)):
        raise invalid(name, f"must be a list of names or text with commas, not {value!r}.")
    found = []
    for item in value:
        if isinstance(item, str) and not item.strip():
            continue
        if not isinstance(item, str) or not _NAME.fullmatch(item.strip()):
            raise invalid(
                name, f"holds {item!r}, which is not a name. Write a list, or names with commas between."
            )
        found.append(item.strip())
    if not found:
        raise invalid(name, "is empty. Name at least one, or leave the parameter out for the default.")
    return tuple(dict.fromkeys(found))


def as_json(value: object) -> Any:
    """Return a value with JSON's own in place of the text that templates make of booleans, lists and objects.

    ``True`` and ``False`` as text, in Python's spelling or JSON's, become booleans. Other text stays text, for IDs are
    text, too.
    """
    if isinstance(value, str):
        word = value.strip()
        read = structure(word) if word.startswith(("[", "{", "(")) else None
        if isinstance(read, (Mapping, list, tuple, set)):
            return as_json(read)
        return _BOOLEANS.get(word, value)
    if isinstance(value, Mapping):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return value


def mapping(
    value: object, name: str, *, example: Mapping[str, Any] = MappingProxyType({"enable_total_metrics": True})
) -> dict[str, Any]:
    """Read an object of JSON's values from a dict or text; empty when not given.

    :param example: of such an object, for messages.
    """
    value = structure(optional(value, name))
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise invalid(name, f"must be an object such as {dict(example)}, not {value!r}.")
    read: dict[str, Any] = as_json(value)
    check_sendable(read, name)
    return read


def check_sendable(value: object, name: str) -> None:
    """Refuse what JSON or a URL can't hold, such as a date, NaN, or half a character."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise invalid(
            name,
            f"holds a value that can't be sent to TikTok ({sanitize(error, 200)}). Use text, whole numbers, lists and "
            "objects of them.",
        ) from None


def whole_number(value: object, name: str) -> int:
    """Read a whole number of 0 or more."""
    value = optional(value, name)
    if value is None:
        return 0
    try:
        number = int(str(value).strip())
    except ValueError:
        number = -1
    if number < 0 or isinstance(value, bool):
        raise invalid(name, f"must be a whole number of 0 or more, not {value!r}.")
    return number


def check_concurrency(value: int) -> None:
    """Refuse a number of calls in flight that is less than one."""
    if value < 1:
        raise invalid("max_concurrency", f"must be 1 or more, not {value}.")


def day(value: object, name: str) -> date | None:
    """Read a calendar day from text, a date or a datetime; ``None`` when not given.

    A time of day or zone in it is dropped, not converted: the day that is written is the day meant.
    """
    value = optional(value, name)
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    written = str(value).strip()
    parsed: object = None
    if len(written) > len("2026-11"):  # a bare year or month is no day
        try:
            parsed = pendulum.parse(written, exact=True)
        except (ValueError, OverflowError):
            parsed = None
    if isinstance(parsed, datetime):
        return parsed.date()
    if isinstance(parsed, date):
        return date(parsed.year, parsed.month, parsed.day)
    raise invalid(
        name,
        f"is {written!r}, which is not a date. Write YYYY-MM-DD, or a template such as {{{{ ds }}}} that gives one.",
    )
