"""The figures under every report: what each ad did up to any moment.

An additive metric of an ad is a count that only grows with time. A day, an hour or a year is the
difference between two moments, so that hours add up to days, days to ranges and ads to accounts,
exactly, and a year costs no more to compute than a day.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add, sub

from airflow_provider_tiktok.emulator.breakdowns import Split
from airflow_provider_tiktok.emulator.entities import Ad
from airflow_provider_tiktok.emulator.pseudo_random import mix_text

Moment = tuple[int, int]
"""A day's ordinal, and how many of that day's thousandth parts have passed."""

DAY_PARTS = 1000

# How a day's figures spread over its hours: quiet nights, busy evenings.
_HOUR_PARTS = (22, 16, 14, 13, 14, 18, 26, 36, 42, 44, 45, 46, 48, 47, 46, 46, 48, 52, 60, 70, 76, 72, 60, 39)
HOUR_STARTS = tuple(sum(_HOUR_PARTS[:hour]) for hour in range(25))
"""How much of a day has passed, in :data:`DAY_PARTS`, as each hour begins; the 25th is its end."""


def passed(hour: int, minute: int) -> int:
    """Say how much of a day's figures has come in by a time of day, in :data:`DAY_PARTS`."""
    return HOUR_STARTS[hour] + _HOUR_PARTS[hour] * minute // 60


_STEP = 16
"""One delivering day moves an ad's clock by two to this power, give or take half."""

# Python multiplies integers of 30 bits fastest
_DIGIT = (1 << 30) - 1
_TICK_ODD, _DRAW_ODD = 0x2545F491, 0x1B873593


@dataclass(frozen=True, slots=True)
class Fact:
    """How one additive metric follows from an ad's size.

    :param parent: what it is a part of.
    :param millionths: how large a part.
    :param odd: mixes its own luck into each day; metrics that share it rise and fall together,
        which keeps a funnel a funnel.
    :param own_size: whether the part differs from ad to ad.
    """

    parent: str
    millionths: int
    odd: int
    own_size: bool = False


def _luck(family: str) -> int:
    return (mix_text(family) & _DIGIT) | 1


_VIEWS, _CLICKS, _SPEND = _luck("impressions"), _luck("clicks"), _luck("spend")
_SALES = _luck("conversion")

_KNOWN: dict[str, Fact] = {
    "spend": Fact("spend", 1_000_000, _SPEND),
    "billed_cost": Fact("spend", 985_000, _SPEND),
    "voucher_spend": Fact("spend", 80_000, _SPEND),
    "cashback_coupon_spend": Fact("spend", 12_000, _SPEND),
    "tax_spend": Fact("spend", 75_000, _SPEND),
    "impressions": Fact("impressions", 1_000_000, _VIEWS),
    "gross_impressions": Fact("impressions", 1_030_000, _VIEWS),
    "video_play_actions": Fact("impressions", 940_000, _VIEWS),
    "video_watched_2s": Fact("impressions", 330_000, _VIEWS),
    "video_watched_continuous_2s": Fact("impressions", 310_000, _VIEWS),
    "video_watched_6s": Fact("impressions", 120_000, _VIEWS),
    "video_views_p25": Fact("impressions", 240_000, _VIEWS),
    "video_views_p50": Fact("impressions", 100_000, _VIEWS),
    "video_views_p75": Fact("impressions", 55_000, _VIEWS),
    "video_views_p100": Fact("impressions", 26_000, _VIEWS),
    "engaged_view": Fact("impressions", 110_000, _VIEWS),
    "engaged_view_15s": Fact("impressions", 38_000, _VIEWS),
    "clicks": Fact("clicks", 1_000_000, _CLICKS),
    "likes": Fact("impressions", 6_000, _luck("likes")),
    "conversion": Fact("clicks", 45_000, _SALES),
    "real_time_conversion": Fact("clicks", 45_000, _SALES),
    "result": Fact("clicks", 45_000, _SALES),
    "real_time_result": Fact("clicks", 45_000, _SALES),
    "complete_payment": Fact("clicks", 30_000, _SALES),
    "total_complete_payment_rate": Fact("spend", 1_700_000, _SALES),
    # GMV Max has names of its own for what its ads did
    "cost": Fact("spend", 1_000_000, _SPEND),
    "net_cost": Fact("spend", 910_000, _SPEND),
    "orders": Fact("clicks", 60_000, _SALES),
    "gross_revenue": Fact("spend", 4_400_000, _SALES),
    "all_shops_orders": Fact("clicks", 66_000, _SALES),
    "all_shops_gross_revenue": Fact("spend", 4_700_000, _SALES),
    "product_impressions": Fact("impressions", 1_000_000, _VIEWS),
    "product_clicks": Fact("clicks", 1_000_000, _CLICKS),
    "live_views": Fact("impressions", 1_000_000, _VIEWS),
    "10_second_live_views": Fact("impressions", 190_000, _VIEWS),
}
_TOTAL = re.compile(r"(^|_)(total|unique)(?=_)")
_VALUE = re.compile(r"_value(?=_|$)|_revenue(?=_|$)")


