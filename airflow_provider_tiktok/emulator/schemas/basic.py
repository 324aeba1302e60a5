"""The parameters of BASIC, AUDIENCE and CATALOG reports, checked as TikTok checks them.

Each check is one rule of TikTok's page on synchronous reports; they run in the order of the lists.
"""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_tiktok.emulator.errors import missing, parameter_error
from airflow_provider_tiktok.emulator.schemas.checks import (
    SERVICES,
    Check,
    check_dates,
    check_dimension_names,
    check_metrics,
    check_one_time_dimension,
    check_order,
    conflict,
    is_unknown,
    read_dates,
    read_page,
    refuse_chunks,
    refuse_reservation,
    refuse_true,
    time_dimension,
    unique,
    wrong_dimensions,
)
from airflow_provider_tiktok.emulator.schemas.filters import parse_filters
from airflow_provider_tiktok.emulator.schemas.params import Params
from airflow_provider_tiktok.emulator.world.conditions import STATUS_FIELDS, Filter, not_deleted
from airflow_provider_tiktok.emulator.world.query import ID_DIMENSIONS, Query, breakdowns_of
from airflow_provider_tiktok.emulator.world.table import is_attribute
from airflow_provider_tiktok.reports import catalog

LEVELS = (
    *("AUCTION_AD", "AUCTION_ADGROUP", "AUCTION_CAMPAIGN", "AUCTION_ADVERTISER"),
    *("RESERVATION_AD", "RESERVATION_ADGROUP", "RESERVATION_CAMPAIGN", "RESERVATION_ADVERTISER"),
)
DEFAULT_METRICS = ("spend", "impressions")
MAX_ACCOUNTS = 5
_PAIRS = ({"search_keyword", "match_type"}, {"page_id", "component_name"}, {"age", "gender"})
_NOT_WITH_AD_ID_V2 = frozenset({"image_id", "video_material_id"})
_KEYWORD_METRICS = frozenset({"spend", "cpc", "cpm", "impressions", "clicks", "ctr"})
_NO_TIME = ("interest_category", "device_brand_id")
"""The prefixes of audience dimensions that cannot be used with a time dimension."""


def parse_basic(params: Params) -> Query:
    """Return a BASIC report, validated.

    :raises ApiError: with TikTok's message.
    """
    return parse(params, "BASIC", BASIC_CHECKS)


def parse_audience(params: Params) -> Query:
    """Return an AUDIENCE report, validated.

    :raises ApiError: with TikTok's message.
    """
    _refuse_basic_only(params, "AUDIENCE")
    return parse(params, "AUDIENCE", AUDIENCE_CHECKS)


def parse_catalog(params: Params) -> Query:
    """Return a CATALOG report, validated.

    :raises ApiError: with TikTok's message.
    """
    params.require("advertiser_id")
    _refuse_basic_only(params, "CATALOG")
    return parse(params, "CATALOG", CATALOG_CHECKS)


def _refuse_basic_only(params: Params, report_type: str) -> None:
    refuse_reservation(params, report_type)
    refuse_chunks(params, report_type)
    refuse_true(params, report_type, "query_lifetime", "enable_total_metrics")


def _read_filters(params: Params, level: str) -> tuple[Filter, ...]:
    """Return the filters; without a status filter, deleted entities are excluded."""
    filters = parse_filters(params.array("filtering") or [])
    default = not_deleted(level)
    if default is None or any(one.field == STATUS_FIELDS[level] for one in filters):
        return filters
    return (*filters, default)


