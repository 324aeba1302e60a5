"""Impossible rows are refused, with their number; rows to which a breakdown doesn't apply are not."""

from __future__ import annotations

import io
import random
from datetime import date
from typing import Any

import pytest

from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.async_reports.csv_rows import read_rows
from airflow_provider_tiktok.reports.fetch.collectors import read_page
from airflow_provider_tiktok.reports.planning.plan import ReportCall, Window
from airflow_provider_tiktok.reports.rows.reader import RowReader

from .helpers import FakeClient, items, old_plan, paged, request
from .helpers import fetch as start

DAY = date(2026, 11, 1)
NAMELESS = [None, "", "-"]
NO_VALUES = [[], {}, ["1"], {"id": "1"}, True, False]

REPORTS: list[dict[str, Any]] = [
    *({"dimensions": f"{name},stat_time_day"} for name in ("campaign_id", "adgroup_id", "ad_id", "ad_id_v2")),
    {"dimensions": "advertiser_id,stat_time_day"},
    {"dimensions": "ad_id,country_code", "metrics": "spend"},
    {"dimensions": "campaign_id,stat_time_hour"},
    {"dimensions": "ad_id", "query_lifetime": True},
    {"report_type": "AUDIENCE", "dimensions": "adgroup_id,age,gender,stat_time_day"},
    {"report_type": "AUDIENCE", "dimensions": "campaign_id,interest_category"},
    {
        "report_type": "CATALOG",
        "data_level": "AUCTION_AD",
        "dimensions": "ad_id,stat_time_day",
        "check_fields": False,
    },
    {
        "report_type": "TT_SHOP",
        "data_level": "AUCTION_CAMPAIGN",
        "dimensions": "campaign_id,country_code,stat_time_day",
    },
    {"report_type": "BC", "dimensions": "advertiser_id", "request_params": {"bc_id": "70"}},
    {
        "report_type": "GMV_MAX",
        "dimensions": "campaign_id,item_group_id,item_id",
        "metrics": "cost",
        "request_params": {"store_ids": ["1"]},
    },
    {"report_type": "SMART_PLUS", "dimensions": "smart_plus_ad_id,main_material_id"},
]
MUST_BE_THERE = ("advertiser_id", "campaign_id", "adgroup_id", "ad_id", "ad_id_v2", "smart_plus_ad_id")
VALUES = {
    "advertiser_id": "7",
    "stat_time_day": "2026-11-01 00:00:00",
    "stat_time_hour": "2026-11-01 05:00:00",
}


def report(**parameters: Any) -> tuple[RowReader, ReportCall, list[dict[str, Any]]]:
    """Return a reader, a call, and 9 correct rows of a report."""
    dates = {} if parameters.get("query_lifetime") else {"report_start_date": DAY}
    asked = request(**{"metrics": "spend", **dates, **parameters})
    account = "70" if asked.kind.account == "bc_id" else "7"
    window = Window() if parameters.get("query_lifetime") else Window(DAY, DAY)
    call = ReportCall(account, window, asked.params(), asked.kind.account)
    dimensions = [
        {name: VALUES.get(name, str(100 + number)) for name in asked.dimensions} for number in range(9)
    ]
    metrics = dict.fromkeys(asked.metrics, "1")
    return RowReader(asked), call, [{"dimensions": one, "metrics": dict(metrics)} for one in dimensions]


def spoiled(rows: list[dict[str, Any]], index: int, name: str, value: Any) -> list[dict[str, Any]]:
    bad = {**rows[index], "dimensions": {**rows[index]["dimensions"], name: value}}
    return [*rows[:index], bad, *rows[index + 1 :]]


