"""One account's rows by the million in one task, to partitioned Parquet and to PostgreSQL.

``make bench ARGS="rows --ads 10000 --kill 0.6"`` is ten million rows. Every row of every output is compared with the
emulator's data. Memory is that of the task's processes, without the emulator and the database.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from math import nan
from pathlib import Path
from typing import Any

import processes

METRICS = "spend,impressions,clicks,ctr,cpc,cpm,reach,frequency,conversion,cost_per_conversion,video_play_actions,likes"
LAST_DAY = date(2026, 10, 31)
TABLE = "benchmark_rows"
COLUMNS = (
    *(
        "output",
        "rows",
        "calls",
        "seconds",
        "CPU s",
        "seconds per million, tenth by tenth",
        "CPU s per million",
        "per CPU s of calls",
    ),
    *("to publish", "MiB, first half", "MiB, peak"),
)
PAGE = 1000
MILLION = 1_000_000
_MIB = 1 << 20
_POLL = 2.0  # seconds between two looks at the emulator's calls


def main() -> None:
    """Run the outputs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ads", type=int, default=1000, help="ads of the account (default: %(default)s)")
    parser.add_argument("--days", type=int, default=1000, help="days of the report (default: %(default)s)")
    parser.add_argument("--to", default="parquet,postgres", help="outputs (default: %(default)s)")
    parser.add_argument(
        "--kill", type=float, help="kill a further task after this part of its calls, and retry it"
    )
    parser.add_argument(
        "--qps", type=int, default=0, help="calls a second; 0 is no limit (default: %(default)s)"
    )
    parser.add_argument("--no-check", action="store_true", help="compare no rows")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        run(json.loads(options.task))
        return
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    with processes.emulator(accounts=1, ads=options.ads, qps=options.qps) as url:
        for output in options.to.split(","):
            measure(options, url, output)


def measure(options: argparse.Namespace, url: str, output: str) -> None:
    """Run one output, and print what it took; then kill a task and retry it."""
    with tempfile.TemporaryDirectory(prefix="tiktok-bench-") as home:
        job = {
            **{name: getattr(options, name) for name in ("ads", "days", "qps")},
            **{"url": url, "output": output, "folder": f"{home}/rows"},
        }
        env = processes.environment(home, **database(output))
        with processes.Task(__file__, job | {"attempt": 1}, env) as task:
            found = task.result()
        print_row(output, found, task)
        if not options.no_check:
            check(job, found["rows"])
        if options.kill:
            kill(options, env, job | {"folder": f"{home}/killed"})


def kill(options: argparse.Namespace, env: dict[str, str], job: dict) -> None:
    """Kill a task after a part of its calls, retry it, and print the calls of both."""
    wanted = options.kill * options.ads * options.days / PAGE
    processes.clear(job["url"])
    with processes.Task(__file__, job | {"attempt": 1}, env) as task:
        while (before := processes.calls(job["url"])) < wanted:
            time.sleep(_POLL)
        task.kill()
    processes.clear(job["url"])
    with processes.Task(__file__, job | {"attempt": 2}, env) as task:
        found = task.result()
    after = processes.calls(job["url"])
    print(
        f"\n{job['output']}: killed after {before} calls, {after} in the retry; {task.memory.largest // _MIB} MiB\n"
    )
    if not options.no_check:
        check(job, found["rows"])


def print_row(output: str, found: dict, task: processes.Task) -> None:
    """Print what a task took."""
    windows = [line for line in task.lines if "window" in line]
    seconds, cpu, ratios = zip(*per_million(windows), strict=True)
    samples = [memory for _, memory in task.memory.samples]
    publish = (found["cpu"] - windows[-1]["cpu"]) / found["rows"] * MILLION
    print(
        f"| {output} | {found['rows']:,} | {found['calls']:,} | {found['seconds']:.0f} | {found['cpu']:.1f} | "
        f"{in_row(seconds, 1)} | {in_row(cpu, 1)} | {in_row(ratios, 2)} | "
        f"{publish:.2f} | {max(samples[: len(samples) // 2]) // _MIB} | "
        f"{max(task.memory.largest, found['peak']) // _MIB} |",
        flush=True,
    )


def in_row(numbers: Iterable[float], decimals: int) -> str:
    """Return numbers in a row."""
    return " ".join(f"{number:.{decimals}f}" for number in numbers)


def per_million(windows: list[dict]) -> Iterator[tuple[float, float, float]]:
    """Yield seconds and CPU seconds that a million rows took, for each tenth of them; the first window warms up.

    With them come the CPU seconds per second that the calls took: a page is as much work at the end as at the beginning,
    on a machine whose speed changes.
    """
    before, tenth = windows[0], windows[-1]["rows"] / 10
    for window in windows:
        if (rows := window["rows"] - before["rows"]) >= tenth or window is windows[-1]:
            seconds, cpu, calls = (window[name] - before[name] for name in ("time", "cpu", "calls"))
            yield seconds / rows * MILLION, cpu / rows * MILLION, cpu / calls if calls else nan
            before = window


def database(output: str) -> dict[str, str]:
    """Return the connection of an output's database, if it has one."""
    if output != "postgres":
        return {}
    from tests import servers

    os.environ["BENCHMARK_DATABASE"] = servers.postgres()
    return {"AIRFLOW_CONN_WAREHOUSE": servers.postgres()}


