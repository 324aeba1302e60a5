"""Where things lie in a clone, and the settings that `make NAME=value` passes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.console import Stop

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".demo"
REQUIREMENTS = ROOT / "requirements"
MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"

# `make ... AIRFLOW=2.11.2` works on an environment and with pins of its own, beside those of the main version.
CHOSEN = os.environ.get("AIRFLOW", "")
VENV = ROOT / (f".venv-{CHOSEN}-{MINOR}" if CHOSEN else ".venv")
LOGS = WORK / "logs"
OUTPUT = WORK / "output"
EXAMPLES = ROOT / "example_dags"


def shown(path: Path) -> str:
    """Return a path as a reader in the clone would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def port_setting(name: str, default: int) -> int:
    """Return the port that ``make NAME=...`` gave."""
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise Stop(f"{name}={text} is no port: give a number from 1 to 65535, for example {name}={default}.")
    return int(text)
