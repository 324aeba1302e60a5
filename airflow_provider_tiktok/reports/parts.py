"""A window's calls while they are made: which pages are still to come, and what became of those that came.

A window begins as one part, which is one call and its pages. Where that is too much for TikTok, the part
is replaced by smaller ones (see :mod:`~airflow_provider_tiktok.reports.split`). What a part's pages are
collected into is its sink: rows for the report, or spend by entity, for lists and for reconciliation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any, Protocol

from airflow_provider_tiktok.api.client import Answer
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.plan import ReportCall
from airflow_provider_tiktok.reports.row_checks import check_rows
from airflow_provider_tiktok.reports.rows import Page, Row, RowReader
from airflow_provider_tiktok.reports.spool import Key, Room, RowSpool
from airflow_provider_tiktok.storage.columns import canonical_number, is_number

_MOST_ROWS = 10**9  # of one call's pages; more is no count

Encode = Callable[[Page], Sequence[Any]]
"""Makes of a page what its reader wants of each row."""


class Sink(Protocol):
    """Collects the pages of one part."""

    def read(self, call: ReportCall, page: int, items: list[Any]) -> Any:
        """Turn a page's items into what :meth:`take` takes."""

    def take(self, page: int, read: Any) -> int:
        """Take a page in, and say how many rows it has."""

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
    :param sums_spend: whether somebody will ask for the sum of their spend.
    """

    def __init__(
        self, reader: RowReader, encode: Encode, *, order_field: str | None, room: Room, sums_spend: bool
    ) -> None:
        self._reader = reader
        self._encode = encode
        columns = list(reader.schema.columns)
        self._spend_index = columns.index("spend") if sums_spend else None
        self._keep_order = order_field is not None
        # by which rows of several calls are put into one order
        extra = (columns.index(order_field),) if order_field in columns else ()
        self._ranks = bool(extra)
        self._indexes = reader.schema.key_indexes + extra
        self._early: dict[int, tuple[Sequence[Key], Sequence[Any], Decimal]] = {}
        self._next = 1
        self.spool = RowSpool(keep_order=self._keep_order, room=room, extra=len(extra))
        self.spend = Decimal(0)

    def read(
        self, call: ReportCall, page: int, items: list[Any]
    ) -> tuple[Sequence[Key], Sequence[Any], Decimal]:
        """Read and encode a page."""
        read = read_page(self._reader, call, page, items)
        if not len(read):
            return [], [], Decimal(0)
        spend = Decimal(0) if self._spend_index is None else _sum(read.columns[self._spend_index])
        return self._keys(read), self._encode(read), spend

    def take(self, page: int, read: tuple[Sequence[Key], Sequence[Any], Decimal]) -> int:
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
        spend = Decimal(0) if self._spend_index is None else _sum(page.columns[self._spend_index])
        self._hold(self._keys(page), self._encode(page), spend)

    def problem(self) -> str:
        """Say so when a row came twice."""
        if self.spool.has_duplicates():
            return "TikTok gave a row twice, so another one may be missing"
        return ""

    def clear(self) -> None:
        """Forget the rows."""
        self.spool.close()
        self.spend = Decimal(0)
        self._early.clear()
        self._next = 1

    def _keys(self, page: Page) -> Sequence[Key]:
        return page.keys(self._indexes) if self._ranks else page.text_keys(self._indexes)

    def _hold(self, keys: Sequence[Key], rows: Sequence[Any], spend: Decimal) -> None:
        self.spool.add(keys, rows)
        self.spend += spend


class SliceSink:
    """Collects the rows of a part that asks for some of the metrics only, by their key."""

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader
        self._indexes = reader.schema.key_indexes
        self._pages: dict[int, tuple[Sequence[Key], list[Row]]] = {}

    @property
    def rows(self) -> dict[Key, Row]:
        """The rows by their key, in TikTok's order, whichever page came first."""
        pages = [self._pages[page] for page in sorted(self._pages)]
        return {key: row for keys, rows in pages for key, row in zip(keys, rows, strict=True)}

    def read(self, call: ReportCall, page: int, items: list[Any]) -> tuple[Sequence[Key], list[Row]]:
        """Read a page."""
        read = read_page(self._reader, call, page, items)
        return (read.keys(self._indexes), read.rows()) if len(read) else ([], [])

    def take(self, page: int, read: tuple[Sequence[Key], list[Row]]) -> int:
        """Hold a page's rows."""
        self._pages[page] = read
        return len(read[0])

    def problem(self) -> str:
        """Say so when a row came twice."""
        doubled = len(self.rows) != sum(len(keys) for keys, _ in self._pages.values())
        return "TikTok gave a row twice, so another one may be missing" if doubled else ""

    def clear(self) -> None:
        """Forget the rows."""
        self._pages = {}


