"""The catalogue of metrics and dimensions: their names, types and levels.

The facts are data, in CSV files next to this module, up to three files for each report type: a metric or
dimension that TikTok adds is one more line there. The files are read on first use and cached; nothing
is read on import.

``<report type>_metrics.csv``
    ``name``, ``type`` (what TikTok's text holds: ``integer``, ``currency`` in major units,
    ``percent`` 0-100, ``ratio``, ``seconds``, ``string``, ``id_string``, ``boolean_string``,
    ``datetime``, ``string_array``), ``levels`` (``all`` or a ``|`` list), ``section``, ``additive``
    (whether values of several days or entities may be summed), ``rules`` (see
    :mod:`~airflow_provider_tiktok.reports.params.rules`), ``confidence`` that the name exists, and a
    ``note`` on what is easily misunderstood.
``<report type>_dimensions.csv``
    ``name``, ``kind`` (``id``, ``time``, ``breakdown``, ``audience``, ``material``, ``setting``),
    ``type``, ``levels``, ``confidence``, ``note``.
``<report type>_metrics_by_dimension.csv``
    the metrics that TikTok has for a dimension that doesn't go with all of them; absent if no
    dimension restricts them.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

LEVELS: tuple[str, ...] = (
    "AUCTION_ADVERTISER",
    "AUCTION_CAMPAIGN",
    "AUCTION_ADGROUP",
    "AUCTION_AD",
)
"""TikTok's data levels, from the account down."""

LEVELS_OF: Mapping[str, tuple[str, ...]] = {
    "BASIC": LEVELS,
    "AUDIENCE": LEVELS,
    "CATALOG": LEVELS,
    "TT_SHOP": LEVELS[:2],
    "BC": (),
    "PLAYABLE_MATERIAL": (),
    "GMV_MAX": (
        *("ADVERTISER", "PRODUCT_CAMPAIGN", "LIVE_CAMPAIGN", "PRODUCT", "CREATIVE", "LIVESTREAM"),
        *("DURATION_PRODUCT", "DURATION_LIVE"),
    ),
    "SMART_PLUS": ("OVERVIEW", "BREAKDOWN"),
}
"""The levels of each report type. A GMV Max request names no level: its levels are the kinds of
grouping that TikTok documents. Smart+ has its two endpoints."""

_DATA = Path(__file__).parent

REAL_TIME_LATENCY = timedelta(minutes=30)
"""How long after an event TikTok shows most figures (TikTok's page on data latency)."""

_SLOW = timedelta(hours=16)
_SLOW_TYPES = ("AUDIENCE", "PLAYABLE_MATERIAL", "CATALOG")
_QUICK_DIMENSIONS = frozenset({"country_code", "placement"})  # as quick in slow types as in the others

_LATENCY_BY_NAME = (
    dict.fromkeys(
        (
            # figures about people, and the parts of an account's spend
            *("reach", "cost_per_1000_reached", "frequency", "cash_spend", "voucher_spend"),
            # breakdowns
            *("ad_type", "custom_event_type", "event_source_id", "page_id", "component_name"),
            *("post_id", "search_terms"),
            # these are as late as reach if the goal is reach
            *("result", "result_rate", "cost_per_result"),
            *("real_time_result", "real_time_result_rate", "real_time_cost_per_result"),
            *("secondary_goal_result", "secondary_goal_result_rate", "cost_per_secondary_goal_result"),
            *("skan_result", "skan_result_rate", "skan_cost_per_result"),
        ),
        _SLOW,
    )
    | {"billed_cost": timedelta(hours=11), "net_cost": timedelta(hours=11), "tax_spend": timedelta(hours=48)}
    | dict.fromkeys(("behavior_id", "purchase_intention"), timedelta(hours=24))
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a report type."""

    name: str
    type: str
    levels: frozenset[str]
    section: str
    additive: bool
    rules: frozenset[str]
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension of a report type."""

    name: str
    kind: str
    type: str
    levels: frozenset[str]
    confidence: str
    note: str


def metrics(report_type: str = "BASIC") -> Mapping[str, Metric]:
    """Return the metrics of a report type by name."""
    return _metrics(report_type)


def dimensions(report_type: str = "BASIC") -> Mapping[str, Dimension]:
    """Return the dimensions of a report type by name."""
    return _dimensions(report_type)


def metrics_by_dimension(report_type: str = "BASIC") -> Mapping[str, frozenset[str]]:
    """Return, by dimension, the only metrics that go with it, if it restricts them."""
    return _metrics_by_dimension(report_type)


@functools.cache
def _metrics(report_type: str) -> Mapping[str, Metric]:
    return {
        row["name"]: Metric(
            name=row["name"],
            type=row["type"],
            levels=_levels(report_type, row["levels"]),
            section=row["section"],
            additive=row["additive"] == "yes",
            rules=frozenset(filter(None, row["rules"].split("|"))),
            confidence=row["confidence"],
            note=row["note"],
        )
        for row in _read(report_type, "metrics")
    }


@functools.cache
def _dimensions(report_type: str) -> Mapping[str, Dimension]:
    return {
        row["name"]: Dimension(
            name=row["name"],
            kind=row["kind"],
            type=row["type"],
            levels=_levels(report_type, row["levels"]),
            confidence=row["confidence"],
            note=row["note"],
        )
        for row in _read(report_type, "dimensions")
    }


@functools.cache
def _metrics_by_dimension(report_type: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in _read(report_type, "metrics_by_dimension"):
        found.setdefault(row["dimension"], set()).add(row["metric"])
    return {dimension: frozenset(names) for dimension, names in found.items()}


def latency(names: tuple[str, ...], report_type: str = "BASIC") -> timedelta:
    """Return how long after a day's end TikTok still completes a report of these names.

    :param names: dimensions and metrics of the report.
    :param report_type: the report type.
    :return: the longest documented latency among them.
    """
    general = REAL_TIME_LATENCY
    if report_type in _SLOW_TYPES and not _QUICK_DIMENSIONS.intersection(names):
        general = _SLOW
    return max((_LATENCY_BY_NAME.get(name, general) for name in names), default=general)


@functools.cache
def _levels(report_type: str, text: str) -> frozenset[str]:
    levels = LEVELS_OF[report_type]
    if text == "all":
        return frozenset(levels)
    by_short_name = {level.removeprefix("AUCTION_").lower(): level for level in levels}
    return frozenset(by_short_name[name] for name in text.split("|"))


def _read(report_type: str, what: str) -> Iterator[dict[str, str]]:
    path = _DATA / f"{report_type.lower()}_{what}.csv"
    if not path.exists() and report_type in LEVELS_OF:
        return
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
