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
_NOTHING = Decimal(0)
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


class Tally:
    """Counts pages. It does little per row, page and day, for it is to take no time.

    :param schema: of the rows.
    """

    def __init__(self, schema: Schema) -> None:
        names = list(schema.columns)
        self._account = names.index("advertiser_id")
        self._time = next((names.index(name) for name in DAYS if name in schema.key), None)
        self._spend = names.index(SPEND) if SPEND in names and SPEND not in schema.key else None
        self._is_number = schema.columns.get(SPEND) in NUMBER_TYPES
        # by account and time; of hourly rows, the hour
        self._rows: Counter[tuple[Cell, Cell]] = Counter()
        self._cents: Counter[tuple[Cell, Cell]] = Counter()
        self._decimals: dict[tuple[Cell, Cell], Decimal] = {}  # spend that is not in whole cents

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
        cents = _cents(cells) if is_clean else None
        of_one_account = accounts.count(accounts[0]) == count
        keys = times if of_one_account else list(zip(accounts, times, strict=True))
        for each, found in _by_key(keys, cells if cents is None else cents).items():
            key = (accounts[0], each) if of_one_account else each
            self._rows[key] += len(found)
            if cents is None:
                self._add_decimals(key, found)
            else:
                self._cents[key] += sum(found)

    def absorb(self, other: Tally) -> None:
        """Add what another one has counted."""
        self._rows.update(other._rows)
        self._cents.update(other._cents)
        for key, spend in other._decimals.items():
            self._decimals[key] = _EXACT.add(self._decimals.get(key, _NOTHING), spend)

    def clear(self) -> None:
        """Forget all pages."""
        for counted in (self._rows, self._cents, self._decimals):
            counted.clear()

    def by_day(self) -> dict[tuple[Cell, Cell], Figures]:
        """Return the figures of all pages."""
        found: dict[tuple[Cell, Cell], Figures] = {}
        for key, rows in self._rows.items():
            account, time = key
            figures = found.setdefault((account, None if time is None else time[:DAY_LENGTH]), Figures())
            figures.add(Figures(rows, self._decimals.get(key)))
            if key in self._cents:
                figures.add(Figures(0, Decimal(self._cents[key]).scaleb(-2, _EXACT)))
        return found

    def _add_decimals(self, key: tuple[Cell, Cell], cells: Sequence[Cell]) -> None:
        """Add spend with any digits; a cell that is no number has none."""
        if numbers := [Decimal(cell) for cell in cells if cell and is_number(cell)]:
            with localcontext(_EXACT):
                self._decimals[key] = sum(numbers, self._decimals.get(key, _NOTHING))


def _cents(cells: Sequence[Any]) -> list[int] | None:
    """Return numbers as whole cents; ``None`` if not all have two decimals, as money nearly always has.

    Python reads and adds whole numbers faster than decimals.
    """
    try:
        if set(map(_THIRD_LAST, cells)) != {"."}:
            return None
    except IndexError:  # one is shorter
        return None
    return list(map(int, "\n".join(cells).replace(".", "").split("\n")))


def _by_key(keys: Sequence[Any], values: Sequence[Any]) -> Mapping[Any, Sequence[Any]]:
    """Return the values of each key."""
    if keys.count(keys[0]) == len(keys):
        return {keys[0]: values}
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for key, value in zip(keys, values, strict=True):
        groups[key].append(value)
    return groups


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
        return sum(numbers, _NOTHING)


def number_text(number: Decimal) -> str:
    """Return a number with all its digits and without an exponent."""
    return f"{number:f}"
