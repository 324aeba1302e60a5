"""Runs a plan: every page of every window, whole or not at all, in a deterministic order."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import groupby
from math import ceil
from typing import Any

from airflow_provider_tiktok.api.client import Answer, TikTokClient
from airflow_provider_tiktok.api.codes import is_about_one_account
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
)
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.explain import explained, refused_metrics
from airflow_provider_tiktok.reports.plan import ReportCall, ReportPlan
from airflow_provider_tiktok.reports.rows import Row, RowReader
from airflow_provider_tiktok.reports.spool import RowSpool
from airflow_provider_tiktok.reports.texts import invalid

log = logging.getLogger(__name__)

ON_ADVERTISER_ERROR = ("fail", "fail_at_end", "skip")

_WINDOW_ATTEMPTS = 3


@dataclass
class FetchResult:
    """What a fetch brought so far.

    :param row_count: rows passed on.
    :param skipped: why accounts were skipped, by ID.
    :param totals: TikTok's ``total_metrics`` of every window that has rows, with the account; empty
        where TikTok gave none.
    :param dropped: metrics that TikTok refused and the report went on without, by account.
    """

    row_count: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    totals: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    dropped: dict[str, list[str]] = field(default_factory=dict)


class ReportFetch:
    """Fetches the rows of a plan.

    Pages of a window are fetched side by side. Its rows are held until TikTok's own count is met and
    no key came twice; else the window is fetched again, and after three times the report fails.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param max_concurrency: calls in flight.
    :param on_advertiser_error: ``fail`` at once, ``fail_at_end`` after the other accounts, or ``skip``
        the account, when TikTok refuses one account.
    :param drop_invalid_metrics: go on without the metrics that TikTok refuses by name; their column is null.
    """

    def __init__(
        self,
        client: TikTokClient,
        plan: ReportPlan,
        *,
        max_concurrency: int = 8,
        on_advertiser_error: str = "fail",
        drop_invalid_metrics: bool = False,
    ) -> None:
        if on_advertiser_error not in ON_ADVERTISER_ERROR:
            known = ", ".join(ON_ADVERTISER_ERROR)
            raise invalid("on_advertiser_error", f"is {on_advertiser_error!r}; it can be {known}.")
        if max_concurrency < 1:
            raise invalid("max_concurrency", f"must be 1 or more, not {max_concurrency}.")
        self.plan = plan
        self.result = FetchResult()
        self.reader = RowReader(plan.request)
        self._client = client
        self._concurrency = max_concurrency
        self._policy = on_advertiser_error
        self._drop_invalid_metrics = drop_invalid_metrics
        self._path = plan.request.kind.endpoint(plan.request.dimensions)
        self._errors: dict[str, TikTokError] = {}
        self._cancel = threading.Event()

    def batches(self) -> Iterator[list[Row]]:
        """Give the rows, about a thousand at a time.

        :raises TikTokIncompleteReportError: the rows of a window could not be made whole.
        :raises TikTokAPIError: TikTok refused.
        """
        for advertiser_id, error in self.plan.refused.items():
            self._on_error(advertiser_id, error)
        self._warn_of_lumps()
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="tiktok-report")
        try:
            for advertiser_id, calls in groupby(self.plan.calls, key=lambda call: call.advertiser_id):
                for batch in self._advertiser(pool, advertiser_id, list(calls)):
                    self.result.row_count += len(batch)
                    yield batch
        finally:
            # after an error, or when the reader has had enough, calls in flight must not hold the task up
            self._cancel.set()
            pool.shutdown(wait=False, cancel_futures=True)
        self.reader.finish()
        self._raise_errors()

    def _warn_of_lumps(self) -> None:
        """Say so when rows of several windows can't be told apart, or stand in several orders."""
        if self.plan.request.order_field and len(self.plan) > 1:
            log.warning(
                "TikTok orders each of the %d windows by %s by itself; the rows as a whole are not in that order.",
                len(self.plan),
                self.plan.request.order_field,
            )
        if not (self.plan.request.time_dimensions or self.plan.request.by_day) and len(self.plan.calls) > len(
            {call.advertiser_id for call in self.plan.calls}
        ):
            log.warning(
                "TikTok sums up at most %d days without a time dimension, so each entity has a row for each window of them. "
                "Counts and money of these rows may be added up, people and rates may not; add stat_time_day to tell "
                "them apart.",
                self.plan.request.kind.span(self.plan.request.dimensions),
            )

    @property
    def total_metrics(self) -> dict[str, Any] | None:
        """TikTok's totals by metric, if they were asked for.

        Totals of several windows are added up where that is right; where it isn't (rates, people,
        money of several accounts, whose currencies may differ), the value is ``None``.
        """
        if not any(totals for _, totals in self.result.totals):
            return None
        several_accounts = len({advertiser_id for advertiser_id, _ in self.result.totals}) > 1
        names = dict.fromkeys(name for _, totals in self.result.totals for name in totals)
        return {
            name: _sum(
                self.plan.request.report_type,
                name,
                [totals.get(name) for _, totals in self.result.totals],
                several_accounts,
            )
            for name in names
        }

    def _advertiser(
        self, pool: ThreadPoolExecutor, advertiser_id: str, calls: list[ReportCall]
    ) -> Iterator[list[Row]]:
        """Give the rows of one account; none of them when the account is given up."""
        if self._policy == "fail":
            for call in calls:
                with self._window(pool, call) as window:
                    yield from window.batches()
            return
        # rows of an account that fails in a later window must not have been passed on
        with RowSpool((), keep_order=True) as held:
            try:
                for call in calls:
                    with self._window(pool, call) as window:
                        for batch in window.batches():
                            held.add(batch)
            except TikTokError as error:
                self._on_error(advertiser_id, error)
                self.result.totals = [item for item in self.result.totals if item[0] != advertiser_id]
                return
            yield from held.batches()

    def _window(self, pool: ThreadPoolExecutor, call: ReportCall) -> RowSpool:
        """Fetch one window until it is whole."""
        for attempt in range(1, _WINDOW_ATTEMPTS + 1):
            started = time.monotonic()
            spool = RowSpool(
                self.reader.schema.key_indexes, keep_order=self.plan.request.order_field is not None
            )
            try:
                pages, problem = self._fill(pool, call, spool)
            except BaseException:
                spool.close()
                raise
            if not problem:
                log.info(
                    "%s, %s: %s rows in %d page(s), %.1f s",
                    call.account,
                    call.window,
                    f"{len(spool):,}",
                    pages,
                    time.monotonic() - started,
                )
                return spool
            spool.close()
            log.warning(
                "%s, %s: %s; attempt %d of %d to fetch the window whole.",
                call.account,
                call.window,
                problem,
                attempt,
                _WINDOW_ATTEMPTS,
            )
        raise TikTokIncompleteReportError(
            f"The report of {call.account}, {call.window}, could not be made whole in "
            f"{_WINDOW_ATTEMPTS} attempts: {problem}. TikTok's figures may be moving; run the task again later."
        )

    def _fill(self, pool: ThreadPoolExecutor, call: ReportCall, spool: RowSpool) -> tuple[int, str]:
        """Fetch the pages of one window; give their number and what is wrong with them, if anything."""
        first = self._first_page(call)
        count = _PageCount.read(first, self.plan.request.page_size, call.subject(1))
        problem = count.check(first, 1)
        items = first.data.get("list") or []
        spool.add(self._read(call, 1, items))
        for page, answer in self._more_pages(pool, call, count.pages):
            items = answer.data.get("list") or []
            spool.add(self._read(call, page, items))
            problem = problem or count.check(answer, page)
            if problem or not items:
                break
        if not problem and len(spool) != count.rows:
            problem = f"TikTok counted {count.rows:,} rows and gave {len(spool):,}"
        if not problem and spool.has_duplicates():
            problem = "TikTok gave a row twice, so another one may be missing"
        totals = first.data.get("total_metrics")
        if not problem and (isinstance(totals, dict) or count.rows):
            self.result.totals.append((call.advertiser_id, totals if isinstance(totals, dict) else {}))
        return max(1, count.pages), problem

    def _read(self, call: ReportCall, page: int, items: list[Any]) -> list[Row]:
        """Read a page, and refuse rows that were not asked for: they would overwrite what is right."""
        account = call.advertiser_id if call.parameter == "advertiser_id" else None
        start, end = call.window.start, call.window.end
        rows = self.reader.read(account, items, call.subject(page), start)
        for column, low, high in self.reader.bounds(account, start, end):
            stray = next((row[column] for row in rows if not low <= (row[column] or low) <= high), None)
            if stray is not None:
                raise TikTokIncompleteReportError(
                    f"TikTok sent a row of {stray!r}, which was not asked for ({call.subject(page)}). Nothing is published; "
                    "run the task again."
                )
        return rows

    def _more_pages(
        self, pool: ThreadPoolExecutor, call: ReportCall, pages: int
    ) -> Iterator[tuple[int, Answer]]:
        """Fetch the pages after the first, several at a time, and give them in order."""
        waiting: deque[tuple[int, Future[Answer]]] = deque()
        try:
            for page in range(2, pages + 1):
                waiting.append((page, pool.submit(self._page, call, page)))
                if len(waiting) >= self._concurrency:
                    number, future = waiting.popleft()
                    yield number, future.result()
            while waiting:
                number, future = waiting.popleft()
                yield number, future.result()
        finally:
            for _, future in waiting:
                future.cancel()

    def _first_page(self, call: ReportCall) -> Answer:
        """Fetch page 1; where TikTok refuses metrics by name, say why, or go on without them."""
        while True:
            try:
                return self._page(call, 1)
            except TikTokInvalidRequestError as error:
                refused = refused_metrics(error.message)
                dropped = self.result.dropped.setdefault(call.advertiser_id, [])
                new = [name for name in refused if name in call.params["metrics"] and name not in dropped]
                left = len(call.params["metrics"]) - len(dropped) - len(new)
                sorts_by = self.plan.request.order_field in refused
                if not (self._drop_invalid_metrics and new and left and not sorts_by):
                    raise explained(error, self.plan.request) from None
                dropped += new
                self.reader.dropped |= set(new)
                log.warning(
                    "%s: TikTok refused %s; the report goes on without.", call.account, ", ".join(new)
                )

    def _page(self, call: ReportCall, page: int) -> Answer:
        subject = call.subject(page)
        dropped = self.result.dropped.get(call.advertiser_id, ())
        metrics = [name for name in call.params["metrics"] if name not in dropped]
        params = {**call.params, "metrics": metrics, "page": page}
        answer = self._client.get(self._path, params, subject=subject, cancel=self._cancel)
        if answer.truncated:
            error = TikTokIncompleteReportError(
                f"TikTok left rows out of the report ({subject}): it gives at most 20,000 campaigns, ad groups or ads, "
                "the newest ones. Split the report by a `campaign_ids` filter. "
                f"[request_id {answer.request_id}]"
            )
            error.retryable = False  # the rows are no fewer next time
            raise error
        return answer

    def _on_error(self, advertiser_id: str, error: TikTokError) -> None:
        """Raise what ends the report; note what concerns one account only, as the policy says."""
        if (
            isinstance(error, TikTokAuthError)
            or self._policy == "fail"
            or not isinstance(error, (TikTokAPIError, TikTokIncompleteReportError))
        ):
            raise error
        if self._policy == "skip":
            # without a code it is the plan's own: TikTok hides the account's time zone
            of_the_plan = isinstance(error, TikTokInvalidRequestError) and error.code is None
            if not of_the_plan and not (isinstance(error, TikTokAPIError) and is_about_one_account(error)):
                raise error
            self.result.skipped[advertiser_id] = str(error)
            log.warning("Advertiser %s is skipped. %s", advertiser_id, error)
        else:
            log.error(
                "Advertiser %s failed; the others are fetched before the task fails. %s", advertiser_id, error
            )
        self._errors[advertiser_id] = error

    def _raise_errors(self) -> None:
        errors = self._errors
        if not errors or (self._policy == "skip" and len(errors) < len(self.plan.advertiser_ids)):
            return
        first = next(iter(errors.values()))
        if len(errors) == 1:
            raise first
        text = f"{len(errors)} of {len(self.plan.advertiser_ids)} advertiser accounts failed. " + " ".join(
            f"{advertiser_id}: {error}" for advertiser_id, error in errors.items()
        )
        if all(isinstance(error, TikTokIncompleteReportError) for error in errors.values()):
            incomplete = TikTokIncompleteReportError(text)
            incomplete.retryable = any(error.retryable for error in errors.values())
            raise incomplete
        raise TikTokAPIError(
            text,
            code=getattr(first, "code", None),
            message=getattr(first, "message", ""),
            request_id=getattr(first, "request_id", ""),
            retryable=any(error.retryable for error in errors.values()),
        )


