"""JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from json.encoder import encode_basestring
from typing import Any

from airflow_provider_tiktok.storage.columns import (
    BOOLEAN,
    FLAGS,
    NUMBER_PATTERN,
    NUMBER_TYPES,
    Cells,
    is_number,
    number_test,
)
from airflow_provider_tiktok.storage.formats.base import LineFormat

_are_numbers_or_null = number_test(rf"(?:null|{NUMBER_PATTERN})")


class JsonLines(LineFormat):
    """JSON lines: one object per line, UTF-8, numbers with their original digits, absent values as ``null``."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._encoders = [_ENCODERS.get(column_type, _json_strings) for column_type in columns.values()]
        self._names = [
            f"{',' if index else '{'}{encode_basestring(name)}:" for index, name in enumerate(columns)
        ]

    def lines(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[bytes]:
        """Return rows as JSON lines, encoded by column, which validates a thousand numbers in one step."""
        if not columns:
            return []
        count = len(columns[0])
        strings: list[Iterable[str]] = []
        for name, encode, cells, is_clean in zip(self._names, self._encoders, columns, clean, strict=True):
            strings += [repeat(name, count), encode(cells, is_clean)]
        lines = map("".join, zip(*strings, repeat("}\n", count), strict=True))
        return list(map(str.encode, lines))

    @staticmethod
    def read(file: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a file; numbers are strings with their digits."""
        for line in io.TextIOWrapper(file, "utf-8", newline="\n"):
            yield json.loads(line, parse_float=str, parse_int=str)


def _json_strings(cells: Cells, is_clean: bool) -> Iterable[str]:
    if is_clean:
        return map(encode_basestring, cells)  # type: ignore[arg-type]
    return ["null" if cell is None else encode_basestring(cell) for cell in cells]


def _json_numbers(cells: Cells, is_clean: bool) -> Sequence[str]:
    if is_clean:
        return cells  # type: ignore[return-value]
    strings = ["null" if cell is None else cell for cell in cells]
    if _are_numbers_or_null(strings) and "null" not in cells:
        return strings
    return [
        "null" if cell is None else cell if is_number(cell) else encode_basestring(cell) for cell in cells
    ]


def _json_flags(cells: Cells, is_clean: bool) -> Sequence[str]:
    if is_clean:
        return cells  # type: ignore[return-value]
    return ["null" if cell is None else cell if cell in FLAGS else encode_basestring(cell) for cell in cells]


_ENCODERS: Mapping[str, Callable[[Cells, bool], Iterable[str]]] = {
    **dict.fromkeys(NUMBER_TYPES, _json_numbers),
    BOOLEAN: _json_flags,
}
"""How cells are written, by type; others are strings."""
