"""What TikTok refuses: refused before the call if known, explained after it if not."""

import re

import pytest

from airflow_provider_tiktok.emulator.schemas.gmv_max import GROUPINGS
from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params import suggestions
from airflow_provider_tiktok.reports.params.explain import explained
from airflow_provider_tiktok.reports.planning.plan import RunTime
from airflow_provider_tiktok.reports.planning.planner import make_plan
from airflow_provider_tiktok.reports.report_types import REPORT_TYPES
from tests.sampling import sample

from .helpers import NOW, FakeClient, request

SANDBOX = "https://sandbox-ads.tiktok.com"


def refused(match, **parameters):
    with pytest.raises(TikTokInvalidRequestError, match=re.escape(match)):
        request(**parameters)


# GMV Max


@pytest.mark.parametrize("grouping", GROUPINGS, ids=lambda names: "+".join(sorted(names)))
def test_a_grouping_of_gmv_max_has_default_metrics_of_its_level(grouping):
    level = GROUPINGS[grouping][0].name
    made = request(
        report_type="GMV_MAX", dimensions=sorted(grouping), metrics=None, request_params={"store_ids": "1"}
    )
    known = catalog.metrics("GMV_MAX")
    assert made.metrics
    assert level in REPORT_TYPES["GMV_MAX"].levels(tuple(grouping))
    assert all(known[name].levels & REPORT_TYPES["GMV_MAX"].levels(tuple(grouping)) for name in made.metrics)


def test_the_type_of_campaigns_decides_about_the_metrics_of_gmv_max():
    common = {"report_type": "GMV_MAX", "dimensions": "campaign_id", "request_params": {"store_ids": "1"}}
    live = {"filters": {"gmv_max_promotion_types": ["LIVE"]}}
    product = {"filters": {"gmv_max_promotion_types": ["PRODUCT"]}}
    assert request(metrics="live_views", **common, **live).metrics == ("live_views",)
    refused("live_views, which exists at LIVE_CAMPAIGN", metrics="live_views", **common, **product)


# parameters that would be ignored


def test_an_explicit_false_wins_over_the_lifetime_of_a_preset():
    dates = {"report_start_date": "2026-01-01", "report_end_date": "2026-01-03"}
    made = request(preset="ad_lifetime", dimensions=None, metrics=None, query_lifetime=False, **dates)
    assert made.query_lifetime is False
    assert request(preset="ad_lifetime", dimensions=None, metrics=None).query_lifetime is True


@pytest.mark.parametrize(
    ("parameter", "value"), [("report_start_date", "2026-01-01"), ("lookback_days", 3), ("order_type", "ASC")]
)
def test_a_parameter_that_means_nothing_is_named(parameter, value, caplog):
    lifetime = {} if parameter == "order_type" else {"query_lifetime": True}
    request(**{parameter: value}, **lifetime)
    assert f"`{parameter}` means nothing" in caplog.text


def test_utc_days_of_several_accounts_are_refused_with_the_reason():
    refused(
        "multi_adv_report_in_utc_time",
        request_params={"multi_adv_report_in_utc_time": True},
    )


# order


def test_an_order_that_tiktok_refuses_is_refused():
    refused("`order_field` is cash_spend, which exists at AUCTION_ADVERTISER only", order_field="cash_spend")


def test_the_order_that_is_advised_is_one_that_the_report_has():
    refused(
        "Use a metric with numbers, such as orders.",
        report_type="GMV_MAX",
        dimensions="campaign_id",
        metrics="orders",
        order_field="campaign_name",
        filters={"gmv_max_promotion_types": ["LIVE"]},
        request_params={"store_ids": "1"},
    )


# doubts, not refusals


@pytest.mark.parametrize("time", ["stat_time_day", "stat_time_week", "stat_time_month"])
def test_names_of_accounts_are_allowed_with_a_time(time, caplog):
    made = request(
        report_type="BC",
        dimensions=f"advertiser_id,{time}",
        metrics="spend,advertiser_name,currency",
        request_params={"bc_id": "1"},
        advertiser_ids=None,
    )
    assert made.metrics == ("spend", "advertiser_name", "currency")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"report_type": "BC", "dimensions": "country_code,placement", "request_params": {"bc_id": "1"}},
            "isn't known to combine",
        ),
        ({"metrics": "cta_xyz_conversion"}, "doesn't know 'cta_xyz_conversion'"),
    ],
)
def test_what_may_be_is_sent_with_a_warning(parameters, words, caplog):
    request(**{"metrics": "spend", "advertiser_ids": None, **parameters})
    assert words in caplog.text


