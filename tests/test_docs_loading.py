"""Runs the code of docs/loading.md that can be run here."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_tiktok.storage.formats import EXTENSIONS
from tests.operators.test_report_operator import accounts, run, truth

DOC = Path(__file__).parent.parent / "docs" / "loading.md"
METRICS = ["ad_name", "spend", "impressions", "ctr"]


def code_blocks():
    return re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def load():
    """Return the function ``load`` of the section on DuckDB."""
    pytest.importorskip("duckdb", reason="DuckDB is not installed")
    (code,) = (code for code in code_blocks() if "import duckdb" in code)
    names: dict = {}
    exec(compile(code, str(DOC), "exec"), names)
    return names["load"]


def table(database):
    import duckdb

    with duckdb.connect(database) as connection:
        return connection.execute(
            "SELECT advertiser_id, CAST(stat_time_day AS VARCHAR), ad_id, ad_name, spend, impressions, ctr "
            "FROM tiktok_ads ORDER BY ALL"
        ).fetchall()


def held(emulator, account, last_day):
    rows = truth(emulator, account, metrics=METRICS, end=last_day)
    return [
        (
            account,
            row["stat_time_day"][:10],
            row["ad_id"],
            row["ad_name"],
            Decimal(row["spend"]),
            int(row["impressions"]),
            Decimal(row["ctr"]),
        )
        for row in rows
    ]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("partition_by", [None, ["stat_time_day", "advertiser_id"]])
@pytest.mark.parametrize("output_format", EXTENSIONS)
def test_duckdb_loads_each_format_digit_for_digit_and_twice_without_doubles(
    load, emulator, connect, tmp_path, output_format, partition_by
):
    if output_format == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    connect()
    ids = accounts(emulator)
    path = f"{tmp_path}/lake/" if partition_by else f"{tmp_path}/rows.{output_format}"
    ask = {
        "dimensions": ["ad_id", "stat_time_day"],
        "metrics": METRICS,
        "advertiser_ids": ids,
        "report_start_date": "2026-08-01",
        "output_path": path,
        "output_format": output_format,
        "partition_by": partition_by,
    }
    database = str(tmp_path / "tiktok.duckdb")
    for last_day in ("2026-08-03", "2026-08-05", "2026-08-05"):  # restated, extended, and the same once more
        summary, _ = run(**ask, report_end_date=last_day)
        load(summary, database)
    expected = sorted(row for account in ids for row in held(emulator, account, "2026-08-05"))
    assert sorted(table(database)) == expected
    assert len(expected) == 2 * 40 * 5


def test_duckdb_forgets_a_day_that_has_no_rows_any_more_and_keeps_other_accounts(load, tmp_path):
    database = str(tmp_path / "tiktok.duckdb")
    columns = {"advertiser_id": "string", "stat_time_day": "date", "ad_id": "string", "ad_name": "string"}
    columns |= {"spend": "decimal", "impressions": "integer", "ctr": "decimal"}
    file = tmp_path / "rows.csv"
    file.write_text(f"{','.join(columns)}\n1,2026-08-01,12,x,0.000000001,3,\n2,2026-08-01,13,y,5,3,0\n")
    summary = {"columns": columns, "report_start_date": "2026-08-01", "report_end_date": "2026-08-01"}
    summary["account_dates"] = {}
    load(summary | {"advertiser_ids": ["1", "2"], "path_count": 1, "paths": [str(file)]}, database)
    assert [row[4] for row in table(database)] == [Decimal("0.000000001"), Decimal(5)]
    load(summary | {"advertiser_ids": ["1"], "path_count": 0, "paths": []}, database)
    assert [row[0] for row in table(database)] == ["2"]


@pytest.mark.parametrize("code", code_blocks(), ids=lambda code: code.split("\n")[0])
def test_every_block_of_code_is_python(code):
    compile(code, str(DOC), "exec")


def test_every_file_that_the_page_names_exists():
    for link in re.findall(r"\]\((\.\./[^)#]+)\)", DOC.read_text(encoding="utf-8")):
        assert (DOC.parent / link).exists(), link
