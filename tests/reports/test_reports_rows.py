"""From TikTok's row objects to typed rows, digit for digit."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.rows.reader import Page, RowReader
from airflow_provider_tiktok.reports.rows.schema import schema_of, to_python
from airflow_provider_tiktok.storage.formats.comma_separated import Csv
from airflow_provider_tiktok.storage.formats.json_lines import JsonLines

from .helpers import request

FIXTURES = Path(__file__).parents[1] / "fixtures"


def replay(name: str, part: str = "") -> tuple[RowReader, list[dict[str, Any]], list[dict[str, Any]]]:
    """Read a fixture's rows, and return them as dicts with their source objects."""
    fixture = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    response = fixture["response"][part] if part else fixture["response"]
    query = fixture["request"][part] if part else fixture["request"]["query"]
    items = response["body"]["data"]["list"]
    reader = RowReader(
        request(dimensions=query["dimensions"], metrics=query.get("metrics") or list(items[0]["metrics"]))
    )
    return reader, read(reader, items), items


def read(reader: RowReader, items: list[Any], number: Any = Decimal) -> list[dict[str, Any]]:
    return list(to_python(reader.schema, reader.read("7", items).rows(), number))


def rendered(writer: Any, rows: list[tuple[str | None, ...]]) -> bytes:
    columns = list(zip(*rows, strict=True))
    return b"".join(writer.lines(columns, [False] * len(columns)))


def one(dimensions: dict[str, Any], metrics: dict[str, Any]) -> tuple[str | None, ...]:
    reader = RowReader(request(dimensions=list(dimensions), metrics=list(metrics)))
    (row,) = reader.read("7", [{"dimensions": dimensions, "metrics": metrics}]).rows()
    return row


def cell(metric: str, value: Any) -> str | None:
    return one({"ad_id": "1"}, {metric: value})[-1]


# TikTok's own rows


def test_the_official_example_becomes_typed_rows():
    reader, rows, _ = replay("01_sync_basic_official_doc_example")
    assert rows[0] == {
        "advertiser_id": "7",
        "ad_id": "1678604629756978",
        "stat_time_day": "2020-10-17",
        "ad_name": "Ad name 20200923012039",
        "clicks": 116,
        "spend": Decimal("76.73"),
        "impressions": 10505,
        "ctr": Decimal("1.1"),
    }
    assert [type(value) for value in rows[0].values()] == [str, str, str, str, int, Decimal, int, Decimal]
    assert reader.schema.columns == {
        "advertiser_id": "string",
        "ad_id": "string",
        "stat_time_day": "date",
        "ad_name": "string",
        "clicks": "integer",
        "spend": "decimal",
        "impressions": "integer",
        "ctr": "decimal",
    }
    assert rows[1]["spend"].as_tuple().digits == (1, 0, 6, 4)


@pytest.mark.parametrize(
    ("name", "key", "impressions", "spend"),
    [
        ("02_sync_basic_ad_id_v2_daily", "ad_id_v2", [1079, 52], ["14.68", "0.70"]),
        ("03_sync_basic_ad_id_creative_daily", "ad_id", [513, 37, 10], ["7.97", "0.58", "0.08"]),
    ],
)
def test_an_id_that_is_dimension_and_metric_is_one_column(name, key, impressions, spend):
    _, rows, items = replay(name)
    assert list(rows[0]) == [
        *(
            "advertiser_id",
            key,
            "stat_time_day",
            "campaign_automation_type",
            "ad_name",
            "spend",
            "impressions",
        )
    ]
    assert [row["impressions"] for row in rows] == impressions
    assert [str(row["spend"]) for row in rows] == spend
    assert [row[key] for row in rows] == [item["dimensions"][key] for item in items]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("15_real_basic_ad_daily_rows", ""),
        ("17_real_basic_advertiser_daily_and_lifetime", "daily"),
        ("17_real_basic_advertiser_daily_and_lifetime", "lifetime"),
    ],
)
def test_real_rows_keep_every_digit(name, part, caplog):
    _, rows, items = replay(name, part)
    for row, item in zip(rows, items, strict=True):
        sent = {**item["metrics"], **item["dimensions"]}
        assert set(sent) <= set(row)
        for column, text in sent.items():
            expected = None if text == "-" else text[:10] if column == "stat_time_day" else text
            assert (row[column] if row[column] is None else str(row[column])) == expected
    assert caplog.text == ""


