"""The parameters of BASIC, AUDIENCE and CATALOG reports, in calls and in report tasks.

TikTok's page on synchronous reports has each of the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from marshmallow import Schema

from airflow_provider_tiktok.emulator.errors import missing, parameter_error
from airflow_provider_tiktok.emulator.schemas import base, checks, fields
from airflow_provider_tiktok.emulator.schemas.checks import Check, is_unknown, wrong_dimensions
from airflow_provider_tiktok.emulator.schemas.filters import filters
from airflow_provider_tiktok.emulator.world.conditions import FIELDS, not_deleted
from airflow_provider_tiktok.emulator.world.query import ID_DIMENSIONS, Query
from airflow_provider_tiktok.emulator.world.table import is_attribute
from airflow_provider_tiktok.reports import catalog

_LEVELS = (
    *("AUCTION_AD", "AUCTION_ADGROUP", "AUCTION_CAMPAIGN", "AUCTION_ADVERTISER"),
    *("RESERVATION_AD", "RESERVATION_ADGROUP", "RESERVATION_CAMPAIGN", "RESERVATION_ADVERTISER"),
)
_NOT_WITH_AD_ID_V2 = frozenset({"image_id", "video_material_id"})
_KEYWORD_METRICS = frozenset({"spend", "cpc", "cpm", "impressions", "clicks", "ctr"})
_NO_TIME = ("interest_category", "device_brand_id")
"""The prefixes of audience dimensions that cannot be used with a time dimension."""


def _check_account(call: base.CallValues) -> None:
    if call["advertiser_id"] is None and call.get("advertiser_ids") is None:
        raise missing("advertiser_id")


def _level(call: base.CallValues) -> str:
    """Return the level in its form for auctions."""
    level, service = call["data_level"], call["service_type"]
    if not level.startswith(f"{service}_"):
        raise parameter_error(
            f"Invalid value for data_level: {level} and service_type {service} do not match"
        )
    return str(level.replace("RESERVATION_", "AUCTION_"))


def _dimensions(call: base.CallValues) -> tuple[str, ...]:
    """Return the dimensions, which the level must have."""
    names: tuple[str, ...] = call["names"]
    checks.dimension_names(names, call.kind, call["level"], call["other_ids"])
    return names


def check_ids(query: Query) -> None:
    """Raise ApiError if the dimensions lack the data level's ID."""
    if not set(query.id_dimensions) & set(ID_DIMENSIONS[query.level]):
        raise wrong_dimensions(f"data_level {query.level} requires dimension {ID_DIMENSIONS[query.level][0]}")
    _check_one_id_at_most(query)


def _check_one_id_at_most(query: Query) -> None:
    if {"ad_id", "ad_id_v2"} <= set(query.id_dimensions):
        raise wrong_dimensions("ad_id and ad_id_v2 cannot be used together")


def _check_breakdowns(query: Query) -> None:
    checks.one_breakdown(query)
    found = set(query.breakdowns)
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
            raise checks.conflict()


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


_COMMON: tuple[Check, ...] = (
    checks.dates,
    partial(checks.metrics, is_invalid=_is_invalid),
    _check_metric_conflicts,
    _check_filters,
    partial(checks.order, is_invalid=_is_invalid),
)
"""The last rules of all three report types."""


# marshmallow takes the lines of the last base class first


class OnlyRegular(Schema):
    """The refusals of what only BASIC reports have."""

    no_reservation = base.NO_RESERVATION
    no_chunks = base.NO_CHUNKS
    no_flags = base.never("query_lifetime", "enable_total_metrics")


class OneAccount(Schema):
    """What reports need that cannot be on several accounts."""

    one_account = base.required("advertiser_id")


class Basic(base.ReportSchema):
    """BASIC reports.

    ``excludes_deleted`` says whether a call without a status filter gets no deleted entities.
    """

    kind = "BASIC"
    excludes_deleted = True
    rules = (check_ids, checks.one_time_dimension, _check_breakdowns, *_COMMON, checks.totals)

    advertiser_id = fields.identifier()
    advertiser_ids = fields.identifiers(5)
    account = base.Step(_check_account)
    needed = base.required("data_level", "dimensions")
    service_type = fields.choice(base.SERVICES, load_default="AUCTION")
    data_level = fields.choice(_LEVELS)
    level = base.Step(_level)
    names = base.early("dimensions", fields.strings())
    metrics = fields.strings()
    query_lifetime = fields.flag()
    multi_adv_report_in_utc_time = fields.flag()
    dates = base.dates()
    other_ids = base.Step(lambda call: ())
    dimensions = base.Step(_dimensions)
    page, page_size = base.paging()
    filtering = filters(FIELDS)
    order_field, order_type = base.ordering()
    query_mode = fields.choice(base.MODES, load_default="REGULAR")
    enable_total_metrics = fields.flag()

    def parts(self, call: base.CallValues) -> dict[str, Any]:
        """Return the accounts and IDs of a call, and the filter by status."""
        level, several = call["level"], call.get("advertiser_ids")
        names = (*ID_DIMENSIONS[level], *call["other_ids"])
        ids = [name for name in call["dimensions"] if name in names]
        # an account that is grouped by in addition to the level's own ID comes last
        ids.sort(key=lambda name: name not in ID_DIMENSIONS[level])
        default = not_deleted(level) if self.excludes_deleted else None
        conditions = call["filtering"]
        if default and not any(one.field == default.field for one in conditions):
            conditions = (*conditions, default)
        return {
            **({"advertiser_ids": checks.unique(several)} if several else {}),
            "id_dimensions": tuple(ids),
            "filters": conditions,
            "unpaged": call["query_mode"] == "CHUNK",
            "several": several is not None,
            "merged": several is not None and not ids,
            "matches_nothing": call["service_type"] == "RESERVATION",
        }


class Audience(Basic, OnlyRegular):
    """AUDIENCE reports."""

    kind = "AUDIENCE"
    rules = (
        _check_one_id_at_most,
        checks.one_time_dimension,
        _check_breakdowns,
        _check_audience,
        *_COMMON,
    )


class Catalog(Basic, OnlyRegular, OneAccount):
    """CATALOG reports."""

    kind = "CATALOG"
    rules = (check_ids, checks.one_time_dimension, *_COMMON)

    class Meta:
        """The parameters of BASIC reports that are ignored."""

        exclude = ("advertiser_ids",)
