"""Tables in SQLite, PostgreSQL, MariaDB and DuckDB."""

import threading
import time
from decimal import Decimal

import pytest
import sqlalchemy as sa

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer
from airflow_provider_tiktok.storage.tables import table as tables
from airflow_provider_tiktok.storage.tables.engine import open_engine
from airflow_provider_tiktok.storage.tables.table import Layout, Slice, SqlTable
from airflow_provider_tiktok.storage.tables.versions import Load, Versions
from tests.databases import open_database

COLUMNS = {
    "advertiser_id": "string",
    "Day": "date",
    "order": "string",  # a reserved word
    "ad name": "string",
    "50%": "decimal",
    "clicks": "integer",
    "hour": "timestamp",
}
KEY = ("advertiser_id", "Day", "order")
ROWS = [
    ("7", "2026-08-01", "a", 'tab\t"quote" \\N \\ ü 😀\n', "1234567890123456.0123456789", "1", None),
    ("7", "2026-08-01", "A", None, "-0.0000000001", "-9223372036854775808", "2026-11-01T13:00:00"),
    ("7", "2026-08-02", "a", "", "12.50", None, "2026-03-29T02:30:00"),
    ("8", "2026-08-01", None, "x", None, "9223372036854775807", None),
    ("8", "2026-08-01", None, "y", "0", "0", None),
]
FEWER_DIGITS = {"1234567890123456.0123456789": "12345678901.25"}
"""What SQLite can store, whose numbers are floats."""


class Hook:
    """Connects as an Airflow hook does."""

    def __init__(self, database):
        self._database = database

    def get_conn(self):
        return self._database.connect()

    def get_sqlalchemy_engine(self):
        return sa.create_engine(f"duckdb:///{self._database.path}")


# without `--full` tests run with the databases that differ most
OTHERS = (pytest.param(name, marks=pytest.mark.full) for name in ("duckdb", "generic"))


@pytest.fixture(params=["sqlite", "postgres", "mysql", *OTHERS])
def database(request, tmp_path, monkeypatch):
    """Return an empty database; generic is PostgreSQL as any database."""
    opened = open_database("postgres" if request.param == "generic" else request.param, tmp_path)
    if request.param == "generic":
        monkeypatch.setattr(tables, "DATABASES", {})
    yield opened
    opened.drop()


def no_wait(_):
    pass


def table(
    database, name="Ads", columns=COLUMNS, key=KEY, fingerprint="0" * 12, create=True, add_columns=False
):
    layout = Layout(columns, key, fingerprint, create, add_columns)
    return SqlTable(Hook(database), name.split("."), layout, wait=no_wait)


def replace(one, rows, accounts=("7", "8"), bounds=(), or_null=None, wait=no_wait):
    encoded = one.encode(list(zip(*rows, strict=True)), [False] * len(rows[0])) if rows else []
    slices = [Slice("advertiser_id", accounts, bounds, or_null)]
    return one.replace(slices, [encoded], batch_size=2, wait=wait)


def cells(database, columns=COLUMNS):
    """Return a table's rows: text as it is, numbers as decimals, days and times as ISO text."""
    names = ", ".join(f'"{name}"' for name in columns)
    return {tuple(map(cell, row)) for row in database.query(f'SELECT {names} FROM "Ads"')}


def cell(value):
    if isinstance(value, str):
        return value.replace(" ", "T") if value.startswith("2026") else value  # SQLite's time is text
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, bool):
        return int(value)
    return value if value is None else Decimal(str(value))


def expected(database, rows=ROWS):
    kinds = list(COLUMNS.values())
    return {
        tuple(
            Decimal(value) if value is not None and kind in {"decimal", "integer"} else value
            for value, kind in zip(row, kinds, strict=True)
        )
        for row in storable(database, rows)
    }


def storable(database, rows=ROWS):
    if database.name != "sqlite":
        return rows
    return [(*row[:4], FEWER_DIGITS.get(row[4], row[4]), *row[5:]) for row in rows]


def test_a_new_table_holds_every_digit_text_and_null(database):
    one = table(database)
    assert replace(one, storable(database)) == (0, 5)
    assert cells(database) == expected(database)
    assert list(database.types("Ads")) == list(COLUMNS)
    assert database.keys("Ads") == [list(KEY)]


def test_keys_with_nulls_are_replaced_and_never_in_each_others_way(database):
    replace(table(database), storable(database))
    assert replace(table(database), storable(database, ROWS[3:]), accounts=("8",)) == (2, 2)
    assert cells(database) == expected(database)


