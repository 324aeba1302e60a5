"""Sums over levels, days, breakdowns and report types agree to the cent."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_tiktok.emulator import Settings, World
from airflow_provider_tiktok.emulator.world.accounts import BC_ID
from airflow_provider_tiktok.emulator.world.shop import stores
from airflow_provider_tiktok.reports import catalog

from .conftest import REPORT, TODAY, fetch, ordinary

METRICS = ["spend", "impressions", "clicks", "conversion", "video_views_p50", "total_purchase_value"]
WORLD = World(Settings(seed=3, ads=30, today=TODAY))
LEVELS = {
    "AUCTION_ADVERTISER": "advertiser_id",
    "AUCTION_CAMPAIGN": "campaign_id",
    "AUCTION_ADGROUP": "adgroup_id",
    "AUCTION_AD": "ad_id",
}
days = st.dates(date(2023, 6, 1), date(2026, 11, 21))
places = st.integers(0, 5)
few = settings(max_examples=12, deadline=None, derandomize=True)


def total(
    account: str, level: str, start: date, end: date, *more: str, by: str | None = None
) -> Counter[str]:
    """Return the sums of a report, in hundredths; with ``by``, for each value of a dimension."""
    sums: Counter[str] = Counter()
    dimensions = [LEVELS[level], *more]
    for row in WORLD.rows(account, level, dimensions, METRICS, start, end, True):
        key = row["dimensions"][by] + " " if by else ""
        for name, value in row["metrics"].items():
            sums[key + name] += round(100 * float(value))
    return sums


@few
@given(places, days, st.integers(0, 29))
def test_levels_days_and_ranges_agree(place: int, start: date, length: int) -> None:
    account, end = ordinary(WORLD, place), start + timedelta(days=length)
    expected = total(account, "AUCTION_ADVERTISER", start, end)
    for level in LEVELS:
        assert total(account, level, start, end) == expected
        assert total(account, level, start, end, "stat_time_day") == expected


@few
@given(places, days, st.sampled_from(list(LEVELS)))
def test_a_day_is_its_hours(place: int, day: date, level: str) -> None:
    account = ordinary(WORLD, place)
    by = LEVELS[level]
    assert total(account, level, day, day, "stat_time_hour", by=by) == total(account, level, day, day, by=by)


@few
@given(places, days, st.sampled_from(["country_code", "ad_type", "event_source_id", "minis_id"]))
def test_a_breakdown_splits_exactly(place: int, start: date, breakdown: str) -> None:
    account, end = ordinary(WORLD, place), start + timedelta(days=6)
    unsplit = total(account, "AUCTION_CAMPAIGN", start, end, by="campaign_id")
    assert total(account, "AUCTION_CAMPAIGN", start, end, breakdown, by="campaign_id") == unsplit
    assert (
        total(account, "AUCTION_CAMPAIGN", start, end, breakdown, "stat_time_day", by="campaign_id")
        == unsplit
    )


@pytest.mark.parametrize(
    "breakdowns", [("page_id", "component_name"), ("room_id",), ("image_id",), ("post_id",)]
)
def test_breakdowns_of_ads(breakdowns: tuple[str, ...]) -> None:
    account, day = ordinary(WORLD), date(2026, 11, 3)
    unsplit = total(account, "AUCTION_AD", day, day, by="ad_id")
    assert total(account, "AUCTION_AD", day, day, *breakdowns, by="ad_id") == unsplit
    hours = total(account, "AUCTION_AD", day, day, *breakdowns, "stat_time_hour", by="ad_id")
    assert hours == unsplit


def test_a_lifetime_is_all_its_days() -> None:
    account = next(iter(WORLD.accounts.values()))
    local = account.local_now(TODAY).date()
    lifetime = WORLD.rows(account.advertiser_id, "AUCTION_AD", ["ad_id"], METRICS, None, None, True)
    window = total(account.advertiser_id, "AUCTION_AD", account.created, local)
    assert sum(round(100 * float(row["metrics"]["spend"])) for row in lifetime) == window["spend"]


@few
@given(places, days)
def test_people_are_fewer_than_the_sum(place: int, start: date) -> None:
    account, end = ordinary(WORLD, place), start + timedelta(days=9)

    def reach(*more: str) -> int:
        rows = WORLD.rows(account, "AUCTION_AD", ["ad_id", *more], ["reach"], start, end, True)
        return sum(int(row["metrics"]["reach"]) for row in rows)

    (overall,) = WORLD.rows(account, "AUCTION_ADVERTISER", ["advertiser_id"], ["reach"], start, end) or [None]
    if overall and reach():
        assert int(overall["metrics"]["reach"]) < reach() < reach("stat_time_day")


def test_cash_and_vouchers_are_the_spend() -> None:
    rows = WORLD.rows(
        ordinary(WORLD),
        "AUCTION_ADVERTISER",
        ["advertiser_id", "stat_time_day"],
        ["spend", "cash_spend", "voucher_spend"],
        "2026-11-01",
        "2026-11-19",
    )
    for row in rows:
        spend, cash, voucher = (round(100 * float(value)) for value in row["metrics"].values())
        assert spend == cash + voucher
        assert cash > voucher > 0


# across report types

SHARED = ["spend", "impressions", "clicks", "conversion"]
WINDOW = {"start_date": "2026-10-20", "end_date": "2026-10-29", "page_size": 1000}


def sums(data: dict[str, Any], *names: str, by: str | None = None) -> Counter[str]:
    """Return the sums of a report's only page, in hundredths; with ``by``, for each value of a dimension."""
    assert data["page_info"]["total_page"] <= 1
    found: Counter[str] = Counter()
    for row in data["list"]:
        key = row["dimensions"][by] + " " if by else ""
        for name in names:
            found[key + name] += round(100 * float(row["metrics"][name]))
    return found


