"""An operator's rows into a table, through the hook of any database that Airflow has."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, ClassVar

from airflow_provider_tiktok._compat_late import BaseHook, has_connection
from airflow_provider_tiktok.api.connection import unreadable
from airflow_provider_tiktok.api.transport.redaction import Redactor
from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.fingerprint import fingerprint_of
from airflow_provider_tiktok.operators._outputs.base import TableOptions
from airflow_provider_tiktok.operators._outputs.columns import OutputColumns
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.planning.plan import ReportPlan, Window
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import WINDOW_COLUMNS, is_time, schema_of, window_columns
from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer
from airflow_provider_tiktok.storage.tables.names import parse_table
from airflow_provider_tiktok.storage.tables.table import ExistingTable, Layout, Slice, SqlTable

log = logging.getLogger(__name__)

_MAX_WAIT = 1800.0  # seconds that another run may write to the table before this one gives up
_ONE_DAY = timedelta(days=1)
_MAX_CELLS = 300_000  # cells held in memory, some 12 MiB; further rows wait in a temporary file
_FEWEST_ROWS = 2_000
# from which day on a row may be that holds a window's first day
_FIRST_DAY: Mapping[str, Callable[[date], date]] = {
    "stat_time_week": lambda day: (
        day - timedelta(days=6)
    ),  # the only week that began then is the one with the day
    "stat_time_month": lambda day: day.replace(day=1),
}


class TableOutput(ABC):
    """Rows into a table, in one transaction, once all of them have come.

    :param options: the table.
    :param columns: of the table.
    :param layout: of the table.
    :param check_stopped: raises when the task was killed.
    :raises TikTokOutputError: the database or the table can't be used.
    """

    noun: ClassVar[str]
    """What the rows are, for messages."""
    keep_order: ClassVar[bool] = True
    """Whether rows stay in TikTok's order until they are written."""

    def __init__(
        self,
        options: TableOptions,
        columns: OutputColumns,
        layout: Layout,
        check_stopped: Callable[[], None],
    ) -> None:
        self._options = options
        self._columns = columns
        self._check_stopped = check_stopped
        self._becomes_null: list[str] = []
        self._table = SqlTable(
            _open_hook(options.sql_conn_id),
            parse_table(str(options.table or "")),
            layout,
            wait=self._waiter(),
            validate=self._validate,
            redact=_redactor(options.sql_conn_id),
        )
        budget = MemoryBudget(max(_FEWEST_ROWS, _MAX_CELLS // len(columns.types)))
        self._buffer = RowBuffer(keep_order=self.keep_order, budget=budget)

    @abstractmethod
    def _slices(self, skipped: Iterable[str]) -> Iterator[Slice]:
        """Return what the rows replace."""

    @abstractmethod
    def _validate(self, found: ExistingTable) -> None:
        """Refuse a table of other rows, as far as its columns show that.

        :raises TikTokOutputError: it is one.
        """

    def encode(self, page: Page) -> Sequence[Any]:
        """Check the rows of a page against the table's columns, and make of them what the database takes."""
        return self._table.encode(page.columns, page.clean) if len(page) else []

    def write(self, rows: Sequence[Any]) -> None:
        """Hold rows until all are there."""
        self._buffer.add([()] * len(rows), rows)

    def checkpoint(self, name: str, identity: Mapping[str, Any]) -> None:  # noqa: B027 - there is none
        """Keep nothing: a database has no place for the rows of a run that was interrupted."""

    def publish(self, source: RowSource, summary: dict[str, Any], now: datetime) -> None:
        """Bring the rows that were fetched into the table."""
        started = time.monotonic()
        deleted, inserted = self._change(source, now)
        log.info(
            "Table %s: %s row(s) deleted, %s inserted, %.1f s",
            self._table.name,
            f"{deleted:,}",
            f"{inserted:,}",
            time.monotonic() - started,
        )
        self._log_nulls()
        summary["table"] = self._table.name
        summary["rows_deleted"] = deleted
        summary["rows_inserted"] = inserted

    def _change(self, source: RowSource, now: datetime) -> tuple[int, int]:
        """Change the table in one transaction, and return the numbers of deleted and inserted rows."""
        return self._table.replace(
            self._slices(source.result.skipped),
            self._buffer.batches(),
            batch_size=self._options.batch_size,
            wait=self._waiter(),
        )

    def close(self) -> None:
        """Free the rows."""
        self._buffer.close()

    def _log_nulls(self) -> None:
        """Warn of columns that are null in the rows that were replaced."""
        if self._becomes_null:
            log.warning(
                "Table %s has columns that are null in the rows of this %s, which doesn't ask for them: %s.",
                self._options.table,
                self.noun,
                ", ".join(self._becomes_null),
            )

    def _waiter(self) -> Callable[[float], None]:
        """Return a function that waits for another run, though not forever."""
        deadline = time.monotonic() + _MAX_WAIT

        def wait(seconds: float) -> None:
            self._check_stopped()
            if seconds and time.monotonic() > deadline:
                raise _busy(str(self._options.table))
            time.sleep(seconds)

        return wait


class SqlOutput(TableOutput):
    """A report's rows into a table.

    :param options: the table.
    :param plan: of the report.
    :param columns: of the table.
    :param check_stopped: raises when the task was killed.
    :raises TikTokOutputError: the database or the table can't be used.
    :raises TikTokInvalidRequestError: the plan has several request windows whose rows would have the same key.
    """

    noun = "report"

    def __init__(
        self,
        options: TableOptions,
        plan: ReportPlan,
        columns: OutputColumns,
        check_stopped: Callable[[], None],
    ) -> None:
        request = plan.request
        schema = schema_of(request)
        self._plan = plan
        self._account = request.kind.account
        self._account_index = list(schema.columns).index(self._account)
        times = list(filter(is_time, schema.key))
        self._time = times[0] if times else None
        # a report that sums several days up says in columns of its own which days a row is of
        more = window_columns(request, schema)
        self._by_window = bool(more)
        self._windows_index = len(schema.columns)
        key = columns.renamed(dict.fromkeys((self._account, *times, *more, *schema.key)))
        layout = Layout(
            columns.types,
            tuple(key),
            _fingerprint(request, key, columns.names),
            options.create_table,
            options.add_columns,
            columns.other_names(),
        )
        self._windows = _one_window_each(plan) if self._by_window else {}
        super().__init__(options, columns, layout, check_stopped)

    def encode(self, page: Page) -> Sequence[Any]:
        """Check the rows of a page against the table's columns, and make of them what the database takes."""
        if not len(page):
            return []
        cells, clean = [*page.columns], [*page.clean]
        if self._by_window:
            windows = [self._windows[account] for account in cells[self._account_index]]  # type: ignore[index]
            index = self._windows_index
            cells[index:index] = [_iso(one.start) for one in windows], [_iso(one.end) for one in windows]
            clean[index:index] = False, False
        return self._table.encode(cells, clean)

    def _slices(self, skipped: Iterable[str]) -> Iterator[Slice]:
        """Return what the report replaces: its accounts, except skipped ones, and the days of each."""
        spans = _spans(self._plan, skipped)
        for span, group in groupby(sorted(spans, key=_order), key=lambda item: item[1]):
            accounts = tuple(account for account, _ in group)
            name_of = self._columns.name_of
            bounds = tuple((name_of(name), sign, day) for name, sign, day in self._bounds(*span))
            yield Slice(name_of(self._account), accounts, bounds, self._time and name_of(self._time))

    def _bounds(self, start: date | None, end: date | None) -> tuple[tuple[str, str, str], ...]:
        if start is None or end is None:
            return ()
        if self._by_window:
            return tuple(
                (name, "=", day.isoformat()) for name, day in zip(WINDOW_COLUMNS, (start, end), strict=True)
            )
        assert self._time is not None  # noqa: S101 - a report with dates has a time or the columns above
        first = _FIRST_DAY[self._time](start) if self._time in _FIRST_DAY else start
        return (self._time, ">=", first.isoformat()), (self._time, "<", (end + _ONE_DAY).isoformat())

    def _validate(self, found: ExistingTable) -> None:
        """Refuse the table of another report, as far as its columns show that.

        :raises TikTokOutputError: it has dimensions that the report lacks, or metrics that would become null.
        """
        request, table = self._plan.request, self._options.table
        more = [
            name
            for name in found.columns
            if name.lower() not in {known.lower() for known in self._columns.types}
        ]
        known = catalog.dimensions(request.report_type)
        dimensions = [name for name in more if name in known or name in WINDOW_COLUMNS]
        if dimensions and not found.is_ours:
            raise TikTokOutputError(
                f"Table {table} is that of another report: it also has {', '.join(dimensions)}, by which this one is not "
                "grouped. Use a separate table for this report."
            )
        metrics = [
            name for name in more if name in catalog.metrics(request.report_type) or name in catalog.metrics()
        ]
        if metrics and not self._options.add_columns:
            raise TikTokOutputError(
                f"Table {table} would lose values of columns that this report doesn't ask for: {', '.join(metrics)}. The "
                "rows that it replaces have them. Request them, use a separate table for the report, or set "
                "`add_columns=True` to let such columns become null."
            )
        # columns that this run adds may be those that others have a name of their own for
        is_new = any(
            name.lower() not in {one.lower() for one in found.columns} for name in self._columns.types
        )
        self._becomes_null = more if is_new else metrics


def _one_window_each(plan: ReportPlan) -> dict[str, Window]:
    """Return the one request window of each account.

    :raises TikTokInvalidRequestError: there are several, whose rows would have the same key.
    """
    found: dict[str, set[Window]] = {}
    for call in plan.calls:
        found.setdefault(call.advertiser_id, set()).add(call.window)
    if any(len(windows) > 1 for windows in found.values()):
        raise invalid(
            "dimensions",
            "have no time, and the days are more than TikTok sums up in one call, so that a table would hold each "
            "entity several times. Add stat_time_day, or ask for at most "
            f"{plan.request.kind.span(plan.request.dimensions)} days.",
        )
    return {account: next(iter(windows)) for account, windows in found.items()}


def _spans(plan: ReportPlan, skipped: Iterable[str]) -> list[tuple[str, tuple[date | None, date | None]]]:
    """Return the days of each account, those that follow each other as one span."""
    spans: list[tuple[str, tuple[date | None, date | None]]] = []
    left_out = set(skipped)
    for account, window in sorted(
        {(call.advertiser_id, call.window) for call in plan.calls},
        key=lambda item: (item[0], item[1].start or date.min),
    ):
        if account in left_out:
            continue
        last = spans[-1] if spans else None
        if (
            last
            and last[0] == account
            and last[1][1]
            and window.start
            and window.start <= last[1][1] + _ONE_DAY
        ):
            spans[-1] = account, (last[1][0], window.end)
        else:
            spans.append((account, (window.start, window.end)))
    return spans


def _order(item: tuple[str, tuple[date | None, date | None]]) -> tuple[date, date, str]:
    account, (start, end) = item
    return start or date.min, end or date.min, account


def _fingerprint(request: ReportRequest, key: Sequence[str], names: Mapping[str, str]) -> str:
    """Return the fingerprint of the report without its accounts, days and metrics.

    :param key: the table's.
    :param names: the table's names of columns by TikTok's. Only those that are another column's name at TikTok count:
        of these a table doesn't show what is in them.
    """
    left_out = (
        "dimensions",
        "metrics",
        "page_size",
        "enable_total_metrics",
        request.kind.account,
        *request.kind.sort,
    )
    identity = {
        name: value for name, value in request.params().items() if name not in left_out and value is not None
    }
    identity["key"] = sorted(key)
    return fingerprint_of(identity | crossed_names(names), 12)


def crossed_names(names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return, for a table's fingerprint, the names of columns that are another column's at TikTok.

    :param names: the table's names by TikTok's.
    """
    crossed = {name: new for name, new in names.items() if new != name and new in names}
    return {"column_names": crossed} if crossed else {}


_PROVIDERS: Mapping[str, str] = {
    conn_type: f": pip install {package}"
    for conn_type, package in {
        "sqlite": "apache-airflow-providers-sqlite",
        "postgres": "apache-airflow-providers-postgres",
        "mysql": "apache-airflow-providers-mysql",
        "snowflake": "apache-airflow-providers-snowflake",
        "redshift": "apache-airflow-providers-amazon",
        "gcpbigquery": "apache-airflow-providers-google",
        "mssql": "apache-airflow-providers-microsoft-mssql",
        "duckdb": "airflow-provider-duckdb",
    }.items()
}
"""The provider of a connection's type, for a message; Airflow doesn't know those that aren't installed."""


def _open_hook(conn_id: object) -> Any:
    """Return the hook of the database.

    :raises TikTokOutputError: there is no such connection, or it is none of a database.
    """
    name = str(conn_id or "").strip()
    if not name:
        raise TikTokOutputError("`sql_conn_id` is missing. Name the Airflow connection of the database.")
    if not has_connection(name):
        raise TikTokOutputError(
            unreadable(name)
            or f"Airflow has no connection {name!r}, which is to open the database. Create it under Admin > Connections, or "
            "correct `sql_conn_id`."
        )
    try:
        from airflow.providers.common.sql.hooks.sql import DbApiHook
    except ImportError as error:
        raise TikTokOutputError(
            'Airflow\'s common SQL provider is missing. Install it: pip install "airflow-provider-tiktok[sql]".'
        ) from error
    connection = BaseHook.get_connection(name)
    try:
        hook = connection.get_hook()
    except Exception as error:
        raise TikTokOutputError(
            f"Connection {name!r} is of type {connection.conn_type!r}, for which no installed Airflow provider has a hook "
            f"({type(error).__name__}). Install the provider of the database"
            f"{_PROVIDERS.get(connection.conn_type, ', such as apache-airflow-providers-postgres')}."
        ) from None
    if not isinstance(hook, DbApiHook):
        raise TikTokOutputError(
            f"Connection {name!r} is of type {connection.conn_type!r}, whose hook speaks no SQL. Name the connection of a "
            "database in `sql_conn_id`."
        )
    return hook


def _redactor(conn_id: str) -> Callable[[str], str]:
    """Return a function that redacts the connection's password, as it is and as a URL holds it."""
    password = BaseHook.get_connection(str(conn_id).strip()).password
    return Redactor((password or "",)).text


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _busy(table: str) -> TikTokOutputError:
    return TikTokOutputError(
        f"Another run has been writing to table {table} for {_MAX_WAIT / 60:.0f} minutes; nothing was changed. See what it "
        "does, then run the task again.",
        retryable=True,
    )
