"""Report tasks in a real Airflow: waits in the triggerer, kills in every phase, retries and clears."""

import os
import re
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import SECRET, TOKEN

pytestmark = pytest.mark.airflow

CREATE, CHECK, DOWNLOAD, CANCEL = (
    f"report/task/{name}/" for name in ("create", "check", "download", "cancel")
)
UNLIMITED = {"task_qps": 0, "task_qpm": 0, "task_qpd": 0, "task_account_hour": 0}


@pytest.fixture(autouse=True)
def _tasks(emulator):
    emulator.configure(task_seconds=3, **UNLIMITED)
    yield
    emulator.configure(task_seconds=1)


def calls(emulator, path):
    return [call for call in emulator.calls if call.path.endswith(path)]


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def cancelled(emulator):
    return [call.code for call in calls(emulator, CANCEL)] == [0]


def test_a_report_is_waited_for_in_the_triggerer(live, emulator):
    emulator.configure(task_seconds=8)
    run = live.start("tasks_deferred")
    run.wait_for_task("report", "deferred")
    run.wait()
    assert run.states() == {"report[-1]": "success"}
    assert run.xcom("report")["row_count"] == len(run.xcom("report", "rows")) == 40
    assert len(calls(emulator, CREATE)) == 1
    log = run.log("report")
    assert "Created report task" in log
    for secret in (TOKEN, SECRET, "sign="):
        assert secret not in log


def test_twenty_waits_hold_up_neither_each_other_nor_the_triggerer(live, emulator, folder):
    """Airflow's own watchdog looks ten times a second whether the triggerer's event loop was blocked.

    Each call takes a second: one which blocks the loop would block it for longer than a busy machine does, and the calls
    take more threads together than the triggerer has.
    """
    emulator.configure(task_seconds=3600)
    run = live.start("tasks_many")
    wait_until(lambda: {task["state"] for task in run.all_tasks()} == {"deferred"}, 400)
    tasks = emulator.tasks[-20:]
    emulator.set_faults([{"fault": "slow", "seconds": 1, "path": CHECK}])
    emulator.clear()
    looks = 20  # seconds
    begun = blocks(folder)
    time.sleep(looks)
    blocked = blocks(folder)[len(begun) :]
    emulator.set_faults([])
    # each is looked at every two seconds, or when one of the triggerer's threads is free
    looked_at = Counter(call.query["task_id"] for call in calls(emulator, CHECK))
    assert len(looked_at) == 20
    assert min(looked_at.values()) >= 2
    assert looked_at.total() <= looks / 2 * 20 * 1.4
    assert [seconds for seconds in blocked if seconds > 0.45] == []
    for task in tasks:
        task.seconds = 0
    run.wait(400)
    assert {task["state"] for task in run.all_tasks()} == {"success"}
    assert {run.xcom("report", map_index=index)["row_count"] for index in range(20)} == {40}
    assert calls(emulator, CREATE) == calls(emulator, CANCEL) == []
    print(f"blocked at the start: {begun}, at the end: {blocks(folder)[len(begun) + len(blocked) :]}")


def blocks(folder):
    """Return the seconds of each time that the triggerer found its loop blocked."""
    log = (folder / "logs" / "triggerer.log").read_text()
    return [float(seconds) for seconds in re.findall(r"was blocked for ([0-9.]+) seconds", log)]


def test_a_triggerer_that_crashes_is_followed_by_another(live, emulator):
    emulator.configure(task_seconds=15)
    run = live.start("tasks_deferred")
    run.wait_for_task("report", "deferred")
    wait_until(lambda: calls(emulator, CHECK))
    live.restart("triggerer")
    run.wait(120)
    assert run.states() == {"report[-1]": "success"}
    assert len(calls(emulator, CREATE)) == 1
    assert calls(emulator, CANCEL) == []


def test_a_kill_while_a_task_is_created_cancels_it(live, emulator):
    emulator.configure(task_seconds=300)
    emulator.set_faults([{"fault": "slow", "seconds": 2, "path": CREATE}])
    before = len(emulator.tasks)
    run = live.start("tasks_in_worker")
    wait_until(lambda: len(emulator.tasks) > before)
    run.mark("report", "failed")
    run.wait()
    wait_until(lambda: calls(emulator, CANCEL))
    assert cancelled(emulator), calls(emulator, CANCEL)


def test_a_kill_while_a_worker_waits_cancels_the_task(live, emulator):
    emulator.configure(task_seconds=300)
    run = live.start("tasks_in_worker")
    wait_until(lambda: calls(emulator, CHECK))
    run.mark("report", "failed")
    wait_until(lambda: cancelled(emulator))
    assert run.states() == {"report[-1]": "failed"}


def test_a_kill_while_the_triggerer_waits_cancels_the_task(live, emulator):
    emulator.configure(task_seconds=300)
    run = live.start("tasks_deferred")
    run.wait_for_task("report", "deferred")
    wait_until(lambda: calls(emulator, CHECK))
    run.mark("report", "failed")
    wait_until(lambda: cancelled(emulator))


def test_a_kill_while_the_file_comes_ends_the_task_and_publishes_nothing(live, emulator):
    emulator.set_faults([{"fault": "slow", "seconds": 60, "path": DOWNLOAD}])
    run = live.start("tasks_in_worker")
    wait_until(lambda: emulator.tasks and emulator.tasks[-1].status(time.time()) == "SUCCESS")
    time.sleep(3)
    run.mark("report", "failed")
    run.wait()
    assert calls(emulator, CANCEL) == []
    wait_until(lambda: not alive(int((live_output(live) / "pid-tasks_in_worker-1").read_text())))


def live_output(live):
    return Path(live.env["TIKTOK_EXAMPLE_OUTPUT"])


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_time_is_up(live, emulator):
    emulator.configure(task_seconds=300)
    run = live.run("tasks_impatient")
    assert run.states() == {"report[-1]": "failed"}
    assert cancelled(emulator), [(call.path, call.code) for call in emulator.calls]
    assert "within `wait_timeout`, so they were cancelled" in run.log("report")


def test_a_retry_after_a_failed_download_creates_no_new_task(live, emulator):
    emulator.set_faults([{"fault": "code:50000", "path": DOWNLOAD, "first": 5}])
    run = live.run("tasks_retried", seconds=180)
    assert run.states() == {"report[-1]": "success"}
    assert run.tasks()[0]["try_number"] == 2, run.log("report", 2)
    assert len(calls(emulator, CREATE)) == 1
    assert "Reusing report task" in run.log("report", 2)


def test_a_retry_after_the_crash_of_a_worker_creates_no_new_task(live, emulator):
    emulator.configure(task_seconds=12)
    run = live.start("tasks_in_worker_retried")
    wait_until(lambda: calls(emulator, CHECK))
    os.kill(int((live_output(live) / "pid-tasks_in_worker_retried-1").read_text()), signal.SIGKILL)
    run.wait(180)
    assert run.states() == {"report[-1]": "success"}
    assert run.tasks()[0]["try_number"] == 2
    assert len(calls(emulator, CREATE)) == 1
    assert calls(emulator, CANCEL) == []


def test_a_cleared_task_fetches_from_scratch(live, emulator):
    emulator.configure(task_seconds=300)
    run = live.start("tasks_retried")
    run.wait_for_task("report", "deferred")
    wait_until(lambda: calls(emulator, CHECK))
    emulator.configure(task_seconds=2)
    run.clear("report")
    wait_until(lambda: len(calls(emulator, CREATE)) == 2)
    run.wait()
    assert run.states() == {"report[-1]": "success"}
    assert calls(emulator, CANCEL)[0].code == 0
