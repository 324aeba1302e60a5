"""Part files: data files that grow on the local disk, with a count of bytes and rows and a digest."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

_BUFFER = 2**16
_LEVEL = 6


class PartFile(Protocol):
    """A data file that is not published yet.

    ``path``, ``rows``, ``size`` and ``sha256`` are final after :meth:`finish`.
    """

    path: Path
    rows: int

    @property
    def size(self) -> int:
        """Bytes in the file."""

    @property
    def sha256(self) -> str:
        """Digest of the bytes in the file."""

    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows, as rendered by the format."""

    def release(self) -> None:
        """Close the file's handle, if one is open, until the next write."""

    def finish(self) -> None:
        """Write the buffered rows and close the file, which cannot be appended to afterwards."""

    def discard(self) -> None:
        """Remove the file, even if the disk is too full to finish it."""


class CountedFile:
    """A file that counts and hashes the bytes written to it. It can be closed and opened again between writes.

    :param path: the path of the new file, which must not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self.digest = hashlib.sha256()
        self._file: IO[bytes] | None = path.open("xb", buffering=_BUFFER)

    @property
    def closed(self) -> bool:
        """Return whether no handle is open."""
        return self._file is None

    def open(self) -> None:
        """Open the file again for appending."""
        if self._file is None:
            self._file = self.path.open("ab", buffering=_BUFFER)

    def write(self, data: bytes) -> int:
        """Append data and return its length."""
        assert self._file is not None  # noqa: S101 - open while it is written to
        self._file.write(data)
        self.digest.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Flush the buffer to the operating system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the handle."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def discard(self) -> None:
        """Remove the file, even if the disk is too full to close it without an error."""
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


class LinePartFile:
    """A part file of a format of lines.

    The same lines produce the same bytes: gzip's header contains neither a name nor a time.

    :param path: the path of the new file, which must not exist.
    :param header: the bytes at the start of the file.
    :param compress: whether to compress the file with gzip.
    """

    def __init__(self, path: Path, header: bytes, *, compress: bool) -> None:
        self.path = path
        self.rows = 0
        self._compress = compress
        self._file = CountedFile(path)
        self._gzip = self._member()
        if header:
            self._append(header)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._file.bytes

    @property
    def sha256(self) -> str:
        """Digest of the bytes in the file."""
        return self._file.digest.hexdigest()

    def write(self, rows: Sequence[bytes]) -> None:
        """Append lines."""
        if self._file.closed:
            self._file.open()
            self._gzip = self._member()
        self._append(b"".join(rows))
        self.rows += len(rows)

    def release(self) -> None:
        """Close the file's handle until the next write."""
        member, self._gzip = self._gzip, None
        try:
            if member is not None:
                member.close()
        finally:
            self._file.close()

    def finish(self) -> None:
        """Write the buffered lines and close the file."""
        self.release()

    def discard(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            self.release()
        self._file.discard()

    def _member(self) -> gzip.GzipFile | None:
        """Return a new gzip member; a file that is opened again gets another one, which readers concatenate."""
        if not self._compress:
            return None
        return gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._file, mtime=0)

    def _append(self, data: bytes) -> None:
        (self._gzip or self._file).write(data)
