"""File formats: one class each, registered in :data:`FORMATS`.

A format renders rows whose cells are well-formed strings without NUL: ``None`` is null, and a column of type
``integer`` or ``decimal`` contains a number's digits. Text formats write the digits unchanged, and a value in a
number column that is not a number as text. Each row is rendered separately, so that rows can be rendered on
arrival and sorted later.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from json.encoder import encode_basestring
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol

from airflow_provider_tiktok.storage.columns import (
    NUMBER_PATTERN,
    NUMBER_TYPES,
    Cells,
    column_test,
    is_number,
)
from airflow_provider_tiktok.storage.formats.parquet import Parquet
from airflow_provider_tiktok.storage.formats.part_file import LinePartFile, PartFile

_are_numbers_or_null = column_test(rf"(?:null|{NUMBER_PATTERN})")


class Format(Protocol):
    """A file format, which renders rows and creates part files.

    :param columns: type by name, in the order of a row's cells.
    """

    compressible: ClassVar[bool]
    """Whether files of this format can be compressed with gzip."""

    def __init__(self, columns: Mapping[str, str]) -> None: ...

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> Sequence[Any]:
        """Return rows, each rendered separately, in a form for this format's part files and :mod:`marshal`.

        :param columns: the cells of each column.
        :param clean: for each column, whether it is known to contain no null and, if its type is a
            number, only JSON numbers.
        """

    def part_file(self, path: Path, *, compress: bool) -> PartFile:
        """Return a new part file.

        :param path: the path of the new file, which must not exist.
        :param compress: whether to compress with gzip.
        """


class _Lines:
    """A format of lines."""

    compressible: ClassVar[bool] = True

    def header(self) -> bytes:
        """Return the bytes at the start of a file, even without rows."""
        return b""

    def part_file(self, path: Path, *, compress: bool) -> PartFile:
        """Return a new part file."""
        return LinePartFile(path, self.header(), compress=compress)


class JsonLines(_Lines):
    """JSON lines: one object per line, UTF-8, numbers with their original digits, absent values as ``null``."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._has_numbers = [column_type in NUMBER_TYPES for column_type in columns.values()]
        self._names = [
            f"{',' if index else '{'}{encode_basestring(name)}:" for index, name in enumerate(columns)
        ]

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[bytes]:
        """Return rows as JSON lines, encoded by column, which validates a thousand numbers in one step."""
        if not columns:
            return []
        count = len(columns[0])
        strings: list[Iterable[str]] = []
        for name, has_numbers, cells, is_clean in zip(
            self._names, self._has_numbers, columns, clean, strict=True
        ):
            encoded = (
                (cells if is_clean else _json_numbers(cells))
                if has_numbers
                else _json_strings(cells, is_clean)
            )
            strings += [repeat(name, count), encoded]  # type: ignore[list-item]
        lines = map("".join, zip(*strings, repeat("}\n", count), strict=True))
        return [line.encode() for line in lines]


class Csv(_Lines):
    """CSV: comma-separated with a header line, UTF-8, quoted if necessary, absent values empty."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._names = list(columns)

    def header(self) -> bytes:
        """Return the line with the names of the columns."""
        return b"".join(self.lines([[name] for name in self._names], [True] * len(self._names)))

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[bytes]:
        """Return rows as in RFC 4180, but with line feeds."""
        lines: list[str] = []
        # before Python 3.13 cells with "\r" and "\n" are both quoted only if the line terminator contains both
        writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
        writer.writerows(zip(*columns, strict=True))
        return [f"{line[:-2]}\n".encode() for line in lines]


FORMATS: dict[str, type[Format]] = {"jsonl": JsonLines, "csv": Csv, "parquet": Parquet}
"""File formats by name, which is also the file extension."""


def _json_strings(cells: Cells, is_clean: bool) -> Iterable[str]:
    if is_clean:
        return map(encode_basestring, cells)  # type: ignore[arg-type]
    return ["null" if cell is None else encode_basestring(cell) for cell in cells]


def _json_numbers(cells: Cells) -> Sequence[str]:
    strings = ["null" if cell is None else cell for cell in cells]
    if _are_numbers_or_null(strings) and "null" not in cells:
        return strings
    return [
        "null" if cell is None else cell if is_number(cell) else encode_basestring(cell) for cell in cells
    ]
