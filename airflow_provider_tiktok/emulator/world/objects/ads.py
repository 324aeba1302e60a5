"""The fields of ads: of all kinds, where an Upgraded Smart+ ad is one row a creative, and of Upgraded Smart+."""

from __future__ import annotations

from typing import Any

from airflow_provider_tiktok.emulator.world.accounts import BC_ID
from airflow_provider_tiktok.emulator.world.entities import AUTOMATION, DELETED, Ad, SmartAd, is_spark
from airflow_provider_tiktok.emulator.world.objects.assets import (
    IDENTITY_TYPES,
    asset_id,
    identity_number,
    identity_of,
    image_of,
    video_of,
)
from airflow_provider_tiktok.emulator.world.objects.campaigns import automation_of, is_upgraded
from airflow_provider_tiktok.emulator.world.objects.fields import (
    ABSENT,
    View,
    always,
    created_at,
    modified_at,
    readers,
    secondary,
    switch,
)
from airflow_provider_tiktok.emulator.world.pseudo_random import mix_text

_UTM = [{"key": "utm_source", "value": "tiktok"}, {"key": "utm_campaign", "value": "__CAMPAIGN_NAME__"}]
_MACROS = "&utm_source=tiktok&utm_medium=paid&utm_campaign=__CAMPAIGN_NAME__&utm_content=__CID__"
_PRODUCT_SET = "7412345678901234567"
_AUTOMATED = ("SMART_PLUS", AUTOMATION)


def _bits(ad: Ad | SmartAd) -> int:
    """Return a number from 0 to 3, for what every fourth ad has."""
    return ad.seed >> 30 & 3


def _status(ad: Ad) -> str:
    """Return the secondary status: whether the ad, its ad group or its campaign is deleted."""
    if ad.status != DELETED:
        return secondary("AD", ad.status)
    if ad.group.campaign.status == DELETED:
        return "AD_STATUS_CAMPAIGN_DELETE"
    return "AD_STATUS_ADGROUP_DELETE" if ad.group.status == DELETED else "AD_STATUS_DELETE"


def _page(identity: str, bits: int) -> str:
    """Return the URL that reports show, and on every second ad what TikTok replaces in it."""
    return f"https://shop.example/?ad={identity}{_MACROS if bits & 1 else ''}"


def _landing_page_url(view: View, ad: Ad) -> Any:
    return ABSENT if is_upgraded(ad.group.campaign) else _page(ad.id, _bits(ad))


def _landing_page_urls(view: View, ad: Ad) -> Any:
    return None if is_upgraded(ad.group.campaign) or _bits(ad) else [_page(ad.id, _bits(ad))]


def _modify_time(view: View, ad: Ad) -> Any:
    if ad.group.campaign.automation in _AUTOMATED and _bits(ad) == 0:
        return ABSENT
    return modified_at(ad)


def _action_id(view: View, ad: Ad) -> str | None:
    """Return the ID of a dynamic call to action, which takes the place of a fixed one."""
    return str(7_300_000_000_000_000_000 + mix_text(f"action {ad.id}") % 10**15) if _bits(ad) == 3 else None  # noqa: PLR2004


def _call_to_action(view: View, ad: Ad) -> Any:
    return "LEARN_MORE" if _action_id(view, ad) is None and not is_upgraded(ad.group.campaign) else ABSENT


def _text(ad: Ad) -> str:
    return f"Now with more {ad.name.strip()}"


def _tiktok_item_id(view: View, ad: Ad) -> str | None:
    return str(7_500_000_000_000_000_000 + ad.seed % 10**15 * 100) if is_spark(ad) else None


AD = readers(
    "ad",
    {
        "advertiser_id": lambda view, ad: view.account.advertiser_id,
        "campaign_id": lambda view, ad: ad.group.campaign.id,
        "campaign_name": lambda view, ad: ad.group.campaign.name,
        "campaign_system_origin": always(ABSENT),
        "campaign_automation_type": lambda view, ad: automation_of(ad.group.campaign),
        "adgroup_id": lambda view, ad: ad.group.id,
        "adgroup_name": lambda view, ad: ad.group.name,
        "ad_id": lambda view, ad: ad.id,
        "ad_id_v2": lambda view, ad: ad.id_v2,
        "smart_plus_ad_id": lambda view, ad: ad.id_v2 if is_upgraded(ad.group.campaign) else ABSENT,
        "ad_name": lambda view, ad: ad.name,
        "create_time": lambda view, ad: created_at(ad),
        "modify_time": _modify_time,
        "operation_status": lambda view, ad: switch(ad.status),
        "secondary_status": lambda view, ad: _status(ad),
        "identity_id": lambda view, ad: identity_of(view.account, ad),
        "identity_type": lambda view, ad: IDENTITY_TYPES[identity_number(ad)],
        "identity_authorized_bc_id": lambda view, ad: (
            BC_ID if IDENTITY_TYPES[identity_number(ad)] == "BC_AUTH_TT" else None
        ),
        "display_name": lambda view, ad: ABSENT if is_spark(ad) else view.account.name,
        "ad_format": always("SINGLE_VIDEO"),
        "video_id": lambda view, ad: video_of(view.account, ad),
        "image_ids": lambda view, ad: None if is_spark(ad) else [image_of(view.account, ad)],
        "tiktok_item_id": _tiktok_item_id,
        "ad_text": lambda view, ad: ABSENT if is_upgraded(ad.group.campaign) else _text(ad),
        "ad_texts": lambda view, ad: None if _bits(ad) else [_text(ad)],
        "call_to_action": _call_to_action,
        "call_to_action_id": _action_id,
        "landing_page_url": _landing_page_url,
        "landing_page_urls": _landing_page_urls,
        "utm_params": lambda view, ad: [] if _bits(ad) & 1 else _UTM,
        # numbers in TikTok's documents, and too long for a double
        "tracking_pixel_id": lambda view, ad: int(asset_id(view.account, "pixel", ad.seed)),
        "is_new_structure": always(True),
        "optimization_event": lambda view, ad: None if _bits(ad) else "ON_WEB_ORDER",
        "product_set_id": lambda view, ad: None if _bits(ad) else _PRODUCT_SET,
        # only filters read these
        "objective_type": lambda view, ad: ad.group.campaign.objective,
        "optimization_goal": always("CONVERT"),
        "creative_material_mode": always("CUSTOM"),
        "destination": always("WEBSITE"),
    },
)
"""The fields of ``ad/get/``."""


