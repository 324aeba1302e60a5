"""What one database does otherwise than another: one class each, one line in :data:`DIALECTS`.

:class:`Ansi` is what any database should understand; the others know more of theirs: how to look at a
table, how one run waits for another, and how many rows are taken in at once.
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
from airflow_provider_tiktok.storage.sql.names import quote
from airflow_provider_tiktok.storage.sql.values import Binder, Numbers

INDEX_PREFIX = "tiktok_"
"""What the name of the unique index of a table begins with that this package made."""


class Ansi:
    """SQL as the standard has it.

    :param table: the parts of the table's name.
    :param placeholder: how the driver marks a parameter: ``?`` or ``%s``.
    :param form: how names are quoted, with ``{}`` for the name.
    """

    types: ClassVar[dict[str, str]] = {
        STRING: "VARCHAR(4000)",
        INTEGER: "BIGINT",
        DECIMAL: "DECIMAL(38, 10)",
        DATE: "DATE",
        TIMESTAMP: "TIMESTAMP",
    }
    key_text: ClassVar[str] = "VARCHAR(255)"
    numbers: ClassVar[Numbers] = Numbers(scale=10)
    makers: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        INTEGER: int,
        DECIMAL: Decimal,
        DATE: date.fromisoformat,
        TIMESTAMP: datetime.fromisoformat,
    }
    folds_case: ClassVar[bool] = False

    def __init__(self, table: Sequence[str], placeholder: str = "%s", form: str = '"{}"') -> None:
        self.parts = tuple(table)
        self.placeholder = placeholder
        self._form = form
        self.table = ".".join(quote(part, form) for part in table)

    def name(self, name: str) -> str:
        """Quote a name."""
        return quote(name, self._form)

    def escaped(self, sql: str) -> str:
        """Give SQL that holds names as it stands in a statement with parameters."""
        return sql.replace("%", "%%") if self.placeholder == "%s" else sql

    def marks(self, count: int) -> str:
        """Give the marks of so many parameters."""
        return ", ".join([self.placeholder] * count)

    def begin(self, connection: Any, cursor: Any) -> None:
        """Begin a transaction; a DB-API connection does so by itself."""
        connection.rollback()

    def try_lock(self, cursor: Any) -> bool:
        """Say whether no other run of ours writes to the table now, nor will until the end of the transaction.

        Where a database has nothing for that, the unique key lets the second of two runs fail, and Airflow's retry
        then succeeds.
        """
        return True

    def columns(self, connection: Any, cursor: Any) -> dict[str, str] | None:
        """Give the table's columns with their types as far as they are known; ``None`` when there is no table."""
        try:
            cursor.execute(f"SELECT * FROM {self.table} WHERE 1 = 0")  # noqa: S608 - quoted
        except Exception:
            connection.rollback()
            return None
        found = {entry[0]: _declared(entry) for entry in cursor.description}
        cursor.fetchall()
        return found

    def key_of(self, cursor: Any) -> tuple[str, tuple[str, ...]] | None:
        """Give name and columns of the unique index that this package made; ``None`` where that can't be seen."""
        return None

    def create(self, columns: Mapping[str, str], key: Sequence[str], mark: str) -> list[str]:
        """Give the statements that make the table.

        :param columns: kind by name.
        :param key: columns that tell one row from another.
        :param mark: identifies what the table is of.
        """
        lines = [f"{self.name(name)} {self.type_of(name, kind, key)}" for name, kind in columns.items()]
        lines.append(f"UNIQUE ({', '.join(map(self.name, key))})")
        return [f"CREATE TABLE {self.table} ({', '.join(lines)})"]

    def type_of(self, name: str, kind: str, key: Sequence[str]) -> str:
        """Give the type of a column that is to be made."""
        return self.key_text if kind == STRING and name in key else self.types[kind]

    def index_name(self, mark: str) -> str:
        """Name the unique index of a table, so that it tells what the table is of.

        A table that was renamed keeps its index, so each name is a new one.
        """
        return f"{INDEX_PREFIX}{secrets.token_hex(4)}_{mark}"

    def encode(self, binders: Sequence[Binder], columns: Sequence[Cells]) -> list[Any]:
        """Make of checked columns what :meth:`insert` takes of each row."""
        return list(zip(*columns, strict=True))

    def insert(
        self, cursor: Any, binders: Sequence[Binder], batches: Iterable[Sequence[Any]]
    ) -> Iterable[int]:
        """Insert rows batch by batch, and give after each how many it had."""
        names = self.escaped(", ".join(self.name(binder.column.name) for binder in binders))
        statement = f"INSERT INTO {self.escaped(self.table)} ({names}) VALUES ({self.marks(len(binders))})"  # noqa: S608
        for batch in batches:
            columns = zip(*batch, strict=True)
            ready = [binder.parameters(cells) for binder, cells in zip(binders, columns, strict=True)]
            cursor.executemany(statement, list(zip(*ready, strict=True)))
            yield len(batch)


