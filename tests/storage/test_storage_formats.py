"""Rows rendered as lines."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.storage.formats import EXTENSIONS, FORMATS
from airflow_provider_tiktok.storage.formats.comma_separated import Csv
from airflow_provider_tiktok.storage.formats.json_lines import JsonLines
from airflow_provider_tiktok.storage.formats.readers import read_records

COLUMNS = {"ad_name": "string", "day": "date", "clicks": "integer", "spend": "decimal"}
ODD = [
    "",
    "a,b",
    'say "hi"',
    "a\nb",
    "a\rb",
    "\r\n",
    "50% %s",
    "\U0001f600 \u00e9",
    "\\",
    "\u2028",
    "\t",
    "null",
    " x ",
]


def json_rows(data: bytes) -> list[dict]:
    lines = data.decode("utf-8").split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


def csv_rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))


def render(writer, rows):
    """Render rows that are not validated yet."""
    columns = list(zip(*rows, strict=True))
    return b"".join(writer.lines(columns, [False] * len(columns)))


def test_json_lines_have_numbers_with_their_digits():
    assert render(JsonLines(COLUMNS), [("A", "2026-11-01", "116", "20.000"), (None, None, None, None)]) == (
        b'{"ad_name":"A","day":"2026-11-01","clicks":116,"spend":20.000}\n'
        b'{"ad_name":null,"day":null,"clicks":null,"spend":null}\n'
    )


def test_flags_are_flags_and_anything_else_is_text():
    columns = {"shown": "boolean"}
    rows = [("true",), ("false",), (None,), ("TRUE",), ("1",)]
    lines = b'{"shown":true}\n{"shown":false}\n{"shown":null}\n{"shown":"TRUE"}\n{"shown":"1"}\n'
    assert render(JsonLines(columns), rows) == lines
    assert render(Csv(columns), rows) == b'true\nfalse\n""\nTRUE\n1\n'


def test_csv_has_a_header_and_numbers_with_their_digits():
    writer = Csv(COLUMNS)
    assert writer.header() + render(
        writer, [("A", "2026-11-01", "116", "20.000"), (None, None, None, None)]
    ) == (b"ad_name,day,clicks,spend\nA,2026-11-01,116,20.000\n,,,\n")


def test_json_lines_have_no_header():
    assert JsonLines(COLUMNS).header() == b""


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_format_reads_what_it_wrote(tmp_path, extension):
    if extension == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    name, _, gzip = extension.partition(".")
    rows = [(text, "2026-11-01", str(index), f"{index}.05") for index, text in enumerate(ODD)]
    rows.append((None, None, None, None))
    columns = list(zip(*rows, strict=True))
    file_format = FORMATS[name](COLUMNS)
    part_file = file_format.part_file(tmp_path / f"rows.{extension}", compress=bool(gzip))
    part_file.write(file_format.lines(columns, [False] * len(columns)))
    part_file.finish()
    assert (part_file.rows, part_file.size) == (len(rows), part_file.path.stat().st_size)
    with part_file.path.open("rb") as file:
        found = [tuple(row.values()) for row in read_records(file, part_file.path.name, COLUMNS)]
    assert found == [(text or None, *others) for text, *others in rows]  # CSV has no empty text


@pytest.mark.parametrize("text", ODD, ids=repr)
def test_unusual_text_survives(text):
    assert json_rows(render(JsonLines({"a": "string", "b": "string"}), [(text, "x")])) == [
        {"a": text, "b": "x"}
    ]
    assert csv_rows(render(Csv({"a": "string", "b": "string"}), [(text, "x")])) == [[text, "x"]]


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(rows=st.lists(st.tuples(_TEXTS, st.none() | st.text('a\r\n,"%')), min_size=1))
def test_any_text_survives(rows):
    columns = {"a": "string", "b": "string"}
    assert json_rows(render(JsonLines(columns), rows)) == [{"a": a, "b": b} for a, b in rows]
    assert csv_rows(render(Csv(columns), rows)) == [[a, b or ""] for a, b in rows]


def test_one_empty_cell_is_a_row_of_csv():
    assert csv_rows(render(Csv({"a": "string"}), [("",), (None,)])) == [[""], [""]]


@pytest.mark.parametrize("name", ["a%b", 'a"b', "a,b", "\u00e9"])
def test_unusual_column_names_survive(name):
    assert json_rows(render(JsonLines({name: "integer"}), [("1",)])) == [{name: 1}]
    assert csv_rows(Csv({name: "integer"}).header()) == [[name]]


@pytest.mark.parametrize("odd", ["<5", "1\n2", "1,5", "", "01", "1.", "NaN", "-", "+1", "1\n", "0x1", "null"])
def test_what_is_no_number_is_text_in_json(odd):
    columns = {"clicks": "integer", "x": "string"}
    rows = [("1", "a"), (odd, "b"), ("2.50", "c")]
    assert json_rows(render(JsonLines(columns), rows)) == [
        {"clicks": 1, "x": "a"},
        {"clicks": odd, "x": "b"},
        {"clicks": 2.5, "x": "c"},
    ]


@pytest.mark.parametrize("cells", [("1", None), (None, "null"), ("null", "2", None), ("<5", None, "1.0")])
def test_an_absent_number_is_null_and_its_name_as_text_is_text(cells):
    found = json_rows(render(JsonLines({"x": "decimal"}), [(cell,) for cell in cells]))
    expected = [cell if cell is None or cell in {"null", "<5"} else float(cell) for cell in cells]
    assert [row["x"] for row in found] == expected


@pytest.mark.parametrize("number", ["0", "-0", "-1.50", "1e5", "1E-7", "99999999999999999999999.000"])
def test_a_number_is_written_with_its_digits(number):
    assert render(JsonLines({"x": "decimal"}), [(number,)]) == f'{{"x":{number}}}\n'.encode()


def test_rows_rendered_singly_have_the_same_bytes():
    rows = [(text, "2026-11-01", str(index), "1.0") for index, text in enumerate(ODD)]
    for file_format in (JsonLines, Csv):
        writer = file_format(COLUMNS)
        assert b"".join(render(writer, [row]) for row in rows) == render(writer, rows)
