"""How a run ends, unless it raises: with a result, or with a wait in the triggerer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Finished:
    """The work is done.

    :param result: what the task returns.
    :param skip_reason: why Airflow shall show the task as skipped; empty if it shall not.
    """

    result: Any
    skip_reason: str = ""


@dataclass(frozen=True, slots=True)
class Deferred:
    """The triggerer waits now; the arguments are those of Airflow's ``defer``.

    :param trigger: what to wait for.
    :param method_name: the operator's method that Airflow calls afterwards.
    :param kwargs: its arguments, which Airflow stores as JSON.
    :param timeout: after which Airflow gives the wait up.
    """

    trigger: Any
    method_name: str
    kwargs: Mapping[str, Any] | None = None
    timeout: timedelta | None = None
