"""The parameters of Smart+ material reports: an overview, and a breakdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_tiktok.emulator.errors import not_acceptable, parameter_error
from airflow_provider_tiktok.emulator.schemas.checks import (
    check_dates,
    check_dimension_names,
    check_metrics,
    check_one_time_dimension,
    check_order,
    is_unknown,
    read_dates,
    read_page,
    time_dimension,
    unique,
    wrong_dimensions,
)
from airflow_provider_tiktok.emulator.schemas.params import Params
from airflow_provider_tiktok.emulator.world.conditions import Condition, ObjectFilter
from airflow_provider_tiktok.emulator.world.entities import AUTOMATION, Ad, entity_of
from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.reports import catalog

SMART_PLUS = "SMART_PLUS"
_MAX_PAGE_SIZE = 100
_MAX_ADVERTISING_IDS = 200
_MAX_ENTITY_IDS = 400
_MAX_SETTINGS = 3
_SETTINGS = ("ad_text_entity_id", "call_to_action_entity_id", "interactive_add_on_entity_id")
_MATERIALS = ("main_material_id", *_SETTINGS)
_MATERIAL_TYPES = ("VIDEO", "IMAGE", "CAROUSEL", "SPARK_ADS")

_ADVERTISING: Mapping[str, Callable[[Ad], str]] = {
    "campaign_ids": lambda ad: ad.group.campaign.id,
    "adgroup_ids": lambda ad: ad.group.id,
    "smart_plus_ad_ids": lambda ad: ad.id_v2,
}
_ENTITIES: Mapping[str, Callable[[Ad], str]] = {f"{name}s": entity_of(name) for name in _MATERIALS}
_IS_SMART = ObjectFilter("campaign_automation_type", (AUTOMATION,), lambda ad: ad.group.campaign.automation)


def parse_overview(params: Params) -> Query:
    """Return an overview, validated: one advertising dimension with one material or setting.

    :raises ApiError: with TikTok's message.
    """
    query = _parse(params, "OVERVIEW", lifetime=params.boolean("query_lifetime"))
    materials = [name for name in query.dimensions if name in _MATERIALS]
    if len(query.dimensions) != len(("advertising", "material")) or len(materials) != 1:
        raise wrong_dimensions(
            "one of advertiser_id, campaign_id, adgroup_id, smart_plus_ad_id "
            f"and one of {', '.join(_MATERIALS)} are required"
        )
    return query


def parse_breakdown(params: Params) -> Query:
    """Return a breakdown, validated: materials, settings, or both, with or without a time dimension.

    :raises ApiError: with TikTok's message.
    """
    query = _parse(params, "BREAKDOWN", lifetime=False)
    check_one_time_dimension(query)
    if not query.id_dimensions:
        raise wrong_dimensions(f"one of {', '.join(_MATERIALS)} is required")
    if sum(name in _SETTINGS for name in query.dimensions) > _MAX_SETTINGS:
        raise wrong_dimensions(f"at most {_MAX_SETTINGS} setting dimensions are supported")
    return query


def _parse(params: Params, level: str, *, lifetime: bool) -> Query:
    params.require("advertiser_id", "dimensions")
    dimensions = params.strings("dimensions") or ()
    check_dimension_names(dimensions, SMART_PLUS)
    if any(level not in catalog.dimensions(SMART_PLUS)[name].levels for name in dimensions):
        (name, *_) = (one for one in dimensions if level not in catalog.dimensions(SMART_PLUS)[one].levels)
        raise wrong_dimensions(f"{name} is not supported")
    metrics = params.strings("metrics")
    start, end = (None, None) if lifetime else read_dates(params)
    page, page_size = read_page(params, _MAX_PAGE_SIZE)
    query = Query(
        advertiser_ids=(params.identifier("advertiser_id") or "",),
        level=level,
        dimensions=dimensions,
        metrics=("spend", "impressions") if metrics is None else unique(metrics),
        report_type=SMART_PLUS,
        id_dimensions=tuple(name for name in dimensions if not name.startswith("stat_time_")),
        time_dimension=time_dimension(dimensions),
        start=start,
        end=end,
        # in TikTok's SDK this report is sorted even if a call has no order
        order_field=params.string("sort_field") or "spend",
        descending=params.choice("sort_type", ("ASC", "DESC"), "DESC") == "DESC",
        page=page,
        page_size=page_size,
    )
    check_dates(query)
    check_metrics(query, is_unknown)
    check_order(query, is_unknown, "sort_field")
    return replace(query, filters=(_IS_SMART, *_conditions(params.mapping("filtering"))))


def _conditions(filtering: Mapping[str, Any]) -> list[Condition]:
    if sum(name in filtering for name in _ADVERTISING) > 1:
        raise parameter_error(f"filtering: only one of {', '.join(_ADVERTISING)} is supported")
    return [_condition(name, value) for name, value in filtering.items()]


def _condition(name: str, value: Any) -> Condition:
    if name not in (*_ADVERTISING, *_ENTITIES, "main_material_types"):
        raise parameter_error(f"filtering: {name}: Unknown field.")
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise parameter_error(f"filtering: {name}: Not a valid list of strings.")
    limit = _MAX_ADVERTISING_IDS if name in _ADVERTISING else _MAX_ENTITY_IDS
    if not 1 <= len(value) <= limit:
        raise parameter_error(f"filtering: {name}: Length must be between 1 and {limit}")
    if name == "main_material_types":
        if not set(value) <= set(_MATERIAL_TYPES):
            raise not_acceptable(name, _MATERIAL_TYPES)
        return ObjectFilter(name, tuple(value), _video)
    if not all(one.isascii() and one.isdigit() for one in value):
        raise parameter_error(f"filtering: {name}: Not a valid ID.")
    return ObjectFilter(name, tuple(value), {**_ADVERTISING, **_ENTITIES}[name])


def _video(ad: Ad) -> str:
    """Return the type of a material; all emulated materials are videos."""
    return "VIDEO"
