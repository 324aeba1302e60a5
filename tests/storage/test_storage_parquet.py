"""Parquet: one schema for all files of a report, every value unchanged or an error."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import weakref
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import fsspec
import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files import destination
from airflow_provider_tiktok.storage.files.destination import Destination
from airflow_provider_tiktok.storage.files.target import parse_target
from airflow_provider_tiktok.storage.formats import FORMATS
from airflow_provider_tiktok.storage.formats import parquet as module
from airflow_provider_tiktok.storage.formats.readers import read_records

pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
dataset = pytest.importorskip("pyarrow.dataset", reason="Parquet needs pyarrow")

COLUMNS = {
    "ad_id": "string",
    "stat_time_day": "date",
    "stat_time_hour": "timestamp",
    "clicks": "integer",
    "spend": "decimal",
}
SCHEMA = pa.schema(
    [
        ("ad_id", pa.string()),
        ("stat_time_day", pa.date32()),
        ("stat_time_hour", pa.timestamp("us")),
        ("clicks", pa.int64()),
        ("spend", pa.decimal128(38, 9)),
    ]
)
ROWS = [
    ("1800000000000000001", "2026-11-01", "2026-11-01T23:00:00", "116", "20.000"),
    ("007", "2026-11-02", "2026-11-02T00:00:00", "-9223372036854775808", "-0.123456789"),
    (None, None, None, None, None),
    ("", "2026-11-02", "2026-11-02T00:00:00", "0", "12345678901234567890123456789.5"),
]
ODD_TEXTS = [
    "a,b",
    'say "hi"',
    '"',
    "a\nb",
    "a\r\nb",
    "\r",
    "null",
    "NA",
    " x ",
    "\u2028",
    "\0",
    "0x10",
    "\U0001f600",
    "",
]


def write(path, rows, columns=COLUMNS, *, chunk=1_000, partition_by=(), clean=False):
    target = parse_target(
        str(path), None if str(path).endswith((".jsonl", ".csv", ".parquet")) else "parquet", partition_by
    )
    destination = Destination(target, fsspec.filesystem("file"), str(path), columns)
    destination.name_files("data")
    for first in range(0, len(rows), chunk):
        cells = list(zip(*rows[first : first + chunk], strict=True))
        destination.write(destination.encode(cells, [clean] * len(cells)))
    return destination.publish(covers=lambda partition: True)


def test_times_in_utc_have_a_zone_and_read_back_as_text(tmp_path):
    columns = {"ad_id": "string", "loaded": "timestamp_utc"}
    rows = [("1", "2026-11-01T13:00:00Z"), ("2", None), ("3", "1969-12-31T23:59:59Z")]
    write(tmp_path / "utc.parquet", rows, columns)
    schema = pq.read_schema(tmp_path / "utc.parquet")
    assert schema.field("loaded").type == pa.timestamp("us", tz="UTC")
    found = pq.read_table(tmp_path / "utc.parquet").column("loaded").to_pylist()
    assert found[0] == datetime(2026, 11, 1, 13, tzinfo=timezone.utc)
    with (tmp_path / "utc.parquet").open("rb") as file:
        records = [tuple(record.values()) for record in read_records(file, "utc.parquet", columns)]
    assert records == rows
    with pytest.raises(TikTokOutputError, match="can't store"):
        write(tmp_path / "no.parquet", [("1", "yesterday")], columns)


def test_flags_are_flags_and_read_back_as_text(tmp_path):
    columns = {"ad_id": "string", "shown": "boolean"}
    rows = [("1", "true"), ("2", None), ("3", "false")]
    write(tmp_path / "flags.parquet", rows, columns)
    assert pq.read_table(tmp_path / "flags.parquet").column("shown").to_pylist() == [True, None, False]
    with (tmp_path / "flags.parquet").open("rb") as file:
        assert [tuple(one.values()) for one in read_records(file, "flags.parquet", columns)] == rows
    for odd in ("1", "yes", "TRUE"):
        with pytest.raises(TikTokOutputError, match="can't store"):
            write(tmp_path / "no.parquet", [("1", odd)], columns)


def many(count):
    return [(str(i), "2026-11-01", "2026-11-01T05:00:00", str(i), f"{i}.25") for i in range(count)]


def test_every_type_has_its_column_and_every_digit(tmp_path):
    write(tmp_path / "x.parquet", ROWS)
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.schema == SCHEMA
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("1800000000000000001", date(2026, 11, 1), datetime(2026, 11, 1, 23), 116, Decimal(20)),
        ("007", date(2026, 11, 2), datetime(2026, 11, 2), -(2**63), Decimal("-0.123456789")),
        (None, None, None, None, None),
        ("", date(2026, 11, 2), datetime(2026, 11, 2), 0, Decimal("12345678901234567890123456789.5")),
    ]


def test_an_empty_report_has_the_same_schema(tmp_path):
    write(tmp_path / "x.parquet", [])
    table = pq.read_table(tmp_path / "x.parquet")
    assert (table.schema, table.num_rows) == (SCHEMA, 0)


def canonical(kind, value):
    """Return a value normalized for all formats: CSV has no null, and trailing zeros of decimals are dropped."""
    if value in (None, ""):
        return None
    if kind in {"integer", "decimal"}:
        return Decimal(str(value))
    if kind == "timestamp" and isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def test_all_formats_hold_the_same_rows_in_the_same_order(tmp_path):
    rows = [*ROWS[:3], *((text, *ROWS[0][1:]) for text in ODD_TEXTS if text != "\0")]
    for name in ("jsonl", "csv", "parquet"):
        write(tmp_path / f"x.{name}", rows, chunk=2)
    lines = (tmp_path / "x.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    found = {
        "jsonl": [json.loads(line, parse_float=Decimal) for line in lines],
        "csv": list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_bytes().decode(), newline=""))),
        "parquet": pq.read_table(tmp_path / "x.parquet").to_pylist(),
    }
    read = {
        name: [tuple(canonical(COLUMNS[column], row[column]) for column in COLUMNS) for row in rows_read]
        for name, rows_read in found.items()
    }
    expected = [tuple(map(canonical, COLUMNS.values(), row)) for row in rows]
    assert read == {"jsonl": expected, "csv": expected, "parquet": expected}


@pytest.mark.sampled(14)
@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("text", ODD_TEXTS, ids=repr)
def test_unusual_text_survives(tmp_path, text, clean):
    write(
        tmp_path / "x.parquet", [(text, "a"), ("b", text)], {"name": "string", "other": "string"}, clean=clean
    )
    assert pq.read_table(tmp_path / "x.parquet").to_pydict() == {"name": [text, "b"], "other": ["a", text]}


def test_null_and_empty_text_are_two_even_in_a_single_column(tmp_path):
    write(tmp_path / "x.parquet", [(None,), ("",), ("a",), (None,)], {"name": "string"})
    assert pq.read_table(tmp_path / "x.parquet")["name"].to_pylist() == [None, "", "a", None]


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("clicks", "<5", "int64"),
        ("clicks", "116.5", "int64"),
        ("clicks", "9223372036854775808", "int64"),
        ("clicks", "0x1F", "int64"),
        ("clicks", "a,b", "int64"),
        ("spend", "0.1234567891", r"decimal128(38, 9)"),
        ("spend", "123456789012345678901234567890", r"decimal128(38, 9)"),
        ("spend", "1,5", r"decimal128(38, 9)"),
        ("stat_time_day", "2026-13-01", "date32[day]"),
        ("stat_time_hour", "2026-11-01T10:00:00Z", "timestamp[us]"),
    ],
)
@pytest.mark.parametrize("partition_by", [(), ("ad_id",)])
def test_a_value_that_its_column_can_not_hold_fails_the_report(tmp_path, column, value, kind, partition_by):
    path = tmp_path / ("lake" if partition_by else "x.parquet")
    write(path, ROWS[:2], partition_by=partition_by)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.*")}
    odd = tuple(value if name == column else cell for name, cell in zip(COLUMNS, ROWS[0], strict=True))
    with pytest.raises(TikTokOutputError) as caught:
        write(path, [*many(20), odd, *many(20)], partition_by=partition_by)
    assert str(caught.value) == (
        f"A Parquet column of type {kind} can't store {value!r} without loss, which TikTok sent for {column}, so "
        f"nothing was written. Choose jsonl or csv, which store every value unchanged, or leave out {column}."
    )
    assert {file: file.read_bytes() for file in tmp_path.rglob("*.*")} == before


def test_a_float_keeps_its_digits_or_fails(tmp_path):
    cells = ["8.541666666666666", "0.041666666666666664", "12", "-0.5", None]
    write(tmp_path / "x.parquet", [(cell,) for cell in cells], {"duration": "float"})
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.schema.field("duration").type == pa.float64()
    assert table["duration"].to_pylist() == [None if cell is None else float(cell) for cell in cells]
    for odd in ("0.12345678901234567891", "<5"):
        with pytest.raises(
            TikTokOutputError,
            match=f"column of type double can't store '{odd}' without loss, which TikTok sent for dur",
        ):
            write(tmp_path / "x.parquet", [(odd,)], {"duration": "float"})


def test_zeros_beyond_the_scale_lose_nothing(tmp_path):
    write(tmp_path / "x.parquet", [("1.1234567890000",), ("1e5",), ("1E-7",)], {"spend": "decimal"})
    assert pq.read_table(tmp_path / "x.parquet")["spend"].to_pylist() == [
        Decimal("1.123456789"),
        Decimal(100_000),
        Decimal("0.0000001"),
    ]


def test_however_rows_come_the_bytes_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 64)
    monkeypatch.setattr(module, "_GROUP_CELLS", 5 * 300)
    rows = many(1_000)
    for chunk in (1, 7, 150, 1_000):
        write(tmp_path / f"{chunk}.parquet", rows, chunk=chunk)
    assert len({(tmp_path / f"{chunk}.parquet").read_bytes() for chunk in (1, 7, 150, 1_000)}) == 1
    file = pq.ParquetFile(tmp_path / "1.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(4)] == [300, 300, 300, 100]
    assert file.read()["clicks"].to_pylist() == list(range(1_000))


def test_many_partitions_are_complete_with_little_memory_and_few_open_files(tmp_path, monkeypatch):
    monkeypatch.setattr(destination, "_MAX_CELLS", 200)
    columns = {"country": "string", "n": "integer"}
    rows = [(str(i % 100), str(i)) for i in range(2_000)]
    open_files = []
    finish = module.ParquetPartFile.finish
    monkeypatch.setattr(
        module.ParquetPartFile,
        "finish",
        lambda self: (open_files.append(len(list(Path("/proc/self/fd").iterdir()))), finish(self)),
    )
    before = len(list(Path("/proc/self/fd").iterdir()))
    published = write(tmp_path / "lake", rows, columns, chunk=100, partition_by=("country",))
    assert len(published.files) == len(open_files) == 100
    assert max(open_files) <= before + 5
    for file in published.files:
        country = int(file.partition["country"])
        assert pq.ParquetFile(file.path).read().to_pydict() == {"n": list(range(country, 2_000, 100))}
        assert Path(file.path).stat().st_size == file.bytes


@pytest.mark.parametrize("extension", ["parquet", "csv.gz"])
def test_a_finished_part_file_holds_no_memory_for_writing(tmp_path, extension):
    """A run has thousands of part files before it publishes them."""
    name, _, compress = extension.partition(".")
    part = FORMATS[name]({"ad_id": "string"}).part_file(tmp_path / "part", compress=bool(compress))
    part.write([b"1", b"2"])
    writer = weakref.ref(part._writer if name == "parquet" else part._gzip)
    part.finish()
    assert writer() is None
    assert (part.rows, part.size) == (2, part.path.stat().st_size)
    part.discard()
    assert not part.path.exists()


def test_partitions_are_read_back_by_others(tmp_path):
    values = ["a/b", "a=b", "100%", "a b", "\u00e9\U0001f600", "..", "x:y*?", "_hidden", None]
    write(
        tmp_path / "lake",
        [(v, str(i)) for i, v in enumerate(values)],
        {"c": "string", "n": "integer"},
        partition_by=("c",),
    )
    read = dataset.dataset(
        tmp_path / "lake",
        format="parquet",
        partitioning=dataset.HivePartitioning(
            pa.schema([("c", pa.string())]), null_fallback="__HIVE_DEFAULT_PARTITION__"
        ),
    ).to_table()
    found = dict(zip(read["n"].to_pylist(), read["c"].to_pylist(), strict=True))
    assert [found[i] for i in range(len(values))] == values


def test_pyarrow_that_is_missing_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TikTokOutputError) as caught:
        write(tmp_path / "x.parquet", ROWS)
    assert str(caught.value) == (
        "Parquet needs pyarrow, which is not installed here. Install it: "
        'pip install "airflow-provider-tiktok[parquet]"; or choose jsonl or csv.'
    )


TWO_ROW_GROUPS = """
import json, tempfile
import fsspec
from airflow_provider_tiktok.storage.files.destination import Destination
from airflow_provider_tiktok.storage.files.target import parse_target

