"""Which calls a report takes: accounts, days, windows."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.exceptions import (
    TikTokConfigError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
)
from airflow_provider_tiktok.reports.planning.plan import RunTime, Window
from airflow_provider_tiktok.reports.planning.planner import final_times, make_plan
from airflow_provider_tiktok.reports.planning.windows import split_days

from .helpers import LONG_AGO, NOW, UTC, FakeClient, old_plan, plan, request

DAY = timedelta(days=1)
PERMISSION = TikTokPermissionError("no", code=40001)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def days(report_plan) -> list[tuple[str, str, str]]:
    return [(call.advertiser_id, str(call.window.start), str(call.window.end)) for call in report_plan.calls]


# windows


@given(
    start=st.dates(date(2012, 1, 1), date(2026, 12, 31)),
    length=st.integers(1, 1500),
    max_days=st.integers(1, 400),
)
def test_windows_have_no_gap_no_overlap_and_fit(start, length, max_days):
    end = start + (length - 1) * DAY
    windows = split_days(start, end, max_days)
    assert all(1 <= (window.end - window.start).days + 1 <= max_days for window in windows)
    covered = [
        window.start + n * DAY for window in windows for n in range((window.end - window.start).days + 1)
    ]
    assert covered == [start + n * DAY for n in range(length)]
    assert len(windows) == -(-length // max_days)


@pytest.mark.parametrize(
    ("dimensions", "length", "calls"),
    [
        ("ad_id,stat_time_day", 30, 1),
        ("ad_id,stat_time_day", 31, 2),
        ("ad_id,stat_time_hour", 3, 3),
        ("ad_id", 365, 1),
        ("ad_id", 366, 2),
        ("ad_id,country_code", 365, 1),
        ("ad_id,stat_time_decade", 3, 1),
    ],
)
def test_windows_are_as_long_as_tiktok_takes(dimensions, length, calls):
    end = LONG_AGO + (length - 1) * DAY
    found = (
        plan(
            FakeClient(),
            dimensions=dimensions,
            report_start_date=LONG_AGO,
            report_end_date=end,
            now=datetime(2028, 1, 1, tzinfo=UTC),
        )
        if end < date(2026, 11, 1)
        else make_plan(
            FakeClient(), request(dimensions=dimensions), RunTime(NOW, (LONG_AGO, end)), now=utc(2028, 1, 1)
        )
    )
    assert len(found) == calls
    assert (found.start_date, found.end_date) == (LONG_AGO, end)


def test_a_call_holds_tiktoks_parameters():
    (call,) = old_plan(FakeClient(), dimensions="ad_id,stat_time_day").calls
    assert call.params == {
        "advertiser_id": "7",
        "report_type": "BASIC",
        "service_type": None,
        "data_level": "AUCTION_AD",
        "dimensions": ["ad_id", "stat_time_day"],
        "metrics": ["spend"],
        "filtering": [{"field_name": "ad_status", "filter_type": "IN", "filter_value": '["STATUS_ALL"]'}],
        "order_field": None,
        "order_type": None,
        "query_lifetime": None,
        "page_size": 1000,
        "start_date": "2026-01-05",
        "end_date": "2026-01-05",
        "page": 1,
    }
    assert call.subject(3) == "advertiser 7, 2026-01-05 to 2026-01-05, page 3"


def test_a_lifetime_has_one_call_without_dates():
    client = FakeClient()
    found = plan(client, query_lifetime=True, lookback_days=3, report_start_date="2026-01-01")
    (call,) = found.calls
    assert (call.window, str(call.window)) == (Window(), "lifetime")
    assert (call.params["query_lifetime"], call.params["start_date"], call.params["end_date"]) == (
        True,
        None,
        None,
    )
    assert (found.start_date, found.end_date, found.is_final(utc(2099, 1, 1))) == (None, None, False)
    assert client.calls == []


# days

INTERVAL = RunTime(utc(2026, 1, 13), (date(2026, 1, 10), date(2026, 1, 12)))


def test_explicit_days_win_over_the_interval():
    found = plan(FakeClient(), run=INTERVAL, report_start_date="2026-01-01", report_end_date="2026-01-02")
    assert days(found) == [("7", "2026-01-01", "2026-01-02")]


def test_one_explicit_day_wins_over_the_interval():
    assert days(plan(FakeClient(), run=INTERVAL, report_end_date="2026-01-02")) == [
        ("7", "2026-01-02", "2026-01-02")
    ]


def test_the_intervals_days_are_the_reports():
    assert days(plan(FakeClient(), run=INTERVAL)) == [("7", "2026-01-10", "2026-01-12")]


def test_days_written_as_nothing_are_the_intervals():
    assert days(plan(FakeClient(), run=INTERVAL, report_start_date=None, report_end_date="")) == [
        ("7", "2026-01-10", "2026-01-12")
    ]


@pytest.mark.parametrize("parameters", [{"report_start_date": "2026-01-10"}, {}])
def test_lookback_moves_the_start_only(parameters):
    run = RunTime(utc(2026, 1, 11), (date(2026, 1, 10), date(2026, 1, 10)))
    found = plan(FakeClient(), run=run, lookback_days="7", **parameters)
    assert days(found) == [("7", "2026-01-03", "2026-01-10")]


@pytest.mark.parametrize("lookback_days", [10**6, 10**12])
def test_a_lookback_out_of_the_calendar_is_named(lookback_days):
    with pytest.raises(TikTokInvalidRequestError) as caught:
        old_plan(FakeClient(), lookback_days=lookback_days)
    assert str(caught.value) == (
        f"`lookback_days` is {lookback_days}, which goes back before the calendar begins. Use fewer days."
    )


def test_lookback_goes_with_the_last_complete_day():
    client = FakeClient(accounts={"7": "UTC"})
    assert days(plan(client, lookback_days=2)) == [("7", "2026-11-19", "2026-11-21")]


@pytest.mark.parametrize(
    ("now", "zone", "day"),
    [
        (utc(2026, 11, 22, 0, 30), "UTC", "2026-11-21"),
        (utc(2026, 11, 21, 23, 59, 59), "UTC", "2026-11-20"),
        (utc(2026, 11, 22, 0, 30), "America/Los_Angeles", "2026-11-20"),
        (utc(2026, 11, 22, 8, 0), "America/Los_Angeles", "2026-11-21"),
        (utc(2026, 11, 21, 15, 0), "Asia/Tokyo", "2026-11-21"),
        (utc(2026, 11, 21, 14, 59), "Asia/Tokyo", "2026-11-20"),
        (utc(2026, 11, 21, 18, 30), "Asia/Kolkata", "2026-11-21"),
        (utc(2026, 11, 21, 18, 29), "Asia/Kolkata", "2026-11-20"),
        (utc(2026, 11, 21, 18, 15), "Asia/Kathmandu", "2026-11-21"),
        (utc(2026, 11, 21, 10, 0), "Pacific/Kiritimati", "2026-11-21"),
        (utc(2026, 11, 22, 11, 59), "Etc/GMT+12", "2026-11-20"),
        # POSIX signs: "Etc/GMT+8" is west of Greenwich
        (utc(2026, 11, 22, 7, 59), "Etc/GMT+8", "2026-11-20"),
        (utc(2026, 11, 22, 8, 0), "Etc/GMT+8", "2026-11-21"),
        (utc(2026, 11, 21, 16, 0), "Etc/GMT-8", "2026-11-21"),
        # days on which clocks change: 1 November 2026 has 25 hours in New York, 8 March has 23
        (utc(2026, 11, 2, 4, 59), "America/New_York", "2026-10-31"),
        (utc(2026, 11, 2, 5, 0), "America/New_York", "2026-11-01"),
        (utc(2026, 3, 9, 3, 59), "America/New_York", "2026-03-07"),
        (utc(2026, 3, 9, 4, 0), "America/New_York", "2026-03-08"),
        # a run with a separate time zone
        (datetime(2026, 11, 22, 1, tzinfo=timezone(timedelta(hours=9))), "UTC", "2026-11-20"),
    ],
)
def test_a_run_without_interval_is_of_the_accounts_last_complete_day(now, zone, day):
    found = plan(FakeClient(accounts={"7": zone}), run=RunTime(now), now=now)
    assert days(found) == [("7", day, day)]


def test_accounts_may_get_different_days():
    client = FakeClient(accounts={"7": "Asia/Tokyo", "8": "America/Los_Angeles"})
    found = plan(client, advertiser_ids="7,8", run=RunTime(utc(2026, 11, 21, 16)))
    assert days(found) == [("7", "2026-11-21", "2026-11-21"), ("8", "2026-11-20", "2026-11-20")]
    assert (found.start_date, found.end_date) == (date(2026, 11, 20), date(2026, 11, 21))


@pytest.mark.parametrize("zone", [None, "Mars/Olympus_Mons", "../../etc/passwd", "not a zone", "UTC+25"])
def test_an_unknown_zone_is_an_error_only_where_the_day_depends_on_it(zone):
    client = FakeClient(accounts={"7": zone})
    found = plan(client)
    assert (len(found), found.advertiser_ids) == (0, ("7",))
    problem = (
        f"TikTok names the time zone of advertiser 7 {zone!r}, which Python doesn't know"
        if zone
        else "TikTok doesn't send the time zone of advertiser 7"
    )
    assert str(found.refused["7"]) == (
        f"{problem}, so its last complete day is unknown. Set `report_start_date`."
    )
    assert days(plan(client, report_start_date="2026-11-22")) == [("7", "2026-11-22", "2026-11-22")]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("UTC+05:30", "2026-11-21"),
        ("UTC+05:29", "2026-11-20"),
        ("GMT-3", "2026-11-20"),
        ("GMT+8", "2026-11-21"),
        ("Etc/GMT+8", "2026-11-20"),
        ("Etc/GMT-8", "2026-11-21"),
        ("+0530", "2026-11-21"),
    ],
)
def test_a_zone_may_be_an_offset(zone, day):
    now = utc(2026, 11, 21, 18, 30)
    found = plan(FakeClient(accounts={"7": zone}), run=RunTime(now), now=now)
    assert days(found) == [("7", day, day)]


def test_a_refused_account_has_no_call_and_is_recorded_with_its_error():
    client = FakeClient(accounts={"7": "UTC", "8": PERMISSION})
    found = plan(client, advertiser_ids="7,8")
    assert days(found) == [("7", "2026-11-21", "2026-11-21")]
    assert found.refused == {"8": PERMISSION}
    assert found.advertiser_ids == ("7", "8")


@pytest.mark.parametrize(
    ("parameters", "account", "span"),
    [
        ({}, PERMISSION, "days not known"),
        ({}, None, "days not known"),
        ({}, "UTC", "2026-11-21 to 2026-11-21"),
        (
            {"report_start_date": "2026-11-01", "report_end_date": "2026-11-03"},
            None,
            "2026-11-01 to 2026-11-03",
        ),
        ({"query_lifetime": True}, None, "lifetime"),
    ],
)
def test_only_a_report_of_the_lifetime_says_so(parameters, account, span):
    assert plan(FakeClient(accounts={"7": account}), **parameters).span == span


# when TikTok is asked about the accounts


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ({"report_start_date": "2026-01-01"}, 0),
        ({"report_start_date": "2026-11-22"}, 1),
        ({"report_start_date": "2026-11-21"}, 0),
        # people are counted for 16 hours after the day's end
        ({"report_start_date": "2026-11-21", "metrics": "reach"}, 1),
        ({"query_lifetime": True}, 0),
        ({}, 1),
    ],
)
def test_time_zones_are_requested_only_where_they_matter(parameters, asked):
    client = FakeClient(accounts={"7": "UTC"})
    plan(client, now=utc(2026, 11, 22, 12, 30), **parameters)
    assert len(client.asked("advertiser/info/")) == asked
    assert len(client.calls) == asked


def test_time_zones_are_requested_for_a_hundred_accounts_at_a_time():
    ids = [str(number) for number in range(1, 251)]
    client = FakeClient(accounts=dict.fromkeys(ids, "UTC"))
    assert len(plan(client, advertiser_ids=ids)) == 250
    assert [len(params["advertiser_ids"]) for params in client.asked("advertiser/info/")] == [100, 100, 50]


# accounts


def test_accounts_are_the_connections_where_none_are_given():
    client = FakeClient(advertiser_ids=("5", "6"))
    assert old_plan(client, advertiser_ids=None).advertiser_ids == ("5", "6")


def test_accounts_of_the_report_win_over_the_connections():
    assert old_plan(FakeClient(advertiser_ids=("5",)), advertiser_ids="9").advertiser_ids == ("9",)


def test_no_account_at_all_is_an_error_without_a_call():
    client = FakeClient(app_id="1", app_secret="s")
    with pytest.raises(TikTokInvalidRequestError) as caught:
        old_plan(client, advertiser_ids=None)
    assert str(caught.value) == (
        "`advertiser_ids` is given neither here nor in the Airflow connection. Name the accounts, or use "
        '"*" for every account that the token reaches.'
    )
    assert client.calls == []


def test_a_star_is_every_account_whatever_tiktoks_order():
    client = FakeClient(app_id="1", app_secret="s", authorised=("9", "3"), advertiser_ids=("5",))
    assert old_plan(client, advertiser_ids="*").advertiser_ids == ("3", "9")


def test_a_star_in_the_connection_is_every_account_of_a_report_that_names_none():
    client = FakeClient(app_id="1", app_secret="s", authorised=("9", "3"), advertiser_ids=("*",))
    assert old_plan(client, advertiser_ids=None).advertiser_ids == ("3", "9")
    assert old_plan(client, advertiser_ids="5").advertiser_ids == ("5",)


def test_a_star_without_any_account_is_an_error():
    with pytest.raises(TikTokInvalidRequestError, match=r"no advertiser account has authorised this app"):
        old_plan(FakeClient(app_id="1", app_secret="s"), advertiser_ids="*")


def test_a_star_without_app_is_an_error():
    with pytest.raises(TikTokConfigError, match=r"TikTok wants App ID and App secret"):
        old_plan(FakeClient(advertiser_ids=("5",)), advertiser_ids="*")


# finality


@pytest.mark.parametrize(
    ("qps", "days", "seconds"),
    [(10, 10, 0), (10, 11, 1), (10, 21, 2), (10, 30, 2), (0.5, 1, 0), (0.5, 3, 4), (2.5, 6, 2)],
)
def test_the_least_time_of_a_plan_is_that_of_its_rate_limit(qps, days, seconds):
    client = FakeClient(accounts={"7": "UTC"})
    end = date(2026, 1, 1) + timedelta(days=days - 1)
    hours = plan(
        client,
        dimensions="ad_id,stat_time_hour",
        report_start_date="2026-01-01",
        report_end_date=end.isoformat(),
    )
    assert len(hours) == days
    assert hours.shortest_seconds(qps) == pytest.approx(seconds)


def test_an_interval_is_final_when_its_last_day_is():
    run = RunTime(utc(2026, 3, 5), (date(2026, 3, 1), date(2026, 3, 4)))
    last_day = RunTime(utc(2026, 3, 5), (date(2026, 3, 4), date(2026, 3, 4)))
    client = FakeClient(accounts={"7": "UTC"})
    times = [final_times(client, request(), one, now=utc(2026, 3, 3, 18)) for one in (run, last_day)]
    assert list(times[0]) == ["7"]
    assert times[0] == times[1]


@pytest.mark.parametrize(
    ("zone", "metrics", "now", "final"),
    [
        ("UTC", "spend", utc(2026, 11, 22, 0, 29), False),
        ("UTC", "spend", utc(2026, 11, 22, 0, 30), True),
        ("UTC", "spend,reach", utc(2026, 11, 22, 15, 59), False),
        ("UTC", "spend,reach", utc(2026, 11, 22, 16, 0), True),
        ("Asia/Tokyo", "spend", utc(2026, 11, 21, 15, 30), True),
        ("America/Los_Angeles", "spend", utc(2026, 11, 22, 8, 29), False),
        ("America/Los_Angeles", "spend", utc(2026, 11, 22, 8, 30), True),
        (None, "spend", utc(2026, 11, 22, 12, 29), False),
        (None, "spend", utc(2026, 11, 22, 12, 30), True),
    ],
)
def test_figures_are_final_after_the_accounts_day_and_tiktoks_latency(zone, metrics, now, final):
    client = FakeClient(accounts={"7": zone})
    found = plan(client, metrics=metrics, report_start_date="2026-11-21", now=utc(2026, 11, 21, 12))
    assert found.is_final(now) is final


def test_figures_are_final_when_every_accounts_are():
    client = FakeClient(accounts={"7": "Asia/Tokyo", "8": "America/Los_Angeles"})
    found = plan(client, advertiser_ids="7,8", report_start_date="2026-11-21", now=utc(2026, 11, 21, 12))
    assert [found.is_final(utc(2026, 11, 22, hour)) for hour in (0, 9)] == [False, True]


def test_figures_of_days_long_ago_are_final_without_a_call():
    assert old_plan(FakeClient()).is_final(NOW) is True


@given(
    st.dates(date(2019, 1, 1), date(2025, 1, 1)),
    st.integers(0, 2_000),
    st.sampled_from([("week", lambda day: day.weekday() == 0), ("month", lambda day: day.day == 1)]),
)
def test_no_window_ends_inside_a_week_or_month(start, length, period):
    name, begins = period
    end = start + timedelta(days=length)
    windows = split_days(start, end, 365, name)
    assert (windows[0].start, windows[-1].end) == (start, end)
    assert all(0 <= (window.end - window.start).days < 365 for window in windows)
    for one, other in pairwise(windows):
        assert other.start == one.end + timedelta(days=1)
        assert begins(other.start)
