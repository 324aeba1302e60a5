"""An interrupted report resumes after its last finished window, and ends with the same bytes."""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokIncompleteReportError
from airflow_provider_tiktok.operators._run.checkpoint import RunCheckpoint
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.storage.checkpoint import Checkpoint
from tests.threads import wait_for_calls

REPORT = "report/integrated/get/"
ROOT = Path(__file__).parent.parent.parent
FROM_THE_FOURTH = {"fault": "code:50002", "path": REPORT, "at": list(range(4, 60))}
WINDOWS = 6
HOURS_BY_DAY = {
    "dimensions": "adgroup_id,stat_time_hour",
    "report_end_date": "2026-01-06",
    "partition_by": "stat_time_day",
    "request_params": None,
}


class Pushed(SimpleNamespace):
    """A task instance, as far as the operator uses it."""

    def xcom_push(self, key, value):
        setattr(self, key, value)


def attempt(number=1, *, max_tries=2, run_id="run", task_id="report", clear_number=0):
    ti = Pushed(
        dag_id="dag", run_id=run_id, task_id=task_id, map_index=-1, try_number=number, max_tries=max_tries
    )
    return {"ti": ti, "dag_run": SimpleNamespace(clear_number=clear_number)}


@pytest.fixture(autouse=True)
def _ready(connect, emulator, fast_retries):
    connect()


@pytest.fixture
def account(emulator):
    return next(iter(emulator.world.accounts))


@pytest.fixture
def report(account):
    def make(path, **parameters):
        start = datetime(2026, 1, 1, tzinfo=timezone.utc).date()
        return TikTokReportOperator(
            **{
                "task_id": "report",
                "advertiser_ids": account,
                "dimensions": "adgroup_id,stat_time_day",
                "metrics": "spend,impressions,ctr,adgroup_name",
                "report_start_date": start.isoformat(),
                "report_end_date": (start + timedelta(days=30 * WINDOWS - 1)).isoformat(),
                "max_concurrency": 1,
                "output_path": str(path),
                "request_params": {"enable_total_metrics": True},
                **parameters,
            }
        )

    return make


def calls(emulator):
    return [call for call in emulator.calls if call.path.endswith(REPORT)]


