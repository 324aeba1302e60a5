"""Rows into files that appear whole or not at all, on any fsspec filesystem.

Rows are written to spool files first: on a local disk in a hidden folder beside their destination, so
that the last step is a rename; for an object store in a temporary folder of the worker's. Until
:meth:`Destination.publish` nothing changes at the destination. How several files then change as one, and
what a kill or an error in the midst of it leaves, stands in
:mod:`~airflow_provider_tiktok.storage.local_disk` and :mod:`~airflow_provider_tiktok.storage.object_store`.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.columns import Cells
from airflow_provider_tiktok.storage.formats import FORMATS
from airflow_provider_tiktok.storage.local_disk import Change, LocalDisk, follow_links
from airflow_provider_tiktok.storage.object_store import ObjectStore
from airflow_provider_tiktok.storage.part_file import Spool
from airflow_provider_tiktok.storage.partitions import (
    Partitions,
    local_limits,
    protocols,
    store_limits,
    values,
)
from airflow_provider_tiktok.storage.readers import Record, read_records
from airflow_provider_tiktok.storage.restatement import Comparison
from airflow_provider_tiktok.storage.target import Target
from airflow_provider_tiktok.storage.temporary import remedy_at_output, temporary_error

MANIFEST = "_manifest.json"
_ACCOUNT = "advertiser_id"  # column
_MAX_OPEN_FILES = 64
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO})
_LASTING = frozenset({errno.ENAMETOOLONG, errno.ELOOP})  # what another attempt meets again


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One data file, as the manifest lists it."""

    path: str
    rows: int
    bytes: int
    sha256: str
    partition: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """What :meth:`Destination.publish` left behind.

    :param files: the data files, in the order of their paths.
    :param removed: paths of files that held rows which are no more.
    :param beside: paths of other data files that stand in the same folders.
    :param manifest: path of the manifest of a folder; ``None`` for a single file.
    :param restatement: what changed, where that was asked for.
    """

    files: tuple[PublishedFile, ...]
    removed: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    manifest: str | None = None
    restatement: dict[str, Any] | None = None


