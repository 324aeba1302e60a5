"""What a file format has to do.

A format renders rows whose cells are well-formed strings without NUL: ``None`` is null, and a column of type
``integer`` or ``decimal`` contains a number's digits, one of type ``boolean`` ``true`` or ``false``. Text formats write
these unchanged, and any other value in such a column as text. Each row is rendered separately, so that rows can be
rendered on arrival and sorted later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from airflow_provider_tiktok.storage.columns import Cells
from airflow_provider_tiktok.storage.formats.part_file import LinePartFile, PartFile


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
            number or a flag, only JSON's.
        """

    def part_file(self, path: Path, *, compress: bool) -> PartFile:
        """Return a new part file.

        :param path: the path of the new file, which must not exist.
        :param compress: whether to compress with gzip.
        """

    @staticmethod
    def read(file: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a file, which is not compressed.

        :param file: the open file; a Parquet file must be seekable.
        :raises Exception: the file is invalid; each format raises different errors.
        """


class LineFormat:
    """A format of lines."""

    compressible: ClassVar[bool] = True

    def header(self) -> bytes:
        """Return the bytes at the start of a file, even without rows."""
        return b""

    def part_file(self, path: Path, *, compress: bool) -> PartFile:
        """Return a new part file."""
        return LinePartFile(path, self.header(), compress=compress)
