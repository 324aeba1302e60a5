"""Reports that are split by all campaigns or ad groups, where TikTok doesn't list those by all of their figures."""

from __future__ import annotations

import json
import random
import threading
import time

import pytest

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokTransportError,
)
from airflow_provider_tiktok.reports.fetch.window import split

from .figures import FIGURES, LEVELS, TOO_LARGE, Figures, timed_out
from .helpers import FakeClient, all_rows, fetch, old_plan, paged


def found_in(world, client, **parameters):
    """Return the rows of a report by their ID."""
    rows = all_rows(fetch(client, old_plan(client, **parameters)))
    assert len({row[1] for row in rows}) == len(rows)
    return {row[1]: row[2:] for row in rows}


def right_in(world, dimension, metrics):
    return {name: tuple(map(str, sums.values())) for name, sums in world.rows(dimension, metrics).items()}


@pytest.mark.sampled(12)
@pytest.mark.parametrize("how", ["cut", "large", "slow"])
@pytest.mark.parametrize("seed", range(24))
def test_no_row_is_lost_whatever_figures_lists_refuse(seed, how):
    rng = random.Random(f"{seed} {how}")
    metrics = rng.sample(FIGURES, rng.randrange(1, 5))
    refused = set(rng.sample(metrics, rng.randrange(1, len(metrics) + 1)))
    dimension = rng.choice(["ad_id", "adgroup_id"])
    refuses = {level: refused for level in LEVELS if level != dimension}
    world = Figures(rng, how=how, most=rng.choice([12, 15]), refuses=refuses)
    client = FakeClient(world, lists=world.list_all)
    report = fetch(
        client, old_plan(client, dimensions=dimension, metrics=metrics), max_concurrency=rng.choice([1, 4])
    )
    assert {row[1]: row[2:] for row in all_rows(report)} == right_in(world, dimension, metrics)
    assert not report.result.dropped
    # each list of all takes three sweeps, and one more call is all that a refusal costs
    assert len(world.listed) % 3 == 0


def test_a_campaign_is_listed_whose_only_figure_no_list_has():
    world = Figures(random.Random(1), how="cut", most=2, refuses={"campaign_id": {"conversion"}})
    world.ads = {
        ("1", "11", "111"): {"spend": 5, "impressions": 9},
        ("2", "21", "211"): {"spend": 2},
        ("3", "31", "311"): {"conversion": 1},
        ("4", "41", "411"): {},
    }
    client = FakeClient(world, lists=world.list_all)
    assert list(found_in(world, client, metrics="spend,conversion")) == ["111", "211", "311"]
    asked = [json.loads(item["filter_value"]) for params in world.asked for item in params["filtering"]]
    assert ["1", "2", "3", "4"] in asked


def test_an_ad_group_is_listed_whose_only_figure_no_list_has():
    world = Figures(random.Random(1), refuses={"adgroup_id": {"conversion"}})
    world.ads = {
        ("1", str(group), f"{group}1"): {("spend", "conversion")[group % 2]: 1} for group in range(10, 18)
    }

    def report(params):
        if params["dimensions"] == ["ad_id"] and not any(
            item["field_name"] == "adgroup_ids" for item in params["filtering"]
        ):
            raise TOO_LARGE
        return world(params)

    client = FakeClient(report, lists=world.list_all)
    assert found_in(world, client, metrics="spend,conversion") == right_in(
        world, "ad_id", ["spend", "conversion"]
    )
    assert {(path, *params["filtering"]["campaign_ids"]) for path, params in world.listed} == {
        ("adgroup/get/", "1")
    }


def test_lists_are_of_all_only_where_they_have_to_be():
    world = Figures(random.Random(2), how="cut", most=2)
    client = FakeClient(world, lists=world.list_all)
    assert found_in(world, client, metrics="spend,clicks") == right_in(world, "ad_id", ["spend", "clicks"])
    assert len(world.asked) > 2
    assert not world.listed


