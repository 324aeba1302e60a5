"""Calls of lists of entities: refusals, pages, filters, scopes, and lists that move."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_tiktok.emulator import Settings, World
from airflow_provider_tiktok.emulator.access import SCOPES
from airflow_provider_tiktok.emulator.errors import ApiError
from airflow_provider_tiktok.emulator.faults import LIST_PATHS
from airflow_provider_tiktok.emulator.kinds.listings import LISTINGS
from airflow_provider_tiktok.emulator.world.accounts import BC_ID

from .conftest import TODAY, Client, fetch, ordinary
from .entity_lists import (
    AD,
    ADGROUP,
    ADS,
    AUDIENCE,
    CAMPAIGN,
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
    data_of,
    ids,
    key_of,
    rows,
)

REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    *((path, {"advertiser_id": None}, "40002 Missing required field(s): advertiser_id") for path in LISTINGS),
    *((path, {"advertiser_id": "x"}, "40002 advertiser_id: Not a valid ID") for path in LISTINGS),
    *((path, {"fields": ["colour"]}, "40002 fields: one or more value of the param") for path in LISTINGS),
    *((path, {"page": 0}, "40002 page: Must be greater than or equal to 1.") for path in LISTINGS),
    *((path, {"page_size": 0}, "40002 page_size: Must be between 1 and ") for path in LISTINGS),
    (CAMPAIGN, {"page_size": 1001}, "40002 page_size: Must be between 1 and 1000."),
    (SMART_ADGROUP, {"page_size": 1001}, "40002 page_size: Must be between 1 and 1000."),
    *(
        (path, {"page_size": 101}, "40002 page_size: Must be between 1 and 100.")
        for path in (SMART_AD, GMV_MAX, VIDEO, IMAGE, IDENTITY, AUDIENCE)
    ),
    (PIXEL, {"page_size": 21}, "40002 page_size: Must be between 1 and 20."),
    (AD, {"filtering": TOP_VIEW, "page_size": 101}, "40002 page_size: Must be between 1 and 100."),
    (AD, {"filtering": [{"field_name": "ad_ids"}]}, "40002 filtering: Not a valid object."),
    (AD, {"exclude_field_types_in_response": ["x"]}, "40002 exclude_field_types_in_response: one or more"),
    # each list has its own keys
    (CAMPAIGN, {"filtering": {"adgroup_ids": ["1"]}}, "40002 filtering: adgroup_ids: Unknown field."),
    (CAMPAIGN, {"filtering": {"modified_after": "x"}}, "40002 filtering: modified_after: Unknown field."),
    (ADGROUP, {"filtering": {"modified_after": "x"}}, "40002 filtering: modified_after: Unknown field."),
    (ADGROUP, {"filtering": {"ad_ids": ["1"]}}, "40002 filtering: ad_ids: Unknown field."),
    (AD, {"filtering": {"campaign_name": "x"}}, "40002 filtering: campaign_name: Unknown field."),
    (SMART_CAMPAIGN, {"filtering": TOP_VIEW}, "40002 filtering: buying_types: Unknown field."),
    (SMART_AD, {"filtering": PROMOTE}, "40002 filtering: campaign_system_origins: Unknown field."),
    (
        SMART_ADGROUP,
        {"filtering": {"modified_after": "x"}},
        "40002 filtering: modified_after: Unknown field.",
    ),
    (VIDEO, {"filtering": EVERYTHING}, "40002 filtering: primary_status: Unknown field."),
    (IMAGE, {"filtering": {"video_ids": ["1"]}}, "40002 filtering: video_ids: Unknown field."),
    (IDENTITY, {"filtering": {"x": 1}}, "40002 filtering: x: Unknown field."),
    (AUDIENCE, {"filtering": EVERYTHING}, "40002 filtering: primary_status: Unknown field."),
    # statuses
    (CAMPAIGN, {"filtering": {"primary_status": "ALL"}}, "40002 primary_status: one or more value"),
    (CAMPAIGN, {"filtering": {"primary_status": "STATUS_FROZEN"}}, "40002 primary_status: one or more value"),
    (
        AD,
        {"filtering": {"secondary_status": "CAMPAIGN_STATUS_ALL"}},
        "40002 filtering: secondary_status: Not a",
    ),
    (GMV_MAX, {"filtering": PRODUCT | EVERYTHING}, "40002 primary_status: one or more value of the param"),
    # sweeps
    (
        CAMPAIGN,
        {"filtering": {"buying_types": ["AUCTION", "RESERVATION_TOP_VIEW"]}},
        "40002 Invalid param: 'filtering.buying_types'. The value 'RESERVATION_TOP_VIEW' cannot be combined with "
        "other enum values for this parameter. Please check and try again.",
    ),
    (AD, {"filtering": {"buying_types": ["TOP_VIEW"]}}, "40002 buying_types: one or more value of the param"),
    (AD, {"filtering": {"campaign_system_origins": []}}, "40002 filtering: campaign_system_origins: Length"),
    (GMV_MAX, {"filtering": None}, "40002 Missing required field(s): filtering.gmv_max_promotion_types"),
    (
        GMV_MAX,
        {"filtering": PRODUCT | LIVE | {"gmv_max_promotion_types": ["PRODUCT"]}},
        "40002 gmv_max_promotion",
    ),
    (GMV_MAX, {"filtering": PRODUCT | {"store_ids": ["1"] * 11}}, "40011 Too many IDs in a request."),
    (GMV_MAX, {"filtering": PRODUCT | {"store_ids": ["1"]}}, "40001 No permission to operate store 1."),
    # IDs
    *(
        (path, {"filtering": {"campaign_ids": ["1"] * 101}}, "40011 Too many IDs in a request.")
        for path in WITH_STATUS
    ),
    (VIDEO, {"filtering": {"material_ids": ["1"] * 21}}, "40011 Too many IDs in a request."),
    (IMAGE, {"filtering": {"image_ids": ["x"] * 101}}, "40011 Too many IDs in a request."),
    (AUDIENCE, {"custom_audience_ids": ["1"] * 101}, "40011 Too many IDs in a request."),
    ("advertiser/info/", {"advertiser_ids": ["1"] * 101}, "40011 Too many IDs in a request."),
    (AD, {"filtering": {"ad_ids": "1"}}, "40002 filtering: ad_ids: Not a valid list of strings."),
    (AD, {"filtering": {"ad_ids": ["x"]}}, "40002 filtering: ad_ids: Not a valid list of IDs"),
    (AD, {"filtering": {"ad_ids": []}}, "40002 filtering: ad_ids: Shorter than minimum length 1."),
    (
        AD,
        {"filtering": {"modified_after": "2026-11-01"}},
        "40002 filtering: modified_after: Not a valid time",
    ),
    (AD, {"filtering": {"modified_after": 5}}, "40002 filtering: modified_after: Not a valid string."),
    (
        AD,
        {"filtering": {"modified_after": "2026-13-01 00:00:00"}},
        "40002 filtering: modified_after: Not a valid",
    ),
    # others
    (
        IDENTITY,
        {"identity_type": "x"},
        "40002 identity_type: one or more value of the param is not acceptable",
    ),
    (IDENTITY, {"identity_type": "BC_AUTH_TT"}, "40002 Missing required field(s): identity_authorized_bc_id"),
    (PIXEL, {"order_by": "x"}, "40002 order_by: one or more value of the param is not acceptable"),
    (VIDEO, {"sort_field": "x"}, "40002 sort_field: one or more value of the param is not acceptable"),
    (AD, {"advertiser_id": "1"}, "40001 The advertiser 1 doesn't exist or has been deleted."),
    (
        AD,
        {"advertiser_id": list(WORLD.accounts)[-1]},
        "40001 advertiser does not grant you /ad/get/:GET permission",
    ),
]


@pytest.mark.parametrize(("path", "changes", "text"), REFUSALS)
def test_refuses(path: str, changes: dict[str, Any], text: str) -> None:
    legal = {"filtering": PRODUCT} if path == GMV_MAX else {}
    with pytest.raises(ApiError) as refused:
        fetch(WORLD, path, **{"advertiser_id": OWN, **legal, **changes})
    assert f"{refused.value.code} {refused.value.message}".startswith(text)


@pytest.mark.parametrize("path", LISTINGS)
def test_pages(path: str) -> None:
    """Each row comes once, in a fixed order, and the count is right; a default page has TikTok's size."""
    everything = ids(path)
    assert len(everything) == len(set(everything)) > 1
    assert ids(path, page_size=2) == everything
    if LISTINGS[path].level:
        assert everything == sorted(everything, reverse=True)
    data = data_of(path, page_size=None)
    assert data["page_info"] == {
        "page": 1,
        "page_size": LISTINGS[path].default,
        "total_number": len(everything),
        "total_page": -(-len(everything) // LISTINGS[path].default),
    }
    assert data_of(path, page=50)[LISTINGS[path].key] == []


def test_default_sizes_of_pages() -> None:
    assert {path for path, listing in LISTINGS.items() if listing.default == 20} == {VIDEO, IMAGE, IDENTITY}
    assert {listing.default for listing in LISTINGS.values()} == {10, 20}


@pytest.mark.parametrize("path", LISTINGS)
def test_the_named_fields_come(path: str) -> None:
    key = key_of(path)
    assert {tuple(row) for row in rows(path, fields=[key, key])} == {(key,)}


@pytest.mark.parametrize(
    ("path", "filtering", "selects"),
    [
        (CAMPAIGN, {"campaign_name": "ÜNÏCÖDÉ"}, lambda row: "ünïcödé" in row["campaign_name"]),
        *(
            (CAMPAIGN, one, lambda row: row["campaign_automation_type"] == "SMART_PLUS")
            for one in (
                {"campaign_automation_type": "SMART_PLUS"},
                {"is_smart_performance_campaign": True},
                {"creative_campaign_type": "SPC"},
            )
        ),
        (CAMPAIGN, {"objective_type": "REACH"}, lambda row: row["objective_type"] == "REACH"),
        (CAMPAIGN, {"primary_status": "STATUS_DISABLE"}, lambda row: row["operation_status"] == "DISABLE"),
        (ADGROUP, {"adgroup_name": "ad group 3"}, lambda row: "Ad group 3" in row["adgroup_name"]),
        (
            SMART_AD,
            {"primary_status": "STATUS_DELIVERY_OK"},
            lambda row: row["secondary_status"] == "AD_STATUS_DELIVERY_OK",
        ),
        (
            AD,
            {
                "creation_filter_start_time": "2024-01-01 00:00:00",
                "creation_filter_end_time": "2024-06-30 00:00:00",
            },
            lambda row: "2024-01" <= row["create_time"] < "2024-06-30",
        ),
        (VIDEO, {"video_name": "clip 7"}, lambda row: "Clip 7 " in row["file_name"]),
        (IMAGE, {"width": 720, "displayable": True}, lambda row: row["displayable"]),
    ],
)
def test_filters(path: str, filtering: dict[str, Any], selects: Callable[[Any], bool]) -> None:
    everything = rows(path)
    found = rows(path, filtering)
    assert found == list(filter(selects, everything))
    assert 0 < len(found) < len(everything)


@pytest.mark.parametrize(
    ("path", "filtering"),
    [
        (ADGROUP, {"billing_events": ["OCPM"]}),
        (ADGROUP, {"split_test_enabled": True}),
        (CAMPAIGN, {"campaign_product_source": "STORE"}),
        (IMAGE, {"width": 720, "height": 1}),
        (AD, {"creation_filter_end_time": "2020-01-02 00:00:00"}),
        (SMART_AD, {"modified_after": "2036-01-02 00:00:00"}),
        (SMART_CAMPAIGN, {"campaign_ids": ["1"]}),
    ],
)
def test_filters_that_nothing_matches(path: str, filtering: dict[str, Any]) -> None:
    assert data_of(path, filtering)["page_info"]["total_number"] == 0


@pytest.mark.parametrize("path", LISTINGS)
def test_filters_by_id(path: str) -> None:
    wanted = ids(path)[:2]
    named = "image_ids" if path == IMAGE else f"{key_of(path)}s"
    if path == AUDIENCE:
        assert ids(path, custom_audience_ids=wanted) == wanted
    elif named in LISTINGS[path].keys:
        kind = PRODUCT if path == GMV_MAX else {}
        assert ids(path, kind | {named: wanted}) == wanted


def test_filters_of_pixels_and_identities() -> None:
    pixel = rows(PIXEL)[3]
    for name, of in (("pixel_id", "pixel_id"), ("code", "pixel_code"), ("name", "pixel_name")):
        assert [row["pixel_id"] for row in rows(PIXEL, **{name: pixel[of]})] == [pixel["pixel_id"]]
    assert ids(PIXEL, order_by="EARLIEST_CREATE") == ids(PIXEL)[::-1]
    granted = rows(IDENTITY, identity_type="BC_AUTH_TT", identity_authorized_bc_id=BC_ID)
    assert {row["identity_authorized_bc_id"] for row in granted} == {BC_ID}
    assert all("identity_authorized_bc_id" not in row for row in rows(IDENTITY, identity_type="TT_USER"))


def test_nulls_can_be_left_out() -> None:
    full, short = (rows(ADGROUP, exclude_field_types_in_response=types) for types in (None, ["NULL_FIELD"]))
    assert short == [{name: value for name, value in row.items() if value is not None} for row in full]
    assert short != full
    assert rows(SMART_AD, exclude_field_types_in_response=["NULL_FIELD"]) == rows(
        SMART_AD
    )  # not a parameter there


def test_edits() -> None:
    """An edited entity has other values, another status, new fields, or is gone."""
    first, second, third = ids(CAMPAIGN)[:3]
    edits = {
        first: {"budget": 99.5, "brand_new": [1]},
        second: None,
        third: {"primary_status": "STATUS_DELETE"},
    }
    world = World(Settings(seed=4, ads=ADS, today=TODAY, edits=edits))
    found = {row["campaign_id"]: row for row in rows(CAMPAIGN, world=world)}
    assert (found[first]["budget"], found[first]["brand_new"]) == (99.5, [1])
    assert not {second, third} & set(found)
    everything = {row["campaign_id"]: row for row in rows(CAMPAIGN, EVERYTHING, world=world)}
    assert everything[third]["secondary_status"] == "CAMPAIGN_STATUS_DELETE"
    assert second not in everything
    assert len(found) == len(ids(CAMPAIGN)) - 2
    assert {tuple(row) for row in rows(CAMPAIGN, world=world, fields=["campaign_id"])} == {("campaign_id",)}
    renamed = World(Settings(edits={OWN: {"balance": 0.01}}, seed=4, today=TODAY))
    assert fetch(renamed, "advertiser/info/", advertiser_ids=[OWN])["list"][0]["balance"] == 0.01


def test_a_call_needs_its_scope(own_client: Callable[..., Client]) -> None:
    """A report-only app has reports and account details, and nothing else."""
    client = own_client(scopes=(1, 4))
    account = ordinary(client.emulator.world)
    assert client.report()["code"] == 0
    assert client.get("advertiser/info/", advertiser_ids=[account]).json()["code"] == 0
    for path in LISTINGS:
        answer = client.get(
            path, advertiser_id=account, filtering=PRODUCT if path == GMV_MAX else None
        ).json()
        assert (answer["code"], "lacks the required scope" in answer["message"]) == (40001, True), path
    for scope in SCOPES:
        client.emulator.configure(scopes=(scope,))
        allowed = client.get(CAMPAIGN, advertiser_id=account).json()["code"] == 0
        assert allowed is (scope == 2)
    client.emulator.configure(scopes=(2,))
    assert client.report()["code"] == 40001


def test_a_list_grows_and_shrinks_while_it_is_read(client: Client) -> None:
    account = ordinary(client.emulator.world)

    def page(number: int) -> tuple[list[str], int]:
        data = client.get(AD, advertiser_id=account, page=number, page_size=5).json()["data"]
        return [row["ad_id"] for row in data["list"]], data["page_info"]["total_number"]

    (first, total), (second, _), (third, _) = page(1), page(2), page(3)
    client.emulator.set_faults([{"fault": "list_grows", "path": AD, "first": 2}])
    assert page(1) == (first, total)
    assert page(2) == ([first[-1], *second[:-1]], total + 1)
    assert page(2) == (second, total)
    client.emulator.set_faults([{"fault": "list_shrinks", "path": AD}])
    assert page(2) == ([*second[1:], third[0]], total - 1)


@pytest.mark.parametrize(("kind", "change"), [("drop_row", -1), ("duplicate_row", 1), ("short_page", -5)])
def test_lists_have_faults_of_reports_if_the_path_names_them(client: Client, kind: str, change: int) -> None:
    account = ordinary(client.emulator.world)

    def count(path: str) -> int:
        return len(client.get(path, advertiser_id=account, page_size=20).json()["data"][LISTINGS[path].key])

    assert count(PIXEL) == 20
    client.emulator.set_faults([{"fault": kind}])
    assert count(PIXEL) == 20
    client.emulator.set_faults([{"fault": kind, "path": PIXEL}])
    assert count(PIXEL) == (10 if kind == "short_page" else 20 + change)


def test_every_list_can_have_faults() -> None:
    assert all(path.endswith(LIST_PATHS) for path in LISTINGS)
    assert all(any(path.endswith(end) for path in LISTINGS) for end in LIST_PATHS)


def test_over_http(client: Client) -> None:
    """The key of the list is TikTok's, and nested parameters are JSON in the query string."""
    account = ordinary(client.emulator.world)
    for path, listing in LISTINGS.items():
        filtering = json.dumps(PRODUCT if path == GMV_MAX else EVERYTHING if listing.level else {})
        data = client.get(path, advertiser_id=account, filtering=filtering).json()["data"]
        assert list(data) == [listing.key, "page_info"]
        assert data[listing.key]
