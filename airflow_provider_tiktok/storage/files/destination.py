"""Destinations: atomic publication of rows as files, on any fsspec filesystem.

Rows are written to part files first: on a local disk in a hidden folder next to their destination, so that
the last step is a rename; for an object store in a temporary folder of the worker. The rows of partitions are
buffered until all have come, and written one part file after the other: thousands of files need not be open
together, and a Parquet file can't be opened again. Nothing changes at the destination before
:meth:`Destination.publish`. The module
:mod:`~airflow_provider_tiktok.storage.files.publication` describes how several files are published together, and what a
kill or an error during it leaves.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer
from airflow_provider_tiktok.storage.columns import Cells
from airflow_provider_tiktok.storage.files.local_disk import LocalDisk, follow_links
from airflow_provider_tiktok.storage.files.object_store import ObjectStore
from airflow_provider_tiktok.storage.files.partitions import (
    Partitions,
    local_limits,
    partition_values,
    protocols,
    store_limits,
)
from airflow_provider_tiktok.storage.files.publication import Change
from airflow_provider_tiktok.storage.files.restatement import Comparison
from airflow_provider_tiktok.storage.files.target import Target
from airflow_provider_tiktok.storage.formats import FORMATS
from airflow_provider_tiktok.storage.formats.part_file import PartFile
from airflow_provider_tiktok.storage.formats.readers import Record, read_records
from airflow_provider_tiktok.storage.temporary import remedy_at_output, temporary_error

MANIFEST = "_manifest.json"
_BATCH = 1_000  # rows written at a time
_ROW_BITS = 40  # of a sort key
_MAX_CELLS = 400_000  # cells of partitions' rows in memory
_TRANSIENT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO})
_PERMANENT = frozenset({errno.ENAMETOOLONG, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One data file, as listed in the manifest."""

    path: str
    rows: int
    bytes: int
    sha256: str
    partition: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Protected:
    """The accounts that a run doesn't report on.

    :param column: the column of the accounts.
    :param accounts: the accounts.
    """

    column: str
    accounts: Collection[str]


@dataclass(frozen=True, slots=True)
class Published:
    """The result of :meth:`Destination.publish`.

    :param files: the data files, in the order of their paths.
    :param removed: the paths of removed files, whose rows no longer exist.
    :param other_files: the paths of other requests' data files in the same folders.
    :param manifest: the path of a folder's manifest; ``None`` for a single file.
    :param restatement: the changes, if a comparison was requested.
    """

    files: tuple[PublishedFile, ...]
    removed: tuple[str, ...] = ()
    other_files: tuple[str, ...] = ()
    manifest: str | None = None
    restatement: dict[str, Any] | None = None


