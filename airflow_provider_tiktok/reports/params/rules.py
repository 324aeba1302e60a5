"""Rules on which dimensions, metrics and filters can be combined, as tables.

:mod:`~airflow_provider_tiktok.reports.params.checks` checks a report against them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.report_types import DAY, HOUR, REPORT_TYPES, ReportType


@dataclass(frozen=True, slots=True)
class Shape:
    """The parts of a report that rules are about.

    :param kind: the report type.
    :param levels: the data level, or its equivalent in this type; empty if it is unknown.
    :param dimensions: what rows are grouped by.
    :param metrics: what rows hold.
    :param filter_fields: names of the filters.
    :param lifetime: whether the report covers the entities' lifetime.
    :param extra: TikTok's other parameters.
    """

    kind: ReportType
    levels: frozenset[str]
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    filter_fields: frozenset[str] = frozenset()
    lifetime: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        """Return whether the report has one of these dimensions."""
        return any(name in self.dimensions for name in names)

    @property
    def unknown(self) -> list[str]:
        """Its dimensions that the catalogue doesn't have; TikTok may have them, and they may be of any kind."""
        known = catalog.dimensions(self.kind.name)
        return [name for name in self.dimensions if name not in known]

    def of_kind(self, kind: str) -> list[str]:
        """Return its dimensions of a kind."""
        known = catalog.dimensions(self.kind.name)
        return [name for name in self.dimensions if name in known and known[name].kind == kind]


@dataclass(frozen=True, slots=True)
class MetricRule:
    """A rule that metrics carry in the catalogue.

    :param broken: returns whether the report breaks it for a metric.
    :param reason: completes "<metric> ...".
    :param sure: whether a violation is sure if the metric itself is.
    """

    broken: Callable[[str, Shape], bool]
    reason: str
    sure: bool = True


METRIC_RULES: Mapping[str, MetricRule] = {
    "needs_id": MetricRule(lambda _, shape: not shape.of_kind("id"), "needs an ID dimension"),
    "wants_id": MetricRule(
        lambda _, shape: not shape.of_kind("id"), "isn't known to go without an ID dimension", sure=False
    ),
    "no_hour": MetricRule(lambda _, shape: shape.has(HOUR), f"doesn't go with {HOUR}"),
    "no_lifetime": MetricRule(lambda _, shape: shape.lifetime, "doesn't go with `query_lifetime`"),
    "advertiser_daily": MetricRule(
        lambda _, shape: shape.lifetime or not set(shape.dimensions) <= {"advertiser_id", DAY},
        f"exists for advertiser_id, by {DAY}, only",
    ),
    "id_or_id_day": MetricRule(
        lambda _, shape: len(shape.dimensions) - shape.has(DAY) > len(shape.of_kind("id")),
        f"goes with one ID dimension, alone or with {DAY}, only",
    ),
    "ad_id_v2_only": MetricRule(
        lambda _, shape: not shape.has("ad_id_v2"), "goes with the dimension ad_id_v2 only"
    ),
    "image_id_only": MetricRule(
        lambda _, shape: not shape.has("image_id"), "goes with the dimension image_id only"
    ),
    "bucket_id_only": MetricRule(
        lambda _, shape: not shape.has("bucket_id"),
        "is known to go with the dimension bucket_id only",
        sure=False,
    ),
    "one_ad_id_family": MetricRule(
        # the reverse names the ad that a creative belongs to
        lambda name, shape: name == "ad_id" and shape.has("ad_id_v2"),
        "doesn't go with the dimension ad_id_v2",
    ),
}
"""Rules by the word in the catalogue's ``rules``. Words that aren't here restrict nothing that a report of
one account can have (``sync_only``, ``always_sent``), or are about types (``text_beside_...``)."""


@dataclass(frozen=True, slots=True)
class DimensionRule:
    """A rule about a report's dimensions.

    :param types: the report types it holds for; empty for all.
    :param broken: returns whether a report breaks it.
    :param parameter: the parameter to name.
    :param text: what is wrong and what would be right.
    """

    types: tuple[str, ...]
    broken: Callable[[Shape], bool]
    text: str
    parameter: str = "dimensions"
    sure: bool = True


