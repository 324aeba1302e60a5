"""Folder locks that the operating system releases with the process, even after SIGKILL."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ATTEMPTS = 5
_STALE_AFTER = 24 * 3600  # seconds; on a filesystem without locks, no run takes longer
_LOCK_TIMEOUT = 600  # seconds
_POLL_INTERVAL = 0.02  # seconds


class FolderLock:
    """A lock on a folder, which shows that a running process uses it.

    The operating system releases the lock when the process ends, even by SIGKILL, so that other processes can
    detect a stale folder.

    :param folder: a new folder that no other process uses yet.
    :raises OSError: before it was locked, another process took it for a stale folder and removes it.
    """

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(self._handle)
            if not os.path.samestat(os.fstat(self._handle), folder.stat()):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Release the lock. Calling it again does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def create_locked_folder(create: Callable[[], Path]) -> tuple[Path, FolderLock]:
    """Create a folder and lock it; if another process removes it before it is locked, create another one.

    :param create: creates a new folder with a unique name.
    :raises OSError: it can't be created.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(BlockingIOError, FileNotFoundError):
            folder = create()
            return folder, FolderLock(folder)
    folder = create()
    return folder, FolderLock(folder)


@contextmanager
def locked_if_stale(folder: Path) -> Iterator[bool]:
    """Return whether the process that locked a folder has ended; hold its lock during the ``with`` block.

    Without the lock, a process that has just created the folder could lock it before it is removed.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # already removed, or another user's
        yield False
        return
    try:
        try:
            is_stale = _lock(handle) or os.fstat(handle).st_mtime < time.time() - _STALE_AFTER
        except BlockingIOError:
            is_stale = False
        yield is_stale
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
                _lock(handle)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError("another task has been publishing there for ten minutes") from None
                time.sleep(_POLL_INTERVAL)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Lock an open folder, and return whether its filesystem has locks.

    :raises BlockingIOError: another process holds the lock.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True
