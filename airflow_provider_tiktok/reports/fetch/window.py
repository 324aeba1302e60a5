"""One window of one account while it is fetched: its parts, and whether together they are whole.

A window begins with the calls that the plan has for it, nearly always one. A call that is too much for
TikTok is divided in place, so that the rows of the parts, put one behind the other, are the window's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import Answer
from airflow_provider_tiktok.reports.fetch import split
from airflow_provider_tiktok.reports.fetch.collectors import Encode, IdSink, Part, RowSink
from airflow_provider_tiktok.reports.params.request import ReportRequest
from airflow_provider_tiktok.reports.planning.planner import ReportCall
from airflow_provider_tiktok.reports.planning.reconcile import Reconciliation, differ
from airflow_provider_tiktok.reports.rows.buffer import Room, RowSpool
from airflow_provider_tiktok.reports.rows.reader import RowReader
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
    :param barren: ways to divide it in which nothing of it is listed.
    """

    part: Part
    sink: RowSink
    lists: tuple[_List, ...] = ()
    barren: tuple[str, ...] = ()


@dataclass(eq=False)
class _List:
    """A list of the campaigns, or ad groups, by which a leaf is to be divided.

    :param parts: the calls that bring it, each with some of the metrics.
    :param leaf: the leaf.
    :param way: what is listed.
    :param sums: metrics whose sum must be that of the rows.
    """

    parts: list[Part]
    leaf: _Leaf
    way: str
    sums: tuple[str, ...]

    @property
    def sinks(self) -> list[IdSink]:
        """What the calls brought."""
        return [part.sink for part in self.parts if isinstance(part.sink, IdSink)]


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
        problem = part.problem()
        if problem:
            return problem
        self._complete(part)
        return "" if self._is_incomplete() else self._finish()

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

    def doubled_times(self) -> set[str]:
        """Return the times of the rows that came twice, in a report that has a time."""
        return {time for leaf in self._leaves for time in leaf.sink.doubled_times()}

    def way_to_divide(self, part: Part, reason: str) -> str:
        """Say how a part that is too much can be divided; empty when it can't.

        :param reason: why it is too much, a key of :data:`~airflow_provider_tiktok.reports.fetch.split.WAYS`.
        """
        if self._list_of(part) is not None:
            may_help = reason in {split.LARGE, split.TIMEOUT} and len(part.asked.params["metrics"]) > 1
            return split.LIST_METRICS if may_help else ""
        leaf = self._leaf_of(part)
        if leaf is None:  # the account's total
            return ""
        ways = (way for way in split.WAYS[reason] if way not in leaf.barren)
        return next((way for way in ways if split.can_divide(self._request, part.asked, way)), "")

    def way_to_size(self, part: Part, size: split.Size) -> str:
        """Say how a part that is larger than a size is to be divided; empty when it isn't larger, or can't be."""
        leaf = self._leaf_of(part)
        if leaf is None:
            return ""
        way = split.way_to_size(self._request, part.asked, size)
        return "" if way in leaf.barren else way

    def divide(self, part: Part, way: str, size: split.Size) -> None:
        """Replace a part by smaller ones.

        :param size: of the account's calls; it shrinks to that of the new parts.
        """
        listed = self._list_of(part)
        if listed is not None:
            index = next(number for number, one in enumerate(listed.parts) if one is part)
            calls = split.divide(self._request, part.asked, way)
            listed.parts[index : index + 1] = [self._list_part(listed, call) for call in calls]
            return
        leaf = self._leaf_of(part)
        assert leaf is not None  # noqa: S101 - way_to_divide has found it
        leaf.sink.clear()
        size.shrink(part.call, way)
        if split.wants_list(part.call, way):
            listed = _List([], leaf, way, split.list_sums(self._request, part.asked, way))
            listed.parts.append(self._list_part(listed, split.list_call(self._request, part.asked, way)))
            self._lists.append(listed)
        else:
            self._replace(leaf, split.divide(self._request, part.call, way))

    def list_of(self, part: Part) -> str:
        """Return what a part lists; empty where it is none of a list."""
        listed = self._list_of(part)
        return listed.way if listed is not None else ""

    def totals(self) -> list[dict[str, Any]]:
        """Give TikTok's ``total_metrics`` of each part that has rows; empty where it gave none."""
        parts = [leaf.part for leaf in self._leaves]
        return [dict(part.totals or {}) for part in parts if part.totals or part.rows]

    def _begin(self) -> None:
        self._lists = []
        self._leaves = [self._leaf(call) for call in self.calls]
        self._total = None
        if self._reconciliation is not None:
            call = self._reconciliation.call(self.calls[0])
            self._total = Part(call, IdSink("advertiser_id", ("spend",), once=True), self._request.page_size)

    def _leaf(self, call: ReportCall, lists: tuple[_List, ...] = ()) -> _Leaf:
        sink = RowSink(
            self._reader,
            self._encode,
            order_field=self._request.order_field,
            room=self._room,
            sums=tuple(
                dict.fromkeys(
                    (
                        *(("spend",) if self._reconciliation is not None else ()),
                        *(name for one in lists for name in one.sums),
                    )
                )
            ),
        )
        return _Leaf(Part(call, sink, self._request.page_size), sink, lists)

    def _list_part(self, listed: _List, call: ReportCall) -> Part:
        sums = [name for name in listed.sums if name in call.params["metrics"]]
        sink = IdSink(call.params["dimensions"][0], sums, once=True)
        return Part(call, sink, self._request.page_size)

    def _parts(self) -> list[Part]:
        """Give the calls of the window as it is divided now."""
        waiting_for_list = {id(one.leaf) for one in self._lists}
        parts = [part for one in self._lists for part in one.parts]
        parts += [leaf.part for leaf in self._leaves if id(leaf) not in waiting_for_list]
        return parts + ([self._total] if self._total is not None else [])

    def _is_incomplete(self) -> bool:
        return any(not part.is_complete for part in self._parts())

    def _leaf_of(self, part: Part) -> _Leaf | None:
        return next((leaf for leaf in self._leaves if part is leaf.part), None)

    def _list_of(self, part: Part) -> _List | None:
        return next((one for one in self._lists if any(part is it for it in one.parts)), None)

    def _replace(self, leaf: _Leaf, calls: Sequence[ReportCall], lists: tuple[_List, ...] = ()) -> None:
        index = next(number for number, one in enumerate(self._leaves) if one is leaf)
        self._leaves[index : index + 1] = [self._leaf(call, leaf.lists + lists) for call in calls]

    def _complete(self, part: Part) -> None:
        """Do what a complete part makes possible."""
        listed = self._list_of(part)
        if listed is None or not all(one.is_complete for one in listed.parts):
            return
        ids = sorted({name for sink in listed.sinks for name in sink.ids})
        self._lists.remove(listed)
        if not ids:
            # nothing of it has figures, which the call itself can say at once; it may never have been too much
            listed.leaf.barren += (listed.way,)
            listed.leaf.part.restart()
            return
        calls = split.by_ids(self._request, listed.leaf.part.call, listed.way, ids)
        self._replace(listed.leaf, calls, (listed,))

    def _sum(self, name: str, leaves: Sequence[_Leaf]) -> Decimal:
        return sum((leaf.sink.sums[name] for leaf in leaves), Decimal(0))

    def _differs_from(self, listed: _List) -> str:
        """Return how the rows differ from what was listed to make their calls; empty where they don't."""
        leaves = [leaf for leaf in self._leaves if any(one is listed for one in leaf.lists)]
        for sink in listed.sinks:
            for name, total in sink.sums.items():
                found = self._sum(name, leaves)
                if name == "spend":
                    rows = sum(len(leaf.sink.spool) for leaf in leaves)
                    problem = differ(found, total, f"the listed {listed.way}'", rows=rows)
                    if problem:
                        return problem
                elif found != total:  # counts, which nobody rounds
                    return f"its rows have {found} {name}, and the listed {listed.way} have {total}"
        return ""

    def _finish(self) -> str:
        """Check the window as a whole, and put its rows together; say what is wrong, if anything."""
        for listed in {id(one): one for leaf in self._leaves for one in leaf.lists}.values():
            if problem := self._differs_from(listed):
                return problem
        if self._total is not None and self._reconciliation is not None:
            assert isinstance(self._total.sink, IdSink)  # noqa: S101 - made so
            problem = self._reconciliation.problem(
                self._sum("spend", self._leaves),
                self._total.sink.sums["spend"],
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
        if len(self._leaves) == 1 or self._request.order_field not in self._reader.schema.columns:
            return spool
        sign = 1 if self._request.order_type == "ASC" else -1

        def rank(key: Any) -> tuple[Any, ...]:
            *identity, cell = key
            number = sign * float(cell) if is_number(cell) else 0.0
            return not is_number(cell), number, *identity

        return spool.sorted_by(rank)
