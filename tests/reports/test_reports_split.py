"""Reports that are oversized for one call, against a TikTok that refuses oversized calls."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from typing import Any

import pytest

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
)
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.fetch.window import split
from airflow_provider_tiktok.reports.planning.reconcile import read_reconciliation

from .figures import FIGURES, LEVELS, TOO_LARGE, Figures, timed_out
from .helpers import FakeClient, all_rows, fetch, old_plan, paged

FIRST = date(2026, 1, 5)
CAMPAIGNS = [str(100 + number) for number in range(40)]


class World:
    """Each campaign has one ad with figures on every day but the empty ones; more than 30 rows at once are too many."""

    def __init__(self, *, empty=(), faults=()):
        self.empty = {FIRST + timedelta(days=day) for day in empty}
        self.faults = list(faults)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, params):
        self.asked.append(params)
        first, last = (date.fromisoformat(params[f"{end}_date"]) for end in ("start", "end"))
        days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
        days = [day for day in days if day not in self.empty]
        if params["dimensions"] == ["campaign_id"]:
            return paged(
                [
                    {"dimensions": {"campaign_id": name}, "metrics": {"spend": str(len(days))}}
                    for name in CAMPAIGNS
                    if days
                ]
            )(params)
        if self.faults:
            raise self.faults.pop(0)
        wanted = [
            json.loads(item["filter_value"])
            for item in params.get("filtering") or []
            if item["field_name"] == "campaign_ids"
        ]
        names = wanted[0] if wanted else CAMPAIGNS
        rows = [
            {
                "dimensions": {"ad_id": f"{name}1", "stat_time_day": f"{day} 00:00:00"},
                "metrics": {"spend": "1"},
            }
            for day in days
            for name in names
        ]
        if not wanted and len(rows) > 30:
            raise TOO_LARGE
        return paged(rows)(params)


def of_days(world, days, **options):
    client = FakeClient(world)
    last = FIRST + timedelta(days=days - 1)
    return fetch(client, old_plan(client, dimensions="ad_id,stat_time_day", report_end_date=last), **options)


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@pytest.mark.parametrize("empty", [(), (0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_days_without_rows_do_not_fail_a_split_report(empty, concurrency):
    rows = all_rows(of_days(World(empty=empty), 3, max_concurrency=concurrency))
    days = [(FIRST + timedelta(days=day)).isoformat() for day in range(3) if day not in empty]
    assert [(day, ad) for _, ad, day, _ in rows] == [(day, f"{name}1") for day in days for name in CAMPAIGNS]


def test_a_window_without_rows_that_times_out_once_is_requested_again():
    world = World(empty=(0,), faults=[timed_out()])
    assert all_rows(of_days(world, 1)) == []
    assert [params["dimensions"][0] for params in world.asked] == ["ad_id", "campaign_id", "ad_id"]


def test_a_window_without_rows_that_stays_too_much_fails():
    world = World(empty=(0,), faults=[TOO_LARGE] * 9)
    with pytest.raises((TikTokAPIError, TikTokIncompleteReportError), match="too large"):
        all_rows(of_days(world, 1))


# lists of campaigns and ad groups


@pytest.mark.sampled(12)
@pytest.mark.parametrize("how", ["cut", "large", "slow"])
@pytest.mark.parametrize("seed", range(12))
def test_no_row_with_a_figure_is_lost_where_lists_leave_out_what_has_none(seed, how):
    rng = random.Random(f"{seed} {how}")
    world = Figures(rng, how=how, most=rng.choice([12, 15]))
    metrics = rng.sample(FIGURES, rng.randrange(1, 5))
    dimension = rng.choice(["ad_id", "adgroup_id"])
    client = FakeClient(world)
    plan = old_plan(client, dimensions=dimension, metrics=metrics)
    found = {row[1]: row[2:] for row in all_rows(fetch(client, plan, max_concurrency=rng.choice([1, 4])))}
    right = world.rows(dimension, metrics)
    assert found == {name: tuple(map(str, sums.values())) for name, sums in right.items()}
    always = {"spend", "impressions", "clicks"}
    assert all(len(set(params["metrics"]) - always) <= max(1, len(metrics)) for params in world.asked)


def test_a_campaign_with_late_conversions_and_no_spend_is_listed():
    world = Figures(random.Random(1), how="cut", most=2)
    world.ads = {
        ("1", "11", "111"): {"spend": 5, "impressions": 9},
        ("2", "21", "211"): {"spend": 2},
        ("3", "31", "311"): {"conversion": 1},
    }
    client = FakeClient(world)
    rows = all_rows(fetch(client, old_plan(client, metrics="spend,conversion")))
    assert [row[1] for row in rows] == ["111", "211", "311"]


@pytest.mark.parametrize("attributes", ["ad_name", "campaign_name,ad_text", "adgroup_id,budget"])
def test_lists_ask_for_names_where_the_report_has_what_is_no_figure(attributes):
    call = old_plan(FakeClient(), metrics=f"{attributes},spend").calls[0]
    request = old_plan(FakeClient(), metrics=f"{attributes},spend").request
    assert split.list_metrics(request, call, split.CAMPAIGNS) == (
        ("campaign_name", "spend", "impressions", "clicks"),
        (),
    )
    assert split.list_metrics(request, call, split.ADGROUPS) == (
        ("adgroup_name", "spend", "impressions", "clicks"),
        (),
    )


@pytest.mark.parametrize("way", [split.CAMPAIGNS, split.ADGROUPS])
@pytest.mark.parametrize("lifetime", [False, True])
def test_every_figure_of_a_report_by_ad_is_requested_in_lists(way, lifetime):
    names = [
        name
        for name, metric in catalog.metrics().items()
        if "AUCTION_AD" in metric.levels
        and metric.section != "attribute"
        and "image_id_only" not in metric.rules
    ]
    for first in range(0, len(names), 100):
        some = names[first : first + 100]
        plan = old_plan(FakeClient(), metrics=some, query_lifetime=lifetime)
        listed, unlisted = split.list_metrics(plan.request, plan.calls[0], way)
        assert (listed[: len(some)], unlisted) == (tuple(some), ())
        assert len(listed) <= 100


def test_a_campaign_whose_rate_rounds_to_zero_is_listed():
    call = (plan := old_plan(FakeClient(), metrics="ctr")).calls[0]
    assert split.list_metrics(plan.request, call, split.CAMPAIGNS)[0] == (
        *("ctr", "spend", "impressions", "clicks"),
    )


def test_a_figure_that_no_list_can_have_fails_the_report_with_what_to_do():
    def report(params):
        if params["dimensions"] == ["campaign_id"]:
            return paged([])(params)
        raise TOO_LARGE

    client = FakeClient(report)
    plan = old_plan(client, dimensions="ad_id,image_id", metrics="spend,single_image_impressions")
    with pytest.raises(
        TikTokAPIError,
        match=r"^too large It can't be split by campaigns: TikTok doesn't list those by single_image_impressions, so some "
        r"could be missing, and the app lacks the scope Ads Management.* Leave single_image_impressions out of `metrics`, "
        "filter by campaign_ids, some at a time, or add Ads Management",
    ) as failed:
        all_rows(fetch(client, plan, max_concurrency=1))
    assert failed.value.code == TOO_LARGE.code
    assert [path for path, _ in client.calls] == ["report/integrated/get/"] * 2 + ["campaign/get/"]


@pytest.mark.parametrize("drop", [False, True])
def test_a_figure_that_tiktok_refuses_in_lists_only_fails_the_report_without_the_scope(drop):
    world = Figures(random.Random(3), how="cut", most=2, refuses={"campaign_id": {"result"}})
    client = FakeClient(world)
    report = fetch(client, old_plan(client, metrics="spend,result"), drop_invalid_metrics=drop)
    with pytest.raises(
        TikTokInvalidRequestError,
        match=r"^refused The call lists the campaigns by which the report has to be split\. It can't be split by campaigns: "
        r"TikTok doesn't list those by result, .*lacks the scope Ads Management",
    ):
        all_rows(report)
    assert not report.result.dropped


def test_lists_go_without_the_figures_that_the_report_goes_without():
    world = Figures(random.Random(4), how="cut", most=2, refuses={level: {"result"} for level in LEVELS})
    client = FakeClient(world)
    report = fetch(client, old_plan(client, metrics="spend,result,clicks"), drop_invalid_metrics=True)
    right = world.rows("ad_id", ["spend", "clicks"])
    assert {row[1] for row in all_rows(report)} == right.keys()
    assert report.result.dropped == {"7": ["result"]}


@pytest.mark.sampled(12)
@pytest.mark.parametrize("how", ["cut", "large", "slow"])
@pytest.mark.parametrize("gone", ["spend", "impressions", "clicks", "likes"])
@pytest.mark.parametrize("seed", range(3))
def test_lists_are_split_and_summed_without_dropped_metrics(seed, gone, how):
    rng = random.Random(f"{seed} {gone} {how}")
    world = Figures(rng, how=how, most=12, refuses={level: {gone} for level in LEVELS})
    metrics = rng.sample(["spend", "impressions", "clicks", "likes", "reach"], 5)

    def report(params):
        assert len(world.asked) < 300, "it asks for ever"
        return world(params)

    client = FakeClient(report)
    found = {
        row[1]
        for row in all_rows(fetch(client, old_plan(client, metrics=metrics), drop_invalid_metrics=True))
    }
    assert found == world.rows("ad_id", [name for name in metrics if name != gone]).keys()


def test_a_list_with_metrics_that_the_report_has_dropped_is_requested_again():
    world = Figures(random.Random(5), how="slow", most=5, refuses={level: {"clicks"} for level in LEVELS})
    late = [timed_out()]

    def report(params):
        assert len(world.asked) < 300, "it asks for ever"
        if late and params["start_date"] == FIRST.isoformat():
            raise late.pop()
        if params["dimensions"] == ["campaign_id"] and "clicks" in params["metrics"]:
            fetched.result.dropped["7"] = ["clicks"]  # as another window's calls may find in between
        return world(params)

    client = FakeClient(report)
    fetched = fetch(client, old_plan(client, metrics="spend,clicks"), drop_invalid_metrics=True)
    assert {row[1] for row in all_rows(fetched)} == world.rows("ad_id", ["spend"]).keys()


@pytest.mark.sampled(16)
@pytest.mark.parametrize(
    "wrong", [None, "", "-", "None", " ", "12x", "1 2", "-1", True, 1.5, [], {}, ["1"]], ids=repr
)
@pytest.mark.parametrize("place", [0, 3, -1])
def test_a_list_that_names_no_id_fails_the_report(wrong, place):
    world = World()

    def report(params):
        data = world(params)
        if params["dimensions"] == ["campaign_id"]:
            data["list"][place]["dimensions"]["campaign_id"] = wrong
        return data

    client = FakeClient(report)
    with pytest.raises(
        TikTokIncompleteReportError,
        match=r"whose campaign_id is .* \(row \d+ of .*list of campaigns, page 1\)",
    ):
        all_rows(fetch(client, old_plan(client, dimensions="ad_id,stat_time_day")))
    assert not any("None" in str(params.get("filtering")) for params in world.asked)


@pytest.mark.parametrize("metric", ["spend", "impressions", "clicks"])
def test_rows_that_have_less_than_what_was_listed_fail_the_report(metric):
    def report(params):
        value = "7" if params["dimensions"] == ["campaign_id"] else "6"
        named = any(item["field_name"] == "campaign_ids" for item in params["filtering"])
        made = [
            {
                "dimensions": {params["dimensions"][0]: name},
                "metrics": dict.fromkeys(params["metrics"], value),
            }
            for name in CAMPAIGNS[:3]
        ]
        if params["dimensions"] == ["ad_id"] and not named:
            return Answer(paged(made)(params), "R1", "cut")
        if metric == "spend" and params["dimensions"] == ["campaign_id"]:
            made[0]["metrics"]["spend"] = "70"
        return paged(made)(params)

    client = FakeClient(report)
    with pytest.raises(TikTokIncompleteReportError, match=r"its rows (spent|have 18) .*listed campaigns"):
        all_rows(fetch(client, old_plan(client, metrics=metric)))


def test_a_total_that_needs_a_refused_metric_fails_the_report():
    asked = []

    def report(params):
        asked.append(params)
        assert len(asked) < 30, "it asks for ever"
        if "spend" in params["metrics"]:
            raise TikTokInvalidRequestError("refused", code=40002, message="Invalid metric fields: ['spend']")
        return paged([])(params)

    client = FakeClient(report)
    plan = old_plan(client, metrics="spend,clicks")
    with pytest.raises(TikTokInvalidRequestError, match="refused"):
        all_rows(
            fetch(
                client,
                plan,
                drop_invalid_metrics=True,
                reconciliation=read_reconciliation(plan.request, True, 0),
            )
        )


@pytest.mark.parametrize("field", ["campaign_ids", "adgroup_ids", "ad_ids"])
@pytest.mark.parametrize("seed", range(4))
def test_two_filters_on_one_field_both_hold_when_a_report_is_split(field, seed):
    rng = random.Random(f"{field} {seed}")
    world = Figures(rng, campaigns=4)
    place = ("campaign_ids", "adgroup_ids", "ad_ids").index(field)
    ids = sorted({path[place] for path in world.ads})
    both = [rng.sample(ids, rng.randrange(1, len(ids) + 1)) for _ in range(2)]

    def report(params):
        wanted = [
            (
                ("campaign_ids", "adgroup_ids", "ad_ids").index(item["field_name"]),
                json.loads(item["filter_value"]),
            )
            for item in params["filtering"]
            if item["field_name"].endswith("_ids")
        ]
        level = LEVELS[params["dimensions"][0]]
        names = sorted({path[level] for path in world.ads if all(path[at] in some for at, some in wanted)})
        if level == 2 and len(names) > 3:
            raise TOO_LARGE
        return paged(
            [{"dimensions": {params["dimensions"][0]: name}, "metrics": {"likes": "1"}} for name in names]
        )(params)

    client = FakeClient(report)
    filters = [{"field_name": field, "filter_type": "IN", "filter_value": some} for some in both]
    found = {row[1] for row in all_rows(fetch(client, old_plan(client, metrics="likes", filters=filters)))}
    assert found == {path[2] for path in world.ads if all(path[place] in some for some in both)}
