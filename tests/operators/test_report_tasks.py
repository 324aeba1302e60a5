"""``mode="async"`` against TikTok's API on loopback: the same rows, one creation, and nothing left behind."""

import asyncio
import csv
import functools
import json
import logging
import threading
import time
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_tiktok import clock
from airflow_provider_tiktok._compat import AIRFLOW_3, AirflowFailException, AirflowSkipException
from airflow_provider_tiktok.api.rate_limit import throttle
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokRateLimitError,
    TikTokReportTaskError,
    TikTokStoppedError,
    TikTokTransportError,
)
from airflow_provider_tiktok.operators._run import async_run
from airflow_provider_tiktok.operators._run.job_store import KEY
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.reports.async_reports import files
from tests.conftest import SECRET, TOKEN

pytestmark = pytest.mark.usefixtures("moved_clock")

CREATE, CHECK, DOWNLOAD, CANCEL = (
    f"/open_api/v1.3/report/task/{name}/" for name in ("create", "check", "download", "cancel")
)
NO_LIMITS = {"task_qps": 0, "task_qpm": 0, "task_qpd": 0, "task_account_hour": 0}
DAILY = {
    "dimensions": "ad_id, stat_time_day",
    "metrics": "spend,impressions,ctr,ad_name,secondary_goal_result",
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-08-03",
    "max_xcom_bytes": 10_000_000,
}
ASYNC = {**DAILY, "mode": "async", "poll_interval": 0.1, "wait_timeout": 20}


class TaskInstance:
    """A task instance with its attempt, and what it pushes to XCom."""

    def __init__(self, try_number=1, max_tries=0):
        self.try_number, self.max_tries = try_number, max_tries
        self.pushed = {}

    def xcom_push(self, key, value):
        self.pushed[key] = json.loads(json.dumps(value))


class Store(dict):
    """Airflow's task state store: a mapping that outlives the attempts."""

    def set(self, key, value):
        self[key] = json.loads(json.dumps(value))

    def delete(self, key):
        self.pop(key, None)


class DagRun:
    def __init__(self, clear_number=0):
        self.clear_number = clear_number


@pytest.fixture(autouse=True)
def _connection(connect, emulator):
    emulator.configure(task_seconds=0.2, **NO_LIMITS)
    connect(advertiser_ids=ordinary(emulator)[:1])
    yield
    emulator.configure(
        task_seconds=1.0, task_deleted=True, report_tasks=True, download_seconds=3600, forbidden_account=False
    )


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(throttle, "CREATIONS_PER_SECOND", 1000.0)
    monkeypatch.setattr(files, "_PAUSE", 0.01)
    monkeypatch.setattr(async_run, "_MIN_WAIT", 0.0)


def ordinary(emulator):
    return [name for name in emulator.world.accounts if name.startswith("71")]


def run(context=None, **parameters):
    """Execute an operator and return its summary and what it pushed."""
    instance = TaskInstance()
    operator = TikTokReportOperator(task_id="report", **parameters)
    summary = operator.execute({"ti": instance, **(context or {})})
    json.dumps(summary)
    return summary, instance.pushed


def paths(emulator, path):
    return [call for call in emulator.calls if call.path == path]


# the same report


@pytest.mark.parametrize("output_format", ["CSV_DOWNLOAD", "CSV_STRING"])
def test_the_rows_are_those_of_the_synchronous_report(emulator, output_format):
    ids = ordinary(emulator)[:3]
    expected, with_pages = run(advertiser_ids=ids, **DAILY)
    summary, pushed = run(advertiser_ids=ids, **ASYNC, request_params={"output_format": output_format})
    assert pushed["rows"] == with_pages["rows"]
    same = ("row_count", "advertiser_ids", "columns", "report_start_date", "report_end_date", "complete")
    assert {name: summary[name] for name in same} == {name: expected[name] for name in same}
    assert len(paths(emulator, CREATE)) == 3


def test_files_hold_the_rows_in_the_same_order(emulator, tmp_path):
    ids = ordinary(emulator)[:2]
    for mode in ("sync", "async"):
        run(advertiser_ids=ids, **{**ASYNC, "mode": mode}, output_path=str(tmp_path / f"{mode}.csv"))
    tables = [list(csv.reader((tmp_path / f"{mode}.csv").open(newline=""))) for mode in ("sync", "async")]
    assert tables[0][0] == tables[1][0]
    assert len(tables[0]) == 241
    key = [tables[0][0].index(name) for name in ("advertiser_id", "stat_time_day", "ad_id")]
    keys = [[[row[index] for index in key] for row in table] for table in tables]
    assert keys[0] == keys[1]


def test_any_number_of_days_is_one_task_an_account(emulator):
    years = {**ASYNC, "dimensions": "advertiser_id,stat_time_day", "metrics": "spend"}
    years |= {"report_start_date": "2024-01-01", "report_end_date": "2025-12-31"}
    expected, with_pages = run(**{**years, "mode": "sync"})
    assert expected["api_calls"] == 25 + 1  # for the account's currency
    _, pushed = run(**years)
    assert pushed["rows"] == with_pages["rows"]
    (created,) = paths(emulator, CREATE)
    assert created.query["start_date"] == "2024-01-01"
    assert created.query["end_date"] == "2025-12-31"
    assert created.query["enable_report_title_translation"] is False
    assert "page" not in created.query
    assert "page_size" not in created.query


