"""What changed: the rows of the files that are replaced against the rows that replace them.

Rows are paired by their key, wherever they stand. So that memory stays flat, a row is a record of 43 bytes
(which side, digest of the key, digest of the rest, day), and records go by their key into one of 256
parts of an unnamed temporary file, each of which is then compared by itself.
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
    """How two versions of a report are compared.

    :param columns: type by name.
    :param key: columns that tell rows apart.
    :param day: column whose first ten characters are a row's day; ``None`` where rows have none.
    :param sums: number columns that are added up, before and after, altogether and by day.
    """

    columns: Mapping[str, str]
    key: Sequence[str]
    day: str | None
    sums: Sequence[str]

    def compare(self, old: Iterable[Record], new: Iterable[Record]) -> dict[str, Any]:
        """Compare two versions, in bounded memory.

        :return: ``rows_before``, ``rows_after``, ``rows_added``, ``rows_removed``, ``rows_changed``,
            ``sums`` (``before`` and ``after`` by column), and ``days``: the same by day.
        """
        days: defaultdict[str, _Day] = defaultdict(_Day)
        with _Parts() as parts:
            for side, records in ((_OLD, old), (_NEW, new)):
                for record in records:
                    day = self._take(side, record, days)
                    parts.add(self._record(side, record, day))
            for pairs in parts.by_key():
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

    def _take(self, side: bytes, record: Record, days: Mapping[str, _Day]) -> str:
        """Add a row to its day's sums, and give the day."""
        day = ((record[self.day] or "") if self.day else "")[:_DAY]
        when, to = _SIDES[side], days[day]
        to.rows[when] += 1
        for name in self.sums:
            text = record[name]
            if text and is_number(text):  # other text is passed on to files, and can't be added
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
            name: {when: _plain(day.sums[name, when]) for when in ("before", "after")} for name in self.sums
        }


class _Day:
    """Counts and sums of a day's rows."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def add(self, other: _Day) -> None:
        self.rows.update(other.rows)
        for what, value in other.sums.items():
            self.sums[what] += value


class _Parts:
    """Records in 256 parts, by the first byte of their key."""

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(256)]
        self._blocks: list[list[Block]] = [[] for _ in self._parts]
        self._in_memory = 0
        self._file = BlockFile()

    def __enter__(self) -> _Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, record: bytes) -> None:
        """Take a record in."""
        self._parts[record[1]] += record
        self._in_memory += _RECORD
        if self._in_memory > _BUFFER:
            self._spill()

    def by_key(self) -> Iterable[dict[bytes, list[bytes]]]:
        """Give part after part, its records by their key."""
        for part, blocks in zip(self._parts, self._blocks, strict=True):
            found: defaultdict[bytes, list[bytes]] = defaultdict(list)
            for data in (*map(self._file.read, blocks), part):
                for start in range(0, len(data), _RECORD):
                    record = bytes(data[start : start + _RECORD])
                    found[record[1 : 1 + _DIGEST]].append(record)
            yield found

    def _spill(self) -> None:
        for part, blocks in zip(self._parts, self._blocks, strict=True):
            if part:
                blocks.append(self._file.append(part))
                part.clear()
        self._in_memory = 0


def _count_pairs(pairs: Mapping[bytes, Sequence[bytes]], days: Mapping[str, _Day]) -> None:
    """Count what became of each key's rows; several rows may have one key, in a report of several windows."""
    for records in pairs.values():
        old = [record[1:] for record in records if record[:1] == _OLD]
        new = [record[1:] for record in records if record[:1] == _NEW]
        left_old, left_new = Counter(old) - Counter(new), Counter(new) - Counter(old)
        gone, come = list(left_old.elements()), list(left_new.elements())
        changed = min(len(gone), len(come))
        for what, found in (
            ("changed", come[:changed]),
            ("removed", gone[changed:]),
            ("added", come[changed:]),
        ):
            for record in found:
                days[record[-_DAY:].decode().strip()].rows[what] += 1


def _digest(cells: Sequence[str | None]) -> bytes:
    text = "\0".join("\1" if cell is None else cell for cell in cells)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)
