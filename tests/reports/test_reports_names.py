"""Misspelt names are refused, new ones are sent."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.suggestions import NEVER_METRICS, check_names


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("spendd", "spend"),
        ("spent", "spend"),
        ("SPEND", "spend"),
        ("impression", "impressions"),
        ("click", "clicks"),
        ("campaign-name", "campaign_name"),
        ("campaign name", "campaign_name"),
        ("conversions", "conversion"),
        ("video_views", "video_play_actions"),
        ("purchases", "complete_payment"),
        ("conversion_value", "total_complete_payment_rate"),
    ],
)
def test_a_misspelt_metric_is_refused_with_the_right_one(wrong, meant):
    with pytest.raises(TikTokInvalidRequestError) as caught:
        check_names("metrics", ("spend", wrong), catalog.metrics(), NEVER_METRICS)
    assert str(caught.value) == (
        f"`metrics` holds names that TikTok doesn't have: {wrong!r} (did you mean {meant!r}?)."
    )


def test_all_misspelt_names_are_reported_at_once():
    with pytest.raises(TikTokInvalidRequestError) as caught:
        check_names("metrics", ("spendd", "clickz"), catalog.metrics())
    assert str(caught.value) == (
        "`metrics` holds names that TikTok doesn't have: 'spendd' (did you mean 'spend'?), 'clickz' (did you mean "
        "'clicks'?)."
    )


@pytest.mark.parametrize("wrong", ["campaign", "adgroup", "ad", "stat_time_days", "contry_code"])
def test_a_misspelt_dimension_is_refused(wrong):
    meant = {"stat_time_days": "stat_time_day", "contry_code": "country_code"}.get(wrong, f"{wrong}_id")
    with pytest.raises(TikTokInvalidRequestError, match=rf"did you mean '{meant}'\?"):
        check_names("dimensions", (wrong,), catalog.dimensions())


@pytest.mark.parametrize("name", ["brand_new_metric", "holographic_views", "skan_total_zebra"])
def test_a_new_name_passes_with_a_warning(name, caplog):
    caplog.set_level(logging.WARNING)
    check_names("metrics", (name,), catalog.metrics(), NEVER_METRICS)
    (record,) = caplog.records
    assert record.getMessage().startswith(
        f"`metrics`: this version doesn't know {name!r}; it is sent to TikTok as it is."
    )


def test_a_new_name_is_shown_with_similar_ones_where_there_are_some(caplog):
    check_names("metrics", ("video_plays_of_holograms", "xq"), ["video_plays_of_phones", "spend"])
    assert [record.getMessage().partition("as it is.")[2] for record in caplog.records] == [
        " Similar names: video_plays_of_phones.",
        "",
    ]


def test_known_names_pass_in_silence(caplog):
    caplog.set_level(logging.WARNING)
    check_names("metrics", catalog.metrics(), catalog.metrics(), NEVER_METRICS)
    check_names("dimensions", catalog.dimensions(), catalog.dimensions())
    assert caplog.records == []


def test_names_that_differ_in_a_number_are_two_names(caplog):
    check_names("metrics", ("thing_day7",), ["thing_day0", "thing_day6"])
    assert "thing_day7" in caplog.text
