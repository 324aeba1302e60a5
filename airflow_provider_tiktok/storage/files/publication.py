"""Publication: the files of one run appear together, in a folder on a disk or in an object store.

One file is one rename or one upload, which is atomic. For a folder:

1. Every new file is staged: it is complete in the run's hidden folder ``.tiktok-run-ID``, next to the destination. An
   error or a kill up to here leaves the old files.
2. The journal, ``.journal.json`` in the run's folder, gets the state ``forward``. It has a step for each new file, and
   for each old file without a successor. This commits the new files.
3. The steps are applied in order, the manifest last.
4. The journal is removed, then the run's folder.

After a kill, a later run into the folder carries the journal out; what is already applied is not applied again. An error
in step 3 is rolled back where old files are kept, with the journal's state ``back``; elsewhere it leaves the journal. So
files of two runs are visible only while a journal says ``forward`` or ``back``. The modules
:mod:`~airflow_provider_tiktok.storage.files.local_disk` and :mod:`~airflow_provider_tiktok.storage.files.object_store`
describe how a file is staged, how a step is applied, and how one knows that a run has ended.
"""

from __future__ import annotations

import errno
import json
import logging
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

from airflow_provider_tiktok.storage.files.locks import FolderLock, create_locked_folder

log = logging.getLogger(__name__)

RUN_FOLDER = ".tiktok-run-"
JOURNAL = ".journal.json"
STAGING, FORWARD, BACK = "staging", "forward", "back"

Change = tuple[Path, str]
"""A complete part file, and the path where it is published."""


class Step(NamedTuple):
    """One change of a publication."""

    path: str  # relative to the folder, because other hosts can mount a disk elsewhere
    source: str | None  # the new file in the run's folder; None if the old file has no successor
    is_new: bool = False  # whether there is no old file
    kept: str = ""  # the old file in the run's folder, where it is kept


class Journal(NamedTuple):
    """The steps of a publication, and whether they are not yet, to be applied or to be reverted."""

    state: str
    steps: Sequence[Step] = ()

    def dump(self) -> str:
        """Return the journal as JSON."""
        return json.dumps({"state": self.state, "steps": [step._asdict() for step in self.steps]})


def load_journal(text: bytes, folder: str) -> Journal:
    """Return a journal from its JSON, which can be that of an earlier version.

    :param folder: the folder that the paths are relative to.
    """
    journal = json.loads(text)
    if "files" in journal:  # of an earlier version, in a store
        steps = [
            Step(file["path"].removeprefix(f"{folder}/"), file["source"].rpartition("/")[2])
            for file in journal["files"]
        ]
        steps += [Step(path.removeprefix(f"{folder}/"), None) for path in journal["stale"]]
        return Journal(FORWARD if journal["state"] == "publishing" else STAGING, steps)
    # an earlier version, on a disk, named the state differently
    return Journal(journal.get("state") or journal["direction"], [Step(**step) for step in journal["steps"]])


class Publication(ABC):
    """The publication of one run's files. A subclass is a kind of place."""

    def __init__(self) -> None:
        self._run = ""  # the run's folder
        self._parts: Path | None = None
        self._lock: FolderLock | None = None
        self._count = 0
        self.is_inconsistent = False
        """Whether an error left files of two runs, which the next run repairs."""

    def begin(self) -> Path:
        """Return the folder for part files, and create it first if necessary.

        :raises OSError: it can't be created.
        """
        if self._parts is None:
            self._parts, self._lock = create_locked_folder(self._create_folder)
        return self._parts

    def new_file(self) -> Path:
        """Return the path of a new part file."""
        self._count += 1
        return self.begin() / f".{self._count}.tmp"

    def replace_all(self, changes: Sequence[Change], stale: Sequence[str]) -> None:
        """Publish several files together, in order, and remove stale files before the last.

        :raises OSError: publication failed; the old files are unchanged, unless :attr:`is_inconsistent`.
        """
        steps = self._steps(changes, stale)
        try:
            self._stage(steps)
            with self._exclusive():
                self._recover()
                self._commit(steps)
        except BaseException:  # also that of a task which is stopped
            if not self.is_inconsistent:
                self._remove(self._run)
            raise

    def discard(self) -> None:
        """Remove everything that isn't published. Calling it again does nothing."""
        if self._parts is not None and not (self._parts / JOURNAL).exists():
            shutil.rmtree(self._parts, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
        self._parts = self._lock = None

    def _steps(self, changes: Sequence[Change], stale: Sequence[str]) -> list[Step]:
        ordered = (*changes[:-1], *((None, path) for path in stale), *changes[-1:])
        steps = [self._step(number, *change) for number, change in enumerate(ordered)]
        if len({step.path for step in steps}) < len(steps):
            raise OSError(errno.EEXIST, "by way of symbolic links, two partitions have the same folder")
        return steps

    def _commit(self, steps: Sequence[Step]) -> None:
        """Write the journal and apply its steps."""
        journal = Journal(FORWARD, steps)
        self._write_journal(journal)
        self.is_inconsistent = True
        try:
            self._carry_out(self._run, journal)
        except BaseException:
            self._roll_back(steps)
            raise
        self.is_inconsistent = False
        self._remove(self._run)

    def _recover(self) -> None:
        """Carry out the journals of runs that have ended, and remove their folders."""
        for run, journal in self._stale_runs():
            self._carry_out(run, journal)
            self._remove(run)
            log.info("Removed %s of a killed task.", run)

    def _carry_out(self, run: str, journal: Journal) -> None:
        """Apply or revert the steps of a journal, some of which can have been before."""
        if journal.state == FORWARD:
            for step in journal.steps:
                self._apply(run, step)
        elif journal.state == BACK:
            for step in reversed(journal.steps):
                self._revert(run, step)

    def _exclusive(self) -> AbstractContextManager[None]:
        """Exclude other publications during a ``with`` block, where there are locks."""
        return nullcontext()

    def _roll_back(self, steps: Sequence[Step]) -> None:  # noqa: B027 - not every place keeps old files
        """Revert steps, where old files are kept."""

    def _revert(self, run: str, step: Step) -> None:
        """Revert a step, unless it is not applied."""
        raise OSError(f"{run} is of a task that wrote to a disk; run it again there")

    @abstractmethod
    def _create_folder(self) -> Path:
        """Create a folder for part files, and name the run's folder."""

    @abstractmethod
    def _step(self, number: int, source: Path | None, path: str) -> Step:
        """Return the step that publishes a part file at a path or, without one, removes the file there."""

    @abstractmethod
    def _stage(self, steps: Sequence[Step]) -> None:
        """Make every new file complete in the run's folder."""

    @abstractmethod
    def _write_journal(self, journal: Journal) -> None:
        """Write the run's journal atomically."""

    @abstractmethod
    def _stale_runs(self) -> Iterator[tuple[str, Journal]]:
        """Return the folders and journals of other runs that have ended."""

    @abstractmethod
    def _apply(self, run: str, step: Step) -> None:
        """Apply a step, unless it is already applied."""

    @abstractmethod
    def _remove(self, run: str) -> None:
        """Remove a run's folder, its journal first. A failure has no consequences."""
