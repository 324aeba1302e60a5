"""Campaigns, ad groups and ads as lists."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_tiktok.emulator import Settings, World
from airflow_provider_tiktok.emulator.errors import ApiError

from .conftest import TODAY, TOKEN, Client, fetch, ordinary

WORLD = World(Settings(seed=4, ads=30, today=TODAY))
ACCOUNT = {"advertiser_id": ordinary(WORLD), "page_size": 1000}
PATHS = {"campaign/get/": "campaign_id", "adgroup/get/": "adgroup_id", "ad/get/": "ad_id"}
LEVELS = {"campaign_id": "AUCTION_CAMPAIGN", "adgroup_id": "AUCTION_ADGROUP", "ad_id": "AUCTION_AD"}


def ids(path: str, **params: Any) -> list[str]:
    return [row[PATHS[path]] for row in fetch(WORLD, path, **{**ACCOUNT, **params})["list"]]


@pytest.mark.parametrize("path", PATHS)
def test_a_list_has_the_entities_of_the_report(path: str) -> None:
    name = PATHS[path]

    def reported(*, deleted: bool) -> list[str]:
        rows = WORLD.rows(
            *(ACCOUNT["advertiser_id"], LEVELS[name], [name], ["spend"]),
            *("2026-11-01", None, deleted),
        )
        return [row["dimensions"][name] for row in rows]

    assert ids(path) == reported(deleted=False)
    everything = ids(path, filtering={"primary_status": "STATUS_ALL"})
    assert everything == reported(deleted=True)
    secondary = f"{name.removesuffix('_id').upper()}_STATUS_ALL"
    assert ids(path, filtering={"secondary_status": secondary}) == everything
    deleted = ids(path, filtering={"primary_status": "STATUS_DELETE"})
    assert sorted(deleted + ids(path)) == sorted(everything)
    assert deleted
    assert ids(path, filtering={f"{name}s": everything[:2], "primary_status": "STATUS_ALL"}) == everything[:2]


def test_pages_and_fields() -> None:
    data = fetch(WORLD, "ad/get/", **{**ACCOUNT, "page": 2, "page_size": 5, "fields": ["ad_id", "ad_name"]})
    assert [list(row) for row in data["list"]] == [["ad_id", "ad_name"]] * 5
    assert [row["ad_id"] for row in data["list"]] == ids("ad/get/")[5:10]
    assert data["page_info"]["total_number"] == len(ids("ad/get/"))
    assert fetch(WORLD, "ad/get/", **{**ACCOUNT, "advertiser_id": list(WORLD.accounts)[-1]})["list"] == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"advertiser_id": None}, "Missing required field(s): advertiser_id"),
        ({"page_size": 1001}, "page_size: Must be between 1 and 1000."),
        ({"fields": ["ad_id", "colour"]}, "fields: one or more value of the param is not acceptable"),
        ({"filtering": [{"field_name": "ad_ids"}]}, "filtering: Not a valid object."),
        ({"filtering": {"colour": "red"}}, "filtering: colour: Unknown field."),
        ({"filtering": {"primary_status": "ALL"}}, "primary_status: one or more value of the param is not"),
        ({"filtering": {"ad_ids": "1"}}, "filtering: ad_ids: Not a valid list of strings."),
    ],
)
def test_refuses(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ApiError) as refused:
        fetch(WORLD, "ad/get/", **{**ACCOUNT, **changes})
    assert (refused.value.code, text in refused.value.message) == (40002, True)


def test_over_http(client: Client) -> None:
    account = ordinary(client.emulator.world)
    for path, name in PATHS.items():
        data = client.get(path, advertiser_id=account).json()["data"]
        assert data["list"][0]["advertiser_id"] == account
        assert data["list"][0][name].isdecimal()


def test_singer_asks_who_it_is_without_a_slash(client: Client) -> None:
    assert client.get("user/info", token=TOKEN).json()["code"] == 0
