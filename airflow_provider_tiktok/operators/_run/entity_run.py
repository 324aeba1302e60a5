"""One run of :class:`~airflow_provider_tiktok.operators.entities.TikTokEntitiesOperator`, from options to summary."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_tiktok.entities.fetch import open_source
from airflow_provider_tiktok.entities.plan import EntityPlan, plan_entities
from airflow_provider_tiktok.entities.request import (
    CREATED,
    IS_DELETED,
    MODIFIED,
    EntityRequest,
    parse_entities,
)
from airflow_provider_tiktok.entities.rows import UnknownFieldsError, closed, entity_schema
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._outputs.base import Output
from airflow_provider_tiktok.operators._outputs.columns import (
    UPDATED_AT,
    OutputColumns,
    read_columns,
    utc_cell,
)
from airflow_provider_tiktok.operators._run.checkpoint import RunCheckpoint
from airflow_provider_tiktok.operators._run.options import EntityOptions
from airflow_provider_tiktok.operators._run.outcome import Finished
from airflow_provider_tiktok.operators._run.run import Run
from airflow_provider_tiktok.reports.fetch.collectors import Encode
from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.result.summary import summarize_entities
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.storage.columns import BOOLEAN, UTC_TIMESTAMP

log = logging.getLogger(__name__)


class EntityRun(Run):
    """One attempt at a list of entities.

    :param options: of the operator.
    :param hook: calls TikTok.
    :param context: Airflow's context; may be empty.
    :param stop: set when the task is killed.
    :param on_plan: called with the plan as soon as there is one.
    """

    options: EntityOptions
    noun = "list"
    check_first = "Check accounts and filters."

    def __init__(
        self,
        options: EntityOptions,
        hook: TikTokHook,
        context: Any,
        stop: threading.Event,
        on_plan: Callable[[EntityPlan], None] = lambda _: None,
    ) -> None:
        request = parse_entities(**options.entities)
        if _keeps_history(options):
            request = request.with_fields(MODIFIED)
        columns = _columns_of(request, options)
        if _fills_updated_at(columns):
            request = request.with_fields(CREATED)
            columns = _columns_of(request, options)
        request = replace(request, taken=columns.taken())
        if more := [name for name in columns.originals(options.partition_by) if name != "advertiser_id"]:
            raise invalid(
                "partition_by",
                f"has {more[0]}; a list of entities can be partitioned by advertiser_id only, since each run replaces all "
                "that it lists of an account.",
            )
        super().__init__(options, columns, hook, context, stop)
        self._request = request
        self._on_plan = on_plan
        self._warned: set[str] = set()

    def attempt(self, *, resumed: bool) -> Finished:
        """List the entities and publish them, without a wait in the triggerer.

        Columns are decided before the first row. Where TikTok sends a field that this version doesn't know, the list is
        read again, with a column for it.

        :param resumed: whether this attempt has waited there before.
        """
        plan = plan_entities(self.client, self._request)
        self._on_plan(plan)
        while True:
            try:
                return self.fetch(plan, self._open_output(plan), self._open_source, resumed=resumed)
            except UnknownFieldsError as error:
                request = plan.request.with_more(error.names)
                self.columns = _columns_of(request, self.options)
                plan = replace(plan, request=replace(request, taken=self.columns.taken()))

    def describe(self, source: RowSource) -> str:
        """Return what is listed, for the log."""
        kind = self._request.kind
        return f"All {kind.plural} of {len(source.plan.advertiser_ids)} account(s), in {len(source.plan.calls)} list(s)"

    def summarize(self, source: RowSource) -> dict[str, Any]:
        """Return the summary of rows that have all come."""
        return {
            "entity": self._request.kind.name,
            **summarize_entities(source, self.client.counts, self.accounts.read),
        }

    def _open_output(self, plan: EntityPlan) -> Output:
        """Open what takes the rows: a table, files or XCom.

        :raises TikTokOutputError: it can't take the rows of this list.
        """
        schema = entity_schema(plan.request)
        if self.options.table is None:
            return self.open_files(plan)
        # these load Airflow's SQL provider
        from airflow_provider_tiktok.operators._outputs.entity_history import EntityHistory
        from airflow_provider_tiktok.operators._outputs.entity_table import EntityTable

        output = EntityHistory if _keeps_history(self.options) else EntityTable
        return output(self.options.table, plan, schema, self.columns, self.check_stopped)

    def _with_updated_at(self, encode: Encode, began: float) -> Encode:
        """Return a function that encodes pages with a time of change in every row, where Fivetran's column holds it.

        Fivetran's packages take the newest ``updated_at`` for an entity's present state, and in PostgreSQL null is newest.

        :param encode: encodes pages.
        :param began: when the load began, as Unix timestamp.
        """
        if _keeps_history(self.options):
            return encode  # a history tells more of the same: it knows the newest row
        if not _fills_updated_at(self.columns):
            return encode
        names, load_time = list(self.columns.names), utc_cell(began)
        index = names.index(MODIFIED)
        sources = [index, *(names.index(name) for name in (CREATED,) if name in names)]

        def encode_filled(page: Page) -> Sequence[Any]:
            if not len(page):
                return encode(page)
            times = zip(*(page.columns[each] for each in sources), strict=True)
            columns, clean = list(page.columns), list(page.clean)
            columns[index], clean[index] = [next(filter(None, cells), load_time) for cells in times], True
            return encode(Page(columns, clean))

        return encode_filled

    def _open_source(self, plan: EntityPlan, encode: Encode, checkpoint: RunCheckpoint) -> RowSource:
        return open_source(
            self.client,
            plan,
            encode=closed(self._with_updated_at(encode, checkpoint.started_at)),
            max_concurrency=self.options.max_concurrency,
            on_advertiser_error=self.options.on_advertiser_error,
            resume_from=checkpoint.resume_from,
            warned=self._warned,
        )


def _columns_of(request: EntityRequest, options: EntityOptions) -> OutputColumns:
    """Return the columns of the files, the table or the rows in XCom.

    A history has ``is_deleted``, even where no status says it, and ``updated_at``, even if no column is called so.
    """
    types = dict(entity_schema(request).columns)

    def read() -> OutputColumns:
        return read_columns(types, options.column_names, options.loaded_at, kind=request.kind.name)

    if not _keeps_history(options):
        return read()
    if UPDATED_AT in types:
        raise invalid(
            "fields",
            f"names {UPDATED_AT}, and a table with `history=True` has a column of that name for the time of a change. Leave "
            "it out.",
        )
    types.setdefault(IS_DELETED, BOOLEAN)
    columns = read()
    if columns.name_of(MODIFIED) == UPDATED_AT:
        return columns
    types[UPDATED_AT] = UTC_TIMESTAMP
    return read()


def _fills_updated_at(columns: OutputColumns) -> bool:
    """Return whether no time of change may be null, as Fivetran's packages need it."""
    return bool(columns.named) and columns.names.get(MODIFIED) == UPDATED_AT


def _keeps_history(options: EntityOptions) -> bool:
    return options.table is not None and options.table.history