@dataclass(frozen=True, slots=True)
class _PageCount:
    """What page 1 says about the window."""

    rows: int
    pages: int

    @classmethod
    def read(cls, answer: Answer, page_size: int, subject: str) -> _PageCount:
        info = answer.data.get("page_info")
        try:
            rows = _number(info["total_number"])  # type: ignore[index]
            said_pages = _number(info.get("total_page") or 0)  # type: ignore[union-attr]
            said_size = _number(info.get("page_size") or 0)  # type: ignore[union-attr]
        except (TypeError, KeyError, ValueError, OverflowError):
            raise TikTokIncompleteReportError(
                f"TikTok's answer lacks the count of rows ({subject}), so nothing shows that all of them are there. "
                f"Run the task again. [request_id {answer.request_id}]"
            ) from None
        # TikTok may give smaller pages than were asked for
        size = said_size if 0 < said_size < page_size else page_size
        return cls(rows, max(said_pages, ceil(rows / size)))

    def check(self, answer: Answer, page: int) -> str:
        """Say what is wrong with a page, if anything."""
        info = answer.data.get("page_info")
        info = info if isinstance(info, dict) else {}
        try:
            came, total = _number(info.get("page", page)), _number(info.get("total_number", self.rows))
        except (TypeError, ValueError, OverflowError):
            return f"the counts of page {page} can't be read"
        if came != page:
            return f"page {page} was asked for and page {info.get('page')} came"
        if total != self.rows:
            return (
                f"TikTok's count of rows moved from {self.rows:,} to {info.get('total_number')} while paging"
            )
        return ""


def _number(value: Any) -> int:
    """Read a count that may be a number or text."""
    return int(float(value))


def _sum(report_type: str, name: str, values: list[Any], several_accounts: bool) -> int | float | str | None:
    metric = catalog.metrics(report_type).get(name) or catalog.metrics().get(name)
    try:
        numbers = [Decimal(str(value)) for value in values if value not in (None, "-")]
    except InvalidOperation:
        return values[0] if len(values) == 1 else None
    additive = metric is not None and metric.additive and not (several_accounts and metric.type == "currency")
    if not numbers or None in values or (len(values) > 1 and not additive):
        return None
    total = sum(numbers, Decimal(0))
    return (
        int(total)
        if total == total.to_integral_value() and metric and metric.type == "integer"
        else float(total)
    )
