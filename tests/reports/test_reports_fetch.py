"""Running a plan: every row, once, in one order; or an error."""

from __future__ import annotations

import contextlib
import random
import threading
import time
import tracemalloc
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokRateLimitError,
    TikTokTransportError,
)
from airflow_provider_tiktok.reports.fetch.scheduler import PageScheduler
from airflow_provider_tiktok.reports.fetch.source import page_rows
from airflow_provider_tiktok.reports.planning.reconcile import read_reconciliation

from .helpers import FakeClient, all_rows, fetch, items, old_plan, paged, plan

REPORT = "report/integrated/get/"
AUTH = TikTokAuthError("token revoked", code=40105)
PERMISSION = TikTokPermissionError("not granted", code=40001, message="m", request_id="R8")
INVALID = TikTokInvalidRequestError("bad metric", code=40002)
LIMIT = TikTokRateLimitError("slow down", code=40100)
TRANSPORT = TikTokTransportError("broken")


def ads(client: FakeClient, **options):
    """Fetch a report of ads, by default ten per page."""
    parameters = {"request_params": {"page_size": 10}, **options.pop("parameters", {})}
    return fetch(client, old_plan(client, **parameters), **options)


def rows_of(count: int) -> list[tuple[str, str, str]]:
    return [("7", str(10_000 + index), f"{index}.50") for index in range(count)]


# paging


@pytest.mark.parametrize(
    ("count", "pages"), [(0, [1]), (1, [1]), (9, [1]), (10, [1]), (11, [1, 2]), (35, [1, 2, 3, 4])]
)
def test_every_page_is_fetched_once(count, pages):
    client = FakeClient(paged(items(count)))
    report = ads(client)
    assert all_rows(report) == rows_of(count)
    assert report.result.row_count == count
    assert sorted(params["page"] for params in client.asked(REPORT)) == pages


def test_pages_have_a_thousand_rows_by_default():
    client = FakeClient(paged(items(1_001)))
    assert len(all_rows(fetch(client, old_plan(client)))) == 1_001
    assert [(params["page"], params["page_size"]) for params in client.asked(REPORT)] == [
        (1, 1000),
        (2, 1000),
    ]
    assert client.subjects[0] == "advertiser 7, 2026-01-05 to 2026-01-05, page 1"


