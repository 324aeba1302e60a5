"""The one place that knows Airflow 2.11 from Airflow 3.

Names that moved are imported here under one name, the Airflow 3 one first, so that no version warns of
a deprecated import.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

try:
    from airflow.sdk import BaseOperator
except ImportError:  # Airflow 2
    from airflow.models.baseoperator import BaseOperator

try:
    from airflow.sdk import BaseHook
except ImportError:  # Airflow 2, and 3.0
    from airflow.hooks.base import BaseHook

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:  # before 3.2
    from airflow.exceptions import AirflowFailException, AirflowSkipException

from airflow.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath


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


def has_connection(conn_id: str) -> bool:
    """Say whether Airflow has a connection of this ID."""
    try:
        return BaseHook.get_connection(conn_id) is not None
    except AirflowNotFoundException:
        return False


def read_all_connections() -> None:
    """Let this process, which is nobody's task, find the connections of Airflow's database too.

    Airflow 3 asks the database only where it takes itself for one of Airflow's servers; its own command
    line declares itself as one the same way.
    """
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


__all__ = [
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSkipException",
    "BaseHook",
    "BaseOperator",
    "has_connection",
    "object_storage_path",
    "read_all_connections",
]
