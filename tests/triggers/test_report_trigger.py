"""Many triggers in one event loop, which none of them blocks; and kills."""

import asyncio
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob
from airflow_provider_tiktok.triggers.report import TikTokReportTrigger

pytestmark = pytest.mark.usefixtures("moved_clock")

NO_LIMITS = {"task_qps": 0, "task_qpm": 0, "task_qpd": 0, "task_account_hour": 0}


@pytest.fixture(autouse=True)
def _connection(connect, emulator):
    emulator.configure(task_seconds=3, **NO_LIMITS)
    connect()
    yield
    emulator.configure(task_seconds=1)


def create(emulator, client):
    """Create a task at TikTok's, without the operator."""
    account = next(name for name in emulator.world.accounts if name.startswith("71"))
    body = {
        "advertiser_id": account,
        "report_type": "BASIC",
        "data_level": "AUCTION_AD",
        "dimensions": ["ad_id"],
        "start_date": "2026-08-01",
        "end_date": "2026-08-01",
    }
    return ReportJob(client.post("report/task/create/", body).data["task_id"], account)


@pytest.fixture
def tasks(emulator):
    """Return a function that creates report tasks."""
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    hook = TikTokHook()
    client = hook.get_conn()

    def make(number):
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: create(emulator, client), range(number)))

    yield make
    hook.close()


def trigger(task, **changes):
    given = {
        "tiktok_conn_id": "tiktok_default",
        "report_tasks": [task.as_list()],
        "poll_interval": 0.5,
        "deadlines": {"wait_timeout": time.time() + 60},
    }
    return TikTokReportTrigger(**{**given, **changes})


async def first_event(one):
    async for event in one.run():
        return event.payload
    raise AssertionError("it never fired")


async def with_lag(work):
    """Run work next to a task that measures how long the loop was blocked."""
    worst = 0.0

    async def look():
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            worst = max(worst, time.perf_counter() - before - 0.005)

    looking = asyncio.create_task(look())
    try:
        return await work, worst
    finally:
        looking.cancel()


@pytest.fixture
def own_emulator(connect):
    """Return the address of an emulator in a separate process, which takes no time of this loop."""
    command = [sys.executable, "-m", "airflow_provider_tiktok.emulator", "--port", "0", "--seed", "7"]
    command += [
        "--task-seconds",
        "3",
        *(f"--task-{name}=0" for name in ("qps", "qpm", "qpd", "account-hour")),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = re.search(r"http://127.0.0.1:\d+", process.stdout.readline())[0]
        connect(url=url)
        yield url
        process.terminate()


@pytest.mark.alone
def test_fifty_reports_wait_in_one_loop_that_is_never_blocked(emulator, own_emulator, tasks):
    """A call takes 150 ms: made in the loop, each would show. Other load of the machine shows only sometimes."""

    async def all_events(waiting):
        return await asyncio.gather(*(first_event(one) for one in waiting))

    lags = []
    for _ in range(3):
        waiting = [trigger(task) for task in tasks(50)]
        events, worst = asyncio.run(with_lag(all_events(waiting)))
        assert [event["status"] for event in events] == ["done"] * 50
        assert all(event["api_calls"] >= 1 for event in events)
        lags.append(worst)
        if worst < 0.1:
            break
    print("worst lags of the loop, seconds:", lags)
    assert min(lags) < 0.1, lags


def test_the_connection_is_read_once(emulator, tasks, monkeypatch):
    from airflow_provider_tiktok.triggers import report

    read = []
    original = report.get_connection_in_loop

    async def counted(conn_id):
        read.append(conn_id)
        return await original(conn_id)

    monkeypatch.setattr(report, "get_connection_in_loop", counted)
    (task,) = tasks(1)
    assert asyncio.run(first_event(trigger(task)))["status"] == "done"
    assert read == ["tiktok_default"]


@pytest.mark.parametrize(("cancel_on_kill", "cancelled"), [(True, True), (False, False)])
def test_a_kill_cancels_where_that_is_wanted(emulator, tasks, cancel_on_kill, cancelled):
    emulator.configure(task_seconds=60)
    (task,) = tasks(1)
    asyncio.run(trigger(task, cancel_on_kill=cancel_on_kill).on_kill())
    assert emulator.tasks[-1].canceled is cancelled


def test_the_end_of_a_triggerer_cancels_nothing(emulator, tasks, real_clock):
    emulator.configure(task_seconds=60)
    (task,) = tasks(1)

    async def interrupted():
        one = trigger(task)
        waiting = asyncio.create_task(first_event(one))
        while not any(call.path.endswith("report/task/check/") for call in emulator.calls):
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await one.cleanup()

    asyncio.run(interrupted())
    assert emulator.tasks[-1].canceled is False


def test_it_waits_on_through_faults_that_pass(emulator, tasks):
    (task,) = tasks(1)
    emulator.set_faults([{"fault": "http_500", "path": "report/task/check/", "first": 4}])
    assert asyncio.run(first_event(trigger(task, poll_interval=0.2)))["status"] == "done"


def test_a_wait_that_began_long_ago_ends_when_it_was_to_end(emulator, tasks):
    emulator.configure(task_seconds=60)
    (task,) = tasks(1)
    event = asyncio.run(first_event(trigger(task, deadlines={"wait_timeout": time.time() - 1})))
    assert event["status"] == "timeout"
    assert task.report_task_id in event["message"]


def test_what_is_stored_makes_the_same_trigger(tasks):
    (task,) = tasks(1)
    path, kwargs = trigger(task).serialize()
    again = TikTokReportTrigger(**kwargs)
    assert path == "airflow_provider_tiktok.triggers.report.TikTokReportTrigger"
    assert again.serialize() == (path, kwargs)
    reserved = {"task_id", "trigger_id", "task_instance", "template_fields", "timeout_after"}
    assert not reserved & set(kwargs)


def test_it_does_not_fire_before_airflow_has_heard_of_the_deferral(emulator, tasks, moved_clock):
    emulator.configure(task_seconds=0)
    (task,) = tasks(1)
    fire_after = moved_clock.time() + 15
    assert asyncio.run(first_event(trigger(task, fire_after=fire_after)))["status"] == "done"
    assert moved_clock.time() >= fire_after