def test_pages_that_tiktok_makes_smaller_are_all_fetched():
    def report(params):
        return paged(items(25))({**params, "page_size": 5})

    client = FakeClient(report)
    assert all_rows(ads(client)) == rows_of(25)
    assert sorted(params["page"] for params in client.asked(REPORT)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("total_page", [0, None, 1, 3])
def test_a_wrong_number_of_pages_is_not_believed(total_page):
    client = FakeClient(paged(items(25), total_page=total_page))
    assert all_rows(ads(client)) == rows_of(25)


@pytest.mark.parametrize("total_page", [0, 1])
def test_an_empty_report_has_no_rows(total_page):
    client = FakeClient(paged([], total_page=total_page))
    assert all_rows(ads(client)) == []
    assert len(client.calls) == 1


def test_a_count_in_text_is_a_count():
    client = FakeClient(paged(items(3), total_number="3", total_page="1", page="1", page_size="10"))
    assert all_rows(ads(client)) == rows_of(3)


# concurrency and order


def test_no_more_is_read_ahead_than_is_passed_on():
    """What is read and not passed on is lost to a checkpoint when the task is killed."""
    client = FakeClient(paged(items(3_000)))
    accounts = [str(number) for number in range(1, 25)]
    report = fetch(client, old_plan(client, advertiser_ids=accounts), max_concurrency=2)
    ahead = [len(client.asked(REPORT)) - passed for passed, _ in enumerate(report.batches())]
    assert len(ahead) == 24 * 3
    # the pages of a window, three of the next one that ended before its last, two calls and two answers that wait
    assert max(ahead) <= 3 + 3 + 2 + 2 + 1


@pytest.mark.parametrize("concurrency", [1, 2, 3, 8])
def test_never_more_calls_run_at_once_than_allowed(concurrency):
    client = FakeClient(paged(items(200)), delay=lambda: 0.002)
    assert all_rows(ads(client, max_concurrency=concurrency)) == rows_of(200)
    assert client.most_in_flight <= concurrency


@pytest.mark.parametrize("concurrency", [1, 2, 8])
def test_as_many_calls_run_at_once_as_allowed(concurrency):
    together = threading.Barrier(concurrency, timeout=10)

    def report(params):
        if params["page"] > 1:
            together.wait()
        return paged(items(10 + 20 * concurrency))(params)

    client = FakeClient(report)
    assert len(all_rows(ads(client, max_concurrency=concurrency))) == 10 + 20 * concurrency
    assert client.most_in_flight == concurrency


def test_further_pages_are_under_way_while_one_is_read():
    called = {page: threading.Event() for page in range(1, 6)}

    def report(params):
        called[params["page"]].set()
        return paged(items(50))(params)

    def encode(page):
        # the first page has the number of all pages; neither its thread nor this one has to be finished
        assert all(event.wait(10) for event in called.values())
        return page_rows(page)

    assert all_rows(ads(FakeClient(report), max_concurrency=2, encode=encode)) == rows_of(50)


def test_what_came_before_a_failure_is_passed_on_though_it_is_read_after_it():
    failed = threading.Event()

    def report(params):
        if params["advertiser_id"] == "8":
            failed.set()
            raise TRANSPORT
        return paged(items(5))(params)

    def encode(page):
        assert failed.wait(10)
        return page_rows(page)

    client = FakeClient(report)
    found = ads(client, parameters={"advertiser_ids": "7,8"}, max_concurrency=1, encode=encode).batches()
    assert next(found) == rows_of(5)
    with pytest.raises(TikTokTransportError):
        next(found)


def hourly(client, **options):
    """Fetch a report of twelve days, each of which is a call, of three accounts."""
    days = {"report_start_date": "2026-01-05", "report_end_date": "2026-01-16"}
    parameters = {"advertiser_ids": "6,7,8", "dimensions": "ad_id,stat_time_hour", **days}
    return ads(client, parameters=parameters, **options)


def hours(params):
    row = {
        "dimensions": {"ad_id": "1", "stat_time_hour": f"{params['start_date']} 07:00:00"},
        "metrics": {"spend": "1.00"},
    }
    return paged([row])(params)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("policy", ["skip", "fail_at_end"])
@pytest.mark.parametrize("concurrency", [1, 2, 4, 8])
@pytest.mark.parametrize("reading", [0.0, 0.006])
@pytest.mark.parametrize("refused_from", [1, 7])
def test_accounts_after_a_refused_one_are_fetched_whatever_is_still_under_way(
    policy, concurrency, reading, refused_from
):
    def report(params):
        if params["advertiser_id"] == "7" and params["start_date"] >= f"2026-01-{4 + refused_from:02d}":
            raise PERMISSION
        return hours(params)

    def encode(page):
        time.sleep(reading)
        return page_rows(page)

    report = hourly(
        FakeClient(report, delay=lambda: 0.002),
        on_advertiser_error=policy,
        max_concurrency=concurrency,
        encode=encode,
    )
    found = []
    with pytest.raises(TikTokPermissionError) if policy == "fail_at_end" else contextlib.nullcontext():
        for batch in report.batches():
            found += batch
    accounts = Counter(row[0] for row in found)
    assert accounts == {"6": 12, "8": 12}


def test_accounts_after_one_whose_calls_are_all_in_the_air_are_fetched():
    """The refusal comes while an earlier account's rows are read, with the maximum number of concurrent calls."""
    refused = threading.Event()

    def report(params):
        if params["advertiser_id"] == "7":
            refused.set()
            raise PERMISSION
        return hours(params)

    def encode(page):
        refused.wait(0.05)
        return page_rows(page)

    report = hourly(FakeClient(report), on_advertiser_error="skip", max_concurrency=8, encode=encode)
    assert Counter(row[0] for row in all_rows(report)) == {"6": 12, "8": 12}


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@pytest.mark.parametrize("refused_page", [1, 2, 5, 9])
def test_accounts_after_one_that_is_refused_on_a_later_page_are_fetched(concurrency, refused_page):
    def report(params):
        if params["advertiser_id"] == "7" and params["page"] == refused_page:
            raise PERMISSION
        return paged(items(90))(params)

    report_fetch = ads(
        FakeClient(report, delay=lambda: 0.001),
        parameters={"advertiser_ids": "6,7,8"},
        on_advertiser_error="skip",
        max_concurrency=concurrency,
    )
    assert Counter(row[0] for row in all_rows(report_fetch)) == {"6": 90, "8": 90}


def test_a_window_without_rows_that_claims_pages_does_not_end_the_report():
    def report(params):
        if params["advertiser_id"] == "6" and params["start_date"] == "2026-01-05":
            return paged([], total_page=40)(params)
        return hours(params)

    for concurrency in (1, 8):
        report_fetch = hourly(FakeClient(report, delay=lambda: 0.002), max_concurrency=concurrency)
        assert Counter(row[0] for row in all_rows(report_fetch)) == {"6": 11, "7": 12, "8": 12}


def test_a_fetch_that_leaves_windows_out_fails(monkeypatch):
    monkeypatch.setattr(PageScheduler, "_open_window", lambda fetch: False)
    with pytest.raises(TikTokIncompleteReportError, match="Windows of 3 advertiser"):
        all_rows(hourly(FakeClient(hours)))


def test_pages_that_no_report_has_take_no_memory():
    client = FakeClient(paged(items(3), total_number=10**9, total_page=10**9))
    report = ads(client, max_concurrency=2)
    tracemalloc.start()
    try:
        with pytest.raises(TikTokIncompleteReportError, match="TikTok counted 1,000,000,000 rows and gave 3"):
            all_rows(report)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_concurrent_calls_stay_bounded_while_a_window_is_fetched_again():
    seen = []

    def report(params):
        seen.append(params["page"])
        moving = {"total_number": 199} if params["page"] == 3 and seen.count(3) < 3 else {}
        return paged(items(200), **moving)(params)

    client = FakeClient(report, delay=lambda: 0.003)
    assert all_rows(ads(client, max_concurrency=3)) == rows_of(200)
    assert client.most_in_flight <= 3


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), concurrency=st.integers(1, 6), count=st.integers(0, 60))
def test_the_order_of_rows_depends_on_nothing(seed, concurrency, count):
    rng = random.Random(seed)
    client = FakeClient(paged(items(count, seed=seed)), delay=lambda: rng.choice([0, 0, 0.001]))
    assert all_rows(ads(client, max_concurrency=concurrency)) == rows_of(count)


