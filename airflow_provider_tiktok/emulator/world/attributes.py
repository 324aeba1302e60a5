"""The attributes of an entity in a report: names, parents, settings, as display text."""

from __future__ import annotations

import json
from collections.abc import Callable

from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.entities import DELETED, Ad, entity_of
from airflow_provider_tiktok.emulator.world.shop import LIVE, PRODUCT_CARD, delivery_status, duration

_Reader = Callable[[Ad, str], str]
"""A function that returns an ad's attribute, for a report with an ID dimension."""

_OBJECTIVE_TEXT = {
    "TRAFFIC": "Traffic",
    "WEB_CONVERSIONS": "Website Conversions",
    "REACH": "Reach",
    "VIDEO_VIEWS": "Video Views",
    "APP_PROMOTION": "App Promotion",
    "LEAD_GENERATION": "Lead Generation",
}
_PLACEMENT_TEXT = ("Automatic Placement", "TikTok,News Feed App Series,Helo,Pangle")


def _money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def _automation(ad: Ad, dimension: str) -> str:
    kind = ad.group.campaign.automation
    return f"{kind}_CREATIVE" if kind == "UPGRADED_SMART_PLUS" and dimension == "ad_id" else kind


def _json_list(read: Callable[[Ad], list[str]]) -> _Reader:
    return lambda ad, _: json.dumps(read(ad), ensure_ascii=False)


_ACCOUNT_ATTRIBUTES: dict[str, Callable[[Account], str]] = {
    "advertiser_name": lambda account: account.name,
    "advertiser_id": lambda account: account.advertiser_id,
    "currency": lambda account: account.currency,
    "timezone": lambda account: account.zone,
}
_AD_ATTRIBUTES: dict[str, _Reader] = {
    "campaign_id": lambda ad, _: ad.group.campaign.id,
    "campaign_name": lambda ad, _: ad.group.campaign.name,
    "campaign_automation_type": _automation,
    "objective_type": lambda ad, _: _OBJECTIVE_TEXT[ad.group.campaign.objective],
    "campaign_budget": lambda ad, _: _money(ad.group.campaign.budget),
    "adgroup_id": lambda ad, _: ad.group.id,
    "adgroup_name": lambda ad, _: ad.group.name,
    "placement_type": lambda ad, _: _PLACEMENT_TEXT[ad.group.placement],
    "promotion_type": lambda *_: "Website",
    "opt_status": lambda ad, _: "Enable" if ad.group.status != DELETED else "Disable",
    "budget": lambda ad, _: _money(ad.group.budget),
    "bid": lambda *_: "0.00",
    "bid_secondary_goal": lambda *_: "0.00",
    "billing_event": lambda *_: "Clicks",
    "bid_strategy": lambda *_: "Lowest Cost",
    "split_test": lambda *_: "False",
    "is_aco": lambda *_: "False",
    "is_smart_creative": lambda *_: "False",
    "ad_name": lambda ad, _: ad.name,
    "ad_id": lambda ad, _: ad.id,
    "ad_id_v2": lambda ad, _: ad.id_v2,
    "ad_text": lambda ad, _: f"Now with more {ad.name.strip()}",
    "call_to_action": lambda *_: "Learn more",
    "ad_url": lambda ad, _: f"https://shop.example/?ad={ad.id}",
    "image_mode": lambda *_: "Vertical Video",
    "ad_text_list": _json_list(lambda ad: [f"Now with more {ad.name.strip()}", "Another text"]),
    "call_to_action_list": _json_list(lambda ad: ["LEARN_MORE", "SHOP_NOW"]),
    "ad_url_list": _json_list(lambda ad: [f"https://shop.example/?ad={ad.id_v2}"]),
    "image_mode_list": _json_list(lambda ad: ["Vertical Video"]),
}
_BC_ATTRIBUTES: dict[str, Callable[[Account], str]] = {"account_type": lambda account: "AUCTION"}
_SMART_AD_ATTRIBUTES: dict[str, Callable[[Ad], str]] = {
    "ad_material_id": entity_of("main_material_id"),
    "material_primary_status": lambda ad: ad.status,
    "material_second_status_list": lambda ad: '["MATERIAL_STATUS_OK"]',
    "operation_status": lambda ad: "DISABLE" if ad.status == "STATUS_DISABLE" else "ENABLE",
}
_SHOP_ATTRIBUTES: dict[str, Callable[[Ad], str]] = {
    "campaign_id": lambda ad: ad.group.campaign.id,
    "campaign_name": lambda ad: ad.group.campaign.name,
    "operation_status": lambda ad: "DISABLE" if ad.group.campaign.status == DELETED else "ENABLE",
    "schedule_type": lambda ad: "Continuously",
    "schedule_start_time": lambda ad: duration(ad.group.campaign),
    "schedule_end_time": lambda ad: "2038-01-01 00:00:00",
    "bid_type": lambda ad: "CUSTOM",
    "target_roi_budget": lambda ad: _money(ad.group.campaign.budget),
    "max_delivery_budget": lambda ad: "0.00",
    "roas_bid": lambda ad: f"{3 + int(ad.group.campaign.id[-9]) / 2:.2f}",
    "item_group_id": lambda ad: ad.group.id,
    "product_name": lambda ad: ad.group.name,
    "product_image_url": lambda ad: f"https://shop.example/{ad.group.id}.jpg",
    "product_status": lambda ad: "available",
    "item_id": lambda ad: ad.id,
    "title": lambda ad: ad.name,
    "shop_content_type": lambda ad: "PRODUCT_CARD" if ad.id == PRODUCT_CARD else "VIDEO",
    "creative_delivery_status": delivery_status,
    "tt_account_name": lambda ad: "kiwi.shop" if ad.group.campaign.status != DELETED else "0",
    "tt_account_profile_image_url": lambda ad: "https://shop.example/kiwi.jpg",
    "tt_account_authorization_type": lambda ad: "TTS_TT",
    "identity_id": lambda ad: "",
    "live_name": lambda ad: ad.group.name,
    "live_status": lambda ad: "END" if ad.group.campaign.status == DELETED else "ONGOING",
    "live_launched_time": lambda ad: duration(ad.group.campaign),
    "live_duration": lambda ad: "0" if ad.group.campaign.objective != LIVE else "7200",
}
SHOP_SETTINGS = frozenset({"target_roi_budget", "max_delivery_budget", "roas_bid"})
"""The settings of a GMV Max campaign: numbers in the catalogue, but not figures."""

