"""Replacement of a table's rows of some accounts and days in one transaction.

No connection is open while rows are fetched: the table is inspected first, over a connection that is then
closed, and written at the end. Readers see the old rows until the commit; an error, or the end of the
process, leaves the old rows unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from airflow_provider_tiktok.exceptions import TikTokError, TikTokOutputError
from airflow_provider_tiktok.storage.buffer import RowBuffer
from airflow_provider_tiktok.storage.columns import Cells
from airflow_provider_tiktok.storage.tables.database import Database
from airflow_provider_tiktok.storage.tables.databases import DATABASES
from airflow_provider_tiktok.storage.tables.engine import Hook, open_engine
from airflow_provider_tiktok.storage.tables.values import Binder, Column
from airflow_provider_tiktok.storage.tables.versions import Load, Versions, cell_of, new_versions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.schema import DDLElement
    from sqlalchemy.types import TypeEngine

T = TypeVar("T")

_LOCK_POLL_INTERVAL = 0.2  # seconds
_MAX_PARAMETERS = 200  # accounts in one statement
_FETCHED_ROWS = 1_000  # rows read from the database at a time
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
    :param other_names: the names under which another writer may have the data of a column.
    :param names_instead: likewise, where the table lacks the column itself; else such a name is another column's.
    :param optional: columns that are left out where the table lacks them and may get none.
    :param rows: what the rows are, for messages.
    :param differs: what may be different about other rows with the same columns, for messages.
    :param owner_of: returns whose rows have a key, for messages; empty where that isn't known.
    """

    columns: Mapping[str, str]
    key: tuple[str, ...]
    fingerprint: str
    create: bool
    add_columns: bool
    other_names: Mapping[str, Collection[str]] = field(default_factory=dict)
    names_instead: Mapping[str, Collection[str]] = field(default_factory=dict)
    optional: Collection[str] = ()
    rows: str = "report"
    differs: str = "another report type, data level, filters or request parameters"
    owner_of: Callable[[Collection[str]], str] = lambda key: ""


@dataclass(frozen=True, slots=True)
class ExistingTable:
    """The existing table.

    :param columns: their names.
    :param is_ours: whether this package created it, for rows of the same report.
    """

    columns: Collection[str]
    is_ours: bool


