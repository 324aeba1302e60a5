"""The parameters of GMV Max reports, checked as TikTok documents them.

The dimensions determine the available metrics and filters: :data:`GROUPINGS`. A second version of the
endpoint (v2.0) is known from its answers only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_tiktok.emulator.errors import ApiError, missing, not_acceptable, parameter_error
from airflow_provider_tiktok.emulator.schemas.checks import (
    check_dates,
    check_dimension_names,
    check_metrics,
    conflict,
    is_unknown,
    read_dates,
    read_page,
    time_dimension,
    unique,
    wrong_dimensions,
)
from airflow_provider_tiktok.emulator.schemas.filters import parse_filters
from airflow_provider_tiktok.emulator.schemas.params import Params
from airflow_provider_tiktok.emulator.world.conditions import (
    MAX_IDS,
    STATUSES,
    Condition,
    Field,
    ObjectFilter,
)
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

GMV_MAX = "GMV_MAX"
DAY, HOUR = "stat_time_day", "stat_time_hour"
_ANY_TIME_DIMENSION = (None, DAY, HOUR)
_NO_TIME_DIMENSION = (None,)


@dataclass(frozen=True, slots=True)
class Level:
    """The level of a grouping, with its filters.

    :param kind: the kind of its campaigns, if there is only one.
    :param required: the filters without which TikTok refuses a call.
    :param optional: the other accepted filters.
    """

    name: str
    kind: str | None
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
_ANY_TIME = frozenset({"product_status", "creative_delivery_status"})
"""The attributes that are available like figures."""


def _kind(ad: Ad) -> str:
    return LIVE if is_live(ad) else PRODUCT


def _group_id(ad: Ad) -> str:
    return ad.group.id


def _campaign_status(ad: Ad) -> str:
    return ad.group.campaign.status


@dataclass(frozen=True, slots=True)
class _Option:
    """One key of the ``filtering`` object."""

    read: Callable[[Ad], str]
    values: tuple[str, ...] = ()
    is_id: bool = False
    is_text: bool = False


_OPTIONS: Mapping[str, _Option] = {
    "gmv_max_promotion_types": _Option(_kind, (PRODUCT, LIVE)),
    "campaign_ids": _Option(lambda ad: ad.group.campaign.id, is_id=True),
    "campaign_name": _Option(lambda ad: ad.group.campaign.name, is_text=True),
    "campaign_statuses": _Option(
        _campaign_status, tuple(one for one in STATUSES if one != "STATUS_NOT_DELETE")
    ),
    "item_group_ids": _Option(_group_id, is_id=True),
    "creative_types": _Option(lambda ad: "ADS_AND_ORGANIC", ("ADS_AND_ORGANIC", "ORGANIC", "REMOVED")),
    "creative_delivery_statuses": _Option(delivery_status, DELIVERY_STATUSES),
    "search_word": _Option(lambda ad: f"{ad.name} {ad.id}", is_text=True),
    "room_ids": _Option(_group_id, is_id=True),
}
_NOT_DELETED = ObjectFilter(
    "campaign_statuses",
    tuple(one for one in STATUSES if one not in (DELETED, "STATUS_ALL")),
    _campaign_status,
)
"""TikTok's default filter at levels with a status filter."""


