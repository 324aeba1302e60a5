"""What links need of Airflow 2.11 and of Airflow 3; apart from ``_compat``, since no DAG file has to wait for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from airflow.configuration import conf

from airflow_provider_tiktok._compat import AIRFLOW_3

try:
    from airflow.sdk import BaseOperatorLink
except ImportError:  # Airflow 2
    from airflow.models.baseoperatorlink import BaseOperatorLink


def stored_facts(ti_key: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return a task's rendered fields and its summary, as the webserver of Airflow 2 finds them stored.

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
    """Return the address of the page that shows a task's XCom.

    :param ti_key: which task instance.
    """
    base = conf.get("api" if AIRFLOW_3 else "webserver", "base_url", fallback="").rstrip("/")
    dag_id, run_id, task_id, index = ti_key.dag_id, ti_key.run_id, ti_key.task_id, ti_key.map_index
    is_mapped = index is not None and index >= 0
    if AIRFLOW_3:
        mapped = f"/mapped/{index}" if is_mapped else ""
        return f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id)}/tasks/{quote(task_id)}{mapped}/xcom"
    query = {"dag_run_id": run_id, "task_id": task_id, **({"map_index": index} if is_mapped else {})}
    return f"{base}/dags/{quote(dag_id)}/grid?{urlencode({**query, 'tab': 'xcom'})}"


__all__ = ["BaseOperatorLink", "stored_facts", "xcom_page"]
