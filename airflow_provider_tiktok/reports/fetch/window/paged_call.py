"""One call and its pages: which are still to come, and whether those that came are all that TikTok counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.fetch.collectors import Collector
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.storage.columns import canonical_number

_MOST_ROWS = 10**9  # of one call's pages; more is no count
_MOST_PAGES = 864_000  # calls that TikTok allows an app of its basic level in a day


class PagedCall:
    """One call and its pages.

    :param call: the call.
    :param collector: collects its pages.
    :param page_size: rows that a page was asked to have.
    """

    def __init__(self, call: ReportCall, collector: Collector, page_size: int) -> None:
        self.call = call
        self.collector = collector
        self.attempt = 0
        self._page_size = page_size
        self.restart()

    def restart(self) -> None:
        """Drop every page, and begin with the first one again."""
        self.attempt += 1
        self.collector.clear()
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
        """Return the next page to ask for; ``None`` when all known ones have been returned."""
        if not self._waiting:
            return None
        page, self._waiting = self._waiting[0], self._waiting[1:]
        return page

    def read_counts(self, page: int, answer: Answer) -> None:
        """Read what a page counts, so that further ones can be asked for before its rows are read."""
        if page == 1:
            came = len(self._items(answer))
            self._count = PageCount.read(
                answer, self._page_size, self.call.subject(1), came=came, reach=self.call.reach
            )
            self.pages = max(1, self._count.pages)
            self._waiting = range(2, self.pages + 1)
            totals = answer.data.get("total_metrics")
            self.totals = totals if isinstance(totals, Mapping) else None
        assert self._count is not None  # noqa: S101 - other pages are asked for after the first one
        self._problem = self._problem or self._count.check(answer, page, len(self._items(answer)))
        if self._problem:
            self._waiting = range(0)  # the rest would be fetched in vain
        elif self.pages > _MOST_PAGES:
            raise self._count.impossible(answer, self.call.subject(1))

    def take(self, page: int, answer: Answer) -> None:
        """Read the rows of a page whose counts are read, and collect them."""
        if not isinstance(answer.data.get(self.call.list_key), (list, type(None))):
            raise TikTokIncompleteReportError(
                f"TikTok's answer has no list of rows ({self.call.subject(page)}). Run the task again. "
                f"[request_id {answer.request_id}]"
            )
        self.rows += self.collector.take(page, self.collector.read(self.call, page, self._items(answer)))
        self.pages_taken += 1
        if not self._problem and self.collector.has_double:
            self._problem = self.collector.problem()
        if self._problem:
            self._waiting = range(0)
            self.pages_taken = self.pages

    @property
    def is_cut(self) -> bool:
        """Whether TikTok has, or may have, more rows than it gives."""
        return (
            self._count is not None and self.call.reach is not None and self._count.total >= self.call.reach
        )

    def problem(self) -> str:
        """Return what is wrong with the pages together; empty if nothing is."""
        if self._problem:
            return self._problem
        assert self._count is not None  # noqa: S101 - it is complete
        if self.rows != self._count.rows:
            return f"TikTok counted {self._count.rows:,} rows and gave {self.rows:,}"
        return self.collector.problem()

    def _items(self, answer: Answer) -> list[Any]:
        """Return the row objects of a page; none where it has no list of them."""
        items = answer.data.get(self.call.list_key)
        return items if isinstance(items, list) else []


@dataclass(frozen=True, slots=True)
class PageCount:
    """What page 1 says about all pages.

    :param total: TikTok's count.
    :param rows: of all pages together, which are fewer where TikTok doesn't give all that it counts.
    :param size: rows of each page but the last.
    :param said: the size and the number of pages in TikTok's words; 0 where it doesn't say.
    """

    total: int
    rows: int
    size: int
    said: tuple[int, int]

    @property
    def pages(self) -> int:
        """How many pages have rows."""
        return ceil(self.rows / self.size)

    @classmethod
    def read(
        cls, answer: Answer, page_size: int, subject: str, *, came: int = 0, reach: int | None = None
    ) -> PageCount:
        """Read the counts of page 1.

        :param came: rows that it has.
        :param reach: rows that TikTok gives at most.
        :raises TikTokIncompleteReportError: it isn't there.
        """
        info = answer.data.get("page_info")
        try:
            total = _number(info["total_number"])  # type: ignore[index]
            said_size, said_pages = _said(info)  # type: ignore[arg-type]
        except (TypeError, KeyError, ValueError, OverflowError):
            raise TikTokIncompleteReportError(
                f"TikTok's answer lacks the count of rows ({subject}), so nothing shows that all of them are there. "
                f"Run the task again. [request_id {answer.request_id}]"
            ) from None
        # TikTok may give smaller pages than were asked for, and say so with their size or with their number
        size = said_size if 0 < said_size < page_size else page_size
        rows = total if reach is None else min(total, reach)
        if 0 < came < size and ceil(rows / size) < said_pages == ceil(rows / came):
            size = came
        count = cls(total, rows, size, (said_size, said_pages))
        if not (0 <= total <= _MOST_ROWS and said_pages <= _MOST_ROWS):
            raise count.impossible(answer, subject)
        return count

    def impossible(self, answer: Answer, subject: str) -> TikTokIncompleteReportError:
        """Return the error for a count that no call has."""
        return TikTokIncompleteReportError(
            f"TikTok counts {self.total:,} rows on {max(self.said[1], self.pages):,} pages ({subject}), which no call has. "
            f"Run the task again. [request_id {answer.request_id}]"
        )

    def check(self, answer: Answer, page: int, rows: int) -> str:
        """Return what is wrong with the counts of a page, and with its number of rows; empty if nothing is.

        :param rows: that it has.
        """
        info = answer.data.get("page_info")
        info = info if isinstance(info, dict) else {}
        try:
            came, total = _number(info.get("page", page)), _number(info.get("total_number", self.total))
            said = _said(info)
        except (TypeError, ValueError, OverflowError):
            return f"the counts of page {page} can't be read"
        if came != page:
            return f"page {page} was asked for and page {info.get('page')} came"
        if total != self.total:
            return (
                f"TikTok's count of rows moved from {self.total:,} to {info.get('total_number')} while paging"
            )
        moved = [pair for pair in zip(self.said, said, strict=True) if all(pair) and pair[0] != pair[1]]
        if moved:
            return f"what TikTok says of the size or the number of pages moved from {moved[0][0]:,} to {moved[0][1]:,}"
        due = max(0, min(self.size, self.rows - (page - 1) * self.size))
        if rows != due:
            return (
                f"TikTok counted {self.total:,} rows and gave {rows:,} on page {page}, where {due:,} were due"
            )
        return ""


def _said(info: Mapping[str, Any]) -> tuple[int, int]:
    """Return the size and the number of pages as a page says them; 0 where it doesn't."""
    return _number(info.get("page_size") or 0), _number(info.get("total_page") or 0)


def _number(value: Any) -> int:
    """Read a count that may be a number or text.

    :raises ValueError: it is none.
    """
    text = None if isinstance(value, bool) else canonical_number(str(value).strip())
    if text is None or text.partition(".")[2].strip("0"):
        raise ValueError
    return int(text.partition(".")[0])
