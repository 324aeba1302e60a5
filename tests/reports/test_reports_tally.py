"""Rows and spend by account and day, as a summary has them."""

from __future__ import annotations

import json
import random
import re
from decimal import Decimal

import pytest

from airflow_provider_tiktok.api.endpoints.advertisers import Advertiser
from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokPermissionError
from airflow_provider_tiktok.reports.fetch.snapshot import restore, snapshot
from airflow_provider_tiktok.reports.result import accounts
from airflow_provider_tiktok.reports.result.summary import make_summary
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import Schema
from airflow_provider_tiktok.reports.rows.tally import Tally, add_exactly, read_tally, tally_text

from .helpers import NOW, FakeClient, all_rows, fetch, items, old_plan, paged

DAILY = {"dimensions": "ad_id,stat_time_day"}
MONEY = {"7": "USD", "8": "EUR", "9": "USD"}


def describe(names):
    return {name: Advertiser(name, f"Shop {name}", MONEY[name], "UTC") for name in names if name in MONEY}


def day_rows(spends: dict[str, list[str]]):
    """Return a report's rows: spend of one ad after the other, by day."""
    return [
        {
            "dimensions": {"ad_id": str(100 + index), "stat_time_day": f"{day} 00:00:00"},
            "metrics": {"spend": cell},
        }
        for day, cells in spends.items()
        for index, cell in enumerate(cells)
    ]


def summary_of(client, *, describe=describe, options=None, **parameters):
    report = fetch(client, old_plan(client, **parameters), **(options or {}))
    all_rows(report)
    return make_summary(report, client.counts, NOW, describe)


def counted(rows, *, is_clean=False, **types):
    schema = Schema({"advertiser_id": "string", **types}, tuple(name for name in types if name != "spend"))
    columns = [list(cells) for cells in zip(*rows, strict=True)]
    tally = Tally(schema)
    tally.add(Page(columns, [is_clean] * len(columns)))
    found = read_tally(tally_text([tally.by_day()]))
    return {key: (figures.rows, figures.spend) for key, figures in found.items()}


def test_spend_is_added_up_by_currency_account_and_day_with_all_digits():
    rows = day_rows(
        {"2026-01-05": ["0.10", "0.20"], "2026-01-06": ["12345678901234567890.12", "0.00000000000000000001"]}
    )
    client = FakeClient(paged(rows))
    found = summary_of(client, advertiser_ids="9,8,7", report_end_date="2026-01-06", **DAILY)
    total = "12345678901234567890.42000000000000000001"
    assert found["spend"] == {"EUR": total, "USD": "24691357802469135780.84000000000000000002"}
    assert list(found["accounts"]) == ["9", "8", "7"]
    assert found["accounts"]["8"] == {
        "name": "Shop 8",
        "currency": "EUR",
        "timezone": "UTC",
        "rows": 4,
        "spend": total,
        "start": "2026-01-05",
        "end": "2026-01-06",
    }
    assert found["days"]["2026-01-05"] == {"rows": 6, "spend": {"EUR": "0.30", "USD": "0.60"}}
    assert list(found["days"]) == ["2026-01-05", "2026-01-06"]
    json.dumps(found)


_SPENDS = {
    "cents": lambda draw: f"{draw.randint(-500, 99_999)}.{draw.randint(0, 99):02}",
    "whole": lambda draw: str(draw.randint(-5, 10_000)),
    "fine": lambda draw: f"{draw.randint(0, 99)}.{'9' * draw.randint(1, 30)}",
    "below one": lambda draw: f"-0.{draw.randint(0, 99):02}",
    "exponents": lambda draw: draw.choice(["1e5", "2E3", "1e-2", "11.5e1", "1.25E+2"]),
    "odd": lambda draw: draw.choice([None, "", "n/a", "1.2.3", "1_0.00", "<5.00", "1.e5", ".50", "+7.25"]),
}


@pytest.mark.parametrize("seed", range(40))
def test_any_mixture_of_numbers_is_added_up_as_decimals_are(seed):
    draw = random.Random(seed)
    kinds = draw.sample(sorted(_SPENDS), draw.randint(1, 3))
    rows = [
        (draw.choice("78"), f"2026-01-0{draw.randint(1, 3)}", _SPENDS[draw.choice(kinds)](draw))
        for _ in range(draw.choice([1, 5, 200]))
    ]
    expected = {}
    for account, day, cell in rows:
        count, spend = expected.get((account, day), (0, None))
        if cell is not None and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", cell):
            spend = add_exactly([spend or Decimal(0), Decimal(cell)])
        expected[account, day] = (count + 1, spend)
    types = {"stat_time_day": "date", "spend": "decimal"}
    assert counted(rows, **types) == expected
    if {"exponents", "odd"}.isdisjoint(kinds):
        assert counted(rows, is_clean=True, **types) == expected


