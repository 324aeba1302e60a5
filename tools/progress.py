"""What the user sees: a line for each step with its time, a sentence when something fails."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".demo"
LOGS = WORK / "logs"
OUTPUT = WORK / "output"
EXAMPLES = ROOT / "example_dags"

_WIDTH = None if sys.stdout.isatty() else shutil.get_terminal_size((120, 40)).columns
console = Console(width=_WIDTH, highlight=False, markup=False, soft_wrap=True)


class Stop(Exception):  # noqa: N818 - it ends a target, and says why
    """End the target with one sentence: what happened and what to do.

    :param sentence: the sentence.
    :param log: a log whose end is shown before it.
    """

    def __init__(self, sentence: str, log: Path | None = None) -> None:
        super().__init__(sentence)
        self.log = log


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show that a step goes on, and leave a line with its time."""
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=1)
        yield
        progress.advance(task)


def tail(log: Path, lines: int = 20) -> None:
    """Print the end of a log, without its colors."""
    text = Text.from_ansi(log.read_text(encoding="utf-8", errors="replace")).plain
    for entry in re.split("[\r\n]+", text.rstrip())[-lines:]:
        console.print(f"  | {entry}")


def shown(path: Path) -> str:
    """Return a path as a reader in the clone would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
