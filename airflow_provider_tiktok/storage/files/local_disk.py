"""Publication of files on a local or mounted disk: several files change atomically.

A run writes its part files to one hidden folder next to its destination, ``.tiktok-run-ID``, so that
publication only renames files. One file is one rename, which is atomic. For a folder:

1. Every file is complete and synced to the disk, in the run's folder. A kill up to here leaves the old state.
2. A journal with all steps is written to the run's folder. This commits the new state: a later run that finds
   the journal of an ended process completes it (:meth:`LocalDisk.recover`).
3. Each old file is backed up by a hard link, and the new one is renamed over it. Old files without a successor
   move into the run's folder. The manifest is last.
4. The journal is removed, then the run's folder.

An error in step 3, or a stopped task, rolls the journal back. So a reader can see files of two runs only during the
renames, or after a kill during them until the next run into that folder; a ``.journal.json`` below ``.tiktok-run-*``
shows this. Runs into one folder hold an exclusive lock for steps 2 to 4.
"""

from __future__ import annotations

import errno
import glob
import json
import logging
import os
import secrets
import shutil
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow_provider_tiktok.storage.files.locks import (
    FolderLock,
    create_locked_folder,
    exclusive_lock,
    locked_if_stale,
)

log = logging.getLogger(__name__)

RUN_FOLDER = ".tiktok-run-"
JOURNAL = ".journal.json"

_DAY = 24 * 3600  # seconds

Change = tuple[Path, str]
"""A complete part file, and the path where it is published."""


class LocalDisk:
    """The publication of one run's files.

    :param folder: the folder of the destination, which need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run: Path | None = None
        self._lock: FolderLock | None = None
        self._created_folders: list[Path] = []
        self._count = 0
        self.is_inconsistent = False
        """Whether an error left files of two runs, which the next run repairs."""

    def recover(self) -> None:
        """Complete the publications of killed runs and remove their files."""
        if any(self._folder.glob(f"{RUN_FOLDER}*")):
            # a failed run can remove the empty folder at any time
            with suppress(FileNotFoundError), exclusive_lock(self._folder):
                self._recover()

    def begin(self) -> Path:
        """Return the folder for part files, and create it first if necessary.

        :raises OSError: it can't be created.
        """
        if self._run is None:
            self._run, self._lock = create_locked_folder(self._create_run_folder)
        return self._run

    def new_file(self) -> Path:
        """Return the path of a new part file."""
        self._count += 1
        return self.begin() / f".{self._count}.tmp"

    def replace(self, change: Change) -> None:
        """Publish one file."""
        source, path = change
        _sync(source)
        _remove_stale_files(Path(path))
        _copy_mode(source, Path(path))
        source.replace(path)

    def replace_all(self, changes: Sequence[Change], stale: Sequence[str]) -> None:
        """Publish several files atomically, in order, and remove stale files before the last.

        :raises OSError: publication failed; the old files are unchanged, unless :attr:`is_inconsistent`.
        """
        assert self._run is not None  # noqa: S101 - the changes are in it
        changes = [(source, follow_links(Path(path))) for source, path in changes]
        if len({path for _, path in changes}) < len(changes):
            raise OSError(errno.EEXIST, "by way of symbolic links, two partitions have the same folder")
        for source, path in changes:
            _sync(source)
            _remove_stale_files(Path(path))
            _copy_mode(source, Path(path))
        with exclusive_lock(self._folder):
            self._recover()
            journal = self._journal(changes, stale)
            _write_journal(self._run, journal)
            try:
                for step in journal["steps"]:
                    self._create_folders((self._folder / step["path"]).parent)
                    _apply(self._run, step)
            except BaseException:  # also that of a task which is stopped
                self._roll_back(journal)
                raise
            self._created_folders.clear()
            (self._run / JOURNAL).unlink()

    def discard(self) -> None:
        """Remove everything that isn't published. Calling it again does nothing."""
        if self._run is not None and not self.is_inconsistent:
            shutil.rmtree(self._run, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
        self._run = self._lock = None
        self._remove_created_folders()

    def _journal(self, changes: Sequence[Change], stale: Sequence[str]) -> dict[str, Any]:
        """Return the journal of the steps; paths are relative, because other hosts can mount the disk elsewhere."""
        steps: list[dict[str, Any]] = [
            {
                "path": os.path.relpath(path, self._folder),
                "source": source.name,
                "is_new": not os.path.lexists(path),
            }
            for source, path in changes
        ]
        removals = [
            {"path": os.path.relpath(path, self._folder), "source": None, "is_new": False} for path in stale
        ]
        steps = [*steps[:-1], *removals, *steps[-1:]]
        return {
            "direction": "forward",
            "steps": [{**step, "kept": f".{number}.old"} for number, step in enumerate(steps)],
        }

    def _create_run_folder(self) -> Path:
        self._create_folders(self._folder)  # a failed run can remove the empty folder at any time
        run = self._folder / f"{RUN_FOLDER}{secrets.token_hex(4)}"
        run.mkdir()
        return run

    def _create_folders(self, folder: Path) -> None:
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            self._created_folders.append(path)

    def _remove_created_folders(self) -> None:
        for folder in reversed(self._created_folders):
            with suppress(OSError):  # another task may have used or removed it
                folder.rmdir()
        self._created_folders.clear()

    def _roll_back(self, journal: dict[str, Any]) -> None:
        assert self._run is not None  # noqa: S101 - it contains the old files
        try:
            _write_journal(self._run, {**journal, "direction": "back"})
            for step in reversed(journal["steps"]):
                _revert(self._run, step)
            (self._run / JOURNAL).unlink()
        except OSError as error:
            self.is_inconsistent = True
            log.warning(
                "The old files could not be restored (%s); the next run into the folder restores them.", error
            )

    def _recover(self) -> None:
        for run in sorted(self._folder.glob(f"{RUN_FOLDER}*")):
            if run != self._run:
                with locked_if_stale(run) as is_stale:
                    if is_stale:
                        _complete(run)
                        log.info("Removed %s of a killed task.", run)


def follow_links(path: Path) -> str:
    """Return the target of a path's symbolic links, whether it exists or not.

    :raises OSError: the links form a loop.
    """
    real = Path(os.path.realpath(path))
    if any(part.is_symlink() for part in (real, *real.parents)):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return str(real)


def _copy_mode(source: Path, path: Path) -> None:
    """Set the mode, the group and, if permitted, the owner of a new file to those of the file that it replaces.

    A file that replaces none has the mode of the umask, and the group of a folder with the set-group-ID bit.
    """
    new = source.stat()
    try:
        old = path.stat()
    except FileNotFoundError:
        folder = next(folder for folder in path.parents if folder.exists()).stat()
        if folder.st_mode & stat.S_ISGID and folder.st_gid != new.st_gid:
            with suppress(OSError):  # only members of a group can set it
                os.chown(source, -1, folder.st_gid)
        return
    mode = stat.S_IMODE(old.st_mode) & 0o777
    if old.st_uid != new.st_uid:
        with suppress(OSError):  # only root can change the owner
            os.chown(source, old.st_uid, -1)
    try:
        if old.st_gid != new.st_gid:
            os.chown(source, -1, old.st_gid)
    except OSError:
        mode = mode & ~0o070 | (mode & 0o007) << 3  # another group must not get the old group's permissions
        log.warning(
            "%s can't keep its group, because the worker's user is not a member of group %d.",
            path,
            old.st_gid,
        )
    if mode != stat.S_IMODE(new.st_mode):
        source.chmod(mode)


def _remove_stale_files(path: Path) -> None:
    """Remove the temporary files of killed tasks of earlier versions next to a file, after a day without writes."""
    for stale in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):  # another task may have removed it
            if stale.stat().st_mtime < time.time() - _DAY:
                stale.unlink()