def test_real_rows_have_the_types_of_the_catalogue():
    _, rows, _ = replay("15_real_basic_ad_daily_rows")
    row = rows[0]
    assert {
        name: row[name] for name in ("ad_id", "campaign_id", "stat_time_day", "ad_name", "placement_type")
    } == {
        "ad_id": "1714125051115569",
        "campaign_id": "1714125042508817",
        "stat_time_day": "2021-10-25",
        "ad_name": "Optimized Version 4_202110201102_2021-10-20 11:02:00",
        "placement_type": "Automatic Placement",
    }
    assert (row["impressions"], row["reach"], row["clicks"]) == (5830, 4806, 69)
    assert (str(row["spend"]), str(row["cost_per_result"]), str(row["ctr"])) == ("20.000", "0.2899", "1.18")
    assert row["secondary_goal_result"] is row["cost_per_secondary_goal_result"] is None
    assert row["dpa_target_audience_type"] is None


def test_numbers_that_tiktok_withholds_are_text_with_their_dimensions():
    dimensions = {"campaign_id": "1", "search_terms": "shoes"}
    found = schema_of(request(dimensions=list(dimensions), metrics=["impressions", "clicks"])).columns
    assert (found["impressions"], found["clicks"]) == ("string", "integer")
    assert one(dimensions, {"impressions": "<5"})[-1] == "<5"
    assert (
        schema_of(request(dimensions=["campaign_id"], metrics=["impressions"])).columns["impressions"]
        == "integer"
    )


@pytest.mark.parametrize("part", ["daily", "lifetime"])
def test_a_requested_account_is_the_one_that_tiktok_sent(part):
    _, rows, _ = replay("17_real_basic_advertiser_daily_and_lifetime", part)
    assert rows[0]["advertiser_id"] == "7002238017842757633"


def test_real_rows_are_written_with_tiktoks_digits():
    reader, _, items = replay("15_real_basic_ad_daily_rows")
    page = reader.read("7", items)
    text = b"".join(JsonLines(reader.schema.columns).lines(page.columns, page.clean)).decode()
    assert '"spend":20.000,' in text.splitlines()[0] + ","
    assert '"cost_per_secondary_goal_result":null' in text
    assert [json.loads(line)["spend"] for line in text.splitlines()] == [20.0, None]


# single cells


