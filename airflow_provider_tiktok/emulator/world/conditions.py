"""What a report can be filtered by: the fields of ads, and the predicates of filters."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from airflow_provider_tiktok.emulator.world.entities import DELETED, Ad
from airflow_provider_tiktok.emulator.world.objects.assets import identity_number, identity_type_of

FILTER_TYPES = (
    "IN",
    "CONTAIN_ANY_OF",
    "MATCH",
    "NOT_IN",
    "GREATER_EQUAL",
    "GREATER_THAN",
    "LOWER_EQUAL",
    "LOWER_THAN",
    "BETWEEN",
    "RANGE",
)
ALL = "STATUS_ALL"
STATUSES = (
    ALL,
    "STATUS_NOT_DELETE",
    "STATUS_DELETE",
    "STATUS_DELIVERY_OK",
    "STATUS_NOT_DELIVERY",
    "STATUS_DISABLE",
)
STATUS_FIELDS = {
    "AUCTION_CAMPAIGN": "campaign_status",
    "AUCTION_ADGROUP": "adgroup_status",
    "AUCTION_AD": "ad_status",
}
"""The status field of each level that excludes deleted entities by default."""

MAX_IDS = 100
RANGES = ("BETWEEN", "RANGE")
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "GREATER_EQUAL": operator.ge,
    "GREATER_THAN": operator.gt,
    "LOWER_EQUAL": operator.le,
    "LOWER_THAN": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field to filter by.

    :param read: returns the value of an ad (or of another filtered object), for the data level of the report.
    :param types: the accepted filter types.
    :param values: the accepted values; empty accepts any.
    :param max_ids: the maximum number of IDs.
    """

    read: Callable[[Any, str], str]
    types: tuple[str, ...] = ("IN",)
    values: tuple[str, ...] = ()
    is_id: bool = False
    max_ids: int = MAX_IDS
    is_time: bool = False
    is_number: bool = False


def _constant(value: str) -> Field:
    return Field(lambda ad, level: value)


def _created(ad: Ad, level: str) -> str:
    days = {"AUCTION_AD": ad.created, "AUCTION_ADGROUP": ad.group.created}
    return f"{date.fromordinal(days.get(level, ad.group.campaign.created))} 00:00:00"


_LABELS = Field(lambda ad, level: "", types=("CONTAIN_ANY_OF",))

FIELDS: Mapping[str, Field] = {
    "campaign_ids": Field(lambda ad, _: ad.group.campaign.id, is_id=True),
    "adgroup_ids": Field(lambda ad, _: ad.group.id, is_id=True),
    "ad_ids": Field(lambda ad, _: ad.id, is_id=True),
    "ad_ids_v2": Field(lambda ad, _: ad.id_v2, types=("IN", "NOT_IN"), is_id=True),
    "campaign_status": Field(lambda ad, _: ad.group.campaign.status, values=STATUSES),
    "adgroup_status": Field(lambda ad, _: ad.group.status, values=STATUSES),
    "ad_status": Field(lambda ad, _: ad.status, values=STATUSES),
    "campaign_automation_type": Field(
        lambda ad, _: ad.group.campaign.automation, values=("MANUAL", "SMART_PLUS", "UPGRADED_SMART_PLUS")
    ),
    "objective_type": Field(lambda ad, _: ad.group.campaign.objective),
    "campaign_system_origins": Field(lambda ad, _: "TT_ADS_PLATFORM", values=("TT_ADS_PLATFORM", "PROMOTE")),
    "buying_type": Field(
        lambda ad, _: "AUCTION", values=("AUCTION", "RESERVATION_RF", "RESERVATION_TOP_VIEW")
    ),
    "identity_type": Field(lambda ad, _: identity_type_of(identity_number(ad))),
    "create_time": Field(_created, types=(*COMPARISONS, *RANGES), is_time=True),
    # these are the same for all emulated ads
    "billing_event": _constant("CPC"),
    "image_mode": _constant("VIDEO_VERTICAL"),
    "bid_strategy": _constant("BID_STRATEGY_MAX_CONVERSION"),
    "optimization_goal": _constant("CONVERT"),
    "promotion_type": _constant("WEBSITE"),
    "app_promotion_type": _constant("UNSET"),
    "age": _constant("AGE_25_34"),
    "gender": _constant("GENDER_UNLIMITED"),
    "creative_material_mode": _constant("CUSTOM"),
    "dpa_target_audience_type": _constant("UNSET"),
    "is_cbo_enabled": _constant("false"),
    "delivery_type": _constant("STANDARD"),
    "destination": _constant("WEBSITE"),
    "campaign_type": _constant("REGULAR_CAMPAIGN"),
    "creative_campaign_type": _constant("REGULAR_CAMPAIGN"),
    "campaign_product_source": _constant("UNSET"),
    "ad_entity_type": _constant("NORMAL"),
    **dict.fromkeys(("campaign_label_ids", "campaign_label_names", "campaign_label_types"), _LABELS),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One validated filter."""

    field: str
    type: str
    values: tuple[str, ...]
    spec: Field

    def predicate(self, level: str) -> Callable[[Any], bool]:
        """Return the predicate that an ad must satisfy."""
        read = self.spec.read
        if self.type in COMPARISONS:
            compare, bound = COMPARISONS[self.type], self.values[0]
            if self.spec.is_number:
                return lambda ad: compare(float(read(ad, level)), float(bound))
            return lambda ad: compare(read(ad, level), bound)
        if self.type == "MATCH":
            part = self.values[0].casefold()
            return lambda ad: part in read(ad, level).casefold()
        if self.type in RANGES:
            low, high = self.values
            return lambda ad: low <= read(ad, level) <= high
        values = frozenset(self.values)
        if self.field in STATUS_FIELDS.values():
            return lambda ad: _has_status(read(ad, level), values)
        wanted = self.type != "NOT_IN"
        return lambda ad: (read(ad, level) in values) is wanted


@dataclass(frozen=True, slots=True)
class ObjectFilter:
    """One key of a ``filtering`` parameter that is an object.

    :param read: returns an ad's value, which must be one of the values.
    :param fuzzy: whether the ad's value only has to contain the first of the values.
    """

    field: str
    values: tuple[str, ...]
    read: Callable[[Any], str]
    fuzzy: bool = False

    def predicate(self, level: str) -> Callable[[Any], bool]:
        """Return the predicate that an ad must satisfy."""
        read, values = self.read, frozenset(self.values)
        if self.fuzzy:
            part = self.values[0].casefold()
            return lambda ad: part in read(ad).casefold()
        if ALL in values:
            return lambda ad: True
        return lambda ad: read(ad) in values


Condition = Filter | ObjectFilter
"""A condition on the ads that a report covers. Two equal conditions match the same ads."""


def not_deleted(level: str) -> Filter | None:
    """Return the default filter of a level's reports; ``None`` if the level has none."""
    field = STATUS_FIELDS.get(level)
    return Filter(field, "IN", ("STATUS_NOT_DELETE",), FIELDS[field]) if field else None


def _has_status(status: str, wanted: frozenset[str]) -> bool:
    return status in wanted or ALL in wanted or ("STATUS_NOT_DELETE" in wanted and status != DELETED)
