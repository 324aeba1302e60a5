"""The operator's files: Parquet compared with the other formats, and changes against the previous files."""

from __future__ import annotations

import csv
import json
import logging
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.reports.result.restatement import MAX_DAYS, shown_restatement

DAILY = {
    "dimensions": "ad_id,stat_time_day",
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-08-03",
}
METRICS = "ad_name,campaign_id,spend,impressions,ctr,conversion,secondary_goal_result"


def run(**parameters):
    return TikTokReportOperator(task_id="report", **parameters).execute({})


def accounts(emulator, count=2):
    return [name for name in emulator.world.accounts if name.startswith("71")][:count]


def text(value):
    """Return a value of any format as one text: CSV does not distinguish null and empty text, Parquet adds zeros."""
    if value in (None, ""):
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (Decimal, int)):
        return format(Decimal(value).normalize(), "f")
    return str(value)


def read(path):
    if path.endswith(".parquet"):
        return pytest.importorskip("pyarrow.parquet").ParquetFile(path).read().to_pylist()
    if path.endswith(".csv"):
        with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123
            return list(csv.DictReader(file))
    lines = Path(path).read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line, parse_float=Decimal) for line in lines]


@pytest.mark.parametrize("time", ["stat_time_day", "stat_time_hour"])
def test_the_three_formats_hold_the_same_rows_and_columns(emulator, connect, tmp_path, time):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    connect()
    found = {}
    for name in ("jsonl", "csv", "parquet"):
        path = f"{tmp_path}/rows.{name}"
        ends = {"report_end_date": "2026-08-01"} if time == "stat_time_hour" else {}
        wanted = {**DAILY, **ends, "dimensions": f"ad_id,{time}", "metrics": METRICS}
        if time == "stat_time_hour":
            wanted["metrics"] = "spend,impressions,ctr"
        summary = run(**wanted, advertiser_ids=accounts(emulator), output_path=path)
        numbers = {column for column, kind in summary["columns"].items() if kind in {"integer", "decimal"}}
        found[name] = [
            {
                column: text(Decimal(value) if column in numbers and value not in (None, "") else value)
                for column, value in row.items()
            }
            for row in read(path)
        ]
        assert len(found[name]) == summary["row_count"] > 50
        assert list(found[name][0]) == list(summary["columns"])
    assert found["parquet"] == found["jsonl"] == found["csv"]


