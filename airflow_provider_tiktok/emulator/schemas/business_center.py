"""The parameters of BC reports, on the accounts of a Business Center."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airflow_provider_tiktok.emulator.schemas.checks import (
    check_dates,
    check_dimension_names,
    check_metrics,
    check_one_time_dimension,
    check_order,
    conflict,
    is_unknown,
    read_dates,
    read_page,
    refuse,
    refuse_chunks,
    refuse_true,
    time_dimension,
    unique,
    wrong_dimensions,
)
from airflow_provider_tiktok.emulator.schemas.filters import parse_filters
from airflow_provider_tiktok.emulator.schemas.params import Params
from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.conditions import Field, Filter
from airflow_provider_tiktok.emulator.world.query import Query, breakdowns_of
from airflow_provider_tiktok.emulator.world.table import is_attribute
from airflow_provider_tiktok.reports import catalog

BC = "BC"
_STATUSES = ("APPROVED", "NOT_APPROVED", "IN_REVIEW", "SUSPENDED", "DISABLED", "CONTRACT_INACTIVE")
_OWNERS = ("OWNED_BY_CURRENT_BUSINESS_CENTER", "SHARED_BY_OTHER_BUSINESS_CENTER")


@dataclass(frozen=True, slots=True)
class Member:
    """An account of a Business Center.

    :param cost: returns the account's cost in the report's date range, in dollars.
    """

    account: Account
    cost: Callable[[Account], float]


FIELDS: Mapping[str, Field] = {
    "advertiser_name": Field(lambda one, _: one.account.name, types=("MATCH",)),
    "advertiser_id": Field(lambda one, _: one.account.advertiser_id, is_id=True),
    "registered_area": Field(lambda one, _: one.account.country),
    # the spelling is TikTok's
    "platform_of_account": Field(lambda one, _: "ADS_MANGER", values=("ADS_MANGER", "RAP")),
    "owner_of_account": Field(lambda one, _: _OWNERS[0], values=_OWNERS),
    "currency_of_account": Field(lambda one, _: one.account.currency),
    "account_status": Field(lambda one, _: "APPROVED", values=_STATUSES),
    "cost": Field(
        lambda one, _: str(one.cost(one.account)),
        types=("GREATER_THAN", "GREATER_EQUAL", "LOWER_THAN", "LOWER_EQUAL"),
        is_number=True,
    ),
}


def parse_bc(params: Params) -> tuple[Query, tuple[Filter, ...]]:
    """Return a BC report and its account filters, validated.

    :return: the report, still without accounts, and the filters that its accounts must match.
    :raises ApiError: with TikTok's message.
    """
    params.require("bc_id", "dimensions")
    params.identifier("bc_id")
    refuse(params, BC, "data_level", "service_type")
    refuse_true(params, BC, "query_lifetime", "enable_total_metrics")
    refuse_chunks(params, BC)
    dimensions = params.strings("dimensions") or ()
    check_dimension_names(dimensions, BC)
    metrics = params.strings("metrics")
    start, end = read_dates(params)
    ids = tuple(name for name in dimensions if name == "advertiser_id")
    filters = parse_filters(params.array("filtering") or [], FIELDS)
    page, page_size = read_page(params)
    query = Query(
        advertiser_ids=(),
        level="",
        dimensions=dimensions,
        metrics=_all_metrics(dimensions) if metrics is None else unique(metrics),
        report_type=BC,
        id_dimensions=ids,
        time_dimension=time_dimension(dimensions),
        breakdowns=breakdowns_of(dimensions, BC),
        start=start,
        end=end,
        order_field=params.string("order_field"),
        descending=params.choice("order_type", ("ASC", "DESC"), "DESC") == "DESC",
        page=page,
        page_size=page_size,
        merged=not ids,
    )
    check_one_time_dimension(query)
    if len(query.breakdowns) > 1:
        raise wrong_dimensions(f"{' and '.join(query.breakdowns)} cannot be used together")
    check_dates(query)
    check_metrics(query, is_unknown)
    if any(not _is_available(name, dimensions) for name in query.metrics):
        raise conflict()
    check_order(query, is_unknown)
    return query, filters


def _all_metrics(dimensions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in catalog.metrics(BC) if _is_available(name, dimensions))


def _is_available(name: str, dimensions: tuple[str, ...]) -> bool:
    """Return whether TikTok sends a metric with all of these dimensions."""
    if "advertiser_id" in dimensions and is_attribute(name, BC):
        return True
    limits = catalog.metrics_by_dimension(BC)
    return all(name in limits[one] for one in dimensions if one in limits)
