"""Rows into XCom."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokResultTooLargeError
from airflow_provider_tiktok.operators._outputs.columns import OutputColumns
from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import Schema, to_python

log = logging.getLogger(__name__)

ROWS_KEY = "rows"
"""XCom key of the rows."""


class XComOutput:
    """Rows into XCom, up to a size.

    :param columns: of the rows.
    :param max_bytes: bytes that the rows may take as JSON.
    :param task_instance: Airflow's; ``None`` outside of Airflow.
    """

    def __init__(self, columns: OutputColumns, max_bytes: int, task_instance: Any) -> None:
        self._max_bytes = max_bytes
        self._schema = Schema(dict(columns.types), ())
        self._task_instance = task_instance
        self._rows: list[dict[str, Any]] = []
        self._bytes = 2

    def encode(self, page: Page) -> Sequence[Any]:
        """Leave the rows as they are."""
        return page.rows()

    def write(self, rows: Sequence[Any]) -> None:
        """Take rows.

        :raises TikTokResultTooLargeError: they don't fit.
        """
        new = list(to_python(self._schema, rows, float))
        self._bytes += len(json.dumps(new))
        if self._bytes > self._max_bytes:
            raise TikTokResultTooLargeError(
                f"The rows don't fit into XCom: the first {len(self._rows) + len(rows):,} take {self._bytes:,} bytes, more "
                f"than the {self._max_bytes:,} of `max_xcom_bytes`. Set `output_path` to send the rows to "
                "storage, or raise `max_xcom_bytes` if Airflow's metadata database can bear it."
            )
        self._rows += new

    def checkpoint(self, name: str, identity: Mapping[str, Any]) -> None:
        """Keep nothing: rows that fit into XCom are soon fetched again."""

    def publish(self, source: RowSource, summary: dict[str, Any], now: datetime) -> None:
        """Push the rows."""
        summary["bytes"] = self._bytes
        if self._task_instance is None:
            log.warning(
                "There is no task instance, so the rows are discarded; set `output_path` to store them."
            )
            return
        self._task_instance.xcom_push(key=ROWS_KEY, value=self._rows)

    def close(self) -> None:
        """Free the rows."""
        self._rows = []
