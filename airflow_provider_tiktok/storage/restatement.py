"""Restatements: the changes between the rows of replaced files and the rows that replace them.

Rows are paired by their key, in any order. To bound memory, a row is a record of 43 bytes (side, digest of
the key, digest of the other columns, day). Records are distributed by their key to 256 hash buckets in an
unnamed temporary file, and each bucket is compared separately.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from types import TracebackType
from typing import Any

from airflow_provider_tiktok.storage.columns import is_number
from airflow_provider_tiktok.storage.readers import Record
from airflow_provider_tiktok.storage.temporary import Block, BlockFile

_DIGEST = 16
_DAY = len("2026-11-21")
_RECORD = 1 + 2 * _DIGEST + _DAY
_BUFFER = 8 * 2**20  # bytes of records in memory

_OLD, _NEW = b"-", b"+"
_SIDES = {_OLD: "before", _NEW: "after"}


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
        with _HashBuckets() as buckets:
            for side, records in ((_OLD, old), (_NEW, new)):
                for record in records:
                    day = self._add_to_day(side, record, days)
                    buckets.add(self._record(side, record, day))
            for pairs in buckets.by_key():
                _count_pairs(pairs, days)
        total = _Day()
        for one in days.values():
            total.add(one)
        days.pop("", None)
        return {
            "rows_before": total.rows["before"],
            "rows_after": total.rows["after"],
            **self._counts(total),
            "sums": self._sums(total),
            "days": {day: {**self._counts(days[day]), **self._sums(days[day])} for day in sorted(days)},
        }

    def _add_to_day(self, side: bytes, record: Record, days: Mapping[str, _Day]) -> str:
        """Add a row to its day's sums and return the day."""
        day = ((record[self.day] or "") if self.day else "")[:_DAY]
        when, to = _SIDES[side], days[day]
        to.rows[when] += 1
        for name in self.sums:
            text = record[name]
            if text and is_number(text):  # other text passes through to files and can't be added up
                to.sums[name, when] += Decimal(text)
        return day

    def _record(self, side: bytes, record: Record, day: str) -> bytes:
        key = _digest([record[name] for name in self.key])
        rest = _digest([value for name, value in record.items() if name not in self.key])
        return side + key + rest + day.encode().ljust(_DAY)[:_DAY]

    def _counts(self, day: _Day) -> dict[str, int]:
        return {f"rows_{what}": day.rows[what] for what in ("added", "removed", "changed")}

    def _sums(self, day: _Day) -> dict[str, dict[str, int | float]]:
        return {
            name: {when: _json_number(day.sums[name, when]) for when in ("before", "after")}
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


class _HashBuckets:
    """Records in 256 buckets, by the first byte of their key."""

    def __init__(self) -> None:
        self._buckets = [bytearray() for _ in range(256)]
        self._blocks: list[list[Block]] = [[] for _ in self._buckets]
        self._in_memory = 0
        self._file = BlockFile()

    def __enter__(self) -> _HashBuckets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, record: bytes) -> None:
        """Add a record to its bucket."""
        self._buckets[record[1]] += record
        self._in_memory += _RECORD
        if self._in_memory > _BUFFER:
            self._spill()

    def by_key(self) -> Iterable[dict[bytes, list[bytes]]]:
        """Return bucket after bucket, each with its records by key."""
        for bucket, blocks in zip(self._buckets, self._blocks, strict=True):
            found: defaultdict[bytes, list[bytes]] = defaultdict(list)
            for data in (*map(self._file.read, blocks), bucket):
                for start in range(0, len(data), _RECORD):
                    record = bytes(data[start : start + _RECORD])
                    found[record[1 : 1 + _DIGEST]].append(record)
            yield found

    def _spill(self) -> None:
        for bucket, blocks in zip(self._buckets, self._blocks, strict=True):
            if bucket:
                blocks.append(self._file.append(bucket))
                bucket.clear()
        self._in_memory = 0


def _count_pairs(pairs: Mapping[bytes, Sequence[bytes]], days: Mapping[str, _Day]) -> None:
    """Count the changes of each key's rows; a key can have several rows in a report of several request windows."""
    for records in pairs.values():
        old = [record[1:] for record in records if record[:1] == _OLD]
        new = [record[1:] for record in records if record[:1] == _NEW]
        left_old, left_new = Counter(old) - Counter(new), Counter(new) - Counter(old)
        removed, added = list(left_old.elements()), list(left_new.elements())
        changed = min(len(removed), len(added))
        for what, found in (
            ("changed", added[:changed]),
            ("removed", removed[changed:]),
            ("added", added[changed:]),
        ):
            for record in found:
                days[record[-_DAY:].decode().strip()].rows[what] += 1


def _digest(cells: Sequence[str | None]) -> bytes:
    text = "\0".join("\1" if cell is None else cell for cell in cells)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


def _json_number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)
