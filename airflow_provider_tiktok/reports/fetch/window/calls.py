"""The paged calls of one window as it is split now.

A window begins with the calls that the plan has for it, nearly always one. A call that is oversized for TikTok is
replaced by smaller ones (see :mod:`~airflow_provider_tiktok.reports.fetch.window.split`), so that their rows, one behind
the other, are the window's. Where the campaigns or ad groups to split by aren't known, they are listed first: by a
report with the same figures, which names those that have one, and where TikTok doesn't list them by all figures, by
its list of all campaigns or ad groups as well. What either names is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_tiktok.reports.fetch.collectors import Encode, IdCollector, RowCollector
from airflow_provider_tiktok.reports.fetch.window import split
from airflow_provider_tiktok.reports.fetch.window.paged_call import PagedCall
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.reports.planning.reconcile import Reconciliation
from airflow_provider_tiktok.reports.rows.reader import RowReader
from airflow_provider_tiktok.storage.buffer import MemoryBudget

ListAll = Callable[[str, str, Mapping[str, Any]], Sequence[ReportCall]]
"""Returns the calls that list all of an account's entities of a kind: ``list_all("campaign", "7...", filtering)``."""


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """What all windows of a report have in common.

    :param request: the report.
    :param reader: reads rows.
    :param encode: makes of them what the reader of the rows wants.
    :param budget: for rows in memory.
    :param list_all: lists campaigns or ad groups, whether they have figures or not.
    :param reconciliation: compares each window's spend with the account's own.
    """

    request: ReportRequest
    reader: RowReader
    encode: Encode
    budget: MemoryBudget
    list_all: ListAll
    reconciliation: Reconciliation | None = None


@dataclass(eq=False)
class RowCall:
    """A call for some of the window's rows.

    :param call: the call.
    :param collector: has its rows.
    :param listings: the lists of campaigns or ad groups by which it was split off.
    :param exhausted: strategies to split it in which nothing of it is listed.
    """

    call: PagedCall
    collector: RowCollector
    listings: tuple[Listing, ...] = ()
    exhausted: tuple[str, ...] = ()


@dataclass(eq=False)
class Listing:
    """A list of the campaigns, or ad groups, by which a call is to be split.

    :param calls: the calls that bring it: reports with some of the metrics each; where there are ``unlisted`` ones, those
        for all campaigns or ad groups, too; where the reports are oversized, these and ``total`` alone.
    :param row_call: the call to be split.
    :param strategy: what is listed.
    :param sums: metrics whose sum must be that of the rows.
    :param unlisted: figures of the rows by which TikTok doesn't list.
    :param total: the call for the account's own figures.
    """

    calls: list[PagedCall]
    row_call: RowCall
    strategy: str
    sums: tuple[str, ...]
    unlisted: tuple[str, ...] = ()
    total: PagedCall | None = None

    @property
    def ids(self) -> set[str]:
        """The campaigns or ad groups that are listed."""
        return {
            name
            for call in self.calls
            if call is not self.total and isinstance(call.collector, IdCollector)
            for name in call.collector.ids
        }

    @property
    def collectors(self) -> list[IdCollector]:
        """What the calls brought."""
        return [call.collector for call in self.calls if isinstance(call.collector, IdCollector)]

    @property
    def whose(self) -> str:
        """Whose figures the rows' are compared with."""
        return "the account's own" if self.total is not None else f"the listed {self.strategy}'"


