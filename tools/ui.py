"""``make ui``: Airflow's UI with the example DAGs, and the emulator behind them, until Ctrl-C.

The four parts of Airflow are started here one by one. `airflow standalone` would do the same, but its log
servers listen on all interfaces, and on fixed ports; here the UI reads the logs from the same disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

from tools import airflow_home
from tools.ports import LOOPBACK
from tools.processes import end, run, run_main, start, wait_until
from tools.progress import LOGS, OUTPUT, ROOT, Stop, console, shown, step

_COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
_READY_SECONDS = 180


def main() -> None:
    """Start everything, print where it is, and wait."""
    port, ui_port = map(int, sys.argv[1:])
    if airflow_home.VERSION.startswith("2."):
        raise Stop("Airflow 2 has no API server: make ui needs Airflow 3, make demo runs with both.")
    airflow_home.migrate()
    airflow_home.fail_abandoned_runs()  # of a demo that had no time to do it
    emulator, connection = airflow_home.start_emulator(port)
    save_connection(connection)
    processes = {"emulator": emulator} | start_airflow(ui_port)
    console.print(f"\n  Airflow    http://{LOOPBACK}:{ui_port}   (no login)")
    console.print(f"  Emulator   http://{LOOPBACK}:{port}   (connection {airflow_home.CONNECTION_ID})")
    console.print(f"  Files      {shown(OUTPUT)}")
    console.print(f"  Logs       {shown(LOGS)}")
    console.print("  Stop       Ctrl-C\n")
    wait(processes)


def save_connection(connection: dict[str, Any]) -> None:
    """Put the connection into Airflow's database, where the UI shows it and lets it be changed."""
    script = ROOT / "tools" / "save_connection.py"
    command: list[str | Path] = [sys.executable, script, airflow_home.CONNECTION_ID, json.dumps(connection)]
    run(f"Connection {airflow_home.CONNECTION_ID}", command, LOGS / "connection.log", airflow_home.settings())


def start_airflow(ui_port: int) -> dict[str, subprocess.Popen[bytes]]:
    """Start the parts of Airflow and wait until all are healthy."""
    env = airflow_home.settings(ui_port)
    with step(f"Airflow on http://{LOOPBACK}:{ui_port}"):
        started = {
            name: start([*airflow_home.AIRFLOW, *command], log_of(name), env)
            for name, command in _COMPONENTS.items()
        }
        for name, process in started.items():
            wait_until(partial(is_healthy, ui_port, name), process, log_of(name), _READY_SECONDS)
    return started


def is_healthy(ui_port: int, component: str) -> bool:
    """Ask the API server whether a part of Airflow is healthy."""
    key = "metadatabase" if component == "api-server" else component.replace("-", "_")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{LOOPBACK}:{ui_port}/api/v2/monitor/health", timeout=5) as answer:
            health = json.load(answer)
    except (OSError, ValueError):
        return False
    return bool(health.get(key) and health[key]["status"] == "healthy")


def wait(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Wait for Ctrl-C, or for a part to end that should not; then end all parts."""
    try:
        while True:
            for name, process in processes.items():
                if process.poll() is not None:
                    log = log_of(name)
                    raise Stop(f"The {name} ended; the lines above are the end of {shown(log)}.", log)
            time.sleep(0.5)
    finally:
        with step("Stopping"):
            end(*processes.values())


def log_of(name: str) -> Path:
    """Return where a part's output goes."""
    return LOGS / f"{name}.log"


if __name__ == "__main__":
    run_main(main)
