"""The one place that knows Airflow 2.11 from Airflow 3.

Names that moved are imported here under one name, the Airflow 3 one first, so that no version warns of
a deprecated import. This is the part that every DAG file with an operator of ours has to wait for; what is
needed later is in :mod:`~airflow_provider_tiktok._compat_late`, and what links need in
:mod:`~airflow_provider_tiktok._compat_links`.
"""

from __future__ import annotations

try:
    from airflow.sdk import BaseOperator

    AIRFLOW_3 = True
except ImportError:
    from airflow.models.baseoperator import BaseOperator

    AIRFLOW_3 = False

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:  # before 3.2
    from airflow.exceptions import AirflowFailException, AirflowSkipException


def default_deferrable() -> bool:
    """Return whether operators wait in the triggerer by default: Airflow's ``operators.default_deferrable``."""
    from airflow.configuration import conf

    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


__all__ = [
    "AIRFLOW_3",
    "AirflowFailException",
    "AirflowSkipException",
    "BaseOperator",
    "default_deferrable",
]
