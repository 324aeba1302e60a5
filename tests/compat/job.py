"""The job of each client, and the output of its messages."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def read() -> dict[str, Any]:
    """Return the job, and make its output file the standard output of this process."""
    job: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, sys.stdout.fileno())
    return job


def record(stream: str, row: dict[str, Any]) -> None:
    """Write a row as Singer's taps do."""
    print(json.dumps({"type": "RECORD", "stream": stream, "record": row}, default=str))
