"""Lists of entities: every sweep, every field, and that they agree with reports."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_tiktok.emulator import Settings, World
from airflow_provider_tiktok.emulator.kinds.listings import LISTINGS
from airflow_provider_tiktok.emulator.world.shop import stores
from airflow_provider_tiktok.entities import catalog

from .conftest import REPORT, TODAY, fetch
from .entity_lists import (
    AD,
    ADGROUP,
    AUDIENCE,
    CAMPAIGN,
    DELETED,
    EVERYTHING,
    GMV_MAX,
    IDENTITY,
    IMAGE,
    LIVE,
    OWN,
    PIXEL,
    PRODUCT,
    PROMOTE,
    SMART_AD,
    SMART_ADGROUP,
    SMART_CAMPAIGN,
    TOP_VIEW,
    VIDEO,
    WITH_STATUS,
    WORLD,
    all_rows,
    data_of,
    ids,
    key_of,
    rows,
)

JSON_TYPES = {
    "id": (str, int),  # TikTok types some as numbers
    "text": (str,),
    "time": (str,),
    "money": (float,),
    "number": (float, int),
    "integer": (int,),
    "boolean": (bool, int),  # `skip_learning_phase` comes as 0 and 1
    "json": (list, dict),
}


@pytest.mark.parametrize("path", LISTINGS)
def test_all_fields_come_with_their_types(path: str) -> None:
    found, fields = all_rows(path), catalog.fields(LISTINGS[path].entity)
    assert {name for row in found for name in row} - set(fields) == set()
    with_values = {name for row in found for name, value in row.items() if value is not None}
    # only Promote campaigns have an origin, and TikTok leaves even that out
    assert set(fields) - with_values <= {"campaign_system_origin"}
    wrong = [
        (name, value)
        for row in found
        for name, value in row.items()
        if value is not None and type(value) not in JSON_TYPES[fields[name].type]
    ]
    assert wrong == []


@pytest.mark.parametrize("path", LISTINGS)
def test_an_account_without_campaigns(path: str) -> None:
    data = data_of(path, advertiser_id=list(WORLD.accounts)[-2])
    assert data[LISTINGS[path].key] == []
    assert data["page_info"]["total_number"] == 0


@pytest.mark.parametrize("path", WITH_STATUS)
def test_deleted_entities_come_only_if_asked_for(path: str) -> None:
    everything, left, deleted = ids(path, EVERYTHING), ids(path), ids(path, DELETED)
    assert deleted
    assert sorted(left + deleted) == sorted(everything)
    assert ids(path, {"primary_status": "STATUS_NOT_DELETE"}) == left
    level = LISTINGS[path].level
    assert ids(path, {"secondary_status": f"{level}_STATUS_ALL"}) == everything
    if path != SMART_ADGROUP:
        gone = [row for row in rows(path, EVERYTHING) if row["secondary_status"].endswith("_DELETE")]
        assert [row[key_of(path)] for row in gone] == deleted
        assert {row["operation_status"] for row in gone} == {"DISABLE"}


def test_an_ad_says_what_is_deleted() -> None:
    world = World(Settings(seed=4, ads=200, today=TODAY))
    statuses = {row["secondary_status"] for row in rows(AD, DELETED, world=world)}
    assert statuses == {"AD_STATUS_DELETE", "AD_STATUS_ADGROUP_DELETE", "AD_STATUS_CAMPAIGN_DELETE"}
    assert ids(AD, {"secondary_status": "AD_STATUS_DELETE"}, world=world)


@pytest.mark.parametrize("path", [CAMPAIGN, ADGROUP, AD])
@pytest.mark.parametrize("sweep", [TOP_VIEW, PROMOTE])
def test_special_campaigns_have_sweeps_of_their_own(path: str, sweep: dict[str, Any]) -> None:
    special, everything = ids(path, sweep | EVERYTHING), ids(path, EVERYTHING)
    assert not set(special) & set(everything)
    assert 0 < len(ids(path, sweep)) < len(special)
    assert ids(path, {"buying_types": ["RESERVATION_RF"]}) == []
    assert ids(path, EVERYTHING | {"buying_types": ["AUCTION", "RESERVATION_RF"]}) == everything


def test_promote_entities_have_few_fields() -> None:
    """Six fields of a campaign, and what of them an ad group and an ad have."""
    six = {
        "advertiser_id",
        "campaign_id",
        "campaign_name",
        "create_time",
        "operation_status",
        "secondary_status",
    }
    assert {frozenset(row) for row in rows(CAMPAIGN, PROMOTE)} == {frozenset(six)}
    of_groups = frozenset(six | {"adgroup_id", "adgroup_name"})
    assert {frozenset(row) for row in rows(ADGROUP, PROMOTE)} == {of_groups}
    assert {frozenset(row) for row in rows(AD, PROMOTE)} == {of_groups | {"ad_id", "ad_name"}}


def test_top_view_budgets_are_zero() -> None:
    assert {(row["budget"], row["budget_mode"]) for row in rows(CAMPAIGN, TOP_VIEW)} == {
        (0.0, "BUDGET_MODE_INFINITE")
    }
    assert {row["budget"] for row in rows(ADGROUP, TOP_VIEW)} == {0.0}


def test_names_that_hurt() -> None:
    names = {row["campaign_name"] for path in (CAMPAIGN,) for row in all_rows(path)}
    for part in ("<script>", "\n", "\r\n", "\t", "\u2028", "ünïcödé", '"', "🎬"):
        assert any(part in name for name in names), part
    assert "" in names


LEVELS = {CAMPAIGN: "AUCTION_CAMPAIGN", ADGROUP: "AUCTION_ADGROUP", AD: "AUCTION_AD"}
ATTRIBUTES = {
    CAMPAIGN: ("campaign_name", "campaign_automation_type"),
    ADGROUP: ("campaign_id", "campaign_name", "adgroup_name"),
    AD: ("campaign_id", "campaign_name", "adgroup_id", "adgroup_name", "ad_name", "ad_id_v2"),
}


@pytest.mark.parametrize("path", LEVELS)
@pytest.mark.parametrize("deleted", [False, True])
def test_reports_name_the_same_entities(path: str, *, deleted: bool) -> None:
    """IDs, names, parents and budgets are those of reports, and so the spend of a report finds its entity."""
    key, names = key_of(path), ATTRIBUTES[path]
    budget = {CAMPAIGN: "campaign_budget", ADGROUP: "budget"}.get(path)
    metrics = [*names, *((budget,) if budget else ()), "spend"]
    report = WORLD.rows(
        OWN, LEVELS[path], [key], metrics, "2025-06-01", "2025-06-30", include_deleted=deleted
    )
    listed = {row[key]: row for row in rows(path, EVERYTHING if deleted else None)}
    assert [row["dimensions"][key] for row in report] == list(listed)
    assert any(float(row["metrics"]["spend"]) for row in report)
    for row in report:
        entity, figures = listed[row["dimensions"][key]], row["metrics"]
        assert [entity[name] for name in names] == [figures[name] for name in names if name in figures]
        if budget:
            assert f"{entity['budget']:.2f}" == figures[budget]
        if path == ADGROUP:
            assert (entity["placement_type"] == "PLACEMENT_TYPE_AUTOMATIC") is (entity["placements"] is None)


def test_a_report_has_the_ads_that_the_list_says() -> None:
    report = {
        "advertiser_id": OWN,
        "report_type": "BASIC",
        "data_level": "AUCTION_AD",
        "dimensions": ["ad_id"],
    }
    page = {"start_date": "2025-06-01", "end_date": "2025-06-30", "page_size": 1000}
    spark = [row["ad_id"] for row in rows(AD) if row["identity_type"] != "CUSTOMIZED_USER"]
    types = '["AUTH_CODE", "TT_USER", "BC_AUTH_TT"]'
    filtering = [{"field_name": "identity_type", "filter_type": "IN", "filter_value": types}]
    found = fetch(WORLD, REPORT, **report, **page, filtering=filtering)["list"]
    assert [row["dimensions"]["ad_id"] for row in found] == spark


def test_upgraded_smart_plus_ads() -> None:
    """One row a creative in the list of all ads; what they share is in the list of their own."""
    creatives = [row for row in all_rows(AD) if row.get("campaign_automation_type") == "UPGRADED_SMART_PLUS"]
    smart = {row["smart_plus_ad_id"]: row for row in rows(SMART_AD, EVERYTHING)}
    assert {row["smart_plus_ad_id"] for row in creatives} == set(smart)
    assert len(creatives) > len(smart)
    for row in creatives:
        assert row["ad_id_v2"] == row["smart_plus_ad_id"] != row["ad_id"]
        assert not {"landing_page_url", "call_to_action", "ad_text"} & set(row)
        ad = smart[row["ad_id_v2"]]
        assert row["ad_id"] in {one["ad_material_id"] for one in ad["creative_list"]}
        assert ad["landing_page_url_list"][0]["landing_page_url"].startswith(
            f"https://shop.example/?ad={ad['smart_plus_ad_id']}"
        )
    others = [row for row in rows(AD, EVERYTHING) if row["campaign_automation_type"] != "UPGRADED_SMART_PLUS"]
    assert all("smart_plus_ad_id" not in row and row["ad_id_v2"] == row["ad_id"] for row in others)
    upgraded = {row["campaign_id"] for row in creatives}
    assert set(ids(SMART_CAMPAIGN, EVERYTHING)) == upgraded
    assert {row["campaign_id"] for row in rows(SMART_ADGROUP, EVERYTHING)} == upgraded
    spend = WORLD.rows(
        OWN, "AUCTION_AD", ["ad_id_v2"], ["spend"], "2025-06-01", "2025-06-30", include_deleted=True
    )
    assert set(smart) <= {row["dimensions"]["ad_id_v2"] for row in spend}


def test_the_fields_of_an_ads_configuration_by_their_own_names() -> None:
    row = rows(SMART_AD, fields=["smart_plus_ad_id", "utm_params"])[0]
    assert list(row) == ["smart_plus_ad_id", "ad_configuration"]
    assert list(row["ad_configuration"]) == ["utm_params"]


def test_times_that_smart_ads_lack() -> None:
    """A row without ``modify_time`` has no place in what was modified after some time."""
    ads = rows(AD, EVERYTHING)
    absent = [row for row in ads if "modify_time" not in row]
    assert {row["campaign_automation_type"] for row in absent} <= {"SMART_PLUS", "UPGRADED_SMART_PLUS"}
    null = [row for row in rows(SMART_AD, EVERYTHING) if row["modify_time"] is None]
    assert absent
    assert null
    since = sorted(row["modify_time"] for row in ads if "modify_time" in row)[len(ads) // 2]
    found = rows(AD, EVERYTHING | {"modified_after": since})
    assert found == [row for row in ads if row.get("modify_time", "") >= since]
    assert since in {row["modify_time"] for row in found}  # the bound itself is in
    assert all(
        row["modify_time"] for row in rows(SMART_AD, EVERYTHING | {"modified_after": "2020-01-01 00:00:00"})
    )


def test_spark_ads_show_a_post() -> None:
    ads = rows(AD, EVERYTHING)
    spark = [row for row in ads if row["tiktok_item_id"]]
    assert 0 < len(spark) < len(ads)
    assert {(row["video_id"], row["image_ids"]) for row in spark} == {(None, None)}
    assert all(row["identity_type"] == "CUSTOMIZED_USER" for row in ads if row not in spark)


def test_pages_and_macros() -> None:
    urls = [row["landing_page_url"] for row in rows(AD) if "landing_page_url" in row]
    assert any("__CAMPAIGN_NAME__" in url for url in urls)
    assert any("__" not in url for url in urls)
    parameters = [row["utm_params"] for row in rows(AD)]
    assert {"key": "utm_source", "value": "tiktok"} in next(filter(None, parameters))
    assert [] in parameters
    report = WORLD.rows(OWN, "AUCTION_AD", ["ad_id"], ["ad_url"], "2025-06-01", "2025-06-30")
    shown = {row["dimensions"]["ad_id"]: row["metrics"]["ad_url"] for row in report}
    for row in rows(AD):
        if "landing_page_url" in row:
            assert row["landing_page_url"].startswith(shown[row["ad_id"]])


def test_ads_use_what_the_library_has() -> None:
    ads, groups = rows(AD, EVERYTHING), rows(ADGROUP, EVERYTHING)
    pixels = set(ids(PIXEL))
    assert {row["video_id"] for row in ads} - {None} <= set(ids(VIDEO))
    assert {image for row in ads for image in row["image_ids"] or ()} <= set(ids(IMAGE))
    assert {row["identity_id"] for row in (*ads, *groups)} - {None} <= set(ids(IDENTITY))
    assert {str(row["tracking_pixel_id"]) for row in ads} | {row["pixel_id"] for row in groups} <= pixels
    assert {one for row in groups for one in row["audience_ids"]} <= set(ids(AUDIENCE))


def test_ids_that_are_numbers_are_too_long_for_a_double() -> None:
    numbers = [
        row[name] for row in rows(AD) for name in ("page_id", "tracking_pixel_id") if row[name] is not None
    ]
    assert all(isinstance(one, int) and one > 2**53 for one in numbers)
    assert {int(float(one)) for one in numbers} != set(numbers)


def test_gmv_max_campaigns_have_lists_of_their_own() -> None:
    found = {row["campaign_id"] for row in all_rows(GMV_MAX)}
    assert found == {ad.group.campaign.id for ad in WORLD.shop_ads(OWN)}
    assert len(ids(GMV_MAX, PRODUCT)) == len(ids(GMV_MAX, LIVE)) == len(ids(GMV_MAX, PRODUCT | DELETED)) == 2
    assert not found & {row["campaign_id"] for path in (ADGROUP, AD) for row in all_rows(path)}
    per_store = [ids(GMV_MAX, PRODUCT | {"store_ids": [store]}) for store in stores(WORLD.accounts[OWN])]
    assert sorted(one for some in per_store for one in some) == sorted(ids(GMV_MAX, PRODUCT))


def test_only_the_latest_files_are_reachable() -> None:
    """The count is TikTok's own; pages beyond the 10,000 that were changed last are empty."""
    world = World(Settings(accounts=1, videos=10_030, today=TODAY))
    last, beyond = (data_of(VIDEO, world=world, page=page) for page in (100, 101))
    assert (len(last["list"]), beyond["list"]) == (100, [])
    assert last["page_info"]["total_number"] == beyond["page_info"]["total_number"] == 10_030
    first = data_of(VIDEO, world=world)["list"]
    assert first[0]["modify_time"] > last["list"][-1]["modify_time"]
    assert first[0]["modify_time"].endswith("Z")
    oldest = data_of(VIDEO, world=world, sort_type="ASC")["list"]
    assert oldest[0]["modify_time"] == last["list"][-1]["modify_time"]  # another order reaches no others


def test_account_details() -> None:
    (row,) = fetch(WORLD, "advertiser/info/", advertiser_ids=[OWN])["list"]
    assert list(row) == list(catalog.fields("advertiser"))
    assert isinstance(row["create_time"], int)
    assert isinstance(row["balance"], float)
    (alone,) = fetch(
        WORLD, "advertiser/info/", advertiser_ids=[OWN], fields=["name", "company_name_editable"]
    )["list"]
    assert alone == {"advertiser_id": OWN, "company_name_editable": False}
    (new,) = fetch(WORLD, "advertiser/info/", advertiser_ids=[OWN], fields=["can_use_custom_identity"])[
        "list"
    ]
    assert new == {"can_use_custom_identity": True}
