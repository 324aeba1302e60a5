"""SQL dialects: one class per database, registered in :data:`DIALECTS`.

:class:`Ansi` should work with any database. The others use more of their database: the inspection of a
table, locks between runs, and bulk inserts.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from airflow_provider_tiktok.storage.columns import DATE, DECIMAL, INTEGER, STRING, TIMESTAMP, Cells
from airflow_provider_tiktok.storage.tables.names import quote
from airflow_provider_tiktok.storage.tables.values import Binder, NumberStorage

INDEX_PREFIX = "tiktok_"
"""The prefix of the name of a unique index that this package created."""


class Ansi:
    """Standard SQL.

    :param table: the parts of the table's name.
    :param placeholder: the driver's placeholder of a parameter: ``?`` or ``%s``.
    :param quote_format: the quotes of identifiers, with ``{}`` for the name.
    """

    types: ClassVar[dict[str, str]] = {
        STRING: "VARCHAR(4000)",
        INTEGER: "BIGINT",
        DECIMAL: "DECIMAL(38, 10)",
        DATE: "DATE",
        TIMESTAMP: "TIMESTAMP",
    }
    key_text: ClassVar[str] = "VARCHAR(255)"
    numbers: ClassVar[NumberStorage] = NumberStorage(scale=10)
    converters: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        INTEGER: int,
        DECIMAL: Decimal,
        DATE: date.fromisoformat,
        TIMESTAMP: datetime.fromisoformat,
    }
    folds_case: ClassVar[bool] = False

    def __init__(self, table: Sequence[str], placeholder: str = "%s", quote_format: str = '"{}"') -> None:
        self.parts = tuple(table)
        self.placeholder = placeholder
        self._quote_format = quote_format
        self.table = ".".join(quote(part, quote_format) for part in table)

    def name(self, name: str) -> str:
        """Return a name as a quoted identifier."""
        return quote(name, self._quote_format)

    def escaped(self, sql: str) -> str:
        """Return SQL with identifiers, escaped for a statement with parameters."""
        return sql.replace("%", "%%") if self.placeholder == "%s" else sql

    def placeholders(self, count: int) -> str:
        """Return the placeholders of a number of parameters."""
        return ", ".join([self.placeholder] * count)

    def begin(self, connection: Any, cursor: Any) -> None:
        """Begin a transaction; a DB-API connection does this implicitly."""
        connection.rollback()

    def try_lock(self, cursor: Any) -> bool:
        """Return whether the lock of the table was acquired, which is held until the end of the transaction.

        Without locks in a database, the unique key makes the second of two concurrent runs fail, and Airflow's
        retry then succeeds.
        """
        return True

    def columns(self, connection: Any, cursor: Any) -> dict[str, str] | None:
        """Return the table's columns with their declared types, if known; ``None`` if the table doesn't exist."""
        try:
            cursor.execute(f"SELECT * FROM {self.table} WHERE 1 = 0")  # noqa: S608 - quoted
        except Exception:
            connection.rollback()
            return None
        found = {entry[0]: _declared(entry) for entry in cursor.description}
        cursor.fetchall()
        return found

    def key_of(self, cursor: Any) -> tuple[str, tuple[str, ...]] | None:
        """Return name and columns of the unique index that this package created; ``None`` if unknown."""
        return None

    def create(self, columns: Mapping[str, str], key: Sequence[str], fingerprint: str) -> list[str]:
        """Return the statements that create the table.

        :param columns: type by name.
        :param key: the columns that identify a row.
        :param fingerprint: identifies the report of the table.
        """
        lines = [
            f"{self.name(name)} {self.type_of(name, column_type, key)}"
            for name, column_type in columns.items()
        ]
        lines.append(f"UNIQUE ({', '.join(map(self.name, key))})")
        return [f"CREATE TABLE {self.table} ({', '.join(lines)})"]

    def type_of(self, name: str, column_type: str, key: Sequence[str]) -> str:
        """Return the declared type of a new column."""
        return self.key_text if column_type == STRING and name in key else self.types[column_type]

    def index_name(self, fingerprint: str) -> str:
        """Return a name for the unique index of a table, which contains the fingerprint of its report.

        Each name is new, because a renamed table keeps its index.
        """
        return f"{INDEX_PREFIX}{secrets.token_hex(4)}_{fingerprint}"

    def encode(self, binders: Sequence[Binder], columns: Sequence[Cells]) -> list[Any]:
        """Return validated columns as rows for :meth:`insert`."""
        return list(zip(*columns, strict=True))

    def insert(
        self, cursor: Any, binders: Sequence[Binder], batches: Iterable[Sequence[Any]]
    ) -> Iterable[int]:
        """Insert rows batch by batch and return the number of rows after each batch."""
        names = self.escaped(", ".join(self.name(binder.column.name) for binder in binders))
        statement = (
            f"INSERT INTO {self.escaped(self.table)} ({names}) VALUES ({self.placeholders(len(binders))})"  # noqa: S608
        )
        for batch in batches:
            columns = zip(*batch, strict=True)
            parameters = [binder.parameters(cells) for binder, cells in zip(binders, columns, strict=True)]
            cursor.executemany(statement, list(zip(*parameters, strict=True)))
            yield len(batch)


def _sqlite_number(cell: str) -> int | float:
    with suppress(ValueError):
        return int(cell)
    return float(cell)


class Sqlite(Ansi):
    """SQLite: one writer at a time, and numbers that are floats or 64-bit integers in every column."""

    types = Ansi.types | {STRING: "TEXT", INTEGER: "INTEGER", DECIMAL: "NUMERIC"}
    key_text = "TEXT"
    numbers = NumberStorage(floats=True)
    # dates and timestamps are text, in the form that SQLite's own functions return
    converters: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        INTEGER: _sqlite_number,
        DECIMAL: _sqlite_number,
        TIMESTAMP: lambda cell: cell.replace("T", " "),
    }
    folds_case = True

    def begin(self, connection: Any, cursor: Any) -> None:
        """Prepare the connection; :meth:`try_lock` begins SQLite's transaction."""
        connection.rollback()
        connection.isolation_level = None  # otherwise Python begins transactions implicitly
        cursor.execute("PRAGMA busy_timeout = 1000")

    def try_lock(self, cursor: Any) -> bool:
        """Begin a transaction as the only writer and return whether there was no other."""
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except Exception as error:
            if "locked" in str(error):
                return False
            raise
        cursor.execute("PRAGMA busy_timeout = 60000")  # the commit waits for readers
        return True

    def columns(self, connection: Any, cursor: Any) -> dict[str, str] | None:
        """Return the table's columns in lower case, because SQLite's names are case-insensitive."""
        *schema, table = self.parts
        cursor.execute(
            f"SELECT name, type FROM pragma_table_info({self.placeholders(1 + len(schema))})",  # noqa: S608
            (table, *schema),
        )
        return {name.lower(): declared for name, declared in cursor.fetchall()} or None

    def key_of(self, cursor: Any) -> tuple[str, tuple[str, ...]] | None:
        """Return name and columns of the index, found by its prefix."""
        *schema, table = self.parts
        cursor.execute(
            f"SELECT name FROM pragma_index_list({self.placeholders(1 + len(schema))})",  # noqa: S608
            (table, *schema),
        )
        for (index,) in cursor.fetchall():
            if index.startswith(INDEX_PREFIX):
                cursor.execute(
                    f"SELECT name FROM pragma_index_info({self.placeholders(1 + len(schema))}) ORDER BY seqno",  # noqa: S608
                    (index, *schema),
                )
                return index, tuple(name for (name,) in cursor.fetchall())
        return None

    def create(self, columns: Mapping[str, str], key: Sequence[str], fingerprint: str) -> list[str]:
        """Return separate statements for table and index, so that the index has our name; it is in the table's schema."""
        *schema, table = self.parts
        index = ".".join(map(self.name, (*schema, self.index_name(fingerprint))))
        return [
            _create_table(self, columns, key),
            f"CREATE UNIQUE INDEX {index} ON {self.name(table)} ({', '.join(map(self.name, key))})",
        ]


