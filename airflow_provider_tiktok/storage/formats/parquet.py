"""The Parquet format, written with pyarrow, which is imported only when it is used.

A column's Arrow type depends only on its column type, so that every file of a report has the same schema,
including an empty one:

============= ===========================================================================
type          column
============= ===========================================================================
string        string
integer       int64
decimal       decimal(38, 9): 29 digits before the point, 9 after it, as BigQuery's NUMERIC
float         double, which holds all digits of what TikTok computes
date          date32
timestamp     timestamp in microseconds, without a zone: the account's local time
timestamp_utc timestamp in microseconds, in UTC
boolean       bool
============= ===========================================================================

A value that its column can't store without loss (``<5`` among counts, a tenth decimal) is an error. Files
are compressed with Snappy, which every loader reads and which needs the least CPU. The same rows produce
the same bytes with the same pyarrow: the size of row groups depends only on the number of columns.

A buffered row is a line of CSV, which is one small object instead of one per cell. Arrow converts some
thousand lines at a time to typed columns.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.columns import (
    BOOLEAN,
    FLAGS,
    FLOAT,
    NUMBER_PATTERN,
    NUMBER_TYPES,
    Cells,
    is_double,
    is_number,
    number_test,
)
from airflow_provider_tiktok.storage.formats.part_file import PartFile

PRECISION, SCALE = 38, 9

_ALLOCATOR = "ARROW_DEFAULT_MEMORY_POOL"  # which pyarrow reads once, when it is loaded
_CHUNK = 4_000  # rows that are converted to Arrow columns at a time
_BATCH = 2_000  # rows that are read at a time
_GROUP_CELLS = 400_000  # cells in a row group, some 8 MiB of Arrow's memory
_MAX_SHOWN = 80

_SPECIAL = re.compile(r'[",\r\n]')
_UNQUOTED = frozenset(
    {"integer", "decimal", "float", "date", "timestamp", "timestamp_utc", "boolean"}
)  # types whose clean cells need no quotes
_are_numbers = number_test(NUMBER_PATTERN)


class Parquet:
    """The Parquet format.

    :param columns: type by name, in the order of a row's cells.
    :raises TikTokOutputError: pyarrow is not installed.
    """

    compressible: ClassVar[bool] = False

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.arrow, self.parquet, self._csv = pyarrow_modules()
        self.schema = self.arrow.schema(
            [(name, _arrow_type(self.arrow, column_type)) for name, column_type in columns.items()]
        )
        self._types = list(columns.values())

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> Sequence[bytes]:
        """Return rows as lines without their ends: an empty cell is null, and a quoted one is never null.

        :raises TikTokOutputError: a cell of a number column is not a number. Arrow would accept more than JSON numbers.
        """
        cells = [
            self._rendered(index, each, is_clean)
            for index, (each, is_clean) in enumerate(zip(columns, clean, strict=True))
        ]
        return list(map(str.encode, map(",".join, zip(*cells, strict=True))))

    def part_file(self, path: Path, *, compress: bool) -> ParquetPartFile:
        """Return a new part file.

        :param path: the path of the new file.
        :param compress: must be false; Parquet has its own compression.
        """
        return ParquetPartFile(path, self)

    @staticmethod
    def read(file: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a file with their Arrow types.

        :raises TikTokOutputError: pyarrow is not installed.
        """
        for batch in pyarrow_modules()[1].ParquetFile(file).iter_batches(_BATCH):
            yield from batch.to_pylist()

    def table(self, lines: Sequence[bytes]) -> Any:
        """Return lines as an Arrow table.

        :raises TikTokOutputError: a value doesn't fit its column.
        """
        data = b"\n".join([*lines, b""])
        with suppress(self.arrow.ArrowInvalid):
            table = self._read(data, self.schema)
            table.validate(full=True)  # which counts the digits of decimals
            return table
        strings = self._read(
            data, self.arrow.schema([(name, self.arrow.string()) for name in self.schema.names])
        )
        columns = [
            self._typed(field, column) for field, column in zip(self.schema, strings.columns, strict=True)
        ]
        return self.arrow.Table.from_arrays(columns, schema=self.schema)

    def _rendered(self, index: int, cells: Cells, is_clean: bool) -> Sequence[str]:
        column_type = self._types[index]
        if column_type == FLOAT:
            odd = [cell for cell in cells if cell is not None and not is_double(cell)]
            if odd:  # Arrow would round it
                raise _refusal(self.schema.field(index), odd[0])
        if is_clean and column_type in _UNQUOTED:
            return cells  # type: ignore[return-value]
        if column_type == BOOLEAN:
            odd = [cell for cell in cells if cell is not None and cell not in FLAGS]
            if odd:  # Arrow would take 1 and TRUE, too
                raise _refusal(self.schema.field(index), odd[0])
        if column_type not in NUMBER_TYPES:
            return _quoted(cells)
        present = [cell for cell in cells if cell is not None]
        if present and not _are_numbers(present):
            raise _refusal(self.schema.field(index), next(cell for cell in present if not is_number(cell)))
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

    def _typed(self, field: Any, strings: Any) -> Any:
        """Return a column of strings cast to its type.

        :raises TikTokOutputError: a value doesn't fit the type.
        """
        column = self._cast(field, strings)
        if column is not None:
            return column
        invalid = next(cell for cell in strings if self._cast(field, self.arrow.array([cell])) is None)
        raise _refusal(field, invalid.as_py())

    def _cast(self, field: Any, strings: Any) -> Any:
        """Return a column of strings cast to its type, or ``None`` if a value doesn't fit."""
        arrow = self.arrow
        try:
            column = strings.cast(field.type)
            column.validate(full=True)  # which counts the digits of decimals
        except arrow.ArrowInvalid:
            return None
        return column