def test_a_figure_that_is_known_to_be_in_no_list_takes_three_calls_more():
    names = [str(number) for number in range(100, 170)]

    def report(params):
        (dimension, *_) = params["dimensions"]
        assert dimension == "ad_id" or "single_image_impressions" not in params["metrics"]
        wanted = [
            json.loads(item["filter_value"]) for item in params["filtering"] if "ids" in item["field_name"]
        ]
        if dimension == "campaign_id":  # those with spend
            return paged(
                [{"dimensions": {"campaign_id": name}, "metrics": {"spend": "1"}} for name in names[:9]]
            )(params)
        rows = [
            {
                "dimensions": {"ad_id": f"{name}1", "image_id": "i"},
                "metrics": {"spend": str(int(name in names[:9])), "single_image_impressions": "1"},
            }
            for name in (wanted[0] if wanted else names)
        ]
        return paged(rows)(params) if wanted else Answer(paged(rows[:30])(params), "R", "cut")

    def lists(path, params):
        assert path == "campaign/get/"
        special = {"buying_types", "campaign_system_origins"} & params["filtering"].keys()
        return paged([{"campaign_id": name} for name in (names[60:61] if special else names)])(params)

    client = FakeClient(report, lists=lists)
    plan = old_plan(client, dimensions="ad_id,image_id", metrics="spend,single_image_impressions")
    assert [row[1] for row in all_rows(fetch(client, plan))] == [f"{name}1" for name in names]
    # the report, its list by spend, three sweeps of all campaigns, and thirty campaigns at a time
    assert len(client.calls) == 1 + 1 + 3 + 3


@pytest.mark.parametrize("field", ["campaign_ids", "adgroup_ids"])
@pytest.mark.parametrize("seed", range(4))
def test_a_filter_holds_when_a_report_is_split_by_all(field, seed):
    rng = random.Random(f"{field} {seed}")
    world = Figures(rng, campaigns=4, refuses={level: {"likes"} for level in ("campaign_id", "adgroup_id")})
    place = ("campaign_ids", "adgroup_ids").index(field)
    ids = sorted({path[place] for path in world.ads})
    both = [rng.sample(ids, rng.randrange(1, len(ids) + 1)) for _ in range(2)]
    world.ads = {path: {"likes": 1} for path in world.ads}

    def report(params):
        if "likes" in world.refuses.get(params["dimensions"][0], ()) and "likes" in params["metrics"]:
            return world(params)
        filters = [
            (("campaign_ids", "adgroup_ids").index(item["field_name"]), json.loads(item["filter_value"]))
            for item in params["filtering"]
            if item["field_name"].endswith("_ids")
        ]
        if params["dimensions"] != ["ad_id"]:
            return paged([])(params)
        names = [path[2] for path in world.ads if all(path[at] in some for at, some in filters)]
        if len(names) > 2:
            raise TOO_LARGE
        return paged([{"dimensions": {"ad_id": name}, "metrics": {"likes": "1"}} for name in names])(params)

    client = FakeClient(report, lists=world.list_all)
    filters = [{"field_name": field, "filter_type": "IN", "filter_value": some} for some in both]
    right = {path[2] for path in world.ads if all(path[place] in some for some in both)}
    crowded = any(
        sum(path[1] == group and path[2] in right for path in world.ads) > 2
        for group in {path[1] for path in world.ads}
    )
    if crowded:  # nothing makes an ad group smaller
        with pytest.raises(TikTokAPIError, match="too large"):
            found_in(world, client, metrics="likes", filters=filters)
    else:
        assert found_in(world, client, metrics="likes", filters=filters).keys() == right


def moving(world, *, times, change):
    """Return a list of all campaigns that is wrong at first."""
    left = [times]

    def lists(path, params):
        data = world.list_all(path, params)
        if data["list"] and left[0]:
            left[0] -= 1
            if change == "repeats":
                data["list"][0] = data["list"][-1]
            elif change == "short":
                del data["list"][0]
            else:
                data["page_info"]["total_number"] += 1
        return data

    return lists


