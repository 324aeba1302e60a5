"""The parameters of TT_SHOP reports, the older reports on GMV Max campaigns."""

from __future__ import annotations

from airflow_provider_tiktok.emulator.schemas import base, checks, fields

_GROUPINGS = (
    {"advertiser_id"},
    {"advertiser_id", "country_code"},
    {"advertiser_id", "country_code", "stat_time_day"},
    {"campaign_id", "country_code"},
    {"campaign_id", "country_code", "stat_time_day"},
)
_LEVELS = {"AUCTION_ADVERTISER": "advertiser_id", "AUCTION_CAMPAIGN": "campaign_id"}


def _level(call: base.CallValues) -> str:
    """Return the level of a grouping; a call that names another is refused."""
    dimensions, given = call["dimensions"], call["data_level"]
    if {*dimensions} not in _GROUPINGS:
        raise checks.wrong_dimensions(f"the grouping {list(dimensions)} is not supported")
    (level,) = (level for level, name in _LEVELS.items() if name in dimensions)
    if given not in (None, level):
        raise checks.wrong_dimensions(f"data_level {given} and dimension {_LEVELS[level]} do not match")
    return level


class TikTokShop(base.ReportSchema):
    """TT_SHOP reports."""

    kind = "TT_SHOP"
    default_metrics = ("spend", "billed_cost")
    rules = (checks.dates, checks.metrics, checks.order, checks.totals)

    needed = base.required("advertiser_id", "dimensions")
    refused = base.refused("advertiser_ids", "filtering")
    service_type = base.NO_RESERVATION
    query_mode = base.NO_CHUNKS
    query_lifetime = base.never("query_lifetime")
    dimensions = base.dimensions()
    data_level = fields.choice(tuple(_LEVELS))
    level = base.Step(_level)
    metrics = fields.strings()
    dates = base.dates()
    page, page_size = base.paging()
    advertiser_id = fields.identifier()
    order_field, order_type = base.ordering()
    enable_total_metrics = fields.flag()
