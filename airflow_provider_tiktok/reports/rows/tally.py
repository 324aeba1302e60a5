"""Count the rows and the spend of each account and day, while pages are read: what a summary says of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import Cell, Schema
from airflow_provider_tiktok.storage.columns import NUMBER_TYPES, is_number

SPEND = "spend"
DAYS = ("stat_time_day", "stat_time_hour")
"""Dimensions that say of which day a row is."""

_DAY_LENGTH = len("2026-11-21")
_EXACT = Context(prec=1_000)  # digits; a sum of money has fewer


@dataclass(slots=True)
class Figures:
    """What rows have together.

    :param rows: how many there are.
    :param spend: their spend; ``None`` where none of them says it.
    """

    rows: int = 0
    spend: Decimal | None = None

    def add(self, other: Figures) -> None:
        """Add what other rows have."""
        self.rows += other.rows
        if other.spend is not None:
            self.spend = other.spend if self.spend is None else _EXACT.add(self.spend, other.spend)


Tally = Mapping[tuple[Cell, Cell], Figures]
"""Figures by account and day; either is ``None`` where the rows don't say it."""


class PageCounter:
    """Counts pages of a schema.

    :param schema: of the rows.
    """

    def __init__(self, schema: Schema) -> None:
        names = list(schema.columns)
        self._account = names.index("advertiser_id")
        day = next((name for name in DAYS if name in schema.key), None)
        self._day = None if day is None else names.index(day)
        self._spend = names.index(SPEND) if SPEND in names and SPEND not in schema.key else None
        self._is_number = self._spend is not None and schema.columns[SPEND] in NUMBER_TYPES

    def count(self, page: Page) -> Tally:
        """Return what a page's rows have, by account and day."""
        count = len(page)
        if not count:
            return {}
        empty: Sequence[Cell] = [None] * count
        accounts = page.columns[self._account]
        days = empty if self._day is None else page.columns[self._day]
        spend = empty if self._spend is None else page.columns[self._spend]
        is_clean = self._is_number and self._spend is not None and page.clean[self._spend]
        tally: dict[tuple[Cell, Cell], Figures] = {}
        with localcontext(_EXACT):
            for (account, day), cells in _grouped(accounts, days, spend):
                key = account, None if day is None else day[:_DAY_LENGTH]  # that of an hour
                tally.setdefault(key, Figures()).add(Figures(len(cells), _sum(cells, is_clean=is_clean)))
        return tally


def add_tally(tally: dict[tuple[Cell, Cell], Figures], other: Tally) -> None:
    """Add the figures of other rows."""
    for key, figures in other.items():
        tally.setdefault(key, Figures()).add(figures)


def tally_text(tallies: Iterable[Tally]) -> str:
    """Return figures as JSON, which is how many windows' figures are held: it takes a tenth of the memory."""
    total: dict[tuple[Cell, Cell], Figures] = {}
    for tally in tallies:
        add_tally(total, tally)
    return json.dumps(
        [
            [*key, figures.rows, None if figures.spend is None else number_text(figures.spend)]
            for key, figures in total.items()
        ]
    )


def read_tally(text: str) -> Tally:
    """Read what :func:`tally_text` returned."""
    return {
        (account, day): Figures(rows, None if spend is None else Decimal(spend))
        for account, day, rows, spend in json.loads(text)
    }


def add_exactly(numbers: Iterable[Decimal]) -> Decimal:
    """Return a sum with all its digits."""
    with localcontext(_EXACT):
        return sum(numbers, Decimal(0))


def number_text(number: Decimal) -> str:
    """Return a number with all its digits and without an exponent."""
    return f"{number:f}"


def _grouped(
    accounts: Sequence[Cell], days: Sequence[Cell], cells: Sequence[Cell]
) -> Iterable[tuple[tuple[Cell, Cell], Sequence[Cell]]]:
    """Yield the cells of each account and day. Most pages are of one account, and many of one day."""
    one_account, several_days = len(set(accounts)) == 1, len(set(days)) > 1
    if one_account and not several_days:
        yield (accounts[0], days[0]), cells
        return
    groups: defaultdict[tuple[Cell, Cell] | Cell, list[Cell]] = defaultdict(list)
    if one_account:
        for day, cell in zip(days, cells, strict=True):
            groups[day].append(cell)
        yield from (((accounts[0], day), group) for day, group in groups.items())  # type: ignore[misc]
        return
    for *key, cell in zip(accounts, days, cells, strict=True):
        groups[key[0], key[1]].append(cell)
    yield from groups.items()  # type: ignore[misc]


def _sum(cells: Sequence[Cell], *, is_clean: bool) -> Decimal | None:
    numbers = cells if is_clean else [cell for cell in cells if cell and is_number(cell)]
    return sum(map(Decimal, numbers), Decimal(0)) if numbers else None  # type: ignore[arg-type]
