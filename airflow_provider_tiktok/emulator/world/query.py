"""One report, parsed and validated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_tiktok.emulator.world.conditions import Condition
from airflow_provider_tiktok.reports import catalog

_SPLITS = frozenset({"breakdown", "audience"})

ID_DIMENSIONS = {
    "AUCTION_ADVERTISER": ("advertiser_id",),
    "AUCTION_CAMPAIGN": ("campaign_id",),
    "AUCTION_ADGROUP": ("adgroup_id",),
    "AUCTION_AD": ("ad_id", "ad_id_v2"),
}
"""The ID dimensions of each data level."""


def breakdowns_of(dimensions: Sequence[str], report_type: str) -> tuple[str, ...]:
    """Return the breakdowns among dimensions, in the catalogue's order, which is also the order of value pairs."""
    return tuple(
        dimension.name
        for dimension in catalog.dimensions(report_type).values()
        if dimension.kind in _SPLITS and dimension.name in dimensions
    )


@dataclass(frozen=True, slots=True)
class Query:
    """The report that a call requests. Days are ordinals; a ``lifetime`` report has none.

    :param report_type: TikTok's report type, or the name of a separate endpoint (``GMV_MAX``, ``SMART_PLUS``).
    :param id_dimensions: the dimensions of a row's entity; empty makes the account one entity.
    :param breakdowns: the dimensions that are neither IDs nor time.
    :param unpaged: whether all rows are one page, as in TikTok's ``CHUNK`` mode.
    :param several: whether the call has ``advertiser_ids``, which adds columns to every row.
    :param merged: whether rows of several accounts with the same dimensions become one.
    :param store: the TikTok Shop that the report is about.
    :param spent_only: whether rows without spend are omitted.
    :param untruncated: whether TikTok's limit of entities does not apply, as in report tasks.
    :param matches_nothing: whether the call is valid but no emulated ad matches it (reservation ads).
    """

    advertiser_ids: tuple[str, ...]
    level: str
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    report_type: str = "BASIC"
    id_dimensions: tuple[str, ...] = ()
    time_dimension: str | None = None
    breakdowns: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    filters: tuple[Condition, ...] = ()
    order_field: str | None = None
    descending: bool = True
    page: int = 1
    page_size: int = 10
    unpaged: bool = False
    totals: bool = False
    several: bool = False
    merged: bool = False
    store: str | None = None
    spent_only: bool = False
    untruncated: bool = False
    matches_nothing: bool = False

    @property
    def id_dimension(self) -> str:
        """Return the first ID dimension of the report; empty if it has none."""
        return self.id_dimensions[0] if self.id_dimensions else ""

    @property
    def lifetime(self) -> bool:
        """Return whether the report covers the lifetime."""
        return self.start is None
