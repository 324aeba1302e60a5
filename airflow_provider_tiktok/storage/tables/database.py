"""A table in any database that SQLAlchemy has a dialect for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement
from sqlalchemy.sql import quoted_name

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
from airflow_provider_tiktok.storage.tables.values import Binder, NumberStorage, utc_time

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.types import TypeEngine

KEY_PREFIX = "tiktok_"
"""The prefix of the name of a unique key that this package created."""


class Double(sa.Float):  # type: ignore[type-arg]  # no generic class in SQLAlchemy 1.4
    """A double, which databases with ``FLOAT(53)`` make of it. SQLAlchemy 1.4 has no such type."""


@compiles(Double, "oracle")
def _compile_double(*_: Any, **__: Any) -> str:
    return "BINARY_DOUBLE"


class Database:
    """Any database, and the name of a table in it.

    :param engine: connects to the database.
    :param parts: the parts of the table's name.
    """

    types: ClassVar[dict[str, TypeEngine[Any]]] = {
        STRING: sa.String(4000).with_variant(sa.Unicode(4000), "mssql"),
        INTEGER: sa.BigInteger(),
        DECIMAL: sa.Numeric(38, 10),
        FLOAT: Double(53),  # bits
        DATE: sa.Date(),
        TIMESTAMP: sa.DateTime(),
        UTC_TIMESTAMP: sa.DateTime(),
        BOOLEAN: sa.Boolean(),
    }
    key_text: ClassVar[TypeEngine[Any]] = sa.String(255).with_variant(sa.Unicode(255), "mssql")
    numbers: ClassVar[NumberStorage] = NumberStorage(scale=10)
    converters: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        INTEGER: int,
        DECIMAL: Decimal,
        FLOAT: float,
        DATE: date.fromisoformat,
        TIMESTAMP: datetime.fromisoformat,
        UTC_TIMESTAMP: utc_time,
        BOOLEAN: "true".__eq__,
    }
    folds_case: ClassVar[bool] = False
    key_kind: ClassVar[str] = "constraint"
    """What has the name of the unique key; databases without indexes accept a constraint, too."""
    isolation_level: ClassVar[str | None] = None

    def __init__(self, engine: Engine, parts: Sequence[str]) -> None:
        if self.isolation_level:
            engine = engine.execution_options(isolation_level=self.isolation_level)
        self.engine = engine
        self.parts = tuple(parts)
        *schema, name = (quoted_name(part, quote=True) for part in parts)
        self._name = name
        self._schema = schema[0] if len(schema) == 1 else self._qualified(schema)
        self._schema_to_inspect = self._schema

    def begin(self, connection: Connection) -> None:
        """Prepare a connection for writing."""

    def try_lock(self, connection: Connection) -> bool:
        """Return whether the lock of the table was acquired, which is held until the connection is closed.

        Without locks in a database, the unique key makes the second of two concurrent runs fail, and Airflow's
        retry then succeeds.
        """
        return True

    def columns(self, connection: Connection) -> dict[str, TypeEngine[Any]] | None:
        """Return the table's columns with their declared types; ``None`` if the table doesn't exist."""
        try:
            found = sa.inspect(connection).get_columns(self._name, self._schema_to_inspect)
        except NoSuchTableError:
            return None
        return {column["name"]: column["type"] for column in found} or None

    def key_of(self, connection: Connection) -> tuple[str, tuple[str, ...]] | None:
        """Return name and columns of the unique key that this package created; ``None`` if there is none."""
        inspector = sa.inspect(connection)
        found: list[Any] = list(inspector.get_indexes(self._name, self._schema_to_inspect))
        if self.key_kind == "constraint":
            with suppress(NotImplementedError):
                found += inspector.get_unique_constraints(self._name, self._schema_to_inspect)
        for key in found:
            if (key["name"] or "").startswith(KEY_PREFIX):
                return key["name"], tuple(key["column_names"])
        return None

    def create(self, columns: Mapping[str, str], key: Sequence[str], fingerprint: str) -> list[DDLElement]:
        """Return the statements that create the table.

        :param columns: type by name.
        :param key: the columns that identify a row.
        :param fingerprint: identifies the report of the table; it is in the name of the unique key, which is always
            a new one, because a renamed table keeps its index.
        """
        table = self._table(columns, key)
        name = f"{KEY_PREFIX}{secrets.token_hex(4)}_{fingerprint}"
        key_columns = [table.c[column] for column in key]
        if self.key_kind == "index":
            return [CreateTable(table), CreateIndex(sa.Index(name, *key_columns, unique=True))]
        table.append_constraint(sa.UniqueConstraint(*key_columns, name=name))
        return [CreateTable(table)]

    def add(self, columns: Mapping[str, str], key: Sequence[str]) -> list[DDLElement]:
        """Return the statements that add columns to the table."""
        return [_AddColumn(column) for column in self._table(columns, key).columns]

    def type_of(self, name: str, column_type: str, key: Sequence[str]) -> TypeEngine[Any]:
        """Return the declared type of a new column."""
        return self.key_text if column_type == STRING and name in key else self.types[column_type]

    def rows(self, names: Iterable[str]) -> sa.TableClause:
        """Return the table for statements about rows, with columns without types: values go to the driver unchanged."""
        columns: Iterable[Any] = (sa.column(quoted_name(name, quote=True)) for name in names)
        return sa.table(self._name, *columns, schema=self._schema)

    def delete(self, connection: Connection, statement: sa.Delete) -> int:
        """Delete rows and return how many, as far as the driver knows."""
        return max(connection.execute(statement).rowcount, 0)

    def encode(self, binders: Sequence[Binder], columns: Sequence[Cells]) -> list[Any]:
        """Return validated columns as rows for :meth:`insert`."""
        return list(zip(*columns, strict=True))

    def insert(
        self, connection: Connection, binders: Sequence[Binder], batches: Iterable[Sequence[Any]]
    ) -> Iterable[int]:
        """Insert rows batch by batch and return the number of rows after each batch."""
        names = [binder.column.name for binder in binders]
        statement = sa.insert(self.rows(names))
        dialect = self.engine.dialect
        sql = str(statement.compile(dialect=dialect))
        for batch in batches:
            columns = zip(*batch, strict=True)
            parameters = [binder.parameters(cells) for binder, cells in zip(binders, columns, strict=True)]
            rows = zip(*parameters, strict=True)
            if dialect.positional:  # twice as fast
                connection.exec_driver_sql(sql, list(rows))
            else:
                connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])
            yield len(batch)

    def _table(self, columns: Mapping[str, str], key: Sequence[str]) -> sa.Table:
        definitions = (
            sa.Column(quoted_name(name, quote=True), self.type_of(name, column_type, key))
            for name, column_type in columns.items()
        )
        return sa.Table(
            self._name,
            sa.MetaData(),
            *definitions,
            schema=self._schema,
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
        )

    def _qualified(self, parts: Sequence[str]) -> quoted_name | None:
        """Return several names, each quoted, as one that isn't quoted again; ``None`` without any."""
        dialect = self.engine.dialect
        name = ".".join(map(dialect.identifier_preparer.quote_identifier, parts))
        # Snowflake's dialect splits a name at its dots and then quotes the parts itself
        return quoted_name(name, quote=dialect.name == "snowflake") if parts else None


class _AddColumn(DDLElement):
    """``ALTER TABLE``, which SQLAlchemy itself has not."""

    def __init__(self, column: sa.Column[Any]) -> None:
        self.column = column


@compiles(_AddColumn)
def _compile(element: _AddColumn, compiler: Any, **_: Any) -> str:
    verb = "ADD" if compiler.dialect.name in {"mssql", "oracle"} else "ADD COLUMN"
    column = compiler.get_column_specification(element.column)
    return f"ALTER TABLE {compiler.preparer.format_table(element.column.table)} {verb} {column}"
