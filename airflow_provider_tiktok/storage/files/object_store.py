"""Publication of files in an object store: several files change as atomically as a store allows.

The part files are in a temporary folder of the worker. Uploads take long and can fail, so every file is uploaded to the
run's folder first, after a journal with the state ``staging``. A step copies a file to its path in the store; stores that
copy asynchronously get a second upload instead.

A store has neither renames nor locks, so an error leaves files of two runs and the journal, as a kill does. A later run
of the same request replaces all of them and removes the journal. A run of another request, an hour later, carries out the
journal, except for files that were written since.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from airflow_provider_tiktok.storage.files import publication
from airflow_provider_tiktok.storage.files.locks import locked_if_stale
from airflow_provider_tiktok.storage.files.partitions import protocols
from airflow_provider_tiktok.storage.files.publication import JOURNAL, Change, Journal, Publication, Step

log = logging.getLogger(__name__)

_TEMPORARY = "tiktok-report-"
_STALE_AFTER = 3600  # seconds after which a journal is stale
_ATTEMPTS = 3
_ASYNCHRONOUS_COPY = frozenset({"abfs", "abfss", "adl", "az", "wasb", "wasbs"})  # Azure copies asynchronously


class ObjectStore(Publication):
    """The publication of one run's files.

    :param filesystem: an fsspec filesystem.
    :param folder: the folder of the destination, as the filesystem lists it.
    """

    def __init__(self, filesystem: Any, folder: str) -> None:
        super().__init__()
        self._fs = filesystem
        self._folder = folder.rstrip("/")

    def recover(self) -> None:
        """Remove the files of killed runs from the worker's temporary folder."""
        self._fs.invalidate_cache()  # it lacks what other workers have written since
        for folder in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*"):
            with suppress(OSError):
                if folder.stat().st_uid == os.getuid():
                    with locked_if_stale(folder) as is_stale:
                        if is_stale:
                            shutil.rmtree(folder, ignore_errors=True)

    def replace(self, change: Change) -> None:
        """Publish one file."""
        source, path = change
        self._call("put_file", str(source), path)

    def _create_folder(self) -> Path:
        parts = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        self._run = f"{self._folder}/{publication.RUN_FOLDER}{parts.name.removeprefix(_TEMPORARY)}"
        return parts

    def _step(self, number: int, source: Path | None, path: str) -> Step:
        return Step(path.removeprefix(f"{self._folder}/"), source.name if source else None)

    def _stage(self, steps: Sequence[Step]) -> None:
        self._write_journal(Journal(publication.STAGING, steps))  # its age is the run's
        for step in steps:
            if step.source:
                self._call("put_file", str(self.begin() / step.source), f"{self._run}/{step.source}")

    def _commit(self, steps: Sequence[Step]) -> None:
        super()._commit(steps)
        with suppress(Exception):  # the new files are published; each store raises different errors
            self._remove_superseded({step.path for step in steps})

    def _write_journal(self, journal: Journal) -> None:
        self._call("pipe_file", f"{self._run}/{JOURNAL}", journal.dump().encode())

    def _journals(self) -> dict[str, Journal]:
        """Return the journals of other runs, by their folder."""
        self._fs.invalidate_cache()
        found = {}
        with suppress(FileNotFoundError):
            for run in (path.rstrip("/") for path in self._fs.ls(self._folder, detail=False)):
                name = run.rpartition("/")[2]
                if name.startswith(publication.RUN_FOLDER) and not self._run.endswith(name):
                    with suppress(Exception):  # its owner can remove it at the same time
                        text = self._fs.cat_file(f"{run}/{JOURNAL}")
                        found[run] = publication.load_journal(text, self._folder)
        return found

    def _stale_runs(self) -> Iterator[tuple[str, Journal]]:
        for run, journal in self._journals().items():
            started = self._modified(f"{run}/{JOURNAL}")
            if started is not None and time.time() - started >= _STALE_AFTER:
                yield run, journal

    def _apply(self, run: str, step: Step) -> None:
        path = f"{self._folder}/{step.path}"
        if run != self._run:
            started, written = self._modified(f"{run}/{JOURNAL}"), self._modified(path)
            if started is None or (written is not None and written >= started):
                return
        try:
            if step.source:
                self._copy(run, step.source, path)
            else:
                self._call("rm_file", path, attempts=_ATTEMPTS)
        except FileNotFoundError:
            if run == self._run and step.source:
                raise  # otherwise a later run has removed it

    def _copy(self, run: str, name: str, path: str) -> None:
        """Copy a staged file to its path: by the store's own copy, or else by a second upload."""
        staged, part = f"{run}/{name}", self.begin() / name
        if not _ASYNCHRONOUS_COPY.intersection(protocols(self._fs)):
            try:
                self._call("cp_file", staged, path, attempts=_ATTEMPTS)
            except OSError as error:
                log.info("The store refused to copy (%s), so %s is uploaded again.", error, path)
            else:
                return
        if run != self._run:
            part = self.begin() / f"{name}.recovered"
            self._call("get_file", staged, str(part), attempts=_ATTEMPTS)
        self._call("put_file", str(part), path, attempts=_ATTEMPTS)

    def _remove(self, run: str) -> None:
        try:
            self._fs.rm(run, recursive=True)
        except Exception as error:  # each store raises different errors
            log.info("%s could not be removed (%s).", run, type(error).__name__)

    def _remove_superseded(self, replaced: set[str]) -> None:
        """Remove the folders of runs whose files have all been replaced."""
        for run, journal in self._journals().items():
            others = [step for step in journal.steps if step.path not in replaced]
            if not any(step.source or self._modified(f"{self._folder}/{step.path}") for step in others):
                self._remove(run)

    def _modified(self, path: str) -> float | None:
        """Return the Unix timestamp of an object's last write; ``None`` if the object doesn't exist."""
        try:
            modified: datetime = self._fs.modified(path)
        except FileNotFoundError:
            return None
        return (modified if modified.tzinfo else modified.replace(tzinfo=timezone.utc)).timestamp()

    def _call(self, action: str, *arguments: Any, attempts: int = 1) -> None:
        """Call a method of the store's filesystem.

        :raises OSError: it failed each time.
        """
        try:
            getattr(self._fs, action)(*arguments)
        except Exception as error:
            if attempts > 1:
                self._call(action, *arguments, attempts=attempts - 1)
            elif isinstance(error, OSError):
                raise
            else:  # each object store raises different errors
                raise OSError(f"{type(error).__name__} while uploading") from error
