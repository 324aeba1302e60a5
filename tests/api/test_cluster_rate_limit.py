"""Eight machines of one app: processes that share no folder, and use one Redis as two users."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from urllib3.connection import HTTPConnection

pytest.importorskip("redis")

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.rate_limit import limiter, state
from airflow_provider_tiktok.api.redis_settings import RedisLogin, RedisSettings
from airflow_provider_tiktok.exceptions import TikTokRateLimitError
from tests.api.conftest import TOKEN, ok, refusal
from tests.api.test_redis_rate_limit import PASSWORD, USERS, own_redis
from tests.processes import start_context

pytestmark = [pytest.mark.alone, pytest.mark.full]

QPS = 10
MACHINES = 8
SUSPENSION = 2.0


def _machine(url: str, settings: RedisSettings, folder: str, seconds: float, together: Any) -> None:
    """Make calls for so many seconds, and write down when each leaves."""
    own, leave = Path(folder), HTTPConnection.request
    state._folder = lambda: own
    limiter._SUSPENSION = SUSPENSION

    def note(self: HTTPConnection, *args: Any, **kwargs: Any) -> None:
        with (own / "left").open("a") as left:
            left.write(f"{time.monotonic()!r}\n")
        leave(self, *args, **kwargs)

    HTTPConnection.request = note  # type: ignore[method-assign]
    client = TikTokClient(TikTokCredentials(TOKEN, url, app_id="7", qps=QPS, rate_limit_redis=settings))
    together.wait(120)
    end = time.monotonic() + seconds
    with suppress(TikTokRateLimitError):
        while time.monotonic() < end:
            client.get("report/integrated/get/", {})
    client.close()


@pytest.fixture
def run(server, tmp_path):
    """Return a function that runs all machines, lets something happen in the middle, and returns when calls left."""

    def run_all(seconds: float, meanwhile: Callable[[Any, list[Any]], None] = lambda *_: None) -> list[float]:
        context = start_context()
        together = context.Barrier(MACHINES + 1)
        logins = (RedisLogin("one", PASSWORD), RedisLogin("two", f"{PASSWORD}2"))
        folders = [tmp_path / f"machine-{number}" for number in range(MACHINES)]
        with own_redis(*USERS) as redis:
            processes = []
            for number, folder in enumerate(folders):
                folder.mkdir()
                settings = RedisSettings("limits", (("127.0.0.1", redis.port),), logins[number % 2])
                arguments = (server.url, settings, str(folder), seconds, together)
                processes.append(context.Process(target=_machine, args=arguments))
            for process in processes:
                process.start()
            together.wait(120)
            time.sleep(seconds / 2)
            meanwhile(redis, processes)
            for process in processes:
                process.join(60)
        left = [float(line) for folder in folders for line in (folder / "left").read_text().splitlines()]
        assert not [path for folder in folders for path in folder.glob("*.json")]  # no file was needed
        return sorted(left)

    return run_all


@pytest.fixture
def enforced(server):
    """Let the server refuse more than the app's calls a second, and count its answers by code."""
    codes: Counter[int] = Counter()
    taken: list[float] = []

    def answer(_: Any) -> Any:
        now = time.monotonic()
        taken[:] = [one for one in taken if one > now - 1]
        code = 40100 if len(taken) >= QPS else 0
        codes[code] += 1
        if code:
            return refusal(code, "Too many requests.")
        taken.append(now)
        return ok()

    server.script = answer
    return codes


def most_in_a_second(left: list[float]) -> int:
    return max(sum(first <= one < first + 1 for one in left) for first in left)


def used(left: list[float]) -> float:
    """Return the share of the rate limit that was used from the first call to the last."""
    share = len(left) / ((left[-1] - left[0]) * QPS)
    print(f"{len(left)} calls, {most_in_a_second(left)} in a second at most, {share:.1%} of the rate limit")
    return share


def kill_one(_: Any, processes: list[Any]) -> None:
    os.kill(processes[3].pid, signal.SIGKILL)


@pytest.mark.parametrize("meanwhile", [lambda *_: None, kill_one], ids=["all", "one is killed"])
def test_machines_keep_the_limit_together_and_use_it(run, enforced, meanwhile):
    left = run(7.5, meanwhile)
    assert most_in_a_second(left) <= QPS
    assert enforced[40100] == 0
    assert used(left) >= 0.92


def test_a_redis_that_is_started_again_lets_no_call_too_many_leave(run, enforced):
    def restart(redis: Any, _: Any) -> None:
        redis.kill()
        redis.start()

    left = run(7.5, restart)
    assert most_in_a_second(left) <= QPS
    assert enforced[40100] == 0
    gap = max(later - earlier for earlier, later in pairwise(left))
    assert 1 <= gap < 3
    assert len(left) >= 0.92 * QPS * (left[-1] - left[0] - gap)


def test_one_refusal_suspends_all_machines(run, server):
    refused: list[float] = []

    def answer(_: Any) -> Any:
        # TikTok takes none for a while once it has suspended the app
        if len(server.calls) < 30 or (refused and time.monotonic() > refused[0] + SUSPENSION):
            return ok()
        refused.append(time.monotonic())
        return refusal(40100, "App reaches the QPM limit 600")

    server.script = answer
    left = run(6)
    in_flight = [one for one in left if refused[0] < one < refused[0] + 0.3]
    assert len(in_flight) < MACHINES
    assert not [one for one in left if refused[0] + 0.3 < one < refused[0] + SUSPENSION - 0.1]
    assert len(refused) <= 1 + len(in_flight)
    assert left[-1] > refused[0] + SUSPENSION
    assert most_in_a_second(left) <= QPS


def test_a_used_up_day_ends_all_tasks(run, server):
    server.script = lambda _: ok() if len(server.calls) < 20 else refusal(40100, "App reaches the QPD limit")
    left = run(5)
    assert len(left) < 20 + MACHINES
