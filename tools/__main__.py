"""Runs one target of the Makefile: ``python -m tools demo``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from tools import (
    audit,
    checks,
    console,
    demo,
    dist,
    docs,
    environment,
    matrix,
    pins,
    processes,
    scale,
    stores,
    ui,
)
from tools.compat import check as compat

TARGETS: dict[str, Callable[[], int]] = {
    "demo": demo.main,
    "ui": ui.main,
    "test": checks.test,
    "test-short": checks.short,
    "test-matrix": matrix.main,
    "lint": checks.lint,
    "format": checks.reformat,
    "bench": checks.bench,
    "compat": compat.main,
    "scale": scale.main,
    "stores": stores.main,
    "docs": docs.main,
    "dist": dist.main,
    "pins": pins.main,
    "audit": audit.main,
    "clean": environment.clean,
}


def main(target: str) -> int:
    """Run a target; whatever happens, no process that it started outlives it."""
    processes.catch_signals()
    try:
        return TARGETS[target]()
    except console.Stop as stop:
        if stop.log:
            console.tail(stop.log)
        console.failure(str(stop))
        return 1
    except BrokenPipeError:
        # The reader of the output has gone (`make demo | head`); nor may Python complain when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        console.failure(
            f"{error.strerror}: {error.filename}; the clone must be writable and the disk not full."
        )
        return 1
    except processes.Interrupted as interrupted:
        console.line("Stopped.")
        return 128 + interrupted.signal_number
    finally:
        processes.stop_all()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: make {{{','.join(TARGETS)}}}")
    sys.exit(main(sys.argv[1]))