def test_a_key_that_comes_twice_is_refused_and_nothing_changed(database):
    replace(table(database), storable(database))
    with pytest.raises(TikTokOutputError, match="could not be written") as caught:
        replace(table(database), storable(database, [*ROWS[:2], ROWS[0]]))
    assert caught.value.retryable
    assert cells(database) == expected(database)


def test_only_the_slice_is_replaced(database):
    replace(table(database), storable(database))
    bounds = (("Day", ">=", "2026-08-01"), ("Day", "<", "2026-08-02"))
    assert replace(table(database), [], accounts=("7",), bounds=bounds) == (2, 0)
    assert cells(database) == expected(database, ROWS[2:])
    assert replace(table(database), [], accounts=("8",), bounds=bounds[:1], or_null="order") == (2, 0)


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("database", ["sqlite", "postgres", "mysql"], indirect=True)
def test_of_two_writers_one_waits(database, exists):
    if exists:
        replace(table(database), storable(database))
    one, other = table(database), table(database)
    waited = []
    found = []

    def wait(seconds):
        waited.append(seconds)
        time.sleep(seconds)

    def write_as_other():
        found.append(replace(other, storable(database), wait=wait))

    thread = threading.Thread(target=write_as_other)

    def wait_for_other(_):
        if not thread.ident:
            thread.start()
        deadline = time.monotonic() + 30
        while 0.2 not in waited and time.monotonic() < deadline:
            time.sleep(0.01)

    found.append(replace(one, storable(database), wait=wait_for_other))
    thread.join(60)
    assert found == [(5 if exists else 0, 5), (5, 5)]
    assert cells(database) == expected(database)


def test_columns_are_added_when_that_is_allowed(database):
    few = {name: kind for name, kind in COLUMNS.items() if name not in {"ad name", "50%", "hour"}}
    rows = [(*row[:3], row[5]) for row in ROWS[:3]]
    replace(table(database, columns=few), rows)
    with pytest.raises(TikTokOutputError, match=r"lacks the column\(s\) ad name, 50%, hour"):
        table(database)
    assert replace(table(database, add_columns=True), storable(database, ROWS[2:]))[0] == 3
    assert cells(database) == expected(database, ROWS[2:])


UTC_COLUMNS = {"advertiser_id": "string", "Day": "date", "loaded": "timestamp_utc"}
UTC_ROWS = [("7", "2026-08-01", "2026-11-01T13:00:00Z"), ("8", "2026-08-02", None)]


def test_times_in_utc_are_stored_as_they_are(database):
    one = table(database, columns=UTC_COLUMNS, key=("advertiser_id", "Day"))
    replace(one, UTC_ROWS)
    stored = {("7", "2026-08-01", "2026-11-01T13:00:00"), ("8", "2026-08-02", None)}
    assert cells(database, UTC_COLUMNS) == stored
    expected_type = {"postgres": "timestamp without time zone", "mysql": "datetime"}
    (kind,) = [kind for name, kind in database.types("Ads").items() if name == "loaded"]
    assert kind.lower() == expected_type.get(database.name, "timestamp")
    bounds = (("loaded", ">=", "2026-11-01T13:00:00Z"), ("loaded", "<", "2026-11-01T13:00:01Z"))
    assert replace(one, [], bounds=bounds) == (1, 0)


def test_flags_are_stored_as_they_are(database):
    columns = {"advertiser_id": "string", "Day": "date", "shown": "boolean"}
    rows = [("7", "2026-08-01", "true"), ("8", "2026-08-02", "false"), ("9", "2026-08-03", None)]
    one = table(database, columns=columns, key=("advertiser_id", "Day"))
    replace(one, rows)
    found = {row[0]: row[2] for row in cells(database, columns)}
    assert found == {"7": 1, "8": 0, "9": None}
    with pytest.raises(TikTokOutputError, match=r"column shown, .*, can't store 'yes' unchanged"):
        replace(one, [("7", "2026-08-01", "yes")])


@pytest.mark.parametrize("database", ["postgres", "generic", "duckdb"], indirect=True)
def test_a_column_with_a_zone_holds_the_same_time(database):
    database.query(
        'CREATE TABLE "Ads" (advertiser_id VARCHAR(20), "Day" DATE, loaded TIMESTAMP WITH TIME ZONE)'
    )
    replace(table(database, columns=UTC_COLUMNS, key=("advertiser_id", "Day")), UTC_ROWS)
    ((seconds,),) = database.query('SELECT extract(epoch FROM loaded) FROM "Ads" WHERE loaded IS NOT NULL')
    assert int(seconds) == 1793538000


