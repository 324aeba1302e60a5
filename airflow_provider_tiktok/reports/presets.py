"""Named reports. A preset is a set of parameters; the user's own parameters take precedence.

The families of :data:`PRESETS` are built from the small tables below: a metric that belongs in all of
them is one more name in one table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

Preset = Mapping[str, Any]

_SUMMARY_METRICS = ("spend", "impressions", "reach", "clicks", "conversion", "cpm")

# what users of such tables look for, in the order of their columns
_SPEND = ("spend", "billed_cost", "cpc", "cpm")
_DELIVERY = ("impressions", "clicks", "ctr")
_REACH = ("reach", "cost_per_1000_reached", "frequency")
_CONVERSION = ("conversion", "cost_per_conversion", "conversion_rate", "conversion_rate_v2")
_REAL_TIME = ("real_time_conversion", "real_time_cost_per_conversion", "real_time_conversion_rate")
_RESULT = ("result", "cost_per_result", "result_rate")
_VIDEO = (
    *("video_play_actions", "video_watched_2s", "video_watched_6s", "average_video_play"),
    *("video_views_p25", "video_views_p50", "video_views_p75", "video_views_p100"),
)
_ENGAGEMENT = (
    *("engaged_view", "likes", "comments", "shares", "follows", "profile_visits", "clicks_on_music_disc"),
)
_VALUE = (
    *("complete_payment", "total_complete_payment_rate", "value_per_complete_payment"),
    *("complete_payment_roas", "total_purchase_value", "total_landing_page_view", "total_sales_lead_value"),
)
_PER_USER = ("average_video_play_per_user",)  # which no audience report has
_FIGURES = (
    *(*_SPEND, *_DELIVERY, *_REACH, *_CONVERSION, *_REAL_TIME, *_VIDEO, *_PER_USER),
    *(*_ENGAGEMENT, *_VALUE),
)

# what every audience dimension has, also those with the shortest lists
_AUDIENCE_FIGURES = (
    *("spend", "cpc", "cpm", "impressions", "clicks", "ctr"),
    *("conversion", "cost_per_conversion", "conversion_rate", *_REAL_TIME),
    *_VIDEO,
    *("likes", "comments", "shares", "follows", "profile_visits", "clicks_on_music_disc"),
)

_LEVELS: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    # the ID dimension; the row's names and parents; figures that other levels lack
    "advertiser": ("advertiser_id", ("advertiser_name", "currency"), ()),
    "campaign": ("campaign_id", ("campaign_name", "objective_type", "currency"), ()),
    "adgroup": (
        "adgroup_id",
        ("adgroup_name", "campaign_id", "campaign_name", "currency"),
        _RESULT,
    ),
    "ad": (
        "ad_id",
        ("ad_name", "adgroup_id", "adgroup_name", "campaign_id", "campaign_name", "currency"),
        _RESULT,
    ),
}
_PERIODS: Mapping[str, Mapping[str, Any]] = {
    "daily": {"time": ("stat_time_day",)},
    "hourly": {"time": ("stat_time_hour",)},
    "lifetime": {"time": (), "query_lifetime": True},
}
_AUDIENCES: Mapping[str, tuple[str, ...]] = {
    "age_gender": ("age", "gender"),
    "country": ("country_code",),
    "language": ("language",),
    "platform": ("platform",),
    "interest": ("interest_category",),
    "placement": ("placement",),
}
_WITHOUT_TIME = ("interest",)  # TikTok has no days of it, so it is asked day by day
_AUDIENCE_NAMES: Mapping[str, tuple[str, ...]] = {
    level: tuple(name for name in names if name not in {"objective_type", "currency"})
    for level, (_, names, _) in _LEVELS.items()
}


def _preset(report_type: str, dimensions: tuple[str, ...], metrics: tuple[str, ...], **more: Any) -> Preset:
    return MappingProxyType(
        {"report_type": report_type, "dimensions": dimensions, "metrics": metrics, **more}
    )


def _summaries() -> Iterator[tuple[str, Preset]]:
    for name, level in (("ad_group_summary", "adgroup"), ("auction_campaign_summary", "campaign")):
        yield (
            name,
            _preset(
                "BASIC",
                (f"{level}_id",),
                _SUMMARY_METRICS,
                service_type="AUCTION",
                data_level=f"AUCTION_{level.upper()}",
            ),
        )


def _basic() -> Iterator[tuple[str, Preset]]:
    for level, (id_dimension, names, more_figures) in _LEVELS.items():
        for period, options in _PERIODS.items():
            settings = {"data_level": f"AUCTION_{level.upper()}", **options}
            dimensions = (id_dimension, *settings.pop("time"))
            metrics = (*names, *_FIGURES, *more_figures)
            yield f"{level}_{period}", _preset("BASIC", dimensions, metrics, **settings)


def _audience() -> Iterator[tuple[str, Preset]]:
    for level, (id_dimension, _, _) in _LEVELS.items():
        for audience, dimensions in _AUDIENCES.items():
            timeless = audience in _WITHOUT_TIME
            yield (
                f"{level}_audience_{audience}_daily",
                _preset(
                    "AUDIENCE",
                    (id_dimension, *dimensions, *(() if timeless else ("stat_time_day",))),
                    (*_AUDIENCE_NAMES[level], *_AUDIENCE_FIGURES),
                    data_level=f"AUCTION_{level.upper()}",
                    **({"by_day": True} if timeless else {}),
                ),
            )


def _others() -> Iterator[tuple[str, Preset]]:
    yield (
        "bc_daily",
        _preset(
            "BC",
            ("stat_time_day",),
            (
                *("spend", "billed_cost", "cash_spend", "voucher_spend", "tax_spend", "cpc", "cpm"),
                *("impressions", "reach", "clicks", "ctr"),
                *("conversion", "cost_per_conversion", "conversion_rate", *_REAL_TIME),
                *("video_watched_2s", "video_watched_6s"),
                *("video_views_p25", "video_views_p50", "video_views_p75", "video_views_p100"),
                *("purchase", "total_purchase_value"),
            ),
        ),
    )
    yield (
        "gmv_max_daily",
        _preset(
            "GMV_MAX",
            ("advertiser_id", "stat_time_day"),
            ("cost", "net_cost", "orders", "cost_per_order", "gross_revenue", "roi"),
        ),
    )


PRESETS: Mapping[str, Preset] = MappingProxyType(dict((*_summaries(), *_basic(), *_audience(), *_others())))
"""Reports by name. The two summaries have one row an entity for the run's dates, which are the data
interval's days, or the account's last complete day where the run has no interval. ``bc_daily`` and
``gmv_max_daily`` need ``bc_id`` and ``store_ids`` in ``request_params``. ``by_day`` means one
call a day, whose day becomes the column ``stat_time_day``."""