def test_rows_run_from_account_to_account_and_from_day_to_day():
    def report(params):
        made = [
            {"dimensions": {"ad_id": ad, "stat_time_day": f"{day} 00:00:00"}, "metrics": {"spend": "1"}}
            for ad in ("2", "1")
            for day in (params["end_date"], params["start_date"])
        ]
        return paged(made)(params)

    client = FakeClient(report)
    report_plan = plan(
        client,
        advertiser_ids="9,8",
        dimensions="ad_id,stat_time_day",
        report_start_date="2026-01-01",
        report_end_date="2026-02-04",
    )
    assert [row[:3] for row in all_rows(fetch(client, report_plan))] == [
        (account, ad, day)
        for account in ("9", "8")
        for day in ("2026-01-01", "2026-01-30", "2026-01-31", "2026-02-04")
        for ad in ("1", "2")
    ]


def test_rows_keep_tiktoks_order_where_one_is_requested():
    shuffled = items(25, seed=3)
    client = FakeClient(paged(shuffled), delay=lambda: random.choice([0, 0.002]))
    found = all_rows(ads(client, parameters={"order_field": "spend"}))
    assert [row[1] for row in found] == [item["dimensions"]["ad_id"] for item in shuffled]


# complete or failed


def wrong_total(data):
    return {**data, "page_info": {**data["page_info"], "total_number": data["page_info"]["total_number"] + 1}}


