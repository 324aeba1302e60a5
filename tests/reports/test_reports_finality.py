"""When the figures of a day are final."""

from datetime import date, datetime, timedelta, timezone

import pendulum
import pytest

from airflow_provider_tiktok.reports.params.request import parse_request
from airflow_provider_tiktok.reports.planning.finality import complete_at, complete_until, corrected_at

QUICK = {"dimensions": "ad_id, stat_time_day", "metrics": "spend"}
SLOW = {"dimensions": "ad_id, stat_time_day", "metrics": "spend, reach"}


def at(function, **parameters):
    request = parse_request(**parameters)
    return lambda day, zone: f"{function(request, date.fromisoformat(day), pendulum.timezone(zone)):%d %H:%M}"


@pytest.mark.parametrize(
    ("day", "zone", "quick", "slow"),
    [
        ("2026-11-10", "UTC", "11 00:30", "11 16:00"),
        ("2026-11-10", "Asia/Tokyo", "10 15:30", "11 07:00"),
        ("2026-11-10", "America/Los_Angeles", "11 08:30", "12 00:00"),
        ("2026-07-10", "America/Los_Angeles", "11 07:30", "11 23:00"),
        ("2026-11-10", "Asia/Kolkata", "10 19:00", "11 10:30"),
        # the nights in which clocks change: the latency is 16 hours of elapsed time
        ("2026-03-28", "Europe/Berlin", "28 23:30", "29 15:00"),
        ("2026-10-24", "Europe/Berlin", "24 22:30", "25 14:00"),
        # the days with 23 and 25 hours
        ("2026-03-29", "Europe/Berlin", "29 22:30", "30 14:00"),
        ("2026-10-25", "Europe/Berlin", "25 23:30", "26 15:00"),
        # summer time starts at midnight, which does not exist then
        ("2026-09-05", "America/Santiago", "06 04:30", "06 20:00"),
    ],
)
def test_a_day_is_complete_when_it_is_over_and_the_latency_has_passed(day, zone, quick, slow):
    assert at(complete_at, **QUICK)(day, zone) == quick
    assert at(complete_at, **SLOW)(day, zone) == slow
    for parameters in (QUICK, SLOW):
        request, its_zone, its_day = (
            parse_request(**parameters),
            pendulum.timezone(zone),
            date.fromisoformat(day),
        )
        time = complete_at(request, its_day, its_zone)
        assert complete_until(request, time, its_zone) == its_day
        assert complete_until(request, time - timedelta(seconds=1), its_zone) == its_day - timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "zone", "quick", "slow"),
    [
        ("2026-11-10", "UTC", "11 12:00", "11 16:00"),
        ("2026-11-10", "Asia/Tokyo", "11 12:00", "11 12:00"),
        ("2026-11-10", "America/Los_Angeles", "11 12:00", "12 00:00"),
        ("2026-11-10", "Asia/Kolkata", "11 12:00", "11 12:00"),
        # the day ends at the time of the correction, which can't cover all of it
        ("2026-07-10", "Pacific/Auckland", "11 12:00", "11 12:00"),
        ("2026-11-10", "Pacific/Auckland", "10 12:00", "11 03:00"),
    ],
)
def test_a_day_is_corrected_by_the_first_correction_that_finds_all_of_it(day, zone, quick, slow):
    assert at(corrected_at, **QUICK)(day, zone) == quick
    assert at(corrected_at, **SLOW)(day, zone) == slow


def test_times_are_in_utc():
    time = complete_at(parse_request(**QUICK), date(2026, 11, 10), pendulum.timezone("Asia/Tokyo"))
    assert (time, time.tzinfo) == (datetime(2026, 11, 10, 15, 30, tzinfo=timezone.utc), timezone.utc)
