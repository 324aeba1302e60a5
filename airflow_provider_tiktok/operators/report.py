"""The operator that writes a TikTok report to XCom or storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok._compat import default_deferrable
from airflow_provider_tiktok.operators.base import RowsOperator

if TYPE_CHECKING:
    from os import PathLike

    from airflow.sdk import ObjectStoragePath

    from airflow_provider_tiktok.hooks.tiktok import TikTokHook
    from airflow_provider_tiktok.operators._run.async_run import AsyncReportRun
    from airflow_provider_tiktok.operators._run.options import ReportOptions
    from airflow_provider_tiktok.operators._run.outcome import Deferred, Finished
    from airflow_provider_tiktok.operators._run.run import ReportRun
    from airflow_provider_tiktok.reports.params.coerce import Filters, Ids, Names


class TikTokReportOperator(RowsOperator):
    """Fetches a report of TikTok Ads, complete or not at all.

    .. code-block:: python

        TikTokReportOperator(task_id="report", preset="ad_group_summary")

        TikTokReportOperator(
            task_id="ads",
            dimensions="ad_id, stat_time_day",
            metrics=["spend", "impressions", "clicks"],
            filters=[{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": [123, 456]}],
            output_path="s3://lake/tiktok/ads/",
            partition_by=["stat_time_day", "advertiser_id"],
        )

    Lists may be given as a list, as text with commas, as JSON text, or as the text that Jinja makes of
    a list. Rows hold ``advertiser_id``, the dimensions and the metrics; TikTok's ``"-"`` is null.

    :param tiktok_conn_id: the Airflow connection. (templated)
    :param advertiser_ids: one ID, a list, text with commas or JSON text; ``"*"`` is every account that
        the token reaches; the connection's if not given. (templated)
    :param exclude_advertiser_ids: accounts to leave out, such as from ``"*"``. (templated)
    :param preset: name of a report in :data:`~airflow_provider_tiktok.reports.presets.PRESETS`; any
        other parameter wins over it. (templated)
    :param report_type: ``BASIC`` (the default), ``AUDIENCE``, ``PLAYABLE_MATERIAL``, ``CATALOG``, ``BC``,
        ``TT_SHOP``, ``GMV_MAX`` or ``SMART_PLUS``. (templated)
    :param service_type: ``AUCTION``; not sent if not given. (templated)
    :param data_level: follows from the ID dimension if not given. (templated)
    :param dimensions: in a BASIC report one ID dimension, and optionally a time dimension and a
        breakdown; other types have rules of their own. (templated)
    :param metrics: TikTok's default is ``spend, impressions``; ``GMV_MAX`` and ``BC`` have their own.
        (templated)
    :param filters: list of objects with ``field_name``, ``filter_type``, ``filter_value``, or the same
        as JSON text; ``GMV_MAX`` and ``SMART_PLUS`` also take one object. (templated)
    :param order_field: metric by which TikTok sorts; rows are sorted by account, day and ID if not
        given. (templated)
    :param order_type: ``ASC`` or ``DESC``; TikTok's order holds within each account and request window. (templated)
    :param report_start_date: first day, inclusive, in the account's time zone. If only one of the two
        dates is given, the report is of that day. If none is, it is of the days of the run's data
        interval, or, where that has no length, of the account's last complete day. (templated)
    :param report_end_date: last day, inclusive. (templated)
    :param lookback_days: moves the start back by so many days, to read restated days again. (templated)
    :param query_lifetime: figures of the entities' whole lifetime, without dates; the preset's, else False, if not
        given.
    :param include_deleted: count deleted campaigns, ad groups and ads, so that spend adds up to the
        account's. A status filter of yours wins.
    :param with_parents: add IDs and names of the entity and those above it.
    :param request_params: further TikTok parameters, passed as they are: ``bc_id`` of a ``BC``
        report, ``store_ids`` of ``GMV_MAX``, ``enable_total_metrics``, ... (templated)
    :param check_fields: refuse names and combinations that TikTok surely refuses before any call; without
        it everything is sent as it is.
    :param drop_invalid_metrics: where TikTok refuses metrics by name, continue without them, warn, and list
        them as ``dropped_metrics`` in the summary; their column is null.
    :param mode: ``sync``, or ``async`` for TikTok's report tasks: TikTok makes a file, and no worker has to page
        through it. TikTok allow-lists apps for it. (templated)
    :param output_path: file or folder on any filesystem of Airflow's object storage, as text or as
        ``ObjectStoragePath``; rows go to XCom under the key ``rows`` if not given. (templated)
    :param output_format: ``jsonl`` or ``csv``, with ``.gz`` to compress, or ``parquet``; from the path's
        extension, else ``jsonl``. (templated)
    :param output_conn_id: Airflow connection of the filesystem; it wins over that of an
        ``ObjectStoragePath``. (templated)
    :param partition_by: columns that become Hive folders below ``output_path``. Of hourly reports, ``stat_time_day`` may be
        one: the hour's day. (templated)
    :param column_names: names for the columns of what is written: a mapping from TikTok's names to yours, the same as JSON
        text, or ``"fivetran"`` for those of Fivetran's tables. All other parameters keep TikTok's names, but
        ``partition_by`` takes both. (templated)
    :param loaded_at: name of one more column, with the time in UTC at which the run began to load. (templated)
    :param max_xcom_bytes: bytes of rows that XCom may take.
    :param on_empty: ``ok``, ``skip`` or ``fail`` when there are no rows.
    :param on_advertiser_error: when TikTok refuses one account: ``fail`` at once, ``fail_at_end`` after
        the others, or ``skip`` it and say so in the summary.
    :param reconcile: compare the spend of each window's rows with the account's own, which costs one more call
        a window, and fail the report where they differ; for ``BASIC`` reports of every entity.
    :param reconcile_tolerance: share of the account's spend by which they may differ, in addition to rounding.
    :param restatement: compare the rows with those of the files that they replace, and report in the summary, the
        manifest and the log how many were added, removed and changed, and what spend and conversions were.
    :param fail_fast: end the task without Airflow's retries when an error can't pass by itself.
    :param max_concurrency: HTTP calls in flight.
    :param deferrable: wait in the triggerer and not in a worker, in async mode for report tasks and in sync mode for
        TikTok's quota, where that takes a minute or more; Airflow's ``operators.default_deferrable`` if not given.
    :param poll_interval: in async mode, the longest seconds (or ``timedelta``) between two looks at the report
        tasks; the first ones follow each other faster.
    :param wait_timeout: in async mode, the seconds (or ``timedelta``) that an attempt waits before it cancels the
        report tasks and fails.
    :param durable: let a retry resume where the attempt before it was: in async mode with its report tasks, where
        Airflow has a task state store (3.3); in sync mode, with an ``output_path``, after its last complete request window.
        A cleared task starts from scratch.
    :param cancel_on_kill: in async mode, cancel the report tasks when the task is killed: marked, cleared or timed out.
        While it is deferred, that takes Airflow 3.3.
    :param asset_partitions: make of each ``Asset`` in ``outlets`` one event a day of the report, with the day
        as partition key (Airflow 3.3). Such events wake DAGs with a ``PartitionedAssetTimetable`` and no
        others; by default they are made where the DAG's own schedule is ``PartitionedAtRuntime``.
    :return: a summary; the page "Results and files" of the documentation has its fields.
    """

    template_fields: Sequence[str] = (
        "tiktok_conn_id",
        "advertiser_ids",
        "exclude_advertiser_ids",
        "preset",
        "report_type",
        "service_type",
        "data_level",
        "dimensions",
        "metrics",
        "filters",
        "order_field",
        "order_type",
        "report_start_date",
        "report_end_date",
        "lookback_days",
        "request_params",
        "mode",
        "output_path",
        "output_format",
        "output_conn_id",
        "partition_by",
        "column_names",
        "loaded_at",
    )
    template_fields_renderers = dict.fromkeys(
        (
            *("advertiser_ids", "exclude_advertiser_ids", "dimensions", "metrics", "filters"),
            *("request_params", "partition_by", "column_names"),
        ),
        "json",
    )

    def __init__(
        self,
        *,
        advertiser_ids: Ids | None = None,
        exclude_advertiser_ids: Ids | None = None,
        preset: str | None = None,
        report_type: str | None = None,
        service_type: str | None = None,
        data_level: str | None = None,
        dimensions: Names | None = None,
        metrics: Names | None = None,
        filters: Filters | None = None,
        order_field: str | None = None,
        order_type: str | None = None,
        report_start_date: Any = None,
        report_end_date: Any = None,
        lookback_days: int | str = 0,
        query_lifetime: bool | None = None,
        include_deleted: bool = True,
        with_parents: bool = False,
        request_params: str | Mapping[str, Any] | None = None,
        check_fields: bool = True,
        drop_invalid_metrics: bool = False,
        mode: str = "sync",
        output_path: str | PathLike[str] | ObjectStoragePath | None = None,
        output_format: str | None = None,
        output_conn_id: str | None = None,
        partition_by: Names | None = None,
        column_names: str | Mapping[str, str] | None = None,
        loaded_at: str | None = None,
        max_xcom_bytes: int = 262_144,
        on_empty: str = "ok",
        on_advertiser_error: str = "fail",
        reconcile: bool = False,
        reconcile_tolerance: float = 0.001,
        restatement: bool = False,
        max_concurrency: int = 8,
        deferrable: bool | None = None,
        poll_interval: float | timedelta = 30,
        wait_timeout: float | timedelta = 21_600,
        durable: bool = True,
        cancel_on_kill: bool = True,
        asset_partitions: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.advertiser_ids = advertiser_ids
        self.exclude_advertiser_ids = exclude_advertiser_ids
        self.preset = preset
        self.report_type = report_type
        self.service_type = service_type
        self.data_level = data_level
        self.dimensions = dimensions
        self.metrics = metrics
        self.filters = filters
        self.order_field = order_field
        self.order_type = order_type
        self.report_start_date = report_start_date
        self.report_end_date = report_end_date
        self.lookback_days = lookback_days
        self.query_lifetime = query_lifetime
        self.include_deleted = include_deleted
        self.with_parents = with_parents
        self.request_params = request_params
        self.check_fields = check_fields
        self.drop_invalid_metrics = drop_invalid_metrics
        self.mode = mode
        self.output_path = output_path
        self.output_format = output_format
        self.output_conn_id = output_conn_id
        self.partition_by = partition_by
        self.column_names = column_names
        self.loaded_at = loaded_at
        self.max_xcom_bytes = max_xcom_bytes
        self.on_empty = on_empty
        self.on_advertiser_error = on_advertiser_error
        self.reconcile = reconcile
        self.reconcile_tolerance = reconcile_tolerance
        self.restatement = restatement
        self.max_concurrency = max_concurrency
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout
        self.durable = durable
        self.cancel_on_kill = cancel_on_kill
        self.asset_partitions = asset_partitions
        self._async_run: AsyncReportRun | None = None
        from airflow_provider_tiktok.operators._run.checks import check_options

        check_options(vars(self))

    @property
    def account(self) -> str:
        """The name and ID of the report's account, once known, else ``advertiser_ids``: for ``map_index_template``."""
        names = self.link_facts.get("advertiser_names") or {}
        if len(names) == 1:
            return " ".join(f"{name} ({advertiser_id})" for advertiser_id, name in names.items())
        return str(self.advertiser_ids or "")

    def run_with(
        self, hook: TikTokHook, context: Any, unfinished: Mapping[str, Any] | None = None
    ) -> Finished | Deferred:
        """Fetch the report.

        :param unfinished: what :meth:`go_on` was given.
        """
        run = self._new_run(hook, context)
        if not run.request.is_async:
            return run.execute(unfinished)
        return self._in_report_tasks(run).execute(unfinished)

    def execute_complete(self, context: Any, event: Any = None) -> Any:
        """Resume after the triggerer's wait for report tasks.

        :param event: the trigger's.
        :return: the summary.
        """
        return self.attempt(lambda hook: self._in_report_tasks(self._new_run(hook, context)).resume(event))

    def on_kill(self) -> None:
        """End every wait, and cancel the report tasks that TikTok still works at."""
        super().on_kill()
        if self._async_run is not None:
            self._async_run.on_kill()

    def read_options(self) -> ReportOptions:
        """Read what a run needs to know from the rendered fields."""
        from airflow_provider_tiktok.operators._run.options import ReportOptions

        return ReportOptions.from_operator(self)

    def _new_run(self, hook: TikTokHook, context: Any) -> ReportRun:
        from airflow_provider_tiktok.operators._run.run import ReportRun  # for which no DAG file has to wait

        assert self._stop is not None  # noqa: S101 - every attempt has one
        return ReportRun(
            self.read_options(),
            hook,
            context,
            self._stop,
            on_plan=self.note_plan,
        )

    def _in_report_tasks(self, run: ReportRun) -> AsyncReportRun:
        from airflow_provider_tiktok.operators._run.async_run import AsyncReportRun

        self._async_run = AsyncReportRun(run)
        return self._async_run
