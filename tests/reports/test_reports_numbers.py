"""One definition of a number, for TikTok's values and for every output."""

from __future__ import annotations

import csv
import io
import json
import random
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError, TikTokOutputError
from airflow_provider_tiktok.reports.fetch.totals import add_totals as total_of
from airflow_provider_tiktok.reports.fetch.window.paged_call import PageCount
from airflow_provider_tiktok.reports.rows.reader import RowReader
from airflow_provider_tiktok.reports.rows.schema import to_python
from airflow_provider_tiktok.storage.columns import is_number
from airflow_provider_tiktok.storage.files.restatement import Comparison
from airflow_provider_tiktok.storage.formats.comma_separated import Csv
from airflow_provider_tiktok.storage.formats.json_lines import JsonLines
from airflow_provider_tiktok.storage.formats.parquet import Parquet
from airflow_provider_tiktok.storage.formats.readers import read_records
from airflow_provider_tiktok.storage.tables.database import Database
from airflow_provider_tiktok.storage.tables.databases import Postgres, Sqlite
from airflow_provider_tiktok.storage.tables.values import Binder, Column

from .helpers import request

LOOSE = [
    *(
        "1_000",
        "1_0.5",
        "1e400",
        "-1e400",
        "1e-400",
        "0e5000",
        "9" * 400,
        "\u0661\u0662",
        "\uff11\uff12",
        "\u00b2",
    ),
    *(
        " 5",
        "5 ",
        "\t5",
        "5\n",
        "\xa05",
        "+5",
        "++5",
        "1.",
        ".5",
        "-.5",
        ".",
        "-",
        "+",
        "e5",
        "1e",
        "1e+",
        "007",
    ),
    *(
        "-0",
        "-00",
        "0x10",
        "0X10",
        "0b1",
        "0o7",
        "1e5",
        "1E-5",
        "1e5.5",
        "nan",
        "NaN",
        "-nan",
        "inf",
        "Infinity",
    ),
    *(
        "-Infinity",
        "sNaN",
        "1,000",
        "1 000",
        "1'000",
        "12%",
        "$5",
        "<5",
        "5L",
        "5f",
        "5d",
        "1.2.3",
        "1-2",
        "--1",
    ),
    *("true", "True", "None", "null", "1\x002", "(5)", "5e", "1__0", "_1", "1_", "1e1_0", "\u22125"),
]


def made_up(count: int = 300) -> list[str]:
    """Generate text from the characters of numbers, and from those that Python accepts."""
    source = random.Random(12)
    alphabet = "0123456789" * 2 + "..eE+--__ \u0661xnai"
    return ["".join(source.choices(alphabet, k=source.randint(1, 6))) for _ in range(count)]


TEXTS = [*LOOSE, *made_up()]


def json_takes_it(text: str) -> bool:
    """Return whether a text is a number in JSON's grammar, according to Python's reader."""
    try:
        value = json.loads(text, parse_constant=lambda _: "no number")
    except ValueError:
        return False
    bare = text.strip() == text and isinstance(value, (int, float)) and not isinstance(value, bool)
    digits = text.lower().partition("e")[0]
    return bare and len(digits) <= 150 and value not in (float("inf"), -float("inf"))


def row_of(metric: str, sent: Any) -> tuple[RowReader, Any]:
    reader = RowReader(request(dimensions="ad_id", metrics=metric))
    return reader, reader.read("7", [{"dimensions": {"ad_id": "1"}, "metrics": {metric: sent}}])


def test_a_number_is_what_json_calls_one():
    wrong = [text for text in TEXTS if is_number(text) != json_takes_it(text) and "e" not in text.lower()]
    assert wrong == []
    exponents = [
        text for text in TEXTS if "e" in text.lower() and is_number(text) and not json_takes_it(text)
    ]
    assert exponents == []
    assert sum(map(is_number, TEXTS)) > 30


