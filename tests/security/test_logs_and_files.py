"""Untrusted text: no forged line in a log, no path outside the output, no number out of bounds."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal

import fsspec
import pytest

from airflow_provider_tiktok.api.endpoints.advertisers import describe_batch, list_authorised
from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.exceptions import TikTokError, TikTokTransportError
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.reports.fetch.totals import add_totals as total_of
from airflow_provider_tiktok.reports.fetch.window.paged_call import PageCount
from airflow_provider_tiktok.storage.columns import is_number
from airflow_provider_tiktok.storage.files.destination import Destination
from airflow_provider_tiktok.storage.files.target import parse_target

from .conftest import complete, head

EVIL = "first\n::group::fake\r\x1b[2J\x00[2026-01-01] {x.py:1} INFO - forged\u2028\u202eend"


def test_text_becomes_one_line_that_can_be_printed():
    assert sanitize(EVIL) == "first ::group::fake [2J [2026-01-01] {x.py:1} INFO - forged end"
    assert (
        sanitize("\u6771\u4eac\u30b3\u30fc\u30d2\u30fc, 5 \u20ac \U0001f600")
        == "\u6771\u4eac\u30b3\u30fc\u30d2\u30fc, 5 \u20ac \U0001f600"
    )
    assert sanitize(["a\n"]) == "['a\\n']"
    assert sanitize("x" * 10_000, 5) == "xxxxx"


@pytest.mark.parametrize("field", ["message", "request_id"])
def test_a_refusal_of_tiktoks_is_one_line(hostile, client_of, caplog, field):
    answer = {"code": 50000, "message": "m", "request_id": "R", "data": {}, field: EVIL}
    client = client_of(hostile(complete(json.dumps(answer).encode())))
    with pytest.raises(TikTokError) as caught:
        client.get("user/info/", {})
    for text in (str(caught.value), caught.value.message, caught.value.request_id, *caplog.messages):
        assert text.isprintable(), text


def test_a_header_about_missing_rows_is_one_line(hostile, client_of):
    body = b'{"code":0,"data":{},"request_id":"a\\nb"}'
    pieces = lambda: [head(f"Content-Length: {len(body)}", "X-Tt-Ads-Throttle: top\x1b[2J 20k") + body]  # noqa: E731
    answer = client_of(hostile(pieces)).get("user/info/", {})
    assert (answer.truncated, answer.request_id) == ("top [2J 20k", "a b")


def test_codes_of_an_account_are_one_line(hostile, client_of):
    account = {"advertiser_id": "71", "currency": "US\nD", "status": {"x": 1}, "display_timezone": ["x"]}
    client = client_of(hostile(complete(json.dumps({"code": 0, "data": {"list": [account]}}).encode())))
    found = describe_batch(client, ["71"])["71"]
    assert (found.currency, found.status, found.timezone) == ("US D", None, None)


@pytest.mark.parametrize(
    ("advertiser_id", "said"),
    [
        ("71\n::group::", "has the advertiser ID '71 ::group::'"),
        ("../../etc", "has the advertiser ID '../../etc'"),
        ("7 1", "has the advertiser ID '7 1'"),
        ("\u0667\u0661", "has the advertiser ID '\u0667\u0661'"),
        (["71"], "has the advertiser ID \"['71']\""),
    ],
)
def test_an_account_that_is_no_number_is_no_account(hostile, client_of, advertiser_id, said):
    listed = {"code": 0, "data": {"list": [{"advertiser_id": advertiser_id, "advertiser_name": "x"}]}}
    client = client_of(hostile(complete(json.dumps(listed).encode())))
    with pytest.raises(TikTokTransportError, match=re.escape(f"entry 1 of 1 {said}")) as caught:
        list_authorised(client)
    assert str(caught.value).isprintable()


# through the complete operator


@pytest.fixture
def evil_account(emulator, monkeypatch):
    """Return an account whose campaigns have hostile names."""
    advertiser_id = next(iter(emulator.world.accounts))
    monkeypatch.setitem(
        emulator.world.accounts, advertiser_id, replace(emulator.world.accounts[advertiser_id], name=EVIL)
    )
    return advertiser_id


def test_no_name_writes_a_line_of_its_own_into_a_tasks_log(emulator, connect, evil_account, capsys):
    from airflow_provider_tiktok.operators.advertisers import TikTokListAdvertisersOperator

    connect()
    capsys.readouterr()
    TikTokListAdvertisersOperator(task_id="list").execute({})
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if "forged" in line]
    assert evil_account in line
    assert "::group::fake" in line
    for char in "\r\x00\u2028\u202e":
        assert char not in shown
    assert "\x1b[2J" not in shown


def publish(
    folder, values: list[str], partition_by: list[str], columns: dict[str, str], extension: str = "csv"
):
    target = parse_target(str(folder), extension, partition_by)
    destination = Destination(target, fsspec.filesystem("file"), str(folder), columns)
    destination.name_files("report")
    cells = [values, ["1"] * len(values)]
    destination.write(destination.encode(cells, [False, False]))
    return destination.publish({})


WAYS_OUT = [
    "../../../etc/cron.d/x",
    "..",
    ".",
    "/etc/passwd",
    "a/../../b",
    "\\..\\..\\x",
    "%2e%2e%2f",
    "x\0y",
    "~root",
    "C:\\x",
    "file:///x",
    "a=b/c=d",
    "line\nend",
    "",
    "_manifest.json",
    ".hidden",
    "$(id)",
    "*?[x]",
]


def test_no_value_leaves_the_folder(tmp_path):
    folder = tmp_path / "a" / "b" / "out"
    published = publish(folder, WAYS_OUT, ["name"], {"name": "string", "n": "integer"})
    assert len(published.files) == len(WAYS_OUT)
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(found) == len(WAYS_OUT) + 1  # and the manifest
    for path in found:
        assert path.resolve().is_relative_to(folder)
        assert path.parent == folder or (
            path.parent.parent == folder and path.parent.name.startswith("name=")
        )
    assert {file.partition["name"] for file in published.files} == set(WAYS_OUT)


def test_a_file_is_named_by_words_of_ours_and_a_digest(emulator, connect, tmp_path):
    connect()
    summary = TikTokReportOperator(
        task_id="x",
        advertiser_ids=next(iter(emulator.world.accounts)),
        dimensions=["campaign_id"],
        request_params={"../../key": "../../value\n"},
        report_start_date="2026-08-01",
        output_path=f"{tmp_path}/out/",
    ).execute({})
    (path,) = summary["paths"]
    assert re.fullmatch(rf"{tmp_path}/out/campaign_20260801_20260801_[0-9a-f]{{12}}\.jsonl", path)
    assert {item.name for item in tmp_path.iterdir()} == {"out"}


FORMULAS = ['=HYPERLINK("http://x","y")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "|x"]


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
def test_files_hold_names_as_tiktok_has_them_also_those_that_a_spreadsheet_would_run(tmp_path, extension):
    """As in docs/security.md: files are data for machines, and a changed name would be wrong data."""
    publish(tmp_path / "out", FORMULAS, [], {"name": "string", "n": "integer"}, extension)
    (path,) = [path for path in (tmp_path / "out").iterdir() if not path.name.startswith("_")]
    text = path.read_bytes().decode()
    if extension == "csv":
        held = [row[0] for row in csv.reader(io.StringIO(text, newline=""))][1:]
    else:
        held = [json.loads(line)["name"] for line in text.split("\n")[:-1]]
    assert held == FORMULAS


# numbers


@pytest.mark.parametrize(
    "text",
    [
        *("1e999999999", "9" * 1_001, "NaN", "Infinity", "sNaN", "1e1000", "0x10", "1_000"),
        *("1e400", "9" * 151, f"0.{'0' * 150}1"),  # a float would be infinite, or 0
    ],
)
def test_what_no_sum_survives_is_no_number(text):
    assert not is_number(text)


@pytest.mark.parametrize("text", ["0", "-1.50", "1e99", "9" * 150, "0.1000000000000000055511151231257827"])
def test_what_tiktok_may_send_is_one(text):
    assert is_number(text)
    assert Decimal(text).is_finite()


@pytest.mark.parametrize("value", ["1e999999999", "9" * 1_000_000, "NaN", {"x": "y" * 1_000_000}])
def test_a_total_that_is_no_number_is_shown_shortened(value):
    assert len(str(total_of("BASIC", "impressions", [value], False))) <= 200
    assert total_of("BASIC", "impressions", [value, "1"], False) is None


@pytest.mark.parametrize("total", ["1e300", 10**400, "NaN", "1e999", -1, 10**9 + 1])
def test_a_count_that_no_call_has_is_no_count(total):
    from airflow_provider_tiktok.api.calls import Answer
    from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError

    answer = Answer({"page_info": {"total_number": total, "total_page": 1}}, "R", "")
    with pytest.raises(TikTokIncompleteReportError, match="count"):
        PageCount.read(answer, 1_000, "page 1")


def test_a_number_out_of_bounds_is_passed_on_as_text_with_a_warning(
    emulator, connect, monkeypatch, tmp_path, caplog
):
    """It costs neither the memory that its digits would take nor the rest of the report."""
    from airflow_provider_tiktok.api import envelope

    connect()
    real = envelope.read_json

    def spoiled(body: bytes, *options):
        answer = real(body, *options)
        for row in answer.get("data", {}).get("list", []):
            if "metrics" in row:
                row["metrics"]["spend"] = "1e999999999"
        return answer

    monkeypatch.setattr(envelope, "read_json", spoiled)
    summary = TikTokReportOperator(
        task_id="x",
        advertiser_ids=next(iter(emulator.world.accounts)),
        dimensions=["campaign_id"],
        metrics=["spend"],
        report_start_date="2026-08-01",
        output_path=f"{tmp_path}/x.jsonl",
    ).execute({})
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert len(rows) == summary["row_count"] > 0
    assert {row["spend"] for row in rows} == {"1e999999999"}
    assert "Column spend is decimal, but TikTok sent '1e999999999'" in caplog.text


# files


def test_buffered_rows_can_be_read_by_this_user_only():
    import os
    import stat

    from airflow_provider_tiktok.storage.buffer import MemoryBudget, RowBuffer

    buffer = RowBuffer(budget=MemoryBudget(0))
    buffer.add([("k",)], ["row"])
    assert buffer._file._file is not None
    status = os.fstat(buffer._file._file.fileno())
    assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (
        0o600,
        0,
    )  # it has no name that others could open
    buffer.close()


def test_nothing_is_unpickled_and_no_xml_is_read():
    import ast
    from pathlib import Path

    import airflow_provider_tiktok

    root = Path(airflow_provider_tiktok.__file__).parent
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            name.partition(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            if name != "xml.sax.saxutils"  # writes, and reads nothing
        }
        assert not names & {"pickle", "shelve", "dill", "cloudpickle", "xml", "lxml", "yaml", "defusedxml"}, (
            path
        )
        calls = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not calls & {"eval", "exec", "compile", "__import__"}, path
