"""A kill ends a task at once during any call to a silent server."""

import threading
import time

import pytest

from airflow_provider_tiktok.exceptions import TikTokStoppedError
from airflow_provider_tiktok.operators.report import TikTokReportOperator

LONG = 60  # seconds; a test that waits for a timeout is one that fails
DAILY = {
    "dimensions": "ad_id,stat_time_day",
    "metrics": "spend",
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-08-03",
}
ASYNC = {**DAILY, "mode": "async", "poll_interval": 0.1, "deferrable": False}

SILENT = {
    "accounts": ({**DAILY, "advertiser_ids": "*"}, "oauth2/advertiser/get/"),
    "time zones": ({name: DAILY[name] for name in ("dimensions", "metrics")}, "advertiser/info/"),
    "page": (DAILY, "report/integrated/get/"),
    "creation": (ASYNC, "report/task/create/"),
    "check": (ASYNC, "report/task/check/"),
    "download": (ASYNC, "report/task/download/"),
    "file": (ASYNC, "/wsos_v2/statistics/object/"),
}


@pytest.fixture(autouse=True)
def _connection(connect, emulator, monkeypatch):
    monkeypatch.setattr("airflow_provider_tiktok.api.transport.session._GRACE", 0.2)
    emulator.configure(task_seconds=0.1, task_qps=0, task_qpm=0, task_qpd=0, task_account_hour=0)
    account = next(name for name in emulator.world.accounts if name.startswith("71"))
    connect(advertiser_ids=[account], timeout=LONG)
    yield
    emulator.configure(task_seconds=1.0)


def killed(emulator, parameters, path):
    """Execute an operator, kill it when it makes such a call, and return its error."""
    operator = TikTokReportOperator(task_id="report", **parameters)
    errors = []

    def execute():
        try:
            operator.execute({})
        except TikTokStoppedError as error:
            errors.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    end = time.monotonic() + 20
    while not [call for call in emulator.calls if path in call.path]:
        assert thread.is_alive()
        assert time.monotonic() < end
        time.sleep(0.02)
    operator.on_kill()
    thread.join(LONG / 3)
    assert not thread.is_alive()
    return errors


@pytest.mark.parametrize(("parameters", "path"), SILENT.values(), ids=SILENT)
def test_a_kill_ends_a_task_whose_call_is_not_answered(emulator, parameters, path):
    emulator.set_faults([{"fault": "timeout", "path": path, "seconds": LONG}])
    (error,) = killed(emulator, parameters, path)
    assert "stopped" in str(error)


def test_a_kill_does_not_wait_for_a_cancellation_that_is_not_answered(emulator):
    paths = ("report/task/check/", "report/task/cancel/")
    emulator.set_faults([{"fault": "timeout", "path": path, "seconds": 2} for path in paths])
    assert killed(emulator, ASYNC, paths[0])
    assert [call.path for call in emulator.calls][-1].endswith("cancel/")
    assert [one.name for one in threading.enumerate() if one.name.startswith("tiktok-cancel")]


@pytest.mark.parametrize("fault", ["code:50000", "code:40100", "http_500", "reset"])
def test_a_kill_ends_backoff_and_the_wait_for_the_rate_limit(emulator, fault):
    emulator.set_faults([{"fault": fault, "path": "report/integrated/get/"}])
    assert killed(emulator, DAILY, "report/integrated/get/")
