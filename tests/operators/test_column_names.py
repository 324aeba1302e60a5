"""Names of columns, and the time of the load: in files, tables and XCom, and over retries."""

import csv
import gzip
import io
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokInvalidRequestError, TikTokOutputError
from airflow_provider_tiktok.operators._outputs.columns import NAMED, read_columns
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator
from airflow_provider_tiktok.storage.formats import EXTENSIONS
from tests.databases import open_database, use_hooks
from tests.operators.test_checkpoint import TaskDeferred, attempt
from tests.operators.test_report_operator import TaskInstance, accounts, forbid
from tests.threads import wait_for_calls

METRICS = ["ad_name", "spend", "clicks", "impressions", "video_views_p25", "video_watched_2s"]
DAILY = {
    "dimensions": ["ad_id", "stat_time_day"],
    "metrics": METRICS,
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-08-02",
}
COLUMNS = ["advertiser_id", *DAILY["dimensions"], *METRICS]
KEYS = {"advertiser_id": "account", "ad_id": "Ad ID", "stat_time_day": "day"}
SWAPPED = {"clicks": "impressions", "impressions": "clicks"}
CROSSED = SWAPPED | {"stat_time_day": "ad_id", "ad_id": "ad"}
MAPPINGS = {
    "none": None,
    "metrics": {"spend": "cost", "ad_name": 'name "of" ü'},
    "keys": KEYS,
    "json": json.dumps(KEYS | {"spend": "cost"}),
    "crossed": CROSSED,
    "fivetran": "fivetran",
}
LOADED = "_loaded"
TIME = r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z"


def names_of(mapping):
    """Return the new name of each column."""
    if mapping == "fivetran":
        mapping = NAMED["fivetran"]["report"]
    mapping = json.loads(mapping) if isinstance(mapping, str) else mapping or {}
    return {name: mapping.get(name, name) for name in COLUMNS}


@pytest.fixture(autouse=True)
def _connected(emulator, connect):
    connect(advertiser_ids=accounts(emulator))
    yield
    emulator.configure(today=None, task_seconds=1.0)


def run(context=None, **parameters):
    summary = TikTokReportOperator(task_id="report", **{**DAILY, **parameters}).execute(context or {})
    json.dumps(summary)
    return summary


def text(value):
    """Return a value of any format as one text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if value is None or isinstance(value, str):
        return value or None
    return format(float(value), ".6f") if not hasattr(value, "isoformat") else value.isoformat()


def rows_of(path):
    """Return the rows of a file, with the values of its folders."""
    file = Path(path)
    folders = dict(part.split("=") for part in path.split("/")[:-1] if "=" in part)
    if path.endswith(".parquet"):
        rows = pytest.importorskip("pyarrow.parquet").ParquetFile(path).read().to_pylist()
    else:
        data = file.read_bytes()
        content = (gzip.decompress(data) if path.endswith(".gz") else data).decode()
        if ".csv" in path:
            rows = list(csv.DictReader(io.StringIO(content, newline="")))
        else:
            rows = list(map(json.loads, content.split("\n")[:-1]))
    return [{**row, **{name.replace("%20", " "): value for name, value in folders.items()}} for row in rows]


def normalized(rows, names, numbers):
    """Return rows by TikTok's names, numbers alike in all formats, sorted."""
    return sorted(
        [[text(float(row[names[name]]) if name in numbers and row[names[name]] not in (None, "") else row[names[name]])
          for name in COLUMNS] for row in rows],
        key=str,
    )  # fmt: skip


NUMBERS = {"spend", "clicks", "impressions", "video_views_p25", "video_watched_2s"}


