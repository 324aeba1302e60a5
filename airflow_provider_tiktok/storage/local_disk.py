"""Files on a local or mounted disk: several of them change as one.

A run keeps all that isn't published in one hidden folder beside its destination, ``.tiktok-run-ID``, so
that publishing is a matter of renaming. One file is one rename, which is whole by itself. For a folder:

1. Every file is finished and on the disk, in the run's folder. A kill until here leaves the old state.
2. A journal is written beside them, which says what goes where. From here on it is the new state that
   counts: who finds the journal of a process that is gone does what it says (:meth:`LocalDisk.tidy`).
3. Each old file is kept by a hard link, and the new one renamed over it; old ones without a successor move
   into the run's folder; the manifest comes last.
4. The journal goes, then the run's folder.

An error in step 3 puts the old files back, by the same journal turned round. So a reader can meet files of
two runs only while the renames last, or after a kill within them until the next run into that folder; and a
``.journal.json`` below ``.tiktok-run-*`` says so. Runs into one folder take turns for steps 2 to 4.
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

from airflow_provider_tiktok.storage.locks import Claim, alone, is_abandoned

log = logging.getLogger(__name__)

RUN_FOLDER = ".tiktok-run-"
JOURNAL = ".journal.json"

_ATTEMPTS = 5
_DAY = 24 * 3600  # seconds

Change = tuple[Path, str]
"""A finished file, and the path that it is for."""


class LocalDisk:
    """Publishes the files of one run.

    :param folder: the folder of the destination; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run: Path | None = None
        self._claim: Claim | None = None
        self._made: list[Path] = []
        self._count = 0
        self.is_mixed = False
        """Whether an error left files of two runs, which the next run puts right."""

    def tidy(self) -> None:
        """Finish what killed runs had begun to publish, and remove what they left behind."""
        if any(self._folder.glob(f"{RUN_FOLDER}*")):
            with alone(self._folder):
                self._tidy()

    def new_file(self) -> Path:
        """Give a path for a file in the making."""
        if self._run is None:
            self._run = self._make_run_folder()
        self._count += 1
        return self._run / f".{self._count}.tmp"

    def replace(self, change: Change) -> None:
        """Publish one file."""
        source, path = change
        _sync(source)
        _remove_old_drafts(Path(path))
        _keep_mode(source, Path(path))
        source.replace(path)

    def replace_all(self, changes: Sequence[Change], stale: Sequence[str]) -> None:
        """Publish several files as one, in their order, and remove others before the last.

        :raises OSError: it could not be done; the old files stand where they were, unless :attr:`is_mixed`.
        """
        assert self._run is not None  # noqa: S101 - the changes are in it
        changes = [(source, follow_links(Path(path))) for source, path in changes]
        if len({path for _, path in changes}) < len(changes):
            raise OSError(errno.EEXIST, "by way of symbolic links, two partitions have the same folder")
        for source, path in changes:
            _sync(source)
            _remove_old_drafts(Path(path))
            _keep_mode(source, Path(path))
        with alone(self._folder):
            self._tidy()
            journal = self._journal(changes, stale)
            _write_journal(self._run, journal)
            try:
                for step in journal["steps"]:
                    self._make_folders((self._folder / step["path"]).parent)
                    _forward(self._run, step)
            except OSError:
                self._undo(journal)
                raise
            self._made.clear()
            (self._run / JOURNAL).unlink()

    def discard(self) -> None:
        """Remove all that isn't published. Calling it again does nothing."""
        if self._run is not None and not self.is_mixed:
            shutil.rmtree(self._run, ignore_errors=True)
        if self._claim is not None:
            self._claim.release()
        self._run = self._claim = None
        self._remove_made_folders()

    def _journal(self, changes: Sequence[Change], stale: Sequence[str]) -> dict[str, Any]:
        """Write down what is to be done; paths are relative, for others may see the disk elsewhere."""
        steps: list[dict[str, Any]] = [
            {
                "path": os.path.relpath(path, self._folder),
                "source": source.name,
                "is_new": not os.path.lexists(path),
            }
            for source, path in changes
        ]
        gone = [
            {"path": os.path.relpath(path, self._folder), "source": None, "is_new": False} for path in stale
        ]
        steps = [*steps[:-1], *gone, *steps[-1:]]
        return {
            "direction": "forward",
            "steps": [{**step, "kept": f".{number}.old"} for number, step in enumerate(steps)],
        }

    def _make_run_folder(self) -> Path:
        for _ in range(_ATTEMPTS):
            self._make_folders(self._folder)
            # a run that failed may take the empty folder away at any moment
            with suppress(FileNotFoundError), alone(self._folder):
                run = self._folder / f"{RUN_FOLDER}{secrets.token_hex(4)}"
                run.mkdir()
                self._claim = Claim(run)
                return run
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._folder))

    def _make_folders(self, folder: Path) -> None:
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            self._made.append(path)

    def _remove_made_folders(self) -> None:
        for folder in reversed(self._made):
            with suppress(OSError):  # another task may have put something into it, or taken it away
                folder.rmdir()
        self._made.clear()

    def _undo(self, journal: dict[str, Any]) -> None:
        assert self._run is not None  # noqa: S101 - it holds the old files
        try:
            _write_journal(self._run, {**journal, "direction": "back"})
            for step in reversed(journal["steps"]):
                _back(self._run, step)
            (self._run / JOURNAL).unlink()
        except OSError as error:
            self.is_mixed = True
            log.warning(
                "The old files could not be put back (%s); the next run into the folder does it.", error
            )

    def _tidy(self) -> None:
        for run in sorted(self._folder.glob(f"{RUN_FOLDER}*")):
            if run != self._run and is_abandoned(run):
                _finish(run)
                log.info("Removed %s, which a task that was killed had left behind.", run)


