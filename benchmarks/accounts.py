"""A hundred, three hundred and a thousand accounts in one task: calls, CPU seconds, peak memory, size of the summary.

The accounts are all those that the token reaches, with one ad each; the report is their ads by day.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time

import processes

_MIB = 1 << 20


def main() -> None:
    """Run the task for each number of accounts and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--accounts", default="100,300,1000", help="numbers of accounts (default: %(default)s)"
    )
    parser.add_argument("--days", type=int, default=30, help="days of the report (default: %(default)s)")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        run(json.loads(options.task))
        return
    print(
        "| accounts | rows | calls | seconds | CPU s | MiB, peak | bytes of the summary |\n|---|---|---|---|---|---|---|"
    )
    for count in map(int, options.accounts.split(",")):
        # one more account is empty
        with (
            processes.emulator(accounts=count, ads=1) as url,
            tempfile.TemporaryDirectory(prefix="tiktok-bench-") as home,
        ):
            job = {"url": url, "days": options.days, "folder": home}
            with processes.Task(__file__, job, processes.environment(home)) as task:
                found = task.result()
        if found["rows"] != count * options.days:
            raise SystemExit(f"{found['rows']} rows, not {count * options.days}")
        print(
            f"| {count:,} | {found['rows']:,} | {found['calls']:,} | {found['seconds']:.1f} | {found['cpu']:.2f} | "
            f"{max(task.memory.largest, found['peak']) // _MIB} | {found['summary']:,} |",
            flush=True,
        )


def run(job: dict) -> None:
    """Run the operator as a task does, and write what it took."""
    # the modules that every task's process has loaded before it starts
    import airflow.sdk.execution_time.supervisor
    import airflow.sdk.execution_time.task_runner  # noqa: F401

    from airflow_provider_tiktok.emulator.settings import APP_ID
    from airflow_provider_tiktok.operators.report import TikTokReportOperator

    extra = {"app_id": APP_ID, "app_secret": "benchmark", "qps": 1_000_000}
    connection = {"conn_type": "tiktok", "host": job["url"], "password": "benchmark", "extra": extra}
    os.environ["AIRFLOW_CONN_TIKTOK_DEFAULT"] = json.dumps(connection)
    operator = TikTokReportOperator(
        task_id="report",
        advertiser_ids="*",
        dimensions="ad_id,stat_time_day",
        metrics="spend,impressions,clicks",
        report_start_date="2026-08-01",
        report_end_date=f"2026-08-{job['days']:02}",
        output_path=f"{job['folder']}/rows.jsonl",
    )
    started, cpu = time.perf_counter(), time.process_time()
    summary = operator.execute(processes.attempt(1))
    result = {
        "rows": summary["row_count"],
        "calls": summary["api_calls"],
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "peak": processes.peak(),
        "summary": len(json.dumps(summary)),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
