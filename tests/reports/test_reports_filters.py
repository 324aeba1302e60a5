"""Filters: from any spelling to TikTok's."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports.params.filters import keep_deleted, parse_filter_object, parse_filters

from .helpers import request


def item(value, filter_type="IN", field_name="campaign_ids"):
    return {"field_name": field_name, "filter_type": filter_type, "filter_value": value}


def problem(value) -> str:
    with pytest.raises(TikTokInvalidRequestError) as caught:
        parse_filters(value)
    return str(caught.value)


@pytest.mark.parametrize("value", [None, "", " ", "[]", [], ()])
def test_no_filters_have_many_spellings(value):
    assert parse_filters(value) == ()


@pytest.mark.parametrize(
    "value",
    [["123", "456"], ("123", "456"), [123, 456], '["123","456"]', "[123, 456]", "123,456", " 123 , 456 "],
    ids=repr,
)
def test_a_list_of_ids_has_many_spellings(value):
    expected = ({"field_name": "campaign_ids", "filter_type": "IN", "filter_value": '["123", "456"]'},)
    assert parse_filters([item(value)]) == expected
    assert parse_filters(json.dumps([item(value)])) == expected
    assert parse_filters(str([item(value)])) == expected


@pytest.mark.parametrize(
    ("written", "encoded"),
    [
        (item("123"), '["123"]'),
        (item(123), '["123"]'),
        (item(1678604630215698), '["1678604630215698"]'),
        (item("[1678604630215698,1678604630215699]"), '["1678604630215698", "1678604630215699"]'),
        (item("STATUS_ALL", field_name="ad_status"), '["STATUS_ALL"]'),
        (
            item(["A, b", 'c"d', "é"], field_name="campaign_label_names", filter_type="CONTAIN_ANY_OF"),
            '["A, b", "c\\"d", "é"]',
        ),
        (item(True, field_name="is_cbo_enabled"), '["true"]'),
        (item("a, b", field_name="objective_type"), '["a", "b"]'),
        (item("a, b", "CONTAIN_ANY_OF", "campaign_label_names"), '["a, b"]'),
        (item(["2026-11-01", "2026-11-02"], "BETWEEN", "create_time"), '["2026-11-01", "2026-11-02"]'),
        (item("2026-11-01,2026-11-02", "RANGE", "create_time"), '["2026-11-01", "2026-11-02"]'),
        (item("2026-11-01 00:00:00", "GREATER_EQUAL", "create_time"), "2026-11-01 00:00:00"),
        (item(["x"], "MATCH", "campaign_label_names"), "x"),
    ],
)
def test_values_are_encoded_as_tiktok_requires(written, encoded):
    (parsed,) = parse_filters([written])
    assert parsed["filter_value"] == encoded


def test_names_and_types_are_tidied():
    assert parse_filters([item("1", " in ", " ad_ids ")]) == (
        {"field_name": "ad_ids", "filter_type": "IN", "filter_value": '["1"]'},
    )


_EXAMPLE = '[{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": ["123"]}]'


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("campaign_ids=1", f"`filters` is not JSON. Write a list such as {_EXAMPLE}."),
        ('[{"field_name": ', f"`filters` is not JSON. Write a list such as {_EXAMPLE}."),
        (item("1"), f"`filters` must be a list such as {_EXAMPLE}, not dict."),
        ("7", f"`filters` must be a list such as {_EXAMPLE}, not int."),
        (["x"], "`filters[0]` must be an object with field_name, filter_type, filter_value, not 'x'."),
        (
            [item("1"), {"field_name": "ad_ids"}],
            "`filters[1]` lacks filter_type, filter_value. A filter has field_name, filter_type, filter_value.",
        ),
        (
            [{**item("1"), "filter_values": 2}],
            "`filters[0]` has filter_values, which filters don't have; they have field_name, filter_type, "
            "filter_value.",
        ),
        (
            [item("1", field_name="campaign_id")],
            "`filters[0].field_name` holds names that TikTok doesn't have: 'campaign_id' (did you mean "
            "'campaign_ids'?).",
        ),
        (
            [item("1", "EQUALS")],
            "`filters[0].filter_type` is 'EQUALS'; it can be IN, NOT_IN, CONTAIN_ANY_OF, BETWEEN, RANGE, MATCH, "
            "GREATER_EQUAL, GREATER_THAN, LOWER_EQUAL, LOWER_THAN.",
        ),
        ([item([])], "`filters[0].filter_value` is empty; name at least one value, or leave the filter out."),
        ([item("")], "`filters[0].filter_value` is empty; name at least one value, or leave the filter out."),
        (
            [item(["1"], "BETWEEN", "create_time")],
            "`filters[0].filter_value` must hold two values, the lowest and the highest, not 1.",
        ),
        ([item([None])], "`filters[0].filter_value` holds None; values are text or numbers."),
        ([item({"a": 1})], "`filters[0].filter_value` holds {'a': 1}; values are text or numbers."),
        (
            [item(["a", "b"], "MATCH")],
            "`filters[0].filter_value` holds ['a', 'b']; values are text or numbers.",
        ),
    ],
)
def test_a_malformed_filter_is_named(value, sentence):
    assert problem(value) == sentence


def test_a_new_field_passes_with_a_warning(caplog):
    assert parse_filters([item("1", field_name="planet_of_origin")])[0]["field_name"] == "planet_of_origin"
    assert "this version doesn't know 'planet_of_origin'" in caplog.text


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool)


@given(values=st.lists(_TEXT, min_size=1), filter_type=st.sampled_from(["IN", "NOT_IN", "CONTAIN_ANY_OF"]))
def test_a_list_survives_its_encoding(values, filter_type):
    (parsed,) = parse_filters([item(values, filter_type, "campaign_label_names")])
    assert json.loads(parsed["filter_value"]) == list(dict.fromkeys(values))
    assert parse_filters([parsed]) == (parsed,)
    assert parse_filters(json.dumps([parsed])) == (parsed,)


@given(ids=st.lists(st.integers(1, 10**19), min_size=1, max_size=100))
def test_ids_survive_in_every_spelling(ids):
    expected = [str(number) for number in dict.fromkeys(ids)]
    for spelling in (ids, expected, ",".join(expected), json.dumps(ids), json.dumps(expected)):
        (parsed,) = parse_filters([item(spelling)])
        assert json.loads(parsed["filter_value"]) == expected


@pytest.mark.parametrize(
    ("level", "field"),
    [
        ("AUCTION_CAMPAIGN", "campaign_status"),
        ("AUCTION_ADGROUP", "adgroup_status"),
        ("AUCTION_AD", "ad_status"),
    ],
)
def test_deleted_entities_are_kept_in(level, field):
    given_filters = parse_filters([item("1")])
    assert keep_deleted(given_filters, level) == (
        *given_filters,
        {"field_name": field, "filter_type": "IN", "filter_value": '["STATUS_ALL"]'},
    )


def test_the_account_level_needs_no_status_filter():
    assert keep_deleted((), "AUCTION_ADVERTISER") == ()


@pytest.mark.parametrize("field", ["campaign_status", "adgroup_status", "ad_status"])
def test_a_status_filter_of_the_users_wins(field):
    filters = parse_filters([item("STATUS_DELETE", field_name=field)])
    assert keep_deleted(filters, "AUCTION_AD") == filters


# what TikTok surely refuses


@pytest.mark.parametrize(
    ("report_type", "written", "words"),
    [
        ("BASIC", item(["1"], "NOT_IN"), "is NOT_IN, but campaign_ids takes IN"),
        ("BASIC", item("1", "MATCH"), "is MATCH, but campaign_ids takes IN"),
        ("BASIC", item(["1", "2"], "BETWEEN"), "is BETWEEN, but campaign_ids takes IN"),
        ("BASIC", item("x", "MATCH", "campaign_status"), "is MATCH, but campaign_status takes IN"),
        ("BASIC", item("2026-11-01", "IN", "create_time"), "is IN, but create_time takes BETWEEN"),
        (
            "BASIC",
            item("yesterday", "GREATER_THAN", "create_time"),
            "holds 'yesterday'; it takes a day or a time",
        ),
        ("BASIC", item("US", "IN", "country_code"), "Group by country_code instead"),
        ("BASIC", item("x", "MATCH", "advertiser_name"), "which BASIC reports don't have, only BC"),
        ("BASIC", item("PRODUCT", "IN", "gmv_max_promotion_types"), "only GMV_MAX"),
        ("BASIC", item("x", "IN", "playable_status"), "only PLAYABLE_MATERIAL"),
        ("BC", item("1", "IN", "campaign_ids"), "which BC reports don't have"),
        ("BC", item("1", "IN", "cost"), "is IN, but cost takes GREATER_THAN"),
        ("BC", item("much", "GREATER_THAN", "cost"), "holds 'much'; it takes a number"),
        ("BC", item("x", "IN", "advertiser_name"), "is IN, but advertiser_name takes MATCH"),
    ],
)
def test_a_filter_that_tiktok_surely_refuses_is_refused(report_type, written, words):
    with pytest.raises(TikTokInvalidRequestError, match=re.escape(words)):
        parse_filters([written], report_type)
    assert len(parse_filters([written], report_type, check=False)) == 1


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (item("STATUS_ALLL", field_name="ad_status"), "Did you mean 'STATUS_ALL'?"),
        (item("SMART", field_name="campaign_automation_type"), "is known to take MANUAL"),
        (item("x", "IN", "campaign_label_ids"), "takes CONTAIN_ANY_OF"),
        (item(["1"], "NOT_IN", "ad_ids_v2"), ""),
    ],
)
def test_a_filter_that_tiktok_may_refuse_is_sent_with_a_warning(written, words, caplog):
    assert len(parse_filters([written])) == 1
    assert words in caplog.text
    assert bool(caplog.text) is bool(words)


@pytest.mark.parametrize(
    ("report_type", "written", "words"),
    [
        ("GMV_MAX", {"gmv_max_promotion_types": ["PRODUCTS"]}, "holds PRODUCTS"),
        ("GMV_MAX", {"campaign_ids": list(range(101))}, "holds 101 campaign_ids; TikTok takes 100"),
        ("SMART_PLUS", {"campaign_ids": list(range(201))}, "holds 201 campaign_ids; TikTok takes 200"),
        ("SMART_PLUS", {"campaign_ids": ["1"], "adgroup_ids": ["2"]}, "holds campaign_ids and adgroup_ids"),
        ("SMART_PLUS", {"campaign_ids": ["x"]}, "IDs are numbers"),
    ],
)
def test_an_object_of_filters_that_tiktok_surely_refuses_is_refused(report_type, written, words):
    with pytest.raises(TikTokInvalidRequestError, match=re.escape(words)):
        parse_filter_object(written, report_type)


def test_an_object_and_a_list_of_filters_mean_the_same():
    ids = [str(number) for number in range(150)]
    assert parse_filter_object({"campaign_ids": ids}, "SMART_PLUS") == {"campaign_ids": ids}
    assert parse_filter_object([item(ids)], "SMART_PLUS") == {"campaign_ids": ids}
    assert parse_filter_object({"campaign_ids": "7, 8", "campaign_name": "x"}, "GMV_MAX") == {
        "campaign_ids": ["7", "8"],
        "campaign_name": "x",
    }
    assert parse_filter_object({"new_option": True}, "GMV_MAX") == {"new_option": True}


def test_a_filter_that_is_not_checked_is_sent_unchanged():
    made = request(filters=[item("1", "MATCH")], check_fields=False)
    assert made.filters[0] == {"field_name": "campaign_ids", "filter_type": "MATCH", "filter_value": "1"}
