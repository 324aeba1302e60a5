"""The report types other than BASIC: what each accepts, what it refuses with which message, and its rows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_tiktok.emulator import Settings, World
from airflow_provider_tiktok.emulator.errors import ApiError
from airflow_provider_tiktok.emulator.settings import APP_ID
from airflow_provider_tiktok.emulator.world.accounts import BC_ID
from airflow_provider_tiktok.emulator.world.shop import stores
from airflow_provider_tiktok.reports import catalog

from .conftest import REPORT, TODAY, TOKEN, Client, fetch

WORLD = World(Settings(seed=2, ads=24, today=TODAY, forbidden_account=True))
ACCOUNTS = list(WORLD.accounts.values())
FIRST = ACCOUNTS[0]
STORE = stores(FIRST)[0]
CONFLICT = "Conflict occurs. The input params including metrics and dimensions have no relation."
GMV_MAX = "gmv_max/report/get/"
VIDEOS = "gmv_max/video_list/report/get/"
OVERVIEW = "smart_plus/material_report/overview/"
BREAKDOWN = "smart_plus/material_report/breakdown/"

DAYS = {"start_date": "2026-11-01", "end_date": "2026-11-03"}
ONE_DAY = {"start_date": "2026-11-02", "end_date": "2026-11-02"}
ACCOUNT = {"advertiser_id": FIRST.advertiser_id, **DAYS}
AUDIENCE = {"report_type": "AUDIENCE", "data_level": "AUCTION_AD", "dimensions": ["ad_id", "age"], **ACCOUNT}
BC = {"report_type": "BC", "bc_id": BC_ID, "dimensions": ["advertiser_id"], **DAYS}
TT_SHOP = {"report_type": "TT_SHOP", "dimensions": ["advertiser_id"], **ACCOUNT}
CATALOG = {"report_type": "CATALOG", "data_level": "AUCTION_AD", "dimensions": ["ad_id"], **ACCOUNT}
PLAYABLE = {"report_type": "PLAYABLE_MATERIAL", "dimensions": ["playable_id"], **ACCOUNT}
GMV = {"store_ids": [STORE], "dimensions": ["advertiser_id"], "metrics": ["cost", "orders"], **ACCOUNT}
V2 = {**GMV, "store_authorized_bc_id": BC_ID, "dimensions": ["stat_time_day"]}
SMART = {"dimensions": ["campaign_id", "main_material_id"], **ACCOUNT}
MATERIALS = {**SMART, "dimensions": ["main_material_id", "stat_time_day"]}

PRODUCT = {"gmv_max_promotion_types": ["PRODUCT"]}
LIVE = {"gmv_max_promotion_types": ["LIVE"]}


def ids_of(filtering: dict[str, Any], *dimensions: str, metric: str = "cost") -> list[list[str]]:
    data = fetch(
        WORLD,
        GMV_MAX,
        **{
            **GMV,
            "dimensions": list(dimensions),
            "metrics": [metric],
            "filtering": filtering,
            "page_size": 100,
        },
    )
    return [list(row["dimensions"].values()) for row in data["list"]]


CAMPAIGN = ids_of(PRODUCT, "campaign_id")[0][0]
STREAM_CAMPAIGN = ids_of(LIVE, "campaign_id")[0][0]
ITEM = ids_of({"campaign_ids": [CAMPAIGN]}, "item_group_id")[0][0]
ROOM = ids_of({"campaign_ids": [STREAM_CAMPAIGN]}, "room_id")[0][0]
OF_CAMPAIGN = {"campaign_ids": [CAMPAIGN]}
OF_ITEM = {"campaign_ids": [CAMPAIGN], "item_group_ids": [ITEM]}
OF_ROOM = {"campaign_ids": [STREAM_CAMPAIGN], "room_ids": [ROOM]}


def by(*dimensions: str, **more: Any) -> dict[str, Any]:
    return {"dimensions": list(dimensions), **more}


def bc_filter(field: str, kind: str, value: Any) -> dict[str, Any]:
    text = json.dumps(value) if isinstance(value, list) else value
    return {"filtering": [{"field_name": field, "filter_type": kind, "filter_value": text}]}


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    # audience
    (REPORT, AUDIENCE, {"advertiser_id": None}, "Missing required field(s): advertiser_id"),
    (REPORT, AUDIENCE, {"data_level": None}, "Missing required field(s): data_level"),
    (REPORT, AUDIENCE, by("ad_id"), "an audience dimension is required when report_type is AUDIENCE"),
    (REPORT, AUDIENCE, by("ad_id", "age", "platform"), "age and platform cannot be used together"),
    (REPORT, AUDIENCE, by("ad_id", "gender", "age", "ac"), "gender and age and ac cannot be used together"),
    (
        REPORT,
        AUDIENCE,
        by("campaign_id", "age"),
        "data_level AUCTION_AD and dimension campaign_id do not match",
    ),
    (REPORT, AUDIENCE, by("ad_id", "ad_id_v2", "age"), "ad_id and ad_id_v2 cannot be used together"),
    *(
        (REPORT, AUDIENCE, by("ad_id", name), f"Invalid value for dimensions: {name} is not supported")
        for name in ("platform_type", "device_model", "device_brand", "os_platform", "search_terms")
    ),
    *(
        (
            REPORT,
            AUDIENCE,
            by("ad_id", name, "stat_time_day"),
            f"{name} and stat_time_day cannot be used together",
        )
        for name in ("interest_category", "interest_category_tier4", "device_brand_id")
    ),
    (REPORT, AUDIENCE, by("age", "stat_time_hour", **ONE_DAY), "stat_time_hour requires dimension bucket_id"),
    (
        REPORT,
        AUDIENCE,
        {"data_level": "AUCTION_ADVERTISER", "dimensions": ["advertiser_id", "ad_type"]},
        "data_level AUCTION_ADVERTISER and dimension ad_type do not match",
    ),
    (
        REPORT,
        AUDIENCE,
        {"query_lifetime": True},
        "query_lifetime is not supported when report_type is AUDIENCE",
    ),
    (
        REPORT,
        AUDIENCE,
        {"query_mode": "CHUNK"},
        "query_mode CHUNK is not supported when report_type is AUDIENCE",
    ),
    (REPORT, AUDIENCE, {"service_type": "RESERVATION"}, "service_type RESERVATION is not supported"),
    (REPORT, AUDIENCE, {"enable_total_metrics": True}, "enable_total_metrics is not supported"),
    (REPORT, AUDIENCE, by("age", "stat_time_day", start_date="2026-10-04"), "max time span is 30 days"),
    (REPORT, AUDIENCE, {"start_date": "2025-11-03"}, "max time span is 365 days"),
    (REPORT, AUDIENCE, {"metrics": ["reach", "spend"]}, "Invalid metric fields: ['reach']. "),
    (REPORT, AUDIENCE, by("ad_id", "country_code", metrics=["engaged_view"]), CONFLICT),
    (REPORT, AUDIENCE, by("ad_id", "hashtag", metrics=["gross_impressions"]), CONFLICT),
    (REPORT, AUDIENCE, {"metrics": ["cost"]}, CONFLICT),
    (REPORT, AUDIENCE, by("age", metrics=["campaign_name"]), CONFLICT),
    (REPORT, AUDIENCE, {"order_field": "ad_name"}, "Invalid value for order_field: ad_name is not supported"),
    (REPORT, AUDIENCE, {"order_field": "reach"}, "Invalid value for order_field: reach is not supported"),
    # Business Center
    (REPORT, BC, {"bc_id": None}, "Missing required field(s): bc_id"),
    (REPORT, BC, {"dimensions": None}, "Missing required field(s): dimensions"),
    (REPORT, BC, {"start_date": None}, "Missing required field(s): start_date"),
    (REPORT, BC, {"bc_id": "x"}, "bc_id: Not a valid ID"),
    (REPORT, BC, {"data_level": "AUCTION_ADVERTISER"}, "data_level is not supported when report_type is BC"),
    (REPORT, BC, {"service_type": "AUCTION"}, "service_type is not supported when report_type is BC"),
    (REPORT, BC, {"query_lifetime": True}, "query_lifetime is not supported when report_type is BC"),
    (REPORT, BC, by("campaign_id"), "Invalid value for dimensions: campaign_id is not supported"),
    (REPORT, BC, by("stat_time_day", "stat_time_month"), "only one time dimension is supported"),
    (REPORT, BC, by("placement", "country_code"), "country_code and placement cannot be used together"),
    (REPORT, BC, by("stat_time_day", start_date="2025-11-03"), "max time span is 365 days"),
    (REPORT, BC, {"metrics": ["frequency"]}, "Invalid metric fields: ['frequency']. "),
    (REPORT, BC, by("advertiser_id", "placement", metrics=["reach"]), CONFLICT),
    (REPORT, BC, by("advertiser_id", "country_code", metrics=["tax_spend"]), CONFLICT),
    (REPORT, BC, by("stat_time_day", metrics=["advertiser_name"]), CONFLICT),
    (REPORT, BC, {"order_field": "currency"}, "Invalid value for order_field: currency is not supported"),
    (REPORT, BC, bc_filter("ad_status", "IN", ["STATUS_ALL"]), "field_name ad_status is not supported"),
    (REPORT, BC, bc_filter("advertiser_name", "IN", ["a"]), "filter_type IN is not supported for field_name"),
    (REPORT, BC, bc_filter("cost", "GREATER_THAN", "many"), "filter_value of cost: Not a valid number."),
    (REPORT, BC, bc_filter("platform_of_account", "IN", ["ADS_MANAGER"]), "correct is ['ADS_MANGER', 'RAP']"),
    # TT_SHOP
    (REPORT, TT_SHOP, {"advertiser_id": None}, "Missing required field(s): advertiser_id"),
    (REPORT, TT_SHOP, {"data_level": "AUCTION_AD"}, "correct is ['AUCTION_ADVERTISER', 'AUCTION_CAMPAIGN']"),
    (
        REPORT,
        TT_SHOP,
        {"data_level": "AUCTION_CAMPAIGN"},
        "AUCTION_CAMPAIGN and dimension advertiser_id do not",
    ),
    (REPORT, TT_SHOP, by("campaign_id"), "the grouping ['campaign_id'] is not supported"),
    (REPORT, TT_SHOP, by("advertiser_id", "stat_time_day"), "is not supported"),
    (REPORT, TT_SHOP, by("advertiser_id", "campaign_id", "country_code"), "is not supported"),
    (REPORT, TT_SHOP, {"filtering": []}, "filtering is not supported when report_type is TT_SHOP"),
    (
        REPORT,
        TT_SHOP,
        {"query_lifetime": True},
        "query_lifetime is not supported when report_type is TT_SHOP",
    ),
    (REPORT, TT_SHOP, {"metrics": ["impressions"]}, "Invalid metric fields: ['impressions']. "),
    (REPORT, TT_SHOP, {"metrics": ["campaign_name"]}, "Invalid metric fields: ['campaign_name']. "),
    (
        REPORT,
        TT_SHOP,
        by("campaign_id", "country_code", enable_total_metrics=True),
        "enable_total_metrics is only supported",
    ),
    # CATALOG and PLAYABLE_MATERIAL
    (REPORT, CATALOG, {"data_level": None}, "Missing required field(s): data_level"),
    (REPORT, CATALOG, by("campaign_id"), "data_level AUCTION_AD and dimension campaign_id do not match"),
    (
        REPORT,
        CATALOG,
        {"query_lifetime": True},
        "query_lifetime is not supported when report_type is CATALOG",
    ),
    (
        REPORT,
        CATALOG,
        {"advertiser_id": None, "advertiser_ids": ["1"]},
        "Missing required field(s): advertiser_id",
    ),
    (REPORT, PLAYABLE, by("country_code"), "dimension playable_id is required"),
    (REPORT, PLAYABLE, by("playable_id", "age"), "age is not supported"),
    (
        REPORT,
        PLAYABLE,
        by("playable_id", "country_code", query_lifetime=True),
        "country_code is not supported when query_lifetime is true",
    ),
    (REPORT, PLAYABLE, bc_filter("ad_status", "IN", ["STATUS_ALL"]), "field_name ad_status is not supported"),
    # GMV Max
    *(
        (GMV_MAX, GMV, {name: None}, f"Missing required field(s): {name}")
        for name in ("advertiser_id", "store_ids", "dimensions", "metrics", "start_date", "end_date")
    ),
    (GMV_MAX, GMV, {"store_ids": [STORE, STORE]}, "store_ids: Length must be between 1 and 1"),
    (GMV_MAX, GMV, {"page_size": 1001}, "page_size: Must be between 1 and 1000."),
    (GMV_MAX, GMV, by("spu_id"), "Invalid value for dimensions: spu_id is not supported"),
    (GMV_MAX, GMV, by("stat_time_day"), "the grouping ['stat_time_day'] is not supported"),
    (GMV_MAX, GMV, by("advertiser_id", "campaign_id"), "is not supported"),
    (GMV_MAX, GMV, by("item_id", "stat_time_hour", **ONE_DAY), "is not supported"),
    (GMV_MAX, GMV, by("advertiser_id", "stat_time_day", "stat_time_hour"), "is not supported"),
    (GMV_MAX, GMV, by("campaign_id"), "Missing required field(s): filtering.gmv_max_promotion_types"),
    (GMV_MAX, GMV, by("item_group_id"), "Missing required field(s): filtering.campaign_ids"),
    (GMV_MAX, GMV, by("room_id"), "Missing required field(s): filtering.campaign_ids"),
    (
        GMV_MAX,
        GMV,
        by("item_id", filtering=OF_CAMPAIGN),
        "Missing required field(s): filtering.item_group_ids",
    ),
    (
        GMV_MAX,
        GMV,
        by("duration", filtering=OF_CAMPAIGN),
        "Missing required field(s): filtering.item_group_ids",
    ),
    (
        GMV_MAX,
        GMV,
        by("room_id", "duration", filtering=OF_CAMPAIGN),
        "Missing required field(s): filtering.room_ids",
    ),
    (
        GMV_MAX,
        GMV,
        by("campaign_id", filtering={"gmv_max_promotion_types": ["PRODUCT", "LIVE"]}),
        "gmv_max_promotion_types: Length must be 1.",
    ),
    (GMV_MAX, GMV, {"filtering": {"gmv_max_promotion_types": ["VIDEO"]}}, "correct is ['PRODUCT', 'LIVE']"),
    (GMV_MAX, GMV, {"filtering": OF_CAMPAIGN}, "filtering: campaign_ids is not supported with the grouping"),
    (GMV_MAX, GMV, {"filtering": {"ad_ids": ["1"]}}, "filtering: ad_ids: Unknown field."),
    (GMV_MAX, GMV, {"filtering": []}, "filtering: Not a valid object."),
    (
        GMV_MAX,
        GMV,
        by("item_group_id", filtering={"campaign_ids": ["1"] * 101}),
        "Length must be between 1 and 100",
    ),
    (GMV_MAX, GMV, by("item_group_id", filtering={"campaign_ids": [1]}), "Not a valid list of strings."),
    (GMV_MAX, GMV, by("item_group_id", filtering={"campaign_ids": ["x"]}), "campaign_ids: Not a valid ID."),
    (
        GMV_MAX,
        GMV,
        by(
            "item_id",
            filtering={**OF_ITEM, "creative_types": ["ORGANIC"], "creative_delivery_statuses": ["LEARNING"]},
        ),
        "creative_types and creative_delivery_statuses cannot be used together",
    ),
    (
        GMV_MAX,
        GMV,
        by("campaign_id", "item_group_id", "item_id", filtering={**OF_ITEM, "creative_types": ["ORGANIC"]}),
        "creative_types is not supported with several IDs",
    ),
    (
        GMV_MAX,
        GMV,
        {"metrics": ["cost", "spend", "live_views"]},
        "Invalid metric fields: ['spend', 'live_views']. ",
    ),
    (GMV_MAX, GMV, {"metrics": []}, "metrics: Length must be between 1 and 100"),
    (GMV_MAX, GMV, by("item_group_id", filtering=OF_CAMPAIGN, metrics=["net_cost"]), "['net_cost']. "),
    (
        GMV_MAX,
        GMV,
        by("campaign_id", filtering=PRODUCT, metrics=["live_views"]),
        "Invalid metric fields: ['live_views']. ",
    ),
    (
        GMV_MAX,
        GMV,
        by("campaign_id", "item_group_id", filtering=OF_CAMPAIGN, metrics=["product_name"]),
        CONFLICT,
    ),
    (
        GMV_MAX,
        GMV,
        by("item_group_id", filtering={"campaign_ids": [CAMPAIGN, "1"]}, metrics=["product_name"]),
        CONFLICT,
    ),
    (
        GMV_MAX,
        GMV,
        {"sort_field": "impressions"},
        "Invalid value for sort_field: impressions is not supported",
    ),
    (
        GMV_MAX,
        GMV,
        by("campaign_id", filtering=LIVE, sort_field="all_shops_orders"),
        "Invalid value for sort_field: all_shops_orders is not supported",
    ),
    (GMV_MAX, GMV, {"sort_type": "desc"}, "correct is ['ASC', 'DESC']"),
    (GMV_MAX, GMV, {"start_date": "2025-11-03"}, "max time span is 365 days"),
    (GMV_MAX, GMV, by("advertiser_id", "stat_time_day", start_date="2026-10-04"), "max time span is 30 days"),
    (GMV_MAX, GMV, by("advertiser_id", "stat_time_hour"), "max time span is 1 day"),
    # Smart+
    (OVERVIEW, SMART, {"advertiser_id": None}, "Missing required field(s): advertiser_id"),
    (OVERVIEW, SMART, {"start_date": None}, "Missing required field(s): start_date"),
    (OVERVIEW, SMART, {"page_size": 101}, "page_size: Must be between 1 and 100."),
    (OVERVIEW, SMART, by("main_material_id"), "are required"),
    (OVERVIEW, SMART, by("campaign_id", "adgroup_id"), "are required"),
    (OVERVIEW, SMART, by("campaign_id", "main_material_id", "ad_text_entity_id"), "are required"),
    (OVERVIEW, SMART, by("smart_plus_ad_id", "stat_time_day"), "stat_time_day is not supported"),
    (OVERVIEW, SMART, {"metrics": ["reach_per_moon"]}, "Invalid metric fields: ['reach_per_moon']. "),
    (
        OVERVIEW,
        SMART,
        {"filtering": {"campaign_ids": ["1"], "adgroup_ids": ["1"]}},
        "only one of campaign_ids",
    ),
    (OVERVIEW, SMART, {"filtering": {"campaign_ids": ["1"] * 201}}, "Length must be between 1 and 200"),
    (OVERVIEW, SMART, {"filtering": {"main_material_ids": ["1"] * 401}}, "Length must be between 1 and 400"),
    (OVERVIEW, SMART, {"filtering": {"status": "x"}}, "filtering: status: Unknown field."),
    (OVERVIEW, SMART, {"sort_field": "operation_status"}, "Invalid value for sort_field"),
    (BREAKDOWN, MATERIALS, by("stat_time_day"), "is required"),
    (BREAKDOWN, MATERIALS, by("campaign_id", "main_material_id"), "campaign_id is not supported"),
    (
        BREAKDOWN,
        MATERIALS,
        by("main_material_id", "stat_time_day", "stat_time_week"),
        "only one time dimension",
    ),
    (BREAKDOWN, MATERIALS, {"start_date": "2026-10-04"}, "max time span is 30 days"),
]


@pytest.mark.sampled(60)
@pytest.mark.parametrize(
    ("path", "legal", "changes", "text"),
    REFUSED,
    ids=[f"{legal.get('report_type', path)}-{text[:60]}" for path, legal, _, text in REFUSED],
)
def test_refuses(path: str, legal: dict[str, Any], changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ApiError) as refused:
        fetch(WORLD, path, **{**legal, **changes})
    assert refused.value.code == 40002
    assert text in refused.value.message


_AUDIENCES = [one.name for one in catalog.dimensions("AUDIENCE").values() if one.kind == "audience"]
_NO_DAY = ("interest_category", "device_brand_id")
LEGAL: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    *((REPORT, AUDIENCE, by("ad_id", name)) for name in _AUDIENCES),
    *((REPORT, AUDIENCE, by(name)) for name in _AUDIENCES),
    *(
        (REPORT, AUDIENCE, by("ad_id", name, "stat_time_day"))
        for name in _AUDIENCES
        if not name.startswith(_NO_DAY)
    ),
    (REPORT, AUDIENCE, by("ad_id_v2", "gender", "age", "stat_time_day", metrics=["spend", "ad_name"])),
    (REPORT, AUDIENCE, by("ad_id", "country_code", metrics=["gross_impressions", "campaign_name"])),
    (REPORT, AUDIENCE, by("bucket_id", "stat_time_hour", metrics=["cost", "spend"], **ONE_DAY)),
    (REPORT, AUDIENCE, {"query_lifetime": False, "enable_total_metrics": False, "query_mode": "REGULAR"}),
    *(
        (REPORT, BC, by(*names))
        for names in (
            *(
                ("advertiser_id", "country_code"),
                ("advertiser_id", "placement"),
                ("placement",),
                ("country_code",),
            ),
            *(
                ("stat_time_day",),
                ("stat_time_week",),
                ("stat_time_month",),
                ("advertiser_id", "stat_time_day"),
            ),
            ("advertiser_id", "stat_time_month", "placement"),
        )
    ),
    (REPORT, BC, by("stat_time_day", start_date="2025-11-04")),  # 365 days
    (REPORT, BC, by("advertiser_id", "stat_time_day", metrics=["advertiser_name", "currency", "reach"])),
    *(
        (REPORT, TT_SHOP, {"dimensions": list(names), "data_level": level})
        for level, *names in (
            ("AUCTION_ADVERTISER", "advertiser_id"),
            ("AUCTION_ADVERTISER", "country_code", "advertiser_id"),
            ("AUCTION_ADVERTISER", "advertiser_id", "country_code", "stat_time_day"),
            ("AUCTION_CAMPAIGN", "campaign_id", "country_code"),
            (None, "campaign_id", "country_code", "stat_time_day"),
        )
    ),
    (
        REPORT,
        TT_SHOP,
        by("campaign_id", "country_code", metrics=["campaign_name", "spend"], order_field="spend"),
    ),
    (REPORT, CATALOG, by("ad_id", "stat_time_day")),
    (REPORT, PLAYABLE, by("playable_id", "country_code")),
    (REPORT, PLAYABLE, {"query_lifetime": True, "start_date": None, "end_date": None}),
    (REPORT, PLAYABLE, bc_filter("playable_status", "IN", ["STATUS_ALL"])),
    *(
        (GMV_MAX, GMV, by(*names, **extra))
        for names, extra in (
            (
                ("advertiser_id", "stat_time_day"),
                {"filtering": {"gmv_max_promotion_types": ["PRODUCT", "LIVE"]}},
            ),
            (("advertiser_id", "stat_time_hour"), ONE_DAY),
            (
                ("campaign_id", "stat_time_day"),
                {"filtering": {**PRODUCT, "campaign_statuses": ["STATUS_ALL"]}},
            ),
            (
                ("campaign_id",),
                {"filtering": {**LIVE, "campaign_name": "live"}, "metrics": ["all_shops_orders"]},
            ),
            (("item_group_id", "stat_time_day"), {"filtering": OF_CAMPAIGN, "metrics": ["product_name"]}),
            (("campaign_id", "item_group_id"), {"filtering": OF_CAMPAIGN, "metrics": ["product_status"]}),
            (("campaign_id", "item_group_id", "item_id"), {"filtering": OF_ITEM}),
            (("campaign_id", "item_group_id", "item_id", "stat_time_day"), {"filtering": OF_ITEM}),
            (
                ("item_id",),
                {"filtering": {**OF_ITEM, "creative_types": ["ADS_AND_ORGANIC"]}, "metrics": ["title"]},
            ),
            (("item_id", "stat_time_day"), {"filtering": {**OF_ITEM, "search_word": "creative"}}),
            (("duration",), {"filtering": OF_ITEM, "metrics": ["bid_type", "cost"]}),
            (("campaign_id", "item_group_id", "duration"), {"filtering": OF_ITEM}),
            (("duration",), {"filtering": OF_ROOM, "metrics": ["all_shops_roi"]}),
            (("room_id", "stat_time_hour"), {"filtering": {"campaign_ids": [STREAM_CAMPAIGN]}, **ONE_DAY}),
            (
                ("campaign_id", "room_id"),
                {"filtering": {"campaign_ids": [STREAM_CAMPAIGN]}, "sort_field": "cost"},
            ),
            (("campaign_id", "room_id", "duration"), {"filtering": OF_ROOM}),
        )
    ),
    *(
        (OVERVIEW, SMART, by(one, other))
        for one in ("advertiser_id", "campaign_id", "adgroup_id", "smart_plus_ad_id")
        for other in (
            *("main_material_id", "ad_text_entity_id"),
            *("call_to_action_entity_id", "interactive_add_on_entity_id"),
        )
    ),
    (OVERVIEW, SMART, {"query_lifetime": True, "start_date": None, "end_date": None, "sort_type": "ASC"}),
    (OVERVIEW, SMART, {"filtering": {"main_material_types": ["VIDEO"]}, "sort_field": "impressions"}),
    (
        BREAKDOWN,
        MATERIALS,
        by("main_material_id", "ad_text_entity_id", "call_to_action_entity_id", "stat_time_week"),
    ),
    (BREAKDOWN, MATERIALS, by("ad_text_entity_id", "stat_time_hour", **ONE_DAY)),
    (BREAKDOWN, MATERIALS, by("interactive_add_on_entity_id", "stat_time_month")),
]


@pytest.mark.sampled(60)
@pytest.mark.parametrize(
    ("path", "legal", "changes"),
    LEGAL,
    ids=[f"{legal.get('report_type', path)}-{changes.get('dimensions')}" for path, legal, changes in LEGAL],
)
def test_accepts_and_has_rows(path: str, legal: dict[str, Any], changes: dict[str, Any]) -> None:
    call = {**legal, **changes}
    data = fetch(WORLD, path, **call)
    assert data["page_info"]["total_number"] > 0
    row = data["list"][0]
    assert list(row["dimensions"])[: len(call["dimensions"])] == call["dimensions"]
    assert all(isinstance(value, str) for value in row["dimensions"].values())
    assert set(call.get("metrics") or ()) <= set(row["metrics"])


@pytest.mark.parametrize(
    ("path", "legal"),
    [
        (REPORT, AUDIENCE),
        (REPORT, BC),
        (REPORT, TT_SHOP),
        (GMV_MAX, GMV),
        (OVERVIEW, SMART),
        (BREAKDOWN, MATERIALS),
    ],
)
def test_the_pages_together_are_all_rows(path: str, legal: dict[str, Any]) -> None:
    rows = fetch(WORLD, path, **{**legal, "page_size": 100})["list"]
    assert 0 < len(rows) <= 100 or legal is AUDIENCE
    pages = [fetch(WORLD, path, **{**legal, "page": 1 + page, "page_size": 3})["list"] for page in range(34)]
    assert [row for page in pages for row in page][: len(rows)] == rows


def test_every_metric_of_every_type_has_a_value_that_fits_its_type() -> None:
    calls = [
        (REPORT, AUDIENCE, {}, "AUDIENCE", "AUCTION_AD"),
        (REPORT, BC, {}, "BC", None),
        (GMV_MAX, GMV, {}, "GMV_MAX", "ADVERTISER"),
        (GMV_MAX, GMV, by("campaign_id", filtering=PRODUCT), "GMV_MAX", "PRODUCT_CAMPAIGN"),
        (GMV_MAX, GMV, by("campaign_id", filtering=LIVE), "GMV_MAX", "LIVE_CAMPAIGN"),
        (GMV_MAX, GMV, by("item_group_id", filtering=OF_CAMPAIGN), "GMV_MAX", "PRODUCT"),
        (GMV_MAX, GMV, by("item_id", filtering=OF_ITEM), "GMV_MAX", "CREATIVE"),
        (GMV_MAX, GMV, by("room_id", filtering={"campaign_ids": [STREAM_CAMPAIGN]}), "GMV_MAX", "LIVESTREAM"),
        (OVERVIEW, SMART, {}, "SMART_PLUS", "OVERVIEW"),
    ]
    for path, legal, changes, report_type, level in calls:
        names = [
            one.name
            for one in catalog.metrics(report_type).values()
            if (level is None or level in one.levels) and "bucket_id_only" not in one.rules
        ]
        for start in range(0, len(names), 100):
            batch = names[start : start + 100]
            metrics = fetch(WORLD, path, **{**legal, **changes, "metrics": batch})["list"][0]["metrics"]
            for name in batch:
                kind, value = catalog.metrics(report_type)[name].type, metrics[name]
                assert isinstance(value, str) or name.startswith("all_shops_"), name
                if value != "-" and kind in ("currency", "percent", "ratio", "seconds"):
                    assert float(value) >= 0, name
                elif value != "-" and kind == "integer":
                    assert int(value) >= 0, name


def test_audience_values() -> None:
    def values(name: str) -> set[str]:
        data = fetch(WORLD, **{**AUDIENCE, "dimensions": [name]})
        return {row["dimensions"][name] for row in data["list"]}

    assert values("gender") == {"FEMALE", "MALE", "NONE"}
    assert values("platform") == {"ANDROID", "IPHONE", "IPAD", "WAP"}
    assert values("age") == {
        *("AGE_13_17", "AGE_18_24", "AGE_25_34", "AGE_35_44", "AGE_45_54", "AGE_55_100", "NONE")
    }


def test_interest_categories_have_their_present_ids() -> None:
    row = fetch(WORLD, **{**AUDIENCE, "dimensions": ["ad_id", "interest_category"]})["list"][0]
    assert list(row["dimensions"]) == ["ad_id", "interest_category", "interest_category_v2"]
    assert row["dimensions"]["interest_category_v2"] != row["dimensions"]["interest_category"]


def test_several_accounts_without_an_id_are_one_without_money() -> None:
    several = [one.advertiser_id for one in ACCOUNTS[:3]]
    call = {**AUDIENCE, "dimensions": ["age"], "metrics": ["spend", "clicks"]}
    merged = fetch(WORLD, **{**call, "advertiser_ids": several})["list"]
    single = [fetch(WORLD, **{**call, "advertiser_id": one})["list"] for one in several]
    for place, row in enumerate(merged):
        assert row["metrics"]["spend"] == "-"
        assert {row["metrics"][name] for name in ("advertiser_id", "currency", "timezone")} == {"0"}
        assert int(row["metrics"]["clicks"]) == sum(int(rows[place]["metrics"]["clicks"]) for rows in single)


def test_a_bc_report_has_all_metrics_of_its_grouping_by_default() -> None:
    def count(*names: str) -> int:
        return len(fetch(WORLD, **{**BC, "dimensions": list(names)})["list"][0]["metrics"])

    assert (count("advertiser_id"), count("stat_time_day"), count("placement")) == (57, 55, 14)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        (bc_filter("advertiser_name", "MATCH", "brüder"), ["Brüder Grün GmbH"]),
        (bc_filter("currency_of_account", "IN", ["JPY", "INR"]), ["東京コーヒー", "Chai & Co"]),
        (bc_filter("account_status", "IN", ["SUSPENDED"]), []),
        (bc_filter("cost", "GREATER_THAN", "1000000"), []),
        (bc_filter("advertiser_id", "IN", [FIRST.advertiser_id]), [FIRST.name]),
    ],
)
def test_bc_filters(changes: dict[str, Any], names: list[str]) -> None:
    rows = fetch(WORLD, **{**BC, "metrics": ["advertiser_name"], **changes})["list"]
    assert [row["metrics"]["advertiser_name"] for row in rows] == names


def test_bc_costs_are_filtered_in_dollars() -> None:
    call = {**BC, "metrics": ["spend", "currency"]}
    money = {one.currency: one.per_dollar for one in ACCOUNTS}

    def dollars(row: dict[str, Any]) -> float:
        return float(row["metrics"]["spend"]) * 100 / money[row["metrics"]["currency"]]

    costs = sorted(map(dollars, fetch(WORLD, **call)["list"]))
    bound = (costs[2] + costs[3]) / 2
    for kind, expected in (("GREATER_EQUAL", costs[3:]), ("LOWER_THAN", costs[:3])):
        found = fetch(WORLD, **{**call, **bc_filter("cost", kind, f"{bound:.2f}")})["list"]
        assert sorted(map(dollars, found)) == expected


def test_weeks_begin_on_mondays_and_months_on_their_first() -> None:
    def labels(name: str) -> list[str]:
        call = {**BC, "dimensions": [name], "start_date": "2026-09-30", "end_date": "2026-10-12"}
        return [row["dimensions"][name] for row in fetch(WORLD, **call)["list"]]

    assert labels("stat_time_month") == ["2026-09-01 00:00:00", "2026-10-01 00:00:00"]
    assert labels("stat_time_week") == ["2026-09-28 00:00:00", "2026-10-05 00:00:00", "2026-10-12 00:00:00"]


@pytest.mark.parametrize(
    ("path", "legal", "changes", "text"),
    [
        (REPORT, BC, {"bc_id": "1"}, "No permission to operate Business Center 1."),
        (GMV_MAX, GMV, {"store_ids": ["1"]}, "No permission to operate store 1."),
        (
            GMV_MAX,
            GMV,
            {"advertiser_id": ACCOUNTS[-1].advertiser_id},
            "advertiser does not grant you /gmv_max/report/get/:GET permission",
        ),
    ],
)
def test_what_the_token_may_not_read(path: str, legal: Any, changes: Any, text: str) -> None:
    with pytest.raises(ApiError) as refused:
        fetch(WORLD, path, **{**legal, **changes})
    assert (refused.value.code, refused.value.message) == (40001, text)


def test_the_documented_gmv_max_calls() -> None:
    """Dimensions, metrics and filters of TikTok's own examples (fixtures 20 to 23)."""
    shared = ["cost", "orders", "cost_per_order", "gross_revenue", "roi"]
    campaign = [
        *("campaign_id", "operation_status", "campaign_name", "schedule_type", "schedule_start_time"),
        *(
            "schedule_end_time",
            "target_roi_budget",
            "bid_type",
            "max_delivery_budget",
            "roas_bid",
            "net_cost",
        ),
    ]
    product = ["product_name", "item_group_id", "product_image_url", "product_status", "bid_type"]
    creative = [
        *("creative_delivery_status", "product_impressions", "product_clicks", "product_click_rate"),
        *("ad_click_rate", "ad_conversion_rate", "ad_video_view_rate_2s", "ad_video_view_rate_p100"),
    ]
    for dimensions, metrics, filtering in (
        (["advertiser_id", "stat_time_day"], [*shared, "net_cost"], {}),
        (["campaign_id", "stat_time_day"], [*campaign, *shared], PRODUCT),
        (["item_group_id", "stat_time_day"], [*product, *shared], OF_CAMPAIGN),
        (
            ["campaign_id", "item_group_id", "item_id"],
            [*creative, *shared],
            {**OF_ITEM, "item_group_ids": [ITEM, "1"]},
        ),
    ):
        call = {
            **GMV,
            "dimensions": dimensions,
            "metrics": metrics,
            "filtering": filtering,
            "page_size": 1000,
        }
        for row in fetch(WORLD, GMV_MAX, **call)["list"]:
            assert list(row["dimensions"]) == dimensions
            assert set(row["metrics"]) == {*metrics, "currency"}
            assert all(isinstance(value, str) for value in row["metrics"].values())
            assert row["metrics"]["currency"] == ("0" if dimensions[0] == "item_group_id" else FIRST.currency)


