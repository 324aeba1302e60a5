"""Valid combinations in a report: nothing legal is refused, everything certainly illegal is."""

from __future__ import annotations

import itertools
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.params.request import parse_request
from airflow_provider_tiktok.reports.report_types import REPORT_TYPES
from tests.sampling import sample

LEVELS = {
    "advertiser_id": "AUCTION_ADVERTISER",
    "campaign_id": "AUCTION_CAMPAIGN",
    "adgroup_id": "AUCTION_ADGROUP",
    "ad_id": "AUCTION_AD",
    "ad_id_v2": "AUCTION_AD",
}
DAY, HOUR = "stat_time_day", "stat_time_hour"
REQUIRED = {"BC": {"bc_id": "1"}, "GMV_MAX": {"store_ids": ["1"]}}
PAIRS = (("page_id", "component_name"), ("search_keyword", "match_type"))


def ask(report_type: str, dimensions, metrics=None, **more) -> ReportRequest:
    params = {**REQUIRED.get(report_type, {}), **more.pop("request_params", {})}
    return parse_request(
        report_type=report_type, dimensions=list(dimensions), metrics=metrics, request_params=params, **more
    )


def refusal(report_type: str, dimensions, metrics=None, **more) -> str:
    with pytest.raises(TikTokInvalidRequestError) as caught:
        ask(report_type, dimensions, metrics, **more)
    assert caught.value.code is None
    return str(caught.value)


def names(kind: str, report_type: str, level: str | None = None) -> list[str]:
    return [
        one.name
        for one in catalog.dimensions(report_type).values()
        if one.kind == kind and (level is None or not one.levels or level in one.levels)
    ]


def basic_groupings():
    for id_dimension, level in LEVELS.items():
        breakdowns = [(), *((name,) for name in names("breakdown", "BASIC", level))]
        breakdowns += [pair for pair in PAIRS if set(pair) <= set(names("breakdown", "BASIC", level))]
        for times, breakdown in itertools.product([(), (DAY,), (HOUR,)], breakdowns):
            if not (HOUR in times and "country_code" in breakdown):
                yield (id_dimension, *times, *breakdown)


def audience_groupings():
    timeless = {
        "device_brand_id",
        *(f"interest_category{tier}" for tier in ("", "_tier2", "_tier3", "_tier4")),
    }
    for level in catalog.LEVELS:
        ids = [(), *((name,) for name, its in LEVELS.items() if its == level)]
        audiences = [(name,) for name in names("audience", "AUDIENCE", level)] + [("age", "gender")]
        for id_dimension, audience, times in itertools.product(ids, audiences, [(), (DAY,)]):
            if not (times and timeless.intersection(audience)):
                yield level, (*id_dimension, *audience, *times)


OTHER_GROUPINGS = [
    *(
        ("BC", one)
        for one in ["advertiser_id", "advertiser_id,country_code", DAY, "stat_time_week", "placement"]
    ),
    *(
        ("TT_SHOP", one)
        for one in [
            "advertiser_id",
            "advertiser_id,country_code",
            f"advertiser_id,country_code,{DAY}",
            "campaign_id,country_code",
            f"campaign_id,country_code,{DAY}",
        ]
    ),
    *(
        ("GMV_MAX", f"{one}{time}")
        for one in [
            *("advertiser_id", "campaign_id", "item_group_id", "room_id"),
            *("campaign_id,item_group_id", "campaign_id,room_id"),
        ]
        for time in ("", f",{DAY}", f",{HOUR}")
    ),
    *(
        ("GMV_MAX", one)
        for one in [
            *(
                "campaign_id,item_group_id,item_id",
                f"campaign_id,item_group_id,item_id,{DAY}",
                f"item_id,{DAY}",
            ),
            *("duration", "campaign_id,duration", "item_group_id,duration", "room_id,duration"),
            *("campaign_id,item_group_id,duration", "campaign_id,room_id,duration"),
            # seen to work on one account, against the documents
            *(DAY, HOUR, "spu_id", f"{DAY},spu_id", "item_id"),
        ]
    ),
    *(
        ("SMART_PLUS", f"{entity},{material}")
        for entity in ["advertiser_id", "campaign_id", "adgroup_id", "smart_plus_ad_id"]
        for material in [
            *(
                "main_material_id",
                "ad_text_entity_id",
                "call_to_action_entity_id",
                "interactive_add_on_entity_id",
            )
        ]
    ),
    *(
        ("SMART_PLUS", one)
        for one in [
            *("main_material_id", f"main_material_id,{DAY}", f"main_material_id,ad_text_entity_id,{HOUR}"),
            "ad_text_entity_id,call_to_action_entity_id,interactive_add_on_entity_id,stat_time_week",
            "main_material_id,ad_text_entity_id,call_to_action_entity_id,interactive_add_on_entity_id",
        ]
    ),
    ("PLAYABLE_MATERIAL", "playable_id"),
    ("PLAYABLE_MATERIAL", "playable_id,country_code"),
    ("CATALOG", "ad_id"),
    ("CATALOG", f"campaign_id,{DAY}"),
]


