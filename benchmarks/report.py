"""Rows a second, calls and peak memory of reports of several sizes. ``make bench`` runs it.

Each job runs in a process of its own, as a task does, against an emulator in another one. Memory is the
peak of the job's process above that of the same process running an empty operator. Every row of a job's
file is counted, and its spend is added up and compared with the account's own total.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.request import Request, urlopen

METRICS = "spend,impressions,clicks,ctr,cpc,cpm,reach,frequency,conversion,cost_per_conversion,video_play_actions,likes"
LAST_DAY = date(2026, 10, 31)
ADS = 1000
JOBS = {"30k": 30, "300k": 300, "1M": 1000}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", default=",".join(JOBS), help="which of them (default: %(default)s)")
    parser.add_argument("--latency-ms", default="0,150", help="latencies of a call (default: %(default)s)")
    parser.add_argument("--formats", default="jsonl", help="output formats (default: %(default)s)")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(run_job(json.loads(options.job))))
        return
    empty = in_a_process({"days": 0})["rss"]
    print("   job    format  latency       rows  calls  seconds   rows/s  CPU s  peak MiB over empty")
    for latency in map(float, options.latency_ms.split(",")):
        with Emulator(latency) as url:
            for name in options.jobs.split(","):
                for output_format in options.formats.split(","):
                    job = {"url": url, "days": JOBS[name], "format": output_format}
                    done = in_a_process(job)
                    print(
                        f"{name:>6} {output_format:>9} {latency:>5g} ms {done['rows']:>10,} {done['calls']:>6}"
                        f" {done['seconds']:>8.2f} {done['rows'] / done['seconds']:>8,.0f} {done['cpu']:>6.2f}"
                        f" {(done['rss'] - empty) / 1024:>20.0f}",
                        flush=True,
                    )


class Emulator:
    """An emulator with one account of a thousand ads, in its own process."""

    def __init__(self, latency_ms: float) -> None:
        self._options = ["--port", "0", "--accounts", "1", "--ads", str(ADS), "--latency-ms", str(latency_ms)]

    def __enter__(self) -> str:
        command = [sys.executable, "-m", "airflow_provider_tiktok.emulator", *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()[3]

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def in_a_process(job: dict) -> dict:
    """Run one job in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="tiktok-bench-") as home:
        env = os.environ | {
            "AIRFLOW_HOME": home,
            "PYTHONWARNINGS": "ignore",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        }
        command = [sys.executable, __file__, "--job", json.dumps(job | {"folder": home})]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        return json.loads(done.stdout.splitlines()[-1])


def run_job(job: dict) -> dict:
    """Do what a task does; without days, nothing."""
    from airflow.sdk import BaseOperator, ObjectStoragePath

    if not job["days"]:

        class Empty(BaseOperator):
            def execute(self, context):
                ObjectStoragePath(job["folder"]).fs.exists(job["folder"])

        Empty(task_id="empty").execute({})
        return {"rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}

    from airflow_provider_tiktok.operators.report import TikTokReportOperator

    account = only_account(job["url"])
    path = Path(job["folder"], f"rows.{job['format']}")
    extra = {"advertiser_ids": account, "qps": 1_000_000}
    connection = {"conn_type": "tiktok", "host": job["url"], "password": "benchmark", "extra": extra}
    os.environ["AIRFLOW_CONN_TIKTOK_DEFAULT"] = json.dumps(connection)
    dates = {"report_start_date": LAST_DAY - timedelta(days=job["days"] - 1), "report_end_date": LAST_DAY}
    operator = TikTokReportOperator(
        task_id="report", dimensions="ad_id,stat_time_day", metrics=METRICS, output_path=str(path), **dates
    )
    cpu, start = time.process_time(), time.perf_counter()
    summary = operator.execute({})
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if job["format"] == "jsonl":
        check(path, summary["row_count"], dates)
    return {
        "rows": summary["row_count"],
        "calls": summary["api_calls"],
        "seconds": seconds,
        "cpu": cpu,
        "rss": rss,
    }


def only_account(url: str) -> str:
    """Ask the emulator which account it has."""
    from airflow_provider_tiktok.emulator.settings import APP_ID

    request = Request(
        f"{url}/open_api/v1.3/oauth2/advertiser/get/?app_id={APP_ID}&secret=s", headers={"Access-Token": "t"}
    )
    with urlopen(request) as answer:
        return json.load(answer)["data"]["list"][0]["advertiser_id"]


def check(path: Path, rows: int, dates: dict) -> None:
    """Compare the file's spend with the account's own."""
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    counted, spend = 0, Decimal(0)
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            counted += 1
            spend += Decimal(json.loads(line, parse_float=Decimal)["spend"])
    total = sum(
        row["spend"] for row in TikTokHook().iter_report(dimensions="advertiser_id,stat_time_day", **dates)
    )
    if (counted, spend) != (rows, total):
        raise SystemExit(f"wrong rows: {counted} of {rows}, spend {spend} against {total}")


if __name__ == "__main__":
    main()
