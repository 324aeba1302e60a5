"""A list of entities into a table: one row for each entity, and those of the listed accounts are replaced."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from airflow_provider_tiktok.entities import catalog
from airflow_provider_tiktok.entities.kinds import KINDS
from airflow_provider_tiktok.entities.plan import EntityPlan
from airflow_provider_tiktok.exceptions import TikTokOutputError
from airflow_provider_tiktok.fingerprint import fingerprint_of
from airflow_provider_tiktok.operators._outputs.base import TableOptions
from airflow_provider_tiktok.operators._outputs.columns import UPDATED_AT, OutputColumns
from airflow_provider_tiktok.operators._outputs.sql import TableOutput, crossed_names
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import Schema
from airflow_provider_tiktok.storage.tables.table import ExistingTable, Layout, Slice

log = logging.getLogger(__name__)

_ACCOUNT = "advertiser_id"
_KEYS = {kind.key for kind in KINDS.values()} - {_ACCOUNT}


class EntityTable(TableOutput):
    """Entities into a table.

    :param options: the table.
    :param plan: of the list.
    :param schema: of TikTok's rows.
    :param columns: of the table.
    :param check_stopped: raises when the task was killed.
    :raises TikTokOutputError: the database or the table can't be used.
    """

    noun = "list"

    def __init__(
        self,
        options: TableOptions,
        plan: EntityPlan,
        schema: Schema,
        columns: OutputColumns,
        check_stopped: Callable[[], None],
    ) -> None:
        request = plan.request
        self._plan = plan
        self._kind = request.kind
        self._is_partial = request.is_partial
        if self._is_partial and not request.include_deleted:
            raise invalid(
                "modified_since",
                f"can't be used here with `include_deleted=False`: {self._kind.plural} that were deleted since wouldn't "
                "be listed, and their rows would stay as they are. Leave out one of the two.",
            )
        self._key_indexes = schema.key_indexes
        self._replaced: dict[str, list[str]] = {}
        identity = {
            "entity": request.kind.name,
            "filters": dict(request.filters),
            "include_deleted": request.include_deleted,
            **crossed_names(columns.names),
        }
        layout = Layout(
            columns.types,
            self._key_of(schema, columns),
            fingerprint_of(identity, 12),
            options.create_table,
            options.add_columns,
            columns.tiktok_names(),
            columns.mapped_names(),
            optional=frozenset(columns.renamed(request.more)),
            rows=f"list of {self._kind.plural}",
            differs=f"another entity than {self._kind.name}, other filters or another `include_deleted`",
            owner_of=_owner,
        )
        super().__init__(options, columns, layout, check_stopped)
        if self._table.left_out:
            log.warning(
                "Table %s has no column for %s, which TikTok sends and this version doesn't know, so it is left out. Set "
                "`add_columns=True` to store it.",
                options.table,
                ", ".join(self._table.left_out),
            )

    def _key_of(self, schema: Schema, columns: OutputColumns) -> tuple[str, ...]:
        """Return the columns that identify a row of the table."""
        return tuple(columns.renamed(schema.key))

    def encode(self, page: Page) -> Sequence[Any]:
        """Check rows, and make of them what the database takes, next to their keys where only these are replaced."""
        rows = super().encode(page)
        if not (self._is_partial and rows):
            return rows
        keys = zip(*(page.columns[index] for index in self._key_indexes), strict=True)
        return list(zip(keys, rows, strict=True))

    def write(self, rows: Sequence[Any]) -> None:
        """Hold rows until all are there."""
        if self._is_partial:
            for (account, name), _ in rows:
                self._replaced.setdefault(account, []).append(name)
            rows = [row for _, row in rows]
        super().write(rows)

    def _slices(self, skipped: Iterable[str]) -> Iterator[Slice]:
        """Return what the rows replace: all of their accounts, or the entities that changed."""
        account, key = self._columns.name_of(_ACCOUNT), self._columns.name_of(self._kind.key)
        if self._is_partial:
            for name, changed in self._replaced.items():
                yield Slice(key, tuple(changed), ((account, "=", name),))
        else:
            left_out = set(skipped)
            yield Slice(account, tuple(name for name in self._plan.accounts if name not in left_out))

    def _validate(self, found: ExistingTable) -> None:
        """Refuse the table of another entity, or of a report, as far as its columns show that.

        :raises TikTokOutputError: it is one, or it has fields that would become null.
        """
        table, ours = self._options.table, {name.lower() for name in self._columns.types}
        more = [name for name in found.columns if name.lower() not in ours]
        fields = catalog.fields(self._kind.name)
        foreign = [
            name for name in more if name not in fields and (name in _KEYS or name.startswith("stat_time_"))
        ]
        if foreign and not found.is_ours:
            raise TikTokOutputError(
                f"Table {table} seems to be that of {_owner(foreign) or 'a report'}: it also has {', '.join(foreign)}, "
                f"which no {self._kind.name} has. Use a separate table for {self._kind.plural}."
            )
        others = self._columns.all_named()
        # where a table has both names of a column, the other name is a TikTok field's own
        lost = [
            name for name in more if name in fields or (name in others and others[name] not in found.columns)
        ]
        if lost and not self._options.add_columns:
            raise TikTokOutputError(
                f"Table {table} would lose values of columns that this list doesn't ask for: {', '.join(lost)}. The rows "
                "that it replaces have them. Add them to `fields`, use a separate table, or set `add_columns=True` to let "
                "such columns become null."
            )
        self._becomes_null = lost


def _owner(columns: Collection[str]) -> str:
    """Return the kinds of entities whose ID is among some columns, and whether they are those of a history."""
    kinds = ", ".join(kind.name for kind in KINDS.values() if kind.key in columns and kind.key in _KEYS)
    return ", ".join(filter(None, [kinds, "with `history=True`" if UPDATED_AT in columns else ""]))