# no legal report is refused


@pytest.mark.sampled(40)
@pytest.mark.parametrize("dimensions", list(basic_groupings()), ids=",".join)
def test_every_legal_grouping_of_basic_passes(dimensions):
    found = ask("BASIC", dimensions)
    assert (found.data_level, found.dimensions) == (LEVELS[dimensions[0]], dimensions)
    if not {DAY, HOUR, "country_code"}.intersection(dimensions):
        assert ask("BASIC", dimensions, query_lifetime=True).query_lifetime


@pytest.mark.sampled(40)
@pytest.mark.parametrize(("level", "dimensions"), list(audience_groupings()))
def test_every_legal_grouping_of_audience_passes(level, dimensions):
    assert ask("AUDIENCE", dimensions, data_level=level).data_level == level


@pytest.mark.sampled(24)
@pytest.mark.parametrize(("report_type", "dimensions"), OTHER_GROUPINGS)
def test_every_legal_grouping_of_other_types_passes(report_type, dimensions):
    assert ask(report_type, dimensions.split(",")).dimensions == tuple(dimensions.split(","))


def test_the_groupings_of_the_table_are_those_of_the_list():
    for report_type in ("TT_SHOP", "GMV_MAX"):
        kind = REPORT_TYPES[report_type]
        listed = {frozenset(text.split(",")) for name, text in OTHER_GROUPINGS if name == report_type}
        assert kind.groupings | kind.unproven == listed


def legal_basic_metrics(id_dimension: str, times: tuple[str, ...]) -> list[str]:
    """Read the catalogue's levels and rules a second time, as simply as possible."""
    found = []
    for metric in catalog.metrics().values():
        rules = metric.rules
        if (
            LEVELS[id_dimension] in metric.levels
            and not ("no_hour" in rules and HOUR in times)
            and not ("id_or_id_day" in rules and HOUR in times)
            and not ("ad_id_v2_only" in rules and id_dimension != "ad_id_v2")
            and "image_id_only" not in rules
            and not (metric.name == "ad_id" and id_dimension == "ad_id_v2")
        ):
            found.append(metric.name)
    return found


@pytest.mark.parametrize("id_dimension", LEVELS)
@pytest.mark.parametrize("times", [(), (DAY,), (HOUR,)])
def test_every_legal_metric_of_basic_passes(id_dimension, times):
    wanted = legal_basic_metrics(id_dimension, times)
    assert len(wanted) > 700
    assert ask("BASIC", (id_dimension, *times), wanted).metrics == tuple(wanted)


@pytest.mark.parametrize("report_type", ["BASIC", "AUDIENCE", "BC"])
def test_every_metric_that_tiktok_lists_for_a_dimension_passes(report_type):
    for dimension, metrics in catalog.metrics_by_dimension(report_type).items():
        levels = catalog.dimensions(report_type)[dimension].levels or {None}
        for level in levels:
            ids = [name for name, its in LEVELS.items() if its == level and name != "ad_id_v2"]
            fitting = [
                name for name in metrics if not level or level in catalog.metrics(report_type)[name].levels
            ]
            assert ask(report_type, (*ids, dimension), sorted(fitting)).metrics == tuple(sorted(fitting))


