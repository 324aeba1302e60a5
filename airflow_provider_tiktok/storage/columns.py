"""What a column holds, and which texts are numbers: one definition for the reader of rows and for every output.

A number is what JSON calls one, with digits that a double holds without overflow or underflow. Python's own
``int``, ``float`` and ``Decimal`` also read ``1_000``, ``nan``, Arabic digits and blanks, databases and Arrow
others again, so none of them is asked whether a text is a number.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

Cells = Sequence["str | None"]

STRING, INTEGER, DECIMAL, DATE, TIMESTAMP = "string", "integer", "decimal", "date", "timestamp"

NUMBER_TYPES = frozenset({INTEGER, DECIMAL})

# no part could match otherwise, so none is tried again where Python has that, and has it right (before 3.11.5 a
# repeated group matched too much)
_ONCE = "+" if sys.version_info >= (3, 11, 5) else ""

WHOLE = rf"-?(?:0|[1-9][0-9]{{0,149}}{_ONCE})"
"""Pattern of a whole number."""

PLAIN = rf"{WHOLE}(?:\.[0-9]{{1,150}}{_ONCE})?{_ONCE}"
"""Pattern of a number without exponent."""

NUMBER = rf"{PLAIN}(?:[eE][-+]?[0-9]{{1,2}})?{_ONCE}"
"""Pattern of a number."""

_NUMBER = re.compile(NUMBER)
_PLAIN = re.compile(PLAIN)
_WRITTEN = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_LONGEST = 1_000  # characters that are looked at for a number


def is_number(text: str) -> bool:
    """Return whether a cell of a number column holds a number, and not other text that was passed on."""
    return _NUMBER.fullmatch(text) is not None


def canonical_number(text: str) -> str | None:
    """Return a number without exponent, sign ``+`` and superfluous zeros before it, such as ``5.10`` for ``+05.10``.

    :return: ``None`` where the text is no number, whoever wrote it.
    """
    if _PLAIN.fullmatch(text):
        return text
    if len(text) > _LONGEST or not _WRITTEN.fullmatch(text):
        return None
    plain = format(Decimal(text), "f")
    return plain if _PLAIN.fullmatch(plain) else None


def column_test(pattern: str) -> Callable[[Sequence[Any]], bool]:
    """Return a test whether all values of a column are texts of a pattern.

    One expression over the joined texts costs a fraction of one a value.
    """
    lines_of_it = re.compile(rf"(?:{pattern}\n)*{_ONCE}")

    def test(values: Sequence[Any]) -> bool:
        try:
            lines = "\n".join(values) + "\n"
        except TypeError:  # a value isn't text
            return False
        return lines.count("\n") == len(values) and lines_of_it.fullmatch(lines) is not None

    return test
