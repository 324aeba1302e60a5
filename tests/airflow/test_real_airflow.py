"""The example DAGs, and some that fail, in a real Airflow against TikTok's API on loopback."""

import json
import os
import re
import time
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.airflow.conftest import accounts
from tests.airflow.live import Run, parse_time
from tests.conftest import SECRET, TOKEN
from tests.test_dags import rows_below

pytestmark = pytest.mark.airflow


def test_the_ad_group_summary_leaves_typed_rows_and_a_readable_log(live, emulator):
    run = live.run("example_tiktok_ad_group_summary")
    assert run.states() == {"report[-1]": "success"}
    summary = run.xcom("report")
    rows = run.xcom("report", "rows")
    assert len(rows) == summary["row_count"] == 20
    assert summary["advertiser_ids"] == accounts(emulator)[:2]
    assert set(rows[0]) == {
        *("advertiser_id", "adgroup_id", "spend", "impressions", "reach", "clicks", "conversion", "cpm")
    }
    log = run.log("report")
    for words in ("BASIC report of AUCTION_ADGROUP", "10 rows in 1 page(s)", "20 rows", "::group::"):
        assert words in log
    assert TOKEN not in log
    assert SECRET not in log
    ours, groups = [], 0
    for line in map(json.loads, log.splitlines()):
        groups += line["event"].startswith("::group::") - (line["event"] == "::endgroup::")
        if line.get("logger", "").startswith("airflow_provider_tiktok."):
            ours.append((groups, line["event"]))
    # what matters is in the open, after the windows; Airflow's own group follows, with which each log ends
    end = ours.index((0, "::endgroup::"))
    assert {inside for inside, _ in ours[end:]} == {0}
    last = ours[-1][1]
    assert re.match(r"20 rows, spend [0-9.]+ [A-Z]{3}, [0-9.]+ [A-Z]{3}; 20..-..-..", last)
    assert last.endswith("rows are in XCom under the key 'rows'")
    (task,) = run.tasks()
    decided = task["rendered_fields"]["decided"]
    assert set(decided["accounts"]) == set(accounts(emulator)[:2])
    assert (decided["dimensions"], decided["data_level"]) == (["adgroup_id"], "AUCTION_ADGROUP")


def test_the_trigger_forms_values_reach_tiktok(live, emulator):
    conf = {
        "dimensions": ["adgroup_id", "stat_time_day"],
        "metrics": "spend, impressions,adgroup_name",
        "filters": '[{"field_name": "adgroup_status", "filter_type": "IN", "filter_value": "STATUS_NOT_DELETE"}]',
        "advertiser_ids": accounts(emulator)[2],
        "start": "2026-08-01",
        "end": "2026-08-02",
        "order_type": "ASC",
    }
    run = live.run("example_tiktok_parametrised", conf)
    assert run.states() == {"report[-1]": "success", "show[-1]": "success"}
    # scheduled runs of other DAGs, with other accounts, may come in between
    calls = [call for call in emulator.calls if call.path.endswith("report/integrated/get/")]
    (call,) = (call for call in calls if call.query["advertiser_id"] == conf["advertiser_ids"])
    assert call.query["dimensions"] == ["adgroup_id", "stat_time_day"]
    assert call.query["metrics"] == ["spend", "impressions", "adgroup_name"]
    assert call.query["filtering"] == [
        {"field_name": "adgroup_status", "filter_type": "IN", "filter_value": '["STATUS_NOT_DELETE"]'}
    ]
    assert (call.query["order_field"], call.query["order_type"]) == ("spend", "ASC")
    rows = run.xcom("report", "rows")
    assert [row["spend"] for row in rows] == sorted(row["spend"] for row in rows)
    held = emulator.world.rows(
        accounts(emulator)[2], "AUCTION_ADGROUP", conf["dimensions"], ["spend"], "2026-08-01", "2026-08-02"
    )
    assert sum(Decimal(str(row["spend"])) for row in rows) == sum(
        Decimal(row["metrics"]["spend"]) for row in held
    )
    assert "'adgroup_id'" in run.log("show")


def test_the_trigger_forms_own_defaults_work(live):
    run = live.run("example_tiktok_parametrised")
    assert run.states() == {"report[-1]": "success", "show[-1]": "success"}
    assert run.xcom("report")["columns"]["ctr"] == "decimal"


def test_mapped_accounts_run_one_task_each(live, emulator):
    run = live.run("example_tiktok_mapped_accounts", seconds=180)
    listed = run.xcom("accounts")
    assert listed == list(emulator.world.accounts)
    assert run.states() == {"accounts[-1]": "success"} | {
        f"report[{i}]": "success" for i in range(len(listed))
    }
    assert [run.xcom("report", map_index=i)["advertiser_ids"] for i in range(len(listed))] == [
        [name] for name in listed
    ]
    names = {
        task["map_index"]: task.get("rendered_map_index")
        for task in run.tasks()
        if task["task_id"] == "report"
    }
    assert names == {
        index: f"{emulator.world.accounts[name].name} ({name})" for index, name in enumerate(listed)
    }


