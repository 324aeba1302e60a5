"""Every fault at every place of a job ends in the right rows or in a failed task, never in wrong rows."""

import json
import random

import pytest

from airflow_provider_tiktok.emulator import Settings, serve
from airflow_provider_tiktok.exceptions import TikTokError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from tests.conftest import connection_json
from tests.sampling import sample

pytestmark = pytest.mark.usefixtures("moved_clock")

REPORT = "report/integrated/get/"
METRICS = "spend,impressions,ctr"
FAULTS = (
    *(
        "reset",
        "truncated",
        "http_500",
        "http_502_html",
        "html_200",
        "broken_json",
        "empty_body",
        "not_object",
    ),
    *("code:40016", "code:40100", "code:40133", "code:40202", "code:40700", "code:50000", "code:50002"),
    *("code:51002", "code:51010", "code:51305", "code:60001", "code:40067", "code:40011", "code:20001"),
    *("code:40001", "code:40002", "code:40105", "code:41000", "code:99999", "timeout"),
    *("drop_row", "duplicate_row", "short_page", "moving_total", "throttle_header"),
)
SHAPES = {
    # one account, some pages; a window a day; some accounts; TikTok's own order
    "pages": {"dimensions": "ad_id,stat_time_day", "report_end_date": "2026-08-05", "accounts": 1},
    "windows": {"dimensions": "adgroup_id,stat_time_hour", "report_end_date": "2026-08-03", "accounts": 1},
    "accounts": {"dimensions": "ad_id", "report_end_date": "2026-08-01", "accounts": 3},
    "ordered": {
        "dimensions": "ad_id,stat_time_day",
        "report_end_date": "2026-08-05",
        "order_field": "spend",
        "accounts": 2,
    },
}
HOW_OFTEN = {"once": {"first": 1}, "often": {"every": 2}, "always": {}}


@pytest.fixture(scope="module")
def place():
    with serve(Settings(seed=3, accounts=3, ads=30, empty_account=False)) as emulator:
        yield emulator


def fetch(place, shape, **more):
    parameters = {**SHAPES[shape], **more}
    ids = list(place.world.accounts)[: parameters.pop("accounts")]
    hook = TikTokHook()
    try:
        return list(
            hook.iter_report(
                advertiser_ids=ids,
                metrics=METRICS,
                report_start_date="2026-08-01",
                request_params={"page_size": 40},
                max_concurrency=4,
                **parameters,
            )
        )
    finally:
        hook.close()


@pytest.fixture(scope="module")
def right(place):
    """Return the rows that each shape should have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", connection_json(place.url))
        return {shape: fetch(place, shape) for shape in SHAPES}


def places(shape):
    """Return selectors of calls: the first page, a later one, the last one, one account of several."""
    found = [{"page": 1}, {"page": 2}, {"page": 4}] if shape in {"pages", "ordered"} else [{}]
    return [*found, {"account": 1}] if SHAPES[shape]["accounts"] > 1 else found


CASES = [
    (fault, shape, often, where)
    for fault in FAULTS
    for shape in SHAPES
    for often in HOW_OFTEN
    for where in places(shape)
]


@pytest.mark.grows
@pytest.mark.parametrize("number", range(8))
@pytest.mark.usefixtures("fast_retries")
def test_rows_are_right_or_the_report_fails(place, right, monkeypatch, number):
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.refetch._BACKOFF", 0.001)
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", connection_json(place.url, timeout=0.2))
    wrong, succeeded, failed = [], 0, 0
    part = CASES[number::8]
    # as many faults that pass as faults that stay, so that a sample has reports that succeed and reports that fail
    cases = [case for often in HOW_OFTEN for case in sample([case for case in part if case[2] == often], 4)]
    for fault, shape, often, where in cases:
        rule = {"fault": fault, "path": REPORT, **HOW_OFTEN[often], **where}
        if "account" in rule:
            rule["advertiser_id"] = list(place.world.accounts)[rule.pop("account")]
        if fault == "timeout":
            rule["seconds"] = 1
        place.set_faults([rule])
        try:
            rows = fetch(place, shape)
        except TikTokError:
            failed += 1
        else:
            succeeded += 1
            if rows != right[shape] and (shape != "ordered" or as_set(rows) != as_set(right[shape])):
                wrong.append(rule)
        finally:
            place.set_faults([])
    assert not wrong
    few = 30 * len(cases) // len(part)
    assert succeeded > few
    assert failed > few


def as_set(rows):
    """Return rows without their order, which a split report does not keep."""
    return sorted(json.dumps(row, default=str) for row in rows)


@pytest.mark.sampled(5)
@pytest.mark.usefixtures("fast_retries")
@pytest.mark.parametrize("fault", ["code:50000", "http_502_html", "reset", "broken_json", "duplicate_row"])
@pytest.mark.parametrize("policy", ["fail", "fail_at_end", "skip"])
def test_a_passing_fault_costs_no_row_under_any_policy(place, right, monkeypatch, fault, policy):
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.refetch._BACKOFF", 0.001)
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", connection_json(place.url))
    place.set_faults([{"fault": fault, "path": REPORT, "at": random.Random(fault).sample(range(1, 4), 2)}])
    try:
        assert fetch(place, "accounts", on_advertiser_error=policy) == right["accounts"]
    finally:
        place.set_faults([])
