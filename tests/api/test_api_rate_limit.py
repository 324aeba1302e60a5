"""The request limiter, on a clock that only moves when a test moves it, and between processes."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.connection import HTTPConnection

from airflow_provider_tiktok.api.rate_limit import state
from airflow_provider_tiktok.api.rate_limit.limiter import RateLimiter
from airflow_provider_tiktok.api.rate_limit.state import (
    DAY,
    MINUTE,
    SECOND,
    FileStore,
    MemoryStore,
    open_store,
)
from tests.api.conftest import Reply, ok
from tests.processes import start_context

QPS_TEXT = "Due to too many requests, requests from App 7 are temporarily restricted."
ELEVEN = datetime(2026, 11, 22, 23, 0, tzinfo=timezone.utc)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make(qps: float = 10, clock: Clock | None = None, store: Any = None) -> tuple[RateLimiter, Clock]:
    clock = clock or Clock()
    store = store or MemoryStore(max(1, int(qps)))
    store._now = clock
    return RateLimiter(qps, store, utc=lambda: ELEVEN), clock


def start(limiter: RateLimiter, clock: Clock, late: Callable[[], float] = lambda: 0.0) -> float:
    """Wait as a client does, and return the time at which the call starts.

    :param late: returns how much longer than asked for a wait takes.
    """
    while True:
        wait, started = limiter.acquire()
        if not wait:
            return started
        clock.now += min(wait, 0.25) + late()


# the limit per second


@given(
    qps=st.one_of(st.integers(1, 50).map(float), st.floats(1, 6)),
    gaps=st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.5, 1.0, 3.0]), min_size=1, max_size=120),
)
@example(qps=2.5, gaps=[0.0] * 20)
@example(qps=1.9, gaps=[0.0] * 20)
def test_no_second_sees_more_than_qps_starts(qps, gaps):
    limiter, clock = make(qps)
    starts = []
    for gap in gaps:
        clock.now += gap
        starts.append(start(limiter, clock))
    assert max(sum(first <= one < first + 1 for one in starts) for first in starts) <= qps


@given(qps=st.floats(0.05, 0.99))
def test_below_one_a_second_calls_keep_their_distance(qps):
    limiter, clock = make(qps)
    starts = [start(limiter, clock) for _ in range(5)]
    assert starts[0] == 1000
    assert all(later - earlier >= 1 / qps for earlier, later in pairwise(starts))


@pytest.mark.parametrize("seed", range(5))
def test_a_long_run_uses_what_it_may_although_calls_wake_late_and_travel_unevenly(seed):
    """A call starts 1.07 s after the tenth before it at the earliest, and so ten of them in 1.07 s at most.

    That is 93.4 % of the limit. Here a thread wakes up to ten milliseconds late, as on a busy machine, and a call takes
    up to 69 ms longer than another to reach TikTok.
    """
    limiter, clock = make()
    draw = random.Random(seed)
    arrivals = []
    while clock.now < 1_000 + 120:
        started = start(limiter, clock, late=lambda: draw.uniform(0, 0.01))
        arrivals.append(started + draw.uniform(0, 0.069))
    arrivals.sort()
    assert all(later - earlier > 1 for earlier, later in zip(arrivals, arrivals[10:], strict=False))
    assert len(arrivals) >= 0.92 * 10 * 120


def test_a_call_that_leaves_late_counts_from_then_on():
    limiter, clock = make(1)
    started = start(limiter, clock)
    clock.now += 0.5
    assert limiter.sent(started) == 1000.5
    assert limiter.acquire()[0] == pytest.approx(1.07)
    assert limiter.sent(1000.499) == 1000.499  # no longer a call of this store


@pytest.mark.usefixtures("moved_clock")
def test_a_call_counts_from_when_it_leaves_not_from_when_it_connects(
    make_client, server, moved_clock, monkeypatch
):
    connect, arrivals = HTTPConnection.connect, []

    def connect_slowly(self: HTTPConnection) -> None:
        moved_clock.advance(0.4)  # a name to look up, a TLS handshake
        connect(self)

    def note(call: Any) -> Reply:
        arrivals.append(moved_clock.monotonic())
        return ok()

    monkeypatch.setattr(HTTPConnection, "connect", connect_slowly)
    server.script = note
    client = make_client(qps=2, shared_budget=False)
    for _ in range(5):
        client.get("report/integrated/get/", {})
    assert all(third - first >= 1 for first, third in zip(arrivals, arrivals[2:], strict=False))


# refusals


def test_a_refusal_delays_all_calls_and_halves_the_rate():
    limiter, clock = make()
    started = start(limiter, clock)
    refusal = limiter.refused(started, QPS_TEXT)
    assert (refusal.limit, refusal.is_new) == (SECOND, True)
    assert 0.75 <= refusal.seconds <= 1.25
    assert limiter.acquire()[0] == pytest.approx(refusal.seconds)
    clock.now += refusal.seconds
    clock.now += 10  # earlier calls are forgotten
    limiter.accepted(start(limiter, clock))
    limiter.refused(start(limiter, clock), QPS_TEXT)
    clock.now += 1.25
    at_once = 0
    while not limiter.acquire()[0]:
        at_once += 1
    assert at_once == 1  # others call too, so no bursts


def test_the_rate_recovers_in_half_a_minute():
    limiter, clock = make()
    limiter.refused(start(limiter, clock), QPS_TEXT)
    clock.now += 25
    limiter.accepted(start(limiter, clock))
    clock.now += 2
    at_once = 0
    while not limiter.acquire()[0]:
        at_once += 1
    assert at_once == 10


def test_calls_under_way_at_a_refusal_are_no_further_ones():
    limiter, clock = make()
    times = [start(limiter, clock) for _ in range(8)]
    clock.now += 0.15
    assert [limiter.refused(started, QPS_TEXT).is_new for started in times] == [True] + [False] * 7


def test_one_call_finds_out_for_all_whether_a_suspension_is_over():
    limiter, clock = make()
    for _ in range(2):
        refusal = limiter.refused(start(limiter, clock), QPS_TEXT)
        clock.now += refusal.seconds
    probe = limiter.acquire()
    assert probe[0] == 0
    assert limiter.acquire()[0] == 0.25
    clock.now += 1
    limiter.accepted(probe[1])
    assert limiter.acquire()[0] == 0


def test_a_call_without_an_answer_lets_another_one_find_out():
    limiter, clock = make()
    for _ in range(2):
        clock.now += limiter.refused(start(limiter, clock), QPS_TEXT).seconds
    limiter.unanswered(limiter.acquire()[1])
    clock.now += 2
    assert limiter.acquire()[0] == 0


def refuse_until(limiter: RateLimiter, clock: Clock, limit: str) -> list[tuple[float, str]]:
    """Refuse every call until this limit is found; return time and limit of each refusal."""
    found = []
    suspensions = 0
    while not found or found[-1][1] != limit:
        started = start(limiter, clock)
        refusal = limiter.refused(started, QPS_TEXT)
        found.append((started - 1000, refusal.limit))
        suspensions += refusal.is_suspension
        # the first refusal of a suspension shows it, and no other
        assert suspensions == (refusal.limit != SECOND)
    return found


def test_three_quarters_of_a_minute_of_refusals_are_the_limit_of_a_minute():
    limiter, clock = make()
    found = refuse_until(limiter, clock, MINUTE)
    assert [limit for _, limit in found] == [SECOND] * 8 + [MINUTE]
    assert 34 < found[-1][0] < 60
    assert limiter.blocked() == (MINUTE, pytest.approx(1300 - clock.now))


def test_a_suspension_that_ends_is_forgotten():
    limiter, clock = make()
    refuse_until(limiter, clock, MINUTE)
    started = start(limiter, clock)
    assert 1300 <= started < 1301
    limiter.accepted(started)
    assert limiter.refused(start(limiter, clock), QPS_TEXT).limit == SECOND


def test_refusals_after_the_suspension_are_the_limit_of_the_day():
    limiter, clock = make()
    found = refuse_until(limiter, clock, DAY)
    assert 330 <= found[-1][0] < 331
    limit, seconds = limiter.blocked()
    assert (limit, seconds) == (DAY, 3605.0)  # until shortly after midnight in UTC


@pytest.mark.parametrize("message", ["App reaches the QPM limit 600", QPS_TEXT])
def test_a_refusal_long_after_a_suspension_is_not_the_limit_of_the_day(message):
    limiter, clock = make()
    limiter.refused(start(limiter, clock), "App reaches the QPM limit 600")
    clock.now += 300 + 121  # no one has called meanwhile
    refusal = limiter.refused(start(limiter, clock), message)
    assert refusal.limit == (MINUTE if "QPM" in message else SECOND)
    assert refusal.is_suspension == ("QPM" in message)
    assert refusal.seconds <= 300


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("App reaches the QPS limit 10", SECOND),
        ("App reaches the QPM limit 600", MINUTE),
        ("App reaches the QPD limit 864000", DAY),
    ],
)
def test_a_message_that_names_the_limit_is_believed(message, limit):
    limiter, clock = make()
    assert limiter.refused(start(limiter, clock), message).limit == limit


def test_a_refusal_on_the_next_day_is_a_new_question():
    limiter, clock = make()
    limiter.refused(start(limiter, clock), "QPD")
    clock.now += 3605
    assert limiter.refused(start(limiter, clock), QPS_TEXT).limit == SECOND


# the store that tasks share


@pytest.fixture
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(state, "_folder", lambda: tmp_path)


@pytest.mark.usefixtures("_own_folder")
def test_two_rate_limiters_of_an_app_share_one_limit():
    clock = Clock()
    one, _ = make(10, clock, open_store("https://h", "7", 10))
    other, _ = make(10, clock, open_store("https://h", "7", 10))
    assert [limiter.acquire()[0] for limiter in (one, other) * 5] == [0.0] * 10
    assert one.acquire()[0] > 1
    one.refused(clock.now, QPS_TEXT)
    assert other.blocked()[0] == SECOND


@pytest.mark.usefixtures("_own_folder")
@pytest.mark.parametrize(
    ("host", "app", "shared"),
    [("https://other", "7", True), ("https://h", "8", True), ("https://h", "7", False)],
)
def test_other_hosts_other_apps_and_unshared_limits_are_not(host, app, shared):
    clock = Clock()
    one, _ = make(1, clock, open_store("https://h", "7", 1))
    other, _ = make(1, clock, open_store(host, app, 1, shared=shared))
    assert (one.acquire()[0], other.acquire()[0]) == (0.0, 0.0)


@pytest.mark.usefixtures("_own_folder")
def test_the_backoff_of_an_account_delays_its_calls_everywhere_and_no_others():
    clock = Clock()
    one, _ = make(10, clock, open_store("https://h", "7", 10))
    other, _ = make(10, clock, open_store("https://h", "7", 10))
    one.back_off("71", 8)
    one.back_off("71", 4)  # not shorter than it was
    assert [limiter.acquire("71")[0] for limiter in (one, other)] == [8, 8]
    assert other.acquire("72")[0] == 0
    clock.now += 8
    assert other.acquire("71")[0] == 0


@pytest.mark.usefixtures("_own_folder")
def test_creations_of_report_tasks_keep_their_distance_everywhere():
    clock = Clock()
    one, _ = make(10, clock, open_store("https://h", "7", 10))
    other, _ = make(10, clock, open_store("https://h", "7", 10))
    _, started = one.acquire(creations=1)
    assert other.acquire(creations=1)[0] == pytest.approx(1.07)
    assert other.acquire()[0] == 0
    clock.now += 0.5
    one.sent(started)
    assert other.acquire(creations=1)[0] == pytest.approx(1.07)


@pytest.mark.usefixtures("_own_folder")
def test_the_fullest_state_fits_in_its_file(tmp_path):
    limiter, clock = make(128, Clock(), open_store("https://h", "7", 128))
    clock.now = 98_765_432.123456789
    for number in range(130):
        clock.now += 0.000001
        limiter.acquire(str(number), creations=None if number else 1)
        limiter.back_off(str(number), 60 + number)
    limiter.refused(clock.now, "QPD")
    (path,) = tmp_path.iterdir()
    values = json.loads(path.read_bytes())
    assert (len(values["starts"]), len(values["accounts"])) == (128, 32)
    assert path.stat().st_size == 4096
    assert limiter.blocked()[0] == DAY
    clock.now += 3605
    limiter.back_off("7", 1)
    assert len(json.loads(path.read_bytes())["accounts"]) == 1  # those that ended are forgotten


def test_a_start_of_another_stores_clock_proves_nothing():
    limiter, clock = make(10)
    limiter.refused(start(limiter, clock), QPS_TEXT)
    for foreign in (1_795_837_242.5, 0.5):
        limiter.accepted(foreign)
        assert not limiter.refused(foreign, QPS_TEXT).is_new  # one of those that were in flight
        assert limiter.blocked()[0] == SECOND
    clock.now += 2
    assert limiter.refused(1_795_837_242.5, QPS_TEXT).is_new


@pytest.mark.usefixtures("_own_folder")
def test_the_file_names_neither_app_nor_token(tmp_path):
    store = open_store("https://h", "secret-token", 10)
    store.update(lambda state, _: state.starts.append(1.0))
    (path,) = tmp_path.iterdir()
    assert "secret-token" not in path.name + path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[1]", b'{"starts": "x"}', b'{"unknown": 1}', pytest.param(os.urandom(50), id="noise")],
)
def test_a_file_that_makes_no_sense_is_begun_from_scratch(tmp_path, text):
    path = tmp_path / "store"
    path.write_bytes(text)
    limiter, _ = make(10, store=FileStore(path, 10))
    assert limiter.acquire()[0] == 0
    assert len(json.loads(path.read_bytes())["starts"]) == 1


# state files that no task has written: each value is the complete content, or changes to a valid one
NOW = 1_000.0
TRUE = {
    "starts": [NOW - 2, NOW - 1],
    "rate": 5.0,
    "rate_at": NOW - 2,
    "blocked_at": NOW - 2,
    "blocked_until": NOW + 1,
    "refusals": 2,
    "refused_at": NOW - 4,
    "probed_at": NOW - 1,
    "limit": SECOND,
    "created_at": NOW - 1,
    "accounts": {"3f5a91c0": NOW + 8},
    "boot": state._BOOT,
}
NO_NUMBERS = [None, True, "7", [], {}, float("nan"), float("inf"), float("-inf"), -1, -1e300, 10**400]
FUTURE = [NOW + 5, NOW + 3_600, 1e12, 1e308]
UNTRUE_FIELDS = [
    *({name: value} for name in state._TIMES for value in NO_NUMBERS),
    *({"starts": [NOW - 1, value]} for value in [*NO_NUMBERS, *FUTURE]),
    *(
        {name: value}
        for name in ("rate_at", "blocked_at", "refused_at", "probed_at", "created_at")
        for value in FUTURE
    ),
    *({"accounts": {"3f5a91c0": value}} for value in (*NO_NUMBERS, *FUTURE[1:])),
    *({"accounts": value} for value in (None, [], "x", {str(number): NOW for number in range(33)})),
    *({"blocked_until": value} for value in (NOW + 100, *FUTURE[1:])),
    *({"blocked_until": NOW + 400, "limit": limit} for limit in (SECOND, MINUTE)),
    {"blocked_until": NOW + 400, "limit": "", "refusals": 0},
    {"blocked_until": NOW + 3_700, "limit": DAY},  # midnight is in 3,600 s
    *({"starts": value} for value in (None, {}, "1", 5, {"a": 1}, [NOW - 1] * 200)),
    *({"rate": value} for value in (*NO_NUMBERS, 1e-9, 0.4, 1e9)),
    *({"refusals": value} for value in (None, True, "2", 2.0, -1, -(10**30), 10**30, float("nan"), [])),
    *({"limit": value} for value in (None, 0, [], {}, "week", "")),
    {"refusals": 0},
    *({"boot": value} for value in (None, 5, [])),
    {"version": 2},
    {"quota": {"day": 5}},
]
UNTRUE_CONTENT = [
    *(json.dumps({**TRUE, **changes}).encode().ljust(4096) for changes in UNTRUE_FIELDS),
    *(json.dumps(TRUE).encode()[:end] for end in (1, 20, 100, 200)),
    *(json.dumps(value).encode() for value in ([], [1], 5, "text", None, True)),
    *[b"\0" * 4096, b"[" * 4096, b'{"a":' * 800, b"9" * 4096, b"\xff\xfe{", b"x" * 2**20],
    *(random.Random(seed).randbytes(4096) for seed in range(10)),
]


def look_once(path: Path) -> float:
    """Wait for a call as a separate task does, and return the seconds on the clock that it took."""
    store = FileStore(path, 10)
    clock = Clock()
    limiter, _ = make(10, clock, store)
    limiter.accepted(start(limiter, clock))
    store.close()
    return clock.now - NOW


@pytest.mark.sampled(30)
@pytest.mark.parametrize("content", UNTRUE_CONTENT, ids=lambda content: repr(content[:60]))
def test_a_file_that_cannot_be_true_is_set_aside_with_one_warning(tmp_path, caplog, content):
    path = tmp_path / "app.json"
    path.write_bytes(content)
    assert look_once(path) == 0
    (warning,) = caplog.records
    assert "can't be true" in warning.getMessage()
    assert (tmp_path / "app.unusable").read_bytes() == content[:4096]
    assert (tmp_path / "app.unusable").stat().st_mode & 0o777 == 0o600
    assert look_once(path) == 0  # the file is valid from then on
    assert len(caplog.records) == 1
    assert path.stat().st_size == 4096


@pytest.mark.sampled(12)
@pytest.mark.parametrize("seed", range(40))
def test_whatever_a_file_holds_no_wait_is_longer_than_a_limit(tmp_path, caplog, seed):
    rng = random.Random(seed)
    values = [
        *NO_NUMBERS,
        *FUTURE,
        0,
        0.5,
        3,
        300,
        NOW - 1,
        NOW,
        NOW + 50,
        SECOND,
        MINUTE,
        DAY,
        "",
        [NOW - 1],
    ]
    changes = {name: rng.choice(values) for name in rng.sample(sorted(TRUE), rng.randint(1, 5))}
    path = tmp_path / "app.json"
    path.write_text(json.dumps({**TRUE, **changes}))
    assert look_once(path) <= 3_600 + 65
    look_once(path)
    assert len(caplog.records) <= 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"blocked_until": NOW + 9},
        {"limit": MINUTE, "refusals": 9},
        {"limit": DAY, "blocked_until": NOW + 300},
    ],
    ids=str,
)
def test_a_file_that_can_be_true_is_believed(tmp_path, caplog, changes):
    path = tmp_path / "app.json"
    path.write_text(json.dumps({**TRUE, **changes}))
    assert look_once(path) >= 1
    assert not caplog.records
    assert [one.name for one in tmp_path.iterdir()] == ["app.json"]


def test_a_state_path_that_is_no_file_is_not_used(tmp_path, caplog):
    os.mkfifo(tmp_path / "app.json")
    assert look_once(tmp_path / "app.json") == 0
    assert "can't be used" in caplog.text


def test_a_frozen_process_that_has_the_lock_blocks_no_other(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(state, "_LOCK_TIMEOUT", 0.05)
    path = tmp_path / "app.json"
    assert FileStore(path, 10).update(lambda *_: look_once(path)) == 0
    assert "can't be used" in caplog.text


def test_times_from_before_the_machine_was_started_are_forgotten(tmp_path, monkeypatch):
    path = tmp_path / "store"
    limiter, clock = make(1, store=FileStore(path, 1))
    limiter.refused(start(limiter, clock), "QPM")
    monkeypatch.setattr(state, "_BOOT", "another boot")
    again, _ = make(1, store=FileStore(path, 1))
    assert again.acquire()[0] == 0


def test_a_closed_store_touches_no_file_that_has_its_number_now(tmp_path):
    store = FileStore(tmp_path / "store", 10)
    number = store._file
    limiter, clock = make(10, store=store)
    start(limiter, clock)
    store.close()
    store.close()
    other = os.open(tmp_path / "data", os.O_RDWR | os.O_CREAT)
    assert other == number
    start(limiter, clock)
    assert os.pread(other, 10, 0) == b""
    os.close(other)


def test_a_store_whose_file_fails_continues_in_memory(tmp_path):
    store = FileStore(tmp_path / "store", 1)
    os.close(store._file)
    limiter, _ = make(1, store=store)
    assert limiter.acquire()[0] == 0
    assert limiter.acquire()[0] > 1


def test_a_folder_of_somebody_elses_is_not_used(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(state.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / f"airflow-provider-tiktok-{os.getuid()}").symlink_to("/")
    assert isinstance(open_store("https://h", "7", 10), MemoryStore)
    assert "each task keeps to 10 calls a second by itself" in caplog.text


def test_a_rate_without_limit_needs_no_file():
    assert isinstance(open_store("https://h", "7", 100_000), MemoryStore)


def _call_often(path: Path, seconds: float, output: Path) -> None:
    limiter = RateLimiter(20, FileStore(path, 20))
    end = time.monotonic() + seconds
    starts = []
    while time.monotonic() < end:
        wait, started = limiter.acquire()
        if not wait:
            starts.append(started)
        time.sleep(min(wait, 0.05))
    output.write_text(json.dumps(starts))


def run_processes(target: Callable[..., None], arguments: list[tuple[Any, ...]]) -> list[Any]:
    context = start_context()
    processes = [context.Process(target=target, args=one) for one in arguments]
    for process in processes:
        process.start()
    return processes


@pytest.mark.alone
def test_processes_keep_the_limit_together_and_use_it(tmp_path):
    outputs = [tmp_path / f"{number}" for number in range(4)]
    for process in run_processes(_call_often, [(tmp_path / "store", 3.0, output) for output in outputs]):
        process.join()
    starts = sorted(started for output in outputs for started in json.loads(output.read_text()))
    assert max(sum(first <= one < first + 1 for one in starts) for first in starts) <= 20
    assert len(starts) >= 18 * (starts[-1] - starts[0])


@pytest.mark.alone
def test_a_killed_process_blocks_no_other(tmp_path):
    path = tmp_path / "store"
    processes = run_processes(_call_often, [(path, 60.0, tmp_path / "never")] * 3)
    time.sleep(1.5)
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    limiter = RateLimiter(20, FileStore(path, 20))
    waits = []
    while not waits or waits[-1]:
        waits.append(limiter.acquire()[0])
        time.sleep(waits[-1])
    assert sum(waits) < 2
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("seed", range(6))
def test_machines_that_do_not_share_find_a_rate_together(seed):
    """Simulate ten machines of one app of ten calls a second: all make progress, and none infers a longer limit."""
    rng = random.Random(seed)
    random.seed(seed)
    clock = Clock()
    limiters = [make(10, clock)[0] for _ in range(10)]
    taken: list[float] = []
    done = [0] * 10
    limits = set()
    while min(done) < 20 and clock.now < 1400:
        for number in rng.sample(range(10), 10):
            wait, started = limiters[number].acquire()
            if wait:
                continue
            taken = [one for one in taken if one > clock.now - 1]
            if len(taken) < 10:
                taken.append(clock.now)
                limiters[number].accepted(started)
                done[number] += 1
            else:
                limits.add(limiters[number].refused(started, QPS_TEXT).limit)
        clock.now += 0.02
    assert min(done) >= 20
    assert limits == {SECOND}
    assert clock.now < 1000 + 120
