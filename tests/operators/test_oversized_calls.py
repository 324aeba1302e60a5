"""Reports that are oversized for one call are split, and their rows equal those of a report that isn't."""

import json
import logging
import random
from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.emulator import Settings, serve
from airflow_provider_tiktok.exceptions import (
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokTransportError,
)
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from tests.conftest import connection_json
from tests.sampling import sample

pytestmark = pytest.mark.usefixtures("moved_clock")

REPORT = "report/integrated/get/"
DATES = {"report_start_date": "2026-08-01", "report_end_date": "2026-08-20"}
LEVELS = ("campaign_id", "adgroup_id", "ad_id", "ad_id_v2")
ALL_SCOPES = Settings().scopes
UNLIMITED = {"max_entities": 20_000, "max_cells": 0, "slow_cells": 0}


@pytest.fixture(scope="module")
def place():
    with serve(Settings(seed=5, accounts=2, ads=120, empty_account=False)) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _ready(place, monkeypatch, fast_retries):
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.refetch._BACKOFF", 0.001)
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", connection_json(place.url))
    place.configure(**UNLIMITED)
    place.set_faults([])
    place.clear()
    yield
    place.configure(**UNLIMITED, scopes=ALL_SCOPES)
    place.set_faults([])


def account(place):
    return next(iter(place.world.accounts))


def fetch(place, **parameters):
    parameters.setdefault("advertiser_ids", account(place))
    if "query_lifetime" not in parameters:
        parameters = {**DATES, **parameters}
    parameters.setdefault("metrics", "spend,impressions,clicks,ctr,reach")
    hook = TikTokHook()
    try:
        return list(hook.iter_report(**parameters))
    finally:
        hook.close()


def report_calls(place):
    return [call for call in place.calls if call.path.endswith(REPORT)]


@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("shape", ["daily", "period", "lifetime"])
def test_a_report_beyond_tiktoks_limit_is_split_by_campaigns(place, level, shape, caplog):
    parameters = {"dimensions": level if shape != "daily" else f"{level},stat_time_day"}
    if shape == "lifetime":
        parameters["query_lifetime"] = True
    right = fetch(place, **parameters)
    place.configure(max_entities=len({row[level] for row in right}) - 1)
    with caplog.at_level(logging.WARNING):
        assert fetch(place, **parameters) == right
    logged = [record.getMessage() for record in caplog.records if "split by campaigns" in record.getMessage()]
    assert len(logged) == 1


def test_a_campaign_beyond_tiktoks_limit_is_split_by_ad_groups(place):
    right = fetch(place, dimensions="ad_id")
    place.configure(max_entities=3)
    place.clear()
    with pytest.raises(TikTokIncompleteReportError, match="TikTok left rows out"):
        fetch(place, dimensions="ad_id")  # an ad group has more than three ads
    campaigns = {row["campaign_id"] for row in fetch_parents(place)}
    place.configure(max_entities=len(campaigns) + 1)
    assert fetch(place, dimensions="ad_id") == right


def test_campaigns_beyond_tiktoks_limit_are_those_that_tiktok_lists(place):
    right = fetch(place, dimensions="ad_id")
    place.configure(max_entities=5)
    place.clear()
    assert fetch(place, dimensions="ad_id") == right
    assert len(list_calls(place)) == 3
    place.configure(scopes=(1, 4))
    with pytest.raises(
        TikTokIncompleteReportError, match=r"list of campaigns, page 1.* lacks the scope Ads Management"
    ):
        fetch(place, dimensions="ad_id")


def fetch_parents(place):
    place.configure(**UNLIMITED)
    return fetch(place, dimensions="ad_id", metrics="campaign_id,spend")


@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("limit", ["max_entities", "max_cells"])
def test_a_report_without_deleted_entities_is_split(place, level, limit):
    parameters = {"dimensions": level, "include_deleted": False}
    right = fetch(place, **parameters)
    place.configure(**{limit: len(right) - 1})
    place.clear()
    assert fetch(place, **parameters) == right


