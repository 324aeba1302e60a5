"""The sensor that waits for final figures."""

import copy
from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.exceptions import TikTokAuthError, TikTokStoppedError
from airflow_provider_tiktok.sensors import report as module
from airflow_provider_tiktok.sensors.report import TikTokReportReadySensor
from tests.conftest import kill_later

try:
    from airflow.sdk.exceptions import AirflowSensorTimeout, TaskDeferred
except ImportError:  # before 3.2
    from airflow.exceptions import AirflowSensorTimeout, TaskDeferred

DAY = {"report_end_date": "2026-11-10", "dimensions": "ad_id"}
BEFORE = datetime(2026, 11, 11, 3, tzinfo=timezone.utc)


@pytest.fixture
def clock(monkeypatch):
    """Set the sensor's clock."""
    return lambda time: monkeypatch.setattr(module, "_now", lambda: time)


@pytest.fixture
def accounts(emulator):
    return {account.zone: account.advertiser_id for account in reversed(emulator.world.accounts.values())}


def sensor(**parameters):
    return TikTokReportReadySensor(task_id="ready", **{"deferrable": True, **DAY, **parameters})


def deferred(task, context=None):
    with pytest.raises(TaskDeferred) as caught:
        task.execute(context or {})
    return caught.value


def time_of(task, context=None):
    return f"{deferred(task, context).trigger.moment:%Y-%m-%d %H:%M}"


def looked_up(emulator):
    return [call.path.removeprefix("/open_api/v1.3/") for call in emulator.calls]


@pytest.mark.parametrize(
    ("zone", "metrics", "correction", "expected"),
    [
        ("Asia/Tokyo", "spend", True, "2026-11-11 12:00"),
        ("Asia/Tokyo", "reach", False, "2026-11-11 07:00"),
        ("America/Los_Angeles", "spend", True, "2026-11-11 12:00"),
        ("America/Los_Angeles", "spend", False, "2026-11-11 08:30"),
        ("America/Los_Angeles", "spend, reach", True, "2026-11-12 00:00"),
    ],
)
def test_it_waits_for_the_day_the_latency_and_the_correction(
    emulator, connect, accounts, clock, zone, metrics, correction, expected
):
    connect(advertiser_ids=accounts[zone])
    clock(BEFORE)
    assert time_of(sensor(metrics=metrics, correction=correction)) == expected
    assert looked_up(emulator) == ["advertiser/info/"]


def test_the_latest_account_decides(connect, accounts, clock, caplog):
    caplog.set_level("INFO")
    connect()
    clock(BEFORE)
    ids = [accounts["America/Los_Angeles"], accounts["Asia/Tokyo"], accounts["Europe/Berlin"]]
    task = sensor(advertiser_ids=ids, metrics="spend", correction=False)
    assert time_of(task) == "2026-11-11 08:30"
    assert f"Account {ids[0]} is the last of 3" in caplog.text
    assert time_of(
        sensor(advertiser_ids=ids, exclude_advertiser_ids=ids[0], metrics="reach", correction=False)
    ) == ("2026-11-11 15:00")


def test_a_day_that_is_final_everywhere_costs_no_call(emulator, connect, clock):
    connect()
    clock(datetime(2026, 11, 12, 12, tzinfo=timezone.utc))
    assert sensor(advertiser_ids="*", metrics="spend").execute({}) == "2026-11-12T12:00:00+00:00"
    assert emulator.calls == []


def test_a_day_that_is_final_for_its_account_ends_it_at_once(emulator, connect, accounts, clock):
    connect(advertiser_ids=accounts["Asia/Tokyo"])
    clock(datetime(2026, 11, 11, 12, tzinfo=timezone.utc))
    assert sensor(metrics="spend").execute({}) == "2026-11-11T12:00:00+00:00"
    assert looked_up(emulator) == ["advertiser/info/"]


def test_the_days_of_a_data_interval_are_its_own(connect, accounts, clock):
    connect(advertiser_ids=accounts["Europe/Berlin"])
    clock(BEFORE)
    days = [datetime(2026, 11, day, tzinfo=timezone.utc) for day in (10, 11)]
    context = {"data_interval_start": days[0], "data_interval_end": days[1]}
    task = sensor(report_end_date=None, metrics="spend")
    assert time_of(task, context) == "2026-11-11 12:00"


def test_without_an_interval_each_accounts_last_complete_day_counts(connect, accounts, clock):
    connect(advertiser_ids=[accounts["America/Los_Angeles"], accounts["Asia/Tokyo"]])
    clock(BEFORE)
    # at that time the last complete day was the 9th in Los Angeles and the 10th in Tokyo
    task = sensor(report_end_date=None, metrics="reach")
    assert time_of(task, {"logical_date": BEFORE}) == "2026-11-11 12:00"


def test_a_day_to_come_may_be_waited_for(connect, accounts, clock):
    connect(advertiser_ids=accounts["Asia/Tokyo"])
    clock(BEFORE)
    assert time_of(sensor(report_end_date="2027-01-31", metrics="spend")) == "2027-02-01 12:00"