@pytest.mark.parametrize("metric", ["clicks", "spend"])
def test_a_value_is_the_same_number_in_every_output_or_the_same_text(metric):
    numbers = 0
    for sent in TEXTS:
        reader, page = row_of(metric, sent)
        columns, kind = reader.schema.columns, reader.schema.columns[metric]
        cell = page.columns[-1][0]
        (xcom,) = to_python(reader.schema, page.rows(), float)
        json.dumps(xcom, allow_nan=False)
        in_json = json.loads(
            b"".join(JsonLines(columns).lines(page.columns, page.clean)),
            parse_float=Decimal,
            parse_int=Decimal,
        )
        written = b"".join(Csv(columns).lines(page.columns, page.clean)).decode()
        in_csv = next(csv.reader(io.StringIO(written, newline="")))[-1]
        assert in_csv == ("" if cell is None else cell)
        if cell is None:
            assert xcom[metric] is in_json[metric] is None
            assert sent.strip() in {"-", ""}
        elif is_number(cell):
            numbers += 1
            assert in_json[metric] == Decimal(cell)
            assert xcom[metric] in {Decimal(cell), float(cell)}
            assert isinstance(xcom[metric], (int, float))
            for value in (in_parquet(columns, page)[metric], *in_databases(kind, cell)):
                assert value in {Decimal(cell), float(cell), "refused"}, sent
        else:
            assert xcom[metric] == in_json[metric] == cell == sent
            assert [in_parquet(columns, page)[metric], *in_databases(kind, cell)] == ["refused"] * 4, sent
    assert numbers > 50


def in_parquet(columns: dict[str, str], page: Any) -> dict[str, Any]:
    parquet = Parquet(columns)
    try:
        return parquet.table(parquet.lines(page.columns, page.clean)).to_pylist()[0]
    except TikTokOutputError:
        return dict.fromkeys(columns, "refused")


def in_databases(kind: str, cell: str, *, is_clean: bool = False) -> list[Any]:
    found = []
    for database in (Database, Postgres, Sqlite):
        binder = Binder(Column("x", kind, database.types[kind]), database.numbers, database.converters)
        try:
            found += binder.parameters(binder.check([cell], is_clean))
        except TikTokOutputError:
            found.append("refused")
    return found


@pytest.mark.parametrize("kind", ["integer", "decimal"])
def test_outputs_take_no_other_text_for_a_number_from_any_caller(kind):
    """Cells from the reader are canonical; no output relies on it."""
    for text in TEXTS:
        if is_number(text):
            continue
        columns = {"x": kind}
        (line,) = JsonLines(columns).lines([[text]], [False])
        assert json.loads(line) == {"x": text}
        with pytest.raises(
            TikTokOutputError, match=r"^A Parquet column of type .* which TikTok sent for x, "
        ):
            Parquet(columns).lines([[text]], [False])
        assert in_databases(kind, text) == ["refused"] * 3, text


def test_a_column_with_one_text_keeps_its_numbers():
    for text in LOOSE:
        reader = RowReader(request(dimensions="ad_id", metrics="spend"))
        sent = ["1.50", text, "-", "2.00"]
        items = [
            {"dimensions": {"ad_id": str(index)}, "metrics": {"spend": value}}
            for index, value in enumerate(sent)
        ]
        single = row_of("spend", text)[1].columns[-1][0]
        assert list(reader.read("7", items).columns[-1]) == ["1.50", single, None, "2.00"]


@pytest.mark.parametrize("text", [*LOOSE, "1e999999999"])
def test_a_sum_counts_numbers_only(text):
    """For old and new files, and TikTok's totals: NaN and infinity would be in XCom, and are not JSON."""
    line = json.dumps({"day": "2026-11-01", "id": "1", "spend": text}).encode() + b"\n"
    columns = {"day": "date", "id": "string", "spend": "decimal"}
    records = list(read_records(io.BytesIO(line), "x.jsonl", columns))
    found = Comparison(columns, ["id"], "day", ["spend"]).compare(records, records)
    json.dumps(found, allow_nan=False)
    assert found["rows_changed"] == 0
    json.dumps(total_of("BASIC", "impressions", [text, "1"], False), allow_nan=False)


COUNTS = {5: 5, "5": 5, " 5": 5, "+5": 5, "5.": 5, "5.0": 5, "-0": 0, "1e5": 100_000}


@pytest.mark.parametrize(("count", "rows"), COUNTS.items())
def test_a_count_is_an_integer(count, rows):
    assert counted(count) == rows


@pytest.mark.parametrize(
    "count",
    [
        *(
            "1_000",
            "1e400",
            "\u0661",
            "0x10",
            "nan",
            "inf",
            "1.5",
            "++5",
            "1,000",
            "true",
            "",
            "5L",
            ".5",
            "-5",
        ),
        True,
        [],
        {},
        None,
    ],
)
def test_what_is_no_integer_is_no_count(count):
    with pytest.raises(TikTokIncompleteReportError, match="count"):
        counted(count)


def counted(count: Any) -> int:
    return PageCount.read(Answer({"page_info": {"total_number": count}}, "R", ""), 1_000, "page 1").rows
