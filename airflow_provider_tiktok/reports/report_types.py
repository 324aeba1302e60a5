"""TikTok's report types: one table of facts that all other code looks up.

If two types differ - in the endpoint, its parameters, the days that a call may span, the dimensions that
go together - the difference is here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from airflow_provider_tiktok.reports import catalog

INTEGRATED_PATH = "report/integrated/get/"

HOUR, DAY = "stat_time_hour", "stat_time_day"

MAX_DAYS_WITHOUT_TIME = 365
"""Days that one call may span if no time dimension limits it (TikTok's page on synchronous reports)."""

MAX_PAGE_SIZE = 1000
MAX_DIMENSIONS = 4

Grouping = frozenset[str]

_AT_MOST_ONE, _EXACTLY_ONE = (0, 1), (1, 1)


@dataclass(frozen=True, slots=True)
class ReportType:
    """The documented facts about one type of report.

    :param name: the name that the user knows.
    :param path: the endpoint.
    :param sent_name: ``report_type`` on the wire; ``None`` for an endpoint of one type only.
    :param account: TikTok's parameter for the ID of the account or business center.
    :param required: other parameters that the user must set in ``request_params``.
    :param has_level: whether it takes ``data_level``.
    :param has_service_type: whether it takes ``service_type``.
    :param filters: ``list`` of objects, one ``object``, or ``none``.
    :param sort: TikTok's names for field and direction of the order.
    :param daily_calls: daily quota of an app of TikTok's basic level.
    :param page_size: maximum number of rows of a page.
    :param max_days: days that one call may span, by time dimension.
    :param lifetime: whether it takes ``query_lifetime``.
    :param totals: whether it takes ``enable_total_metrics``.
    :param deleted: whether a status filter decides about deleted campaigns, ad groups and ads.
    :param counts: the least and the greatest number of dimensions of each kind.
    :param groupings: the only sets of dimensions that TikTok takes; empty if there is no such list.
    :param unproven: sets of dimensions that worked for one account, although they aren't documented.
    :param default_metrics: the metrics if the user names none; empty for all that the grouping has.
    :param lists_names: whether TikTok's lists of metrics by dimension include attributes as well as figures.
    :param companions: dimensions that TikTok adds by itself, by the dimension that it adds them to.
    :param companion_metrics: metrics that TikTok adds by itself to every row.
    """

    name: str
    path: str = INTEGRATED_PATH
    sent_name: str | None = None
    account: str = "advertiser_id"
    required: tuple[str, ...] = ()
    has_level: bool = True
    has_service_type: bool = True
    filters: str = "list"
    sort: tuple[str, str] = ("order_field", "order_type")
    daily_calls: int = 864_000
    page_size: int = MAX_PAGE_SIZE
    max_days: Mapping[str, int] = field(default_factory=lambda: {HOUR: 1, DAY: 30})
    lifetime: bool = False
    totals: bool = False
    deleted: bool = False
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    groupings: frozenset[Grouping] = frozenset()
    unproven: frozenset[Grouping] = frozenset()
    default_metrics: tuple[str, ...] = ("spend", "impressions")
    lists_names: bool = False
    companions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    companion_metrics: tuple[str, ...] = ()

    def endpoint(self, dimensions: tuple[str, ...]) -> str:
        """Return the endpoint for a set of dimensions."""
        if self.name == "SMART_PLUS" and not self._is_overview(dimensions):
            return "smart_plus/material_report/breakdown/"
        return self.path

    def levels(self, dimensions: tuple[str, ...], filters: object = ()) -> frozenset[str]:
        """Return the levels at which to look up a grouping's metrics, if dimensions and filters decide them."""
        if self.name == "SMART_PLUS":
            return frozenset({"OVERVIEW" if self._is_overview(dimensions) else "BREAKDOWN"})
        if self.name == "GMV_MAX":
            levels = _GMV_MAX_LEVELS.get(frozenset(dimensions) - {DAY, HOUR}, frozenset())
            chosen = filters.get("gmv_max_promotion_types", ()) if isinstance(filters, Mapping) else ()
            named = {f"{name}_CAMPAIGN" for name in chosen}
            return levels & named or levels
        return frozenset()

    def span(self, dimensions: tuple[str, ...]) -> int:
        """Return the number of days that one call may span."""
        return min(
            (self.max_days.get(name, MAX_DAYS_WITHOUT_TIME) for name in dimensions),
            default=MAX_DAYS_WITHOUT_TIME,
        )

    def status_filter(self, dimensions: tuple[str, ...]) -> str | None:
        """Return the filter that decides about deleted entities, if filters are one object."""
        by_campaign = set(dimensions) - {DAY, HOUR} == {"campaign_id"}
        return "campaign_statuses" if self.name == "GMV_MAX" and by_campaign else None

    def companion_dimensions(self, dimensions: tuple[str, ...]) -> tuple[str, ...]:
        """Return the dimensions that TikTok adds to these."""
        return tuple(name for by in dimensions for name in self.companions.get(by, ()))

    def _is_overview(self, dimensions: tuple[str, ...]) -> bool:
        known = catalog.dimensions(self.name)
        return any(name in known and known[name].kind == "id" for name in dimensions)


_GMV_MAX_LEVELS: Mapping[Grouping, frozenset[str]] = {
    frozenset(names.split()): frozenset(levels.split())
    for names, levels in (
        ("advertiser_id", "ADVERTISER"),
        ("campaign_id", "PRODUCT_CAMPAIGN LIVE_CAMPAIGN"),
        ("item_group_id", "PRODUCT"),
        ("campaign_id item_group_id", "PRODUCT"),
        ("campaign_id item_group_id item_id", "CREATIVE"),
        ("item_id", "CREATIVE"),
        ("room_id", "LIVESTREAM"),
        ("campaign_id room_id", "LIVESTREAM"),
        # figures by duration are those of products, or of livestreams if a room is among the IDs
        ("duration", "DURATION_PRODUCT"),
        ("campaign_id duration", "DURATION_PRODUCT"),
        ("item_group_id duration", "DURATION_PRODUCT"),
        ("campaign_id item_group_id duration", "DURATION_PRODUCT"),
        ("room_id duration", "DURATION_LIVE"),
        ("campaign_id room_id duration", "DURATION_LIVE"),
    )
}
"""The kind of figures that each grouping of GMV Max has."""


def _groupings(*combinations: str) -> frozenset[Grouping]:
    """Read groupings such as ``campaign_id+item_group_id?time``: with each time dimension, or without one."""
    found: set[Grouping] = set()
    for text in combinations:
        names, _, optional = text.partition("?")
        base = frozenset(names.split("+"))
        times = {"": (), "time": (DAY, HOUR), "day": (DAY,)}[optional]
        found |= {base, *(base | {time} for time in times)}
    return frozenset(found)


_TYPES = (
    ReportType(
        "BASIC",
        sent_name="BASIC",
        lifetime=True,
        totals=True,
        deleted=True,
        counts={"id": _EXACTLY_ONE, "time": _AT_MOST_ONE},
    ),
    ReportType(
        "AUDIENCE",
        sent_name="AUDIENCE",
        deleted=True,
        counts={"id": _AT_MOST_ONE, "time": _AT_MOST_ONE, "audience": (1, 2)},
        companions={"interest_category": ("interest_category_v2",)},
    ),
    ReportType(
        "PLAYABLE_MATERIAL",
        sent_name="PLAYABLE_MATERIAL",
        has_level=False,
        lifetime=True,
        unproven=_groupings("playable_id", "playable_id+country_code"),
    ),
    # TikTok's page on this type is no longer public, so little is known and little is checked
    ReportType("CATALOG", sent_name="CATALOG", counts={"id": _AT_MOST_ONE, "time": _AT_MOST_ONE}),
    ReportType(
        "BC",
        sent_name="BC",
        account="bc_id",
        required=("bc_id",),
        has_level=False,
        has_service_type=False,
        max_days={},
        counts={"id": _AT_MOST_ONE, "time": _AT_MOST_ONE},
        default_metrics=(),
        lists_names=True,
    ),
    ReportType(
        "TT_SHOP",
        sent_name="TT_SHOP",
        filters="none",
        groupings=_groupings(
            "advertiser_id", "advertiser_id+country_code?day", "campaign_id+country_code?day"
        ),
        default_metrics=("spend", "billed_cost"),
    ),
    ReportType(
        "GMV_MAX",
        path="gmv_max/report/get/",
        daily_calls=20_000,
        required=("store_ids",),
        has_level=False,
        has_service_type=False,
        filters="object",
        sort=("sort_field", "sort_type"),
        totals=True,
        groupings=_groupings(
            *("advertiser_id?time", "campaign_id?time", "item_group_id?time", "room_id?time"),
            *("campaign_id+item_group_id?time", "campaign_id+item_group_id+item_id?day"),
            *("campaign_id+room_id?time", "item_id?day"),
            *("duration", "campaign_id+duration", "item_group_id+duration", "room_id+duration"),
            *("campaign_id+item_group_id+duration", "campaign_id+room_id+duration"),
        ),
        # on the path of API v2.0, which some accounts use instead
        unproven=_groupings(DAY, HOUR, "spu_id?day"),
        default_metrics=("cost", "net_cost", "orders", "cost_per_order", "gross_revenue", "roi"),
        companion_metrics=("currency",),
    ),
    ReportType(
        "SMART_PLUS",
        path="smart_plus/material_report/overview/",
        has_level=False,
        has_service_type=False,
        filters="object",
        sort=("sort_field", "sort_type"),
        page_size=100,
        lifetime=True,
        counts={"id": _AT_MOST_ONE, "time": _AT_MOST_ONE, "material": _AT_MOST_ONE, "setting": (0, 3)},
    ),
)

REPORT_TYPES: Mapping[str, ReportType] = MappingProxyType({kind.name: kind for kind in _TYPES})
"""The report types by name."""

ID_DIMENSION_LEVELS: Mapping[str, str] = MappingProxyType(
    {
        "advertiser_id": "AUCTION_ADVERTISER",
        "campaign_id": "AUCTION_CAMPAIGN",
        "adgroup_id": "AUCTION_ADGROUP",
        "ad_id": "AUCTION_AD",
        "ad_id_v2": "AUCTION_AD",
    }
)
"""The data level that each ID dimension belongs to."""
