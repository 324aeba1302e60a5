"""Tasks of one app that run at the same time, each in a separate process."""

import json
import os
import time
from contextlib import ExitStack
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from urllib3.connection import HTTPConnection

from airflow_provider_tiktok.emulator import Settings, serve
from tests.conftest import connection_json
from tests.processes import start_context

pytestmark = pytest.mark.alone

REPORT = "report/integrated/get/"
QPS = 10


def _task(connection: str, account: str, days: int, output: str, together: Any) -> None:
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    leave, left = HTTPConnection.request, []

    def note(self: HTTPConnection, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if REPORT in url:
            left.append(time.monotonic())
        leave(self, method, url, *args, **kwargs)

    HTTPConnection.request = note  # type: ignore[method-assign]
    together.wait(300)
    os.environ["AIRFLOW_CONN_TIKTOK_DEFAULT"] = connection
    rows = TikTokHook().iter_report(
        advertiser_ids=account,
        dimensions="ad_id,stat_time_hour",
        metrics="spend",
        report_start_date="2026-08-01",
        report_end_date=f"2026-08-{days:02}",
    )
    total, count = Decimal(0), 0
    for row in rows:
        total += row["spend"]
        count += 1
    Path(output).write_text(json.dumps([[count, str(total)], left]), encoding="utf-8")


def run(emulator, folder, *, tasks, days, shared):
    """Run tasks concurrently.

    :return: the result of each, and when each call left, in seconds on a clock that they share.
    """
    account = next(iter(emulator.world.accounts))
    connection = connection_json(emulator.url, qps=QPS, shared_budget=shared)
    context = start_context()
    outputs = [str(folder / str(number)) for number in range(tasks)]
    together = context.Barrier(tasks)
    processes = [
        context.Process(target=_task, args=(connection, account, days, one, together)) for one in outputs
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    found = [json.loads(Path(output).read_text(encoding="utf-8")) for output in outputs]
    return [result for result, _ in found], sorted(chain.from_iterable(left for _, left in found))


@pytest.fixture
def start():
    with ExitStack() as stack:
        yield lambda qps: stack.enter_context(
            serve(Settings(seed=2, accounts=1, ads=5, empty_account=False, qps=qps, latency_ms=30))
        )


def right(emulator, days):
    account = next(iter(emulator.world.accounts))
    rows = emulator.world.rows(
        account,
        "AUCTION_AD",
        ["ad_id", "stat_time_day"],
        ["spend"],
        "2026-08-01",
        f"2026-08-{days:02}",
        include_deleted=True,
    )
    return [24 * len(rows), str(sum(Decimal(row["metrics"]["spend"]) for row in rows))]


def test_ten_tasks_of_one_app_keep_to_its_ten_calls_a_second(start, tmp_path):
    # measured where calls leave: on a busy machine an emulator that enforces the limit counts them later than they come
    emulator = start(0)
    results, left = run(emulator, tmp_path, tasks=10, days=5, shared=True)
    assert results == [right(emulator, 5)] * 10
    assert len(left) == 50
    assert min(later - earlier for earlier, later in zip(left, left[QPS:], strict=False)) > 1


def test_tasks_on_several_machines_finish_all_the_same(start, tmp_path):
    emulator = start(QPS)
    results, _ = run(emulator, tmp_path, tasks=4, days=8, shared=False)
    assert results == [right(emulator, 8)] * 4
    codes = [call.code for call in emulator.calls if call.path.endswith(REPORT)]
    assert codes.count(0) == 32
    assert codes.count(40100) > 0
