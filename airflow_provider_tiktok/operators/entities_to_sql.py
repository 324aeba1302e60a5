"""The operator that brings TikTok's entities into a table of a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.operators.base import OF_FILES, check_table, read_table, refuse_file_options
from airflow_provider_tiktok.operators.entities import TikTokEntitiesOperator

if TYPE_CHECKING:
    from airflow_provider_tiktok.operators._run.options import EntityOptions


class TikTokEntitiesToSqlOperator(TikTokEntitiesOperator):
    """Lists entities of TikTok Ads and puts them into a table, complete or not at all.

    .. code-block:: python

        TikTokEntitiesToSqlOperator(
            task_id="campaigns", entity="campaign", sql_conn_id="warehouse", table="tiktok_campaigns"
        )

    The rows of the listed accounts are deleted and inserted in one transaction, once all lists are complete; other accounts,
    and accounts that were skipped, keep theirs. With ``modified_since``, only the entities that came are replaced. The
    table's unique key is the account and the entity's ID. A table of another entity or with other filters is refused.

    All parameters of :class:`TikTokEntitiesOperator` except those about files and XCom, and:

    :param sql_conn_id: Airflow connection of the database, whose hook is a ``DbApiHook``. (templated)
    :param table: ``table`` or ``schema.table``, quoted as it is written: upper and lower case count where the
        database tells them apart. (templated)
    :param create_table: make the table if it is missing: IDs, names and nested values as text, flags as ``BOOLEAN``, counts
        as ``BIGINT``, money as ``NUMERIC``, times as ``TIMESTAMP`` in UTC.
    :param add_columns: add columns that the table lacks, and let those become null that it has and the list
        doesn't; without it both are errors. Fields that this version doesn't know are only stored where the table has a
        column for them, or gets one.
    :param batch_size: rows that are sent to the database together.
    :param history: keep a row for each state of an entity: a row is added when any field changed, and none is deleted. The
        table's unique key is the entity's ID and ``updated_at``, which is ``modify_time`` where that is later than the
        entity's newest row, else the time of the load. An entity that is gone gets a row with ``is_deleted``.
    :return: the summary, with ``table``, ``rows_deleted`` and ``rows_inserted``.
    """

    template_fields: Sequence[str] = (
        *(name for name in TikTokEntitiesOperator.template_fields if name not in OF_FILES),
        "sql_conn_id",
        "table",
    )
    template_fields_renderers = dict.fromkeys(
        (name for name in TikTokEntitiesOperator.template_fields_renderers if name not in OF_FILES), "json"
    )

    def __init__(
        self,
        *,
        sql_conn_id: str,
        table: str,
        create_table: bool = True,
        add_columns: bool = False,
        batch_size: int = 5_000,
        history: bool = False,
        **kwargs: Any,
    ) -> None:
        refuse_file_options(kwargs, "TikTokEntitiesOperator")
        from airflow_provider_tiktok.operators._run.checks import check_switch

        super().__init__(**kwargs)
        self.sql_conn_id = sql_conn_id
        self.table = table
        self.create_table = create_table
        self.add_columns = add_columns
        self.batch_size = batch_size
        self.history = history
        self.output_path = None  # a DAG's default_args may hold one, for its other tasks
        check_table(self)
        check_switch("history", history)

    def read_options(self) -> EntityOptions:
        """Read what a run needs to know from the rendered fields."""
        from airflow_provider_tiktok.operators._run.options import EntityOptions

        return EntityOptions.from_operator(self, replace(read_table(self), history=self.history))
