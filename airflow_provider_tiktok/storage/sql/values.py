"""Cells as a column of a table can hold them: digit for digit, or not at all.

A database that is given ``1.234`` for a ``numeric(10,2)`` rounds it and says nothing. So what a column
is declared as is read first, and a value that it can't hold as it is ends the task with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.columns import (
    DATE,
    DECIMAL,
    INTEGER,
    STRING,
    TIMESTAMP,
    WHOLE,
    Cells,
    is_number,
)

_WHOLE = re.compile(WHOLE)
_SCALE = re.compile(r"\(\s*[0-9]+\s*(?:,\s*([0-9]+)\s*)?\)")
_SAFE_LENGTH = 15  # so many characters hold no more digits than a float holds, nor more than a bigint
_BIGINT = 2**63

_TEXT_WORDS = ("char", "text", "clob", "string")
_FLOAT_WORDS = ("real", "float", "double")
_EXACT_WORDS = ("numeric", "decimal", "number", "money")
_NO_INTEGERS = ("interval", "point")


@dataclass(frozen=True, slots=True)
class Column:
    """A column that rows are written to.

    :param name: its name.
    :param kind: what its cells hold: ``string``, ``integer``, ``decimal``, ``date`` or ``timestamp``.
    :param declared: its type in the words of the database; empty where that isn't known.
    """

    name: str
    kind: str
    declared: str = ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a database stores numbers.

    :param scale: decimal places of a number whose column doesn't say; ``None`` for as many as there are.
    :param floats: whether columns declared as exact hold floats all the same, as SQLite's do.
    """

    scale: int | None = None
    floats: bool = False


class Binder:
    """Makes of a column's cells what the database can hold, or refuses.

    :param column: the column.
    :param numbers: how the database stores numbers.
    :param makers: makes a driver's parameter of a checked text, by kind; the text as it is where there is none.
    """

    def __init__(self, column: Column, numbers: Numbers, makers: Mapping[str, Callable[[str], Any]]) -> None:
        self.column = column
        self.is_text = column.kind == STRING or _is(column.declared, _TEXT_WORDS)
        self._check = _text if self.is_text else _checks(column, numbers)
        self._make = None if self.is_text else makers.get(column.kind)
        # whether a short number surely fits
        self._is_easy = column.kind in {INTEGER, DECIMAL} and (
            self._check in {_float, _Scale(None)} or (self._check is _bigint and column.kind == INTEGER)
        )

    @property
    def rule(self) -> tuple[bool, Callable[[str], bool]]:
        """What the column takes: whether as text, and the test of a cell."""
        return self.is_text, self._check

    def check(self, cells: Cells, is_clean: bool = False) -> Cells:
        """Give the cells as texts that the column can hold.

        :param is_clean: whether they are known to hold no null and, where the kind is a number, nothing else.
        :raises TikTokOutputError: it can't hold one of them.
        """
        if self.is_text:
            return cells
        if is_clean and self._is_easy and max(map(len, cells), default=0) <= _SAFE_LENGTH:  # type: ignore[arg-type]
            return cells
        good = {cell: self._check(cell) for cell in set(cells) if cell is not None}
        for cell, fits in good.items():
            if not fits:
                raise self._refusal(cell)
        return cells

    def parameters(self, cells: Cells) -> Cells | list[Any]:
        """Give checked cells as the driver takes them."""
        make = self._make
        return cells if make is None else [None if cell is None else make(cell) for cell in cells]

    def _refusal(self, cell: str) -> TikTokOutputError:
        declared = self.column.declared or f"for values of type {self.column.kind}"
        return TikTokOutputError(
            f"TikTok sent {cell[:80]!r} for {self.column.name}, and the table's column is {declared}, which can't hold that "
            "as it is. Nothing was changed. Give the column a wider type, or make it text, which holds everything; then run "
            "the task again."
        )


@dataclass(frozen=True, slots=True)
class _Scale:
    """Whether a number has no more decimal places than so many."""

    places: int | None

    def __call__(self, cell: str) -> bool:
        if not is_number(cell):
            return False
        if self.places is None:
            return True
        exponent = Decimal(cell).normalize().as_tuple().exponent
        return isinstance(exponent, int) and -exponent <= self.places


def _checks(column: Column, numbers: Numbers) -> Callable[[str], bool]:
    """Choose the test for a column's cells, by what they are and what the column is declared as."""
    if column.kind == DATE:
        return _day
    if column.kind == TIMESTAMP:
        return _never if column.declared.lower() == "date" and not numbers.floats else _moment
    if _is(column.declared, _FLOAT_WORDS) or (numbers.floats and not _is_integer(column)):
        return _float
    if _is(column.declared, _EXACT_WORDS):
        found = _SCALE.search(column.declared)
        return _Scale(int(found[1] or 0) if found else numbers.scale)
    return _bigint if _is_integer(column) else _Scale(numbers.scale)


def _is(declared: str, words: Sequence[str]) -> bool:
    lowered = declared.lower()
    return any(word in lowered for word in words)


def _is_integer(column: Column) -> bool:
    if not column.declared:
        return column.kind == INTEGER
    return _is(column.declared, ("int", "serial")) and not _is(column.declared, _NO_INTEGERS)


def _text(_: str) -> bool:
    return True


def _never(_: str) -> bool:
    return False


def _bigint(cell: str) -> bool:
    return _WHOLE.fullmatch(cell) is not None and -_BIGINT <= int(cell) < _BIGINT


def _float(cell: str) -> bool:
    return is_number(cell) and Decimal(repr(float(cell))) == Decimal(cell)


def _day(cell: str) -> bool:
    try:
        return date.fromisoformat(cell).isoformat() == cell
    except ValueError:
        return False


def _moment(cell: str) -> bool:
    try:
        moment = datetime.fromisoformat(cell)
        # a database may drop an offset, and say nothing
        return moment.isoformat() == cell and moment.tzinfo is None
    except ValueError:
        return False
