"""The emulated accounts and ads, and any report on them.

It works without HTTP, so that a test can compute the expected rows of a report::

    rows = World(Settings(seed=1)).rows(
        advertiser_id, "AUCTION_AD", ["ad_id", "stat_time_day"], ["spend"], "2026-11-01", "2026-11-07"
    )
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from airflow_provider_tiktok.emulator.world.conditions import not_deleted
from airflow_provider_tiktok.emulator.world.merged_table import MergedTable
from airflow_provider_tiktok.emulator.world.population import Population
from airflow_provider_tiktok.emulator.world.query import ID_DIMENSIONS, Query, breakdowns_of
from airflow_provider_tiktok.emulator.world.table import Table


class World(Population):
    """All data that a seed determines, with reports on it.

    :param settings: see :class:`Settings`.
    """

    def table(self, query: Query) -> Table:
        """Return a report as a table, without computing its figures yet."""
        return MergedTable(self, query) if query.merged else Table(self, query)

    def rows(  # noqa: PLR0917 - the usual order of a report's parameters
        self,
        advertiser_id: str,
        level: str,
        dimensions: Sequence[str],
        metrics: Sequence[str],
        start: str | date | None = None,
        end: str | date | None = None,
        include_deleted: bool = False,
        report_type: str = "BASIC",
    ) -> list[dict[str, dict[str, Any]]]:
        """Return all rows of a BASIC, AUDIENCE or CATALOG report as TikTok sends them, in the default order.

        :param start: the first day; ``None`` is the lifetime.
        :param end: the last day; ``None`` is the same as ``start``.
        :param include_deleted: whether to include deleted entities, as the level's ``STATUS_ALL`` filter does.
        """
        default = None if include_deleted else not_deleted(level)
        query = Query(
            advertiser_ids=(advertiser_id,),
            level=level,
            dimensions=tuple(dimensions),
            metrics=tuple(metrics),
            report_type=report_type,
            id_dimensions=tuple(name for name in dimensions if name in ID_DIMENSIONS[level]),
            time_dimension=next((name for name in dimensions if name.startswith("stat_time_")), None),
            breakdowns=breakdowns_of(dimensions, report_type),
            start=_ordinal(start),
            end=_ordinal(start if end is None else end),
            filters=(default,) if default else (),
            unpaged=True,
        )
        table = self.table(query)
        found: list[dict[str, dict[str, Any]]] = json.loads(f"[{','.join(table.render(0, len(table)))}]")
        return found


def _ordinal(day: str | date | None) -> int | None:
    return date.fromisoformat(day).toordinal() if isinstance(day, str) else day.toordinal() if day else None
