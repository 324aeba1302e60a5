"""The example DAGs, run as ``airflow dags test`` does, with neither a scheduler nor a triggerer."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import servers
from tests.airflow.conftest import accounts
from tests.airflow.live import AIRFLOW
from tests.conftest import TOKEN, connection_json
from tests.databases import Postgres, Sqlite, needs_postgres
from tests.run_dags import run_dags

pytestmark = pytest.mark.airflow

EXAMPLES = Path(__file__).parent.parent / "example_dags"


def rows_below(folder):
    rows = []
    for path in sorted(Path(folder).rglob("*.jsonl")):
        values = dict(part.split("=", 1) for part in path.relative_to(folder).parts[:-1])
        rows += [values | json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return rows


def connection(emulator):
    """Return the connection of runs that need no scheduler, and so no Airflow but a home."""
    return connection_json(emulator.url, advertiser_ids=accounts(emulator)[:2])


def test_airflow_dags_test_runs_the_daily_example(airflow_home, emulator, tmp_path):
    done = subprocess.run(
        [AIRFLOW, "dags", "test", "example_tiktok_daily_files", "2026-11-05"],
        env=os.environ
        | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
            "AIRFLOW_CONN_TIKTOK_DEFAULT": connection(emulator),
            "TIKTOK_EXAMPLE_OUTPUT": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-3000:]
    assert "DagRun Finished" in output
    assert TOKEN not in output
    # the run of midnight UTC: the last complete day is the 3rd in Los Angeles and the 4th in Berlin
    los_angeles, berlin = accounts(emulator)[:2]
    days = {(row["advertiser_id"], row["stat_time_day"]) for row in rows_below(tmp_path)}
    assert days == {
        *((los_angeles, day) for day in ("2026-11-01", "2026-11-02", "2026-11-03")),
        *((berlin, day) for day in ("2026-11-02", "2026-11-03", "2026-11-04")),
    }


@pytest.fixture(scope="module")
def loaded(airflow_home, _session_emulator, tmp_path_factory):
    """Run the examples that load databases; return the databases, results and outputs by the job's name."""
    folder = tmp_path_factory.mktemp("loaded")
    databases = {"sqlite": Sqlite(folder / "sqlite.db"), "warehouse": Sqlite(folder / "warehouse.db")}
    if servers.has_postgres():
        databases["postgres"] = Postgres()
    jobs = []
    for kind, database in databases.items():
        example = "example_tiktok_warehouse" if kind == "warehouse" else "example_tiktok_to_sql"
        env = {"AIRFLOW_CONN_WAREHOUSE": database.connection()}
        jobs.append({"name": kind, "path": str(EXAMPLES / f"{example}.py"), "date": "2026-11-05", "env": env})
    try:
        yield (
            databases,
            *run_dags(
                jobs,
                folder,
                AIRFLOW_CONN_TIKTOK_DEFAULT=connection(_session_emulator),
                TIKTOK_EXAMPLE_SQL_CONN_ID="warehouse",
            ),
        )
    finally:
        for database in databases.values():
            database.drop()


@pytest.mark.full
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=needs_postgres)])
def test_the_example_loads_a_database(loaded, emulator, kind):
    databases, results, outputs = loaded
    assert [run["state"] for run in results[kind]["runs"]] == ["success"], outputs[kind][-3000:]
    assert "Table tiktok_ads: 0 row(s) deleted, 240 inserted" in outputs[kind]
    counts = databases[kind].query("SELECT advertiser_id, count(*) FROM tiktok_ads GROUP BY advertiser_id")
    assert sorted(counts) == sorted((name, 3 * 40) for name in accounts(emulator)[:2])


@pytest.mark.full
def test_the_example_loads_the_warehouse(loaded):
    databases, results, outputs = loaded
    database = databases["warehouse"]
    assert [run["state"] for run in results["warehouse"]["runs"]] == ["success"], outputs["warehouse"][-3000:]
    for level in ("campaign", "adgroup", "ad"):
        # every ID of a report is an entity with a name and a currency, and hours add up to days
        assert database.query(
            f"""
            SELECT count(*), count(DISTINCT d.advertiser_id), min(e.{level}_name IS NOT NULL AND a.currency IS NOT NULL)
            FROM {level}_report_daily d LEFT JOIN {level}_history e USING ({level}_id)
            LEFT JOIN advertiser a ON a.id = e.advertiser_id
            """
        ) == [(database.query(f"SELECT count(*) FROM {level}_report_daily")[0][0], 2, 1)]
        sums = (
            "SELECT round(sum(spend), 2), sum(video_watched_2_s), sum(video_views_p_25), count({0}) FROM {1}"
        )
        daily, hourly = (
            database.query(sums.format("_fivetran_synced", f"{level}_report_{period}"))[0]
            for period in ("daily", "hourly")
        )
        assert hourly == (*daily[:3], 24 * daily[3])
