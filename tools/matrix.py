"""``make test-matrix``: every Airflow that this package is for, on every Python that it is tested with there.

Each leg has an environment of its own, ``.venv-AIRFLOW-PYTHON``, and runs as somebody would run it by hand:
``make test AIRFLOW=... PYTHON=...`` on the main version, ``make test-short ...`` on the others.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tools import console
from tools.console import Stop
from tools.environment import main_version
from tools.paths import ROOT
from tools.processes import Interrupted

LEGS = (
    ("3.3.2", "3.10", "test"),
    ("3.3.2", "3.12", "test"),
    ("3.3.2", "3.13", "test"),
    ("3.1.8", "3.10", "test-short"),
    ("3.1.8", "3.12", "test-short"),
    ("3.1.8", "3.13", "test-short"),
    ("2.11.2", "3.10", "test-short"),
    ("2.11.2", "3.12", "test-short"),
)
"""Airflow, Python, and the target that is run there; Airflow 2.11 ends with Python 3.12."""


def main() -> int:
    """Run all legs, then say which passed; one that can't run here counts as failed."""
    if main_version() not in {airflow for airflow, _, _ in LEGS}:
        raise Stop(f"tools/matrix.py doesn't know Airflow {main_version()}: put its legs there.")
    results = []
    for airflow, python, target in LEGS:
        console.line(f"\n    {target} with Airflow {airflow} on Python {python}\n")
        started = time.monotonic()
        outcome = run_leg(airflow, python, target)
        results.append((outcome, airflow, python, target, time.monotonic() - started))
    console.line()
    for outcome, airflow, python, target, seconds in results:
        mark = "--" if outcome else "ok"
        console.line(
            f"{mark}  Airflow {airflow:<7} Python {python:<5} {target:<11}{seconds:7.0f} s  {outcome}".rstrip()
        )
    failed = [f"{airflow} on {python}" for outcome, airflow, python, *_ in results if outcome]
    if failed:
        raise Stop(f"Not passed: {', '.join(failed)}.")
    return 0


def run_leg(airflow: str, python: str, target: str) -> str:
    """Run one leg in this terminal.

    :return: why it did not pass; empty when it did.
    """
    interpreter = find_python(python)
    if interpreter is None:
        return f"there is no python{python} here"
    env = os.environ | {"AIRFLOW": airflow, "PYTHON": interpreter}
    process = subprocess.Popen(["sh", "tools/run.sh", target], cwd=ROOT, env=env)
    try:
        return f"exit code {code}" if (code := process.wait()) else ""
    except Interrupted:
        # the leg ends what it started, and has perhaps been told so by the same Ctrl-C
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()
        raise


def find_python(version: str) -> str | None:
    """Find an interpreter that runs: on the path, where the name may be a mere shim, or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]
    for candidate in filter(None, candidates):
        command = [str(candidate), "-c", "import venv, sqlite3, ssl"]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return str(candidate)
    return None
