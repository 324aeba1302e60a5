"""Conversion of cells to a table's column types, without loss or with an error.

A database silently rounds ``1.234`` in a ``numeric(10,2)``. So the declared type of a column is read first,
and a value that the column can't store unchanged is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import types

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.columns import (
    BOOLEAN,
    DATE,
    DECIMAL,
    FLAGS,
    FLOAT,
    INTEGER,
    INTEGER_PATTERN,
    NUMBER_TYPES,
    STRING,
    TIMESTAMP,
    UTC_TIMESTAMP,
    Cells,
    is_double,
    is_number,
)

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

_INTEGER = re.compile(INTEGER_PATTERN)
_SAFE_LENGTH = 15  # numbers up to this length fit in a float and in a bigint
_BIGINT = 2**63


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    :param name: its name.
    :param type: the type of its cells: ``string``, ``integer``, ``decimal``, ``float``, ``date``,
        ``timestamp``, ``timestamp_utc`` or ``boolean``.
    :param declared: the type that the database declares, ``NullType`` if SQLAlchemy doesn't know it.
    """

    name: str
    type: str
    declared: TypeEngine[Any]


@dataclass(frozen=True, slots=True)
class NumberStorage:
    """The number storage of a database.

    :param scale: the decimal places of a column without a declared scale; ``None`` is unlimited.
    :param floats: whether columns declared as exact store floats nevertheless, as in SQLite.
    """

    scale: int | None = None
    floats: bool = False


class Binder:
    """The validation and conversion of a column's cells for the database.

    :param column: the column.
    :param numbers: the number storage of the database.
    :param converters: functions that convert a validated cell to a driver's parameter, by column type; without one the
        cell is the parameter.
    """

    def __init__(
        self, column: Column, numbers: NumberStorage, converters: Mapping[str, Callable[[str], Any]]
    ) -> None:
        self.column = column
        self.is_text = column.type == STRING or isinstance(column.declared, types.String)
        self._check = _text if self.is_text else _checks(column, numbers)
        # a driver could round a float on its way into an exact column
        is_exact = column.type == FLOAT and not isinstance(column.declared, types.Float)
        self._convert = None if self.is_text else converters.get(DECIMAL if is_exact else column.type)
        if self._convert is utc_time and getattr(column.declared, "timezone", False):
            self._convert = _zoned_utc_time  # without a zone, it would be a time of the session's zone
        # whether every short number fits
        self._accepts_short_numbers = column.type in NUMBER_TYPES and (
            self._check in {is_double, _Scale(None)} or (self._check is _bigint and column.type == INTEGER)
        )

    @property
    def rule(self) -> tuple[bool, Callable[[str], bool]]:
        """Return the column's rule: whether it stores text, and the check of a cell."""
        return self.is_text, self._check

    def check(self, cells: Cells, is_clean: bool = False) -> Cells:
        """Return the cells, validated for the column.

        :param is_clean: whether they are known to contain no null and, if the type is a number, only numbers.
        :raises TikTokOutputError: the column can't store one of them.
        """
        if self.is_text:
            return cells
        if is_clean and self._accepts_short_numbers and max(map(len, cells), default=0) <= _SAFE_LENGTH:  # type: ignore[arg-type]
            return cells
        checked = {cell: self._check(cell) for cell in set(cells) if cell is not None}
        for cell, fits in checked.items():
            if not fits:
                raise self._refusal(cell)
        return cells

    def parameters(self, cells: Cells) -> Cells | list[Any]:
        """Return validated cells as the driver's parameters."""
        convert = self._convert
        return cells if convert is None else [None if cell is None else convert(cell) for cell in cells]

    def _refusal(self, cell: str) -> TikTokOutputError:
        column = self.column
        return TikTokOutputError(
            f"The table's column {column.name}, {column.declared}, can't store {cell[:80]!r} unchanged, which TikTok sent. "
            "Nothing was changed. Change the column to a wider type or to text, which stores every value, "
            "then run the task again."
        )


@dataclass(frozen=True, slots=True)
class _Scale:
    """The check that a number has at most a number of decimal places."""

    places: int | None

    def __call__(self, cell: str) -> bool:
        if not is_number(cell):
            return False
        if self.places is None:
            return True
        exponent = Decimal(cell).normalize().as_tuple().exponent
        return isinstance(exponent, int) and -exponent <= self.places


def _checks(column: Column, numbers: NumberStorage) -> Callable[[str], bool]:
    """Return the check of a column's cells, which depends on their type and the declared type."""
    declared = column.declared
    if column.type == DATE:
        return _date
    if column.type in {TIMESTAMP, UTC_TIMESTAMP}:
        if isinstance(declared, types.Date) and not numbers.floats:
            return _never
        return _timestamp if column.type == TIMESTAMP else _utc_timestamp
    return _flag_check(declared) if column.type == BOOLEAN else _number_check(column, numbers)


def _flag_check(declared: TypeEngine[Any]) -> Callable[[str], bool]:
    takes_flags = isinstance(declared, (types.Boolean, types.Integer, types.NullType))
    return FLAGS.__contains__ if takes_flags else _never


def _number_check(column: Column, numbers: NumberStorage) -> Callable[[str], bool]:
    declared = column.declared
    is_unknown = isinstance(declared, types.NullType)
    is_integer = column.type == INTEGER if is_unknown else isinstance(declared, types.Integer)
    if isinstance(declared, types.Float) or (numbers.floats and not is_integer):
        return is_double
    if isinstance(declared, types.Numeric) and declared.precision is not None:
        return _Scale(declared.scale or 0)
    return _bigint if is_integer else _Scale(numbers.scale)


def _text(_: str) -> bool:
    return True


def _never(_: str) -> bool:
    return False


def _bigint(cell: str) -> bool:
    return _INTEGER.fullmatch(cell) is not None and -_BIGINT <= int(cell) < _BIGINT


def _date(cell: str) -> bool:
    try:
        return date.fromisoformat(cell).isoformat() == cell
    except ValueError:
        return False


def _timestamp(cell: str) -> bool:
    try:
        time = datetime.fromisoformat(cell)
        # a database may drop an offset silently
        return time.isoformat() == cell and time.tzinfo is None
    except ValueError:
        return False


def _utc_timestamp(cell: str) -> bool:
    return cell.endswith("Z") and _timestamp(cell[:-1])


def utc_time(cell: str) -> datetime:
    """Return the time of a ``timestamp_utc`` cell without its zone, for columns that have none."""
    return datetime.fromisoformat(cell.removesuffix("Z"))


def _zoned_utc_time(cell: str) -> datetime:
    return utc_time(cell).replace(tzinfo=timezone.utc)
