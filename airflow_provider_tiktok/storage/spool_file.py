"""One file in the making, on the local disk: bytes, digest and rows are counted as they are written."""

from __future__ import annotations

import gzip
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import IO

_BUFFER = 2**18
_LEVEL = 6


class SpoolFile:
    """A file that grows piece by piece and may be closed and reopened in between.

    The same pieces give the same bytes: gzip's header holds neither a name nor a time.

    :param path: where the file grows; it may not exist yet.
    :param compress: write gzip.
    """

    def __init__(self, path: Path, *, compress: bool) -> None:
        self.path = path
        self.rows = 0
        self._compress = compress
        self._counter = _Counter()
        self._sink: _Counter | gzip.GzipFile | None = None
        self._open("xb")

    @property
    def size(self) -> int:
        """Bytes in the file; final once it is closed."""
        return self._counter.bytes

    @property
    def sha256(self) -> str:
        """Digest of the bytes in the file; final once it is closed."""
        return self._counter.digest.hexdigest()

    def write(self, data: bytes, rows: int = 0) -> None:
        """Append bytes that hold so many rows."""
        if self._sink is None:
            self._open("ab")
        assert self._sink is not None  # noqa: S101 - just opened
        self._sink.write(data)
        self.rows += rows

    def close(self) -> None:
        """Finish the file, or let go of its handle until the next write."""
        sink, self._sink = self._sink, None
        try:
            if isinstance(sink, gzip.GzipFile):
                sink.close()
        finally:
            file, self._counter.file = self._counter.file, None
            if file is not None:
                file.close()

    def discard(self) -> None:
        """Remove the file, also when the disk is too full to finish it."""
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _open(self, mode: str) -> None:
        self._counter.file = self.path.open(mode, buffering=_BUFFER)
        if self._compress:
            # a reopened file gets a further gzip member, which readers join
            self._sink = gzip.GzipFile(
                filename="",
                mode="wb",
                compresslevel=_LEVEL,
                fileobj=self._counter,
                mtime=0,
            )
        else:
            self._sink = self._counter


class _Counter:
    """Counts and digests the bytes on their way to the file."""

    def __init__(self) -> None:
        self.file: IO[bytes] | None = None
        self.bytes = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        assert self.file is not None  # noqa: S101 - open while it is written to
        self.file.write(data)
        self.digest.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        if self.file is not None:
            self.file.flush()
