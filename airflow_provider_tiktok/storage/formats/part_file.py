"""Part files: data files that grow on the local disk, with a count of bytes and rows and a digest."""

from __future__ import annotations

import gzip
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_BUFFER = 2**16
_LEVEL = 6


class CountedFile:
    """A file that counts and hashes the bytes written to it.

    :param path: the path of the new file, which must not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self.digest = hashlib.sha256()
        self._file = path.open("xb", buffering=_BUFFER)

    @property
    def closed(self) -> bool:
        """Return whether the file is closed; pyarrow needs to know."""
        return self._file.closed

    def write(self, data: bytes) -> int:
        """Append data and return its length."""
        self._file.write(data)
        self.digest.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Flush the buffer to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def discard(self) -> None:
        """Remove the file, even if the disk is too full to close it without an error."""
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


class PartFile(ABC):
    """A data file that is not published yet.

    ``rows``, ``size`` and ``sha256`` are final after :meth:`finish`.

    :param path: the path of the new file, which must not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file = CountedFile(path)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._file.bytes

    @property
    def sha256(self) -> str:
        """Digest of the bytes in the file."""
        return self._file.digest.hexdigest()

    @abstractmethod
    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows, as rendered by the format."""

    @abstractmethod
    def finish(self) -> None:
        """Write the buffered rows and close the file, which cannot be appended to afterwards."""

    @abstractmethod
    def discard(self) -> None:
        """Remove the file, even if the disk is too full to finish it."""


class LinePartFile(PartFile):
    """A part file of a format of lines.

    The same lines produce the same bytes: gzip's header contains neither a name nor a time.

    :param path: the path of the new file, which must not exist.
    :param header: the bytes at the start of the file.
    :param compress: whether to compress the file with gzip.
    """

    def __init__(self, path: Path, header: bytes, *, compress: bool) -> None:
        super().__init__(path)
        self._gzip = (
            gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._file, mtime=0)
            if compress
            else None
        )
        if header:
            self._append(header)

    def write(self, rows: Sequence[bytes]) -> None:
        """Append lines."""
        self._append(b"".join(rows))
        self.rows += len(rows)

    def finish(self) -> None:
        """Write the buffered lines and close the file."""
        if self._gzip is not None:
            self._gzip.close()
            self._gzip = None  # it has a buffer, and a run has thousands of files
        self._file.close()

    def discard(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            self.finish()
        self._file.discard()

    def _append(self, data: bytes) -> None:
        (self._gzip or self._file).write(data)
