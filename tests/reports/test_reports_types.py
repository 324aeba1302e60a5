"""Requests and rows, by report type."""

from __future__ import annotations

import json
import logging
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.request import parse_request
from airflow_provider_tiktok.reports.planning.plan import RunTime
from airflow_provider_tiktok.reports.planning.planner import make_plan
from airflow_provider_tiktok.reports.presets import PRESETS
from airflow_provider_tiktok.reports.result.manifest import file_name, make_manifest, restates
from airflow_provider_tiktok.reports.result.summary import make_summary
from airflow_provider_tiktok.reports.rows.reader import RowReader
from airflow_provider_tiktok.reports.rows.schema import schema_of

from .helpers import LONG_AGO, NOW, UTC, FakeClient, all_rows, fetch, paged

FIXTURES = Path(__file__).parents[1] / "fixtures"
BC = {"report_type": "BC", "request_params": {"bc_id": "55"}}
GMV_MAX = {"report_type": "GMV_MAX", "request_params": {"store_ids": ["66"]}}


def plan(client: FakeClient, run: RunTime | None = None, **parameters: Any):
    known = {"report_start_date": None if run else LONG_AGO, "advertiser_ids": "7", **parameters}
    return make_plan(client, parse_request(**known), run or RunTime(NOW), now=NOW)


def rows(client: FakeClient, report_plan) -> list[dict[str, str | None]]:
    report = fetch(client, report_plan)
    return [dict(zip(report.reader.schema.columns, row, strict=True)) for row in all_rows(report)]


def one_row(dimensions: dict[str, str], metrics: dict[str, str]) -> FakeClient:
    return FakeClient(paged([{"dimensions": dimensions, "metrics": metrics}]))


# presets

FAMILIES = (
    *("ad_group_summary", "auction_campaign_summary", "bc_daily", "gmv_max_daily"),
    *(
        f"{level}_{period}"
        for level in ("advertiser", "campaign", "adgroup", "ad")
        for period in (
            *("daily", "hourly", "lifetime"),
            *(
                f"audience_{audience}_daily"
                for audience in ("age_gender", "country", "language", "platform", "interest", "placement")
            ),
        )
    ),
)
REQUIRED = {"bc_daily": {"bc_id": "55"}, "gmv_max_daily": {"store_ids": ["66"]}}


