"""Compare the spend of a report's rows with the account's own spend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.filters import STATUS_FIELDS
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.reports.report_types import DAY, HOUR

_IDS = ("advertiser_id", "campaign_id", "adgroup_id", "ad_id", "ad_id_v2")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How a report is reconciled with its accounts.

    :param request: the report.
    :param tolerance: fraction of the account's spend by which the rows' spend may differ, in addition to rounding.
    """

    request: ReportRequest
    tolerance: Decimal

    def call(self, call: ReportCall) -> ReportCall:
        """Return the call that asks for the account's spend in a request window."""
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
        """Return how far apart the two sums are; empty if they are close enough."""
        return differ(spend, total, "the account's own", rows=rows, tolerance=self.tolerance)


def differ(spend: Decimal, total: Decimal, whose: str, *, rows: int, tolerance: Decimal = Decimal(0)) -> str:
    """Return how far apart two sums of spend are; empty if rounding and tolerance explain the difference.

    :param spend: of the rows.
    :param total: the expected sum.
    :param whose: whose total it is, for the message.
    :param rows: number of rows in the sum, each rounded by TikTok.
    :param tolerance: fraction of the total.
    """
    # the rounding error of a sum grows with the square root of the number of rows
    allowed = 2 * _unit(spend if rows else total, total) * (1 + Decimal(rows).sqrt()) + abs(total) * tolerance
    if abs(spend - total) <= allowed:
        return ""
    return (
        f"its rows spent {spend}, and {whose} spend is {total}: {spend - total:+} is more than rounding and tolerance "
        f"explain ({allowed:.2f})"
    )


def _unit(*amounts: Decimal) -> Decimal:
    """Return the unit of the last digit of the most precise amount."""
    exponents = [exponent for amount in amounts if isinstance(exponent := amount.as_tuple().exponent, int)]
    return Decimal(1).scaleb(min(exponents, default=0))


def read_reconciliation(request: ReportRequest, wanted: bool, tolerance: float) -> Reconciliation | None:
    """Return the reconciliation of a report; ``None`` if none is wanted.

    :raises TikTokInvalidRequestError: the report can't be compared with its accounts.
    """
    if not wanted:
        return None
    if not 0 <= tolerance < 1:
        raise invalid(
            "reconcile_tolerance", f"is {tolerance}; it is a fraction of the spend, from 0 to less than 1."
        )
    reason = _obstacle(request)
    if reason:
        raise invalid("reconcile", f"compares spend with the account's own, and this report {reason}.")
    return Reconciliation(request, Decimal(str(tolerance)))


def _obstacle(request: ReportRequest) -> str:
    """Return why a report's spend may differ from the account's; empty if the two must be equal."""
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
    # a report task doesn't let the user choose what it leaves out, so the comparison has to show it
    if request.data_level in STATUS_FIELDS and not request.filters and not request.is_async:
        return "leaves deleted entities out; set `include_deleted=True`"
    return ""