def test_an_audience_report_has_the_rows_of_the_synchronous_one(emulator):
    report = {"report_type": "AUDIENCE", "dimensions": "adgroup_id,age,gender", "metrics": "spend,clicks"}
    report |= {"report_start_date": "2026-08-01", "max_xcom_bytes": 10**7}
    _, expected = run(**report)
    _, pushed = run(**report, mode="async", poll_interval=0.1)
    assert len(pushed["rows"]) > 50
    assert pushed["rows"] == expected["rows"]


def test_translated_titles_are_understood(emulator):
    _, expected = run(**DAILY)
    _, pushed = run(**ASYNC, request_params={"enable_report_title_translation": True})
    assert pushed["rows"] == expected["rows"]


def test_a_report_without_rows_has_its_columns(emulator):
    empty = next(name for name, account in emulator.world.accounts.items() if not emulator.world.ads(name))
    summary, pushed = run(advertiser_ids=empty, **ASYNC)
    assert summary["row_count"] == 0
    assert summary["columns"]["spend"] == "decimal"
    assert pushed["rows"] == []


def test_tiktoks_order_is_kept(emulator):
    ordered = {"order_field": "spend", "order_type": "ASC"}
    _, expected = run(**DAILY, **ordered)
    _, pushed = run(**ASYNC, **ordered)
    assert [row["spend"] for row in pushed["rows"]] == sorted(row["spend"] for row in expected["rows"])


def test_many_ids_are_one_filter_of_a_task(emulator):
    ids = sorted({row["ad_id"] for row in run(**DAILY)[1]["rows"]})
    filters = [
        {"field_name": "ad_ids", "filter_type": "IN", "filter_value": [*ids, *range(10**15, 10**15 + 150)]}
    ]
    summary, _ = run(**ASYNC, filters=filters)
    assert summary["row_count"] == 120
    assert len(paths(emulator, CREATE)) == 1


# unsupported requests are refused before any call


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"report_type": "BC", "request_params": {"bc_id": "1"}, "dimensions": "advertiser_id"},
            ["`mode`", "BC"],
        ),
        (
            {"filters": [{"field_name": "ad_status", "filter_type": "IN", "filter_value": ["STATUS_ALL"]}]},
            ["`filters[0]`", "ad_status", "ad_ids", "`mode='sync'`"],
        ),
        ({"request_params": {"enable_total_metrics": True}}, ["enable_total_metrics", "`mode='sync'`"]),
        ({"request_params": {"page_size": 10}}, ["page_size", "no pages"]),
        ({"request_params": {"output_format": "XLSX_DOWNLOAD"}}, ["XLSX_DOWNLOAD", "CSV_DOWNLOAD"]),
        ({"metrics": "spend,billed_cost"}, ["`metrics`", "billed_cost", "`mode='sync'`"]),
        (
            {
                "report_type": "AUDIENCE",
                "dimensions": "age",
                "data_level": "AUCTION_AD",
                "metrics": "result,spend",
            },
            ["`metrics`", "result", "`mode='sync'`"],
        ),
        ({"output_path": "/tmp/rows.xlsx"}, ["`output_path`"]),
    ],
)
def test_what_report_tasks_cannot_do_is_refused_before_any_call(emulator, parameters, words):
    with pytest.raises(AirflowFailException) as caught:
        run(**{**ASYNC, **parameters})
    for word in words:
        assert word in str(caught.value)
    assert emulator.calls == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("poll_interval", 0),
        ("wait_timeout", -1),
        ("wait_timeout", "6h"),
        ("durable", 1),
        ("deferrable", "yes"),
    ],
)
def test_options_that_make_no_sense_are_refused_when_the_dag_is_read(name, value):
    with pytest.raises(ValueError, match=f"`{name}`"):
        TikTokReportOperator(task_id="report", **{name: value})


def test_the_sandbox_has_no_report_tasks(connect):
    connect(url="https://sandbox-ads.tiktok.com")
    with pytest.raises(
        AirflowFailException, match=r"`mode` is async, and TikTok's sandbox has no report tasks"
    ):
        run(advertiser_ids="1", **ASYNC)


def test_an_app_without_report_tasks_gets_advice(emulator):
    emulator.configure(report_tasks=False)
    with pytest.raises(AirflowFailException) as caught:
        run(**ASYNC)
    assert isinstance(caught.value.__cause__, TikTokPermissionError)
    assert "not on TikTok's allow-list for report tasks" in str(caught.value)
    assert "`mode='sync'`" in str(caught.value)
    assert "code 40118" in str(caught.value)


def test_deleted_entities_are_warned_of(emulator, caplog):
    with caplog.at_level(logging.WARNING):
        run(**ASYNC)
    assert "What is deleted may be missing: report tasks take no filter on ad_status" in caplog.text


