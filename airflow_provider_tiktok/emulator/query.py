"""One report, checked and understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_tiktok.emulator.filters import Condition
from airflow_provider_tiktok.reports import catalog

_SPLITS = frozenset({"breakdown", "audience"})

ID_DIMENSIONS = {
    "AUCTION_ADVERTISER": ("advertiser_id",),
    "AUCTION_CAMPAIGN": ("campaign_id",),
    "AUCTION_ADGROUP": ("adgroup_id",),
    "AUCTION_AD": ("ad_id", "ad_id_v2"),
}
"""The ID dimensions that go with each data level."""


def breakdowns_of(dimensions: Sequence[str], report_type: str) -> tuple[str, ...]:
    """Give the breakdowns among dimensions, in the catalogue's order, in which values come in pairs."""
    return tuple(
        dimension.name
        for dimension in catalog.dimensions(report_type).values()
        if dimension.kind in _SPLITS and dimension.name in dimensions
    )


@dataclass(frozen=True, slots=True)
class Query:
    """What a call asks for. Days are ordinals; with ``lifetime`` there are none.

    :param report_type: TikTok's, or the name of an endpoint of its own (``GMV_MAX``, ``SMART_PLUS``).
    :param id_dimensions: what a row's entity is; without any, all of an account is one row.
    :param breakdowns: the dimensions beside the IDs and the time.
    :param several: whether ``advertiser_ids`` was given, which adds columns to every row.
    :param joint: whether rows of several accounts with the same dimensions become one.
    :param store: the TikTok Shop that the report is about.
    :param spent_only: whether rows without spend are left out.
    :param uncut: whether TikTok's cut at so many entities does not apply, as in report tasks.
    :param nothing: the call is legal and nothing here can match it (reservation ads).
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
    whole: bool = False
    totals: bool = False
    several: bool = False
    joint: bool = False
    store: str | None = None
    spent_only: bool = False
    uncut: bool = False
    nothing: bool = False

    @property
    def id_dimension(self) -> str:
        """The one ID dimension of a report that has one; empty without any."""
        return self.id_dimensions[0] if self.id_dimensions else ""

    @property
    def lifetime(self) -> bool:
        """Whether it covers all that ever was."""
        return self.start is None