columns = {"ad_id": "string", "day": "date"}
columns |= {f"c{i}": "integer" for i in range(6)} | {f"d{i}": "decimal" for i in range(6)}
with tempfile.TemporaryDirectory() as folder:
    path = f"{folder}/rows.parquet"
    destination = Destination(parse_target(path, None), fsspec.filesystem("file"), path, columns)
    for page in range(120):
        numbers = [str(page * 1_000 + row) for row in range(1_000)]
        cells = [[f"170000000{text}" for text in numbers], ["2026-10-31"] * 1_000, *[numbers] * 6]
        cells += [[f"{text}.5{column}" for text in numbers] for column in range(6)]
        destination.write(destination.encode(cells, [True] * len(columns)))
    destination.publish()
import pyarrow
pool = pyarrow.default_memory_pool()
print(json.dumps({"mib": pool.max_memory() / 2**20, "allocator": pool.backend_name}))
"""


def test_a_row_group_is_in_memory_once():
    env = {name: value for name, value in os.environ.items() if name != module._ALLOCATOR}
    command = [sys.executable, "-c", TWO_ROW_GROUPS]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, env=env).stdout)
    assert found["mib"] < 15  # a group takes 5, its columns on their way to the file some more
    assert found["allocator"] == "system"


def test_a_user_may_choose_arrows_allocator(monkeypatch):
    monkeypatch.setenv(module._ALLOCATOR, "jemalloc")
    with module._system_allocator():
        assert os.environ[module._ALLOCATOR] == "jemalloc"
    assert os.environ[module._ALLOCATOR] == "jemalloc"
    monkeypatch.delenv(module._ALLOCATOR)
    with module._system_allocator():
        assert os.environ[module._ALLOCATOR] == "system"
    assert module._ALLOCATOR not in os.environ


@pytest.mark.parametrize("sizes", [[1_000] * 9, [1] * 50, [7_500, 3], [2_999, 1, 3_001], [4_000, 2_000], []])
def test_row_groups_are_the_same_however_the_rows_come(tmp_path, monkeypatch, sizes):
    monkeypatch.setattr(module, "_GROUP_CELLS", 3_000)
    monkeypatch.setattr(module, "_CHUNK", 800)
    parquet = module.Parquet({"n": "integer"})
    part = parquet.part_file(tmp_path / "rows", compress=False)
    rows = iter(range(100_000))
    for size in sizes:
        part.write(parquet.lines([[str(next(rows)) for _ in range(size)]], [True]))
        assert part._in_tables < 3_000
        assert sum(map(len, part._tables)) == part._in_tables
    part.finish()
    file = pq.ParquetFile(tmp_path / "rows")
    count = sum(sizes)
    groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    assert groups == [3_000] * (count // 3_000) + [count % 3_000] * bool(count % 3_000)
    assert file.read()["n"].to_pylist() == list(range(count))
    assert part.rows == count
