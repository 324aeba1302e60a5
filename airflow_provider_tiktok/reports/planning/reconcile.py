"""Compares what the rows of a report say was spent with what the account itself says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.filters import STATUS_FIELDS
from airflow_provider_tiktok.reports.params.request import ReportRequest
from airflow_provider_tiktok.reports.planning.planner import ReportCall
from airflow_provider_tiktok.reports.report_types import DAY, HOUR

_IDS = ("advertiser_id", "campaign_id", "adgroup_id", "ad_id", "ad_id_v2")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How a report is compared with its accounts.

    :param request: the report.
    :param tolerance: part of the account's spend by which the rows' may differ, beside rounding.
    """

    request: ReportRequest
    tolerance: Decimal

    def call(self, call: ReportCall) -> ReportCall:
        """Give the call that asks for the account's spend in a window."""
        common = {
            "report_type": "BASIC",
            "data_level": "AUCTION_ADVERTISER",
            "dimensions": ["advertiser_id"],
            "metrics": ["spend"],
            "query_lifetime": True if self.request.query_lifetime else None,
            "page_size": self.request.page_size,
        }
        return replace(call, common=common, part="the account's own spend")

    def problem(self, spend: Decimal, total: Decimal, *, rows: int) -> str:
        """Say how far apart the two are, where that is too far."""
        return differ(spend, total, "the account's own", rows=rows, tolerance=self.tolerance)


def differ(spend: Decimal, total: Decimal, whose: str, *, rows: int, tolerance: Decimal = Decimal(0)) -> str:
    """Say how far two sums of spend are apart, where that is more than rounding and tolerance explain.

    :param spend: of the rows.
    :param total: what it should be.
    :param whose: what the total is of, for the message.
    :param rows: how many rows were added up, each of which TikTok has rounded.
    :param tolerance: part of the total.
    """
    # what rounding of many rows adds up to grows with the square root of their number
    allowed = 2 * _unit(spend if rows else total, total) * (1 + Decimal(rows).sqrt()) + abs(total) * tolerance
    if abs(spend - total) <= allowed:
        return ""
    return (
        f"its rows spent {spend}, and {whose} spend is {total}: {spend - total:+} is more than rounding and tolerance "
        f"explain ({allowed:.2f})"
    )


def _unit(*amounts: Decimal) -> Decimal:
    """Give the unit of the last digit of the most precise amount."""
    exponents = [exponent for amount in amounts if isinstance(exponent := amount.as_tuple().exponent, int)]
    return Decimal(1).scaleb(min(exponents, default=0))


def read_reconciliation(request: ReportRequest, wanted: bool, tolerance: float) -> Reconciliation | None:
    """Check that a report can be compared with its accounts.

    :raises TikTokInvalidRequestError: it can't.
    """
    if not wanted:
        return None
    if not 0 <= tolerance < 1:
        raise invalid(
            "reconcile_tolerance", f"is {tolerance}; it is a part of the spend, from 0 to less than 1."
        )
    reason = _obstacle(request)
    if reason:
        raise invalid("reconcile", f"compares spend with the account's own, and this report {reason}.")
    return Reconciliation(request, Decimal(str(tolerance)))


def _obstacle(request: ReportRequest) -> str:
    """Say why a report's spend need not be the account's; empty when it must be."""
    if request.report_type != "BASIC":
        return f"is a {request.report_type} report; BASIC reports can be compared"
    if "spend" not in request.metrics:
        return "has no spend; add it to `metrics`"
    others = sorted(set(request.dimensions) - {*_IDS, DAY, HOUR})
    if others:
        return f"is grouped by {', '.join(others)}; group by an ID, and by day or hour, only"
    partial = [
        str(item["field_name"])
        for item in request.filters
        if isinstance(item, dict)
        and not (item["field_name"] in STATUS_FIELDS.values() and "STATUS_ALL" in item["filter_value"])
    ]
    if partial:
        return f"leaves entities out by its filter on {', '.join(partial)}; drop the filter"
    # what a report task leaves out can't be chosen, so there the comparison is to show it
    if request.data_level in STATUS_FIELDS and not request.filters and not request.is_async:
        return "leaves deleted entities out; set `include_deleted=True`"
    return ""