def test_deleted_gmv_max_campaigns_show_when_requested() -> None:
    usual = ids_of(PRODUCT, "campaign_id")
    everything = ids_of({**PRODUCT, "campaign_statuses": ["STATUS_ALL"]}, "campaign_id")
    deleted = ids_of({**PRODUCT, "campaign_statuses": ["STATUS_DELETE"]}, "campaign_id")
    assert sorted(everything) == sorted(usual + deleted)
    assert deleted


def test_creatives_by_day_have_spent() -> None:
    call = by("campaign_id", "item_group_id", "item_id", "stat_time_day", filtering=OF_ITEM, page_size=1000)
    daily = fetch(WORLD, GMV_MAX, **{**GMV, **call, "start_date": "2026-10-20"})["list"]
    assert daily
    assert all(float(row["metrics"]["cost"]) > 0 for row in daily)
    assert "-1" in {row["dimensions"]["item_id"] for row in daily}


def test_all_shops_figures_are_json_numbers() -> None:
    names = ["all_shops_orders", "all_shops_gross_revenue", "orders"]
    (row, *_) = fetch(WORLD, GMV_MAX, **{**GMV, **by("campaign_id", filtering=LIVE, metrics=names)})["list"]
    assert [type(row["metrics"][name]) for name in names] == [int, float, str]


