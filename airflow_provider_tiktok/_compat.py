"""The one place that knows Airflow 2.11 from Airflow 3; :mod:`~airflow_provider_tiktok._compat_links` is its part for links.

Names that moved are imported here under one name, the Airflow 3 one first, so that no version warns of
a deprecated import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from airflow.sdk import BaseOperator

    AIRFLOW_3 = True
except ImportError:
    from airflow.models.baseoperator import BaseOperator

    AIRFLOW_3 = False

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


def connection_of(path: object) -> str | None:
    """Give the ID of the connection that a path of Airflow's object storage carries, if it is one and does."""
    carried = getattr(path, "conn_id", None)
    if carried is None:  # before Airflow 3.2 it stands among the options only
        carried = (getattr(path, "storage_options", None) or {}).get("conn_id")
    return carried if isinstance(carried, str) else None


def has_connection(conn_id: str) -> bool:
    """Say whether Airflow has a connection of this ID."""
    try:
        return BaseHook.get_connection(conn_id) is not None
    except AirflowNotFoundException:
        return False


__all__ = [
    "AIRFLOW_3",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSkipException",
    "BaseHook",
    "BaseOperator",
    "connection_of",
    "has_connection",
    "object_storage_path",
]
