"""The day of 25 hours: an hour that occurs twice is kept if its rows can be distinguished, else a permanent error."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from functools import cache

import pytest

from airflow_provider_tiktok.api.zones import read_zone
from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokIncompleteReportError
from airflow_provider_tiktok.reports.async_reports import files
from airflow_provider_tiktok.reports.async_reports.submission import job_of
from airflow_provider_tiktok.reports.rows.clock_change import is_repeated

from .helpers import FakeClient, all_rows, fetch, paged, plan

UTC = timezone.utc
FIRST, LAST = datetime(2012, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=15)
ANGELES = "America/Los_Angeles"


@cache
def set_back() -> dict[tuple[str, date], tuple[datetime, timedelta]]:
    """Return the last day on which each zone's clock was set back, by each shift: when, and how far."""
    found: dict[tuple[str, timedelta], datetime] = {}
    for name in sorted(zoneinfo.available_timezones()):
        zone = zoneinfo.ZoneInfo(name)
        for before, after in changes(zone):
            if (shift := offset(zone, before) - offset(zone, after)) > timedelta(0):
                found[name, shift] = after
    return {
        (name, after.astimezone(zoneinfo.ZoneInfo(name)).date()): (after, shift)
        for (name, shift), after in found.items()
    }


def changes(zone: zoneinfo.ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Find the quarters of an hour between which a zone's offset changes."""
    low = FIRST
    while low < LAST:
        high = low + timedelta(days=20)
        if offset(zone, low) != offset(zone, high):
            before, after = low, high
            while after - before > STEP:
                middle = before + (after - before) // 2 // STEP * STEP
                before, after = (
                    (middle, after) if offset(zone, middle) == offset(zone, low) else (before, middle)
                )
            yield before, after
        low = high


def offset(zone: zoneinfo.ZoneInfo, time: datetime) -> timedelta:
    return time.astimezone(zone).utcoffset() or timedelta(0)


@cache
def hours(zone: zoneinfo.ZoneInfo, day: date) -> Counter[datetime]:
    """Count the quarters of each hour of a day, in the order of UTC."""
    time = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    local = ((time + number * STEP).astimezone(zone).replace(tzinfo=None) for number in range(4 * 72))
    return Counter(one.replace(minute=0) for one in local if one.date() == day)


def test_there_are_zones_to_try():
    shifts = {name for name, _ in set_back()}
    assert len(shifts) > 150
    assert {ANGELES, "Europe/Berlin", "Australia/Lord_Howe", "America/Havana"} <= shifts


def test_an_hour_is_repeated_where_more_time_passes_in_it_than_an_hour():
    alike = {change: key for key, change in set_back().items()}  # of zones that change together, one
    for name, day in alike.values():
        zone = read_zone(name)
        assert zone is not None
        midnight = datetime(day.year, day.month, day.day)
        for hour in (midnight + timedelta(hours=number) for number in range(-2, 26)):
            assert is_repeated(hour, zone) == (hours(zoneinfo.ZoneInfo(name), hour.date())[hour] > 4), (
                name,
                hour,
            )


def report_of(hours_: list[datetime], zone: str | None, mode: str = "sync", **changes_: str):
    """Return a fetch of an hourly report whose rows are of these hours, in an account of a zone."""
    times = [f"{hour:%Y-%m-%d %H:%M:%S}" for hour in hours_]
    rows = [
        {
            "dimensions": {"ad_id": "5", "stat_time_hour": changes_.get(f"at_{number}", time)},
            "metrics": {"spend": f"{number}.50"},
        }
        for number, time in enumerate(times)
    ]
    client = FakeClient(paged(rows), {"7": zone})
    asked = plan(client, dimensions="ad_id,stat_time_hour", report_start_date=hours_[0].date(), mode=mode)
    return client, rows, asked


def repeated_day(name: str, day: date) -> list[datetime]:
    """Return the starts of a day's hours, each as often as it occurs."""
    quarters = hours(zoneinfo.ZoneInfo(name), day)
    return [hour for hour in sorted(quarters) for _ in range(-(-quarters[hour] // 4))]


@pytest.mark.parametrize(
    "name", [ANGELES, "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Africa/Casablanca"]
)
def test_rows_of_an_hour_that_comes_twice_are_a_lasting_error_that_names_it(name):
    day = max(day for zone, day in set_back() if zone == name)
    twice = repeated_day(name, day)
    assert 24 < len(twice) <= 26
    doubled = next(hour for hour, count in Counter(twice).items() if count > 1)
    client, _, asked = report_of(twice, name)
    with pytest.raises(TikTokIncompleteReportError) as caught:
        all_rows(fetch(client, asked))
    assert not caught.value.retryable
    for text in (
        "advertiser 7",
        name,
        f"on {day} the clock",
        f"{doubled:%H:%M} twice",
        "stat_time_day",
        "won't help",
    ):
        assert text in str(caught.value)
    assert "moving" not in str(caught.value)


def test_every_zone_takes_the_day_when_its_hours_come_once():
    for name, day in list(set_back())[::7]:
        client, rows, asked = report_of(sorted(set(repeated_day(name, day))), name)
        assert len(all_rows(fetch(client, asked))) == len(rows) == 24


@pytest.mark.parametrize(("name", "day"), [(ANGELES, date(2026, 3, 8)), ("Europe/Berlin", date(2026, 3, 29))])
def test_a_day_of_23_hours_is_as_any_other(name, day):
    client, rows, asked = report_of(repeated_day(name, day), name)
    assert len(all_rows(fetch(client, asked))) == len(rows) == 23


def test_rows_that_tiktok_distinguishes_are_both_kept():
    twice = repeated_day(ANGELES, date(2025, 11, 2))
    marks = {"at_1": "2025-11-02 01:00:00-07:00", "at_2": "2025-11-02 01:00:00-08:00"}
    client, _, asked = report_of(twice, ANGELES, **marks)
    found = all_rows(fetch(client, asked))
    assert len(found) == 25
    assert {row[2]: row[3] for row in found if "T01" in str(row[2])} == {
        "2025-11-02T01:00:00-07:00": "1.50",
        "2025-11-02T01:00:00-08:00": "2.50",
    }


@pytest.mark.parametrize(
    ("zone", "day", "doubled"),
    [
        (ANGELES, date(2025, 11, 2), 5),  # another hour of that day
        (ANGELES, date(2025, 11, 3), 1),  # another day
        ("Asia/Tokyo", date(2025, 11, 2), 1),  # a zone without such days
        ("UTC+05:30", date(2025, 11, 2), 1),
        (None, date(2025, 11, 2), 1),  # TikTok doesn't report the zone
        ("Mars/Olympus", date(2025, 11, 2), 1),
    ],
)
def test_other_doubles_are_still_ones_that_may_pass(zone, day, doubled):
    hour = datetime(day.year, day.month, day.day)
    rows = [hour + timedelta(hours=number) for number in range(24)]
    client, _, asked = report_of([*rows, rows[doubled]], zone)
    with pytest.raises(TikTokIncompleteReportError, match=r"gave a row twice.*may be moving") as caught:
        all_rows(fetch(client, asked))
    assert caught.value.retryable


def test_an_account_without_a_zone_is_no_further_fault():
    rows = [datetime(2025, 11, 2, 1)] * 2
    client, _, asked = report_of(rows, None)
    client._accounts["7"] = TikTokAPIError("no", code=40001)
    with pytest.raises(TikTokIncompleteReportError, match="gave a row twice"):
        all_rows(fetch(client, asked))


def test_it_shows_in_the_order_of_a_metric_too():
    twice = repeated_day(ANGELES, date(2025, 11, 2))
    client, _, _ = report_of(twice, ANGELES)
    asked = plan(
        client, dimensions="ad_id,stat_time_hour", report_start_date=twice[0].date(), order_field="spend"
    )
    with pytest.raises(TikTokIncompleteReportError, match="01:00 twice"):
        all_rows(fetch(client, asked))


def test_a_report_tasks_file_with_such_an_hour_is_not_requested_again(monkeypatch):
    twice = repeated_day(ANGELES, date(2025, 11, 2))
    client, _, asked = report_of(twice, ANGELES, mode="async")
    lines = [f"5,{hour:%Y-%m-%d %H:%M:%S},{number}.50" for number, hour in enumerate(twice)]
    data = ("\n".join(["ad_id,stat_time_hour,spend", *lines]) + "\n").encode()
    downloads = []

    def download(client, task, into):
        downloads.append(task)
        into.write(data)
        return {"bytes": len(data), "is_complete": True}

    monkeypatch.setattr(files, "download_task", download)
    tasks = [job_of(call, "1") for call in asked.calls]
    with pytest.raises(
        TikTokIncompleteReportError, match=r"on 2025-11-02 the clock .* 01:00 twice"
    ) as caught:
        all_rows(files.FileSource(client, asked, tasks, {}, refused={}))
    assert not caught.value.retryable
    assert len(downloads) == 1
