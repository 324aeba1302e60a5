"""Versions of rows: what is added to a table that keeps a row for every state of a thing.

The versions of a thing are strictly later one after another. So the newest one is its present state, whatever came before,
and a state that comes back is one more version.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

from airflow_provider_tiktok.storage.columns import BOOLEAN, NUMBER_TYPES, UTC_TIMESTAMP, is_number

Cells = tuple["str | None", ...]

_SECOND = timedelta(seconds=1)
_HALF = timedelta(microseconds=500_000)


@dataclass(frozen=True, slots=True)
class Versions:
    """What the columns of a table of versions mean.

    :param account: the column of the accounts.
    :param thing: the column that, with the account, identifies what a row is a version of.
    :param time: the column with the time of the version.
    :param gone: the flag of a thing that is gone.
    :param ignored: further columns in which a difference makes no new version.
    """

    account: str
    thing: str
    time: str
    gone: str
    ignored: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """What one run knows.

    :param now: the time of the run, a cell of :attr:`Versions.time`.
    :param gone_in: accounts of which all things have come, so that another one is gone.
    :param fill: cells of every row that is added for a thing that is gone, by column.
    """

    now: str
    gone_in: Collection[str]
    fill: Mapping[str, str]


def new_versions(
    types: Mapping[str, str],
    versions: Versions,
    load: Load,
    newest: Iterable[Cells],
    listed: Iterable[Cells],
) -> Iterator[Cells]:
    """Yield the rows that a table lacks.

    :param types: type by column, in the order of a row's cells.
    :param newest: the newest version of each thing in the table, sorted by account and thing.
    :param listed: the rows of this run, likewise. The time of a version is null where it is not known.
    """
    names = list(types)
    account, thing, time, gone = map(
        names.index, (versions.account, versions.thing, versions.time, versions.gone)
    )
    ignored = {versions.time, *versions.ignored}
    compared = [(index, types[name]) for index, name in enumerate(names) if name not in ignored]
    for before, row in _side_by_side(newest, listed, key=itemgetter(account, thing)):
        if row is not None:
            known = row[time]
            if before is not None and not _is_later(known, before[time]) and _is_same(row, before, compared):
                continue
        elif before is None or before[account] not in load.gone_in or before[gone] == "true":
            continue
        else:
            row, known = _with(before, names, {**load.fill, versions.gone: "true"}), None  # noqa: PLW2901
        last = None if before is None else before[time]
        yield _with(row, names, {versions.time: known if _is_later(known, last) else _after(last, load.now)})


def cell_of(value: Any, column_type: str) -> str | None:
    """Return a value that a database returned as the cell that was stored."""
    if value is None:
        return None
    if column_type == BOOLEAN:
        return "true" if value in {True, "true", "t", "1"} else "false"
    if column_type == UTC_TIMESTAMP:
        return _time_cell(value)
    if column_type in NUMBER_TYPES and not isinstance(value, str):
        return format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")
    return str(value)


def comparable(cell: str | None, column_type: str) -> Any:
    """Return what is the same for two cells that are the same to a database.

    Some store times to the second only.
    """
    if cell is None:
        return None
    if column_type in NUMBER_TYPES and is_number(cell):
        return Decimal(cell)
    if column_type == UTC_TIMESTAMP and (time := _read_time(cell)) is not None:
        return (time + _HALF).replace(microsecond=0)
    return cell


def _side_by_side(
    newest: Iterable[Cells], listed: Iterable[Cells], key: Callable[[Cells], Any]
) -> Iterator[tuple[Cells | None, Cells | None]]:
    """Yield the rows that two sorted sequences have for each key."""
    old = ((key(row), 0, row) for row in newest)
    new = ((key(row), 1, row) for row in listed)
    for _, both in groupby(merge(old, new, key=itemgetter(0)), itemgetter(0)):
        found = {which: row for _, which, row in both}
        yield found.get(0), found.get(1)


def _is_same(row: Cells, before: Cells, compared: Iterable[tuple[int, str]]) -> bool:
    return all(
        row[index] == before[index]
        or comparable(row[index], column_type) == comparable(before[index], column_type)
        for index, column_type in compared
    )


def _with(row: Cells, names: Sequence[str], changes: Mapping[str, str | None]) -> Cells:
    return tuple(changes.get(name, cell) for name, cell in zip(names, row, strict=True))


def _is_later(time: str | None, last: str | None) -> bool:
    if time is None or last is None:
        return time is not None
    this, other = _read_time(time), _read_time(last)
    return this is not None and (other is None or this > other)


def _after(last: str | None, now: str) -> str:
    """Return the time of the run, or the second after the last version where that is not earlier."""
    before = None if last is None else _read_time(last)
    time = datetime.fromisoformat(now.removesuffix("Z"))
    if before is not None:
        time = max(time, before.replace(microsecond=0) + _SECOND)
    return f"{time.isoformat()}Z"


def _read_time(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell.removesuffix("Z"))
    except ValueError:
        return None


def _time_cell(value: Any) -> str:
    """Return a time as a cell: SQLite's are text, and a column may have a zone."""
    time = value
    if not isinstance(value, datetime):
        try:
            time = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        except ValueError:
            return str(value)
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc).replace(tzinfo=None)
    return f"{time.isoformat()}Z"
