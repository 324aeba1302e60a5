"""The targets of output paths."""

from __future__ import annotations

import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files.target import Target, parse_target
from airflow_provider_tiktok.storage.formats import EXTENSIONS


@pytest.mark.parametrize(
    ("path", "output_format", "target"),
    [
        ("/out/rows.jsonl", None, Target("/out/rows.jsonl", False, "jsonl", False)),
        ("/out/rows.csv", None, Target("/out/rows.csv", False, "csv", False)),
        ("/out/rows.CSV.GZ", None, Target("/out/rows.CSV.GZ", False, "csv", True)),
        ("s3://b/x/rows.jsonl.gz", None, Target("s3://b/x/rows.jsonl.gz", False, "jsonl", True)),
        ("/out/rows.csv", "csv", Target("/out/rows.csv", False, "csv", False)),
        ("/out/rows.txt", "csv", Target("/out/rows.txt", False, "csv", False)),
        ("/out/rows.gz", "csv", Target("/out/rows.gz", False, "csv", True)),
        ("/out/2026.11.csv", None, Target("/out/2026.11.csv", False, "csv", False)),
        ("/out/", None, Target("/out", True, "jsonl", False)),
        ("/out", None, Target("/out", True, "jsonl", False)),
        ("/out", "csv.gz", Target("/out", True, "csv", True)),
        ("/out", " .CSV ", Target("/out", True, "csv", False)),
        ("/out/day.csv/", None, Target("/out/day.csv", True, "jsonl", False)),
        ("s3://bucket", None, Target("s3://bucket", True, "jsonl", False)),
        ("s3://my.bucket/", None, Target("s3://my.bucket", True, "jsonl", False)),
        ("/", None, Target("/", True, "jsonl", False)),
        ("/out/rows.parquet", None, Target("/out/rows.parquet", False, "parquet", False)),
        ("/out", "parquet", Target("/out", True, "parquet", False)),
        ("/out/x.parquet.gz/", "parquet", Target("/out/x.parquet.gz", True, "parquet", False)),
    ],
)
def test_a_path_determines_file_or_folder_format_and_compression(path, output_format, target):
    assert parse_target(path, output_format) == target


@pytest.mark.parametrize(
    ("output_format", "extension"),
    [(None, ".jsonl"), ("csv", ".csv"), ("csv.gz", ".csv.gz"), ("jsonl.gz", ".jsonl.gz")],
)
def test_files_in_a_folder_have_the_formats_extension(output_format, extension):
    assert parse_target("/out/", output_format).extension == extension


@pytest.mark.parametrize("path", ["/out/", "/out", "/out/v1.2"])
def test_partitions_make_a_folder(path):
    target = parse_target(path, None, ["stat_time_day"])
    assert (target.is_folder, target.partition_by, target.path) == (
        True,
        ("stat_time_day",),
        path.rstrip("/"),
    )


@pytest.mark.parametrize(
    ("path", "output_format", "partition_by", "start"),
    [
        (
            "/out/rows.xlsx",
            None,
            (),
            "`output_path` '/out/rows.xlsx' ends in an extension that this version doesn't",
        ),
        (
            "/out/rows.gz",
            None,
            (),
            "`output_path` '/out/rows.gz' ends in an extension that this version doesn't",
        ),
        (
            "s3://my.bucket",
            None,
            (),
            "`output_path` 's3://my.bucket' ends in an extension that this version doesn't",
        ),
        ("/out/", "xlsx", (), "`output_format` is 'xlsx'; it can be "),
        ("/out/", ".gz", (), "`output_format` is '.gz'; it can be "),
        (
            "/out/a.csv",
            "jsonl",
            (),
            "`output_format` is 'jsonl', but `output_path` ends in .csv. Make them agree, or remove one.",
        ),
        (
            "/out/a.csv",
            None,
            ("x",),
            "`partition_by` makes folders, but `output_path` '/out/a.csv' is a file.",
        ),
    ],
)
def test_what_can_not_be_written_is_named(path, output_format, partition_by, start):
    with pytest.raises(TikTokOutputError) as caught:
        parse_target(path, output_format, partition_by)
    assert str(caught.value).startswith(start)


@pytest.mark.parametrize(
    ("path", "output_format"),
    [("/out/x.parquet.gz", None), ("/out/", "parquet.gz"), ("/out/x.gz", "parquet"), ("/out", ".PARQUET.GZ")],
)
def test_parquet_is_not_compressed_twice(path, output_format):
    with pytest.raises(TikTokOutputError) as caught:
        parse_target(path, output_format)
    assert str(caught.value) == (
        "Readers of parquet don't accept parquet.gz, and parquet is already compressed. Remove the .gz."
    )


def test_what_is_known_is_listed():
    with pytest.raises(TikTokOutputError) as caught:
        parse_target("/out/", "orc")
    assert str(caught.value) == (f"`output_format` is 'orc'; it can be {', '.join(EXTENSIONS)}.")