def parse_gmv_max(params: Params) -> Query:
    """Return a GMV Max report, validated.

    :raises ApiError: with TikTok's message.
    """
    params.require("advertiser_id", "store_ids", "dimensions", "metrics", "start_date", "end_date")
    store = (params.identifiers("store_ids", 1) or ("",))[0]
    dimensions = params.strings("dimensions") or ()
    check_dimension_names(dimensions, GMV_MAX)
    given = _read_filtering(params)
    level = _level(dimensions, given)
    start, end = read_dates(params)
    page, page_size = read_page(params)
    query = Query(
        advertiser_ids=(params.identifier("advertiser_id") or "",),
        level=level.name,
        dimensions=dimensions,
        metrics=unique(params.strings("metrics") or ()),
        report_type=GMV_MAX,
        id_dimensions=_ids(dimensions),
        time_dimension=time_dimension(dimensions),
        start=start,
        end=end,
        filters=_conditions(level, given),
        order_field=params.string("sort_field"),
        descending=params.choice("sort_type", ("ASC", "DESC"), "DESC") == "DESC",
        page=page,
        page_size=page_size,
        totals=params.boolean("enable_total_metrics"),
        store=store,
        spent_only=level is CREATIVE and len(dimensions) == len(("campaign", "product", "creative", "day")),
    )
    check_dates(query)
    check_metrics(query, is_unknown)
    _check_attributes(query, level, given)
    name = query.order_field
    if name is not None and (is_unknown(name, query) or not _is_sortable(name)):
        raise parameter_error(f"Invalid value for sort_field: {name} is not supported")
    return query


def _ids(dimensions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in dimensions if not name.startswith("stat_time_"))


def _level(dimensions: tuple[str, ...], given: Mapping[str, tuple[str, ...]]) -> Level:
    """Return the level of a grouping, or raise ApiError if the filters are not those of the level."""
    times = [name for name in dimensions if name.startswith("stat_time_")]
    found = GROUPINGS.get(frozenset(_ids(dimensions)))
    if found is None or len(times) > 1 or (times[0] if times else None) not in found[1]:
        raise wrong_dimensions(f"the grouping {list(dimensions)} is not supported")
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
    _check_creative_filters(dimensions, given)
    return level


def _check_creative_filters(dimensions: tuple[str, ...], given: Mapping[str, tuple[str, ...]]) -> None:
    if "creative_types" not in given:
        return
    if "creative_delivery_statuses" in given:
        raise parameter_error(
            "filtering: creative_types and creative_delivery_statuses cannot be used together"
        )
    if len(_ids(dimensions)) > 1 or _names_several(given):
        raise parameter_error(
            "filtering: creative_types is not supported with several IDs or several ID dimensions"
        )


def _names_several(given: Mapping[str, tuple[str, ...]]) -> bool:
    return any(len(given.get(name, ())) > 1 for name in ("campaign_ids", "item_group_ids", "room_ids"))


def _check_attributes(query: Query, level: Level, given: Mapping[str, tuple[str, ...]]) -> None:
    """Raise ApiError if TikTok does not have the requested names and settings here."""
    if level in (ADVERTISER, PRODUCT_CAMPAIGN, LIVE_CAMPAIGN):
        return
    if len(query.id_dimensions) == 1 and not _names_several(given):
        return
    if any(
        is_attribute(name, GMV_MAX) and name not in _ANY_TIME and name != "currency" for name in query.metrics
    ):
        raise conflict()


def _is_sortable(name: str) -> bool:
    return not is_attribute(name, GMV_MAX) and name not in _NOT_SORTABLE


def _read_filtering(params: Params) -> dict[str, tuple[str, ...]]:
    return {name: _read_option(name, value) for name, value in params.mapping("filtering").items()}


def _read_option(name: str, value: Any) -> tuple[str, ...]:
    option = _OPTIONS.get(name)
    if option is None:
        raise parameter_error(f"filtering: {name}: Unknown field.")
    if option.is_text:
        if not isinstance(value, str):
            raise parameter_error(f"filtering: {name}: Not a valid string.")
        return (value,)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise parameter_error(f"filtering: {name}: Not a valid list of strings.")
    limit = 1 if name == "creative_types" else MAX_IDS
    if not 1 <= len(value) <= limit:
        raise parameter_error(f"filtering: {name}: Length must be between 1 and {limit}")
    if option.is_id and not all(one.isascii() and one.isdigit() for one in value):
        raise parameter_error(f"filtering: {name}: Not a valid ID.")
    if option.values and not set(value) <= set(option.values):
        raise not_acceptable(name, option.values)
    return tuple(value)