# files


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    ("mapping", "loaded"), [("none", None), ("keys", None), *((name, LOADED) for name in MAPPINGS)]
)
@pytest.mark.parametrize("partition_by", [None, "stat_time_day", "advertiser_id, stat_time_day", "new"])
@pytest.mark.parametrize("output_format", EXTENSIONS)
def test_files_hold_the_same_rows_under_other_names(tmp_path, output_format, partition_by, mapping, loaded):
    names = names_of(MAPPINGS[mapping])
    if partition_by == "new":
        partition_by = [names["stat_time_day"], names["advertiser_id"]]
    elif mapping == "crossed" and partition_by:
        partition_by = partition_by.replace("stat_time_day", "ad_id")  # whose name it has
    right = run(output_path=f"{tmp_path}/right.jsonl")
    found = run(
        output_path=f"{tmp_path}/out/",
        output_format=output_format,
        partition_by=partition_by,
        column_names=MAPPINGS[mapping],
        loaded_at=loaded,
    )
    rows = [row for path in found["paths"] for row in rows_of(path)]
    assert normalized(rows, names, NUMBERS) == normalized(
        rows_of(right["paths"][0]), {name: name for name in COLUMNS}, NUMBERS
    )
    types = {names[name]: kind for name, kind in right["columns"].items()} | (
        {loaded: "timestamp_utc"} if loaded else {}
    )
    assert found["columns"] == types
    assert list(found["columns"]) == list(types)
    manifest = json.loads(Path(found["manifest"]).read_text(encoding="utf-8"))
    assert manifest["columns"] == types
    assert {name for entry in manifest["files"] for name in entry["partition"]} <= set(types)
    assert all(set(row) == set(types) for row in rows)
    if loaded:
        (time,) = {text(row[loaded]) for row in rows}
        age = datetime.now(timezone.utc) - datetime.fromisoformat(time.replace("Z", "+00:00"))
        assert -1 <= age.total_seconds() < 60


