"""Publication of files on a local or mounted disk: several files change atomically.

The part files are in the run's folder, so that publication only renames files. A file is staged when it is synced to the
disk and has the mode of the file that it replaces. A step backs the old file up in the run's folder by a hard link, and
renames the new one over it; an old file without a successor moves there. An error reverts the steps: old files move back.

A run holds a lock on its folder until it ends, so that the next one carries out the journal of a killed run at once. Runs
into one folder take turns after staging.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from airflow_provider_tiktok.storage.files import publication
from airflow_provider_tiktok.storage.files.locks import exclusive_lock, locked_if_stale
from airflow_provider_tiktok.storage.files.publication import JOURNAL, Change, Journal, Publication, Step

log = logging.getLogger(__name__)


class LocalDisk(Publication):
    """The publication of one run's files.

    :param folder: the folder of the destination, which need not exist.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._created_folders: list[Path] = []

    def recover(self) -> None:
        """Carry out the journals of killed runs and remove their files."""
        if any(self._folder.glob(f"{publication.RUN_FOLDER}*")):
            # a failed run can remove the empty folder at any time
            with suppress(FileNotFoundError), self._exclusive():
                self._recover()

    def replace(self, change: Change) -> None:
        """Publish one file."""
        source, path = change
        _prepare(source, Path(path))
        source.replace(path)

    def discard(self) -> None:
        """Remove everything that isn't published. Calling it again does nothing."""
        super().discard()
        self._remove_created_folders()

    def _create_folder(self) -> Path:
        self._create_folders(self._folder)  # a failed run can remove the empty folder at any time
        run = self._folder / f"{publication.RUN_FOLDER}{secrets.token_hex(4)}"
        run.mkdir()
        self._run = str(run)
        return run

    def _step(self, number: int, source: Path | None, path: str) -> Step:
        target = follow_links(Path(path)) if source else path
        name = source.name if source else None
        return Step(os.path.relpath(target, self._folder), name, kept=f".{number}.old")

    def _stage(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.source:
                _prepare(Path(self._run, step.source), self._folder / step.path)

    def _exclusive(self) -> AbstractContextManager[None]:
        return exclusive_lock(self._folder)

    def _commit(self, steps: Sequence[Step]) -> None:
        # only now, no other run creates or removes files
        super()._commit(
            [step._replace(is_new=not os.path.lexists(self._folder / step.path)) for step in steps]
        )

    def _write_journal(self, journal: Journal) -> None:
        temporary = Path(self._run, f"{JOURNAL}.tmp")
        temporary.write_text(journal.dump(), encoding="utf-8")
        _sync(temporary)
        temporary.replace(Path(self._run, JOURNAL))
        _sync(Path(self._run))

    def _stale_runs(self) -> Iterator[tuple[str, Journal]]:
        for run in sorted(self._folder.glob(f"{publication.RUN_FOLDER}*")):
            if str(run) != self._run:
                with locked_if_stale(run) as is_stale:
                    if is_stale:
                        yield str(run), self._read_journal(run)

    def _read_journal(self, run: Path) -> Journal:
        try:
            return publication.load_journal((run / JOURNAL).read_bytes(), str(self._folder))
        except FileNotFoundError:
            return Journal(publication.STAGING)

    def _apply(self, run: str, step: Step) -> None:
        path, kept = self._folder / step.path, Path(run, step.kept)
        if step.source is None:
            with suppress(FileNotFoundError):
                path.replace(kept)
            return
        source = Path(run, step.source)
        if not source.exists():
            return
        self._create_folders(path.parent)
        if not step.is_new and not kept.exists():
            try:
                os.link(path, kept)
            except OSError:  # on a filesystem without hard links the file is missing for a short time
                with suppress(FileNotFoundError):  # the user removed it
                    path.replace(kept)
        source.replace(path)

    def _revert(self, run: str, step: Step) -> None:
        path, kept = self._folder / step.path, Path(run, step.kept)
        if kept.exists():
            kept.replace(path)
        elif step.is_new and step.source and not Path(run, step.source).exists():
            path.unlink(missing_ok=True)

    def _roll_back(self, steps: Sequence[Step]) -> None:
        journal = Journal(publication.BACK, steps)
        try:
            self._write_journal(journal)
            self._carry_out(self._run, journal)
            self.is_inconsistent = False
        except OSError as error:
            log.warning(
                "The old files could not be restored (%s); the next run into the folder restores them.", error
            )

    def _remove(self, run: str) -> None:
        with suppress(OSError):
            Path(run, JOURNAL).unlink()
        shutil.rmtree(Path(run), ignore_errors=True)
        self._remove_created_folders()

    def _create_folders(self, folder: Path) -> None:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            self._created_folders.append(path)

    def _remove_created_folders(self) -> None:
        for folder in reversed(self._created_folders):
            with suppress(OSError):  # it has files, or another task removed it
                folder.rmdir()
        self._created_folders.clear()


def follow_links(path: Path) -> str:
    """Return the target of a path's symbolic links, whether it exists or not.

    :raises OSError: the links form a loop.
    """
    real = Path(os.path.realpath(path))
    if any(part.is_symlink() for part in (real, *real.parents)):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return str(real)


def _prepare(source: Path, path: Path) -> None:
    """Sync a new file to the disk and set its mode."""
    _sync(source)
    _copy_mode(source, path)


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


def _sync(path: Path) -> None:
    """Sync a file, or a folder's directory entries, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
