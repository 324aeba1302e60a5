"""Restatements: changes against the files that are replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fsspec
import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files import restatement as module
from airflow_provider_tiktok.storage.files.destination import Destination
from airflow_provider_tiktok.storage.files.restatement import Comparison
from airflow_provider_tiktok.storage.files.target import parse_target
from airflow_provider_tiktok.storage.formats import EXTENSIONS

COLUMNS = {
    "advertiser_id": "string",
    "ad_id": "string",
    "stat_time_day": "date",
    "name": "string",
    "spend": "decimal",
    "conversion": "integer",
}
COMPARISON = Comparison(
    COLUMNS, ("advertiser_id", "ad_id", "stat_time_day"), "stat_time_day", ("spend", "conversion")
)
BEFORE = [
    ("7", "1", "2026-11-01", 'A, "b"\n', "1.50", "1"),
    ("7", "2", "2026-11-01", None, "2.00", None),
    ("7", "1", "2026-11-02", "A", "4.25", "0"),
]
AFTER = [
    ("7", "1", "2026-11-01", 'A, "b"\n', "1.500", "3"),
    ("7", "3", "2026-11-01", "", "0.10", "0"),
    ("7", "1", "2026-11-02", "A", "4.25", "0"),
]
FIRST = {
    "rows_before": 0,
    "rows_after": 3,
    "rows_added": 3,
    "rows_removed": 0,
    "rows_changed": 0,
    "sums": {"spend": {"before": 0, "after": 7.75}, "conversion": {"before": 0, "after": 1}},
    "days": {
        "2026-11-01": {
            "rows_added": 2,
            "rows_removed": 0,
            "rows_changed": 0,
            "spend": {"before": 0, "after": 3.5},
            "conversion": {"before": 0, "after": 1},
        },
        "2026-11-02": {
            "rows_added": 1,
            "rows_removed": 0,
            "rows_changed": 0,
            "spend": {"before": 0, "after": 4.25},
            "conversion": {"before": 0, "after": 0},
        },
    },
}
SECOND = {
    "rows_before": 3,
    "rows_after": 3,
    "rows_added": 1,
    "rows_removed": 1,
    "rows_changed": 1,
    "sums": {"spend": {"before": 7.75, "after": 5.85}, "conversion": {"before": 1, "after": 3}},
    "days": {
        "2026-11-01": {
            "rows_added": 1,
            "rows_removed": 1,
            "rows_changed": 1,
            "spend": {"before": 3.5, "after": 1.6},
            "conversion": {"before": 1, "after": 3},
        },
        "2026-11-02": {
            "rows_added": 0,
            "rows_removed": 0,
            "rows_changed": 0,
            "spend": {"before": 4.25, "after": 4.25},
            "conversion": {"before": 0, "after": 0},
        },
    },
}


def write(
    kind: str, path: str, rows: Any, output_format: str, partition_by: tuple[str, ...] = (), **options: Any
) -> Any:
    target = parse_target(path, output_format, partition_by)
    destination = Destination(target, fsspec.filesystem(kind), target.path, COLUMNS)
    destination.name_files("data")
    if rows:
        cells = list(zip(*rows, strict=True))
        destination.write(destination.encode(cells, [False] * len(cells)))
    try:
        return destination.publish(
            {"a": 1}, lambda partition: True, options.get("comparison", COMPARISON)
        ).restatement
    finally:
        destination.discard()


PARTITIONS = [(), ("stat_time_day",), ("advertiser_id", "ad_id")]


@pytest.fixture(params=["file", "memory"])
def folder(request, tmp_path):
    yield request.param, f"{tmp_path}/lake/" if request.param == "file" else "/restated/lake/"
    fsspec.filesystem("memory").store.clear()


def needs_pyarrow(output_format: str) -> None:
    if output_format == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")


@pytest.mark.sampled(12)
@pytest.mark.parametrize("partition_by", PARTITIONS, ids="-".join)
@pytest.mark.parametrize("output_format", EXTENSIONS)
def test_rows_are_compared_by_their_key(folder, output_format, partition_by):
    needs_pyarrow(output_format)
    kind, path = folder
    assert write(kind, path, BEFORE, output_format, partition_by) == FIRST
    again = write(kind, path, BEFORE, output_format, partition_by)
    assert [again[f"rows_{what}"] for what in ("before", "after", "added", "removed", "changed")] == [
        3,
        3,
        0,
        0,
        0,
    ]
    assert write(kind, path, AFTER, output_format, partition_by) == SECOND
    manifest = json.loads(fsspec.filesystem(kind).cat_file(path + "_manifest.json"))
    assert (manifest["a"], manifest["restatement"]) == (1, SECOND)


@pytest.mark.parametrize("output_format", EXTENSIONS)
def test_one_file_is_compared_too(tmp_path, output_format):
    needs_pyarrow(output_format)
    path = str(tmp_path / f"rows.{output_format}")
    assert write("file", path, BEFORE, output_format) == FIRST
    assert write("file", path, AFTER, output_format) == SECOND


@pytest.mark.sampled(12)
@pytest.mark.parametrize("after", EXTENSIONS)
@pytest.mark.parametrize("before", EXTENSIONS)
def test_a_change_of_format_changes_no_row(tmp_path, before, after):
    needs_pyarrow(before)
    needs_pyarrow(after)
    write("file", f"{tmp_path}/", BEFORE, before)
    found = write("file", f"{tmp_path}/", BEFORE, after)
    assert [found[f"rows_{what}"] for what in ("before", "after", "added", "removed", "changed")] == [
        3,
        3,
        0,
        0,
        0,
    ]


def test_rows_of_partitions_that_are_no_more_are_removed(folder):
    kind, path = folder
    write(kind, path, BEFORE, "jsonl", ("stat_time_day",))
    found = write(kind, path, BEFORE[:2], "jsonl", ("stat_time_day",))
    assert (found["rows_before"], found["rows_after"], found["rows_removed"]) == (3, 2, 1)
    assert found["days"]["2026-11-02"]["spend"] == {"before": 4.25, "after": 0}
    found = write(kind, path, [], "jsonl", ("stat_time_day",))
    assert (found["rows_removed"], found["sums"]["spend"]) == (2, {"before": 3.5, "after": 0})


def test_a_report_without_days_has_only_totals():
    comparison = Comparison({"ad_id": "string", "spend": "decimal"}, ("ad_id",), None, ("spend",))
    assert comparison.compare([{"ad_id": "1", "spend": "2"}], [{"ad_id": "1", "spend": "3"}]) == {
        "rows_before": 1,
        "rows_after": 1,
        "rows_added": 0,
        "rows_removed": 0,
        "rows_changed": 1,
        "sums": {"spend": {"before": 2, "after": 3}},
        "days": {},
    }


def test_rows_of_one_key_are_counted_one_by_one():
    comparison = Comparison({"ad_id": "string", "spend": "decimal"}, ("ad_id",), None, ("spend",))
    rows = [{"ad_id": "1", "spend": text} for text in ("1", "1", "2", "3")]
    found = comparison.compare(rows[:3], rows[1:])
    assert [found[f"rows_{what}"] for what in ("added", "removed", "changed")] == [0, 0, 1]
    found = comparison.compare(rows[:1], rows)
    assert [found[f"rows_{what}"] for what in ("added", "removed", "changed")] == [3, 0, 0]


def test_more_rows_than_fit_into_memory_are_all_compared(monkeypatch):
    monkeypatch.setattr(module, "_MAX_DIGESTS", 300)
    old = [{"ad_id": str(i), "stat_time_day": f"2026-11-{1 + i % 3:02}", "spend": "1"} for i in range(9_000)]
    new = [{**row, "spend": "2" if int(row["ad_id"]) % 2 else "1"} for row in old[3_000:]] + [
        {"ad_id": f"new{i}", "stat_time_day": "2026-11-01", "spend": "0.25"} for i in range(100)
    ]
    comparison = Comparison(
        dict.fromkeys(old[0], "string"), ("ad_id", "stat_time_day"), "stat_time_day", ("spend",)
    )
    found = comparison.compare(old, reversed(new))
    assert [found[f"rows_{what}"] for what in ("before", "after", "added", "removed", "changed")] == [
        9_000,
        6_100,
        100,
        3_000,
        3_000,
    ]
    assert found["sums"] == {"spend": {"before": 9_000, "after": 9_025}}
    assert [found["days"][f"2026-11-0{day}"]["rows_removed"] for day in (1, 2, 3)] == [1_000] * 3


def test_text_and_nulls_are_not_added_up():
    comparison = Comparison({"ad_id": "string", "spend": "decimal"}, ("ad_id",), None, ("spend",))
    rows = [{"ad_id": "1", "spend": "<5"}, {"ad_id": "2", "spend": None}, {"ad_id": "3", "spend": "0.1"}]
    assert comparison.compare([], rows)["sums"] == {"spend": {"before": 0, "after": 0.1}}


@pytest.mark.parametrize(
    ("output_format", "data", "error"),
    [
        ("jsonl", b'{"ad_id"\n', "JSONDecodeError"),
        ("jsonl.gz", b"no gzip", "BadGzipFile"),
        ("parquet", b"no parquet", "ArrowInvalid"),
        ("csv", b'a,b\n"x', "Error"),
    ],
)
def test_an_old_file_that_can_not_be_read_is_named_and_stays(tmp_path, output_format, data, error):
    needs_pyarrow(output_format)
    path = Path(tmp_path, f"rows.{output_format}")
    path.write_bytes(data)
    with pytest.raises(TikTokOutputError) as caught:
        write("file", str(path), BEFORE, output_format)
    assert str(caught.value) == (
        f"An earlier file can't be read ({error}): '{path}'; `restatement` compares its rows with the new ones. Move the "
        "file, or remove `restatement`; nothing was written."
    )
    assert path.read_bytes() == data
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_no_restatement_without_a_comparison(tmp_path):
    assert write("file", f"{tmp_path}/", BEFORE, "jsonl", comparison=None) is None
    assert "restatement" not in json.loads((tmp_path / "_manifest.json").read_bytes())
