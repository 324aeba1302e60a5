"""``make stores``: what needs other makers' servers and libraries, tested in an environment of its own."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
from os import environ
from pathlib import Path

from tools import console
from tools.checks import settings
from tools.environment import PipProgress, failure, variables
from tools.paths import LOGS, REQUIREMENTS, ROOT, WORK, shown
from tools.processes import run, run_or_stop

PINS = REQUIREMENTS / "stores.txt"
FOLDER = WORK / "stores"
PYTHON = FOLDER / "bin" / "python"
TESTS = ("tests/stores", "tests/operators/test_lineage.py", "tests/test_docs_loading.py")
_STAMP = FOLDER / "made-by-make"


def main() -> int:
    """Make the environment unless it is there, and run the tests in this terminal."""
    _ensure()
    command = [str(PYTHON), "-m", "pytest", "-p", "no:cacheprovider", *TESTS]
    command += shlex.split(environ.get("ARGS", ""))
    return subprocess.run(command, cwd=ROOT, env=settings(), check=False).returncode


def _ensure() -> None:
    """Install the pinned versions, once."""
    origin = f"{sys.version} {hashlib.sha256(PINS.read_bytes()).hexdigest()}"
    if _STAMP.exists() and _STAMP.read_text(encoding="utf-8") == origin:
        return
    WORK.mkdir(exist_ok=True)
    log = LOGS / "stores.log"
    with console.step(f"An environment with object stores in {shown(FOLDER)}") as step:
        run_or_stop([sys.executable, "-m", "venv", "--clear", FOLDER], log, step)
    command: list[str | Path] = [PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    with console.step(f"What {shown(PINS)} names") as step:
        failed = run(
            [*command, "--progress-bar", "off", "-r", PINS, "-e", "."], log, step, variables(), PipProgress()
        )
    if failed:
        raise failure(log)
    _STAMP.write_text(origin, encoding="utf-8")
