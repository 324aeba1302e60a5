"""The operator that brings a TikTok report into a table of a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.operators.base import OF_FILES, check_table, read_table, refuse_file_options
from airflow_provider_tiktok.operators.report import TikTokReportOperator

if TYPE_CHECKING:
    from airflow_provider_tiktok.operators._run.options import ReportOptions


class TikTokReportToSqlOperator(TikTokReportOperator):
    """Fetches a report of TikTok Ads and replaces its accounts and days in a table, complete or not at all.

    .. code-block:: python

        TikTokReportToSqlOperator(
            task_id="ads",
            dimensions=["ad_id", "stat_time_day"],
            metrics=["spend", "impressions", "clicks"],
            lookback_days=7,
            sql_conn_id="warehouse",
            table="marketing.tiktok_ads",
        )

    Rows of the accounts and days that the report is of are deleted and inserted in one transaction,
    once the report is complete; other accounts and days, and accounts that were skipped, keep theirs. A
    report without a time dimension gets two more columns, ``report_start_date`` and ``report_end_date``, and
    replaces the rows of the same dates; a lifetime report replaces all rows of its accounts.

    The table's unique key is the account and the dimensions. A table of another level, other filters or
    another report type is refused, and so is one that has other names for the columns (``column_names``).

    All parameters of :class:`TikTokReportOperator` except those about files and XCom, and:

    :param sql_conn_id: Airflow connection of the database, whose hook is a ``DbApiHook``. (templated)
    :param table: ``table`` or ``schema.table``, quoted as it is written: upper and lower case count where the
        database tells them apart. (templated)
    :param create_table: make the table if it is missing: IDs and names as text, counts as ``BIGINT``, money
        and rates as ``NUMERIC``, days as ``DATE``, hours as ``TIMESTAMP`` in the account's time.
    :param add_columns: add columns that the table lacks, and let those become null that it has and the report
        doesn't; without it both are errors.
    :param batch_size: rows that are sent to the database together.
    :return: the summary, with ``table``, ``rows_deleted`` and ``rows_inserted``.
    """

    template_fields: Sequence[str] = (
        *(name for name in TikTokReportOperator.template_fields if name not in OF_FILES),
        "sql_conn_id",
        "table",
    )
    template_fields_renderers = dict.fromkeys(
        (name for name in TikTokReportOperator.template_fields_renderers if name not in OF_FILES), "json"
    )

    def __init__(
        self,
        *,
        sql_conn_id: str,
        table: str,
        create_table: bool = True,
        add_columns: bool = False,
        batch_size: int = 5_000,
        **kwargs: Any,
    ) -> None:
        refuse_file_options(kwargs, "TikTokReportOperator")
        super().__init__(**kwargs)
        self.sql_conn_id = sql_conn_id
        self.table = table
        self.create_table = create_table
        self.add_columns = add_columns
        self.batch_size = batch_size
        self.output_path = None  # a DAG's default_args may hold one, for its other tasks
        check_table(self)

    def read_options(self) -> ReportOptions:
        """Read what a run needs to know from the rendered fields."""
        from airflow_provider_tiktok.operators._run.options import ReportOptions

        return ReportOptions.from_operator(self, read_table(self))
