"""The operator against TikTok's API on loopback: its output equals the emulator's data."""

import csv
import gzip
import hashlib
import json
import pickle
import signal
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_tiktok._compat import AirflowFailException, AirflowSkipException
from airflow_provider_tiktok._compat_late import object_storage_path
from airflow_provider_tiktok.exceptions import (
    TikTokAuthError,
    TikTokEmptyReportError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokOutputError,
    TikTokPermissionError,
    TikTokResultTooLargeError,
    TikTokStoppedError,
    TikTokTransportError,
)
from airflow_provider_tiktok.operators._outputs import files
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from tests.conftest import kill_later, needs_bad_extra
from tests.threads import wait_for_calls

pytestmark = pytest.mark.usefixtures("moved_clock")

DAILY = {
    "dimensions": ["ad_id", "stat_time_day"],
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-09-15",
}
ONE_DAY = {"dimensions": ["ad_id"], "report_start_date": "2026-08-01"}
METRICS = ["ad_name", "campaign_id", "spend", "impressions", "ctr", "secondary_goal_result"]


class TaskInstance:
    """Records what the operator pushes to XCom."""

    def __init__(self):
        self.pushed = {}

    def xcom_push(self, key, value):
        json.dumps(value)
        self.pushed[key] = value


def run(context=None, **parameters):
    """Execute an operator and return its summary and what it pushed."""
    instance = TaskInstance()
    summary = TikTokReportOperator(task_id="report", **parameters).execute(
        {"ti": instance, **(context or {})}
    )
    json.dumps(summary)
    return summary, instance.pushed


def accounts(emulator, count=2):
    """Return ordinary accounts, with campaigns and permission."""
    return [name for name in emulator.world.accounts if name.startswith("71")][:count]


def truth(
    emulator,
    advertiser_id,
    level="AUCTION_AD",
    dimensions=("ad_id", "stat_time_day"),
    metrics=METRICS,
    start="2026-08-01",
    end="2026-09-15",
    include_deleted=True,
):
    """Return what the emulator holds, as flat rows of TikTok's text values, with null for a dash."""
    rows = emulator.world.rows(
        advertiser_id, level, list(dimensions), list(metrics), start, end, include_deleted
    )
    flat = [{"advertiser_id": advertiser_id, **row["dimensions"], **row["metrics"]} for row in rows]
    return [{name: None if cell == "-" else cell for name, cell in row.items()} for row in flat]


def as_text(row):
    """Undo typing, digit for digit, so that a row compares with TikTok's."""
    return {name: cell if cell is None else str(cell) for name, cell in row.items()}


def normal(rows):
    return sorted((tuple(sorted(as_text(row).items(), key=lambda item: item[0])) for row in rows), key=repr)


def days_cut(rows):
    return [{**row, "stat_time_day": row["stat_time_day"][:10]} for row in rows]


def read_jsonl(path):
    raw = Path(path).read_bytes()
    text = (gzip.decompress(raw) if str(path).endswith(".gz") else raw).decode()
    return [json.loads(line, parse_float=str, parse_int=str) for line in text.split("\n") if line]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_every_row_of_two_accounts_over_two_windows_arrives_digit_for_digit(
    emulator, connect, tmp_path, name
):
    connect()
    ids = accounts(emulator)
    summary, _ = run(**DAILY, metrics=METRICS, advertiser_ids=ids, output_path=str(tmp_path / name))

    expected = [row for advertiser_id in ids for row in days_cut(truth(emulator, advertiser_id))]
    assert normal(read_jsonl(tmp_path / name)) == normal(expected)
    assert summary["row_count"] == len(expected) == 2 * 40 * 46
    assert summary["paths"] == [str(tmp_path / name)]
    assert summary["bytes"] == (tmp_path / name).stat().st_size
    assert (summary["complete"], summary["is_final"]) == (True, True)
    assert summary["api_calls"] == len(emulator.calls) == 2 * (2 + 1) + 1  # for the accounts' currencies
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.fixture
def connections_of_files(monkeypatch):
    """Return the connections with which filesystems are opened; ``disk`` and ``spare`` exist."""
    for name in ("disk", "spare"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", "{}")
    opened = []

    def open_path(url, conn_id):
        opened.append(conn_id)
        return object_storage_path(url, conn_id)

    monkeypatch.setattr(files, "object_storage_path", open_path)
    return opened


@pytest.mark.parametrize(
    ("carried", "given", "used"),
    [(None, None, None), ("disk", None, "disk"), ("disk", "spare", "spare"), (None, "spare", "spare")],
)
def test_airflows_own_path_is_taken_with_its_connection(
    emulator, connect, tmp_path, connections_of_files, carried, given, used
):
    connect()
    path = object_storage_path(f"file://{tmp_path}/{{{{ name }}}}.jsonl", carried)
    operator = TikTokReportOperator(
        task_id="report",
        **ONE_DAY,
        advertiser_ids=accounts(emulator, 1),
        output_path=path,
        output_conn_id=given,
    )
    operator.render_template_fields({"name": "rows"})
    assert operator.execute({})["paths"] == [f"file://{tmp_path}/rows.jsonl"]
    assert len(read_jsonl(tmp_path / "rows.jsonl")) == 40
    assert connections_of_files == [used]


@pytest.mark.parametrize("host", ["", "localhost", "LOCALHOST"])
def test_a_files_url_may_name_this_host(emulator, connect, tmp_path, monkeypatch, host):
    connect()
    monkeypatch.chdir(tmp_path)
    path = f"file://{host}{tmp_path}/rows.jsonl"
    run(**ONE_DAY, advertiser_ids=accounts(emulator, 1), output_path=path)
    assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"]


def test_csv_holds_the_same_rows(emulator, connect, tmp_path):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    run(**DAILY, metrics=METRICS, advertiser_ids=advertiser_id, output_path=f"file://{tmp_path}/rows.csv")

    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]
    assert normal(rows) == normal(days_cut(truth(emulator, advertiser_id)))


