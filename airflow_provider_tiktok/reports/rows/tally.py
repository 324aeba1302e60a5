"""Count the rows and the spend of each account and day, while pages are read: what a summary says of them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from operator import itemgetter
from typing import Any

from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import DAY, DAY_LENGTH, HOUR, Cell, Schema
from airflow_provider_tiktok.storage.columns import NUMBER_TYPES, is_number

SPEND = "spend"
DAYS = (DAY, HOUR)
"""Dimensions that say of which day a row is."""

_EXACT = Context(prec=1_000)  # digits; a sum of money has fewer
_NOTHING, _ONE, _CENT = Decimal(0), Decimal(1), Decimal("0.01")
_THIRD_LAST = itemgetter(-3)


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


ByDay = Mapping[tuple[Cell, Cell], Figures]
"""Figures by account and day; either is ``None`` where the rows don't say it."""


class _AccountTally:
    """An account's rows and spend by time, as pages have it: of hourly rows, the hour."""

    def __init__(self) -> None:
        self.rows: Counter[Cell] = Counter()
        self.spend: dict[Cell, Decimal] = {}

    def add_spend(self, time: Cell, spend: Decimal) -> None:
        """Add the spend of some rows."""
        self.spend[time] = _EXACT.add(self.spend.get(time, _NOTHING), spend)


class Tally:
    """Counts pages. It does little per row and page, for it is to take no time.

    :param schema: of the rows.
    """

    def __init__(self, schema: Schema) -> None:
        names = list(schema.columns)
        self._account = names.index("advertiser_id")
        self._time = next((names.index(name) for name in DAYS if name in schema.key), None)
        self._spend = names.index(SPEND) if SPEND in names and SPEND not in schema.key else None
        self._is_number = schema.columns.get(SPEND) in NUMBER_TYPES
        self._accounts: dict[Cell, _AccountTally] = {}

    def add(self, page: Page) -> None:
        """Count a page."""
        count = len(page)
        if not count:
            return
        nothing: Sequence[Cell] = [None] * count
        accounts = page.columns[self._account]
        times = nothing if self._time is None else page.columns[self._time]
        cells = nothing if self._spend is None else page.columns[self._spend]
        is_clean = self._spend is not None and self._is_number and page.clean[self._spend]
        if accounts.count(accounts[0]) == count:
            self._count(accounts[0], times, cells, is_clean=is_clean)
            return
        rows: defaultdict[Cell, list[tuple[Cell, Cell]]] = defaultdict(list)
        for account, *row in zip(accounts, times, cells, strict=True):
            rows[account].append((row[0], row[1]))
        for account, pairs in rows.items():
            self._count(account, *zip(*pairs, strict=True), is_clean=is_clean)

    def absorb(self, other: Tally) -> None:
        """Add what another one has counted."""
        for account, tally in other._accounts.items():
            own = self._accounts.setdefault(account, _AccountTally())
            own.rows.update(tally.rows)
            for time, spend in tally.spend.items():
                own.add_spend(time, spend)

    def clear(self) -> None:
        """Forget all pages."""
        self._accounts.clear()

    def by_day(self) -> dict[tuple[Cell, Cell], Figures]:
        """Return the figures of all pages."""
        found: dict[tuple[Cell, Cell], Figures] = {}
        for account, tally in self._accounts.items():
            for time, rows in tally.rows.items():
                key = account, None if time is None else time[:DAY_LENGTH]
                found.setdefault(key, Figures()).add(Figures(rows, tally.spend.get(time)))
        return found

    def _count(self, account: Cell, times: Sequence[Cell], cells: Sequence[Cell], *, is_clean: bool) -> None:
        tally = self._accounts.setdefault(account, _AccountTally())
        tally.rows.update(times)
        if not is_clean:
            known = [pair for pair in zip(times, cells, strict=True) if pair[1] and is_number(pair[1])]
            if not known:
                return
            times, cells = zip(*known, strict=True)
        numbers, unit = _summable(cells)  # type: ignore[arg-type]
        sums: dict[Cell, Any] = dict.fromkeys(times, 0)
        with localcontext(_EXACT):
            for time, number in zip(times, numbers, strict=True):
                sums[time] += number
            for time, total in sums.items():
                tally.add_spend(time, total * unit)


def _summable(cells: Sequence[str]) -> tuple[Sequence[Any], Decimal]:
    """Return numbers that can be added up, and their unit.

    Money nearly always has two decimals, and whole cents are faster to read and add than decimals.
    """
    try:
        if set(map(_THIRD_LAST, cells)) == {"."}:
            return list(map(int, "\n".join(cells).replace(".", "").split("\n"))), _CENT
    except IndexError:  # one is shorter
        pass
    return list(map(Decimal, cells)), _ONE


def tally_text(figures: Iterable[ByDay]) -> str:
    """Return figures as JSON, which is how many windows' figures are held: it takes a tenth of the memory."""
    total: dict[tuple[Cell, Cell], Figures] = {}
    for each in figures:
        for key, found in each.items():
            total.setdefault(key, Figures()).add(found)
    return json.dumps(
        [
            [*key, found.rows, None if found.spend is None else number_text(found.spend)]
            for key, found in total.items()
        ]
    )


def read_tally(text: str) -> ByDay:
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
