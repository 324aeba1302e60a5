"""Calls, seconds, CPU and peak memory of reports of several sizes. ``make bench`` runs it.

Each job runs in a separate process, as a task does, against an emulator in another process. Memory is the peak
of the job's process minus that of the same process with an empty operator. Every row of a job's file is
compared with the emulator's data.
"""

from __future__ import annotations

import argparse
import atexit
import compileall
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path

METRICS = "spend,impressions,clicks,ctr,cpc,cpm,reach,frequency,conversion,cost_per_conversion,video_play_actions,likes"
LAST_DAY = date(2026, 10, 31)
PACKAGE = Path(__file__).parent.parent / "airflow_provider_tiktok"
PAGE = 1000
CONCURRENCY = 8


@dataclass(frozen=True)
class Shape:
    """The report of a job."""

    accounts: int
    ads: int
    days: int
    hourly: bool = False

    @property
    def time(self) -> str:
        """Return the time dimension."""
        return "stat_time_hour" if self.hourly else "stat_time_day"

    @property
    def windows(self) -> list[tuple[date, date]]:
        """Return first and last day of each request window."""
        span = 1 if self.hourly else 30
        first = LAST_DAY - timedelta(days=self.days - 1)
        starts = [first + timedelta(days=day) for day in range(0, self.days, span)]
        return [(start, min(start + timedelta(days=span - 1), LAST_DAY)) for start in starts]

    @property
    def calls(self) -> int:
        """Return the minimum number of calls: one per page."""
        rows = [
            self.ads * ((end - start).days + 1) * (24 if self.hourly else 1) for start, end in self.windows
        ]
        return self.accounts * sum(ceil(one / PAGE) for one in rows)

    def seconds(self, latency_ms: float, qps: float) -> float:
        """Return the minimum duration of these calls."""
        duration = (1 + ceil((self.calls - 1) / CONCURRENCY)) * latency_ms / 1000
        return max(duration, (self.calls - 1) // qps if qps else 0)


JOBS = {
    "30k": Shape(1, 1000, 30),
    "90k": Shape(1, 1000, 90),
    "300k": Shape(1, 1000, 300),
    "1M": Shape(1, 1000, 1000),
    "3 accounts": Shape(3, 1000, 90),
    "200 accounts": Shape(200, 10, 30),
    "hourly": Shape(1, 100, 7, hourly=True),
}


def main() -> None:
    """Run the jobs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", default=",".join(JOBS), help="the jobs to run (default: %(default)s)")
    parser.add_argument(
        "--limits",
        default="0:0,150:0,150:10",
        help="latency in ms, and rate limit in calls per second; 0 is none (default: %(default)s)",
    )
    parser.add_argument("--formats", default="jsonl", help="output formats (default: %(default)s)")
    parser.add_argument("--others", action="store_true", help="also run other clients on the job 30k")
    parser.add_argument(
        "--second",
        action="store_true",
        help="measure the second of two reports in a process, in which all modules are loaded",
    )
    parser.add_argument(
        "--tls", action="store_true", help="measure over HTTPS, with a CA of this machine among certifi's"
    )
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(run_job(json.loads(options.job))))
        return
    compileall.compile_dir(PACKAGE, quiet=2)  # as pip does during installation
    pem = certificates() if options.tls else ""
    empty = in_new_process({"empty": True})["rss"]
    print(
        "| job | format | latency | limit | rows | calls (least) | seconds (least) | rows/s | CPU s | over empty |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for limits in options.limits.split(","):
        latency, qps = map(float, limits.split(":"))
        for name in options.jobs.split(","):
            for output_format in options.formats.split(","):
                shape = JOBS[name]
                with Emulator(shape, latency, qps, pem) as url:
                    job = {
                        "url": url,
                        "shape": asdict(shape),
                        "format": output_format,
                        "qps": qps or 1_000_000,
                        "second": options.second,
                    }
                    run = in_new_process(job)
                print(
                    f"| {name} | {output_format} | {latency:g} ms | {f'{qps:g}/s' if qps else 'none'} | {run['rows']:,} | "
                    f"{run['calls']} ({shape.calls}) | {run['seconds']:.2f} ({shape.seconds(latency, qps):.2f}) | "
                    f"{run['rows'] / run['seconds']:,.0f} | {run['cpu']:.2f} | {(run['rss'] - empty) / 1024:.0f} MiB |",
                    flush=True,
                )
    if options.others:
        sys.path.insert(0, str(Path(__file__).parent.parent))
        import others

        others.main(JOBS["30k"])


def certificates() -> str:
    """Make a certificate, let tasks trust it next to certifi's, and return its file."""
    import certifi

    sys.path.insert(0, str(PACKAGE.parent))
    from tests.tls import self_signed

    folder = Path(tempfile.mkdtemp(prefix="tiktok-bench-"))
    atexit.register(shutil.rmtree, folder)
    pem, bundle = self_signed(folder), folder / "bundle.pem"
    # as many CAs as a task has in production, whose reading takes CPU
    own = Path(pem).read_text(encoding="ascii").partition("-----BEGIN PRIVATE")[0]
    bundle.write_text(Path(certifi.where()).read_text(encoding="utf-8") + own, encoding="utf-8")
    os.environ["REQUESTS_CA_BUNDLE"] = str(bundle)
    return pem


class Emulator:
    """An emulator with the accounts of a job, in its own process."""

    def __init__(self, shape: Shape, latency_ms: float, qps: float = 0, pem: str = "") -> None:
        options = ["--port", "0", "--accounts", str(shape.accounts), "--ads", str(shape.ads)]
        self._options = [*options, "--latency-ms", str(latency_ms), "--qps", f"{qps:g}"]
        self._module = ["tests.tls", pem] if pem else ["airflow_provider_tiktok.emulator"]
        self._scheme = "https:" if pem else "http:"

    def __enter__(self) -> str:
        command = [sys.executable, "-m", *self._module, *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PACKAGE.parent)
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()[3].replace("http:", self._scheme)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def in_new_process(job: dict) -> dict:
    """Run one job in a separate process and return its measurements."""
    with tempfile.TemporaryDirectory(prefix="tiktok-bench-") as home:
        env = os.environ | {
            "AIRFLOW_HOME": home,
            "PYTHONWARNINGS": "ignore",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        }
        command = [sys.executable, __file__, "--job", json.dumps(job | {"folder": home})]
        result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if result.returncode:
            raise SystemExit(result.stderr[-3000:])
        found = json.loads(result.stdout.splitlines()[-1])
        if "format" in job:
            rows = READERS[job["format"]](Path(home, f"rows.{job['format']}"))
            check(rows, Shape(**job["shape"]))
        return found


def run_job(job: dict) -> dict:
    """Run the operator as a task does, or an empty operator, and return the measurements."""
    # the modules that every task's process has loaded before it starts
    import airflow.sdk.execution_time.supervisor
    import airflow.sdk.execution_time.task_runner  # noqa: F401
    from airflow.sdk import BaseOperator, ObjectStoragePath

    if "empty" in job:

        class Empty(BaseOperator):
            def execute(self, context):
                ObjectStoragePath(job["folder"]).fs.exists(job["folder"])

        Empty(task_id="empty").execute({})
        return {"rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}

    from airflow_provider_tiktok.operators.report import TikTokReportOperator

    shape = Shape(**job["shape"])
    extra = {"advertiser_ids": list(world(shape).accounts)[: shape.accounts], "qps": job["qps"]}
    connection = {"conn_type": "tiktok", "host": job["url"], "password": "benchmark", "extra": extra}
    os.environ["AIRFLOW_CONN_TIKTOK_DEFAULT"] = json.dumps(connection)
    operator = TikTokReportOperator(
        task_id="report",
        dimensions=f"ad_id,{shape.time}",
        metrics=METRICS,
        output_path=str(Path(job["folder"], f"rows.{job['format']}")),
        report_start_date=shape.windows[0][0],
        report_end_date=LAST_DAY,
        max_concurrency=CONCURRENCY,
    )
    if job["second"]:
        operator.execute({})
    cpu, start = time.process_time(), time.perf_counter()
    summary = operator.execute({})
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "rows": summary["row_count"],
        "calls": summary["api_calls"],
        "seconds": seconds,
        "cpu": cpu,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def same(got, wanted: str | None) -> bool:
    """Return whether a value is as expected: the same text, or an equal number."""
    if got is None or wanted is None or isinstance(got, str):
        return got == wanted
    return got == Decimal(wanted)


def world(shape: Shape):
    """Return the data of a job's emulator."""
    from airflow_provider_tiktok.emulator import Settings
    from airflow_provider_tiktok.emulator.world.world import World

    return World(Settings(accounts=shape.accounts, ads=shape.ads))


def json_rows(path: Path):
    """Return the rows of a file of JSON lines, with numbers as strings."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line, parse_float=str, parse_int=str)


def csv_rows(path: Path):
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {name: text or None for name, text in row.items()}


def parquet_rows(path: Path):
    """Return the rows of a Parquet file."""
    from pyarrow.parquet import ParquetFile

    for batch in ParquetFile(path).iter_batches(5_000):
        yield from batch.to_pylist()


READERS = {"jsonl": json_rows, "csv": csv_rows, "parquet": parquet_rows}


def check(found, shape: Shape) -> None:
    """Raise SystemExit if a row of a file differs from the emulator's data."""
    expected, metrics = world(shape), METRICS.split(",")
    for account in list(expected.accounts)[: shape.accounts]:
        for start, end in shape.windows:
            rows = expected.rows(
                account, "AUCTION_AD", ["ad_id", shape.time], metrics, start, end, include_deleted=True
            )
            for row in sorted(
                rows, key=lambda row: (row["dimensions"][shape.time], row["dimensions"]["ad_id"])
            ):
                got = next(found)
                wanted = {name: None if text == "-" else text for name, text in row["metrics"].items()}
                if got["ad_id"] != row["dimensions"]["ad_id"] or any(
                    not same(got[name], wanted[name]) for name in metrics
                ):
                    raise SystemExit(f"wrong row: {got}, not {row}")
    if next(found, None) is not None:
        raise SystemExit("there are more rows than there should be")


if __name__ == "__main__":
    main()
