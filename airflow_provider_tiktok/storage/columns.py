"""Column types and number patterns: one definition for the reader of rows and for every output.

A number is a JSON number that fits in a double without overflow or underflow. Python's own ``int``, ``float``
and ``Decimal`` also accept ``1_000``, ``nan``, Arabic digits and spaces, and databases and Arrow accept other
strings, so these patterns decide whether a string is a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

Cells = Sequence["str | None"]

STRING, INTEGER, DECIMAL, DATE, TIMESTAMP = "string", "integer", "decimal", "date", "timestamp"

UTC_TIMESTAMP = "timestamp_utc"
"""The type of times in UTC, whose cells end in ``Z``; a :data:`TIMESTAMP` is local and has no zone."""

BOOLEAN = "boolean"
"""The type of flags, whose cells are ``true`` and ``false``."""

FLAGS = frozenset({"true", "false"})

FLOAT = "float"
"""The type of numbers that TikTok computes and sends with all digits of a double; amounts of money are :data:`DECIMAL`."""

NUMBER_TYPES = frozenset({INTEGER, DECIMAL, FLOAT})

INTEGER_PATTERN = r"-?(?:0|[1-9][0-9]{0,149})"
"""The pattern of an integer."""

FIXED_PATTERN = rf"{INTEGER_PATTERN}(?:\.[0-9]{{1,150}})?"
"""The pattern of a number without an exponent."""

NUMBER_PATTERN = rf"{FIXED_PATTERN}(?:[eE][-+]?[0-9]{{1,2}})?"
"""The pattern of a number."""

_SHAPES = str.maketrans("23456789", "11111111")
_NUMBER = re.compile(NUMBER_PATTERN)
_FIXED = re.compile(FIXED_PATTERN)
_LENIENT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_MAX_LENGTH = 1_000  # characters of a number


def is_number(text: str) -> bool:
    """Return whether a cell of a number column contains a number, not other text that passed through."""
    return _NUMBER.fullmatch(text) is not None


def is_double(text: str) -> bool:
    """Return whether a cell contains a number that a double holds with all its digits."""
    return is_number(text) and Decimal(repr(float(text))) == Decimal(text)


def canonical_number(text: str) -> str | None:
    """Return a number without exponent, ``+`` sign and leading zeros, such as ``5.10`` for ``+05.10``.

    :return: ``None`` if the text is not a number in any notation.
    """
    if _FIXED.fullmatch(text):
        return text
    if len(text) > _MAX_LENGTH or not _LENIENT.fullmatch(text):
        return None
    fixed = format(Decimal(text), "f")
    return fixed if _FIXED.fullmatch(fixed) else None


def column_test(pattern: str) -> Callable[[Sequence[Any]], bool]:
    """Return a function that returns whether all values of a column match a pattern.

    One match of the joined values costs a fraction of one match per value.
    """
    matching_lines = re.compile(rf"(?:{pattern}\n)*")

    def matches(values: Sequence[Any]) -> bool:
        try:
            lines = "\n".join(values) + "\n"
        except TypeError:  # a value isn't a string
            return False
        return lines.count("\n") == len(values) and matching_lines.fullmatch(lines) is not None

    return matches


def number_test(pattern: str) -> Callable[[Sequence[Any]], bool]:
    """Return a :func:`column_test` for a pattern that makes no difference between the digits 1 to 9.

    The numbers of a column have few shapes, such as ``11.11`` for ``23.45``, and each shape is matched once.
    """
    matches = column_test(pattern)

    def all_match(values: Sequence[Any]) -> bool:
        try:
            shapes = "\n".join(values).translate(_SHAPES).split("\n")
        except TypeError:  # a value isn't a string
            return False
        return len(shapes) == len(values) and matches(list(set(shapes)))

    return all_match