@pytest.mark.parametrize(
    "parameters", REPORTS, ids=lambda one: f"{one.get('report_type', '')} {one['dimensions']}"
)
def test_a_row_without_what_names_it_is_refused_with_its_number(parameters):
    reader, call, rows = report(**parameters)
    assert len(read_page(reader, call, 2, rows)) == 9
    names = [name for name in reader.request.dimensions if name in MUST_BE_THERE]
    assert names
    source = random.Random(str(parameters))
    for name in names:
        for value in NAMELESS:
            index = source.randrange(9)
            with pytest.raises(TikTokIncompleteReportError) as caught:
                read_page(reader, call, 2, spoiled(rows, index, name, value))
            assert f"a row without {name} (row {index + 1}, {call.account}," in str(caught.value)
            assert "page 2)" in str(caught.value)
            with pytest.raises(TikTokIncompleteReportError, match=name):  # of all rows
                read_page(reader, call, 1, [spoiled(rows, index, name, value)[index]] * 9)


@pytest.mark.parametrize(
    "parameters", REPORTS, ids=lambda one: f"{one.get('report_type', '')} {one['dimensions']}"
)
def test_a_dimension_is_text_or_a_number(parameters):
    reader, call, rows = report(**parameters)
    source = random.Random(str(parameters))
    for name in reader.request.dimensions:
        for value in NO_VALUES:
            index = source.randrange(9)
            with pytest.raises(
                TikTokIncompleteReportError, match=rf"whose {name} is .*\(row {index + 1}, .*page 1"
            ):
                read_page(reader, call, 1, spoiled(rows, index, name, value))
    if "ad_id" in reader.request.dimensions:
        read_page(reader, call, 1, spoiled(rows, 0, "ad_id", 1714125051115569))


@pytest.mark.parametrize(
    "parameters", REPORTS, ids=lambda one: f"{one.get('report_type', '')} {one['dimensions']}"
)
def test_metrics_are_an_object(parameters):
    reader, call, rows = report(**parameters)
    source = random.Random(str(parameters))
    for value in (None, [], ["1"], "", "spend", 0, 1, False, True):
        index = source.randrange(9)
        bad = [*rows[:index], {**rows[index], "metrics": value}, *rows[index + 1 :]]
        with pytest.raises(
            TikTokIncompleteReportError, match=rf"metrics are no object \(row {index + 1}, .*page 1"
        ):
            read_page(reader, call, 1, bad)
        bad[index] = {"dimensions": rows[index]["dimensions"]}
        with pytest.raises(TikTokIncompleteReportError, match=rf"without 'metrics' \(row {index + 1}, "):
            read_page(reader, call, 1, bad)


BREAKDOWNS = [
    *(
        ("BASIC", "ad_id", name)
        for name in ("country_code", "ad_type", "image_id", "page_id", "event_source_id")
    ),
    *(
        ("AUDIENCE", "ad_id", name)
        for name in ("province_id", "age", "language", "interest_category", "dma_id")
    ),
    ("SMART_PLUS", "campaign_id", "main_material_id"),
    *(("BASIC", "ad_id", name) for name in ("stat_time_day", "stat_time_hour")),
]


@pytest.mark.sampled(24)
@pytest.mark.parametrize("value", [None, "-", "NONE", "-1", "0"])
@pytest.mark.parametrize(("report_type", "named_by", "name"), BREAKDOWNS)
def test_a_breakdown_that_does_not_apply_is_no_fault(report_type, named_by, name, value):
    if name.startswith("stat_time") and value not in {None, "-"}:
        value = "-"
    reader, call, rows = report(report_type=report_type, dimensions=f"{named_by},{name}", check_fields=False)
    page = read_page(reader, call, 1, spoiled(rows, 4, name, value))
    assert page.columns[list(reader.schema.columns).index(name)][4] == (None if value == "-" else value)


