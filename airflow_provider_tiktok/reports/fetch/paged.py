"""Runs a report's plan page by page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import Any

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.reports.fetch.collectors import Encode, row_budget
from airflow_provider_tiktok.reports.fetch.dropped_metrics import DroppedMetrics
from airflow_provider_tiktok.reports.fetch.failures import FAIL, AccountFailures
from airflow_provider_tiktok.reports.fetch.recovery import CallRecovery
from airflow_provider_tiktok.reports.fetch.source import FetchResult, Position, page_rows
from airflow_provider_tiktok.reports.fetch.totals import total_metrics
from airflow_provider_tiktok.reports.fetch.window.calls import FetchSettings, ListAll, WindowCalls
from airflow_provider_tiktok.reports.fetch.window.checks import join
from airflow_provider_tiktok.reports.fetch.window.window import Making
from airflow_provider_tiktok.reports.fetch.windows import WindowSource
from airflow_provider_tiktok.reports.params.coerce import check_concurrency
from airflow_provider_tiktok.reports.planning.plan import ReportPlan
from airflow_provider_tiktok.reports.planning.reconcile import Reconciliation
from airflow_provider_tiktok.reports.rows.reader import RowReader

log = logging.getLogger(__name__)


class PagedSource(WindowSource):
    """Fetches the rows of a report page by page; what is oversized for one call is split.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param list_all: lists all campaigns or ad groups of an account, to split a call by them.
    :param encode: makes of a page what the reader of :meth:`batches` wants of each of its rows. The rows as they are if
        not given.
    :param max_concurrency: calls in flight.
    :param on_advertiser_error: as :class:`~airflow_provider_tiktok.reports.fetch.failures.AccountFailures`'s.
    :param drop_invalid_metrics: go on without the metrics that TikTok refuses by name; their column is null.
    :param reconciliation: compares every window's spend with the account's own.
    :param resume_from: where an earlier fetch has left off, and what it brought until there.
    :param on_idle: as :class:`~airflow_provider_tiktok.reports.fetch.scheduler.PageScheduler`'s.
    """

    def __init__(
        self,
        client: TikTokClient,
        plan: ReportPlan,
        *,
        list_all: ListAll,
        encode: Encode = page_rows,
        max_concurrency: int = 8,
        on_advertiser_error: str = FAIL,
        drop_invalid_metrics: bool = False,
        reconciliation: Reconciliation | None = None,
        resume_from: tuple[Position, FetchResult] | None = None,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        failures = AccountFailures(on_advertiser_error, plan.advertiser_ids)
        check_concurrency(max_concurrency)
        resumed = resume_from or (Position(), FetchResult())
        self.plan = plan
        self.reader = RowReader(plan.request)
        self.reader.seen_metrics = resumed[1].seen_metrics
        self._dropped = DroppedMetrics(
            plan.request, allowed=drop_invalid_metrics, by_account=resumed[1].dropped
        )
        budget = row_budget(len(self.reader.schema.columns))
        settings = FetchSettings(plan.request, self.reader, encode, budget, list_all, reconciliation)
        super().__init__(
            client,
            plan,
            self.reader,
            Making(lambda planned: WindowCalls(planned, settings), lambda calls: join(calls, settings)),
            CallRecovery(client, plan, self._dropped),
            budget=budget,
            failures=failures,
            max_concurrency=max_concurrency,
            resumed=resumed,
            on_idle=on_idle,
        )

    @property
    def total_metrics(self) -> dict[str, Any] | None:
        """TikTok's totals by metric, if they were asked for."""
        return total_metrics(self.plan.request.report_type, self.result.totals)

    def batches(self) -> Generator[list[Any], None, None]:
        """Yield the rows, about a thousand at a time.

        :raises TikTokIncompleteReportError: the rows of a window could not be made complete.
        :raises TikTokAPIError: TikTok refused.
        """
        self._warn_of_multi_window_rows()
        yield from super().batches()

    def _finish(self) -> None:
        """Warn of metrics that no row had."""
        self.reader.dropped = self._dropped.names
        super()._finish()

    def _warn_of_multi_window_rows(self) -> None:
        """Warn when rows of several windows can't be distinguished, or are in several orders."""
        request, windows = self.plan.request, self.plan.windows
        if request.order_field and len(self.plan) > 1:
            log.warning(
                "The rows as a whole are not in the order of %s: TikTok orders each of the %d calls by itself.",
                request.order_field,
                len(self.plan),
            )
        if not (request.time_dimensions or request.by_day) and len(windows) > len(
            {calls[0].advertiser_id for calls in windows}
        ):
            log.warning(
                "Each entity has a row for each window of %d days, the most that TikTok sums up without a time dimension. "
                "Counts and money of these rows may be added up, people and rates may not; add stat_time_day to tell "
                "them apart.",
                request.kind.span(request.dimensions),
            )
