"""Publication of files in an object store: several files change as atomically as a store allows.

Part files are written to a temporary folder of the worker. One file is one upload, which is atomic. For a
folder, uploads take long and can fail, so they go to a staging folder first:

1. A journal ``.tiktok-run-ID/.journal.json`` lists the files to publish.
2. Every file is uploaded below ``.tiktok-run-ID/``. An error or a kill up to here leaves the old state.
3. The journal's state becomes ``publishing``. The store copies each file to its path, the manifest last, and
   old files without a successor are removed. Stores that copy asynchronously get a second upload instead.
4. ``.tiktok-run-ID/`` is removed.

A store has neither renames nor locks, so a kill or an error in step 3 leaves files of two runs, and the
journal remains. A later run of the same request replaces all of them and removes the journal. A run of
another request, an hour later, completes the journal, except for files that were written since.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from airflow_provider_tiktok.storage.files.local_disk import JOURNAL, RUN_FOLDER, Change
from airflow_provider_tiktok.storage.files.locks import FolderLock, create_locked_folder, locked_if_stale
from airflow_provider_tiktok.storage.files.partitions import protocols

log = logging.getLogger(__name__)

_TEMPORARY = "tiktok-report-"
_STALE_AFTER = 3600  # seconds after which a journal is stale
_ATTEMPTS = 3
_ASYNCHRONOUS_COPY = frozenset({"abfs", "abfss", "adl", "az", "wasb", "wasbs"})  # Azure copies asynchronously


class ObjectStore:
    """The publication of one run's files.

    :param filesystem: an fsspec filesystem.
    :param folder: the folder of the destination, as the filesystem lists it.
    """

    def __init__(self, filesystem: Any, folder: str) -> None:
        self._fs = filesystem
        self._folder = folder.rstrip("/")
        self._run = f"{self._folder}/{RUN_FOLDER}{secrets.token_hex(4)}"
        self._temporary: Path | None = None
        self._lock: FolderLock | None = None
        self._count = 0
        self.is_inconsistent = False
        """Whether an error left files of two runs."""

    def recover(self) -> None:
        """Remove the files of killed runs from the worker's temporary folder."""
        self._fs.invalidate_cache()  # it lacks what other workers have written since
        for folder in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*"):
            with suppress(OSError):
                if folder.stat().st_uid == os.getuid():
                    with locked_if_stale(folder) as is_stale:
                        if is_stale:
                            shutil.rmtree(folder, ignore_errors=True)

    def begin(self) -> Path:
        """Return the folder for part files, and create it first if necessary.

        :raises OSError: it can't be created.
        """
        if self._temporary is None:
            self._temporary, self._lock = create_locked_folder(
                lambda: Path(tempfile.mkdtemp(prefix=_TEMPORARY))
            )
        return self._temporary

    def new_file(self) -> Path:
        """Return the path of a new part file."""
        self._count += 1
        return self.begin() / f".{self._count}.tmp"

    def replace(self, change: Change) -> None:
        """Publish one file."""
        source, path = change
        self._call("put_file", str(source), path)

    def replace_all(self, changes: Sequence[Change], stale: Sequence[str]) -> None:
        """Publish several files in order, and remove stale files before the last.

        :raises OSError: publication failed; the old files are unchanged, unless :attr:`is_inconsistent`.
        """
        self._complete_stale_runs()
        paths = [path for _, path in changes]
        journal = {
            "state": "uploading",
            "files": [{"path": path, "source": self._staged(source)} for source, path in changes],
            "stale": list(stale),
        }
        try:
            self._write_journal(journal)
            for source, _ in changes:
                self._call("put_file", str(source), self._staged(source))
            self._write_journal({**journal, "state": "publishing"})
        except OSError:
            self._remove(self._run)
            raise
        self.is_inconsistent = True
        for change in changes[:-1]:
            self._publish(change)
        for path in stale:
            self._call("rm_file", path)
        self._publish(changes[-1])
        self.is_inconsistent = False
        self._remove(self._run)
        self._remove_superseded({*paths, *stale})

    def discard(self) -> None:
        """Remove everything that isn't published. Calling it again does nothing."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _staged(self, source: Path) -> str:
        return f"{self._run}/{source.name}"

    def _publish(self, change: Change) -> None:
        """Publish a staged file: by the store's own copy, or else by a second upload."""
        source, path = change
        if not _ASYNCHRONOUS_COPY.intersection(protocols(self._fs)):
            try:
                self._call("cp_file", self._staged(source), path)
            except OSError as error:
                log.info("The store refused to copy (%s), so %s is uploaded again.", error, path)
            else:
                return
        self._call("put_file", str(source), path)

    def _write_journal(self, journal: dict[str, Any]) -> None:
        self._call("pipe_file", f"{self._run}/{JOURNAL}", json.dumps(journal).encode())

    def _journals(self) -> dict[str, dict[str, Any]]:
        """Return the journals of other runs, by their folder."""
        self._fs.invalidate_cache()
        found = {}
        try:
            names = [path.rstrip("/") for path in self._fs.ls(self._folder, detail=False)]
        except FileNotFoundError:
            return {}
        for run in names:
            if run.rpartition("/")[2].startswith(RUN_FOLDER) and not run.endswith(
                self._run.rpartition("/")[2]
            ):
                with suppress(Exception):  # its owner can remove it at the same time
                    found[run] = json.loads(self._fs.cat_file(f"{run}/{JOURNAL}"))
        return found

    def _complete_stale_runs(self) -> None:
        """Complete or remove the publications of stale runs."""
        for run, journal in self._journals().items():
            started = self._modified(f"{run}/{JOURNAL}")
            if started is None or time.time() - started < _STALE_AFTER:
                continue
            if journal["state"] == "publishing":
                self._complete(journal, started)
            self._remove(run)
            log.info("Removed %s of a killed task.", run)

    def _complete(self, journal: dict[str, Any], started: float) -> None:
        """Publish the files of a journal, except those that were written since."""
        for file in journal["files"]:
            written = self._modified(file["path"])
            if written is None or written < started:
                with suppress(FileNotFoundError):  # removed by a run that superseded it
                    self._call("cp_file", file["source"], file["path"])
        for path in journal["stale"]:
            written = self._modified(path)
            if written is not None and written < started:
                self._call("rm_file", path)

    def _remove_superseded(self, replaced: set[str]) -> None:
        """Remove the staging folders of runs whose files have all been replaced."""
        for run, journal in self._journals().items():
            written = {file["path"] for file in journal["files"]}
            if replaced >= written and not any(
                self._modified(path) for path in journal["stale"] if path not in replaced
            ):
                self._remove(run)

    def _remove(self, run: str) -> None:
        try:
            self._fs.rm(run, recursive=True)
        except Exception as error:  # each store raises different errors, and this one has no consequences
            log.info("%s could not be removed (%s).", run, type(error).__name__)

    def _modified(self, path: str) -> float | None:
        """Return the Unix timestamp of an object's last write; ``None`` if the object doesn't exist."""
        try:
            modified: datetime = self._fs.modified(path)
        except FileNotFoundError:
            return None
        return (modified if modified.tzinfo else modified.replace(tzinfo=timezone.utc)).timestamp()

    def _call(self, action: str, *arguments: Any) -> None:
        """Call a method of the store's filesystem.

        :raises OSError: it failed; if a failure leaves files of two runs, it is retried before.
        """
        for attempt in range(_ATTEMPTS if self.is_inconsistent else 1):
            try:
                getattr(self._fs, action)(*arguments)
            except Exception as error:
                if self.is_inconsistent and attempt < _ATTEMPTS - 1:
                    continue
                if isinstance(error, OSError):
                    raise
                # each object store raises different errors
                raise OSError(f"{type(error).__name__} while uploading") from error
            else:
                return
