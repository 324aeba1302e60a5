"""The target of an output path: one file or a folder, the format, compressed or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.storage.formats import EXTENSIONS, FORMATS

_GZIP = ".gz"
_KNOWN = ", ".join(EXTENSIONS)


@dataclass(frozen=True, slots=True)
class Target:
    """The parsed output path.

    :param path: the user's path or URL, without a final slash.
    :param is_folder: whether the path is a folder for files, or one file.
    :param format: the name of the format.
    :param compress: whether files are gzip-compressed.
    :param partition_by: the columns that become Hive folders.
    """

    path: str
    is_folder: bool
    format: str
    compress: bool
    partition_by: tuple[str, ...] = ()

    @property
    def extension(self) -> str:
        """Return the extension of the files in a folder."""
        return f".{self.format}{_GZIP if self.compress else ''}"


def parse_target(path: str, output_format: str | None, partition_by: Sequence[str] = ()) -> Target:
    """Return the target of an output path.

    A path is a folder if it ends with a slash, has no extension, or rows are partitioned.

    :param path: the path or URL.
    :param output_format: one of :data:`~airflow_provider_tiktok.storage.formats.EXTENSIONS`; ``None`` is the
        path's extension, or else ``jsonl``.
    :param partition_by: the columns that become Hive folders.
    :raises TikTokOutputError: extension and format are unknown or contradict each other.
    """
    name = path.rstrip("/").rsplit("/", 1)[-1]
    named, named_gzip = _split(name)
    wanted, wanted_gzip = (
        _split(f"x.{output_format.strip().lower().lstrip('.')}") if output_format else ("", False)
    )
    if output_format and wanted not in FORMATS:
        raise TikTokOutputError(f"`output_format` is {output_format!r}; it can be {_KNOWN}.")
    is_folder = (
        path.endswith("/") or not (named or named_gzip) or (bool(partition_by) and named not in FORMATS)
    )
    _refuse_gzip(wanted or ("" if is_folder else named), wanted_gzip or (named_gzip and not is_folder))
    if is_folder:
        return Target(path.rstrip("/") or "/", True, wanted or "jsonl", wanted_gzip, tuple(partition_by))
    if partition_by:
        raise TikTokOutputError(
            f"`partition_by` makes folders, but `output_path` {path!r} is a file. Set a folder, and `output_format`."
        )
    if named not in FORMATS and not wanted:
        raise TikTokOutputError(
            f"`output_path` {path!r} ends in an extension that this version doesn't write. It can be "
            f"{_KNOWN}; end the path with a slash if it is a folder."
        )
    if wanted and named in FORMATS and (named != wanted or wanted_gzip > named_gzip):
        raise TikTokOutputError(
            f"`output_format` is {output_format!r}, but `output_path` ends in .{named}. Make them agree, or remove one."
        )
    return Target(path, False, wanted or named, named_gzip or wanted_gzip)


def _split(name: str) -> tuple[str, bool]:
    """Return the extension of a file name in lower case, and whether .gz follows it."""
    lowered = name.lower()
    compressed = lowered.endswith(_GZIP)
    stem, dot, extension = lowered.removesuffix(_GZIP).rpartition(".")
    return (extension if dot and stem else ""), compressed


def _refuse_gzip(name: str, compress: bool) -> None:
    if compress and name in FORMATS and not FORMATS[name].compressible:
        raise TikTokOutputError(
            f"Readers of {name} don't accept {name}.gz, and {name} is already compressed. Remove the .gz."
        )