@pytest.mark.parametrize(
    ("metric", "sent", "expected"),
    [
        ("clicks", "116.0", "116"),
        ("clicks", "116.00", "116"),
        ("clicks", 116, "116"),
        ("clicks", "0", "0"),
        ("clicks", "-3", "-3"),
        ("clicks", "99999999999999999999", "99999999999999999999"),
        ("clicks", "1e3", "1000"),
        ("clicks", "116.5", "116.5"),
        ("clicks", "007", "7"),
        ("spend", "20.000", "20.000"),
        ("spend", "0.00", "0.00"),
        ("spend", "-1.50", "-1.50"),
        ("spend", 20, "20"),
        ("spend", ".5", "0.5"),
        ("spend", "5.", "5"),
        ("spend", "+5.10", "5.10"),
        ("spend", "1.5E-7", "0.00000015"),
        ("spend", " 5.10 ", "5.10"),
        ("spend", "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("ad_name", "", ""),
        ("ad_name", "a\nb", "a\nb"),
        ("ad_name", 7, "7"),
        ("ad_name", True, "true"),
        ("ad_name", ["a", "\u00e9"], '["a", "\u00e9"]'),
        ("campaign_id", 1714125042508817, "1714125042508817"),
        ("campaign_id", 7533163835474346001, "7533163835474346001"),
        ("tt_app_id", "0", "0"),
        ("brand_new_metric", "12.50", "12.50"),
    ],
)
def test_a_value_becomes_its_columns_canonical_text(metric, sent, expected):
    assert cell(metric, sent) == expected


@pytest.mark.parametrize("metric", ["clicks", "spend", "ctr", "ad_name", "campaign_id", "brand_new_metric"])
@pytest.mark.parametrize("sent", ["-", None])
def test_a_dash_is_null_everywhere(metric, sent):
    assert cell(metric, sent) is None


@pytest.mark.parametrize("dimension", ["stat_time_day", "stat_time_hour", "country_code"])
def test_a_dash_is_null_in_a_dimension(dimension):
    assert one({"ad_id": "1", dimension: "-"}, {"spend": "1"})[2] is None


def test_empty_text_is_null_in_a_number_column():
    assert (cell("clicks", ""), cell("spend", " ")) == (None, None)


@pytest.mark.parametrize("metric", ["clicks", "spend"])
@pytest.mark.parametrize(
    "sent", ["<5", "1,234", "12%", "NaN", "Infinity", "1\n2", "\u0661", "0x10", "1_000", True]
)
def test_invalid_numbers_are_passed_on_with_a_warning(metric, sent, caplog):
    reader = RowReader(request(dimensions="ad_id", metrics=metric))
    items = [{"dimensions": {"ad_id": "1"}, "metrics": {metric: sent}}] * 2
    rows = reader.read("7", items).rows()
    expected = "true" if sent is True else sent
    assert [row[-1] for row in rows] == [expected, expected]
    assert len(caplog.records) == 1
    assert f"Column {metric} is" in caplog.text
    assert next(iter(to_python(reader.schema, rows, Decimal)))[metric] == expected
    line = rendered(JsonLines(reader.schema.columns), rows).decode().split("\n")[0]
    assert json.loads(line)[metric] == expected


@pytest.mark.parametrize(
    ("dimension", "sent", "expected"),
    [
        ("stat_time_day", "2026-11-01 00:00:00", "2026-11-01"),
        ("stat_time_day", "2026-11-01", "2026-11-01"),
        ("stat_time_day", "2026-11-01T00:00:00", "2026-11-01"),
        ("stat_time_hour", "2026-11-01 13:00:00", "2026-11-01T13:00:00"),
        ("stat_time_hour", "2026-11-01", "2026-11-01T00:00:00"),
        ("stat_time_hour", "2026-11-01T13:00:00", "2026-11-01T13:00:00"),
    ],
)
def test_days_and_hours_are_iso(dimension, sent, expected):
    assert one({"ad_id": "1", dimension: sent}, {"spend": "1"})[2] == expected


def test_an_invalid_day_is_passed_on_with_a_warning(caplog):
    assert (
        one({"ad_id": "1", "stat_time_day": "2026-11-01 05:00:00"}, {"spend": "1"})[2]
        == "2026-11-01 05:00:00"
    )
    assert "Column stat_time_day is date, but TikTok sent '2026-11-01 05:00:00'" in caplog.text


def test_one_invalid_value_does_not_change_the_others():
    reader = RowReader(request(dimensions="ad_id", metrics="clicks,spend"))
    sent = [("1", "1.10"), ("<5", "-"), ("2.0", "3.000")]
    items = [
        {"dimensions": {"ad_id": str(index)}, "metrics": {"clicks": clicks, "spend": spend}}
        for index, (clicks, spend) in enumerate(sent)
    ]
    assert [row[2:] for row in reader.read("7", items).rows()] == [
        ("1", "1.10"),
        ("<5", None),
        ("2", "3.000"),
    ]


@given(
    cells=st.lists(
        st.sampled_from(["-", "0", "12", "-3", "4.50", "007", "5.", "", "1e3", None, "<5", "x"]), min_size=1
    ),
    metric=st.sampled_from(["clicks", "spend"]),
)
def test_a_column_is_read_as_its_values_are_one_by_one(cells, metric):
    items = [
        {"dimensions": {"ad_id": str(index)}, "metrics": {metric: value}} for index, value in enumerate(cells)
    ]
    together = RowReader(request(dimensions="ad_id", metrics=metric)).read("7", items).rows()
    assert [row[-1] for row in together] == [cell(metric, value) for value in cells]


_CELLS = st.none() | st.text("\0\1\2ab", max_size=3)


@given(rows=st.lists(st.tuples(_CELLS, _CELLS, _CELLS), min_size=1))
def test_keys_as_text_are_equal_and_ordered_as_keys_are(rows):
    columns = list(zip(*rows, strict=True))
    page = Page(columns, [None not in column for column in columns])
    texts, keys = page.text_keys([2, 0]), page.keys([2, 0])
    wanted = [
        tuple((cell is not None, cell is not None and cell) for cell in (row[2], row[0])) for row in rows
    ]
    for one, one_text, one_key in zip(wanted, texts, keys, strict=True):
        for other, other_text, other_key in zip(wanted, texts, keys, strict=True):
            assert (one == other) == (one_text == other_text) == (one_key == other_key)
            assert (one_text < other_text) == (one_key < other_key)


def test_a_null_sorts_after_empty_text_and_before_all_other():
    page = Page([["a", None, "\0", ""]], [False])
    assert sorted(range(4), key=page.text_keys([0]).__getitem__) == [3, 1, 2, 0]


# missing and unrequested


def test_a_missing_metric_is_null_and_logged_once(caplog):
    reader = RowReader(request(dimensions="ad_id", metrics="spend,clicks"))
    items = [{"dimensions": {"ad_id": "1"}, "metrics": {"spend": "1.0"}}]
    assert reader.read("7", items).rows() == reader.read("7", items).rows() == [("7", "1", "1.0", None)]
    reader.finish(2)
    assert [record.getMessage() for record in caplog.records] == [
        "TikTok sent no value at all for clicks; the column is null."
    ]


def test_a_metric_that_came_once_is_not_reported(caplog):
    reader = RowReader(request(dimensions="ad_id", metrics="spend"))
    reader.read("7", [{"dimensions": {"ad_id": "1"}, "metrics": {}}, *items_with_spend()])
    reader.finish(2)
    assert caplog.text == ""


def items_with_spend() -> list[dict[str, Any]]:
    return [{"dimensions": {"ad_id": "2"}, "metrics": {"spend": "1"}}]


def test_an_empty_report_reports_no_missing_metric(caplog):
    reader = RowReader(request(dimensions="ad_id", metrics="spend"))
    assert reader.read("7", []).rows() == []
    reader.finish(0)
    assert caplog.text == ""


def test_an_unrequested_metric_is_logged_once_and_omitted(caplog):
    reader = RowReader(request(dimensions="ad_id", metrics="spend"))
    items = [{"dimensions": {"ad_id": "1"}, "metrics": {"spend": "1", "currency": "USD"}}]
    assert reader.read("7", items).rows() == reader.read("7", items).rows() == [("7", "1", "1")]
    assert [record.getMessage() for record in caplog.records] == [
        "TikTok also sent currency, which was not asked for; add it to `metrics` to keep it."
    ]


@pytest.mark.parametrize(
    "item",
    [
        {"dimensions": {"stat_time_day": "2026-11-01 00:00:00"}, "metrics": {"spend": "1"}},
        {"metrics": {"spend": "1"}},
        {"dimensions": None, "metrics": {"spend": "1"}},
        {"dimensions": [], "metrics": {"spend": "1"}},
        {"dimensions": {"ad_id": "1"}, "metrics": ["spend"]},
        {"dimensions": {"ad_id": "1"}, "metrics": "spend"},
        "row",
        None,
        7,
    ],
    ids=repr,
)
def test_what_is_no_row_is_an_error(item):
    reader = RowReader(request(dimensions="ad_id", metrics="spend"))
    good = {"dimensions": {"ad_id": "1"}, "metrics": {"spend": "1"}}
    with pytest.raises(TikTokIncompleteReportError, match=r"advertiser 7"):
        reader.read("7", [good, item])


# schema


def test_the_schema_follows_from_the_request():
    schema = schema_of(
        request(
            dimensions="ad_id,stat_time_day,country_code",
            metrics="spend,clicks,ctr,ad_name,campaign_id,frequency,average_video_play,brand_new_metric,ad_id",
        )
    )
    assert schema.columns == {
        "advertiser_id": "string",
        "ad_id": "string",
        "stat_time_day": "date",
        "country_code": "string",
        "spend": "decimal",
        "clicks": "integer",
        "ctr": "decimal",
        "ad_name": "string",
        "campaign_id": "string",
        "frequency": "decimal",
        "average_video_play": "decimal",
        "brand_new_metric": "string",
    }
    assert schema.key == ("advertiser_id", "ad_id", "stat_time_day", "country_code")
    assert schema.key_indexes == (2, 0, 1, 3)


def test_an_account_report_has_one_account_column():
    schema = schema_of(request(dimensions="stat_time_day,advertiser_id", metrics="spend,advertiser_id"))
    assert list(schema.columns) == ["advertiser_id", "stat_time_day", "spend"]


# any number and any text survives

_DECIMALS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,25})?", fullmatch=True)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
    lambda text: text != "-"
)
_ROWS = st.lists(st.tuples(_DECIMALS, _TEXTS), min_size=1, max_size=8)


