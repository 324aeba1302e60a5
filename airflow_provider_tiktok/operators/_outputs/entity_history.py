"""A list of entities into a table that keeps all changes: one row for each state of an entity, and none is deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from airflow_provider_tiktok.entities.plan import EntityPlan
from airflow_provider_tiktok.entities.request import IS_DELETED, MODIFIED
from airflow_provider_tiktok.operators._outputs.base import TableOptions
from airflow_provider_tiktok.operators._outputs.columns import UPDATED_AT, OutputColumns, utc_cell
from airflow_provider_tiktok.operators._outputs.entity_table import EntityTable
from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import Schema
from airflow_provider_tiktok.storage.tables.versions import Load, Versions

_ACCOUNT = "advertiser_id"
_TO_THE_SECOND = len("2026-11-01T13:00:00")


class EntityHistory(EntityTable):
    """Entities into a table, a row for each of their states.

    A row is added where an entity isn't as its newest row says. ``updated_at`` of an entity's rows grows: it is the time
    that TikTok says, where that is later than the newest row's, and else the time of the load.

    :param options: the table.
    :param plan: of the list.
    :param schema: of TikTok's rows.
    :param columns: of the table.
    :param check_stopped: raises when the task was killed.
    :raises TikTokOutputError: the database or the table can't be used.
    """

    keep_order: ClassVar[bool] = False

    def __init__(
        self,
        options: TableOptions,
        plan: EntityPlan,
        schema: Schema,
        columns: OutputColumns,
        check_stopped: Callable[[], None],
    ) -> None:
        super().__init__(options, plan, schema, columns, check_stopped)
        own = list(schema.columns)
        self._count = len(own)
        self._account_index, self._key_index = own.index(_ACCOUNT), own.index(self._kind.key)
        # what Fivetran calls `updated_at` is TikTok's time of change, else of creation
        self._has_own = UPDATED_AT in columns.names
        times = (MODIFIED,) if self._has_own else (MODIFIED, "create_time")
        self._time_indexes = [own.index(name) for name in times if name in own]

    def encode(self, page: Page) -> Sequence[Any]:
        """Check rows, with the time of change that TikTok says, and return them as cells next to their keys."""
        if not len(page):
            return []
        cells, clean = list(page.columns), list(page.clean)
        count = len(page)
        sources = [cells[index] for index in self._time_indexes] or [[None] * count]
        times = [_first(some) for some in zip(*sources, strict=True)]
        index = self._count
        more: list[Sequence[str | None]] = [] if self._kind.status is not None else [[None] * count]
        if self._has_own:
            more.append(times)
        else:
            cells[self._time_indexes[0]], clean[self._time_indexes[0]] = times, False
        cells[index:index], clean[index:index] = more, [False] * len(more)
        keys = zip(cells[self._account_index], cells[self._key_index], strict=True)
        return list(zip(keys, self._table.check(cells, clean), strict=True))

    def write(self, rows: Sequence[Any]) -> None:
        """Hold rows until all are there, sorted by their keys."""
        self._buffer.add([key for key, _ in rows], [row for _, row in rows])

    def _key_of(self, schema: Schema, columns: OutputColumns) -> tuple[str, ...]:
        """Return the columns that identify a row: those of an entity, and the time."""
        known = schema.key if self._kind.is_shared else (self._kind.key,)
        name = columns.name_of(UPDATED_AT)
        return (*columns.renamed(known), name)

    def _change(self, source: RowSource, now: datetime) -> tuple[int, int]:
        """Add a row for each entity that isn't as its newest row says."""
        name_of, loaded_at = self._columns.name_of, self._columns.loaded_at
        time = utc_cell(now.timestamp())
        result, request = source.result, self._plan.request
        accounts = [one for one in self._plan.accounts if one not in result.skipped]
        lists_all = not (request.is_partial or request.filters) and request.include_deleted
        versions = Versions(
            account=name_of(_ACCOUNT),
            thing=name_of(self._kind.key),
            time=name_of(UPDATED_AT),
            gone=name_of(IS_DELETED),
            ignored=(loaded_at,) if loaded_at else (),
        )
        load = Load(
            now=time,
            gone_in=frozenset(accounts).difference(result.cut) if lists_all else frozenset(),
            fill={loaded_at: time} if loaded_at else {},
        )
        inserted = self._table.add_versions(
            versions,
            load,
            accounts,
            self._buffer,
            batch_size=self._options.batch_size,
            wait=self._waiter(),
        )
        return 0, inserted


def _first(times: Sequence[str | None]) -> str | None:
    """Return the first time that is known, to the second: not all databases store more."""
    known = next(filter(None, times), None)
    return known if known is None or len(known) <= _TO_THE_SECOND else f"{known[:_TO_THE_SECOND]}Z"