def report(path: str = REPORT, **params: Any) -> dict[str, Any]:
    return fetch(WORLD, path, **{**WINDOW, **params})


AUDIENCES = [one.name for one in catalog.dimensions("AUDIENCE").values() if one.kind == "audience"]


@pytest.mark.sampled(12)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_an_audience_is_all_of_an_ad(audience: str) -> None:
    account = ordinary(WORLD, 1)
    rows = WORLD.rows(
        *(account, "AUCTION_AD", ["ad_id", audience], SHARED, "2026-11-01", "2026-11-05", True, "AUDIENCE")
    )
    found: Counter[str] = Counter()
    for row in rows:
        for name, value in row["metrics"].items():
            found[f"{row['dimensions']['ad_id']} {name}"] += round(100 * float(value))
    unsplit = WORLD.rows(account, "AUCTION_AD", ["ad_id"], SHARED, "2026-11-01", "2026-11-05", True)
    assert found == Counter(
        {
            f"{row['dimensions']['ad_id']} {name}": round(100 * float(value))
            for row in unsplit
            for name, value in row["metrics"].items()
        }
    )


@few
@given(places, days)
def test_ages_and_genders_are_sums_of_both_together(place: int, start: date) -> None:
    call = {
        "advertiser_id": ordinary(WORLD, place),
        "report_type": "AUDIENCE",
        "data_level": "AUCTION_CAMPAIGN",
        "metrics": SHARED,
        "start_date": str(start),
        "end_date": str(start),
    }
    both = report(**call, dimensions=["campaign_id", "gender", "age"])
    for name in ("gender", "age"):
        assert sums(both, *SHARED, by=name) == sums(
            report(**call, dimensions=["campaign_id", name]), *SHARED, by=name
        )


def test_a_country_is_the_same_in_an_audience_as_in_a_basic_report() -> None:
    account = ordinary(WORLD)
    for day in ([], ["stat_time_day"]):
        dimensions = ["campaign_id", "country_code", *day]
        audience = WORLD.rows(
            *(account, "AUCTION_CAMPAIGN", dimensions, SHARED, "2026-11-01", "2026-11-03", True, "AUDIENCE")
        )
        assert audience == WORLD.rows(
            account, "AUCTION_CAMPAIGN", dimensions, SHARED, "2026-11-01", "2026-11-03", True
        )


def test_a_business_center_is_its_accounts() -> None:
    call = {"report_type": "BC", "bc_id": BC_ID}
    accounts = report(**call, dimensions=["advertiser_id"], metrics=[*SHARED, "currency"])
    for row in accounts["list"]:
        (own,) = WORLD.rows(
            *(row["dimensions"]["advertiser_id"], "AUCTION_ADVERTISER", ["advertiser_id"], SHARED),
            *(WINDOW["start_date"], WINDOW["end_date"]),
        )
        assert row["metrics"] == {**own["metrics"], "currency": row["metrics"]["currency"]}
    counted = SHARED[1:]
    expected = sums(accounts, *counted)
    for dimensions in (
        *(["stat_time_day"], ["stat_time_week"], ["stat_time_month"], ["placement"], ["country_code"]),
        *(
            ["stat_time_day", "placement"],
            ["advertiser_id", "country_code"],
            ["advertiser_id", "stat_time_day"],
        ),
    ):
        assert sums(report(**call, dimensions=dimensions, metrics=counted), *counted) == expected, dimensions


def test_money_of_several_currencies_is_in_dollars_in_every_grouping() -> None:
    call = {"report_type": "BC", "bc_id": BC_ID, "metrics": ["spend", "cash_spend"]}
    money = {one.advertiser_id: one.per_dollar for one in WORLD.accounts.values()}
    accounts = report(**call, dimensions=["advertiser_id"])["list"]
    dollars = sum(
        float(row["metrics"]["spend"]) * 100 / money[row["dimensions"]["advertiser_id"]] for row in accounts
    )
    daily = sums(report(**call, dimensions=["stat_time_day"]), "spend")
    assert daily == sums(report(**call, dimensions=["stat_time_month"]), "spend")
    assert daily["spend"] / 100 == pytest.approx(dollars, abs=2.0)


