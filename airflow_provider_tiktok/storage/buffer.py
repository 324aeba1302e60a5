"""Buffer rows with their keys, in bounded memory, and return them sorted.

Some megabytes of rows are in memory, the rest in an unnamed temporary file that the system removes with the process.
Each time memory is full, its rows go to the file as one sorted run, or continue a run that ends before them. The runs are
merged when the rows are read, so many at a time that a block of each fits into memory. Three uses: a window's rows until
they are known to be complete, and sorted so that two runs over the same data agree even if TikTok's own order differs (or
in their original order if the user asked TikTok for an order); the rows of partitions, until one file after the other is
written; digests of rows, to compare two versions of a report.

A row is anything that :mod:`marshal` takes, such as rendered bytes or a tuple of cells.
"""

from __future__ import annotations

import marshal
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from operator import attrgetter, itemgetter
from types import TracebackType
from typing import Any, NamedTuple

from airflow_provider_tiktok.storage.temporary import Block, BlockFile

Key = str | bytes | int | tuple[Any, ...]
Item = tuple[Key, Any]

MAX_ROWS = 80_000
"""Rows that buffers hold in memory together by default."""

_BLOCK = 500  # rows read back at a time
_MAX_MERGED = 64  # runs merged at a time, of each of which a block is in memory
_BATCH = 1_000  # rows passed on at a time

_key_of = itemgetter(0)
_row_of = itemgetter(1)


class _Stored(NamedTuple):
    """Where a block of rows is in the file: keys apart from rows, because looking for doubles takes only the keys."""

    keys: Block
    rows: Block


@dataclass(slots=True)
class _Run:
    """Blocks of the file whose rows are in order, and the key of the last one."""

    blocks: list[_Stored]
    last: Any


_ReadBlock = Callable[[_Stored], "list[Any]"]
"""Returns the items of a block."""


class MemoryBudget:
    """The number of rows that the buffers of a report may hold in memory together.

    :param max_rows: the maximum; if there are more, the largest buffer moves its rows to its file.
    """

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._max_rows = max_rows
        self._buffers: set[RowBuffer] = set()

    def enter(self, buffer: RowBuffer) -> None:
        """Count a buffer's rows from now on, and move rows to files if there are too many."""
        self._buffers.add(buffer)
        while sum(one.in_memory for one in self._buffers) > self._max_rows:
            max(self._buffers, key=lambda one: one.in_memory).spill()

    def leave(self, buffer: RowBuffer) -> None:
        """Stop counting a buffer's rows."""
        self._buffers.discard(buffer)


