"""Time zones by the names and offsets that TikTok and Airflow use."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.api.zones import read_zone

NOW = datetime(2026, 11, 27, tzinfo=timezone.utc)


def offset(name: object) -> timedelta | None:
    zone = read_zone(name)
    return None if zone is None else NOW.astimezone(zone).utcoffset()


@given(
    minutes=st.integers(-12 * 60, 14 * 60),
    prefix=st.sampled_from(["UTC", "GMT", "utc", ""]),
    written=st.sampled_from(
        ["{sign}{hours:02}:{minutes:02}", "{sign}{hours}:{minutes:02}", "{sign}{hours:02}{minutes:02}"]
    ),
)
def test_an_offset_in_any_spelling_is_a_zone_whose_name_is_one_as_well(minutes, prefix, written):
    hours, rest = divmod(abs(minutes), 60)
    name = prefix + written.format(sign="-" if minutes < 0 else "+", hours=hours, minutes=rest)
    assert offset(name) == timedelta(minutes=minutes)
    assert offset(str(read_zone(name))) == timedelta(minutes=minutes)  # report tasks store it by its name


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("GMT-3", -3),
        ("GMT+8", 8),
        ("UTC+8", 8),
        ("UTC \u22125", -5),
        ("Etc/GMT+8", -8),
        ("Etc/GMT-14", 14),
        ("Asia/Kolkata", 5.5),
        (" Asia/Tokyo ", 9),
        *((name, 0) for name in ("UTC", "GMT", "Z", "UTC+0", "GMT-0", "Etc/UTC", "+00:00")),
    ],
)
def test_known_names(name, hours):
    assert offset(name) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name",
    [
        *(None, "", " ", 8, 5.5, True, []),
        *("+", "UTC+", "UTC+15", "UTC-12:30", "UTC+5:60", "UTC+05:30:00", "+123456", "UTC+\u0665"),
        *("Etc/GMT+13", "Mars/Olympus_Mons", "../../etc/passwd", "(GMT-08:00) Los Angeles"),
    ],
)
def test_what_is_no_zone(name):
    assert read_zone(name) is None
