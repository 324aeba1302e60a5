"""Lists of entities in files and XCom: equal to what TikTok has, in every format."""

import json
import logging
import re
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.emulator import serve
from airflow_provider_tiktok.emulator.kinds.listings import LISTINGS
from airflow_provider_tiktok.entities import catalog
from airflow_provider_tiktok.entities.kinds import KINDS
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokEmptyReportError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokStoppedError,
)
from airflow_provider_tiktok.links.urls import ads_manager_url, read_facts
from airflow_provider_tiktok.operators._outputs.columns import NAMED
from airflow_provider_tiktok.operators._outputs.xcom import ROWS_KEY
from airflow_provider_tiktok.operators.entities import TikTokEntitiesOperator
from airflow_provider_tiktok.storage.formats.readers import read_records
from tests.conftest import kill_later
from tests.emulator.entity_lists import OWN, WORLD, all_rows, key_of
from tests.operators.test_checkpoint import TaskDeferred, attempt, files
from tests.threads import wait_for_calls

OTHER = next(name for name in WORLD.accounts if name != OWN)
READS = {
    "id": str,
    "text": str,
    "money": lambda value: Decimal(str(value)),
    "number": lambda value: Decimal(str(value)),
    "integer": int,
    "boolean": bool,
    "time": lambda value: f"{value.replace(' ', 'T').removesuffix('Z')}Z",
    "json": lambda value: value,
}


@pytest.fixture(scope="module")
def _server():
    with serve(WORLD.settings) as server:
        yield server


@pytest.fixture
def tiktok(_server, connect, fast_retries, monkeypatch):
    """Return TikTok's API with the world of the tests of lists."""
    monkeypatch.setattr("airflow_provider_tiktok.reports.fetch.refetch._BACKOFF", 0.001)
    connect(_server.url)
    _server.set_faults([])
    _server.clear()
    yield _server
    _server.set_faults([])
    _server.configure(**{name: getattr(WORLD.settings, name) for name in ("scopes", "edits", "latency_ms")})


def operator(**parameters):
    return TikTokEntitiesOperator(
        **{"task_id": "list", "entity": "campaign", "advertiser_ids": OWN, **parameters}
    )


def lines(path):
    return [
        json.loads(line, parse_float=Decimal) for line in path.read_text(encoding="utf-8").split("\n") if line
    ]


@pytest.mark.parametrize("path", LISTINGS)
def test_every_entity_comes_with_every_value(tiktok, tmp_path, path):
    entity = LISTINGS[path].entity
    summary = operator(entity=entity, output_path=str(tmp_path / "rows.jsonl")).execute({})
    key = key_of(path)
    truth = {str(row[key]): row for row in all_rows(path)}
    rows = lines(tmp_path / "rows.jsonl")
    assert [row[key] for row in rows] == sorted(truth)
    assert (summary["entity"], summary["row_count"], summary["complete"]) == (entity, len(truth), True)
    for row in rows:
        for name, field in catalog.fields(entity).items():
            expected = truth[row[key]].get(name)
            found = json.loads(row[name]) if field.type == "json" and row[name] is not None else row[name]
            assert found == (None if expected is None else READS[field.type](expected)), name
    assert next(iter(rows[0])) == "advertiser_id"
    deleted = {row[key] for row in rows if row.get("is_deleted")}
    assert bool(deleted) == (KINDS[entity].status is not None)


def test_accounts_are_entities_too(tiktok, tmp_path):
    operator(
        entity="advertiser", advertiser_ids=[OTHER, OWN], output_path=str(tmp_path / "rows.jsonl")
    ).execute({})
    rows = lines(tmp_path / "rows.jsonl")
    assert [row["advertiser_id"] for row in rows] == [OTHER, OWN]
    assert set(rows[0]) == set(catalog.fields("advertiser"))
    assert rows[0]["create_time"].endswith("Z")
    assert len(tiktok.calls) == 1