@pytest.mark.parametrize("value", ["-1", "-", None])
@pytest.mark.parametrize("name", ["item_group_id", "item_id"])
def test_gmv_max_has_rows_without_a_product_of_a_campaign(name, value):
    """TikTok writes -1 for product cards; what it writes elsewhere isn't documented, and the campaign names the row."""
    reader, call, rows = report(
        report_type="GMV_MAX",
        dimensions="campaign_id,item_group_id,item_id",
        metrics="cost",
        request_params={"store_ids": ["1"]},
    )
    assert len(read_page(reader, call, 1, spoiled(rows, 3, name, value))) == 9


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"report_type": "GMV_MAX", "dimensions": "room_id,stat_time_day"}, "room_id"),
        ({"report_type": "GMV_MAX", "dimensions": "item_group_id"}, "item_group_id"),
        ({"report_type": "AUDIENCE", "dimensions": "age,gender"}, "age and gender"),
        ({"report_type": "AUDIENCE", "dimensions": "age,stat_time_day"}, "age and stat_time_day"),
    ],
)
def test_a_row_that_no_dimension_names_is_a_sum(parameters, names):
    more = (
        {"metrics": "cost", "request_params": {"store_ids": ["1"]}}
        if "GMV" in parameters["report_type"]
        else {}
    )
    if not more:
        more = {"data_level": "AUCTION_ADVERTISER"}
    reader, call, rows = report(**parameters, **more)
    bad = rows
    for name in names.split(" and "):
        bad = spoiled(bad, 5, name, "-")
    with pytest.raises(TikTokIncompleteReportError, match=rf"a row without {names} \(row 6, "):
        read_page(reader, call, 1, bad)


@pytest.mark.parametrize("value", ["-", None, "NONE"])
def test_a_single_breakdown_may_have_a_row_for_all_else(value):
    reader, call, rows = report(report_type="AUDIENCE", dimensions="age", data_level="AUCTION_ADVERTISER")
    assert len(read_page(reader, call, 1, spoiled(rows, 8, "age", value))) == 9


def test_parent_ids_may_be_missing_and_not_be_anything():
    reader, call, rows = report(dimensions="ad_id", metrics="spend,campaign_id")
    for value in ("-", None, "0", 5):
        rows[2]["metrics"]["campaign_id"] = value
        assert len(read_page(reader, call, 1, rows)) == 9
    for value in ("", "Total", "1.5"):
        rows[2]["metrics"]["campaign_id"] = value
        with pytest.raises(TikTokIncompleteReportError, match=r"campaign_id is .* which is no ID \(row 3, "):
            read_page(reader, call, 1, rows)


# report tasks' files


@pytest.mark.parametrize("cell", ["", "-", "Total", " ", "\u0661"])
@pytest.mark.parametrize("place", [0, 1, 998, 1_000, 1_499])
def test_a_line_without_an_id_in_a_file_is_refused_with_its_number(cell, place):
    reader, call, _ = report(dimensions="ad_id,stat_time_day")
    lines = [f"{1000 + number},2026-11-01 00:00:00,1.00" for number in range(1_500)]
    lines[place] = f"{cell},2026-11-01 00:00:00,1500.00"
    file = io.BytesIO(("\n".join(["ad_id,stat_time_day,spend", *lines]) + "\n").encode())
    with pytest.raises(TikTokIncompleteReportError, match=rf"ad_id.* \(row {place + 1:,}, the file\)"):
        read_file(reader, call, file)


def read_file(reader: RowReader, call: ReportCall, file: io.BytesIO) -> None:
    first = 1
    pages = read_rows(file, reader.schema, reader.request.dimensions, ["spend"], "the file")
    for number, found in enumerate(pages, start=1):
        read_page(reader, call, number, found, subject="the file", first=first)
        first += len(found)


def test_a_report_with_such_a_row_fails_and_passes_nothing_on():
    rows = items(30)
    rows[17]["dimensions"]["ad_id"] = ""
    client = FakeClient(paged(rows))
    passed_on = []
    with pytest.raises(
        TikTokIncompleteReportError, match=r"a row without ad_id \(row 18, advertiser 7, .*page 1\)"
    ):
        passed_on.extend(start(client, old_plan(client)).batches())
    assert passed_on == []
