"""The fields that reports can be filtered by: one table with one line for each field, used by every check.

From TikTok's pages on synchronous reports, on Business Center filters, on GMV Max and on Smart+ reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

_COMPARISONS = ("GREATER_THAN", "GREATER_EQUAL", "LOWER_THAN", "LOWER_EQUAL")


@dataclass(frozen=True, slots=True)
class FilterField:
    """One field.

    :param types: filter types that it takes; empty if TikTok doesn't document them.
    :param sure: whether TikTok is known to refuse other types.
    :param values: values that are known; empty for any.
    :param closed: whether TikTok is known to refuse other values.
    :param kind: ``id``, ``time``, ``number`` or ``text``.
    :param most: values that it takes in one call; 0 if TikTok doesn't document a limit.
    """

    types: tuple[str, ...] = ("IN",)
    sure: bool = False
    values: tuple[str, ...] = ()
    closed: bool = False
    kind: str = "text"
    most: int = 0


_ID = FilterField(sure=True, kind="id", most=100)
_STATUS = FilterField(
    sure=True,
    values=(
        *("STATUS_ALL", "STATUS_NOT_DELETE", "STATUS_DELETE", "STATUS_DELIVERY_OK", "STATUS_NOT_DELIVERY"),
        "STATUS_DISABLE",
    ),
)
_LABEL = FilterField(types=("CONTAIN_ANY_OF",))

_COMMON: Mapping[str, FilterField] = {
    **dict.fromkeys(("campaign_ids", "adgroup_ids", "ad_ids"), _ID),
    "ad_ids_v2": replace(_ID, types=("IN", "NOT_IN"), sure=False),
    **dict.fromkeys(("campaign_status", "adgroup_status", "ad_status"), _STATUS),
    "campaign_automation_type": FilterField(
        sure=True, values=("MANUAL", "SMART_PLUS", "UPGRADED_SMART_PLUS")
    ),
    "campaign_system_origins": FilterField(sure=True, values=("TT_ADS_PLATFORM", "PROMOTE")),
    "buying_type": FilterField(sure=True, values=("AUCTION", "RESERVATION_RF", "RESERVATION_TOP_VIEW")),
    "create_time": FilterField(types=("BETWEEN", "RANGE", *_COMPARISONS), sure=True, kind="time"),
    **dict.fromkeys(
        (
            *("objective_type", "billing_event", "image_mode", "bid_strategy", "optimization_goal"),
            *("promotion_type", "app_promotion_type", "age", "gender", "creative_material_mode"),
            *("dpa_target_audience_type", "identity_type", "is_cbo_enabled", "delivery_type", "destination"),
            *("campaign_type", "creative_campaign_type", "campaign_product_source", "ad_entity_type"),
        ),
        FilterField(),
    ),
    **dict.fromkeys(("campaign_label_ids", "campaign_label_names", "campaign_label_types"), _LABEL),
}

_LIST = FilterField(sure=True)
_TEXT = FilterField(types=("MATCH",), sure=True)

FILTER_FIELDS: Mapping[str, Mapping[str, FilterField]] = MappingProxyType(
    {
        **dict.fromkeys(("BASIC", "AUDIENCE", "CATALOG"), _COMMON),
        "PLAYABLE_MATERIAL": {"playable_status": FilterField(), **_COMMON},
        "BC": {
            "advertiser_name": _TEXT,
            "cost": FilterField(types=_COMPARISONS, sure=True, kind="number"),
            "platform_of_account": replace(_LIST, values=("ADS_MANGER", "RAP")),
            "owner_of_account": replace(
                _LIST, values=("OWNED_BY_CURRENT_BUSINESS_CENTER", "SHARED_BY_OTHER_BUSINESS_CENTER")
            ),
            "account_status": replace(
                _LIST,
                values=(
                    *("APPROVED", "NOT_APPROVED", "IN_REVIEW", "SUSPENDED", "DISABLED", "CONTRACT_INACTIVE"),
                ),
            ),
            **dict.fromkeys(("advertiser_id", "registered_area", "currency_of_account"), _LIST),
        },
        "GMV_MAX": {
            "gmv_max_promotion_types": replace(_LIST, values=("PRODUCT", "LIVE"), closed=True),
            **dict.fromkeys(("campaign_ids", "item_group_ids", "room_ids"), _ID),
            "item_ids": replace(_ID, most=0),
            "campaign_name": _TEXT,
            "search_word": _TEXT,
            **dict.fromkeys(("campaign_statuses", "creative_types", "creative_delivery_statuses"), _LIST),
        },
        "SMART_PLUS": {
            **dict.fromkeys(("campaign_ids", "adgroup_ids", "smart_plus_ad_ids"), replace(_ID, most=200)),
            "main_material_types": _LIST,
        },
        "TT_SHOP": {},
    }
)
"""The fields of each report type, by name."""

EXCLUDE_EACH_OTHER: Mapping[str, tuple[str, ...]] = {
    "SMART_PLUS": ("campaign_ids", "adgroup_ids", "smart_plus_ad_ids")
}
"""Fields of which a report takes one only."""

NEVER_FIELDS: Mapping[str, str] = {
    "country_code": "TikTok has countries as a dimension only. Group by country_code instead",
}
"""Names that people try, with what to do instead."""
