"""One rate limit for all machines, in a real Redis that is killed, frozen and emptied."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

redis = pytest.importorskip("redis")

from airflow_provider_tiktok.api.diagnosis.check import check_connection  # noqa: E402
from airflow_provider_tiktok.api.diagnosis.examination import GOOD, LOOK, examine  # noqa: E402
from airflow_provider_tiktok.api.rate_limit import redis_link  # noqa: E402
from airflow_provider_tiktok.api.rate_limit.limiter import RateLimiter  # noqa: E402
from airflow_provider_tiktok.api.rate_limit.redis_store import RedisStore  # noqa: E402
from airflow_provider_tiktok.api.rate_limit.state import DAY, MINUTE, SECOND, FileStore  # noqa: E402
from airflow_provider_tiktok.api.redis_settings import RedisLogin, RedisSettings  # noqa: E402
from airflow_provider_tiktok.exceptions import TikTokConfigError  # noqa: E402
from tests import servers  # noqa: E402
from tests.api.conftest import ok  # noqa: E402
from tests.tls import self_signed  # noqa: E402

PASSWORD = "redis-password-71c0"
QPS_TEXT = "Due to too many requests, requests from App 7 are temporarily restricted."
ACL = "~airflow-provider-tiktok:* resetchannels -@all +eval +get +set +time"
USERS = (f"user one on >{PASSWORD} {ACL}", f"user two on >{PASSWORD}2 {ACL}", "user default off")


@contextmanager
def own_redis(*settings: str, **options: Any) -> Iterator[servers.OwnRedis]:
    try:
        server = servers.OwnRedis(*settings, **options)
    except servers.MissingServerError as missing:
        pytest.skip(str(missing))
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def module_server() -> Iterator[servers.OwnRedis]:
    with own_redis(f"requirepass {PASSWORD}", "databases 4") as server:
        yield server


@pytest.fixture
def own(module_server) -> servers.OwnRedis:
    connect(module_server).flushall()
    return module_server


def connect(server: servers.OwnRedis, **options: Any) -> Any:
    return redis.Redis(host="127.0.0.1", port=server.port, **({"password": PASSWORD} | options))


def settings_of(server: servers.OwnRedis, **changes: Any) -> RedisSettings:
    known = RedisSettings("limits", (("127.0.0.1", server.port),), RedisLogin("", PASSWORD))
    return replace(known, **changes)


@pytest.fixture
def open_store(tmp_path) -> Iterator[Callable[..., RedisStore]]:
    """Return a function that opens the store of one machine, whose own file has the machine's name."""
    opened = []

    def open_one(settings: RedisSettings, machine: str = "here", calls: int = 10) -> RedisStore:
        store = RedisStore(settings, "app", calls, lambda: FileStore(tmp_path / machine, calls))
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


def held(server: servers.OwnRedis) -> dict[str, Any]:
    return json.loads(connect(server).get("airflow-provider-tiktok:app"))


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def restart(server: servers.OwnRedis) -> None:
    server.kill()
    server.start()


def wait_until_up(store: RedisStore) -> None:
    deadline = time.monotonic() + 10
    while store.problem:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_machines_share_starts_refusals_creations_and_accounts(own, open_store):
    one, other = (RateLimiter(10, open_store(settings_of(own), name)) for name in ("here", "there"))
    assert [limiter.acquire()[0] for limiter in (one, other) * 5] == [0] * 10
    assert other.acquire()[0] > 0.9
    time.sleep(1.1)
    _, started = one.acquire(creations=1)
    assert other.acquire(creations=1)[0] > 0.9
    one.back_off("71", 5)
    assert other.acquire("71")[0] == pytest.approx(5, abs=1)  # less what has passed, by two clocks
    assert other.acquire("72")[0] == 0
    assert one.refused(started, QPS_TEXT).is_new
    assert other.blocked()[0] == SECOND
    assert other.status().rate == pytest.approx(5, abs=0.1)
    assert one.refused(started, "QPD").is_new is False


@pytest.mark.parametrize(("message", "limit"), [("QPM", MINUTE), ("QPD", DAY)])
def test_machines_share_suspensions_and_used_up_days(own, open_store, message, limit):
    one, other = (RateLimiter(10, open_store(settings_of(own), name)) for name in ("here", "there"))
    one.refused(one.acquire()[1], message)
    assert other.blocked()[0] == limit
    assert other.acquire()[0] > 200


def test_redis_holds_times_under_a_key_that_expires(own, open_store):
    limiter = RateLimiter(10, open_store(settings_of(own)))
    limiter.acquire("7000000000000000071")
    limiter.back_off("7000000000000000071", 5)
    (key,) = connect(own).keys()
    assert 80_000 < connect(own).ttl(key) <= 86_400
    assert "70000" not in key.decode() + connect(own).get(key).decode()
    assert held(own)["starts"][0] == pytest.approx(time.time(), abs=60)
    limiter.refused(limiter.acquire()[1], "QPM")
    assert 86_600 < connect(own).ttl(key) <= 86_700


