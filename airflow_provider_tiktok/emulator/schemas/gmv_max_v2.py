"""The parameters of GMV Max reports of v2.0, which are known from its answers only."""

from __future__ import annotations

from typing import Any

from airflow_provider_tiktok.emulator.errors import parameter_error
from airflow_provider_tiktok.emulator.schemas import base, checks, fields
from airflow_provider_tiktok.emulator.schemas.filters import filters
from airflow_provider_tiktok.emulator.schemas.gmv_max import DAY, HOUR, campaigns_of
from airflow_provider_tiktok.emulator.world.conditions import Condition, Field, ObjectFilter
from airflow_provider_tiktok.emulator.world.shop import PRODUCT

_METRICS = ("cost", "net_cost", "gross_revenue", "orders", "roi", "cost_per_order")
_FIELDS = {
    "campaign_id": Field(lambda ad, _: ad.group.campaign.id, is_id=True),
    "item_id": Field(lambda ad, _: ad.id),
    "spu_id": Field(lambda ad, _: ad.group.id, is_id=True),
}


def _grouping(*groupings: set[str]) -> base.Step:
    """Return the line that refuses other groupings."""
    known = set().union(*groupings)

    def check(call: base.CallValues) -> None:
        for name in call["dimensions"]:
            if name not in known:
                raise parameter_error(f"Invalid dim: {name} is not exist")
        if {*call["dimensions"]} not in groupings:
            raise checks.wrong_dimensions(f"the grouping {list(call['dimensions'])} is not supported")

    return base.Step(check)


def _known(*names: str) -> base.Step:
    """Return the line that refuses other metrics; v2.0 names only the first of them."""

    def check(call: base.CallValues) -> None:
        order = () if call["order_field"] is None else (call["order_field"],)
        for name in (*call["metrics"], *order):
            if name not in names:
                raise parameter_error(f"Invalid metric: {name} is not exist")

    return base.Step(check)


class GmvMaxV2(base.ReportSchema):
    """GMV Max reports of v2.0."""

    kind = "GMV_MAX"
    rules = (checks.dates,)

    needed = base.required(
        *("advertiser_id", "store_ids", "store_authorized_bc_id", "dimensions", "metrics"),
        *("start_date", "end_date"),
    )
    store_authorized_bc_id = fields.identifier()
    dimensions = fields.strings()
    grouping = _grouping({DAY}, {HOUR}, {"spu_id"}, {"spu_id", DAY})
    metrics = fields.strings()
    order_field = fields.string(data_key="sort_field")
    known = _known(*_METRICS)
    filtering = filters(_FIELDS, plain_lists=True)
    dates = base.dates()
    page, page_size = base.paging()
    advertiser_id = fields.identifier()
    order_type = base.ordering("sort")[1]
    store_ids = fields.identifiers(1)

    def parts(self, call: base.CallValues) -> dict[str, Any]:
        """Return the level and the shop; products and videos are not those of livestreams."""
        conditions: tuple[Condition, ...] = call["filtering"]
        if {"spu_id", "item_id"} & {*call["dimensions"]}:
            conditions = (*conditions, ObjectFilter("gmv_max_promotion_types", (PRODUCT,), campaigns_of))
        return {"level": "ADVERTISER", "store": call["store_ids"][0], "filters": conditions}


class VideosV2(GmvMaxV2):
    """GMV Max reports on videos of v2.0."""

    grouping = _grouping({"item_id"})
    known = _known(*(name for name in _METRICS if name != "net_cost"))
