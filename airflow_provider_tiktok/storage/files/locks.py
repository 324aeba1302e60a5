"""Folder locks that the operating system releases with the process, even after SIGKILL."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_STALE_AFTER = 24 * 3600  # seconds; on a filesystem without locks, no run takes longer
_LOCK_TIMEOUT = 600  # seconds
_POLL_INTERVAL = 0.02  # seconds


class FolderLock:
    """A lock on a folder, which shows that a running process uses it.

    The operating system releases the lock when the process ends, even by SIGKILL, so that other processes can
    detect a stale folder.

    :param folder: a new folder that no other process uses yet.
    """

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(OSError):  # on a filesystem without locks, the folder's age decides
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Release the lock. Calling it again does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def is_stale(folder: Path) -> bool:
    """Return whether the process that locked a folder has ended."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # already removed, or another user's
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return os.fstat(handle).st_mtime < time.time() - _STALE_AFTER
    else:
        return True
    finally:
        os.close(handle)


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Hold the exclusive lock of a folder during a ``with`` block; wait until it is free.

    :raises OSError: the lock is not free for ten minutes.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + _LOCK_TIMEOUT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError("another task has been publishing there for ten minutes") from None
                time.sleep(_POLL_INTERVAL)
            except OSError:  # a filesystem without locks
                break
        yield
    finally:
        os.close(handle)
