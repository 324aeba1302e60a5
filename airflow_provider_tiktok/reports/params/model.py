"""The frozen request that every later step of a report reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.filters import split_filter
from airflow_provider_tiktok.reports.params.rules import Shape
from airflow_provider_tiktok.reports.report_types import REPORT_TYPES, ReportType


class Request(Protocol):
    """What was asked for, a report or a list of entities, as far as sources and outputs need to know it."""

    @property
    def advertiser_ids(self) -> tuple[str, ...] | None:
        """The accounts; ``None`` means the connection's, ``("*",)`` all."""

    @property
    def exclude_advertiser_ids(self) -> tuple[str, ...]:
        """Accounts to leave out."""

    @property
    def account(self) -> str:
        """TikTok's parameter for the ID of the account, or of the business center that represents its accounts."""

    @property
    def name(self) -> str:
        """A word for names of files."""

    @property
    def page_size(self) -> int:
        """Rows of a page."""

    @property
    def by_day(self) -> bool:
        """Whether one call is made a day."""

    @property
    def lookback_days(self) -> int:
        """Days by which the start moves back."""

    @property
    def time_dimensions(self) -> tuple[str, ...]:
        """The time dimensions of the rows."""

    def params(self) -> dict[str, Any]:
        """Return TikTok's parameters that are the same for each account, window and page."""


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """One checked report: what TikTok is asked for each account and request window.

    :param advertiser_ids: the accounts; ``None`` means the connection's, ``("*",)`` all.
    :param exclude_advertiser_ids: accounts to leave out.
    :param data_level: ``None`` if the report type has none.
    :param start_date: first day, inclusive; ``None`` if the run decides.
    :param end_date: last day, inclusive; ``None`` if the run decides.
    :param lookback_days: days by which the start moves back.
    :param filters: as TikTok expects them.
    :param extra: other parameters of TikTok's, passed on unchanged.
    :param by_day: make one call a day and fill ``stat_time_day`` from it, because TikTok has no time dimension.
    :param mode: ``sync``, or ``async`` for TikTok's report tasks.
    """

    advertiser_ids: tuple[str, ...] | None
    exclude_advertiser_ids: tuple[str, ...]
    report_type: str
    service_type: str | None
    data_level: str | None
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    filters: tuple[dict[str, str], ...] | dict[str, Any]
    order_field: str | None
    order_type: str | None
    start_date: date | None
    end_date: date | None
    lookback_days: int
    query_lifetime: bool
    extra: Mapping[str, Any]
    page_size: int
    by_day: bool
    mode: str = "sync"

    @property
    def is_async(self) -> bool:
        """Whether TikTok creates it in report tasks."""
        return self.mode == "async"

    @property
    def account(self) -> str:
        """TikTok's parameter for the ID of the account, or of the business center that represents its accounts."""
        return self.kind.account

    @property
    def name(self) -> str:
        """The level, or else the type, in one word for names of files."""
        return (self.data_level or self.report_type).removeprefix("AUCTION_").lower()

    @property
    def kind(self) -> ReportType:
        """TikTok's documented facts about this type of report."""
        return REPORT_TYPES[self.report_type]

    @property
    def shape(self) -> Shape:
        """The parts of the report that the rules check."""
        return Shape(
            kind=self.kind,
            levels=frozenset({self.data_level})
            if self.data_level
            else self.kind.levels(self.dimensions, self.filters),
            dimensions=self.dimensions,
            metrics=self.metrics,
            filter_fields=frozenset(
                self.filters
                if isinstance(self.filters, dict)
                else (item["field_name"] for item in self.filters)
            ),
            lifetime=self.query_lifetime,
            extra=self.extra,
        )

    @property
    def time_dimensions(self) -> tuple[str, ...]:
        """The time dimensions among the dimensions."""
        return tuple(name for name in self.dimensions if name.startswith("stat_time_"))

    def split_filters(self) -> list[list[dict[str, str]] | None]:
        """Return the filters of each call of a window: several calls if a filter names more IDs than TikTok takes."""
        if isinstance(self.filters, dict):
            return [None]
        parts: list[list[dict[str, str]]] = [[]]
        for item in self.filters:
            parts = [[*part, one] for part in parts for one in split_filter(item, is_async=self.is_async)]
        return [*parts] if len(parts) > 1 else [None]

    def params(self) -> dict[str, Any]:
        """Return TikTok's parameters that are the same for each account, window and page."""
        field_name, direction = self.kind.sort
        always_sent = catalog.metrics(self.report_type)
        return {
            "report_type": self.kind.sent_name,
            "service_type": self.service_type,
            "data_level": self.data_level,
            "dimensions": list(self.dimensions),
            "metrics": [
                name
                for name in self.metrics
                if name not in always_sent or "always_sent" not in always_sent[name].rules
            ],
            "filtering": (self.filters if isinstance(self.filters, dict) else list(self.filters)) or None,
            field_name: self.order_field,
            direction: self.order_type,
            "query_lifetime": True if self.query_lifetime else None,
            "page_size": None if self.is_async else self.page_size,
            **self.extra,
        }