def test_a_long_job_learns_to_begin_with_smaller_calls(place):
    dates = {"report_start_date": "2026-06-01", "report_end_date": "2026-08-29"}
    right = fetch(place, dimensions="ad_id,stat_time_day", **dates)
    place.configure(max_cells=120 * 7 * 5)
    place.clear()
    assert fetch(place, dimensions="ad_id,stat_time_day", max_concurrency=1, **dates) == right
    refused = [call for call in report_calls(place) if call.code == 40067]
    # three windows of thirty days; those that were under way when the first was refused, are refused as well
    assert 1 <= len(refused) <= 3


@pytest.mark.grows
@pytest.mark.parametrize(
    ("limit", "cells", "order_field"),
    sample(
        product(
            ["max_cells", "slow_cells"], [120 * 20 * 2, 120 * 6 * 5, 120 * 5, 200, 60, 20], [None, "spend"]
        ),
        4,
    ),
)
def test_a_report_that_is_too_large_or_too_slow_gives_the_same_rows(place, limit, cells, order_field):
    parameters = {
        "dimensions": "ad_id,stat_time_day",
        "order_field": order_field,
        # calls of a few cells are many; three days are split as nine are, into days and into a few ads
        "report_end_date": "2026-08-03" if cells <= 60 else "2026-08-09",
    }
    right = fetch(place, **parameters)
    # a list of campaigns is a report as well, and needs its cells
    campaigns = len({row["campaign_id"] for row in fetch_parents(place)})
    place.configure(**{limit: max(cells, campaigns)})
    rows = fetch(place, **parameters)
    key = {"ad_id", "stat_time_day"}
    assert sorted(rows, key=lambda row: [row[name] for name in sorted(key)]) == sorted(
        right, key=lambda row: [row[name] for name in sorted(key)]
    )
    if order_field is None:
        assert rows == right
    else:
        assert [row[order_field] for row in rows] == [row[order_field] for row in right]


@pytest.mark.parametrize("order_type", ["ASC", "DESC"])
def test_rows_of_several_calls_are_in_one_order_again(place, order_type, monkeypatch):
    # the same with more rows than fit into memory
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.collectors._MAX_CELLS", 100)
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.collectors._FEWEST_ROWS", 20)
    parameters = {"dimensions": "ad_id", "order_field": "ctr", "order_type": order_type}
    right = fetch(place, **parameters)
    place.configure(max_entities=len(right) - 1)
    rows = fetch(place, **parameters)
    assert [row["ctr"] for row in rows] == [row["ctr"] for row in right]
    assert {row["ad_id"]: row for row in rows} == {row["ad_id"]: row for row in right}


@pytest.mark.parametrize(
    "parameters",
    [
        {"dimensions": "adgroup_id", "metrics": "impressions,clicks"},
        {"report_type": "AUDIENCE", "dimensions": "campaign_id,country_code", "metrics": "clicks"},
    ],
    ids=["without spend", "audience"],
)
def test_a_list_that_moves_while_it_is_read_loses_no_rows(place, parameters, monkeypatch):
    """TikTok names one campaign twice, and another one not at all; its count of them agrees."""
    parameters = (
        {"data_level": "AUCTION_CAMPAIGN"} | parameters if "report_type" in parameters else parameters
    )
    right = fetch(place, **parameters)
    get, lists = TikTokClient.get, []

    def moving(self, path, params, **how):
        answer = get(self, path, params, **how)
        if params.get("dimensions") == ["campaign_id"]:
            lists.append(answer)
            if len(lists) == 1:
                answer.data["list"][-1] = answer.data["list"][0]
        elif not any(item["field_name"] == "campaign_ids" for item in params.get("filtering") or ()):
            return replace(answer, truncated="cut")
        return answer

    monkeypatch.setattr(TikTokClient, "get", moving)
    assert fetch(place, **parameters) == right
    assert len(lists) == 2


def test_a_filter_on_ad_groups_makes_campaigns_spend_no_measure(place, monkeypatch):
    groups = [row["adgroup_id"] for row in fetch(place, dimensions="adgroup_id", metrics="spend")]
    chosen = [{"field_name": "adgroup_ids", "filter_type": "IN", "filter_value": groups[:1]}]
    parameters = {"dimensions": "ad_id,stat_time_day", "metrics": "spend,clicks", "filters": chosen}
    right = fetch(place, **parameters)
    get = TikTokClient.get

    def cut(self, path, params, **how):
        answer = get(self, path, params, **how)
        unfiltered = not any(item["field_name"] == "campaign_ids" for item in params.get("filtering") or ())
        return replace(answer, truncated="cut") if unfiltered and "ad_id" in params["dimensions"] else answer

    monkeypatch.setattr(TikTokClient, "get", cut)
    assert fetch(place, **parameters) == right


