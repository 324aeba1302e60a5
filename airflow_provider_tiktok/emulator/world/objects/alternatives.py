"""The alternatives of each field whose value depends on nothing but chance.

An object's seed decides between them. The name of a field means the same in every entity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FLAG = (False, True)
_RARE_FLAG = (False, False, None, True)
_NUMBER = "7412345678901234567"
_IDS = (None, ["7412345678901234561", "7412345678901234562"])
_URL = (None, "https://track.example/?id=__CID__&t=__TS__")
_PRODUCT_ACTIONS = (None, [{"code": "ADD_TO_CART", "days": 14}, {"code": "PURCHASE", "days": 30}])
_OFF = (None, "OFF")


def _any_of(*names: str, values: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
    return dict.fromkeys(names, values)


ALTERNATIVES: Mapping[str, tuple[Any, ...]] = {
    # campaigns
    "app_promotion_type": ("UNSET",),
    "virtual_objective_type": (None, None, "SALES"),
    "sales_destination": (None, "WEBSITE", "APP"),
    "campaign_type": ("REGULAR_CAMPAIGN",),
    "app_id": (None, None, _NUMBER),
    "bid_align_type": (None, "SAN", "SKAN"),
    "campaign_app_profile_page_state": (None, "UNSET", "OFF"),
    "campaign_product_source": ("UNSET", None),
    "special_industries": (None, None, ["HOUSING", "CREDIT"]),
    "deep_bid_type": (None, "DEFAULT", "MIN"),
    "roas_bid": (0.0, 1.35),
    "rta_id": (None, None, _NUMBER),
    "postback_window_mode": (None, "POSTBACK_WINDOW_MODE1", "POSTBACK_WINDOW_MODE2"),
    "objective": ("LANDING_PAGE", "APP"),
    "po_number": (None, "", "PO-2026-117", "=HYPERLINK(1)"),
    "split_test_variable": (None, "TARGETING"),
    "gaming_ad_compliance_agreement": _OFF,
    "catalog_type": (None, "ECOMMERCE"),
    "budget_auto_adjust_strategy": ("UNSET", "AUTO_BUDGET_INCREASE"),
    "smart_plus_adgroup_mode": ("SINGLE", "MULTIPLE"),
    **_any_of(
        *("is_search_campaign", "is_advanced_dedicated_campaign", "disable_skan_campaign"),
        *("rta_bid_enabled", "rta_product_selection_enabled", "is_promotional_campaign"),
        values=_RARE_FLAG,
    ),
    **_any_of("catalog_enabled", values=_FLAG),
    "is_new_structure": (True,),
    # ad groups: what is promoted
    "shopping_ads_type": (None, "UNSET", "VIDEO"),
    "product_source": ("UNSET", "CATALOG", None),
    **_any_of(
        *("catalog_id", "catalog_authorized_bc_id", "store_id", "store_authorized_bc_id", "minis_id"),
        *("messaging_app_account_id", "custom_conversion_id", "deep_funnel_event_source_id"),
        *("message_event_set_id", "saved_audience_id", "vertical_sensitivity_id", "split_test_group_id"),
        values=(None, _NUMBER),
    ),
    # numbers in ad groups, and too long for a double
    **_any_of("product_set_id", "category_id", values=(None, int(_NUMBER))),
    "promotion_type": ("WEBSITE",),
    "promotion_target_type": (None, "EXTERNAL_WEBSITE", "UNSET"),
    "messaging_app_type": (None, None, "WHATSAPP"),
    "zalo_id_type": (None, None, "ZALO_OFFICIAL_ACCOUNT"),
    "phone_region_code": (None, "US"),
    "phone_region_calling_code": (None, "+1"),
    "phone_number": (None, "5550100"),
    "phone_info": (
        None,
        {"phone_region_code": "US", "phone_region_calling_code": "+1", "phone_number": "5550100"},
    ),
    "promotion_website_type": ("UNSET", "TIKTOK_NATIVE_PAGE"),
    "app_type": (None, "APP_ANDROID", "APP_IOS"),
    "app_download_url": (None, "https://apps.example/kiwi"),
    "optimization_event": (None, "ON_WEB_ORDER", "SHOPPING"),
    "app_config": (None, [{"app_id": _NUMBER}]),
    "deep_funnel_optimization_status": _OFF,
    "deep_funnel_event_source": (None, "PIXEL"),
    "deep_funnel_optimization_event": (None, "SHOPPING"),
    "package": (None, "com.example.kiwi"),
    # ad groups: to whom
    "tiktok_subplacements": (None, ["IN_FEED", "SEARCH_FEED"]),
    "search_keywords": (
        None,
        [
            {
                "keyword": "wool, merino",
                "match_type": "PHRASE_WORD",
                "keyword_bid_type": "CUSTOM",
                "keyword_bid": 0.35,
            }
        ],
    ),
    "blocked_pangle_app_ids": (None, []),
    "audience_type": (None, "NORMAL"),
    "audience_rule": (None, {}),
    "shopping_ads_retargeting_type": _OFF,
    "shopping_ads_retargeting_actions_days": (None, 0, 14),
    "included_custom_actions": _PRODUCT_ACTIONS,
    "excluded_custom_actions": _PRODUCT_ACTIONS,
    "shopping_ads_retargeting_custom_audience_relation": (None, "AND"),
    "location_ids": (["6252001"], ["2921044", "2782113"]),
    "zipcode_ids": (None, []),
    "languages": (None, ["en"], ["de", "en"]),
    "gender": ("GENDER_UNLIMITED",),
    "age_groups": (None, ["AGE_25_34"], ["AGE_18_24", "AGE_25_34"]),
    "spending_power": ("ALL", "HIGH"),
    "household_income": (None, ["TOP5", "TOP10"]),
    "interest_category_ids": ([], ["10001", "22"]),
    **_any_of(
        *("interest_keyword_ids", "purchase_intention_keyword_ids", "contextual_tag_ids", "isp_ids"),
        *("included_pangle_audience_package_ids", "excluded_pangle_audience_package_ids"),
        *("device_model_ids", "carrier_ids", "category_exclusion_ids", "action_category_ids", "carriers"),
        values=_IDS,
    ),
    "actions": (
        [],
        [
            {
                "action_scene": "VIDEO_RELATED",
                "action_period": 15,
                "video_user_actions": ["WATCHED_TO_END", "LIKED"],
                "action_category_ids": ["10001", "22"],
            }
        ],
    ),
    "operating_systems": (None, ["ANDROID"], ["IOS"]),
    "min_android_version": (None, "5.0"),
    "ios14_targeting": ("UNSET", "ALL"),
    "min_ios_version": (None, "14.0"),
    **_any_of("ios14_quota_type", "ios_quota_type", values=("UNOCCUPIED", None)),
    "network_types": (None, ["WIFI", "4G"]),
    "device_price_ranges": (None, [0, 250], [250, 1000.5]),
    "targeting_expansion": (None, {"expansion_enabled": False, "expansion_types": []}),
    "brand_safety_type": ("NO_BRAND_SAFETY", "STANDARD_INVENTORY"),
    "brand_safety_partner": (None, "IAS"),
    "keywords": (None, "wool;merino"),
    "video_actions": (None, ["LIKED"]),
    "action_days": (None, 15),
    "targeting_optimization_mode": ("MANUAL", "AUTOMATIC"),
    **_any_of(
        *("search_result_enabled", "automated_keywords_enabled", "comment_disabled", "share_disabled"),
        *("video_download_disabled", "inventory_filter_enabled", "suggestion_audience_enabled"),
        values=_FLAG,
    ),
    **_any_of(
        *("auto_targeting_enabled", "smart_audience_enabled", "smart_interest_behavior_enabled"),
        "is_lhf_compliance",
        values=_RARE_FLAG,
    ),
    "is_hfss": (False, False, True),
    # ad groups: money and time
    "scheduled_budget": (0.0, 12_345.67),
    "schedule_type": ("SCHEDULE_FROM_NOW", "SCHEDULE_START_END"),
    "discount_type": (None, "NO_DISCOUNT"),
    **_any_of("discount_amount", "pre_discount_cpm", "pre_discount_budget", values=(None, 7.5)),
    "discount_percentage": (None, 12.5),
    "topview_reach_range": (None, [1_000_000, 1_500_000]),
    "predict_impression": (None, 2_500_000),
    "schedule_infos": (
        None,
        [
            {
                "schedules": [{"start_time": "2026-11-27 00:00:00", "end_time": "2026-11-28 00:00:00"}],
                "expected_orders": [1, 2],
                "is_draft": False,
                "schedule_id": _NUMBER,
            }
        ],
    ),
    "delivery_mode": (None, "STANDARD"),
    "dayparting": ("1" * 336, "0" * 16 + "1" * 32 + "1" * 288),
    "secondary_optimization_event": (None, "PURCHASE"),
    "frequency": (None, 3),
    "frequency_schedule": (None, 7),
    "next_day_retention": (None, 0.25),
    "click_attribution_window": ("SEVEN_DAYS", "TWENTY_EIGHT_DAYS"),
    "engaged_view_attribution_window": (None, "ONE_DAY"),
    "view_attribution_window": ("OFF", "ONE_DAY"),
    "attribution_event_count": ("UNSET", "EVERY", "ONCE"),
    "pacing": ("PACING_MODE_SMOOTH", "PACING_MODE_FAST"),
    "statistic_type": (None, "EVERYTIME"),
    "creative_material_mode": ("CUSTOM",),
    "adgroup_app_profile_page_state": (None, "UNSET"),
    "feed_type": (None, "STANDARD_FEED"),
    "rf_purchased_type": (None, "FIXED_BUDGET"),
    **_any_of("purchased_impression", "purchased_reach", values=(None, 1_250_000)),
    "rf_estimated_cpr": (None, 4.2),
    "rf_estimated_frequency": (None, 1.8),
    "split_test_status": (None, "TESTING"),
    "split_test_adgroup_ids": (None, [int(_NUMBER), int(_NUMBER) + 2]),
    "skip_learning_phase": (0, 1, False),
    "bid_price": (0.0,),
    "conversion_bid_price": (0.0, 3.05),
    "deep_cpa_bid": (0.0, 1.1),
    "vbo_window": (None, "SEVEN_DAYS"),
    "incentive_offer_type": (None, "INELIGIBLE"),
    "bid_display_mode": (None, "CPMV"),
    "cpv_video_duration": (None, "SIX_SECONDS"),
    "conversion_window": (None, "SEVEN_DAYS"),
    "min_budget": (None, 20.0),
    "movie_premiere_date": (None, "2026-12-18"),
    # ads
    "product_specific_type": (None, "PRODUCT_SET"),
    **_any_of(
        *("item_group_ids", "sku_ids", "vehicle_ids", "tracking_offline_event_set_ids"),
        values=_IDS,
    ),
    "showcase_products": (None, [{"item_group_id": _NUMBER, "store_id": _NUMBER}]),
    "vertical_video_strategy": ("UNSET", "SINGLE_VIDEO"),
    "dynamic_format": ("UNSET",),
    "carousel_image_index": (None, 0, 2),
    "end_card_cta": (None, "SHOP_NOW"),
    "auto_disclaimer_types": (None, ["DISCOUNT"]),
    "product_display_field_list": (None, ["MAKE", "MODEL"]),
    **_any_of(
        *("music_id", "shopping_ads_video_package_id", "card_id", "auto_message_id", "tracking_app_id"),
        *("tracking_message_event_set_id", "premium_badge_id"),
        values=(None, _NUMBER),
    ),
    **_any_of("item_duet_status", "item_stitch_status", values=(None, "ENABLE", "DISABLE")),
    "dark_post_status": (None, "ON", "OFF"),
    **_any_of(
        *("promotional_music_disabled", "branded_content_disabled", "vast_moat_enabled"), values=_RARE_FLAG
    ),
    **_any_of("creative_authorized", values=_FLAG),
    "is_aco": (False,),
    "page_id": (None, int(_NUMBER)),
    "cpp_url": (None, "https://apps.example/kiwi?ppid=1"),
    "tiktok_page_category": (None, "OTHER_TIKTOK_PAGE"),
    "deeplink": (None, "kiwi://shop?utm_source=tiktok"),
    "deeplink_type": (None, "NORMAL"),
    "deeplink_format_type": ("NONE", "SCHEME_LINK"),
    **_any_of("shopping_ads_deeplink_type", "shopping_deeplink_type", values=("NONE", None)),
    "deeplink_utm_params": (None, [{"key": "utm_source", "value": "tiktok"}]),
    "shopping_ads_fallback_type": (None, "DEFAULT"),
    "fallback_type": ("UNSET", "WEBSITE"),
    "dynamic_destination": ("UNSET",),
    "aigc_disclosure_type": (None, "NOT_DECLARED"),
    "disclaimer_type": (None, "TEXT_LINK"),
    "disclaimer_text": (None, {"text": "Terms apply."}),
    "disclaimer_clickable_texts": (None, [{"text": "Terms", "url": "https://shop.example/terms"}]),
    "viewability_postbid_partner": ("UNSET", "MOAT"),
    "brand_safety_postbid_partner": ("UNSET", "ZEFR"),
    **_any_of(
        *("viewability_vast_url", "brand_safety_vast_url", "impression_tracking_url"),
        *("click_tracking_url", "playable_url"),
        values=_URL,
    ),
    "creative_type": (None, "SHORT_VIDEO_LIVE"),
    "app_name": ("", "Kiwi"),
    "avatar_icon_web_uri": (None, "ad-site-i18n-sg/avatar"),
    "profile_image_url": (None, "https://shop.example/kiwi.jpg"),
    "image_mode": ("VIDEO_VERTICAL",),
    # GMV Max campaigns
    "roi_protection_compensation_status": (None, "IN_EFFECT", "NOT_ELIGIBLE"),
    # the library
    "format": ("mp4",),
    "allowed_placements": (["PLACEMENT_TIKTOK"], ["PLACEMENT_TIKTOK", "PLACEMENT_PANGLE"]),
    **_any_of("allow_download", "displayable", "is_carousel_usable", values=(True, True, False)),
    **_any_of(
        *("ads_only_mode", "is_gpppa", "can_push_video", "can_pull_video", "can_use_live_ads"),
        *("can_manage_message", "shared", "is_creator", "is_valid", "is_expiring"),
        values=_FLAG,
    ),
    "available_status": ("AVAILABLE", "SCOPE_UNAVAILABLE"),
    "calculate_type": ("CREATED", "UPLOAD", None),
    "pixel_category": ("ONLINE_STORE", None),
    "pixel_setup_mode": ("DEVELOPER", "STANDARD"),
    "partner_name": (None, "Shopify"),
    "advanced_matching_fields": (None, {"email": True, "phone_number": False}),
    "events": (
        [],
        [
            {
                "event_id": _NUMBER,
                "event_code": "ON_WEB_ORDER",
                "event_type": "PURCHASE",
                "statistic_type": "EVERY",
            }
        ],
    ),
}
"""The values that a field may have, by its name."""
