"""Reports into S3, through an Airflow connection and a server with S3's protocol."""

import gzip
import hashlib
import json

import pytest

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok._compat_late import object_storage_path
from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.storage.files.destination import Destination
from airflow_provider_tiktok.storage.files.target import Target
from tests.operators.test_report_operator import METRICS, accounts, days_cut, normal, truth
from tests.stores.conftest import BUCKET, STORE_SECRET, connection

THREE_DAYS = {
    "dimensions": ["ad_id", "stat_time_day"],
    "metrics": METRICS,
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-08-03",
}
PARTITIONS = {"partition_by": ["stat_time_day", "advertiser_id"]}


@pytest.fixture
def run(s3, emulator, connect):
    """Return a function that executes an operator whose output path is in the bucket."""
    connect(advertiser_ids=accounts(emulator, 2))

    def execute(path, **parameters):
        parameters = {"output_conn_id": "store", **THREE_DAYS, **parameters}
        url = path if "://" in path else f"s3://{BUCKET}/{path}"
        return TikTokReportOperator(task_id="report", output_path=url, **parameters).execute({})

    return execute


def lines(data):
    return [json.loads(line, parse_float=str, parse_int=str) for line in data.decode().splitlines()]


def test_a_single_compressed_file_holds_every_row(run, s3, emulator):
    summary = run("ads/rows.jsonl.gz")
    assert s3.keys() == ["ads/rows.jsonl.gz"]
    data = s3.read("ads/rows.jsonl.gz")
    expected = [
        row
        for account in accounts(emulator, 2)
        for row in days_cut(truth(emulator, account, end="2026-08-03"))
    ]
    assert normal(lines(gzip.decompress(data))) == normal(expected)
    assert summary["paths"] == [f"s3://{BUCKET}/ads/rows.jsonl.gz"]
    assert summary["bytes"] == len(data)


def test_a_partitioned_folder_is_as_its_manifest_says(run, s3, emulator):
    summary = run("ads/", **PARTITIONS)
    manifest = json.loads(s3.read("ads/_manifest.json"))
    assert summary["manifest"] == f"s3://{BUCKET}/ads/_manifest.json"
    files = {file["path"].removeprefix(f"s3://{BUCKET}/"): file for file in manifest["files"]}
    assert s3.keys() == sorted([*files, "ads/_manifest.json"])
    assert {
        (file["partition"]["stat_time_day"], file["partition"]["advertiser_id"]) for file in files.values()
    } == {(f"2026-08-0{day}", account) for day in (1, 2, 3) for account in accounts(emulator, 2)}
    for key, file in files.items():
        data = s3.read(key)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
        assert len(lines(data)) == file["rows"] == 40


def test_a_run_again_replaces_the_same_objects_with_the_same_bytes(run, s3):
    run("ads/", **PARTITIONS)
    before = {key: s3.read(key) for key in s3.keys("ads/stat_time_day=")}
    run("ads/", **PARTITIONS)
    assert len(before) == 6
    assert {key: s3.read(key) for key in s3.keys("ads/stat_time_day=")} == before


def test_hours_are_in_folders_of_days_and_a_run_replaces_its_own(run, s3, emulator):
    hourly = {
        "dimensions": ["campaign_id", "stat_time_hour"],
        "metrics": ["spend"],
        "partition_by": "stat_time_day",
    }
    run("hours/", **hourly, report_end_date="2026-08-02")
    before = {key: s3.read(key) for key in s3.keys("hours/stat_time_day=")}
    assert [key.split("/")[1] for key in before] == ["stat_time_day=2026-08-01", "stat_time_day=2026-08-02"]
    for key, data in before.items():
        assert {row["stat_time_hour"][:10] for row in lines(data)} == {key.split("=")[1][:10]}
        assert all("stat_time_day" not in row for row in lines(data))
        s3.client.put_object(Bucket=BUCKET, Key=key, Body=b"old")
    run("hours/", **hourly, report_end_date="2026-08-01")
    first, second = before
    assert (s3.read(first), s3.read(second)) == (before[first], b"old")