def test_what_changes_nothing_writes_nothing(own, open_store):
    limiter = RateLimiter(10, open_store(settings_of(own)))
    started = limiter.acquire()[1]
    connect(own).expire("airflow-provider-tiktok:app", 50)
    for _ in range(3):
        limiter.accepted(started)
        limiter.unanswered(started)
        limiter.blocked()
        limiter.status()
    assert connect(own).ttl("airflow-provider-tiktok:app") <= 50
    server_calls = connect(own).info("commandstats")["cmdstat_eval"]["calls"]
    limiter.accepted(started)  # no refusal to be forgotten, so that Redis is not even asked
    assert connect(own).info("commandstats")["cmdstat_eval"]["calls"] == server_calls


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"starts": "x"}', '{"unknown": 1}', '{"starts": [9999999999.5]}', "\0\1"]
)
def test_a_state_that_cannot_be_true_is_replaced_with_one_warning(own, open_store, caplog, text):
    connect(own).set("airflow-provider-tiktok:app", text)
    limiter = RateLimiter(10, open_store(settings_of(own)))
    assert 0.9 < limiter.acquire()[0] <= 1.07  # which calls started lately is not known
    assert len(held(own)["starts"]) == 10
    connect(own).set("airflow-provider-tiktok:app", text)
    limiter.acquire()
    (warning,) = warnings(caplog)
    assert (
        "rate limit begins from scratch: what the Redis of connection 'limits' holds about it can't be true"
        in warning
    )


def test_acl_users_a_database_and_no_other_right(open_store):
    with own_redis(*USERS) as server:
        stores = [
            open_store(settings_of(server, login=RedisLogin(*login)), login[0])
            for login in (("one", PASSWORD), ("two", f"{PASSWORD}2"))
        ]
        one, other = (RateLimiter(1, store) for store in stores)
        assert (one.acquire()[0], other.acquire()[0] > 0.9) == (0, True)
        assert [store.problem for store in stores] == ["", ""]


def test_a_database(own, open_store):
    limiter = RateLimiter(1, open_store(settings_of(own, db=3)))
    assert limiter.acquire()[0] == 0
    assert (connect(own).dbsize(), connect(own, db=3).dbsize()) == (0, 1)


def test_tls_with_a_ca_of_ones_own(tmp_path, open_store, caplog):
    pem = self_signed(tmp_path)
    files = (f"tls-cert-file {pem}", f"tls-key-file {pem}", f"tls-ca-cert-file {pem}")
    tls = {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True}
    with own_redis(
        "port 0", "tls-port {port}", *files, "tls-auth-clients no", f"requirepass {PASSWORD}"
    ) as server:
        store = open_store(settings_of(server, tls={**tls, "ssl_ca_certs": pem}))
        assert RateLimiter(1, store).acquire()[0] == 0
        assert (store.problem, warnings(caplog)) == ("", [])
        store = open_store(settings_of(server, tls=tls))
        assert RateLimiter(1, store).acquire()[0] == 0
        assert "certificate verify failed" in warnings(caplog)[0]


def test_sentinel_names_the_redis(own, open_store):
    lines = [
        f"sentinel monitor mymaster 127.0.0.1 {own.port} 1",
        f"sentinel auth-pass mymaster {PASSWORD}",
        f"requirepass {PASSWORD}2",
    ]
    with own_redis(*lines, options=("--sentinel",)) as sentinel:
        settings = settings_of(
            own,
            hosts=(("127.0.0.1", servers.free_port()), ("127.0.0.1", sentinel.port)),
            master_name="mymaster",
            sentinel_login=RedisLogin("", f"{PASSWORD}2"),
        )
        store = open_store(settings)
        assert RateLimiter(1, store).acquire()[0] == 0
        assert store.problem == ""
    assert len(held(own)["starts"]) == 1


@pytest.mark.alone
def test_without_redis_one_warning_and_the_machines_own_file(tmp_path, open_store, caplog):
    settings = RedisSettings("limits", (("127.0.0.1", servers.free_port()),), RedisLogin("me", PASSWORD))
    began = time.monotonic()
    one, other = (RateLimiter(1, open_store(settings)) for _ in range(2))
    assert (one.acquire()[0], other.acquire()[0] > 0.9) == (0, True)
    assert one.acquire()[0] > 0.9
    assert time.monotonic() - began < 2
    assert (tmp_path / "here").exists()
    texts = warnings(caplog)
    assert len(texts) == 2  # a store is a task's
    assert "the Redis of connection 'limits' (ConnectionError: Error 111 connecting to 127.0.0.1" in texts[0]
    assert PASSWORD not in "".join(texts)


@pytest.mark.parametrize(
    ("login", "reason"),
    [
        (RedisLogin("one", "wrong-password-1"), "AuthenticationError"),
        (RedisLogin("three", PASSWORD), "NoPermissionError"),
    ],
)
def test_a_user_who_may_not_gets_the_reason(open_store, caplog, login, reason):
    three = f"user three on >{PASSWORD} ~other:* -@all +eval +get"
    with own_redis(*USERS, three) as server:
        limiter = RateLimiter(1, open_store(settings_of(server, login=login)))
        assert limiter.acquire()[0] == 0
        assert reason in limiter.status().problem
    (warning,) = warnings(caplog)
    assert reason in warning
    assert login.password not in warning


