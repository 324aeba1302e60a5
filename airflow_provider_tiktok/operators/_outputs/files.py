"""Where an operator's rows go: files on Airflow's object storage, or XCom."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from airflow_provider_tiktok._compat_late import connection_of, has_connection, object_storage_path
from airflow_provider_tiktok.api.connection import unreadable
from airflow_provider_tiktok.exceptions import TikTokOutputError, TikTokResultTooLargeError
from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.params import coerce
from airflow_provider_tiktok.reports.planning.plan import ReportPlan
from airflow_provider_tiktok.reports.result.restatement import (
    compared_by,
    restatement_text,
    shown_restatement,
)
from airflow_provider_tiktok.reports.result.summary import file_name, make_manifest, restates
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import Schema, to_python
from airflow_provider_tiktok.storage.checkpoint import Checkpoint
from airflow_provider_tiktok.storage.columns import DATE, TIMESTAMP
from airflow_provider_tiktok.storage.destination import Destination
from airflow_provider_tiktok.storage.preflight import check_reachable
from airflow_provider_tiktok.storage.restatement import Comparison
from airflow_provider_tiktok.storage.target import parse_target

log = logging.getLogger(__name__)

XCOM_ROWS = "rows"
"""XCom key under which rows stand that go to no file."""

UNFINISHED = "_tiktok_unfinished"
"""Folder at the output, which is no data, for the rows of reports that were interrupted."""

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


def read_path(value: object) -> tuple[str | None, str | None]:
    """Read an output path, and the connection that it carries where it is an ``ObjectStoragePath``.

    :return: the path without the connection, which Airflow writes in front of the host.
    """
    path, conn_id = coerce.path(value, "output_path"), connection_of(value)
    if path is None or conn_id is None:
        return path, None
    return path.replace(f"://{conn_id}@", "://", 1), conn_id


class Output(Protocol):
    """Takes a report's rows and publishes them, whole, at the end."""

    def check(self, plan: ReportPlan) -> None:
        """Refuse a plan whose rows can't be kept right here, before any of them is asked for."""

    def encode(self, page: Page) -> Sequence[Any]:
        """Make of each row of a page what :meth:`write` takes. Pages come in any order."""

    def write(self, fetch: RowSource, rows: Sequence[Any]) -> None:
        """Take encoded rows in, in their order."""

    def publish(self, fetch: RowSource, summary: dict[str, Any], now: datetime, context: Any) -> None:
        """Make the rows visible, and add to the summary where they are."""

    def discard(self) -> None:
        """Throw away what isn't published."""


