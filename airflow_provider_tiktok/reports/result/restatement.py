"""What changed between two versions of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.rows.schema import Schema, is_time
from airflow_provider_tiktok.storage.columns import DECIMAL, INTEGER

MAX_DAYS = 60
"""How many days a summary shows; a manifest has them all."""

_SUMS = (
    # what was spent
    *("spend", "cost", "billed_cost", "net_cost"),
    # what came of it: TikTok dates some of it by the ad's day, so past days grow for weeks
    *("conversion", "real_time_conversion", "skan_conversion", "result", "real_time_result"),
    *("complete_payment", "total_complete_payment_rate", "orders", "gross_revenue"),
)


def compared_by(request: ReportRequest, schema: Schema) -> dict[str, Any]:
    """Return how two versions of a report are compared: columns, key, day, and what is added up.

    Only metrics that the catalogue knows as additive are added up. Money of several accounts is added as it
    is, whatever their currencies.
    """
    known = catalog.metrics(request.report_type)
    return {
        "columns": schema.columns,
        "key": schema.key,
        "day": next(filter(is_time, schema.key), None),
        "sums": [
            name
            for name in _SUMS
            if schema.columns.get(name) in {DECIMAL, INTEGER} and name in known and known[name].additive
        ],
    }


def shown_restatement(restatement: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a summary shows: the sums, and the first days that changed.

    ``days_left_out`` counts the changed days that it doesn't show.
    """
    changed = {day: said for day, said in restatement["days"].items() if _has_changed(said)}
    shown = dict(list(changed.items())[:MAX_DAYS])
    return {**restatement, "days": shown, "days_left_out": len(changed) - len(shown)}


def restatement_text(restatement: Mapping[str, Any]) -> str:
    """Return what changed, as a line of the log."""
    sums = "".join(
        f"; {name} {said['before']:,} -> {said['after']:,}" for name, said in restatement["sums"].items()
    )
    days = [day for day, said in restatement["days"].items() if _has_changed(said)]
    when = f" on {len(days)} day(s) from {days[0]} to {days[-1]}" if days else ""
    return (
        f"Restated: {restatement['rows_before']:,} rows before, {restatement['rows_after']:,} now; "
        f"{restatement['rows_added']:,} added, {restatement['rows_removed']:,} removed, "
        f"{restatement['rows_changed']:,} changed{when}{sums}"
    )


def _has_changed(said: Mapping[str, Any]) -> bool:
    return any(said[f"rows_{what}"] for what in ("added", "removed", "changed"))
