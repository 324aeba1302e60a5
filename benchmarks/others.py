"""Other makers' clients on one of the jobs, beside this package: TikTok's SDK, Singer's tap, Airbyte's source."""

from __future__ import annotations

import json
import os
import subprocess
import time
from decimal import Decimal

from report import LAST_DAY, Emulator, Shape, world

from tools import environment
from tools.compat import check
from tools.paths import LOGS

LATENCIES = (0, 150)
_STREAMS = {"sdk": "ad_daily", "singer": "ad_insights", "airbyte": "ads_reports_daily"}


def main(shape: Shape) -> None:
    """Run each, and print a table."""
    pythons = {client.name: check.install(client) for client in check.CLIENTS}
    print("\n| client | latency | rows | seconds | rows/s | CPU s | spend |\n|---|---|---|---|---|---|---|")
    for latency in LATENCIES:
        for client in check.CLIENTS:
            with Emulator(shape, latency) as url:
                print(run(client, pythons[client.name], shape, url, latency), flush=True)


def run(client: check.Client, python: object, shape: Shape, url: str, latency: float) -> str:
    """Let a client fetch the job, and give its line of the table."""
    folder = check.FOLDER / client.name
    job = {
        "url": url,
        "token": "benchmark",
        "app_id": "7350000000000000001",
        "app_secret": "s",
        "accounts": list(world(shape).accounts)[: shape.accounts],
        "start": str(shape.windows[0][0]),
        "end": str(LAST_DAY),
        "page_size": 1000,
        "streams": [_STREAMS[client.name]],
        "output": str(folder / "bench.jsonl"),
    }
    path = folder / "bench.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    log = (LOGS / f"bench-{client.name}.log").open("wb")
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(python), "-B", "-m", f"tools.compat.{client.name}", str(path)],
        env=environment.variables(),
        stdout=log,
        stderr=log,
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{client.package} failed; see {log.name}")
    rows = [row for stream, row in check.records(folder / "bench.jsonl") if stream == _STREAMS[client.name]]
    spend = sum((Decimal(str(row["spend"])) for row in rows), Decimal(0))
    return (
        f"| {check.pinned(client.package)} | {latency} ms | {len(rows):,} | {seconds:.1f} | {len(rows) / seconds:,.0f} | "
        f"{used.ru_utime + used.ru_stime:.1f} | {spend:,} |"
    )
