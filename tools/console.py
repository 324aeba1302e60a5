"""What the user sees: one line for each step with its seconds, a sentence when something fails."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIVE = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
HEARTBEAT_SECONDS = 10.0
_TITLE_WIDTH = 62
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Stop(Exception):  # noqa: N818 - it ends a target, and says why
    """Ends the target with one sentence: what happened and what to do.

    :param sentence: the sentence
    :param log: a log whose end is shown before it
    """

    def __init__(self, sentence: str, log: Path | None = None) -> None:
        super().__init__(sentence)
        self.log = log


def line(text: str = "") -> None:
    """Print a line of the report."""
    print(text, flush=True)


def failure(sentence: str) -> None:
    """Print the sentence that ends the target."""
    sys.stdout.flush()
    print(sentence, file=sys.stderr, flush=True)


def tail(log: Path, lines: int = 20) -> None:
    """Print the end of a log, without its colours."""
    text = _ANSI.sub("", log.read_text(encoding="utf-8", errors="replace"))
    for entry in text.splitlines()[-lines:]:
        line(f"  | {entry.rstrip()}")


def width() -> int:
    """Return the number of columns there are to print on."""
    return shutil.get_terminal_size((120, 40)).columns


class Step:
    """One line of progress: rewritten in place on a terminal, repeated now and then elsewhere."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.note = ""
        self.failed = False
        self._started = self._said = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the step has taken so far."""
        return time.monotonic() - self._started

    def tick(self) -> None:
        """Show that the step is alive; call it several times a second."""
        text = f"   {self.title}: {self.seconds:.0f} s" + (f", {self.note}" if self.note else "")
        if LIVE:
            print(f"\r{text[: width() - 1]}\x1b[K", end="", flush=True)
        elif time.monotonic() - self._said >= HEARTBEAT_SECONDS:
            self._said = time.monotonic()
            line(text)

    def end(self) -> None:
        """Leave the line that stays."""
        mark = "--" if self.failed else "ok"
        if LIVE:
            print("\r\x1b[K", end="")
        line(f"{mark}  {self.title:<{_TITLE_WIDTH}} {self.seconds:6.1f} s")


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Time a step and leave one line of it: ``ok``, or ``--`` when it failed."""
    current = Step(title)
    current.tick()
    try:
        yield current
    except BaseException:
        current.failed = True
        raise
    finally:
        current.end()