def _sqlite_number(cell: str) -> int | float:
    with suppress(ValueError):
        return int(cell)
    return float(cell)


class Sqlite(Ansi):
    """SQLite: one writer at a time, and numbers that are floats or 64-bit integers whatever a column says."""

    types = Ansi.types | {STRING: "TEXT", INTEGER: "INTEGER", DECIMAL: "NUMERIC"}
    key_text = "TEXT"
    numbers = Numbers(floats=True)
    # days and times are texts, in the form in which SQLite's own functions give them
    makers: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        INTEGER: _sqlite_number,
        DECIMAL: _sqlite_number,
        TIMESTAMP: lambda cell: cell.replace("T", " "),
    }
    folds_case = True

    def begin(self, connection: Any, cursor: Any) -> None:
        """Leave it to :meth:`try_lock`, with which SQLite begins."""
        connection.rollback()
        connection.isolation_level = None  # else Python begins transactions of its own
        cursor.execute("PRAGMA busy_timeout = 1000")

    def try_lock(self, cursor: Any) -> bool:
        """Begin as the only writer, unless there is one."""
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except Exception as error:
            if "locked" in str(error):
                return False
            raise
        cursor.execute("PRAGMA busy_timeout = 60000")  # for readers, when it comes to committing
        return True

    def columns(self, connection: Any, cursor: Any) -> dict[str, str] | None:
        """Ask SQLite for the table's columns, which have no upper and lower case."""
        *schema, table = self.parts
        cursor.execute(
            f"SELECT name, type FROM pragma_table_info({self.marks(1 + len(schema))})",  # noqa: S608
            (table, *schema),
        )
        return {name.lower(): kind for name, kind in cursor.fetchall()} or None

    def key_of(self, cursor: Any) -> tuple[str, tuple[str, ...]] | None:
        """Look the index up by its name."""
        *schema, table = self.parts
        cursor.execute(f"SELECT name FROM pragma_index_list({self.marks(1 + len(schema))})", (table, *schema))  # noqa: S608
        for (index,) in cursor.fetchall():
            if index.startswith(INDEX_PREFIX):
                cursor.execute(
                    f"SELECT name FROM pragma_index_info({self.marks(1 + len(schema))}) ORDER BY seqno",  # noqa: S608
                    (index, *schema),
                )
                return index, tuple(name for (name,) in cursor.fetchall())
        return None

    def create(self, columns: Mapping[str, str], key: Sequence[str], mark: str) -> list[str]:
        """Make the index by itself, for only then it has a name; it stands in the table's schema."""
        *schema, table = self.parts
        index = ".".join(map(self.name, (*schema, self.index_name(mark))))
        return [
            _create_table(self, columns, key),
            f"CREATE UNIQUE INDEX {index} ON {self.name(table)} ({', '.join(map(self.name, key))})",
        ]


