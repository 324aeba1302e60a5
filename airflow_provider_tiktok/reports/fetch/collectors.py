"""A window's calls while they are made: which pages are still to come, and what became of those that came.

A window begins as one part, which is one call and its pages. Where that is too much for TikTok, the part
is replaced by smaller ones (see :mod:`~airflow_provider_tiktok.reports.fetch.split`). What a part's pages are
collected into is its sink: rows for the report, or IDs and sums, for lists and for reconciliation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any, Protocol

from airflow_provider_tiktok.api.client import Answer
from airflow_provider_tiktok.api.transport.sanitize import plain
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.planning.planner import ReportCall
from airflow_provider_tiktok.reports.rows.buffer import Key, Room, RowSpool
from airflow_provider_tiktok.reports.rows.checks import check_rows
from airflow_provider_tiktok.reports.rows.reader import Page, RowReader, first_of_key
from airflow_provider_tiktok.storage.columns import canonical_number, is_number

_MAX_CELLS = 600_000  # cells held in memory before rows go to a file: some 20 MiB
_FEWEST_ROWS = 2_000
_MOST_ROWS = 10**9  # of one call's pages; more is no count
_MOST_PAGES = 864_000  # calls that TikTok allows an app of its basic level in a day
_DOUBLE = "TikTok gave a row twice, so another one may be missing"

Encode = Callable[[Page], Sequence[Any]]
"""Makes of a page what its reader wants of each row."""

_Held = tuple[Sequence[Key], Sequence[Any], Mapping[str, Decimal]]
"""A page's keys, its rows, and sums of its metrics."""


class Sink(Protocol):
    """Collects the pages of one part."""

    def read(self, call: ReportCall, page: int, items: list[Any]) -> Any:
        """Turn a page's items into what :meth:`take` takes."""

    def take(self, page: int, read: Any) -> int:
        """Take a page in, and say how many rows it has."""

    @property
    def has_double(self) -> bool:
        """Whether something was seen to come twice. Cheap: it is asked after every page."""

    def problem(self) -> str:
        """Say what is wrong with the pages as a whole, if anything."""

    def clear(self) -> None:
        """Forget all pages."""


class RowSink:
    """Collects rows of the report.

    :param reader: reads them.
    :param encode: makes of them what the report's reader wants.
    :param order_field: the metric in whose order TikTok gives the rows, which is kept; sorted by their keys if not given.
    :param room: for the rows in memory.
    :param sums: metrics whose values are to be added up.
    """

    def __init__(
        self,
        reader: RowReader,
        encode: Encode,
        *,
        order_field: str | None,
        room: Room,
        sums: Sequence[str] = (),
    ) -> None:
        self._reader = reader
        self._encode = encode
        columns = list(reader.schema.columns)
        self._summed = {name: columns.index(name) for name in sums}
        self._keep_order = order_field is not None
        # by which rows of several calls are put into one order
        extra = (columns.index(order_field),) if order_field in columns else ()
        self._ranks = bool(extra)
        self._indexes = reader.schema.key_indexes + extra
        self._early: dict[int, _Held] = {}
        self._next = 1
        self.spool = RowSpool(keep_order=self._keep_order, room=room, extra=len(extra))
        self.sums = dict.fromkeys(sums, Decimal(0))

    @property
    def has_double(self) -> bool:
        """Whether a row was seen to come twice."""
        return self.spool.saw_double

    def read(self, call: ReportCall, page: int, items: list[Any]) -> _Held:
        """Read and encode a page."""
        read = read_page(self._reader, call, page, items)
        if not len(read):
            return [], [], {}
        return self._keys(read), self._encode(read), self._sums(read)

    def take(self, page: int, read: _Held) -> int:
        """Hold a page's rows; where their order counts, until the pages before it have come."""
        if self._keep_order:
            self._early[page] = read
            while self._next in self._early:
                self._hold(*self._early.pop(self._next))
                self._next += 1
        else:
            self._hold(*read)
        return len(read[0])

    def take_page(self, page: Page) -> None:
        """Hold the rows of a page that was put together from others."""
        self._hold(self._keys(page), self._encode(page), self._sums(page))

    def problem(self) -> str:
        """Say so when a row came twice."""
        return _DOUBLE if self.spool.has_duplicates() else ""

    def doubled_times(self) -> set[str]:
        """Return the times of the rows that came twice, in a report that has a time."""
        return set(map(first_of_key, self.spool.duplicates()))

    def clear(self) -> None:
        """Forget the rows."""
        self.spool.close()
        self.sums = dict.fromkeys(self._summed, Decimal(0))
        self._early.clear()
        self._next = 1

    def _keys(self, page: Page) -> Sequence[Key]:
        return page.keys(self._indexes) if self._ranks else page.text_keys(self._indexes)

    def _sums(self, page: Page) -> dict[str, Decimal]:
        return {name: _sum(page.columns[index]) for name, index in self._summed.items()}

    def _hold(self, keys: Sequence[Key], rows: Sequence[Any], sums: Mapping[str, Decimal]) -> None:
        self.spool.add(keys, rows)
        for name, value in sums.items():
            self.sums[name] += value


