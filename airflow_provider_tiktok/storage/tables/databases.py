"""Databases of which more is used than SQLAlchemy offers: locks between runs, bulk inserts, types without limits."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import DDLElement, SetTableComment
from sqlalchemy.sql import quoted_name

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.columns import (
    BOOLEAN,
    DATE,
    DECIMAL,
    FLOAT,
    INTEGER,
    STRING,
    TIMESTAMP,
    UTC_TIMESTAMP,
    Cells,
)
from airflow_provider_tiktok.storage.tables.database import KEY_PREFIX, Database
from airflow_provider_tiktok.storage.tables.values import Binder, NumberStorage

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.types import TypeEngine

_MAX_NAME = 63  # bytes of a name in PostgreSQL


def _sqlite_number(cell: str) -> int | float:
    with suppress(ValueError):
        return int(cell)
    return float(cell)


class Sqlite(Database):
    """SQLite: one writer at a time, and numbers that are floats or 64-bit integers in every column."""

    types: ClassVar[dict[str, TypeEngine[Any]]] = {
        STRING: sa.Text(),
        INTEGER: sa.Integer(),
        DECIMAL: sa.Numeric(),
        FLOAT: sa.Float(),
        DATE: sa.Date(),
        TIMESTAMP: sa.TIMESTAMP(),
        UTC_TIMESTAMP: sa.TIMESTAMP(),
        BOOLEAN: sa.Boolean(),
    }
    key_text = sa.Text()
    numbers = NumberStorage(floats=True)
    # dates and timestamps are text, in the form that SQLite's own functions return
    converters: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        INTEGER: _sqlite_number,
        DECIMAL: _sqlite_number,
        FLOAT: _sqlite_number,
        TIMESTAMP: lambda cell: cell.replace("T", " "),
        UTC_TIMESTAMP: lambda cell: cell.replace("T", " ").removesuffix("Z"),
        BOOLEAN: "true".__eq__,
    }
    folds_case = True
    key_kind = "index"
    isolation_level = "AUTOCOMMIT"  # otherwise Python begins transactions implicitly

    def begin(self, connection: Connection) -> None:
        """Let :meth:`try_lock`, which begins SQLite's transaction, wait a second at a time."""
        connection.exec_driver_sql("PRAGMA busy_timeout = 1000")

    def try_lock(self, connection: Connection) -> bool:
        """Begin a transaction as the only writer and return whether there was no other."""
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            if "locked" in str(error.orig):
                return False
            raise
        connection.exec_driver_sql("PRAGMA busy_timeout = 60000")  # the commit waits for readers
        return True


class Postgres(Database):
    """PostgreSQL: an advisory lock between runs, and ``COPY`` for rows.

    :raises TikTokOutputError: a name is longer than PostgreSQL's.
    """

    types: ClassVar[dict[str, TypeEngine[Any]]] = Database.types | {STRING: sa.Text(), DECIMAL: sa.Numeric()}
    key_text = sa.Text()
    numbers = NumberStorage()
    key_kind = "index"
    isolation_level = "READ COMMITTED"  # sees the commits made while it waits for the lock

    def __init__(self, engine: Engine, parts: Sequence[str]) -> None:
        super().__init__(engine, parts)
        self._schema_to_inspect = quoted_name(parts[-2], quote=True) if len(parts) > 1 else None
        for part in parts:
            self._check_length("`table`", part)

    def type_of(self, name: str, column_type: str, key: Sequence[str]) -> TypeEngine[Any]:
        """Return the declared type of a new column, whose name fits."""
        self._check_length("A column", name)
        return super().type_of(name, column_type, key)

    def try_lock(self, connection: Connection) -> bool:
        """Return whether the lock of the table's name was acquired; the end of the transaction releases it."""
        number = int.from_bytes(_lock_of(self.parts)[:8], "big", signed=True)
        lock = sa.func.pg_try_advisory_xact_lock(sa.literal(number, sa.BigInteger()))
        return bool(connection.execute(sa.select(lock)).scalar())

    @staticmethod
    def _check_length(what: str, name: str) -> None:
        if len(name.encode()) > _MAX_NAME:
            raise TikTokOutputError(
                f"{what} has the name {name!r}, of which PostgreSQL takes only the first {_MAX_NAME} bytes."
            )

    def encode(self, binders: Sequence[Binder], columns: Sequence[Cells]) -> list[Any]:
        """Return validated columns as lines of COPY's text format."""
        rendered = [
            _copy_cells(cells, binder.is_text) for binder, cells in zip(binders, columns, strict=True)
        ]
        return ["\t".join(row) for row in zip(*rendered, strict=True)]

    def insert(
        self, connection: Connection, binders: Sequence[Binder], batches: Iterable[Sequence[Any]]
    ) -> Iterable[int]:
        """Insert rows with COPY, with either of the two drivers that Airflow's hook uses."""
        statement = f"COPY {_target(self.parts, binders)} FROM STDIN"
        cursor: Any = connection.connection.cursor()
        for batch in batches:
            data = "\n".join(batch) + "\n"  # as text, because the driver knows the connection's encoding
            if hasattr(cursor, "copy_expert"):  # psycopg2
                cursor.copy_expert(statement, io.StringIO(data))
            else:
                with cursor.copy(statement) as copy:
                    copy.write(data)
            yield len(batch)


