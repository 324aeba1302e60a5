"""Rows as Parquet, by way of pyarrow, which is only loaded for it.

What a column is follows from its type alone, so that every file of a report has the same schema, an
empty one too:

========= ===========================================================================
type      column
========= ===========================================================================
string    string
integer   int64
decimal   decimal(38, 9): 29 digits before the point, 9 after it, as BigQuery's NUMERIC
date      date32
timestamp timestamp in microseconds, without a zone: the account's local time
========= ===========================================================================

A value that its column can't hold without losing something (``<5`` among counts, a tenth decimal) is
an error, for a typed file has no place for it. Files are compressed with Snappy, which every loader
reads and which costs least CPU. The same rows give the same bytes with the same pyarrow: row groups are
cut by a number of rows that follows from the number of columns.
"""

from __future__ import annotations

import marshal
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.spool_file import CountedFile

PRECISION, SCALE = 38, 9

_CHUNK = 4_000  # rows turned into Arrow's columns at a time
_GROUP_CELLS = 800_000  # cells in a row group, some 15 MiB of Arrow's memory
_HELD_CELLS = 300_000  # cells of many files' rows in memory, some 25 MiB
_ODD_SHOWN = 80

_Rows = Sequence[tuple["str | None", ...]]


class Parquet:
    """Turns rows into Parquet files.

    :param columns: type by name, in the order of a row's cells.
    :raises TikTokOutputError: pyarrow is missing.
    """

    compressible = False

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.arrow, self.parquet = _pyarrow()
        self.schema = self.arrow.schema([(name, _type(self.arrow, kind)) for name, kind in columns.items()])
        self._held = HeldRows(max(1, _HELD_CELLS // len(columns)))

    def lines(self, columns: Sequence[Sequence[str | None]], clean: Sequence[bool]) -> Sequence[Any]:
        """Leave rows as tuples of cells; they become typed columns when there are many of them."""
        return list(zip(*columns, strict=True))

    def spool(self, path: Path, *, compress: bool, one_of_many: bool) -> ParquetSpool | HeldSpool:
        """Begin a file.

        :param path: where it grows.
        :param compress: must be false; Parquet compresses within.
        :param one_of_many: whether others grow at the same time.
        """
        return HeldSpool(path, self, self._held) if one_of_many else ParquetSpool(path, self)

    def close(self) -> None:
        """Let go of rows that are held."""
        self._held.close()

    def table(self, rows: _Rows) -> Any:
        """Turn rows into a table.

        :raises TikTokOutputError: a value doesn't fit its column.
        """
        arrow = self.arrow
        arrays = [
            _array(arrow, field, cells)
            for field, cells in zip(self.schema, zip(*rows, strict=True), strict=True)
        ]
        return arrow.Table.from_arrays(arrays, schema=self.schema)


class ParquetSpool:
    """One Parquet file in the making, which is written row group by row group.

    :param path: where it grows; it may not exist yet.
    :param parquet: how rows become columns.
    """

    def __init__(self, path: Path, parquet: Parquet) -> None:
        self.path = path
        self.rows = 0
        self._parquet = parquet
        self._group = max(1, _GROUP_CELLS // len(parquet.schema))
        self._rows: list[tuple[str | None, ...]] = []
        self._tables: list[Any] = []
        self._in_tables = 0
        self._file = CountedFile(path)
        self._writer: Any = parquet.parquet.ParquetWriter(
            self._file, parquet.schema, compression="snappy", store_schema=False
        )

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._file.bytes

    @property
    def sha256(self) -> str:
        """Digest of the bytes in the file."""
        return self._file.digest.hexdigest()

    def write(self, rows: _Rows) -> None:
        """Append rows."""
        self._rows += rows
        self.rows += len(rows)
        if len(self._rows) >= _CHUNK:
            self._convert()

    def release(self) -> None:
        """Keep the handle: a Parquet file can't be opened again, and is the only one that is written."""

    def finish(self) -> None:
        """Write the last row group and the footer."""
        self._convert()
        if self._in_tables:
            self._write_group(self._in_tables)
        self._writer.close()
        self._file.close()

    def discard(self) -> None:
        """Remove the file."""
        self._rows, self._tables = [], []
        with suppress(Exception):  # it would write a footer, which the disk may be too full for
            self._writer.close()
        self._file.discard()

    def _convert(self) -> None:
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        self._tables.append(self._parquet.table(rows))
        self._in_tables += len(rows)
        while self._in_tables >= self._group:
            self._write_group(self._group)

    def _write_group(self, count: int) -> None:
        # one chunk a column: where chunks end would show in the file's pages
        table = self._parquet.arrow.concat_tables(self._tables).combine_chunks()
        self._writer.write_table(table.slice(0, count), row_group_size=count)
        self._in_tables -= count
        self._tables = [table.slice(count)] if self._in_tables else []


class HeldRows:
    """Rows of many files, some in memory, the rest in one unnamed temporary file.

    :param max_rows: how many may be in memory.
    """

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._in_memory = 0
        self._rows: dict[object, list[Any]] = {}
        self._blocks: dict[object, list[tuple[int, int]]] = {}
        self._file: IO[bytes] | None = None
        self._end = 0

    def add(self, owner: object, rows: Sequence[Any]) -> None:
        """Take an owner's rows in."""
        self._rows.setdefault(owner, []).extend(rows)
        self._in_memory += len(rows)
        if self._in_memory > self._max_rows:
            self._spill()

    def take(self, owner: object) -> Iterator[list[Any]]:
        """Give an owner's rows back, in their order, and forget them."""
        for start, length in self._blocks.pop(owner, ()):
            assert self._file is not None  # noqa: S101 - there are blocks, so there is a file
            yield marshal.loads(os.pread(self._file.fileno(), length, start))  # noqa: S302 - our own bytes
        rows = self._rows.pop(owner, [])
        self._in_memory -= len(rows)
        yield rows

    def forget(self, owner: object) -> None:
        """Let go of an owner's rows."""
        self._blocks.pop(owner, None)
        self._in_memory -= len(self._rows.pop(owner, ()))

    def close(self) -> None:
        """Let go of everything."""
        self._rows.clear()
        self._blocks.clear()
        self._in_memory = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="tiktok-rows-")  # noqa: SIM115 - closed by close()
            self._end = 0
        for owner, rows in self._rows.items():
            for first in range(0, len(rows), _CHUNK):
                block = marshal.dumps(rows[first : first + _CHUNK])
                self._file.write(block)
                self._blocks.setdefault(owner, []).append((self._end, len(block)))
                self._end += len(block)
        self._file.flush()
        self._rows.clear()
        self._in_memory = 0


class HeldSpool:
    """One of many Parquet files: its rows are held with the others', and written at the end.

    A Parquet file can't be closed and opened again, so files for a thousand partitions would all be open
    at once, each with a row group in memory.

    :param path: where the file will be.
    :param parquet: how rows become columns.
    :param held: where the rows wait.
    """

    def __init__(self, path: Path, parquet: Parquet, held: HeldRows) -> None:
        self.path = path
        self.rows = 0
        self._parquet = parquet
        self._held = held
        self._written: ParquetSpool | None = None

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._written.size if self._written else 0

    @property
    def sha256(self) -> str:
        """Digest of the bytes in the file."""
        return self._written.sha256 if self._written else ""

    def write(self, rows: _Rows) -> None:
        """Append rows."""
        self.rows += len(rows)
        self._held.add(self, rows)

    def release(self) -> None:
        """Do nothing: there is no file yet."""

    def finish(self) -> None:
        """Write the file."""
        self._written = ParquetSpool(self.path, self._parquet)
        for rows in self._held.take(self):
            self._written.write(rows)
        self._written.finish()

    def discard(self) -> None:
        """Let go of the rows and remove the file."""
        self._held.forget(self)
        if self._written is not None:
            self._written.discard()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise TikTokOutputError(
            "Parquet needs pyarrow, which is not installed here. Install it: "
            'pip install "airflow-provider-tiktok[parquet]"; or choose jsonl or csv.'
        ) from error
    return pyarrow, pyarrow.parquet


def _type(arrow: Any, kind: str) -> Any:
    types = {
        "integer": arrow.int64(),
        "decimal": arrow.decimal128(PRECISION, SCALE),
        "date": arrow.date32(),
        "timestamp": arrow.timestamp("us"),
    }
    return types.get(kind, arrow.string())


def _array(arrow: Any, field: Any, cells: Sequence[str | None]) -> Any:
    """Make a column.

    :raises TikTokOutputError: a cell doesn't fit.
    """
    try:
        texts = arrow.array(cells, arrow.string())
    except UnicodeEncodeError:  # half a character, as a name cut in mid-emoji ends
        cells = [cell and cell.encode("utf-8", "backslashreplace").decode() for cell in cells]
        texts = arrow.array(cells, arrow.string())
    if arrow.types.is_string(field.type):
        return texts
    column = _cast(arrow, texts, field.type)
    if column is None:
        odd = next(
            cell
            for cell in cells
            if _cast(arrow, arrow.array([cell], arrow.string()), field.type) is None
        )
        raise TikTokOutputError(
            f"TikTok sent {str(odd)[:_ODD_SHOWN]!r} for {field.name}, which a Parquet column of type {field.type} can't "
            "hold without losing something, so nothing was written. Choose jsonl or csv, which keep every value as it "
            f"came, or leave {field.name} out."
        )
    return column


def _cast(arrow: Any, texts: Any, kind: Any) -> Any:
    """Give a column of texts as another type, or ``None`` where a text doesn't fit."""
    # Arrow would read hexadecimal digits, which are no number of TikTok's
    if arrow.types.is_integer(kind) and arrow.compute.any(arrow.compute.match_substring(texts, "x")).as_py():
        return None
    try:
        return texts.cast(kind)
    except arrow.ArrowInvalid:
        return None
