"""``make docs``: the site in ``build/docs``; a warning of Sphinx's is an error."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from tools import checks, console, environment
from tools.console import Stop
from tools.environment import PYTHON
from tools.paths import LOGS, REQUIREMENTS, ROOT, VENV, shown
from tools.processes import run, run_or_stop

PINS = REQUIREMENTS / "docs.txt"
SITE = ROOT / "build" / "docs"
_OLDEST = (3, 11)
_STAMP = VENV / "docs-made-of"


def can_build() -> bool:
    """Say whether this Python is new enough for Sphinx's reader of Markdown."""
    return sys.version_info[:2] >= _OLDEST


def main() -> int:
    """Build the site anew."""
    if not can_build():
        raise Stop("Sphinx's reader of Markdown wants Python 3.11 or newer: make docs PYTHON=python3.12")
    environment.ensure(dev=True)
    install()
    log = LOGS / "docs.log"
    command: list[str | Path] = [PYTHON, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--fresh-env"]
    with console.step(f"Documentation in {shown(SITE)}") as step:
        run_or_stop([*command, "-b", "html", ROOT / "docs", SITE], log, step, checks.settings())
    console.line(f"    {shown(SITE / 'index.html')}")
    return 0


def install() -> None:
    """Bring Sphinx into ``.venv``, unless it is there."""
    pins = [PINS, environment.constraints()]
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in pins)).hexdigest()
    if _STAMP.exists() and _STAMP.read_text(encoding="utf-8") == made_of:
        return
    log = LOGS / "docs-pip.log"
    command: list[str | Path] = [PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "-c", environment.constraints(), "-r", PINS]
    with console.step(f"What {shown(PINS)} names") as step:
        failed = run(command, log, step, environment.variables(), environment.PipProgress())
    if failed:
        raise environment.failure(log)
    _STAMP.write_text(made_of, encoding="utf-8")