@pytest.mark.parametrize("change", ["repeats", "short", "count"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_list_of_all_that_moves_is_read_again(change, times):
    world = Figures(random.Random(6), how="cut", most=2, refuses={"campaign_id": {"result"}})
    client = FakeClient(world, lists=moving(world, times=times, change=change))
    report = fetch(client, old_plan(client, metrics="spend,result"))
    if times < 3:
        assert {row[1]: row[2:] for row in all_rows(report)} == right_in(world, "ad_id", ["spend", "result"])
        assert report.result.refetched
    else:
        with pytest.raises(TikTokIncompleteReportError, match="3 attempts"):
            all_rows(report)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"campaign_id": "101", "advertiser_id": "8"}, "entry of advertiser 8, which was not asked for"),
        ({"campaign_id": None}, "whose campaign_id is None"),
        ({"campaign_id": "12x"}, "whose campaign_id is '12x'"),
        ({}, "not made as rows are"),
        ("101", "not made as rows are"),
        (None, "not made as rows are"),
    ],
    ids=str,
)
def test_an_entry_that_is_no_campaign_of_the_account_fails_the_report(entry, words):
    world = Figures(random.Random(7), how="cut", most=2, refuses={"campaign_id": {"result"}})

    def lists(path, params):
        data = world.list_all(path, params)
        if data["list"]:
            data["list"][1] = entry
        return data

    client = FakeClient(world, lists=lists)
    with pytest.raises(TikTokIncompleteReportError, match=rf"{words}.*advertiser 7, campaigns, page 1"):
        all_rows(fetch(client, old_plan(client, metrics="spend,result")))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            TikTokInvalidRequestError("refused", code=40002, message="filtering: buying_types"),
            "The call lists the campaigns by which the report has to be split",
        ),
        (
            TikTokPermissionError("not granted", code=40001, message="does not grant you permission"),
            "not granted",
        ),
        (timed_out(), "no answer.*The call lists the campaigns"),
        (TikTokTransportError("broken connection"), "broken connection"),
    ],
    ids=["refused", "not granted", "slow", "broken"],
)
def test_a_list_of_all_that_fails_fails_the_report(error, words):
    world = Figures(random.Random(8), how="cut", most=2, refuses={"campaign_id": {"result"}})

    def lists(path, params):
        raise error

    client = FakeClient(world, lists=lists)
    with pytest.raises(type(error), match=words):
        all_rows(fetch(client, old_plan(client, metrics="spend,result")))


def test_figures_that_the_lists_own_report_type_lacks_are_in_no_list():
    client = FakeClient()
    plan = old_plan(
        client,
        report_type="AUDIENCE",
        dimensions="ad_id,bucket_id",
        data_level="AUCTION_AD",
        metrics="cost,clicks",
    )
    listed, unlisted = split.list_metrics(plan.request, plan.calls[0], split.CAMPAIGNS)
    assert unlisted == ("cost",)
    assert listed == ("clicks", "spend", "impressions")


@pytest.mark.parametrize("late", [False, True])
def test_a_list_that_has_no_figure_at_all_is_that_of_all(late):
    names = [str(number) for number in range(100, 140)]
    came = threading.Event()

    def report(params):
        if params["dimensions"] == ["campaign_id"]:
            if late:  # all campaigns are there before the refusal
                came.wait(5)
                time.sleep(0.05)
            message = f"Invalid metric fields: {params['metrics']}"
            raise TikTokInvalidRequestError("refused", code=40002, message=message)
        wanted = [
            json.loads(item["filter_value"]) for item in params["filtering"] if "ids" in item["field_name"]
        ]
        if not wanted:
            raise TOO_LARGE
        return paged(
            [
                {"dimensions": {"ad_id": f"{name}1", "image_id": "i"}, "metrics": {"single_image_ctr": "1"}}
                for name in wanted[0]
            ]
        )(params)

    def lists(path, params):
        if "campaign_system_origins" in params["filtering"]:
            came.set()
        return paged([{"campaign_id": name} for name in names] if len(params["filtering"]) == 1 else [])(
            params
        )

    client = FakeClient(report, lists=lists)
    plan = old_plan(client, dimensions="ad_id,image_id", metrics="single_image_ctr")
    assert [row[1] for row in all_rows(fetch(client, plan))] == [f"{name}1" for name in names]
    assert len(client.calls) == 1 + 1 + 3 + 2