class Destination:
    """The destination of rows, which are published as files.

    :param target: the path and the format.
    :param filesystem: the fsspec filesystem of the target.
    :param root: the target's path in that filesystem.
    :param columns: type by name, in the order of a row's cells.
    :raises TikTokOutputError: the target can't be written.
    """

    def __init__(
        self,
        target: Target,
        filesystem: Any,
        root: str,
        columns: Mapping[str, str],
    ) -> None:
        self._target = target
        self._fs = filesystem
        self._local = bool({"file", "local"} & set(protocols(filesystem)))
        # in the form in which the filesystem lists it, so that listed paths can be compared with new ones
        self._root = os.path.realpath(root) if self._local else filesystem._strip_protocol(root).rstrip("/")
        self._file_name = "report" + target.extension
        self._check_writable()
        limits = local_limits(self._root) if self._local else store_limits(protocols(filesystem), self._root)
        self._partitions = Partitions(target, columns, limits)
        self._data_indexes = [i for i in range(len(columns)) if i not in self._partitions.indexes]
        data_columns = {
            name: column_type
            for i, (name, column_type) in enumerate(columns.items())
            if i in self._data_indexes
        }
        self._format = FORMATS[target.format](data_columns)
        self._columns = dict(columns)
        self.folder = self._root if target.is_folder else self._root.rpartition("/")[0]
        self._publication = (
            LocalDisk(Path(self.folder or "/")) if self._local else ObjectStore(filesystem, self.folder)
        )
        with self._writing():
            self._publication.recover()
        self._part_files: dict[str, PartFile] = {}
        self._partition_numbers: dict[str, int] = {}  # the high bits of sort keys
        self._partition_rows: Counter[str] = Counter()
        self._buffer = RowBuffer(budget=MemoryBudget(_MAX_CELLS // len(columns)))

    def name_files(self, name: str) -> None:
        """Set the name of the data files in a folder, before the first row.

        :param name: the file name without extension; the same request has the same name.
        """
        self._file_name = name + self._target.extension

    def encode(self, columns: Sequence[Cells], clean: Sequence[bool]) -> Sequence[Any]:
        """Return rows rendered for :meth:`write`, each with its partition if the target has partitions.

        Pages can be encoded in any order.

        :param columns: the cells of each column.
        :param clean: for each column, whether it is known to contain no null and, if its type is a
            number, only JSON numbers.
        :raises TikTokOutputError: a value is too long for a folder's name.
        """
        if not columns:
            return []
        lines = self._format.lines(
            [columns[index] for index in self._data_indexes], [clean[index] for index in self._data_indexes]
        )
        if not self._partitions.indexes:
            return lines
        return list(zip(self._partitions.of(columns), lines, strict=True))

    def write(self, lines: Sequence[Any]) -> None:
        """Append rows as rendered by :meth:`encode`, in order.

        :raises TikTokOutputError: the disk is full, or a folder can't be created.
        """
        if self._partitions.indexes:
            with self._writing():
                self._publication.begin()  # a folder that can't be written is reported before all rows have come
            if lines:
                partitions, rows = zip(*lines, strict=True)
                self._buffer.add(self._order(partitions), rows)
        elif lines:
            self._append("", lines)

    def publish(
        self,
        manifest: Mapping[str, Any] | None = None,
        covers: Callable[[Mapping[str, str | None]], bool] = lambda _: False,
        comparison: Comparison | None = None,
        protected: Protected | None = None,
    ) -> Published:
        """Publish the rows, remove the files that they replace, then write the manifest.

        :param manifest: the keys of a folder's manifest in addition to the files.
        :param covers: returns whether this run restates a partition (value by column), so that a file of the
            same name without new rows is removed.
        :param comparison: the comparison of the rows with those of the files that they replace.
        :param protected: whose rows must not be removed from a partition.
        :raises TikTokOutputError: publication failed; nothing is removed or replaced, unless the message says otherwise.
        """
        try:
            with self._writing():
                if self._partitions.indexes:
                    self._write_partitions()
                else:
                    self._part_file("").finish()  # an empty report has a file with the header
            stale, other_files = self._existing_files(covers) if self._target.is_folder else ([], [])
            files = tuple(
                PublishedFile(
                    self._url(self._path(partition)),
                    part_file.rows,
                    part_file.size,
                    part_file.sha256,
                    partition_values(partition),
                )
                for partition, part_file in sorted(self._part_files.items())
            )
            if protected is not None and protected.accounts and self._partitions.indexes:
                self._check_protected(protected, self._replaced(stale))
            restatement = self._compare(comparison, stale) if comparison else None
            changes = [(self._part_files[name].path, self._path(name)) for name in sorted(self._part_files)]
            if not self._target.is_folder:
                self._publication.replace(changes[0])
                return Published(files, restatement=restatement)
            content = {**(manifest or {}), **({"restatement": restatement} if restatement else {})}
            self._publication.replace_all([*changes, self._manifest(content, files)], stale)
            return Published(
                files,
                tuple(self._url(path) for path in stale),
                tuple(self._url(path) for path in other_files),
                self._url(self._below_root(MANIFEST)),
                restatement,
            )
        except OSError as error:
            raise self._output_error(error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Discard everything that isn't published. Calling it again does nothing."""
        if not self._publication.is_inconsistent:  # otherwise the next run needs them
            for part_file in self._part_files.values():
                part_file.discard()
        self._part_files.clear()
        self._buffer.close()
        self._publication.discard()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Raise an error of the system for part files as a TikTokOutputError that names their folder.

        Part files are next to a local destination, otherwise in the temporary folder.

        :raises TikTokOutputError: the system raised an error.
        """
        try:
            yield
        except OSError as error:
            raise (self._output_error if self._local else temporary_error)(error) from error

    def _check_writable(self) -> None:
        """Raise TikTokOutputError before the first call to TikTok if a local destination can't be written."""
        if not self._local:
            return
        root = Path(self._root)
        folder = root if self._target.is_folder else root.parent
        try:
            follow_links(root)
            if not self._target.is_folder and root.is_dir():
                raise TikTokOutputError(
                    f"`output_path` {self._target.path!r} is a folder; end it with a slash."
                )
            if not self._target.is_folder and root.exists() and not root.is_file():
                raise TikTokOutputError(
                    f"`output_path` {self._target.path!r} is a device or a pipe, which would be replaced by a file. Set "
                    "the path of a file."
                )
            while not folder.exists() and folder != folder.parent:
                folder = folder.parent
            if not folder.is_dir():
                raise TikTokOutputError(
                    f"`output_path` {self._target.path!r} can't be written: {str(folder)!r} is not a folder."
                )
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:  # even a check of a path below a folder without permission raises it
            raise self._not_writable(error, folder) from None

    def _not_writable(self, error: OSError, folder: Path) -> TikTokOutputError:
        if error.errno in _PERMANENT:
            advice = f"{error.strerror}. Choose another path."
        elif error.errno in _TRANSIENT:
            advice = (
                f"{error.strerror} at {str(folder)!r}. {remedy_at_output(error)}, then run the task again."
            )
        else:
            advice = (
                f"the Airflow worker may not write to {str(folder)!r} ({error.strerror}). Choose another path, or let the "
                "worker's user write there."
            )
        return TikTokOutputError(
            f"`output_path` {self._target.path!r} can't be written: {advice}",
            retryable=error.errno in _TRANSIENT,
        )

    def _append(self, partition: str, lines: Sequence[Any]) -> None:
        with self._writing():
            self._part_file(partition).write(lines)

    def _order(self, partitions: Sequence[str]) -> list[int]:
        """Count rows, and return sort keys that put the rows of a partition together, in their order."""
        self._partition_rows.update(partitions)
        numbers = self._partition_numbers
        for name in dict.fromkeys(partitions):
            numbers.setdefault(name, len(numbers) << _ROW_BITS)
        return [numbers[name] | row for row, name in enumerate(partitions, len(self._buffer))]

    def _write_partitions(self) -> None:
        """Write the part files of all partitions, one after the other."""
        rows = chain.from_iterable(self._buffer.batches())
        for partition in self._partition_numbers:
            lines = islice(rows, self._partition_rows[partition])
            while batch := list(islice(lines, _BATCH)):
                self._append(partition, batch)
            self._part_files[partition].finish()

    def _part_file(self, partition: str) -> PartFile:
        """Return the part file of a partition."""
        if partition not in self._part_files:
            path = self._publication.new_file()
            self._part_files[partition] = self._format.part_file(path, compress=self._target.compress)
        return self._part_files[partition]

    def _path(self, partition: str) -> str:
        if not self._target.is_folder:
            return self._root
        return self._below_root(partition, self._file_name)

    def _below_root(self, *parts: str) -> str:
        return "/".join((self._root.rstrip("/"), *filter(None, parts)))

    def _url(self, path: str) -> str:
        """Return a path in the form in which the user wrote the target."""
        if not self._target.is_folder:
            return self._target.path
        return f"{self._target.path.rstrip('/')}/{path.removeprefix(self._root).lstrip('/')}"

    def _existing_files(
        self, covers: Callable[[Mapping[str, str | None]], bool]
    ) -> tuple[list[str], list[str]]:
        """Return this request's files without new rows, and other requests' files next to the new ones."""
        if not self._fs.exists(self._root):
            return [], []
        # the same request in another format is the same request
        stem = self._file_name.removesuffix(self._target.extension)
        names = {f"{stem}.{name}{suffix}" for name in FORMATS for suffix in ("", ".gz")}
        new = {self._path(partition) for partition in self._part_files}
        folders = {path.rpartition("/")[0] for path in new}
        stale, others = [], []
        for path in self._fs.find(self._root):
            if not path.startswith(self._root.rstrip("/") + "/") or path in new:
                continue  # a file that is listed under another path than it was written must not be removed
            folder, _, name = path.rpartition("/")
            partition = partition_values(folder.removeprefix(self._root))
            if name in names and (folder in folders or (self._partitions.indexes and covers(partition))):
                stale.append(path)
            elif self._partitions.indexes and folder in folders and not name.startswith((".", "_")):
                others.append(path)
        return stale, others

    def _compare(self, comparison: Comparison, stale: Sequence[str]) -> dict[str, Any]:
        """Return the changes between the rows of the replaced files and the new ones."""
        why, columns = "`restatement` compares its rows with the new ones", comparison.columns
        new = [
            (self._path(partition), part_file.path)
            for partition, part_file in sorted(self._part_files.items())
        ]
        return comparison.compare(
            chain.from_iterable(
                self._records(path, self._fs.open, path, columns, why) for path in self._replaced(stale)
            ),
            chain.from_iterable(self._records(path, Path.open, source, columns, why) for path, source in new),
        )

    def _replaced(self, stale: Sequence[str]) -> list[str]:
        """Return the files to be removed: those that new ones replace, and those without new rows."""
        return [*filter(self._fs.exists, map(self._path, sorted(self._part_files))), *stale]

    def _check_protected(self, protected: Protected, paths: Iterable[str]) -> None:
        """Raise TikTokOutputError if a file to be removed contains rows of protected accounts.

        :raises TikTokOutputError: a file contains such rows.
        """
        why = "an account was skipped, and its rows in that file must not be removed"
        for path in paths:
            for record in self._records(path, self._fs.open, path, {protected.column: "string"}, why):
                account = record[protected.column]
                # without one, the file may have another name for the column
                if account is None or account in protected.accounts:
                    whose = (
                        f"of advertiser {account}, which this run skipped"
                        if account
                        else f"without {protected.column}, which may be of an account that this run skipped"
                    )
                    raise TikTokOutputError(
                        f"A skipped account would lose rows, so nothing was written: {self._url(path)!r} contains rows "
                        f"{whose}, and would be replaced by a file without them. Add advertiser_id to `partition_by`, so "
                        "that each account has separate files, or set `on_advertiser_error` to 'fail_at_end'."
                    )

    def _records(
        self,
        path: str,
        opener: Callable[[Any, str], Any],
        source: Any,
        columns: Mapping[str, str],
        why: str,
    ) -> Iterator[Record]:
        """Return the rows of a data file, with the values of its partition folders.

        :param why: the purpose, as the end of a sentence in an error.
        """
        folder = path.removeprefix(self._root).rpartition("/")[0]
        folder_values = {
            name: value
            for name, value in (partition_values(folder) if self._partitions.indexes else {}).items()
            if name in columns
        }
        try:
            with opener(source, "rb") as file:
                for record in read_records(file, path, columns):
                    yield {**record, **folder_values}
        except TikTokOutputError:
            raise
        except Exception as error:  # each format raises different errors
            raise TikTokOutputError(
                f"An earlier file can't be read ({type(error).__name__}): {self._url(path)!r}; {why}. Move the file"
                f"{', or remove `restatement`' if 'restatement' in why else ''}; nothing was written.",
                retryable=isinstance(error, OSError),
            ) from error

    def _manifest(self, manifest: Mapping[str, Any], files: Sequence[PublishedFile]) -> Change:
        """Write the manifest to a part file and return the change that publishes it."""
        listed = [
            {
                "path": file.path,
                "rows": file.rows,
                "bytes": file.bytes,
                "sha256": file.sha256,
                "partition": file.partition,
            }
            for file in files
        ]
        text = json.dumps(
            {**manifest, "columns": self._columns, "files": listed}, indent=2, ensure_ascii=False
        )
        with self._writing():
            source = self._publication.new_file()
            source.write_text(text + "\n", encoding="utf-8")
        return source, self._below_root(MANIFEST)

    def _output_error(self, error: OSError) -> TikTokOutputError:
        state = (
            "some files are new and some are old, which the next run repairs"
            if self._publication.is_inconsistent
            else "the previous files are unchanged"
        )
        return TikTokOutputError(
            f"The files could not be written ({type(error).__name__}: {error.strerror or error}), and {state}: "
            f"{self._target.path!r}. {remedy_at_output(error)}, then run the task again.",
            retryable=error.errno not in _PERMANENT,  # full disks and errors of a store are transient
        )