def _conditions(level: Level, given: Mapping[str, tuple[str, ...]]) -> tuple[Condition, ...]:
    found = [
        ObjectFilter(name, values, _OPTIONS[name].read, fuzzy=_OPTIONS[name].is_text)
        for name, values in given.items()
    ]
    if level.kind is not None and "gmv_max_promotion_types" not in given:
        found.append(ObjectFilter("gmv_max_promotion_types", (level.kind,), _kind))
    if level in (PRODUCT_CAMPAIGN, LIVE_CAMPAIGN) and "campaign_statuses" not in given:
        found.append(_NOT_DELETED)
    return tuple(found)


# version 2.0

_V2_METRICS = ("cost", "net_cost", "gross_revenue", "orders", "roi", "cost_per_order")
_V2_GROUPINGS = ({DAY}, {HOUR}, {"spu_id"}, {"spu_id", DAY})
_V2_VIDEO_GROUPINGS = ({"item_id"},)
_V2_FIELDS = {
    "campaign_id": Field(lambda ad, _: ad.group.campaign.id, is_id=True),
    "item_id": Field(lambda ad, _: ad.id),
    "spu_id": Field(lambda ad, _: ad.group.id, is_id=True),
}


def parse_gmv_max_v2(params: Params) -> Query:
    """Return a GMV Max report of v2.0, validated.

    :raises ApiError: with TikTok's message.
    """
    return _parse_v2(params, _V2_METRICS, _V2_GROUPINGS)


def parse_videos_v2(params: Params) -> Query:
    """Return a GMV Max report on videos of v2.0, validated.

    :raises ApiError: with TikTok's message.
    """
    return _parse_v2(params, tuple(name for name in _V2_METRICS if name != "net_cost"), _V2_VIDEO_GROUPINGS)


def _parse_v2(params: Params, metrics: tuple[str, ...], groupings: tuple[set[str], ...]) -> Query:
    params.require(
        *("advertiser_id", "store_ids", "store_authorized_bc_id", "dimensions", "metrics"),
        *("start_date", "end_date"),
    )
    params.identifier("store_authorized_bc_id")
    dimensions = params.strings("dimensions") or ()
    known = set().union(*groupings)
    for name in dimensions:
        if name not in known:
            raise parameter_error(f"Invalid dim: {name} is not exist")
    if {*dimensions} not in groupings:
        raise wrong_dimensions(f"the grouping {list(dimensions)} is not supported")
    requested = unique(params.strings("metrics") or ())
    for name in (*requested, *filter(None, [params.string("sort_field")])):
        if name not in metrics:
            raise _unknown_metric(name)
    filters: tuple[Condition, ...] = parse_filters(_v2_filters(params.array("filtering") or []), _V2_FIELDS)
    if known & {"spu_id", "item_id"} & {*dimensions}:
        filters = (*filters, ObjectFilter("gmv_max_promotion_types", (PRODUCT,), _kind))
    start, end = read_dates(params)
    page, page_size = read_page(params)
    query = Query(
        advertiser_ids=(params.identifier("advertiser_id") or "",),
        level="ADVERTISER",
        dimensions=dimensions,
        metrics=requested,
        report_type=GMV_MAX,
        id_dimensions=_ids(dimensions),
        time_dimension=time_dimension(dimensions),
        start=start,
        end=end,
        filters=filters,
        order_field=params.string("sort_field"),
        descending=params.choice("sort_type", ("ASC", "DESC"), "DESC") == "DESC",
        page=page,
        page_size=page_size,
        store=(params.identifiers("store_ids", 1) or ("",))[0],
    )
    check_dates(query)
    return query


def _v2_filters(items: list[Any]) -> list[Any]:
    """Return filters in the form of v1.3, in which the list of values is a JSON string."""
    return [
        {**item, "filter_value": json.dumps(item["filter_value"])}
        if isinstance(item, dict) and isinstance(item.get("filter_value"), list)
        else item
        for item in items
    ]


def _unknown_metric(name: str) -> ApiError:
    # v2.0 names only the first unknown metric
    return parameter_error(f"Invalid metric: {name} is not exist")
