"""Replacement of a table's rows of some accounts and days in one transaction.

No connection is open while rows are fetched: the table is inspected first, over a connection that is then
closed, and written at the end. Readers see the old rows until the commit; an error, or the end of the
process, leaves the old rows unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokError, TikTokOutputError
from airflow_provider_tiktok.storage.columns import Cells
from airflow_provider_tiktok.storage.tables.databases import Ansi
from airflow_provider_tiktok.storage.tables.values import Binder, Column

_LOCK_POLL_INTERVAL = 0.2  # seconds
_MAX_PARAMETERS = 200  # accounts in one statement
_PERMANENT = {"DataError", "ProgrammingError", "NotSupportedError"}  # DB-API's classes of permanent errors


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice of the table's rows that is replaced.

    :param column: the column of the accounts.
    :param accounts: the accounts.
    :param bounds: further conditions: column, operator, value.
    :param or_null: a column whose nulls are also in the slice.
    """

    column: str
    accounts: tuple[str, ...]
    bounds: tuple[tuple[str, str, str], ...] = ()
    or_null: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The required layout of the table, and the permitted changes.

    :param columns: type by name, in the order of a row's cells.
    :param key: the columns that identify a row, the account and the time first.
    :param fingerprint: identifies the rows' report; it is in the name of the table's unique index.
    :param create: whether to create a missing table.
    :param add_columns: whether to add missing columns.
    """

    columns: Mapping[str, str]
    key: tuple[str, ...]
    fingerprint: str
    create: bool
    add_columns: bool


@dataclass(frozen=True, slots=True)
class ExistingTable:
    """The existing table.

    :param columns: declared type by name.
    :param is_ours: whether this package created it, for rows of the same report.
    """

    columns: Mapping[str, str]
    is_ours: bool


class SqlTable:
    """A table whose slices are replaced by rows.

    :param connect: returns a DB-API connection.
    :param dialect: the dialect of the database, with the table's name.
    :param layout: the required layout.
    :param validate: raises an error if an existing table is the wrong one.
    :param redact: returns a driver's message without secrets.
    :raises TikTokOutputError: the database can't be reached, or the table is not suitable for these rows.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        dialect: Ansi,
        layout: Layout,
        *,
        validate: Callable[[ExistingTable], None] = lambda _: None,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._connect = connect
        self._dialect = dialect
        self._layout = layout
        self._validate = validate
        self._redact = redact
        self.name = ".".join(dialect.parts)
        with self._cursor("inspected") as (connection, cursor):
            _, types = self._changes(connection, cursor)
            self._binders = self._binders_of(types)
            connection.rollback()

    def encode(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[Any]:
        """Return rows in the form for :meth:`replace`.

        :param columns: the cells of each column.
        :param clean: for each column, whether it is known to contain no null and, if its type is a number,
            only JSON numbers.
        :raises TikTokOutputError: the table can't store a cell unchanged.
        """
        checked = [
            binder.check(cells, is_clean)
            for binder, cells, is_clean in zip(self._binders, columns, clean, strict=True)
        ]
        return self._dialect.encode(self._binders, checked) if checked else []

    def replace(
        self,
        slices: Iterable[Slice],
        rows: Iterable[Sequence[Any]],
        *,
        batch_size: int,
        wait: Callable[[float], None],
    ) -> tuple[int, int]:
        """Delete the slices and insert the rows, in one transaction.

        :param rows: batches of rows from :meth:`encode`.
        :param batch_size: the number of rows that are sent to the database together.
        :param wait: waits a number of seconds, and raises if the task was stopped.
        :return: the numbers of deleted and inserted rows.
        :raises TikTokOutputError: the database raised an error; nothing is changed.
        """
        deleted = inserted = 0
        with self._cursor("written") as (connection, cursor):
            self._dialect.begin(connection, cursor)
            while not self._dialect.try_lock(cursor):
                wait(_LOCK_POLL_INTERVAL)
            statements, types = self._changes(connection, cursor)
            if [one.rule for one in self._binders_of(types)] != [one.rule for one in self._binders]:
                raise _changed_concurrently(self.name)
            for statement in statements:
                cursor.execute(statement)
            for statement, parameters in self._deletions(slices):
                wait(0)
                cursor.execute(statement, parameters)
                deleted += max(cursor.rowcount, 0)
            for count in self._dialect.insert(cursor, self._binders, _batches(rows, batch_size)):
                inserted += count
                wait(0)
            wait(0)  # so that a late kill is still respected
            connection.commit()
        return deleted, inserted

    @contextmanager
    def _cursor(self, done: str) -> Iterator[tuple[Any, Any]]:
        """Open a connection for a ``with`` block, and raise a driver's errors as TikTokOutputError."""
        try:
            connection = self._connect()
        except TikTokError:
            raise
        except Exception as error:
            raise self._failure("could not be reached", error) from None
        with closing(connection):
            try:
                with closing(connection.cursor()) as cursor:
                    yield connection, cursor
            except BaseException as error:
                with suppress(Exception):  # the connection may be broken
                    connection.rollback()
                if isinstance(error, TikTokError) or not isinstance(error, Exception):
                    raise
                raise self._failure(f"could not be {done}", error) from None

    def _failure(self, what: str, error: Exception) -> TikTokOutputError:
        message = " ".join(self._redact(str(error)).split())[:500]
        return TikTokOutputError(
            f"The database of table {self.name} {what} ({type(error).__name__}: {message}); its rows are unchanged. "
            "Check the connection, the user's permissions and the table, then run the task again.",
            retryable=not _PERMANENT.intersection(parent.__name__ for parent in type(error).__mro__),
        )

    def _changes(self, connection: Any, cursor: Any) -> tuple[list[str], dict[str, str]]:
        """Return the statements that change the table to the layout, and the declared types afterwards.

        :raises TikTokOutputError: it is another report's table, or a change is not permitted.
        """
        layout, dialect = self._layout, self._dialect
        types = {
            name: dialect.type_of(name, column_type, layout.key)
            for name, column_type in layout.columns.items()
        }
        declared = dialect.columns(connection, cursor)
        if declared is None:
            if not layout.create:
                raise TikTokOutputError(
                    f"There is no table {self.name}, and `create_table` is False. Create the table, or set "
                    "`create_table=True`."
                )
            return dialect.create(layout.columns, layout.key, layout.fingerprint), types
        index = dialect.key_of(cursor)
        if index is not None:
            self._check_key(*index)
        existing = {self._fold(name): declared_type for name, declared_type in declared.items()}
        missing = [name for name in layout.columns if self._fold(name) not in existing]
        self._check_missing(missing)
        self._validate(ExistingTable(declared, index is not None))
        statements = [
            f"ALTER TABLE {dialect.table} ADD {dialect.name(name)} {types[name]}" for name in missing
        ]
        return statements, {name: existing.get(self._fold(name), types[name]) for name in layout.columns}

    def _fold(self, name: str) -> str:
        return name.lower() if self._dialect.folds_case else name

    def _check_key(self, index: str, key: Collection[str]) -> None:
        if set(key) != set(self._layout.key):
            raise TikTokOutputError(
                f"Table {self.name} has one row for each {', '.join(key)}, and this report one for each "
                f"{', '.join(self._layout.key)}. Use a separate table for this report."
            )
        if not index.endswith(f"_{self._layout.fingerprint}"):
            raise TikTokOutputError(
                f"Table {self.name} contains another report: the same columns, but another report type, data level, filters "
                "or request parameters. The two would remove each other's rows. Use a separate table for this report. If "
                f"you changed the report on purpose, drop or rename the table, or drop its index {index}."
            )

    def _check_missing(self, missing: Sequence[str]) -> None:
        keys = [name for name in missing if name in self._layout.key]
        if keys:
            raise TikTokOutputError(
                f"Table {self.name} lacks {', '.join(keys)}, which identifies this report's rows, so it is the table of "
                "another report. Use a separate table for this report."
            )
        if missing and not self._layout.add_columns:
            raise TikTokOutputError(
                f"Table {self.name} lacks the column(s) {', '.join(missing)}. Set `add_columns=True` to add them, add them "
                "yourself, or remove them from the report."
            )

    def _binders_of(self, types: Mapping[str, str]) -> list[Binder]:
        dialect = self._dialect
        return [
            Binder(Column(name, column_type, types[name]), dialect.numbers, dialect.converters)
            for name, column_type in self._layout.columns.items()
        ]

    def _deletions(self, slices: Iterable[Slice]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Return the statements that delete the slices, with their parameters."""
        dialect = self._dialect
        table, binders = dialect.escaped(dialect.table), {one.column.name: one for one in self._binders}

        def name(column: str) -> str:
            return dialect.escaped(dialect.name(column))

        for one in slices:
            bounds = " AND ".join(
                f"{name(column)} {sign} {dialect.placeholder}" for column, sign, _ in one.bounds
            )
            values = [binders[column].parameters([value])[0] for column, _, value in one.bounds]
            if bounds and one.or_null:
                bounds = f"({bounds}) OR {name(one.or_null)} IS NULL"
            accounts = iter(one.accounts)
            while some := list(islice(accounts, _MAX_PARAMETERS)):
                where = f"{name(one.column)} IN ({dialect.placeholders(len(some))})" + (
                    f" AND ({bounds})" if bounds else ""
                )
                yield f"DELETE FROM {table} WHERE {where}", (*some, *values)  # noqa: S608 - names are quoted


def _batches(rows: Iterable[Sequence[Any]], size: int) -> Iterator[list[Any]]:
    """Return rows in batches of a size."""
    single_rows = (row for some in rows for row in some)
    while batch := list(islice(single_rows, size)):
        yield batch


def _changed_concurrently(table: str) -> TikTokOutputError:
    return TikTokOutputError(
        f"The columns of table {table} were changed while the report was fetched; its rows are unchanged. Run the task "
        "again.",
        retryable=True,
    )
