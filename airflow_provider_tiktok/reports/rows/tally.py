"""Count the rows and the spend of each account and day, while pages are read: what a summary says of them."""

from __future__ import annotations

import json
from collections import defaultdict
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
        self._figures: dict[tuple[Cell, Cell], Figures] = {}  # by account and time; of hourly rows, the hour

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
        numbers, unit = _numbers(cells, is_clean=is_clean)
        of_one_account = accounts.count(accounts[0]) == count
        groups = _by_key(times if of_one_account else list(zip(accounts, times, strict=True)), numbers)
        with localcontext(_EXACT):
            for key, found in groups.items():
                known = found if is_clean else [number for number in found if number is not None]
                spend = sum(known) * unit if known else None
                self._add((accounts[0], key) if of_one_account else key, Figures(len(found), spend))

    def absorb(self, other: Tally) -> None:
        """Add what another one has counted."""
        for key, figures in other._figures.items():
            self._add(key, figures)

    def clear(self) -> None:
        """Forget all pages."""
        self._figures.clear()

    def by_day(self) -> dict[tuple[Cell, Cell], Figures]:
        """Return the figures of all pages."""
        found: dict[tuple[Cell, Cell], Figures] = {}
        for (account, time), figures in self._figures.items():
            day = None if time is None else time[:DAY_LENGTH]
            found.setdefault((account, day), Figures()).add(figures)
        return found

    def _add(self, key: tuple[Cell, Cell], figures: Figures) -> None:
        self._figures.setdefault(key, Figures()).add(figures)


def _numbers(cells: Sequence[Any], *, is_clean: bool) -> tuple[Sequence[Any], Decimal]:
    """Return numbers that can be added up, and their unit. A cell that is no number is ``None``.

    Money nearly always has two decimals, and Python reads and adds whole cents faster than decimals.
    """
    if not is_clean:
        return [Decimal(cell) if cell and is_number(cell) else None for cell in cells], _ONE
    try:
        has_cents = set(map(_THIRD_LAST, cells)) == {"."}
    except IndexError:  # one is shorter
        has_cents = False
    if has_cents:
        return list(map(int, "\n".join(cells).replace(".", "").split("\n"))), _CENT
    return list(map(Decimal, cells)), _ONE


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