@pytest.mark.alone
def test_a_redis_that_stops_answering_holds_a_task_up_for_two_seconds_in_all(own, open_store, caplog):
    store = open_store(settings_of(own))
    limiter = RateLimiter(10, store)
    limiter.acquire()
    own.freeze()
    try:
        began = time.monotonic()
        for _ in range(5):
            limiter.acquire()
        assert time.monotonic() - began < 2.2
        assert "no answer within 100 ms" in store.problem or "Timeout" in store.problem
        began = time.monotonic()
        for _ in range(20):
            limiter.acquire()
        assert time.monotonic() - began < 1  # with a wait each, 2
    finally:
        own.thaw()
    assert len(warnings(caplog)) == 1


def test_redis_is_used_again_when_it_is_back(open_store, caplog, monkeypatch):
    monkeypatch.setattr(redis_link, "_MOST_WAIT", 0.3)
    monkeypatch.setattr(redis_link, "_LATER", 0.1)
    with own_redis(f"requirepass {PASSWORD}") as server:
        store = open_store(settings_of(server))
        limiter = RateLimiter(10, store)
        assert limiter.acquire()[0] == 0
        for _ in range(2):
            server.kill()
            assert limiter.acquire()[0] == 0
            assert store.problem
            server.start()
            wait_until_up(store)
            assert limiter.acquire()[0] > 0.9
            assert len(held(server)["starts"]) == 10
            time.sleep(1.1)
            assert limiter.acquire()[0] == 0
    assert len(warnings(caplog)) == 1


def test_a_redis_that_is_started_again_soon_gets_back_what_is_known(open_store, caplog):
    with own_redis(f"requirepass {PASSWORD}") as server:
        one, other = (RateLimiter(10, open_store(settings_of(server), name)) for name in ("here", "there"))
        one.back_off("71", 60)
        one.refused(one.acquire()[1], "QPM")
        assert other.blocked()[0] == MINUTE
        restart(server)
        assert other.blocked()[0] == MINUTE
        assert one.blocked()[0] == MINUTE
        assert len(held(server)["accounts"]) == 1
    assert warnings(caplog) == []


def test_a_redis_that_forgot_the_latest_calls_gets_them_back(own, open_store):
    """Test a replica that took over, and a snapshot that was read."""
    limiter = RateLimiter(2, open_store(settings_of(own), calls=2))
    limiter.acquire()
    old = connect(own).get("airflow-provider-tiktok:app")
    limiter.acquire()
    connect(own).set("airflow-provider-tiktok:app", old)
    assert limiter.acquire()[0] > 0.9
    connect(own).delete("airflow-provider-tiktok:app")
    assert limiter.acquire()[0] > 0.9
    assert len(held(own)["starts"]) == 2


@pytest.mark.parametrize(
    ("away", "state", "words"),
    [
        (False, GOOD, "10 calls a second for all tasks that use the Redis of connection 'limits'"),
        (True, LOOK, "ConnectionError: Error 111"),
    ],
)
def test_doctor_and_connection_test_say_how_the_limit_is_shared(own, make_client, server, away, state, words):
    settings = settings_of(own)
    if away:
        settings = replace(settings, hosts=(("127.0.0.1", servers.free_port()),))
    client = make_client(
        qps=10, advertiser_ids=("71",), rate_limit_conn_id="limits", rate_limit_redis=settings
    )
    server.script = [ok({"list": [{"advertiser_id": "71", "advertiser_name": "One"}]})]
    works, sentence = check_connection(client)
    assert works, sentence
    assert ("But its rate limit is shared by tasks of one machine only" in sentence) == away
    finding = list(examine(client, "mine"))[-1]
    assert (finding.part, finding.state) == ("rate limit", state)
    assert words in finding.text


def test_a_missing_client_is_an_error_that_names_the_extra(make_client, monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow_provider_tiktok.api.rate_limit.redis_store", None)
    with pytest.raises(TikTokConfigError, match=r"Install airflow-provider-tiktok\[redis\]"):
        make_client(rate_limit_redis=RedisSettings("limits", (("127.0.0.1", 1),)))


def test_a_client_shows_no_password(own, make_client, caplog):
    caplog.set_level(logging.DEBUG)
    client = make_client(rate_limit_redis=settings_of(own))
    client.rate_limit_status()
    store = client._throttle.limiter._store
    for holder in (client, client.credentials, vars(client.credentials), vars(store), vars(store._link)):
        assert PASSWORD not in repr(holder)
    assert PASSWORD not in caplog.text


def test_calls_after_the_end_change_nothing_that_others_see(own, open_store, caplog):
    store = open_store(settings_of(own))
    limiter = RateLimiter(10, store)
    limiter.acquire()
    before = held(own)
    store.close()
    store.close()
    assert limiter.acquire()[0] == 0
    assert held(own) == before
    assert warnings(caplog) == []
