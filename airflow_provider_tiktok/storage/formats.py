"""How rows look in a file: one class a format, one line in :data:`FORMATS`.

A format renders rows whose cells are texts: ``None`` is null, and a column of type ``integer`` or
``decimal`` holds a number's digits, which are written as they are. A text in a number column that is
no number is written as text. Each row is rendered by itself, so that rows can be rendered as they
come and put into their order later.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from types import SimpleNamespace
from typing import Protocol

Cells = Sequence["str | None"]

NUMBER_TYPES = frozenset({"integer", "decimal"})

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?")
_JSON_NUMBERS = re.compile(rf"(?:{_JSON_NUMBER.pattern}\n)*")


class Format(Protocol):
    """Renders rows as bytes.

    :param columns: type by name, in the order of a row's cells.
    """

    def __init__(self, columns: Mapping[str, str]) -> None: ...

    def header(self) -> bytes:
        """Give what a file begins with, also when it has no rows."""

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[bytes]:
        """Give the bytes of each of some rows.

        :param columns: the cells of each column.
        :param clean: of each column, whether it is known to hold no null and, where its type is a
            number, nothing but JSON numbers.
        """


class JsonLines:
    """One JSON object a line, UTF-8, numbers with the digits that came, absent values as ``null``."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._is_number = [kind in NUMBER_TYPES for kind in columns.values()]
        names = [encode_basestring(name).replace("%", "%%") for name in columns]
        self._line = "{" + ",".join(f"{name}:%s" for name in names) + "}\n"

    def header(self) -> bytes:
        """Begin with nothing: every line stands for itself."""
        return b""

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[bytes]:
        """Encode column by column, which checks a thousand numbers at a time."""
        encoded = [
            (cells if is_clean else _json_numbers(cells)) if is_number else _json_texts(cells, is_clean)
            for is_number, cells, is_clean in zip(self._is_number, columns, clean, strict=True)
        ]
        line = self._line
        # half a character, as a name cut in mid-emoji ends, becomes the escape that JSON has for it
        return [(line % cells).encode("utf-8", "backslashreplace") for cells in zip(*encoded, strict=True)]


class Csv:
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
        rows = list(zip(*columns, strict=True))
        try:
            writer.writerows(rows)
        except csv.Error:  # a NUL, which Python 3.10 neither writes nor reads
            lines.clear()
            writer.writerows([[cell and cell.replace("\0", "\ufffd") for cell in row] for row in rows])
        return [f"{line[:-2]}\n".encode("utf-8", "backslashreplace") for line in lines]


FORMATS: dict[str, type[Format]] = {"jsonl": JsonLines, "csv": Csv}
"""File formats by name, which is also the file extension."""


def _json_texts(cells: Cells, is_clean: bool) -> Iterable[str]:
    if is_clean:
        return map(encode_basestring, cells)  # type: ignore[arg-type]
    return ["null" if cell is None else encode_basestring(cell) for cell in cells]


def _json_numbers(cells: Cells) -> Sequence[str]:
    if None not in cells:
        lines = "\n".join(cells) + "\n"  # type: ignore[arg-type]
        if lines.count("\n") == len(cells) and _JSON_NUMBERS.fullmatch(lines):
            return cells  # type: ignore[return-value]
    return [
        "null" if cell is None else cell if _JSON_NUMBER.fullmatch(cell) else encode_basestring(cell)
        for cell in cells
    ]