def test_the_table_of_another_report_is_refused(database):
    replace(table(database), storable(database))
    with pytest.raises(TikTokOutputError, match=r"contains another report.*tiktok_[0-9a-f]{8}_000000000000"):
        table(database, fingerprint="1" * 12)
    with pytest.raises(TikTokOutputError, match="one row for each advertiser_id, Day, order, and this"):
        table(database, key=("advertiser_id", "Day"))


def test_a_schema_that_is_missing_is_named(database):
    with pytest.raises(TikTokOutputError, match=database.missing_schema):
        replace(table(database, "nowhere.Ads"), storable(database))


def test_a_table_in_a_schema_is_the_one_without(database):
    schema = {"sqlite": "main", "duckdb": "main"}.get(database.name) or database.schema
    replace(table(database, f"{schema}.Ads"), storable(database))
    assert replace(table(database), storable(database)) == (5, 5)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_names_that_postgresql_would_cut_are_refused_and_a_catalog_is_its_own(database):
    with pytest.raises(TikTokOutputError, match="only the first 63 bytes"):
        table(database, "ü" * 32)
    with pytest.raises(TikTokOutputError, match=r"A column has the name .* only the first 63 bytes"):
        table(database, columns=COLUMNS | {"ü" * 32: "string"})
    replace(table(database), ROWS)
    assert replace(table(database, f"postgres.{database.schema}.Ads"), ROWS) == (5, 5)


def test_a_column_too_narrow_for_the_digits_is_refused(database):
    if database.name == "sqlite":
        pytest.skip("SQLite's numbers have no declared digits")
    database.query(
        'CREATE TABLE "Ads" (advertiser_id VARCHAR(20), "Day" DATE, "order" VARCHAR(20), "ad name" VARCHAR(99), '
        '"50%" DECIMAL(30, 2), clicks BIGINT, hour TIMESTAMP NULL)'
    )
    one = table(database)
    with pytest.raises(
        TikTokOutputError, match=r"^The table's column 50%, (NUMERIC|DECIMAL)\(30, 2\), can't store"
    ):
        replace(one, ROWS)
    assert replace(one, ROWS[2:]) == (0, 3)


@pytest.mark.parametrize("database", ["mysql"], indirect=True)
def test_text_that_mysql_is_set_up_to_cut_is_refused(database):
    """The tests' connections have no strict mode."""
    one = table(database)
    with pytest.raises(TikTokOutputError, match="Data too long for column 'ad name'"):
        replace(one, [(*ROWS[0][:3], "x" * 70_000, *ROWS[0][4:])])
    assert database.query('SELECT count(*) FROM "Ads"') == [(0,)]


def test_many_text_columns_in_the_key_fit(database):
    names = [f"k{number}" for number in range(7)]
    one = table(
        database, columns=dict.fromkeys(["advertiser_id", *names], "string"), key=("advertiser_id", *names)
    )
    assert replace(one, [("7", *"abcdefg"), ("7", *"ABCDEFG")]) == (0, 2)


def test_a_database_without_a_dialect_is_named():
    class Unknown:
        def close(self):
            pass

    class Foreign(Hook):
        def get_conn(self):
            return Unknown()

        def get_sqlalchemy_engine(self):
            return sa.create_engine("nosuchdatabase://")

    with pytest.raises(
        TikTokOutputError, match=r"no dialect for the database, whose driver is tests \(NoSuchModule"
    ):
        open_engine(Foreign(None))


def test_the_newest_versions_and_the_new_rows_share_one_budget_of_memory(database, monkeypatch):
    columns = {"advertiser_id": "string", "thing": "string", "time": "timestamp_utc", "gone": "boolean"}
    one = table(database, columns=columns, key=("thing", "time"))
    versions = Versions("advertiser_id", "thing", "time", "gone")
    most, rows, some, in_memory = 150, 600, 100, []
    original = RowBuffer.add

    def add(self, keys, items):
        original(self, keys, items)
        buffers.add(self)
        in_memory.append(sum(buffer.in_memory for buffer in buffers))

    monkeypatch.setattr(RowBuffer, "add", add)
    for known in (0, rows):
        buffers = set()
        with RowBuffer(budget=MemoryBudget(most)) as buffer:
            for first in range(0, rows, some):
                things = [f"{number:05}" for number in range(first, first + some)]
                values = [["7"] * some, things, ["2026-11-01T13:00:00Z"] * some, ["false"] * some]
                buffer.add([("7", thing) for thing in things], one.check(values, [True] * 4))
            load = Load("2026-12-01T00:00:00Z", frozenset({"7"}), {})
            added = one.add_versions(versions, load, ["7"], buffer, batch_size=500, wait=no_wait)
        assert added == rows - known
        assert max(in_memory) <= most
    assert len(in_memory) > 2 * rows // some  # what the table had was buffered, too
