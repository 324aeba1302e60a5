"""Cells in columns: unchanged, or an error."""

from decimal import Decimal

import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.tables.databases import Ansi, Postgres, Sqlite
from airflow_provider_tiktok.storage.tables.values import Binder, Column

SEVENTEEN = "123456789012345.67"


def binder(dialect, column_type, declared=""):
    return Binder(Column("x", column_type, declared), dialect.numbers, dialect.converters)


def bound(dialect, column_type, cells, declared=""):
    """Return the parameters of cells that the column can store."""
    one = binder(dialect, column_type, declared)
    return list(one.parameters(one.check(cells)))


@pytest.mark.parametrize(
    ("dialect", "column_type", "declared", "cell"),
    [
        (Postgres, "decimal", "numeric(12,2)", "1.234"),
        (Postgres, "decimal", "numeric(12)", "1.2"),
        (Postgres, "decimal", "bigint", "1.5"),
        (Postgres, "decimal", "double precision", "0.12345678901234567891"),
        (Postgres, "decimal", "numeric", "<5"),
        (Postgres, "integer", "bigint", "116.5"),
        (Postgres, "integer", "bigint", "9223372036854775808"),
        (Postgres, "timestamp", "date", "2026-08-01T13:00:00"),
        (Postgres, "timestamp", "timestamp", "2026-08-01T13:00:00-07:00"),
        (Postgres, "date", "date", "yesterday"),
        (Sqlite, "decimal", "NUMERIC", "1234567890123456789.01"),
        (Sqlite, "integer", "INTEGER", "<5"),
        (Ansi, "decimal", "", "0.12345678901"),
        (Ansi, "decimal", "decimal(18, 2)", "1.234"),
    ],
)
def test_a_value_that_a_column_cannot_store_unchanged_is_an_error(dialect, column_type, declared, cell):
    with pytest.raises(TikTokOutputError, match=r"for x, and the table's column is") as caught:
        binder(dialect, column_type, declared).check([None, cell])
    assert cell in str(caught.value)


@pytest.mark.parametrize(
    ("dialect", "column_type", "declared", "cell", "parameter"),
    [
        (Postgres, "decimal", "numeric(12,2)", "1.230", Decimal("1.230")),
        (Postgres, "decimal", "numeric", "0.12345678901234567891", Decimal("0.12345678901234567891")),
        (Postgres, "integer", "bigint", "-9223372036854775808", -(2**63)),
        (Postgres, "integer", "text", "<5", "<5"),
        (Sqlite, "decimal", "NUMERIC", "12.50", 12.5),
        (Sqlite, "decimal", "NUMERIC", "12", 12),
        (Sqlite, "decimal", "TEXT", SEVENTEEN + "8901", SEVENTEEN + "8901"),
        (Sqlite, "integer", "INTEGER", "9223372036854775807", 2**63 - 1),
        (Sqlite, "timestamp", "TIMESTAMP", "2026-08-01T13:00:00", "2026-08-01 13:00:00"),
        (Ansi, "decimal", "", "0.1234567890", Decimal("0.1234567890")),
    ],
)
def test_a_value_that_a_column_can_store_keeps_all_its_digits(
    dialect, column_type, declared, cell, parameter
):
    (got,) = bound(dialect, column_type, [cell], declared)
    assert (got, type(got)) == (parameter, type(parameter))


def test_clean_numbers_are_still_validated_against_the_columns_scale():
    with pytest.raises(TikTokOutputError):
        binder(Postgres, "decimal", "numeric(12,2)").check(["1.25", "1.234"], is_clean=True)
    with pytest.raises(TikTokOutputError):
        binder(Postgres, "decimal", "integer").check(["1.5"], is_clean=True)


def test_copy_lines_escape_what_separates_them():
    dialect = Postgres(["t"])
    binders = [binder(Postgres, "string"), binder(Postgres, "integer")]
    assert dialect.encode(binders, [["a\tb\\N\r\n", None], ["1", None]]) == [
        "a\\tb\\\\N\\r\\n\t1",
        "\\N\t\\N",
    ]
