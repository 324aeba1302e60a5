"""The last line of a task's log, which tells all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_tiktok.operators._outputs.xcom import ROWS_KEY

_ACCOUNTS = 5  # whose days are named


def story_of(summary: Mapping[str, Any], output_path: str | None) -> str:
    """Return what came, of which days, in how many calls, and where it went.

    :param summary: the summary.
    :param output_path: file or folder; ``None`` without one.
    """
    spend = ", ".join(f"{total} {currency}".rstrip() for currency, total in summary.get("spend", {}).items())
    parts = [
        f"{summary['row_count']:,} rows{f', spend {spend}' if spend else ''}",
        _days(summary),
        f"{len(summary['advertiser_ids'])} account(s)" if summary["advertiser_ids"] else "",
        f"{summary['api_calls']:,} call(s), {summary['retried_calls']:,} repeated, "
        f"{summary['throttled_calls']:,} throttled",
        _place(summary, output_path),
    ]
    return "; ".join(filter(None, parts))


def _days(summary: Mapping[str, Any]) -> str:
    """Return the days; those of each account where they differ."""
    if not summary.get("report_start_date"):
        return ""
    first, last = summary["report_start_date"], summary["report_end_date"]
    others = summary["account_dates"]
    named = [f"{name} {_span(*days)}" for name, days in list(others.items())[:_ACCOUNTS]]
    more = len(others) - len(named)
    apart = f" ({', '.join(named)}{f' and {more:,} more' if more else ''})" if named else ""
    return f"{_span(first, last)}{apart}"


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def _place(summary: Mapping[str, Any], output_path: str | None) -> str:
    if "table" in summary:
        return f"rows are in table {summary['table']}"
    if output_path:
        return f"{summary['path_count']} file(s), {summary['bytes']:,} bytes: {output_path}"
    return f"rows are in XCom under the key {ROWS_KEY!r}"