class MySql(Database):
    """MySQL and MariaDB: a named lock between runs, and text without a limit outside the key.

    ``CREATE`` and ``ALTER`` commit at once, so that a table or a column may stay although the rows did not change.
    """

    types: ClassVar[dict[str, TypeEngine[Any]]] = Database.types | {STRING: sa.Text()}
    folds_case = True

    def begin(self, connection: Connection) -> None:
        """Have the server refuse what it can't store, even where it is set up to cut it."""
        connection.exec_driver_sql("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")

    def try_lock(self, connection: Connection) -> bool:
        """Return whether the lock of the table's name was acquired; the end of the connection releases it."""
        name = f"{KEY_PREFIX}{_lock_of(self.parts).hex()[:32]}"
        return bool(connection.execute(sa.select(sa.func.get_lock(name, 0))).scalar())

    def type_of(self, name: str, column_type: str, key: Sequence[str]) -> TypeEngine[Any]:
        """Return the declared type of a new column; a key has no more than 3,072 bytes, and upper and lower case count."""
        if column_type == STRING and name in key:
            length = min(255, 3072 // 4 // len(key))
            text: TypeEngine[Any] = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
            return text
        return self.types[column_type]


class DuckDb(Database):
    """DuckDB: one process at a time has a file open, which is the lock, and bulk inserts.

    Its dialect can't read columns with SQLAlchemy 2.1. A constraint loses its name, so that the table's comment has it.
    An index keeps it, but before DuckDB 2.0 refuses keys again that were deleted in the same transaction.
    """

    types: ClassVar[dict[str, TypeEngine[Any]]] = Database.types | {
        STRING: sa.Text(),
        FLOAT: postgresql.DOUBLE_PRECISION(),  # FLOAT is a single here
    }
    key_text = sa.Text()
    folds_case = True
    key_kind = "comment"

    def columns(self, connection: Connection) -> dict[str, TypeEngine[Any]] | None:
        """Return the table's columns with their declared types; ``None`` if the table doesn't exist."""
        found = self._read(connection, "column_name, data_type, numeric_precision, numeric_scale", "columns")
        return {name: _duckdb_type(*declared) for name, *declared in found} or None

    def key_of(self, connection: Connection) -> tuple[str, tuple[str, ...]] | None:
        """Return name and columns of the unique key that this package created; ``None`` if there is none."""
        for (comment,) in self._read(connection, "comment", "tables"):
            if (comment or "").startswith(KEY_PREFIX):
                constraints = self._read(
                    connection, "constraint_type, constraint_column_names", "constraints"
                )
                return comment, next(
                    (tuple(columns) for kind, columns in constraints if kind == "UNIQUE"), ()
                )
        return None

    def create(self, columns: Mapping[str, str], key: Sequence[str], fingerprint: str) -> list[DDLElement]:
        """Return the statements that create the table and its comment."""
        create: Any
        (create,) = super().create(columns, key, fingerprint)
        table = create.element
        (table.comment,) = (one.name for one in table.constraints if isinstance(one, sa.UniqueConstraint))
        return [create, SetTableComment(table)]

    def delete(self, connection: Connection, statement: sa.Delete) -> int:
        """Delete rows and return how many, which DuckDB returns as a row."""
        return int(connection.execute(statement).scalar_one())

    def insert(
        self, connection: Connection, binders: Sequence[Binder], batches: Iterable[Sequence[Any]]
    ) -> Iterable[int]:
        """Insert each batch with one parameter a column, because DuckDB takes parameters slowly."""
        cells = ", ".join(["""unnest(from_json(?, '["VARCHAR"]'))"""] * len(binders))
        statement = f"INSERT INTO {_target(self.parts, binders)} SELECT {cells}"
        for batch in batches:
            columns = zip(*batch, strict=True)
            connection.exec_driver_sql(statement, tuple(json.dumps(column) for column in columns))
            yield len(batch)

    def _read(self, connection: Connection, what: str, function: str) -> list[Any]:
        """Return what one of DuckDB's functions says of the table."""
        *schema, table = (part.lower() for part in self.parts)
        names = [*[None] * (2 - len(schema)), *schema, table]
        statement = (
            f"SELECT {what} FROM duckdb_{function}() WHERE lower(database_name) = coalesce(?, current_database())"  # noqa: S608
            " AND lower(schema_name) = coalesce(?, current_schema()) AND lower(table_name) = ?"
        )
        return list(connection.exec_driver_sql(statement, tuple(names)))


DATABASES: Mapping[str, type[Database]] = {
    "duckdb": DuckDb,
    "mariadb": MySql,
    "mysql": MySql,
    "postgresql": Postgres,
    "sqlite": Sqlite,
}
"""Databases by the name of SQLAlchemy's dialect; every other one is a :class:`Database`."""


def _lock_of(parts: Sequence[str]) -> bytes:
    """Return 32 bytes for the lock of a table, without its schema, because schema.table and table can be the same."""
    return hashlib.sha256(f"airflow_provider_tiktok {parts[-1]}".encode()).digest()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _target(parts: Sequence[str], binders: Sequence[Binder]) -> str:
    """Return table and columns for a statement that goes to the driver itself, in which ``%`` is not doubled."""
    return f"{'.'.join(map(_quoted, parts))} ({', '.join(_quoted(binder.column.name) for binder in binders)})"


def _duckdb_type(declared: str, precision: int | None, scale: int | None) -> TypeEngine[Any]:
    if declared.startswith("DECIMAL"):
        return sa.Numeric(precision, scale)
    if declared.endswith(("INT", "INTEGER")):
        return sa.BigInteger()
    if declared in {"FLOAT", "DOUBLE"}:
        return sa.Float()
    known: dict[str, TypeEngine[Any]] = {"VARCHAR": sa.Text(), "DATE": sa.Date(), "BOOLEAN": sa.Boolean()}
    return known.get(declared, sa.types.NULLTYPE)


_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy_cells(cells: Cells, is_text: bool) -> list[str]:
    r"""Return cells in COPY's text format; ``\N`` is null."""
    if not is_text:
        return ["\\N" if cell is None else cell for cell in cells]
    return ["\\N" if cell is None else cell.translate(_COPY_ESCAPES) for cell in cells]