def test_rows_in_xcom_are_typed(emulator, connect):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    summary, pushed = run(**ONE_DAY, metrics=METRICS, advertiser_ids=advertiser_id)

    by_ad = {
        row["ad_id"]: row for row in truth(emulator, advertiser_id, dimensions=["ad_id"], end="2026-08-01")
    }
    assert len(pushed["rows"]) == summary["row_count"] == len(by_ad)
    for row in pushed["rows"]:
        expected = by_ad[row["ad_id"]]
        assert list(row) == ["advertiser_id", "ad_id", *METRICS]
        assert (type(row["spend"]), type(row["impressions"])) == (float, int)
        assert row["spend"] == float(expected["spend"])
        assert row["impressions"] == int(expected["impressions"])
        assert row["ctr"] == float(expected["ctr"])
        assert row["secondary_goal_result"] is None
        assert (row["campaign_id"], row["ad_name"]) == (expected["campaign_id"], expected["ad_name"])
    assert summary["columns"] == {
        "advertiser_id": "string",
        "ad_id": "string",
        "ad_name": "string",
        "campaign_id": "string",
        "spend": "decimal",
        "impressions": "integer",
        "ctr": "decimal",
        "secondary_goal_result": "integer",
    }


@pytest.mark.parametrize(
    ("preset", "level", "dimension"),
    [
        ("ad_group_summary", "AUCTION_ADGROUP", "adgroup_id"),
        ("auction_campaign_summary", "AUCTION_CAMPAIGN", "campaign_id"),
    ],
)
def test_a_preset_alone_asks_for_yesterday_of_the_connections_account(
    emulator, connect, preset, level, dimension
):
    (advertiser_id,) = accounts(emulator, 1)
    connect(advertiser_ids=advertiser_id)
    summary, pushed = run(preset=preset)

    zone = ZoneInfo(emulator.world.accounts[advertiser_id].zone)
    yesterday = (datetime.now(zone) - timedelta(days=1)).date().isoformat()
    call = next(call for call in emulator.calls if call.path.endswith("report/integrated/get/"))
    assert {
        name: call.query[name] for name in call.query if name not in {"advertiser_id", "page", "filtering"}
    } == {
        "report_type": "BASIC",
        "service_type": "AUCTION",
        "data_level": level,
        "dimensions": [dimension],
        "metrics": ["spend", "impressions", "reach", "clicks", "conversion", "cpm"],
        "start_date": yesterday,
        "end_date": yesterday,
        "page_size": 1000,
    }
    assert summary["report_start_date"] == summary["report_end_date"] == yesterday
    expected = truth(emulator, advertiser_id, level, [dimension], call.query["metrics"], yesterday, yesterday)
    assert [{**row, "spend": str(Decimal(str(row["spend"])))} for row in pushed["rows"]] != []
    assert {row[dimension]: row["spend"] for row in pushed["rows"]} == {
        row[dimension]: float(row["spend"]) for row in expected
    }


def test_deleted_entities_are_counted_by_default(emulator, connect):
    connect()
    (advertiser_id,) = accounts(emulator, 1)

    def spend(dimension, **more):
        _, pushed = run(
            dimensions=dimension, report_start_date="2026-08-01", advertiser_ids=advertiser_id, **more
        )
        return sum(Decimal(str(row["spend"])) for row in pushed["rows"])

    total = spend("advertiser_id")
    assert spend("ad_id") == spend("adgroup_id") == spend("campaign_id") == total
    assert spend("ad_id", include_deleted=False) < total
    only_live = {"field_name": "ad_status", "filter_type": "IN", "filter_value": ["STATUS_NOT_DELETE"]}
    assert spend("ad_id", filters=[only_live]) == spend("ad_id", include_deleted=False)


def test_hours_are_split_into_days_and_add_up(emulator, connect, tmp_path):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    dates = {
        "report_start_date": "2026-08-01",
        "report_end_date": "2026-08-03",
        "advertiser_ids": advertiser_id,
    }
    run(dimensions="advertiser_id,stat_time_hour", output_path=str(tmp_path / "hours.jsonl"), **dates)
    _, daily = run(dimensions="advertiser_id,stat_time_day", **dates)

    hours = read_jsonl(tmp_path / "hours.jsonl")
    windows = sorted((call.query["start_date"], call.query["end_date"]) for call in emulator.calls[:3])
    assert windows == [(day, day) for day in ("2026-08-01", "2026-08-02", "2026-08-03")]
    assert len(hours) == 72
    assert hours[0]["stat_time_hour"] == "2026-08-01T00:00:00"
    for row in daily["rows"]:
        same_day = [
            Decimal(hour["spend"])
            for hour in hours
            if hour["stat_time_hour"].startswith(row["stat_time_day"])
        ]
        assert sum(same_day) == Decimal(str(row["spend"]))


def test_parents_come_as_columns(emulator, connect):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    summary, pushed = run(**ONE_DAY, advertiser_ids=advertiser_id, with_parents=True)
    assert list(summary["columns"])[2:] == [
        *("campaign_id", "campaign_name", "adgroup_id", "adgroup_name", "ad_name"),
        *("spend", "impressions"),
    ]
    assert all(row["adgroup_id"].isdigit() and row["campaign_name"] for row in pushed["rows"])


def test_the_users_order_is_kept(emulator, connect):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    _, pushed = run(**ONE_DAY, advertiser_ids=advertiser_id, order_field="spend", order_type="ASC")
    spends = [row["spend"] for row in pushed["rows"]]
    assert spends == sorted(spends)
    assert spends[0] < spends[-1]


def test_a_rerun_writes_the_same_bytes_even_when_tiktok_sorts_differently(emulator, connect, tmp_path):
    connect()
    paths = [tmp_path / "one.jsonl.gz", tmp_path / "two.jsonl.gz"]
    for seed, path in enumerate(paths):
        emulator.configure(order_seed=seed)
        run(**DAILY, advertiser_ids=accounts(emulator), output_path=str(path))
    emulator.configure(order_seed=0)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_total_metrics_come_with_the_summary(emulator, connect):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    summary, pushed = run(
        **ONE_DAY,
        advertiser_ids=advertiser_id,
        metrics="spend,ctr,ad_name",
        request_params={"enable_total_metrics": True},
    )
    assert summary["total_metrics"]["spend"] == pytest.approx(
        sum(row["spend"] for row in pushed["rows"]), abs=1e-9
    )
    assert summary["total_metrics"]["ad_name"] is None


