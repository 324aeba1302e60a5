"""The fields of ad groups: of all kinds, and of Upgraded Smart+."""

from __future__ import annotations

from typing import Any

from airflow_provider_tiktok.emulator.world.accounts import BC_ID
from airflow_provider_tiktok.emulator.world.entities import AdGroup
from airflow_provider_tiktok.emulator.world.objects.assets import asset_id, identity_type_of
from airflow_provider_tiktok.emulator.world.objects.campaigns import automation_of
from airflow_provider_tiktok.emulator.world.objects.fields import (
    ABSENT,
    Readers,
    View,
    always,
    created_at,
    make_object,
    modified_at,
    money,
    readers,
    secondary,
    switch,
)
from airflow_provider_tiktok.emulator.world.objects.special_campaigns import TOP_VIEW

_PLACEMENTS = (None, ["PLACEMENT_TIKTOK", "PLACEMENT_TOPBUZZ", "PLACEMENT_HELO", "PLACEMENT_PANGLE"])
_BC = 3
"""The number of an identity that a business center grants."""
_PLACEMENT_TYPES = ("PLACEMENT_TYPE_AUTOMATIC", "PLACEMENT_TYPE_NORMAL")


def _audiences(view: View, group: AdGroup) -> list[str]:
    return [asset_id(view.account, "audience", group.seed)] if group.seed % 2 else []


def _identity(group: AdGroup) -> int:
    """Return the number of an ad group's identity; 0 is none of its own."""
    return group.seed >> 30 & _BC


def _end(view: View, group: AdGroup) -> str:
    return "2036-01-01 00:00:00"


_COMMON: Readers = {
    "advertiser_id": lambda view, group: view.account.advertiser_id,
    "campaign_id": lambda view, group: group.campaign.id,
    "campaign_name": lambda view, group: group.campaign.name,
    "adgroup_id": lambda view, group: group.id,
    "adgroup_name": lambda view, group: group.name,
    "create_time": lambda view, group: created_at(group),
    "modify_time": lambda view, group: modified_at(group),
    "schedule_start_time": lambda view, group: created_at(group),
    "schedule_end_time": _end,
    "operation_status": lambda view, group: switch(group.status),
    "secondary_status": lambda view, group: secondary("ADGROUP", group.status),
    # 0 where the campaign holds the budget
    "budget": lambda view, group: money(group.budget),
    "budget_mode": always("BUDGET_MODE_DAY"),
    "placement_type": lambda view, group: _PLACEMENT_TYPES[group.placement],
    "placements": lambda view, group: _PLACEMENTS[group.placement],
    "billing_event": always("CPC"),
    "optimization_goal": always("CONVERT"),
    "bid_type": always("BID_TYPE_NO_BID"),
    "pixel_id": lambda view, group: asset_id(view.account, "pixel", group.seed),
    "audience_ids": _audiences,
    "excluded_audience_ids": always([]),
    "identity_id": lambda view, group: (
        asset_id(view.account, "identity", _identity(group)) if _identity(group) else None
    ),
    "identity_type": lambda view, group: identity_type_of(_identity(group)) if _identity(group) else None,
    "identity_authorized_bc_id": lambda view, group: BC_ID if _identity(group) == _BC else None,
    # only filters read these
    "objective_type": lambda view, group: group.campaign.objective,
    "bid_strategy": always("BID_STRATEGY_MAX_CONVERSION"),
    "split_test_enabled": always(False),
}

ADGROUP = readers(
    "adgroup",
    {
        **_COMMON,
        "campaign_system_origin": always(ABSENT),
        "campaign_automation_type": lambda view, group: automation_of(group.campaign),
        "is_smart_performance_campaign": lambda view, group: group.campaign.automation == "SMART_PLUS",
        "is_new_structure": always(True),
        "cpm": lambda view, group: 9.75 if group.campaign.automation == TOP_VIEW else None,
    },
)
"""The fields of ``adgroup/get/``."""

_TARGETING = (
    *("location_ids", "zipcode_ids", "languages", "operating_systems", "excluded_audience_ids", "age_groups"),
    *("gender", "audience_ids", "interest_category_ids", "actions", "spending_power", "min_ios_version"),
    *("network_types", "device_price_ranges", "saved_audience_id", "brand_safety_type"),
)


def _targeting_spec(view: View, group: AdGroup) -> dict[str, Any]:
    return make_object(view, group, [(name, ADGROUP[name]) for name in _TARGETING])


SMART_PLUS_ADGROUP = readers(
    "smart_plus_adgroup",
    {
        **_COMMON,
        "targeting_spec": _targeting_spec,
        "current_budget": lambda view, group: money(group.budget),
        # TikTok documents a list here
        "placement_type": lambda view, group: [_PLACEMENT_TYPES[group.placement]],
    },
)
"""The fields of ``smart_plus/adgroup/get/``; there is no status among them."""