class SqlTable:
    """A table whose slices are replaced by rows.

    :param hook: connects to the database.
    :param parts: the parts of the table's name.
    :param layout: the required layout.
    :param wait: waits a number of seconds, and raises if the task was stopped.
    :param validate: raises an error if an existing table is the wrong one.
    :param redact: returns a driver's message without secrets.
    :raises TikTokOutputError: the database can't be reached, or the table is not suitable for these rows.
    """

    def __init__(
        self,
        hook: Hook,
        parts: Sequence[str],
        layout: Layout,
        *,
        wait: Callable[[float], None],
        validate: Callable[[ExistingTable], None] = lambda _: None,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._layout = layout
        self.left_out: tuple[str, ...] = ()
        self._validate = validate
        self._redact = redact
        self.name = ".".join(parts)
        with self._failing_with("could not be reached"):
            engine = _once_free(lambda: open_engine(hook), wait)
            self._database = DATABASES.get(engine.dialect.name, Database)(engine, parts)
        with self._transaction("inspected", wait) as connection:
            _, types = self._changes(connection)
        self._binders = self._binders_of(types)

    def encode(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[Any]:
        """Return rows in the form for :meth:`replace`.

        :param columns: the cells of each column.
        :param clean: for each column, whether it is known to contain no null and, if its type is a number,
            only JSON numbers.
        :raises TikTokOutputError: the table can't store a cell unchanged.
        """
        checked = self._checked(columns, clean)
        return self._database.encode(self._binders, checked) if checked else []

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
        deleted = 0
        with self._writing(wait) as connection:
            for deletion in self._deletions(slices):
                wait(0)
                deleted += self._database.delete(connection, deletion)
            return deleted, self._insert(connection, _batches(rows, batch_size), wait)

    def check(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[Any]:
        """Return rows in the form for :meth:`add_versions`: tuples of cells, each of which the table can store.

        :param columns: the cells of each column.
        :param clean: as of :meth:`encode`.
        :raises TikTokOutputError: the table can't store a cell unchanged.
        """
        return list(zip(*self._checked(columns, clean), strict=True))

    def add_versions(
        self,
        versions: Versions,
        load: Load,
        accounts: Iterable[str],
        rows: RowBuffer,
        *,
        batch_size: int,
        wait: Callable[[float], None],
    ) -> int:
        """Add a row for each thing of some accounts that is not as its newest row says, in one transaction.

        :param accounts: of which all newest rows are read.
        :param rows: rows from :meth:`check`, sorted by account and thing.
        :param batch_size: as of :meth:`replace`.
        :param wait: as of :meth:`replace`.
        :return: the number of rows.
        :raises TikTokOutputError: the database raised an error; nothing is changed.
        """
        types = {one.column.name: one.column.type for one in self._binders}
        with self._writing(wait) as connection, RowBuffer(budget=rows.budget) as newest:
            self._read_newest(connection, versions, accounts, newest, wait)
            both = (chain.from_iterable(one.batches()) for one in (newest, rows))
            new = new_versions(types, versions, load, *both)
            encoded = (
                self._database.encode(self._binders, list(zip(*batch, strict=True)))
                for batch in _batches([new], batch_size)
            )
            return self._insert(connection, encoded, wait)

    def _read_newest(
        self,
        connection: Connection,
        versions: Versions,
        accounts: Iterable[str],
        newest: RowBuffer,
        wait: Callable[[float], None],
    ) -> None:
        """Put the newest row of each thing of some accounts into a buffer, which sorts them by account and thing."""
        table = self._database.rows(one.column.name for one in self._binders)
        types = [one.column.type for one in self._binders]
        names = [versions.account, versions.thing]
        key = itemgetter(*(list(table.c.keys()).index(name) for name in names))
        # an account itself may be the thing
        identity = [table.c[name] for name in dict.fromkeys(names)]
        for is_of_accounts in self._each_of(table, versions.account, accounts):
            last = (
                sa.select(*identity, sa.func.max(table.c[versions.time]).label("newest"))
                .where(is_of_accounts)
                .group_by(*identity)
                .subquery()
            )
            is_newest = sa.and_(
                table.c[versions.time] == last.c.newest, *(one == last.c[one.name] for one in identity)
            )
            statement = sa.select(*table.c).select_from(table.join(last, is_newest))
            result = connection.execute(statement.execution_options(stream_results=True))
            for some in result.partitions(_FETCHED_ROWS):
                wait(0)
                rows = [tuple(map(cell_of, row, types)) for row in some]
                newest.add(list(map(key, rows)), rows)

    @contextmanager
    def _writing(self, wait: Callable[[float], None]) -> Iterator[Connection]:
        """Open a transaction that holds the table's lock, in which the table has the layout."""
        database = self._database
        with self._transaction("written", wait) as connection:
            database.begin(connection)
            while not database.try_lock(connection):
                wait(_LOCK_POLL_INTERVAL)
            statements, types = self._changes(connection)
            if [one.rule for one in self._binders_of(types)] != [one.rule for one in self._binders]:
                raise _changed_concurrently(self.name)
            for statement in statements:
                connection.execute(statement)
            yield connection
            wait(0)  # so that a late kill is still respected

    def _insert(
        self, connection: Connection, batches: Iterable[Sequence[Any]], wait: Callable[[float], None]
    ) -> int:
        """Insert encoded rows and return how many."""
        inserted = 0
        for count in self._database.insert(connection, self._binders, batches):
            inserted += count
            wait(0)
        return inserted

    def _checked(self, columns: Sequence[Cells], clean: Sequence[bool]) -> list[Cells]:
        """Return the cells of the columns that the table has, each of which it can store."""
        kept = [index for index, name in enumerate(self._layout.columns) if name not in self.left_out]
        return [
            binder.check(columns[index], clean[index])
            for binder, index in zip(self._binders, kept, strict=True)
        ]

    @contextmanager
    def _transaction(self, done: str, wait: Callable[[float], None]) -> Iterator[Connection]:
        """Open a connection with a transaction, which ends with the ``with`` block."""
        try:
            with self._failing_with("could not be reached"):
                connection = _once_free(self._database.engine.connect, wait)
            with self._failing_with(f"could not be {done}"), connection, connection.begin():
                yield connection
        finally:
            self._database.engine.dispose()  # the hook's own engine may keep connections open

    @contextmanager
    def _failing_with(self, what: str) -> Iterator[None]:
        """Raise the errors of a ``with`` block as TikTokOutputError."""
        try:
            yield
        except TikTokError:
            raise
        except Exception as error:
            raise self._failure(what, error) from None

    def _failure(self, what: str, error: Exception) -> TikTokOutputError:
        # the driver's own error, because SQLAlchemy's also has the statement and its values
        cause = getattr(error, "orig", None) or error
        message = " ".join(self._redact(str(cause)).split())[:500]
        return TikTokOutputError(
            f"The database of table {self.name} {what} ({type(cause).__name__}: {message}); its rows are unchanged. "
            "Check the connection, the user's permissions and the table, then run the task again.",
            retryable=not _PERMANENT.intersection(parent.__name__ for parent in type(cause).__mro__),
        )

    def _changes(self, connection: Connection) -> tuple[list[DDLElement], dict[str, TypeEngine[Any]]]:
        """Return the statements that change the table to the layout, and the declared types afterwards.

        :raises TikTokOutputError: it is another report's table, or a change is not permitted.
        """
        layout, database = self._layout, self._database
        types = {
            name: database.type_of(name, column_type, layout.key)
            for name, column_type in layout.columns.items()
        }
        declared = database.columns(connection)
        if declared is None:
            if not layout.create:
                raise TikTokOutputError(
                    f"There is no table {self.name}, and `create_table` is False. Create the table, or set "
                    "`create_table=True`."
                )
            return database.create(layout.columns, layout.key, layout.fingerprint), types
        existing = {self._fold(name): declared_type for name, declared_type in declared.items()}
        key = database.key_of(connection)
        self._check_names(existing, key[1] if key else ())
        if key is not None:
            self._check_key(*key)
        missing = {
            name: column_type
            for name, column_type in layout.columns.items()
            if self._fold(name) not in existing
        }
        may_lack = () if layout.add_columns else layout.optional
        self.left_out = tuple(name for name in missing if name in may_lack)
        missing = {name: missing[name] for name in missing if name not in self.left_out}
        self._check_missing(missing)
        self._validate(ExistingTable(declared, key is not None))
        return database.add(missing, layout.key), {
            name: existing.get(self._fold(name), declared_type) for name, declared_type in types.items()
        }

    def _fold(self, name: str) -> str:
        return name.lower() if self._database.folds_case else name

    def _check_names(self, existing: Collection[str], key: Collection[str]) -> None:
        """Refuse a table that has data of these columns under other names, whatever else it has.

        A column of the table's key stands for none that is not in the layout's: then the tables differ in more than names.
        """
        layout = self._layout
        lacking = {
            name: others for name, others in layout.names_instead.items() if self._fold(name) not in existing
        }
        found = {
            other: name
            for name, others in chain(layout.other_names.items(), lacking.items())
            for other in sorted(others)
            if self._fold(other) in existing and not (other in key and name not in layout.key)
        }
        if found:
            theirs, ours = ", ".join(found), ", ".join(dict.fromkeys(found.values()))
            raise TikTokOutputError(
                f"Table {self.name} has {theirs} for what this task calls {ours}: it was written with other `column_names`. "
                "Give all tasks of a table the same `column_names`, rename the table's columns (ALTER TABLE ... RENAME "
                "COLUMN), or use a separate table."
            )

    def _check_key(self, name: str, key: Collection[str]) -> None:
        rows, differs, owner = self._layout.rows, self._layout.differs, self._layout.owner_of(key)
        if set(key) != set(self._layout.key):
            raise TikTokOutputError(
                f"Table {self.name} has one row for each {', '.join(key)}{owner and f' ({owner})'}, and this {rows} one for "
                f"each {', '.join(self._layout.key)}. Use a separate table for this {rows}."
            )
        if not name.endswith(f"_{self._layout.fingerprint}"):
            noun = rows.partition(" ")[0]
            raise TikTokOutputError(
                f"Table {self.name} contains another {noun}: the same columns, but {differs}. The two would remove "
                f"each other's rows. Use a separate table for this {rows}. If you changed it on purpose, drop or "
                f"rename the table, or drop its {self._database.key_kind} {name}."
            )

    def _check_missing(self, missing: Collection[str]) -> None:
        keys = [name for name in missing if name in self._layout.key]
        if keys:
            raise TikTokOutputError(
                f"Table {self.name} lacks {', '.join(keys)}, which identifies this {self._layout.rows}'s rows, so it is the "
                f"table of another one. Use a separate table for this {self._layout.rows}."
            )
        if missing and not self._layout.add_columns:
            raise TikTokOutputError(
                f"Table {self.name} lacks the column(s) {', '.join(missing)}. Set `add_columns=True` to add them, add them "
                f"yourself, or remove them from the {self._layout.rows}."
            )

    def _binders_of(self, types: Mapping[str, TypeEngine[Any]]) -> list[Binder]:
        database = self._database
        return [
            Binder(Column(name, column_type, types[name]), database.numbers, database.converters)
            for name, column_type in self._layout.columns.items()
            if name not in self.left_out
        ]

    def _deletions(self, slices: Iterable[Slice]) -> Iterator[sa.Delete]:
        """Return the statements that delete the slices."""
        table = self._database.rows(one.column.name for one in self._binders)
        for one in slices:
            bounds = sa.and_(
                sa.true(),
                *(table.c[column].op(sign)(self._bound(column, cell)) for column, sign, cell in one.bounds),
            )
            if one.bounds and one.or_null:
                bounds = sa.or_(bounds, table.c[one.or_null].is_(None))
            for is_of_accounts in self._each_of(table, one.column, one.accounts):
                yield sa.delete(table).where(is_of_accounts, bounds)

    def _each_of(
        self, table: sa.TableClause, column: str, cells: Iterable[str]
    ) -> Iterator[sa.ColumnElement[bool]]:
        """Return conditions that a column is one of some cells, as few as a statement takes parameters."""
        left = iter(cells)
        while some := list(islice(left, _MAX_PARAMETERS)):
            yield table.c[column].in_([self._bound(column, cell) for cell in some])

    def _bound(self, column: str, cell: str) -> sa.BindParameter[Any]:
        """Return a cell as a parameter of a statement."""
        (binder,) = (one for one in self._binders if one.column.name == column)
        (value,) = binder.parameters([cell])
        return sa.bindparam(None, value, type_=sa.types.NULLTYPE)


def _once_free(connect: Callable[[], T], wait: Callable[[float], None]) -> T:
    """Return what a function returns that connects, once no other process has DuckDB's file open."""
    while True:
        try:
            return connect()
        except Exception as error:
            if "Could not set lock on file" not in str(error):
                raise
        wait(_LOCK_POLL_INTERVAL)


def _batches(rows: Iterable[Iterable[Any]], size: int) -> Iterator[list[Any]]:
    """Return rows in batches of a size."""
    single_rows = (row for some in rows for row in some)
    while batch := list(islice(single_rows, size)):
        yield batch


def _changed_concurrently(table: str) -> TikTokOutputError:
    return TikTokOutputError(
        f"The columns of table {table} were changed while the rows were fetched; its rows are unchanged. Run the task "
        "again.",
        retryable=True,
    )