class ParquetPartFile(PartFile):
    """A Parquet part file, which is written row group by row group.

    :param path: the path of the new file, which must not exist.
    :param parquet: the format.
    """

    def __init__(self, path: Path, parquet: Parquet) -> None:
        super().__init__(path)
        self._parquet = parquet
        self._group = max(1, _GROUP_CELLS // len(parquet.schema))
        self._rows: list[bytes] = []
        self._tables: list[Any] = []  # of the next row group
        self._in_tables = 0
        self._writer: Any = parquet.parquet.ParquetWriter(
            self._file, parquet.schema, compression="snappy", store_schema=False
        )

    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows."""
        self._rows += rows
        self.rows += len(rows)
        while len(self._rows) >= (count := min(_CHUNK, self._group - self._in_tables)):
            self._convert(count)

    def finish(self) -> None:
        """Write the last row group and the footer."""
        self._convert(len(self._rows))
        self._write_group()
        self._writer.close()
        self._writer = None  # it has 40 KiB, and a run has thousands of files
        self._file.close()

    def discard(self) -> None:
        """Remove the file."""
        self._rows, self._tables = [], []
        if self._writer is not None:
            with suppress(Exception):  # it writes a footer, which fails on a full disk
                self._writer.close()
        self._file.discard()

    def _convert(self, count: int) -> None:
        """Turn the first rows into a table. None reaches into the next row group, which would keep it in memory."""
        if not count:
            return
        rows, self._rows = self._rows[:count], self._rows[count:]
        self._tables.append(self._parquet.table(rows))
        self._in_tables += count
        if self._in_tables == self._group:
            self._write_group()

    def _write_group(self) -> None:
        if not self._tables:
            return
        arrow, schema = self._parquet.arrow, self._parquet.schema
        columns = [[table.column(index).chunks for table in self._tables] for index in range(len(schema))]
        count, self._in_tables, self._tables = self._in_tables, 0, []
        # one chunk a column: where chunks end would show in the file's pages. Column by column, for what has become
        # one needs no second place in memory
        arrays = [arrow.concat_arrays([*chain.from_iterable(columns.pop(0))]) for _ in schema]
        self._writer.write_table(arrow.Table.from_arrays(arrays, schema=schema), row_group_size=count)


def pyarrow_modules() -> tuple[Any, Any, Any]:
    """Import pyarrow and return it with its Parquet and CSV modules.

    :raises TikTokOutputError: pyarrow is not installed.
    """
    try:
        with _system_allocator():
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
        f"A Parquet column of type {field.type} can't store {cell[:_MAX_SHOWN]!r} without loss, which TikTok sent for "
        f"{field.name}, so nothing was written. Choose jsonl or csv, which store every value unchanged, or "
        f"leave out {field.name}."
    )


@contextmanager
def _system_allocator() -> Iterator[None]:
    """Let pyarrow, which is being loaded, use the system's allocator unless the user has chosen one.

    Its own holds on to some 40 MiB more while row groups are written, and is no quicker at it.
    """
    if _ALLOCATOR in os.environ:
        yield
        return
    os.environ[_ALLOCATOR] = "system"
    try:
        yield
    finally:
        del os.environ[_ALLOCATOR]


def _arrow_type(arrow: Any, column_type: str) -> Any:
    types = {
        "integer": arrow.int64(),
        "decimal": arrow.decimal128(PRECISION, SCALE),
        "float": arrow.float64(),
        "date": arrow.date32(),
        "timestamp": arrow.timestamp("us"),
        "timestamp_utc": arrow.timestamp("us", tz="UTC"),
        "boolean": arrow.bool_(),
    }
    return types.get(column_type, arrow.string())


def _quoted(cells: Cells) -> Sequence[str]:
    """Return cells, quoted if necessary; a null is an empty cell without quotes."""
    if None not in cells and "" not in cells and not _SPECIAL.search("".join(cells)):  # type: ignore[arg-type]
        return cells  # type: ignore[return-value]
    return [
        "" if cell is None else cell if cell and not _SPECIAL.search(cell) else _quote(cell) for cell in cells
    ]


def _quote(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'