def test_a_report_that_nothing_makes_small_enough_fails(place):
    place.configure(max_cells=1)
    with pytest.raises(TikTokInvalidRequestError, match="code 40067"):
        fetch(place, dimensions="advertiser_id,stat_time_hour", report_end_date="2026-08-01")


def test_no_call_that_times_out_is_made_a_third_time(place):
    place.configure(slow_cells=120 * 5)
    fetch(place, dimensions="ad_id,stat_time_day")
    asked = [repr(sorted(call.query.items())) for call in report_calls(place) if call.code == 51010]
    assert asked
    assert max(asked.count(one) for one in asked) <= 2


def test_a_service_that_times_out_on_everything_is_given_up_soon(place):
    place.set_faults([{"fault": "code:51010", "path": REPORT}])
    with pytest.raises(Exception, match="51010"):
        fetch(place, dimensions="ad_id,stat_time_day")
    assert len(report_calls(place)) < 25


@pytest.mark.parametrize("field", ["ad_ids", "campaign_ids"])
def test_a_filter_of_many_ids_is_split(place, field):
    rows = fetch(place, dimensions="ad_id", metrics="campaign_id,spend")
    ids = [row["ad_id" if field == "ad_ids" else "campaign_id"] for row in rows]
    many = [*ids, *(str(10**15 + number) for number in range(150))]
    place.clear()
    filters = [{"field_name": field, "filter_type": "IN", "filter_value": many}]
    assert fetch(place, dimensions="ad_id", metrics="campaign_id,spend", filters=filters) == rows
    assert all(
        len(part) <= 100
        for call in report_calls(place)
        for item in call.query["filtering"]
        if isinstance(part := json.loads(item["filter_value"]), list)
    )
    plan = TikTokHook().plan_report(
        dimensions="ad_id", metrics="spend", advertiser_ids=account(place), filters=filters, **DATES
    )
    assert len(plan) == len(report_calls(place))


@pytest.mark.parametrize("dimensions", ["advertiser_id", "campaign_id"])
def test_a_long_filter_on_what_rows_are_not_of_is_refused(place, dimensions):
    filters = [{"field_name": "ad_ids", "filter_type": "IN", "filter_value": list(range(1, 102))}]
    with pytest.raises(TikTokInvalidRequestError, match="101 IDs"):
        fetch(place, dimensions=dimensions, filters=filters)
    assert not place.calls


# reconcile


@pytest.mark.sampled(4)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("time", ["", ",stat_time_day"])
def test_complete_reports_agree_with_the_account(place, level, time):
    ids = list(place.world.accounts)
    right = fetch(place, dimensions=level + time, advertiser_ids=ids)
    place.clear()
    assert fetch(place, dimensions=level + time, advertiser_ids=ids, reconcile=True) == right
    totals = [call for call in report_calls(place) if call.query["data_level"] == "AUCTION_ADVERTISER"]
    assert len(totals) == len(ids)


def test_a_split_report_is_compared_as_one(place):
    place.configure(max_cells=120 * 5)
    rows = fetch(place, dimensions="ad_id,stat_time_day", reconcile=True)
    assert sum(Decimal(row["spend"]) for row in rows) > 0


