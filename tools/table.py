"""Rows as a table for a terminal: aligned, whatever the script, and cut rather than wrapped."""

from __future__ import annotations

import itertools
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

_CELL = 28
_GAP = 2
_NUMBERS = (int, float, Decimal, type(None))


def lines(rows: Sequence[Mapping[str, object]], room: int) -> Iterator[str]:
    """Return the table's lines, and below it in words the columns that find no room.

    Columns in which all these rows are alike make room first.

    :param room: columns of the terminal
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [name, *(cut(plain(row.get(name)), _CELL) for row in rows)] for name in names}
    widths = {name: max(map(width, column)) for name, column in columns.items()}
    alike: list[str] = []
    if len(rows) > 1 and sum(widths.values()) + _GAP * len(names) > room:
        alike = [name for name in names if len(set(columns[name][1:])) == 1]
    others = [name for name in names if name not in alike]
    needed = itertools.accumulate(widths[name] + _GAP for name in others)
    fitting = [name for name, so_far in zip(others, needed, strict=True) if so_far - _GAP <= room]
    numeric = {name for name in fitting if all(isinstance(row.get(name), _NUMBERS) for row in rows)}
    for number in range(len(rows) + 1):
        cells = (pad(columns[name][number], widths[name], right=name in numeric) for name in fitting)
        yield (" " * _GAP).join(cells).rstrip()
        if number == 0:
            yield (" " * _GAP).join("-" * widths[name] for name in fitting)
    if alike:
        yield "all of these: " + ", ".join(f"{name} {columns[name][1]}" for name in alike)
    if others[len(fitting) :]:
        yield "not shown: " + ", ".join(others[len(fitting) :])


def plain(value: object) -> str:
    """Return a value as one line: null as ``-``, control characters escaped."""
    if value is None:
        return "-"
    text = str(value) if isinstance(value, (str, Decimal)) else json.dumps(value, ensure_ascii=False)
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in ("Cc", "Zl", "Zp")
        else letter
        for letter in text
    )


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(_letter_width(letter) for letter in text)


def cut(text: str, room: int) -> str:
    """Return the text, shortened with an ellipsis where it is too wide."""
    if width(text) <= room:
        return text
    kept, used = "", 1
    for letter in text:
        used += _letter_width(letter)
        if used > room:
            break
        kept += letter
    return kept + "…"


def pad(text: str, size: int, *, right: bool) -> str:
    """Return the text filled up with spaces to a width."""
    space = " " * (size - width(text))
    return space + text if right else text + space


def _letter_width(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
