"""Every report type and preset, from the hook to TikTok's API on loopback and back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from airflow_provider_tiktok.emulator.world.accounts import BC_ID
from airflow_provider_tiktok.emulator.world.shop import stores
from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokInvalidRequestError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.reports.presets import PRESETS

DAYS = {"report_start_date": "2026-03-01", "report_end_date": "2026-03-02"}
DAY = {"report_start_date": "2026-03-01"}


@pytest.fixture
def account(emulator, connect):
    """Return an account of the emulator that answers."""
    connect()
    return next(one for one in emulator.world.accounts.values() if not one.forbidden)


def more(report_type: str, account) -> dict:
    return {"BC": {"bc_id": BC_ID}, "GMV_MAX": {"store_ids": [stores(account)[0]]}}.get(report_type, {})


@pytest.mark.sampled(20)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_runs(preset, account):
    report_type = PRESETS[preset]["report_type"]
    accounts = {} if report_type == "BC" else {"advertiser_ids": account.advertiser_id}
    rows = list(
        TikTokHook().iter_report(preset=preset, request_params=more(report_type, account), **accounts, **DAYS)
    )
    assert rows
    assert set(PRESETS[preset]["dimensions"]) | set(PRESETS[preset]["metrics"]) <= set(rows[0])
    if preset.endswith("_daily"):
        assert {row["stat_time_day"] for row in rows} == {"2026-03-01", "2026-03-02"}
    if preset.endswith("_hourly"):
        assert {row["stat_time_hour"] for row in rows} <= {
            f"2026-03-0{day}T{hour:02}:00:00" for day in (1, 2) for hour in range(24)
        }
    if report_type != "BC":
        assert {row["advertiser_id"] for row in rows} == {account.advertiser_id}


@pytest.mark.parametrize(
    ("report_type", "dimensions", "filters"),
    [
        ("AUDIENCE", "ad_id,age,gender,stat_time_day", None),
        ("AUDIENCE", "ad_id_v2,language", None),
        ("CATALOG", "ad_id,stat_time_day", None),
        ("PLAYABLE_MATERIAL", "playable_id,country_code", None),
        ("BC", "advertiser_id", None),
        ("BC", "advertiser_id,country_code", None),
        ("BC", "placement", None),
        ("BC", "stat_time_month", None),
        ("TT_SHOP", "advertiser_id,country_code,stat_time_day", None),
        ("TT_SHOP", "campaign_id,country_code", None),
        ("GMV_MAX", "advertiser_id,stat_time_hour", None),
        ("GMV_MAX", "campaign_id,stat_time_day", {"gmv_max_promotion_types": ["PRODUCT"]}),
        ("GMV_MAX", "campaign_id", {"gmv_max_promotion_types": ["LIVE"]}),
        ("SMART_PLUS", "campaign_id,main_material_id", None),
        ("SMART_PLUS", "smart_plus_ad_id,ad_text_entity_id", None),
        ("SMART_PLUS", "main_material_id,stat_time_day", None),
        ("SMART_PLUS", "main_material_id,ad_text_entity_id,stat_time_week", None),
    ],
)
def test_every_report_type_runs(report_type, dimensions, filters, account):
    accounts = {} if report_type == "BC" else {"advertiser_ids": account.advertiser_id}
    rows = list(
        TikTokHook().iter_report(
            report_type=report_type,
            dimensions=dimensions,
            filters=filters,
            request_params=more(report_type, account),
            **accounts,
            **DAYS,
        )
    )
    assert rows
    assert {"advertiser_id", *dimensions.split(",")} <= set(rows[0])


@pytest.mark.parametrize("index", range(4))
def test_days_of_every_level_add_up_to_the_account(index, emulator, connect):
    """With deleted entities, every level spends what the account spends."""
    connect()
    accounts = [one for one in emulator.world.accounts.values() if not one.forbidden]
    asked = {"advertiser_ids": accounts[index].advertiser_id, "metrics": "spend", **DAYS}
    hook = TikTokHook()
    (total,) = hook.iter_report(dimensions="advertiser_id", **asked)
    sums = {
        level: sum(row["spend"] for row in hook.iter_report(preset=f"{level}_daily", **asked))
        for level in ("advertiser", "campaign", "adgroup", "ad")
    }
    assert sums == dict.fromkeys(sums, total["spend"])


def test_interest_categories_of_days_are_those_of_each_day(account):
    hook = TikTokHook()
    asked = {
        "preset": "campaign_audience_interest_daily",
        "advertiser_ids": account.advertiser_id,
        "metrics": "spend",
    }
    both = list(hook.iter_report(**asked, **DAYS))
    each = [list(hook.iter_report(**asked, report_start_date=date(2026, 3, day))) for day in (1, 2)]
    assert both == [*each[0], *each[1]]
    assert all(row["interest_category_v2"] for row in both)


def test_a_refused_metric_is_explained_or_dropped(account):
    asked = {
        "advertiser_ids": account.advertiser_id,
        "dimensions": "campaign_id",
        "metrics": "spend,cash_spend",
        "check_fields": False,
        **DAY,
    }
    hook = TikTokHook()
    with pytest.raises(TikTokAPIError, match=r"Refused: cash_spend \(exists at AUCTION_ADVERTISER only"):
        list(hook.iter_report(**asked))
    rows = list(hook.iter_report(**asked, drop_invalid_metrics=True))
    assert {row["cash_spend"] for row in rows} == {None}
    assert all(isinstance(row["spend"], Decimal) for row in rows)
    operator = TikTokReportOperator(task_id="t", drop_invalid_metrics=True, **asked)
    assert operator.execute({})["dropped_metrics"] == ["cash_spend"]


def test_accounts_are_left_out_of_all(emulator, connect):
    connect()
    every = TikTokHook().plan_report(advertiser_ids="*", preset="ad_daily", **DAYS).advertiser_ids
    operator = TikTokReportOperator(
        task_id="t",
        advertiser_ids="*",
        exclude_advertiser_ids=f"{every[0]}, {every[1]}",
        preset="advertiser_daily",
        metrics="spend",
        on_advertiser_error="skip",
        **DAYS,
    )
    summary = operator.execute({})
    assert {*summary["advertiser_ids"], *summary["skipped_advertisers"]} == set(every[2:])


def test_a_plans_first_calls_are_exact(emulator, account):
    hook = TikTokHook()
    end = date(2026, 3, 1) + timedelta(days=64)
    asked = {
        "preset": "advertiser_daily",
        "advertiser_ids": account.advertiser_id,
        "report_start_date": "2026-03-01",
        "report_end_date": end,
    }
    planned = hook.plan_report(**asked)
    emulator.clear()
    list(hook.iter_report(**asked))
    assert len(planned) == 3 == len([call for call in emulator.calls if "report" in call.path])


def test_accounts_are_taken_off_a_report_of_a_business_center(emulator, connect):
    connect()
    one, two = [name for name in emulator.world.accounts if name.startswith("71")][:2]
    report = {
        "report_type": "BC",
        "dimensions": "advertiser_id",
        "metrics": "spend",
        "report_start_date": "2026-08-01",
    }
    report |= {"request_params": {"bc_id": BC_ID}}
    rows = list(TikTokHook().iter_report(**report, advertiser_ids=[one, two], exclude_advertiser_ids=[two]))
    assert [row["advertiser_id"] for row in rows] == [one]
    for accounts in (None, "*"):
        with pytest.raises(TikTokInvalidRequestError, match="`exclude_advertiser_ids` can't be removed from"):
            list(TikTokHook().iter_report(**report, advertiser_ids=accounts, exclude_advertiser_ids=[two]))
    with pytest.raises(TikTokInvalidRequestError, match="holds every account"):
        list(TikTokHook().iter_report(**report, advertiser_ids=[two], exclude_advertiser_ids=[two]))


def test_gmv_max_takes_one_store(emulator, connect):
    connect()
    with pytest.raises(TikTokInvalidRequestError, match="Map the task over the stores"):
        TikTokHook().plan_report(
            preset="gmv_max_daily", request_params={"store_ids": ["1", "2"]}, advertiser_ids="1"
        )
    assert emulator.calls == []


def test_an_order_over_several_windows_is_said_to_be_several_orders(emulator, connect, caplog):
    connect()
    ids = [name for name in emulator.world.accounts if name.startswith("71")][:2]
    list(
        TikTokHook().iter_report(preset="campaign_daily", advertiser_ids=ids, report_start_date="2026-08-01")
    )
    assert "not in that order" not in caplog.text
    order = {"order_field": "spend", "report_start_date": "2026-08-01"}
    list(TikTokHook().iter_report(preset="campaign_daily", advertiser_ids=ids, **order))
    assert "The rows as a whole are not in the order of " in caplog.text