def test_smart_plus_rows_are_sorted_by_spend_by_default() -> None:
    def spends(**changes: Any) -> list[float]:
        return [
            float(row["metrics"]["spend"])
            for row in fetch(WORLD, OVERVIEW, **{**SMART, "page_size": 100, **changes})["list"]
        ]

    assert spends() == sorted(spends(), reverse=True)
    assert spends(sort_type="ASC") == sorted(spends())


V2_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"store_authorized_bc_id": None}, "Missing required field(s): store_authorized_bc_id"),
    ({"dimensions": ["advertiser_id"]}, "Invalid dim: advertiser_id is not exist"),
    ({"dimensions": ["stat_time_hour", "spu_id"]}, "is not supported"),
    ({"metrics": ["cost", "views", "likes"]}, "Invalid metric: views is not exist"),
    ({"start_date": "2026-10-04"}, "max time span is 30 days when use stat_time_day"),
]


@pytest.mark.parametrize(("changes", "text"), V2_REFUSED)
def test_gmv_max_v2_refuses(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ApiError) as refused:
        fetch(WORLD, GMV_MAX, v2=True, **{**V2, **changes})
    assert text in refused.value.message


def test_gmv_max_v2_agrees_with_v1_3() -> None:
    old = fetch(WORLD, GMV_MAX, **{**GMV, "dimensions": ["advertiser_id", "stat_time_day"]})["list"]
    new = fetch(WORLD, GMV_MAX, v2=True, **V2)["list"]
    assert [row["metrics"] for row in new] == [row["metrics"] for row in old]
    products = fetch(WORLD, GMV_MAX, v2=True, **{**V2, "dimensions": ["spu_id"], "page_size": 1000})["list"]
    videos = fetch(WORLD, VIDEOS, v2=True, **{**V2, "dimensions": ["item_id"], "page_size": 1000})["list"]
    assert sum(int(row["metrics"]["orders"]) for row in products) == sum(
        int(row["metrics"]["orders"]) for row in videos
    )