def test_reconcile_notices_that_report_tasks_leave_out_what_is_deleted(emulator):
    run(**ASYNC, reconcile=True)
    emulator.configure(task_deleted=False)
    with pytest.raises(
        TikTokIncompleteReportError, match=r"may leave out what is deleted, which `mode='sync'` counts"
    ):
        run(**ASYNC, reconcile=True)


# what goes wrong


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        *(("CSV_DOWNLOAD", fault) for fault in ("duplicate_row", "cut_file")),
        *(("CSV_STRING", fault) for fault in ("duplicate_row", "cut_file", "truncated", "reset", "http_500")),
    ],
)
def test_a_file_that_is_broken_once_is_fetched_again(emulator, fast_retries, fault, place):
    _, expected = run(**DAILY)
    where = {"path": "report/task/download/"} if place == "CSV_STRING" else {}
    emulator.set_faults([{"fault": fault, **where, "at": [1]}])
    _, pushed = run(**ASYNC, request_params={"output_format": place})
    assert pushed["rows"] == expected["rows"]


@pytest.mark.parametrize("fault", ["duplicate_row", "cut_file"])
def test_a_file_that_stays_broken_fails_the_task(emulator, fault):
    emulator.set_faults([{"fault": fault}])
    with pytest.raises(TikTokIncompleteReportError):
        run(**ASYNC)


@pytest.mark.parametrize("cell", ["Total", "1.5e18", "{'a': 1}"])
def test_a_line_that_is_of_no_ad_fails_the_task(emulator, monkeypatch, fast_retries, cell):
    """Exports of TikTok Ads Manager end with a sum; in the output, it would count every ad twice."""
    read = files.read_rows

    def with_a_sum(*given):
        for items in read(*given):
            items.append({**items[-1], "dimensions": {**items[-1]["dimensions"], "ad_id": cell}})
            yield items

    monkeypatch.setattr(files, "read_rows", with_a_sum)
    with pytest.raises(TikTokIncompleteReportError, match="which is no ID"):
        run(**ASYNC)


def test_an_expired_address_is_requested_again(emulator, monkeypatch, fast_retries):
    emulator.configure(download_seconds=0)
    with pytest.raises(TikTokTransportError, match="did not come in 3 attempts"):
        run(**ASYNC)
    assert len(paths(emulator, DOWNLOAD)) == 3


def test_no_token_goes_to_the_file_host(emulator):
    run(**ASYNC)
    (fetched,) = [call for call in emulator.calls if call.path.startswith("/wsos_v2/")]
    assert fetched.with_token is False
    assert fetched.status == 200


def test_a_lost_answer_to_a_creation_is_not_followed_by_a_second_one(emulator, fast_retries):
    emulator.set_faults([{"fault": "truncated", "path": "report/task/create/", "at": [1]}])
    with pytest.raises(TikTokReportTaskError, match="is not repeated blindly") as caught:
        run(**ASYNC)
    assert caught.value.retryable
    assert len(emulator.tasks) >= 1
    assert len(paths(emulator, CREATE)) == 1


def test_a_creation_that_tiktok_refused_for_now_is_made_again(emulator, fast_retries):
    emulator.set_faults([{"fault": "code:40100", "path": "report/task/create/", "at": [1]}])
    summary, _ = run(**ASYNC)
    assert summary["row_count"] == 120
    assert summary["throttled_calls"] == 1


def test_not_ready_and_passing_faults_are_waited_out(emulator, fast_retries):
    rules = [
        {"fault": "code:40201", "path": "report/task/check/", "first": 2},
        {"fault": "code:50000", "path": "report/task/check/", "at": [1]},
        {"fault": "http_500", "path": "report/task/check/", "at": [1]},
    ]
    emulator.set_faults(rules)
    assert run(**ASYNC)[0]["row_count"] == 120


def test_a_failed_task_is_an_error_with_tiktoks_message(emulator):
    emulator.set_faults([{"fault": "task_failed", "message": "Internal error 17."}])
    with pytest.raises(TikTokReportTaskError, match=r"failed.*Internal error 17") as caught:
        run(**ASYNC)
    assert caught.value.retryable


def test_a_task_that_failed_because_of_its_request_is_not_retried(emulator):
    emulator.set_faults([{"fault": "task_failed", "message": "Invalid metric fields."}])
    with pytest.raises(AirflowFailException, match="Invalid metric fields"):
        run(**ASYNC)


def test_a_task_that_somebody_cancelled_is_an_error(emulator):
    emulator.set_faults([{"fault": "task_canceled"}])
    with pytest.raises(TikTokReportTaskError, match="is CANCELED"):
        run(**ASYNC)


def test_when_one_task_fails_the_others_are_cancelled(emulator):
    emulator.configure(task_seconds=0.5)
    emulator.set_faults([{"fault": "task_stuck", "at": [1]}, {"fault": "task_failed", "at": [2]}])
    with pytest.raises(TikTokReportTaskError, match="failed"):
        run(advertiser_ids=ordinary(emulator)[:2], **ASYNC)
    (cancelled,) = paths(emulator, CANCEL)
    assert cancelled.code == 0


