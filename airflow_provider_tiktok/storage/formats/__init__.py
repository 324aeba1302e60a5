"""File formats: one module and one line in :data:`FORMATS` each."""

from __future__ import annotations

from airflow_provider_tiktok.storage.formats.base import Format
from airflow_provider_tiktok.storage.formats.comma_separated import Csv
from airflow_provider_tiktok.storage.formats.json_lines import JsonLines
from airflow_provider_tiktok.storage.formats.parquet import Parquet

FORMATS: dict[str, type[Format]] = {
    "jsonl": JsonLines,
    "csv": Csv,
    "parquet": Parquet,
}
"""File formats by name, which is also the file extension."""

EXTENSIONS = (*FORMATS, *(f"{name}.gz" for name, file_format in FORMATS.items() if file_format.compressible))
"""The extensions of files that can be written."""