def test_spend_that_is_not_the_accounts_fails_the_report(place, monkeypatch):
    get, spends = TikTokClient.get, set()

    def losing(self, path, params, **how):
        """Leave out a row together with its count, so that only the sum reveals it."""
        answer = get(self, path, params, **how)
        if params.get("dimensions") == ["ad_id"]:
            lost = next(row for row in answer.data["list"] if float(row["metrics"]["spend"]) > 1)
            answer.data["list"].remove(lost)
            answer.data["page_info"]["total_number"] -= 1
            spends.add(lost["metrics"]["spend"])
        return answer

    monkeypatch.setattr(TikTokClient, "get", losing)
    assert fetch(place, dimensions="ad_id")
    with pytest.raises(
        TikTokIncompleteReportError, match=r"3 attempts: its rows spent .* the account's own spend"
    ) as caught:
        fetch(place, dimensions="ad_id", reconcile=True)
    [lost] = spends
    assert f": -{lost} is more than rounding" in str(caught.value)
    with pytest.raises(TikTokInvalidRequestError, match=r"`reconcile` .* leaves deleted entities out"):
        fetch(place, dimensions="ad_id", reconcile=True, include_deleted=False)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"dimensions": "ad_id", "metrics": "clicks"}, "has no spend"),
        ({"dimensions": "ad_id,country_code"}, "is grouped by country_code"),
        ({"report_type": "AUDIENCE", "dimensions": "ad_id,gender"}, "is a AUDIENCE report"),
        (
            {
                "dimensions": "ad_id",
                "filters": [{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": ["1"]}],
            },
            "by its filter on campaign_ids",
        ),
        ({"dimensions": "ad_id", "reconcile_tolerance": 2}, "`reconcile_tolerance` is 2"),
    ],
)
def test_what_cant_be_compared_is_refused_before_any_call(place, parameters, words):
    with pytest.raises(TikTokInvalidRequestError, match=words):
        fetch(place, reconcile=True, **{"metrics": "spend,impressions", **parameters})
    assert not place.calls


@pytest.mark.sampled(4)
@pytest.mark.parametrize("limit", ["max_entities", "max_cells"])
@pytest.mark.parametrize("cut_header", [True, False])
@pytest.mark.parametrize(
    "metrics", ["spend,real_time_conversion", "real_time_conversion,clicks", "ad_name,spend,real_time_result"]
)
def test_campaigns_with_late_conversions_and_no_spend_are_listed(place, limit, cut_header, metrics):
    world = {"zero_rows": False, "late_conversions": True, "cut_header": cut_header}
    place.configure(**world)
    right = fetch(place, dimensions="ad_id", metrics=metrics)
    late = [row for row in right if not float(row.get("spend") or row.get("clicks") or 0)]
    assert late
    place.configure(**world, **{limit: len(right) - 1})
    try:
        assert fetch(place, dimensions="ad_id", metrics=metrics) == right
    finally:
        place.configure(zero_rows=True, late_conversions=False, cut_header=True)


@pytest.mark.parametrize("fault", ["endless_pages", "search_ads_throttle", "uv_invalid"])
def test_a_report_that_tiktok_says_or_shows_is_not_complete_fails_soon(place, fault):
    place.set_faults([{"fault": fault}])
    with pytest.raises(TikTokIncompleteReportError):
        fetch(place, dimensions="advertiser_id,stat_time_hour", report_end_date="2026-08-01")
    assert len(report_calls(place)) < 40
    if fault == "uv_invalid":
        place.clear()
        fetch(place, dimensions="advertiser_id,stat_time_hour", metrics="spend", report_end_date="2026-08-01")


# campaigns that no list by figures names

IMAGES = {"dimensions": "ad_id,image_id", "metrics": "spend,single_image_impressions"}
LATE = {"zero_rows": False, "late_conversions": True}


def list_calls(place):
    return [call for call in place.calls if call.path.endswith(("campaign/get/", "adgroup/get/"))]


def refuse_in_lists(monkeypatch, metric, dimensions):
    """Refuse a metric in lists by which a report is split; return the calls with it."""
    get, refused = TikTokClient.get, []

    def refusing(self, path, params, **how):
        is_list = params.get("dimensions") in (["campaign_id"], ["adgroup_id"])
        if is_list and params["dimensions"] != dimensions.split(",") and metric in params["metrics"]:
            refused.append(params)
            message = f"Invalid metric fields: ['{metric}']"
            raise TikTokInvalidRequestError(f"TikTok refused: {message}", code=40002, message=message)
        return get(self, path, params, **how)

    monkeypatch.setattr(TikTokClient, "get", refusing)
    return refused


