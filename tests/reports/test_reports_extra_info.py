"""Flags next to the rows: TikTok left rows out, or temporarily has no figures about people."""

from __future__ import annotations

import logging
import random

import pytest

from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.fetch.extra_info import ABOUT_PEOPLE, ExtraInfo, read_extra_info

from .helpers import FakeClient, all_rows, fetch, old_plan, paged

SET = (
    True,
    1,
    "true",
    "Number of ad ids is equal or more than 20k",
    ["1", "2"],
    {"count": 20_000},
    "1.0",
    [{"a": "x"}],
)
UNSET = (False, None, 0, "0", "0.0", "", " ", "false", "None", "-", [], {}, [False, "0"], {"hit": "no"}, "[]")
WRAPPED = (
    lambda info: info,
    lambda info: [info],
    lambda info: [{}, info],
    lambda info: __import__("json").dumps(info),
)


def report(extra_info, metrics=("spend",)):
    row = {"dimensions": {"ad_id": "1"}, "metrics": dict.fromkeys(metrics, "1")}
    return lambda params: {**paged([row])(params), "extra_info": extra_info}


def rows(extra_info, metrics="spend", **options):
    client = FakeClient(report(extra_info, metrics.split(",")))
    return all_rows(fetch(client, old_plan(client, metrics=metrics), **options))


@pytest.mark.sampled(16)
@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("value", SET, ids=repr)
def test_rows_that_only_a_flag_says_are_left_out_fail_the_report(value, wrap):
    with pytest.raises(TikTokIncompleteReportError, match="TikTok left rows out") as caught:
        rows(wrap({"search_ads_throttle": value}), on_advertiser_error="skip")
    assert caught.value.truncated
    assert not caught.value.retryable


@pytest.mark.parametrize("metric", sorted(ABOUT_PEOPLE))
def test_figures_about_people_that_are_missing_fail_the_report_for_now(metric):
    rng = random.Random(metric)
    value, wrap = rng.choice(SET), rng.choice(WRAPPED)
    with pytest.raises(
        TikTokIncompleteReportError, match=rf"are missing for a while .*page 1\): {metric}\. "
    ) as caught:
        rows(wrap({"uv_invalid": value}), f"spend,{metric}")
    assert caught.value.retryable


@pytest.mark.parametrize("value", SET, ids=repr)
def test_missing_figures_about_people_harm_no_report_without_any(value, caplog):
    assert rows({"uv_invalid": value}, "spend,clicks") == [("7", "1", "1", "1")]
    assert "extra_info" not in caplog.text


@pytest.mark.parametrize(
    "value", ["clicks", ["reach", "clicks"], {"metrics": ["clicks"]}, "reach, clicks"], ids=repr
)
def test_figures_that_are_missing_by_name_fail_the_report(value):
    with pytest.raises(TikTokIncompleteReportError, match=r": clicks\. "):
        rows({"uv_invalid": value}, "spend,clicks")


@pytest.mark.sampled(20)
@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("value", UNSET, ids=repr)
def test_flags_that_are_not_set_say_nothing(value, wrap, caplog):
    info = wrap({"uv_invalid": value, "search_ads_throttle": value})
    assert rows(info, "spend,reach") == [("7", "1", "1", "1")]
    assert "extra_info" not in caplog.text


@pytest.mark.parametrize("info", [None, {}, [], "", "{}", False, 0])
def test_an_empty_extra_info_says_nothing(info):
    assert read_extra_info({"extra_info": info}) == ExtraInfo()


@pytest.mark.parametrize(
    ("info", "named"),
    [
        ({"new_flag": False}, "new_flag"),
        (["new_flag"], "new_flag"),
        ("hello", "hello"),
        (7, "7"),
        ("{", "{"),
        (True, "True"),
    ],
    ids=repr,
)
def test_what_this_version_does_not_know_is_named_once(info, named, caplog):
    client = FakeClient(report(info))
    plan = old_plan(client, advertiser_ids="7,8,9")
    with caplog.at_level(logging.WARNING):
        assert len(all_rows(fetch(client, plan))) == 3
    logged = [record.getMessage() for record in caplog.records if "extra_info" in record.getMessage()]
    assert logged == [
        f"TikTok's answer holds {named} in `extra_info`, which this version doesn't know and passes over."
    ]


def test_no_extra_info_is_a_crash():
    rng = random.Random(5)

    def made(depth):
        leaf = rng.choice([None, True, 0, 1.5, "", "x", "{", "[1", "false", "search_ads_throttle"])
        if not depth:
            return leaf
        return rng.choice(
            [leaf, [made(depth - 1) for _ in range(rng.randrange(3))], {rng.choice("ab"): made(depth - 1)}]
        )

    for _ in range(500):
        assert isinstance(read_extra_info({"extra_info": made(4)}), ExtraInfo)
    deep = []
    for _ in range(5_000):
        deep = [deep]
    assert read_extra_info({"extra_info": deep}).odd
