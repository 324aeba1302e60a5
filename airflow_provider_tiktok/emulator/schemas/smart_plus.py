"""The parameters of Smart+ material reports: an overview, and a breakdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from airflow_provider_tiktok.emulator.errors import parameter_error
from airflow_provider_tiktok.emulator.schemas import base, checks, fields
from airflow_provider_tiktok.emulator.schemas.base import Params
from airflow_provider_tiktok.emulator.world.conditions import ObjectFilter
from airflow_provider_tiktok.emulator.world.entities import AUTOMATION, Ad, entity_of
from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.reports import catalog

_MAX_SETTINGS = 3
_SETTINGS = ("ad_text_entity_id", "call_to_action_entity_id", "interactive_add_on_entity_id")
_MATERIALS = ("main_material_id", *_SETTINGS)

_ADVERTISING: Mapping[str, Callable[[Ad], str]] = {
    "campaign_ids": lambda ad: ad.group.campaign.id,
    "adgroup_ids": lambda ad: ad.group.id,
    "smart_plus_ad_ids": lambda ad: ad.id_v2,
}
_READERS: Mapping[str, Callable[[Ad], str]] = {
    **_ADVERTISING,
    **{f"{name}s": entity_of(name) for name in _MATERIALS},
    "main_material_types": lambda ad: "VIDEO",  # all emulated materials are videos
}
_KEYS = {
    **{name: fields.values(200) for name in _ADVERTISING},
    **{f"{name}s": fields.values(400) for name in _MATERIALS},
    "main_material_types": fields.values(400, ("VIDEO", "IMAGE", "CAROUSEL", "SPARK_ADS")),
}
_IS_SMART = ObjectFilter("campaign_automation_type", (AUTOMATION,), lambda ad: ad.group.campaign.automation)


def _check_advertising(call: base.CallValues) -> None:
    if sum(name in call["given"] for name in _ADVERTISING) > 1:
        raise parameter_error(f"filtering: only one of {', '.join(_ADVERTISING)} is supported")


_FILTERING: base.Lines = {
    "given": base.early("filtering", fields.mapping()),
    "advertising": base.Step(_check_advertising),
    "filtering": fields.known(_KEYS),
}
"""What is read after the rules of the report."""


def _level(level: str, call: base.CallValues) -> str:
    """Return the report's name, which is the level of its metrics; it has not all dimensions."""
    for name in call["dimensions"]:
        if level not in catalog.dimensions(Overview.kind)[name].levels:
            raise checks.wrong_dimensions(f"{name} is not supported")
    return level


class Overview(base.ReportSchema):
    """An overview: one advertising dimension with one material or setting."""

    kind = "SMART_PLUS"
    rules = (checks.dates, checks.metrics, partial(checks.order, parameter="sort_field"))

    query_lifetime = fields.flag()
    needed = base.required("advertiser_id", "dimensions")
    dimensions = base.dimensions()
    level = base.Step(partial(_level, "OVERVIEW"))
    metrics = fields.strings()
    dates = base.dates()
    page, page_size = base.paging(100)
    advertiser_id = fields.identifier()
    order_field, order_type = base.ordering("sort")

    def parts(self, call: base.CallValues) -> dict[str, Any]:
        """Return the order that this report has in TikTok's SDK if a call has none."""
        return {"order_field": call["order_field"] or "spend"}

    def query(self, params: Params) -> Query:
        """Return the report that a call requests; its filters are read last.

        :raises ApiError: with TikTok's message.
        """
        query = super().query(params)
        given = base.read(_FILTERING, params)["filtering"]
        self.check_grouping(query)
        filters = (ObjectFilter(name, values, _READERS[name]) for name, values in given.items())
        return replace(query, filters=(_IS_SMART, *filters))

    def check_grouping(self, query: Query) -> None:
        """Raise ApiError if a dimension is missing, or there are too many."""
        materials = [name for name in query.dimensions if name in _MATERIALS]
        if len(query.dimensions) != len(("advertising", "material")) or len(materials) != 1:
            raise checks.wrong_dimensions(
                "one of advertiser_id, campaign_id, adgroup_id, smart_plus_ad_id "
                f"and one of {', '.join(_MATERIALS)} are required"
            )


class Breakdown(Overview):
    """A breakdown: materials, settings, or both, with or without a time dimension."""

    level = base.Step(partial(_level, "BREAKDOWN"))

    class Meta:
        """The parameters of an overview that are ignored."""

        exclude = ("query_lifetime",)

    def check_grouping(self, query: Query) -> None:
        """Raise ApiError if a dimension is missing, or there are too many."""
        checks.one_time_dimension(query)
        if not query.id_dimensions:
            raise checks.wrong_dimensions(f"one of {', '.join(_MATERIALS)} is required")
        if sum(name in _SETTINGS for name in query.dimensions) > _MAX_SETTINGS:
            raise checks.wrong_dimensions(f"at most {_MAX_SETTINGS} setting dimensions are supported")
