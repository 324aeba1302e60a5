"""Rows into files on Airflow's object storage."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_tiktok._compat_late import has_connection, object_storage_path
from airflow_provider_tiktok.api.connection import unreadable
from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.operators._outputs.columns import OutputColumns
from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.planning.plan import Plan
from airflow_provider_tiktok.reports.result.manifest import file_name, make_manifest, restates
from airflow_provider_tiktok.reports.result.restatement import (
    restatement_text,
    shown_restatement,
)
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import DAY, HOUR, is_time
from airflow_provider_tiktok.storage.checkpoint import Checkpoint
from airflow_provider_tiktok.storage.files.destination import Destination, Protected
from airflow_provider_tiktok.storage.files.preflight import check_reachable
from airflow_provider_tiktok.storage.files.restatement import Comparison
from airflow_provider_tiktok.storage.files.target import parse_target

log = logging.getLogger(__name__)

UNFINISHED = "_tiktok_unfinished"
"""Folder at the output, which is not data, for checkpoints."""

MAX_PATHS = 100
"""How many file paths a summary lists; the manifest lists them all."""

_EXTRA_BY_SCHEME = {
    "s3": "s3",
    "s3a": "s3",
    "s3n": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "adl": "azure",
    "wasb": "azure",
}


class FileOutput:
    """Rows into files on any filesystem of Airflow's object storage.

    :param path: file or folder, path or URL.
    :param plan: of the report.
    :param columns: of the files.
    :param partition_by: TikTok's names of the columns that become folders.
    :param conn_id: Airflow connection of the filesystem.
    :param compared: how to compare the rows with those of the files that they replace, as
        :func:`~airflow_provider_tiktok.reports.result.restatement.compared_by` says; ``None`` for no comparison.
    :raises TikTokOutputError: path, format, filesystem, partition columns or the plan's days can't be used.
    """

    def __init__(
        self,
        path: str,
        plan: Plan,
        columns: OutputColumns,
        *,
        output_format: str | None = None,
        conn_id: str | None = None,
        partition_by: Sequence[str] = (),
        compared: Mapping[str, Any] | None = None,
    ) -> None:
        self._plan = plan
        self._columns = columns
        self._partition_by = tuple(partition_by)
        self._compared = compared
        target = parse_target(path, output_format, columns.renamed(partition_by))
        filesystem, root = _open_filesystem(target.path, conn_id)
        if "://" in target.path and not target.path.lower().startswith("file:"):
            check_reachable(filesystem, root, target)
        self._destination = Destination(target, filesystem, root, columns.types)
        self._filesystem = filesystem
        self._is_folder = target.is_folder
        # rows are saved as lines of the files, which hold the names of columns
        self._identity = {"target": asdict(target), "columns": columns.types, "names": columns.names}
        self._check_days()
        self._destination.name_files(file_name(plan, self._partition_by))

    def encode(self, page: Page) -> Sequence[Any]:
        """Render the rows of a page."""
        return self._destination.encode(page.columns, page.clean)

    def write(self, rows: Sequence[Any]) -> None:
        """Take rows."""
        self._destination.write(rows)

    def checkpoint(self, name: str, identity: Mapping[str, Any]) -> Checkpoint:
        """Return a place next to the files for the rows of a run that was interrupted."""
        folder = f"{self._destination.folder.rstrip('/')}/{UNFINISHED}/{name}"
        return Checkpoint(self._filesystem, folder, {**identity, **self._identity})

    def publish(self, source: RowSource, summary: dict[str, Any], now: datetime) -> None:
        """Move the files to their place, the manifest last."""
        if self._is_folder:
            self._warn_of_overlaps()  # here, for a report that is deferred opens its output twice
        request, skipped = self._plan.request, source.result.skipped
        published = self._destination.publish(
            make_manifest(source, summary, now),
            self._replaces(skipped),
            self._comparison(self._compared) if self._compared else None,
            None if "advertiser_id" in self._partition_by else self._protected(skipped),
        )
        summary["paths"] = [file.path for file in published.files[:MAX_PATHS]]
        summary["path_count"] = len(published.files)
        summary["manifest"] = published.manifest
        summary["bytes"] = sum(file.bytes for file in published.files)
        if published.restatement is not None:
            summary["restatement"] = shown_restatement(published.restatement)
            log.info("%s", restatement_text(published.restatement))
        for old in published.removed:
            log.info("Removed %s: its rows are in a new file, or TikTok has none there any more.", old)
        # tasks mapped over accounts share folders, and rightly so
        shared = request.advertiser_ids and "advertiser_id" not in self._partition_by
        if published.other_files and not shared:
            log.warning(
                "%d data file(s) of other requests are in the folders that were written, such as %s. Everyone who reads "
                "the folder reads them as well: rows with other columns, filters or accounts need a folder of their "
                "own.",
                len(published.other_files),
                published.other_files[0],
            )

    def close(self) -> None:
        """Discard what isn't published."""
        self._destination.discard()

    def _replaces(self, skipped: Collection[str]) -> Callable[[Mapping[str, str | None]], bool]:
        """Return a test for partitions, in whose folders columns have the output's names, or TikTok's of earlier runs."""
        test = restates(self._plan, skipped)
        return lambda values: test(dict(zip(self._columns.originals(values), values.values(), strict=True)))

    def _protected(self, skipped: Collection[str]) -> Protected:
        return Protected(self._columns.name_of("advertiser_id"), skipped)

    def _comparison(self, by: Mapping[str, Any]) -> Comparison:
        """Return how files are compared: by all columns that TikTok's rows have, and not by the time of the load."""
        renamed = self._columns.renamed
        return Comparison(
            columns=dict(zip(renamed(by["columns"]), by["columns"].values(), strict=True)),
            key=renamed(by["key"]),
            day=by["day"] and self._columns.name_of(by["day"]),
            sums=renamed(by["sums"]),
        )

    def _check_days(self) -> None:
        """Refuse accounts whose days differ where a day's file is that of all accounts.

        :raises TikTokOutputError: they differ.
        """
        by_time = list(filter(is_time, self._partition_by))
        if not by_time or "advertiser_id" in self._partition_by:
            return
        last = {call.advertiser_id: call.window.end for call in self._plan.calls}
        first = {call.advertiser_id: call.window.start for call in reversed(self._plan.calls)}
        example: dict[tuple[date | None, date | None], str] = {}
        for name, end in last.items():
            example.setdefault((first[name], end), name)
        if len(example) > 1:
            days = "; ".join(f"{name}: {start} to {end}" for (start, end), name in list(example.items())[:3])
            raise TikTokOutputError(
                f"The accounts' days differ, and `partition_by` has {by_time[0]} without advertiser_id: a file holds the "
                f"rows of all accounts, and each run would replace it by some accounts' rows only. Days differ with time "
                f"zones ({days}). Add advertiser_id to `partition_by`, or give `report_start_date` and `report_end_date`."
            )

    def _warn_of_overlaps(self) -> None:
        """Warn of a folder that would hold the same day several times."""
        request = self._plan.request
        times = request.time_dimensions
        if request.lookback_days and times and not any(map(is_time, self._partition_by)):
            log.warning(
                "This folder holds days several times: with `lookback_days` runs overlap, and it keeps a file a run. "
                "Add %s to `partition_by`, and each day has one file.",
                DAY if HOUR in times else times[0],
            )