def wrong_page(data):
    return {**data, "page_info": {**data["page_info"], "page": 1}}


def short_page(data):
    return {**data, "list": data["list"][:-1]}


def empty_page(data):
    return {**data, "list": []}


def long_page(data):
    return {**data, "list": [*data["list"], {"dimensions": {"ad_id": "99"}, "metrics": {"spend": "1"}}]}


def repeated_row(data):
    return {**data, "list": [*data["list"][:-1], items(1)[0]]}


def null_count(data):
    return {**data, "page_info": {**data["page_info"], "total_number": None}}


def wordy_page(data):
    return {**data, "page_info": {**data["page_info"], "page": "third"}}


_SPOILT = {
    null_count: "the counts of page 3 can't be read",
    wordy_page: "the counts of page 3 can't be read",
    wrong_total: "TikTok's count of rows moved from 35 to 36 while paging",
    wrong_page: "page 3 was asked for and page 1 came",
    short_page: "TikTok counted 35 rows and gave 9 on page 3, where 10 were due",
    empty_page: "TikTok counted 35 rows and gave 0 on page 3, where 10 were due",
    long_page: "TikTok counted 35 rows and gave 11 on page 3, where 10 were due",
    repeated_row: "TikTok gave a row twice, so another one may be missing",
}


def spoilt(spoil, times):
    """Corrupt page 3 so many times."""
    lock, left = threading.Lock(), [times]

    def report(params):
        data = paged(items(35))(params)
        if params["page"] != 3:
            return data
        with lock:
            left[0] -= 1
            return spoil(data) if left[0] >= 0 else data

    return report


@pytest.mark.parametrize("order_field", [None, "spend"])
@pytest.mark.parametrize("spoil", _SPOILT, ids=lambda spoil: spoil.__name__)
def test_an_incomplete_window_is_fetched_again(spoil, order_field, caplog):
    client = FakeClient(spoilt(spoil, 2))
    report = ads(client, parameters={"order_field": order_field})
    assert sorted(all_rows(report)) == rows_of(35)
    assert report.result.row_count == 35
    assert [record.args[2] for record in caplog.records if record.levelname == "WARNING"] == [1, 2]
    of_first_attempt = len(client.asked("report/integrated/get/")) - report.result.refetched
    assert 1 <= of_first_attempt <= 4  # pages


def test_a_window_is_fetched_again_only_after_a_backoff(monkeypatch, moved_clock):
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.refetch._BACKOFF", 30)
    spoil, times = spoilt(short_page, 1), []

    def report(params):
        times.append(moved_clock.monotonic())
        return spoil(params)

    assert len(all_rows(ads(FakeClient(report)))) == 35
    assert max(later - earlier for earlier, later in pairwise(times)) >= 30


@pytest.mark.sampled(12)
@pytest.mark.parametrize("policy", ["fail", "fail_at_end", "skip"])
@pytest.mark.parametrize(("spoil", "problem"), _SPOILT.items(), ids=[spoil.__name__ for spoil in _SPOILT])
def test_a_window_that_stays_incomplete_is_an_error_under_every_policy(spoil, problem, policy):
    client = FakeClient(spoilt(spoil, 99))
    # one call at a time, because the message says what has arrived before
    report = ads(client, on_advertiser_error=policy, max_concurrency=1)
    found = []
    with pytest.raises(TikTokIncompleteReportError) as caught:
        found.extend(report.batches())
    assert str(caught.value) == (
        f"The report could not be made complete in 3 attempts: {problem} (advertiser 7, 2026-01-05 to "
        "2026-01-05). TikTok's figures may be moving; run the task again later."
    )
    assert caught.value.retryable is True
    assert found == []
    assert sum(params["page"] == 3 for params in client.asked(REPORT)) == 3


