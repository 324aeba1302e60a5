"""The parameters of BC reports, on the accounts of a Business Center."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_tiktok.emulator.schemas import base, checks, fields
from airflow_provider_tiktok.emulator.schemas.filters import filters
from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.conditions import Field
from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.emulator.world.table import is_attribute
from airflow_provider_tiktok.reports import catalog

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


def _check_conflicts(query: Query) -> None:
    if any(not _is_available(name, query.dimensions) for name in query.metrics):
        raise checks.conflict()


def _is_available(name: str, dimensions: tuple[str, ...]) -> bool:
    """Return whether TikTok sends a metric with all of these dimensions."""
    if "advertiser_id" in dimensions and is_attribute(name, BusinessCenter.kind):
        return True
    limits = catalog.metrics_by_dimension(BusinessCenter.kind)
    return all(name in limits[one] for one in dimensions if one in limits)


class BusinessCenter(base.ReportSchema):
    """BC reports, still without accounts; the filters select these."""

    kind = "BC"
    rules = (
        checks.one_time_dimension,
        checks.one_breakdown,
        checks.dates,
        checks.metrics,
        _check_conflicts,
        checks.order,
    )

    needed = base.required("bc_id", "dimensions")
    bc_id = fields.identifier()
    refused = base.refused("data_level", "service_type")
    flags = base.never("query_lifetime", "enable_total_metrics")
    query_mode = base.NO_CHUNKS
    dimensions = base.dimensions()
    metrics = fields.strings()
    dates = base.dates()
    filtering = filters(FIELDS)
    page, page_size = base.paging()
    order_field, order_type = base.ordering()

    def parts(self, call: base.CallValues) -> dict[str, Any]:
        """Return the metrics of the grouping if the call names none."""
        dimensions, accounts = call["dimensions"], "advertiser_id" in call["dimensions"]
        parts = {"advertiser_ids": (), "merged": not accounts}
        if call["metrics"] is None:
            available = (name for name in catalog.metrics(self.kind) if _is_available(name, dimensions))
            parts["metrics"] = tuple(available)
        return parts