def parse(
    params: Params,
    report_type: str,
    checks: tuple[Check, ...],
    read_conditions: Callable[[Params, str], tuple[Filter, ...]] = _read_filters,
    *,
    pair_ids: bool = False,
) -> Query:
    """Return a report, validated by the checks.

    :param read_conditions: returns the filters of ``filtering``, for a data level.
    :param pair_ids: whether a call on several accounts can group by account in addition to the level's own ID.
    :raises ApiError: with TikTok's message.
    """
    advertiser_id = params.identifier("advertiser_id")
    several = None if report_type == "CATALOG" else params.identifiers("advertiser_ids", MAX_ACCOUNTS)
    if advertiser_id is None and several is None:
        raise missing("advertiser_id")
    params.require("data_level", "dimensions")
    service = params.choice("service_type", SERVICES, "AUCTION")
    level = params.choice("data_level", LEVELS) or ""
    if not level.startswith(f"{service}_"):
        raise parameter_error(
            f"Invalid value for data_level: {level} and service_type {service} do not match"
        )
    dimensions = params.strings("dimensions") or ()
    metrics = params.strings("metrics")
    lifetime = params.boolean("query_lifetime")
    params.boolean("multi_adv_report_in_utc_time")
    start, end = (None, None) if lifetime else read_dates(params)
    auction_level = level.replace("RESERVATION_", "AUCTION_")
    additional = ("advertiser_id",) if pair_ids and several else ()
    check_dimension_names(dimensions, report_type, auction_level, additional)
    ids = tuple(name for name in dimensions if name in ID_DIMENSIONS[auction_level])
    ids += tuple(name for name in additional if name in dimensions and name not in ids)
    page, page_size = read_page(params)
    query = Query(
        advertiser_ids=unique(several) if several else (advertiser_id or "",),
        level=auction_level,
        dimensions=dimensions,
        metrics=DEFAULT_METRICS if metrics is None else unique(metrics),
        report_type=report_type,
        id_dimensions=ids,
        time_dimension=time_dimension(dimensions),
        breakdowns=breakdowns_of(dimensions, report_type),
        start=start,
        end=end,
        filters=read_conditions(params, auction_level),
        order_field=params.string("order_field"),
        descending=params.choice("order_type", ("ASC", "DESC"), "DESC") == "DESC",
        page=page,
        page_size=page_size,
        unpaged=params.choice("query_mode", ("REGULAR", "CHUNK"), "REGULAR") == "CHUNK",
        totals=params.boolean("enable_total_metrics"),
        several=several is not None,
        merged=several is not None and not ids,
        matches_nothing=service == "RESERVATION",
    )
    for check in checks:
        check(query)
    return query


def check_ids(query: Query) -> None:
    """Raise ApiError if the dimensions lack the data level's ID."""
    if not set(query.id_dimensions) & set(ID_DIMENSIONS[query.level]):
        raise wrong_dimensions(f"data_level {query.level} requires dimension {ID_DIMENSIONS[query.level][0]}")
    _check_one_id_at_most(query)


def _check_one_id_at_most(query: Query) -> None:
    if {"ad_id", "ad_id_v2"} <= set(query.id_dimensions):
        raise wrong_dimensions("ad_id and ad_id_v2 cannot be used together")


def _check_breakdowns(query: Query) -> None:
    found = set(query.breakdowns)
    if len(found) > 1 and found not in _PAIRS:
        raise wrong_dimensions(f"{' and '.join(query.breakdowns)} cannot be used together")
    if found == {"match_type"}:
        raise wrong_dimensions("match_type requires dimension search_keyword")
    if "country_code" in found and query.time_dimension == "stat_time_hour":
        raise wrong_dimensions("country_code and stat_time_hour cannot be used together")
    if "country_code" in found and query.lifetime:
        raise wrong_dimensions("country_code is not supported when query_lifetime is true")
    if query.id_dimension == "ad_id_v2" and found & _NOT_WITH_AD_ID_V2:
        raise wrong_dimensions(f"ad_id_v2 and {query.breakdowns[0]} cannot be used together")


def _check_audience(query: Query) -> None:
    if not query.breakdowns:
        raise wrong_dimensions("an audience dimension is required when report_type is AUDIENCE")
    time = query.time_dimension
    if time and query.breakdowns[0].startswith(_NO_TIME):
        raise wrong_dimensions(f"{query.breakdowns[0]} and {time} cannot be used together")
    if time == "stat_time_hour" and query.breakdowns != ("bucket_id",):
        raise wrong_dimensions("stat_time_hour requires dimension bucket_id")


