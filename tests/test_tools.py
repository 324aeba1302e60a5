"""What users of the Makefile see: error messages, and leftovers of an interrupted demo."""

import os
import shlex
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tools import airflow_home, demo, failures, ports

ROOT = Path(__file__).parent.parent
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
    """Return a database with the columns of Airflow's that matter here."""
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
        raise KeyboardInterrupt

    order = []
    monkeypatch.setattr(demo, "run", interrupt)
    monkeypatch.setattr(
        demo, "end_all", lambda: order.append(rows(database, "SELECT state FROM dag_run LIMIT 1"))
    )
    with pytest.raises(KeyboardInterrupt):
        demo.run_dag("any", {})
    assert order == [[("running",)]]  # Airflow was ended before its run was
    assert rows(database, "SELECT state FROM dag_run LIMIT 1") == [("failed",)]


SLEEPER = """
import os, signal, subprocess, sys, time
from pathlib import Path
from tools import processes
CHILD = "import os, time; os.setpgid(0, 0); print(os.getpid(), flush=True); time.sleep(60)"
def main():
    processes.start(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"], LOG
    )
    while not LOG.read_text().strip():
        time.sleep(0.01)
    print(LOG.read_text().strip(), flush=True)
    os.kill(os.getpid(), NUMBER)
    time.sleep(60)
LOG, NUMBER = Path(sys.argv[1]), int(sys.argv[2])
processes.run_main(main)
"""


@pytest.mark.parametrize("number", [1, 2, 15], ids=["closed terminal", "Ctrl-C", "kill"])
def test_an_interrupted_target_leaves_no_process(tmp_path, number):
    done = subprocess.run(
        [sys.executable, "-c", SLEEPER, tmp_path / "log", str(number)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    pid, said = done.stdout.splitlines()
    assert (done.returncode, said) == (130, "Stopped.")
    state = Path(f"/proc/{pid}/stat")  # of a grandchild in a separate process group
    assert not state.exists() or state.read_text().split()[2] == "Z"


@pytest.fixture
def taken():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_port_that_is_in_use_is_refused_and_a_free_one_is_named(taken, monkeypatch):
    monkeypatch.setenv("PORT", str(taken))
    with pytest.raises(ports.PortError, match=rf"Port {taken} of 127.0.0.1 is in use: .* make demo PORT=\d+"):
        ports.chosen("demo", "PORT", 8765)


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1"])
def test_what_is_no_port_is_refused(text, monkeypatch):
    monkeypatch.setenv("UI_PORT", text)
    with pytest.raises(ports.PortError, match=f"UI_PORT={text} is no port: .*UI_PORT=8080"):
        ports.chosen("ui", "UI_PORT", 8080)


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            "error: failed to write: No space left on device (os error 28)",
            "The disk is full: free about 1 GB; then",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "The disk is full",
        ),
        (
            "error: Request failed\n  Caused by: dns error: failed to lookup address",
            "index cannot be reached",
        ),
        (
            "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by ...",
            "cannot be reached",
        ),
        ("Could not find a version that satisfies the requirement uv", "does not offer a pinned version"),
        ("  × No solution found when resolving dependencies", "does not offer a pinned version"),
        ("  × Failed to build `lxml==4.0`", "has no wheel for this machine"),
        ("Error: ensurepip is not available", "install its venv module"),
        ("something else", "the lines above say why"),
    ],
)
def test_a_failed_installation_is_explained_in_one_sentence(output, sentence):
    assert sentence in failures.reason(output)
    assert failures.reason(output).count("\n") == 0


def python(folder, version, missing=""):
    """Write a program that answers as a Python of this version does, in which a module is missing."""
    path = folder / "some-python"
    code = (
        f"import sys; sys.version_info = ({version}, 1, 'final', 0)\n"
        f"sys.modules.update(dict.fromkeys({missing!r}.split())); exec(sys.argv.pop(1))"
    )
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -c {shlex.quote(code)} "$2" "$3"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("version", "missing", "airflow", "sentence"),
    [
        (
            "3, 8",
            "",
            "",
            "Python 3.10 to 3.14 is needed and {} is Python 3.8: install Python 3.12, or name one: ",
        ),
        ("3, 15", "", "", "Python 3.10 to 3.14 is needed and {} is Python 3.15: "),
        ("3, 13", "", "2.11.2", "Python 3.10 to 3.12 is needed and {} is Python 3.13: "),
        ("3, 12", "ensurepip", "", "{} is Python 3.12 without its module ensurepip: install it (on Debian"),
        ("3, 12", "venv", "", "{} is Python 3.12 without its module venv: install it (on Debian"),
    ],
)
def test_a_python_that_does_not_fit_is_named(tmp_path, version, missing, airflow, sentence):
    path = python(tmp_path, version, missing)
    done = subprocess.run(
        ["sh", "tools/run.sh", "demo"], env=os.environ | {"PYTHON": str(path), "AIRFLOW": airflow},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(sentence.format(path)), done.stderr
    assert done.stderr.count("\n") == 1
    assert "make demo PYTHON=" in done.stderr


def test_a_python_that_does_not_run_is_named():
    env = os.environ | {"PYTHON": "no-such-python", "AIRFLOW": ""}
    done = subprocess.run(
        ["sh", "tools/run.sh", "demo"], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "is needed and no-such-python does not run here" in done.stderr


def test_rows_are_shown_as_a_table_and_overflow_as_text(monkeypatch, capsys):
    wide = {f"column {number}": "x" * 30 for number in range(6)}
    rows = [
        {"advertiser_id": "1", "name": f"日本{number}\n", "spend": Decimal(number)}
        | {name: f"{text}{number}" for name, text in wide.items()}
        for number in range(2)
    ]
    monkeypatch.setattr(demo.console, "width", 80)
    demo.show_rows(rows)
    shown = capsys.readouterr().out
    assert "日本0\\n" in shown
    assert "all of these: advertiser_id 1\n" in shown
    assert "not shown: column 2, column 3, column 4, column 5\n" in shown
    assert max(map(len, shown.splitlines())) <= 80
