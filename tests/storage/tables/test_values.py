"""Cells in columns: unchanged, or an error."""

from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import create_mock_engine, types

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.tables.database import Database
from airflow_provider_tiktok.storage.tables.databases import Postgres, Sqlite
from airflow_provider_tiktok.storage.tables.values import Binder, Column

SEVENTEEN = "123456789012345.67"
TIME = "2026-08-01T13:00:00"


def binder(database, column_type, declared=types.NULLTYPE):
    return Binder(Column("x", column_type, declared), database.numbers, database.converters)


def bound(database, column_type, cells, declared=types.NULLTYPE):
    """Return the parameters of cells that the column can store."""
    one = binder(database, column_type, declared)
    return list(one.parameters(one.check(cells)))


@pytest.mark.parametrize(
    ("database", "column_type", "declared", "cell"),
    [
        (Postgres, "decimal", types.Numeric(12, 2), "1.234"),
        (Postgres, "decimal", types.Numeric(12), "1.2"),
        (Postgres, "decimal", types.BigInteger(), "1.5"),
        (Postgres, "decimal", types.Float(), "0.12345678901234567891"),
        (Postgres, "decimal", types.Numeric(), "<5"),
        (Postgres, "integer", types.BigInteger(), "116.5"),
        (Postgres, "integer", types.BigInteger(), "9223372036854775808"),
        (Postgres, "timestamp", types.Date(), "2026-08-01T13:00:00"),
        (Postgres, "timestamp", types.DateTime(), "2026-08-01T13:00:00-07:00"),
        (Postgres, "timestamp_utc", types.Date(), "2026-08-01T13:00:00Z"),
        (Postgres, "boolean", types.Boolean(), "True"),
        (Postgres, "boolean", types.Date(), "true"),
        (Postgres, "timestamp_utc", types.DateTime(), "2026-08-01T13:00:00"),
        (Sqlite, "timestamp_utc", types.TIMESTAMP(), "2026-08-01T13:00:00+00:00"),
        (Postgres, "date", types.Date(), "yesterday"),
        (Sqlite, "decimal", types.Numeric(), "1234567890123456789.01"),
        (Sqlite, "integer", types.Integer(), "<5"),
        (Database, "decimal", types.NULLTYPE, "0.12345678901"),
        (Database, "decimal", types.Numeric(18, 2), "1.234"),
        (Database, "float", types.Float(53), "0.12345678901234567891"),
        (Database, "float", types.Float(53), "<5"),
        (Database, "float", types.Numeric(38, 10), "8.541666666666666"),
        (Database, "float", types.NULLTYPE, "8.541666666666666"),
    ],
)
def test_a_value_that_a_column_cannot_store_unchanged_is_an_error(database, column_type, declared, cell):
    with pytest.raises(TikTokOutputError, match=r"^The table's column x, .*, can't store ") as caught:
        binder(database, column_type, declared).check([None, cell])
    assert cell in str(caught.value)


@pytest.mark.parametrize(
    ("database", "column_type", "declared", "cell", "parameter"),
    [
        (Postgres, "decimal", types.Numeric(12, 2), "1.230", Decimal("1.230")),
        (Postgres, "decimal", types.Numeric(), "0.12345678901234567891", Decimal("0.12345678901234567891")),
        (Postgres, "integer", types.BigInteger(), "-9223372036854775808", -(2**63)),
        (Postgres, "integer", types.Text(), "<5", "<5"),
        (Sqlite, "decimal", types.Numeric(), "12.50", 12.5),
        (Sqlite, "decimal", types.Numeric(), "12", 12),
        (Sqlite, "decimal", types.Text(), SEVENTEEN + "8901", SEVENTEEN + "8901"),
        (Sqlite, "integer", types.Integer(), "9223372036854775807", 2**63 - 1),
        (Sqlite, "timestamp", types.TIMESTAMP(), "2026-08-01T13:00:00", "2026-08-01 13:00:00"),
        (Sqlite, "timestamp_utc", types.TIMESTAMP(), f"{TIME}Z", "2026-08-01 13:00:00"),
        (Sqlite, "timestamp_utc", types.Text(), f"{TIME}Z", f"{TIME}Z"),
        (Database, "timestamp_utc", types.DateTime(), f"{TIME}Z", datetime.fromisoformat(TIME)),
        (
            Database,
            "timestamp_utc",
            types.DateTime(timezone=True),
            f"{TIME}Z",
            datetime.fromisoformat(f"{TIME}+00:00"),
        ),
        (Database, "decimal", types.NULLTYPE, "0.1234567890", Decimal("0.1234567890")),
        (Database, "float", types.Float(53), "8.541666666666666", 8.541666666666666),
        (Database, "float", types.Float(53), "12", 12.0),
        (Postgres, "float", types.Numeric(), "8.541666666666666", Decimal("8.541666666666666")),
        (Database, "float", types.Numeric(38, 10), "1234567890123.4567", Decimal("1234567890123.4567")),
        (Sqlite, "float", types.Float(), "8.541666666666666", 8.541666666666666),
        (Database, "boolean", types.Boolean(), "true", True),
        (Sqlite, "boolean", types.Boolean(), "false", False),
        (Postgres, "boolean", types.Text(), "true", "true"),
    ],
)
def test_a_value_that_a_column_can_store_keeps_all_its_digits(
    database, column_type, declared, cell, parameter
):
    (got,) = bound(database, column_type, [cell], declared)
    assert (got, type(got)) == (parameter, type(parameter))


def test_clean_numbers_are_still_validated_against_the_columns_scale():
    with pytest.raises(TikTokOutputError):
        binder(Postgres, "decimal", types.Numeric(12, 2)).check(["1.25", "1.234"], is_clean=True)
    with pytest.raises(TikTokOutputError):
        binder(Postgres, "decimal", types.Integer()).check(["1.5"], is_clean=True)


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("postgresql", "FLOAT(53)"),
        ("mysql", "FLOAT(53)"),
        ("mssql", "FLOAT(53)"),
        ("oracle", "BINARY_DOUBLE"),
    ],
)
def test_a_float_is_declared_as_a_double(name, declared):
    dialect = create_mock_engine(f"{name}://", None).dialect
    assert Database.types["float"].compile(dialect=dialect) == declared


def test_copy_lines_escape_what_separates_them():
    database = Postgres(create_mock_engine("postgresql://", None), ["t"])
    binders = [binder(Postgres, "string"), binder(Postgres, "integer")]
    assert database.encode(binders, [["a\tb\\N\r\n", None], ["1", None]]) == [
        "a\\tb\\\\N\\r\\n\t1",
        "\\N\t\\N",
    ]