def test_wait_timeout_cancels_the_tasks(emulator):
    emulator.set_faults([{"fault": "task_stuck"}])
    with pytest.raises(
        TikTokReportTaskError, match=r"within `wait_timeout`, so they were cancelled"
    ) as caught:
        run(**{**ASYNC, "wait_timeout": timedelta(seconds=0.5)})
    assert caught.value.retryable
    assert emulator.tasks[-1].canceled


def test_a_refused_account_is_skipped_or_fails_as_the_policy_says(emulator, forbidden):
    emulator.configure(task_seconds=0.1)
    good = ordinary(emulator)[0]
    both = {"advertiser_ids": [forbidden, good], **ASYNC}
    summary, pushed = run(**both, on_advertiser_error="skip")
    assert list(summary["skipped_advertisers"]) == [forbidden]
    assert summary["complete"] is False
    assert {row["advertiser_id"] for row in pushed["rows"]} == {good}
    with pytest.raises(AirflowFailException, match="granted"):
        run(**both)
    with pytest.raises(AirflowFailException, match="granted"):
        run(**both, on_advertiser_error="fail_at_end")
    assert emulator.calls[-1].path.startswith("/wsos_v2/")  # the good one was fetched before it failed


def test_metrics_that_tiktok_refuses_are_dropped_where_that_is_wanted(emulator):
    summary, pushed = run(
        **{**ASYNC, "metrics": "spend,nonsense_metric"}, check_fields=False, drop_invalid_metrics=True
    )
    assert summary["dropped_metrics"] == ["nonsense_metric"]
    assert {row["nonsense_metric"] for row in pushed["rows"]} == {None}
    with pytest.raises(AirflowFailException) as caught:
        run(**{**ASYNC, "metrics": "spend,nonsense_metric"}, check_fields=False)
    assert isinstance(caught.value.__cause__, TikTokInvalidRequestError)


def test_on_empty_skip_skips(emulator):
    empty = next(name for name in emulator.world.accounts if not emulator.world.ads(name))
    with pytest.raises(AirflowSkipException):
        run(advertiser_ids=empty, **ASYNC, on_empty="skip")


# kill


def test_a_kill_ends_the_wait_at_once_and_cancels_the_task(emulator, within, real_clock):
    emulator.set_faults([{"fault": "task_stuck"}])
    operator = TikTokReportOperator(task_id="report", **{**ASYNC, "poll_interval": 60})
    thread = in_thread(operator)
    wait_until(lambda: paths(emulator, CHECK))
    with within(3):
        operator.on_kill()
        thread.join(10)
    assert [type(error) for error in thread.errors] == [TikTokStoppedError]
    assert [call.code for call in paths(emulator, CANCEL)] == [0]


def test_a_kill_cancels_nothing_where_that_is_not_wanted(emulator, real_clock):
    emulator.set_faults([{"fault": "task_stuck"}])
    operator = TikTokReportOperator(task_id="report", **ASYNC, cancel_on_kill=False)
    thread = in_thread(operator)
    wait_until(lambda: paths(emulator, CHECK))
    operator.on_kill()
    thread.join(10)
    assert paths(emulator, CANCEL) == []


def test_a_kill_during_a_creation_cancels_the_created_task(emulator, real_clock):
    emulator.configure(task_seconds=60)
    before = len(emulator.tasks)
    emulator.set_faults([{"fault": "slow", "seconds": 1, "path": "report/task/create/"}])
    operator = TikTokReportOperator(task_id="report", **ASYNC)
    thread = in_thread(operator)
    wait_until(lambda: len(emulator.tasks) > before)
    operator.on_kill()
    thread.join(15)
    assert [type(error) for error in thread.errors] == [TikTokStoppedError]
    assert emulator.tasks[-1].canceled


def in_thread(operator):
    """Execute an operator in a thread, which records the error that ends it."""
    errors = []

    def execute():
        if not AIRFLOW_3:  # it notes who calls execute(), and expects the main thread
            from airflow.models.baseoperator import ExecutorSafeguard

            ExecutorSafeguard._sentinel.callers = {}
        try:
            operator.execute({"ti": TaskInstance()})
        except TikTokStoppedError as error:
            errors.append(error)

    thread = threading.Thread(target=execute)
    thread.errors = errors
    thread.start()
    return thread


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# retry and clear


def attempt(store, try_number=1, max_tries=2, clear_number=0, **parameters):
    instance = TaskInstance(try_number, max_tries)
    context = {"ti": instance, "dag_run": DagRun(clear_number), "task_state_store": store}
    return TikTokReportOperator(task_id="report", **{**ASYNC, **parameters}).execute(context)


def break_files(emulator):
    emulator.set_faults([{"fault": "http_500", "path": "report/task/download/"}])


def test_a_retry_takes_over_the_tasks_of_the_attempt_before(emulator, fast_retries):
    store = Store()
    break_files(emulator)
    with pytest.raises(TikTokTransportError):
        attempt(store)
    assert store[KEY]["report_task_ids"] == [emulator.tasks[-1].task_id]
    assert TOKEN not in json.dumps(store)
    assert SECRET not in json.dumps(store)
    emulator.set_faults([])
    assert attempt(store, try_number=2)["row_count"] == 120
    assert len(paths(emulator, CREATE)) == 1
    assert store == {}