class IdSink:
    """Collects the IDs of a list of campaigns, ad groups or accounts, and adds up their metrics.

    :param dimension: the ID.
    :param sums: metrics whose values are to be added up.
    :param once: whether each ID must come once: where one comes twice in a list, another may be missing.
    """

    def __init__(self, dimension: str, sums: Sequence[str], *, once: bool = False) -> None:
        self._dimension = dimension
        self._once = once
        self._count = 0
        self.ids: set[str] = set()
        self.sums = dict.fromkeys(sums, Decimal(0))

    @property
    def has_double(self) -> bool:
        """Whether an ID came twice that must not."""
        return self._once and self._count != len(self.ids)

    def read(
        self, call: ReportCall, page: int, items: list[Any]
    ) -> tuple[list[str], dict[str, list[Decimal]]]:
        """Read a page."""
        account = call.advertiser_id if self._dimension == call.parameter else None
        try:
            ids = [item["dimensions"][self._dimension] for item in items]
            sums = {name: [_decimal(item["metrics"][name]) for item in items] for name in self.sums}
        except (KeyError, TypeError, InvalidOperation):
            raise TikTokIncompleteReportError(
                f"TikTok sent a row that is not made as rows are ({call.subject(page)}). Run the task again."
            ) from None
        for row, value in enumerate(ids, start=1):
            if not _is_id(value) or (account is not None and str(value) != account):
                raise TikTokIncompleteReportError(
                    f"TikTok sent a row whose {self._dimension} is {plain(repr(value), 60)}, which is no ID that was asked "
                    f"for (row {row} of {call.subject(page)}). Nothing is published; run the task again."
                )
        return list(map(str, ids)), sums

    def take(self, page: int, read: tuple[list[str], dict[str, list[Decimal]]]) -> int:
        """Hold a page's IDs and sums."""
        ids, sums = read
        self.ids.update(ids)
        self._count += len(ids)
        for name, values in sums.items():
            self.sums[name] += sum(values, Decimal(0))
        return len(ids)

    def problem(self) -> str:
        """Say so when an ID came twice that must not."""
        if self.has_double:
            return f"TikTok gave the same {self._dimension} twice, so another one may be missing"
        return ""

    def clear(self) -> None:
        """Forget them."""
        self.ids = set()
        self.sums = dict.fromkeys(self.sums, Decimal(0))
        self._count = 0