def test_a_partition_that_has_no_rows_any_more_goes_and_its_neighbours_stay(run, s3, emulator):
    first, second = accounts(emulator, 2)
    campaign = truth(emulator, first, end="2026-08-01")[0]["campaign_id"]
    ask = {
        "filters": [{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": [campaign]}],
        **PARTITIONS,
    }
    run("ads/", **ask)
    written = s3.keys("ads/stat_time_day=")
    assert len(written) == 3
    # what an earlier run of the same request would have left: of a day in the request, and of one that isn't
    key = written[0].replace(first, second)
    other_day = key.replace("2026-08-01", "2026-08-09")
    for name in (key, other_day):
        s3.client.put_object(Bucket=BUCKET, Key=name, Body=b"old")
    run("ads/", **ask)
    assert s3.keys("ads/stat_time_day=") == sorted([*written, other_day])


@pytest.fixture
def requests_made(monkeypatch):
    """Return the names of the requests that are made; ``refuse`` lets the nth of a name fail."""
    from s3fs import S3FileSystem

    call = S3FileSystem._call_s3

    class Requests(list):
        refused = (None, 0)

        def refuse(self, name, nth):
            self.clear()
            self.refused = (name, nth)

    made = Requests()

    async def counted(self, method, *args, **kwargs):
        made.append(method)
        if (method, made.count(method)) == made.refused:
            raise OSError("the store is full")
        return await call(self, method, *args, **kwargs)

    monkeypatch.setattr(S3FileSystem, "_call_s3", counted)
    return made


def write_large(s3, character):
    """Write a file that is too large for one request, and return its SHA-256."""
    filesystem = object_storage_path(f"s3://{BUCKET}/big.jsonl", "store").fs
    destination = Destination(
        Target(f"s3://{BUCKET}/big.jsonl", False, "jsonl", False),
        filesystem,
        f"{BUCKET}/big.jsonl",
        {"x": "string"},
    )
    for _ in range(110):
        destination.write(destination.encode([[character * 2**20]], [True]))
    return destination.publish().files[0]


def test_a_large_file_is_uploaded_in_parts_and_complete(s3, requests_made):
    file = write_large(s3, "a")
    data = s3.read("big.jsonl")
    assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)
    assert requests_made.count("upload_part") == 3
    assert requests_made.count("put_object") == 0


def test_a_large_upload_refused_half_way_leaves_the_old_object_and_no_parts(s3, requests_made):
    s3.client.put_object(Bucket=BUCKET, Key="big.jsonl", Body=b"old")
    requests_made.refuse("upload_part", 2)
    with pytest.raises(TikTokOutputError, match="the previous files are unchanged"):
        write_large(s3, "b")
    assert s3.read("big.jsonl") == b"old"
    assert s3.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_a_refused_upload_leaves_the_old_object_as_it_was(run, s3, requests_made):
    run("rows.jsonl")
    before = s3.read("rows.jsonl")
    requests_made.refuse("put_object", 1)
    with pytest.raises(TikTokOutputError, match="the previous files are unchanged"):
        run("rows.jsonl", metrics=["spend"])
    assert s3.keys() == ["rows.jsonl"]
    assert s3.read("rows.jsonl") == before


def test_a_missing_bucket_is_named_before_tiktok_is_called(run, emulator):
    with pytest.raises(AirflowFailException) as caught:
        run("s3://nobodys-bucket/ads/")
    assert str(caught.value) == (
        "`output_path` 's3://nobodys-bucket/ads': there is no bucket or container 'nobodys-bucket', or these credentials "
        "can't see it. Create it, because this provider creates none, or correct `output_path`."
    )
    assert emulator.calls == []


@pytest.mark.parametrize("path", ["ads/", "rows.jsonl"])
def test_wrong_credentials_are_reported_before_tiktok_is_called_and_stay_secret(
    run, guarded_s3, emulator, caplog, path
):
    with pytest.raises(AirflowFailException) as caught:
        run(path)
    assert "the store refuses these credentials" in str(caught.value)
    assert "`output_conn_id`" in str(caught.value)
    for text in (repr(caught.value), caplog.text):
        assert STORE_SECRET not in text
        assert "key-of-the-store" not in text
    assert emulator.calls == []


def test_a_store_that_does_not_answer_is_reported_before_tiktok_is_called(run, emulator, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_DEAD", connection("http://127.0.0.1:9"))
    with pytest.raises(TikTokOutputError, match="the store can't be reached") as caught:
        run("ads/", output_conn_id="dead")
    assert caught.value.retryable
    assert emulator.calls == []