class Destination:
    """Takes rows and publishes them as files.

    :param target: where and in which format.
    :param filesystem: the fsspec filesystem that holds the target.
    :param root: the target's path in that filesystem.
    :param columns: type by name, in the order of a row's cells.
    :raises TikTokOutputError: nothing can be written there.
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
        # written as the filesystem lists it, so that what is listed later can be told from what is new
        self._root = os.path.realpath(root) if self._local else filesystem._strip_protocol(root).rstrip("/")
        self._file_name = "report" + target.extension
        self._check_writable()
        limits = local_limits(self._root) if self._local else store_limits(protocols(filesystem), self._root)
        self._partitions = Partitions(target, columns, limits)
        self._data_indexes = [i for i in range(len(columns)) if i not in self._partitions.indexes]
        data_columns = {
            name: kind for i, (name, kind) in enumerate(columns.items()) if i in self._data_indexes
        }
        self._format = FORMATS[target.format](data_columns)
        self._columns = dict(columns)
        self.folder = self._root if target.is_folder else self._root.rpartition("/")[0]
        self._place = (
            LocalDisk(Path(self.folder or "/")) if self._local else ObjectStore(filesystem, self.folder)
        )
        with self._writing():
            self._place.tidy()
        self._spools: dict[str, Spool] = {}
        self._open: OrderedDict[str, Spool] = OrderedDict()

    def name_files(self, name: str) -> None:
        """Say how the data files in a folder are called, before the first row.

        :param name: file name without extension; the same request gives the same name.
        """
        self._file_name = name + self._target.extension

    def encode(self, columns: Sequence[Cells], clean: Sequence[bool]) -> Sequence[Any]:
        """Render rows for :meth:`write`, each behind the partition that it belongs to, where there are any.

        Pages come in any order.

        :param columns: the cells of each column.
        :param clean: of each column, whether it is known to hold no null and, where its type is a
            number, nothing but JSON numbers.
        :raises TikTokOutputError: no folder can have the name of a value.
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
        """Take rendered rows in, as :meth:`encode` gave them, in their order.

        :raises TikTokOutputError: the disk is full, or a folder can't be made.
        """
        if not self._partitions.indexes:
            self._append("", lines)
            return
        groups: dict[str, list[Any]] = {}
        for partition, line in lines:
            groups.setdefault(partition, []).append(line)
        for partition, members in groups.items():
            self._append(partition, members)

    def publish(
        self,
        manifest: Mapping[str, Any] | None = None,
        covers: Callable[[Mapping[str, str | None]], bool] = lambda _: False,
        comparison: Comparison | None = None,
        spared: Collection[str] = (),
    ) -> Published:
        """Make the rows visible, remove what they replace, then write the manifest.

        :param manifest: what to say in a folder's manifest beside the files.
        :param covers: says of a partition (value by column) whether this run restates it, so that a
            file of the same name which has no rows any more is removed.
        :param comparison: how to compare the rows with those of the files that they replace.
        :param spared: accounts about which this run says nothing, so that no row of theirs may go from a partition.
        :raises TikTokOutputError: it can't be done; nothing is removed or replaced then, if not said otherwise.
        """
        try:
            with self._writing():
                if not self._spools and not self._partitions.indexes:
                    self._spool("")  # an empty report still has its file, with the header
                for spool in self._spools.values():
                    spool.finish()
            stale, beside = self._other_files(covers) if self._target.is_folder else ([], [])
            files = tuple(
                PublishedFile(
                    self._url(self._path(partition)),
                    spool.rows,
                    spool.size,
                    spool.sha256,
                    values(partition),
                )
                for partition, spool in sorted(self._spools.items())
            )
            if spared and self._partitions.indexes:
                self._spare(spared, self._replaced(stale))
            restatement = self._compare(comparison, stale) if comparison else None
            changes = [(self._spools[name].path, self._path(name)) for name in sorted(self._spools)]
            if not self._target.is_folder:
                self._place.replace(changes[0])
                return Published(files, restatement=restatement)
            said = {**(manifest or {}), **({"restatement": restatement} if restatement else {})}
            self._place.replace_all([*changes, self._manifest(said, files)], stale)
            return Published(
                files,
                tuple(self._url(path) for path in stale),
                tuple(self._url(path) for path in beside),
                self._url(self._below_root(MANIFEST)),
                restatement,
            )
        except OSError as error:
            raise self._output_error(error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Throw away what isn't published. Calling it again does nothing."""
        if not self._place.is_mixed:  # else the next run needs them
            for spool in self._spools.values():
                spool.discard()
        self._spools.clear()
        self._open.clear()
        self._format.close()
        self._place.discard()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Raise what the system refuses where files grow: beside a local destination, else in the temporary folder.

        :raises TikTokOutputError: it refused something.
        """
        try:
            yield
        except OSError as error:
            raise (self._output_error if self._local else temporary_error)(error) from error

    def _check_writable(self) -> None:
        """Find out before the first call to TikTok that a local destination can't be written."""
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
                    f"`output_path` {self._target.path!r} is a device or a pipe, which would be replaced by a file. Give "
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
        except (
            OSError
        ) as error:  # also of a mere question about what is below a folder that may not be entered
            raise self._not_writable(error, folder) from None

    def _not_writable(self, error: OSError, folder: Path) -> TikTokOutputError:
        if error.errno in _LASTING:
            advice = f"({error.strerror}). Choose another path."
        elif error.errno in _PASSING:
            advice = (
                f"({error.strerror} at {str(folder)!r}). {remedy_at_output(error)}, then run the task again."
            )
        else:
            advice = (
                f"the Airflow worker may not write to {str(folder)!r} ({error.strerror}). Choose another path, or let the "
                "worker's user write there."
            )
        failure = TikTokOutputError(f"`output_path` {self._target.path!r} can't be written: {advice}")
        failure.retryable = error.errno in _PASSING
        return failure

    def _append(self, partition: str, lines: Sequence[Any]) -> None:
        if not lines:
            return
        with self._writing():
            self._spool(partition).write(lines)

    def _spool(self, partition: str) -> Spool:
        """Give the spool file of a partition, with few enough of them open."""
        spool = self._spools.get(partition)
        if spool is None:
            spool = self._format.spool(
                self._place.new_file(),
                compress=self._target.compress,
                one_of_many=bool(self._partitions.indexes),
            )
            self._spools[partition] = spool
        self._open[partition] = spool
        self._open.move_to_end(partition)
        if len(self._open) > _MAX_OPEN_FILES:
            self._open.popitem(last=False)[1].release()
        return spool

    def _path(self, partition: str) -> str:
        if not self._target.is_folder:
            return self._root
        return self._below_root(partition, self._file_name)

    def _below_root(self, *parts: str) -> str:
        return "/".join((self._root.rstrip("/"), *filter(None, parts)))

    def _url(self, path: str) -> str:
        """Give a path as the user wrote the target."""
        if not self._target.is_folder:
            return self._target.path
        return f"{self._target.path.rstrip('/')}/{path.removeprefix(self._root).lstrip('/')}"

    def _other_files(self, covers: Callable[[Mapping[str, str | None]], bool]) -> tuple[list[str], list[str]]:
        """Find this request's files that have no rows any more, and other requests' files beside the new ones."""
        if not self._fs.exists(self._root):
            return [], []
        # the same request in another format is the same request
        stem = self._file_name.removesuffix(self._target.extension)
        names = {f"{stem}.{name}{suffix}" for name in FORMATS for suffix in ("", ".gz")}
        fresh = {self._path(partition) for partition in self._spools}
        folders = {path.rpartition("/")[0] for path in fresh}
        stale, beside = [], []
        for path in self._fs.find(self._root):
            if not path.startswith(self._root.rstrip("/") + "/") or path in fresh:
                continue  # what is listed under another name than it was written is better left than lost
            folder, _, name = path.rpartition("/")
            partition = values(folder.removeprefix(self._root))
            if name in names and (folder in folders or (self._partitions.indexes and covers(partition))):
                stale.append(path)
            elif self._partitions.indexes and folder in folders and not name.startswith((".", "_")):
                beside.append(path)
        return stale, beside

    def _compare(self, comparison: Comparison, stale: Sequence[str]) -> dict[str, Any]:
        """Compare the rows of the files that go with the new ones."""
        why, columns = "`restatement` compares the new rows with those of", comparison.columns
        fresh = [(self._path(partition), spool.path) for partition, spool in sorted(self._spools.items())]
        return comparison.compare(
            chain.from_iterable(
                self._records(path, self._fs.open, path, columns, why) for path in self._replaced(stale)
            ),
            chain.from_iterable(self._records(path, Path.open, draft, columns, why) for path, draft in fresh),
        )

    def _replaced(self, stale: Sequence[str]) -> list[str]:
        """Give the files that go: those that new ones replace, and those that have no rows any more."""
        return [*filter(self._fs.exists, map(self._path, sorted(self._spools))), *stale]

    def _spare(self, accounts: Collection[str], paths: Iterable[str]) -> None:
        """Make sure that no file which goes holds rows of accounts.

        :raises TikTokOutputError: one does.
        """
        why = "An account was skipped, whose rows must not go with those of"
        for path in paths:
            for record in self._records(path, self._fs.open, path, {_ACCOUNT: "string"}, why):
                account = record[_ACCOUNT]
                if account in accounts:
                    raise TikTokOutputError(
                        f"{self._url(path)!r} holds rows of advertiser {account}, which this run skipped, and would be "
                        "replaced by a file without them. Nothing was written. Add advertiser_id to `partition_by`, so "
                        "that each account has files of its own, or let `on_advertiser_error` be 'fail_at_end'."
                    )

    def _records(
        self,
        path: str,
        opener: Callable[[Any, str], Any],
        place: Any,
        columns: Mapping[str, str],
        why: str,
    ) -> Iterator[Record]:
        """Read the rows of a data file, with what its folders say.

        :param why: what that is for, as the beginning of a sentence.
        """
        said = values(path.removeprefix(self._root).rpartition("/")[0]) if self._partitions.indexes else {}
        try:
            with opener(place, "rb") as file:
                for record in read_records(file, path, columns):
                    yield {**record, **said}
        except TikTokOutputError:
            raise
        except Exception as error:  # each format has errors of its own
            failure = TikTokOutputError(
                f"{why} {self._url(path)!r}, which can't be read ({type(error).__name__}). Move it away"
                f"{', or leave `restatement` out' if 'restatement' in why else ''}; nothing was written."
            )
            failure.retryable = isinstance(error, OSError)
            raise failure from error

    def _manifest(self, manifest: Mapping[str, Any], files: Sequence[PublishedFile]) -> Change:
        """Write the manifest to a file in the making."""
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
            draft = self._place.new_file()
            draft.write_text(text + "\n", encoding="utf-8")
        return draft, self._below_root(MANIFEST)

    def _output_error(self, error: OSError) -> TikTokOutputError:
        state = (
            "some files are new and some as before, which the next run puts right"
            if self._place.is_mixed
            else "what was there before is unchanged"
        )
        failure = TikTokOutputError(
            f"The files at {self._target.path!r} could not be written ({type(error).__name__}: {error.strerror or error}); "
            f"{state}. {remedy_at_output(error)}, then run the task again."
        )
        # a full disk or a store's bad minute passes
        failure.retryable = error.errno not in _LASTING
        return failure
