"""What the Makefile's targets do beside starting things."""

import socket
import sqlite3
from contextlib import closing

import pytest

from tools import airflow_home, demo
from tools.compat import check
from tools.console import Stop
from tools.processes import Interrupted

RUNS = [
    ("killed", "running", "TEST"),
    ("done", "success", "TEST"),
    ("the scheduler's", "running", "TIMETABLE"),
]
TASKS = [
    ("killed", "first", "success"),
    ("killed", "second", "running"),
    ("killed", "third", None),
    ("done", "first", "success"),
    ("the scheduler's", "first", "running"),
]


@pytest.fixture
def database(tmp_path, monkeypatch):
    """Give a database with the columns of Airflow's that matter here."""
    path = tmp_path / "airflow.db"
    monkeypatch.setattr(airflow_home, "DATABASE", path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE dag_run (dag_id, run_id, state, triggered_by, end_date)")
        database.execute("CREATE TABLE task_instance (dag_id, run_id, task_id, state, end_date)")
        database.executemany("INSERT INTO dag_run VALUES ('dag', ?, ?, ?, NULL)", RUNS)
        database.executemany("INSERT INTO task_instance VALUES ('dag', ?, ?, ?, NULL)", TASKS)
    return path


def rows(path, query):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def test_a_run_that_was_killed_is_failed_and_no_other(database):
    airflow_home.fail_abandoned_runs()
    assert rows(database, "SELECT run_id, state, end_date IS NULL FROM dag_run") == [
        ("killed", "failed", 0),
        ("done", "success", 1),
        ("the scheduler's", "running", 1),
    ]
    assert rows(database, "SELECT run_id, task_id, state FROM task_instance") == [
        ("killed", "first", "success"),
        ("killed", "second", "failed"),
        ("killed", "third", "failed"),
        ("done", "first", "success"),
        ("the scheduler's", "first", "running"),
    ]


def test_an_interrupted_demo_leaves_no_run_running(database, monkeypatch):
    def interrupt(*_):
        raise Interrupted(2)

    order = []
    monkeypatch.setattr(demo, "run_or_stop", interrupt)
    monkeypatch.setattr(
        demo, "stop_all", lambda: order.append(rows(database, "SELECT state FROM dag_run LIMIT 1"))
    )
    with pytest.raises(Interrupted):
        demo.run_dag({})
    assert order == [[("running",)]]  # Airflow was ended before its run was
    assert rows(database, "SELECT state FROM dag_run LIMIT 1") == [("failed",)]


def test_compat_takes_the_port_that_is_named(monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("PORT", str(port))
    assert check.chosen_port() == port


def test_compat_refuses_a_named_port_that_is_taken(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(Stop, match=f"Port {port} of 127.0.0.1 is in use.*make compat PORT="):
            check.chosen_port()