def test_a_backfill_writes_each_days_files_once(live, folder, emulator):
    dag_id = "example_tiktok_daily_files"
    body = {"dag_id": dag_id, "from_date": "2026-11-07T00:00:00Z", "to_date": "2026-11-10T00:00:00Z"}
    live.latest(dag_id)  # Airflow has read the DAG
    live.call("/api/v2/backfills", body)
    states: dict[str, str] = {}
    for _ in range(120):
        runs = live.call(f"/api/v2/dags/{dag_id}/dagRuns?run_type=backfill")["dag_runs"]
        states = {run["logical_date"][:10]: run["state"] for run in runs}
        if len(states) >= 4 and set(states.values()) == {"success"}:
            break
        time.sleep(0.5)
    assert states == dict.fromkeys((f"2026-11-{day:02}" for day in range(7, 11)), "success")
    (tenth,) = (run["dag_run_id"] for run in runs if run["logical_date"].startswith("2026-11-10"))
    warning = "This run of a backfill is for 2026-11-10 and loads 2026-11-06 to 2026-11-09"
    assert warning in Run(live, dag_id, tenth).log("report")
    los_angeles, berlin = accounts(emulator)[:2]
    # the schedule's own latest run wrote newer days
    rows = [row for row in rows_below(folder / "output") if row["stat_time_day"] < "2026-11-11"]
    days = {
        name: sorted({row["stat_time_day"] for row in rows if row["advertiser_id"] == name})
        for name in (los_angeles, berlin)
    }
    assert (days[los_angeles][0], days[los_angeles][-1], len(days[los_angeles])) == (
        "2026-11-03",
        "2026-11-08",
        6,
    )
    assert (days[berlin][0], days[berlin][-1], len(days[berlin])) == ("2026-11-04", "2026-11-09", 6)
    keys = [(row["advertiser_id"], row["stat_time_day"], row["ad_id"]) for row in rows]
    assert len(keys) == len(set(keys)) == 40 * 6 * 2


@pytest.mark.parametrize(
    ("task_id", "words"),
    [
        ("misspelt", "did you mean 'spend'?"),
        ("forbidden", "code 40001"),
        ("too_much", "`max_xcom_bytes`"),
    ],
)
def test_permanent_failures_are_not_retried_and_say_what_to_do(failed_run, task_id, words):
    (task,) = (task for task in failed_run.tasks() if task["task_id"] == task_id)
    assert (task["state"], task["try_number"], task["max_tries"]) == ("failed", 1, 2)
    log = failed_run.log(task_id)
    assert words in log
    assert TOKEN not in log
    assert SECRET not in log


@pytest.fixture(scope="module")
def failed_run(live):
    return live.run("retrying")


def days_of(run):
    summary = run.xcom("report")
    return summary["report_start_date"], summary["report_end_date"]


def last_complete_days(emulator, now):
    """Return first and last of the days that were over in the accounts' time zones."""
    zones = [ZoneInfo(emulator.world.accounts[name].zone) for name in accounts(emulator)[:2]]
    days = sorted((now.astimezone(zone).date() - timedelta(days=1)).isoformat() for zone in zones)
    return days[0], days[-1]


def test_a_data_interval_is_of_its_days_in_the_dags_time_zone(live):
    run = live.latest("interval_schedule")
    start = parse_time(run.facts["data_interval_start"]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert start.hour == 0
    assert days_of(run) == (start.date().isoformat(), start.date().isoformat())


def test_a_cron_schedule_is_of_the_last_complete_days_before_its_time(live, emulator):
    run = live.latest("cron_schedule")
    assert run.facts["data_interval_start"] == run.facts["data_interval_end"]
    assert days_of(run) == last_complete_days(emulator, parse_time(run.facts["data_interval_end"]))


def test_a_run_for_an_asset_is_of_the_last_complete_days_before_it(live, emulator):
    live.run("signal")
    run = live.latest("asset_schedule")
    assert run.facts["run_type"] == "asset_triggered"
    assert days_of(run) == last_complete_days(emulator, parse_time(run.facts["run_after"]))


def test_a_dag_that_waits_for_the_asset_loads_the_file_that_its_event_names(live, emulator):
    summary = live.run("example_tiktok_write_asset").xcom("report")
    run = live.latest("example_tiktok_load_on_asset")
    assert run.facts["run_type"] == "asset_triggered"
    assert run.xcom("load") == summary["row_count"] == 2 * 5


def test_each_day_of_a_report_wakes_the_dag_that_waits_for_partitions(live):
    live.run("days")
    runs = []
    for _ in range(120):
        runs = live.call("/api/v2/dags/each_day/dagRuns")["dag_runs"]
        if len(runs) >= 3 and {run["state"] for run in runs} == {"success"}:
            break
        time.sleep(0.5)
    assert sorted(run["partition_key"] for run in runs) == ["2026-08-01", "2026-08-02", "2026-08-03"]


def test_this_suite_left_no_connection_in_the_environment():
    assert not [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]