class Postgres(Ansi):
    """PostgreSQL: an advisory lock between runs, and ``COPY`` for rows."""

    types = Ansi.types | {STRING: "TEXT", DECIMAL: "NUMERIC"}
    key_text = "TEXT"
    numbers = NumberStorage()

    def begin(self, connection: Any, cursor: Any) -> None:
        """Begin a transaction that sees the commits made while it waits for the lock."""
        connection.rollback()
        connection.autocommit = False
        cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def try_lock(self, cursor: Any) -> bool:
        """Return whether the lock of the table's name was acquired; the end of the transaction releases it."""
        # schema.table and table can be the same table, so the lock ignores the schema
        digest = hashlib.sha256(f"airflow_provider_tiktok {self.parts[-1]}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (number,))
        return bool(_values(cursor.fetchone())[0])

    def columns(self, connection: Any, cursor: Any) -> dict[str, str] | None:
        """Return the table's columns from PostgreSQL's catalogue."""
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (self.table,),
        )
        return dict(_values(row) for row in cursor.fetchall()) or None

    def key_of(self, cursor: Any) -> tuple[str, tuple[str, ...]] | None:
        """Return name and columns of the index, found by its prefix."""
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE i.indrelid = to_regclass(%s) AND starts_with(c.relname, %s) ORDER BY c.relname, a.attnum",
            (self.table, INDEX_PREFIX),
        )
        rows = [_values(row) for row in cursor.fetchall()]
        return (rows[0][0], tuple(name for index, name in rows if index == rows[0][0])) if rows else None

    def create(self, columns: Mapping[str, str], key: Sequence[str], fingerprint: str) -> list[str]:
        """Return separate statements for table and index, so that the index has our name."""
        index = self.name(self.index_name(fingerprint))
        return [
            _create_table(self, columns, key),
            f"CREATE UNIQUE INDEX {index} ON {self.table} ({', '.join(map(self.name, key))})",
        ]

    def encode(self, binders: Sequence[Binder], columns: Sequence[Cells]) -> list[Any]:
        """Return validated columns as lines of COPY's text format."""
        rendered = [
            _copy_cells(cells, binder.is_text) for binder, cells in zip(binders, columns, strict=True)
        ]
        return ["\t".join(row) for row in zip(*rendered, strict=True)]

    def insert(
        self, cursor: Any, binders: Sequence[Binder], batches: Iterable[Sequence[Any]]
    ) -> Iterable[int]:
        """Insert rows with COPY, with either of the two drivers that Airflow's hook uses."""
        names = ", ".join(self.name(binder.column.name) for binder in binders)
        statement = f"COPY {self.table} ({names}) FROM STDIN"
        for batch in batches:
            data = "\n".join(batch) + "\n"  # as text, because the driver knows the connection's encoding
            if hasattr(cursor, "copy_expert"):  # psycopg2
                cursor.copy_expert(statement, io.StringIO(data))
            else:
                with cursor.copy(statement) as copy:
                    copy.write(data)
            yield len(batch)