class FileOutput:
    """Rows into files on any filesystem of Airflow's object storage.

    :param path: file or folder, path or URL.
    :param schema: the rows' columns.
    :param restatement: say what changed against the files that are replaced.
    :raises TikTokOutputError: path, format, filesystem or partition columns can't be used.
    """

    def __init__(
        self,
        path: str,
        schema: Schema,
        *,
        output_format: str | None,
        conn_id: str | None,
        partition_by: Sequence[str],
        restatement: bool = False,
    ) -> None:
        target = parse_target(path, output_format, partition_by)
        filesystem, root = _open_filesystem(target.path, conn_id)
        if "://" in target.path and not target.path.lower().startswith("file:"):
            check_reachable(filesystem, root, target)
        self._schema = schema
        self._partition_by = tuple(partition_by)
        self._is_folder = target.is_folder
        self._restatement = restatement
        self._destination = Destination(target, filesystem, root, schema.columns)
        self._filesystem = filesystem
        self._identity = {"target": asdict(target), "columns": schema.columns}
        self._named = False

    def encode(self, page: Page) -> Sequence[Any]:
        """Render the rows of a page."""
        return self._destination.encode(page.columns, page.clean)

    def check(self, plan: ReportPlan) -> None:
        """Refuse accounts whose days differ where a day's file is that of all accounts.

        :raises TikTokOutputError: they differ.
        """
        by_time = [name for name in self._partition_by if self._schema.columns[name] in {DATE, TIMESTAMP}]
        if not by_time or "advertiser_id" in self._partition_by:
            return
        last = {call.advertiser_id: call.window.end for call in plan.calls}
        first = {call.advertiser_id: call.window.start for call in reversed(plan.calls)}
        example: dict[tuple[date | None, date | None], str] = {}
        for name, end in last.items():
            example.setdefault((first[name], end), name)
        if len(example) > 1:
            days = "; ".join(f"{name}: {start} to {end}" for (start, end), name in list(example.items())[:3])
            raise TikTokOutputError(
                f"`partition_by` has {by_time[0]} and not advertiser_id, so a file holds the rows of all accounts; but the "
                f"accounts' days differ with their time zones ({days}), and each run would replace files by some accounts' "
                "rows only. Add advertiser_id to `partition_by`, or give `report_start_date` and `report_end_date`."
            )

    def checkpoint(self, name: str, identity: Mapping[str, Any]) -> Checkpoint:
        """Give a place beside the files for the rows of an unfinished report.

        :param name: the report's own.
        :param identity: what else must be the same for its rows to be of use.
        """
        folder = f"{self._destination.folder.rstrip('/')}/{UNFINISHED}/{name}"
        return Checkpoint(self._filesystem, folder, {**identity, **self._identity})

    def write(self, fetch: RowSource, rows: Sequence[Any]) -> None:
        """Take rows in."""
        self._name_files(fetch)
        self._destination.write(rows)

    def publish(self, fetch: RowSource, summary: dict[str, Any], now: datetime, context: Any) -> None:
        """Move the files to their place, the manifest last."""
        self._name_files(fetch)
        request = fetch.plan.request
        published = self._destination.publish(
            make_manifest(fetch, summary, now),
            restates(fetch.plan, self._schema, fetch.result.skipped),
            Comparison(**compared_by(request, self._schema)) if self._restatement else None,
            () if "advertiser_id" in self._partition_by else fetch.result.skipped,
        )
        summary["paths"] = [file.path for file in published.files[:MAX_PATHS]]
        summary["path_count"] = len(published.files)
        summary["manifest"] = published.manifest
        summary["bytes"] = sum(file.bytes for file in published.files)
        if published.restatement is not None:
            summary["restatement"] = shown_restatement(published.restatement)
            log.info("%s", restatement_text(published.restatement))
        for old in published.removed:
            log.info("Removed %s, whose partition has no rows any more.", old)
        # tasks mapped over accounts share folders, and rightly so
        shared = request.advertiser_ids and "advertiser_id" not in self._partition_by
        if published.other_files and not shared:
            log.warning(
                "%d data file(s) of other requests stand in the folders that were written, such as %s. Whoever reads the "
                "folder reads them as well: a report with other metrics, filters or accounts wants a folder of its own.",
                len(published.other_files),
                published.other_files[0],
            )

    def discard(self) -> None:
        """Throw away what isn't published."""
        self._destination.discard()

    def _name_files(self, fetch: RowSource) -> None:
        if not self._named:
            self._named = True
            request = fetch.plan.request
            by_time = set(request.time_dimensions) & set(self._partition_by)
            if self._is_folder and request.lookback_days and request.time_dimensions and not by_time:
                log.warning(
                    "With `lookback_days` runs overlap, and this folder keeps a file a run, so days stand in it several "
                    "times. Add %s to `partition_by`, and each day has one file.",
                    request.time_dimensions[0],
                )
            self._destination.name_files(file_name(fetch.plan, self._schema, self._partition_by))


class XComOutput:
    """Rows into XCom, up to a size.

    :param schema: the rows' columns.
    :param max_bytes: bytes that the rows may take as JSON.
    """

    def __init__(self, schema: Schema, max_bytes: int) -> None:
        self._rows: list[dict[str, Any]] = []
        self._bytes = 2
        self._schema = schema
        self._max_bytes = max_bytes

    def check(self, plan: ReportPlan) -> None:
        """Take any plan."""

    def encode(self, page: Page) -> Sequence[Any]:
        """Leave the rows as they are."""
        return page.rows()

    def write(self, fetch: RowSource, rows: Sequence[Any]) -> None:
        """Take rows in.

        :raises TikTokResultTooLargeError: they don't fit.
        """
        new = list(to_python(self._schema, rows, float))
        self._bytes += len(json.dumps(new))
        if self._bytes > self._max_bytes:
            raise TikTokResultTooLargeError(
                f"The report's first {len(self._rows) + len(rows):,} rows take {self._bytes:,} bytes, more than the "
                f"{self._max_bytes:,} that `max_xcom_bytes` allows in XCom. Set `output_path` to send the rows to "
                "storage, or raise `max_xcom_bytes` if Airflow's metadata database can bear it."
            )
        self._rows += new

    def publish(self, fetch: RowSource, summary: dict[str, Any], now: datetime, context: Any) -> None:
        """Push the rows."""
        summary["bytes"] = self._bytes
        task_instance = context.get("ti") or context.get("task_instance")
        if task_instance is None:
            log.warning(
                "There is no task instance, so the rows are not kept; set `output_path` to keep them."
            )
            return
        task_instance.xcom_push(key=XCOM_ROWS, value=self._rows)

    def discard(self) -> None:
        """Let go of the rows."""
        self._rows = []


def _open_filesystem(path: str, conn_id: str | None) -> tuple[Any, str]:
    """Give the filesystem of a path, and the path in it."""
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
