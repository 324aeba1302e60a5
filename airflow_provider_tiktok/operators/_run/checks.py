"""Checks of the options that no template touches, when a DAG file makes the operator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

ON_EMPTY = ("ok", "skip", "fail")
ON_ADVERTISER_ERROR = ("fail", "fail_at_end", "skip")
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


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that no run could use; templated ones are checked when the task runs.

    :param options: the operator's parameters by name.
    :raises ValueError: names the option.
    """
    for name, allowed in (("on_empty", ON_EMPTY), ("on_advertiser_error", ON_ADVERTISER_ERROR)):
        if options[name] not in allowed:
            raise ValueError(f"`{name}` is {options[name]!r}; it can be {', '.join(allowed)}.")
    for name in (name for name in _SWITCHES if name in options):
        if not (name in _MAY_BE_NONE and options[name] is None):
            check_switch(name, options[name])
    for name in ("max_concurrency", "max_xcom_bytes"):
        check_count(name, options[name])
    for name in ("poll_interval", "wait_timeout"):
        if name not in options:
            continue
        value = options[name]
        number = value.total_seconds() if isinstance(value, timedelta) else value
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < float("inf"):
            raise ValueError(f"`{name}` must be seconds above 0, or a timedelta, not {value!r}.")


def check_switch(name: str, value: object) -> None:
    """Raise :class:`ValueError` unless an option is ``True`` or ``False``."""
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False, not {value!r}.")


def check_count(name: str, value: object) -> None:
    """Raise :class:`ValueError` unless an option is an integer of 1 or more."""
    if type(value) is not int or value < 1:
        raise ValueError(f"`{name}` must be a whole number of 1 or more, not {value!r}.")
