"""Files in an object store: several of them change as nearly as one as a store allows.

Files grow in a temporary folder of the worker's. One file is one upload, which is whole by itself. For a
folder, an upload is what takes long and what may be refused, so it goes to a hidden place first:

1. A journal ``.tiktok-run-ID/.journal.json`` says which files are to come.
2. Every file is uploaded below ``.tiktok-run-ID/``. A refusal or a kill until here leaves the old state.
3. The journal says that all is there. The store copies each file to its place, the manifest last, and
   removes old ones without a successor. A store whose copies are done some time later gets a second upload.
4. ``.tiktok-run-ID/`` is removed.

A store has neither renames nor locks, so a kill or a refusal in step 3 leaves files of two runs; the journal
that stays says so. A later run of the same request replaces all of them and removes it; one of another
request, an hour later, finishes what it says, but for files that were written since.
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

from airflow_provider_tiktok.storage.local_disk import JOURNAL, RUN_FOLDER, Change
from airflow_provider_tiktok.storage.locks import Claim, is_abandoned
from airflow_provider_tiktok.storage.partitions import protocols

log = logging.getLogger(__name__)

_TEMPORARY = "tiktok-report-"
_PATIENCE = 3600  # seconds after which a journal that still stands is one of a run that is gone
_ATTEMPTS = 3
_COPIES_LATER = frozenset({"abfs", "abfss", "adl", "az", "wasb", "wasbs"})  # Azure copies in its own time


class ObjectStore:
    """Publishes the files of one run.

    :param filesystem: an fsspec filesystem.
    :param folder: the folder of the destination, as the filesystem lists it.
    """

    def __init__(self, filesystem: Any, folder: str) -> None:
        self._fs = filesystem
        self._folder = folder.rstrip("/")
        self._run = f"{self._folder}/{RUN_FOLDER}{secrets.token_hex(4)}"
        self._temporary: Path | None = None
        self._claim: Claim | None = None
        self._count = 0
        self.is_mixed = False
        """Whether an error left files of two runs."""

    def tidy(self) -> None:
        """Remove what killed runs left in the worker's temporary folder."""
        self._fs.invalidate_cache()  # what other workers wrote since is to be seen
        for folder in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*"):
            with suppress(OSError):
                if folder.stat().st_uid == os.getuid() and is_abandoned(folder):
                    shutil.rmtree(folder, ignore_errors=True)

    def new_file(self) -> Path:
        """Give a path for a file in the making."""
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
            self._claim = Claim(self._temporary)
        self._count += 1
        return self._temporary / f".{self._count}.tmp"

    def replace(self, change: Change) -> None:
        """Publish one file."""
        source, path = change
        self._try("put_file", str(source), path)

    def replace_all(self, changes: Sequence[Change], stale: Sequence[str]) -> None:
        """Publish several files, in their order, and remove others before the last.

        :raises OSError: it could not be done; the old files stand where they were, unless :attr:`is_mixed`.
        """
        self._finish_others()
        paths = [path for _, path in changes]
        journal = {
            "state": "uploading",
            "files": [{"path": path, "source": self._staged(source)} for source, path in changes],
            "stale": list(stale),
        }
        try:
            self._write_journal(journal)
            for source, _ in changes:
                self._try("put_file", str(source), self._staged(source))
            self._write_journal({**journal, "state": "publishing"})
        except OSError:
            self._remove(self._run)
            raise
        self.is_mixed = True
        for change in changes[:-1]:
            self._place(change)
        for path in stale:
            self._try("rm_file", path)
        self._place(changes[-1])
        self.is_mixed = False
        self._remove(self._run)
        self._remove_overtaken({*paths, *stale})

    def discard(self) -> None:
        """Remove all that isn't published. Calling it again does nothing."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    def _staged(self, source: Path) -> str:
        return f"{self._run}/{source.name}"

    def _place(self, change: Change) -> None:
        """Put an uploaded file into its place: by the store's own copy, else by a second upload."""
        source, path = change
        if not _COPIES_LATER.intersection(protocols(self._fs)):
            try:
                self._try("cp_file", self._staged(source), path)
            except OSError as error:
                log.info("The store would not copy (%s), so %s is uploaded again.", error, path)
            else:
                return
        self._try("put_file", str(source), path)

    def _write_journal(self, journal: dict[str, Any]) -> None:
        self._try("pipe_file", f"{self._run}/{JOURNAL}", json.dumps(journal).encode())

    def _journals(self) -> dict[str, dict[str, Any]]:
        """Read the journals of other runs, by their folder."""
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
                with suppress(Exception):  # its owner may remove it meanwhile
                    found[run] = json.loads(self._fs.cat_file(f"{run}/{JOURNAL}"))
        return found

    def _finish_others(self) -> None:
        """Finish or remove what runs began that are surely gone."""
        for run, journal in self._journals().items():
            begun = self._modified(f"{run}/{JOURNAL}")
            if begun is None or time.time() - begun < _PATIENCE:
                continue
            if journal["state"] == "publishing":
                self._finish(journal, begun)
            self._remove(run)
            log.info("Removed %s, which a task that was killed had left behind.", run)

    def _finish(self, journal: dict[str, Any], begun: float) -> None:
        """Do what a journal says, but for files that were written since."""
        for file in journal["files"]:
            written = self._modified(file["path"])
            if written is None or written < begun:
                with suppress(FileNotFoundError):  # removed by whoever overtook it
                    self._try("cp_file", file["source"], file["path"])
        for path in journal["stale"]:
            written = self._modified(path)
            if written is not None and written < begun:
                self._try("rm_file", path)

    def _remove_overtaken(self, replaced: set[str]) -> None:
        """Remove what was left by runs all of whose files are new now."""
        for run, journal in self._journals().items():
            written = {file["path"] for file in journal["files"]}
            if replaced >= written and not any(
                self._modified(path) for path in journal["stale"] if path not in replaced
            ):
                self._remove(run)

    def _remove(self, run: str) -> None:
        try:
            self._fs.rm(run, recursive=True)
        except Exception as error:  # each store has errors of its own, and nothing depends on this one
            log.info("%s could not be removed (%s).", run, type(error).__name__)

    def _modified(self, path: str) -> float | None:
        """Give when an object was written, in seconds since 1970; ``None`` where there is none."""
        try:
            moment: datetime = self._fs.modified(path)
        except FileNotFoundError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()

    def _try(self, action: str, *arguments: Any) -> None:
        """Do something in the store.

        :raises OSError: it was refused; where a refusal leaves files of two runs, several times.
        """
        for attempt in range(_ATTEMPTS if self.is_mixed else 1):
            try:
                getattr(self._fs, action)(*arguments)
            except Exception as error:
                if self.is_mixed and attempt < _ATTEMPTS - 1:
                    continue
                if isinstance(error, OSError):
                    raise
                # each object store has errors of its own
                raise OSError(f"{type(error).__name__} while uploading") from error
            else:
                return