class WindowCalls:
    """The calls of one window.

    :param planned: the plan's calls for it.
    :param settings: of the report.
    """

    def __init__(self, planned: Sequence[ReportCall], settings: FetchSettings) -> None:
        self._settings = settings
        self._request = settings.request
        self._open_listings: list[Listing] = []
        self.row_calls = [self._new_row_call(call) for call in planned]
        self.account_total = self._new_account_total(planned[0])

    @property
    def is_complete(self) -> bool:
        """Whether all pages of all calls have come."""
        return all(call.is_complete for call in self.all())

    def all(self) -> list[PagedCall]:
        """Return the calls whose pages are to be fetched, lists first."""
        waiting = {id(listing.row_call) for listing in self._open_listings}
        calls = [call for listing in self._open_listings for call in listing.calls]
        calls += [one.call for one in self.row_calls if id(one) not in waiting]
        return calls if self.account_total is None else [*calls, self.account_total]

    def listing_of(self, call: PagedCall) -> Listing | None:
        """Return the list that a call is one of; ``None`` where it is none of a list."""
        return next((one for one in self._open_listings if any(call is it for it in one.calls)), None)

    def list_without(self, call: PagedCall, metrics: Sequence[str]) -> None:
        """List without figures that TikTok refuses in a list, and all campaigns or ad groups instead.

        :param call: the list's call that is refused.
        """
        listing = self.listing_of(call)
        assert listing is not None  # noqa: S101 - it is refused as a list
        left = [name for name in call.asked.params["metrics"] if name not in metrics]
        smaller = replace(call.call, common={**call.call.common, "metrics": left})
        index = _index(listing.calls, call)
        listing.calls[index : index + 1] = [self._new_list_call(listing, smaller)] if left else []
        self._list_all(listing, metrics)
        self._split_by(listing)  # all campaigns may have come before

    def strategy_against(self, call: PagedCall, reason: str) -> str:
        """Return the strategy to split an oversized call; empty when there is none.

        :param reason: why it is oversized, a key of
            :data:`~airflow_provider_tiktok.reports.fetch.window.split.STRATEGIES`.
        """
        if (listing := self.listing_of(call)) is not None:
            return self._strategy_of_list(listing, call, reason)
        row_call = self._row_call_of(call)
        if row_call is None:  # the account's total
            return ""
        strategies = (one for one in split.STRATEGIES[reason] if one not in row_call.exhausted)
        return next((one for one in strategies if split.can_split(self._request, call.asked, one)), "")

    def strategy_for_size(self, call: PagedCall, size: split.Size) -> str:
        """Return the strategy for a call that is larger than a size; empty when it isn't larger, or can't be split."""
        row_call = self._row_call_of(call)
        if row_call is None:
            return ""
        strategy = split.strategy_for_size(self._request, call.asked, size)
        return "" if strategy in row_call.exhausted else strategy

    def split(self, call: PagedCall, strategy: str, size: split.Size) -> None:
        """Replace a call by smaller ones.

        :param size: of the account's calls; it shrinks to that of the new ones.
        """
        listing = self.listing_of(call)
        if listing is not None and strategy == split.LIST_ALL:
            self._list_all_instead(listing)
            return
        if listing is not None:
            index = _index(listing.calls, call)
            smaller = split.split_call(self._request, call.asked, strategy)
            listing.calls[index : index + 1] = [self._new_list_call(listing, one) for one in smaller]
            return
        row_call = self._row_call_of(call)
        assert row_call is not None  # noqa: S101 - a strategy was found for it
        row_call.collector.clear()
        size.shrink(call.call, strategy)
        if split.wants_list(call.call, strategy):
            self._list(row_call, strategy)
        else:
            self._replace(row_call, split.split_call(self._request, call.call, strategy))

    def complete(self, call: PagedCall) -> None:
        """Split by what was listed, where a complete call was the last one of a list."""
        if (listing := self.listing_of(call)) is not None:
            self._split_by(listing)

    def clear(self) -> None:
        """Drop all rows."""
        for one in self.row_calls:
            one.collector.clear()

    def _split_by(self, listing: Listing) -> None:
        """Split a call by what is listed, if the list is complete."""
        if not all(one.is_complete for one in listing.calls):
            return
        self._open_listings.remove(listing)
        row_call = listing.row_call
        ids = split.wanted(row_call.call.call, listing.strategy, listing.ids)
        if ids:
            smaller = split.by_ids(self._request, row_call.call.call, listing.strategy, ids)
            self._replace(row_call, smaller, (listing,))
        else:
            # nothing of it has figures, which the call itself can say at once; it may never have been oversized
            row_call.exhausted += (listing.strategy,)
            row_call.call.restart()

    def _list(self, row_call: RowCall, strategy: str) -> None:
        """List what a call is to be split by."""
        asked = row_call.call.asked
        listing = Listing([], row_call, strategy, split.list_sums(self._request, asked, strategy))
        by_figures = split.list_call(self._request, asked, strategy)
        if by_figures.params["metrics"]:
            listing.calls.append(self._new_list_call(listing, by_figures))
        if unlisted := split.list_metrics(self._request, asked, strategy)[1]:
            self._list_all(listing, unlisted)
        self._open_listings.append(listing)

    def _list_all(self, listing: Listing, unlisted: Sequence[str]) -> None:
        """Add all campaigns or ad groups to a list that is not complete without some figures."""
        if not listing.unlisted:
            listing.calls += self._new_calls_for_all(listing)
        listing.unlisted += tuple(unlisted)

    def _strategy_of_list(self, listing: Listing, call: PagedCall, reason: str) -> str:
        """Return the strategy for an oversized list, or what can take its place; empty when there is none."""
        if call.call.path or call is listing.total:
            return ""
        if reason in {split.LARGE, split.TIMEOUT} and len(call.asked.params["metrics"]) > 1:
            return split.LIST_METRICS
        asked = listing.row_call.call.asked
        return split.LIST_ALL if split.total_call(self._request, asked, listing.strategy) else ""

    def _list_all_instead(self, listing: Listing) -> None:
        """List all campaigns in the place of those that have figures, with the account's own figures as the proof."""
        total = split.total_call(self._request, listing.row_call.call.asked, listing.strategy)
        assert total is not None  # noqa: S101 - the strategy was found for it
        collector = IdCollector("advertiser_id", listing.sums, once=True)
        listing.total = PagedCall(total, collector, self._request.page_size)
        listing.calls = [listing.total, *self._new_calls_for_all(listing)]

    def _new_calls_for_all(self, listing: Listing) -> list[PagedCall]:
        """Return the calls that list all campaigns or ad groups."""
        asked, kind = listing.row_call.call.call, split.entity_of(listing.strategy)
        filters = split.filters_of_all(asked, listing.strategy)
        return [
            PagedCall(call, IdCollector(f"{kind}_id", once=True, of_entities=True), call.params["page_size"])
            for call in self._settings.list_all(kind, asked.advertiser_id, filters)
        ]

    def _replace(
        self, row_call: RowCall, calls: Sequence[ReportCall], listings: tuple[Listing, ...] = ()
    ) -> None:
        index = _index(self.row_calls, row_call)
        listings = row_call.listings + listings
        self.row_calls[index : index + 1] = [self._new_row_call(call, listings) for call in calls]

    def _new_row_call(self, call: ReportCall, listings: tuple[Listing, ...] = ()) -> RowCall:
        settings = self._settings
        reconciled = ("spend",) if settings.reconciliation is not None else ()
        sums = dict.fromkeys((*reconciled, *(name for listing in listings for name in listing.sums)))
        collector = RowCollector(
            settings.reader,
            settings.encode,
            order_field=self._request.order_field,
            budget=settings.budget,
            sums=tuple(sums),
        )
        return RowCall(PagedCall(call, collector, self._request.page_size), collector, listings)

    def _new_list_call(self, listing: Listing, call: ReportCall) -> PagedCall:
        sums = [name for name in listing.sums if name in call.params["metrics"]]
        collector = IdCollector(call.params["dimensions"][0], sums, once=True)
        return PagedCall(call, collector, self._request.page_size)

    def _new_account_total(self, planned: ReportCall) -> PagedCall | None:
        """Return the call for the account's own spend, where that is compared."""
        reconciliation = self._settings.reconciliation
        if reconciliation is None:
            return None
        collector = IdCollector("advertiser_id", ("spend",), once=True)
        return PagedCall(reconciliation.call(planned), collector, self._request.page_size)

    def _row_call_of(self, call: PagedCall) -> RowCall | None:
        return next((one for one in self.row_calls if one.call is call), None)


def _index(items: Sequence[Any], item: Any) -> int:
    """Return where an object itself is among others."""
    return next(number for number, one in enumerate(items) if one is item)