@pytest.mark.parametrize(
    "info", [None, {}, [], {"total_number": None}, {"total_number": "many"}, "x"], ids=repr
)
def test_an_answer_without_a_count_is_an_error(info):
    client = FakeClient(lambda params: {"list": items(3), "page_info": info})
    with pytest.raises(TikTokIncompleteReportError) as caught:
        all_rows(ads(client))
    assert str(caught.value) == (
        "TikTok's answer lacks the count of rows (advertiser 7, 2026-01-05 to 2026-01-05, page 1), so nothing shows "
        "that all of them are there. Run the task again. [request_id R1]"
    )


def test_rows_that_tiktok_left_out_and_that_cant_be_split_are_an_error():
    row = {"dimensions": {"advertiser_id": "7"}, "metrics": {"spend": "1"}}
    client = FakeClient(lambda params: Answer(paged([row])(params), "R5", "only the top 20k"))
    with pytest.raises(TikTokIncompleteReportError) as caught:
        all_rows(ads(client, parameters={"dimensions": "advertiser_id"}))
    assert str(caught.value) == (
        "TikTok left rows out (advertiser 7, 2026-01-05 to 2026-01-05, page 1): it gives at most "
        "20,000 campaigns, ad groups or ads, the newest ones. [request_id R5] Ask for less at a time: group by campaign_id, "
        "adgroup_id or ad_id, where the report has it, or filter by campaign_ids."
    )
    assert caught.value.retryable is False


# accounts that fail


def run(errors, policy, ids="1,2,3"):
    """Fetch three rows per account, or its error."""

    def answer(params):
        if params["advertiser_id"] in errors:
            raise errors[params["advertiser_id"]]
        return paged(items(3))(params)

    client = FakeClient(answer)
    report = fetch(client, old_plan(client, advertiser_ids=ids), on_advertiser_error=policy)
    found = []
    try:
        for batch in report.batches():
            found += [row[0] for row in batch]
    except TikTokError as error:
        return found, error, report, client
    return found, None, report, client


@pytest.mark.parametrize(
    ("policy", "error", "found", "raised"),
    [
        ("fail", PERMISSION, "111", PERMISSION),
        ("fail", TRANSPORT, "111", TRANSPORT),
        ("fail", AUTH, "111", AUTH),
        ("fail_at_end", PERMISSION, "111333", PERMISSION),
        ("fail_at_end", INVALID, "111333", INVALID),
        ("fail_at_end", TRANSPORT, "111333", TRANSPORT),
        ("fail_at_end", LIMIT, "111333", LIMIT),
        ("fail_at_end", AUTH, "111", AUTH),
        ("skip", PERMISSION, "111333", None),
        ("skip", INVALID, "111333", None),
        ("skip", TRANSPORT, "111", TRANSPORT),
        ("skip", LIMIT, "111", LIMIT),
        ("skip", AUTH, "111", AUTH),
    ],
)
def test_an_account_that_fails_is_treated_as_the_policy_says(policy, error, found, raised):
    rows, caught, report, client = run({"2": error}, policy)
    # a failure that ends the report may come before the rows of the account ahead of it
    assert "".join(rows) in {found, ""} if found == "111" else "".join(rows) == found
    assert caught is raised
    assert report.result.skipped == ({"2": str(error)} if policy == "skip" and raised is None else {})
    asked = {params["advertiser_id"] for params in client.asked(REPORT)}
    assert asked >= ({"1", "2", "3"} if found.endswith("333") else {"2"})


def test_a_report_of_skipped_accounts_only_fails():
    rows, error, _, _ = run({"1": PERMISSION, "2": INVALID}, "skip", ids="1,2")
    assert rows == []
    assert str(error) == "2 of 2 advertiser accounts failed. 1: not granted 2: bad metric"
    assert type(error) is TikTokAPIError
    assert (error.code, error.message, error.request_id, error.retryable) == (40001, "m", "R8", False)