# lists that are oversized themselves

SUMMED = {"spend", "impressions", "clicks"}


@pytest.mark.sampled(9)
@pytest.mark.parametrize("how", ["cut", "large", "slow"])
@pytest.mark.parametrize("seed", range(12))
def test_all_campaigns_are_listed_where_no_list_by_figures_is_small_enough(seed, how):
    rng = random.Random(f"{seed} {how}")
    world = Figures(rng, campaigns=80, how=how, most=12, cuts_lists=True)
    metrics = rng.sample(FIGURES, rng.randrange(1, 5))
    client = FakeClient(world, lists=world.list_all)
    report = fetch(client, old_plan(client, metrics=metrics), max_concurrency=rng.choice([1, 4]))
    if SUMMED.intersection(metrics):
        assert {row[1]: row[2:] for row in all_rows(report)} == right_in(world, "ad_id", metrics)
        assert [params["metrics"] for params in world.asked if params["dimensions"] == ["advertiser_id"]]
        assert len(world.listed) == 3
    else:  # nothing would show that TikTok's list lacks none
        with pytest.raises(
            (TikTokAPIError, TikTokIncompleteReportError), match=r"campaign_ids, .*or ask for spend"
        ):
            all_rows(report)


@pytest.mark.parametrize("metric", ["spend", "impressions", "clicks"])
def test_a_campaign_that_is_in_no_list_fails_the_report(metric):
    world = Figures(random.Random(9), campaigns=20, how="cut", most=2, cuts_lists=True)
    lost = next(path[0] for path, figures in world.ads.items() if metric in figures)

    def lists(path, params):
        data = world.list_all(path, params)
        if data["list"]:
            data["list"] = [item for item in data["list"] if item["campaign_id"] != lost]
            data["page_info"]["total_number"] = len(data["list"])
        return data

    client = FakeClient(world, lists=lists)
    with pytest.raises(TikTokIncompleteReportError, match=r"3 attempts: its rows .* the account's own"):
        all_rows(fetch(client, old_plan(client, metrics=metric)))


@pytest.mark.parametrize(
    "parameters",
    [
        {"include_deleted": False},
        {"filters": [{"field_name": "objective_type", "filter_type": "IN", "filter_value": ["REACH"]}]},
        {"metrics": "conversion,reach"},
    ],
    ids=["without deleted", "filtered", "without sums"],
)
def test_a_list_that_is_cut_fails_the_report_where_nothing_shows_what_is_missing(parameters):
    world = Figures(random.Random(10), campaigns=20, how="cut", most=2, cuts_lists=True)
    client = FakeClient(world, lists=world.list_all)
    with pytest.raises(
        TikTokIncompleteReportError, match=r"list of campaigns, page 1.*without filters: then"
    ):
        all_rows(fetch(client, old_plan(client, **{"metrics": "spend,clicks", **parameters})))
    assert not world.listed


def test_a_list_that_is_cut_fails_the_report_without_the_scope():
    world = Figures(random.Random(11), campaigns=20, how="cut", most=2, cuts_lists=True)
    client = FakeClient(world)
    with pytest.raises(
        TikTokIncompleteReportError,
        match=r"list of campaigns, page 1.*TikTok doesn't list those, so some could be missing, .* Ads Management",
    ):
        all_rows(fetch(client, old_plan(client, metrics="spend,clicks")))
