"""A table whose rows of some accounts and days are replaced in one transaction.

Nothing of the database is held while rows are still to come: the table is looked at before, with a
connection that is closed again, and written to at the end. Until the commit whoever reads the table sees
the rows of before; an error, or the end of the process, leaves them there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokError, TikTokOutputError
from airflow_provider_tiktok.storage.columns import Cells
from airflow_provider_tiktok.storage.sql.dialects import Ansi
from airflow_provider_tiktok.storage.sql.values import Binder, Column

_LOOK = 0.2  # seconds after which a lock is asked for again
_MAX_MARKS = 200  # parameters of one statement
_PERMANENT = {"DataError", "ProgrammingError", "NotSupportedError"}  # DB-API's classes of what can't pass


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of the table that are to go.

    :param column: the column of the accounts.
    :param accounts: the accounts.
    :param bounds: what else is true of them: column, operator, value.
    :param or_null: a column whose nulls are in the slice as well.
    """

    column: str
    accounts: tuple[str, ...]
    bounds: tuple[tuple[str, str, str], ...] = ()
    or_null: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """What the table is to be, and what may be done to it.

    :param columns: kind by name, in the order of a row's cells.
    :param key: columns that tell one row from another, the account and the time first.
    :param mark: identifies what the rows are of; it stands in the name of the table's unique index.
    :param create: make a table that is missing.
    :param add_columns: add columns that are missing.
    """

    columns: Mapping[str, str]
    key: tuple[str, ...]
    mark: str
    create: bool
    add_columns: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What the table is.

    :param columns: declared type by name.
    :param is_ours: whether this package made it, and for rows such as these.
    """

    columns: Mapping[str, str]
    is_ours: bool


class SqlTable:
    """Replaces slices of a table by rows.

    :param connect: opens a DB-API connection.
    :param dialect: knows the table's name and the database.
    :param layout: what the table is to be.
    :param judge: is told of a table that is there, with the columns that it has; raises when it is the wrong one.
    :param hide: takes what may not be shown out of a driver's message.
    :raises TikTokOutputError: the database can't be reached, or the table is not one for these rows.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        dialect: Ansi,
        layout: Layout,
        *,
        judge: Callable[[Found], None] = lambda _: None,
        hide: Callable[[str], str] = str,
    ) -> None:
        self._connect = connect
        self._dialect = dialect
        self._layout = layout
        self._judge = judge
        self._hide = hide
        self.name = ".".join(dialect.parts)
        with self._cursor("looked at") as (connection, cursor):
            _, types = self._changes(connection, cursor)
            self._binders = self._binders_of(types)
            connection.rollback()

    def encode(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[Any]:
        """Make of rows what :meth:`replace` takes.

        :param columns: the cells of each column.
        :param clean: of each column, whether it is known to hold no null and, where its kind is a number,
            nothing but JSON numbers.
        :raises TikTokOutputError: the table can't hold a cell as it is.
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
        pause: Callable[[float], None],
    ) -> tuple[int, int]:
        """Delete the slices and insert the rows, in one transaction.

        :param rows: as :meth:`encode` gave them, some at a time.
        :param batch_size: rows that are sent to the database together.
        :param pause: waits so many seconds; raises when the task is to end.
        :return: how many rows were deleted, and inserted.
        :raises TikTokOutputError: the database refused; nothing is changed then.
        """
        deleted = inserted = 0
        with self._cursor("written") as (connection, cursor):
            self._dialect.begin(connection, cursor)
            while not self._dialect.try_lock(cursor):
                pause(_LOOK)
            statements, types = self._changes(connection, cursor)
            if [one.rule for one in self._binders_of(types)] != [one.rule for one in self._binders]:
                raise _changed_meanwhile(self.name)
            for statement in statements:
                cursor.execute(statement)
            for statement, parameters in self._deletions(slices):
                pause(0)
                cursor.execute(statement, parameters)
                deleted += max(cursor.rowcount, 0)
            for count in self._dialect.insert(cursor, self._binders, _batches(rows, batch_size)):
                inserted += count
                pause(0)
            pause(0)  # a kill that came last still counts
            connection.commit()
        return deleted, inserted

    @contextmanager
    def _cursor(self, done: str) -> Iterator[tuple[Any, Any]]:
        """Open a connection, and put a driver's errors into words."""
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
                with suppress(Exception):  # the connection may be what broke
                    connection.rollback()
                if isinstance(error, TikTokError) or not isinstance(error, Exception):
                    raise
                raise self._failure(f"could not be {done}", error) from None

    def _failure(self, what: str, error: Exception) -> TikTokOutputError:
        message = " ".join(self._hide(str(error)).split())[:500]
        failure = TikTokOutputError(
            f"The database of table {self.name} {what} ({type(error).__name__}: {message}); its rows are as they were. "
            "Check the connection, the user's rights and the table, then run the task again."
        )
        failure.retryable = not _PERMANENT.intersection(kind.__name__ for kind in type(error).__mro__)
        return failure

    def _changes(self, connection: Any, cursor: Any) -> tuple[list[str], dict[str, str]]:
        """Give the statements that make of the table what it is to be, and the types that it has then.

        :raises TikTokOutputError: it is another table, or may not be changed.
        """
        layout, dialect = self._layout, self._dialect
        types = {name: dialect.type_of(name, kind, layout.key) for name, kind in layout.columns.items()}
        declared = dialect.columns(connection, cursor)
        if declared is None:
            if not layout.create:
                raise TikTokOutputError(
                    f"There is no table {self.name}, and `create_table` is False. Make it, or let it be made."
                )
            return dialect.create(layout.columns, layout.key, layout.mark), types
        index = dialect.key_of(cursor)
        if index is not None:
            self._check_key(*index)
        has = {self._fold(name): declared_as for name, declared_as in declared.items()}
        missing = [name for name in layout.columns if self._fold(name) not in has]
        self._check_missing(missing)
        self._judge(Found(declared, index is not None))
        statements = [
            f"ALTER TABLE {dialect.table} ADD {dialect.name(name)} {types[name]}" for name in missing
        ]
        return statements, {name: has.get(self._fold(name), types[name]) for name in layout.columns}

    def _fold(self, name: str) -> str:
        return name.lower() if self._dialect.folds_case else name

    def _check_key(self, index: str, key: Collection[str]) -> None:
        if set(key) != set(self._layout.key):
            raise TikTokOutputError(
                f"Table {self.name} has one row for each {', '.join(key)}, and this report one for each "
                f"{', '.join(self._layout.key)}. Give the report a table of its own."
            )
        if not index.endswith(f"_{self._layout.mark}"):
            raise TikTokOutputError(
                f"Table {self.name} holds another report: the same columns, but another report type, data level, filters "
                "or request parameters. The two would take each other's rows away. Give this report a table of its own; if "
                f"you changed the report on purpose, drop or rename the table, or drop its index {index}."
            )

    def _check_missing(self, missing: Sequence[str]) -> None:
        keys = [name for name in missing if name in self._layout.key]
        if keys:
            raise TikTokOutputError(
                f"Table {self.name} lacks {', '.join(keys)}, which tells this report's rows apart, so it is the table of "
                "another report. Give this one a table of its own."
            )
        if missing and not self._layout.add_columns:
            raise TikTokOutputError(
                f"Table {self.name} lacks the column(s) {', '.join(missing)}. Set `add_columns=True` to have them added, "
                "add them yourself, or leave them out of the report."
            )

    def _binders_of(self, types: Mapping[str, str]) -> list[Binder]:
        dialect = self._dialect
        return [
            Binder(Column(name, kind, types[name]), dialect.numbers, dialect.makers)
            for name, kind in self._layout.columns.items()
        ]

    def _deletions(self, slices: Iterable[Slice]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Give statements that delete the slices, and their parameters."""
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
            while some := list(islice(accounts, _MAX_MARKS)):
                where = f"{name(one.column)} IN ({dialect.marks(len(some))})" + (
                    f" AND ({bounds})" if bounds else ""
                )
                yield f"DELETE FROM {table} WHERE {where}", (*some, *values)  # noqa: S608 - names are quoted


def _batches(rows: Iterable[Sequence[Any]], size: int) -> Iterator[list[Any]]:
    """Put rows together, so many at a time."""
    one_by_one = (row for some in rows for row in some)
    while batch := list(islice(one_by_one, size)):
        yield batch


def _changed_meanwhile(table: str) -> TikTokOutputError:
    error = TikTokOutputError(
        f"Somebody changed the columns of table {table} while the report was fetched; its rows are as they were. Run the "
        "task again."
    )
    error.retryable = True
    return error
