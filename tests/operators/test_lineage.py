"""What a committed report emits: asset events, hook lineage, OpenLineage."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.sdk import DAG, Asset, AssetAlias, PartitionedAtRuntime
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.operators._run import lineage
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from tests.operators.test_report_operator import accounts

ROOT = Path(__file__).parents[2]
LAKE = Asset("lake")
THREE_DAYS = {"report_start_date": "2026-08-01", "report_end_date": "2026-08-03"}
REPORT = {"dimensions": ["campaign_id", "stat_time_day"], "metrics": ["spend", "clicks"], **THREE_DAYS}


@pytest.fixture
def run(emulator, connect, tmp_path):
    """Return a function that executes an operator, and returns operator, summary and outlet events."""
    connect(advertiser_ids=accounts(emulator, 1))

    def execute(context=None, **parameters):
        events = OutletEventAccessors()
        parameters = {"output_path": str(tmp_path / "rows.jsonl"), **REPORT, **parameters}
        operator = TikTokReportOperator(task_id="report", **parameters)
        summary = operator.execute({"outlet_events": events, **(context or {})})
        return operator, summary, events

    return execute


def test_an_assets_event_says_what_the_summary_says(run):
    _, summary, events = run(outlets=[LAKE])
    assert events[LAKE].extra == summary
    assert events[LAKE].partition_keys == set()


def test_what_a_dag_put_into_the_event_stays(run, tmp_path):
    events = OutletEventAccessors()
    events[LAKE].extra["team"] = "growth"
    _, summary, _ = run({"outlet_events": events}, outlets=[LAKE])
    assert events[LAKE].extra == {"team": "growth", **summary}


@pytest.mark.parametrize("name", ["rows.jsonl", "folder of rows/"])
def test_an_alias_gets_the_asset_of_the_files(run, tmp_path, name):
    alias = AssetAlias("reports")
    _, summary, events = run(outlets=[alias], output_path=f"{tmp_path}/{name}")
    (event,) = events[alias].asset_alias_events
    assert event.dest_asset_key.uri == f"file://{tmp_path}/{name.replace(' ', '%20').rstrip('/')}"
    assert event.extra == summary


def test_an_alias_of_rows_in_xcom_gets_no_asset(run, caplog):
    alias = AssetAlias("reports")
    with caplog.at_level(logging.INFO):
        _, summary, events = run(outlets=[alias], output_path=None)
    assert events[alias].asset_alias_events == []
    assert summary["row_count"] > 0
    assert "the rows are in XCom and not in a file" in caplog.text


DAYS = {"2026-08-01", "2026-08-02", "2026-08-03"}


class Run:
    """A DAG run with or without a partition key."""

    def __init__(self, partition_key):
        self.partition_key = partition_key


@pytest.mark.parametrize(
    ("schedule", "run_key", "asset_partitions", "keys"),
    [
        (None, None, None, set()),
        (None, None, True, DAYS),
        (PartitionedAtRuntime(), None, None, DAYS),
        (PartitionedAtRuntime(), None, False, set()),
        (PartitionedAtRuntime(), "eu", None, set()),  # the user who started the run chose the partition
        (PartitionedAtRuntime(), "eu", True, DAYS),
    ],
)
def test_each_day_is_a_partition_where_that_is_wanted(run, schedule, run_key, asset_partitions, keys):
    context = {"dag": DAG("partitioned", schedule=schedule), "dag_run": Run(run_key)}
    _, _, events = run(context, outlets=[LAKE], asset_partitions=asset_partitions)
    assert events[LAKE].partition_keys == keys


def test_lifetime_figures_have_no_partition(run):
    parameters = {
        "dimensions": "campaign_id",
        "query_lifetime": True,
        **dict.fromkeys(("report_start_date", "report_end_date")),
    }
    _, _, events = run(outlets=[LAKE], asset_partitions=True, **parameters)
    assert events[LAKE].partition_keys == set()
    assert events[LAKE].extra["row_count"] > 0


def test_an_airflow_without_partitions_is_reported(run, monkeypatch, caplog):
    monkeypatch.delattr("airflow.sdk.execution_time.context.OutletEventAccessor.add_partitions")
    _, summary, events = run(outlets=[LAKE], asset_partitions=True)
    assert events[LAKE].extra == summary
    assert "`asset_partitions` needs Airflow 3.3" in caplog.text


def test_asset_partitions_is_a_switch():
    with pytest.raises(ValueError, match="`asset_partitions` must be True or False, not 'day'"):
        TikTokReportOperator(task_id="report", asset_partitions="day")


def test_lineage_that_fails_is_logged_and_the_report_stays_published(run, caplog, tmp_path):
    class Broken(dict):
        def __getitem__(self, key):
            raise RuntimeError("no events today")

    _, summary, _ = run({"outlet_events": Broken()}, outlets=[LAKE])
    assert summary["row_count"] == len((tmp_path / "rows.jsonl").read_text().splitlines())
    assert "but the events of `outlets` could not be filled in" in caplog.text
    assert "no events today" in caplog.text


def test_outlets_that_are_no_assets_are_left_alone(run):
    _, _, events = run(outlets=[{"table": "ads"}, LAKE])
    assert list(events) == [LAKE]


def test_an_events_extra_stays_small_and_says_how_many_files_there_are(run):
    _, summary, _ = run()
    full = {**summary, "paths": [f"s3://lake/{'x' * 500}/{i}" for i in range(100)], "path_count": 100}
    extra = lineage.event_extra(full)
    assert len(json.dumps(extra)) <= lineage.MAX_EXTRA_BYTES
    assert extra["paths"] == full["paths"][:25]
    assert {**extra, "paths": full["paths"]} == full


class Collector:
    """Collects the assets that hook lineage gets."""

    def __init__(self):
        self.assets = []

    def add_output_asset(self, context, uri):
        self.assets.append((type(context).__name__, uri))


@pytest.fixture
def collected(monkeypatch):
    collector = Collector()
    monkeypatch.setattr(lineage, "hook_lineage_collector", lambda: collector)
    return collector.assets


def test_hook_lineage_hears_of_each_file(run, collected, tmp_path):
    run(output_path=f"{tmp_path}/lake/", partition_by="stat_time_day")
    named = sorted(f"file://{path}" for path in (tmp_path / "lake").rglob("*.jsonl"))
    assert len(named) == 3
    assert collected == [("TikTokHook", uri) for uri in named]


def test_hook_lineage_of_many_files_hears_of_their_folder(run, collected, tmp_path):
    run(
        output_path=f"{tmp_path}/lake/",
        partition_by="stat_time_day",
        report_end_date="2026-08-21",
    )
    assert len(list((tmp_path / "lake").rglob("*.jsonl"))) == 21
    assert collected == [("TikTokHook", f"file://{tmp_path}/lake")]


def test_hook_lineage_hears_of_no_rows_in_xcom(run, collected):
    run(output_path=None)
    assert collected == []


def test_airflows_collector_accepts_the_assets(run, monkeypatch, tmp_path):
    from airflow.sdk.lineage import HookLineageCollector

    collector = HookLineageCollector()
    monkeypatch.setattr(lineage, "hook_lineage_collector", lambda: collector)
    run()
    (output,) = collector.collected_assets.outputs
    assert output.asset.uri == f"file://{tmp_path}/rows.jsonl"


READER = """
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk.lineage import HookLineageReader


