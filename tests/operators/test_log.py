"""What a task's log tells, and what an error leaves in it."""

import json
import logging
import traceback
from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from airflow_provider_tiktok import clock
from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.exceptions import TikTokAPIError
from airflow_provider_tiktok.operators._run.story import story_of
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from tests.conftest import TOKEN
from tests.operators.test_report_operator import accounts

DAILY = {
    "dimensions": "adgroup_id,stat_time_day",
    "metrics": "spend",
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-09-15",
    "max_xcom_bytes": 10_000_000,
}


@pytest.fixture(autouse=True)
def _ready(connect, fast_retries, caplog):
    connect()
    caplog.set_level(logging.INFO)


def run(context=None, **parameters):
    return TikTokReportOperator(task_id="report", **{**DAILY, **parameters}).execute(context or {})


def lines(caplog):
    # a trigger's thread of another test may still cancel something
    return [each.getMessage() for each in caplog.records if not each.threadName.startswith("tiktok-cancel")]


def test_only_the_windows_stand_in_the_group(emulator, caplog, tmp_path):
    emulator.set_faults([{"fault": "code:50002", "at": [2]}])
    run(advertiser_ids=accounts(emulator, 1), output_path=f"{tmp_path}/rows.csv")
    found = lines(caplog)
    start, end = found.index("::group::Windows"), found.index("::endgroup::")
    assert all("rows in 1 page(s)" in line for line in found[start + 1 : end])
    assert end - start == 1 + 2  # windows
    warned = [index for index, record in enumerate(caplog.records) if record.levelno >= logging.WARNING]
    assert warned
    assert max(warned) < start


def test_a_failure_shows_the_windows_that_came(emulator, caplog):
    emulator.set_faults([{"fault": "code:50002", "path": "report/integrated/get/", "at": list(range(2, 99))}])
    with pytest.raises(TikTokAPIError):
        run(advertiser_ids=accounts(emulator, 1), max_concurrency=1)
    found = lines(caplog)
    assert found.index("::endgroup::") - found.index("::group::Windows") == 1 + 1


def test_the_last_line_tells_all(emulator, caplog, tmp_path):
    summary = run(advertiser_ids=accounts(emulator, 1), output_path=f"{tmp_path}/rows.csv")
    ((currency, spend),) = summary["spend"].items()
    assert lines(caplog)[-1] == (
        f"{summary['row_count']:,} rows, spend {spend} {currency}; 2026-08-01 to 2026-09-15; 1 account(s); "
        f"3 call(s), 0 repeated, 0 throttled; 1 file(s), {summary['bytes']:,} bytes: {tmp_path}/rows.csv"
    )


def test_the_last_line_names_days_that_differ():
    summary = {
        "row_count": 1,
        "advertiser_ids": list("abcdefgh"),
        "report_start_date": "2026-11-08",
        "report_end_date": "2026-11-09",
        "account_dates": {name: ["2026-11-08", "2026-11-08"] for name in "abcdefgh"},
        "api_calls": 8,
        "retried_calls": 0,
        "throttled_calls": 0,
    }
    found = story_of(summary, None)
    assert "2026-11-08 to 2026-11-09 (a 2026-11-08, b 2026-11-08, " in found
    assert "e 2026-11-08 and 3 more)" in found


@pytest.mark.parametrize(("waits", "level"), [(False, logging.INFO), (True, logging.WARNING)])
def test_figures_that_are_not_final_are_a_warning_where_final_ones_were_asked_for(
    emulator, caplog, waits, level
):
    before = [SimpleNamespace(task_type="TikTokReportReadySensor")] if waits else []
    task = SimpleNamespace(has_dag=lambda: True, get_flat_relatives=lambda upstream: before)
    today = clock.now().date()
    run(
        {"task": task},
        advertiser_ids=accounts(emulator, 1),
        report_start_date=today - timedelta(1),
        report_end_date=today - timedelta(1),
        metrics="reach",
    )
    (record,) = [record for record in caplog.records if "are final at" in record.getMessage()]
    assert record.levelno == level
    assert record.getMessage().startswith(
        f"Figures of {today - timedelta(1)} are final at {date.today().year}"
    )


@pytest.mark.parametrize(("code", "kind"), [(50002, TikTokAPIError), (40002, AirflowFailException)])
def test_an_error_is_short_whether_airflow_retries_it_or_not(emulator, code, kind):
    emulator.set_faults([{"fault": f"code:{code}"}])
    with pytest.raises(kind) as caught:
        run(advertiser_ids=accounts(emulator, 1))
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    ours = frames[frames.index("attempt") :]
    assert ours == ["attempt", "__exit__"]
    assert isinstance(caught.value, TikTokAPIError)  # for retry policies and callbacks
    assert len("".join(traceback.format_exception(caught.value)).splitlines()) < 30


def test_rendered_fields_show_what_was_decided_next_to_what_was_given(emulator):
    names = accounts(emulator, 2)
    operator = TikTokReportOperator(
        task_id="report",
        preset="campaign_daily",
        advertiser_ids=names,
        report_start_date="2026-08-01",
        report_end_date="2026-09-15",
        max_xcom_bytes=10_000_000,
    )
    operator.execute({})
    assert (operator.preset, operator.dimensions, operator.metrics) == ("campaign_daily", None, None)
    assert operator.overwrite_rtif_after_execution  # Airflow 3 stores the fields again
    assert "decided" in operator.template_fields
    found = operator.decided
    operator.execute({})  # again, with what was given
    assert operator.decided == found
    assert json.loads(json.dumps(found)) == found
    assert found["dimensions"] == ["campaign_id", "stat_time_day"]
    assert "spend" in found["metrics"]
    assert found["accounts"] == dict.fromkeys(names, "2026-08-01 to 2026-09-15")
    assert found["windows"] == 4
    assert TOKEN not in json.dumps(found)


@pytest.mark.parametrize(
    ("run_type", "parameters", "warns"),
    [
        ("backfill", {}, True),
        ("backfill", {"report_start_date": "2026-11-10", "report_end_date": None}, False),
        ("scheduled", {}, False),
    ],
)
def test_a_backfill_that_loads_another_day_than_its_own_says_so(
    emulator, caplog, run_type, parameters, warns
):
    context = {
        "dag_run": SimpleNamespace(run_type=run_type),
        "logical_date": datetime(2026, 11, 10, tzinfo=timezone.utc),
    }
    dates = {"report_start_date": None, "report_end_date": None, **parameters}
    run(context, advertiser_ids=accounts(emulator, 2), **dates)
    said = [line for line in lines(caplog) if "run of a backfill" in line]
    assert len(said) == warns
    if warns:
        assert said[0].startswith(
            "This run of a backfill is for 2026-11-10 and loads 2026-11-08 to 2026-11-09"
        )
        assert "(7100000" in lines(caplog)[-1]  # the last line names the accounts' days