def test_the_only_account_is_never_skipped():
    assert run({"1": PERMISSION}, "skip", ids="1")[:2] == ([], PERMISSION)


def test_several_failures_are_reported_together_at_the_end():
    rows, error, _, _ = run({"1": PERMISSION, "3": TRANSPORT}, "fail_at_end")
    assert "".join(rows) == "222"
    assert str(error) == "2 of 3 advertiser accounts failed. 1: not granted 3: broken"
    assert error.retryable is True


def test_an_account_that_fails_late_leaves_no_row_of_an_earlier_window():
    client = FakeClient(_late_failure)
    report_plan = plan(
        client,
        advertiser_ids="1,2",
        dimensions="ad_id,stat_time_day",
        report_start_date="2026-01-01",
        report_end_date="2026-02-10",
        request_params={"enable_total_metrics": True},
    )
    report = fetch(client, report_plan, on_advertiser_error="skip")
    assert {row[0] for row in all_rows(report)} == {"2"}
    assert report.result.row_count == 2
    assert report.result.skipped == {"1": "not granted"}
    assert report.total_metrics == {"spend": 2.0}
    assert len(client.asked(REPORT)) == 4


def _late_failure(params):
    if params["advertiser_id"] == "1" and params["start_date"] == "2026-01-31":
        raise PERMISSION
    made = [
        {
            "dimensions": {"ad_id": "1", "stat_time_day": f"{params['start_date']} 00:00:00"},
            "metrics": {"spend": "1"},
        }
    ]
    return {**paged(made)(params), "total_metrics": {"spend": "1.00"}}


@pytest.mark.parametrize(("policy", "raised"), [("fail", True), ("fail_at_end", True), ("skip", False)])
def test_an_account_that_was_refused_while_planning_counts_as_failed(policy, raised):
    client = FakeClient(paged(items(1)), accounts={"1": PERMISSION, "2": "UTC"})
    report = fetch(client, plan(client, advertiser_ids="1,2"), on_advertiser_error=policy)
    if raised:
        with pytest.raises(TikTokPermissionError, match="not granted"):
            all_rows(report)
    else:
        assert [row[0] for row in all_rows(report)] == ["2"]
        assert report.result.skipped == {"1": "not granted"}
    assert len(client.asked(REPORT)) == (0 if policy == "fail" else 1)


def test_an_unknown_policy_is_refused():
    client = FakeClient()
    with pytest.raises(TikTokInvalidRequestError) as caught:
        ads(client, on_advertiser_error="ignore")
    assert str(caught.value) == "`on_advertiser_error` is 'ignore'; it can be fail, fail_at_end, skip."


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_concurrency_below_one_is_refused(concurrency):
    with pytest.raises(TikTokInvalidRequestError) as caught:
        ads(FakeClient(), max_concurrency=concurrency)
    assert str(caught.value) == f"`max_concurrency` must be 1 or more, not {concurrency}."


def test_a_failing_page_ends_the_report():
    def report(params):
        if params["page"] == 3:
            raise TRANSPORT
        return paged(items(100))(params)

    client = FakeClient(report)
    with pytest.raises(TikTokTransportError):
        all_rows(ads(client, max_concurrency=2))
    assert client._in_flight == 0


# totals


def totals(per_account):
    def report(params):
        return {**paged(items(1))(params), "total_metrics": per_account[params["advertiser_id"]]}

    return report


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("1", {"spend": 10.5, "clicks": 3, "ctr": 1.25, "campaign_name": None, "reach": 7, "brand_new": "x"}),
        (
            "1,2",
            {
                "spend": None,
                "clicks": 7,
                "ctr": None,
                "campaign_name": None,
                "reach": None,
                "brand_new": None,
            },
        ),
    ],
)
def test_totals_are_added_up_only_where_that_is_right(ids, expected):
    one = {
        "spend": "10.50",
        "clicks": "3",
        "ctr": "1.25",
        "campaign_name": "-",
        "reach": "7",
        "brand_new": "x",
    }
    client = FakeClient(totals({"1": one, "2": {**one, "clicks": "4"}}))
    report = fetch(client, old_plan(client, advertiser_ids=ids))
    all_rows(report)
    assert report.total_metrics == expected