class Reader(HookLineageReader):
    pass


class Plugin(AirflowPlugin):
    name = "reader"
    hook_lineage_readers = [Reader]
"""

TASK = """
import sys
from airflow_provider_tiktok.operators.report import TikTokReportOperator

TikTokReportOperator(
    task_id="report", preset="ad_group_summary", report_start_date="2026-08-01", output_path=sys.argv[1]
).execute({})
print("models" if "airflow.models.asset" in sys.modules else "no models")
from airflow.sdk.lineage import get_hook_lineage_collector

print(*[output.asset.uri for output in get_hook_lineage_collector().collected_assets.outputs])
"""


@pytest.mark.full
@pytest.mark.parametrize("is_read", [True, False])
def test_hook_lineage_is_kept_where_a_plugin_reads_it_and_else_costs_nothing(
    emulator, connect, tmp_path, is_read
):
    connect(advertiser_ids=accounts(emulator, 1))
    (tmp_path / "plugins").mkdir()
    if is_read:
        (tmp_path / "plugins" / "reader.py").write_text(READER)
    env = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [sys.executable, "-c", TASK, str(tmp_path / "rows.jsonl")],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    models, outputs = done.stdout.splitlines()[-2:]
    assert (models, outputs) == (
        ("models", f"file://{tmp_path}/rows.jsonl") if is_read else ("no models", "")
    )


@pytest.mark.parametrize(
    ("path", "namespace", "name"),
    [
        ("/data/ads/", "file", "/data/ads"),
        ("file:///data/ads/rows.csv", "file", "/data/ads/rows.csv"),
        ("s3://lake/tiktok/ads/", "s3://lake", "tiktok/ads"),
        ("s3a://aws@lake/tiktok/ads.csv", "s3://lake", "tiktok/ads.csv"),
        ("gs://lake", "gs://lake", "/"),
        ("abfs://files@account.dfs.core.windows.net/ads/", "abfs://account.dfs.core.windows.net", "ads"),
    ],
)
def test_a_path_has_openlineages_name(path, namespace, name):
    assert lineage.dataset_name(path) == (namespace, name)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("s3://aws@lake/ads/", "s3://lake/ads/"),
        ("s3://lake/ads@home/", "s3://lake/ads@home/"),
        ("/data/a b/", "file:///data/a%20b"),
        ("file:///data/x.csv", "file:///data/x.csv"),
    ],
)
def test_a_path_has_an_assets_uri_without_its_connection(path, uri):
    assert lineage.asset_uri(path) == uri


def test_without_openlineage_there_are_no_facets(run, monkeypatch):
    operator, _, _ = run()
    monkeypatch.setitem(__import__("sys").modules, "airflow.providers.openlineage.extractors", None)
    assert operator.get_openlineage_facets_on_complete(None) is None


def test_openlineage_hears_of_columns_rows_and_bytes(run, tmp_path, emulator):
    pytest.importorskip("airflow.providers.openlineage", reason="the OpenLineage provider is not installed")
    operator, summary, _ = run()
    emulator.clear()
    facets = operator.get_openlineage_facets_on_complete(None)
    (dataset,) = facets.outputs
    assert (dataset.namespace, dataset.name) == ("file", f"{tmp_path}/rows.jsonl")
    assert {field.name: field.type for field in dataset.facets["schema"].fields} == {
        "advertiser_id": "string",
        "campaign_id": "string",
        "stat_time_day": "date",
        "spend": "decimal",
        "clicks": "integer",
    }
    statistics = dataset.outputFacets["outputStatistics"]
    assert (statistics.rowCount, statistics.size, statistics.fileCount) == (
        summary["row_count"],
        (tmp_path / "rows.jsonl").stat().st_size,
        1,
    )
    assert emulator.calls == []


def test_openlineage_hears_nothing_of_rows_in_xcom(run):
    pytest.importorskip("airflow.providers.openlineage", reason="the OpenLineage provider is not installed")
    operator, _, _ = run(output_path=None)
    assert operator.get_openlineage_facets_on_complete(None).outputs == []


def test_openlineage_hears_nothing_of_what_an_earlier_attempt_wrote(run, tmp_path, emulator):
    pytest.importorskip("airflow.providers.openlineage", reason="the OpenLineage provider is not installed")
    operator, _, _ = run()
    operator.metrics = "spendd"
    with pytest.raises(AirflowFailException):
        operator.execute({})
    assert operator.get_openlineage_facets_on_complete(None).outputs == []