class RowBuffer:
    """Buffers rows with their keys, and returns them sorted or in their original order.

    :param keep_order: return the rows in their original order instead of sorted by key.
    :param budget: shared with other buffers.
    :param extra: how many last parts of each key are for :meth:`sorted_by` only, and don't identify rows.

    Its ``saw_duplicate`` is true once two rows with the same key were seen: immediately for rows in memory, and for
    rows like the first ones in the file, which come again if TikTok sends the same pages repeatedly.
    :meth:`has_duplicates` is exact. Its ``budget`` can be shared with further buffers.
    """

    def __init__(
        self, *, keep_order: bool = False, budget: MemoryBudget | None = None, extra: int = 0
    ) -> None:
        self._keep_order = keep_order
        self._extra = extra
        self.budget = budget or MemoryBudget()
        self._items: list[Item] = []
        self._runs: list[_Run] = []
        self._file = BlockFile()
        self._count = 0
        self._sorted = True
        self._keys: set[Key] = set()  # of the rows in memory
        self._sample: frozenset[Key] = frozenset()  # keys of some of the rows in the file
        self.saw_duplicate = False

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> RowBuffer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def in_memory(self) -> int:
        """The number of rows that aren't in the file."""
        return len(self._items)

    def add(self, keys: Sequence[Key], rows: Sequence[Any]) -> None:
        """Add rows, each with its key."""
        items = list(zip(keys, rows, strict=True))
        if not self._keep_order:
            items.sort(
                key=_key_of
            )  # sorting rows that are sorted in pieces is fast, and the caller waits for that
        self._hold(items)

    def absorb(self, other: RowBuffer) -> None:
        """Move all rows of another buffer into this one."""
        for items in other._blocks(other._read):
            self._hold(items)
        other.close()

    def has_duplicates(self) -> bool:
        """Return whether two rows have the same key."""
        if self.saw_duplicate or not self._runs:
            return self.saw_duplicate
        return next(self.duplicates(), None) is not None

    def duplicates(self) -> Iterator[Key]:
        """Yield the keys that several rows have."""
        if not self._keep_order and not self._extra:
            yield from _doubles(self._merged(self._read_keys))
            return
        with RowBuffer() as keys:  # sorted, while the rows keep their order
            for items in self._blocks(self._read_keys):
                found = list(self._identities(items))
                keys.add(found, [None] * len(found))
            yield from _doubles(keys._merged(keys._read_keys))

    def without_repeats(self) -> RowBuffer | None:
        """Move the rows into a new buffer that has each key once, and return it.

        :return: ``None`` if rows with the same key differ.
        """
        found = RowBuffer(keep_order=True, budget=self.budget)
        before: Item | None = None
        for items in self._merged(self._read):
            new = []
            for item in items:
                if before is None or item[0] != before[0]:
                    new.append(item)
                elif item[1] != before[1]:
                    found.close()
                    return None
                before = item
            found.add([key for key, _ in new], [row for _, row in new])
        self.close()
        return found

    def sorted_by(self, rank: Callable[[Any], tuple[Any, ...]]) -> RowBuffer:
        """Move the rows into a new buffer that sorts them by another key, and return it.

        :param rank: returns the sort key for a row's key.
        """
        ordered = RowBuffer(budget=self.budget)
        for items in self._blocks(self._read):
            ordered.add([rank(key) for key, _ in items], [row for _, row in items])
        self.close()
        return ordered

    def batches(self) -> Iterator[list[Any]]:
        """Yield the rows, a thousand at a time, and forget them."""
        self.budget.leave(self)  # moving rows to the file that leave memory anyway would be in vain
        self._keys = set()
        pieces = chain.from_iterable(map(_emptied, self._merged(self._read)))
        rows = map(_row_of, chain.from_iterable(pieces))
        while batch := list(islice(rows, _BATCH)):
            yield batch

    def close(self) -> None:
        """Discard the rows and close the file."""
        self._items = []
        self._runs = []
        self._keys = set()
        self._sample = frozenset()
        self.saw_duplicate = False
        self._count = 0
        self.budget.leave(self)
        self._file.close()

    def spill(self) -> None:
        """Move the rows in memory to the file, as one sorted run or the continuation of one."""
        if not self._items:
            return
        self._sort()
        blocks, last = self._store_all(self._items), self._items[-1][0]
        if run := self._run_before(self._items[0][0]):
            run.blocks += blocks
            run.last = last
        else:
            self._runs.append(_Run(blocks, last))
        self._sample = self._sample or frozenset(islice(self._keys, _BATCH))
        self._items = []
        self._keys = set()

    def _hold(self, items: list[Item]) -> None:
        self._items += items
        self._sorted = False
        self._count += len(items)
        self._keys.update(self._identities(items))
        self.saw_duplicate = (
            self.saw_duplicate
            or len(self._keys) != len(self._items)
            or (bool(self._sample) and not self._sample.isdisjoint(self._identities(items)))
        )
        self.budget.enter(self)

    def _identities(self, items: Iterable[Item]) -> Iterable[Key]:
        """Return the part of each key that identifies its row."""
        keys = map(_key_of, items)
        return (key[: -self._extra] for key in keys) if self._extra else keys

    def _sort(self) -> None:
        if not (self._keep_order or self._sorted):
            self._items.sort(key=_key_of)
            self._sorted = True

    def _run_before(self, first: Key) -> _Run | None:
        """Return the run that rows from this key on continue, if there is one."""
        if self._keep_order:
            return self._runs[-1] if self._runs else None
        before = (run for run in self._runs if run.last <= first)
        return max(before, key=attrgetter("last"), default=None)

    def _merged(self, read: _ReadBlock) -> Iterator[list[Any]]:
        """Return what ``read`` makes of all blocks in the order of the rows, list by list."""
        self._sort()
        is_sorted = not self._runs or (len(self._runs) == 1 and not self._items)
        if self._keep_order or is_sorted:
            return self._blocks(read)
        while len(self._runs) > _MAX_MERGED:
            some, self._runs = self._runs[:_MAX_MERGED], self._runs[_MAX_MERGED:]
            lists = _merge(map(self._read, run.blocks) for run in some)
            blocks = [block for items in lists for block in self._store_all(items)]
            self._runs.append(_Run(blocks, max(run.last for run in some)))
        return _merge([*(map(read, run.blocks) for run in self._runs), iter([self._items])])

    def _blocks(self, read: _ReadBlock) -> Iterator[list[Any]]:
        """Return what ``read`` makes of all blocks, run by run."""
        for run in self._runs:
            yield from map(read, run.blocks)
        yield self._items

    def _store_all(self, items: list[Item]) -> list[_Stored]:
        return [self._store(items[first : first + _BLOCK]) for first in range(0, len(items), _BLOCK)]

    def _store(self, items: list[Item]) -> _Stored:
        keys, rows = zip(*items, strict=True)
        return _Stored(self._file.append(marshal.dumps(keys)), self._file.append(marshal.dumps(rows)))

    def _read(self, stored: _Stored) -> list[Item]:
        return list(zip(self._load(stored.keys), self._load(stored.rows), strict=True))

    def _read_keys(self, stored: _Stored) -> list[tuple[Key]]:
        """Return items without their rows, which are most of what a file holds."""
        return list(zip(self._load(stored.keys), strict=True))

    def _load(self, block: Block) -> tuple[Any, ...]:
        cells: tuple[Any, ...] = marshal.loads(self._file.read(block))  # noqa: S302 - our own bytes
        return cells


def _merge(sources: Iterable[Iterator[list[Item]]]) -> Iterator[list[Item]]:
    """Return the items of several sources in one order, list by list.

    Runs of items are sorted at once, which takes less than half of what merging item by item takes.

    :param sources: each gives sorted lists, whose items come behind those of the list before.
    """
    heads = [(items, 0, source) for source in sources if (items := next(source, None))]
    while heads:
        bound = min(items[-1][0] for items, _, _ in heads)  # up to here nothing else can come
        merged: list[Item] = []
        left = []
        for items, start, source in heads:
            end = bisect_right(items, bound, start, key=_key_of)
            merged += items[start:end]
            if end < len(items):
                left.append((items, end, source))
            elif (more := next(source, None)) is not None:
                left.append((more, 0, source))
        heads = left
        merged.sort(key=_key_of)
        yield merged


def _emptied(items: list[Item]) -> Iterator[list[Item]]:
    """Yield the items of a list in pieces, and remove them from it."""
    while piece := items[:_BATCH]:
        del items[:_BATCH]
        yield piece


def _doubles(lists: Iterable[list[Item]]) -> Iterator[Key]:
    """Return the keys that several items have, of sorted lists."""
    before: list[Key] = []  # the last key of the list before
    for items in lists:
        keys = [*before, *map(_key_of, items)]
        if len(set(keys)) != len(keys):
            yield from (one for one, other in pairwise(keys) if one == other)
        before = keys[-1:]
