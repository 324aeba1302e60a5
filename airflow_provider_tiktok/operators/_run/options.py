"""The options of an operator that no template touches, judged when a DAG file makes the operator."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_tiktok.operators.report import TikTokReportOperator

_ON_EMPTY = ("ok", "skip", "fail")
_ON_ADVERTISER_ERROR = ("fail", "fail_at_end", "skip")
_SWITCHES = (
    "query_lifetime",
    "include_deleted",
    "with_parents",
    "check_fields",
    "drop_invalid_metrics",
    "reconcile",
    "restatement",
    "fail_fast",
    "deferrable",
    "durable",
    "cancel_on_kill",
    "asset_partitions",
)
_MAY_BE_NONE = ("query_lifetime", "asset_partitions")


def check_options(task: TikTokReportOperator) -> None:
    """Refuse what no run could use, while the DAG is parsed; what is templated is judged when the task runs.

    :param task: the operator.
    :raises ValueError: names the option.
    """
    for name, allowed in (("on_empty", _ON_EMPTY), ("on_advertiser_error", _ON_ADVERTISER_ERROR)):
        if getattr(task, name) not in allowed:
            raise ValueError(f"`{name}` is {getattr(task, name)!r}; it can be {', '.join(allowed)}.")
    for name in _SWITCHES:
        if not isinstance(getattr(task, name), bool) and not (
            name in _MAY_BE_NONE and getattr(task, name) is None
        ):
            raise ValueError(f"`{name}` must be True or False, not {getattr(task, name)!r}.")
    for name in ("max_concurrency", "max_xcom_bytes"):
        if type(getattr(task, name)) is not int or getattr(task, name) < 1:
            raise ValueError(f"`{name}` must be a whole number of 1 or more, not {getattr(task, name)!r}.")
    for name in ("poll_interval", "wait_timeout"):
        value = getattr(task, name)
        number = value.total_seconds() if isinstance(value, timedelta) else value
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < float("inf"):
            raise ValueError(f"`{name}` must be seconds above 0, or a timedelta, not {value!r}.")