def test_lifetime_needs_no_dates(emulator, connect):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    summary, _ = run(dimensions="campaign_id", query_lifetime=True, advertiser_ids=advertiser_id)
    assert (summary["report_start_date"], summary["report_end_date"], summary["is_final"]) == (
        None,
        None,
        False,
    )
    assert "start_date" not in emulator.calls[0].query
    assert emulator.calls[0].query["query_lifetime"] is True


# -- folders ---------------------------------------------------------------------------------------


def partition_rows(folder):
    """Read all data files below a folder, with the values of the Hive folders."""
    rows = []
    for path in sorted(Path(folder).rglob("*.jsonl")):
        values = dict(part.split("=", 1) for part in path.relative_to(folder).parts[:-1])
        rows += [values | row for row in read_jsonl(path)]
    return rows


def test_partitions_hold_every_row_and_the_manifest_lists_the_files(emulator, connect, tmp_path):
    connect()
    ids = accounts(emulator)
    report = {**DAILY, "report_end_date": "2026-08-03", "metrics": METRICS, "advertiser_ids": ids}
    summary, _ = run(**report, output_path=f"{tmp_path}/out/", partition_by="stat_time_day, advertiser_id")

    expected = [row for name in ids for row in days_cut(truth(emulator, name, end="2026-08-03"))]
    assert normal(partition_rows(tmp_path / "out")) == normal(expected)
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert summary["manifest"] == f"{tmp_path}/out/_manifest.json"
    assert [file["path"] for file in manifest["files"]] == summary["paths"]
    assert len(summary["paths"]) == 6
    for file in manifest["files"]:
        data = Path(file["path"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert file["rows"] == len(data.splitlines())
    assert sum(file["rows"] for file in manifest["files"]) == manifest["row_count"] == summary["row_count"]


def test_a_later_run_replaces_its_days_and_accounts_and_no_others(emulator, connect, tmp_path):
    connect()
    one, two = accounts(emulator)
    report = {
        **DAILY,
        "output_path": str(tmp_path / "out"),
        "partition_by": ["stat_time_day", "advertiser_id"],
    }
    run(**{**report, "report_end_date": "2026-08-03", "advertiser_ids": [one, two]})
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.jsonl")}
    none = {"field_name": "ad_ids", "filter_type": "IN", "filter_value": ["1"]}

    run(
        **{
            **report,
            "report_start_date": "2026-08-02",
            "report_end_date": "2026-08-03",
            "advertiser_ids": [one],
        }
    )
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.jsonl")} == before

    emulator.configure(zero_rows=False, ads=0)
    run(
        **{
            **report,
            "report_start_date": "2026-08-02",
            "report_end_date": "2026-08-02",
            "advertiser_ids": [one],
        }
    )
    emulator.configure(zero_rows=True, ads=40)
    gone = set(before) - set((tmp_path / "out").rglob("*.jsonl"))
    assert {str(path.parent.relative_to(tmp_path / "out")) for path in gone} == {
        f"stat_time_day=2026-08-02/advertiser_id={one}"
    }
    assert none["field_name"] == "ad_ids"


def test_the_summary_lists_a_hundred_files_and_the_manifest_all(emulator, connect, tmp_path):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    dates = {
        "report_start_date": "2026-01-01",
        "report_end_date": "2026-04-30",
        "advertiser_ids": advertiser_id,
    }
    summary, _ = run(
        dimensions="advertiser_id,stat_time_day",
        output_path=f"{tmp_path}/",
        partition_by="stat_time_day",
        **dates,
    )
    manifest = json.loads(Path(summary["manifest"]).read_text())
    assert (len(summary["paths"]), summary["path_count"], len(manifest["files"])) == (100, 120, 120)
    assert summary["paths"] == [file["path"] for file in manifest["files"]][:100]


@pytest.mark.parametrize("path", ["rows.csv", "folder/"])
def test_an_empty_rerun_clears_what_the_same_request_wrote(emulator, connect, tmp_path, path):
    connect()
    report = {
        **ONE_DAY,
        "advertiser_ids": accounts(emulator),
        "output_path": f"{tmp_path}/{path}",
        "output_format": "csv",
    }
    full, _ = run(**report)
    emulator.configure(ads=0)
    empty, _ = run(**report)
    emulator.configure(ads=40)
    assert full["paths"] == empty["paths"]
    assert full["columns"] == empty["columns"]
    assert full["row_count"] > 0 == empty["row_count"]
    assert Path(empty["paths"][0]).read_text() == "advertiser_id,ad_id,spend,impressions\n"


# -- failures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"preset": "ad_grup_summary"}, ["`preset`", "Did you mean 'ad_group_summary'"]),
        ({**ONE_DAY, "metrics": "spendd"}, ["`metrics`", "did you mean 'spend'"]),
        ({**ONE_DAY, "metrics": []}, ["`metrics`", "is empty"]),
        ({**ONE_DAY, "metrics": "conversions"}, ["`metrics`", "did you mean 'conversion'"]),
        ({"dimensions": "ad_id,stat_time_dya"}, ["`dimensions`", "did you mean 'stat_time_day'"]),
        ({"dimensions": "stat_time_day"}, ["`dimensions`", "exactly one ID dimension"]),
        ({"dimensions": "ad_id,campaign_name"}, ["`dimensions`", "Move to `metrics`"]),
        ({}, ["`dimensions`", "`preset`"]),
        ({**ONE_DAY, "data_level": "AUCTION_ADD"}, ["`data_level`", "Did you mean 'AUCTION_AD'"]),
        ({**ONE_DAY, "data_level": "AUCTION_CAMPAIGN"}, ["`data_level`", "ad_id", "AUCTION_AD"]),
        ({**ONE_DAY, "order_field": "spned"}, ["`order_field`", "did you mean 'spend'"]),
        ({**ONE_DAY, "order_field": "ad_name"}, ["`order_field`", "spend"]),
        ({**ONE_DAY, "order_type": "UP"}, ["`order_type`", "ASC, DESC"]),
        ({**ONE_DAY, "report_end_date": "2026-07-01"}, ["`report_start_date`", "Swap"]),
        ({**ONE_DAY, "report_start_date": "last week"}, ["`report_start_date`", "YYYY-MM-DD"]),
        ({**ONE_DAY, "report_start_date": "2999-01-01"}, ["`report_start_date`", "future"]),
        ({**ONE_DAY, "report_end_date": "2999-01-01"}, ["`report_end_date`", "future"]),
        ({**ONE_DAY, "filters": "{ not json"}, ["`filters`", "not JSON"]),
        ({**ONE_DAY, "filters": '{"field_name": "ad_ids"}'}, ["`filters`", "must be a list"]),
        (
            {**ONE_DAY, "filters": [{"field_name": "ad_ids", "filter_type": "IN"}]},
            ["filters[0]", "filter_value"],
        ),
        ({**ONE_DAY, "lookback_days": "-1"}, ["`lookback_days`"]),
        ({**ONE_DAY, "advertiser_ids": "acme"}, ["advertiser_ids", "'acme'"]),
        ({**ONE_DAY, "advertiser_ids": None}, ["`advertiser_ids`", "connection", '"*"']),
        ({**ONE_DAY, "report_type": "BASIK"}, ["`report_type`", "Did you mean 'BASIC'"]),
        (
            {**ONE_DAY, "mode": "async", "request_params": {"query_mode": "REGULAR"}},
            ["query_mode", "`mode='sync'`"],
        ),
        ({**ONE_DAY, "service_type": "RESERVATION"}, ["`service_type`", "`buying_type`"]),
        ({**ONE_DAY, "request_params": "[1]"}, ["`request_params`"]),
        ({**ONE_DAY, "request_params": {"start_date": "2026-01-01"}}, ["`report_start_date`"]),
        ({**ONE_DAY, "request_params": {"page_size": 5000}}, ["page_size", "1000"]),
        ({**ONE_DAY, "tiktok_conn_id": "missing"}, ["'missing'", "AIRFLOW_CONN_MISSING"]),
        ({**ONE_DAY, "output_path": "{tmp}/rows.xlsx"}, ["`output_path`", "jsonl, csv"]),
        ({**ONE_DAY, "output_path": "{tmp}/rows.csv", "output_format": "jsonl"}, ["`output_format`", ".csv"]),
        ({**ONE_DAY, "output_path": "{tmp}/rows", "output_format": "xml"}, ["`output_format`", "jsonl, csv"]),
        ({**ONE_DAY, "output_path": "file://tmp/rows.csv"}, ["`output_path`", "a host, 'tmp'"]),
        (
            {**ONE_DAY, "output_path": "{tmp}/rows.csv", "output_conn_id": "missing"},
            ["no connection 'missing'", "`output_conn_id`"],
        ),
        ({**ONE_DAY, "output_path": "nowhere://bucket/rows.csv"}, ["`output_path`", "nowhere"]),
        (
            {**ONE_DAY, "output_path": "s3://bucket/rows.csv"},
            ["`output_path`", "airflow-provider-tiktok[s3]"],
        ),
        ({**ONE_DAY, "output_path": "/proc/nowhere/rows.csv"}, ["`output_path`", "'/proc"]),
        (
            {**ONE_DAY, "output_path": "{tmp}/out", "partition_by": "country"},
            ["`partition_by` has country, which"],
        ),
        ({**ONE_DAY, "partition_by": "ad_id"}, ["`partition_by`", "`output_path`"]),
    ],
    ids=lambda value: "-".join(str(item) for item in value.values())[:60] if isinstance(value, dict) else "",
)
def test_bad_input_is_refused_before_any_call_and_nothing_is_written(
    emulator, connect, tmp_path, parameters, says
):
    connect()
    parameters = {"advertiser_ids": accounts(emulator, 1), **parameters}
    if "output_path" in parameters:
        parameters["output_path"] = parameters["output_path"].replace("{tmp}", str(tmp_path))
    with pytest.raises(AirflowFailException) as caught:
        run(**parameters)
    for words in says:
        assert words in str(caught.value)
    assert emulator.calls == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"password": None}, "no access token"),
        ({"host": "ftp://tiktok"}, "host"),
        pytest.param({"extra": "{"}, "not valid JSON", marks=needs_bad_extra),
        ({"extra": {"qps": "many"}}, "'qps'"),
        ({"extra": {"environment": "moon"}}, "'environment'"),
    ],
)
def test_a_connection_that_cannot_be_used_is_named(emulator, monkeypatch, changes, says):
    fields = {"conn_type": "tiktok", "host": emulator.url, "password": "some-long-token", **changes}
    monkeypatch.setenv(
        "AIRFLOW_CONN_BROKEN", json.dumps({name: value for name, value in fields.items() if value})
    )
    if changes.get("extra") == "{":
        monkeypatch.setenv("AIRFLOW_CONN_BROKEN", "tiktok://:some-long-token@127.0.0.1:1/?__extra__=%7B")
    with pytest.raises(AirflowFailException, match="broken") as caught:
        run(**ONE_DAY, tiktok_conn_id="broken", advertiser_ids="1")
    assert says in str(caught.value)
    assert "some-long-token" not in str(caught.value)