def test_a_retry_creates_only_what_the_previous_attempt_did_not(emulator, fast_retries):
    store = Store()
    ids = ordinary(emulator)[:3]
    emulator.set_faults([{"fault": "http_500", "path": "report/task/create/", "at": [2]}])
    with pytest.raises(TikTokReportTaskError):
        attempt(store, advertiser_ids=ids)
    emulator.clear()
    assert attempt(store, try_number=2, advertiser_ids=ids)["row_count"] == 360
    assert [call.query["advertiser_id"] for call in paths(emulator, CREATE)] == ids[1:]


def test_the_last_attempt_leaves_no_task_behind(emulator, fast_retries):
    store = Store()
    emulator.configure(task_seconds=60)
    emulator.set_faults([{"fault": "http_500", "path": "report/task/create/", "at": [2]}])
    with pytest.raises(TikTokReportTaskError):
        attempt(store, try_number=3, advertiser_ids=ordinary(emulator)[:2])
    assert [call.code for call in paths(emulator, CANCEL)] == [0]
    assert store == {}


@pytest.mark.parametrize(
    "changed", [{"clear_number": 1}, {"max_tries": 4}], ids=["the run was cleared", "the task was cleared"]
)
def test_a_cleared_task_fetches_from_scratch(emulator, fast_retries, changed):
    store = Store()
    break_files(emulator)
    with pytest.raises(TikTokTransportError):
        attempt(store)
    emulator.set_faults([])
    attempt(store, try_number=2, **changed)
    assert len(paths(emulator, CREATE)) == 2


@pytest.mark.parametrize(
    "changed",
    [{"metrics": "spend"}, {"report_end_date": "2026-08-02"}, {"durable": False}],
    ids=["another report", "other days", "not durable"],
)
def test_tasks_of_another_report_are_not_reused(emulator, fast_retries, changed):
    store = Store()
    break_files(emulator)
    with pytest.raises(TikTokTransportError):
        attempt(store)
    emulator.set_faults([])
    attempt(store, try_number=2, **changed)
    assert len(paths(emulator, CREATE)) == 2


def test_tasks_of_yesterday_are_not_reused(emulator, fast_retries):
    store = Store()
    break_files(emulator)
    with pytest.raises(TikTokTransportError):
        attempt(store)
    emulator.set_faults([])
    store[KEY]["submitted_at"] -= 86_500
    attempt(store, try_number=2)
    assert len(paths(emulator, CREATE)) == 2


def test_an_unusable_task_is_created_again(emulator, fast_retries):
    store = Store()
    break_files(emulator)
    with pytest.raises(TikTokTransportError):
        attempt(store)
    emulator.set_faults([])
    emulator.tasks[-1].canceled = True
    assert attempt(store, try_number=2)["row_count"] == 120
    assert len(paths(emulator, CREATE)) == 2


def test_unwanted_tasks_are_cancelled(emulator, fast_retries):
    store = Store()
    emulator.configure(task_seconds=60)
    emulator.set_faults([{"fault": "http_500", "path": "report/task/create/", "at": [2]}])
    with pytest.raises(TikTokReportTaskError):
        attempt(store, advertiser_ids=ordinary(emulator)[:2])
    left = (
        emulator.tasks[-2]
        if len(emulator.tasks) > 1 and not emulator.tasks[-1].canceled
        else emulator.tasks[-1]
    )
    emulator.configure(task_seconds=0.1)
    emulator.set_faults([])
    attempt(store, try_number=2, clear_number=1, advertiser_ids=ordinary(emulator)[:2])
    assert left.canceled


def test_a_broken_store_costs_a_warning_and_no_report(emulator, caplog):
    class Broken:
        def get(self, key):
            raise RuntimeError("no store today")

        set = delete = get

    with caplog.at_level(logging.WARNING):
        assert attempt(Broken())["row_count"] == 120
    assert "can't be read" in caplog.text


# through the triggerer


class DeferredError(Exception):
    def __init__(self, **given):
        super().__init__()
        self.given = given


@pytest.fixture
def defer(monkeypatch):
    """Return a function that runs an operator up to its deferral, and one that resumes it."""

    def stop(self, **given):
        raise DeferredError(**given)

    monkeypatch.setattr(TikTokReportOperator, "defer", stop)

    def start(context=None, **parameters):
        operator = TikTokReportOperator(task_id="report", **{**ASYNC, "deferrable": True, **parameters})
        with pytest.raises(DeferredError) as caught:
            operator.execute({"ti": TaskInstance(), **(context or {})})
        return caught.value.given

    return start


def fire(given):
    """Rebuild the trigger from its stored form, and run it until its event."""
    from airflow_provider_tiktok.triggers.report import TikTokReportTrigger

    path, kwargs = given["trigger"].serialize()
    assert path == "airflow_provider_tiktok.triggers.report.TikTokReportTrigger"

    async def first_event():
        async for event in TikTokReportTrigger(**json.loads(json.dumps(kwargs))).run():
            return event.payload
        raise AssertionError("it never fired")

    return json.loads(json.dumps(asyncio.run(first_event())))