class Part:
    """One call and its pages.

    :param call: the call.
    :param sink: where its pages go.
    :param page_size: rows that a page was asked to have.
    """

    def __init__(self, call: ReportCall, sink: Sink, page_size: int) -> None:
        self.call = call
        self.sink = sink
        self.attempt = 0
        self._page_size = page_size
        self.restart()

    def restart(self) -> None:
        """Forget every page, and begin with the first one again."""
        self.attempt += 1
        self.sink.clear()
        self._waiting = range(1, 2)
        self.metrics: tuple[str, ...] = ()
        self.totals: Mapping[str, Any] | None = None
        self.pages = 1
        self.pages_taken = 0
        self.rows = 0
        self._count: PageCount | None = None
        self._problem = ""

    @property
    def asked(self) -> ReportCall:
        """The call without the metrics that it goes without, where that is decided."""
        if not self.metrics or list(self.metrics) == self.call.params["metrics"]:
            return self.call
        return replace(self.call, common={**self.call.common, "metrics": list(self.metrics)})

    @property
    def is_complete(self) -> bool:
        """Whether no page is missing; :meth:`problem` says whether they are right."""
        return self.pages_taken == self.pages

    def next_page(self) -> int | None:
        """Give the next page to ask for; ``None`` when all known ones have been given."""
        if not self._waiting:
            return None
        page, self._waiting = self._waiting[0], self._waiting[1:]
        return page

    def learn(self, page: int, answer: Answer) -> None:
        """Learn from a page what its counts say, so that further ones can be asked for before it is read."""
        if page == 1:
            self._count = PageCount.read(answer, self._page_size, self.call.subject(1))
            self.pages = max(1, self._count.pages)
            self._waiting = range(2, self.pages + 1)
            totals = answer.data.get("total_metrics")
            self.totals = totals if isinstance(totals, Mapping) else None
        assert self._count is not None  # noqa: S101 - other pages are asked for after the first one
        self._problem = self._problem or self._count.check(answer, page)
        if self._problem:
            self._waiting = range(0)  # the rest would be fetched in vain
        elif self.pages > _MOST_PAGES:
            raise self._count.impossible(answer, self.call.subject(1))

    def take(self, page: int, answer: Answer) -> None:
        """Read a page that :meth:`learn` has seen, and take it in."""
        if not isinstance(answer.data.get("list"), (list, type(None))):
            raise TikTokIncompleteReportError(
                f"TikTok's answer has no list of rows ({self.call.subject(page)}). Run the task again. "
                f"[request_id {answer.request_id}]"
            )
        self.rows += self.sink.take(page, self.sink.read(self.call, page, _items(answer)))
        self.pages_taken += 1
        if not self._problem and self.sink.has_double:
            self._problem = self.sink.problem()
        if self._problem:
            self._waiting = range(0)
            self.pages_taken = self.pages

    def problem(self) -> str:
        """Say what is wrong with the part as a whole, if anything."""
        if self._problem:
            return self._problem
        assert self._count is not None  # noqa: S101 - it is complete
        if self.rows != self._count.rows:
            return f"TikTok counted {self._count.rows:,} rows and gave {self.rows:,}"
        return self.sink.problem()