@pytest.mark.parametrize("option", ["on_empty", "on_advertiser_error"])
def test_an_unknown_choice_breaks_the_dag_not_the_run(option):
    with pytest.raises(ValueError, match=f"`{option}` is 'perhaps'"):
        TikTokReportOperator(task_id="report", preset="ad_group_summary", **{option: "perhaps"})


PERMANENT = [
    ("code:40002", TikTokInvalidRequestError),
    ("code:40105", TikTokAuthError),
    ("code:40102", TikTokAuthError),
    ("code:41000", TikTokPermissionError),
    ("code:40300", TikTokPermissionError),
]


@pytest.mark.parametrize(("fault", "kind"), PERMANENT)
def test_permanent_errors_end_the_task_at_once(emulator, connect, tmp_path, fault, kind):
    connect()
    emulator.set_faults([{"fault": fault, "path": "report/integrated/get/"}])
    with pytest.raises(AirflowFailException) as caught:
        run(**ONE_DAY, advertiser_ids=accounts(emulator, 1), output_path=str(tmp_path / "rows.csv"))
    assert type(caught.value.__cause__) is kind
    for words in ("advertiser 71", "2026-08-01 to 2026-08-01", "page 1", fault[5:], "request_id 20"):
        assert words in str(caught.value)
    assert len(emulator.calls) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_fail_fast_airflow_may_retry(emulator, connect):
    connect()
    emulator.set_faults([{"fault": "code:40105"}])
    with pytest.raises(TikTokAuthError) as caught:
        run(**ONE_DAY, advertiser_ids=accounts(emulator, 1), fail_fast=False)
    assert (caught.value.code, caught.value.retryable) == (40105, False)
    for words in (
        "the field 'Access token' of the Airflow connection",
        "the connection 'tiktok_default'",
        "`airflow-tiktok doctor tiktok_default`",
        "`airflow-tiktok connect tiktok_default`",
    ):
        assert words in str(caught.value)