def resume(given, event, context=None, **parameters):
    instance = TaskInstance()
    operator = TikTokReportOperator(task_id="report", **{**ASYNC, "deferrable": True, **parameters})
    kwargs = json.loads(json.dumps(given.get("kwargs") or {}))
    assert given["method_name"] == "execute_complete"
    summary = operator.execute_complete({"ti": instance, **(context or {})}, event, **kwargs)
    return summary, instance.pushed


def test_a_deferred_report_is_the_same_report(emulator, defer):
    _, expected = run(advertiser_ids=ordinary(emulator)[:2], **DAILY)
    emulator.clear()
    given = defer(advertiser_ids=ordinary(emulator)[:2])
    event = fire(given)
    assert event["status"] == "done"
    summary, pushed = resume(given, event, advertiser_ids=ordinary(emulator)[:2])
    assert pushed["rows"] == expected["rows"]
    counted = [call for call in emulator.calls if not call.path.startswith("/wsos_v2/")]
    assert summary["api_calls"] == len(counted)
    assert len(paths(emulator, CREATE)) == 2


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_warning_about_the_output_is_logged_once(emulator, defer, tmp_path, caplog, deferrable):
    overlapping = {"lookback_days": 1, "output_path": f"{tmp_path}/days/"}
    if deferrable:
        given = defer(**overlapping)
        summary, _ = resume(given, fire(given), **overlapping)
    else:
        summary, _ = run(**ASYNC, **overlapping)
    assert summary["row_count"] > 0
    assert [record.message[:48] for record in caplog.records if "runs overlap" in record.message] == [
        "This folder holds days several times: with `look"
    ]


def test_files_are_named_alike_whether_a_report_was_deferred_or_not(emulator, defer, tmp_path):
    """A name says the days of the accounts that TikTok has a report task of."""
    first, *others = ordinary(emulator)
    zones = {name: account.zone for name, account in emulator.world.accounts.items()}
    refused = next(name for name in others if zones[name] != zones[first])
    noon = datetime(2026, 8, 10, 12, tzinfo=timezone.utc)
    context = {
        "logical_date": next(
            hour
            for hour in (noon + timedelta(hours=n) for n in range(24))
            if len({hour.astimezone(ZoneInfo(zones[name])).date() for name in (first, refused)}) > 1
        )
    }
    emulator.set_faults([{"fault": "code:40001", "path": "report/task/create/", "advertiser_id": refused}])
    report = dict.fromkeys(("report_start_date", "report_end_date"))
    report |= {"advertiser_ids": [refused, first], "on_advertiser_error": "skip"}
    names = []
    for deferrable in (False, True):
        report["output_path"] = f"{tmp_path}/{deferrable}/"
        if deferrable:
            given = defer(context, **report)
            summary, _ = resume(given, fire(given), context, **report)
        else:
            summary, _ = run(context, **{**ASYNC, **report})
        assert list(summary["skipped_advertisers"]) == [refused]
        names += [path.rpartition("/")[2] for path in summary["paths"]]
    assert names == [names[0]] * 2


def test_nothing_that_airflow_stores_of_a_wait_holds_a_secret_an_address_or_rows(emulator, defer):
    given = defer()
    event = fire(given)
    stored = json.dumps([given["trigger"].serialize(), given.get("kwargs"), event])
    for word in (TOKEN, SECRET, "http", "sign=", "ad_name"):
        assert word not in stored


def test_the_dates_of_a_deferred_report_stay_those_of_its_beginning(emulator, defer):
    given = defer(report_start_date="2026-08-01", report_end_date="2026-08-02")
    summary, _ = resume(given, fire(given), report_start_date="2026-08-05", report_end_date="2026-08-06")
    assert (summary["report_start_date"], summary["report_end_date"]) == ("2026-08-01", "2026-08-02")


def test_a_report_that_changed_while_it_waited_fails(emulator, defer):
    given = defer()
    with pytest.raises(TikTokReportTaskError, match="changed while"):
        resume(given, fire(given), metrics="spend,clicks")


def test_the_time_is_up_in_the_triggerer(emulator, defer):
    emulator.set_faults([{"fault": "task_stuck"}])
    given = defer(wait_timeout=0.5)
    event = fire(given)
    assert event["status"] == "timeout"
    with pytest.raises(TikTokReportTaskError, match=r"within `wait_timeout`, so they were cancelled"):
        resume(given, event)
    assert emulator.tasks[-1].canceled


def test_execution_timeout_holds_in_the_triggerer(emulator, defer):
    emulator.set_faults([{"fault": "task_stuck"}])
    given = defer(execution_timeout=timedelta(seconds=0.5))
    event = fire(given)
    assert event["status"] == "timeout"
    with pytest.raises(TikTokReportTaskError, match="within `execution_timeout`"):
        resume(given, event)


def test_a_failed_task_comes_back_from_the_triggerer(emulator, defer):
    emulator.set_faults([{"fault": "task_failed", "message": "Internal error 17."}])
    given = defer()
    with pytest.raises(TikTokReportTaskError, match="Internal error 17"):
        resume(given, fire(given))