@functools.cache
def fact(name: str) -> Fact:
    """Find how a metric's figures are made; any name has some."""
    known = _KNOWN.get(name)
    if known:
        return known
    stem = _VALUE.sub("", _TOTAL.sub("", name)).strip("_")
    luck = mix_text(stem) & _DIGIT
    if _VALUE.search(name):
        return Fact("spend", 40_000 + luck % 900_000, luck | 1, own_size=True)
    part = 800 + luck % 30_000
    return Fact("clicks", part * 13 // 10 if "total" in name else part, luck | 1, own_size=True)


class Timeline:
    """The moments between which a report counts, with what they share for every ad.

    :param moments: in order; each two neighbours bound one row.
    """

    __slots__ = ("_cuts", "_days", "_parts", "moments")

    def __init__(self, moments: Sequence[Moment]) -> None:
        self.moments = tuple(moments)
        self._cuts: dict[tuple[int, int], Timeline] = {}
        self._days = tuple(day for day, _ in moments)
        self._parts = tuple((place, part) for place, (_, part) in enumerate(moments) if part)

    def __len__(self) -> int:
        return len(self.moments) - 1

    def cut(self, first: int, last: int) -> Timeline:
        """Give the part from row ``first`` up to, and without, row ``last``."""
        if first == 0 and last == len(self):
            return self
        found = self._cuts.get((first, last))
        if found is None:
            found = self._cuts[first, last] = Timeline(self.moments[first : last + 1])
        return found

    def counts(self, ad: Ad, names: Sequence[str]) -> list[list[int]]:
        """Count an ad's metrics at every moment.

        :return: per metric, one running count per moment.
        """
        clock = _clock(ad, self._days)
        found = [_running(ad, fact(name), clock) for name in names]
        if self._parts:
            next_clock = _clock(ad, tuple(self._days[place] + 1 for place, _ in self._parts))
            for name, running in zip(names, found, strict=True):
                day_ends = _running(ad, fact(name), next_clock)
                for (place, part), day_end in zip(self._parts, day_ends, strict=True):
                    running[place] += (day_end - running[place]) * part // DAY_PARTS
        return found


def cells(
    ads: Sequence[Ad], timeline: Timeline, split: Split, names: Sequence[str], per_dollar: int | None = None
) -> list[list[int]]:
    """Add up what ads did in each row: every stretch of time, and in it every value of a breakdown.

    :param per_dollar: turns money into dollars: hundredths of the currency that one dollar buys.
    :return: per metric, one figure per row.
    """
    if not split.is_whole:
        return _split_cells(ads, timeline, split, names, per_dollar)
    totals: list[list[int]] = []
    for ad in ads:
        found = [list(map(sub, counts[1:], counts)) for counts in _counts(ad, timeline, names, per_dollar)]
        totals = [list(map(add, *pair)) for pair in zip(totals, found, strict=True)] if totals else found
    return totals


def _counts(ad: Ad, timeline: Timeline, names: Sequence[str], per_dollar: int | None) -> list[list[int]]:
    """Count an ad's metrics at every moment, in its currency or in dollars."""
    found = timeline.counts(ad, names)
    if per_dollar is None:
        return found
    # running counts are converted, not their differences, so that days still add up to months
    return [
        [count * 100 // per_dollar for count in counts] if fact(name).parent == "spend" else counts
        for name, counts in zip(names, found, strict=True)
    ]


def _split_cells(
    ads: Sequence[Ad], timeline: Timeline, split: Split, names: Sequence[str], per_dollar: int | None
) -> list[list[int]]:
    width = len(split.values)
    totals = [[0] * (len(timeline) * width) for _ in names]
    for ad in ads:
        for total, counts in zip(totals, _counts(ad, timeline, names, per_dollar), strict=True):
            for cell in range(width):
                shares = split.share(cell, counts)
                total[cell::width] = map(add, total[cell::width], map(sub, shares[1:], shares))
    return totals


def _clock(ad: Ad, days: tuple[int, ...]) -> list[tuple[int, int]]:
    """Read an ad's clock at the beginning of days: delivering days so far, and a draw for the last one."""
    created, active, period, phase = ad.created, ad.active, ad.period, ad.phase
    seed = ad.seed & _DIGIT
    ticks = [((day - created) * active + phase) // period if day > created else 0 for day in days]
    draws = [seed + tick * _TICK_ODD & _DIGIT for tick in ticks]
    return [
        (tick << _STEP, ((draw ^ draw >> 15) * _DRAW_ODD & _DIGIT) ^ draw >> 11)
        for tick, draw in zip(ticks, draws, strict=True)
    ]


def _running(ad: Ad, made: Fact, clock: list[tuple[int, int]]) -> list[int]:
    size: int = getattr(ad, made.parent) * made.millionths // 1_000_000
    odd = made.odd
    if made.own_size:
        size = size * (50 + (ad.seed * odd >> 20) % 100) // 100
    return [(tick + ((draw * odd & _DIGIT) >> 15)) * size >> 32 for tick, draw in clock]
