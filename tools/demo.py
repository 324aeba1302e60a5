"""``make demo``: one example DAG through a real Airflow against the emulator, and what came of it."""

from __future__ import annotations

import datetime
import gzip
import itertools
import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tools import airflow_home, console, environment, table
from tools.console import Stop
from tools.paths import EXAMPLES, LOGS, port_setting, shown
from tools.processes import Interrupted, require_free, run_or_stop, stop, stop_all

DAG_ID = "example_tiktok_daily_files"
TASK_ID = "report"
_ROWS = 8


def main() -> int:
    """Set up, run, show."""
    port = port_setting("PORT", 8765)
    require_free("demo", "PORT", port)
    environment.ensure()
    airflow_home.migrate()
    emulator, connection = airflow_home.start_emulator(port)
    run_dag(connection)
    stop(emulator)
    show(summary())
    return 0


def run_dag(connection: dict[str, Any]) -> None:
    """Run the example for yesterday, as ``airflow dags test`` does."""
    day = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).date()
    env = airflow_home.settings() | {airflow_home.CONNECTION_VARIABLE: json.dumps(connection)}
    try:
        with console.step(f"airflow dags test {DAG_ID} {day}") as step:
            run_or_stop([airflow_home.AIRFLOW, "dags", "test", DAG_ID, str(day)], LOGS / "dag.log", step, env)
    except Interrupted:
        stop_all()  # first, lest Airflow writes into the run once more
        airflow_home.fail_abandoned_runs()
        raise


def summary() -> dict[str, Any]:
    """Return what the task returned, from Airflow's database."""
    query = (
        "SELECT value FROM xcom WHERE dag_id = ? AND task_id = ? AND key = ? ORDER BY timestamp DESC LIMIT 1"
    )
    with closing(sqlite3.connect(airflow_home.DATABASE)) as database:
        found = database.execute(query, (DAG_ID, TASK_ID, "return_value")).fetchone()
    if found is None:
        raise Stop(f"The task {TASK_ID} left no summary; see {shown(LOGS / 'dag.log')}.")
    value: dict[str, Any] = json.loads(found[0])
    return value


def show(result: dict[str, Any]) -> None:
    """Print the first rows, the summary, and where to look next."""
    files = [local(path) for path in result["paths"]]
    if not files:
        raise Stop(f"The report is empty: {DAG_ID} wrote no file; see {shown(LOGS / 'dag.log')}.")
    rows = first_rows(files, _ROWS)
    console.line()
    console.line(f"The first {len(rows)} of {result['row_count']} rows:")
    console.line()
    for text in table.lines(rows, console.width() - 2):
        console.line(f"  {text}".rstrip())
    console.line()
    console.line(f"What the task returned (XCom `return_value` of `{TASK_ID}`):")
    console.line()
    for name, value in result.items():
        console.line("  " + table.cut(f"{name:<20} {table.plain(value)}", console.width() - 2))
    console.line()
    console.line(
        f"  The rows        {shown(files[0])}" + (f" and {len(files) - 1} more" if files[1:] else "")
    )
    console.line(f"  The DAG         {shown(EXAMPLES / DAG_ID)}.py")
    console.line(f"  The task's log  {shown(LOGS / 'dag.log')}")
    console.line("  In Airflow's UI make ui")


def local(url: str) -> Path:
    """Return the path of a ``file://`` URL, or of what is a path already."""
    parts = urlsplit(url)
    return Path(unquote(parts.path) if parts.scheme == "file" else url)


def first_rows(files: list[Path], count: int) -> list[dict[str, Any]]:
    """Read the first rows of the files, in their order."""
    rows: list[dict[str, Any]] = []
    for path in files:
        read = gzip.open if path.suffix == ".gz" else open
        with read(path, "rt", encoding="utf-8") as lines:
            rows += [
                json.loads(text, parse_float=Decimal) for text in itertools.islice(lines, count - len(rows))
            ]
        if len(rows) == count:
            break
    return rows