def test_an_account_without_rows_spent_nothing_and_null_is_unknown():
    def answer(params):
        return paged(day_rows({"2026-01-05": ["-", "-"]}) if params["advertiser_id"] == "8" else [])(params)

    found = summary_of(FakeClient(answer), advertiser_ids="7,8", **DAILY)
    assert found["spend"] == {"USD": "0"}
    assert [(one["rows"], one["spend"]) for one in found["accounts"].values()] == [(0, "0"), (2, None)]
    assert found["days"] == {"2026-01-05": {"rows": 2, "spend": {}}}


def test_without_spend_there_are_rows_only():
    client = FakeClient(
        paged(
            [
                {
                    "dimensions": {"ad_id": "1", "stat_time_day": "2026-01-05 00:00:00"},
                    "metrics": {"clicks": "3"},
                }
            ]
        )
    )
    found = summary_of(client, metrics="clicks", **DAILY)
    assert found["spend"] == {}
    assert (found["accounts"]["7"]["rows"], found["accounts"]["7"]["spend"]) == (1, None)
    assert found["days"] == {"2026-01-05": {"rows": 1, "spend": {}}}


def test_what_tiktok_does_not_tell_is_null_and_has_no_currency():
    found = summary_of(FakeClient(paged(items(2))), describe=lambda _: {}, advertiser_ids="7")
    assert found["spend"] == {"": "2.00"}
    told = found["accounts"]["7"]
    assert (told["name"], told["currency"], told["timezone"]) == (None, None, None)


def test_an_hour_counts_to_its_day():
    found = counted(
        [
            ("7", "2026-01-05T00:00:00", "1.5"),
            ("7", "2026-01-05T23:00:00", "2.25"),
            ("7", "2026-01-06T00:00:00", None),
        ],
        stat_time_hour="timestamp",
        spend="decimal",
    )
    assert found == {("7", "2026-01-05"): (2, Decimal("3.75")), ("7", "2026-01-06"): (1, None)}


def test_rows_of_several_accounts_on_a_page_are_told_apart():
    found = counted(
        [
            ("7", "2026-01-05", "1"),
            ("8", "2026-01-05", "<5"),
            ("7", "2026-01-06", "2"),
            (None, "2026-01-06", "4"),
        ],
        stat_time_day="date",
        spend="string",
    )
    assert found == {
        ("7", "2026-01-05"): (1, Decimal(1)),
        ("8", "2026-01-05"): (1, None),
        ("7", "2026-01-06"): (1, Decimal(2)),
        (None, "2026-01-06"): (1, Decimal(4)),
    }


def test_a_window_that_is_fetched_again_counts_once():
    pages = iter([1, 2])  # TikTok's count is wrong at first

    def answer(params):
        return paged(items(1), total_number=next(pages, 1))(params)

    client = FakeClient(answer)
    next(pages)
    assert summary_of(client)["accounts"]["7"]["spend"] == "0.50"
    assert len(client.calls) > 1


def test_an_account_that_fails_late_is_not_counted():
    def answer(params):
        if params["advertiser_id"] == "8" and params["start_date"] > "2026-02-01":
            raise TikTokPermissionError("not granted", code=40001)
        return paged(day_rows({params["start_date"]: ["1.5"]}))(params)

    found = summary_of(
        FakeClient(answer),
        advertiser_ids="7,8",
        report_end_date="2026-03-01",
        options={"on_advertiser_error": "skip"},
        **DAILY,
    )
    assert found["spend"] == {"USD": "3.0"}
    assert list(found["accounts"]) == ["7"]


def test_figures_survive_an_interruption():
    def answer(params, *, breaks=False):
        if breaks and params["start_date"] > "2026-02-01":
            raise TikTokAPIError("down", code=50002)
        return paged(day_rows({params["start_date"]: ["1.5", "2"]}))(params)

    parameters = {"report_end_date": "2026-03-01", **DAILY}
    client = FakeClient(lambda params: answer(params, breaks=True))
    first = fetch(client, old_plan(client, **parameters), max_concurrency=1)
    with pytest.raises(TikTokAPIError):
        all_rows(first)
    client = FakeClient(answer)
    state = restore(json.loads(json.dumps(snapshot(first))))
    found = summary_of(client, options={"resume_from": state}, **parameters)
    assert len(client.calls) == 1
    assert found == summary_of(FakeClient(answer), **parameters) | {"api_calls": found["api_calls"]}
    assert found["spend"] == {"USD": "7.0"}


def test_a_summary_names_the_first_accounts_and_days(monkeypatch):
    monkeypatch.setattr(accounts, "MAX_ACCOUNTS", 2)
    monkeypatch.setattr(accounts, "MAX_DAYS", 1)
    asked = []

    def told(names):
        asked.append(list(names))
        return describe(names)

    rows = day_rows({"2026-01-06": ["1"], "2026-01-05": ["2"]})
    parameters = {"advertiser_ids": "9,7,8", "report_end_date": "2026-01-06", **DAILY}
    found = summary_of(FakeClient(paged(rows)), describe=told, **parameters)
    assert (list(found["accounts"]), list(found["days"])) == (["9", "7"], ["2026-01-05"])
    assert found["spend"] == {"EUR": "3", "USD": "6"}
    assert asked == [["9", "7", "8"]]  # each has a currency
