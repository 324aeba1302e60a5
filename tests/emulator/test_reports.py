"""Reports: rows, pages, order, filters, totals, several accounts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_tiktok.emulator import Settings, World
from airflow_provider_tiktok.reports import catalog

from .conftest import REPORT, TODAY, Client, ordinary

STATUS_ALL = {"field_name": "ad_status", "filter_type": "IN", "filter_value": '["STATUS_ALL"]'}


def one_of(field: str, *values: str) -> dict[str, str]:
    return {"field_name": field, "filter_type": "IN", "filter_value": json.dumps(values)}


def rows_of(client: Client, **changes: Any) -> list[dict[str, Any]]:
    answer = client.report(page_size=1000, **changes)
    assert answer["code"] == 0, answer["message"]
    rows: list[dict[str, Any]] = answer["data"]["list"]
    return rows


def ids_of(rows: list[dict[str, Any]], name: str = "ad_id") -> list[str]:
    return list(dict.fromkeys(row["dimensions"][name] for row in rows))


def test_a_row(client: Client) -> None:
    row = rows_of(client, metrics=["spend", "ctr", "secondary_goal_result", "tt_app_id", "ad_name"])[0]
    assert list(row) == ["dimensions", "metrics"]
    assert list(row["dimensions"]) == ["ad_id", "stat_time_day"]
    assert row["dimensions"]["stat_time_day"] == "2026-11-01 00:00:00"
    assert all(isinstance(value, str) for value in (*row["dimensions"].values(), *row["metrics"].values()))
    assert row["metrics"]["secondary_goal_result"] == "-"
    assert row["metrics"]["tt_app_id"] == "0"


def test_http_and_the_world_agree(client: Client) -> None:
    world, account = client.emulator.world, ordinary(client.emulator.world)
    expected = world.rows(
        account,
        "AUCTION_AD",
        ["ad_id", "stat_time_day"],
        ["spend", "impressions"],
        "2026-11-01",
        "2026-11-03",
    )
    assert rows_of(client) == expected


def test_every_metric_has_a_value_that_fits_its_type(world: World) -> None:
    names = [metric.name for metric in catalog.metrics().values() if "AUCTION_AD" in metric.levels]
    account = ordinary(world)
    row = world.rows(account, "AUCTION_AD", ["ad_id_v2"], names, "2026-11-01", "2026-11-03")[0]["metrics"]
    for name in names:
        kind, value = catalog.metrics()[name].type, row[name]
        if kind == "string_array" and value != "-":
            assert isinstance(value, list)
        elif kind == "integer" and value != "-":
            assert int(value) >= 0, name
        elif kind in ("currency", "percent", "ratio", "seconds") and value != "-":
            assert float(value) >= 0, name
        else:
            assert isinstance(value, str), name


def test_rates_follow_from_the_rows_own_figures(world: World) -> None:
    names = [
        "spend",
        "impressions",
        "clicks",
        "reach",
        "ctr",
        "cpc",
        "cpm",
        "frequency",
        "conversion",
        "conversion_rate",
    ]
    for row in world.rows(
        ordinary(world), "AUCTION_AD", ["ad_id", "stat_time_day"], names, "2026-11-02", "2026-11-02"
    ):
        shown = {name: float(value) for name, value in row["metrics"].items()}
        assert shown["clicks"] <= shown["impressions"]
        assert shown["reach"] <= shown["impressions"]
        if shown["impressions"]:
            assert shown["ctr"] == pytest.approx(100 * shown["clicks"] / shown["impressions"], abs=0.0051)
            assert shown["cpm"] == pytest.approx(1000 * shown["spend"] / shown["impressions"], abs=0.0051)
        if shown["clicks"]:
            assert shown["cpc"] == pytest.approx(shown["spend"] / shown["clicks"], abs=0.0051)
            assert shown["conversion_rate"] == pytest.approx(
                100 * shown["conversion"] / shown["clicks"], abs=0.0051
            )


def test_about_a_quarter_of_ad_days_is_empty_and_empty_means_empty(world: World) -> None:
    names = ["spend", "impressions", "clicks", "likes", "conversion", "total_purchase_value"]
    rows = [
        row["metrics"]
        for place in range(6)
        for row in world.rows(
            ordinary(world, place),
            "AUCTION_AD",
            ["ad_id", "stat_time_day"],
            names,
            "2026-10-01",
            "2026-10-30",
            True,
        )
    ]
    empty = [row for row in rows if row["impressions"] == "0"]
    assert 0.15 < len(empty) / len(rows) < 0.35
    assert all(float(value) == 0 for row in empty for value in row.values())


def test_zero_rows_may_be_left_out(own_client: Any) -> None:
    with_zeros = own_client()
    without = own_client(zero_rows=False)
    nonzero = [row for row in rows_of(with_zeros) if row["metrics"]["impressions"] != "0"]
    assert rows_of(without) == nonzero


def test_rows_are_omitted_by_the_requested_figures(own_client: Any) -> None:
    late = own_client(zero_rows=False, late_conversions=True)
    both = rows_of(late, metrics=["spend", "real_time_conversion"], filtering=[STATUS_ALL])
    spent = rows_of(late, metrics=["spend"], filtering=[STATUS_ALL])
    assert {row["dimensions"]["ad_id"] for row in spent} < {row["dimensions"]["ad_id"] for row in both}
    assert all(float(row["metrics"]["spend"]) for row in spent)


def test_truncation_may_be_flagged_in_extra_info(own_client: Any) -> None:
    client = own_client(max_entities=5, cut_header=False)
    response = client.get(REPORT, **client.legal())
    assert "X-Tt-Ads-Throttle" not in response.headers
    assert response.json()["data"]["extra_info"] == {"search_ads_throttle": True}


def test_the_pages_together_are_all_rows(client: Client) -> None:
    rows = rows_of(client)
    pages, page = [], 1
    while True:
        data = client.report(page=page, page_size=7)["data"]
        assert data["page_info"] == {
            "page": page,
            "page_size": 7,
            "total_number": len(rows),
            "total_page": -(-len(rows) // 7),
        }
        pages += data["list"]
        page += 1
        if page > data["page_info"]["total_page"]:
            break
    assert pages == rows
    assert client.report(page=page, page_size=7)["data"]["list"] == []


def test_ten_rows_a_page_by_default(client: Client) -> None:
    assert len(client.report()["data"]["list"]) == 10


def test_spend_and_impressions_by_default(client: Client) -> None:
    assert list(client.report(metrics=None)["data"]["list"][0]["metrics"]) == ["spend", "impressions"]


def test_newest_entity_first_then_by_day(client: Client) -> None:
    keys = [(-int(row["dimensions"]["ad_id"]), row["dimensions"]["stat_time_day"]) for row in rows_of(client)]
    assert keys == sorted(keys)


def test_another_order_of_unsorted_rows(own_client: Any) -> None:
    default, other = own_client(), own_client(order_seed=7)
    assert rows_of(default) != rows_of(other)
    assert sorted(map(repr, rows_of(default))) == sorted(map(repr, rows_of(other)))
    assert rows_of(other) == rows_of(other)


@pytest.mark.parametrize(("order", "backwards"), [("ASC", False), ("DESC", True), (None, True)])
def test_sorted_by_a_metric(client: Client, order: str | None, backwards: bool) -> None:
    rows = rows_of(client, metrics=["impressions"], order_field="spend", order_type=order)
    spends = {json.dumps(row["dimensions"]): float(row["metrics"]["spend"]) for row in rows_of(client)}
    values = [spends[json.dumps(row["dimensions"])] for row in rows]
    assert values == sorted(values, reverse=backwards)


def test_an_account_without_campaigns(client: Client) -> None:
    (empty,) = [one for one in client.emulator.world.accounts.values() if not one.has_campaigns]
    data = client.report(advertiser_id=empty.advertiser_id)["data"]
    assert data == {"list": [], "page_info": {"page": 1, "page_size": 10, "total_number": 0, "total_page": 0}}


def test_total_page_of_nothing_can_be_chosen(own_client: Any) -> None:
    client = own_client(empty_total_page=1)
    assert (
        client.report(start_date="2027-01-01", end_date="2027-01-02")["data"]["page_info"]["total_page"] == 1
    )


@pytest.mark.parametrize("days", [("2015-01-01", "2015-01-03"), ("2026-12-01", "2026-12-02")])
def test_nothing_before_the_account_and_in_the_future(client: Client, days: tuple[str, str]) -> None:
    assert rows_of(client, start_date=days[0], end_date=days[1]) == []


def test_the_present_is_the_accounts_own(world: World) -> None:
    # 20:30 UTC is half past twelve in Los Angeles, and half past nine of the next day in Auckland
    def hours(place: int, day: str) -> int:
        return len(
            world.rows(
                ordinary(world, place),
                "AUCTION_ADVERTISER",
                ["advertiser_id", "stat_time_hour"],
                ["spend"],
                day,
            )
        )

    assert (hours(0, "2026-11-20"), hours(0, "2026-11-21")) == (13, 0)
    assert (hours(5, "2026-11-20"), hours(5, "2026-11-21")) == (24, 10)


def test_deleted_ads_are_excluded_by_default(client: Client) -> None:
    shown = ids_of(rows_of(client))
    everything = ids_of(rows_of(client, filtering=[STATUS_ALL]))
    deleted = ids_of(rows_of(client, filtering=[one_of("ad_status", "STATUS_DELETE")]))
    assert len(everything) == 40
    assert deleted
    assert sorted(shown + deleted) == sorted(everything)


def test_parents_are_deleted_with_their_ads(world: World) -> None:
    for ad in world.ads(ordinary(world)):
        if ad.group.campaign.status == "STATUS_DELETE":
            assert ad.group.status == "STATUS_DELETE"
        if ad.group.status == "STATUS_DELETE":
            assert ad.status == "STATUS_DELETE"


@pytest.mark.parametrize("place", range(6))
def test_each_account_has_deleted_entities_that_spent(world: World, place: int) -> None:
    account = ordinary(world, place)
    for level, name in (
        ("AUCTION_CAMPAIGN", "campaign_id"),
        ("AUCTION_ADGROUP", "adgroup_id"),
        ("AUCTION_AD", "ad_id"),
    ):
        window = (level, [name], ["spend"], "2026-11-01", "2026-11-19")
        shown = sum(float(row["metrics"]["spend"]) for row in world.rows(account, *window))
        everything = sum(float(row["metrics"]["spend"]) for row in world.rows(account, *window, True))
        assert 0 < shown < everything


def test_statuses(client: Client) -> None:
    found = [
        set(ids_of(rows_of(client, filtering=[one_of("ad_status", status)])))
        for status in ("STATUS_DELIVERY_OK", "STATUS_DISABLE", "STATUS_NOT_DELIVERY")
    ]
    assert set.union(*found) == set(ids_of(rows_of(client)))
    assert sum(map(len, found)) == len(set.union(*found))


def test_filters_by_id_and_by_parent(client: Client) -> None:
    rows = rows_of(client, metrics=["campaign_id", "adgroup_id", "objective_type"])
    first = rows[0]["metrics"]
    for field, name in (("campaign_ids", "campaign_id"), ("adgroup_ids", "adgroup_id")):
        expected = [row for row in rows if row["metrics"][name] == first[name]]
        found = rows_of(
            client,
            metrics=["campaign_id", "adgroup_id", "objective_type"],
            filtering=[one_of(field, first[name])],
        )
        assert found == expected
    ads = ids_of(rows)[:3]
    assert ids_of(rows_of(client, filtering=[one_of("ad_ids", *ads)])) == ads
    bare = {"field_name": "ad_ids", "filter_type": "IN", "filter_value": f"[{ads[0]}]"}
    assert ids_of(rows_of(client, filtering=[bare])) == ads[:1]


def test_filters_by_creation(client: Client) -> None:
    ads = client.emulator.world.ads(ordinary(client.emulator.world))
    from datetime import date

    middle = date.fromordinal(ads[20].created).isoformat()
    rule = {"field_name": "create_time", "filter_type": "LOWER_THAN", "filter_value": middle}
    expected = [ad.id for ad in ads if ad.created < ads[20].created]
    assert ids_of(rows_of(client, filtering=[rule, STATUS_ALL])) == expected


def test_creatives_share_an_ad_of_smart_plus(client: Client) -> None:
    both = {"metrics": ["spend", "ad_id_v2", "campaign_automation_type"], "filtering": [STATUS_ALL]}
    creatives = rows_of(client, dimensions=["ad_id"], **both)
    ads = rows_of(client, dimensions=["ad_id_v2"], **both)
    assert len(ads) < len(creatives)
    for ad in ads:
        mine = [one for one in creatives if one["metrics"]["ad_id_v2"] == ad["dimensions"]["ad_id_v2"]]
        assert sum(round(100 * float(one["metrics"]["spend"])) for one in mine) == round(
            100 * float(ad["metrics"]["spend"])
        )
        kind = ad["metrics"]["campaign_automation_type"]
        ending = "_CREATIVE" if kind == "UPGRADED_SMART_PLUS" else ""
        assert {one["metrics"]["campaign_automation_type"] for one in mine} == {kind + ending}


def test_totals(client: Client) -> None:
    names = ["spend", "clicks", "cpc", "reach", "ad_name"]
    answer = client.report(metrics=names, enable_total_metrics=True)["data"]["total_metrics"]
    rows = [row["metrics"] for row in rows_of(client, metrics=names)]
    spend = sum(round(100 * float(row["spend"])) for row in rows)
    clicks = sum(int(row["clicks"]) for row in rows)
    assert answer == {
        "spend": f"{spend / 100:.2f}",
        "clicks": str(clicks),
        "cpc": f"{spend / clicks / 100:.2f}",
        "reach": "-",
        "ad_name": "-",
    }


def test_several_accounts_lose_their_decimals(client: Client) -> None:
    ids = [ordinary(client.emulator.world, 1), ordinary(client.emulator.world, 2)]
    rows = rows_of(
        client,
        advertiser_id="999",  # ignored
        advertiser_ids=ids,
        data_level="AUCTION_ADVERTISER",
        dimensions=["advertiser_id", "stat_time_day"],
    )
    assert ids_of(rows, "advertiser_id") == ids
    assert {row["metrics"]["currency"] for row in rows} == {"EUR", "JPY"}
    assert {row["metrics"]["timezone"] for row in rows} == {"Europe/Berlin", "Asia/Tokyo"}
    assert all(row["metrics"]["advertiser_id"] == row["dimensions"]["advertiser_id"] for row in rows)
    assert all(row["metrics"]["spend"].isdecimal() for row in rows)


def test_reports_are_truncated_to_the_newest(own_client: Any) -> None:
    client = own_client(max_entities=10)
    response = client.get(
        REPORT, **{**client.legal(), "dimensions": ["ad_id"], "page_size": 100, "filtering": [STATUS_ALL]}
    )
    assert response.headers["X-Tt-Ads-Throttle"] == (
        "Number of ad ids is equal or more than 20k, only return the top 20k id's results, "
        "sorting by create time desc order."
    )
    newest = [ad.id for ad in client.emulator.world.ads(ordinary(client.emulator.world))][:10]
    assert ids_of(response.json()["data"]["list"]) == newest
    narrow = {**client.legal(), "filtering": [one_of("ad_ids", newest[0])]}
    assert "X-Tt-Ads-Throttle" not in client.get(REPORT, **narrow).headers


def test_names_survive(client: Client) -> None:
    rows = rows_of(client, dimensions=["ad_id"], metrics=["ad_name"], filtering=[STATUS_ALL])
    assert [row["metrics"]["ad_name"] for row in rows] == [
        ad.name for ad in client.emulator.world.ads(ordinary(client.emulator.world))
    ]
    everything = "".join(row["metrics"]["ad_name"] for row in rows)
    assert all(sign in everything for sign in (",", '"', "\n", "\t", "\\", "🎉"))
    assert any(row["metrics"]["ad_name"].startswith("=") for row in rows)
    assert any(row["metrics"]["ad_name"] != row["metrics"]["ad_name"].strip() for row in rows)


def test_few_views_of_a_search_term_are_masked(world: World) -> None:
    rows = world.rows(
        ordinary(world),
        "AUCTION_ADGROUP",
        ["adgroup_id", "search_terms", "stat_time_hour"],
        ["impressions"],
        "2026-11-02",
    )
    shown = {row["metrics"]["impressions"] for row in rows}
    assert not shown & {"1", "2", "3", "4"}


def test_the_same_seed_gives_the_same_world() -> None:
    def everything(seed: int) -> list[Any]:
        world = World(Settings(seed=seed, today=TODAY))
        return [
            list(world.accounts.values()),
            world.rows(
                ordinary(world), "AUCTION_AD", ["ad_id", "stat_time_day"], ["spend", "ad_name"], "2026-11-01"
            ),
        ]

    assert everything(1) == everything(1)
    assert everything(1) != everything(2)


def test_ids_are_unique_and_numeric(world: World) -> None:
    ids = [ad.id for account in world.accounts for ad in world.ads(account)]
    groups = {ad.group.id for account in world.accounts for ad in world.ads(account)}
    assert len(set(ids)) == len(ids)
    assert not groups & set(ids)
    assert all(one.isdecimal() and len(one) == 19 for one in ids)


def test_large_accounts_page_in_constant_work() -> None:
    world = World(Settings(ads=25_000, today=TODAY))
    window = {"dimensions": ["ad_id"], "metrics": ["spend"], "start": "2026-11-01", "end": "2026-11-02"}
    rows = world.rows(ordinary(world), "AUCTION_AD", include_deleted=True, **window)
    assert len(rows) == 20_000


def test_as_many_accounts_as_requested() -> None:
    world = World(Settings(accounts=250))
    assert len(world.accounts) == 251
    assert len({account.name for account in world.accounts.values()}) == 251