def write_windows() -> None:
    """Let the task write, whenever the rows of a window are complete, the rows until then, seconds and CPU seconds.

    With them come the CPU seconds of the calls, from the request to the answer that is read as JSON.
    """
    from airflow_provider_tiktok.api.client import TikTokClient
    from airflow_provider_tiktok.reports.fetch.scheduler import PageScheduler

    next_window, get = PageScheduler.next_window, TikTokClient.get
    rows = 0
    calls: list[float] = []  # several threads append to it

    def get_and_measure(client: TikTokClient, *args: Any, **options: Any) -> Any:
        start = time.thread_time()
        answer = get(client, *args, **options)
        calls.append(time.thread_time() - start)
        return answer

    def next_and_write(scheduler: PageScheduler) -> Any:
        nonlocal rows
        window = next_window(scheduler)
        if window is not None:
            rows += len(window.rows)
            now = {"time": time.perf_counter(), "cpu": time.process_time(), "calls": sum(calls)}
            print(json.dumps({"window": True, "rows": rows, **now}), flush=True)
        return window

    PageScheduler.next_window = next_and_write
    TikTokClient.get = get_and_measure


def run(job: dict) -> None:
    """Run the operator as a task does, and write what it took."""
    # the modules that every task's process has loaded before it starts
    import airflow.sdk.execution_time.supervisor
    import airflow.sdk.execution_time.task_runner  # noqa: F401

    from airflow_provider_tiktok.operators.report import TikTokReportOperator
    from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator

    account = next(iter(world(job).accounts))
    extra = {"advertiser_ids": [account], "qps": job["qps"] or MILLION}
    connection = {"conn_type": "tiktok", "host": job["url"], "password": "benchmark", "extra": extra}
    os.environ["AIRFLOW_CONN_TIKTOK_DEFAULT"] = json.dumps(connection)
    report = {
        "task_id": "report",
        "dimensions": "ad_id,stat_time_day",
        "metrics": METRICS,
        "report_start_date": LAST_DAY - timedelta(days=job["days"] - 1),
        "report_end_date": LAST_DAY,
    }
    if job["output"] == "postgres":
        operator = TikTokReportToSqlOperator(sql_conn_id="warehouse", table=TABLE, **report)
    else:
        files = {"output_path": f"{job['folder']}/", "output_format": job["output"]}
        operator = TikTokReportOperator(**files, partition_by=["stat_time_day"], **report)
    started = time.perf_counter()
    write_windows()
    summary = operator.execute(processes.attempt(job["attempt"]))
    result = {
        "rows": summary["row_count"],
        "calls": summary["api_calls"],
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time(),
        "peak": processes.peak(),
        "summary": len(json.dumps(summary)),
    }
    print(json.dumps(result), flush=True)


def world(job: dict):
    """Return the emulator's data."""
    from airflow_provider_tiktok.emulator import Settings
    from airflow_provider_tiktok.emulator.world.world import World

    return World(Settings(accounts=1, ads=job["ads"]))


def check(job: dict, count: int) -> None:
    """Compare every row, day by day, with the emulator's data.

    :raises SystemExit: a row is wrong, missing, or there more than once.
    """
    expected, metrics = world(job), METRICS.split(",")
    account = next(iter(expected.accounts))
    rows = ROWS[job["output"]](job)
    if count != job["ads"] * job["days"]:
        raise SystemExit(f"{count} rows, not {job['ads'] * job['days']}")
    for number in reversed(range(job["days"])):
        day = LAST_DAY - timedelta(days=number)
        wanted = {
            row["dimensions"]["ad_id"]: tuple(decimal_of(row["metrics"][name]) for name in metrics)
            for row in expected.rows(
                account, "AUCTION_AD", ["ad_id", "stat_time_day"], metrics, day, include_deleted=True
            )
        }
        for _ in range(job["ads"]):
            found_day, ad, *values = next(rows)
            if found_day != day or wanted.pop(ad, ()) != tuple(values):
                raise SystemExit(f"wrong row: {found_day}, ad {ad}, {values}; of {day}")
    if next(rows, None) is not None:
        raise SystemExit("there are more rows than there should be")


def decimal_of(text: str) -> Decimal | None:
    """Return TikTok's text of a metric as a number."""
    return None if text == "-" else Decimal(text)


def parquet_rows(job: dict) -> Iterator[tuple]:
    """Yield day, ad and metrics of every row in a folder, day by day."""
    from pyarrow.parquet import ParquetFile

    for folder in sorted(Path(job["folder"]).glob("stat_time_day=*")):
        day = date.fromisoformat(folder.name.partition("=")[2])
        (path,) = folder.glob("*.parquet")
        columns = ["ad_id", *METRICS.split(",")]
        for batch in ParquetFile(path).iter_batches(5_000, columns=columns):
            for row in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                yield day, *row


def table_rows(_: dict) -> Iterator[tuple]:
    """Yield day, ad and metrics of every row in the table, day by day."""
    import psycopg2

    with (
        psycopg2.connect(os.environ["BENCHMARK_DATABASE"]) as connection,
        connection.cursor("rows") as cursor,
    ):
        cursor.itersize = 10_000
        cursor.execute(f"SELECT stat_time_day, ad_id, {METRICS} FROM {TABLE} ORDER BY stat_time_day")
        yield from cursor


ROWS = {"parquet": parquet_rows, "postgres": table_rows}


if __name__ == "__main__":
    main()
