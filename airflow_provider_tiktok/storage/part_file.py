"""One file in the making, on the local disk: bytes, digest and rows are counted as they are written."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

_BUFFER = 2**18
_LEVEL = 6


class Spool(Protocol):
    """A data file in the making.

    ``path``, ``rows``, ``size`` and ``sha256`` are final once it is finished.
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
        """Append rows, as the format rendered them."""

    def release(self) -> None:
        """Let go of the file's handle, if one is held, until the next write."""

    def finish(self) -> None:
        """Write what is left. Nothing may be appended any more."""

    def discard(self) -> None:
        """Remove the file, also when the disk is too full to finish it."""


class CountedFile:
    """Bytes on their way to a file, counted and digested. The file may be closed and opened again in between.

    :param path: where the file grows; it may not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self.digest = hashlib.sha256()
        self._file: IO[bytes] | None = path.open("xb", buffering=_BUFFER)

    @property
    def closed(self) -> bool:
        """Whether no handle is held."""
        return self._file is None

    def open(self) -> None:
        """Open the file again, at its end."""
        if self._file is None:
            self._file = self.path.open("ab", buffering=_BUFFER)

    def write(self, data: bytes) -> int:
        """Append."""
        assert self._file is not None  # noqa: S101 - open while it is written to
        self._file.write(data)
        self.digest.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Hand over to the system what is buffered."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Let go of the handle."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def discard(self) -> None:
        """Remove the file, also when the disk is too full to close it in order."""
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


class LineSpool:
    """A file of lines that grows piece by piece.

    The same pieces give the same bytes: gzip's header holds neither a name nor a time.

    :param path: where the file grows; it may not exist yet.
    :param header: what it begins with.
    :param compress: write gzip.
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
        """Let go of the file's handle until the next write."""
        member, self._gzip = self._gzip, None
        try:
            if member is not None:
                member.close()
        finally:
            self._file.close()

    def finish(self) -> None:
        """Write what is left."""
        self.release()

    def discard(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            self.release()
        self._file.discard()

    def _member(self) -> gzip.GzipFile | None:
        """Begin a gzip member; a file that was opened again gets a further one, which readers join."""
        if not self._compress:
            return None
        return gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._file, mtime=0)

    def _append(self, data: bytes) -> None:
        (self._gzip or self._file).write(data)
