"""What is logged while a command runs.

Airflow's log goes to standard output, which here is for a command's result. So warnings go to standard error, and with
them the progress of a report, where no progress bar shows it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_tiktok.cli.prompts import echo

_LOGGERS = ("airflow", "airflow_provider_tiktok")
_PROGRESS = "airflow_provider_tiktok.reports.fetch"


@contextmanager
def logged_to_stderr() -> Iterator[None]:
    """Write Airflow's and this package's log to standard error, as far as it is of interest."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    handler = _Lines()
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


class _Lines(logging.Handler):
    """Writes a line for each record."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write warnings, and progress where standard error is no terminal."""
        if record.levelno >= logging.WARNING:
            echo(f"Warning: {record.getMessage()}")
        elif record.name.startswith(_PROGRESS) and not sys.stderr.isatty():
            echo(record.getMessage())
