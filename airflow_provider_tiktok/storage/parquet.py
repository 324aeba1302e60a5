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

On its way a row is a line of CSV, which is one small object where its cells would be many, and which
Arrow turns into typed columns, some thousand lines at a time.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.columns import NUMBER, NUMBER_TYPES, Cells, column_test, is_number
from airflow_provider_tiktok.storage.part_file import CountedFile
from airflow_provider_tiktok.storage.temporary import Block, BlockFile

PRECISION, SCALE = 38, 9

_CHUNK = 8_000  # rows turned into Arrow's columns at a time
_GROUP_CELLS = 800_000  # cells in a row group, some 15 MiB of Arrow's memory
_HELD_BYTES = 24 * 2**20  # of many files' rows in memory
_ODD_SHOWN = 80

_SPECIAL = re.compile(r'[",\r\n]')
_UNQUOTED = frozenset({"integer", "decimal", "date", "timestamp"})  # where a clean cell needs no quotes
_are_numbers = column_test(NUMBER)


class Parquet:
    """Turns rows into Parquet files.

    :param columns: type by name, in the order of a row's cells.
    :raises TikTokOutputError: pyarrow is missing.
    """

    compressible: ClassVar[bool] = False

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.arrow, self.parquet, self._csv = pyarrow_modules()
        self.schema = self.arrow.schema([(name, _type(self.arrow, kind)) for name, kind in columns.items()])
        self._kinds = list(columns.values())
        self._held = HeldLines()

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> Sequence[bytes]:
        """Render rows as lines: an empty cell is null, and a quoted one is never null.

        :raises TikTokOutputError: a cell of a number column is no number. Arrow isn't asked: it reads more than JSON.
        """
        cells = [
            self._rendered(index, each, is_clean)
            for index, (each, is_clean) in enumerate(zip(columns, clean, strict=True))
        ]
        rows = map(",".join, zip(*cells, strict=True))
        return [f"{row}\n".encode() for row in rows]

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

    def table(self, lines: Sequence[bytes]) -> Any:
        """Turn lines into a table.

        :raises TikTokOutputError: a value doesn't fit its column.
        """
        data = b"".join(lines)
        with suppress(self.arrow.ArrowInvalid):
            table = self._read(data, self.schema)
            table.validate(full=True)  # which counts the digits of decimals
            return table
        texts = self._read(
            data, self.arrow.schema([(name, self.arrow.string()) for name in self.schema.names])
        )
        columns = [
            self._typed(field, column) for field, column in zip(self.schema, texts.columns, strict=True)
        ]
        return self.arrow.Table.from_arrays(columns, schema=self.schema)

    def _rendered(self, index: int, cells: Cells, is_clean: bool) -> Sequence[str]:
        kind = self._kinds[index]
        if is_clean and kind in _UNQUOTED:
            return cells  # type: ignore[return-value]
        if kind not in NUMBER_TYPES:
            return _quoted(cells)
        given = [cell for cell in cells if cell is not None]
        if given and not _are_numbers(given):
            raise _refusal(self.schema.field(index), next(cell for cell in given if not is_number(cell)))
        return ["" if cell is None else cell for cell in cells]

    def _read(self, data: bytes, schema: Any) -> Any:
        csv = self._csv
        return csv.read_csv(
            self.arrow.BufferReader(data),
            csv.ReadOptions(use_threads=False, column_names=schema.names, block_size=len(data) + 1),
            csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types=schema,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    def _typed(self, field: Any, texts: Any) -> Any:
        """Give a column of texts its type.

        :raises TikTokOutputError: a text doesn't fit.
        """
        column = self._cast(field, texts)
        if column is not None:
            return column
        odd = next(cell for cell in texts if self._cast(field, self.arrow.array([cell])) is None)
        raise _refusal(field, odd.as_py())

    def _cast(self, field: Any, texts: Any) -> Any:
        """Give a column of texts its type, or ``None`` where a text doesn't fit."""
        arrow = self.arrow
        try:
            column = texts.cast(field.type)
            column.validate(full=True)  # which counts the digits of decimals
        except arrow.ArrowInvalid:
            return None
        return column


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
        self._rows: list[bytes] = []
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

    def write(self, rows: Sequence[bytes]) -> None:
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


class HeldLines:
    """Lines of many files, some in memory, the rest in one unnamed temporary file.

    :param max_bytes: how much may be in memory.
    """

    def __init__(self, max_bytes: int = _HELD_BYTES) -> None:
        self._max_bytes = max_bytes
        self._in_memory = 0
        self._lines: dict[object, list[bytes]] = {}
        self._blocks: dict[object, list[Block]] = {}
        self._file = BlockFile()

    def add(self, owner: object, lines: Sequence[bytes]) -> None:
        """Take an owner's lines in."""
        self._lines.setdefault(owner, []).extend(lines)
        self._in_memory += sum(map(len, lines))
        if self._in_memory > self._max_bytes:
            self._spill()

    def take(self, owner: object) -> Iterator[list[bytes]]:
        """Give an owner's lines back, in their order, and forget them."""
        for block in self._blocks.pop(owner, ()):
            yield marshal.loads(self._file.read(block))  # noqa: S302 - our own bytes
        lines = self._lines.pop(owner, [])
        self._in_memory -= sum(map(len, lines))
        yield lines

    def close(self) -> None:
        """Let go of everything."""
        self._lines.clear()
        self._blocks.clear()
        self._in_memory = 0
        self._file.close()

    def _spill(self) -> None:
        for owner, lines in self._lines.items():
            blocks = self._blocks.setdefault(owner, [])
            for first in range(0, len(lines), _CHUNK):
                blocks.append(self._file.append(marshal.dumps(lines[first : first + _CHUNK])))
        self._lines.clear()
        self._in_memory = 0


class HeldSpool:
    """One of many Parquet files: its rows are held with the others', and written at the end.

    A Parquet file can't be closed and opened again, so files for a thousand partitions would all be open
    at once, each with a row group in memory.

    :param path: where the file will be.
    :param parquet: how rows become columns.
    :param held: where the rows wait.
    """

    def __init__(self, path: Path, parquet: Parquet, held: HeldLines) -> None:
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

    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows."""
        self.rows += len(rows)
        self._held.add(self, rows)

    def release(self) -> None:
        """Do nothing: there is no file yet."""

    def finish(self) -> None:
        """Write the file."""
        self._written = ParquetSpool(self.path, self._parquet)
        for lines in self._held.take(self):
            self._written.write(lines)
        self._written.finish()

    def discard(self) -> None:
        """Remove the file; what is held goes with the format."""
        if self._written is not None:
            self._written.discard()


def pyarrow_modules() -> tuple[Any, Any, Any]:
    """Load pyarrow, its Parquet and its CSV.

    :raises TikTokOutputError: it is missing.
    """
    try:
        import pyarrow
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError as error:
        raise TikTokOutputError(
            "Parquet needs pyarrow, which is not installed here. Install it: "
            'pip install "airflow-provider-tiktok[parquet]"; or choose jsonl or csv.'
        ) from error
    return pyarrow, pyarrow.parquet, pyarrow.csv


def _refusal(field: Any, cell: str) -> TikTokOutputError:
    return TikTokOutputError(
        f"TikTok sent {cell[:_ODD_SHOWN]!r} for {field.name}, which a Parquet column of type {field.type} can't hold "
        "without losing something, so nothing was written. Choose jsonl or csv, which keep every value as it came, or "
        f"leave {field.name} out."
    )


def _type(arrow: Any, kind: str) -> Any:
    types = {
        "integer": arrow.int64(),
        "decimal": arrow.decimal128(PRECISION, SCALE),
        "date": arrow.date32(),
        "timestamp": arrow.timestamp("us"),
    }
    return types.get(kind, arrow.string())


def _quoted(cells: Cells) -> Sequence[str]:
    """Quote the cells that need it; a null is an empty cell without quotes."""
    if None not in cells and "" not in cells and not _SPECIAL.search("".join(cells)):  # type: ignore[arg-type]
        return cells  # type: ignore[return-value]
    return [
        "" if cell is None else cell if cell and not _SPECIAL.search(cell) else _quote(cell) for cell in cells
    ]


def _quote(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'
