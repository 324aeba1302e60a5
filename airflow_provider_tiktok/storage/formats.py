"""How rows look in a file: one class a format, one line in :data:`FORMATS`.

A format renders rows whose cells are well-formed texts without NUL: ``None`` is null, and a column of type
``integer`` or ``decimal`` holds a number's digits. Formats of text write them as they are, and a text in a
number column that is no number as text. Each row is rendered by itself, so that rows can be rendered as
they come and put into their order later.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from json.encoder import encode_basestring
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol

from airflow_provider_tiktok.storage.columns import NUMBER, NUMBER_TYPES, Cells, column_test, is_number
from airflow_provider_tiktok.storage.parquet import Parquet
from airflow_provider_tiktok.storage.part_file import LineSpool, Spool

_are_numbers_or_null = column_test(rf"(?:null|{NUMBER})")


class Format(Protocol):
    """Renders rows, and begins the files that take them.

    :param columns: type by name, in the order of a row's cells.
    """

    compressible: ClassVar[bool]
    """Whether files of it may be compressed as a whole."""

    def __init__(self, columns: Mapping[str, str]) -> None: ...

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> Sequence[Any]:
        """Render rows, each by itself, as something that a file of this format and :mod:`marshal` take.

        :param columns: the cells of each column.
        :param clean: of each column, whether it is known to hold no null and, where its type is a
            number, nothing but JSON numbers.
        """

    def spool(self, path: Path, *, compress: bool, one_of_many: bool) -> Spool:
        """Begin a file.

        :param path: where it grows; it may not exist yet.
        :param compress: with gzip.
        :param one_of_many: whether others grow at the same time.
        """

    def close(self) -> None:
        """Let go of what several files share."""


class _Lines:
    """A format of lines, which may stand in any number of pieces."""

    compressible: ClassVar[bool] = True

    def header(self) -> bytes:
        """Give what a file begins with, also when it has no rows."""
        return b""

    def spool(self, path: Path, *, compress: bool, one_of_many: bool) -> Spool:
        """Begin a file."""
        return LineSpool(path, self.header(), compress=compress)

    def close(self) -> None:
        """Do nothing: files of lines share nothing."""


class JsonLines(_Lines):
    """One JSON object a line, UTF-8, numbers with the digits that came, absent values as ``null``."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._has_numbers = [kind in NUMBER_TYPES for kind in columns.values()]
        self._names = [
            f"{',' if place else '{'}{encode_basestring(name)}:" for place, name in enumerate(columns)
        ]

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[bytes]:
        """Encode column by column, which checks a thousand numbers at a time."""
        if not columns:
            return []
        count = len(columns[0])
        texts: list[Iterable[str]] = []
        for name, has_numbers, cells, is_clean in zip(
            self._names, self._has_numbers, columns, clean, strict=True
        ):
            encoded = (
                (cells if is_clean else _json_numbers(cells)) if has_numbers else _json_texts(cells, is_clean)
            )
            texts += [repeat(name, count), encoded]  # type: ignore[list-item]
        lines = map("".join, zip(*texts, repeat("}\n", count), strict=True))
        return [line.encode() for line in lines]


class Csv(_Lines):
    """Comma-separated with a header line, UTF-8, quotes where needed, absent values empty."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._names = list(columns)

    def header(self) -> bytes:
        """Begin with the names of the columns."""
        return b"".join(self.lines([[name] for name in self._names], [True] * len(self._names)))

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[bytes]:
        """Write rows as RFC 4180 does, with bare line feeds."""
        lines: list[str] = []
        # before Python 3.13 a cell's "\r" and "\n" are both quoted only when the line end holds both
        writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
        writer.writerows(zip(*columns, strict=True))
        return [f"{line[:-2]}\n".encode() for line in lines]


FORMATS: dict[str, type[Format]] = {"jsonl": JsonLines, "csv": Csv, "parquet": Parquet}
"""File formats by name, which is also the file extension."""


def _json_texts(cells: Cells, is_clean: bool) -> Iterable[str]:
    if is_clean:
        return map(encode_basestring, cells)  # type: ignore[arg-type]
    return ["null" if cell is None else encode_basestring(cell) for cell in cells]


def _json_numbers(cells: Cells) -> Sequence[str]:
    texts = ["null" if cell is None else cell for cell in cells]
    if _are_numbers_or_null(texts) and "null" not in cells:
        return texts
    return [
        "null" if cell is None else cell if is_number(cell) else encode_basestring(cell) for cell in cells
    ]
