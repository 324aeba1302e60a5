"""One report as a table: its number of rows, and any range of them as TikTok's JSON.

A table has one section per account: its entities, times the days or hours, times the values of a
breakdown. A page is located by arithmetic and only its own rows are computed, so that the last page of a
large report costs the same as the first.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.attributes import SHOP_SETTINGS, attribute_json
from airflow_provider_tiktok.emulator.world.breakdowns import INTERESTS_NOW, Split, split_of
from airflow_provider_tiktok.emulator.world.entities import DELETED, Ad
from airflow_provider_tiktok.emulator.world.facts import (
    HOUR_STARTS,
    Timeline,
    TimePoint,
    cells,
    elapsed_parts,
)
from airflow_provider_tiktok.emulator.world.formulas import DASH, Column, Formula, formula, masks_small_counts
from airflow_provider_tiktok.emulator.world.population import Population, Selection
from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.reports import catalog

_MANY_ADS = 32
"""The number of ads from which sums over them are cached."""
_FEW_VIEWS = 5
_OWN_TIME = "real_time_"
"""The prefix of metrics that count conversions by their own time, not by that of the click."""
_SEVERAL = ("advertiser_id", "currency", "timezone")
"""The metrics that TikTok adds when a call names several accounts."""
_JSON_NUMBERS = frozenset(
    {"all_shops_orders", "all_shops_cost_per_order", "all_shops_gross_revenue", "all_shops_roi"}
)
"""The only figures that TikTok documents as JSON numbers."""


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one account."""

    account: Account
    selection: Selection
    labels: tuple[str, ...]
    timeline: Timeline
    split: Split
    per_dollar: int | None = None

    @property
    def block(self) -> int:
        """Return the number of rows of one entity."""
        return len(self.labels) * len(self.split.values)

    def __len__(self) -> int:
        return self.block * len(self.selection.entities)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive rows of one entity: from ``first`` to ``last`` of its block, excluding ``last``."""

    section: Section
    entity: int
    first: int
    last: int


class Table:
    """A report as a table.

    :param world: the source of its figures.
    :param query: the report.
    """

    def __init__(self, world: Population, query: Query) -> None:
        self._world = world
        self._query = query
        self._several = query.several
        self.sections = [self._section(world.accounts[one]) for one in query.advertiser_ids]
        self._size = sum(map(len, self.sections))
        self._order = self._make_order()

    def __len__(self) -> int:
        return self._size if self._order is None else len(self._order)

    @property
    def truncated(self) -> bool:
        """Return whether TikTok's limit of entities truncated the report."""
        return any(section.selection.truncated for section in self.sections)

    def render(self, first: int, last: int) -> list[str]:
        """Return the rows from ``first`` to ``last``, excluding ``last``, as JSON objects."""
        runs = list(self._runs(first, min(last, len(self))))
        if not runs:
            return []
        columns = [*self._dimension_columns(runs), *self._metric_columns(runs)]
        return list(map(self._template().__mod__, zip(*columns, strict=True)))

    def total_metrics(self) -> dict[str, str]:
        """Return the totals over all rows, for ``enable_total_metrics``; a metric without a total is a dash."""
        figures = [name for name in self._query.metrics if not self._is_attribute(name)]
        counted = {name: [value] for name, value in self.sums(self._inputs(figures)).items()}
        return {name: self._total(name, counted) for name in self._query.metrics}

    def sums(self, names: list[str]) -> dict[str, int]:
        """Return the sums of additive metrics over all rows; money is in hundredths."""
        sums = [0] * len(names)
        for section in self.sections:
            points = section.timeline.points
            ads = [ad for _, members in section.selection.entities for ad in members]
            if ads and len(points) > 1:
                total = replace(
                    section, timeline=Timeline((points[0], points[-1])), split=split_of(section.account, ())
                )
                found = self._cells(ads, total, total.timeline, names)
                sums = [value + one for value, (one,) in zip(sums, found, strict=True)]
        return dict(zip(names, sums, strict=True))

    def _total(self, name: str, counted: dict[str, list[int]]) -> str:
        if self._is_attribute(name) or not self._formula(name).total:
            return DASH
        made = self._formula(name)
        (value,) = made.make(*(counted[one] for one in made.inputs))
        return str(self._placeholder(name) % value)

    # layout

    def _section(self, account: Account) -> Section:
        labels, timeline = _times(account, self._query, self._world.settings.now())
        return Section(
            account=account,
            selection=self._world.select(account, self._query),
            labels=labels,
            timeline=timeline,
            split=split_of(account, self._query.breakdowns),
            # several currencies are added up in dollars
            per_dollar=account.per_dollar if self._query.merged else None,
        )

    def _make_order(self) -> list[int] | None:
        """Return the order of the rows that the call or the settings require; ``None`` is the default order."""
        query, settings = self._query, self._world.settings
        if query.order_field is None and settings.zero_rows and not query.spent_only:
            return None
        key = (
            *(query.report_type, query.advertiser_ids, query.level, query.dimensions, query.filters),
            *(query.matches_nothing, query.order_field, query.descending, settings.zero_rows, query.several),
            *(query.store, query.spent_only, query.merged, query.untruncated),
            () if settings.zero_rows else query.metrics,
            tuple(section.timeline.points for section in self.sections),
        )
        return self._world.orders.get(key, lambda: self._sorted_rows(range(self._size)))

    def _sorted_rows(self, rows: Sequence[int]) -> list[int]:
        """Return the rows that the report includes, sorted.

        :param rows: all rows, in the order of the sections.
        """
        query = self._query
        runs = list(self._natural_runs(0, self._size) if isinstance(rows, range) else self._single_runs(rows))
        places = list(range(len(rows)))
        figures = self._inputs([name for name in query.metrics if not self._is_attribute(name)])
        for names in ((figures if not self._world.settings.zero_rows else ()), ("spend",) * query.spent_only):
            if names:
                nonzero = list(map(any, zip(*self._counted(runs, list(names)).values(), strict=True)))
                places = [place for place in places if nonzero[place]]
        if query.order_field is not None:
            made = self._formula(query.order_field)
            counted = self._counted(runs, list(made.inputs))
            values = made.make(*(counted[one] for one in made.inputs))
            places.sort(key=values.__getitem__, reverse=query.descending)
        return [rows[place] for place in places]

    # slicing

    def _runs(self, first: int, last: int) -> Iterator[Run]:
        if self._order is None:
            yield from self._natural_runs(first, last)
            return
        yield from self._single_runs(self._order[first:last])

    def _single_runs(self, rows: Iterable[int]) -> Iterator[Run]:
        for row in rows:
            yield from self._natural_runs(row, row + 1)

    def _natural_runs(self, first: int, last: int) -> Iterator[Run]:
        """Return a range of the unsorted table as runs."""
        for section in self.sections:
            size, block = len(section), section.block
            low, high = max(first, 0), min(last, size)
            while low < high:
                entity, start = divmod(low, block)
                stop = min(block, start + high - low)
                yield Run(section, entity, start, stop)
                low += stop - start
            first, last = first - size, last - size

    # computation

    def _counted(self, runs: list[Run], names: list[str]) -> dict[str, list[int]]:
        """Return the columns of additive metrics for all rows of runs."""
        columns: list[list[int]] = [[] for _ in names]
        for run in runs:
            for column, figures in zip(columns, self._count(run, names), strict=True):
                column.extend(figures)
        return dict(zip(names, columns, strict=True))

    def _count(self, run: Run, names: list[str]) -> list[list[int]]:
        section, width = run.section, len(run.section.split.values)
        ads: tuple[Ad, ...] = section.selection.entities[run.entity][1]
        low, high = run.first // width, -(-run.last // width)
        timeline = section.timeline.slice(low, high)

        def make() -> list[list[int]]:
            return self._cells(ads, section, timeline, names)

        if not ads:
            return [[0] * (run.last - run.first) for _ in names]
        if len(ads) < _MANY_ADS:
            found = make()
        else:
            key = (
                section.selection.key,
                run.entity,
                timeline.points,
                section.split.dimensions,
                tuple(names),
                section.per_dollar,
            )
            found = self._world.sums.get(key, make)
        head, rows = run.first - low * width, run.last - run.first
        return found if rows == (high - low) * width else [one[head : head + rows] for one in found]

    def _cells(
        self, ads: Sequence[Ad], section: Section, timeline: Timeline, names: list[str]
    ) -> list[list[int]]:
        if not self._world.settings.late_conversions:
            return cells(ads, timeline, section.split, names, section.per_dollar)
        not_deleted = [ad for ad in ads if ad.status != DELETED]
        zeros = [0] * (len(timeline) * len(section.split.values))
        found = []
        for name in names:
            counted = ads if name.startswith(_OWN_TIME) else not_deleted
            figures = cells(counted, timeline, section.split, [name], section.per_dollar)
            found.append(figures[0] if figures else zeros)
        return found

    def _inputs(self, metrics: list[str]) -> list[str]:
        """Return the additive metrics from which metrics are computed."""
        return list(dict.fromkeys(one for name in metrics for one in self._formula(name).inputs))

    def _figures(self, name: str, counted: dict[str, list[int]]) -> Column:
        made = self._formula(name)
        values = made.make(*(counted[one] for one in made.inputs))
        if masks_small_counts(self.sections[0].split, name):
            return [f"<{_FEW_VIEWS}" if 0 < value < _FEW_VIEWS else value for value in values]
        return values

    def _dimension_columns(self, runs: list[Run]) -> Iterator[list[str]]:
        breakdowns = self._query.breakdowns
        for name in self._query.dimensions:
            if name in self._query.id_dimensions:
                place = self._query.id_dimensions.index(name)
                yield _repeat(runs, functools.partial(_identity, place=place))
            elif name == self._query.time_dimension:
                yield [label for run in runs for label in _labels(run)]
            else:
                yield [json.dumps(text, ensure_ascii=False) for text in _values(runs, breakdowns.index(name))]
        if _INTEREST in breakdowns:
            old = _values(runs, breakdowns.index(_INTEREST))
            yield [json.dumps(INTERESTS_NOW.get(text, text)) for text in old]

    def _metric_columns(self, runs: list[Run]) -> Iterator[Column]:
        names = self._shown()
        figures = [name for name in names if not self._is_attribute(name)]
        counted = self._counted(runs, self._inputs(figures))
        for name in names:
            if self._is_attribute(name):
                yield self._attributes(runs, name)
            else:
                yield self._figures(name, counted)

    def _attributes(self, runs: list[Run], name: str) -> Column:
        def text(run: Run) -> str:
            ads = run.section.selection.entities[run.entity][1]
            dimension = self._query.id_dimension
            return attribute_json(
                name, run.section.account, ads[0] if ads else None, dimension, self._query.report_type
            )

        return _repeat(runs, text)

    def _formula(self, name: str) -> Formula:
        return formula(name, self._query.report_type)

    def _is_attribute(self, name: str) -> bool:
        return (self._several and name in _SEVERAL) or is_attribute(name, self._query.report_type)

    # rendering

    def _shown(self) -> list[str]:
        added: tuple[str, ...] = _SEVERAL if self._several else ()
        if self._query.report_type == "GMV_MAX":
            added = ("currency",)
        return list(dict.fromkeys((*self._query.metrics, *added)))

    def _placeholder(self, name: str) -> str:
        return self._formula(name).placeholder(self._world.settings.decimals, integer_money=self._several)

    def _value_template(self, name: str) -> str:
        """Return the %-template of a metric's value: attributes are JSON already, figures become strings."""
        if self._is_attribute(name):
            return "%s"
        return self._placeholder(name) if name in _JSON_NUMBERS else f'"{self._placeholder(name)}"'

    def _template(self) -> str:
        """Return the %-template of a row."""
        added = (f"{_INTEREST}_v2",) if _INTEREST in self._query.breakdowns else ()
        dimensions = ",".join(f'"{name}":%s' for name in (*self._query.dimensions, *added))
        metrics = ",".join(f'"{name}":{self._value_template(name)}' for name in self._shown())
        return f'{{"dimensions":{{{dimensions}}},"metrics":{{{metrics}}}}}'


