"""The parameters of TT_SHOP reports, the older reports on GMV Max campaigns."""

from __future__ import annotations

from airflow_provider_tiktok.emulator.errors import parameter_error
from airflow_provider_tiktok.emulator.schemas.checks import (
    check_dates,
    check_dimension_names,
    check_metrics,
    check_order,
    is_unknown,
    read_dates,
    read_page,
    refuse,
    refuse_chunks,
    refuse_reservation,
    refuse_true,
    time_dimension,
    unique,
    wrong_dimensions,
)
from airflow_provider_tiktok.emulator.schemas.params import Params
from airflow_provider_tiktok.emulator.world.query import Query, breakdowns_of

TT_SHOP = "TT_SHOP"
GROUPINGS = (
    ("advertiser_id",),
    ("advertiser_id", "country_code"),
    ("advertiser_id", "country_code", "stat_time_day"),
    ("campaign_id", "country_code"),
    ("campaign_id", "country_code", "stat_time_day"),
)
_LEVELS = {"AUCTION_ADVERTISER": "advertiser_id", "AUCTION_CAMPAIGN": "campaign_id"}


def parse_tt_shop(params: Params) -> Query:
    """Return a TT_SHOP report, validated.

    :raises ApiError: with TikTok's message.
    """
    params.require("advertiser_id", "dimensions")
    refuse(params, TT_SHOP, "advertiser_ids", "filtering")
    refuse_reservation(params, TT_SHOP)
    refuse_chunks(params, TT_SHOP)
    refuse_true(params, TT_SHOP, "query_lifetime")
    dimensions = params.strings("dimensions") or ()
    check_dimension_names(dimensions, TT_SHOP)
    given = params.choice("data_level", tuple(_LEVELS))
    if {*dimensions} not in [{*grouping} for grouping in GROUPINGS]:
        raise wrong_dimensions(f"the grouping {list(dimensions)} is not supported")
    (level,) = (level for level, name in _LEVELS.items() if name in dimensions)
    if given not in (None, level):
        raise wrong_dimensions(f"data_level {given} and dimension {_LEVELS[level]} do not match")
    metrics = params.strings("metrics")
    start, end = read_dates(params)
    page, page_size = read_page(params)
    query = Query(
        advertiser_ids=(params.identifier("advertiser_id") or "",),
        level=level,
        dimensions=dimensions,
        metrics=("spend", "billed_cost") if metrics is None else unique(metrics),
        report_type=TT_SHOP,
        id_dimensions=(_LEVELS[level],),
        time_dimension=time_dimension(dimensions),
        breakdowns=breakdowns_of(dimensions, TT_SHOP),
        start=start,
        end=end,
        order_field=params.string("order_field"),
        descending=params.choice("order_type", ("ASC", "DESC"), "DESC") == "DESC",
        page=page,
        page_size=page_size,
        totals=params.boolean("enable_total_metrics"),
    )
    check_dates(query)
    check_metrics(query, is_unknown)
    check_order(query, is_unknown)
    if query.totals and query.breakdowns:
        raise parameter_error(
            "enable_total_metrics is only supported with one ID dimension, alone or with stat_time_day"
        )
    return query
