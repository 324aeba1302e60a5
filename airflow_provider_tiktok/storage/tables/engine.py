"""An SQLAlchemy engine that connects as an Airflow hook does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Protocol

from sqlalchemy import create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from airflow_provider_tiktok.exceptions import TikTokOutputError

_DIALECTS: Mapping[str, str] = {
    "MySQLdb": "mysql+mysqldb",
    "mysql": "mysql+mysqlconnector",
    "psycopg": "postgresql+psycopg",
    "psycopg2": "postgresql+psycopg2",
    "pymssql": "mssql+pymssql",
    "pymysql": "mysql+pymysql",
    "sqlite3": "sqlite",
}
"""Dialects by the package of a driver whose connections SQLAlchemy takes as a hook makes them."""


class Hook(Protocol):
    """An Airflow hook of a database, as far as it is used here."""

    def get_conn(self) -> Any:
        """Return a new DB-API connection."""

    def get_sqlalchemy_engine(self) -> Engine:
        """Return an engine of the hook's own."""


def open_engine(hook: Hook) -> Engine:
    """Return an engine for the database of a hook.

    It connects with :meth:`Hook.get_conn` where SQLAlchemy knows the driver, because the hook's own engine may ignore
    what the connection's extra says about TLS or the search path.

    :raises TikTokOutputError: SQLAlchemy has no dialect for the database.
    """
    with closing(hook.get_conn()) as connection:
        driver = type(connection).__module__.partition(".")[0].lstrip("_")
    try:
        if driver not in _DIALECTS:
            return hook.get_sqlalchemy_engine()
        return create_engine(
            f"{_DIALECTS[driver]}://",
            creator=lambda: _with_plain_rows(hook.get_conn(), driver),
            poolclass=NullPool,
        )
    except (ArgumentError, ImportError, NotImplementedError) as error:
        raise TikTokOutputError(
            f"SQLAlchemy has no dialect for the database, whose driver is {driver} ({type(error).__name__}). Install the "
            "database's dialect for SQLAlchemy, such as snowflake-sqlalchemy or duckdb-engine."
        ) from None


def _with_plain_rows(connection: Any, driver: str) -> Any:
    """Return a connection whose rows are tuples, which SQLAlchemy needs, even if its extra asks for dicts."""
    if driver == "psycopg":
        connection.row_factory = sys.modules["psycopg"].rows.tuple_row
    elif driver == "psycopg2":
        connection.cursor_factory = None
    elif driver == "MySQLdb":
        connection.cursorclass = connection.default_cursor
    return connection
