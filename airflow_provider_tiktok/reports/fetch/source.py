"""What a source of a report's rows offers, whether it pages through the report or reads the files of report tasks."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from airflow_provider_tiktok.reports.planning.plan import Plan, ReportPlan
from airflow_provider_tiktok.reports.rows.reader import Page, Reader


@dataclass
class FetchResult:
    """What a source has brought so far.

    :param row_count: rows passed on.
    :param skipped: why accounts were skipped, by ID.
    :param totals: TikTok's ``total_metrics`` of every call that has rows, with the account; empty
        where TikTok sent none.
    :param dropped: metrics that TikTok refused and the report does without, by account.
    :param refetched: calls and downloads that were made again because their rows were not complete.
    :param seen_metrics: metrics that some row had, of an earlier fetch too, where this one resumes it.
    :param tallies: figures of rows by account and day, as
        :func:`~airflow_provider_tiktok.reports.rows.tally.tally_text` writes them: of each window that is done, with its
        account.
    :param windows: a line on each window that came, for the log; not of an earlier fetch.
    :param cut: accounts of which TikTok has, or may have, more rows than it gives.
    """

    row_count: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    totals: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    dropped: dict[str, list[str]] = field(default_factory=dict)
    refetched: int = 0
    seen_metrics: set[str] = field(default_factory=set)
    tallies: list[tuple[str, str]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    windows: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a fetch has come, so that another fetch of the same plan can resume from there.

    :param windows: so many of the plan's windows are done: their rows have been passed on, or their account skipped.
    :param row_count: rows passed on.
    :param totals: entries in ``totals`` of the result.
    :param tallies: entries in ``tallies`` of the result.
    """

    windows: int = 0
    row_count: int = 0
    totals: int = 0
    tallies: int = 0


class RowSource(Protocol):
    """Yields the rows of a plan: all of them, or an error.

    :param result: what has come so far.
    """

    @property
    def plan(self) -> Plan:
        """What is fetched."""

    @property
    def reader(self) -> Reader:
        """What reads TikTok's rows, and knows their columns."""

    result: FetchResult

    def batches(self) -> Generator[list[Any], None, None]:
        """Yield the rows in the plan's order, about a thousand at a time.

        :raises TikTokIncompleteReportError: rows are missing, or came twice.
        :raises TikTokAPIError: TikTok refused.
        """

    @property
    def position(self) -> Position:
        """The last place from which another fetch can resume; the beginning where none can."""


class ReportSource(RowSource, Protocol):
    """Yields the rows of a report."""

    @property
    def plan(self) -> ReportPlan:
        """The report's plan."""

    @property
    def total_metrics(self) -> dict[str, Any] | None:
        """TikTok's totals by metric, if they were asked for."""


def page_rows(page: Page) -> Sequence[Any]:
    """Return a page's rows as they are."""
    return page.rows()
