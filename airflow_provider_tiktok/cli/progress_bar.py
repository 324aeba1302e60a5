"""A run with a progress bar in a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.operators._run.outcome import Finished

if TYPE_CHECKING:
    from airflow_provider_tiktok.operators._run.run import Run
    from airflow_provider_tiktok.reports.fetch.progress import State

_WIDTH = 24  # characters of the bar
_PER_SECOND = 5


def watched(run: Run, stop: threading.Event) -> Finished:
    """Do a run's work, and show meanwhile how far it is, if standard error is a terminal.

    :param stop: is set when the user stops it.
    """
    execute, on_stop = _work_of(run)
    try:
        with _bar(run) if sys.stderr.isatty() else nullcontext():
            outcome = execute()
    except KeyboardInterrupt:
        stop.set()
        on_stop()
        raise
    assert isinstance(outcome, Finished)  # noqa: S101 - only a task can wait in the triggerer
    return outcome


def state_of(run: Run) -> State | None:
    """Return how far a run is; ``None`` before its first call, and where TikTok does the work, in report tasks."""
    progress = getattr(run.source, "progress", None)
    return progress.state() if progress is not None else None


def describe(state: State) -> str:
    """Return how far a run is, in words."""
    left = state.time_left
    return (
        f"{state.accounts_done:,} of {state.accounts:,} accounts, {state.pages:,} pages, {state.rows:,} rows, "
        f"{state.rows / state.seconds:,.0f} rows/s{'' if left is None else f', {left} left'}"
    )


def _work_of(run: Run) -> tuple[Callable[[], Any], Callable[[], None]]:
    """Return what does the work, and what ends it at TikTok when the user stops it."""
    from airflow_provider_tiktok.operators._run.run import ReportRun

    if isinstance(run, ReportRun) and run.request.is_async:
        from airflow_provider_tiktok.operators._run.async_run import AsyncReportRun

        in_tasks = AsyncReportRun(run)
        return in_tasks.execute, in_tasks.on_kill
    return run.execute, lambda: None


def _bar(run: Run) -> Any:
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from airflow_provider_tiktok.cli.terminal import console

    def line() -> Any:
        state = state_of(run)
        if state is None:
            return Text("Waiting for TikTok ...")
        grid = Table.grid(padding=(0, 1))
        done = min(state.pages, state.expected_pages)
        bar = ProgressBar(total=state.expected_pages or None, completed=done, width=_WIDTH)
        grid.add_row(bar, Text(describe(state), no_wrap=True, overflow="ellipsis"))
        return grid

    return Live(
        get_renderable=line,
        console=console(stderr=True),
        refresh_per_second=_PER_SECOND,
        transient=True,
        redirect_stdout=False,
    )
