"""A leg of the tests that has an environment of its own, apart from that of ``make test``."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
from dataclasses import dataclass
from os import environ
from pathlib import Path

from tools import console
from tools.checks import settings
from tools.environment import PipProgress, failure, variables
from tools.paths import LOGS, REQUIREMENTS, ROOT, WORK, shown
from tools.processes import run, run_or_stop


@dataclass(frozen=True)
class Leg:
    """Tests, and what they need.

    :param name: of the target, the environment's folder, and the file of pinned versions.
    :param what: is in the environment.
    :param tests: what pytest is given.
    :param options: further options of pytest.
    """

    name: str
    what: str
    tests: tuple[str, ...]
    options: tuple[str, ...] = ()

    @property
    def pins(self) -> Path:
        """The file of pinned versions."""
        return REQUIREMENTS / f"{self.name}.txt"

    @property
    def python(self) -> Path:
        """The environment's Python."""
        return WORK / self.name / "bin" / "python"

    def run(self) -> int:
        """Make the environment unless it is there, and run the tests in this terminal."""
        self._ensure()
        command = [str(self.python), "-m", "pytest", "-p", "no:cacheprovider", *self.options, *self.tests]
        command += shlex.split(environ.get("ARGS", ""))
        return subprocess.run(command, cwd=ROOT, env=settings(), check=False).returncode

    def _ensure(self) -> None:
        """Install the pinned versions, once."""
        folder = WORK / self.name
        stamp = folder / "made-by-make"
        origin = f"{sys.version} {hashlib.sha256(self.pins.read_bytes()).hexdigest()}"
        if stamp.exists() and stamp.read_text(encoding="utf-8") == origin:
            return
        WORK.mkdir(exist_ok=True)
        log = LOGS / f"{self.name}.log"
        with console.step(f"An environment with {self.what} in {shown(folder)}") as step:
            run_or_stop([sys.executable, "-m", "venv", "--clear", folder], log, step)
        command: list[str | Path] = [self.python, "-m", "pip", "install", "--no-input"]
        command += ["--disable-pip-version-check", "--progress-bar", "off", "-r", self.pins, "-e", "."]
        with console.step(f"What {shown(self.pins)} names") as step:
            failed = run(command, log, step, variables(), PipProgress())
        if failed:
            raise failure(log)
        stamp.write_text(origin, encoding="utf-8")
