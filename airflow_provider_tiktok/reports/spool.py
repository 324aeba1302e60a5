"""The rows of one window, held until they are known to be whole, in bounded memory.

A window's rows are only passed on once TikTok's count is met and no key came twice. Until then they
wait here: a few megabytes in memory, the rest in an unnamed temporary file that the system removes
with the process. Rows come out sorted by their key, so that two runs over the same data agree even
where TikTok's own order doesn't, or as they came in, where the user asked TikTok for an order.
"""

from __future__ import annotations

import heapq
import marshal
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, pairwise
from operator import itemgetter
from types import TracebackType
from typing import IO, Any

from airflow_provider_tiktok.reports.rows import Row

_MAX_CELLS = 800_000  # cells held in memory before they go to the file: some 50 MiB
_BLOCK = 500  # rows read back at a time
_BATCH = 1_000  # rows handed out at a time
_NULL_KEY = "\0"  # where a null sorts: after empty text, before all other


class RowSpool:
    """Holds rows and gives them back, sorted or as they came.

    :param key_indexes: where the key stands in a row; empty with ``keep_order`` when keys don't matter.
    :param keep_order: give the rows back as they came instead of sorted by key.
    :param max_cells: cells held in memory at most.
    """

    def __init__(
        self, key_indexes: tuple[int, ...], *, keep_order: bool = False, max_cells: int = _MAX_CELLS
    ) -> None:
        self._indexes = key_indexes
        self._key: Callable[[Row], Any] = (
            itemgetter(*key_indexes) if len(key_indexes) > 1 else self._null_proof_key
        )
        self._keep_order = keep_order
        self._max_cells = max_cells
        self._rows: list[Row] = []
        self._runs: list[list[tuple[int, int]]] = []
        self._file: IO[bytes] | None = None
        self._end = 0
        # rows that keep their order still have their keys checked, sorted, beside them
        check_keys = keep_order and key_indexes
        self._keys = (
            RowSpool(tuple(range(len(key_indexes))), max_cells=max_cells // 4) if check_keys else None
        )
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> RowSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, rows: list[Row]) -> None:
        """Take rows in."""
        if not rows:
            return
        self._count += len(rows)
        self._rows += rows
        if any(None in [row[index] for row in rows] for index in self._indexes):
            self._key = self._null_proof_key  # nulls and texts don't compare
        if self._keys is not None:
            self._keys.add([tuple(row[index] for index in self._indexes) for row in rows])
        if len(self._rows) * len(rows[0]) >= self._max_cells:
            self._spill()

    def has_duplicates(self) -> bool:
        """Say whether two rows have the same key."""
        if self._keys is not None:
            return self._keys.has_duplicates()
        if not self._runs:
            return len(set(map(self._key, self._rows))) != self._count
        keys = map(self._key, self._merged())
        return any(one == other for one, other in pairwise(keys))

    def batches(self) -> Iterator[list[Row]]:
        """Give the rows back, a thousand at a time."""
        rows = iter(self._merged())
        while batch := list(islice(rows, _BATCH)):
            yield batch

    def close(self) -> None:
        """Let go of the rows and the file."""
        self._rows = []
        self._runs = []
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._keys is not None:
            self._keys.close()

    def _null_proof_key(self, row: Row) -> tuple[str, ...]:
        return tuple(_NULL_KEY if (cell := row[index]) is None else cell for index in self._indexes)

    def _sort(self) -> None:
        self._rows.sort(key=self._key)

    def _spill(self) -> None:
        """Move the rows in memory to the file, as one sorted run."""
        if not self._keep_order:
            self._sort()
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="tiktok-rows-")  # noqa: SIM115 - closed by close()
        run = []
        for first in range(0, len(self._rows), _BLOCK):
            block = marshal.dumps(self._rows[first : first + _BLOCK])
            self._file.write(block)
            run.append((self._end, len(block)))
            self._end += len(block)
        self._file.flush()
        self._runs.append(run)
        self._rows = []

    def _merged(self) -> Iterable[Row]:
        if not self._runs:
            if not self._keep_order:
                self._sort()
            return self._rows
        stored = [self._read(run) for run in self._runs]
        if self._keep_order:
            return chain(*stored, self._rows)
        self._sort()
        return heapq.merge(*stored, self._rows, key=self._key)

    def _read(self, run: list[tuple[int, int]]) -> Iterator[Row]:
        assert self._file is not None  # noqa: S101 - a run is only there when the file is
        for start, length in run:
            yield from marshal.loads(os.pread(self._file.fileno(), length, start))  # noqa: S302 - our own bytes