class SpendSink:
    """Collects spend by ID, of a list of campaigns, ad groups or accounts.

    :param dimension: the ID.
    :param once: whether each ID must come once: where one comes twice in a list, another may be missing.
    """

    def __init__(self, dimension: str, *, once: bool = False) -> None:
        self._dimension = dimension
        self._once = once
        self._count = 0
        self.by_id: dict[str, Decimal] = {}

    @property
    def total(self) -> Decimal:
        """The sum over all IDs."""
        return sum(self.by_id.values(), Decimal(0))

    def read(self, call: ReportCall, page: int, items: list[Any]) -> list[tuple[str, Decimal]]:
        """Read a page."""
        try:
            return [
                (str(item["dimensions"][self._dimension]), _decimal(item["metrics"]["spend"]))
                for item in items
            ]
        except (KeyError, TypeError, InvalidOperation):
            raise TikTokIncompleteReportError(
                f"TikTok sent a row that is not made as rows are ({call.subject(page)}). Run the task again."
            ) from None

    def take(self, page: int, read: list[tuple[str, Decimal]]) -> int:
        """Hold a page's sums."""
        for name, spend in read:
            self.by_id[name] = self.by_id.get(name, Decimal(0)) + spend
        self._count += len(read)
        return len(read)

    def problem(self) -> str:
        """Say so when an ID came twice that must not."""
        if self._once and self._count != len(self.by_id):
            return f"TikTok gave a {self._dimension} twice in a list, so another one may be missing"
        return ""

    def clear(self) -> None:
        """Forget them."""
        self.by_id = {}
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
        """Learn from the first page which others there are, so that they can be asked for before it is read."""
        if page == 1:
            self._count = PageCount.read(answer, self._page_size, self.call.subject(1))
            self.pages = max(1, self._count.pages)
            self._waiting = range(2, self.pages + 1)
            totals = answer.data.get("total_metrics")
            self.totals = totals if isinstance(totals, Mapping) else None

    def take(self, page: int, answer: Answer) -> None:
        """Read a page that :meth:`learn` has seen, and take it in."""
        assert self._count is not None  # noqa: S101 - other pages are asked for after the first one
        rows = self.sink.take(page, self.sink.read(self.call, page, answer.data.get("list") or []))
        self.rows += rows
        self.pages_taken += 1
        self._problem = self._problem or self._count.check(answer, page)
        if self._problem or not rows:
            # the rest would be fetched in vain
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
    """What page 1 says about all pages."""

    rows: int
    pages: int

    @classmethod
    def read(cls, answer: Answer, page_size: int, subject: str) -> PageCount:
        """Read it.

        :raises TikTokIncompleteReportError: it isn't there.
        """
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
        if not (0 <= rows <= _MOST_ROWS and said_pages <= _MOST_ROWS):
            raise TikTokIncompleteReportError(
                f"TikTok counts {rows:,} rows on {said_pages:,} pages ({subject}), which no call has. Run the task again. "
                f"[request_id {answer.request_id}]"
            )
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