def test_the_other_paths_over_http(client: Client) -> None:
    account = next(iter(client.emulator.world.accounts.values()))
    shared = {**DAYS, "advertiser_id": account.advertiser_id}
    gmv = {**shared, "store_ids": [stores(account)[0]], "dimensions": ["advertiser_id"], "metrics": ["cost"]}
    assert client.get(GMV_MAX, **gmv).json()["data"]["page_info"]["total_number"] == 1
    assert client.get(OVERVIEW, **{**SMART, **shared}).json()["code"] == 0
    assert client.get(BREAKDOWN, **{**MATERIALS, **shared}).json()["code"] == 0
    new = {**gmv, "dimensions": ["stat_time_day"], "store_authorized_bc_id": BC_ID}
    for path, dimension, status in (
        (f"v2.0/{GMV_MAX}", "stat_time_day", 200),
        (f"v2.0/{VIDEOS}", "item_id", 200),
        (f"v1.3/{VIDEOS}", "item_id", 404),
    ):
        given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in new.items()}
        response = client.session.get(
            f"{client.emulator.url}/open_api/{path}",
            params={**given, "dimensions": json.dumps([dimension])},
            headers={"Access-Token": TOKEN},
            timeout=60,
        )
        assert response.status_code == status
        if status == 200:
            assert response.json()["data"]["page_info"]["total_number"] > 0