def test_a_revoked_token_ends_the_wait(emulator, defer):
    given = defer()
    emulator.set_faults([{"fault": "code:40105", "path": "report/task/check/"}])
    event = fire(given)
    assert (event["status"], event["code"], event["retryable"]) == ("error", 40105, False)
    with pytest.raises(AirflowFailException, match="40105"):
        resume(given, event)


def test_a_missing_connection_is_reported_by_the_triggerer(emulator, defer, monkeypatch):
    given = defer()
    monkeypatch.delenv("AIRFLOW_CONN_TIKTOK_DEFAULT")
    event = fire(given)
    assert event["status"] == "error"
    assert "'tiktok_default'" in event["message"]


def test_a_retry_of_a_deferred_report_takes_its_tasks_over(emulator, defer, fast_retries):
    store = Store()
    context = {"task_state_store": store, "ti": TaskInstance(1, 2), "dag_run": DagRun()}
    given = defer(context)
    event = fire(given)
    break_files(emulator)
    with pytest.raises(TikTokTransportError):
        resume(given, event, context)
    emulator.set_faults([])
    summary = attempt(store, try_number=2, deferrable=True)  # they are done, so there is nothing to wait for
    assert summary["row_count"] == 120
    assert len(paths(emulator, CREATE)) == 1
    assert store == {}


# the daily quota, waited for in the triggerer

USED_UP = {"fault": "code:40100", "message": "App reaches the QPD limit 864000"}


@pytest.fixture
def own_rate_limit(emulator, connect):
    """Return a function after which each attempt starts with an unused daily quota, as after midnight."""
    return lambda: connect(advertiser_ids=ordinary(emulator)[:1], shared_budget=False)


def go_on(given, context=None, **parameters):
    assert given["method_name"] == "go_on"
    instance = TaskInstance()
    operator = TikTokReportOperator(task_id="report", **{**ASYNC, "deferrable": False, **parameters})
    kwargs = json.loads(json.dumps(given["kwargs"]))
    return operator.go_on({"ti": instance, **(context or {})}, {"moment": "now"}, **kwargs), instance.pushed


@pytest.mark.parametrize("made_before", [0, 2])
def test_a_used_up_day_is_waited_for_in_the_triggerer_with_the_tasks_that_there_are(
    emulator, defer, own_rate_limit, made_before
):
    ids = ordinary(emulator)[:3]
    _, expected = run(advertiser_ids=ids, **DAILY)
    own_rate_limit()
    emulator.clear()
    emulator.set_faults([{**USED_UP, "path": "report/task/create/", "at": [made_before + 1]}])
    given = defer(advertiser_ids=ids)
    assert len(given["kwargs"]["unfinished"]["report_tasks"]) == made_before
    assert TOKEN not in json.dumps(given["kwargs"])
    assert given["trigger"].moment > datetime.now(timezone.utc)
    emulator.set_faults([])
    summary, pushed = go_on(given, advertiser_ids=ids)
    assert pushed["rows"] == expected["rows"]
    assert [call.query["advertiser_id"] for call in paths(emulator, CREATE) if call.code == 0] == ids
    assert paths(emulator, CANCEL) == []
    counted = [call for call in emulator.calls if not call.path.startswith("/wsos_v2/")]
    assert summary["api_calls"] == len(counted)


def test_a_used_up_day_at_the_download_is_waited_for_as_well(emulator, defer, own_rate_limit):
    _, expected = run(**DAILY)
    emulator.clear()
    given = defer()
    event = fire(given)
    own_rate_limit()
    emulator.set_faults([{**USED_UP, "path": "report/task/download/"}])
    with pytest.raises(DeferredError) as again:
        resume(given, event)
    emulator.set_faults([])
    _, pushed = go_on(again.value.given)
    assert pushed["rows"] == expected["rows"]
    assert len(paths(emulator, CREATE)) == 1


def test_a_report_that_changed_while_it_waited_starts_from_scratch(emulator, defer, own_rate_limit):
    own_rate_limit()
    emulator.configure(task_seconds=60)
    emulator.set_faults([{**USED_UP, "path": "report/task/create/", "at": [2]}])
    given = defer(advertiser_ids=ordinary(emulator)[:2])
    emulator.configure(task_seconds=0.2)
    emulator.set_faults([])
    summary, _ = go_on(given, advertiser_ids=ordinary(emulator)[:2], metrics="spend")
    assert "impressions" not in summary["columns"]
    assert len([call for call in paths(emulator, CREATE) if call.code == 0]) == 3
    assert [call.code for call in paths(emulator, CANCEL)] == [0]


def test_unwanted_tasks_are_remembered_during_a_wait_for_the_daily_quota(
    emulator, defer, own_rate_limit, fast_retries
):
    own_rate_limit()
    store = Store()
    emulator.configure(task_seconds=60)
    emulator.set_faults([{"fault": "http_500", "path": "report/task/create/", "at": [2]}])
    with pytest.raises(TikTokReportTaskError):
        attempt(store, advertiser_ids=ordinary(emulator)[:2])
    emulator.configure(task_seconds=0.2)
    emulator.set_faults([{**USED_UP, "path": "oauth2/advertiser/get/"}])
    cleared = {"ti": TaskInstance(2, 2), "dag_run": DagRun(clear_number=1), "task_state_store": store}
    given = defer(cleared, advertiser_ids="*", exclude_advertiser_ids=ordinary(emulator)[2:])
    assert len(given["kwargs"]["unfinished"]["unwanted"]) == 1
    emulator.set_faults([])
    emulator.clear()
    go_on(given, cleared, advertiser_ids=ordinary(emulator)[:1])
    assert [call.code for call in paths(emulator, CANCEL)] == [0]


