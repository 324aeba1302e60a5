"""The parameters of GMV Max reports, as TikTok documents them.

The dimensions determine the available metrics and filters: :data:`GROUPINGS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from marshmallow.fields import Field

from airflow_provider_tiktok.emulator.errors import missing, parameter_error
from airflow_provider_tiktok.emulator.schemas import base, checks, fields
from airflow_provider_tiktok.emulator.world.conditions import MAX_IDS, STATUSES, Condition, ObjectFilter
from airflow_provider_tiktok.emulator.world.entities import DELETED, Ad
from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.emulator.world.shop import (
    DELIVERY_STATUSES,
    LIVE,
    PRODUCT,
    delivery_status,
    is_live,
)
from airflow_provider_tiktok.emulator.world.table import is_attribute

DAY, HOUR = "stat_time_day", "stat_time_hour"
_ANY_TIME_DIMENSION = (None, DAY, HOUR)
_NO_TIME_DIMENSION = (None,)


@dataclass(frozen=True, slots=True)
class Level:
    """The level of a grouping, with its filters.

    :param campaigns: the kind of its campaigns, if there is only one.
    :param required: the filters without which TikTok refuses a call.
    :param optional: the other accepted filters.
    """

    name: str
    campaigns: str | None
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_CAMPAIGN_FILTERS = ("campaign_ids", "campaign_name", "campaign_statuses")
_CREATIVE_FILTERS = ("creative_types", "creative_delivery_statuses", "search_word")
ADVERTISER = Level("ADVERTISER", None, (), ("gmv_max_promotion_types",))
PRODUCT_CAMPAIGN = Level("PRODUCT_CAMPAIGN", PRODUCT, ("gmv_max_promotion_types",), _CAMPAIGN_FILTERS)
LIVE_CAMPAIGN = Level("LIVE_CAMPAIGN", LIVE, ("gmv_max_promotion_types",), _CAMPAIGN_FILTERS)
PRODUCT_LEVEL = Level("PRODUCT", PRODUCT, ("campaign_ids",))
CREATIVE = Level("CREATIVE", PRODUCT, ("campaign_ids", "item_group_ids"), _CREATIVE_FILTERS)
LIVESTREAM = Level("LIVESTREAM", LIVE, ("campaign_ids",))
DURATION_PRODUCT = Level("DURATION_PRODUCT", PRODUCT, ("campaign_ids", "item_group_ids"))
DURATION_LIVE = Level("DURATION_LIVE", LIVE, ("campaign_ids", "room_ids"))

GROUPINGS: Mapping[frozenset[str], tuple[Level, tuple[str | None, ...]]] = {
    frozenset(names.split()): (level, times)
    for names, level, times in (
        ("advertiser_id", ADVERTISER, _ANY_TIME_DIMENSION),
        ("campaign_id", PRODUCT_CAMPAIGN, _ANY_TIME_DIMENSION),
        ("item_group_id", PRODUCT_LEVEL, _ANY_TIME_DIMENSION),
        ("campaign_id item_group_id", PRODUCT_LEVEL, _ANY_TIME_DIMENSION),
        ("campaign_id item_group_id item_id", CREATIVE, (None, DAY)),
        ("item_id", CREATIVE, (None, DAY)),
        ("room_id", LIVESTREAM, _ANY_TIME_DIMENSION),
        ("campaign_id room_id", LIVESTREAM, _ANY_TIME_DIMENSION),
        ("duration", DURATION_PRODUCT, _NO_TIME_DIMENSION),
        ("campaign_id duration", DURATION_PRODUCT, _NO_TIME_DIMENSION),
        ("item_group_id duration", DURATION_PRODUCT, _NO_TIME_DIMENSION),
        ("campaign_id item_group_id duration", DURATION_PRODUCT, _NO_TIME_DIMENSION),
        ("room_id duration", DURATION_LIVE, _NO_TIME_DIMENSION),
        ("campaign_id room_id duration", DURATION_LIVE, _NO_TIME_DIMENSION),
    )
}
"""The combinations of ID dimensions, each with its level and its time dimensions."""

_NOT_SORTABLE = frozenset(
    {"all_shops_cost_per_order", "all_shops_orders", "all_shops_gross_revenue", "all_shops_roi"}
)
_LIKE_FIGURES = frozenset({"product_status", "creative_delivery_status", "currency"})
"""The attributes that are available like figures."""

_ID_FILTERS = ("campaign_ids", "item_group_ids", "room_ids")


def campaigns_of(ad: Ad) -> str:
    """Return the kind of a creative's campaign."""
    return LIVE if is_live(ad) else PRODUCT


def _group_id(ad: Ad) -> str:
    return ad.group.id


def _campaign_status(ad: Ad) -> str:
    return ad.group.campaign.status


_IDS, _TEXT = fields.values(MAX_IDS), fields.string()
_STATUSES = tuple(one for one in STATUSES if one != "STATUS_NOT_DELETE")
_FILTERS: Mapping[str, tuple[Field[Any], Callable[[Ad], str]]] = {
    "gmv_max_promotion_types": (fields.values(MAX_IDS, (PRODUCT, LIVE)), campaigns_of),
    "campaign_ids": (_IDS, lambda ad: ad.group.campaign.id),
    "campaign_name": (_TEXT, lambda ad: ad.group.campaign.name),
    "campaign_statuses": (fields.values(MAX_IDS, _STATUSES), _campaign_status),
    "item_group_ids": (_IDS, _group_id),
    "creative_types": (
        fields.values(1, ("ADS_AND_ORGANIC", "ORGANIC", "REMOVED")),
        lambda ad: "ADS_AND_ORGANIC",
    ),
    "creative_delivery_statuses": (fields.values(MAX_IDS, DELIVERY_STATUSES), delivery_status),
    "search_word": (_TEXT, lambda ad: f"{ad.name} {ad.id}"),
    "room_ids": (_IDS, _group_id),
}
"""The keys of the ``filtering`` object, each with its type and an ad's value."""

