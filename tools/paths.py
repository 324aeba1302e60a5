"""Where things lie in a clone, and the settings that `make NAME=value` passes."""

from __future__ import annotations

import os
from pathlib import Path

from tools.console import Stop

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
WORK = ROOT / ".demo"
LOGS = WORK / "logs"
OUTPUT = WORK / "output"
EXAMPLES = ROOT / "example_dags"
REQUIREMENTS = ROOT / "requirements"


def shown(path: Path) -> str:
    """Return a path as a reader in the clone would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def port_setting(name: str, default: int) -> int:
    """Return the port that ``make NAME=...`` gave."""
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise Stop(f"{name}={text} is no port: give a number from 1 to 65535, for example {name}={default}.")
    return int(text)
