"""The facts behind every report: each ad's cumulative counts at any time.

An additive metric of an ad is a count that only grows over time. The figure of a day, an hour or a year is
the difference between two points in time. So hours add up to days, days to ranges and ads to accounts,
exactly, and a year costs no more to compute than a day.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add, sub

from airflow_provider_tiktok.emulator.world.breakdowns import Split
from airflow_provider_tiktok.emulator.world.entities import Ad
from airflow_provider_tiktok.emulator.world.pseudo_random import mix_text

TimePoint = tuple[int, int]
"""A day's ordinal, and how many thousandths of that day's figures are complete."""

DAY_PARTS = 1000

# the distribution of a day's figures over its hours: low at night, high in the evening
_HOUR_PARTS = (22, 16, 14, 13, 14, 18, 26, 36, 42, 44, 45, 46, 48, 47, 46, 46, 48, 52, 60, 70, 76, 72, 60, 39)
HOUR_STARTS = tuple(sum(_HOUR_PARTS[:hour]) for hour in range(25))
"""The part of a day's figures, in :data:`DAY_PARTS`, at the start of each hour; the 25th is the end of the day."""


def elapsed_parts(hour: int, minute: int) -> int:
    """Return the part of a day's figures at a time of day, in :data:`DAY_PARTS`."""
    return HOUR_STARTS[hour] + _HOUR_PARTS[hour] * minute // 60


_STEP = 16
"""One day with delivery adds two to this power, plus or minus half, to an ad's delivery counter."""

# Python multiplies integers of 30 bits fastest
_DIGIT = (1 << 30) - 1
_DAY_MULTIPLIER, _HASH_MULTIPLIER = 0x2545F491, 0x1B873593


@dataclass(frozen=True, slots=True)
class Fact:
    """The definition of one additive metric, as a part of an ad's figures.

    :param parent: the figure of which it is a part.
    :param millionths: the size of the part.
    :param noise: an odd number that makes each day's noise; metrics that share it rise and fall together,
        so that a funnel stays consistent.
    :param varies_by_ad: whether the size of the part differs between ads.
    """

    parent: str
    millionths: int
    noise: int
    varies_by_ad: bool = False


def _noise(family: str) -> int:
    return (mix_text(family) & _DIGIT) | 1


_VIEWS, _CLICKS, _SPEND = _noise("impressions"), _noise("clicks"), _noise("spend")
_SALES = _noise("conversion")

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
    "likes": Fact("impressions", 6_000, _noise("likes")),
    "conversion": Fact("clicks", 45_000, _SALES),
    "real_time_conversion": Fact("clicks", 45_000, _SALES),
    "result": Fact("clicks", 45_000, _SALES),
    "real_time_result": Fact("clicks", 45_000, _SALES),
    "complete_payment": Fact("clicks", 30_000, _SALES),
    "total_complete_payment_rate": Fact("spend", 1_700_000, _SALES),
    # the names of metrics in GMV Max reports
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
    """Return the definition of an additive metric; unknown names get one too."""
    known = _KNOWN.get(name)
    if known:
        return known
    stem = _VALUE.sub("", _TOTAL.sub("", name)).strip("_")
    digest = mix_text(stem) & _DIGIT
    if _VALUE.search(name):
        return Fact("spend", 40_000 + digest % 900_000, digest | 1, varies_by_ad=True)
    size = 800 + digest % 30_000
    return Fact("clicks", size * 13 // 10 if "total" in name else size, digest | 1, varies_by_ad=True)


class Timeline:
    """The points in time that bound a report's rows, with the values that all ads share.

    :param points: the points in order; each two consecutive points bound one row.
    """

    __slots__ = ("_days", "_partial_days", "_slices", "points")

    def __init__(self, points: Sequence[TimePoint]) -> None:
        self.points = tuple(points)
        self._slices: dict[tuple[int, int], Timeline] = {}
        self._days = tuple(day for day, _ in points)
        self._partial_days = tuple((index, part) for index, (_, part) in enumerate(points) if part)

    def __len__(self) -> int:
        return len(self.points) - 1

    def slice(self, first: int, last: int) -> Timeline:
        """Return the timeline of the rows from ``first`` to ``last``, excluding ``last``."""
        if first == 0 and last == len(self):
            return self
        found = self._slices.get((first, last))
        if found is None:
            found = self._slices[first, last] = Timeline(self.points[first : last + 1])
        return found

    def counts(self, ad: Ad, names: Sequence[str]) -> list[list[int]]:
        """Return an ad's cumulative counts at every point in time.

        :return: per metric, one cumulative count per point.
        """
        deliveries = _deliveries(ad, self._days)
        found = [_cumulative_counts(ad, fact(name), deliveries) for name in names]
        if self._partial_days:
            next_deliveries = _deliveries(ad, tuple(self._days[index] + 1 for index, _ in self._partial_days))
            for name, counts in zip(names, found, strict=True):
                day_ends = _cumulative_counts(ad, fact(name), next_deliveries)
                for (index, part), day_end in zip(self._partial_days, day_ends, strict=True):
                    counts[index] += (day_end - counts[index]) * part // DAY_PARTS
        return found


def cells(
    ads: Sequence[Ad], timeline: Timeline, split: Split, names: Sequence[str], per_dollar: int | None = None
) -> list[list[int]]:
    """Return the sum of ads' figures in each row: one per time range and breakdown value.

    :param per_dollar: converts money to dollars: the price of one dollar in hundredths of the currency.
    :return: per metric, one figure per row.
    """
    if not split.is_unsplit:
        return _split_cells(ads, timeline, split, names, per_dollar)
    totals: list[list[int]] = []
    for ad in ads:
        found = [list(map(sub, counts[1:], counts)) for counts in _counts(ad, timeline, names, per_dollar)]
        totals = [list(map(add, *pair)) for pair in zip(totals, found, strict=True)] if totals else found
    return totals


def _counts(ad: Ad, timeline: Timeline, names: Sequence[str], per_dollar: int | None) -> list[list[int]]:
    """Return an ad's cumulative counts at every point in time, in its currency or in dollars."""
    found = timeline.counts(ad, names)
    if per_dollar is None:
        return found
    # the cumulative counts are converted, not their differences, so that days still add up to months
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


def _deliveries(ad: Ad, days: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return, for the start of each day, an ad's delivery counter, and a pseudo-random number for its last day."""
    created, active, period, phase = ad.created, ad.active, ad.period, ad.phase
    seed = ad.seed & _DIGIT
    delivered = [((day - created) * active + phase) // period if day > created else 0 for day in days]
    numbers = [seed + count * _DAY_MULTIPLIER & _DIGIT for count in delivered]
    return [
        (count << _STEP, ((number ^ number >> 15) * _HASH_MULTIPLIER & _DIGIT) ^ number >> 11)
        for count, number in zip(delivered, numbers, strict=True)
    ]


def _cumulative_counts(ad: Ad, definition: Fact, deliveries: list[tuple[int, int]]) -> list[int]:
    size: int = getattr(ad, definition.parent) * definition.millionths // 1_000_000
    noise = definition.noise
    if definition.varies_by_ad:
        size = size * (50 + (ad.seed * noise >> 20) % 100) // 100
    return [(count + ((number * noise & _DIGIT) >> 15)) * size >> 32 for count, number in deliveries]
