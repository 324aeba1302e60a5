"""The fields of campaigns: of all kinds, of Upgraded Smart+, and of GMV Max."""

from __future__ import annotations

from airflow_provider_tiktok.emulator.world.entities import AUTOMATION, Campaign
from airflow_provider_tiktok.emulator.world.objects.fields import (
    ABSENT,
    Readers,
    View,
    always,
    created_at,
    modified_at,
    money,
    readers,
    secondary,
    switch,
)
from airflow_provider_tiktok.emulator.world.objects.special_campaigns import TOP_VIEW

PROMOTE_FIELDS = frozenset(
    {
        *("advertiser_id", "campaign_id", "campaign_name", "adgroup_id", "adgroup_name", "ad_id", "ad_name"),
        *("create_time", "operation_status", "secondary_status"),
    }
)
"""The only fields of a Promote campaign, and of its ad groups and ads."""


def automation_of(campaign: Campaign) -> str:
    """Return how a campaign is run; TopView campaigns are manual."""
    return "MANUAL" if campaign.automation == TOP_VIEW else campaign.automation


def _budget_mode(view: View, campaign: Campaign) -> str:
    if campaign.automation == TOP_VIEW:
        return "BUDGET_MODE_INFINITE"
    return ("BUDGET_MODE_DAY", "BUDGET_MODE_TOTAL")[campaign.seed % 2]


_COMMON: Readers = {
    "advertiser_id": lambda view, campaign: view.account.advertiser_id,
    "campaign_id": lambda view, campaign: campaign.id,
    "campaign_name": lambda view, campaign: campaign.name,
    "create_time": lambda view, campaign: created_at(campaign),
    "modify_time": lambda view, campaign: modified_at(campaign),
    "objective_type": lambda view, campaign: campaign.objective,
    "operation_status": lambda view, campaign: switch(campaign.status),
    "secondary_status": lambda view, campaign: secondary("CAMPAIGN", campaign.status),
    "budget": lambda view, campaign: money(campaign.budget),
    "budget_mode": _budget_mode,
    "budget_optimize_on": lambda view, campaign: campaign.automation == TOP_VIEW,
}

CAMPAIGN = readers(
    "campaign",
    {
        **_COMMON,
        "campaign_system_origin": always(ABSENT),
        "campaign_automation_type": lambda view, campaign: automation_of(campaign),
        "is_smart_performance_campaign": lambda view, campaign: campaign.automation == "SMART_PLUS",
        "rf_campaign_type": lambda view, campaign: (
            "TOPVIEW" if campaign.automation == TOP_VIEW else "STANDARD"
        ),
        "optimization_goal": always("CONVERT"),
        "bid_type": always("BID_TYPE_NO_BID"),
        # only filters read these
        "creative_campaign_type": lambda view, campaign: (
            "SPC" if campaign.automation == "SMART_PLUS" else "OTHER"
        ),
        "split_test_enabled": always(False),
    },
)
"""The fields of ``campaign/get/``."""

SMART_PLUS_CAMPAIGN = readers(
    "smart_plus_campaign",
    {**_COMMON, "current_budget": lambda view, campaign: money(campaign.budget)},
)
"""The fields of ``smart_plus/campaign/get/``."""

GMV_MAX_CAMPAIGN = readers("gmv_max_campaign", {**_COMMON, "objective_type": always("PRODUCT_SALES")})
"""The fields of ``gmv_max/campaign/get/``."""


def is_upgraded(campaign: Campaign) -> bool:
    """Return whether a campaign is an Upgraded Smart+ one."""
    return campaign.automation == AUTOMATION