_NOT_DELETED = ObjectFilter(
    "campaign_statuses",
    tuple(one for one in STATUSES if one not in (DELETED, "STATUS_ALL")),
    _campaign_status,
)
"""TikTok's default filter at levels with a status filter."""


def _level(call: base.CallValues) -> Level:
    """Return the level of a grouping, or raise ApiError if the filters are not those of the level."""
    dimensions, given = call["dimensions"], call["given"]
    times = [name for name in dimensions if name.startswith("stat_time_")]
    found = GROUPINGS.get(frozenset(dimensions) - {*times})
    if found is None or len(times) > 1 or (times[0] if times else None) not in found[1]:
        raise checks.wrong_dimensions(f"the grouping {list(dimensions)} is not supported")
    level = found[0]
    if level is PRODUCT_CAMPAIGN and given.get("gmv_max_promotion_types") == (LIVE,):
        level = LIVE_CAMPAIGN
    if level is DURATION_PRODUCT and "room_ids" in given and "item_group_id" not in dimensions:
        level = DURATION_LIVE
    absent = [f"filtering.{name}" for name in level.required if name not in given]
    if absent:
        raise missing(*absent)
    for name in given:
        if name not in (*level.required, *level.optional):
            raise parameter_error(f"filtering: {name} is not supported with the grouping {list(dimensions)}")
    if level in (PRODUCT_CAMPAIGN, LIVE_CAMPAIGN) and len(given["gmv_max_promotion_types"]) != 1:
        raise parameter_error("filtering: gmv_max_promotion_types: Length must be 1.")
    if "creative_types" in given:
        _check_creative_filters(len(dimensions) - len(times), given)
    return level


def _check_creative_filters(id_dimensions: int, given: Mapping[str, Any]) -> None:
    if "creative_delivery_statuses" in given:
        raise parameter_error(
            "filtering: creative_types and creative_delivery_statuses cannot be used together"
        )
    if id_dimensions > 1 or _names_several(given):
        raise parameter_error(
            "filtering: creative_types is not supported with several IDs or several ID dimensions"
        )


def _names_several(given: Mapping[str, Any]) -> bool:
    return any(len(given.get(name, ())) > 1 for name in _ID_FILTERS)


def _conditions(call: base.CallValues) -> tuple[Condition, ...]:
    """Return the filters of a call, and those of its level."""
    given, level = call["given"], call["grouping"]
    found = []
    for name, value in given.items():
        is_text, read = isinstance(value, str), _FILTERS[name][1]
        found.append(ObjectFilter(name, (value,) if is_text else value, read, fuzzy=is_text))
    if level.campaigns is not None and "gmv_max_promotion_types" not in given:
        found.append(ObjectFilter("gmv_max_promotion_types", (level.campaigns,), campaigns_of))
    if level in (PRODUCT_CAMPAIGN, LIVE_CAMPAIGN) and "campaign_statuses" not in given:
        found.append(_NOT_DELETED)
    return tuple(found)


def _check_attributes(query: Query) -> None:
    """Raise ApiError if TikTok does not have the requested names and settings here."""
    if query.level in (ADVERTISER.name, PRODUCT_CAMPAIGN.name, LIVE_CAMPAIGN.name):
        return
    if len(query.id_dimensions) == 1 and not _names_several({one.field: one.values for one in query.filters}):
        return
    if any(is_attribute(name, GmvMax.kind) and name not in _LIKE_FIGURES for name in query.metrics):
        raise checks.conflict()


def _is_not_sortable(name: str, query: Query) -> bool:
    return checks.is_unknown(name, query) or name in _NOT_SORTABLE


class GmvMax(base.ReportSchema):
    """GMV Max reports."""

    kind = "GMV_MAX"
    rules = (
        checks.dates,
        checks.metrics,
        _check_attributes,
        partial(checks.order, is_invalid=_is_not_sortable, parameter="sort_field"),
    )

    needed = base.required("advertiser_id", "store_ids", "dimensions", "metrics", "start_date", "end_date")
    store_ids = fields.identifiers(1)
    dimensions = base.dimensions()
    given = base.early("filtering", fields.known({name: field for name, (field, _) in _FILTERS.items()}))
    grouping = base.Step(_level)
    dates = base.dates()
    page, page_size = base.paging()
    advertiser_id = fields.identifier()
    metrics = fields.strings()
    filtering = base.Step(_conditions)
    order_field, order_type = base.ordering("sort")
    enable_total_metrics = fields.flag()

    def parts(self, call: base.CallValues) -> dict[str, Any]:
        """Return the level and the shop; the most detailed grouping omits creatives without spend."""
        level = call["grouping"]
        detailed = level is CREATIVE and len(call["dimensions"]) == len(
            ("campaign", "product", "creative", "day")
        )
        return {"level": level.name, "store": call["store_ids"][0], "spent_only": detailed}
