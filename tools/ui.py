"""``make ui``: Airflow's UI with the example DAGs, and the emulator behind them, until Ctrl-C.

The four parts of Airflow are started here one by one. `airflow standalone` would do the same, but its log
servers listen on all interfaces, and on fixed ports; here the UI reads the logs from the same disk.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tools import airflow_home, console, environment
from tools.console import Stop
from tools.environment import PYTHON
from tools.paths import LOGS, OUTPUT, ROOT, port_setting, shown
from tools.processes import LOOPBACK, Interrupted, require_free, run_or_stop, start, stop, wait_until

_COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
_READY_SECONDS = 180


def main() -> int:
    """Start everything, say where it is, and wait."""
    port, ui_port = port_setting("PORT", 8765), port_setting("UI_PORT", 8080)
    if port == ui_port:
        raise Stop(f"PORT and UI_PORT are both {port}: give the emulator and the UI one each.")
    require_free("ui", "PORT", port)
    require_free("ui", "UI_PORT", ui_port)
    environment.ensure()
    airflow_home.migrate()
    airflow_home.fail_abandoned_runs()  # of a demo that had no time to do it
    emulator, connection = airflow_home.start_emulator(port)
    save_connection(connection)
    processes = {"emulator": emulator} | start_airflow(ui_port)
    console.line()
    console.line(f"  Airflow    http://{LOOPBACK}:{ui_port}   (no login)")
    console.line(f"  Emulator   http://{LOOPBACK}:{port}   (connection {airflow_home.CONNECTION_ID})")
    console.line(f"  Files      {shown(OUTPUT)}")
    console.line(f"  Logs       {shown(LOGS)}")
    console.line("  Stop       Ctrl-C")
    console.line()
    with suppress(Interrupted):
        wait(processes)
    return 0


def save_connection(connection: dict[str, Any]) -> None:
    """Put the connection into Airflow's database, where the UI shows it and lets it be changed."""
    script = ROOT / "tools" / "save_connection.py"
    with console.step(f"Connection {airflow_home.CONNECTION_ID}") as step:
        run_or_stop(
            [PYTHON, script, airflow_home.CONNECTION_ID, json.dumps(connection)],
            LOGS / "connection.log",
            step,
            airflow_home.settings(),
        )


def start_airflow(ui_port: int) -> dict[str, subprocess.Popen[bytes]]:
    """Start the parts of Airflow and wait until all say that they are healthy."""
    env = airflow_home.settings(ui_port)
    with console.step(f"Airflow on http://{LOOPBACK}:{ui_port}") as step:
        started = {
            name: start([airflow_home.AIRFLOW, *command], log_of(name), env)
            for name, command in _COMPONENTS.items()
        }
        for name, process in started.items():
            step.note = f"waiting for the {name}"
            wait_until(partial(is_healthy, ui_port, name), process, log_of(name), step, _READY_SECONDS)
    return started


def is_healthy(ui_port: int, component: str) -> bool:
    """Ask the API server how a part of Airflow is."""
    key = "metadatabase" if component == "api-server" else component.replace("-", "_")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{LOOPBACK}:{ui_port}/api/v2/monitor/health", timeout=5) as answer:
            health = json.load(answer)
    except (OSError, ValueError):
        return False
    return bool(health.get(key) and health[key]["status"] == "healthy")


def wait(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Wait for Ctrl-C, or for a part to end that should not; then stop all parts."""
    try:
        while True:
            for name, process in processes.items():
                if process.poll() is not None:
                    log = log_of(name)
                    raise Stop(f"The {name} ended; the lines above are the end of {shown(log)}.", log)
            time.sleep(0.5)
    finally:
        with console.step("Stopping"):
            stop(*processes.values())


def log_of(name: str) -> Path:
    """Return where a part's output goes."""
    return LOGS / f"{name}.log"