@pytest.mark.sampled(12)
@pytest.mark.parametrize(
    "fault",
    [
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
        *("code:50000", "code:50002", "code:60001", "code:51010", "code:40100", "code:40133", "code:59999"),
        *("drop_row", "duplicate_row", "moving_total"),
    ],
)
@pytest.mark.parametrize("page", [1, 2])
def test_a_fault_that_passes_leaves_right_rows(emulator, connect, fast_retries, tmp_path, fault, page):
    connect()
    (advertiser_id,) = accounts(emulator, 1)
    emulator.set_faults([{"fault": fault, "page": page, "first": 1}])
    summary, _ = run(
        **DAILY, metrics=METRICS, advertiser_ids=advertiser_id, output_path=str(tmp_path / "rows.jsonl")
    )
    assert normal(read_jsonl(tmp_path / "rows.jsonl")) == normal(days_cut(truth(emulator, advertiser_id)))
    assert summary["api_calls"] > 3
    assert summary["retried_calls"] > 0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("http_500", TikTokTransportError),
        ("html_200", TikTokTransportError),
        ("drop_row", TikTokIncompleteReportError),
        ("duplicate_row", TikTokIncompleteReportError),
        ("short_page", TikTokIncompleteReportError),
    ],
)
def test_a_fault_that_stays_fails_the_task_for_airflow_to_retry(
    emulator, connect, fast_retries, tmp_path, fault, kind
):
    connect()
    before = tmp_path / "rows.jsonl"
    before.write_text("what was there before\n")
    emulator.set_faults([{"fault": fault, "path": "report/integrated/get/"}])
    with pytest.raises(kind) as caught:
        run(**DAILY, advertiser_ids=accounts(emulator, 1), output_path=str(before))
    assert caught.value.retryable is True
    assert before.read_text() == "what was there before\n"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_truncated_report_that_cant_be_split_fails_with_the_reason(emulator, connect):
    connect()
    emulator.set_faults([{"fault": "throttle_header", "path": "report/integrated/get/"}])
    with pytest.raises(
        AirflowFailException,
        match=r"TikTok left rows out .*the account's own figures, page 1.* Filter by",
    ) as caught:
        run(**ONE_DAY, advertiser_ids=accounts(emulator, 1))
    assert isinstance(caught.value.__cause__, TikTokIncompleteReportError)
    # the report itself, the list of campaigns to split it by, and what shows that a list of all campaigns is complete
    dimensions = [call.query["dimensions"] for call in emulator.calls if "dimensions" in call.query]
    assert dimensions == [["ad_id"], ["campaign_id"], ["advertiser_id"]]
    assert len(emulator.calls) <= len(dimensions) + 3


def test_rows_too_many_for_xcom_say_so_and_fetching_stops(emulator, connect):
    connect()
    with pytest.raises(AirflowFailException, match=r"`output_path`.*`max_xcom_bytes`") as caught:
        run(
            **{**DAILY, "report_end_date": "2026-10-30"},
            advertiser_ids=accounts(emulator),
            max_xcom_bytes=10_000,
        )
    assert isinstance(caught.value.__cause__, TikTokResultTooLargeError)
    assert len(emulator.calls) < 20


def test_an_empty_report_is_what_on_empty_says(emulator, connect, tmp_path):
    connect()
    empty = next(name for name in emulator.world.accounts if name.startswith("72"))
    report = {**ONE_DAY, "advertiser_ids": empty, "output_path": str(tmp_path / "rows.jsonl")}
    assert run(**report)[0]["row_count"] == 0
    with pytest.raises(AirflowSkipException):
        run(**report, on_empty="skip")
    (tmp_path / "rows.jsonl").write_text("before")
    with pytest.raises(TikTokEmptyReportError):
        run(**report, on_empty="fail")
    assert (tmp_path / "rows.jsonl").read_text() == "before"


# -- one account of several -----------------------------------------------------------------------------


def forbid(emulator, advertiser_id):
    emulator.set_faults(
        [
            {
                "fault": "code:40001",
                "message": "advertiser does not grant you /report/integrated/get/:GET permission",
                "advertiser_id": advertiser_id,
                "path": "report/integrated/get/",
            }
        ]
    )


def test_skip_leaves_one_account_out_and_says_why(emulator, connect):
    connect()
    one, two = accounts(emulator)
    forbid(emulator, one)
    summary, pushed = run(**ONE_DAY, advertiser_ids=[one, two], on_advertiser_error="skip")
    assert summary["advertiser_ids"] == [two]
    assert list(summary["skipped_advertisers"]) == [one]
    assert "does not grant you" in summary["skipped_advertisers"][one]
    assert summary["complete"] is False
    assert {row["advertiser_id"] for row in pushed["rows"]} == {two}


