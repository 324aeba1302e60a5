"""Collect the pages of paged calls: rows for the report, or IDs and sums for lists and for reconciliation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Protocol

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.reports.rows.checks import check_rows
from airflow_provider_tiktok.reports.rows.reader import Page, Reader, RowReader, first_of_key
from airflow_provider_tiktok.reports.rows.tally import Tally
from airflow_provider_tiktok.storage.buffer import Key, MemoryBudget, RowBuffer
from airflow_provider_tiktok.storage.columns import canonical_number, is_number

_MAX_CELLS = 720_000  # cells held in memory before rows go to a file: some 24 MiB
_FEWEST_ROWS = 2_000
_DOUBLE = "TikTok gave a row twice, so another one may be missing"

Encode = Callable[[Page], Sequence[Any]]
"""Returns, for each row of a page, what the reader of the rows wants of it."""

ReadPage = Callable[[ReportCall, int, "list[Any]"], Page]
"""Returns the rows of a call's page."""

_ReadPage = tuple[Sequence[Key], Sequence[Any], Mapping[str, Decimal]]
"""A page's keys, its rows, and sums of its metrics."""


class Collector(Protocol):
    """Collects the pages of one paged call."""

    def read(self, call: ReportCall, page: int, items: list[Any]) -> Any:
        """Return what :meth:`take` takes of a page's items."""

    def take(self, page: int, read: Any) -> int:
        """Collect a page, and return how many rows it has."""

    @property
    def has_double(self) -> bool:
        """Whether something was seen to come twice. Cheap: it is asked after every page."""

    def problem(self) -> str:
        """Return what is wrong with the pages together; empty if nothing is."""

    def clear(self) -> None:
        """Drop all pages."""


class RowCollector:
    """Collects rows of the report.

    :param reader: reads them, and knows their columns.
    :param encode: makes of them what the report's reader wants.
    :param order_field: the metric in whose order TikTok gives the rows, which is kept; sorted by their keys if not given.
    :param budget: for the rows in memory.
    :param sums: metrics whose values are to be added up.
    :param read: reads a page; that of a report if not given.

    ``tally`` has the rows and spend of all pages by account and day.
    """

    def __init__(
        self,
        reader: Reader,
        encode: Encode,
        *,
        order_field: str | None,
        budget: MemoryBudget,
        sums: Sequence[str] = (),
        read: ReadPage | None = None,
    ) -> None:
        self._read_page = read or partial(read_page, reader)  # type: ignore[arg-type]
        self._encode = encode
        columns = list(reader.schema.columns)
        self._summed = {name: columns.index(name) for name in sums}
        self._keep_order = order_field is not None
        # by which rows of several calls are put into one order
        extra = (columns.index(order_field),) if order_field in columns else ()
        self._ranks = bool(extra)
        self._indexes = reader.schema.key_indexes + extra
        self._waiting: dict[int, _ReadPage] = {}
        self._next = 1
        self.buffer = RowBuffer(keep_order=self._keep_order, budget=budget, extra=len(extra))
        self.sums = dict.fromkeys(sums, Decimal(0))
        self.tally = Tally(reader.schema)

    @property
    def has_double(self) -> bool:
        """Whether a row was seen to come twice."""
        return self.buffer.saw_duplicate

    def read(self, call: ReportCall, page: int, items: list[Any]) -> _ReadPage:
        """Read and encode a page."""
        read = self._read_page(call, page, items)
        if not len(read):
            return [], [], {}
        return self._read(read)

    def take(self, page: int, read: _ReadPage) -> int:
        """Collect a page's rows; where their order counts, once the pages before it have come."""
        if self._keep_order:
            self._waiting[page] = read
            while self._next in self._waiting:
                self._hold(*self._waiting.pop(self._next))
                self._next += 1
        else:
            self._hold(*read)
        return len(read[0])

    def take_page(self, page: Page) -> None:
        """Collect the rows of a page of a file, which come in order."""
        self._hold(*self._read(page))

    def problem(self) -> str:
        """Return so when a row came twice; empty if none did."""
        return _DOUBLE if self.buffer.has_duplicates() else ""

    def doubled_times(self) -> set[str]:
        """Return the times of the rows that came twice, in a report that has a time."""
        return set(map(first_of_key, self.buffer.duplicates()))

    def absorb(self, other: RowCollector) -> None:
        """Move the rows and sums of another collector here."""
        try:
            self.buffer.absorb(other.buffer)
            for name, value in other.sums.items():
                self.sums[name] += value
            self.tally.absorb(other.tally)
        finally:
            other.clear()

    def clear(self) -> None:
        """Drop the rows."""
        self.buffer.close()
        self.sums = dict.fromkeys(self._summed, Decimal(0))
        self.tally.clear()
        self._waiting.clear()
        self._next = 1

    def _read(self, page: Page) -> _ReadPage:
        self.tally.add(page)
        return self._keys(page), self._encode(page), self._sums(page)

    def _keys(self, page: Page) -> Sequence[Key]:
        return page.keys(self._indexes) if self._ranks else page.text_keys(self._indexes)

    def _sums(self, page: Page) -> dict[str, Decimal]:
        return {name: _sum(page.columns[index]) for name, index in self._summed.items()}

    def _hold(self, keys: Sequence[Key], rows: Sequence[Any], sums: Mapping[str, Decimal]) -> None:
        self.buffer.add(keys, rows)
        for name, value in sums.items():
            self.sums[name] += value