def test_the_presets_are_the_contracts():
    assert sorted(PRESETS) == sorted(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_preset_is_legal_without_a_doubt(name, caplog):
    caplog.set_level(logging.WARNING)
    found = parse_request(preset=name, request_params=REQUIRED.get(name))
    assert caplog.messages == []
    preset = PRESETS[name]
    assert (found.report_type, found.dimensions, found.metrics) == (
        preset["report_type"],
        preset["dimensions"],
        preset["metrics"],
    )
    assert len(set(found.metrics)) == len(found.metrics) <= 100
    assert set(found.metrics) <= set(catalog.metrics(found.report_type))
    assert found.data_level == preset.get("data_level")
    assert found.query_lifetime is name.endswith("_lifetime")
    if name.endswith("_daily"):
        assert schema_of(found).columns["stat_time_day"] == "date"
    if name.endswith("_hourly"):
        assert schema_of(found).columns["stat_time_hour"] == "timestamp"


@pytest.mark.parametrize(
    "name", [name for name in FAMILIES if name not in REQUIRED and "summary" not in name]
)
def test_users_find_what_they_expect(name):
    metrics = PRESETS[name]["metrics"]
    expected = {"spend", "impressions", "clicks", "ctr", "cpc", "cpm", "conversion", "cost_per_conversion"}
    expected |= {"video_play_actions", "video_views_p100", "likes", "comments", "shares"}
    level = name.partition("_")[0]
    expected |= {f"{level}_name"} if level != "advertiser" else {"advertiser_name"}
    if level == "ad":
        expected |= {"campaign_id", "campaign_name", "adgroup_id", "adgroup_name"}
    if "audience" not in name:
        expected |= {"reach", "frequency", "total_complete_payment_rate", "complete_payment"}
    assert expected <= set(metrics)


# what Fivetran's dbt package for TikTok Ads reads, by TikTok's names
DBT_FIGURES = (
    *("average_video_play", "average_video_play_per_user", "clicks", "comments", "conversion"),
    *("conversion_rate", "cost_per_conversion", "cpc", "cpm", "ctr", "follows", "impressions", "likes"),
    *("profile_visits", "reach", "real_time_conversion", "shares", "spend", "total_purchase_value"),
    *("total_sales_lead_value", "video_play_actions", "video_views_p25", "video_views_p50"),
    *("video_views_p75", "video_views_p100", "video_watched_2s", "video_watched_6s"),
)
DBT_COUNTRY_FIGURES = (
    *("clicks", "conversion", "conversion_rate", "cost_per_conversion", "cpc", "cpm", "ctr"),
    *("impressions", "real_time_conversion", "spend"),
)


@pytest.mark.parametrize("period", ["daily", "hourly"])
@pytest.mark.parametrize("level", ["campaign", "adgroup", "ad"])
def test_presets_have_what_the_dbt_package_reads(level, period):
    columns = schema_of(parse_request(preset=f"{level}_{period}")).columns
    time = "stat_time_hour" if period == "hourly" else "stat_time_day"
    assert {f"{level}_id", time, *DBT_FIGURES} <= set(columns)


def test_the_country_preset_has_what_the_dbt_package_reads():
    columns = schema_of(parse_request(preset="campaign_audience_country_daily")).columns
    assert {"campaign_id", "country_code", "stat_time_day", *DBT_COUNTRY_FIGURES} <= set(columns)


# requests


def test_gmv_max_is_requested_at_its_endpoint_with_its_names():
    client = FakeClient(paged([]))
    report_plan = plan(
        client,
        **GMV_MAX,
        dimensions="campaign_id,stat_time_day",
        metrics="cost,currency",
        filters={"gmv_max_promotion_types": ["LIVE"]},
        order_field="cost",
        order_type="ASC",
    )
    assert rows(client, report_plan) == []
    ((path, params),) = client.calls
    assert path == "gmv_max/report/get/"
    assert {name: value for name, value in params.items() if value is not None} == {
        "advertiser_id": "7",
        "store_ids": ["66"],
        "dimensions": ["campaign_id", "stat_time_day"],
        "metrics": ["cost"],  # TikTok sends the currency by itself
        "filtering": {"campaign_statuses": ["STATUS_ALL"], "gmv_max_promotion_types": ["LIVE"]},
        "sort_field": "cost",
        "sort_type": "ASC",
        "start_date": "2026-01-05",
        "end_date": "2026-01-05",
        "page": 1,
        "page_size": 1000,
    }


@pytest.mark.parametrize(
    ("filters", "sent"),
    [
        (None, None),
        ('{"room_ids": ["1"]}', {"room_ids": ["1"]}),
        ([{"field_name": "room_ids", "filter_type": "IN", "filter_value": [1, 2]}], {"room_ids": ["1", "2"]}),
        (
            [{"field_name": "campaign_name", "filter_type": "MATCH", "filter_value": "a"}],
            {"campaign_name": "a"},
        ),
    ],
)
def test_filters_of_one_object_have_many_spellings(filters, sent):
    found = parse_request(**GMV_MAX, dimensions="room_id", filters=filters)
    assert found.params()["filtering"] == sent


@pytest.mark.parametrize(
    ("value", "sent"), [("66", ["66"]), (66, ["66"]), ([66], ["66"]), (["66"], ["66"]), ('["66"]', ["66"])]
)
def test_a_store_has_many_spellings(value, sent):
    found = parse_request(preset="gmv_max_daily", request_params={"store_ids": value})
    assert found.params()["store_ids"] == sent


@pytest.mark.parametrize(
    ("dimensions", "path"),
    [
        ("campaign_id,main_material_id", "smart_plus/material_report/overview/"),
        ("main_material_id,stat_time_day", "smart_plus/material_report/breakdown/"),
    ],
)
def test_smart_plus_has_two_endpoints_and_small_pages(dimensions, path):
    client = FakeClient(paged([]))
    assert rows(client, plan(client, report_type="SMART_PLUS", dimensions=dimensions)) == []
    ((asked, params),) = client.calls
    assert (asked, params["page_size"], params["report_type"]) == (path, 100, None)
    assert params["metrics"] == ["spend", "impressions"]


@pytest.mark.parametrize(
    ("parameters", "days", "calls"),
    [
        ({"dimensions": "ad_id,stat_time_day"}, 365, 13),
        ({"dimensions": "ad_id,stat_time_hour"}, 365, 365),
        ({"dimensions": "ad_id"}, 365, 1),
        ({"report_type": "AUDIENCE", "dimensions": "ad_id,age,stat_time_day"}, 60, 2),
        ({"preset": "ad_audience_interest_daily"}, 30, 30),
        ({**BC, "dimensions": "stat_time_day"}, 365, 1),
        ({**BC, "dimensions": "stat_time_day"}, 366, 2),
        ({**GMV_MAX, "dimensions": "advertiser_id,stat_time_day"}, 365, 13),
        ({**GMV_MAX, "dimensions": "advertiser_id,stat_time_hour"}, 7, 7),
        ({"report_type": "TT_SHOP", "dimensions": "campaign_id,country_code,stat_time_day"}, 90, 3),
        ({"report_type": "SMART_PLUS", "dimensions": "main_material_id,stat_time_week"}, 365, 1),
    ],
)
def test_windows_are_as_long_as_the_type_allows(parameters, days, calls):
    start = date(2024, 1, 1)
    dates = {"report_start_date": start, "report_end_date": date.fromordinal(start.toordinal() + days - 1)}
    assert len(plan(FakeClient(), **{**parameters, **dates})) == calls


def test_metrics_of_a_bc_report_are_all_of_its_grouping():
    assert len(parse_request(**BC, dimensions="stat_time_day").metrics) == 55
    assert (
        set(parse_request(**BC, dimensions="placement").metrics)
        >= catalog.metrics_by_dimension("BC")["placement"]
    )


def test_gmv_max_by_account_has_its_overview_as_default():
    assert parse_request(**GMV_MAX, dimensions="advertiser_id").metrics == (
        *("cost", "net_cost", "orders", "cost_per_order", "gross_revenue", "roi"),
    )


@pytest.mark.parametrize(
    ("parameters", "field_names"),
    [
        ({"report_type": "AUDIENCE", "dimensions": "ad_id,age"}, ["ad_status"]),
        (
            {"report_type": "AUDIENCE", "dimensions": "age", "data_level": "AUCTION_CAMPAIGN"},
            ["campaign_status"],
        ),
        ({"report_type": "AUDIENCE", "dimensions": "advertiser_id,age"}, []),
        ({"report_type": "CATALOG", "dimensions": "ad_id"}, []),
        ({"report_type": "PLAYABLE_MATERIAL", "dimensions": "playable_id"}, []),
        ({"report_type": "TT_SHOP", "dimensions": "campaign_id,country_code"}, []),
    ],
)
def test_deleted_entities_are_kept_where_the_type_has_a_filter(parameters, field_names):
    assert [item["field_name"] for item in parse_request(**parameters).filters] == field_names


# the account of a report


def test_a_bc_report_is_one_call_whatever_accounts_the_connection_names():
    client = one_row({"stat_time_day": "2026-01-05 00:00:00"}, {"spend": "1.50"})
    report_plan = plan(client, **BC, advertiser_ids=None, dimensions="stat_time_day", metrics="spend")
    assert rows(client, report_plan) == [
        {"advertiser_id": None, "bc_id": "55", "stat_time_day": "2026-01-05", "spend": "1.50"}
    ]
    ((path, params),) = client.calls
    assert path == "report/integrated/get/"
    assert (params["bc_id"], params["report_type"]) == ("55", "BC")
    assert "advertiser_id" not in params
    assert params["data_level"] is params["filtering"] is None
    assert client.subjects == ["business center 55, 2026-01-05 to 2026-01-05, page 1"]


def test_a_bc_report_names_its_business_center_and_restates_every_account():
    client = FakeClient(paged([]))
    report = fetch(
        client, plan(client, **BC, advertiser_ids=None, dimensions="advertiser_id", metrics="spend")
    )
    assert all_rows(report) == []
    summary = make_summary(report, client.counts, NOW)
    assert summary["advertiser_ids"] == []
    assert make_manifest(report, summary, NOW)["windows"] == [
        {"bc_id": "55", "start_date": "2026-01-05", "end_date": "2026-01-05"}
    ]
    assert restates(report.plan, ())({"advertiser_id": "7"})


def test_all_but_some_accounts_is_another_file_than_all():
    client = FakeClient(authorised=("7", "8"), app_id="1", app_secret="2")
    plans = [
        plan(client, advertiser_ids="*", exclude_advertiser_ids=left_out, dimensions="ad_id")
        for left_out in (None, "8", "8,9", "9,8")
    ]
    names = [file_name(one, ()) for one in plans]
    assert len(set(names)) == 3
    assert names[2] == names[3]


def test_accounts_of_a_bc_report_are_a_filter():
    client = one_row({"advertiser_id": "7", "country_code": "AT"}, {"spend": "1.50"})
    report_plan = plan(
        client, **BC, advertiser_ids="7,8", dimensions="advertiser_id,country_code", metrics="spend"
    )
    assert rows(client, report_plan)[0]["advertiser_id"] == "7"
    assert client.calls[0][1]["filtering"] == [
        {"field_name": "advertiser_id", "filter_type": "IN", "filter_value": '["7", "8"]'}
    ]


def test_a_bc_report_without_dates_is_of_the_last_day_in_utc():
    client = FakeClient()
    run = RunTime(datetime(2026, 11, 22, 0, 30, tzinfo=UTC))
    (call,) = plan(client, run, preset="bc_daily", request_params={"bc_id": "55"}).calls
    assert (call.window.start, call.window.end) == (date(2026, 11, 21), date(2026, 11, 21))
    assert client.calls == []


def test_accounts_can_be_left_out_of_all():
    client = FakeClient(authorised=("7", "8", "9"), app_id="1", app_secret="2")
    report_plan = plan(client, advertiser_ids="*", exclude_advertiser_ids="[8, 99]", dimensions="ad_id")
    assert report_plan.advertiser_ids == ("7", "9")
    with pytest.raises(TikTokInvalidRequestError, match="holds every account"):
        plan(client, advertiser_ids="7", exclude_advertiser_ids=7, dimensions="ad_id")
    with pytest.raises(TikTokInvalidRequestError, match="leaves no account"):
        plan(client, exclude_advertiser_ids="*", dimensions="ad_id")


# rows


def test_interest_categories_get_their_day_from_the_call():
    def report(params: dict[str, Any]) -> dict[str, Any]:
        assert params["start_date"] == params["end_date"]
        row = {
            "dimensions": {"ad_id": "1", "interest_category": "a", "interest_category_v2": "b"},
            "metrics": {"spend": params["start_date"][-2:]},
        }
        return paged([row])(params)

    client = FakeClient(report)
    report_plan = plan(
        client, preset="ad_audience_interest_daily", metrics="spend", report_end_date="2026-01-06"
    )
    assert rows(client, report_plan) == [
        {
            "advertiser_id": "7",
            "ad_id": "1",
            "interest_category": "a",
            "interest_category_v2": "b",
            "stat_time_day": f"2026-01-{day}",
            "spend": str(int(day)),
        }
        for day in ("05", "06")
    ]


def test_an_older_answer_without_the_new_interest_category_is_null():
    client = one_row({"ad_id": "1", "interest_category": "a"}, {"spend": "1"})
    report_plan = plan(client, report_type="AUDIENCE", dimensions="ad_id,interest_category", metrics="spend")
    assert rows(client, report_plan)[0]["interest_category_v2"] is None


def test_an_audience_report_without_id_has_the_calls_account():
    client = one_row({"age": "AGE_18_24"}, {"spend": "1"})
    report_plan = plan(
        client, report_type="AUDIENCE", dimensions="age", data_level="AUCTION_AD", metrics="spend"
    )
    assert rows(client, report_plan) == [{"advertiser_id": "7", "age": "AGE_18_24", "spend": "1"}]


def test_gmv_max_rows_bring_their_currency(caplog):
    caplog.set_level(logging.WARNING)
    client = one_row(
        {"item_group_id": "1", "stat_time_day": "2026-01-05 00:00:00"},
        {"currency": "USD", "cost": "13.86", "orders": "5", "roi": "4.00"},
    )
    report_plan = plan(
        client,
        **GMV_MAX,
        dimensions="item_group_id,stat_time_day",
        metrics="cost,orders,roi",
        filters={"campaign_ids": ["1"]},
    )
    assert rows(client, report_plan) == [
        {
            "advertiser_id": "7",
            "item_group_id": "1",
            "stat_time_day": "2026-01-05",
            "cost": "13.86",
            "orders": "5",
            "roi": "4.00",
            "currency": "USD",
        }
    ]
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("name", "dimensions"),
    [
        ("20_gmv_max_overview", "advertiser_id,stat_time_day"),
        ("21_gmv_max_product_campaign", "campaign_id,stat_time_day"),
        ("22_gmv_max_product", "item_group_id,stat_time_day"),
        ("23_gmv_max_creative", "campaign_id,item_group_id,item_id"),
    ],
)
def test_the_official_gmv_max_examples_keep_every_value(name, dimensions):
    fixture = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    sent = fixture["response"]["body"]["data"]["list"]
    reader = RowReader(
        parse_request(
            **GMV_MAX,
            dimensions=dimensions,
            metrics=[name for name in sent[0]["metrics"] if name != "currency"],
        )
    )
    columns = list(reader.schema.columns)
    got = [dict(zip(columns, row, strict=True)) for row in reader.read("7", sent).rows()]
    assert [{name: row[name] for name in item["metrics"]} for row, item in zip(got, sent, strict=True)] == [
        item["metrics"] for item in sent
    ]


