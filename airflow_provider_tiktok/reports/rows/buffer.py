"""Rows held until they are known to be whole, in bounded memory.

A window's rows are only passed on once TikTok's count is met and no key came twice. Until then they
wait here: some megabytes in memory, the rest in an unnamed temporary file that the system removes
with the process. Rows come out sorted by their key, so that two runs over the same data agree even
where TikTok's own order doesn't, or as they came in, where the user asked TikTok for an order.

What a row is, is its reader's business: rendered bytes, a tuple of cells, anything that
:mod:`marshal` takes.
"""

from __future__ import annotations

import marshal
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from operator import itemgetter
from types import TracebackType
from typing import Any

from airflow_provider_tiktok.storage.temporary import Block, BlockFile

Key = str | tuple[Any, ...]
Item = tuple[Key, Any]

MAX_ROWS = 80_000
"""Rows that spools hold in memory together, unless told otherwise."""

_BLOCK = 500  # rows read back at a time
_BATCH = 1_000  # rows handed out at a time

_key_of = itemgetter(0)


class Room:
    """How many rows the spools of a report may hold in memory, all together.

    :param max_rows: so many; when there are more, the largest spool moves its rows to its file.
    """

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._max_rows = max_rows
        self._spools: set[RowSpool] = set()

    def enter(self, spool: RowSpool) -> None:
        """Count a spool's rows from now on, and make room if need be."""
        self._spools.add(spool)
        while sum(one.in_memory for one in self._spools) > self._max_rows:
            max(self._spools, key=lambda one: one.in_memory).spill()

    def leave(self, spool: RowSpool) -> None:
        """Forget a spool."""
        self._spools.discard(spool)


class RowSpool:
    """Holds rows with their keys, and gives them back, sorted or as they came.

    :param keep_order: give the rows back as they came instead of sorted by key.
    :param room: shared with other spools.
    :param extra: how many last parts of each key are for :meth:`sorted_by` only, and don't tell rows apart.

    Its ``saw_double`` is true once two rows with one key were seen: at once for rows in memory, and for rows like the
    first ones in the file, which come again where somebody sends the same pages over and over.
    :meth:`has_duplicates` knows for sure.
    """

    def __init__(self, *, keep_order: bool = False, room: Room | None = None, extra: int = 0) -> None:
        self._keep_order = keep_order
        self._extra = extra
        self._room = room or Room()
        self._items: list[Item] = []
        self._runs: list[list[Block]] = []
        self._file = BlockFile()
        self._count = 0
        self._sorted = True
        self._keys: set[Key] = set()  # of the rows in memory
        self._sample: frozenset[Key] = frozenset()  # keys of some of the rows in the file
        self.saw_double = False

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> RowSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def in_memory(self) -> int:
        """How many rows are not in the file."""
        return len(self._items)

    def add(self, keys: Sequence[Key], rows: Sequence[Any]) -> None:
        """Take rows in, each with its key."""
        items = list(zip(keys, rows, strict=True))
        if not self._keep_order:
            items.sort(
                key=_key_of
            )  # what is sorted in pieces is soon sorted as a whole, when that is waited for
        self._hold(items)

    def absorb(self, other: RowSpool) -> None:
        """Take over all rows of another spool, which is empty then."""
        for items in other._blocks():
            self._hold(items)
        other.close()

    def has_duplicates(self) -> bool:
        """Say whether two rows have the same key."""
        if self.saw_double or not self._runs:
            return self.saw_double
        if not self._keep_order and not self._extra:
            return next(_doubles(self._merged()), None) is not None
        return next(self.duplicates(), None) is not None

    def duplicates(self) -> Iterator[Key]:
        """Give the keys that several rows have."""
        with RowSpool() as keys:  # sorted, beside the rows that keep their order
            for items in self._blocks():
                found = list(self._identities(items))
                keys.add(found, [None] * len(found))
            yield from _doubles(keys._merged())

    def sorted_by(self, rank: Callable[[Any], tuple[Any, ...]]) -> RowSpool:
        """Give another spool with the rows in an order of their own; this one is empty then.

        :param rank: gives what a row's key is sorted by.
        """
        ordered = RowSpool(room=self._room)
        for items in self._blocks():
            ordered.add([rank(key) for key, _ in items], [row for _, row in items])
        self.close()
        return ordered

    def batches(self) -> Iterator[list[Any]]:
        """Give the rows back, a thousand at a time."""
        items = chain.from_iterable(self._merged())
        while batch := [row for _, row in islice(items, _BATCH)]:
            yield batch

    def close(self) -> None:
        """Let go of the rows and the file."""
        self._items = []
        self._runs = []
        self._keys = set()
        self._sample = frozenset()
        self.saw_double = False
        self._count = 0
        self._room.leave(self)
        self._file.close()

    def spill(self) -> None:
        """Move the rows in memory to the file, as one sorted run."""
        if not self._items:
            return
        self._sort()
        self._runs.append(
            [
                self._file.append(marshal.dumps(self._items[first : first + _BLOCK]))
                for first in range(0, len(self._items), _BLOCK)
            ]
        )
        self._sample = self._sample or frozenset(islice(self._keys, _BATCH))
        self._items = []
        self._keys = set()

    def _hold(self, items: list[Item]) -> None:
        self._items += items
        self._sorted = False
        self._count += len(items)
        keys = list(self._identities(items))
        self._keys.update(keys)
        self.saw_double = (
            self.saw_double or len(self._keys) != len(self._items) or not self._sample.isdisjoint(keys)
        )
        self._room.enter(self)

    def _identities(self, items: Iterable[Item]) -> Iterable[Key]:
        """Give what tells rows apart."""
        keys = map(_key_of, items)
        return (key[: -self._extra] for key in keys) if self._extra else keys

    def _sort(self) -> None:
        if not (self._keep_order or self._sorted):
            self._items.sort(key=_key_of)
            self._sorted = True

    def _merged(self) -> Iterator[list[Item]]:
        """Return all rows in their order, list by list."""
        self._sort()
        if self._keep_order or not self._runs:
            return self._blocks()
        return _merge([*map(self._read, self._runs), iter([self._items])])

    def _blocks(self) -> Iterator[list[Item]]:
        """Give the rows in pieces, run by run."""
        for run in self._runs:
            yield from self._read(run)
        yield self._items

    def _read(self, run: list[Block]) -> Iterator[list[Item]]:
        for block in run:
            yield marshal.loads(self._file.read(block))  # noqa: S302 - our own bytes


def _merge(sources: Iterable[Iterator[list[Item]]]) -> Iterator[list[Item]]:
    """Return the items of several sources in one order, list by list.

    Whole stretches are sorted at a time, which takes less than half of what merging item by item takes.

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


def _doubles(lists: Iterable[list[Item]]) -> Iterator[Key]:
    """Return the keys that several items have, of sorted lists."""
    before: list[Key] = []  # the last key of the list before
    for items in lists:
        keys = [*before, *map(_key_of, items)]
        if len(set(keys)) != len(keys):
            yield from (one for one, other in pairwise(keys) if one == other)
        before = keys[-1:]
