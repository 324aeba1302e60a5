"""One window of one account while it is fetched: its parts, and whether together they are whole.

A window begins with the calls that the plan has for it, nearly always one. A call that is too much for
TikTok is divided in place, so that the rows of the parts, put one behind the other, are the window's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import Answer
from airflow_provider_tiktok.reports import split
from airflow_provider_tiktok.reports.parts import Encode, Part, RowSink, SliceSink, SpendSink
from airflow_provider_tiktok.reports.plan import ReportCall
from airflow_provider_tiktok.reports.reconcile import Reconciliation, differ
from airflow_provider_tiktok.reports.request import ReportRequest
from airflow_provider_tiktok.reports.rows import Page, RowReader
from airflow_provider_tiktok.reports.spool import Room, RowSpool
from airflow_provider_tiktok.storage.columns import is_number


@dataclass(frozen=True, slots=True)
class Job:
    """One page to fetch.

    :param attempt: of the part; the page is of no use once that has begun anew.
    :param timeouts_before: how many calls in a row had timed out when it was made.
    """

    window: WindowFetch
    part: Part
    attempt: int
    page: int
    timeouts_before: int = 0


@dataclass(eq=False)
class _Leaf:
    """A stretch of the window's rows.

    :param part: the call that brings them.
    :param sink: where they are.
    :param lists: the lists of campaigns or ad groups from which it was made.
    :param slices: the calls for some of the metrics each, which bring them instead.
    :param barren: ways to divide it in which nothing of it is listed.
    """

    part: Part
    sink: RowSink
    lists: tuple[_List, ...] = ()
    slices: list[Part] = field(default_factory=list)
    barren: tuple[str, ...] = ()


@dataclass(eq=False)
class _List:
    """A list of the campaigns, or ad groups, by which a leaf is to be divided.

    :param part: the call that brings it.
    :param leaf: the leaf.
    :param way: what is listed.
    :param adds_up: whether its spend must be that of the rows.
    """

    part: Part
    leaf: _Leaf
    way: str
    adds_up: bool

    @property
    def spend(self) -> Decimal:
        """The spend of all that is listed."""
        sink = self.part.sink
        assert isinstance(sink, SpendSink)  # noqa: S101 - made so
        return sink.total


class WindowFetch:
    """Fetches one window.

    :param calls: the plan's calls for it.
    :param index: which of the plan's windows it is.
    :param request: the report.
    :param reader: reads rows.
    :param encode: makes of them what the report's reader wants.
    :param room: for rows in memory.
    :param reconciliation: compares the window's spend with the account's own.
    """

    def __init__(
        self,
        calls: Sequence[ReportCall],
        index: int,
        request: ReportRequest,
        *,
        reader: RowReader,
        encode: Encode,
        room: Room,
        reconciliation: Reconciliation | None = None,
    ) -> None:
        self.calls = tuple(calls)
        self.index = index
        self.account = calls[0].account
        self.advertiser_id = calls[0].advertiser_id
        self.attempts = 1
        self.not_before = 0.0
        self.started = clock.monotonic()
        self.spool: RowSpool | None = None
        self._request = request
        self._reader = reader
        self._encode = encode
        self._room = room
        self._reconciliation = reconciliation
        self._leaves: list[_Leaf] = []
        self._lists: list[_List] = []
        self._total: Part | None = None
        self._begin()

    def __str__(self) -> str:
        return f"{self.account}, {self.calls[0].window}"

    @property
    def is_whole(self) -> bool:
        """Whether its rows are there and checked."""
        return self.spool is not None

    @property
    def pages(self) -> int:
        """How many pages are known of."""
        return sum(part.pages for part in self._parts())

    @property
    def pages_taken(self) -> int:
        """How many of them have come."""
        return sum(min(part.pages_taken, part.pages) for part in self._parts())

    def next_job(self) -> Job | None:
        """Give the next page to fetch; ``None`` when all known ones are under way."""
        for part in self._parts():
            if (page := part.next_page()) is not None:
                return Job(self, part, part.attempt, page)
        return None

    def is_current(self, job: Job) -> bool:
        """Say whether a page is still of use."""
        return (
            not self.is_whole
            and job.attempt == job.part.attempt
            and not job.part.is_complete
            and any(part is job.part for part in self._parts())
        )

    def take(self, job: Job, answer: Answer) -> str:
        """Take in a page of which its part has learnt.

        :return: what is wrong with the window, if that shows now; it must be fetched again then.
        """
        part = job.part
        part.take(job.page, answer)
        if not part.is_complete:
            return ""
        return part.problem() or self._complete(part) or ("" if self._is_incomplete() else self._finish())

    def restart(self) -> None:
        """Fetch everything again."""
        self.attempts += 1
        self.discard()
        self._begin()

    def discard(self) -> None:
        """Let go of all rows."""
        for leaf in self._leaves:
            leaf.sink.clear()
        if self.spool is not None:
            self.spool.close()
            self.spool = None

    def way_to_divide(self, part: Part, reason: str) -> str:
        """Say how a part that is too much can be divided; empty when it can't.

        :param reason: why it is too much, a key of :data:`~airflow_provider_tiktok.reports.split.WAYS`.
        """
        leaf = self._leaf_of(part)
        if leaf is None:  # a list, or the account's total
            return ""
        ways = (split.METRICS,) if leaf.slices else split.WAYS[reason]
        ways = tuple(way for way in ways if way not in leaf.barren)
        return next((way for way in ways if split.can_divide(self._request, part.call, way)), "")

    def way_to_size(self, part: Part, size: split.Size) -> str:
        """Say how a part that is larger than a size is to be divided; empty when it isn't larger, or can't be."""
        leaf = self._leaf_of(part)
        if leaf is None or leaf.slices:
            return ""
        way = split.way_to_size(self._request, part.call, size)
        return "" if way in leaf.barren else way

    def divide(self, part: Part, way: str, size: split.Size) -> None:
        """Replace a part by smaller ones.

        :param size: of the account's calls; it shrinks to that of the new parts.
        """
        leaf = self._leaf_of(part)
        assert leaf is not None  # noqa: S101 - way_to_divide has found it
        leaf.sink.clear()
        size.shrink(part.call, way)
        if way == split.METRICS:
            whole = leaf.slices or [part]
            index = next(number for number, one in enumerate(whole) if one is part)
            slices = [
                Part(call, SliceSink(self._reader), self._request.page_size)
                for call in split.divide(self._request, part.call, way)
            ]
            leaf.slices = [*whole[:index], *slices, *whole[index + 1 :]]
        elif split.wants_list(part.call, way):
            call = split.list_call(self._request, part.call, way)
            dimension = "campaign_id" if way == split.CAMPAIGNS else "adgroup_id"
            listed = Part(call, SpendSink(dimension, once=True), self._request.page_size)
            adds_up = split.list_adds_up(self._request, part.call, way)
            self._lists.append(_List(listed, leaf, way, adds_up))
        else:
            self._replace(leaf, split.divide(self._request, part.call, way))

    def totals(self) -> list[dict[str, Any]]:
        """Give TikTok's ``total_metrics`` of each part that has rows; empty where it gave none."""
        found = []
        for leaf in self._leaves:
            parts = leaf.slices or [leaf.part]
            if any(part.totals or part.rows for part in parts):
                # of calls for some of the metrics each; where one has no totals, nobody knows the window's
                of_each = [part.totals or {} for part in parts]
                found.append(
                    {name: value for totals in of_each for name, value in totals.items()}
                    if all(of_each)
                    else {}
                )
        return found

    def _begin(self) -> None:
        self._lists = []
        self._leaves = [self._leaf(call) for call in self.calls]
        self._total = None
        if self._reconciliation is not None:
            call = self._reconciliation.call(self.calls[0])
            self._total = Part(call, SpendSink("advertiser_id"), self._request.page_size)

    def _leaf(self, call: ReportCall, lists: tuple[_List, ...] = ()) -> _Leaf:
        sink = RowSink(
            self._reader,
            self._encode,
            order_field=self._request.order_field,
            room=self._room,
            sums_spend=self._reconciliation is not None or any(one.adds_up for one in lists),
        )
        return _Leaf(Part(call, sink, self._request.page_size), sink, lists)

    def _parts(self) -> list[Part]:
        """Give the calls of the window as it is divided now."""
        waiting_for_list = {id(one.leaf) for one in self._lists}
        parts = [one.part for one in self._lists]
        for leaf in self._leaves:
            if id(leaf) not in waiting_for_list:
                parts += leaf.slices or [leaf.part]
        return parts + ([self._total] if self._total is not None else [])

    def _is_incomplete(self) -> bool:
        return any(not part.is_complete for part in self._parts())

    def _leaf_of(self, part: Part) -> _Leaf | None:
        return next(
            (leaf for leaf in self._leaves if part is leaf.part or any(part is one for one in leaf.slices)),
            None,
        )

    def _replace(self, leaf: _Leaf, calls: Sequence[ReportCall], lists: tuple[_List, ...] = ()) -> None:
        index = next(number for number, one in enumerate(self._leaves) if one is leaf)
        self._leaves[index : index + 1] = [self._leaf(call, leaf.lists + lists) for call in calls]

    def _complete(self, part: Part) -> str:
        """Do what a complete part makes possible; say what is wrong, if anything."""
        for listed in self._lists:
            if listed.part is part:
                return self._divide_by(listed)
        leaf = self._leaf_of(part)
        if leaf is not None and leaf.slices and all(one.is_complete for one in leaf.slices):
            return self._join(leaf)
        return ""

    def _divide_by(self, listed: _List) -> str:
        assert isinstance(listed.part.sink, SpendSink)  # noqa: S101 - made so
        ids = sorted(listed.part.sink.by_id)
        self._lists.remove(listed)
        if not ids:
            # nothing of it has figures, which the call itself can say at once; it may never have been too much
            listed.leaf.barren += (listed.way,)
            listed.leaf.part.restart()
            return ""
        calls = split.by_ids(self._request, listed.leaf.part.call, listed.way, ids)
        self._replace(listed.leaf, calls, (listed,))
        return ""

    def _join(self, leaf: _Leaf) -> str:
        """Put rows together whose metrics came from several calls."""
        sinks = [part.sink for part in leaf.slices]
        tables = [sink.rows for sink in sinks if isinstance(sink, SliceSink)]
        keys = list(tables[0])
        if any(table.keys() != tables[0].keys() for table in tables):
            return "TikTok's rows moved between two calls for some of the metrics each"
        names = list(self._reader.schema.columns)
        owner = {
            name: number for number, part in enumerate(leaf.slices) for name in part.call.params["metrics"]
        }
        columns = [
            [tables[owner.get(name, 0)][key][index] for key in keys] for index, name in enumerate(names)
        ]
        if keys:
            leaf.sink.take_page(Page(list(columns), [False] * len(columns)))
        return ""

    def _finish(self) -> str:
        """Check the window as a whole, and put its rows together; say what is wrong, if anything."""
        for listed in {id(one): one for leaf in self._leaves for one in leaf.lists}.values():
            leaves = [leaf for leaf in self._leaves if any(one is listed for one in leaf.lists)]
            problem = differ(
                sum((leaf.sink.spend for leaf in leaves), Decimal(0)),
                listed.spend,
                f"the listed {listed.way}'",
                rows=sum(len(leaf.sink.spool) for leaf in leaves),
            )
            if listed.adds_up and problem:
                return problem
        if self._total is not None and self._reconciliation is not None:
            assert isinstance(self._total.sink, SpendSink)  # noqa: S101 - made so
            problem = self._reconciliation.problem(
                sum((leaf.sink.spend for leaf in self._leaves), Decimal(0)),
                self._total.sink.total,
                rows=sum(len(leaf.sink.spool) for leaf in self._leaves),
            )
            if problem:
                return problem
        first, *others = [leaf.sink.spool for leaf in self._leaves]
        for spool in others:
            first.absorb(spool)
        if others and first.has_duplicates():
            return "TikTok gave a row in two parts of the window"
        self.spool = self._in_order(first)
        return ""

    def _in_order(self, spool: RowSpool) -> RowSpool:
        """Put rows of several calls into the order in which TikTok would have given them in one."""
        divided = len(self._leaves) > 1 or self._leaves[0].slices
        if not divided or self._request.order_field not in self._reader.schema.columns:
            return spool
        sign = 1 if self._request.order_type == "ASC" else -1

        def rank(key: Any) -> tuple[Any, ...]:
            *identity, cell = key
            number = sign * float(cell) if is_number(cell) else 0.0
            return not is_number(cell), number, *identity

        return spool.sorted_by(rank)
