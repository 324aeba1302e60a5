"""Rules on which dimensions, metrics and filters can be combined: tables, and the check that reads them.

A finding is either sure, and the report is refused before any call, or in doubt, and the report is sent
with a warning. A finding is sure if TikTok documents it or two independent sources confirm it; if sources
disagree or there is only one, TikTok decides.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.report_types import DAY, HOUR, MAX_DIMENSIONS, REPORT_TYPES, ReportType

log = logging.getLogger(__name__)

ADVISED_METRICS = 100
"""TikTok advises against more metrics in one report; whether it refuses them is not known."""

HIGH = "high"


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
class Finding:
    """Something that TikTok refuses, or may refuse.

    :param parameter: the user's parameter that holds it.
    :param text: what is wrong and what would be right; it follows the parameter's name.
    :param sure: whether TikTok is known to refuse it.
    """

    parameter: str
    text: str
    sure: bool = True


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


def _wants_totals(shape: Shape) -> bool:
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
        "holds a time dimension beside an interest category or device brand, which TikTok doesn't combine. Drop the "
        "time dimension and make one report a day, as the presets `..._audience_interest_daily` do.",
    ),
    DimensionRule(
        ("AUDIENCE",),
        lambda shape: shape.has(HOUR) and not shape.has("bucket_id"),
        f"holds {HOUR}, which audience reports are known to take beside bucket_id only",
        sure=False,
    ),
    DimensionRule(
        ("BASIC",),
        lambda shape: len(shape.of_kind("breakdown")) > 1 and shape.has(*_LONE_BREAKDOWNS),
        "holds country_code or ad_type beside another breakdown; TikTok takes one. Make two reports.",
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
        "holds ad_id_v2 beside image_id or video_material_id, which are known to go with ad_id",
        sure=False,
    ),
    DimensionRule(
        ("BASIC",),
        lambda shape: shape.has("search_keyword") and not set(shape.metrics) <= _KEYWORD_METRICS,
        f"holds more than {', '.join(sorted(_KEYWORD_METRICS))}, which search_keyword is known to go with",
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
        lambda shape: _wants_totals(shape) and not shape.kind.totals,
        "holds enable_total_metrics, which TikTok has for "
        f"{' and '.join(name for name, kind in REPORT_TYPES.items() if kind.totals)} reports only. Leave it out.",
        "request_params",
    ),
    DimensionRule(
        (),
        lambda shape: _wants_totals(shape) and len(set(shape.dimensions) - {DAY}) > 1,
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
        "holds an ID of the campaign tree and a time; TikTok's Smart+ overview has no time. Group by "
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
        "beside the ID of the campaign tree, and no more than one.",
    ),
    DimensionRule(
        ("SMART_PLUS",),
        lambda shape: not shape.of_kind("material") + shape.of_kind("setting") + shape.unknown,
        "must hold one of main_material_id, ad_text_entity_id, call_to_action_entity_id, interactive_add_on_entity_id.",
    ),
)
"""Rules in the order in which they are checked."""


def check(shape: Shape) -> None:
    """Refuse what TikTok certainly refuses, and warn of what it may refuse.

    :raises TikTokInvalidRequestError: at least one finding is sure; the text is that of the first one.
    """
    findings = list(find(shape))
    for finding in findings:
        if not finding.sure:
            log.warning("`%s` %s. It is sent as it is; TikTok decides.", finding.parameter, finding.text)
    for finding in findings:
        if finding.sure:
            raise invalid(finding.parameter, finding.text)


def check_sandbox(shape: Shape) -> None:
    """Refuse what TikTok's sandbox lacks (TikTok's page on the sandbox).

    :raises TikTokInvalidRequestError: the report needs the production environment.
    """
    for broken, parameter, text in (
        (shape.kind.name not in {"BASIC", "AUDIENCE"}, "report_type", f"is {shape.kind.name}"),
        ("AUCTION_ADVERTISER" in shape.levels, "data_level", "is AUCTION_ADVERTISER"),
        (_wants_totals(shape), "request_params", "holds enable_total_metrics"),
    ):
        if broken:
            raise invalid(
                parameter,
                f"{text}, which TikTok's sandbox lacks. Use a connection to the production environment, or another report.",
            )


def find(shape: Shape) -> Iterator[Finding]:
    """Yield every rule that a report breaks."""
    yield from _counts(shape)
    yield from _grouping(shape)
    yield from _dimension_levels(shape)
    for rule in DIMENSION_RULES:
        if (not rule.types or shape.kind.name in rule.types) and rule.broken(shape):
            yield Finding(rule.parameter, rule.text, rule.sure)
    yield from _metrics(shape)


def objections(name: str, shape: Shape) -> Iterator[tuple[str, bool]]:
    """Yield the reasons why a metric of the catalogue doesn't fit into a report, and whether each is sure."""
    metric = catalog.metrics(shape.kind.name).get(name)
    if metric is None:
        return
    certain = metric.confidence == HIGH
    if shape.levels and not shape.levels & metric.levels:
        yield f"exists at {_listed(_in_order(shape.kind.name, metric.levels))} only", certain
        return
    for word in sorted(metric.rules & METRIC_RULES.keys()):
        rule = METRIC_RULES[word]
        if rule.broken(name, shape):
            yield rule.reason, certain and rule.sure
    if metric.section != "attribute" or shape.kind.lists_names:
        # other lists of TikTok's are about figures only, and don't say whether names go with them
        for dimension, allowed in catalog.metrics_by_dimension(shape.kind.name).items():
            if shape.has(dimension) and name not in allowed:
                # with an ID, its entity's names may be available, no matter what else rows are grouped by
                is_name = metric.section == "attribute" and bool(shape.of_kind("id"))
                yield f"doesn't go with the dimension {dimension}", not is_name