def test_a_hundred_and_fifty_accounts(own_client: Any) -> None:
    client = own_client(accounts=150, ads=4, forbidden_account=True)
    accounts = client.get("oauth2/advertiser/get/", app_id=APP_ID, secret="s").json()["data"]["list"]
    ids = [one["advertiser_id"] for one in accounts]
    assert len(ids) == len(set(ids)) == 152  # with the empty and the forbidden one
    assert len({one["advertiser_name"] for one in accounts}) == 152
    assert client.get("advertiser/info/", advertiser_ids=ids[:101]).json()["code"] == 40011
    granted = ids[:-1]
    infos = [
        one
        for batch in (granted[:100], granted[100:])
        for one in client.get("advertiser/info/", advertiser_ids=batch).json()["data"]["list"]
    ]
    assert [one["advertiser_id"] for one in infos] == granted
    assert {(one["display_timezone"], one["timezone"]) for one in infos} >= {
        ("America/Los_Angeles", "Etc/GMT+8"),
        ("Asia/Tokyo", "Etc/GMT-9"),
    }
    data = client.get(REPORT, **{**BC, "metrics": ["spend"], "page_size": 1000}).json()["data"]
    assert data["page_info"]["total_number"] == 150
    campaigns = {
        row["dimensions"]["campaign_id"]
        for one in ids[:60]
        for row in client.emulator.world.rows(
            one, "AUCTION_CAMPAIGN", ["campaign_id"], ["spend"], "2026-11-01"
        )
    }
    assert len(campaigns) >= 60 - 7