@pytest.mark.parametrize("days", [{}, {"report_start_date": "2026-08-01"}], ids=["last day", "old day"])
def test_of_all_accounts_only_the_one_that_grants_nothing_is_skipped(emulator, connect, forbidden, days):
    connect()
    summary, _ = run(
        dimensions="advertiser_id", advertiser_ids="*", on_advertiser_error="skip", metrics="spend", **days
    )
    assert summary["advertiser_ids"] == sorted(name for name in emulator.world.accounts if name != forbidden)
    assert list(summary["skipped_advertisers"]) == [forbidden]
    assert "advertiser does not grant you" in summary["skipped_advertisers"][forbidden]


def test_the_log_calls_no_report_of_refused_accounts_one_of_the_lifetime(
    emulator, connect, forbidden, caplog
):
    caplog.set_level("INFO")
    connect()
    with pytest.raises(AirflowFailException, match="grant"):
        run(dimensions="ad_id,stat_time_day", advertiser_ids=forbidden, metrics="spend")
    logged = caplog.text
    assert "1 account(s), days not known, 0 window(s)" in logged
    assert "lifetime" not in logged


@pytest.mark.parametrize("policy", ["fail", "fail_at_end"])
def test_other_policies_fail(emulator, connect, policy):
    connect()
    one, two = accounts(emulator)
    forbid(emulator, one)
    with pytest.raises(AirflowFailException, match="grant"):
        run(**ONE_DAY, advertiser_ids=[one, two], on_advertiser_error=policy)
    if policy == "fail_at_end":
        assert {call.query["advertiser_id"] for call in emulator.calls} == {one, two}


@pytest.mark.parametrize(
    ("policy", "level", "text"),
    [
        ("skip", "WARNING", "is skipped"),
        ("fail_at_end", "ERROR", "failed; the others are fetched before the task fails"),
    ],
)
def test_the_log_says_what_an_accounts_failure_means_for_the_others(
    emulator, connect, caplog, policy, level, text
):
    connect()
    one, two = accounts(emulator)
    forbid(emulator, one)
    fails = pytest.raises(AirflowFailException) if policy == "fail_at_end" else nullcontext()
    with fails:
        run(**ONE_DAY, advertiser_ids=[one, two], on_advertiser_error=policy)
    [record] = [each for each in caplog.records if each.getMessage().startswith(f"Advertiser {one} ")]
    assert record.levelname == level
    assert record.getMessage().startswith(f"Advertiser {one} {text}. TikTok refused the call")


def test_a_revoked_token_is_never_skipped(emulator, connect):
    connect()
    emulator.set_faults([{"fault": "code:40105"}])
    with pytest.raises(AirflowFailException, match="Authorise the app again"):
        run(**ONE_DAY, advertiser_ids=accounts(emulator), on_advertiser_error="skip")


def test_all_accounts_skipped_is_a_failure(emulator, connect):
    connect()
    emulator.set_faults([{"fault": "code:40001"}])
    with pytest.raises(AirflowFailException, match="2 of 2 advertiser accounts failed"):
        run(**ONE_DAY, advertiser_ids=accounts(emulator), on_advertiser_error="skip")


# -- dates -----------------------------------------------------------------------------------------------


def dates_of(emulator, context, **more):
    emulator.clear()
    run(context, dimensions="advertiser_id", advertiser_ids=accounts(emulator, 1), **more)
    calls = [call for call in emulator.calls if call.path.endswith("report/integrated/get/")]
    return calls[0].query["start_date"], calls[-1].query["end_date"]


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


class Dag:
    def __init__(self, zone):
        self.timezone = ZoneInfo(zone)


def test_a_data_interval_gives_its_days_in_the_dags_time_zone(emulator, connect):
    connect()
    berlin = {
        "dag": Dag("Europe/Berlin"),
        "data_interval_start": utc(2026, 8, 1, 22),
        "data_interval_end": utc(2026, 8, 2, 22),
    }
    assert dates_of(emulator, berlin) == ("2026-08-02", "2026-08-02")
    week = {"data_interval_start": utc(2026, 8, 3), "data_interval_end": utc(2026, 8, 10)}
    assert dates_of(emulator, week) == ("2026-08-03", "2026-08-09")
    assert dates_of(emulator, week, lookback_days="3") == ("2026-07-31", "2026-08-09")


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (utc(2026, 8, 9, 6), utc(2026, 8, 10, 6), ("2026-08-09", "2026-08-09")),
        (utc(2026, 8, 9, 18), utc(2026, 8, 11, 6), ("2026-08-09", "2026-08-10")),
        (utc(2026, 8, 9, 6), utc(2026, 8, 9, 7), ("2026-08-09", "2026-08-09")),
        (utc(2026, 8, 9, 23, 30), utc(2026, 8, 10, 0, 30), ("2026-08-09", "2026-08-09")),
        (utc(2026, 8, 3, 6), utc(2026, 8, 10, 6), ("2026-08-03", "2026-08-09")),
    ],
)
def test_intervals_that_follow_each_other_have_each_day_once(emulator, connect, start, end, days):
    connect()
    assert dates_of(emulator, {"data_interval_start": start, "data_interval_end": end}) == days


def test_a_run_without_interval_gives_the_accounts_last_complete_day(emulator, connect):
    connect()
    los_angeles = accounts(emulator, 1)[0]
    assert emulator.world.accounts[los_angeles].zone == "America/Los_Angeles"
    start = utc(2026, 8, 10)  # the 9th, 17:00, there
    assert dates_of(emulator, {"data_interval_start": start, "data_interval_end": start}) == (
        "2026-08-08",
        "2026-08-08",
    )