def written(pairs: list[tuple[str, str]]) -> tuple[dict[str, str], list[tuple[str | None, ...]]]:
    reader = RowReader(request(dimensions="ad_id", metrics="spend,ad_name"))
    items = [
        {"dimensions": {"ad_id": str(index)}, "metrics": {"spend": spend, "ad_name": name}}
        for index, (spend, name) in enumerate(pairs)
    ]
    return reader.schema.columns, reader.read("7", items).rows()


@given(pairs=_ROWS)
@example(pairs=[("1.0", "a\rb"), ("2", "\r\n"), ("3", '"'), ("4", "\u2028\x85\x0b\x1c"), ("5", "%s %d\\n")])
def test_any_row_survives_json_lines(pairs):
    columns, rows = written(pairs)
    lines = rendered(JsonLines(columns), rows).decode("utf-8").split("\n")
    assert lines.pop() == ""
    read_back = [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines]
    assert [(row["spend"], row["ad_name"]) for row in read_back] == [(Decimal(s), n) for s, n in pairs]
    assert [str(row["spend"]) for row in read_back] == [str(Decimal(spend)) for spend, _ in pairs]


@given(pairs=_ROWS)
@example(pairs=[("1.0", "a\rb"), ("2", "\r\n"), ("3", '"'), ("4", "\u2028\x85\x0b\x1c"), ("5", "a,b")])
def test_any_row_survives_csv(pairs):
    columns, rows = written(pairs)
    writer = Csv(columns)
    text = (writer.header() + rendered(writer, rows)).decode("utf-8")
    read_back = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["spend"], row["ad_name"]) for row in read_back] == pairs


@given(spend=_DECIMALS, clicks=st.integers(-(10**25), 10**25))
def test_any_number_survives_in_python(spend, clicks):
    reader = RowReader(request(dimensions="ad_id", metrics="spend,clicks"))
    (row,) = read(
        reader, [{"dimensions": {"ad_id": "1"}, "metrics": {"spend": spend, "clicks": f"{clicks}.0"}}]
    )
    assert (row["spend"], row["clicks"], type(row["clicks"])) == (Decimal(spend), clicks, int)
    assert str(row["spend"]) == str(Decimal(spend))
