"""A benchmark of other clients on one of the jobs: TikTok's SDK, Singer's tap, Airbyte's source."""

from __future__ import annotations

import os
import subprocess
import time
from decimal import Decimal

from report import LAST_DAY, Emulator, Shape, world

from tests.compat import clients

LATENCIES = (0, 150)
_STREAMS = {"sdk": "ad_daily", "singer": "ad_insights", "airbyte": "ads_reports_daily"}


def main(shape: Shape) -> None:
    """Run each client and print a table."""
    print("\n| client | latency | rows | seconds | rows/s | CPU s | spend |\n|---|---|---|---|---|---|---|")
    for latency in LATENCIES:
        for client in clients.CLIENTS:
            with Emulator(shape, latency) as url:
                print(run(client, shape, url, latency), flush=True)


def run(client: clients.Client, shape: Shape, url: str, latency: float) -> str:
    """Run a client on the job and return its row of the table."""
    folder = clients.ROOT / ".demo" / "compat" / client.name
    folder.mkdir(parents=True, exist_ok=True)
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
    }
    command = clients.command(client, job, folder)
    log = (folder / "client.log").open("wb")
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=log, stderr=log)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{client.package} failed; see {log.name}")
    rows = [row for stream, row in clients.records(folder) if stream == _STREAMS[client.name]]
    spend = sum((Decimal(str(row["spend"])) for row in rows), Decimal(0))
    return (
        f"| {client.package} | {latency} ms | {len(rows):,} | {seconds:.1f} | {len(rows) / seconds:,.0f} | "
        f"{used.ru_utime + used.ru_stime:.1f} | {spend:,} |"
    )
