"""Restatements: the changes between the rows of replaced files and the rows that replace them.

Rows are paired by their key, in any order. To bound memory, a buffer holds digests of a row instead of the row, and
returns them sorted by their key, so that the rows of both versions with one key are next to each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any

from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer
from airflow_provider_tiktok.storage.columns import is_number
from airflow_provider_tiktok.storage.formats.readers import Record

_DIGEST = 16
_DAY = len("2026-11-21")
_BATCH = 1_000  # rows
_MAX_DIGESTS = 40_000  # rows whose digests are in memory, some 10 MiB

_BEFORE, _AFTER = "before", "after"
_SIDES = {_BEFORE: b"-", _AFTER: b"+"}
_KEY = itemgetter(slice(_DIGEST))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of two versions of a report.

    :param columns: type by name.
    :param key: the columns that identify a row.
    :param day: the column whose first ten characters are a row's day; ``None`` if rows have none.
    :param sums: the number columns to add up, before and after, in total and by day.
    """

    columns: Mapping[str, str]
    key: Sequence[str]
    day: str | None
    sums: Sequence[str]

    def compare(self, old: Iterable[Record], new: Iterable[Record]) -> dict[str, Any]:
        """Return the changes between two versions, computed in bounded memory.

        :return: ``rows_before``, ``rows_after``, ``rows_added``, ``rows_removed``, ``rows_changed``,
            ``sums`` (``before`` and ``after`` by column), and ``days``: the same by day.
        """
        days: defaultdict[str, _Day] = defaultdict(_Day)
        with RowBuffer(budget=MemoryBudget(_MAX_DIGESTS)) as buffer:
            for side, records in ((_BEFORE, old), (_AFTER, new)):
                remaining = iter(records)
                while batch := [self._digests(side, record, days) for record in islice(remaining, _BATCH)]:
                    buffer.add(list(map(_KEY, batch)), batch)
            for _, rows in groupby(chain.from_iterable(buffer.batches()), key=_KEY):
                _count_changes([row[_DIGEST:] for row in rows], days)
        total = _Day()
        for one in days.values():
            total.add(one)
        days.pop("", None)
        return {
            "rows_before": total.rows[_BEFORE],
            "rows_after": total.rows[_AFTER],
            **self._counts(total),
            "sums": self._sums(total),
            "days": {day: {**self._counts(days[day]), **self._sums(days[day])} for day in sorted(days)},
        }

    def _digests(self, side: str, record: Record, days: Mapping[str, _Day]) -> bytes:
        """Add a row to its day's sums and return its digests: of the key, then side, other columns, day."""
        day = ((record[self.day] or "") if self.day else "")[:_DAY]
        to = days[day]
        to.rows[side] += 1
        for name in self.sums:
            text = record[name]
            if text and is_number(text):  # other text passes through to files and can't be added up
                to.sums[name, side] += Decimal(text)
        key = _digest([record[name] for name in self.key])
        rest = _digest([value for name, value in record.items() if name not in self.key])
        return key + _SIDES[side] + rest + day.encode()

    def _counts(self, day: _Day) -> dict[str, int]:
        return {f"rows_{what}": day.rows[what] for what in ("added", "removed", "changed")}

    def _sums(self, day: _Day) -> dict[str, dict[str, int | float]]:
        return {
            name: {side: _json_number(day.sums[name, side]) for side in (_BEFORE, _AFTER)}
            for name in self.sums
        }


class _Day:
    """The counts and sums of a day's rows."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def add(self, other: _Day) -> None:
        self.rows.update(other.rows)
        for what, value in other.sums.items():
            self.sums[what] += value


def _count_changes(rows: Sequence[bytes], days: Mapping[str, _Day]) -> None:
    """Count the changes of the rows of one key, which can be several in a report of several request windows.

    :param rows: side, digest and day of each row.
    """
    old, new = (Counter(row[1:] for row in rows if row[:1] == side) for side in _SIDES.values())
    removed, added = list((old - new).elements()), list((new - old).elements())
    changed = min(len(removed), len(added))
    for what, found in (
        ("changed", added[:changed]),
        ("removed", removed[changed:]),
        ("added", added[changed:]),
    ):
        for row in found:
            days[row[_DIGEST:].decode()].rows[what] += 1


def _digest(cells: Sequence[str | None]) -> bytes:
    text = "\0".join("\1" if cell is None else cell for cell in cells)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


def _json_number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)
