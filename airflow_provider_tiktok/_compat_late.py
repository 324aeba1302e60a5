"""The later part of :mod:`_compat`: what tasks that run, hooks and sensors find elsewhere in each Airflow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

try:
    from airflow.sdk import BaseHook
except ImportError:  # Airflow 2, and 3.0
    from airflow.hooks.base import BaseHook

from airflow.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import ObjectStoragePath
    from airflow.triggers.base import BaseTrigger


def object_storage_path(url: str, conn_id: str | None) -> ObjectStoragePath:
    """Open a path of Airflow's object storage.

    :param url: path or URL.
    :param conn_id: Airflow connection of the filesystem.
    :raises ValueError: no installed provider serves the URL's scheme.
    """
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2
        from airflow.io.path import ObjectStoragePath
    return ObjectStoragePath(url, conn_id=conn_id) if conn_id else ObjectStoragePath(url)


def connection_of(path: object) -> str | None:
    """Return the ID of the connection that a path of Airflow's object storage carries, if it is one and does."""
    carried = getattr(path, "conn_id", None)
    if carried is None:  # before Airflow 3.2 it stands among the options only
        carried = (getattr(path, "storage_options", None) or {}).get("conn_id")
    return carried if isinstance(carried, str) else None


def mapped_sources(task: Any) -> dict[str, Any]:
    """Return the parameters of a mapped task's instance whose values came from other tasks, and from where.

    Those that a DAG file itself lists in ``expand()`` or ``expand_kwargs()`` are not among them.

    :param task: the operator that Airflow made for the instance; any other has no such parameters.
    """
    dag = task.get_dag()
    mapped = dag.task_dict.get(task.task_id) if dag is not None else None
    source = getattr(getattr(mapped, "expand_input", None), "value", None)
    if isinstance(source, Mapping):
        return {
            name: value for name, value in source.items() if not isinstance(value, (list, tuple, Mapping))
        }
    if source is None or (
        isinstance(source, (list, tuple)) and all(isinstance(one, Mapping) for one in source)
    ):
        return {}
    # of the objects that expand_kwargs() takes, Airflow alone knows which parameters this one had
    passed = getattr(task, "_BaseOperator__init_kwargs", {})
    partial = getattr(mapped, "partial_kwargs", {})
    return {name: source for name in passed if name not in partial}


def stats() -> Any:
    """Return Airflow's own sender of metrics; ``None`` without one."""
    try:
        from airflow.sdk.observability.stats import Stats
    except ImportError:  # before Airflow 3.2
        try:
            from airflow.stats import Stats
        except ImportError:
            return None
    return Stats


def time_trigger(time: datetime) -> BaseTrigger:
    """Return Airflow's own trigger that fires at a time.

    :param time: with a time zone.
    """
    try:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger
    except ImportError:  # Airflow 2
        from airflow.triggers.temporal import DateTimeTrigger
    return DateTimeTrigger(moment=time)


def asset_classes() -> tuple[type[Any], type[Any], tuple[type[Any], ...]]:
    """Return the classes of asset aliases, of assets, and of what else refers to assets among outlets."""
    try:
        from airflow.sdk import Asset, AssetAlias
        from airflow.sdk.definitions.asset import AssetRef
    except ImportError:  # Airflow 2, where they are data sets
        from airflow.datasets import Dataset, DatasetAlias

        return DatasetAlias, Dataset, ()
    return AssetAlias, Asset, (AssetRef,)


def hook_lineage_collector() -> Any:
    """Return what collects the files that hooks read and write; ``None`` where no one reads what it collects.

    To make one, Airflow loads what other providers know of assets, its database models among it, which takes
    longer than many a report takes to publish.
    """
    try:
        from airflow.sdk.lineage import get_hook_lineage_collector
    except ImportError:  # before 3.2
        from airflow.lineage.hook import get_hook_lineage_collector
    try:
        from airflow.sdk.plugins_manager import get_hook_lineage_readers_plugins
    except ImportError:
        return get_hook_lineage_collector()
    return get_hook_lineage_collector() if get_hook_lineage_readers_plugins() else None


def has_connection(conn_id: str) -> bool:
    """Return whether Airflow has a connection of this ID."""
    try:
        return BaseHook.get_connection(conn_id) is not None
    except AirflowNotFoundException:
        return False


def read_all_connections() -> None:
    """Let this process, which runs no task, find the connections of Airflow's database too.

    Airflow 3 asks the database only where it takes itself for one of Airflow's servers; its own command
    line declares itself as one the same way.
    """
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


async def get_connection_in_loop(conn_id: str) -> Any:
    """Read an Airflow connection in a triggerer's event loop, without blocking it.

    From 3.3.2 on Airflow has a way of its own that can't deadlock. Before, it is read in the one thread that
    asgiref keeps for such calls, so that no two of them talk to Airflow at once.
    """
    try:
        from airflow.sdk import Connection

        has_own_way = hasattr(Connection, "aextra_dejson")
    except ImportError:  # Airflow 2
        has_own_way = False
    if has_own_way:
        return await BaseHook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async

    return await sync_to_async(BaseHook.get_connection)(conn_id)


def __getattr__(name: str) -> Any:
    """Load what only sensors need when they ask for it."""
    if name != "BaseSensorOperator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from airflow.sdk import BaseSensorOperator
    except ImportError:  # Airflow 2
        from airflow.sensors.base import BaseSensorOperator
    return BaseSensorOperator


__all__ = [
    "AirflowNotFoundException",
    "BaseHook",
    "asset_classes",
    "connection_of",
    "get_connection_in_loop",
    "has_connection",
    "hook_lineage_collector",
    "object_storage_path",
    "read_all_connections",
    "time_trigger",
]