_INTEREST = "interest_category"


def is_attribute(name: str, report_type: str) -> bool:
    """Return whether a metric of the catalogue is a name, a parent or a setting, not a figure."""
    metric = catalog.metrics(report_type)[name]
    return metric.section == "attribute" or (report_type == "GMV_MAX" and name in SHOP_SETTINGS)


def _repeat(runs: list[Run], text: Callable[[Run], str]) -> list[str]:
    column: list[str] = []
    for run in runs:
        column += [text(run)] * (run.last - run.first)
    return column


def _labels(run: Run) -> Iterator[str]:
    width = len(run.section.split.values)
    labels = run.section.labels
    return (f'"{labels[row // width]}"' for row in range(run.first, run.last))


def _values(runs: list[Run], place: int) -> Iterator[str]:
    for run in runs:
        values = run.section.split.values
        for row in range(run.first, run.last):
            yield values[row % len(values)][place]


def _identity(run: Run, place: int) -> str:
    return json.dumps(run.section.selection.entities[run.entity][0][place])


def _times(account: Account, query: Query, now: datetime) -> tuple[tuple[str, ...], Timeline]:
    """Return the time ranges of an account's rows.

    They start at the account's creation at the earliest and end at its current time at the latest.

    :return: the label of each time range, and the points in time that bound them.
    """
    local = account.local_now(now)
    today, created = local.date().toordinal(), account.created.toordinal()
    first = created if query.start is None else max(query.start, created)
    last = today if query.end is None else min(query.end, today)
    if first > last:
        return (), Timeline(())
    present = (today, elapsed_parts(local.hour, local.minute))
    end: TimePoint = present if last == today else (last + 1, 0)
    if query.time_dimension == "stat_time_hour":
        # one day, but for report tasks
        hours = [
            (day, hour)
            for day in range(first, last + 1)
            for hour in range(local.hour + 1 if day == today else 24)
        ]
        labels = tuple(f"{date.fromordinal(day)} {hour:02d}:00:00" for day, hour in hours)
        return labels, Timeline([*((day, HOUR_STARTS[hour]) for day, hour in hours), end])
    if query.time_dimension == "stat_time_day":
        days = range(first, last + 1)
        labels = tuple(map(_midnight, days))
        return labels, Timeline([*((day, 0) for day in days), end])
    if query.time_dimension in _BEGINNING:
        begin = _BEGINNING[query.time_dimension]
        starts = [day for day in range(first, last + 1) if day == first or begin(day) == day]
        labels = tuple(_midnight(begin(day)) for day in starts)
        return labels, Timeline([*((day, 0) for day in starts), end])
    return ("",), Timeline([(first, 0), end])


@functools.cache  # a call has a month of them, and the next page has the same
def _midnight(day: int) -> str:
    return f"{date.fromordinal(day)} 00:00:00"


_BEGINNING: dict[str, Callable[[int], int]] = {
    "stat_time_week": lambda day: day - date.fromordinal(day).weekday(),
    "stat_time_month": lambda day: date.fromordinal(day).replace(day=1).toordinal(),
}
"""The day that TikTok uses as the label of a week or a month."""
