"""What every output has: a run opens it with its plan, writes rows to it, and publishes them at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.storage.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class TableOptions:
    """The table that rows go to; see :class:`~airflow_provider_tiktok.operators.report_to_sql.TikTokReportToSqlOperator`."""

    sql_conn_id: str
    table: str
    create_table: bool
    add_columns: bool
    batch_size: int
    history: bool = False


class Output(Protocol):
    """Takes a report's rows and publishes them at the end, complete or not at all.

    It is made with the options of a run and the plan of its report, and refuses what it can't take before any row is
    asked for.
    """

    def encode(self, page: Page) -> Sequence[Any]:
        """Make of each row of a page what :meth:`write` takes. Pages come in any order."""

    def write(self, rows: Sequence[Any]) -> None:
        """Take encoded rows, in their order."""

    def checkpoint(self, name: str, identity: Mapping[str, Any]) -> Checkpoint | None:
        """Return a place next to the output for the rows of a run that was interrupted; ``None`` where there is none.

        :param name: the task instance's own.
        :param identity: what else must be the same for the rows to be of use.
        """

    def publish(self, source: RowSource, summary: dict[str, Any], now: datetime) -> None:
        """Make the rows visible, and add to the summary where they are.

        :param source: which brought the rows.
        """

    def close(self) -> None:
        """Discard what isn't published."""
