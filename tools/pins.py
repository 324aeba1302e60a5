"""Resolves ``requirements/constraints-3.N.txt`` anew for the Python that runs this."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tools import console, docs
from tools.environment import (
    DEV,
    PACKAGE,
    THIS_PYTHON,
    PipProgress,
    airflow_version,
    constraints_of_this_python,
    failure,
    variables,
)
from tools.paths import LOGS, MINOR, REQUIREMENTS, WORK, shown
from tools.processes import run, run_or_stop

_HEADER = """\
# What `make demo` and `make test` install with Python {minor}: pip's own choice of the newest versions
# for {airflow}, the package with its extra `emulator`, {dev}{docs}.
# Made by `make pins` with Python {python}; not edited by hand.
"""


def main() -> int:
    """Resolve in an empty environment and write down what came of it."""
    target = constraints_of_this_python()
    # the documentation is built in the main environment, by Pythons that can
    more: list[str | Path] = ["-r", docs.PINS] if target.parent == REQUIREMENTS and docs.can_build() else []
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK, prefix="pins-") as folder:
        python = Path(folder) / "bin" / "python"
        log = LOGS / "pins.log"
        with console.step(f"Python {THIS_PYTHON} environment") as step:
            run_or_stop([sys.executable, "-m", "venv", folder], log, step)
        pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check"]
        wanted: list[str | Path] = ["-r", target.with_name("airflow.txt"), "-r", DEV, *more, "-e", PACKAGE]
        with console.step(f"Newest versions for Apache Airflow {airflow_version()}") as step:
            failed = run(
                [*pip, "install", "--progress-bar", "off", *wanted], log, step, variables(), PipProgress()
            )
        if failed:
            raise failure(log)
        frozen = subprocess.run(
            [*map(str, pip), "freeze", "--exclude-editable"],
            check=True,
            capture_output=True,
            text=True,
            env=variables(),
        ).stdout
    pins = [entry for entry in frozen.splitlines() if "==" in entry]
    header = _HEADER.format(
        minor=MINOR,
        python=THIS_PYTHON,
        airflow=f"Apache Airflow {airflow_version()}",
        dev=shown(DEV),
        docs=f" and {shown(docs.PINS)}" if more else "",
    )
    target.write_text(header + "\n".join(pins) + "\n", encoding="utf-8")
    console.line(f"ok  {shown(target)}: {len(pins)} versions")
    return 0
