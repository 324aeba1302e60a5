"""Fetches a list of entities: every sweep of every account, complete or failed."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.endpoints.advertisers import (
    Advertiser,
    ask_by_halves,
    read_advertiser,
)
from airflow_provider_tiktok.entities.plan import EntityPlan
from airflow_provider_tiktok.entities.rows import EntityPage, EntityReader
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokError,
    TikTokIncompleteReportError,
)
from airflow_provider_tiktok.reports.fetch.collectors import Encode, RowCollector, row_budget
from airflow_provider_tiktok.reports.fetch.failures import FAIL, AccountFailures
from airflow_provider_tiktok.reports.fetch.source import FetchResult, Position, RowSource, page_rows
from airflow_provider_tiktok.reports.fetch.window.calls import RowCall
from airflow_provider_tiktok.reports.fetch.window.paged_call import PagedCall
from airflow_provider_tiktok.reports.fetch.window.window import Making, PageJob, WindowFetch
from airflow_provider_tiktok.reports.fetch.windows import WindowSource
from airflow_provider_tiktok.reports.params.coerce import check_concurrency
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.reports.rows.tally import Figures, tally_text
from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer

log = logging.getLogger(__name__)

_ID = "advertiser_id"


def open_source(
    client: TikTokClient,
    plan: EntityPlan,
    *,
    encode: Encode = page_rows,
    max_concurrency: int = 8,
    on_advertiser_error: str = FAIL,
    resume_from: tuple[Position, FetchResult] | None = None,
    warned: set[str] | None = None,
) -> RowSource:
    """Return the source of a list's rows.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param encode: makes of a page what the reader of the rows wants of each of them; the rows as they are if not given.
    :param max_concurrency: calls in flight.
    :param on_advertiser_error: as :class:`~airflow_provider_tiktok.reports.fetch.failures.AccountFailures`'s.
    :param resume_from: where an earlier fetch has left off, and what it brought until there.
    :param warned: as :class:`~airflow_provider_tiktok.entities.rows.EntityReader`'s.
    """
    reader = EntityReader(plan.request, warned)
    failures = AccountFailures(on_advertiser_error, plan.advertiser_ids)
    check_concurrency(max_concurrency)
    if plan.request.kind.path == "advertiser/info/":
        return AccountSource(client, plan, reader, encode, failures)
    return EntitySource(
        client,
        plan,
        reader,
        encode,
        failures,
        max_concurrency=max_concurrency,
        resumed=resume_from or (Position(), FetchResult()),
    )


class EntitySource(WindowSource):
    """Fetches a list that TikTok has account by account, in pages.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param reader: reads rows.
    :param encode: makes of a page what the reader of the rows wants of each of them.
    :param failures: what an account's failure means for the others.
    :param max_concurrency: calls in flight.
    :param resumed: where an earlier fetch has left off, and what it brought until there.
    """

    def __init__(
        self,
        client: TikTokClient,
        plan: EntityPlan,
        reader: EntityReader,
        encode: Encode,
        failures: AccountFailures,
        *,
        max_concurrency: int,
        resumed: tuple[Position, FetchResult],
    ) -> None:
        self.plan = plan
        self.reader = reader
        budget = row_budget(len(self.reader.schema.columns))
        super().__init__(
            client,
            plan,
            self.reader,
            Making(lambda planned: SweepCalls(planned, self.reader, encode, budget), _join),
            SweepRecovery(),
            budget=budget,
            failures=failures,
            max_concurrency=max_concurrency,
            resumed=resumed,
        )

    def _tally(self, window: WindowFetch) -> str:
        """Return how many entities an account has, each of which several sweeps may have brought."""
        assert window.rows is not None  # noqa: S101 - it is complete
        return tally_text([{(window.advertiser_id, None): Figures(len(window.rows))}])

    def _finish(self) -> None:
        """Log whose list has no end that TikTok shows."""
        super()._finish()
        kind = self.plan.request.kind
        if self.result.cut:
            log.warning(
                "This list is not complete: TikTok lists the %s newest %s of an account only, and %s may have more.",
                f"{kind.reach:,}",
                kind.plural,
                ", ".join(self.result.cut),
            )


class SweepCalls:
    """The sweeps of one account.

    :param planned: the plan's calls for it.
    :param reader: reads rows.
    :param encode: makes of them what the reader of the rows wants.
    :param budget: for rows in memory.
    """

    def __init__(
        self, planned: Sequence[ReportCall], reader: EntityReader, encode: Encode, budget: MemoryBudget
    ) -> None:
        self.row_calls = [self._row_call(call, reader, encode, budget) for call in planned]

    @property
    def is_complete(self) -> bool:
        """Whether all pages of all sweeps have come."""
        return all(one.call.is_complete for one in self.row_calls)

    def all(self) -> list[PagedCall]:
        """Return the calls whose pages are to be fetched."""
        return [one.call for one in self.row_calls]

    def complete(self, call: PagedCall) -> None:
        """Do nothing: no call follows from another."""

    def clear(self) -> None:
        """Drop all rows."""
        for one in self.row_calls:
            one.collector.clear()

    @staticmethod
    def _row_call(call: ReportCall, reader: EntityReader, encode: Encode, budget: MemoryBudget) -> RowCall:
        collector = RowCollector(reader, encode, order_field=None, budget=budget, read=reader.read_page)
        return RowCall(PagedCall(call, collector, call.params["page_size"]), collector)


def _join(calls: SweepCalls) -> RowBuffer | str:
    """Return the entities of all sweeps, each once: one that changed in the meantime may be in two."""
    first, *others = [one.collector.buffer for one in calls.row_calls]
    for buffer in others:
        first.absorb(buffer)
    if not (others and first.has_duplicates()):
        return first
    return first.without_repeats() or "TikTok gave an entity twice, and it changed in between"


class SweepRecovery:
    """Changes no call: a page of entities is never too large for TikTok."""

    def __init__(self) -> None:
        self.timeouts = 0

    def prepare(self, job: PageJob) -> bool:
        """Leave a call as it is."""
        return True

    def succeeded(self) -> None:
        """Note that TikTok answered a call in time."""
        self.timeouts = 0

    def recover(self, job: PageJob, error: TikTokError) -> TikTokError | None:
        """Return the error."""
        return error

    def incomplete(self, window: WindowFetch, problem: str) -> TikTokIncompleteReportError:
        """Return the error of a list that moved whenever it was read."""
        return TikTokIncompleteReportError(
            f"The list could not be read completely in {window.attempts} attempts: {problem} ({window}). Entities may "
            "have been made, changed or deleted meanwhile; run the task again later."
        )


class AccountSource:
    """Lists accounts, a hundred in one call.

    TikTok refuses such a call for one account that doesn't grant the app. That one is found by halves, and fails alone.

    :param client: makes the calls.
    :param plan: what to fetch.
    :param reader: reads rows.
    :param encode: makes of a page what the reader of the rows wants of each of them.
    :param failures: what an account's failure means for the others.
    """

    def __init__(
        self,
        client: TikTokClient,
        plan: EntityPlan,
        reader: EntityReader,
        encode: Encode,
        failures: AccountFailures,
    ) -> None:
        self.plan = plan
        self.reader = reader
        self.result = FetchResult()
        self._client = client
        self._encode = encode
        self._failures = failures
        self._described: dict[str, Advertiser] = {}

    @property
    def position(self) -> Position:
        """The beginning: a few calls are soon made again."""
        return Position()

    def batches(self) -> Generator[list[Any], None, None]:
        """Yield the rows, a hundred at a time.

        :raises TikTokIncompleteReportError: TikTok said nothing about an account.
        :raises TikTokAPIError: TikTok refused.
        """
        size, accounts = self.plan.request.kind.page_size, self.plan.advertiser_ids
        for first in range(0, len(accounts), size):
            pages = list(self._pages(accounts[first : first + size]))
            rows = [row for page in pages for row in self._encode(page)]
            self.result.row_count += len(rows)
            yield rows
        self.plan = replace(self.plan, described=self._described)
        self.result.tallies = [(name, tally_text([{(name, None): Figures(1)}])) for name in self._described]
        self._failures.raise_at_end()

    def _pages(self, accounts: Sequence[str]) -> Iterator[EntityPage]:
        """Yield the rows of up to a hundred accounts, in their order."""
        for asked, outcome in ask_by_halves(accounts, self._ask):
            if isinstance(outcome, TikTokAPIError):
                for advertiser_id in asked:
                    self._fail(advertiser_id, outcome)
                continue
            found: dict[str, Any] = {}
            faults: dict[str, str] = {}
            for item in (one for one in outcome if isinstance(one, dict)):
                name = str(item.get(_ID))
                if found.setdefault(name, item) != item:
                    faults[name] = "named an account twice, with different values: advertiser {}"
            for name in asked:
                if name not in found:
                    faults[name] = "sent nothing about advertiser {}, which was asked for"
                if name in faults:
                    self._fail(name, _incomplete(faults[name].format(name)))
            named = [name for name in asked if name not in faults]
            self._described |= {name: read_advertiser({**found[name], _ID: name}) for name in named}
            yield self.reader.read(named, [found[name] for name in named], _subject(asked))

    def _ask(self, accounts: Sequence[str]) -> list[Any]:
        """Ask for some accounts in one call."""
        call = self.plan.calls[0]
        params = {"advertiser_ids": list(accounts), "fields": call.common["fields"]}
        subject = _subject(accounts)
        answer = self._client.get(self.plan.path, params, subject=subject, **call.options)
        items = answer.data.get("list")
        if not isinstance(items, list):
            raise TikTokIncompleteReportError(
                f"TikTok's answer has no list of accounts ({subject}). Run the task again. "
                f"[request_id {answer.request_id}]"
            )
        return items

    def _fail(self, advertiser_id: str, error: TikTokError) -> None:
        self._failures.record(advertiser_id, error)
        self.result.skipped = self._failures.skipped


def _subject(accounts: Sequence[str]) -> str:
    return f"advertiser {accounts[0]}" if len(accounts) == 1 else f"{len(accounts)} advertiser accounts"


def _incomplete(fault: str) -> TikTokIncompleteReportError:
    return TikTokIncompleteReportError(
        f"TikTok {fault}. Run the task again, or leave the account out of `advertiser_ids`."
    )
