"""``make demo``: one example DAG through a real Airflow against the emulator, and what came of it.

``DAG=warehouse`` runs the one that loads a warehouse, into a file of SQLite.
"""

from __future__ import annotations

import datetime
import gzip
import itertools
import json
import os
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from tools import airflow_home
from tools.processes import end, end_all, run, run_main
from tools.progress import EXAMPLES, LOGS, OUTPUT, Stop, console, shown

DAG_ID = "example_tiktok_daily_files"
TASK_ID = "report"
WAREHOUSE_DAG_ID = "example_tiktok_warehouse"
WAREHOUSE = OUTPUT / "warehouse.db"
_ROWS = 8
_CELL = 28
_GAP = 2
_LOG = LOGS / "dag.log"
_BEST_CAMPAIGNS = """
    SELECT account.name AS account, campaign.campaign_name AS campaign, account.currency,
        round(sum(report.spend), 2) AS spend
    FROM campaign_report_daily report
    JOIN (
        SELECT campaign_id, campaign_name, advertiser_id, max(updated_at) FROM campaign_history GROUP BY campaign_id
    ) campaign USING (campaign_id)
    JOIN advertiser account ON account.id = campaign.advertiser_id
    GROUP BY campaign.campaign_id ORDER BY account.name, spend DESC LIMIT :count
"""


def main() -> None:
    """Set up, run, show."""
    shows = {"daily_files": (DAG_ID, show_files), "warehouse": (WAREHOUSE_DAG_ID, show_tables)}
    name = os.environ.get("DAG") or "daily_files"
    if name not in shows:
        raise Stop(f"DAG={name} is not a demo: use {' or '.join(shows)}.")
    dag_id, show = shows[name]
    airflow_home.migrate()
    emulator, connection = airflow_home.start_emulator(int(sys.argv[1]))
    run_dag(dag_id, connection)
    end(emulator)
    show()
    console.print(f"  The DAG         {shown(EXAMPLES / dag_id)}.py")
    console.print(f"  The tasks' log  {shown(_LOG)}")
    console.print("  In Airflow's UI make ui")


def run_dag(dag_id: str, connection: dict[str, Any]) -> None:
    """Run an example for yesterday, as ``airflow dags test`` does."""
    day = str((datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).date())
    env = airflow_home.settings() | {
        airflow_home.CONNECTION_VARIABLE: json.dumps(connection),
        "AIRFLOW_CONN_SQLITE_DEFAULT": json.dumps({"conn_type": "sqlite", "host": str(WAREHOUSE)}),
    }
    OUTPUT.mkdir(parents=True, exist_ok=True)
    command = ("dags", "test", dag_id, day)
    try:
        run(f"airflow {' '.join(command)}", [*airflow_home.AIRFLOW, *command], _LOG, env)
    except KeyboardInterrupt:
        end_all()  # first, so that Airflow does not write into the run once more
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
        raise Stop(f"The task {TASK_ID} left no summary; see {shown(_LOG)}.")
    value: dict[str, Any] = json.loads(found[0])
    return value


def show_tables() -> None:
    """Print the tables of the warehouse, and the answer to a question that needs three of them."""
    with closing(sqlite3.connect(WAREHOUSE)) as database:
        database.row_factory = sqlite3.Row
        names = [
            row["name"] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        tables = [
            {
                "table": name,
                "rows": database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0],
                "columns": len(database.execute(f"PRAGMA table_info('{name}')").fetchall()),
            }
            for name in sorted(names)
        ]
        best = [dict(row) for row in database.execute(_BEST_CAMPAIGNS, {"count": _ROWS})]
    console.print("\nThe tables:")
    show_rows(tables)
    console.print("The campaigns that spent most, by account:")
    show_rows(best)
    console.print(f"  The database    {shown(WAREHOUSE)}")


def show_files() -> None:
    """Print the first rows, the summary, and where to look next."""
    result = summary()
    files = [local(path) for path in result["paths"]]
    if not files:
        raise Stop(f"The report is empty: {DAG_ID} wrote no file; see {shown(_LOG)}.")
    rows = first_rows(files, _ROWS)
    console.print(f"\nThe first {len(rows)} of {result['row_count']} rows:")
    show_rows(rows)
    console.print(f"What the task returned (XCom `return_value` of `{TASK_ID}`):\n")
    for name, value in result.items():
        console.print(
            Text(f"  {name:<20} {plain(value)}"), soft_wrap=False, no_wrap=True, overflow="ellipsis"
        )
    more = f" and {len(files) - 1} more" if files[1:] else ""
    console.print(f"\n  The rows        {shown(files[0])}{more}")


def show_rows(rows: list[dict[str, Any]]) -> None:
    """Print rows as a table, and below it the columns that have no room; those in which all are alike go first."""
    cells = {name: [plain(row.get(name)) for row in rows] for name in rows[0]}
    alike = [name for name in cells if len(rows) > 1 and len(set(cells[name])) == 1]
    table, shown_names, room = Table(box=SIMPLE_HEAD, show_edge=False), list[str](), console.width
    for name in (name for name in cells if name not in alike):
        room -= min(_CELL, max(map(cell_len, (name, *cells[name])))) + _GAP
        if room < 0:
            break
        number = all(isinstance(row.get(name), (int, float, Decimal, type(None))) for row in rows)
        table.add_column(name, no_wrap=True, max_width=_CELL, justify="right" if number else "left")
        shown_names.append(name)
    for row in zip(*(cells[name] for name in shown_names), strict=True):
        table.add_row(*map(Text, row))
    hidden = [name for name in cells if name not in {*alike, *shown_names}]
    console.print(table)
    if alike:
        console.print("  all of these: " + ", ".join(f"{name} {cells[name][0]}" for name in alike))
    if hidden:
        console.print("  not shown: " + ", ".join(hidden))
    console.print()


def plain(value: object) -> str:
    """Return a value as one line: null as ``-``, control characters escaped."""
    if value is None:
        return "-"
    text = str(value) if isinstance(value, (str, Decimal)) else json.dumps(value, ensure_ascii=False)
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


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


if __name__ == "__main__":
    run_main(main)