def test_a_wait_for_quota_counts_towards_execution_timeout(emulator, defer, own_rate_limit):
    own_rate_limit()
    emulator.set_faults([{**USED_UP, "message": "App reaches the QPM limit", "path": "report/task/create/"}])
    limit = {"execution_timeout": timedelta(minutes=10)}
    given = defer(**limit)
    given["kwargs"]["unfinished"]["began"] -= 400
    with pytest.raises(TikTokRateLimitError, match="is suspended for five"):
        go_on(given, deferrable=True, **limit)


def test_a_used_up_day_fails_a_report_that_is_not_to_be_deferred(emulator, own_rate_limit):
    own_rate_limit()
    emulator.configure(task_seconds=60)
    emulator.set_faults([{**USED_UP, "path": "report/task/create/", "at": [2]}])
    with pytest.raises(TikTokRateLimitError, match="the app's calls of the day are used up"):
        run(advertiser_ids=ordinary(emulator)[:2], **ASYNC)


def test_airflows_setting_decides_where_the_operator_says_nothing(monkeypatch):
    assert TikTokReportOperator(task_id="report").deferrable is False
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert TikTokReportOperator(task_id="report").deferrable is True
    assert TikTokReportOperator(task_id="report", deferrable=False).deferrable is False


def test_all_accounts_refused_is_an_error_without_a_wait(emulator, forbidden, monkeypatch):
    with pytest.raises(AirflowFailException) as caught:
        run(advertiser_ids=forbidden, **ASYNC, deferrable=True, on_advertiser_error="skip")
    assert isinstance(caught.value.__cause__, TikTokAPIError)


# a file that isn't ready though its check said SUCCESS


NOT_READY = {"fault": "code:40201", "path": "report/task/download/"}


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("output_format", ["CSV_DOWNLOAD", "CSV_STRING"])
@pytest.mark.parametrize("when", [{"at": [1]}, {"first": 4}, {"at": [2, 3, 5]}], ids=str)
def test_a_file_that_is_not_ready_is_requested_again(emulator, defer, deferrable, output_format, when):
    ids = ordinary(emulator)[:2]
    _, expected = run(advertiser_ids=ids, **DAILY)
    emulator.clear()
    changed = {
        "advertiser_ids": ids,
        "request_params": {"output_format": output_format},
        "poll_interval": 0.02,
    }
    emulator.set_faults([{**NOT_READY, **when}])
    if deferrable:
        given = defer(**changed)
        _, pushed = resume(given, fire(given), **changed)
    else:
        _, pushed = run(**{**ASYNC, **changed})
    assert pushed["rows"] == expected["rows"]
    assert len(paths(emulator, CREATE)) == 2
    assert len(paths(emulator, DOWNLOAD)) > 2


def never_ready(emulator, limits):
    emulator.set_faults([NOT_READY])
    run(**{**ASYNC, **limits})


def never_ready_after_the_triggerer(emulator, limits, defer):
    emulator.set_faults([NOT_READY])
    lasting = {**limits, "wait_timeout": 600}
    given = defer(**lasting)
    event = fire(given)
    assert event["submission"]["deadlines"] == given["trigger"].deadlines
    event["submission"]["deadlines"]["wait_timeout"] = clock.time() + 60  # the wait is not begun from scratch
    resume(given, event, **lasting)


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_file_that_is_never_ready_fails_at_the_deadline_of_the_wait(emulator, defer, deferrable):
    emulator.configure(task_seconds=0.1 if deferrable else 0)
    wait = functools.partial(never_ready_after_the_triggerer, defer=defer) if deferrable else never_ready
    with pytest.raises(TikTokReportTaskError, match="until the end of `wait_timeout`") as caught:
        wait(emulator, {"poll_interval": 5, "wait_timeout": 60})
    assert caught.value.retryable
    assert "40201" in str(caught.value)
    assert len(paths(emulator, DOWNLOAD)) > 1


def test_a_kill_ends_the_wait_for_a_file_that_is_not_ready(emulator, real_clock):
    emulator.configure(task_seconds=0)
    emulator.set_faults([NOT_READY])
    operator = TikTokReportOperator(task_id="report", **{**ASYNC, "poll_interval": 30, "wait_timeout": 600})

    def kill():
        for _ in range(500):
            if paths(emulator, DOWNLOAD):
                break
            time.sleep(0.02)
        operator.on_kill()

    killing = threading.Thread(target=kill)
    killing.start()
    with pytest.raises(TikTokStoppedError):  # long before the 30 seconds until the file is asked for again
        operator.execute({"ti": TaskInstance()})
    killing.join()
    assert len(paths(emulator, DOWNLOAD)) == 1
