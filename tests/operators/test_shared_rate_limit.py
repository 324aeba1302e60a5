"""Tasks of one app that run at the same time, each in a separate process."""

import json
import multiprocessing
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.emulator import Settings, serve
from tests.conftest import connection_json

pytestmark = pytest.mark.alone

REPORT = "report/integrated/get/"
QPS = 10


def _task(connection: str, account: str, days: int, output: str, together: Any) -> None:
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    together.wait(120)
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
    Path(output).write_text(json.dumps([count, str(total)]), encoding="utf-8")


def run(emulator, folder, *, tasks, days, shared):
    """Run tasks concurrently, and return the result of each."""
    account = next(iter(emulator.world.accounts))
    connection = connection_json(emulator.url, qps=QPS, shared_budget=shared)
    context = multiprocessing.get_context("spawn")
    outputs = [str(folder / str(number)) for number in range(tasks)]
    together = context.Barrier(tasks)
    processes = [
        context.Process(target=_task, args=(connection, account, days, one, together)) for one in outputs
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    return [json.loads(Path(output).read_text(encoding="utf-8")) for output in outputs]


@pytest.fixture
def limited():
    with serve(Settings(seed=2, accounts=1, ads=5, empty_account=False, qps=QPS, latency_ms=30)) as emulator:
        yield emulator


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


def test_ten_tasks_of_an_app_of_ten_calls_a_second_are_never_refused(limited, tmp_path):
    assert run(limited, tmp_path, tasks=10, days=10, shared=True) == [right(limited, 10)] * 10
    calls = [call for call in limited.calls if call.path.endswith(REPORT)]
    assert len(calls) == 100
    assert {call.code for call in calls} == {0}


def test_tasks_on_several_machines_finish_all_the_same(limited, tmp_path):
    assert run(limited, tmp_path, tasks=4, days=8, shared=False) == [right(limited, 8)] * 4
    codes = [call.code for call in limited.calls if call.path.endswith(REPORT)]
    assert codes.count(0) == 32
    assert codes.count(40100) > 0
