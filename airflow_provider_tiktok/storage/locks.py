"""Locks that end with the process that holds them, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LIFETIME = 24 * 3600  # seconds; where a filesystem has no locks, nobody works on one thing for longer
_PATIENCE = 600  # seconds
_PAUSE = 0.02  # seconds


class Claim:
    """Says of a folder that a living process uses it.

    The operating system lets go of the lock when the process ends, also by SIGKILL, so whoever finds
    the folder later can tell that it was left behind.

    :param folder: a folder of one's own, which nobody else has heard of yet.
    """

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(OSError):  # a filesystem without locks; then age decides
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Let go. Calling it again does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def is_abandoned(folder: Path) -> bool:
    """Say whether the process that claimed a folder is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # gone meanwhile, or another user's
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return os.fstat(handle).st_mtime < time.time() - _LIFETIME
    else:
        return True
    finally:
        os.close(handle)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others out of a folder for a moment; whoever comes second waits.

    :raises OSError: others held it for ten minutes.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TimeoutError("another task has been publishing there for ten minutes") from None
                time.sleep(_PAUSE)
            except OSError:  # a filesystem without locks
                break
        yield
    finally:
        os.close(handle)
