"""``make lint``, ``make format``, ``make test``, ``make test-short`` and ``make bench``."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import suppress
from typing import IO

from tools import console, demo, environment
from tools.console import Stop
from tools.environment import PYTHON
from tools.paths import LOGS, ROOT, VENV, WORK, shown
from tools.processes import Interrupted, run

_CACHE = VENV / "cache"
_LINTS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format --check": ["ruff", "format", "--check", "."],
    "mypy, the package": ["mypy"],
    "mypy, tools": ["mypy", "--strict", "--ignore-missing-imports", "tools"],
}


# What is worth running again with another version of Airflow: all that speaks to Airflow.
_SHORT = (
    "tests/hooks",
    "tests/operators/test_advertisers_operator.py",
    "tests/operators/test_kept_rows.py",
    "tests/operators/test_report_operator.py",
    "tests/operators/test_report_tasks.py",
    "tests/sensors",
    "tests/triggers",
    "tests/test_examples.py",
    "tests/test_links.py",
    "tests/test_provider_info.py",
)


_RUNNING_AIRFLOW = ("tests/airflow", "tests/browser")


def lint() -> int:
    """Check style, format and types, and show what each check found."""
    environment.ensure(dev=True)
    failed = [title for title, command in _LINTS.items() if not passes(title, command)]
    if failed:
        raise Stop(f"Not clean: {'; '.join(failed)}. `make format` mends what ruff can mend.")
    return 0


def passes(title: str, command: list[str]) -> bool:
    """Run one check and show its output when it finds something."""
    log = LOGS / f"lint-{title.replace(' ', '-').replace(',', '')}.log"
    with console.step(title) as step:
        failed = run([VENV / "bin" / command[0], *command[1:]], log, step, settings())
    if failed:
        console.tail(log, 200)
    return not failed


def reformat() -> int:
    """Fix and format what ruff can."""
    environment.ensure(dev=True)
    for command in (["check", "--fix", "."], ["format", "."]):
        subprocess.run([str(VENV / "bin" / "ruff"), *command], cwd=ROOT, env=settings(), check=False)
    return 0


def test() -> int:
    """Lint, then run pytest in this terminal; its summary is the last line."""
    lint()
    return pytest()


def short() -> int:
    """Run the tests that Airflow's version matters to, and an example DAG."""
    environment.ensure(dev=True)
    return pytest(*_SHORT) or demo.main()


def pytest(*paths: str) -> int:
    """Run pytest in this terminal.

    All tests are three runs: beside the others, those of a running Airflow, which mostly wait; and at last, with nothing
    beside them, those that measure time or memory. With ``ARGS``, which may want a debugger or few tests, it is one.

    :param paths: which tests; all, if none is named.
    """
    options = shlex.split(os.environ.get("ARGS", ""))
    if paths or options:
        return _wait_for(_pytest(*paths, *options))
    log = LOGS / "test-running-airflow.log"
    with log.open("wb") as output:
        running = _pytest(*_RUNNING_AIRFLOW, output=output)
        try:
            others = _wait_for(_pytest("-m", "not alone", *(f"--ignore={path}" for path in _RUNNING_AIRFLOW)))
        except Interrupted as interrupted:
            if interrupted.signal_number != signal.SIGINT:  # which Ctrl-C has sent to it already
                running.send_signal(signal.SIGINT)
            raise
        finally:
            airflow = _wait_for(running)
    console.line(log.read_text(encoding="utf-8", errors="replace"))
    return _wait_for(_pytest("-m", "alone")) or others or airflow


def _pytest(*arguments: str, output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Begin a run of pytest.

    :param output: where its output goes; this terminal, if not given.
    """
    # two runs at the same time need two caches; that of the terminal's tells `ARGS=--lf` what failed
    cache = _CACHE / ("pytest-beside" if output else "pytest")
    command = [str(PYTHON), "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]
    beside = f", beside the others; its output follows in {shown(LOGS)}" if output else ""
    console.line(f"    pytest {shlex.join(command[5:])}{beside}".rstrip())
    return subprocess.Popen(command, cwd=ROOT, env=settings(), stdout=output, stderr=output)


def _wait_for(process: subprocess.Popen[bytes]) -> int:
    """Wait for a run's end; an interrupted one ends the servers that it started."""
    try:
        return process.wait()
    except Interrupted as interrupted:
        # On SIGINT, which Ctrl-C has sent to it already, pytest ends the servers that its fixtures started.
        if interrupted.signal_number != signal.SIGINT:
            process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()
        raise


def bench() -> int:
    """Run the benchmark in this terminal."""
    environment.ensure()
    command = [str(PYTHON), "benchmarks/report.py", *shlex.split(os.environ.get("ARGS", ""))]
    return subprocess.run(command, cwd=ROOT, env=settings(), check=False).returncode


def settings() -> dict[str, str]:
    """Return the environment of checks and tests; what they cache stays in ``.venv``."""
    return environment.variables() | {
        "AIRFLOW_HOME": str(WORK / "test-airflow"),
        "MYPY_CACHE_DIR": str(_CACHE / "mypy"),
        "RUFF_CACHE_DIR": str(_CACHE / "ruff"),
    }
