"""What ``data.extra_info`` of a report's answer says about its rows.

TikTok's pages don't describe it. Clients saw two flags, and no two agree on the form of their values.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.reports.params.async_rules import NOT_BY_AUDIENCE

CUT, NO_PEOPLE = "search_ads_throttle", "uv_invalid"
"""Rows are left out; figures about people are missing for a while."""

_RESULTS = ("secondary_goal_result", "cost_per_secondary_goal_result", "secondary_goal_result_rate")
_SKAN_RESULTS = ("skan_result", "skan_cost_per_result", "skan_result_rate")
ABOUT_PEOPLE = NOT_BY_AUDIENCE | {*_RESULTS, *_SKAN_RESULTS}
"""Metrics that count people, or results that are people where the goal is reach."""

_UNSET = frozenset({"", "-", "false", "no", "off", "none", "null", "[]", "{}"})


@dataclass(frozen=True, slots=True)
class ExtraInfo:
    """The flags of one answer.

    :param cut: whether TikTok left rows out.
    :param no_people: whether figures about people are missing.
    :param named: the words in TikTok's value for that, which may be names of metrics.
    :param odd: what this version doesn't know, in words for the log.
    """

    cut: bool = False
    no_people: bool = False
    named: frozenset[str] = frozenset()
    odd: tuple[str, ...] = ()

    def missing(self, metrics: Sequence[str]) -> list[str]:
        """Return the metrics of a call whose figures are missing."""
        if not self.no_people:
            return []
        return [name for name in metrics if name in ABOUT_PEOPLE | self.named]


def read_extra_info(data: Mapping[str, Any]) -> ExtraInfo:
    """Return what an answer's ``data`` says in its ``extra_info``."""
    if "extra_info" not in data:
        return ExtraInfo()
    try:
        flags = list(_flags(data["extra_info"]))
        found = {name for name, value in flags if _is_set(value)}
        words = json.dumps([value for name, value in flags if name == NO_PEOPLE])
    except RecursionError:
        return ExtraInfo(odd=("values in values without end",))
    odd = dict.fromkeys(name for name, _ in flags if name not in {CUT, NO_PEOPLE})
    return ExtraInfo(CUT in found, NO_PEOPLE in found, frozenset(re.findall(r"\w+", words)), tuple(odd))


def _flags(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and values; a value of another shape is a name in itself."""
    if isinstance(value, str) and value.strip()[:1] in {"{", "["}:
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, Mapping):
        yield from ((sanitize(name, 60), one) for name, one in value.items())
    elif isinstance(value, list):
        for one in value:
            yield from _flags(one)
    elif _is_set(value):
        yield sanitize(value, 60), True


def _is_set(value: Any) -> bool:
    """Return whether the value of a flag means yes."""
    if isinstance(value, Mapping):
        return any(map(_is_set, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_is_set, value))
    if isinstance(value, str):
        text = value.strip().lower()
        return text not in _UNSET and text.strip("0.") != ""
    return bool(value)
