"""Refuse rows that are well-formed but can't be right.

A row must belong to the account and the days that its call asked for, and name its entity. TikTok writes ``-`` if a
breakdown doesn't apply, such as an unknown province, and such rows are right; a row without the ID of its account,
campaign, ad group or ad is the sum at the end of an export, or a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.filters import ROW_IDS
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.reports.rows.reader import Page, RowReader
from airflow_provider_tiktok.reports.rows.schema import Cell

_ID = re.compile(r"-?[0-9]+")
NUMBERS = ("advertiser_id", *ROW_IDS, "smart_plus_ad_id")
"""IDs of accounts, campaigns, ad groups and ads: they are digits, and a row by one of them has it."""

_NO_NAMES = ("duration",)  # an ID in the catalogue only


def check_rows(page: Page, reader: RowReader, call: ReportCall, subject: str, first: int) -> None:
    """Refuse a row of another account or day, or one that doesn't name its entity.

    :param first: number of the page's first row.
    :raises TikTokIncompleteReportError: there is such a row.
    """
    columns = dict(zip(reader.schema.columns, page.columns, strict=True))
    for index, fault in _faults(columns, reader.request, call):
        raise TikTokIncompleteReportError(
            f"TikTok sent a row {fault} (row {index + first:,}, {subject}). Nothing is published; run the task again."
        )


def _faults(
    columns: dict[str, Sequence[Cell]], request: ReportRequest, call: ReportCall
) -> Iterator[tuple[int, str]]:
    """Yield the index of each row that can't be right, and why."""
    for name, low, high in _bounds(columns, call):
        for stray in (cell for cell in set(columns[name]) if cell and not low <= cell <= high):
            yield columns[name].index(stray), f"of {sanitize(stray, 60)!r}, which was not asked for"
    for name in request.dimensions:
        if name in NUMBERS and not all(columns[name]):
            yield next(index for index, cell in enumerate(columns[name]) if not cell), f"without {name}"
    names = _names(request)
    if names and not any(all(columns[name]) for name in names):
        for index, cells in enumerate(zip(*(columns[name] for name in names), strict=True)):
            if not any(cells):
                yield index, f"without {' and '.join(names)}"
    for name in (name for name in ("advertiser_id", *ROW_IDS) if name in columns):
        for stray in _no_ids(columns[name]):
            yield columns[name].index(stray), f"whose {name} is {sanitize(stray, 60)!r}, which is no ID"


def _bounds(columns: dict[str, Sequence[Cell]], call: ReportCall) -> list[tuple[str, str, str]]:
    """Return the columns whose values the call limits, with the least and the greatest text."""
    found = []
    if call.parameter == "advertiser_id":
        found.append(("advertiser_id", call.advertiser_id, call.advertiser_id))
    start, end = call.window.start, call.window.end
    if start and end:
        found.append(("stat_time_day", start.isoformat(), end.isoformat()))
        found.append(("stat_time_hour", start.isoformat(), f"{end.isoformat()}T24"))
    return [bound for bound in found if bound[0] in columns]


def _names(request: ReportRequest) -> tuple[str, ...]:
    """Return the dimensions of which each row must have at least one: its IDs, or all if it has none.

    A row of a single breakdown may be the one to which the breakdown doesn't apply.
    """
    known = catalog.dimensions(request.report_type)
    ids = tuple(
        name
        for name in request.dimensions
        if name in known and known[name].kind == "id" and name not in _NO_NAMES
    )
    return ids or (request.dimensions if len(request.dimensions) > 1 else ())


def _no_ids(cells: Sequence[Cell]) -> list[str]:
    """Return the cells that are neither an ID nor null."""
    with suppress(TypeError):  # a cell is null
        text = "".join(cells)  # type: ignore[arg-type]
        if all(cells) and text.isascii() and text.encode().isdigit():  # several times faster than a pattern
            return []
    return [cell for cell in cells if cell is not None and not is_number_id(cell)]


def is_number_id(text: str) -> bool:
    """Return whether a text can be one of the IDs :data:`NUMBERS`."""
    return _ID.fullmatch(text) is not None