def _creative(view: View, ad: Ad) -> dict[str, Any]:
    info: dict[str, Any] = {"ad_format": "SINGLE_VIDEO", "material_name": f"{ad.name.strip()}.mp4"}
    if is_spark(ad):
        info["tiktok_item_id"] = _tiktok_item_id(view, ad)
    else:
        info["video_info"] = {"video_id": video_of(view.account, ad), "file_name": f"{ad.name.strip()}.mp4"}
        info["image_info"] = [{"web_uri": image_of(view.account, ad)}]
    info |= {
        "identity_type": IDENTITY_TYPES[identity_number(ad)],
        "identity_id": identity_of(view.account, ad),
    }
    return {
        "ad_material_id": ad.id,
        "material_operation_status": switch(ad.status),
        "creative_info": info,
    }


def _configuration(view: View, ad: SmartAd) -> dict[str, Any]:
    first = ad.creatives[0]
    return {
        "identity_type": IDENTITY_TYPES[identity_number(first)],
        "identity_id": identity_of(view.account, first),
        "dark_post_status": "OFF",
        "creative_auto_add_toggle": False,
        "utm_params": _UTM,
        "call_to_action_id": None,
        "tracking_info": {
            "impression_tracking_url": None,
            "click_tracking_url": "https://track.example/?c=__CID__",
        },
        "product_info": {"promo_info_list": [{"discount_type": "CASH", "discount_value": 7.5}]},
    }


CONFIGURATION_FIELDS = frozenset(
    {
        *("identity_type", "identity_id", "dark_post_status", "creative_auto_add_toggle", "utm_params"),
        *("call_to_action_id", "tracking_info", "product_info"),
    }
)
"""The fields of ``ad_configuration``, which a call can also name as if they were the ad's."""


def _smart_modify_time(view: View, ad: SmartAd) -> str | None:
    return modified_at(ad) if _bits(ad) else None


SMART_PLUS_AD = readers(
    "smart_plus_ad",
    {
        "advertiser_id": lambda view, ad: view.account.advertiser_id,
        "campaign_id": lambda view, ad: ad.group.campaign.id,
        "campaign_name": lambda view, ad: ad.group.campaign.name,
        "adgroup_id": lambda view, ad: ad.group.id,
        "adgroup_name": lambda view, ad: ad.group.name,
        "smart_plus_ad_id": lambda view, ad: ad.id,
        "ad_name": lambda view, ad: ad.name,
        "operation_status": lambda view, ad: switch(ad.status),
        "secondary_status": lambda view, ad: secondary("AD", ad.status),
        "create_time": lambda view, ad: created_at(ad),
        "modify_time": _smart_modify_time,
        "creative_list": lambda view, ad: [_creative(view, one) for one in ad.creatives],
        "ad_text_list": lambda view, ad: [{"ad_text": _text(ad.creatives[0])}, {"ad_text": "Another text"}],
        "call_to_action_list": always([{"call_to_action": "LEARN_MORE"}, {"call_to_action": "SHOP_NOW"}]),
        "landing_page_url_list": lambda view, ad: [{"landing_page_url": _page(ad.id, _bits(ad))}],
        "page_list": always([{"page_id": "7412345678901234567"}]),
        "deeplink_list": lambda view, ad: (
            [] if _bits(ad) else [{"deeplink": "kiwi://shop", "deeplink_type": "NORMAL"}]
        ),
        "interactive_add_on_list": lambda view, ad: (
            None if _bits(ad) else [{"card_id": "7412345678901234567"}]
        ),
        "auto_message_list": lambda view, ad: (
            None if _bits(ad) else [{"auto_message_id": "7412345678901234567"}]
        ),
        "custom_product_page_list": lambda view, ad: (
            ABSENT if _bits(ad) else [{"custom_product_page_url": "https://apps.example/kiwi?ppid=1"}]
        ),
        "disclaimer": lambda view, ad: (
            None
            if _bits(ad)
            else {"disclaimer_type": "TEXT_ONLY", "disclaimer_text": {"text": "Terms & conditions apply."}}
        ),
        "ad_configuration": _configuration,
        # only filters read these
        "objective_type": lambda view, ad: ad.group.campaign.objective,
        "optimization_goal": always("CONVERT"),
    },
)
"""The fields of ``smart_plus/ad/get/``."""
