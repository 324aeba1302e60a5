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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What every run needs to know that writes rows; the operators say what it means.

    :param output_path: without the connection that an ``ObjectStoragePath`` carries; ``None`` for XCom or a table.
    :param output_conn_id: the filesystem's Airflow connection.
    :param partition_by: as the user wrote it, with the columns' new names or TikTok's.
    :param column_names: as the user wrote it; the columns' names follow from it and from the rows.
    :param loaded_at: likewise.
    :param execution_timeout: seconds.
    :param table: the table that the rows go to; ``None`` for files or XCom.
    """

    tiktok_conn_id: str | None
    output_path: str | None
    output_format: str | None
    output_conn_id: str | None
    partition_by: tuple[str, ...]
    column_names: object
    loaded_at: object
    max_xcom_bytes: int
    on_empty: str
    on_advertiser_error: str
    fail_fast: bool
    max_concurrency: int
    deferrable: bool
    execution_timeout: float | None
    durable: bool
    outlets: Sequence[Any]
    asset_partitions: bool | None = None
    table: TableOptions | None = None

    @property
    def policy(self) -> list[Any]:
        """What of the options decides which rows are saved for a retry."""
        return [self.on_advertiser_error]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions(RunOptions):
    """What a report's run needs to know; see :class:`~airflow_provider_tiktok.operators.report.TikTokReportOperator`.

    :param report: the parameters of the report itself, which
        :func:`~airflow_provider_tiktok.reports.params.request.parse_request` reads.
    :param poll_interval: seconds, as are the other times.
    """

    report: Mapping[str, Any]
    reconcile: bool
    reconcile_tolerance: float
    restatement: bool
    drop_invalid_metrics: bool
    poll_interval: float
    wait_timeout: float
    cancel_on_kill: bool

    @property
    def policy(self) -> list[Any]:
        """What of the options decides which rows are saved for a retry."""
        return [self.on_advertiser_error, self.drop_invalid_metrics, self.reconcile]

    @classmethod
    def from_operator(cls, operator: Any, table: TableOptions | None = None) -> ReportOptions:
        """Read and check the fields of an operator.

        :param table: where the rows go; then what the operator has about files means nothing.
        :raises TikTokInvalidRequestError: an option about the output can't be right.
        """
        read = _read_run(operator, table)
        restatement = operator.restatement and table is None
        if restatement and read["output_path"] is None:
            raise coerce.invalid(
                "restatement", "compares the files that a run replaces, so it needs an `output_path`."
            )
        return cls(
            report={name: getattr(operator, name) for name in _REPORT_PARAMETERS},
            restatement=restatement,
            poll_interval=_seconds(operator.poll_interval),
            wait_timeout=_seconds(operator.wait_timeout),
            asset_partitions=operator.asset_partitions,
            **{name: getattr(operator, name) for name in _OF_REPORTS},
            **read,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityOptions(RunOptions):
    """What the run of a list needs to know; see :class:`~airflow_provider_tiktok.operators.entities.TikTokEntitiesOperator`.

    :param entities: the parameters of the list itself, which
        :func:`~airflow_provider_tiktok.entities.request.parse_entities` reads.
    """

    entities: Mapping[str, Any]

    @classmethod
    def from_operator(cls, operator: Any, table: TableOptions | None = None) -> EntityOptions:
        """Read and check the fields of an operator.

        :param table: where the rows go; then what the operator has about files means nothing.
        :raises TikTokInvalidRequestError: an option about the output can't be right.
        """
        from airflow_provider_tiktok.entities.request import parse_entities

        parameters = {name: getattr(operator, name) for name in signature(parse_entities).parameters}
        return cls(entities=parameters, **_read_run(operator, table))


_COPIED = (
    "tiktok_conn_id",
    "column_names",
    "loaded_at",
    "max_xcom_bytes",
    "on_empty",
    "on_advertiser_error",
    "fail_fast",
    "max_concurrency",
    "deferrable",
    "durable",
    "outlets",
)
"""Fields that are the same in the options as in the operator."""

_OF_REPORTS = ("reconcile", "reconcile_tolerance", "drop_invalid_metrics", "cancel_on_kill")
"""The same, of reports only."""

_NO_FILES: Mapping[str, Any] = {
    "output_path": None,
    "output_format": None,
    "output_conn_id": None,
    "partition_by": (),
}


def _read_run(operator: Any, table: TableOptions | None) -> dict[str, Any]:
    """Return what every run needs to know."""
    return {
        **{name: getattr(operator, name) for name in _COPIED},
        "execution_timeout": _seconds(operator.execution_timeout),
        "table": table,
        **(_NO_FILES if table else _read_output(operator)),
    }


def _seconds(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value


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
    return {**read, "output_path": path, "output_conn_id": read["output_conn_id"] or conn_id}


def read_path(value: object) -> tuple[str | None, str | None]:
    """Read an output path, and the connection that it carries where it is an ``ObjectStoragePath``.

    :return: the path without the connection, which Airflow writes in front of the host.
    """
    path, conn_id = coerce.path(value, "output_path"), connection_of(value)
    if path is None or conn_id is None:
        return path, None
    return path.replace(f"://{conn_id}@", "://", 1), conn_id
