"""The parameters of PLAYABLE_MATERIAL reports, which TikTok hardly documents."""

from __future__ import annotations

from airflow_provider_tiktok.emulator.schemas.checks import (
    check_dates,
    check_dimension_names,
    check_metrics,
    check_order,
    is_unknown,
    read_dates,
    read_page,
    refuse_chunks,
    refuse_reservation,
    refuse_true,
    unique,
    wrong_dimensions,
)
from airflow_provider_tiktok.emulator.schemas.filters import parse_filters
from airflow_provider_tiktok.emulator.schemas.params import Params
from airflow_provider_tiktok.emulator.world.conditions import Field
from airflow_provider_tiktok.emulator.world.query import Query

PLAYABLE = "PLAYABLE_MATERIAL"
_FIELDS = {"playable_status": Field(lambda ad, _: "STATUS_NOT_DELETE")}


def parse_playable(params: Params) -> Query:
    """Return a PLAYABLE_MATERIAL report, validated.

    :raises ApiError: with TikTok's message.
    """
    params.require("advertiser_id", "dimensions")
    refuse_reservation(params, PLAYABLE)
    refuse_chunks(params, PLAYABLE)
    refuse_true(params, PLAYABLE, "enable_total_metrics")
    dimensions = params.strings("dimensions") or ()
    check_dimension_names(dimensions, PLAYABLE)
    if "playable_id" not in dimensions:
        raise wrong_dimensions("dimension playable_id is required")
    lifetime = params.boolean("query_lifetime")
    if lifetime and "country_code" in dimensions:
        raise wrong_dimensions("country_code is not supported when query_lifetime is true")
    metrics = params.strings("metrics")
    start, end = (None, None) if lifetime else read_dates(params)
    # the filters are only validated, because all emulated playables have the same status
    parse_filters(params.array("filtering") or [], _FIELDS)
    page, page_size = read_page(params)
    query = Query(
        advertiser_ids=(params.identifier("advertiser_id") or "",),
        level="",
        dimensions=dimensions,
        metrics=("spend", "impressions") if metrics is None else unique(metrics),
        report_type=PLAYABLE,
        breakdowns=tuple(name for name in ("playable_id", "country_code") if name in dimensions),
        start=start,
        end=end,
        order_field=params.string("order_field"),
        descending=params.choice("order_type", ("ASC", "DESC"), "DESC") == "DESC",
        page=page,
        page_size=page_size,
    )
    check_dates(query)
    check_metrics(query, is_unknown)
    check_order(query, is_unknown)
    return query