def test_parquet_is_typed_by_the_catalogue_even_without_rows(emulator, connect, tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    connect()
    wanted = {**DAILY, "metrics": METRICS, "advertiser_ids": accounts(emulator, 1)}
    none = [{"field_name": "ad_ids", "filter_type": "IN", "filter_value": ["1"]}]
    full = run(**wanted, output_path=f"{tmp_path}/full.parquet")
    empty = run(**wanted, filters=none, output_path=f"{tmp_path}/empty.parquet")
    assert (full["row_count"] > 0, empty["row_count"]) == (True, 0)
    schema = parquet.read_schema(tmp_path / "full.parquet")
    assert schema == parquet.read_schema(tmp_path / "empty.parquet")
    assert {field.name: field.type for field in schema} == {
        "advertiser_id": pa.string(),
        "ad_id": pa.string(),
        "stat_time_day": pa.date32(),
        "ad_name": pa.string(),
        "campaign_id": pa.string(),
        "spend": pa.decimal128(38, 9),
        "impressions": pa.int64(),
        "ctr": pa.decimal128(38, 9),
        "conversion": pa.int64(),
        "secondary_goal_result": schema.field("secondary_goal_result").type,
    }
    first = parquet.read_table(tmp_path / "full.parquet").to_pylist()[0]
    assert (first["stat_time_day"], type(first["spend"])) == (date(2026, 8, 1), Decimal)


def test_parquet_partitions_leave_their_columns_out(emulator, connect, tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    connect()
    summary = run(
        **DAILY,
        advertiser_ids=accounts(emulator, 1),
        output_path=f"{tmp_path}/lake/",
        output_format="parquet",
        partition_by="stat_time_day",
    )
    assert [path.split("/")[-2] for path in summary["paths"]] == [
        f"stat_time_day=2026-08-0{day}" for day in (1, 2, 3)
    ]
    assert sum(len(read(path)) for path in summary["paths"]) == summary["row_count"]
    assert list(read(summary["paths"][0])[0]) == ["advertiser_id", "ad_id", "spend", "impressions"]


# what changed


def test_the_summary_the_manifest_and_the_log_say_what_changed(emulator, connect, tmp_path, caplog):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    report = {
        **DAILY,
        "metrics": "ad_name,spend,conversion",
        "advertiser_ids": advertiser_id,
        "output_path": f"{tmp_path}/lake/",
        "partition_by": "stat_time_day,advertiser_id",
        "restatement": True,
    }
    first = run(**report)
    count = first["row_count"]
    assert {name: first["restatement"][name] for name in ("rows_before", "rows_after", "rows_added")} == {
        "rows_before": 0,
        "rows_after": count,
        "rows_added": count,
    }
    again = run(**report)["restatement"]
    assert [again[f"rows_{what}"] for what in ("before", "after", "added", "removed", "changed")] == [
        count,
        count,
        0,
        0,
        0,
    ]
    assert (again["days"], again["days_left_out"]) == ({}, 0)
    spend = again["sums"]["spend"]
    assert spend["before"] == spend["after"] == first["restatement"]["sums"]["spend"]["after"] > 0

    # what TikTok said a week ago: one row more, one row fewer, one of another spend
    old = Path(first["paths"][1])
    rows = [
        json.loads(line, parse_float=Decimal) for line in old.read_text(encoding="utf-8").split("\n")[:-1]
    ]
    changed = {**rows[0], "spend": float(rows[0]["spend"]) + 1.25, "conversion": rows[0]["conversion"] + 2}
    more = {**rows[1], "ad_id": "1", "spend": 0.5, "conversion": 0}
    previous = [changed, *rows[2:], more]
    old.write_text("".join(json.dumps(row, default=float) + "\n" for row in previous), encoding="utf-8")
    with caplog.at_level(logging.INFO):
        summary = run(**report)
    said = summary["restatement"]
    assert [said[f"rows_{what}"] for what in ("before", "after", "added", "removed", "changed")] == [
        count,
        count,
        1,
        1,
        1,
    ]
    assert list(said["days"]) == ["2026-08-02"]
    day = said["days"]["2026-08-02"]
    assert [day[f"rows_{what}"] for what in ("added", "removed", "changed")] == [1, 1, 1]
    difference = float(rows[1]["spend"]) - 1.75
    assert day["spend"]["after"] - day["spend"]["before"] == pytest.approx(difference, abs=1e-6)
    assert day["conversion"]["after"] - day["conversion"]["before"] == rows[1]["conversion"] - 2
    assert said["sums"]["spend"]["after"] == spend["after"]
    manifest = json.loads(Path(summary["manifest"]).read_text(encoding="utf-8"))["restatement"]
    assert manifest["days"]["2026-08-02"] == day
    assert list(manifest["days"]) == ["2026-08-01", "2026-08-02", "2026-08-03"]
    assert (
        f"Restated: {count:,} rows before, {count:,} now; 1 added, 1 removed, 1 changed on 1 day(s) from 2026-08-02 to "
        "2026-08-02; spend "
    ) in caplog.text


def test_the_same_accounts_in_another_order_are_the_same_file(emulator, connect, tmp_path):
    connect()
    one, other = accounts(emulator)
    for order in ([one, other], [other, one]):
        run(
            advertiser_ids=order,
            dimensions="advertiser_id",
            metrics="spend",
            report_start_date="2026-08-01",
            output_path=f"{tmp_path}/lake/",
        )
    (file,) = (tmp_path / "lake").glob("*.jsonl")
    assert len(file.read_text().splitlines()) == 2


@pytest.mark.parametrize("nothing", [None, "", "[]", []])
def test_no_partition_has_many_spellings(emulator, connect, tmp_path, nothing):
    connect(advertiser_ids=accounts(emulator, 1))
    report = {"preset": "ad_group_summary", "report_start_date": "2026-08-01", "partition_by": nothing}
    run(**report, output_path=f"{tmp_path}/lake/")
    assert len(list((tmp_path / "lake").glob("*.jsonl"))) == 1
    assert run(**report)["paths"] == []


def test_nothing_is_compared_by_default(emulator, connect, tmp_path):
    connect()
    assert "restatement" not in run(
        **DAILY, advertiser_ids=accounts(emulator, 1), output_path=f"{tmp_path}/a.csv"
    )


def test_a_comparison_needs_files(emulator, connect):
    connect()
    with pytest.raises(Exception, match=r"`restatement` compares the files .* needs an `output_path`"):
        run(**DAILY, restatement=True)
    assert emulator.calls == []


def test_restatement_is_a_switch():
    with pytest.raises(ValueError, match="`restatement` must be True or False, not 'yes'"):
        TikTokReportOperator(task_id="report", restatement="yes")


def test_a_summary_stays_small():
    counts = {"rows_added": 1, "rows_removed": 0, "rows_changed": 0}
    quiet = {"rows_added": 0, "rows_removed": 0, "rows_changed": 0}
    days = {f"day {number:03}": counts if number % 2 else quiet for number in range(200)}
    shown = shown_restatement({"rows_before": 1, "days": days})
    assert (len(shown["days"]), shown["days_left_out"], shown["rows_before"]) == (MAX_DAYS, 100 - MAX_DAYS, 1)
    assert next(iter(shown["days"])) == "day 001"
