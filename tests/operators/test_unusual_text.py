"""Half an emoji and NUL in TikTok's names: one rule, so that every output accepts them."""

import csv
import json
import random

import pytest

from airflow_provider_tiktok.api.transport import session
from airflow_provider_tiktok.api.transport.sanitize import well_formed
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator
from tests.databases import open_database, use_hooks
from tests.operators.test_report_operator import TaskInstance, accounts, read_jsonl

REPORT = {
    "dimensions": ["ad_id"],
    "metrics": ["ad_name", "spend"],
    "report_start_date": "2026-08-01",
}
PIECES = ("\ud83d", "\ude00", "\0", "\U0001f600", "a", "\u00e9", "\\", "\\u0000", '"', "\n", " ", "\ufffe")
_random = random.Random(9)
ODD = ["cut \ud83d", "\ude00", "\0", "a\0b\ud83d\ud83d\ude00", "\ude00\ud83d"] + [
    "".join(_random.choices(PIECES, k=_random.randint(1, 8))) for _ in range(20)
]


def expected(text):
    """Return the result of the rule, computed in another way: code unit by code unit."""
    units = [int.from_bytes(pair, "big") for pair in _pairs(text.encode("utf-16-be", "surrogatepass"))]
    found = []
    while units:
        unit = units.pop(0)
        if 0xD800 <= unit < 0xDC00 and units and 0xDC00 <= units[0] < 0xE000:
            found.append(chr(0x10000 + ((unit - 0xD800) << 10) + units.pop(0) - 0xDC00))
        else:
            found.append("\ufffd" if 0xD800 <= unit < 0xE000 or unit == 0 else chr(unit))
    return "".join(found)


def _pairs(data):
    return [data[i : i + 2] for i in range(0, len(data), 2)]


@pytest.mark.parametrize("text", [*ODD, "", "plain", "\U0001f600 whole"], ids=ascii)
def test_the_rule(text):
    assert well_formed(text) == expected(text)
    well_formed(text).encode()


@pytest.fixture(params=["escaped", "raw"])
def names(request, emulator, connect, monkeypatch):
    """Put unusual names of ads and accounts into TikTok's answers; return them by ID of the ad."""
    sent = {}
    read_body = session.read_body

    def with_odd_names(*args):
        envelope = json.loads(read_body(*args))
        for place, item in enumerate((envelope.get("data") or {}).get("list") or []):
            if "metrics" in item:
                text = ODD[place % len(ODD)]
                sent[item["dimensions"]["ad_id"]] = expected(text)
                item["metrics"]["ad_name"] = text
            elif "name" in item:
                item["name"] = ODD[0]
            elif "advertiser_name" in item:
                item["advertiser_name"] = ODD[0]
        if request.param == "escaped":
            return json.dumps(envelope).encode()
        return json.dumps(envelope, ensure_ascii=False).encode("utf-8", "surrogatepass")

    monkeypatch.setattr(session, "read_body", with_odd_names)
    connect(advertiser_ids=accounts(emulator, 1))
    return sent


def run(kind=TikTokReportOperator, **parameters):
    instance = TaskInstance()
    operator = kind(task_id="report", **REPORT, **parameters)
    summary = operator.execute({"ti": instance})
    for value in (summary, instance.pushed, operator.link_facts):
        # as databases and UIs hold XCom: UTF-8, and no NUL, which PostgreSQL's JSON refuses
        assert "\\u0000" not in json.dumps(value).replace("\\\\u0000", "")
        json.dumps(value, ensure_ascii=False).encode()
    return instance.pushed.get("rows")


def test_rows_in_xcom(names):
    rows = run()
    assert len(rows) > len(ODD)
    assert {row["ad_id"]: row["ad_name"] for row in rows} == names


def test_rows_in_json_lines(names, tmp_path):
    run(output_path=str(tmp_path / "rows.jsonl"))
    assert {row["ad_id"]: row["ad_name"] for row in read_jsonl(tmp_path / "rows.jsonl")} == names


def test_rows_in_csv(names, tmp_path):
    run(output_path=str(tmp_path / "rows.csv"))
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        assert {row["ad_id"]: row["ad_name"] for row in csv.DictReader(file)} == names


def test_rows_in_parquet(names, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    run(output_path=str(tmp_path / "rows.parquet"))
    rows = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert {row["ad_id"]: row["ad_name"] for row in rows} == names


def test_partitions_and_their_manifest(names, tmp_path):
    run(output_path=f"{tmp_path}/lake/", partition_by=["ad_name"], restatement=True)
    run(output_path=f"{tmp_path}/lake/", partition_by=["ad_name"], restatement=True)
    manifest = json.loads((tmp_path / "lake" / "_manifest.json").read_text(encoding="utf-8"))
    assert {file["partition"]["ad_name"] for file in manifest["files"]} == set(names.values())
    assert all((tmp_path / "lake" / file["path"]).exists() for file in manifest["files"])


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mysql", "duckdb"])
def test_rows_in_a_table(names, tmp_path, monkeypatch, kind):
    database = open_database(kind, tmp_path)
    try:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", database.connection())
        use_hooks(monkeypatch.setattr)
        run(TikTokReportToSqlOperator, sql_conn_id="warehouse", table="ads")
        assert dict(database.query("SELECT ad_id, ad_name FROM ads")) == names
    finally:
        database.drop()