def files(folder):
    """Return the digest of each data file, and all other files."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name != "_manifest.json"
    }


def interrupt(emulator, operator, context, rules=(FROM_THE_FOURTH,)):
    emulator.set_faults(list(rules))
    emulator.clear()
    with pytest.raises(TikTokAPIError):
        operator.execute(context)
    wait_for_calls()
    emulator.set_faults([])
    emulator.clear()


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "shape",
    [
        {"output_format": "jsonl"},
        {"output_format": "csv.gz"},
        {"output_format": "parquet", "partition_by": "stat_time_day"},
        {"partition_by": ["advertiser_id", "stat_time_day"]},
        HOURS_BY_DAY,
    ],
    ids=str,
)
def test_a_retry_resumes_after_the_last_finished_window(emulator, report, tmp_path, shape, caplog):
    right = report(f"{tmp_path}/right/", **shape).execute(attempt())
    interrupt(emulator, report(f"{tmp_path}/out/", **shape), attempt(1))
    with caplog.at_level(logging.INFO):
        summary = report(f"{tmp_path}/out/", **shape).execute(attempt(2))
    assert "Resuming after 3 of 6 window(s)" in caplog.text
    assert len(calls(emulator)) == WINDOWS - 3
    assert files(tmp_path / "out") == files(tmp_path / "right")
    for name in ("row_count", "columns", "total_metrics", "complete", "bytes"):
        assert summary[name] == right[name], name
    assert summary["api_calls"] == right["api_calls"] + 5  # those of both attempts, of which five failed


def test_rows_of_which_some_are_gone_fail_the_attempt_and_the_next_one_starts_from_scratch(
    emulator, report, tmp_path, monkeypatch
):
    report(tmp_path / "right.jsonl").execute(attempt())
    interrupt(emulator, report(tmp_path / "out.jsonl"), attempt(1))
    rows = Checkpoint.rows
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "rows", lambda self: (batch[1:] for batch in rows(self)))
        with pytest.raises(TikTokIncompleteReportError, match="An earlier attempt has saved"):
            report(tmp_path / "out.jsonl").execute(attempt(2))
    emulator.clear()
    report(tmp_path / "out.jsonl").execute(attempt(3))
    assert len(calls(emulator)) == WINDOWS
    assert sorted(files(tmp_path)) == ["out.jsonl", "right.jsonl"]
    assert len(set(files(tmp_path).values())) == 1


def test_a_single_file_is_gone_on_with_too(emulator, report, tmp_path):
    report(tmp_path / "right.jsonl").execute(attempt())
    interrupt(emulator, report(tmp_path / "out.jsonl"), attempt(1))
    report(tmp_path / "out.jsonl").execute(attempt(2))
    assert len(calls(emulator)) == WINDOWS - 3
    assert sorted(files(tmp_path)) == ["out.jsonl", "right.jsonl"]
    assert len(set(files(tmp_path).values())) == 1


def test_the_only_retry_resumes_and_leaves_nothing_when_it_fails_too(emulator, report, tmp_path):
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1, max_tries=1))
    report(f"{tmp_path}/out/").execute(attempt(2, max_tries=1))
    assert len(calls(emulator)) == WINDOWS - 3
    interrupt(emulator, report(f"{tmp_path}/other/"), attempt(1, max_tries=1))
    rule = FROM_THE_FOURTH | {"at": list(range(2, 60))}
    interrupt(emulator, report(f"{tmp_path}/other/"), attempt(2, max_tries=1), [rule])
    assert files(tmp_path / "other") == {}


def test_several_interruptions_add_up(emulator, report, tmp_path):
    right = report(f"{tmp_path}/right/").execute(attempt())
    for number, at in enumerate((3, 2, 2), 1):
        rule = FROM_THE_FOURTH | {"at": list(range(at, 60))}
        interrupt(emulator, report(f"{tmp_path}/out/"), attempt(number, max_tries=5), [rule])
    assert report(f"{tmp_path}/out/").execute(attempt(4, max_tries=5))["row_count"] == right["row_count"]
    assert len(calls(emulator)) == WINDOWS - 4
    assert files(tmp_path / "out") == files(tmp_path / "right")


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("context", "parameters"),
    [
        (attempt(2, max_tries=3), {}),  # a cleared task
        (attempt(2, clear_number=1), {}),  # a cleared run
        (attempt(2, run_id="another"), {}),
        (attempt(2), {"metrics": "spend"}),
        (attempt(2), {"report_end_date": "2026-06-28"}),
        (attempt(2), {"output_format": "csv"}),
        (attempt(2), {"durable": False}),
    ],
)
def test_whatever_is_no_retry_of_the_same_report_starts_from_scratch(
    emulator, report, tmp_path, context, parameters
):
    report(f"{tmp_path}/right/", **parameters).execute(context)
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1))
    report(f"{tmp_path}/out/", **parameters).execute(context)
    assert len(calls(emulator)) == WINDOWS
    found = {name: digest for name, digest in files(tmp_path / "out").items() if not name.startswith("_")}
    assert found == files(tmp_path / "right")


def test_a_checkpoint_older_than_a_day_is_not_used(emulator, report, tmp_path, moved_clock):
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1))
    moved_clock.advance(25 * 3600)
    report(f"{tmp_path}/out/").execute(attempt(2))
    assert len(calls(emulator)) == WINDOWS


def test_the_last_attempt_and_a_permanent_error_leave_nothing(emulator, report, tmp_path):
    interrupt(emulator, report(f"{tmp_path}/last/"), attempt(3))
    assert files(tmp_path) == {}
    emulator.set_faults([FROM_THE_FOURTH | {"fault": "code:40002"}])
    with pytest.raises(AirflowFailException):
        report(f"{tmp_path}/permanent/").execute(attempt(1))
    assert files(tmp_path) == {}


@pytest.mark.parametrize("spoil", ["rows", "json"])
def test_damaged_rows_are_fetched_again(emulator, report, tmp_path, spoil):
    report(f"{tmp_path}/right/").execute(attempt())
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1))
    (file,) = (tmp_path / "out" / "_tiktok_unfinished").rglob(f"*.{spoil}")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    report(f"{tmp_path}/out/").execute(attempt(2))
    assert len(calls(emulator)) == WINDOWS
    assert files(tmp_path / "out") == files(tmp_path / "right")


def test_a_skipped_account_stays_skipped(emulator, forbidden, report, tmp_path, account):
    others = [name for name in emulator.world.accounts if name != forbidden][:3]
    parameters = {"advertiser_ids": [forbidden, *others], "on_advertiser_error": "skip"}
    right = report(f"{tmp_path}/right/", **parameters).execute(attempt())
    rule = {"fault": "code:50002", "path": REPORT, "advertiser_id": others[2]}
    interrupt(emulator, report(f"{tmp_path}/out/", **parameters), attempt(1), [rule])
    summary = report(f"{tmp_path}/out/", **parameters).execute(attempt(2))
    assert {call.query["advertiser_id"] for call in calls(emulator)} == {others[2]}
    assert summary["skipped_advertisers"].keys() == right["skipped_advertisers"].keys() == {forbidden}
    assert files(tmp_path / "out") == files(tmp_path / "right")


def test_a_failed_account_is_fetched_by_the_retry(emulator, report, tmp_path):
    accounts = list(emulator.world.accounts)[:3]
    parameters = {"advertiser_ids": accounts, "on_advertiser_error": "fail_at_end"}
    report(f"{tmp_path}/right/", **parameters).execute(attempt())
    rule = {"fault": "code:50002", "path": REPORT, "advertiser_id": accounts[1]}
    interrupt(emulator, report(f"{tmp_path}/out/", **parameters), attempt(1), [rule])
    report(f"{tmp_path}/out/", **parameters).execute(attempt(2))
    assert accounts[0] not in {call.query["advertiser_id"] for call in calls(emulator)}
    assert files(tmp_path / "out") == files(tmp_path / "right")


def test_a_used_up_day_is_waited_for_in_the_triggerer(emulator, report, tmp_path, connect):
    report(f"{tmp_path}/right/").execute(attempt())
    connect(shared_budget=False)  # each attempt begins with a day of its own, as after midnight
    emulator.set_faults(
        [FROM_THE_FOURTH | {"fault": "code:40100", "message": "App reaches the QPD limit 864000"}]
    )
    emulator.clear()
    context = attempt(1, max_tries=0)
    with pytest.raises(TaskDeferred) as deferred:
        report(f"{tmp_path}/out/", deferrable=True).execute(context)
    fires_at = deferred.value.trigger.moment
    midnight = (datetime.now(timezone.utc) + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    assert timedelta(0) <= fires_at - midnight.replace(microsecond=0) < timedelta(seconds=30)
    assert deferred.value.method_name == "go_on"
    wait_for_calls()
    emulator.set_faults([])
    emulator.clear()
    kwargs = json.loads(json.dumps(deferred.value.kwargs))
    summary = report(f"{tmp_path}/out/", deferrable=True).go_on(context, {"moment": str(fires_at)}, **kwargs)
    assert len(calls(emulator)) == WINDOWS - 3
    assert summary["complete"] is True
    assert files(tmp_path / "out") == files(tmp_path / "right")


def test_a_wait_that_execution_timeout_does_not_allow_is_none(emulator, report, tmp_path, connect):
    connect(shared_budget=False)
    emulator.set_faults([FROM_THE_FOURTH | {"fault": "code:40100", "message": "App reaches the QPM limit"}])
    limits = {"deferrable": True, "execution_timeout": timedelta(minutes=10)}
    with pytest.raises(TaskDeferred) as deferred:  # but it defers for five minutes
        report(f"{tmp_path}/out/", **limits).execute(attempt(1))
    began = deferred.value.kwargs["unfinished"]["began"]
    with pytest.raises(TikTokAPIError, match="is suspended for five"):
        report(f"{tmp_path}/out/", **limits).go_on(attempt(1), {}, unfinished={"began": began - 400})


def test_without_the_triggerer_a_used_up_day_fails_the_task(emulator, report, tmp_path, connect):
    connect(app_id="1234568")
    emulator.set_faults([FROM_THE_FOURTH | {"fault": "code:40100", "message": "QPD limit"}])
    with pytest.raises(TikTokAPIError, match="the app's calls of the day are used up") as caught:
        report(f"{tmp_path}/out/").execute(attempt(1))
    assert caught.value.retry_after > 0


@pytest.mark.parametrize(
    "change",
    [
        {"password": "another-token-of-the-tests"},
        {"app_id": "7000000000000000099"},
        {"api_version": "v1.2"},
        {"host": "http://localhost"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_rows_of_another_connection_are_not_reused(emulator, report, tmp_path, monkeypatch, change):
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1))
    connection = json.loads(os.environ["AIRFLOW_CONN_TIKTOK_DEFAULT"])
    if "host" in change:
        change = {"host": emulator.url.replace("127.0.0.1", "localhost")}
    for name, value in change.items():
        (connection if name in connection else connection["extra"])[name] = value
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", json.dumps(connection))
    taken = []
    monkeypatch.setattr(RunCheckpoint, "_resume", lambda *_: taken.append(1))
    with suppress(
        TikTokAPIError, AirflowFailException
    ):  # the emulator knows neither that token nor that version
        report(f"{tmp_path}/out/").execute(attempt(2))
    assert taken == []


def test_a_run_that_was_deleted_and_created_again_starts_from_scratch(emulator, report, tmp_path):
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1))
    assert report(f"{tmp_path}/out/").execute(attempt(1))["complete"] is True
    assert len(calls(emulator)) == WINDOWS


def test_a_killed_worker_leaves_what_it_had_saved(emulator, report, tmp_path):
    """Kill -9, in the fourth window; saving is not put off until something fails."""
    report(f"{tmp_path}/right/").execute(attempt())
    emulator.set_faults([FROM_THE_FOURTH | {"fault": "slow", "seconds": 60}])
    emulator.clear()
    code = f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        from airflow_provider_tiktok.storage import checkpoint
        checkpoint._MIN_INTERVAL = 0
        checkpoint._INTERVAL_FACTOR = 0
        from tests.operators.test_checkpoint import attempt
        from airflow_provider_tiktok.operators.report import TikTokReportOperator
        arguments = {json.dumps(_arguments(report(f"{tmp_path}/out/")))!r}
        import json
        TikTokReportOperator(task_id="report", **json.loads(arguments)).execute(attempt(1))
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=os.environ, cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while len(calls(emulator)) < 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        saved = tmp_path / "out" / "_tiktok_unfinished"
        while not list(saved.rglob("000002-*.json")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    emulator.set_faults([])
    emulator.clear()
    report(f"{tmp_path}/out/").execute(attempt(2))
    assert len(calls(emulator)) <= WINDOWS - 2
    assert files(tmp_path / "out") == files(tmp_path / "right")


try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import TaskDeferred


def _arguments(operator):
    names = ("advertiser_ids", "dimensions", "metrics", "report_start_date", "report_end_date", "output_path")
    return {
        **{name: getattr(operator, name) for name in (*names, "request_params")},
        "max_concurrency": 1,
    }


def test_the_calls_of_an_attempt_that_got_no_further_are_counted(emulator, report, tmp_path):
    right = report(f"{tmp_path}/right/").execute(attempt())
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1))
    interrupt(
        emulator, report(f"{tmp_path}/out/"), attempt(2), [FROM_THE_FOURTH | {"at": list(range(1, 60))}]
    )
    summary = report(f"{tmp_path}/out/").execute(attempt(3))
    assert summary["api_calls"] == right["api_calls"] + 10


def test_what_other_tasks_left_long_ago_is_removed(emulator, report, tmp_path):
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1, run_id="old"))
    old = sorted((tmp_path / "out" / "_tiktok_unfinished").iterdir())
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1, run_id="fresh"))
    three_days_ago = time.time() - 3 * 24 * 3600
    for path in old[0].iterdir():
        os.utime(path, (three_days_ago, three_days_ago))
    report(f"{tmp_path}/out/").execute(attempt(1, run_id="other"))
    left = list((tmp_path / "out" / "_tiktok_unfinished").iterdir())
    assert len(left) == 1
    assert left != old


def test_the_checkpoint_does_not_reveal_the_output_path(emulator, report, tmp_path):
    interrupt(emulator, report(f"{tmp_path}/out/"), attempt(1))
    (state,) = (tmp_path / "out" / "_tiktok_unfinished").rglob("*.json")
    assert str(tmp_path) not in state.read_text()


def test_a_destination_that_takes_no_more_is_no_failure_of_its_own(
    emulator, report, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(
        "airflow_provider_tiktok.storage.checkpoint.Checkpoint._upload",
        lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")),
    )
    emulator.set_faults([FROM_THE_FOURTH])
    with pytest.raises(TikTokAPIError):
        report(f"{tmp_path}/out/").execute(attempt(1))
    assert "a retry would start from scratch" in caplog.text
