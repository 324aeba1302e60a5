"""Databases that tests write to: an SQLite file, and a separate schema in a real PostgreSQL."""

import json
import secrets
import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests import servers

needs_postgres = pytest.mark.skipif(
    not servers.has_postgres(), reason="needs PostgreSQL: apt-get install postgresql"
)


class Sqlite:
    """A database in a file."""

    name = "sqlite"

    def __init__(self, path):
        self.path = path

    def connect(self):
        return sqlite3.connect(self.path)

    def connection(self, **_):
        return json.dumps({"conn_type": "sqlite", "host": str(self.path)})

    def types(self, table):
        return dict(self.query(f"SELECT name, type FROM pragma_table_info('{table}')"))

    def query(self, sql, *parameters):
        with closing(self.connect()) as connection, connection:
            return connection.execute(sql, parameters).fetchall()

    def drop(self):
        pass


class Postgres(Sqlite):
    """A schema, which is the first in the search path."""

    name = "postgres"

    def __init__(self):
        self.url = servers.or_skip(servers.postgres)
        self.schema = f"tests_{secrets.token_hex(6)}"
        self.query(f"CREATE SCHEMA {self.schema}")

    def connect(self):
        import psycopg

        return psycopg.connect(self.url, options=f"-c search_path={self.schema}")

    def connection(self, password=None, **extra):
        url = urlsplit(self.url)
        return json.dumps(
            {
                "conn_type": "postgres",
                "host": url.hostname,
                "port": url.port,
                "login": url.username,
                "password": password or url.password,
                "schema": url.path.lstrip("/"),
                "extra": {"options": f"-c search_path={self.schema}", **extra},
            }
        )

    def types(self, table):
        sql = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
        return dict(self.query(sql, self.schema, table))

    def query(self, sql, *parameters):
        with closing(self.connect()) as connection, connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def drop(self):
        self.query(f"DROP SCHEMA {self.schema} CASCADE")