def shop(account: str, store: str, *dimensions: str, metrics: list[str], **more: Any) -> dict[str, Any]:
    return report(
        *("gmv_max/report/get/",),
        **{
            "advertiser_id": account,
            "store_ids": [store],
            "dimensions": list(dimensions),
            "metrics": metrics,
            **more,
        },
    )


@pytest.mark.parametrize("place", [0, 2])
def test_gmv_max_levels_agree_with_each_other_and_with_tt_shop(place: int) -> None:
    account = WORLD.accounts[ordinary(WORLD, place)]
    counted = ["cost", "orders", "gross_revenue"]
    spent = 0
    for store in stores(account):
        one = (account.advertiser_id, store)
        overview = shop(*one, "advertiser_id", metrics=counted, enable_total_metrics=True)
        expected = sums(overview, *counted)
        assert {name: round(100 * float(overview["total_metrics"][name])) for name in counted} == expected
        assert sums(shop(*one, "advertiser_id", "stat_time_day", metrics=counted), *counted) == expected
        by_kind: Counter[str] = Counter()
        for kind, dimension in (("PRODUCT", "item_group_id"), ("LIVE", "room_id")):
            filtering = {"gmv_max_promotion_types": [kind], "campaign_statuses": ["STATUS_ALL"]}
            campaigns = shop(*one, "campaign_id", metrics=counted, filtering=filtering)
            of_kind = sums(campaigns, *counted)
            by_kind += of_kind
            assert of_kind == sums(
                shop(*one, "advertiser_id", metrics=counted, filtering={"gmv_max_promotion_types": [kind]}),
                *counted,
            )
            ids = {"campaign_ids": [row["dimensions"]["campaign_id"] for row in campaigns["list"]]}
            for dimensions in ([dimension], ["campaign_id", dimension]):
                below = shop(*one, *dimensions, metrics=counted, filtering=ids)
                assert sums(below, *counted) == of_kind
            if kind == "PRODUCT":
                ids["item_group_ids"] = [row["dimensions"][dimension] for row in below["list"]]
                for dimensions in (["item_id"], ["campaign_id", "item_group_id", "item_id"], ["duration"]):
                    assert sums(shop(*one, *dimensions, metrics=counted, filtering=ids), *counted) == of_kind
        assert by_kind == expected
        spent += expected["cost"]
    legacy = {"report_type": "TT_SHOP", "advertiser_id": account.advertiser_id}
    for dimensions in (
        ["advertiser_id"],
        ["advertiser_id", "country_code", "stat_time_day"],
        ["campaign_id", "country_code"],
    ):
        assert sums(report(**legacy, dimensions=dimensions), "spend")["spend"] == spent


def test_smart_plus_materials_are_all_of_their_campaigns() -> None:
    account = ordinary(WORLD)
    smart = {"field_name": "campaign_automation_type", "filter_type": "IN"} | {
        "filter_value": '["UPGRADED_SMART_PLUS"]'
    }
    basic = report(
        advertiser_id=account,
        report_type="BASIC",
        data_level="AUCTION_ADVERTISER",
        dimensions=["advertiser_id"],
        metrics=SHARED,
        filtering=[smart],
    )
    expected = sums(basic, *SHARED)
    assert expected["spend"] > 0
    call = {"advertiser_id": account, "metrics": SHARED, "page_size": 100}
    for dimensions in (["campaign_id", "main_material_id"], ["smart_plus_ad_id", "ad_text_entity_id"]):
        found = report("smart_plus/material_report/overview/", **call, dimensions=dimensions)
        assert sums(found, *SHARED) == expected
    found = report(
        "smart_plus/material_report/breakdown/", **call, dimensions=["main_material_id", "stat_time_week"]
    )
    assert sums(found, *SHARED) == expected


def test_playables_and_catalogues_are_all_of_the_account() -> None:
    account = ordinary(WORLD)
    (own,) = WORLD.rows(
        *(account, "AUCTION_ADVERTISER", ["advertiser_id"], ["spend", "impressions"]),
        *(WINDOW["start_date"], WINDOW["end_date"]),
    )
    expected = Counter({name: round(100 * float(value)) for name, value in own["metrics"].items()})
    names = ("spend", "impressions")
    playable = {"advertiser_id": account, "report_type": "PLAYABLE_MATERIAL"}
    assert sums(report(**playable, dimensions=["playable_id"]), *names) == expected
    assert sums(report(**playable, dimensions=["playable_id", "country_code"]), *names) == expected
    dynamic = {"advertiser_id": account, "report_type": "CATALOG", "data_level": "AUCTION_ADVERTISER"}
    assert sums(report(**dynamic, dimensions=["advertiser_id", "stat_time_day"]), *names) == expected
