"""CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from airflow_provider_tiktok.storage.columns import Cells
from airflow_provider_tiktok.storage.formats.base import LineFormat


class Csv(LineFormat):
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

    @staticmethod
    def read(file: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a file; nulls are empty strings."""
        yield from csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""), strict=True)