def test_a_preset_and_a_business_center(connect, clock):
    connect()
    clock(BEFORE)
    task = sensor(preset="bc_daily", dimensions=None, request_params={"bc_id": "7000000000000000123"})
    assert time_of(task) == "2026-11-13 12:00"  # its days end when they have ended in every zone


def test_deferral_carries_the_time_and_the_sensors_timeout(connect, accounts, clock):
    connect(advertiser_ids=accounts["Asia/Tokyo"])
    clock(BEFORE)
    task = sensor(metrics="spend", timeout=7200)
    found = deferred(task)
    assert (found.method_name, found.timeout) == ("execute_complete", timedelta(hours=2))
    assert found.kwargs == {"moment": "2026-11-11T12:00:00+00:00"}
    fresh = sensor(metrics="spend")  # as Airflow makes one after a deferral
    assert (
        fresh.execute_complete({}, event=found.trigger.moment, **found.kwargs) == "2026-11-11T12:00:00+00:00"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metrics": "spendd"}, "did you mean 'spend'"),
        ({"preset": "ad_lifetime", "dimensions": None}, "lifetime figures are never final"),
        ({"report_end_date": "9999-12-31"}, "leads out of the calendar"),
        ({"report_end_date": "soon"}, "report_end_date"),
    ],
)
def test_what_can_never_be_waited_for_fails_without_retries(connect, accounts, clock, changes, words):
    connect(advertiser_ids=accounts["Asia/Tokyo"])
    clock(BEFORE)
    with pytest.raises(AirflowFailException, match=words):
        sensor(**changes).execute({})


def test_an_account_that_grants_nothing_fails_now_and_not_after_the_wait(connect, forbidden, accounts, clock):
    connect(advertiser_ids=[accounts["Asia/Tokyo"], forbidden])
    clock(BEFORE)
    with pytest.raises(AirflowFailException, match="code 40001"):
        sensor().execute({})


def test_errors_are_left_to_retries_where_the_user_says_so(emulator, connect, accounts, clock):
    connect(advertiser_ids=accounts["Asia/Tokyo"])
    emulator.set_faults([{"fault": "code:40105"}])
    clock(BEFORE)
    with pytest.raises(TikTokAuthError):
        sensor(fail_fast=False).execute({})


@pytest.fixture
def soon(monkeypatch):
    """Let the figures be final in so many seconds, by the real clock."""

    def set_time(seconds):
        time = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        monkeypatch.setattr(
            "airflow_provider_tiktok.sensors.report_run.final_times", lambda *_, **__: {"": time}
        )

    return set_time


def test_a_worker_waits_until_the_time_and_no_longer(connect, soon, moved_clock):
    connect()
    soon(3000)
    began = moved_clock.monotonic()
    sensor(deferrable=False).execute({})
    assert 2999 < moved_clock.monotonic() - began < 3100


def test_a_wait_too_short_to_defer_is_the_workers(connect, soon, moved_clock):
    connect()
    soon(29)
    began = moved_clock.monotonic()
    sensor(deferrable=True).execute({})
    assert 20 < moved_clock.monotonic() - began < 129


def test_a_sensor_that_times_out_soon_is_not_deferred(connect, soon):
    """A timeout in the triggerer just after the deferral makes Airflow start a second attempt."""
    connect()
    soon(3600)
    with pytest.raises(AirflowSensorTimeout):
        sensor(deferrable=True, timeout=0.1).execute({})


def test_a_worker_that_waits_for_too_long_times_out(connect, soon):
    connect()
    soon(3600)
    with pytest.raises(AirflowSensorTimeout):
        sensor(deferrable=False, timeout=0.1).execute({})


def test_a_kill_ends_a_workers_wait(connect, soon, within):
    connect()
    soon(3600)
    task = sensor(deferrable=False)
    kill_later(task, 0.3)
    with within(5), pytest.raises(TikTokStoppedError):
        task.execute({})


def test_in_reschedule_mode_it_comes_back_at_the_time(connect, soon):
    connect()
    soon(3600)
    task = sensor(deferrable=False, mode="reschedule")
    assert task.poke({}) is False
    assert 3590 < task._get_next_poke_interval(None, lambda: 0.0, 1) <= 3600
    early = sensor(deferrable=False, mode="reschedule", timeout=100)
    assert early.poke({}) is False
    assert early._get_next_poke_interval(None, lambda: 40.0, 1) == 61  # to time out


def test_airflow_can_copy_it():
    assert copy.deepcopy(sensor()).report_end_date == "2026-11-10"


def test_templates_are_rendered():
    task = sensor(advertiser_ids="{{ ids }}", report_end_date="{{ day }}", metrics=["{{ metric }}"])
    task.render_template_fields({"ids": "[1, 2]", "day": "2026-11-10", "metric": "spend"})
    assert (task.advertiser_ids, task.report_end_date, task.metrics) == ("[1, 2]", "2026-11-10", ["spend"])


@pytest.mark.parametrize("name", ["correction", "fail_fast", "deferrable"])
def test_switches_are_true_or_false(name):
    with pytest.raises(ValueError, match=f"`{name}` must be True or False"):
        sensor(**{name: "yes"})
