"""The operator that lists TikTok's entities: what the IDs of reports stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok._compat import default_deferrable
from airflow_provider_tiktok.operators.base import RowsOperator

if TYPE_CHECKING:
    from os import PathLike

    from airflow.sdk import ObjectStoragePath

    from airflow_provider_tiktok.hooks.tiktok import TikTokHook
    from airflow_provider_tiktok.operators._run.options import EntityOptions
    from airflow_provider_tiktok.operators._run.outcome import Deferred, Finished
    from airflow_provider_tiktok.reports.params.coerce import Ids, Names


class TikTokEntitiesOperator(RowsOperator):
    """Lists campaigns, ad groups, ads or other entities of TikTok Ads, complete or not at all.

    .. code-block:: python

        TikTokEntitiesOperator(task_id="campaigns", entity="campaign")

        TikTokEntitiesOperator(
            task_id="ads",
            entity="ad",
            fields=["ad_name", "landing_page_url", "secondary_status"],
            output_path="s3://lake/tiktok/ads/",
            partition_by="advertiser_id",
        )

    Rows hold ``advertiser_id``, TikTok's fields, and ``is_deleted`` where a status tells it. IDs are text, money is
    decimal, times are in UTC, nested values are JSON text. A field that this version doesn't know passes through as text.

    :param entity: ``advertiser``, ``campaign``, ``adgroup``, ``ad``, ``smart_plus_campaign``, ``smart_plus_adgroup``,
        ``smart_plus_ad``, ``gmv_max_campaign``, ``video``, ``image``, ``identity``, ``audience`` or ``pixel``. (templated)
    :param tiktok_conn_id: the Airflow connection. (templated)
    :param advertiser_ids: one ID, a list, text with commas or JSON text; ``"*"`` is every account that
        the token reaches; the connection's if not given. (templated)
    :param exclude_advertiser_ids: accounts to leave out, such as from ``"*"``. (templated)
    :param fields: TikTok's names of fields; all if not given. (templated)
    :param filters: TikTok's ``filtering`` object, or the same as JSON text; lists may be text with commas, and ``None`` or
        empty text is no filter. (templated)
    :param include_deleted: list deleted entities, too, with ``is_deleted``. A status filter of yours wins.
    :param modified_since: only entities that were changed since this time, which is UTC where it names no zone; TikTok has
        it for ``ad`` and ``smart_plus_ad`` only. (templated)
    :param check_fields: refuse fields that the catalogue lacks before any call; without it they are sent as they are.
    :param output_path: file or folder on any filesystem of Airflow's object storage, as text or as
        ``ObjectStoragePath``; rows go to XCom under the key ``rows`` if not given. (templated)
    :param output_format: ``jsonl`` or ``csv``, with ``.gz`` to compress, or ``parquet``; from the path's
        extension, else ``jsonl``. (templated)
    :param output_conn_id: Airflow connection of the filesystem; it wins over that of an
        ``ObjectStoragePath``. (templated)
    :param partition_by: ``advertiser_id`` for a folder of each account. (templated)
    :param column_names: names for the columns of what is written, as of
        :class:`~airflow_provider_tiktok.operators.report.TikTokReportOperator`. (templated)
    :param loaded_at: name of one more column, with the time in UTC at which the run began to load. (templated)
    :param max_xcom_bytes: bytes of rows that XCom may take.
    :param on_empty: ``ok``, ``skip`` or ``fail`` when there are no rows.
    :param on_advertiser_error: when TikTok refuses one account: ``fail`` at once, ``fail_at_end`` after
        the others, or ``skip`` it and say so in the summary.
    :param fail_fast: end the task without Airflow's retries when an error can't pass by itself.
    :param max_concurrency: HTTP calls in flight.
    :param deferrable: wait for TikTok's quota in the triggerer and not in a worker, where that takes a minute or more;
        Airflow's ``operators.default_deferrable`` if not given.
    :param durable: with an ``output_path``, let a retry resume after the last account that is complete.
    :return: a summary, as a report's, with ``entity`` and without dates.
    """

    template_fields: Sequence[str] = (
        "entity",
        "tiktok_conn_id",
        "advertiser_ids",
        "exclude_advertiser_ids",
        "fields",
        "filters",
        "modified_since",
        "output_path",
        "output_format",
        "output_conn_id",
        "partition_by",
        "column_names",
        "loaded_at",
    )
    template_fields_renderers = dict.fromkeys(
        ("advertiser_ids", "exclude_advertiser_ids", "fields", "filters", "partition_by", "column_names"),
        "json",
    )

    def __init__(
        self,
        *,
        entity: str,
        advertiser_ids: Ids | None = None,
        exclude_advertiser_ids: Ids | None = None,
        fields: Names | None = None,
        filters: str | Mapping[str, Any] | None = None,
        include_deleted: bool = True,
        modified_since: Any = None,
        check_fields: bool = True,
        output_path: str | PathLike[str] | ObjectStoragePath | None = None,
        output_format: str | None = None,
        output_conn_id: str | None = None,
        partition_by: Names | None = None,
        column_names: str | Mapping[str, str] | None = None,
        loaded_at: str | None = None,
        max_xcom_bytes: int = 262_144,
        on_empty: str = "ok",
        on_advertiser_error: str = "fail",
        max_concurrency: int = 8,
        deferrable: bool | None = None,
        durable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.entity = entity
        self.advertiser_ids = advertiser_ids
        self.exclude_advertiser_ids = exclude_advertiser_ids
        self.fields = fields
        self.filters = filters
        self.include_deleted = include_deleted
        self.modified_since = modified_since
        self.check_fields = check_fields
        self.output_path = output_path
        self.output_format = output_format
        self.output_conn_id = output_conn_id
        self.partition_by = partition_by
        self.column_names = column_names
        self.loaded_at = loaded_at
        self.max_xcom_bytes = max_xcom_bytes
        self.on_empty = on_empty
        self.on_advertiser_error = on_advertiser_error
        self.max_concurrency = max_concurrency
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.durable = durable
        from airflow_provider_tiktok.operators._run.checks import check_options

        check_options(vars(self))

    def run_with(
        self, hook: TikTokHook, context: Any, unfinished: Mapping[str, Any] | None = None
    ) -> Finished | Deferred:
        """List the entities.

        :param unfinished: what :meth:`go_on` was given.
        """
        from airflow_provider_tiktok.operators._run.entity_run import (
            EntityRun,  # for which no DAG file has to wait
        )

        assert self._stop is not None  # noqa: S101 - every attempt has one
        run = EntityRun(
            self.read_options(),
            hook,
            context,
            self._stop,
            on_plan=self.note_plan,
        )
        return run.execute(unfinished)

    def read_options(self) -> EntityOptions:
        """Read what a run needs to know from the rendered fields."""
        from airflow_provider_tiktok.operators._run.options import EntityOptions

        return EntityOptions.from_operator(self)