_TIMELESS = (
    *("interest_category", "interest_category_tier2", "interest_category_tier3", "interest_category_tier4"),
    "device_brand_id",
)
_PAIRS = ({"page_id", "component_name"}, {"search_keyword", "match_type"})
_KEYWORD_METRICS = frozenset({"spend", "cpc", "cpm", "impressions", "clicks", "ctr"})
_GMV_MAX_FILTERS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    # groupings with one of the first and none of the second are documented with this filter
    (("item_group_id", "item_id", "room_id", "duration"), (), "campaign_ids"),
    (("item_id", "duration"), ("room_id",), "item_group_ids"),
)
_LONE_BREAKDOWNS = ("country_code", "ad_type")


def _lifetime_with(dimension: str, shape: Shape) -> bool:
    return shape.lifetime and shape.has(dimension)


def _lacks_filter(one_of: tuple[str, ...], none_of: tuple[str, ...], name: str, shape: Shape) -> bool:
    return shape.has(*one_of) and not shape.has(*none_of) and name not in shape.filter_fields


def wants_totals(shape: Shape) -> bool:
    """Return whether the user asks TikTok for totals."""
    return str(shape.extra.get("enable_total_metrics", "")).lower() == "true"


DIMENSION_RULES: tuple[DimensionRule, ...] = (
    DimensionRule(
        (),
        lambda shape: shape.lifetime and not shape.kind.lifetime,
        "can't be used with this `report_type`: TikTok has lifetimes of "
        f"{', '.join(name for name, kind in REPORT_TYPES.items() if kind.lifetime)} only. Give dates instead.",
        "query_lifetime",
    ),
    *(
        DimensionRule(
            (),
            partial(_lifetime_with, name),
            f"can't go with the dimension {name}. Drop one of the two.",
            "query_lifetime",
        )
        for name in (DAY, HOUR, "stat_time_week", "stat_time_month", "country_code")
    ),
    DimensionRule(
        (),
        lambda shape: shape.has("country_code") and shape.has(HOUR),
        f"holds country_code and {HOUR}, which TikTok doesn't combine. Use {DAY}.",
    ),
    DimensionRule(
        ("AUDIENCE",),
        lambda shape: (
            len(shape.of_kind("audience")) > 1 and set(shape.of_kind("audience")) != {"age", "gender"}
        ),
        "holds two audience dimensions; TikTok combines age and gender only. Make two reports.",
    ),
    DimensionRule(
        ("AUDIENCE",),
        lambda shape: shape.has(*_TIMELESS) and bool(shape.of_kind("time")),
        "can't have a time with an interest category or device brand, for TikTok doesn't combine them. Drop the time "
        "dimension and make one report a day, as the presets `..._audience_interest_daily` do.",
    ),
    DimensionRule(
        ("AUDIENCE",),
        lambda shape: shape.has(HOUR) and not shape.has("bucket_id"),
        f"holds {HOUR}, which audience reports are known to take with bucket_id only",
        sure=False,
    ),
    DimensionRule(
        ("BASIC",),
        lambda shape: len(shape.of_kind("breakdown")) > 1 and shape.has(*_LONE_BREAKDOWNS),
        "holds country_code or ad_type with another breakdown; TikTok takes one. Make two reports.",
    ),
    DimensionRule(
        ("BASIC",),
        lambda shape: (
            len(shape.of_kind("breakdown")) > 1
            and set(shape.of_kind("breakdown")) not in _PAIRS
            and not shape.has(*_LONE_BREAKDOWNS)
        ),
        "holds several breakdowns, which TikTok isn't known to combine",
        sure=False,
    ),
    DimensionRule(
        ("BASIC",),
        lambda shape: shape.has("ad_id_v2") and shape.has("image_id", "video_material_id"),
        "holds image_id or video_material_id with ad_id_v2, and they are known to go with ad_id",
        sure=False,
    ),
    DimensionRule(
        ("BASIC",),
        lambda shape: shape.has("search_keyword") and not set(shape.metrics) <= _KEYWORD_METRICS,
        f"holds more than search_keyword is known to go with: {', '.join(sorted(_KEYWORD_METRICS))}",
        "metrics",
        sure=False,
    ),
    DimensionRule(
        ("BASIC",),
        lambda shape: shape.has("match_type") and not shape.has("search_keyword"),
        "holds match_type, which is known to go with search_keyword only",
        sure=False,
    ),
    DimensionRule(
        ("BASIC", "AUDIENCE", "CATALOG"),
        lambda shape: "ad_ids_v2" in shape.filter_fields and not shape.has("ad_id_v2"),
        "holds ad_ids_v2, which goes with the dimension ad_id_v2 only. Filter by ad_ids, or group by ad_id_v2.",
        "filters",
    ),
    DimensionRule(
        ("BASIC", "AUDIENCE", "CATALOG"),
        lambda shape: "ad_ids" in shape.filter_fields and shape.has("ad_id_v2"),
        "holds ad_ids, which doesn't go with the dimension ad_id_v2. Filter by ad_ids_v2.",
        "filters",
    ),
    DimensionRule(
        (),
        lambda shape: wants_totals(shape) and not shape.kind.totals,
        "holds enable_total_metrics, which TikTok has for "
        f"{' and '.join(name for name, kind in REPORT_TYPES.items() if kind.totals)} reports only. Leave it out.",
        "request_params",
    ),
    DimensionRule(
        (),
        lambda shape: wants_totals(shape) and len(set(shape.dimensions) - {DAY}) > 1,
        f"holds enable_total_metrics, which goes with one ID dimension, alone or with {DAY}. Leave it out, or drop "
        "the other dimensions.",
        "request_params",
    ),
    DimensionRule(
        ("GMV_MAX",),
        lambda shape: (
            set(shape.dimensions) - {DAY, HOUR} == {"campaign_id"}
            and "gmv_max_promotion_types" not in shape.filter_fields
        ),
        'lacks gmv_max_promotion_types ["PRODUCT"] or ["LIVE"], which TikTok documents as required by campaign',
        "filters",
        sure=False,
    ),
    *(
        DimensionRule(
            ("GMV_MAX",),
            partial(_lacks_filter, one_of, none_of, name),
            f"lacks {name}, which TikTok documents as required for this grouping",
            "filters",
            sure=False,
        )
        for one_of, none_of, name in _GMV_MAX_FILTERS
    ),
    DimensionRule(
        ("BC",),
        lambda shape: shape.has("country_code") and shape.has("placement"),
        "holds country_code and placement, which TikTok isn't known to combine",
        sure=False,
    ),
    DimensionRule(
        ("SMART_PLUS",),
        lambda shape: shape.lifetime and not shape.of_kind("id"),
        "goes with an ID of the campaign tree among the dimensions only: TikTok's Smart+ breakdown has no lifetime. "
        "Give dates instead.",
        "query_lifetime",
    ),
    DimensionRule(
        ("SMART_PLUS",),
        lambda shape: bool(shape.of_kind("id") and shape.of_kind("time")),
        "can't have a time with an ID of the campaign tree, for TikTok's Smart+ overview has none. Group by "
        "main_material_id and the time alone, and filter by campaign_ids.",
    ),
    DimensionRule(
        ("SMART_PLUS",),
        lambda shape: (
            bool(shape.of_kind("id"))
            and (found := len(shape.of_kind("material") + shape.of_kind("setting"))) != 1
            and (found > 1 or not shape.unknown)
        ),
        "must hold one of main_material_id, ad_text_entity_id, call_to_action_entity_id, interactive_add_on_entity_id "
        "with the ID of the campaign tree, and no more than one.",
    ),
    DimensionRule(
        ("SMART_PLUS",),
        lambda shape: not shape.of_kind("material") + shape.of_kind("setting") + shape.unknown,
        "must hold one of main_material_id, ad_text_entity_id, call_to_action_entity_id, interactive_add_on_entity_id.",
    ),
)
"""Rules in the order in which they are checked."""
