"""Check a window whose calls are complete, and join their rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from airflow_provider_tiktok.reports.fetch.collectors import IdCollector
from airflow_provider_tiktok.reports.fetch.window.calls import FetchSettings, Listing, RowCall, WindowCalls
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.planning.reconcile import differ
from airflow_provider_tiktok.reports.rows.reader import RowReader
from airflow_provider_tiktok.storage.buffer import RowBuffer
from airflow_provider_tiktok.storage.columns import is_number


def join(calls: WindowCalls, settings: FetchSettings) -> RowBuffer | str:
    """Return the rows of a window whose calls are complete, or what is wrong with them together."""
    if problem := window_problem(calls, settings):
        return problem
    rows = join_rows(calls.row_calls, settings)
    return "TikTok gave a row in two parts of the window" if rows is None else rows


def window_problem(calls: WindowCalls, settings: FetchSettings) -> str:
    """Return how a window's sums differ from those of its lists, or of the account; empty where they don't."""
    listings = {id(one): one for row_call in calls.row_calls for one in row_call.listings}
    for listing in listings.values():
        if problem := _list_problem(listing, calls.row_calls):
            return problem
    if calls.account_total is None or settings.reconciliation is None:
        return ""
    total = calls.account_total.collector
    assert isinstance(total, IdCollector)  # noqa: S101 - made so
    rows = _row_count(calls.row_calls)
    return settings.reconciliation.problem(_sum("spend", calls.row_calls), total.sums["spend"], rows=rows)


def join_rows(row_calls: Sequence[RowCall], settings: FetchSettings) -> RowBuffer | None:
    """Join the rows of a window's calls; return ``None`` when one came in two of them."""
    first, *others = [one.collector.buffer for one in row_calls]
    for buffer in others:
        first.absorb(buffer)
    if not others:
        return first
    return None if first.has_duplicates() else _in_order(first, settings.request, settings.reader)


def _list_problem(listing: Listing, row_calls: Sequence[RowCall]) -> str:
    """Return how the rows differ from what was listed to make their calls; empty where they don't."""
    split_off = [one for one in row_calls if any(it is listing for it in one.listings)]
    for collector in listing.collectors:
        for name, total in collector.sums.items():
            found = _sum(name, split_off)
            if name == "spend":
                rows = _row_count(split_off)
                if problem := differ(found, total, listing.whose, rows=rows):
                    return problem
            elif found != total:  # counts, which TikTok doesn't round
                return f"its rows have {found} {name}, and {listing.whose} are {total}"
    return ""


def _sum(name: str, row_calls: Sequence[RowCall]) -> Decimal:
    return sum((one.collector.sums[name] for one in row_calls), Decimal(0))


def _row_count(row_calls: Sequence[RowCall]) -> int:
    return sum(len(one.collector.buffer) for one in row_calls)


def _in_order(buffer: RowBuffer, request: ReportRequest, reader: RowReader) -> RowBuffer:
    """Sort rows of several calls as TikTok would have sorted them in one."""
    if request.order_field not in reader.schema.columns:
        return buffer
    sign = 1 if request.order_type == "ASC" else -1

    def rank(key: Any) -> tuple[Any, ...]:
        *identity, cell = key
        number = sign * float(cell) if is_number(cell) else 0.0
        return not is_number(cell), number, *identity

    return buffer.sorted_by(rank)