DIALECTS: Mapping[str, type[Ansi]] = {"sqlite": Sqlite, "postgres": Postgres}
"""Dialects by the type of Airflow's connection; every other type uses :class:`Ansi`."""


def _create_table(dialect: Ansi, columns: Mapping[str, str], key: Sequence[str]) -> str:
    lines = [
        f"{dialect.name(name)} {dialect.type_of(name, column_type, key)}"
        for name, column_type in columns.items()
    ]
    return f"CREATE TABLE {dialect.table} ({', '.join(lines)})"


def _declared(entry: Sequence[Any]) -> str:
    """Return the decimal type in DB-API's description of a column; empty if it has no decimal places."""
    precision, scale = (entry[4], entry[5]) if len(entry) > 5 else (None, None)  # noqa: PLR2004
    return f"decimal({precision}, {scale})" if isinstance(scale, int) and scale > 0 else ""


def _values(row: Any) -> tuple[Any, ...]:
    """Return a row's values, even if the connection returns rows as dicts."""
    return tuple(row.values()) if isinstance(row, Mapping) or hasattr(row, "keys") else tuple(row)


_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy_cells(cells: Cells, is_text: bool) -> list[str]:
    r"""Return cells in COPY's text format; ``\N`` is null."""
    if not is_text:
        return ["\\N" if cell is None else cell for cell in cells]
    return ["\\N" if cell is None else cell.translate(_COPY_ESCAPES) for cell in cells]
