"""Resolves ``requirements/constraints-3.N.txt`` anew for the Python that runs this."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tools import console, docs
from tools.environment import (
    AIRFLOW,
    DEV,
    PACKAGE,
    THIS_PYTHON,
    PipProgress,
    airflow_version,
    failure,
    variables,
)
from tools.paths import LOGS, REQUIREMENTS, WORK, shown
from tools.processes import run, run_or_stop

_HEADER = """\
# What `make demo` and `make test` install with Python {minor}: pip's own choice of the newest versions
# for {airflow}, the package with its extra `emulator`, {dev}
# and {docs}.
# Made by `make pins` with Python {python}; not edited by hand.
"""


def main() -> int:
    """Resolve in an empty environment and write down what came of it."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    target = REQUIREMENTS / f"constraints-{minor}.txt"
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK, prefix="pins-") as folder:
        python = Path(folder) / "bin" / "python"
        log = LOGS / "pins.log"
        with console.step(f"Python {THIS_PYTHON} environment") as step:
            run_or_stop([sys.executable, "-m", "venv", folder], log, step)
        pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check"]
        wanted: list[str | Path] = ["-r", AIRFLOW, "-r", DEV, "-r", docs.PINS, "-e", PACKAGE]
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
        minor=minor,
        python=THIS_PYTHON,
        airflow=f"Apache Airflow {airflow_version()}",
        dev=shown(DEV),
        docs=shown(docs.PINS),
    )
    target.write_text(header + "\n".join(pins) + "\n", encoding="utf-8")
    console.line(f"ok  {shown(target)}: {len(pins)} versions")
    return 0
