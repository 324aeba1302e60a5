"""The Hive folders of a partitioned report's rows: ``country=DE/stat_time_day=2026-11-21``."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.files.target import Target

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""The folder value that Hive uses for null."""

_NAME_MAX, _PATH_MAX = 255, 4_096  # bytes, if the system doesn't know
_KEY_MAX = 1_024  # bytes of an object's name, in stores with buckets or containers
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "wasb", "wasbs"})
_FILE_NAME = 100  # maximum bytes of a data file's name with its slash
_MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class NameLimits:
    """The maximum length of names at the destination.

    :param name: the maximum bytes of one folder's name; ``None`` if there is no limit, or none is known.
    :param path: the maximum bytes of the partition's folders together; ``None`` likewise.
    """

    name: int | None = None
    path: int | None = None


def local_limits(root: str) -> NameLimits:
    """Return the name limits of the disk that contains a folder, or will contain it."""
    folder = Path(root)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    longest_path = _limit(folder, "PC_PATH_MAX", _PATH_MAX)
    return NameLimits(
        _limit(folder, "PC_NAME_MAX", _NAME_MAX), longest_path - len(os.fsencode(root)) - _FILE_NAME
    )


def _limit(folder: Path, name: str, default: int) -> int:
    try:
        found = os.pathconf(folder, name)
    except (OSError, ValueError):  # the filesystem, or the system, doesn't report it
        return default
    return found if found > 0 else default


def store_limits(protocols: Sequence[str], root: str) -> NameLimits:
    """Return the name limits of an object store."""
    if not _BUCKETS.intersection(protocols):
        return NameLimits()
    return NameLimits(path=_KEY_MAX - len(root.partition("/")[2].encode()) - _FILE_NAME)


class Partitions:
    """The mapping of rows to partitions.

    :param target: the target with the partition columns.
    :param columns: type by name, in the order of a row's cells.
    :param limits: the maximum length of names.
    :raises TikTokOutputError: the rows have no other columns.
    """

    def __init__(self, target: Target, columns: Mapping[str, str], limits: NameLimits) -> None:
        self._columns = list(columns)
        self.indexes = _indexes(target, self._columns)
        self._limits = limits

    def of(self, columns: Sequence[Sequence[str | None]]) -> list[str]:
        """Return the partition of each row.

        :param columns: the cells of each column.
        :raises TikTokOutputError: a value is too long for a folder's name.
        """
        folders: list[list[str]] = []
        longest = len(self.indexes)  # slashes
        for index in self.indexes:
            known = {cell: self._folder(index, cell) for cell in set(columns[index])}
            folders.append([known[cell] for cell in columns[index]])
            longest += max(map(len, known.values()))
        partitions = list(map("/".join, zip(*folders, strict=True)))
        if self._limits.path is not None and longest > self._limits.path:
            self._check_paths(partitions)
        return partitions

    def _folder(self, index: int, cell: str | None) -> str:
        column = self._columns[index]
        value = NULL_PARTITION if cell is None else quote(cell, safe=" ")
        folder = f"{quote(column, safe='')}={value}"
        if self._limits.name is not None and len(folder) > self._limits.name:
            raise _too_long(column, cell, f"a folder name of {len(folder):,} bytes", self._limits.name)
        return folder

    def _check_paths(self, partitions: Sequence[str]) -> None:
        for partition in set(partitions):
            if len(partition) > (self._limits.path or 0):
                folder = max(partition.split("/"), key=len)
                ((column, value),) = partition_values(folder).items()
                raise _too_long(column, value, f"a path of {len(partition):,} bytes", self._limits.path or 0)


def partition_values(partition: str) -> dict[str, str | None]:
    """Return the values of a partition's folders, by column."""
    parts = (part.partition("=")[::2] for part in partition.split("/") if "=" in part)
    return {unquote(name): None if value == NULL_PARTITION else unquote(value) for name, value in parts}


def _too_long(column: str, value: str | None, what: str, limit: int) -> TikTokOutputError:
    shown = repr(value if value is None or len(value) <= _MAX_SHOWN else f"{value[:_MAX_SHOWN]}...")
    return TikTokOutputError(
        f"`partition_by` has {column}, which has a value that is too long: {shown} makes {what}; `output_path` accepts at "
        f"most {max(0, limit):,} ({os.strerror(errno.ENAMETOOLONG)}). Nothing was published. Replace {column} in "
        "`partition_by` by a column with shorter values, such as an ID instead of a name."
    )


def _indexes(target: Target, names: Sequence[str]) -> list[int]:
    if len(target.partition_by) == len(names):
        raise TikTokOutputError(
            "`partition_by` contains every column, so the files would be empty. Remove one."
        )
    return [names.index(name) for name in target.partition_by]


def protocols(filesystem: Any) -> tuple[str, ...]:
    """Return the schemes of a filesystem's URLs."""
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
