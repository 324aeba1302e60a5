"""Buffer files in the worker's temporary folder, for rows that exceed the memory budget.

Every error of the system there becomes one :class:`TikTokOutputError`, which names the folder and the remedy.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any

from airflow_provider_tiktok.exceptions import TikTokOutputError

Block = tuple[int, int]
"""The position of a block in a :class:`BlockFile`: first byte and length."""

_PREFIX = "tiktok-rows-"
_PERMISSION = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR})
_HANDLES = frozenset({errno.EMFILE, errno.ENFILE})
_OPEN_FILES = (
    "The worker has too many files open: raise its limit (`ulimit -n`), or run fewer tasks at a time"
)
_OTHER_DISK = "A folder in it is on another disk: set `output_path` to a path on that disk"


class BlockFile:
    """Blocks of bytes in an unnamed temporary file, which the system removes when the process ends.

    The file is created with the first block. Blocks are written without a buffer, so that a full disk is detected by the
    block that doesn't fit, not when the file is closed.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self.size = 0
        """The number of bytes in the file."""

    @property
    def closed(self) -> bool:
        """Return whether there is no file."""
        return self._file is None

    def append(self, data: bytes | bytearray) -> Block:
        """Write a block after the others and return its position.

        :raises TikTokOutputError: the block can't be written; the blocks before it are unchanged.
        """
        with temporary_errors():
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix=_PREFIX, buffering=0)  # noqa: SIM115 - see close()
            self._file.seek(self.size)  # after the last complete block
            _write(self._file, data)
        block = (self.size, len(data))
        self.size += len(data)
        return block

    def read(self, block: Block) -> bytes:
        """Return a block.

        :raises TikTokOutputError: the block can't be read.
        """
        start, length = block
        with temporary_errors():
            data = os.pread(self._file.fileno(), length, start) if self._file is not None else b""
            if len(data) != length:
                raise OSError(errno.EIO, "the file is shorter than what was written to it")
        return data

    def close(self) -> None:
        """Remove the file. Calling it again does nothing, and the next block creates a new file."""
        file, self._file = self._file, None
        self.size = 0
        if file is not None:
            _close(file)


@contextmanager
def temporary_file(chunks: Iterable[bytes]) -> Iterator[str]:
    """Write bytes to a temporary file and return its path for the duration of a ``with`` block.

    :raises TikTokOutputError: the bytes can't be written.
    """
    with ExitStack() as stack:
        with temporary_errors():
            file = tempfile.NamedTemporaryFile(prefix=_PREFIX, buffering=0)  # noqa: SIM115 - see the next line
            stack.callback(_close, file)
            for chunk in chunks:
                _write(file, chunk)
        yield file.name


@contextmanager
def temporary_errors() -> Iterator[None]:
    """Raise an error of the system in the temporary folder as one that names the folder and the remedy.

    :raises TikTokOutputError: the system raised an error.
    """
    try:
        yield
    except OSError as error:
        raise temporary_error(error) from error


def _write(file: Any, data: bytes | bytearray) -> None:
    """Write all data to an unbuffered file, which can accept less in one call."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _close(file: Any) -> None:
    # some network disks report write errors only on close; the data is no longer needed
    with suppress(OSError):
        file.close()


def temporary_error(error: OSError) -> TikTokOutputError:
    """Return the TikTokOutputError for an error of the system in the temporary folder."""
    try:
        folder = repr(tempfile.gettempdir())
    except OSError:  # none of the default folders is writable
        folder = "the worker's temporary folder"
    if error.errno in _PERMISSION:
        remedy = "Let the worker's user write there, or set TMPDIR to a folder in which it may"
    elif error.errno in _MISSING:
        remedy = "Create it, or set TMPDIR to a folder that exists"
    elif error.errno in _HANDLES:
        remedy = _OPEN_FILES
    else:
        remedy = "Free space there, or set TMPDIR to a folder with enough space"
    return TikTokOutputError(
        f"Rows could not be buffered in {folder} ({error.strerror or type(error).__name__}), so nothing was published. "
        f"{remedy}, then run the task again.",
        retryable=True,  # space becomes free again, and a retry can run on another worker
    )


def remedy_at_output(error: OSError) -> str:
    """Return the remedy for an error of the system at the output path, without a full stop."""
    if error.errno in _HANDLES:
        return _OPEN_FILES
    if error.errno == errno.EXDEV:
        return _OTHER_DISK
    return "Check space and permissions"
