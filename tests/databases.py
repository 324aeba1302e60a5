"""Databases that tests write to: files of SQLite and DuckDB, and what is made for a test in a real PostgreSQL or MariaDB."""

import json
import secrets
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from urllib.parse import urlsplit

import pytest

from tests import servers

needs_postgres = pytest.mark.skipif(
    not servers.has_postgres(), reason="needs PostgreSQL: apt-get install postgresql"
)


class Sqlite:
    """A database in a file."""

    name = "sqlite"
    missing_schema = "unknown database"

    def __init__(self, path):
        self.path = path

    def connect(self):
        return sqlite3.connect(self.path)

    def connection(self, **_):
        return json.dumps({"conn_type": "sqlite", "host": str(self.path)})

    def types(self, table):
        return dict(self.query(f"SELECT name, type FROM pragma_table_info('{table}')"))

    def keys(self, table):
        """Return the columns of each unique key of a table."""
        indexes = self.query(f"SELECT name FROM pragma_index_list('{table}') WHERE \"unique\"")
        return [
            [name for (name,) in self.query(f"SELECT name FROM pragma_index_info('{index}') ORDER BY seqno")]
            for (index,) in indexes
        ]

    def query(self, sql):
        """Return the rows of a statement, in which names are in double quotes."""
        with closing(self.connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql)
            rows = list(map(tuple, cursor.fetchall())) if cursor.description else []
            connection.commit()
            return rows

    def drop(self):
        pass


class Postgres(Sqlite):
    """A schema, which is the first in the search path."""

    name = "postgres"
    missing_schema = 'schema "nowhere" does not exist'

    def __init__(self):
        self.url = servers.or_skip(servers.postgres)
        self.schema = f"tests_{secrets.token_hex(6)}"
        self.query(f"CREATE SCHEMA {self.schema}")

    def connect(self):
        import psycopg2  # which every SQLAlchemy knows; Airflow's hook uses the newer psycopg

        return psycopg2.connect(self.url, options=f"-c search_path={self.schema}")

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
        return dict(
            self.query(
                "SELECT column_name, data_type FROM information_schema.columns"
                f" WHERE table_schema = '{self.schema}' AND table_name = '{table}' ORDER BY ordinal_position"
            )
        )

    def keys(self, table):
        return self._keys(
            "SELECT i.indexrelid, a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid"
            f" WHERE i.indrelid = '{self.schema}.\"{table}\"'::regclass AND i.indisunique ORDER BY 1, a.attnum"
        )

    def _keys(self, sql):
        found = {}
        for key, column in self.query(sql):
            found.setdefault(key, []).append(column)
        return list(found.values())

    def drop(self):
        self.query(f"DROP SCHEMA {self.schema} CASCADE")


class MariaDb(Postgres):
    """A database, which is MySQL's word for a schema."""

    name = "mysql"
    missing_schema = "Unknown database 'nowhere'"

    def __init__(self):
        pytest.importorskip("pymysql", reason="needs PyMySQL")
        self.schema = "mysql"
        self.url = servers.or_skip(servers.mariadb)
        schema = f"tests_{secrets.token_hex(6)}"
        self.query(f"CREATE DATABASE {schema}")
        self.schema = schema

    def connect(self):
        url = urlsplit(self.url)
        return _connect_mysql(
            host=url.hostname,
            port=url.port,
            user=url.username,
            password=url.password,
            database=self.schema,
            sql_mode="ANSI_QUOTES",
        )

    def connection(self, password=None, **extra):
        changes = {"conn_type": "mysql", "schema": self.schema, "extra": extra}
        return json.dumps(json.loads(super().connection(password)) | changes)

    def keys(self, table):
        return self._keys(
            "SELECT index_name, column_name FROM information_schema.statistics"
            f" WHERE table_schema = '{self.schema}' AND table_name = '{table}' AND non_unique = 0"
            " ORDER BY index_name, seq_in_index"
        )

    def drop(self):
        self.query(f"DROP DATABASE {self.schema}")


class DuckDb(Sqlite):
    """A database in a file."""

    name = "duckdb"
    missing_schema = "nowhere"

    def __init__(self, path):
        pytest.importorskip("duckdb_engine", reason="needs duckdb-engine")
        super().__init__(path)

    def connect(self):
        import duckdb

        return duckdb.connect(str(self.path))

    def connection(self, **_):
        return json.dumps({"conn_type": "duckdb", "host": str(self.path)})

    def types(self, table):
        return dict(
            self.query(f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{table}'")
        )

    def keys(self, table):
        sql = f"SELECT constraint_column_names FROM duckdb_constraints() WHERE table_name = '{table}'"
        return [columns for (columns,) in self.query(sql)]

    def query(self, sql):
        with closing(self.connect()) as connection:
            rows = connection.execute(sql).fetchall()
            is_query = connection.description and connection.description[0][0] not in {"Count", "Success"}
            return rows if is_query else []


DATABASES = {"sqlite": Sqlite, "duckdb": DuckDb, "postgres": Postgres, "mysql": MariaDb}


def open_database(name, folder):
    """Return an empty database by its name."""
    return DATABASES[name](folder / "warehouse.db") if name in {"sqlite", "duckdb"} else DATABASES[name]()


def _connect_mysql(**parameters):
    """Connect without TLS, which the servers here do not have: to read certificates takes longer than most tests."""
    import pymysql

    return pymysql.connect(ssl_disabled=True, **parameters)


def use_hooks(patch=setattr):
    """Let connections to MySQL and DuckDB have hooks of their own, where Airflow's providers for these are not installed."""
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from airflow_provider_tiktok._compat_late import BaseHook

    connections = type(BaseHook.get_connection("warehouse"))
    original = connections.get_hook

    class Hook(DbApiHook):
        conn_name_attr = "conn_id"

        def get_conn(self):
            one = self.get_connection(self.conn_id)
            if one.conn_type == "duckdb":
                import duckdb

                return duckdb.connect(one.host)
            return _connect_mysql(
                host=one.host, port=one.port, user=one.login, password=one.password, database=one.schema
            )

        def get_uri(self):
            return f"duckdb:///{self.get_connection(self.conn_id).host}"

    def get_hook(self, **parameters):
        if self.conn_type in {"duckdb", "mysql"} and find_spec(f"airflow.providers.{self.conn_type}") is None:
            return Hook(conn_id=self.conn_id)
        return original(self, **parameters)

    patch(connections, "get_hook", get_hook)
