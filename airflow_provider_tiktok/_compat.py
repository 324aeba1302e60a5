"""The one place that knows Airflow 2.11 from Airflow 3.

Names that moved are imported here under one name, the Airflow 3 one first, so that no version warns of
a deprecated import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from airflow.sdk import BaseOperator
except ImportError:  # Airflow 2
    from airflow.models.baseoperator import BaseOperator

try:
    from airflow.sdk import BaseOperatorLink

    AIRFLOW_3 = True
except ImportError:
    from airflow.models.baseoperatorlink import BaseOperatorLink

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
    from collections.abc import Mapping

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


def stored_facts(ti_key: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Give a task's rendered fields and its summary, as the webserver of Airflow 2 finds them stored.

    Airflow 3 asks for links where the task has run; there the operator itself knows, and nothing is read.

    :param ti_key: which task instance.
    """
    if AIRFLOW_3:
        return {}, {}
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.models.xcom import XCom

    rendered = RenderedTaskInstanceFields.get_templated_fields(ti_key)
    summary = XCom.get_value(key="return_value", ti_key=ti_key)
    return rendered or {}, summary if isinstance(summary, dict) else {}


def xcom_page(ti_key: Any) -> str:
    """Give the address of the page that shows a task's XCom.

    :param ti_key: which task instance.
    """
    from urllib.parse import quote, urlencode

    from airflow.configuration import conf

    base = conf.get("api" if AIRFLOW_3 else "webserver", "base_url", fallback="").rstrip("/")
    dag_id, run_id, task_id, index = ti_key.dag_id, ti_key.run_id, ti_key.task_id, ti_key.map_index
    is_mapped = index is not None and index >= 0
    if AIRFLOW_3:
        mapped = f"/mapped/{index}" if is_mapped else ""
        return f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id)}/tasks/{quote(task_id)}{mapped}/xcom"
    query = {"dag_run_id": run_id, "task_id": task_id, **({"map_index": index} if is_mapped else {})}
    return f"{base}/dags/{quote(dag_id)}/grid?{urlencode({**query, 'tab': 'xcom'})}"


__all__ = [
    "AIRFLOW_3",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSkipException",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "has_connection",
    "object_storage_path",
    "stored_facts",
    "xcom_page",
]
