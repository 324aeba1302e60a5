"""Reading the CSV file of a report task: titles, quoting, and signs that it is incomplete."""

import io
import json
from pathlib import Path

import pytest

from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.async_reports.csv_rows import ends_with_line, read_rows
from airflow_provider_tiktok.reports.params.request import parse_request
from airflow_provider_tiktok.reports.rows.schema import schema_of

REQUEST = parse_request(
    dimensions="ad_id,stat_time_day", metrics="spend,ad_name", report_start_date="2026-08-01", mode="async"
)


def items(text, request=REQUEST):
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    schema = schema_of(request)
    read = [
        item
        for batch in read_rows(file, schema, request.dimensions, request.metrics, "the file")
        for item in batch
    ]
    assert not file.closed
    return read


ROW = {
    "dimensions": {"ad_id": "1", "stat_time_day": "2026-08-01 00:00:00"},
    "metrics": {"spend": "1.50", "ad_name": "A"},
}


@pytest.mark.parametrize(
    "text",
    [
        "ad_id,stat_time_day,spend,ad_name\n1,2026-08-01 00:00:00,1.50,A\n",
        "ad_name,spend,stat_time_day,ad_id\r\nA,1.50,2026-08-01 00:00:00,1\r\n",
        "\ufeffad_id,stat_time_day,spend,ad_name\n1,2026-08-01 00:00:00,1.50,A\n",
        '"Ad ID","Date","Cost","Ad Name"\n"1","2026-08-01 00:00:00","1.50","A"\n',
        "AD ID,By Day,Cost,Ad name,Currency\n1,2026-08-01 00:00:00,1.50,A,USD\n",
    ],
    ids=["raw", "another order, CRLF", "byte order mark", "translated, quoted", "one column more"],
)
def test_a_row_is_what_a_synchronous_report_has(text):
    assert items(text) == [ROW]


def test_commas_quotes_and_line_ends_in_a_name_are_part_of_it():
    text = 'ad_id,stat_time_day,spend,ad_name\n1,2026-08-01 00:00:00,1.50,"a, ""b""\nc\u2028d"\n'
    assert items(text)[0]["metrics"]["ad_name"] == 'a, "b"\nc\u2028d'


def test_a_long_ad_text_is_read():
    text = f"ad_id,stat_time_day,spend,ad_name\n1,2026-08-01 00:00:00,1.50,{'x' * 200_000}\n"
    assert len(items(text)[0]["metrics"]["ad_name"]) == 200_000


@pytest.mark.parametrize("pad", [0, *range(8_110, 8_140)])  # the file is decoded in pieces of 8,192 bytes
def test_names_that_were_truncated_inside_an_emoji_are_well_formed(pad):
    text = f"ad_id,stat_time_day,spend,ad_name\n1,2026-08-01 00:00:00,1,{'x' * pad}\ud83d\n2,2026-08-01 00:00:00,1,\0\n"
    found = items(text.encode("utf-8", "surrogatepass"))
    assert [item["metrics"]["ad_name"] for item in found] == ["x" * pad + "\ufffd", "\ufffd"]


def test_a_file_with_titles_only_has_no_rows():
    assert items("ad_id,stat_time_day,spend,ad_name\n") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks ad_id, stat_time_day, spend, ad_name"),
        ("ad_id,stat_time_day,ad_name\n1,2026-08-01,A\n", "lacks spend"),
        ("ad_id,stat_time_day,spend,Cost,ad_name\n", "has spend twice"),
        ("ad_id,stat_time_day,spend,ad_name\n1,2026-08-01 00:00:00\n", "broken at line 2"),
        ("ad_id,stat_time_day,spend,ad_name\n1,2026-08-01 00:00:00,1,A,B\n", "5 cells of 4"),
        ('ad_id,stat_time_day,spend,ad_name\n1,2026-08-01 00:00:00,1,"A', "broken at line 2"),
        (b"ad_id,stat_time_day,spend,ad_name\n1,2026-08-01 00:00:00,1,\xff\n", "broken at line"),
    ],
)
def test_an_incomplete_file_is_no_report(text, words):
    with pytest.raises(TikTokIncompleteReportError, match=words):
        items(text)


@pytest.mark.parametrize(
    ("body", "complete"), [(b"a\n", True), (b"a\r\n", True), (b"a\n1", False), (b"", False)]
)
def test_a_complete_file_ends_with_a_line(body, complete):
    assert ends_with_line(io.BytesIO(body)) is complete


def test_the_example_of_tiktoks_documentation_is_read():
    example = json.loads(
        (Path(__file__).parent.parent / "fixtures" / "08_async_download_csv_stream.json").read_text()
    )["response"]["body_text"]
    request = parse_request(
        report_type="AUDIENCE",
        data_level="AUCTION_ADGROUP",
        dimensions="adgroup_id,age,gender",
        metrics="campaign_id,campaign_name,adgroup_name,spend,impressions,clicks",
        report_start_date="2026-08-01",
        mode="async",
    )
    read = items(example, request)
    assert len(read) == 7
    assert read[0] == {
        "dimensions": {"adgroup_id": "578", "age": "13-17", "gender": "female"},
        "metrics": {
            "campaign_id": "482",
            "campaign_name": "Test Campaign 1",
            "adgroup_name": "Test Ad Group 1",
            "spend": "107.56",
            "impressions": "29056",
            "clicks": "280",
        },
    }