def follow_links(path: Path) -> str:
    """Return where a path leads, whether there is something or not yet.

    :raises OSError: it leads in a circle.
    """
    real = Path(os.path.realpath(path))
    if any(part.is_symlink() for part in (real, *real.parents)):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return str(real)


def _keep_mode(source: Path, path: Path) -> None:
    """Give a new file the mode, the group and, where that is allowed, the owner of the one that it replaces.

    One that replaces none has the mode that the umask leaves, and the group of a folder that hands its own on.
    """
    new = source.stat()
    try:
        old = path.stat()
    except FileNotFoundError:
        folder = next(folder for folder in path.parents if folder.exists()).stat()
        if folder.st_mode & stat.S_ISGID and folder.st_gid != new.st_gid:
            with suppress(OSError):  # the system lets nobody but its members hand a file to a group
                os.chown(source, -1, folder.st_gid)
        return
    mode = stat.S_IMODE(old.st_mode) & 0o777
    if old.st_uid != new.st_uid:
        with suppress(OSError):  # which is for root
            os.chown(source, old.st_uid, -1)
    try:
        if old.st_gid != new.st_gid:
            os.chown(source, -1, old.st_gid)
    except OSError:
        mode = mode & ~0o070 | (mode & 0o007) << 3  # what the old group might do is not for another one
        log.warning(
            "%s can't keep its group, for the worker's user is no member of group %d.", path, old.st_gid
        )
    if mode != stat.S_IMODE(new.st_mode):
        source.chmod(mode)


def _remove_old_drafts(path: Path) -> None:
    """Remove what killed tasks of earlier versions left beside a file, when nobody has written to it for a day."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):  # another task may have been quicker
            if draft.stat().st_mtime < time.time() - _DAY:
                draft.unlink()


def _finish(run: Path) -> None:
    """Do what the journal of a run that is gone says, and remove the run's folder."""
    with suppress(FileNotFoundError):
        journal = json.loads((run / JOURNAL).read_bytes())
        for step in journal["steps"]:
            if journal["direction"] == "forward":
                (run.parent / step["path"]).parent.mkdir(parents=True, exist_ok=True)
                _forward(run, step)
            else:
                _back(run, step)
        (run / JOURNAL).unlink()
    shutil.rmtree(run, ignore_errors=True)


def _forward(run: Path, step: dict[str, Any]) -> None:
    """Make one change, or find it made."""
    path, kept = run.parent / step["path"], run / step["kept"]
    if step["source"] is None:
        with suppress(FileNotFoundError):
            path.replace(kept)
        return
    source = run / step["source"]
    if not source.exists():
        return
    if not step["is_new"] and not kept.exists():
        try:
            os.link(path, kept)
        except OSError:  # a filesystem without hard links: readers miss the file for a moment
            path.replace(kept)
    source.replace(path)


def _back(run: Path, step: dict[str, Any]) -> None:
    """Unmake one change, or find it unmade."""
    path, kept = run.parent / step["path"], run / step["kept"]
    if kept.exists():
        kept.replace(path)
    elif step["is_new"] and not (run / step["source"]).exists():
        path.unlink(missing_ok=True)


def _write_journal(run: Path, journal: dict[str, Any]) -> None:
    draft = run / f"{JOURNAL}.tmp"
    draft.write_text(json.dumps(journal), encoding="utf-8")
    _sync(draft)
    draft.replace(run / JOURNAL)
    _sync(run)


def _sync(path: Path) -> None:
    """Have the system write a file, or a folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