def _check_metric_names(query: Query) -> None:
    check_metrics(query, _is_invalid)


def _is_invalid(name: str, query: Query) -> bool:
    if is_unknown(name, query):
        return True
    metric = catalog.metrics(query.report_type)[name]
    daily = query.level == "AUCTION_ADVERTISER" and query.time_dimension in (None, "stat_time_day")
    return (
        ("advertiser_daily" in metric.rules and not daily)
        or ("no_lifetime" in metric.rules and query.lifetime)
        or ("no_hour" in metric.rules and query.time_dimension == "stat_time_hour")
    )


def _check_metric_conflicts(query: Query) -> None:
    allowed = catalog.metrics_by_dimension(query.report_type)
    limits = [allowed[name] for name in query.breakdowns if name in allowed]
    if "search_keyword" in query.breakdowns:
        limits.append(_KEYWORD_METRICS)
    for name in query.metrics:
        metric = catalog.metrics(query.report_type)[name]
        attribute = is_attribute(name, query.report_type)
        # TikTok's lists contain only figures; the names and settings of the row's entity stay available
        not_allowed = not attribute and any(name not in limit for limit in limits)
        without_entity = attribute and not query.id_dimensions
        broken = any(is_broken(name, query) for rule, is_broken in _METRIC_RULES if rule in metric.rules)
        if not_allowed or without_entity or broken:
            raise conflict()


_METRIC_RULES: tuple[tuple[str, Callable[[str, Query], bool]], ...] = (
    # the reverse is valid: the dimension ad_id with the metric ad_id_v2
    ("one_ad_id_family", lambda name, query: name == "ad_id" and query.id_dimension == "ad_id_v2"),
    (
        "id_or_id_day",
        lambda _, query: bool(query.breakdowns) or query.time_dimension == "stat_time_hour",
    ),
    ("image_id_only", lambda _, query: "image_id" not in query.breakdowns),
    ("bucket_id_only", lambda _, query: "bucket_id" not in query.breakdowns),
    ("ad_id_v2_only", lambda _, query: query.id_dimension != "ad_id_v2"),
)


def _check_filters(query: Query) -> None:
    fields = {one.field for one in query.filters}
    if "ad_ids_v2" in fields and query.id_dimension != "ad_id_v2":
        raise parameter_error("Invalid value for filtering: ad_ids_v2 requires dimension ad_id_v2")
    if "ad_ids" in fields and query.id_dimension == "ad_id_v2":
        raise parameter_error("Invalid value for filtering: ad_ids and ad_id_v2 cannot be used together")


def _check_order(query: Query) -> None:
    check_order(query, _is_invalid)


def _check_totals(query: Query) -> None:
    if query.totals and (query.breakdowns or query.time_dimension == "stat_time_hour"):
        raise parameter_error(
            "enable_total_metrics is only supported with one ID dimension, alone or with stat_time_day"
        )


BASIC_CHECKS: tuple[Check, ...] = (
    check_ids,
    check_one_time_dimension,
    _check_breakdowns,
    check_dates,
    _check_metric_names,
    _check_metric_conflicts,
    _check_filters,
    _check_order,
    _check_totals,
)
AUDIENCE_CHECKS: tuple[Check, ...] = (
    _check_one_id_at_most,
    check_one_time_dimension,
    _check_breakdowns,
    _check_audience,
    check_dates,
    _check_metric_names,
    _check_metric_conflicts,
    _check_filters,
    _check_order,
)
CATALOG_CHECKS: tuple[Check, ...] = (
    check_ids,
    check_one_time_dimension,
    check_dates,
    _check_metric_names,
    _check_metric_conflicts,
    _check_filters,
    _check_order,
)
