"""Folders whose files hold all accounts: no run may remove rows that it doesn't replace."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_tiktok.exceptions import TikTokOutputError, TikTokPermissionError
from airflow_provider_tiktok.operators._outputs.columns import read_columns
from airflow_provider_tiktok.operators._outputs.files import FileOutput
from airflow_provider_tiktok.reports.planning.plan import RunTime
from airflow_provider_tiktok.reports.result.summary import make_summary
from airflow_provider_tiktok.reports.rows.schema import schema_of
from airflow_provider_tiktok.storage.formats import EXTENSIONS
from tests.reports.helpers import UTC, FakeClient, fetch, paged, plan

ZONES = {"1": "Europe/Berlin", "2": "America/New_York"}
NIGHT = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)  # a new day in Berlin, and not yet in New York
TWO_DAYS = {"report_start_date": "2026-11-10", "report_end_date": "2026-11-11"}


def run(folder, time=NIGHT, *, partition_by=("stat_time_day",), output_format="jsonl", bad=(), **parameters):
    """Do what a task does, and return its summary."""

    def report(params):
        if params["advertiser_id"] in bad:
            raise TikTokPermissionError("not granted", code=40001, message="m")
        first, last = (datetime.fromisoformat(params[f"{end}_date"]) for end in ("start", "end"))
        days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
        account = params["advertiser_id"]
        return paged(
            [
                {
                    "dimensions": {
                        "ad_id": f"{account}9",
                        "stat_time_day": f"{day:%Y-%m-%d} 00:00:00",
                    },
                    "metrics": {"spend": "1"},
                }
                for day in days
            ]
        )(params)

    client = FakeClient(report, ZONES)
    policy = parameters.pop("on_advertiser_error", "fail")
    made = plan(
        client,
        run=RunTime(time),
        now=time,
        dimensions="ad_id,stat_time_day",
        advertiser_ids="1,2",
        **parameters,
    )
    columns = read_columns(schema_of(made.request).columns)
    output = FileOutput(f"{folder}/", made, columns, output_format=output_format, partition_by=partition_by)
    try:
        report_fetch = fetch(client, made, encode=output.encode, on_advertiser_error=policy)
        for batch in report_fetch.batches():
            output.write(batch)
        summary = make_summary(report_fetch, client.counts, time)
        output.publish(report_fetch, summary, time)
    finally:
        output.close()
    return summary


def held(folder: Path) -> dict[str, list[str]]:
    """Return the accounts by day."""
    return {
        path.parent.name.partition("=")[2]: [json.loads(line)["advertiser_id"] for line in path.open()]
        for path in sorted(folder.glob("stat_time_day=*/*.jsonl"))
    }


def test_accounts_whose_days_differ_are_refused_before_any_row_is_requested(tmp_path):
    with pytest.raises(TikTokOutputError) as caught:
        run(tmp_path)
    assert str(caught.value) == (
        "The accounts' days differ, and `partition_by` has stat_time_day without advertiser_id: a file holds the "
        "rows of all accounts, and each run would replace it by some accounts' rows only. Days differ with time "
        "zones (1: 2026-11-20 to 2026-11-20; 2: 2026-11-19 to 2026-11-19). Add advertiser_id to `partition_by`, or "
        "give `report_start_date` and `report_end_date`."
    )
    assert not caught.value.retryable
    assert list(tmp_path.rglob("*.jsonl")) == []


@pytest.mark.parametrize(
    ("time", "parameters"),
    [
        (NIGHT + timedelta(hours=12), {}),  # the same day everywhere
        (NIGHT, TWO_DAYS),
        (NIGHT, {"partition_by": ("stat_time_day", "advertiser_id")}),
        (NIGHT, {"partition_by": ("ad_id",)}),
        (NIGHT, {"partition_by": ()}),
    ],
)
def test_other_folders_take_the_accounts_as_they_are(tmp_path, time, parameters):
    assert run(tmp_path, time, **parameters)["row_count"] == 2 * (2 if parameters is TWO_DAYS else 1)


@pytest.mark.parametrize("output_format", EXTENSIONS)
def test_a_skipped_account_keeps_its_rows(tmp_path, output_format):
    if output_format == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    run(tmp_path, **TWO_DAYS, output_format=output_format)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(TikTokOutputError, match="contains rows of advertiser 1, which this run skipped"):
        run(tmp_path, **TWO_DAYS, output_format=output_format, bad={"1"}, on_advertiser_error="skip")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_skipped_account_without_rows_stops_no_other(tmp_path):
    skip = {"bad": {"1"}, "on_advertiser_error": "skip"}
    for _ in range(2):
        assert run(tmp_path, **TWO_DAYS, **skip)["complete"] is False
        assert held(tmp_path) == {"2026-11-10": ["2"], "2026-11-11": ["2"]}
    run(tmp_path, **TWO_DAYS)
    assert held(tmp_path) == {"2026-11-10": ["1", "2"], "2026-11-11": ["1", "2"]}


def test_a_skipped_account_with_separate_files_keeps_them(tmp_path):
    by_account = {"partition_by": ("stat_time_day", "advertiser_id"), **TWO_DAYS}
    run(tmp_path, **by_account)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    run(tmp_path, **by_account, bad={"1"}, on_advertiser_error="skip")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")} == before
    assert len(before) == 4


def test_the_summary_names_accounts_with_days_of_their_own(tmp_path):
    summary = run(tmp_path, partition_by=())
    assert (summary["report_start_date"], summary["report_end_date"]) == ("2026-11-19", "2026-11-20")
    assert summary["account_dates"] == {"1": ["2026-11-20", "2026-11-20"], "2": ["2026-11-19", "2026-11-19"]}
    assert run(tmp_path, partition_by=(), **TWO_DAYS)["account_dates"] == {}
    assert run(tmp_path, partition_by=(), bad={"1"}, on_advertiser_error="skip")["account_dates"].keys() == {
        "2"
    }
