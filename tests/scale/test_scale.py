"""Many accounts and many days on several Celery workers: every row once, within the app's rate limit, a worker lost."""

import itertools
import json
import time
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

import pytest

from tests.scale.conftest import ACCOUNTS, DAYS
from tests.scale.measure import measured

pytestmark = [pytest.mark.airflow, pytest.mark.full]

METRICS = ("spend", "impressions", "clicks")
HOURLY = ("AUCTION_CAMPAIGN", ("campaign_id", "stat_time_hour"))
DAILY = ("AUCTION_AD", ("ad_id", "stat_time_day"))
WEEK = [f"2026-08-0{day}" for day in range(1, 8)]
SECONDS = 120 + ACCOUNTS * 6


def held(emulator, accounts, level, dimensions, days):
    """Return every row that TikTok has, as a counter of its values."""
    return Counter(
        values(account, [row["dimensions"][name] for name in dimensions], row["metrics"])
        for account, day in itertools.product(accounts, days)
        for row in emulator.world.rows(account, level, dimensions, METRICS, day, include_deleted=True)
    )


def written(folder, dimensions):
    """Return every row of the data files in a folder, as a counter of its values."""
    rows = Counter()
    for path in folder.rglob("*.jsonl"):
        parts = path.relative_to(folder).parts
        if any(part.startswith((".", "_")) for part in parts):
            continue
        said = dict(part.split("=", 1) for part in parts[:-1])
        for line in path.read_text(encoding="utf-8").splitlines():
            row = said | json.loads(line, parse_float=Decimal)
            rows[values(row["advertiser_id"], [row[name] for name in dimensions], row)] += 1
    return rows


def values(account, dimensions, metrics):
    """Return a row's values in one form: TikTok writes a day as its midnight."""
    texts = (text.replace("T", " ").removesuffix(" 00:00:00") for text in dimensions)
    return (account, *texts, *(Decimal(str(metrics[name])) for name in METRICS))


def assert_complete(emulator, folder):
    """Check every account's rows, and that no files were left behind."""
    assert written(folder, HOURLY[1]) == held(emulator, emulator.world.accounts, *HOURLY, WEEK)
    assert list(folder.glob(".tiktok-run-*")) == []


def assert_rate_limit_kept(figures):
    """Check that the workers' processes kept the app's rate limit together.

    Each by itself would be refused every other call. A busy machine may hold up calls that left in good time so that
    they reach TikTok together; these few are allowed for.
    """
    assert figures["refused"] <= max(2, figures["calls"] // 100), figures


def lose_a_worker(cluster, emulator, run, calls):
    """Kill a worker that runs the report, when so many calls have been made."""
    deadline = time.monotonic() + SECONDS
    while True:
        time.sleep(0.2)
        assert time.monotonic() < deadline, "no worker was at work"
        if sum(call.path.endswith("report/integrated/get/") for call in emulator.calls) < calls:
            continue
        running = [
            task for task in run.all_tasks() if task["task_id"] == "report" and task["state"] == "running"
        ]
        worker = cluster.worker_of({task["pid"] for task in running})
        if worker:
            break
    cluster.kill_worker(worker)
    cluster.start_workers(f"{worker}-again")


def test_one_task_reads_every_account(cluster, limited, output):
    with measured("one task", cluster, limited) as figures:
        run = cluster.airflow.run("one_task", seconds=SECONDS)
    assert run.states() == {"report[-1]": "success"}
    assert run.xcom("report")["row_count"] == ACCOUNTS * 2 * 24 * len(WEEK)
    assert figures["calls"] == ACCOUNTS * len(WEEK) + figures["refused"]
    assert_rate_limit_kept(figures)
    assert_complete(limited, output / "one_task")


def test_mapped_tasks_keep_the_same_rate_limit(cluster, limited, output):
    with measured("mapped", cluster, limited) as figures:
        run = cluster.airflow.run("mapped", seconds=SECONDS)
        tasks = run.all_tasks()
        figures["task_seconds"] = median(task["duration"] for task in tasks)
    assert {task["state"] for task in tasks} == {"success"}
    assert len(tasks) == 1 + ACCOUNTS
    assert_rate_limit_kept(figures)
    assert_complete(limited, output / "mapped")


@pytest.mark.parametrize("dag_id", ["one_task_killed", "mapped_killed"])
def test_the_rows_are_right_after_a_worker_was_lost(cluster, limited, output, dag_id):
    with measured(dag_id, cluster, limited) as figures:
        run = cluster.airflow.start(dag_id, seconds=SECONDS)
        lose_a_worker(cluster, limited, run, ACCOUNTS * len(WEEK) // 3)
        run.wait(SECONDS)
    tasks = run.all_tasks()
    assert {task["state"] for task in tasks} == {"success"}
    assert max(task["try_number"] for task in tasks) >= 2
    assert_rate_limit_kept(figures)
    assert_complete(limited, output / dag_id)


def test_a_parallel_backfill_writes_each_day_once(cluster, limited, output):
    first = date(2026, 6, 1)
    days = [(first + timedelta(days=number)).isoformat() for number in range(DAYS)]
    with measured("backfill", cluster, limited) as figures:
        runs = cluster.airflow.backfill(
            "days", days[0], days[-1], max_active_runs=8, seconds=SECONDS + DAYS * 10
        )
    assert Counter(run["state"] for run in runs) == {"success": DAYS}
    accounts = list(limited.world.accounts)[:5]
    folder = output / "days"
    assert written(folder, DAILY[1]) == held(limited, accounts, *DAILY, days)
    files = [path for path in folder.rglob("*.jsonl") if path.parent.name.startswith("stat_time_day=")]
    assert sorted(path.parent.name for path in files) == [f"stat_time_day={day}" for day in days]
    assert_rate_limit_kept(figures)


def test_workers_of_two_machines_are_refused_and_bring_every_row(cluster, limited, output):
    cluster.stop()
    cluster.start_workers("here", "there", apart=True)
    with measured("mapped, two machines", cluster, limited) as figures:
        run = cluster.airflow.run("mapped_apart", seconds=SECONDS)
    assert {task["state"] for task in run.all_tasks()} == {"success"}
    assert figures["refused"] > 0
    assert_complete(limited, output / "mapped_apart")


def test_workers_of_two_machines_keep_one_rate_limit_through_redis(cluster, limited, output):
    cluster.stop()
    cluster.start_workers("near", "far", apart=True)
    with measured("mapped, two machines, one Redis", cluster, limited) as figures:
        run = cluster.airflow.run("mapped_through_redis", seconds=SECONDS)
    assert {task["state"] for task in run.all_tasks()} == {"success"}
    assert len(run.all_tasks()) == 1 + ACCOUNTS
    assert_rate_limit_kept(figures)
    assert_complete(limited, output / "mapped_through_redis")