def test_weeks_and_months_are_dates():
    client = one_row({"main_material_id": "1", "stat_time_week": "2026-01-05 00:00:00"}, {"spend": "1"})
    report_plan = plan(
        client, report_type="SMART_PLUS", dimensions="main_material_id,stat_time_week", metrics="spend"
    )
    assert rows(client, report_plan)[0]["stat_time_week"] == "2026-01-05"


@pytest.mark.sampled(20)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_preset_has_files_and_a_manifest(name):
    client = FakeClient(paged([]))
    report_plan = plan(client, preset=name, request_params=REQUIRED.get(name))
    report = fetch(client, report_plan)
    assert all_rows(report) == []
    summary = make_summary(report, client.counts, NOW)
    assert make_manifest(report, summary, NOW)["complete"] is True
    assert file_name(report_plan, ())


def test_two_report_types_never_share_a_file():
    names = {
        file_name(report_plan, ())
        for name in FAMILIES
        for report_plan in [plan(FakeClient(), preset=name, request_params=REQUIRED.get(name))]
    }
    assert len(names) == len(FAMILIES)


@pytest.mark.parametrize(
    ("parameters", "hours"),
    [
        ({"dimensions": "ad_id", "metrics": "spend"}, 0.5),
        ({"dimensions": "ad_id", "metrics": "spend,reach"}, 16),
        ({"dimensions": "ad_id", "metrics": "billed_cost"}, 11),
        ({"report_type": "AUDIENCE", "dimensions": "ad_id,age", "metrics": "spend"}, 16),
        ({"report_type": "AUDIENCE", "dimensions": "ad_id,country_code", "metrics": "spend"}, 0.5),
        ({"report_type": "AUDIENCE", "dimensions": "ad_id,behavior_id", "metrics": "spend"}, 24),
        ({**BC, "dimensions": "stat_time_day", "metrics": "tax_spend"}, 48),
    ],
)
def test_figures_are_final_after_their_latency(parameters, hours):
    request = parse_request(**parameters)
    found = catalog.latency((*request.dimensions, *request.metrics), request.report_type)
    assert found.total_seconds() == hours * 3600
