"""Values as users and templates write them, in all spellings."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports.params import coerce

AB = ("adgroup_id", "stat_time_day")


@pytest.mark.parametrize(
    "value",
    [
        ["adgroup_id", "stat_time_day"],
        ("adgroup_id", "stat_time_day"),
        "adgroup_id,stat_time_day",
        " adgroup_id ,  stat_time_day ",
        "adgroup_id,\n  stat_time_day,\n",
        "adgroup_id,,stat_time_day",
        '["adgroup_id", "stat_time_day"]',
        ' ["adgroup_id","stat_time_day"]\n',
        "['adgroup_id', 'stat_time_day']",
        "('adgroup_id', 'stat_time_day')",
        "{'stat_time_day', 'adgroup_id'}",
        {"stat_time_day", "adgroup_id"},
        '"adgroup_id,stat_time_day"',
        ["adgroup_id", "stat_time_day", "adgroup_id"],
        [" adgroup_id ", "stat_time_day", ""],
    ],
    ids=lambda value: "a set" if isinstance(value, set) else repr(value),
)
def test_a_list_of_names_has_many_spellings(value):
    assert coerce.names(value, "dimensions") == AB


@pytest.mark.parametrize(
    "value", ["ad_id", '"ad_id"', "'ad_id'", ["ad_id"], '["ad_id"]', "['ad_id']", "ad_id,"]
)
def test_one_name_is_a_list_of_one(value):
    assert coerce.names(value, "dimensions") == ("ad_id",)


READERS = (
    coerce.names,
    coerce.text,
    coerce.path,
    coerce.day,
    coerce.mapping,
    coerce.whole_number,
    lambda value, name: coerce.choice(value, name, ("A",)),
)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("value", ["None", " None\n", "null"])
def test_the_text_of_none_is_refused(value, read):
    with pytest.raises(TikTokInvalidRequestError) as caught:
        read(value, "x")
    assert str(caught.value) == (
        f"`x` is the text {value.strip()!r}, which a template makes of a value that is missing. Give empty text, or leave "
        "the parameter out, where nothing is meant."
    )


@pytest.mark.parametrize("value", [None, "", "  ", "\n"])
def test_nothing_given_has_many_spellings(value):
    assert coerce.names(value, "x") is None
    assert coerce.text(value, "x") is None
    assert coerce.choice(value, "x", ("A",)) is None
    assert coerce.day(value, "x") is None
    assert coerce.mapping(value, "x") == {}
    assert coerce.whole_number(value, "x") == 0


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "`metrics` is empty. Name at least one, or leave the parameter out for the default."),
        ("[]", "`metrics` is empty. Name at least one, or leave the parameter out for the default."),
        (",", "`metrics` is empty. Name at least one, or leave the parameter out for the default."),
        (
            ["spend", 7],
            "`metrics` holds 7, which is not a name. Write a list, or names with commas between.",
        ),
        (
            '["spend", ',
            "`metrics` holds '[\"spend\"', which is not a name. Write a list, or names with commas between.",
        ),
        (
            [["spend"]],
            "`metrics` holds ['spend'], which is not a name. Write a list, or names with commas between.",
        ),
        ({"a": 1}, "`metrics` must be a list of names or text with commas, not {'a': 1}."),
        ('{"a": 1}', "`metrics` must be a list of names or text with commas, not {'a': 1}."),
        (7, "`metrics` must be a list of names or text with commas, not 7."),
    ],
)
def test_what_is_no_list_of_names_is_named(value, sentence):
    with pytest.raises(TikTokInvalidRequestError) as caught:
        coerce.names(value, "metrics")
    assert str(caught.value) == sentence
    assert (caught.value.code, caught.value.retryable) == (None, False)


_NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), min_size=1, unique=True).filter(
    lambda names: names not in (["null"], ["none"])
)


@given(_NAMES)
def test_every_rendering_of_a_list_means_the_list(names):
    import json

    for spelling in (names, tuple(names), ",".join(names), ", ".join(names), json.dumps(names), str(names)):
        assert coerce.names(spelling, "x") == tuple(names)


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-11-01", date(2026, 11, 1)),
        (" 2026-11-01 ", date(2026, 11, 1)),
        ("20261101", date(2026, 11, 1)),
        (20261101, date(2026, 11, 1)),
        ("2026-11-01T23:59:59-08:00", date(2026, 11, 1)),
        ("2026-11-01 00:00:00+14:00", date(2026, 11, 1)),
        ("2026/11/01", date(2026, 11, 1)),
        (date(2026, 11, 1), date(2026, 11, 1)),
        (datetime(2026, 11, 1, 23, tzinfo=timezone.utc), date(2026, 11, 1)),
        (pendulum.datetime(2026, 11, 1, 23, tz="Asia/Tokyo"), date(2026, 11, 1)),
        (pendulum.date(2026, 11, 1), date(2026, 11, 1)),
        ("2024-02-29", date(2024, 2, 29)),
    ],
)
def test_a_day_has_many_spellings(value, day):
    found = coerce.day(value, "report_start_date")
    assert found == day
    assert found.isoformat() == day.isoformat()


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "now",
        "2026",
        "2026-11",
        "2026-02-30",
        "12:30:00",
        "P1D",
        "2026-11-01/2026-11-03",
        "x" * 50,
        [],
    ],
)
def test_what_is_no_day_is_named(value):
    with pytest.raises(TikTokInvalidRequestError) as caught:
        coerce.day(value, "report_start_date")
    assert str(caught.value) == (
        f"`report_start_date` is {str(value)!r}, which is not a date. Write YYYY-MM-DD, or a template such as "
        "{{ ds }} that gives one."
    )


@pytest.mark.parametrize(("value", "number"), [(3, 3), ("3", 3), (" 3 ", 3), (0, 0), ("", 0)])
def test_an_integer_has_many_spellings(value, number):
    assert coerce.whole_number(value, "lookback_days") == number


@pytest.mark.parametrize("value", [-1, "-1", "three", 1.5, "1.5", True, [1]])
def test_what_is_no_integer_is_named(value):
    with pytest.raises(TikTokInvalidRequestError) as caught:
        coerce.whole_number(value, "lookback_days")
    assert str(caught.value) == f"`lookback_days` must be a whole number of 0 or more, not {value!r}."


@pytest.mark.parametrize("value", ["auction", "AUCTION", " Auction "])
def test_a_choice_is_taken_in_any_case(value):
    assert coerce.choice(value, "x", ("AUCTION", "OTHER")) == "AUCTION"


def test_a_wrong_choice_gets_the_choices_and_a_guess():
    with pytest.raises(TikTokInvalidRequestError) as caught:
        coerce.choice("auktion", "service_type", ("AUCTION", "OTHER"))
    assert (
        str(caught.value) == "`service_type` is 'auktion'; it can be AUCTION, OTHER. Did you mean 'AUCTION'?"
    )


@pytest.mark.parametrize("value", [{"a": True}, '{"a": true}', "{'a': True}"])
def test_an_object_has_many_spellings(value):
    assert coerce.mapping(value, "x") == {"a": True}


@pytest.mark.parametrize("value", ["[1]", "nonsense", 7, {1: 2}])
def test_what_is_no_object_is_named(value):
    with pytest.raises(TikTokInvalidRequestError, match=r"^`request_params` must be an object such as"):
        coerce.mapping(value, "request_params")


def test_text_must_be_text():
    with pytest.raises(TikTokInvalidRequestError) as caught:
        coerce.text(7, "order_field")
    assert str(caught.value) == "`order_field` must be text, not 7."