def test_parquet_has_the_types_of_the_catalogue_even_without_rows(tiktok, tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    pq = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
    operator(output_path=str(tmp_path / "all.parquet")).execute({})
    operator(filters={"campaign_ids": ["1"]}, output_path=str(tmp_path / "none.parquet")).execute({})
    schema = pq.read_schema(tmp_path / "all.parquet")
    assert schema == pq.read_schema(tmp_path / "none.parquet")
    assert schema.field("campaign_id").type == pa.string()
    assert schema.field("budget").type == pa.decimal128(38, 9)
    assert schema.field("create_time").type == pa.timestamp("us", tz="UTC")
    assert schema.field("is_deleted").type == pa.bool_()
    rows = pq.read_table(tmp_path / "all.parquet").to_pylist()
    truth = {row["campaign_id"]: row for row in all_rows("campaign/get/")}
    assert {row["campaign_id"]: row["budget"] for row in rows} == {
        name: None if row.get("budget") is None else Decimal(str(row["budget"]))
        for name, row in truth.items()
    }


@pytest.mark.parametrize("output_format", ["jsonl", "csv", "parquet"])
def test_a_duration_keeps_all_digits_that_tiktok_sends(tiktok, tmp_path, output_format):
    if output_format == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    one, other = sorted(row["video_id"] for row in all_rows("file/video/ad/search/"))[:2]
    tiktok.configure(edits={one: {"duration": 8.541666666666666}, other: {"duration": 12}})
    path = f"{tmp_path}/rows.{output_format}"
    summary = operator(entity="video", fields="duration", output_path=path).execute({})
    assert summary["columns"]["duration"] == "float"
    with Path(path).open("rb") as file:
        rows = {row["video_id"]: row["duration"] for row in read_records(file, path, summary["columns"])}
    assert (rows[one], rows[other]) == ("8.541666666666666", "12")


def test_rows_in_xcom_are_plain(tiktok):
    context = attempt()
    operator(fields=["campaign_name", "budget", "special_industries"]).execute(context)
    rows = getattr(context["ti"], ROWS_KEY)
    assert list(rows[0]) == [
        "advertiser_id",
        "campaign_id",
        "campaign_name",
        "budget",
        "special_industries",
        "is_deleted",
    ]
    assert {type(row["is_deleted"]) for row in rows} == {bool}


def test_folders_of_accounts_are_replaced_one_by_one(tiktok, tmp_path):
    folder = f"{tmp_path}/out/"
    both = operator(advertiser_ids=[OWN, OTHER], output_path=folder, partition_by="advertiser_id").execute({})
    assert both["path_count"] == 2
    before = files(tmp_path)
    operator(output_path=folder, partition_by="advertiser_id").execute({})
    assert files(tmp_path) == before
    with pytest.raises(AirflowFailException, match="by advertiser_id only"):
        operator(output_path=folder, partition_by="campaign_id").execute({})


def test_a_manifest_names_each_account_once(tiktok, tmp_path):
    summary = operator(advertiser_ids=[OWN, OTHER], output_path=f"{tmp_path}/").execute({})
    windows = json.loads(Path(summary["manifest"]).read_text())["windows"]
    assert [window["advertiser_id"] for window in windows] == [OWN, OTHER]


def test_no_promote_campaign_is_in_two_sweeps():
    for path in ("campaign/get/", "adgroup/get/", "ad/get/"):
        names = [str(row[key_of(path)]) for row in all_rows(path)]
        assert len(names) == len(set(names))


def test_columns_can_be_renamed(tiktok, tmp_path):
    path = tmp_path / "rows.jsonl"
    summary = operator(
        fields="campaign_name", column_names={"campaign_id": "id"}, loaded_at="loaded", output_path=str(path)
    ).execute({})
    assert list(lines(path)[0]) == ["advertiser_id", "id", "campaign_name", "is_deleted", "loaded"]
    assert summary["columns"]["loaded"] == "timestamp_utc"


def test_fivetran_s_updated_at_is_never_null(tiktok, tmp_path):
    path = tmp_path / "rows.jsonl"
    operator(entity="ad", column_names="fivetran", output_path=str(path)).execute({})
    truth = {row["ad_id"]: row for row in all_rows("ad/get/")}
    assert any(not row.get("modify_time") for row in truth.values())
    for row in lines(path):
        expected = truth[row["ad_id"]]
        assert row["updated_at"] == READS["time"](expected.get("modify_time") or expected["create_time"])
    operator(entity="ad", column_names={"modify_time": "updated_at"}, output_path=str(path)).execute({})
    assert any(row["updated_at"] is None for row in lines(path))


@pytest.mark.parametrize("name", ["fivetran", ' "fivetran" ', "Fivetran"])
def test_fivetran_s_updated_at_is_that_of_all_fields_with_some_of_them(tiktok, tmp_path, name):
    every, some = tmp_path / "every.jsonl", tmp_path / "some.jsonl"
    operator(entity="ad", column_names="fivetran", output_path=str(every)).execute({})
    operator(
        entity="ad", column_names=name, fields=["ad_name", "modify_time"], output_path=str(some)
    ).execute({})
    times = {row["ad_id"]: row["updated_at"] for row in lines(every)}
    assert {row["ad_id"]: row["updated_at"] for row in lines(some)} == times
    assert set(lines(some)[0]) >= {"ad_name", "updated_at", "create_time"}


@pytest.mark.parametrize("kinds", [["PRODUCT_GMV_MAX", "X"], ["product_gmv_max", "LIVE_GMV_MAX"], ["X"]])
def test_a_kind_of_gmv_max_that_tiktok_does_not_know_is_not_passed_over(tiktok, kinds):
    with pytest.raises(TikTokInvalidRequestError, match="gmv_max_promotion_types"):
        operator(entity="gmv_max_campaign", filters={"gmv_max_promotion_types": kinds}).execute({})


def test_a_field_that_this_version_does_not_know_gets_a_column_of_text(tiktok, tmp_path, caplog):
    first = min(row["campaign_id"] for row in all_rows("campaign/get/"))
    tiktok.configure(edits={first: {"brand_new": [1.5, {"b": 1, "a": 2}]}})
    with caplog.at_level(logging.WARNING):
        summary = operator(output_path=str(tmp_path / "rows.csv")).execute({})
    assert summary["columns"]["brand_new"] == "string"
    assert caplog.text.count("the field brand_new") == 1
    operator(output_path=str(tmp_path / "rows.jsonl")).execute({})
    rows = lines(tmp_path / "rows.jsonl")
    assert rows[0]["brand_new"] == '[1.5,{"b":1,"a":2}]'
    assert {row["brand_new"] for row in rows[1:]} == {None}


FIVETRAN = {"column_names": "fivetran", "loaded_at": "_fivetran_synced"}
TAKEN = [
    *(
        ({"entity": entity, **FIVETRAN}, name)
        for entity, names in NAMED["fivetran"].items()
        if entity in KINDS
        for name in (*names.values(), "_fivetran_synced", "_Fivetran_Synced", next(iter(names)).upper())
    ),
    ({"column_names": {"campaign_name": "title"}}, "title"),
    ({"column_names": {"campaign_name": "title", "budget": "campaign_name"}}, "TITLE"),
    ({"loaded_at": "brand_new"}, "brand_new"),
    ({"loaded_at": "brand_new"}, "Brand_New"),
    ({}, "Budget"),
    ({"entity": "video"}, "VIDEO_ID"),
]
"""Names of new fields that a column of the output has already."""


@pytest.mark.sampled(9)
@pytest.mark.parametrize(("options", "name"), TAKEN, ids=str)
def test_a_new_field_takes_no_column_s_place_and_is_not_lost_in_silence(
    tiktok, tmp_path, caplog, moved_clock, options, name
):
    path = tmp_path / "rows.jsonl"
    right = operator(output_path=str(path), **options).execute({})
    before = lines(path)
    entity = options.get("entity", "campaign")
    key = KINDS[entity].key
    first = OWN if entity == "advertiser" else str(all_rows(KINDS[entity].path)[0][key])
    tiktok.configure(edits={first: {name: "new", "brand_newer": "newer"}})
    caplog.clear()
    summary = operator(output_path=str(path), **options).execute({})
    assert summary["columns"] == {**right["columns"], "brand_newer": "string"}
    after = lines(path)
    assert [row.pop("brand_newer") for row in after].count("newer") == 1
    for row in (*before, *after):
        row.pop(options.get("loaded_at", ""), None)
    assert after == before
    assert (
        caplog.text.count(f"the field {name}, which this version doesn't know; it is left out, because") == 1
    )
    assert (
        caplog.text.count("the field brand_newer, which this version doesn't know; it is passed on as text")
        == 1
    )


def test_of_two_new_fields_that_differ_in_case_one_comes(tiktok, tmp_path, caplog):
    path = tmp_path / "rows.jsonl"
    first, second = sorted(row["campaign_id"] for row in all_rows("campaign/get/"))[:2]
    tiktok.configure(edits={first: {"Brand_new": "x", "brand_new": "y"}, second: {"Brand_new": "z"}})
    operator(output_path=str(path)).execute({})
    assert [row["brand_new"] for row in lines(path)[:2]] == ["y", None]
    assert caplog.text.count("the field Brand_new, which this version doesn't know; it is left out") == 1


@pytest.mark.parametrize(
    ("entity", "scope"),
    [("campaign", "Ads Management"), ("video", "Creative Management"), ("pixel", "Pixel Management")],
)
def test_a_missing_scope_is_named(tiktok, entity, scope):
    tiktok.configure(scopes=(1, 4))
    with pytest.raises(TikTokPermissionError, match=f"add the {scope} scope"):
        operator(entity=entity, on_advertiser_error="skip").execute({})
    assert len(tiktok.calls) <= 3


@pytest.mark.parametrize("fault", ["list_grows", "list_shrinks", "drop_row", "duplicate_row"])
def test_a_list_that_moves_once_is_right_and_one_that_moves_on_fails(tiktok, tmp_path, fault):
    rule = {"fault": fault, "path": "ad/get/"}
    path = tmp_path / "rows.jsonl"
    tiktok.set_faults([{**rule, "at": [1]}])
    operator(entity="ad", output_path=str(path)).execute({})
    assert [row["ad_id"] for row in lines(path)] == sorted(row["ad_id"] for row in all_rows("ad/get/"))
    if fault in {"drop_row", "duplicate_row"}:
        tiktok.set_faults([rule])
        with pytest.raises(TikTokIncompleteReportError, match="3 attempts"):
            operator(entity="ad", output_path=str(path)).execute({})


RESUMED = ["advertiser/info/", *["campaign/get/"] * 3]  # the accounts' names, and one account's sweeps


def paths(tiktok):
    return sorted(call.path.removeprefix("/open_api/v1.3/") for call in tiktok.calls)


def test_a_retry_resumes_after_the_last_complete_account(tiktok, tmp_path, caplog):
    parameters = {"advertiser_ids": [OWN, OTHER], "max_concurrency": 1}
    operator(output_path=str(tmp_path / "right.jsonl"), **parameters).execute(attempt())
    tiktok.set_faults([{"fault": "code:50002", "path": "campaign/get/", "at": list(range(4, 60))}])
    with pytest.raises(TikTokAPIError):
        operator(output_path=str(tmp_path / "out.jsonl"), **parameters).execute(attempt(1))
    wait_for_calls()
    tiktok.set_faults([])
    tiktok.clear()
    with caplog.at_level(logging.INFO):
        operator(output_path=str(tmp_path / "out.jsonl"), **parameters).execute(attempt(2))
    assert "Resuming after 1 of 2 window(s)" in caplog.text
    assert paths(tiktok) == RESUMED
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "right.jsonl").read_bytes()