def test_two_accounts_may_get_two_days(emulator, connect):
    connect()
    zones = {account.zone: name for name, account in emulator.world.accounts.items() if name.startswith("71")}
    start = utc(2026, 8, 10, 12)
    run(
        {"data_interval_start": start, "data_interval_end": start},
        dimensions="advertiser_id",
        advertiser_ids=[zones["America/Los_Angeles"], zones["Pacific/Auckland"]],
    )
    days = {
        call.query["advertiser_id"]: call.query["start_date"]
        for call in emulator.calls
        if "start_date" in call.query
    }
    assert days == {zones["America/Los_Angeles"]: "2026-08-09", zones["Pacific/Auckland"]: "2026-08-10"}


def test_explicit_dates_take_precedence_and_one_date_is_that_day(emulator, connect):
    connect()
    context = {"data_interval_start": utc(2026, 8, 3), "data_interval_end": utc(2026, 8, 10)}
    assert dates_of(emulator, context, report_start_date="2026-07-01") == ("2026-07-01", "2026-07-01")
    assert dates_of(emulator, context, report_end_date="2026-07-05") == ("2026-07-05", "2026-07-05")


def test_an_error_that_airflow_does_not_retry_is_still_of_its_class(emulator, connect):
    connect()
    with pytest.raises(AirflowFailException) as caught:
        run(dimensions="ad_id", metrics="spendd")
    assert isinstance(caught.value, TikTokInvalidRequestError)
    assert caught.value.code is None
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy)) == (AirflowFailException, str(caught.value))
    emulator.set_faults([{"fault": "code:40105"}])
    with pytest.raises(TikTokAuthError) as refused:
        run(advertiser_ids=accounts(emulator, 1), preset="ad_group_summary", report_start_date="2026-08-01")
    assert isinstance(refused.value, AirflowFailException)
    assert refused.value.code == 40105
    assert refused.value.request_id


def test_what_is_left_out_for_good_says_what_to_do(emulator, connect):
    connect()
    emulator.set_faults([{"fault": "throttle_header"}])
    with pytest.raises(TikTokIncompleteReportError, match="Ask for less at a time: group by campaign_id"):
        run(
            advertiser_ids=accounts(emulator, 1),
            report_type="AUDIENCE",
            dimensions="age",
            data_level="AUCTION_AD",
            metrics="spend",
            report_start_date="2026-08-01",
        )


# -- secrets --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["reset", "http_500", "code:40105", "code:40001", "html_200"])
def test_no_error_and_no_log_holds_a_secret(emulator, connect, fast_retries, caplog, fault):
    import traceback

    from tests.conftest import SECRET, TOKEN

    connect()
    caplog.set_level("DEBUG")
    message = f"token {TOKEN} of secret {SECRET}" if fault.startswith("code") else None
    emulator.set_faults([{"fault": fault, **({"message": message} if message else {})}])
    with pytest.raises(Exception) as caught:  # noqa: PT011 - no error may show a secret
        run(**ONE_DAY, advertiser_ids="*")
    logged = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(caught.value.__cause__)
    assert TOKEN not in logged
    assert SECRET not in logged


# -- stopping -------------------------------------------------------------------------------------------


def test_a_killed_task_stops_at_once_while_it_waits_for_a_throttled_app(
    emulator, connect, within, real_clock
):
    connect()
    emulator.set_faults([{"fault": "code:40100"}])
    operator = TikTokReportOperator(task_id="report", **ONE_DAY, advertiser_ids=accounts(emulator, 1))
    kill_later(operator, 0.5)
    with within(3), pytest.raises(TikTokStoppedError):
        operator.execute({})


class Timeout(BaseException):
    """What Airflow raises in the middle of a task whose time is over."""


def test_a_timed_out_task_does_not_wait_for_running_calls(emulator, connect, tmp_path, within, real_clock):
    connect()
    emulator.set_faults([{"fault": "code:40100", "page": 2}])

    def time_is_over(*_):
        raise Timeout

    before = signal.signal(signal.SIGALRM, time_is_over)
    signal.setitimer(signal.ITIMER_REAL, 0.7)
    try:
        with within(3), pytest.raises(Timeout):
            run(**DAILY, advertiser_ids=accounts(emulator, 1), output_path=str(tmp_path / "rows.csv"))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert list(tmp_path.iterdir()) == []
    wait_for_calls(5)


# -- what other tasks left ----------------------------------------------------------------------------


def test_a_skipped_accounts_files_stay_as_they_are(emulator, connect, tmp_path):
    connect()
    one, two = accounts(emulator)
    report = {
        **DAILY,
        "report_end_date": "2026-08-02",
        "advertiser_ids": [one, two],
        "output_path": f"{tmp_path}/",
    }
    report |= {"partition_by": ["stat_time_day", "advertiser_id"], "on_advertiser_error": "skip"}
    run(**report)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    forbid(emulator, two)
    run(**report)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")} == before


def test_an_account_that_joins_the_connection_is_not_counted_twice(emulator, connect, tmp_path):
    report = {
        **DAILY,
        "report_end_date": "2026-08-02",
        "output_path": f"{tmp_path}/",
        "partition_by": "stat_time_day",
    }
    connect(advertiser_ids=accounts(emulator, 2))
    run(**report)
    connect(advertiser_ids=accounts(emulator, 3))
    summary, _ = run(**report)
    assert len(partition_rows(tmp_path)) == summary["row_count"] == 3 * 2 * 40


def test_another_reports_files_in_the_same_folders_are_named(emulator, connect, tmp_path, caplog):
    connect(advertiser_ids=accounts(emulator, 1))
    report = {
        **DAILY,
        "report_end_date": "2026-08-02",
        "output_path": f"{tmp_path}/",
        "partition_by": "stat_time_day",
    }
    run(**report)
    assert "other requests" not in caplog.text
    run(**report, metrics="spend,clicks")
    assert "2 data file(s) of other requests" in caplog.text


def test_overlapping_runs_in_one_folder_are_warned_of(emulator, connect, tmp_path, caplog):
    connect(advertiser_ids=accounts(emulator, 1))
    run(**ONE_DAY, lookback_days=1, output_path=f"{tmp_path}/plain/")
    assert "runs overlap" not in caplog.text
    run(**{**ONE_DAY, "dimensions": "ad_id,stat_time_day"}, lookback_days=1, output_path=f"{tmp_path}/days/")
    assert "runs overlap" in caplog.text
    assert "stat_time_day to `partition_by`" in caplog.text


