"""Time zones as TikTok and Airflow name them."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo

import pendulum

_OFFSET = re.compile(
    r"(?:UTC|GMT)?\s*(?P<sign>[+\-\u2212])(?P<hours>\d{1,2})(?::?(?P<minutes>[0-5]\d))?", re.I | re.A
)
_FIRST, _LAST = timedelta(hours=-12), timedelta(hours=14)  # offsets that places on Earth have


def read_zone(name: object) -> tzinfo | None:
    """Return the time zone of a name, or ``None`` if no such zone is known.

    :param name: an IANA name such as ``Asia/Kolkata`` or ``Etc/GMT+8`` (which is west of Greenwich), or an offset from
        UTC such as ``UTC+05:30``, ``GMT-3`` or ``+0530`` (plus is east).
    """
    text = name.strip() if isinstance(name, str) else ""
    try:
        return pendulum.timezone("UTC" if text.upper() == "Z" else text)
    except (ValueError, KeyError, OSError):
        return _read_offset(text)


def _read_offset(text: str) -> tzinfo | None:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    offset = offset if match["sign"] == "+" else -offset
    return timezone(offset) if _FIRST <= offset <= _LAST else None
