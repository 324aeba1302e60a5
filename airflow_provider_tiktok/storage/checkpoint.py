"""Rows of an unfinished job, kept at its destination so that another attempt can go on from them.

While a job runs, its rows are also written to a log on the local disk. From time to time, and when the job fails, what
is new in the log up to a mark (a place from which the job can go on) is copied to a folder at the destination, as one
more segment, and after it the state: which segments there are, with their digests, and what the job itself wants to
know. An attempt that finds a state takes the rows of its segments over; a state or a segment that is damaged, or is
another job's, is as good as none.
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
from airflow_provider_tiktok.storage.temporary import BlockFile, temporary_file

log = logging.getLogger(__name__)

_VERSION = 1
_HEADER = struct.Struct("<III")  # rows, bytes of the table of partitions, bytes of the rows
_PIECE = 2**20
_LEAST_PAUSE = 1.0  # seconds between two saves
_STRAY_AFTER = timedelta(days=2)
_PAUSE_FACTOR = 20  # times as long as a save takes, so that saving costs a twentieth of the time at most


class Checkpoint:
    """The rows of a job until its last mark.

    :param filesystem: the fsspec filesystem of the destination.
    :param folder: where in it the checkpoint stands; nothing else may be there.
    :param identity: what the job is, as JSON has it; a state with another identity is another job's.
    :param clock: seconds that only go forward.
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
        # as a digest: what a job is may name places and people that its rows do not
        text = json.dumps({**identity, "version": _VERSION}, sort_keys=True)
        self._identity = hashlib.sha256(text.encode()).hexdigest()
        self._clock = clock
        self._log = BlockFile()
        self._segments: list[dict[str, Any]] = []
        self._marked = 0
        self._saved = 0
        self._state: Mapping[str, Any] | None = None
        self._next_save = clock() + _LEAST_PAUSE
        self._works = True

    def load(self) -> Mapping[str, Any] | None:
        """Take over what an earlier attempt has saved.

        :return: the state that it gave with its last mark; ``None`` when there is none, and the job begins anew.
        """
        try:
            with suppress(Exception):  # somebody else's, and no reason to lose one's own
                self._remove_strays()
            names = sorted(self._names("json"), reverse=True)
            for name in names:
                state = self._read_state(name)
                if state is not None and self._fetch(state["segments"]):
                    self._segments = state["segments"]
                    self._marked = self._saved = self._log.size
                    given: Mapping[str, Any] = state["state"]
                    return given
        except Exception as error:  # each store has errors of its own, and a job can do without
            log.warning(
                "What an earlier attempt left in %s can't be read (%s), so the report begins anew.",
                self._folder,
                _reason(error),
            )
        self.restart()
        return None

    def restart(self) -> None:
        """Take nothing over, and begin a new log."""
        self.discard()
        self._log.close()
        self._marked = self._saved = 0

    def rows(self) -> Iterator[Sequence[Any]]:
        """Return the rows that were taken over, in the batches in which they were added.

        :raises TikTokOutputError: the local log can't be read.
        """
        offset = 0

        def take(length: int) -> bytes:
            nonlocal offset
            offset += length
            return self._log.read((offset - length, length))

        while offset < self._saved:
            count, table_bytes, row_bytes = _HEADER.unpack(take(_HEADER.size))
            lengths = struct.unpack(f"<{count}I", take(4 * count))
            places = struct.unpack(f"<{count}I", take(4 * count)) if table_bytes else ()
            table = json.loads(take(table_bytes)) if table_bytes else []
            data = take(row_bytes)
            lines, start = [], 0
            for length in lengths:
                lines.append(data[start : start + length])
                start += length
            yield (
                [(table[place], line) for place, line in zip(places, lines, strict=True)] if table else lines
            )

    def add(self, rows: Sequence[Any]) -> None:
        """Take rows in: bytes, or pairs of a text, such as a partition, and bytes."""
        if not (rows and self._works):
            return
        table: dict[str, int] = {}
        places: list[int] = []
        lines = rows
        if isinstance(rows[0], tuple):
            places = [table.setdefault(text, len(table)) for text, _ in rows]
            lines = [line for _, line in rows]
        names = json.dumps(list(table)).encode() if table else b""
        size = sum(map(len, lines))
        head = _HEADER.pack(len(rows), len(names), size)
        numbers = struct.pack(f"<{len(rows) + len(places)}I", *map(len, lines), *places)
        try:
            self._log.append(b"".join((head, numbers, names, *lines)))
        except TikTokOutputError as error:
            self._give_up(error)

    def mark(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Say that the job can go on from here, and save if the last time is long enough ago.

        :param state: gives what the job wants to know then, as JSON has it.
        """
        self._marked = self._log.size
        self._state = state()
        if self._clock() >= self._next_save:
            self.save()

    def save(self, state: Mapping[str, Any] | None = None) -> None:
        """Copy what is new up to the last mark to the destination. A failure to do so is no failure of the job.

        :param state: of the last mark, where more is known of it by now.
        """
        self._state = state or self._state
        if self._state is None or not self._works or not self._marked:
            return
        started = self._clock()
        try:
            if self._marked > self._saved:
                self._segments.append(self._put_segment())
                self._saved = self._marked
            name = f"{len(self._segments):06}-{self._saved}.json"
            state = {"identity": self._identity, "segments": self._segments, "state": self._state}
            text = json.dumps(state).encode()
            digest = hashlib.sha256(text).hexdigest().encode()
            self._put([text + b"\n" + digest + b"\n"], name)
            for other in self._names("json"):
                if other != name:
                    self._fs.rm_file(f"{self._folder}/{other}")
            self._state = None
        except Exception as error:  # each store has errors of its own
            self._give_up(error)
        took = self._clock() - started
        self._next_save = self._clock() + max(_LEAST_PAUSE, _PAUSE_FACTOR * took)

    def discard(self) -> None:
        """Leave nothing at the destination."""
        self._segments, self._state = [], None
        with suppress(Exception):
            if self._fs.exists(self._folder):
                self._fs.rm(self._folder, recursive=True)
        parent = self._folder.rpartition("/")[0]
        with suppress(Exception):
            if self._fs.exists(parent) and not self._fs.ls(parent, detail=False):
                self._fs.rmdir(parent)

    def close(self) -> None:
        """Let go of the local log."""
        self._log.close()

    def _names(self, extension: str) -> list[str]:
        self._fs.invalidate_cache(self._folder)
        if not self._fs.exists(self._folder):
            return []
        paths = self._fs.ls(self._folder, detail=False)
        return [path.rpartition("/")[2] for path in paths if path.endswith(f".{extension}")]

    def _remove_strays(self) -> None:
        """Remove what jobs have left beside this one that no attempt has taken up for long."""
        parent = self._folder.rpartition("/")[0]
        self._fs.invalidate_cache(parent)
        if not self._fs.exists(parent):
            return
        limit = datetime.now(timezone.utc) - _STRAY_AFTER
        for folder in self._fs.ls(parent, detail=False):
            files = self._fs.find(folder)
            if (
                folder != self._folder
                and files
                and all(_utc(self._fs.modified(one)) < limit for one in files)
            ):
                self._fs.rm(folder, recursive=True)

    def _read_state(self, name: str) -> dict[str, Any] | None:
        """Read a state, unless it is damaged or another job's."""
        text, _, digest = self._fs.cat_file(f"{self._folder}/{name}").rstrip(b"\n").rpartition(b"\n")
        if hashlib.sha256(text).hexdigest().encode() != digest:
            return None
        state: dict[str, Any] = json.loads(text)
        return state if state["identity"] == self._identity else None

    def _fetch(self, segments: Sequence[Mapping[str, Any]]) -> bool:
        """Copy segments into the local log; say whether all are there and undamaged."""
        self._log.close()
        for segment in segments:
            digest = hashlib.sha256()
            with self._fs.open(f"{self._folder}/{segment['name']}", "rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
                    self._log.append(piece)
            if digest.hexdigest() != segment["sha256"]:
                return False
        return True

    def _put_segment(self) -> dict[str, Any]:
        name = f"{len(self._segments):06}.rows"
        digest = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            for start in range(self._saved, self._marked, _PIECE):
                piece = self._log.read((start, min(_PIECE, self._marked - start)))
                digest.update(piece)
                yield piece

        self._put(pieces(), name)
        return {"name": name, "sha256": digest.hexdigest()}

    def _put(self, pieces: Iterable[bytes], name: str) -> None:
        with temporary_file(pieces) as path:
            self._upload(path, name)

    def _upload(self, path: str, name: str) -> None:
        self._fs.makedirs(self._folder, exist_ok=True)
        self._fs.put_file(path, f"{self._folder}/{name}")

    def _give_up(self, error: Exception) -> None:
        self._works = False
        log.warning(
            "The progress of the report can't be kept in %s (%s), so a retry would begin anew.",
            self._folder,
            _reason(error),
        )


def _reason(error: Exception) -> str:
    """Return what may be logged of an error: a store's own text may hold a secret, ours holds none."""
    return str(error) if isinstance(error, TikTokOutputError) else type(error).__name__


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
