"""The options of one run, read from the operator once, after its templates have rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from inspect import signature
from typing import Any

from airflow_provider_tiktok._compat_late import connection_of
from airflow_provider_tiktok.operators._outputs.base import TableOptions
from airflow_provider_tiktok.reports.params import coerce
from airflow_provider_tiktok.reports.params.request import parse_request

_REPORT_PARAMETERS = tuple(signature(parse_request).parameters)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a run needs to know; see :class:`~airflow_provider_tiktok.operators.report.TikTokReportOperator`.

    :param report: the parameters of the report itself, which
        :func:`~airflow_provider_tiktok.reports.params.request.parse_request` reads.
    :param output_path: without the connection that an ``ObjectStoragePath`` carries; ``None`` for XCom or a table.
    :param output_conn_id: the filesystem's Airflow connection.
    :param partition_by: as the user wrote it, with the columns' new names or TikTok's.
    :param column_names: as the user wrote it; the columns' names follow from it and from the report.
    :param loaded_at: likewise.
    :param poll_interval: seconds, as are the other times.
    :param table: the table that the rows go to; ``None`` for files or XCom.
    """

    tiktok_conn_id: str | None
    report: Mapping[str, Any]
    reconcile: bool
    reconcile_tolerance: float
    output_path: str | None
    output_format: str | None
    output_conn_id: str | None
    partition_by: tuple[str, ...]
    column_names: object
    loaded_at: object
    max_xcom_bytes: int
    restatement: bool
    on_empty: str
    on_advertiser_error: str
    drop_invalid_metrics: bool
    fail_fast: bool
    max_concurrency: int
    deferrable: bool
    poll_interval: float
    wait_timeout: float
    execution_timeout: float | None
    durable: bool
    cancel_on_kill: bool
    outlets: Sequence[Any]
    asset_partitions: bool | None
    table: TableOptions | None = None

    @classmethod
    def from_operator(cls, operator: Any, table: TableOptions | None = None) -> ReportOptions:
        """Read and check the fields of an operator.

        :param table: where the rows go; then what the operator has about files means nothing.
        :raises TikTokInvalidRequestError: an option about the output can't be right.
        """
        read: dict[str, Any] = {name: getattr(operator, name) for name in _COPIED}
        for name in ("poll_interval", "wait_timeout", "execution_timeout"):
            value = getattr(operator, name)
            read[name] = value.total_seconds() if isinstance(value, timedelta) else value
        report = {name: getattr(operator, name) for name in _REPORT_PARAMETERS}
        return cls(report=report, table=table, **read, **(_NO_FILES if table else _read_output(operator)))


_COPIED = (
    "tiktok_conn_id",
    "reconcile",
    "reconcile_tolerance",
    "column_names",
    "loaded_at",
    "max_xcom_bytes",
    "on_empty",
    "on_advertiser_error",
    "drop_invalid_metrics",
    "fail_fast",
    "max_concurrency",
    "deferrable",
    "durable",
    "cancel_on_kill",
    "outlets",
    "asset_partitions",
)
"""Fields that are the same in the options as in the operator."""

_NO_FILES: Mapping[str, Any] = {
    "output_path": None,
    "output_format": None,
    "output_conn_id": None,
    "partition_by": (),
    "restatement": False,
}


def _read_output(operator: Any) -> dict[str, Any]:
    """Return the options about files."""
    path, conn_id = read_path(operator.output_path)
    named = coerce.structure(coerce.optional(operator.partition_by, "partition_by"))
    read: dict[str, Any] = {
        "partition_by": tuple(coerce.names(named, "partition_by") or ()) if named else (),
        "output_format": coerce.text(operator.output_format, "output_format"),
        "output_conn_id": coerce.text(operator.output_conn_id, "output_conn_id"),
    }
    if path is None:
        for name, value in read.items():
            if value:
                raise coerce.invalid(name, "is about files, so it needs an `output_path`.")
        if operator.restatement:
            raise coerce.invalid(
                "restatement", "compares the files that a run replaces, so it needs an `output_path`."
            )
    return {
        **read,
        "output_path": path,
        "output_conn_id": read["output_conn_id"] or conn_id,
        "restatement": operator.restatement,
    }


def read_path(value: object) -> tuple[str | None, str | None]:
    """Read an output path, and the connection that it carries where it is an ``ObjectStoragePath``.

    :return: the path without the connection, which Airflow writes in front of the host.
    """
    path, conn_id = coerce.path(value, "output_path"), connection_of(value)
    if path is None or conn_id is None:
        return path, None
    return path.replace(f"://{conn_id}@", "://", 1), conn_id
