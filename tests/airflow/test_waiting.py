"""What waits in a real Airflow: the sensor in the triggerer, and a retry for TikTok's next day."""

import time
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import create_engine, text

from airflow_provider_tiktok.operators.report import TikTokReportOperator
from tests.airflow.conftest import accounts
from tests.airflow.dags.suspended import REPORT
from tests.airflow.live import parse_time
from tests.conftest import TOKEN

pytestmark = pytest.mark.airflow


def test_the_sensor_waits_in_the_triggerer_until_the_time(live, emulator):
    run = live.run("waiting", seconds=180)
    assert run.states() == {"ready[-1]": "success"}, run.log("ready")[-3000:]
    (task,) = run.tasks()
    waited = parse_time(task["end_date"]) - parse_time(task["start_date"])
    log = run.log("ready")
    assert waited >= timedelta(seconds=35)
    assert "Account " in log
    assert "The figures are final since" in log
    assert "DEFERRED" in log
    assert task["try_number"] == 1
    assert TOKEN not in log
    # scheduled runs of other DAGs may also have made calls, but not for these two
    own = [
        call.path for call in emulator.calls if call.query.get("advertiser_ids") == accounts(emulator)[4:6]
    ]
    assert own == ["/open_api/v1.3/advertiser/info/"]


@pytest.mark.parametrize("dag_id", ["waiting_too_long", "waiting_too_long_deferred"])
def test_the_sensors_timeout_fails_it_without_a_retry(live, emulator, dag_id):
    """Short waits are in the worker, longer ones in the triggerer.

    A timeout in the triggerer within about 5 seconds makes Airflow 3.3.2 start a second attempt, in one run of
    twelve: the executor detects the end of a deferred task's process that late (the supervisor waits for its sockets
    to close), and where `SchedulerJobRunner.check_trigger_timeouts` has had the task queued again by then,
    `process_executor_events` finds a finished process and a task that is `queued`, which it takes for killed:
    `handle_failure` makes it `up_for_retry`.
    """
    run = live.run(dag_id, seconds=180)
    (task,) = run.tasks()
    assert (task["state"], task["try_number"], task["max_tries"]) == ("failed", 1, 1)
    log = run.log("late")
    assert "AirflowSensorTimeout" in log
    assert ("DEFERRED" in log) is (dag_id == "waiting_too_long_deferred")


def test_a_used_up_day_makes_the_retry_wait_for_the_next(live, emulator):
    account = accounts(emulator)[4]
    emulator.set_faults(
        [{"fault": "code:40100", "message": "The app's QPD is used up.", "advertiser_id": account}]
    )
    made = live.start("retry_delay")
    deadline = time.monotonic() + 120
    while made.states().get("report[-1]") != "up_for_retry":
        assert time.monotonic() < deadline, made.states()
        time.sleep(0.5)
    seconds, reason = retry_of(live, "retry_delay")
    midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0) + timedelta(days=1)
    left = (midnight - datetime.now(timezone.utc)).total_seconds()
    assert left - 10 < seconds < left + 120
    assert "which TikTok counts from 00:00 to 24:00 UTC" in reason
    assert len(reason) <= 500
    assert TOKEN not in reason
    assert [call.query["advertiser_id"] for call in emulator.calls if call.code] == [account]


def test_a_suspension_during_a_report_is_waited_for_in_the_triggerer(
    live, emulator, connect, folder, tmp_path
):
    (account,) = accounts(emulator)[3:4]
    rule = {"fault": "code:40100", "message": "App reaches the QPM limit 600", "advertiser_id": account}
    emulator.set_faults([{**rule, "path": "report/integrated/get/", "at": [3]}])
    run = live.start("suspended")
    run.wait_for_task("report", "deferred")
    run.wait()
    assert run.states() == {"report[-1]": "success"}
    (task,) = run.tasks()
    assert task["try_number"] == 1
    codes = [call.code for call in emulator.calls if call.query.get("advertiser_id") == account]
    assert codes == [0, 0, 40100, 0, 0, 0, 0]  # no window was fetched twice
    waited = parse_time(task["end_date"]) - parse_time(task["start_date"])
    assert waited >= timedelta(seconds=15)
    assert "The task waits in the triggerer until" in run.log("report")

    connect(advertiser_ids=[account])
    undisturbed = TikTokReportOperator(task_id="report", output_path=f"{tmp_path}/", **REPORT)
    undisturbed.execute({})
    (got,), (wanted,) = (place.glob("*.jsonl") for place in (folder / "output" / "suspended", tmp_path))
    assert got.name == wanted.name
    assert got.read_bytes() == wanted.read_bytes()
    assert run.xcom("report")["complete"] is True


def retry_of(live, dag_id):
    """Return Airflow's record of a decision; its REST API does not show it."""
    engine = create_engine(live.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    query = text("select retry_delay_override, retry_reason from task_instance where dag_id = :dag_id")
    try:
        with engine.connect() as connection:
            return connection.execute(query, {"dag_id": dag_id}).fetchone()
    finally:
        engine.dispose()