def test_a_breakdown_of_smart_plus_has_no_lifetime():
    refused(
        "no lifetime",
        report_type="SMART_PLUS",
        dimensions="main_material_id",
        query_lifetime=True,
    )


@pytest.mark.grows
def test_no_new_sibling_of_a_known_metric_is_taken_for_a_misspelling():
    known = list(catalog.metrics())
    wrong = []
    for name in sample(known, 60):
        others = [one for one in known if one != name]
        if suggestions.misspelling_of(name, others):
            wrong.append(name)
    assert len(wrong) <= 14  # an `evta_...` for a `vta_...`, all of which the catalogue has


@pytest.mark.parametrize(
    ("written", "meant"), [("spendd", "spend"), ("impresions", "impressions"), ("cvr", "conversion_rate")]
)
def test_a_misspelling_is_one_all_the_same(written, meant):
    refused(f"did you mean '{meant}'?", metrics=written)


def test_letters_that_changed_places_are_a_misspelling():
    refused("did you mean 'stat_time_day'?", dimensions="ad_id,stat_time_dya")
    refused("did you mean 'cpc'?", metrics="ccp")


# the sandbox


@pytest.mark.parametrize(
    ("parameters", "parameter"),
    [
        ({"dimensions": "advertiser_id"}, "data_level"),
        (
            {
                "report_type": "BC",
                "dimensions": "stat_time_day",
                "request_params": {"bc_id": "1"},
                "advertiser_ids": None,
            },
            "report_type",
        ),
        ({"request_params": {"enable_total_metrics": True}}, "request_params"),
    ],
)
def test_what_the_sandbox_lacks_is_refused_before_any_call(parameters, parameter):
    client = FakeClient(base_url=SANDBOX)
    with pytest.raises(TikTokInvalidRequestError, match=f"`{parameter}` .*sandbox lacks"):
        make_plan(client, request(**parameters), RunTime(NOW))
    assert client.calls == []


# TikTok's own refusals


@pytest.mark.parametrize(
    ("message", "parameters", "words"),
    [
        (
            "Conflict occurs. The input params including metrics and dimensions have no relation.",
            {"dimensions": "ad_id,country_code", "metrics": "billed_cost", "check_fields": False},
            "billed_cost, which doesn't go with the dimension country_code",
        ),
        (
            "Conflict occurs. The input params including metrics and dimensions have no relation.",
            {},
            "don't go with the dimensions ad_id",
        ),
        ("Invalid value for dimensions: contry_code is not supported", {}, "Did you mean 'country_code'"),
        (
            "Invalid value for dimensions: data_level AUCTION_AD and dimension advertiser_id do not match",
            {},
            "leave `data_level` out",
        ),
        ("dimensions: Length must be between 1 and 4", {}, "`dimensions` must hold 1 to 4 names"),
        ("Invalid value for order_field: reach is not supported", {}, "another metric in `order_field`"),
        ("Invalid value for filtering: x is not supported", {}, "have the fields campaign_ids"),
        ("Missing required field(s): bc_id.", {}, "TikTok wants bc_id"),
        ("campaign_name is not supported", {"metrics": "spend,campaign_name"}, "Drop it from `metrics`"),
        ("ad_id is not supported", {}, "Drop ad_id from `dimensions`"),
    ],
)
def test_what_tiktok_refuses_is_explained(message, parameters, words):
    error = TikTokInvalidRequestError("TikTok refused.", code=40002, message=message, request_id="R")
    explanation = explained(error, request(**parameters))
    assert words in str(explanation)
    assert (explanation.code, explanation.message, explanation.request_id) == (40002, message, "R")


def test_a_refusal_of_this_packages_own_needs_no_explanation():
    error = TikTokInvalidRequestError("own words")
    assert explained(error, request()) is error