def test_a_total_has_the_type_of_its_metric():
    client = FakeClient(totals({"1": {"spend": "10.00", "clicks": "3.0", "brand_new": "7"}}))
    report = fetch(client, old_plan(client, advertiser_ids="1"))
    all_rows(report)
    types = {name: type(total) for name, total in report.total_metrics.items()}
    assert types == {"spend": float, "clicks": int, "brand_new": float}


def test_totals_of_several_windows_are_added_up_exactly():
    client = FakeClient(_late_failure)
    report_plan = plan(
        client,
        advertiser_ids="2",
        dimensions="ad_id,stat_time_hour",
        report_start_date="2026-01-01",
        report_end_date="2026-01-03",
    )

    def report(params):
        made = [
            {
                "dimensions": {"ad_id": "1", "stat_time_hour": f"{params['start_date']} 01:00:00"},
                "metrics": {},
            }
        ]
        return {**paged(made)(params), "total_metrics": {"spend": "0.1", "clicks": "1"}}

    client._report = report
    summed = fetch(client, report_plan)
    all_rows(summed)
    assert summed.total_metrics == {"spend": 0.3, "clicks": 3}


def test_without_totals_there_are_none():
    client = FakeClient(paged(items(1)))
    report = ads(client)
    all_rows(report)
    assert report.total_metrics is None


def test_totals_of_a_window_that_was_fetched_twice_count_once():
    spoil = spoilt(short_page, 1)
    client = FakeClient(lambda params: {**spoil(params), "total_metrics": {"clicks": "5"}})
    report = ads(client)
    all_rows(report)
    assert report.total_metrics == {"clicks": 5}


# impossible counts and pages are detected while reading


def endless(count, *, size=None, pages=None, rows=1, same=True):
    """Report so many rows on every page, and a count that takes a day to page through."""

    def report(params):
        asked = size or params["page_size"]
        first = 0 if same else rows * (params["page"] - 1)
        info = {"page": params["page"], "page_size": asked, "total_number": count}
        info["total_page"] = -(-count // asked) if pages is None else pages
        return {"list": items(first + rows)[first:], "page_info": info}

    return report


@pytest.mark.sampled(24)
@pytest.mark.parametrize("kind", ["BASIC", "AUDIENCE", "BC", "GMV_MAX", "SMART_PLUS"])
@pytest.mark.parametrize("count", [999_999_999, 500_000, 50_000])
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"size": 1},
        {"pages": 0},
        {"pages": 1},
        {"pages": 999_999_999},
        {"rows": 9},
        {"rows": 11},
        {"rows": 10},
    ],
    ids=repr,
)
def test_the_same_rows_on_every_page_end_the_report_at_once(kind, count, shape):
    parameters = {
        "BASIC": {},
        "AUDIENCE": {"report_type": "AUDIENCE", "dimensions": "ad_id,gender"},
        "BC": {"report_type": "BC", "dimensions": "advertiser_id", "request_params": {"bc_id": "1"}},
        "GMV_MAX": {
            **{"report_type": "GMV_MAX", "dimensions": "campaign_id", "metrics": "cost"},
            "request_params": {"store_ids": ["1"]},
        },
        "SMART_PLUS": {"report_type": "SMART_PLUS", "dimensions": "campaign_id,main_material_id"},
    }[kind]
    parameters["request_params"] = {**parameters.get("request_params", {}), "page_size": 10}
    made = endless(count, **shape)

    def report(params):
        data = made(params)
        for row in data["list"]:
            name = row["dimensions"].pop("ad_id")
            row["dimensions"] = dict.fromkeys(params["dimensions"], name)
            row["metrics"] = dict.fromkeys(params["metrics"], "1")
        return data

    client = FakeClient(report)
    with pytest.raises(TikTokIncompleteReportError):
        all_rows(ads(client, parameters=parameters, max_concurrency=4))
    assert len(client.calls) < 3 * 12