@pytest.mark.grows
@pytest.mark.parametrize("report_type", ["TT_SHOP", "GMV_MAX", "SMART_PLUS", "BC"])
def test_every_metric_of_the_other_types_passes_somewhere(report_type):
    passed: set[str] = set()
    metrics = sample(catalog.metrics(report_type), 30)
    for name, text in OTHER_GROUPINGS:
        if name == report_type:
            for metric in metrics:
                try:
                    passed |= set(ask(report_type, text.split(","), [metric]).metrics)
                except TikTokInvalidRequestError:
                    continue
    assert passed == set(metrics)


@pytest.mark.parametrize("metric", ["conversion", "result", "cost_per_result", "result_rate"])
@pytest.mark.parametrize("dimension", ["advertiser_id", "campaign_id"])
def test_what_sources_disagree_about_is_left_to_tiktok(metric, dimension):
    assert ask("BASIC", [dimension], [metric]).metrics == (metric,)


# everything certainly illegal is refused, without a call


@pytest.mark.parametrize(
    ("report_type", "dimensions", "more", "words"),
    [
        ("BASIC", "ad_id,stat_time_day,country_code,ad_type,page_id", {}, "holds 5 names; TikTok takes 4."),
        ("BASIC", "ad_id,advertiser_id", {}, "exactly one ID dimension"),
        (
            "BASIC",
            "campaign_id,ad_id",
            {},
            "has campaign_id, ad_id. Group by ad_id alone: `with_parents=True` adds",
        ),
        ("BASIC", "ad_id,ad_id_v2", {}, "exactly one ID dimension"),
        ("BASIC", "advertiser_id", {"data_level": "AUCTION_AD"}, "does not fit the dimension advertiser_id"),
        ("BASIC", "ad_id,campaign_name", {}, "holds campaign_name, which TikTok has as metrics only"),
        ("BASIC", "ad_id,age", {}, "age (AUDIENCE). Drop them, or choose another `report_type`."),
        ("AUDIENCE", "ad_id,device_brand", {}, "'device_brand' (did you mean 'device_brand_id'?)"),
        ("BASIC", "ad_id,stat_time_hour,country_code", {}, "country_code and stat_time_hour"),
        ("BASIC", "ad_id,country_code,ad_type", {}, "country_code or ad_type with another breakdown"),
        ("BASIC", "ad_id,country_code", {"query_lifetime": True}, "with the dimension country_code"),
        ("BASIC", "ad_id,stat_time_hour", {"query_lifetime": True}, "with the dimension stat_time_hour"),
        (
            "AUDIENCE",
            "ad_id,age",
            {"query_lifetime": True},
            "lifetimes of BASIC, PLAYABLE_MATERIAL, SMART_PLUS only",
        ),
        ("AUDIENCE", "ad_id", {}, "one or two audience dimensions"),
        ("AUDIENCE", "ad_id,age,language", {}, "combines age and gender only"),
        ("AUDIENCE", "ad_id,age,gender,language", {}, "one or two audience dimensions"),
        ("AUDIENCE", "age", {}, "`data_level` is missing"),
        (
            "AUDIENCE",
            "advertiser_id,ad_type",
            {},
            "exists at AUCTION_CAMPAIGN, AUCTION_ADGROUP and AUCTION_AD only",
        ),
        ("AUDIENCE", "ad_id,interest_category,stat_time_day", {}, "`..._audience_interest_daily`"),
        ("AUDIENCE", "ad_id,device_brand_id,stat_time_day", {}, "device brand"),
        ("BC", "advertiser_id,stat_time_hour", {}, "stat_time_hour (BASIC, AUDIENCE"),
        ("BC", "advertiser_id", {"data_level": "AUCTION_AD"}, "BC reports have no data level"),
        ("BC", "advertiser_id", {"service_type": "AUCTION"}, "BC reports don't take it"),
        ("TT_SHOP", "advertiser_id,stat_time_day", {}, "is a grouping that TT_SHOP reports don't have"),
        ("TT_SHOP", "campaign_id", {}, "They have: advertiser_id; "),
        (
            "TT_SHOP",
            "advertiser_id",
            {"filters": [{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": [1]}]},
            "take no filters",
        ),
        (
            "TT_SHOP",
            "advertiser_id",
            {"data_level": "AUCTION_AD"},
            "it can be AUCTION_ADVERTISER, AUCTION_CAMPAIGN",
        ),
        ("GMV_MAX", "campaign_id,item_id", {}, "is a grouping that GMV_MAX reports don't have"),
        (
            "GMV_MAX",
            "advertiser_id",
            {"filters": [{"field_name": "a", "filter_type": "BETWEEN", "filter_value": [1, 2]}]},
            "take IN and MATCH only",
        ),
        ("SMART_PLUS", "campaign_id", {}, "must hold one of main_material_id"),
        ("SMART_PLUS", "campaign_id,main_material_id,ad_text_entity_id", {}, "no more than one"),
        (
            "SMART_PLUS",
            "campaign_id,main_material_id,stat_time_day",
            {},
            "can't have a time with an ID of the campaign tree",
        ),
        ("SMART_PLUS", "stat_time_day", {}, "must hold one of main_material_id"),
        (
            "AUDIENCE",
            "ad_id,age",
            {"request_params": {"enable_total_metrics": True}},
            "BASIC and GMV_MAX reports only",
        ),
        (
            "BASIC",
            "ad_id,stat_time_hour",
            {"request_params": {"enable_total_metrics": True}},
            "enable_total_metrics",
        ),
        (
            "BASIC",
            "ad_id_v2",
            {"filters": [{"field_name": "ad_ids", "filter_type": "IN", "filter_value": [1]}]},
            "Filter by ad_ids_v2",
        ),
        (
            "BASIC",
            "ad_id",
            {"filters": [{"field_name": "ad_ids_v2", "filter_type": "IN", "filter_value": [1]}]},
            "goes with the dimension ad_id_v2 only",
        ),
    ],
)
def test_illegal_reports_are_refused_with_the_reason(report_type, dimensions, more, words):
    assert words in refusal(report_type, dimensions.split(","), **more)


@pytest.mark.parametrize("report_type", ["BC", "GMV_MAX"])
def test_what_a_type_needs_is_asked_for(report_type):
    (name,) = REQUIRED[report_type]
    with pytest.raises(TikTokInvalidRequestError, match=f"lacks {name}, without which"):
        parse_request(report_type=report_type, dimensions="advertiser_id")


@pytest.mark.parametrize(
    ("report_type", "dimensions", "metrics", "words"),
    [
        ("BASIC", "campaign_id", "spend,cash_spend", "cash_spend, which exists at AUCTION_ADVERTISER only"),
        (
            "BASIC",
            "campaign_id",
            "ad_name,adgroup_name",
            "ad_name, which exists at AUCTION_AD only; adgroup_name, which exists at AUCTION_ADGROUP and AUCTION_AD "
            "only. Drop them, or choose other `dimensions`.",
        ),
        ("BASIC", "advertiser_id,stat_time_hour", "cash_spend", "stat_time_hour"),
        (
            "BASIC",
            "ad_id,country_code",
            "live_views",
            "live_views, which doesn't go with the dimension country_code",
        ),
        (
            "BASIC",
            "ad_id,stat_time_hour",
            "skan_conversion",
            "skan_conversion, which doesn't go with stat_time_hour",
        ),
        ("BASIC", "ad_id_v2", "ad_id", "ad_id, which doesn't go with the dimension ad_id_v2"),
        ("BASIC", "ad_id", "conversions", "did you mean 'conversion'?"),
        ("AUDIENCE", "ad_id,hashtag", "result", "result, which doesn't go with the dimension hashtag"),
        ("BC", "country_code", "reach", "reach, which doesn't go with the dimension country_code"),
        ("BC", "advertiser_id", "frequency", "frequency (BASIC"),
        ("GMV_MAX", "advertiser_id", "spend", "'spend' (did you mean 'cost'?)"),
        ("AUDIENCE", "age", "campaign_name", "campaign_name, which needs an ID dimension"),
        ("GMV_MAX", "campaign_id", "product_name", "product_name, which exists at PRODUCT only"),
        ("GMV_MAX", "advertiser_id", "live_views", "live_views, which exists at LIVE_CAMPAIGN, "),
        ("TT_SHOP", "advertiser_id", "clicks", "clicks (BASIC"),
    ],
)
def test_illegal_metrics_are_refused_with_the_reason(report_type, dimensions, metrics, words):
    level = {"data_level": "AUCTION_AD"} if dimensions == "age" else {}
    assert words in refusal(report_type, dimensions.split(","), metrics, **level)


@given(
    st.sampled_from(sorted(set(catalog.metrics()) - {"ad_id_v2"})),
    st.sampled_from(["advertiser_id", "campaign_id", "adgroup_id"]),
)
def test_a_metric_passes_where_its_level_is_and_only_there(metric, dimension):
    known = catalog.metrics()[metric]
    if known.rules or known.confidence != "high":
        return
    if LEVELS[dimension] in known.levels:
        assert ask("BASIC", [dimension], [metric]).metrics == (metric,)
    else:
        assert f"{metric}, which exists at" in refusal("BASIC", [dimension], [metric])


# doubts and the switch


@pytest.mark.parametrize(
    ("report_type", "dimensions", "metrics", "words"),
    [
        ("BASIC", "ad_id,room_id,post_id", "spend", "several breakdowns"),
        ("BASIC", "ad_id,match_type", "spend", "match_type"),
        ("AUDIENCE", "ad_id,age,stat_time_hour", "spend", "bucket_id only"),
        ("GMV_MAX", "spu_id", "cost", "TikTok's documents don't have"),
        ("GMV_MAX", "campaign_id", "cost", "gmv_max_promotion_types"),
        ("GMV_MAX", "item_group_id,stat_time_day", "cost", "lacks campaign_ids"),
        ("GMV_MAX", "campaign_id,item_group_id,item_id", "cost", "lacks item_group_ids"),
        ("BASIC", "campaign_id,search_keyword", "conversion", "search_keyword is known to go with"),
        ("BASIC", "ad_id_v2,image_id", "spend", "known to go with ad_id"),
        ("AUDIENCE", "ad_id,age", "spend,frequency", "frequency not known to be in AUDIENCE reports"),
        ("PLAYABLE_MATERIAL", "playable_id,stat_time_day", "spend", "don't have for PLAYABLE_MATERIAL"),
        # what TikTok may have added since
        ("AUDIENCE", "ad_id,household_income", "spend", "unless household_income is one"),
        ("SMART_PLUS", "campaign_id,headline_entity_id", "spend", "headline_entity_id"),
    ],
)
def test_doubts_are_sent_with_a_warning(report_type, dimensions, metrics, words, caplog):
    caplog.set_level(logging.WARNING)
    assert ask(report_type, dimensions.split(","), metrics)
    assert words in caplog.text


def test_an_id_that_is_new_to_this_version_is_sent_with_a_warning(caplog):
    caplog.set_level(logging.WARNING)
    assert ask("BASIC", ["ad_id_v3"], "spend", data_level="AUCTION_AD")
    assert "must have exactly one ID dimension" in caplog.text
    assert "unless ad_id_v3 is one" in caplog.text


def test_dimensions_of_ones_own_leave_a_presets_unfitting_metrics_out(caplog):
    caplog.set_level(logging.WARNING)
    request = parse_request(preset="ad_daily", dimensions="campaign_id,stat_time_day")
    assert request.data_level == "AUCTION_CAMPAIGN"
    assert "spend" in request.metrics
    assert "ad_name" not in request.metrics
    assert (
        "`preset` ad_daily has metrics that don't go with these dimensions, and are left out: " in caplog.text
    )
    assert "ad_name" in caplog.text
    assert "ad_name" in parse_request(preset="ad_daily").metrics
    unchecked = parse_request(
        preset="ad_daily",
        dimensions="campaign_id,stat_time_day",
        data_level="AUCTION_CAMPAIGN",
        check_fields=False,
    )
    assert "ad_name" in unchecked.metrics


def test_more_than_a_hundred_metrics_are_sent_with_a_warning(caplog):
    caplog.set_level(logging.WARNING)
    many = legal_basic_metrics("ad_id", (DAY,))[:101]
    assert len(ask("BASIC", ("ad_id", DAY), many).metrics) == 101
    assert "holds 101 names, and TikTok advises 100 at most" in caplog.text


def test_the_checks_can_be_turned_off():
    found = ask(
        "BASIC",
        ["campaign_id", "age", "stat_time_day"],
        "spendd,cash_spend",
        data_level="AUCTION_AD",
        order_field="spendd",
        check_fields=False,
    ).params()
    assert found["dimensions"] == ["campaign_id", "age", "stat_time_day"]
    assert (found["data_level"], found["metrics"], found["order_field"]) == (
        "AUCTION_AD",
        ["spendd", "cash_spend"],
        "spendd",
    )