class IdCollector:
    """Collects the IDs of a list of campaigns, ad groups or accounts, and adds up their metrics.

    :param dimension: the ID.
    :param sums: metrics whose values are to be added up.
    :param once: whether each ID must come once: where one comes twice in a list, another may be missing.
    :param of_entities: whether the list is one of entities, not a report: these have no metrics.
    """

    def __init__(
        self, dimension: str, sums: Sequence[str] = (), *, once: bool = False, of_entities: bool = False
    ) -> None:
        self._dimension = dimension
        self._once = once
        self._of_entities = of_entities
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
        if self._of_entities:
            items = [_entity_of(call, page, item) for item in items]
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
                    f"TikTok sent a row whose {self._dimension} is {sanitize(repr(value), 60)}, which is no ID that was "
                    f"asked for (row {row} of {call.subject(page)}). Nothing is published; run the task again."
                )
        return list(map(str, ids)), sums

    def take(self, page: int, read: tuple[list[str], dict[str, list[Decimal]]]) -> int:
        """Collect a page's IDs and sums."""
        ids, sums = read
        self.ids.update(ids)
        self._count += len(ids)
        for name, values in sums.items():
            self.sums[name] += sum(values, Decimal(0))
        return len(ids)

    def problem(self) -> str:
        """Return so when an ID came twice that must not; empty if none did."""
        if self.has_double:
            return f"TikTok gave the same {self._dimension} twice, so another one may be missing"
        return ""

    def clear(self) -> None:
        """Drop them."""
        self.ids = set()
        self.sums = dict.fromkeys(self.sums, Decimal(0))
        self._count = 0


def _entity_of(call: ReportCall, page: int, item: Any) -> Any:
    """Return an entity of a call's account as a report would have it."""
    owner = item.get("advertiser_id", call.advertiser_id) if isinstance(item, dict) else call.advertiser_id
    if str(owner) != call.advertiser_id:
        raise TikTokIncompleteReportError(
            f"TikTok sent an entry of advertiser {sanitize(owner, 60)}, which was not asked for ({call.subject(page)}). "
            "Nothing is published; run the task again."
        )
    return {"dimensions": item}


def row_budget(columns: int) -> MemoryBudget:
    """Return how many rows of so many columns the buffers of a report may hold in memory together."""
    return MemoryBudget(max(_FEWEST_ROWS, _MAX_CELLS // columns))


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


def _is_id(value: Any) -> bool:
    """Return whether a value is an ID: a number in text, or a whole number, as API v1.2 had them."""
    return type(value) in {str, int} and str(value).isascii() and str(value).isdigit()


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