_ZEROS = frozenset({"tt_app_id", "tt_app_name", "mobile_app_id", "adgroup_download_url"})

ARRAYS = frozenset({"ad_text_list", "call_to_action_list", "ad_url_list", "image_mode_list"})
"""The attributes that are JSON arrays, not strings."""


def attribute_json(name: str, account: Account, ad: Ad | None, dimension: str, report_type: str) -> str:
    """Return an attribute as JSON.

    :param ad: any ad of the row's entity; ``None`` if an account has no ads.
    :param dimension: the row's ID dimension.
    """
    if report_type in ("GMV_MAX", "TT_SHOP"):
        return json.dumps(_shop_attribute(name, account, ad, dimension), ensure_ascii=False)
    if report_type == "BC" and name in _BC_ATTRIBUTES:
        text = _BC_ATTRIBUTES[name](account)
    elif report_type == "SMART_PLUS" and ad is not None and name in _SMART_AD_ATTRIBUTES:
        return json.dumps(_SMART_AD_ATTRIBUTES[name](ad), ensure_ascii=False)
    elif name in _ACCOUNT_ATTRIBUTES:
        text = _ACCOUNT_ATTRIBUTES[name](account)
    elif ad is not None and name in _AD_ATTRIBUTES:
        text = _AD_ATTRIBUTES[name](ad, dimension)
    else:
        text = "0" if name in _ZEROS else "-"
    return text if name in ARRAYS and ad else json.dumps(text, ensure_ascii=False)


def _shop_attribute(name: str, account: Account, ad: Ad | None, dimension: str) -> str:
    if name == "currency":
        # rows by product have no currency in TikTok's own example
        return "0" if dimension == "item_group_id" else account.currency
    return _SHOP_ATTRIBUTES[name](ad) if ad is not None and name in _SHOP_ATTRIBUTES else "-"