@dataclass(frozen=True, slots=True)
class PageCount:
    """What page 1 says about all pages.

    :param rows: of all pages together.
    :param size: rows of each page but the last.
    :param said: the size and the number of pages in TikTok's words; 0 where it doesn't say.
    """

    rows: int
    size: int
    said: tuple[int, int]

    @property
    def pages(self) -> int:
        """How many pages have rows."""
        return ceil(self.rows / self.size)

    @classmethod
    def read(cls, answer: Answer, page_size: int, subject: str) -> PageCount:
        """Read it.

        :raises TikTokIncompleteReportError: it isn't there.
        """
        info = answer.data.get("page_info")
        try:
            rows = _number(info["total_number"])  # type: ignore[index]
            said_size, said_pages = _said(info)  # type: ignore[arg-type]
        except (TypeError, KeyError, ValueError, OverflowError):
            raise TikTokIncompleteReportError(
                f"TikTok's answer lacks the count of rows ({subject}), so nothing shows that all of them are there. "
                f"Run the task again. [request_id {answer.request_id}]"
            ) from None
        # TikTok may give smaller pages than were asked for, and say so with their size or with their number
        size = said_size if 0 < said_size < page_size else page_size
        came = len(_items(answer))
        if 0 < came < size and ceil(rows / size) < said_pages == ceil(rows / came):
            size = came
        count = cls(rows, size, (said_size, said_pages))
        if not (0 <= rows <= _MOST_ROWS and said_pages <= _MOST_ROWS):
            raise count.impossible(answer, subject)
        return count

    def impossible(self, answer: Answer, subject: str) -> TikTokIncompleteReportError:
        """Return the error for a count that no call has."""
        return TikTokIncompleteReportError(
            f"TikTok counts {self.rows:,} rows on {max(self.said[1], self.pages):,} pages ({subject}), which no call has. "
            f"Run the task again. [request_id {answer.request_id}]"
        )

    def check(self, answer: Answer, page: int) -> str:
        """Return what is wrong with the counts of a page, and with its number of rows; empty if nothing is."""
        info = answer.data.get("page_info")
        info = info if isinstance(info, dict) else {}
        try:
            came, total = _number(info.get("page", page)), _number(info.get("total_number", self.rows))
            said = _said(info)
        except (TypeError, ValueError, OverflowError):
            return f"the counts of page {page} can't be read"
        if came != page:
            return f"page {page} was asked for and page {info.get('page')} came"
        if total != self.rows:
            return (
                f"TikTok's count of rows moved from {self.rows:,} to {info.get('total_number')} while paging"
            )
        moved = [pair for pair in zip(self.said, said, strict=True) if all(pair) and pair[0] != pair[1]]
        if moved:
            return f"what TikTok says of the size or the number of pages moved from {moved[0][0]:,} to {moved[0][1]:,}"
        rows, due = len(_items(answer)), max(0, min(self.size, self.rows - (page - 1) * self.size))
        if rows != due:
            return (
                f"TikTok counted {self.rows:,} rows and gave {rows:,} on page {page}, where {due:,} were due"
            )
        return ""


def row_budget(columns: int) -> Room:
    """Return how many rows of so many columns the buffers of a report may hold in memory together."""
    return Room(max(_FEWEST_ROWS, _MAX_CELLS // columns))


def read_page(
    reader: RowReader, call: ReportCall, page: int, items: list[Any], *, subject: str = "", first: int = 1
) -> Page:
    """Read a page, and refuse rows that were not asked for: they would overwrite what is right.

    :param subject: what it is a page of, where that is no page of TikTok's.
    :param first: number of its first row, for messages.
    :raises TikTokIncompleteReportError: there is such a row, or one that is not made as rows are.
    """
    account = call.advertiser_id if call.parameter == "advertiser_id" else None
    subject = subject or call.subject(page)
    read = reader.read(account, items, subject, call.window.start, first)
    if len(read):
        check_rows(read, reader, call, subject, first)
    return read


def _items(answer: Answer) -> list[Any]:
    """Return the row objects of a page; none where it has no list of them."""
    items = answer.data.get("list")
    return items if isinstance(items, list) else []


def _said(info: Mapping[str, Any]) -> tuple[int, int]:
    """Return the size and the number of pages as a page says them; 0 where it doesn't."""
    return _number(info.get("page_size") or 0), _number(info.get("total_page") or 0)


def _is_id(value: Any) -> bool:
    """Return whether a value is an ID: a number in text, or a whole number, as API v1.2 had them."""
    return type(value) in {str, int} and str(value).isascii() and str(value).isdigit()


def _number(value: Any) -> int:
    """Read a count that may be a number or text.

    :raises ValueError: it is none.
    """
    text = None if isinstance(value, bool) else canonical_number(str(value).strip())
    if text is None or text.partition(".")[2].strip("0"):
        raise ValueError
    return int(text.partition(".")[0])


def _decimal(value: Any) -> Decimal:
    text = str(value).strip()
    if text in {"", "-", "None"}:
        return Decimal(0)
    number = canonical_number(text)
    if number is None:  # Decimal would also read NaN, and exponents that no sum survives
        raise InvalidOperation
    return Decimal(number)


def _sum(cells: Sequence[str | None]) -> Decimal:
    total = Decimal(0)
    for cell in cells:
        if cell and is_number(cell):  # odd text is named where it is read
            total += Decimal(cell)
    return total