def test_a_used_up_day_is_waited_for_in_the_triggerer(tiktok, tmp_path, connect):
    parameters = {"advertiser_ids": [OWN, OTHER], "max_concurrency": 1}
    operator(output_path=str(tmp_path / "right.jsonl"), **parameters).execute(attempt())
    connect(tiktok.url, shared_budget=False)  # each attempt begins with a day of its own, as after midnight
    fault = {"fault": "code:40100", "message": "App reaches the QPD limit 864000", "path": "campaign/get/"}
    tiktok.set_faults([{**fault, "at": list(range(4, 60))}])
    waiting = {"output_path": str(tmp_path / "out.jsonl"), "deferrable": True, **parameters}
    context = attempt(1, max_tries=0)
    with pytest.raises(TaskDeferred) as deferred:
        operator(**waiting).execute(context)
    wait_for_calls()
    tiktok.set_faults([])
    tiktok.clear()
    kwargs = json.loads(json.dumps(deferred.value.kwargs))
    summary = getattr(operator(**waiting), deferred.value.method_name)(context, {}, **kwargs)
    assert (paths(tiktok), summary["complete"]) == (RESUMED, True)
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "right.jsonl").read_bytes()


def test_a_kill_ends_the_list_and_leaves_what_was_there(tiktok, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("before")
    task = operator(output_path=str(path))
    tiktok.configure(latency_ms=1_500)
    kill_later(task, 0.3)
    with pytest.raises(TikTokStoppedError):
        task.execute({})
    assert path.read_text() == "before"


def test_links_lead_to_the_level_of_the_entity():
    for entity, page in (
        ("campaign", "perf/campaign"),
        ("smart_plus_ad", "perf/creative"),
        ("pixel", "dashboard"),
    ):
        assert page in ads_manager_url(read_facts({"entity": entity, "advertiser_ids": OWN}, {}))


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "parameters",
    [
        {"max_xcom_bytes": 10},
        {"exclude_advertiser_ids": OWN},
        {"advertiser_ids": None},
        {"output_path": "{{ nothing }}"},
        {"output_format": "parquet", "fields": "create_time"},
        {"output_format": "jsonl", "fields": "create_time"},
    ],
    ids=str,
)
def test_no_sentence_calls_a_list_a_report(tiktok, tmp_path, caplog, parameters):
    if "output_format" in parameters:
        parameters = {**parameters, "output_path": f"{tmp_path}/"}
        (tmp_path / "other.jsonl").write_text("{}\n")
        (tmp_path / "other.parquet").write_text("")
    tiktok.configure(edits={str(all_rows("campaign/get/")[0]["campaign_id"]): {"create_time": "soon"}})
    one = operator(**parameters)
    one.render_template_fields({"nothing": None})
    texts = []
    try:
        one.execute({})
    except Exception as error:
        texts.append(str(error))
    texts += [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert texts
    assert [text for text in texts if re.search(r"\breports?\b", text)] == []


def test_on_empty_is_as_in_reports(tiktok):
    nothing = {"filters": {"campaign_ids": ["1"]}}
    assert operator(**nothing).execute({})["row_count"] == 0
    with pytest.raises(TikTokEmptyReportError, match="no rows for this list"):
        operator(**nothing, on_empty="fail").execute({})


def test_bad_input_is_refused_before_any_call(tiktok):
    with pytest.raises(TikTokInvalidRequestError, match="did you mean 'budget'"):
        operator(fields="budgett").execute({})
    with pytest.raises(ValueError, match="include_deleted"):
        operator(include_deleted="yes")
    assert tiktok.calls == []


def test_modified_since_brings_what_changed(tiktok, tmp_path):
    ads = all_rows("ad/get/")
    since = sorted(row["modify_time"] for row in ads if row.get("modify_time"))[-10]
    operator(entity="ad", modified_since=since, output_path=str(tmp_path / "rows.jsonl")).execute({})
    changed = sorted(row["ad_id"] for row in ads if row.get("modify_time") and row["modify_time"] >= since)
    assert [row["ad_id"] for row in lines(tmp_path / "rows.jsonl")] == changed