def test_parquet_has_the_type_of_a_time_in_utc(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    none = [{"field_name": "ad_ids", "filter_type": "IN", "filter_value": ["1"]}]
    for name, filters in (("rows", None), ("empty", none)):
        run(output_path=f"{tmp_path}/{name}.parquet", filters=filters, column_names=KEYS, loaded_at=LOADED)
    schema = parquet.read_schema(tmp_path / "rows.parquet")
    assert schema.field(LOADED).type == pa.timestamp("us", tz="UTC")
    assert schema == parquet.read_schema(tmp_path / "empty.parquet")


def test_the_same_request_writes_the_same_bytes_again_and_the_time_of_the_load_changes_them(
    tmp_path, moved_clock
):
    def written(**parameters):
        summary = run(output_path=f"{tmp_path}/{len(parameters)}/", column_names=KEYS, **parameters)
        return [Path(path).read_bytes() for path in summary["paths"]]

    assert written() == written()
    first = written(loaded_at=LOADED)
    moved_clock.advance(5)
    assert written(loaded_at=LOADED) != first


def test_a_run_with_other_names_removes_the_folders_of_the_old_ones(tmp_path):
    lake = {"output_path": f"{tmp_path}/", "partition_by": ["stat_time_day", "advertiser_id"]}
    old = run(**lake)
    new = run(**lake, column_names=KEYS)
    assert len(new["paths"]) == len(old["paths"]) == 4
    assert not set(new["paths"]) & set(old["paths"])
    assert sorted(map(str, tmp_path.rglob("*.jsonl"))) == sorted(new["paths"])
    assert all("/day=" in path and "/account=" in path for path in new["paths"])
    again = run(**lake)  # and back
    assert sorted(map(str, tmp_path.rglob("*.jsonl"))) == sorted(again["paths"]) == sorted(old["paths"])


def test_a_comparison_sees_no_change_in_the_time_of_the_load(tmp_path, moved_clock):
    report = {
        "output_path": f"{tmp_path}/",
        "partition_by": "day",
        "column_names": KEYS | {"spend": "cost"},
        "loaded_at": LOADED,
        "restatement": True,
    }
    first = run(**report)
    moved_clock.advance(60)
    found = run(**report)["restatement"]
    assert found["rows_before"] == found["rows_after"] == first["row_count"] > 0
    assert [found[f"rows_{what}"] for what in ("added", "removed", "changed")] == [0, 0, 0]
    assert found["sums"]["cost"]["before"] == found["sums"]["cost"]["after"] > 0
    # and one that is real
    path = Path(first["paths"][0])
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    changed = json.loads(lines[0])
    path.write_text(json.dumps(changed | {"clicks": 10**6}) + "\n" + "".join(lines[1:]), encoding="utf-8")
    found = run(**report)["restatement"]
    assert [found[f"rows_{what}"] for what in ("added", "removed", "changed")] == [0, 0, 1]
    assert list(found["days"]) == ["2026-08-01"]


@pytest.mark.parametrize("before", [None, KEYS, {"advertiser_id": "konto"}], ids=str)
def test_a_skipped_accounts_rows_stay_whatever_their_columns_are_called(
    emulator, forbidden, tmp_path, before
):
    lake = {"output_path": f"{tmp_path}/", "partition_by": "day"}
    run(**lake, column_names=(before or {}) | {"stat_time_day": "day"})
    forbid(emulator, accounts(emulator)[1])
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    with pytest.raises(Exception, match=r"contains rows (of advertiser|without account)") as caught:
        run(**lake, column_names=KEYS, on_advertiser_error="skip")
    assert isinstance(caught.value, TikTokOutputError)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")} == files


# XCom, lineage, templates


def test_rows_in_xcom_have_the_new_names():
    ti = TaskInstance()
    summary = run({"ti": ti}, column_names=KEYS, loaded_at=LOADED)
    rows = ti.pushed["rows"]
    assert len(rows) == summary["row_count"] > 0
    assert list(rows[0]) == list(summary["columns"]) == [*names_of(KEYS).values(), LOADED]
    assert len({row[LOADED] for row in rows}) == 1


def test_both_parameters_are_templates_and_none_is_refused():
    one = TikTokReportOperator(
        task_id="report",
        **DAILY,
        column_names={"spend": "{{ word }}"},
        loaded_at="_{{ word }}",
    )
    one.render_template_fields({"word": "cost"})
    summary = one.execute({})
    assert {"cost", "_cost"} <= set(summary["columns"])
    other = TikTokReportOperator(task_id="report", **DAILY, column_names="{{ nothing }}")
    other.render_template_fields({"nothing": None})
    with pytest.raises(
        Exception,
        match="`column_names` renders to None, or to something that holds None, and is given in the DAG as",
    ):
        other.execute({})


@pytest.mark.parametrize("nothing", [None, "", "{}", {}])
def test_no_mapping_has_many_spellings(nothing):
    assert list(run(column_names=nothing, loaded_at="")["columns"]) == COLUMNS


def test_all_other_parameters_keep_tiktoks_names(tmp_path):
    summary = run(
        output_path=f"{tmp_path}/rows.jsonl",
        column_names={"spend": "cost", "ad_id": "id", "clicks": "spend"},
        order_field="spend",
        order_type="DESC",
        filters=[{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": ["1"]}],
    )
    assert summary["columns"]["cost"] == "decimal"
    assert summary["columns"]["spend"] == "integer"


# what is refused before any call


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"column_names": {"spendd": "cost"}},
            r"renames 'spendd', which .* Did you mean 'spend'\? They have",
        ),
        (
            {"column_names": {"reach": "x"}},
            "renames 'reach', which the rows don't have. They have advertiser_id",
        ),
        ({"column_names": {"spend": "clicks"}}, "gives two columns the name 'clicks': spend and clicks"),
        ({"column_names": {"spend": "CLICKS"}}, "gives two columns the name"),
        ({"column_names": {"spend": "x", "clicks": "x"}}, "two columns the name 'x': spend and clicks"),
        ({"column_names": "fivtran"}, r"is 'fivtran'; it can be a mapping .* Did you mean 'fivetran'\?"),
        ({"column_names": '{"spend": 5}'}, r"must be an object such as \{'spend': 'cost'\}"),
        ({"column_names": ["spend"]}, "must be an object"),
        (
            {"column_names": {"spend": " "}},
            "has the name ' '. A column's name is text without spaces around it",
        ),
        ({"column_names": {"spend": "a\nb"}}, "has the name"),
        ({"loaded_at": "spend"}, "`loaded_at` is 'spend', which is already the name of spend"),
        ({"loaded_at": "COST", "column_names": {"spend": "cost"}}, "is already the name of spend"),
        ({"loaded_at": 5}, "`loaded_at` must be text"),
        ({"loaded_at": LOADED, "partition_by": LOADED}, "has _loaded, the time of the load"),
        (
            {"column_names": KEYS, "partition_by": "day,stat_time_day"},
            "names one column twice, as day and stat",
        ),
        (
            {"column_names": {"stat_time_day": "_day"}, "partition_by": "_day"},
            "which `column_names` calls _day",
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("table", [False, True])
def test_names_that_cannot_be_are_refused_before_any_call(emulator, tmp_path, parameters, message, table):
    if table:
        if "partition_by" in parameters:
            pytest.skip("tables have no folders")
        one = TikTokReportToSqlOperator(
            task_id="report", **DAILY, **parameters, sql_conn_id="warehouse", table="ads"
        )
    else:
        one = TikTokReportOperator(task_id="report", **DAILY, **parameters, output_path=f"{tmp_path}/out/")
    emulator.clear()
    with pytest.raises(TikTokInvalidRequestError, match=message):
        one.execute({})
    assert emulator.calls == []


def test_a_new_name_wins_over_tiktoks_in_partitions():
    columns = read_columns(dict.fromkeys(("a", "b", "c"), "string"), {"a": "b", "b": "x"})
    assert columns.partition_columns(["b", "x"]) == ("a", "b")
    assert columns.partition_columns(["a", "c"]) == ("a", "c")


@pytest.mark.parametrize("kind", sorted(NAMED["fivetran"]))
def test_a_named_mapping_passes_over_names_that_rows_lack_and_no_rename_is_dropped(kind):
    mapping = NAMED["fivetran"][kind]
    assert read_columns({"x": "string"}, "fivetran", kind=kind).names == {"x": "x"}
    full = read_columns(dict.fromkeys(mapping, "string"), " Fivetran ", kind=kind)
    assert list(full.types) == list(mapping.values())
    for name, new in mapping.items():  # whose rename would put one column in the other's place
        with pytest.raises(
            TikTokInvalidRequestError, match=f"two columns the name '{new}': .*Leave one of them out"
        ):
            read_columns(dict.fromkeys((name, new), "string"), "fivetran", kind=kind)


# retries


FROM_THE_FOURTH = {"fault": "code:50002", "path": "report/integrated/get/", "at": list(range(4, 60))}
LONG = {"report_start_date": "2026-03-01", "max_concurrency": 1}


def interrupted(emulator, path, **parameters):
    emulator.set_faults([FROM_THE_FOURTH])
    with pytest.raises(TikTokAPIError):
        run(attempt(1), **LONG, output_path=path, **parameters)
    wait_for_calls()
    emulator.set_faults([])
    emulator.clear()


def times(path):
    return {json.loads(line)[LOADED] for line in Path(path).read_text(encoding="utf-8").splitlines()}


def test_a_retry_keeps_the_time_of_the_rows_that_it_resumes_with(
    emulator, fast_retries, moved_clock, tmp_path
):
    path = f"{tmp_path}/rows.jsonl"
    interrupted(emulator, path, loaded_at=LOADED)
    began = moved_clock.time()
    moved_clock.advance(3600)
    summary = run(attempt(2), **LONG, output_path=path, loaded_at=LOADED)
    resumed = len(emulator.calls)
    (time,) = times(path)
    assert summary["row_count"] == len(Path(path).read_text().splitlines()) > 0
    loaded = datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()
    assert began - 600 < loaded <= began
    moved_clock.advance(60)
    emulator.clear()
    run(attempt(1), **LONG, output_path=path, loaded_at=LOADED)
    assert times(path) != {time}
    assert 0 < resumed < len(emulator.calls)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("output_format", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize(("before", "after"), [(None, KEYS), (KEYS, None), (SWAPPED, None)], ids=str)
def test_a_retry_with_other_names_starts_from_scratch(
    emulator, fast_retries, tmp_path, before, after, output_format
):
    path = f"{tmp_path}/rows.{output_format}"
    interrupted(emulator, path, column_names=before)
    run(attempt(2), **LONG, output_path=path, column_names=after)
    run(attempt(1), **LONG, output_path=f"{tmp_path}/right.{output_format}", column_names=after)
    assert Path(path).read_bytes() == Path(f"{tmp_path}/right.{output_format}").read_bytes()


def test_a_deferral_keeps_the_time(emulator, connect, fast_retries, moved_clock, tmp_path):
    path = f"{tmp_path}/rows.jsonl"
    connect(advertiser_ids=accounts(emulator), shared_budget=False)
    emulator.set_faults(
        [FROM_THE_FOURTH | {"fault": "code:40100", "message": "App reaches the QPD limit 864000"}]
    )
    report = {
        "task_id": "report",
        **DAILY,
        **LONG,
        "output_path": path,
        "loaded_at": LOADED,
        "deferrable": True,
    }
    with pytest.raises(TaskDeferred) as deferred:
        TikTokReportOperator(**report).execute(attempt(1))
    emulator.set_faults([])
    began = moved_clock.time()
    moved_clock.advance(7200)
    TikTokReportOperator(**report).go_on(attempt(1), {}, **deferred.value.kwargs)
    (time,) = times(path)
    assert datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() <= began


def test_report_tasks_have_the_names_and_the_time_too(emulator, tmp_path):
    emulator.configure(task_seconds=0)
    right = run(output_path=f"{tmp_path}/right.jsonl", column_names=KEYS)
    found = run(output_path=f"{tmp_path}/rows.jsonl", column_names=KEYS, loaded_at=LOADED, mode="async")
    rows = rows_of(found["paths"][0])
    assert {row.pop(LOADED) for row in rows} == times(found["paths"][0])
    assert rows == rows_of(right["paths"][0])


# tables


OTHERS = (pytest.param(name, marks=pytest.mark.full) for name in ("postgres", "mysql", "duckdb"))


@pytest.fixture(params=["sqlite", *OTHERS])
def database(request, tmp_path, monkeypatch):
    yield from opened(request.param, tmp_path, monkeypatch)


@pytest.fixture
def lite(tmp_path, monkeypatch):
    yield from opened("sqlite", tmp_path, monkeypatch)


def opened(name, tmp_path, monkeypatch):
    found = open_database(name, tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", found.connection())
    use_hooks(monkeypatch.setattr)
    yield found
    found.drop()


def load(**parameters):
    one = TikTokReportToSqlOperator(
        task_id="report", sql_conn_id="warehouse", **{**DAILY, "table": "ads", **parameters}
    )
    summary = one.execute({})
    json.dumps(summary)
    return summary


ACCOUNT = {"advertiser_id": "account", "spend": "cost"}
SHAPES = {
    "days": ({}, KEYS | {"spend": "cost"}),
    "hours": ({"dimensions": ["ad_id", "stat_time_hour"]}, ACCOUNT | {"stat_time_hour": "hour"}),
    "sums": ({"dimensions": ["ad_id"]}, ACCOUNT | {"report_start_date": "from"}),
    "lifetime": (
        {
            "dimensions": ["ad_id"],
            "query_lifetime": True,
            "report_start_date": None,
            "report_end_date": None,
        },
        ACCOUNT,
    ),
}
"""Reports, and names for them: a table's key has other columns in each."""


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("mapping", "loaded"), [("own", None), (None, LOADED), ("own", LOADED), ("fivetran", LOADED)]
)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_table_has_the_names_and_replaces_its_rows_by_them(emulator, database, shape, mapping, loaded):
    report, own = SHAPES[shape]
    ends = {} if shape == "lifetime" else {"report_end_date": "2026-08-01"}
    report = {"advertiser_ids": accounts(emulator)[:1], **ends, **report}
    mapping = own if mapping == "own" else mapping
    emulator.configure(today=datetime.now(timezone.utc))  # whose lifetime figures would grow meanwhile
    right = load(**report, table="plain")
    first = load(**report, column_names=mapping, loaded_at=loaded)
    second = load(**report, column_names=mapping, loaded_at=loaded)
    assert (
        second["rows_deleted"] == second["rows_inserted"] == first["rows_inserted"] == right["row_count"] > 0
    )
    columns = list(second["columns"])
    assert list(database.types("ads")) == columns
    assert columns[-1] == loaded or not loaded
    names = [name for name in columns if name != loaded]

    def rows(table, names):
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        return sorted(map(str, database.query(f"SELECT {quoted} FROM {table}")))

    assert rows("ads", names) == rows("plain", list(right["columns"]))
    new = mapping if isinstance(mapping, dict) else {}
    key = {new.get(name, name) for keys in database.keys("plain") for name in keys}
    assert [set(keys) for keys in database.keys("ads")] == [key]
    if loaded:
        ((count,),) = database.query(f'SELECT count(DISTINCT "{loaded}") FROM ads')
        assert count == 1


def test_the_time_of_the_load_is_in_utc(database, moved_clock):
    load(loaded_at=LOADED)
    ((found,),) = database.query(f'SELECT DISTINCT "{LOADED}" FROM ads')
    found = datetime.fromisoformat(found) if isinstance(found, str) else found
    age = moved_clock.time() - found.replace(tzinfo=timezone.utc).timestamp()
    assert 0 <= age < 120


def test_two_writers_with_other_names_for_one_table_are_told_so(lite):
    load()
    for add in (False, True):
        with pytest.raises(
            TikTokOutputError, match="Table ads has video_views_p25, video_watched_2s for what this"
        ) as caught:
            load(column_names="fivetran", add_columns=add)
        assert "Give all tasks of a table the same `column_names`" in str(caught.value)
        with pytest.raises(
            TikTokOutputError, match="Table ads has advertiser_id, ad_id, stat_time_day for what"
        ):
            load(column_names=KEYS, add_columns=add)
    before = lite.query("SELECT * FROM ads")
    assert load()["rows_deleted"] == len(before)


@pytest.mark.parametrize("add", [False, True])
def test_a_writer_without_names_is_told_of_those_of_a_named_mapping(lite, add):
    load(column_names="fivetran")
    with pytest.raises(
        TikTokOutputError, match="Table ads has video_views_p_25, video_watched_2_s for what this"
    ):
        load(add_columns=add)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (KEYS, None),
        (KEYS, {"stat_time_day": "date"}),
        (CROSSED, {"stat_time_day": "ad_id", "ad_id": "ad"}),
        (None, SWAPPED),
        ({"spend": "cost"}, None),
    ],
    ids=str,
)
def test_other_names_of_ones_own_are_refused(lite, before, after):
    load(column_names=before)
    rows = lite.query("SELECT * FROM ads")
    with pytest.raises(
        TikTokOutputError, match=r"one row for each|has .* for what|another report|lacks the column"
    ):
        load(column_names=after)
    assert lite.query("SELECT * FROM ads") == rows


def test_columns_that_others_have_a_name_for_are_named_when_more_are_added(lite, caplog):
    load(column_names={"spend": "cost"})
    load(add_columns=True)
    assert (
        "Table ads has columns that are null in the rows of this report, which doesn't ask for them: cost."
        in caplog.text
    )
    caplog.clear()
    load(add_columns=True)
    assert "has columns that are null" not in caplog.text


def test_columns_are_added_under_their_new_names(database):
    load(metrics=["spend"], column_names={"spend": "cost"})
    more = {
        "metrics": ["spend", "clicks"],
        "column_names": {"spend": "cost", "clicks": "taps"},
        "loaded_at": LOADED,
    }
    with pytest.raises(TikTokOutputError, match=r"lacks the column\(s\) taps, _loaded"):
        load(**more)
    summary = load(**more, add_columns=True)
    assert list(database.types("ads")) == ["advertiser_id", "ad_id", "stat_time_day", "cost", "taps", LOADED]
    assert summary["rows_deleted"] == summary["rows_inserted"]
    assert database.query("SELECT count(*) FROM ads WHERE taps IS NULL") == [(0,)]


def test_a_table_of_before_is_renamed_by_its_owner(lite):
    load()
    lite.query("ALTER TABLE ads RENAME COLUMN spend TO cost")
    summary = load(column_names={"spend": "cost"})
    assert summary["rows_deleted"] == summary["rows_inserted"] > 0


def test_a_database_that_takes_cases_for_the_same_has_a_new_case(lite):
    load(column_names={"spend": "Spend"})
    assert load(column_names={"spend": "SPEND"})["rows_deleted"] > 0


def test_a_skipped_account_keeps_its_rows_under_other_names(emulator, lite):
    first = load(column_names=KEYS)
    one, other = accounts(emulator)
    forbid(emulator, one)
    second = load(column_names=KEYS, on_advertiser_error="skip")
    assert second["skipped_advertisers"].keys() == {one}
    assert second["rows_deleted"] == second["rows_inserted"] > 0
    found = dict(lite.query("SELECT account, count(*) FROM ads GROUP BY account"))
    assert found.keys() == {one, other}
    assert sum(found.values()) == first["row_count"]
