"""Checkpoints: the rows of an interrupted job, stored at its destination so that another attempt can resume.

While a job runs, its rows are also written to a log on the local disk. At intervals, and when the job fails, the new
part of the log up to the last resume point is copied to a folder at the destination, as one more segment. After it, the
state is written: the list of segments with their digests, and the job's own state. An attempt that finds a state reuses
the rows of its segments. A state or a segment that is damaged, or is another job's, is ignored.
"""

from __future__ import annotations

import hashlib
import json
import logging
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.fingerprint import fingerprint_of
from airflow_provider_tiktok.storage.temporary import BlockFile, temporary_file

log = logging.getLogger(__name__)

_VERSION = 1
_HEADER = struct.Struct("<III")  # rows, bytes of the table of partitions, bytes of the rows
_CHUNK = 2**20
_MIN_INTERVAL = 1.0  # seconds between two saves
_STALE_AFTER = timedelta(days=2)
_INTERVAL_FACTOR = 20  # times the duration of a save, so that saves take at most a twentieth of the time


class Checkpoint:
    """The rows of a job up to its last resume point.

    :param filesystem: the fsspec filesystem of the destination.
    :param folder: the folder of the checkpoint, which contains nothing else.
    :param identity: a JSON object that identifies the job; a state with another identity is another job's.
    :param clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        filesystem: Any,
        folder: str,
        identity: Mapping[str, Any],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fs = filesystem
        self._folder = folder.rstrip("/")
        # as a digest, because the identity may contain names that the rows don't
        self._identity = fingerprint_of({**identity, "version": _VERSION})
        self._clock = clock
        self._log = BlockFile()
        self._segments: list[dict[str, Any]] = []
        self._resume_offset = 0
        self._saved_offset = 0
        self._state: Mapping[str, Any] | None = None
        self._next_save = clock() + _MIN_INTERVAL
        self._enabled = True

    def load(self) -> Mapping[str, Any] | None:
        """Load the checkpoint of an earlier attempt.

        :return: the job's state at the last resume point; ``None`` if there is none and the job starts from scratch.
        """
        try:
            with suppress(Exception):  # a failure with other jobs' checkpoints must not affect this one
                self._remove_stale()
            names = sorted(self._names("json"), reverse=True)
            for name in names:
                state = self._read_state(name)
                if state is not None and self._fetch(state["segments"]):
                    self._segments = state["segments"]
                    self._resume_offset = self._saved_offset = self._log.size
                    job_state: Mapping[str, Any] = state["state"]
                    return job_state
        except (
            Exception
        ) as error:  # each store raises different errors, and a job can run without a checkpoint
            log.warning(
                "The checkpoint in %s can't be read (%s), so the run starts from scratch.",
                self._folder,
                _reason(error),
            )
        self.restart()
        return None

    def restart(self) -> None:
        """Discard the checkpoint and start a new log."""
        self.discard()
        self._log.close()
        self._resume_offset = self._saved_offset = 0

    def rows(self) -> Iterator[Sequence[Any]]:
        """Return the loaded rows, in the batches in which they were added.

        :raises TikTokOutputError: the local log can't be read.
        """
        offset = 0

        def read(length: int) -> bytes:
            nonlocal offset
            offset += length
            return self._log.read((offset - length, length))

        while offset < self._saved_offset:
            count, table_bytes, row_bytes = _HEADER.unpack(read(_HEADER.size))
            lengths = struct.unpack(f"<{count}I", read(4 * count))
            indexes = struct.unpack(f"<{count}I", read(4 * count)) if table_bytes else ()
            table = json.loads(read(table_bytes)) if table_bytes else []
            data = read(row_bytes)
            lines, start = [], 0
            for length in lengths:
                lines.append(data[start : start + length])
                start += length
            yield (
                [(table[index], line) for index, line in zip(indexes, lines, strict=True)] if table else lines
            )

    def add(self, rows: Sequence[Any]) -> None:
        """Add rows to the log: bytes, or pairs of a string, such as a partition, and bytes."""
        if not (rows and self._enabled):
            return
        table: dict[str, int] = {}
        indexes: list[int] = []
        lines = rows
        if isinstance(rows[0], tuple):
            indexes = [table.setdefault(text, len(table)) for text, _ in rows]
            lines = [line for _, line in rows]
        names = json.dumps(list(table)).encode() if table else b""
        size = sum(map(len, lines))
        head = _HEADER.pack(len(rows), len(names), size)
        numbers = struct.pack(f"<{len(rows) + len(indexes)}I", *map(len, lines), *indexes)
        try:
            self._log.append(b"".join((head, numbers, names, *lines)))
        except TikTokOutputError as error:
            self._disable(error)

    def set_resume_point(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Record that the job can resume from here, and save if the interval since the last save has passed.

        :param state: returns the job's state as a JSON object.
        """
        self._resume_offset = self._log.size
        self._state = state()
        if self._clock() >= self._next_save:
            self.save()

    def save(self, state: Mapping[str, Any] | None = None) -> None:
        """Copy the new rows up to the last resume point to the destination. A failure doesn't fail the job.

        :param state: a newer state for the last resume point.
        """
        self._state = state or self._state
        if self._state is None or not self._enabled or not self._resume_offset:
            return
        started = self._clock()
        try:
            if self._resume_offset > self._saved_offset:
                self._segments.append(self._put_segment())
                self._saved_offset = self._resume_offset
            name = f"{len(self._segments):06}-{self._saved_offset}.json"
            state = {"identity": self._identity, "segments": self._segments, "state": self._state}
            text = json.dumps(state).encode()
            digest = hashlib.sha256(text).hexdigest().encode()
            self._put([text + b"\n" + digest + b"\n"], name)
            for other in self._names("json"):
                if other != name:
                    self._fs.rm_file(f"{self._folder}/{other}")
            self._state = None
        except Exception as error:  # each store raises different errors
            self._disable(error)
        duration = self._clock() - started
        self._next_save = self._clock() + max(_MIN_INTERVAL, _INTERVAL_FACTOR * duration)

    def discard(self) -> None:
        """Remove the checkpoint from the destination."""
        self._segments, self._state = [], None
        with suppress(Exception):
            if self._fs.exists(self._folder):
                self._fs.rm(self._folder, recursive=True)
        parent = self._folder.rpartition("/")[0]
        with suppress(Exception):
            if self._fs.exists(parent) and not self._fs.ls(parent, detail=False):
                self._fs.rmdir(parent)

    def close(self) -> None:
        """Remove the local log."""
        self._log.close()

    def _names(self, extension: str) -> list[str]:
        self._fs.invalidate_cache(self._folder)
        if not self._fs.exists(self._folder):
            return []
        paths = self._fs.ls(self._folder, detail=False)
        return [path.rpartition("/")[2] for path in paths if path.endswith(f".{extension}")]

    def _remove_stale(self) -> None:
        """Remove the stale checkpoints of other jobs next to this one."""
        parent = self._folder.rpartition("/")[0]
        self._fs.invalidate_cache(parent)
        if not self._fs.exists(parent):
            return
        limit = datetime.now(timezone.utc) - _STALE_AFTER
        for folder in self._fs.ls(parent, detail=False):
            files = self._fs.find(folder)
            if (
                folder != self._folder
                and files
                and all(_utc(self._fs.modified(one)) < limit for one in files)
            ):
                self._fs.rm(folder, recursive=True)

    def _read_state(self, name: str) -> dict[str, Any] | None:
        """Return a state, or ``None`` if it is damaged or another job's."""
        text, _, digest = self._fs.cat_file(f"{self._folder}/{name}").rstrip(b"\n").rpartition(b"\n")
        if hashlib.sha256(text).hexdigest().encode() != digest:
            return None
        state: dict[str, Any] = json.loads(text)
        return state if state["identity"] == self._identity else None

    def _fetch(self, segments: Sequence[Mapping[str, Any]]) -> bool:
        """Copy segments into the local log and return whether all exist and are undamaged."""
        self._log.close()
        for segment in segments:
            digest = hashlib.sha256()
            with self._fs.open(f"{self._folder}/{segment['name']}", "rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    self._log.append(chunk)
            if digest.hexdigest() != segment["sha256"]:
                return False
        return True

    def _put_segment(self) -> dict[str, Any]:
        name = f"{len(self._segments):06}.rows"
        digest = hashlib.sha256()

        def chunks() -> Iterator[bytes]:
            for start in range(self._saved_offset, self._resume_offset, _CHUNK):
                chunk = self._log.read((start, min(_CHUNK, self._resume_offset - start)))
                digest.update(chunk)
                yield chunk

        self._put(chunks(), name)
        return {"name": name, "sha256": digest.hexdigest()}

    def _put(self, chunks: Iterable[bytes], name: str) -> None:
        with temporary_file(chunks) as path:
            self._upload(path, name)

    def _upload(self, path: str, name: str) -> None:
        self._fs.makedirs(self._folder, exist_ok=True)
        self._fs.put_file(path, f"{self._folder}/{name}")

    def _disable(self, error: Exception) -> None:
        self._enabled = False
        log.warning(
            "The checkpoint can't be saved in %s (%s), so a retry would start from scratch.",
            self._folder,
            _reason(error),
        )


def _reason(error: Exception) -> str:
    """Return the loggable part of an error: a store's own text can contain a secret, ours contains none."""
    return str(error) if isinstance(error, TikTokOutputError) else type(error).__name__


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
