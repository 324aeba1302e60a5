"""The formulas of the catalogue's metrics, as columns of a report.

Additive metrics are counted. The others are computed from additive ones, so that every row is consistent:
a rate is the rate of the row's own figures.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_tiktok.emulator.world.breakdowns import Split
from airflow_provider_tiktok.reports import catalog

Column = list[Any]

DASH = "-"
MINOR = 100
"""Money is counted in hundredths."""


@dataclass(frozen=True, slots=True)
class Formula:
    """The formula of one metric's column.

    :param inputs: the additive metrics from which it is computed.
    :param make: returns the column, given the columns of the inputs.
    :param decimals: ``None`` for integers, -1 for money, -2 for a cost per result.
    :param total: whether the metric has a total over all rows.
    """

    inputs: tuple[str, ...]
    make: Callable[..., Column]
    decimals: int | None
    total: bool = True

    def placeholder(self, money_decimals: int, *, integer_money: bool) -> str:
        """Return the %-placeholder that formats a value as TikTok does."""
        if self.decimals is None:
            return "%s"
        if self.decimals >= 0:
            return f"%.{self.decimals}f"
        if integer_money:
            return "%.0f"
        # in 2021, when money had three decimals, costs per result had four
        longer = self.decimals == _COST_PER_RESULT and money_decimals == _DECIMALS_OF_2021
        return f"%.{money_decimals + longer}f"


_MONEY = -1
_COST_PER_RESULT = -2
_DECIMALS_OF_2021 = 3


def people(views: int) -> int:
    """Return how many people a number of views reached: the more views, the more views per person."""
    return int(views / (1.05 + 0.02 * math.sqrt(math.sqrt(views)))) if views else 0


def _same(column: list[int]) -> Column:
    return column


def _money(column: list[int]) -> Column:
    return [value / MINOR for value in column]


def _difference(first: list[int], second: list[int]) -> Column:
    return [(one - other) / MINOR for one, other in zip(first, second, strict=True)]


def _people(column: list[int]) -> Column:
    return [people(views) for views in column]


def _quotient(times: float) -> Callable[[list[int], list[int]], Column]:
    def make(over: list[int], under: list[int]) -> Column:
        return [one * times / other if other else 0.0 for one, other in zip(over, under, strict=True)]

    return make


def _per_people(times: float) -> Callable[[list[int], list[int]], Column]:
    def make(over: list[int], under: list[int]) -> Column:
        return [
            one * times / people(other) if people(other) else 0.0
            for one, other in zip(over, under, strict=True)
        ]

    return make


def _seconds(low: float, high: float) -> Callable[[list[int], list[int]], Column]:
    """Return a function that computes an average watch time from the share of longer plays."""

    def make(plays: list[int], long: list[int]) -> Column:
        return [
            low + (high - low) * few / all_ if all_ else 0.0 for all_, few in zip(plays, long, strict=True)
        ]

    return make


def _dashes(column: list[int]) -> Column:
    return [DASH] * len(column)


_PER_COST = _quotient(1 / MINOR)
_PERCENT = _quotient(100)

_SPECIAL: dict[str, Formula] = {
    "cash_spend": Formula(("spend", "voucher_spend"), _difference, _MONEY),
    "cpc": Formula(("spend", "clicks"), _PER_COST, _MONEY),
    "cpm": Formula(("spend", "impressions"), _quotient(1000 / MINOR), _MONEY),
    "ctr": Formula(("clicks", "impressions"), _PERCENT, 2),
    "reach": Formula(("impressions",), _people, None, total=False),
    "frequency": Formula(("impressions", "impressions"), _per_people(1), 2, total=False),
    "cost_per_1000_reached": Formula(
        ("spend", "impressions"), _per_people(1000 / MINOR), _MONEY, total=False
    ),
    "cost_per_result": Formula(("spend", "result"), _PER_COST, _COST_PER_RESULT),
    "real_time_cost_per_result": Formula(("spend", "real_time_result"), _PER_COST, _COST_PER_RESULT),
    "result_rate": Formula(("result", "impressions"), _PERCENT, 2),
    "real_time_result_rate": Formula(("real_time_result", "impressions"), _PERCENT, 2),
    "conversion_rate_v2": Formula(("conversion", "impressions"), _PERCENT, 2),
    "real_time_conversion_rate_v2": Formula(("real_time_conversion", "impressions"), _PERCENT, 2),
    "skan_conversion_rate_v2": Formula(("skan_conversion", "impressions"), _PERCENT, 2),
    "engagement_rate": Formula(("engagements", "impressions"), _PERCENT, 2),
    "single_image_ctr": Formula(("clicks", "impressions"), _PERCENT, 2),
    "average_video_play": Formula(("video_play_actions", "video_watched_6s"), _seconds(1.0, 14.0), 2),
    "average_video_play_per_user": Formula(
        ("video_play_actions", "video_watched_6s"), _seconds(1.2, 15.0), 2
    ),
    "real_time_app_install_cost": Formula(("spend", "real_time_app_install"), _PER_COST, _MONEY),
    "cost_total_add_payment_info": Formula(("spend", "total_add_payment_info"), _PER_COST, _MONEY),
    "skan_cost_total_add_payment_info": Formula(("spend", "skan_total_add_payment_info"), _PER_COST, _MONEY),
    "cost_pre_ad_impression_event": Formula(("spend", "ads_impression_events"), _PER_COST, _MONEY),
    "value_per_complete_payment": Formula(
        ("total_complete_payment_rate", "complete_payment"), _PER_COST, _MONEY
    ),
    "complete_payment_roas": Formula(("total_complete_payment_rate", "spend"), _quotient(1), 2),
} | {
    name: Formula(("spend",), _dashes, None, total=False)
    for name in ("secondary_goal_result", "secondary_goal_result_rate", "cost_per_secondary_goal_result")
}


_SHOP: dict[str, Formula] = {
    "cost_per_order": Formula(("cost", "orders"), _PER_COST, _MONEY),
    "roi": Formula(("gross_revenue", "cost"), _quotient(1), 2),
    "all_shops_cost_per_order": Formula(("cost", "all_shops_orders"), _PER_COST, _MONEY),
    "all_shops_roi": Formula(("all_shops_gross_revenue", "cost"), _quotient(1), 2),
    "cost_per_live_view": Formula(("cost", "live_views"), _PER_COST, _MONEY),
    "cost_per_10_second_live_view": Formula(("cost", "10_second_live_views"), _PER_COST, _MONEY),
    "product_click_rate": Formula(("product_clicks", "product_impressions"), _PERCENT, 2),
    "ad_click_rate": Formula(("product_clicks", "product_impressions"), _PERCENT, 2),
    "ad_conversion_rate": Formula(("orders", "product_clicks"), _PERCENT, 2),
    "ad_video_view_rate_2s": Formula(("video_watched_2s", "product_impressions"), _PERCENT, 2),
    "ad_video_view_rate_6s": Formula(("video_watched_6s", "product_impressions"), _PERCENT, 2),
} | {
    f"ad_video_view_rate_p{part}": Formula((f"video_views_p{part}", "product_impressions"), _PERCENT, 2)
    for part in (25, 50, 75, 100)
}


@functools.cache
def formula(name: str, report_type: str = "BASIC") -> Formula:
    """Return the formula of a metric of the catalogue that is not an attribute."""
    metric = catalog.metrics(report_type)[name]
    if report_type == "GMV_MAX" and name in _SHOP:
        return _SHOP[name]
    if name in _SPECIAL:
        return _SPECIAL[name]
    if metric.additive:
        return (
            Formula((name,), _money, _MONEY) if metric.type == "currency" else Formula((name,), _same, None)
        )
    return _BY_TYPE[metric.type](name)


def _unit_price(name: str) -> Formula:
    """Return the formula of a cost or a value per event."""
    what = re.sub(r"(avg_)?(cost|value)_per_|total_value_per_", "", name)
    events = _additive(what)
    if "cost_per_" in name:
        return Formula(("spend", events), _PER_COST, _MONEY)
    return Formula((_additive(f"{what}_value", f"total_{what}_value"), events), _PER_COST, _MONEY)


def _rate(name: str) -> Formula:
    return Formula((_additive(re.sub(r"_rate|_per_click$|rate_avg$", "", name)), "clicks"), _PERCENT, 2)


def _return(name: str) -> Formula:
    value = _additive(name.replace("_roas", "_value"), name.replace("_roas", ""))
    return Formula((value, "spend"), _quotient(1), 2)


def _unique(name: str) -> Formula:
    return Formula(
        (_additive(name.replace("unique_", "total_"), name.replace("unique_", "")),),
        _people,
        None,
        total=False,
    )


def _duration(name: str) -> Formula:
    return Formula(("video_play_actions", "video_watched_6s"), _seconds(2.0, 20.0), 2)


_BY_TYPE: dict[str, Callable[[str], Formula]] = {
    "currency": _unit_price,
    "percent": _rate,
    "ratio": _return,
    "integer": _unique,
    "seconds": _duration,
}


def _additive(*names: str) -> str:
    """Return the first additive metric of the catalogue that matches a name, or else the first name."""
    metrics = catalog.metrics()
    for name in names:
        for spelling in (name, f"total_{name}", f"{name}s", f"{name}_events", _total_within(name)):
            if spelling in metrics and metrics[spelling].additive:
                return spelling
    return names[0]


def _total_within(name: str) -> str:
    """Return ``website_total_find_location`` for ``website_find_location``."""
    head, _, tail = name.partition("_")
    return f"{head}_total_{tail}"


def masks_small_counts(split: Split, name: str) -> bool:
    """Return whether TikTok masks small values of a metric: views by search term."""
    return name == "impressions" and "search_terms" in split.dimensions
