"""How report tasks are polled: how often, how long, and what ends it."""

from dataclasses import dataclass, field, replace

import pytest

from airflow_provider_tiktok.api.client import CallCounts
from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokPermissionError,
    TikTokRateLimitError,
    TikTokTransportError,
)
from airflow_provider_tiktok.reports.async_reports.poll import MAX_FAULT_TIME, JobWatch, WatchEnd

TASKS = [ReportJob("11", "1"), ReportJob("22", "2")]


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self):
        return self.now


@dataclass
class Answer:
    data: dict
    request_id: str = "R"


@dataclass
class Client:
    """Answers checks from a script: a status, or an error to raise, by task."""

    script: dict
    counts: CallCounts = field(default_factory=CallCounts)

    def get(self, path, params, subject):
        self.counts.api_calls += 1
        said = self.script[params["task_id"]]
        if isinstance(said, Exception):
            raise said
        return Answer({"status": said, "message": ""})

    def redact(self, text):
        return text


def watch(clock=None, **options):
    given = {"poll_interval": 30, "deadlines": {"wait_timeout": 22_600.0}, "clock": clock or Clock()}
    return JobWatch(TASKS, **{**given, **options})


def test_it_ends_when_every_task_is_done():
    one = watch()
    client = Client({"11": "SUCCESS", "22": "PROCESSING"})
    assert one.poll(client) is None
    assert [task.report_task_id for task in one.pending] == ["22"]
    client.script["22"] = "SUCCESS"
    end = one.poll(client)
    assert (end.status, end.api_calls) == ("done", 3)
    assert {name: state.status for name, state in end.states.items()} == {"11": "SUCCESS", "22": "SUCCESS"}


@pytest.mark.parametrize(("stop_at_failure", "ends"), [(True, True), (False, False)])
def test_a_failure_ends_it_where_the_others_are_of_no_use_then(stop_at_failure, ends):
    one = watch(stop_at_failure=stop_at_failure)
    end = one.poll(Client({"11": "FAILED", "22": "PROCESSING"}))
    assert (end is not None) is ends


def test_the_poll_interval_grows_to_its_maximum():
    one = watch()
    client = Client({"11": "PROCESSING", "22": "PROCESSING"})
    intervals = []
    for _ in range(10):
        one.poll(client)
        intervals.append(one.pause())
    assert 1.7 <= intervals[0] <= 2.3
    assert 2.8 <= intervals[1] <= 3.6
    assert all(27 <= interval <= 33 for interval in intervals[7:])


def test_no_backoff_lasts_beyond_the_end_of_the_wait():
    clock = Clock(995.0)
    one = watch(clock, deadlines={"wait_timeout": 996.0})
    one.poll(Client({"11": "PROCESSING", "22": "PROCESSING"}))
    assert one.pause() <= 1.0


def test_the_first_limit_that_is_reached_is_named():
    clock = Clock()
    one = watch(clock, deadlines={"wait_timeout": 1100.0, "execution_timeout": 1050.0})
    client = Client({"11": "SUCCESS", "22": "PROCESSING"})
    assert one.poll(client) is None
    clock.now = 1050.0
    end = one.poll(client)
    assert end.status == "timeout"
    assert end.message == "TikTok has not finished report task(s) 22 (of 2) within `execution_timeout`"


def test_many_tasks_that_are_not_finished_are_counted():
    clock = Clock(1_100.0)
    tasks = [replace(TASKS[0], report_task_id=str(number)) for number in range(17)]
    many = JobWatch(tasks, poll_interval=30, deadlines={"wait_timeout": 1_050.0}, clock=clock)
    end = many.poll(Client({task.report_task_id: "PROCESSING" for task in tasks}))
    assert end.message == (
        "TikTok has not finished report task(s) 0, 1, 2, 3, 4 and 12 more (of 17) within `wait_timeout`"
    )


def test_faults_that_pass_are_borne_for_half_an_hour():
    clock = Clock()
    one = watch(clock)
    client = Client(
        {"11": TikTokTransportError("No answer from https://x.example/y?sign=1."), "22": "SUCCESS"}
    )
    assert one.poll(client) is None
    assert one.pause() >= 27
    clock.now += MAX_FAULT_TIME - 1
    assert one.poll(client) is None
    clock.now += 2
    end = one.poll(client)
    assert (end.status, end.retryable) == ("error", True)
    assert "sign" not in end.message
    assert client.counts.api_calls == 3  # the other task was not polled


def test_an_answer_between_two_faults_resets_the_tolerance():
    clock = Clock()
    one = watch(clock)
    client = Client({"11": TikTokTransportError("No answer."), "22": "PROCESSING"})
    one.poll(client)
    clock.now += MAX_FAULT_TIME - 1
    client.script["11"] = "PROCESSING"
    one.poll(client)
    client.script["11"] = TikTokTransportError("No answer.")
    clock.now += 10
    assert one.poll(client) is None


def test_tiktoks_time_to_retry_is_kept():
    error = TikTokRateLimitError("Too many.", retry_after=7_000.0)
    one = watch()
    assert one.poll(Client({"11": error, "22": "PROCESSING"})) is None
    assert one.pause() >= 6_300


def test_not_ready_is_no_fault():
    one = watch()
    error = TikTokAPIError("Not ready.", code=40201, request_id="R")
    assert one.poll(Client({"11": error, "22": "SUCCESS"})) is None
    assert one.pause() < 3


@pytest.mark.parametrize("kind", [TikTokAuthError, TikTokAPIError])
def test_what_does_not_pass_ends_it(kind):
    error = kind("The token is revoked.", code=40105, request_id="R7", retryable=False)
    end = watch().poll(Client({"11": error, "22": "SUCCESS"}))
    assert (end.status, end.code, end.request_id, end.retryable) == ("error", 40105, "R7", False)


def test_a_refusal_about_one_account_fails_that_task_only():
    error = TikTokPermissionError("No.", code=40001, message="does not grant you", retryable=False)
    end = watch(stop_at_failure=False).poll(Client({"11": error, "22": "SUCCESS"}))
    assert {name: state.status for name, state in end.states.items()} == {"11": "FAILED", "22": "SUCCESS"}


def test_its_end_survives_a_journey_as_json():
    end = watch(stop_at_failure=True).poll(Client({"11": "FAILED", "22": "PROCESSING"}))
    assert WatchEnd.from_dict(end.as_dict()) == end
