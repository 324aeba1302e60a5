"""From all spellings to one checked request."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports.params.request import parse_request
from airflow_provider_tiktok.reports.presets import PRESETS

from .helpers import request

SUMMARY = ("spend", "impressions", "reach", "clicks", "conversion", "cpm")
KEPT = {"filter_type": "IN", "filter_value": '["STATUS_ALL"]'}


def problem(**parameters) -> str:
    with pytest.raises(TikTokInvalidRequestError) as caught:
        request(**parameters)
    return str(caught.value)


@pytest.mark.parametrize(
    ("preset", "level", "dimension", "status"),
    [
        ("ad_group_summary", "AUCTION_ADGROUP", "adgroup_id", "adgroup_status"),
        ("auction_campaign_summary", "AUCTION_CAMPAIGN", "campaign_id", "campaign_status"),
    ],
)
def test_a_summary_preset_is_exactly_the_contracts(preset, level, dimension, status):
    assert parse_request(preset=preset).params() == {
        "report_type": "BASIC",
        "service_type": "AUCTION",
        "data_level": level,
        "dimensions": [dimension],
        "metrics": list(SUMMARY),
        "filtering": [{"field_name": status, **KEPT}],
        "order_field": None,
        "order_type": None,
        "query_lifetime": None,
        "page_size": 1000,
    }


def test_presets_are_a_read_only_mapping():
    assert {"ad_group_summary", "auction_campaign_summary"} <= set(PRESETS)
    with pytest.raises(TypeError):
        PRESETS["x"] = {}
    with pytest.raises(TypeError):
        PRESETS["ad_group_summary"]["metrics"] = ()


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"metrics": "clicks, ctr"}, {"metrics": ("clicks", "ctr")}),
        (
            {"dimensions": "ad_id,stat_time_day"},
            {"dimensions": ("ad_id", "stat_time_day"), "data_level": "AUCTION_AD"},
        ),
        ({"order_field": "spend", "order_type": "asc"}, {"order_field": "spend", "order_type": "ASC"}),
        ({"report_type": "basic"}, {"report_type": "BASIC"}),
        ({"metrics": None, "dimensions": ""}, {"metrics": SUMMARY, "dimensions": ("adgroup_id",)}),
    ],
)
def test_an_explicit_parameter_wins_over_the_preset(given, changed):
    found = parse_request(preset="ad_group_summary", **given)
    assert {name: getattr(found, name) for name in changed} == changed


def test_no_metrics_are_tiktoks_default():
    assert request(metrics=None).metrics == ("spend", "impressions")


@pytest.mark.parametrize(
    ("dimension", "level"),
    [
        ("advertiser_id", "AUCTION_ADVERTISER"),
        ("campaign_id", "AUCTION_CAMPAIGN"),
        ("adgroup_id", "AUCTION_ADGROUP"),
        ("ad_id", "AUCTION_AD"),
        ("ad_id_v2", "AUCTION_AD"),
    ],
)
def test_the_level_follows_from_the_id_dimension(dimension, level):
    assert request(dimensions=["stat_time_day", dimension]).data_level == level
    assert request(dimensions=[dimension], data_level=level.lower()).data_level == level


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (
            {"preset": "ad_group_sumary"},
            f"`preset` is 'ad_group_sumary'; it can be {', '.join(PRESETS)}. Did you mean 'ad_group_summary'?",
        ),
        (
            {"metrics": "spend,spendd"},
            "`metrics` holds names that TikTok doesn't have: 'spendd' (did you mean 'spend'?).",
        ),
        (
            {"metrics": []},
            "`metrics` is empty. Name at least one, or leave the parameter out for the default.",
        ),
        (
            {"dimensions": []},
            "`dimensions` is empty. Name at least one, or leave the parameter out for the default.",
        ),
        (
            {"dimensions": None},
            "`dimensions` is missing. Name an ID dimension such as ad_id, or choose a `preset`.",
        ),
        (
            {"dimensions": "ad_ids"},
            "`dimensions` holds names that TikTok doesn't have: 'ad_ids' (did you mean 'ad_id'?).",
        ),
        (
            {"dimensions": "ad_id,campaign_name"},
            "`dimensions` holds campaign_name, which TikTok has as metrics only. Move to `metrics`.",
        ),
        (
            {"dimensions": "stat_time_day"},
            "`dimensions` must have exactly one ID dimension (advertiser_id, campaign_id, adgroup_id, ad_id, "
            "ad_id_v2), and it has none.",
        ),
        (
            {"dimensions": "ad_id,campaign_id"},
            "`dimensions` must have exactly one ID dimension (advertiser_id, campaign_id, adgroup_id, ad_id, "
            "ad_id_v2), and it has ad_id, campaign_id. Group by ad_id alone: `with_parents=True` adds IDs and names of "
            "what is above it.",
        ),
        (
            {"dimensions": "ad_id,stat_time_day,stat_time_hour"},
            "`dimensions` must have at most one time dimension: stat_time_day, stat_time_hour.",
        ),
        (
            {"dimensions": "ad_id,stat_time_day,country_code,ad_type,page_id"},
            "`dimensions` holds 5 names; TikTok takes 4.",
        ),
        (
            {"data_level": "AUCTION_CAMPAIGN"},
            "`data_level` is AUCTION_CAMPAIGN, which does not fit the dimension ad_id. That dimension is of "
            "AUCTION_AD; leave `data_level` out and it follows from the dimensions.",
        ),
        (
            {"data_level": "AUCTION_ADS"},
            "`data_level` is 'AUCTION_ADS'; it can be AUCTION_ADVERTISER, AUCTION_CAMPAIGN, AUCTION_ADGROUP, "
            "AUCTION_AD. Did you mean 'AUCTION_AD'?",
        ),
        (
            {"data_level": "RESERVATION_AD"},
            "`data_level` is RESERVATION_AD, which TikTok retired: the AUCTION levels hold reservation ads as well. "
            "Use AUCTION_AD; a `buying_type` filter picks reservation ads.",
        ),
        (
            {"service_type": "RESERVATION"},
            "`service_type` is RESERVATION, which TikTok retired: AUCTION reports hold reservation ads as well. Leave "
            "it out; a filter on `buying_type` (RESERVATION_RF or RESERVATION_TOP_VIEW) picks reservation ads.",
        ),
        (
            {"order_field": "spendd"},
            "`order_field` holds names that TikTok doesn't have: 'spendd' (did you mean 'spend'?).",
        ),
        (
            {"order_field": "campaign_name"},
            "`order_field` is campaign_name, by which TikTok doesn't sort. Use a metric with numbers, such as spend.",
        ),
        ({"order_type": "UP"}, "`order_type` is 'UP'; it can be ASC, DESC."),
        (
            {"report_start_date": "2026-01-03", "report_end_date": "2026-01-02"},
            "`report_start_date` is 2026-01-03, after `report_end_date`, which is 2026-01-02. Swap them.",
        ),
        (
            {"report_start_date": "yesterday"},
            "`report_start_date` is 'yesterday', which is not a date. Write YYYY-MM-DD, or a template such as "
            "{{ ds }} that gives one.",
        ),
        (
            {"query_lifetime": True, "dimensions": "ad_id,stat_time_day"},
            "`query_lifetime` can't go with the dimension stat_time_day. Drop one of the two.",
        ),
        (
            {"query_lifetime": True, "dimensions": "ad_id,country_code"},
            "`query_lifetime` can't go with the dimension country_code. Drop one of the two.",
        ),
        (
            {"advertiser_ids": "7,seven"},
            "advertiser_ids: 'seven' is not an advertiser ID, which is a number. `airflow-tiktok entities advertiser "
            "--advertiser-ids '*' --fields name` lists IDs and names of all accounts that the token reaches.",
        ),
        (
            {"advertiser_ids": []},
            '`advertiser_ids` is empty. Name an account, leave it out for the connection\'s, or use "*".',
        ),
        (
            {"request_params": {"metrics": ["x"]}},
            "`request_params` holds metrics; the operator's own parameter `metrics` sets that.",
        ),
        (
            {"request_params": {"filtering": []}},
            "`request_params` holds filtering; the operator's own parameter `filters` sets that.",
        ),
        ({"request_params": {"page": 2}}, "`request_params` holds page; every page is fetched anyway."),
        (
            {"request_params": {"query_mode": "CHUNK"}},
            "`request_params` holds query_mode CHUNK, which turns paging off, so rows could be missing.",
        ),
        (
            {"request_params": {"page_size": 1001}},
            "`request_params` holds page_size 1001; it can be 1 to 1000.",
        ),
        ({"request_params": {"page_size": 0}}, "`request_params` holds page_size 0; it can be 1 to 1000."),
        (
            {"request_params": {"page_size": "²"}},
            "`request_params` holds page_size '²'; it can be 1 to 1000.",
        ),
        ({"lookback_days": -1}, "`lookback_days` must be a whole number of 0 or more, not -1."),
        ({"mode": "slow"}, "`mode` is 'slow'; it can be sync, async."),
        (
            {"report_type": "BASICS"},
            "`report_type` is 'BASICS'; it can be BASIC, AUDIENCE, PLAYABLE_MATERIAL, CATALOG, BC, TT_SHOP, GMV_MAX, "
            "SMART_PLUS. Did you mean 'BASIC'?",
        ),
    ],
)
def test_bad_input_is_named_with_a_way_out(parameters, sentence):
    assert problem(**parameters) == sentence


def test_days_in_the_future_are_refused():
    tomorrow = (datetime.now(timezone(timedelta(hours=14))) + timedelta(days=1)).date()
    assert problem(report_start_date="2026-01-01", report_end_date=tomorrow) == (
        f"`report_end_date` is {tomorrow}, which is in the future. TikTok has no figures yet; end the report today "
        "or before."
    )
    assert problem(report_start_date=str(tomorrow)).startswith(
        f"`report_start_date` is {tomorrow}, which is in the future"
    )


def test_today_where_the_day_begins_first_is_not_the_future():
    today = datetime.now(timezone(timedelta(hours=14))).date()
    assert request(report_end_date=today).end_date == today


@pytest.mark.parametrize(
    "dates", [{"report_start_date": "2026-01-02"}, {"report_end_date": "2026-01-02", "report_start_date": ""}]
)
def test_one_date_means_that_day(dates):
    found = request(**dates)
    assert (found.start_date, found.end_date) == (date(2026, 1, 2), date(2026, 1, 2))


@pytest.mark.parametrize("value", ["*", " * ", ["*"], ("*",), '["*"]', "['*']"])
def test_every_account_has_many_spellings(value):
    assert request(advertiser_ids=value).advertiser_ids == ("*",)


@pytest.mark.parametrize(
    "value", [["7", "8"], [7, 8], "7,8", "7, 8", '["7","8"]', "[7, 8]", "['7', '8']", "(7, 8)"]
)
def test_accounts_have_many_spellings(value):
    assert request(advertiser_ids=value).advertiser_ids == ("7", "8")


@pytest.mark.parametrize("value", [None, "", " "])
def test_no_accounts_mean_the_connections(value):
    assert request(advertiser_ids=value).advertiser_ids is None


@pytest.mark.parametrize(
    ("dimension", "parents"),
    [
        ("advertiser_id", ["advertiser_name"]),
        ("campaign_id", ["campaign_name"]),
        ("adgroup_id", ["campaign_id", "campaign_name", "adgroup_name"]),
        ("ad_id", ["campaign_id", "campaign_name", "adgroup_id", "adgroup_name", "ad_name"]),
    ],
)
def test_parents_come_as_metrics_of_the_level(dimension, parents):
    found = request(dimensions=dimension, metrics=["spend", parents[-1]], with_parents=True)
    assert list(found.metrics) == [*parents, "spend"]


def test_deleted_entities_may_be_left_out():
    assert request(include_deleted=False).filters == ()
    assert [item["field_name"] for item in request(filters="[]").filters] == ["ad_status"]


def test_further_parameters_pass_as_they_are():
    found = request(request_params='{"enable_total_metrics": true, "page_size": "200", "x": [1]}').params()
    assert (found["enable_total_metrics"], found["page_size"], found["x"]) == (True, 200, [1])


def test_an_account_filter_in_words_is_sent_as_tiktok_requires():
    found = request(filters='[{"field_name":"campaign_ids","filter_type":"IN","filter_value":[1]}]').params()
    assert found["filtering"] == [
        {"field_name": "campaign_ids", "filter_type": "IN", "filter_value": '["1"]'},
        {"field_name": "ad_status", **KEPT},
    ]
