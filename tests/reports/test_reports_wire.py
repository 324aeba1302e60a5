"""Requests are plain JSON, in whatever form a template renders a value."""

import json
import random
from datetime import date

import pytest

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports.params.coerce import as_json
from airflow_provider_tiktok.reports.params.filters import parse_filter_object, parse_filters
from airflow_provider_tiktok.reports.params.request import parse_request

_random = random.Random(14)


def extra(request_params):
    request = parse_request(
        dimensions="ad_id", metrics="spend", request_params=request_params, report_start_date="2026-08-01"
    )
    return dict(request.extra)


def value(depth=3):
    """Return a random JSON value."""
    kind = _random.choice(["bool", "text", "int", "list", "object"] if depth else ["bool", "text", "int"])
    if kind == "list":
        return [value(depth - 1) for _ in range(_random.randint(0, 3))]
    if kind == "object":
        return {f"k{i}": value(depth - 1) for i in range(_random.randint(0, 3))}
    return {
        "bool": _random.random() < 0.5,
        "text": _random.choice(["7123", "a, b", "[draft]", "(5)", "Truest", "", "\u00e9", "it's", "-1"]),
        "int": _random.randint(-9, 10**18),
    }[kind]


VALUES = [value() for _ in range(60)]


def spellings(wanted):
    """Return an object as templates render it: itself, and its text in Python's and in JSON's syntax."""
    yield wanted
    yield str(wanted)
    yield json.dumps(wanted)
    yield {name: str(item) if not isinstance(item, (int, str)) else item for name, item in wanted.items()}
    yield {
        name: json.dumps(item) if not isinstance(item, (int, str)) else item for name, item in wanted.items()
    }
    yield {name: str(item) if isinstance(item, bool) else item for name, item in wanted.items()}


@pytest.mark.parametrize("number", range(0, len(VALUES), 3))
def test_every_spelling_of_request_params_is_the_same_on_the_wire(number):
    wanted = {f"custom_{i}": item for i, item in enumerate(VALUES[number : number + 3])}
    for spelling in spellings(wanted):
        assert json.dumps(extra(spelling)) == json.dumps(wanted)


@pytest.mark.parametrize("spelling", [True, "True", "true", " True\n"])
def test_a_boolean_in_text_is_sent_as_json(spelling):
    for given in ({"enable_total_metrics": spelling}, str({"enable_total_metrics": spelling})):
        assert extra(given)["enable_total_metrics"] is True


@pytest.mark.parametrize("text", ["7123456789012345678", "NONE", "a", "1.50", "", "[draft", "(5)", "{x}"])
def test_other_text_stays_text(text):
    assert as_json(text) == text
    assert as_json({"a": [text]}) == {"a": [text]}


@pytest.mark.parametrize(
    "bad",
    [float("nan"), float("inf"), date(2026, 1, 1), object(), b"x", "half \ud83d", {"a": [date(2026, 1, 1)]}],
)
def test_what_json_or_a_url_cannot_hold_is_refused(bad):
    with pytest.raises(
        TikTokInvalidRequestError, match=r"^`request_params` holds a value that can't be sent"
    ):
        extra({"custom": bad})
    with pytest.raises(TikTokInvalidRequestError, match=r"^`filters"):
        parse_filters([{"field_name": "custom", "filter_type": "IN", "filter_value": [bad]}], check=False)
    with pytest.raises(TikTokInvalidRequestError, match=r"^`filters"):
        parse_filter_object({"custom": bad}, "GMV_MAX", check=False)


@pytest.mark.parametrize("spelling", [True, "True", "true", ["True"], [True], "[True]", '["true"]', "True,"])
def test_a_boolean_filter_is_jsons(spelling):
    item = {"field_name": "is_cbo_enabled", "filter_type": "IN", "filter_value": spelling}
    for given in ([item], str([item]), json.dumps([item]), [str(item)], [json.dumps(item)]):
        (found,) = parse_filters(given)
        assert found["filter_value"] == '["true"]'


def test_a_name_that_looks_like_a_boolean_stays_as_it_is():
    (found,) = parse_filters(
        [{"field_name": "campaign_label_names", "filter_type": "CONTAIN_ANY_OF", "filter_value": ["True"]}]
    )
    assert found["filter_value"] == '["True"]'


@pytest.mark.parametrize("wanted", VALUES[:20])
def test_an_unknown_filter_of_an_object_is_jsons(wanted):
    for spelling in spellings({"custom": wanted}):
        assert parse_filter_object(spelling, "GMV_MAX", check=False) == {"custom": wanted}