def _open_filesystem(path: str, conn_id: str | None) -> tuple[Any, str]:
    """Return the filesystem of a path, and the path in it."""
    if conn_id and not has_connection(conn_id):  # some filesystems would do without it, silently
        raise TikTokOutputError(
            unreadable(conn_id)
            or f"Airflow has no connection {conn_id!r}, which is to open `output_path` {path!r}. Create it under Admin > "
            "Connections, correct `output_conn_id`, or leave it out where files need none."
        )
    scheme = path.partition("://")[0].lower() if "://" in path else ""
    if scheme == "file":
        path = _without_host(path)
    elif not scheme:
        path = os.path.expanduser(path)  # noqa: PTH111 - it may be no path of this system yet
    try:
        storage = object_storage_path(path, conn_id)
        return storage.fs, str(storage.path)
    except (ValueError, ImportError) as error:
        extra = _EXTRA_BY_SCHEME.get(scheme)
        advice = (
            f'Install it: pip install "airflow-provider-tiktok[{extra}]".'
            if extra
            else "Use a scheme that an installed Airflow provider serves: file, s3, gs, abfs, ..."
        )
        raise TikTokOutputError(
            f"`output_path` {path!r}: Airflow has no filesystem for {scheme or 'it'} here. {advice}"
        ) from error


def _without_host(url: str) -> str:
    """Take ``localhost`` out of a file's URL; Airflow would make a folder of it, as of any other host.

    :raises TikTokOutputError: it names another host.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    if host.lower() not in {"", "localhost"}:
        raise TikTokOutputError(
            f"`output_path` {url!r} names a host, {host!r}, and not only a file. Write file:/// with three slashes, and "
            "then the path from the root."
        )
    return url.replace(f"{host}/", "/", 1) if host else url
