"""The clone's own Airflow in ``.demo``: its settings, its database, and the emulator beside it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tools.ports import LOOPBACK, accepts
from tools.processes import run, start, wait_until
from tools.progress import EXAMPLES, LOGS, OUTPUT, WORK, step

VERSION = version("apache-airflow")
HOME = WORK / f"airflow-{VERSION}"
DATABASE = HOME / "airflow.db"
AIRFLOW = (sys.executable, "-m", "airflow")
CONNECTION_ID = "tiktok_default"
CONNECTION_VARIABLE = "AIRFLOW_CONN_TIKTOK_DEFAULT"
_MIGRATED = HOME / "migrated"
_NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
# How to tell the runs of `airflow dags test` from others; Airflow 2 doesn't record who triggered a run.
_OF_TEST = (
    "run_type = 'manual' AND external_trigger = 0" if VERSION.startswith("2.") else "triggered_by = 'TEST'"
)
_FAIL_ABANDONED = (
    f"UPDATE task_instance SET state = 'failed', end_date = {_NOW}"
    " WHERE (state IS NULL OR state NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))"
    " AND EXISTS (SELECT 1 FROM dag_run AS run WHERE run.dag_id = task_instance.dag_id"
    f" AND run.run_id = task_instance.run_id AND run.state = 'running' AND {_OF_TEST})",
    f"UPDATE dag_run SET state = 'failed', end_date = {_NOW} WHERE state = 'running' AND {_OF_TEST}",
)


def settings(ui_port: int = 8080) -> dict[str, str]:
    """Return the environment in which Airflow's commands run."""
    api = f"http://{LOOPBACK}:{ui_port}"
    return dict(os.environ) | {
        "AIRFLOW_HOME": str(HOME),
        # all parts of Airflow write into one file; SQLite's own timeout of 5 s is too short on a busy machine
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{DATABASE}?timeout=60",
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(ui_port),
        "AIRFLOW__API__BASE_URL": api,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "TIKTOK_EXAMPLE_OUTPUT": str(OUTPUT),
    }


def migrate() -> None:
    """Make the metadata database, once."""
    if not _MIGRATED.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        run("Airflow's metadata database", [*AIRFLOW, "db", "migrate"], LOGS / "migrate.log", settings())
        _MIGRATED.touch()


def fail_abandoned_runs() -> None:
    """Mark as failed what a killed ``airflow dags test`` left running.

    No scheduler ever resumes such a run, so that the UI would show it as running for ever.
    """
    with closing(sqlite3.connect(DATABASE, timeout=60)) as database, database:
        for statement in _FAIL_ABANDONED:
            database.execute(statement)


def start_emulator(port: int) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Start TikTok's API on loopback and wait until it answers.

    :return: the process and the Airflow connection that it names in its banner.
    """
    log = LOGS / "emulator.log"
    with step(f"TikTok emulator on http://{LOOPBACK}:{port}"):
        process = start(
            [sys.executable, "-m", "airflow_provider_tiktok.emulator", "--port", str(port)], log, settings()
        )
        wait_until(lambda: accepts(port) and named_connection(log), process, log, seconds=30)
    connection: dict[str, Any] = json.loads(named_connection(log))
    connection["description"] = "The TikTok emulator of make demo and make ui"
    connection["extra"]["qps"] = 1000
    connection["port"] = 0  # none; with null, the UI of Airflow 3.3 refuses to test the connection
    return process, connection


def named_connection(log: Path) -> str:
    """Return the JSON of the connection in the emulator's banner, once it is there."""
    found = re.search(rf"^{CONNECTION_VARIABLE}='(.+)'$", log.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""