def test_time_zones_that_only_serve_the_summary_may_be_refused(emulator, connect):
    connect()
    emulator.set_faults([{"fault": "code:40002", "path": "advertiser/info/"}])
    today = datetime.now(timezone.utc).date()
    (los_angeles,) = accounts(emulator, 1)
    summary, _ = run(dimensions="advertiser_id", report_start_date=today, advertiser_ids=los_angeles)
    assert [call.code for call in emulator.calls] == [40002, 0]
    assert (summary["advertiser_ids"], summary["is_final"]) == ([los_angeles], False)


def test_a_failing_store_is_left_to_airflows_retries(emulator, connect, tmp_path, monkeypatch):
    connect()

    def broken(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(TikTokOutputError, match="run the task again") as caught:
        run(**ONE_DAY, advertiser_ids=accounts(emulator, 1), output_path=str(tmp_path / "rows.csv"))
    assert caught.value.retryable is True
    assert list(tmp_path.iterdir()) == []


def test_a_kill_before_publishing_leaves_everything_as_it_was(emulator, connect, tmp_path, monkeypatch):
    from airflow_provider_tiktok.operators._run import run

    connect()
    path = tmp_path / "rows.csv"
    operator = TikTokReportOperator(
        task_id="report", **ONE_DAY, advertiser_ids=accounts(emulator, 1), output_path=str(path)
    )
    fetched = run.RunCheckpoint.batches

    def and_then_killed(*given):
        yield from fetched(*given)
        operator.on_kill()

    monkeypatch.setattr(run.RunCheckpoint, "batches", and_then_killed)
    with pytest.raises(TikTokStoppedError, match="before its result was published"):
        operator.execute({})
    assert list(tmp_path.iterdir()) == []


def test_more_concurrent_calls_keep_more_connections(emulator, connect, caplog, tmp_path):
    connect()
    emulator.configure(latency_ms=20)
    run(
        **{**DAILY, "report_end_date": "2026-08-30"},
        advertiser_ids=accounts(emulator, 1),
        request_params={"page_size": 40},
        max_concurrency=24,
        output_path=str(tmp_path / "rows.jsonl"),
    )
    emulator.configure(latency_ms=0)
    assert "Connection pool is full" not in caplog.text


def test_rows_of_another_day_are_refused_and_overwrite_nothing(emulator, connect, tmp_path, monkeypatch):
    from airflow_provider_tiktok.reports.rows import reader

    connect()
    report = {**DAILY, "advertiser_ids": accounts(emulator, 1), "output_path": f"{tmp_path}/"}
    report["partition_by"] = "stat_time_day"
    run(**{**report, "report_end_date": "2026-08-01"})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    read = reader.RowReader.read

    def of_the_first(self, advertiser_id, items, *more):
        for item in items:
            item["dimensions"]["stat_time_day"] = "2026-08-01 00:00:00"
        return read(self, advertiser_id, items, *more)

    monkeypatch.setattr(reader.RowReader, "read", of_the_first)
    with pytest.raises(TikTokIncompleteReportError, match=r"'2026-08-01', which was not asked for .*page 1"):
        run(**{**report, "report_start_date": "2026-08-02", "report_end_date": "2026-08-02"})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")} == before


@pytest.mark.parametrize("fault", ["code:-1", "code:41000", "code:40118", "code:40006"])
def test_errors_of_the_app_are_never_one_accounts(emulator, connect, fault):
    connect()
    one, two = accounts(emulator)
    emulator.set_faults([{"fault": fault, "advertiser_id": two, "path": "report/integrated/get/"}])
    with pytest.raises(AirflowFailException):
        run(**ONE_DAY, advertiser_ids=[one, two], on_advertiser_error="skip")


def test_another_format_replaces_the_files_of_the_first(emulator, connect, tmp_path):
    connect()
    report = {**ONE_DAY, "advertiser_ids": accounts(emulator, 1), "output_path": f"{tmp_path}/"}
    run(**report, output_format="csv")
    run(**report, output_format="jsonl.gz")
    assert [path.name.split(".", 1)[1] for path in tmp_path.iterdir() if path.name[0] != "_"] == ["jsonl.gz"]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"metrics": ""}, "`metrics` is empty"),
        ({"metrics": "spend clicks"}, "'spend clicks', which is not a name"),
        ({"output_path": "s3://key:secret@bucket/x.csv"}, "`output_conn_id`"),
        ({"output_format": "csv"}, "`output_format` is about files"),
        (
            {"filters": [{"field_name": "ad_ids", "filter_type": "IN", "filter_value": "abc"}]},
            "IDs are numbers",
        ),
    ],
)
def test_more_that_can_not_be_right_is_refused(emulator, connect, parameters, says):
    connect()
    with pytest.raises(AirflowFailException, match=says) as caught:
        run(**ONE_DAY, advertiser_ids=accounts(emulator, 1), **parameters)
    assert "secret" not in str(caught.value)
    assert emulator.calls == []


@pytest.mark.parametrize("name", ["query_lifetime", "include_deleted", "with_parents", "fail_fast"])
def test_a_switch_is_no_text(name):
    with pytest.raises(ValueError, match=f"`{name}` must be True or False, not 'False'"):
        TikTokReportOperator(task_id="report", preset="ad_group_summary", **{name: "False"})


def test_many_windows_without_a_time_dimension_are_warned_of(emulator, connect, caplog, tmp_path):
    connect()
    dates = {"report_start_date": "2025-01-01", "report_end_date": "2026-03-31"}
    run(
        dimensions="campaign_id",
        advertiser_ids=accounts(emulator, 1),
        output_path=f"{tmp_path}/x.csv",
        **dates,
    )
    assert "each window of 365 days, the most that TikTok sums up without a time dimension" in caplog.text