def test_an_accounts_own_spend_on_the_same_page_over_and_over_ends_the_report_at_once():
    def report(params):
        assert len(client.calls) < 3 * 12
        if params["dimensions"] != ["advertiser_id"]:
            return paged([])(params)
        row = {"dimensions": {"advertiser_id": "7"}, "metrics": {"spend": "0.00"}}
        info = {"page": params["page"], "page_size": 1, "total_number": 400_000, "total_page": 400_000}
        return {"list": [row], "page_info": info}

    client = FakeClient(report)
    report_plan = old_plan(client)
    reconciliation = read_reconciliation(report_plan.request, True, 0)
    with pytest.raises(TikTokIncompleteReportError, match="the same advertiser_id twice"):
        all_rows(fetch(client, report_plan, reconciliation=reconciliation, max_concurrency=4))


@pytest.mark.parametrize("shape", [{"size": 1}, {"size": 1, "pages": 0}, {"pages": 999_999_999}], ids=repr)
def test_more_pages_than_a_day_has_calls_are_no_report(shape):
    client = FakeClient(endless(999_999_999, same=False, **shape))
    with pytest.raises(
        TikTokIncompleteReportError, match=r"counts 999,999,999 rows on .*, which no call has"
    ):
        all_rows(ads(client))
    assert len(client.calls) == 1


@pytest.mark.sampled(16)
@pytest.mark.parametrize("seed", range(40))
def test_a_page_that_contradicts_the_counts_is_detected_at_once(seed):
    rng = random.Random(seed)
    count, size = rng.randrange(60, 120), 10
    last = -(-count // size)
    page = rng.randrange(1, last + 1)
    spoil = rng.choice(
        [
            lambda data: data["list"].pop(),
            lambda data: data["list"].append(items(count + 9)[-1]),
            lambda data: data["list"].clear(),
            lambda data: data["page_info"].update(page_size=size - 1),
            lambda data: data["page_info"].update(total_page=last + 1),
            lambda data: data["page_info"].update(total_number=count + 1),
            lambda data: data["page_info"].update(page=page + 1),
            lambda data: data["list"].append(data["list"][0]),
        ]
    )

    def report(params):
        data = paged(items(count))(params)
        if params["page"] == page:
            spoil(data)
        return data

    client = FakeClient(report)
    with pytest.raises(TikTokIncompleteReportError):
        all_rows(ads(client, max_concurrency=1))
    # of a window of three attempts, no page is requested after the wrong one except the running call
    assert max(params["page"] for params in client.calls and client.asked(REPORT)) <= max(page + 2, 3)


@pytest.mark.parametrize("said", [{}, {"page_size": 0}, {"page_size": None}])
def test_pages_that_tiktok_makes_smaller_are_known_by_their_number(said):
    def report(params):
        return paged(items(25), **said)({**params, "page_size": 4})

    client = FakeClient(report)
    assert all_rows(ads(client)) == rows_of(25)
    assert sorted(params["page"] for params in client.asked(REPORT)) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("listed", ["text", {"a": 1}, 7, True], ids=repr)
def test_rows_that_are_no_list_fail_the_report(listed):
    client = FakeClient(lambda params: {**paged([])(params), "list": listed})
    with pytest.raises(TikTokIncompleteReportError, match="has no list of rows"):
        all_rows(ads(client))


@pytest.mark.parametrize("number", ["1_0", "ten", [], {}, "1e999", "NaN", "inf"], ids=repr)
def test_a_count_that_is_no_number_is_no_count(number):
    client = FakeClient(paged(items(10), total_number=number))
    with pytest.raises(TikTokIncompleteReportError, match="lacks the count of rows"):
        all_rows(ads(client))