class Postgres(Ansi):
    """PostgreSQL: an advisory lock keeps two runs apart, and ``COPY`` takes rows in."""

    types = Ansi.types | {STRING: "TEXT", DECIMAL: "NUMERIC"}
    key_text = "TEXT"
    numbers = Numbers()

    def begin(self, connection: Any, cursor: Any) -> None:
        """Begin a transaction which sees what was committed while it waited for its turn."""
        connection.rollback()
        connection.autocommit = False
        cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def try_lock(self, cursor: Any) -> bool:
        """Take a lock on the table's name, which the end of the transaction gives back."""
        # schema.table and table may be the same one, so the schema is no part of it
        digest = hashlib.sha256(f"airflow_provider_tiktok {self.parts[-1]}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (number,))
        return bool(_values(cursor.fetchone())[0])

    def columns(self, connection: Any, cursor: Any) -> dict[str, str] | None:
        """Ask PostgreSQL's catalogue."""
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (self.table,),
        )
        return dict(_values(row) for row in cursor.fetchall()) or None

    def key_of(self, cursor: Any) -> tuple[str, tuple[str, ...]] | None:
        """Look the index up by its name."""
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE i.indrelid = to_regclass(%s) AND starts_with(c.relname, %s) ORDER BY c.relname, a.attnum",
            (self.table, INDEX_PREFIX),
        )
        rows = [_values(row) for row in cursor.fetchall()]
        return (rows[0][0], tuple(name for index, name in rows if index == rows[0][0])) if rows else None

    def create(self, columns: Mapping[str, str], key: Sequence[str], mark: str) -> list[str]:
        """Make the index by itself, for only then it has a name."""
        return [
            _create_table(self, columns, key),
            f"CREATE UNIQUE INDEX {self.name(self.index_name(mark))} ON {self.table} ({', '.join(map(self.name, key))})",
        ]

    def encode(self, binders: Sequence[Binder], columns: Sequence[Cells]) -> list[Any]:
        """Render lines of COPY's text format."""
        rendered = [
            _copy_cells(cells, binder.is_text) for binder, cells in zip(binders, columns, strict=True)
        ]
        return ["\t".join(row) for row in zip(*rendered, strict=True)]

    def insert(
        self, cursor: Any, binders: Sequence[Binder], batches: Iterable[Sequence[Any]]
    ) -> Iterable[int]:
        """Copy rows in, with either of the two drivers that Airflow's hook uses."""
        names = ", ".join(self.name(binder.column.name) for binder in binders)
        statement = f"COPY {self.table} ({names}) FROM STDIN"
        for batch in batches:
            data = "\n".join(batch) + "\n"  # as text, for the driver knows the connection's encoding
            if hasattr(cursor, "copy_expert"):  # psycopg2
                cursor.copy_expert(statement, io.StringIO(data))
            else:
                with cursor.copy(statement) as copy:
                    copy.write(data)
            yield len(batch)


DIALECTS: Mapping[str, type[Ansi]] = {"sqlite": Sqlite, "postgres": Postgres}
"""Dialects by the type of Airflow's connection; :class:`Ansi` for every other."""


def _create_table(dialect: Ansi, columns: Mapping[str, str], key: Sequence[str]) -> str:
    lines = [f"{dialect.name(name)} {dialect.type_of(name, kind, key)}" for name, kind in columns.items()]
    return f"CREATE TABLE {dialect.table} ({', '.join(lines)})"


def _declared(entry: Sequence[Any]) -> str:
    """Give what DB-API's description of a column says of its decimal places."""
    precision, scale = (entry[4], entry[5]) if len(entry) > 5 else (None, None)  # noqa: PLR2004
    return f"decimal({precision}, {scale})" if isinstance(scale, int) and scale > 0 else ""


def _values(row: Any) -> tuple[Any, ...]:
    """Give a row's values, also where the connection asks for rows as dicts."""
    return tuple(row.values()) if isinstance(row, Mapping) or hasattr(row, "keys") else tuple(row)


_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy_cells(cells: Cells, is_text: bool) -> list[str]:
    r"""Give cells as COPY reads them; ``\N`` is null."""
    if not is_text:
        return ["\\N" if cell is None else cell for cell in cells]
    return ["\\N" if cell is None else cell.translate(_COPY_ESCAPES) for cell in cells]