def _complete(run: Path) -> None:
    """Complete the journal of a stale run and remove the run's folder."""
    with suppress(FileNotFoundError):
        journal = json.loads((run / JOURNAL).read_bytes())
        for step in journal["steps"]:
            if journal["direction"] == "forward":
                (run.parent / step["path"]).parent.mkdir(parents=True, exist_ok=True)
                _apply(run, step)
            else:
                _revert(run, step)
        (run / JOURNAL).unlink()
    shutil.rmtree(run, ignore_errors=True)


def _apply(run: Path, step: dict[str, Any]) -> None:
    """Apply one step, unless it is already applied."""
    path, backup = run.parent / step["path"], run / step["kept"]
    if step["source"] is None:
        with suppress(FileNotFoundError):
            path.replace(backup)
        return
    source = run / step["source"]
    if not source.exists():
        return
    if not step["is_new"] and not backup.exists():
        try:
            os.link(path, backup)
        except OSError:  # on a filesystem without hard links the file is missing for a short time
            path.replace(backup)
    source.replace(path)


def _revert(run: Path, step: dict[str, Any]) -> None:
    """Revert one step, unless it is not applied."""
    path, backup = run.parent / step["path"], run / step["kept"]
    if backup.exists():
        backup.replace(path)
    elif step["is_new"] and not (run / step["source"]).exists():
        path.unlink(missing_ok=True)


def _write_journal(run: Path, journal: dict[str, Any]) -> None:
    temporary = run / f"{JOURNAL}.tmp"
    temporary.write_text(json.dumps(journal), encoding="utf-8")
    _sync(temporary)
    temporary.replace(run / JOURNAL)
    _sync(run)


def _sync(path: Path) -> None:
    """Sync a file, or a folder's directory entries, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
