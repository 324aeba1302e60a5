"""The connection of a Redis that ``rate_limit_conn_id`` names, from Airflow to the calls: in a worker and in a triggerer."""

import asyncio
import json
import logging
import time

import pytest

redis = pytest.importorskip("redis")

from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob  # noqa: E402
from airflow_provider_tiktok.exceptions import TikTokConfigError  # noqa: E402
from airflow_provider_tiktok.hooks.tiktok import TikTokHook  # noqa: E402
from airflow_provider_tiktok.triggers.report import TikTokReportTrigger  # noqa: E402
from tests import servers  # noqa: E402

PASSWORD = "redis-password-71c0"
USER = (
    f"user tiktok on >{PASSWORD} ~airflow-provider-tiktok:* resetchannels -@all +eval +get +set +time +select"
)
ADMIN = "user default on nopass ~* &* +@all"


@pytest.fixture(scope="module")
def redis_server():
    try:
        server = servers.OwnRedis(USER, ADMIN)
    except servers.MissingServerError as missing:
        pytest.skip(str(missing))
    yield server
    server.kill()


@pytest.fixture
def limits(monkeypatch, connect, redis_server):
    """Return a function that sets the connection of the Redis, to which that of TikTok refers."""
    redis.Redis(port=redis_server.port).flushall()
    connect(rate_limit_conn_id="limits", qps=50)

    def set_connection(text):
        monkeypatch.setenv("AIRFLOW_CONN_LIMITS", text.replace("{port}", str(redis_server.port)))

    set_connection(f"redis://tiktok:{PASSWORD}@127.0.0.1:{{port}}/2")
    return set_connection


def keys(server, db):
    return redis.Redis(port=server.port, db=db).keys()


def warnings(caplog):
    """Return this package's warnings; Airflow warns of values that it doesn't mask."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name.startswith("airflow_provider_tiktok")
    ]


def day(emulator):
    account = next(name for name in emulator.world.accounts if name.startswith("71"))
    parameters = {"dimensions": "ad_id", "metrics": "spend", "report_start_date": "2026-08-01"}
    hook = TikTokHook()
    try:
        return list(hook.iter_report(advertiser_ids=account, **parameters))
    finally:
        hook.close()


@pytest.mark.parametrize(
    ("text", "db"),
    [
        (f"redis://tiktok:{PASSWORD}@127.0.0.1:{{port}}/2", 2),
        (f"redis://tiktok:{PASSWORD}@127.0.0.1:{{port}}/?db=3", 3),
        (
            '{"conn_type": "redis", "host": "127.0.0.1", "port": {port}, "login": "tiktok", '
            f'"password": "{PASSWORD}", "extra": {{"db": 1}}}}',
            1,
        ),
    ],
)
def test_the_calls_of_a_report_are_counted_in_redis(emulator, limits, redis_server, caplog, text, db):
    limits(text)
    rows = day(emulator)
    assert rows
    (key,) = keys(redis_server, db)
    held = json.loads(redis.Redis(port=redis_server.port, db=db).get(key))
    assert len(held["starts"]) == len(emulator.calls)
    assert warnings(caplog) == []
    assert PASSWORD not in caplog.text


def test_without_the_redis_the_rows_are_the_same_and_one_warning_says_so(emulator, limits, caplog):
    rows = day(emulator)
    limits(f"redis://tiktok:{PASSWORD}@127.0.0.1:{servers.free_port()}/2")
    assert day(emulator) == rows
    (warning,) = warnings(caplog)
    assert "through the Redis of connection 'limits' (ConnectionError" in warning
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            None,
            r"Airflow has no connection 'limits', which the extra field 'rate_limit_conn_id' of connection",
        ),
        ("postgres://127.0.0.1/db", r"Connection 'limits' is of the type 'postgres'"),
        ("{", r"AIRFLOW_CONN_LIMITS is set, but Airflow can't read it"),
        (
            "redis://127.0.0.1/main",
            r"Extra field 'db' of connection 'limits' must be the number of a database",
        ),
    ],
)
def test_a_connection_that_cannot_be_used_fails_before_any_call(emulator, limits, monkeypatch, text, problem):
    if text is None:
        monkeypatch.delenv("AIRFLOW_CONN_LIMITS")
    else:
        limits(text)
    with pytest.raises(TikTokConfigError, match=problem):
        day(emulator)
    works, sentence = TikTokHook().test_connection()
    assert (works, emulator.calls) == (False, [])
    assert "limits" in sentence.lower()


def test_a_shared_limit_that_is_not_to_be_shared_is_refused(connect, limits):
    connect(rate_limit_conn_id="limits", shared_budget=False)
    with pytest.raises(TikTokConfigError, match="'shared_budget' is false"):
        TikTokHook().get_conn()


def trigger_for(emulator):
    hook = TikTokHook()
    account = next(name for name in emulator.world.accounts if name.startswith("71"))
    body = {"advertiser_id": account, "report_type": "BASIC", "data_level": "AUCTION_AD"}
    dates = {"dimensions": ["ad_id"], "start_date": "2026-08-01", "end_date": "2026-08-01"}
    task = hook.get_conn().post("report/task/create/", body | dates).data["task_id"]
    hook.close()
    return TikTokReportTrigger(
        tiktok_conn_id="tiktok_default",
        report_tasks=[ReportJob(task, account).as_list()],
        poll_interval=0.2,
        deadlines={"wait_timeout": time.time() + 60},
    )


async def first_event(trigger):
    async for event in trigger.run():
        return event.payload
    raise AssertionError("it never fired")


def test_the_calls_of_a_triggerer_are_counted_too(emulator, limits, redis_server):
    trigger = trigger_for(emulator)
    redis.Redis(port=redis_server.port).flushall()
    assert asyncio.run(first_event(trigger))["status"] == "done"
    assert len(keys(redis_server, 2)) == 1
    stored = json.dumps(trigger.serialize())
    assert PASSWORD not in stored
    assert "limits" not in stored  # the connection of TikTok names it


def test_a_triggerer_that_lacks_the_connection_says_which(emulator, limits, monkeypatch):
    trigger = trigger_for(emulator)
    monkeypatch.delenv("AIRFLOW_CONN_LIMITS")
    event = asyncio.run(first_event(trigger))
    assert event["status"] == "error"
    assert "The triggerer can't read the connection 'limits'" in event["message"]
