"""What Airflow hears of a published report: asset events, hook lineage and OpenLineage.

All of it comes from the task's own summary, so that nothing is asked twice. Lineage is about a report and not part of
it: a failure here is logged, and the task goes on.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow_provider_tiktok._compat_late import asset_classes, hook_lineage_collector
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._run.options import RunOptions, read_path

log = logging.getLogger(__name__)

MAX_EXTRA_BYTES = 16_384
"""Bytes of JSON up to which an asset event lists paths; it is stored in Airflow's database."""

MAX_HOOK_FILES = 20
"""Files of a report that hook lineage names one by one; of more it names their folder."""


_CONNECTION = re.compile(r"://[^/@]*@", re.IGNORECASE)


class Lineage:
    """Emits what was published to Airflow: each outlet's event, and hook lineage.

    :param options: of the run.
    :param hook: which called TikTok.
    :param context: Airflow's context; may be empty.
    """

    def __init__(self, options: RunOptions, hook: TikTokHook, context: Any) -> None:
        self._options = options
        self._hook = hook
        self._context = context

    def emit(self, summary: Mapping[str, Any]) -> None:
        """Emit a published report.

        :param summary: the report's.
        """
        _try(lambda: self._fill_outlet_events(summary), "the events of `outlets`")
        _try(lambda: self._add_hook_lineage(summary), "hook lineage")

    def _fill_outlet_events(self, summary: Mapping[str, Any]) -> None:
        events = self._context.get("outlet_events")
        if events is None or not self._options.outlets:
            return
        alias_class, asset_class, others = asset_classes()
        extra = event_extra(summary)
        for outlet in self._options.outlets:
            if isinstance(outlet, alias_class):
                path = self._options.output_path
                if path is not None:
                    events[outlet].add(asset_class(asset_uri(path)), extra=extra)
                else:
                    log.info("%r gets no asset, for the rows are in XCom and not in a file.", outlet)
            elif isinstance(outlet, (asset_class, *others)):
                event = events[outlet]
                event.extra.update(extra)
                if self._wants_partitions():
                    _add_partitions(event, summary)

    def _wants_partitions(self) -> bool:
        """Return whether events are to be of days.

        In Airflow 3.3 an event of a partition wakes only DAGs with a ``PartitionedAssetTimetable``, and no DAG that is
        scheduled on the asset alone, so no one gets partitions who didn't ask for them.
        """
        if self._options.asset_partitions is not None:
            return self._options.asset_partitions
        timetable = getattr(self._context.get("dag"), "timetable", None)
        run_key = getattr(self._context.get("dag_run"), "partition_key", None)
        return getattr(timetable, "partitioned_at_runtime", False) is True and run_key is None

    def _add_hook_lineage(self, summary: Mapping[str, Any]) -> None:
        path = self._options.output_path
        if path is None or not summary["path_count"]:
            return
        collector = hook_lineage_collector()
        if collector is None:
            return
        files = summary["paths"] if summary["path_count"] <= MAX_HOOK_FILES else [path]
        for file in files:
            collector.add_output_asset(context=self._hook, uri=asset_uri(file))


def asset_uri(path: str) -> str:
    """Write a path as an asset's URI, without the connection that may be in front of its host."""
    if "://" in path:
        return _CONNECTION.sub("://", path)
    return f"file://{quote(str(Path(path).expanduser().absolute()), safe='/=,+@:')}"


def event_extra(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an asset event holds: the summary, with as many paths as fit; the manifest lists them all."""
    extra = dict(summary)
    while len(json.dumps(extra)) > MAX_EXTRA_BYTES and extra["paths"]:
        extra["paths"] = extra["paths"][: len(extra["paths"]) // 2]
    return extra


def days(summary: Mapping[str, Any]) -> list[str]:
    """Return each day of a report, first to last; none for lifetime figures, or where rows have no days."""
    if not summary.get("report_start_date"):
        return []
    first = date.fromisoformat(summary["report_start_date"])
    last = date.fromisoformat(summary["report_end_date"])
    return [(first + timedelta(days=i)).isoformat() for i in range((last - first).days + 1)]


def _try(work: Callable[[], None], what: str) -> None:
    try:
        work()
    except Exception:
        # the rows are published; lineage that fails must not undo it
        log.warning("The rows are published, but %s could not be filled in.", what, exc_info=True)


def _add_partitions(event: Any, summary: Mapping[str, Any]) -> None:
    add = getattr(event, "add_partitions", None)
    if add is None:
        log.warning("`asset_partitions` needs Airflow 3.3 or newer; this one makes one event of all days.")
    elif keys := days(summary):
        add(keys)


# -- OpenLineage


def openlineage_facets(output_path: object, summary: Mapping[str, Any] | None) -> Any:
    """Return the dataset that a task wrote, with its columns, rows and bytes, for OpenLineage.

    The summary is the operator's own: a task publishes in the process in which it ends, also after a
    deferral. To ask XCom for it would be wrong, for OpenLineage forks, and the child shares the task's
    line to Airflow's API.

    :param output_path: the operator's.
    :param summary: of the report; ``None`` if none was published.
    :return: an ``OperatorLineage``, or ``None`` without OpenLineage or without files.
    """
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
    except ImportError:
        return None
    try:
        path = read_path(output_path)[0]
        if summary is None or path is None:
            return OperatorLineage()
        return OperatorLineage(outputs=[_dataset(path, summary)])
    except Exception:
        log.warning("OpenLineage gets no facets of this task.", exc_info=True)
        return OperatorLineage()


def _dataset(path: str, summary: Mapping[str, Any]) -> Any:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset, schema_dataset

    namespace, name = dataset_name(path)
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets={
            "schema": schema_dataset.SchemaDatasetFacet(
                fields=[
                    schema_dataset.SchemaDatasetFacetFields(name=column, type=kind)
                    for column, kind in summary["columns"].items()
                ]
            )
        },
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=summary["row_count"], size=summary["bytes"], fileCount=summary["path_count"]
            )
        },
    )


_S3_SCHEMES = re.compile(r"s3[an]?", re.IGNORECASE)


def dataset_name(path: str) -> tuple[str, str]:
    """Return namespace and name of a path as OpenLineage's naming has them.

    Of an object store these are the bucket's URL and the key, of a disk ``file`` and the full path.
    """
    if "://" not in path:
        return "file", str(Path(path).expanduser().absolute())
    scheme, _, rest = _CONNECTION.sub("://", path).partition("://")
    if scheme.lower() == "file":
        return "file", "/" + rest.partition("/")[2].rstrip("/")
    host, _, key = rest.partition("/")
    scheme = "s3" if _S3_SCHEMES.fullmatch(scheme) else scheme.lower()
    return f"{scheme}://{host}", key.strip("/") or "/"