@pytest.mark.parametrize("limit", ["max_entities", "max_cells", "slow_cells"])
def test_a_report_whose_figures_no_list_has_is_split_by_all_campaigns(place, limit):
    right = fetch(place, **IMAGES)
    ads = {row["ad_id"] for row in right}
    own = [ad.group.campaign for ad in place.world.ads(account(place)) if ad.id in ads]
    assert {"MANUAL", "SMART_PLUS", "UPGRADED_SMART_PLUS"} == {one.automation for one in own}
    assert "STATUS_DELETE" in {one.status for one in own}
    place.configure(**{limit: len(ads) - 1})
    place.clear()
    assert fetch(place, **IMAGES) == right
    assert len(list_calls(place)) == 3


@pytest.mark.parametrize("limit", ["max_entities", "max_cells", "slow_cells"])
def test_a_report_whose_figures_no_list_has_fails_without_the_scope(place, limit):
    place.configure(scopes=(1, 4), **{limit: len(fetch(place, **IMAGES)) // 9})
    place.clear()
    with pytest.raises(
        (TikTokIncompleteReportError, TikTokInvalidRequestError, TikTokTransportError),
        match=r"doesn't list those by single_image_impressions, so some could be missing, and the app lacks the scope Ads "
        r"Management",
    ) as failed:
        fetch(place, **IMAGES)
    assert not isinstance(failed.value, TikTokPermissionError)
    assert len(list_calls(place)) <= 3
    # what needs no list goes on without the scope
    assert fetch(place, dimensions="advertiser_id")


@pytest.mark.parametrize(
    ("limit", "dimensions"),
    [("max_entities", "ad_id"), ("max_cells", "ad_id"), ("max_entities", "adgroup_id,stat_time_day")],
)
def test_deleted_campaigns_with_late_conversions_are_listed_whatever_lists_refuse(
    place, monkeypatch, limit, dimensions
):
    parameters = {"dimensions": dimensions, "metrics": "spend,real_time_conversion"}
    try:
        place.configure(**LATE)
        right = fetch(place, **parameters)
        late = {row[dimensions.split(",")[0]] for row in right if not float(row["spend"])}
        assert late
        place.configure(**LATE, **{limit: len({row[dimensions.split(",")[0]] for row in right}) - 1})
        refused = refuse_in_lists(monkeypatch, "real_time_conversion", dimensions)
        assert fetch(place, **parameters) == right
        assert refused
        place.configure(scopes=(1, 4))
        with pytest.raises(
            TikTokInvalidRequestError, match=r"list those by real_time_conversion, .* Ads Management"
        ):
            fetch(place, **parameters)
    finally:
        place.configure(zero_rows=True, late_conversions=False)


FIGURES = ("spend", "impressions", "clicks", "ctr", "reach", "conversion", "real_time_conversion", "likes")


@pytest.mark.sampled(5)
@pytest.mark.parametrize("seed", range(25))
def test_reports_are_the_same_by_whatever_list_they_are_split(place, monkeypatch, seed):
    rng = random.Random(seed)
    level = rng.choice(LEVELS[1:])
    figures = rng.sample(FIGURES, rng.randrange(1, 5))
    names = rng.sample(["campaign_name", "budget"], rng.randrange(2))
    parameters = {
        "dimensions": level + rng.choice(["", ",stat_time_day"]),
        "metrics": rng.sample(figures + names, len(figures + names)),
        "include_deleted": rng.random() < 0.8,
        "report_end_date": "2026-08-05",
    }
    try:
        place.configure(**rng.choice([LATE, {"zero_rows": False}, {}]))
        right = fetch(place, **parameters)
        limit = rng.choice(["max_entities", "max_cells", "slow_cells"])
        # no less than what all campaigns have, or an ad group's ads
        place.configure(**{limit: max(len({row[level] for row in right}) - 1, 20)})
        refuse_in_lists(monkeypatch, rng.choice([*figures, None]), parameters["dimensions"])
        assert fetch(place, **parameters) == right
    finally:
        place.configure(zero_rows=True, late_conversions=False)


def test_a_report_that_is_split_by_its_own_figures_needs_no_scope_and_no_list_of_all(place):
    right = fetch(place, dimensions="ad_id")
    place.clear()
    place.configure(max_entities=len(right) - 1, scopes=(1, 4))
    assert fetch(place, dimensions="ad_id") == right
    assert not list_calls(place)
