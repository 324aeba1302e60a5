"""Readers of data files in any format, which return each row as strings by column.

Values that formats can't distinguish are normalized: null and empty text, which are the same in CSV, and
numbers with trailing zeros, which Parquet adds.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from datetime import date
from typing import IO, Any

from airflow_provider_tiktok.storage.columns import NUMBER_TYPES, canonical_number
from airflow_provider_tiktok.storage.formats import FORMATS

Record = dict[str, "str | None"]


def read_records(file: IO[bytes], name: str, columns: Mapping[str, str]) -> Iterator[Record]:
    """Return the rows of a data file.

    :param file: the open file; a Parquet file must be seekable.
    :param name: the file's name, whose extension determines the format.
    :param columns: the columns to return, type by name; a column that the file lacks is null.
    :raises Exception: the file is invalid; each format raises different errors.
    """
    stem, _, extension = name.lower().removesuffix(".gz").rpartition(".")
    source = gzip.GzipFile(fileobj=file) if name.lower().endswith(".gz") else file
    readers = [
        (column, _number if column_type in NUMBER_TYPES else _text) for column, column_type in columns.items()
    ]
    for row in FORMATS[extension if stem else ""].read(source):
        yield {column: read(row.get(column)) for column, read in readers}


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else str(value)


def _number(value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = canonical_number(str(value))
    if text is None:  # text that is not a number passes through
        return str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text
