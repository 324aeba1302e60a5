"""The columns of a report, and the type of each.

A row is a tuple of strings in the order of the schema's columns; ``None`` is null. A string is canonical
for its column's type: ``integer`` and ``decimal`` hold a JSON number with the digits that TikTok
sent, ``date`` and ``timestamp`` are ISO 8601, everything else is ``string``. So writers render rows
without parsing a number, and no digit is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.storage.columns import (
    BOOLEAN,
    DATE,
    DECIMAL,
    FLAGS,
    INTEGER,
    NUMBER_TYPES,
    STRING,
    TIMESTAMP,
    is_number,
)

Cell = str | None
Row = tuple[Cell, ...]

WINDOW_COLUMNS = ("report_start_date", "report_end_date")
"""Columns of a table whose report has dates and no time dimension: they say of which days a row is."""

_TYPE_BY_VALUE = {
    "integer": INTEGER,
    "currency": DECIMAL,
    "percent": DECIMAL,
    "ratio": DECIMAL,
    "seconds": DECIMAL,
}
_TYPE_BY_TIME_DIMENSION = {
    "stat_time_day": DATE,
    "stat_time_week": DATE,
    "stat_time_month": DATE,
    "stat_time_hour": TIMESTAMP,
}


DAY, HOUR = "stat_time_day", "stat_time_hour"
DAY_LENGTH = len("2026-11-21")
"""The characters of a day, and of the day in an hour."""


def is_time(name: str) -> bool:
    """Return whether a column says when: a day, a week, a month or an hour."""
    return name in _TYPE_BY_TIME_DIMENSION


@dataclass(frozen=True)
class Schema:
    """The columns of a report. They follow from the request, so an empty report has them too.

    :param columns: type by name, in the order of a row's cells: the account, the dimensions, the metrics.
    :param key: names of the columns that identify a row: the account and the dimensions.
    """

    columns: dict[str, str]
    key: tuple[str, ...]

    @property
    def key_indexes(self) -> tuple[int, ...]:
        """The key's positions in a row, times first, so that rows sorted by it are in the order of their days."""
        order = list(self.columns)
        times = list(filter(is_time, self.key))
        return tuple(
            order.index(name) for name in (*times, *(name for name in self.key if name not in times))
        )


def schema_of(request: ReportRequest) -> Schema:
    """Return the columns of a request's rows."""
    key = tuple(
        dict.fromkeys(
            (
                "advertiser_id",
                *(name for name in (request.kind.account,) if name != "advertiser_id"),
                *request.dimensions,
                *request.kind.companion_dimensions(request.dimensions),
                *(("stat_time_day",) if request.by_day else ()),
            )
        )
    )
    types = {name: _dimension_type(request.report_type, name) for name in key}
    known, more = catalog.metrics(request.report_type), catalog.metrics()
    for name in (*request.metrics, *request.kind.companion_metrics):
        # a name that the catalogue lacks is text: TikTok's values pass through
        metric = known.get(name) or more.get(name)
        types.setdefault(name, _metric_type(metric, request.dimensions) if metric else STRING)
    return Schema(types, key)


def window_columns(request: ReportRequest, schema: Schema) -> dict[str, str]:
    """Return the columns by which a table tells the rows of several runs apart, by type; none where rows have a time."""
    return (
        {} if any(map(is_time, schema.key)) or request.query_lifetime else dict.fromkeys(WINDOW_COLUMNS, DATE)
    )


def _metric_type(metric: catalog.Metric, dimensions: Sequence[str]) -> str:
    """Return a metric's type; with some dimensions TikTok replaces small numbers by a text such as ``<5``."""
    if any(f"text_beside_{name}" in metric.rules for name in dimensions):
        return STRING
    return _TYPE_BY_VALUE.get(metric.type, STRING)


def _dimension_type(report_type: str, name: str) -> str:
    dimension = catalog.dimensions(report_type).get(name)
    if dimension is not None and dimension.type == "integer":
        return INTEGER
    return _TYPE_BY_TIME_DIMENSION.get(name, STRING)


def to_python(schema: Schema, rows: Iterable[Row], number: Callable[[str], Any]) -> Iterable[dict[str, Any]]:
    """Yield rows as dicts: integers as ``int``, other numbers made by ``number``, flags as ``bool``, the rest as text.

    :param number: makes a number from its digits, such as ``float`` or ``Decimal``.
    """
    makers = [(name, _maker(kind, number)) for name, kind in schema.columns.items()]
    for row in rows:
        yield {
            name: cell if cell is None else make(cell) for (name, make), cell in zip(makers, row, strict=True)
        }


def _maker(kind: str, number: Callable[[str], Any]) -> Callable[[str], Any]:
    if kind == BOOLEAN:
        return lambda cell: cell == "true" if cell in FLAGS else cell
    if kind not in NUMBER_TYPES:
        return str

    def make(cell: str) -> Any:
        if not is_number(cell):
            return cell
        return int(cell) if kind == INTEGER and cell.lstrip("-").isdigit() else number(cell)

    return make