def allowed_metrics(shape: Shape) -> tuple[str, ...]:
    """Return the metrics of the catalogue that fit into a report."""
    return tuple(name for name in catalog.metrics(shape.kind.name) if not any(objections(name, shape)))


def _counts(shape: Shape) -> Iterator[Finding]:
    if len(shape.dimensions) > MAX_DIMENSIONS:
        yield Finding("dimensions", f"holds {len(shape.dimensions)} names; TikTok takes {MAX_DIMENSIONS}.")
    for kind, (least, most) in shape.kind.counts.items():
        found = shape.of_kind(kind)
        if least <= len(found) <= most:
            continue
        word = "ID" if kind == "id" else kind
        amount = {(1, 1): "exactly one", (0, 1): "at most one", (1, 2): "one or two"}.get(
            (least, most), f"at most {most}"
        )
        noun = f"{word} dimension{'s' if most > 1 else ''}"
        # a dimension that only TikTok knows may be the one that is missing
        sure = len(found) > most or not shape.unknown
        if least:
            known = [one.name for one in catalog.dimensions(shape.kind.name).values() if one.kind == kind]
            noun = f"{noun} ({', '.join(known)}), and it has {', '.join(found) or 'none'}"
        else:
            noun = f"{noun}: {', '.join(found)}"
        end = "." if sure else f", unless {' or '.join(shape.unknown)} is one"
        yield Finding("dimensions", f"must have {amount} {noun}{end}", sure)


def _grouping(shape: Shape) -> Iterator[Finding]:
    kind, wanted = shape.kind, frozenset(shape.dimensions)
    documented = kind.groupings or kind.unproven
    if not documented or wanted in documented:
        return
    if kind.groupings and wanted <= catalog.dimensions(kind.name).keys() and wanted not in kind.unproven:
        yield Finding(
            "dimensions",
            f"is a grouping that {kind.name} reports don't have. They have: {_groupings(kind)}.",
        )
    else:
        yield Finding(
            "dimensions",
            f"is a grouping that TikTok's documents don't have for {kind.name} reports",
            sure=False,
        )


def _groupings(kind: ReportType) -> str:
    """List the groupings of a type, short ones first, in the catalogue's order of names."""
    order = list(catalog.dimensions(kind.name))
    listed = sorted(sorted(map(order.index, grouping)) for grouping in kind.groupings)
    return "; ".join(", ".join(order[index] for index in one) for one in sorted(listed, key=len))


def _dimension_levels(shape: Shape) -> Iterator[Finding]:
    known = catalog.dimensions(shape.kind.name)
    for name in shape.dimensions:
        dimension = known.get(name)
        if dimension is None or not shape.levels or not dimension.levels or shape.levels & dimension.levels:
            continue
        if dimension.kind == "id" or not shape.kind.has_level:
            continue  # the ID dimension decides the level, and is checked with it
        levels = _listed(_in_order(shape.kind.name, dimension.levels))
        yield Finding(
            "dimensions",
            f"holds {name}, which exists at {levels} only{'.' if dimension.confidence == HIGH else ''}",
            dimension.confidence == HIGH,
        )


def _metrics(shape: Shape) -> Iterator[Finding]:
    if len(shape.metrics) > ADVISED_METRICS:
        yield Finding(
            "metrics",
            f"holds {len(shape.metrics)} names, and TikTok advises {ADVISED_METRICS} at most",
            sure=False,
        )
    sure: list[str] = []
    doubts: list[str] = []
    for name in shape.metrics:
        for reason, certain in objections(name, shape):
            (sure if certain else doubts).append(f"{name}, which {reason}")
    if sure:
        advice = "Drop it" if len(sure) == 1 else "Drop them"
        yield Finding("metrics", f"holds {'; '.join(sure)}. {advice}, or choose other `dimensions`.")
    if doubts:
        yield Finding("metrics", f"holds {'; '.join(doubts)}", sure=False)


def _in_order(report_type: str, levels: Iterable[str]) -> list[str]:
    return [level for level in catalog.LEVELS_OF[report_type] if level in levels]


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "no level"
