"""What Airflow discovers about this package."""

import configparser
import importlib
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import airflow
import jsonschema
import pytest

from airflow_provider_tiktok.get_provider_info import CONNECTION_TYPE, get_provider_info
from airflow_provider_tiktok.hooks.tiktok import TikTokHook

AIRFLOW = Path(airflow.__file__).parent


def test_the_package_name_is_the_distributions():
    assert get_provider_info()["package-name"] == metadata.metadata("airflow-provider-tiktok")["name"]
    assert get_provider_info()["versions"] == [metadata.version("airflow-provider-tiktok")]


def test_the_extras_are_those_of_the_contract_and_all_holds_them():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parent.parent / "setup.cfg")
    extras = dict(setup["options.extras_require"])
    assert extras.pop("all").strip() == "airflow-provider-tiktok[emulator,parquet,s3,gcs,azure,redis,sql]"
    assert list(extras) == ["emulator", "parquet", "s3", "gcs", "azure", "redis", "sql"]
    assert extras["parquet"].strip() == "pyarrow"


def test_airflow_finds_the_entry_point():
    points = metadata.entry_points(group="apache_airflow_provider")
    found = {point.value for point in points if point.dist.name == "airflow-provider-tiktok"}
    assert found == {"airflow_provider_tiktok.get_provider_info:get_provider_info"}


def test_the_info_fits_airflows_schema():
    schema = json.loads((AIRFLOW / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_connection_form_fits_the_stricter_schema_of_airflows_own_providers():
    path = AIRFLOW / "provider.yaml.schema.json"
    if not path.exists():
        pytest.skip("this Airflow ships no schema of connection forms")
    schema = json.loads(path.read_text())
    jsonschema.validate(
        [CONNECTION_TYPE],
        {**schema["properties"]["connection-types"], "definitions": schema.get("definitions", {})},
    )


def test_every_module_named_in_the_info_is_there():
    info = get_provider_info()
    names = [
        name for kind in ("hooks", "operators") for entry in info[kind] for name in entry["python-modules"]
    ]
    for name in names:
        importlib.import_module(name)


def test_the_form_has_the_contracts_fields_and_titles():
    titles = {name: field["label"] for name, field in CONNECTION_TYPE["conn-fields"].items()}
    assert titles == {
        "app_id": "App ID",
        "app_secret": "App secret",
        "advertiser_ids": "Advertiser IDs",
        "environment": "Environment",
        "api_version": "API version",
        "qps": "Requests per second",
        "timeout": "Timeout",
        "rate_limit_conn_id": "Rate limit connection",
    }
    assert CONNECTION_TYPE["ui-field-behaviour"]["relabeling"] == {
        "password": "Access token",
        "host": "API host",
    }
    assert CONNECTION_TYPE["conn-fields"]["app_secret"]["schema"]["format"] == "password"


def test_the_hook_declares_the_same_to_older_airflow():
    assert (TikTokHook.conn_type, TikTokHook.hook_name) == ("tiktok", "TikTok")
    behaviour = TikTokHook.get_ui_field_behaviour()
    assert behaviour["relabeling"] == {"password": "Access token", "host": "API host"}
    assert behaviour["hidden_fields"] == CONNECTION_TYPE["ui-field-behaviour"]["hidden-fields"]


def test_older_airflows_form_has_the_same_fields():
    pytest.importorskip("flask_appbuilder", reason="only Airflow before 3 builds forms from the hook")
    widgets = TikTokHook.get_connection_form_widgets()
    assert list(widgets) == list(CONNECTION_TYPE["conn-fields"])


def airflow_cli(*arguments: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("airflow")), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.full
def test_airflows_own_command_shows_the_provider(airflow_home):
    shown = airflow_cli("providers", "get", "airflow-provider-tiktok", "--full", "--output", "json")
    assert (
        json.loads(shown)[0]["package-name"] == "airflow-provider-tiktok"
        or "airflow-provider-tiktok" in shown
    )


@pytest.mark.full
def test_nothing_of_this_package_is_imported_at_discovery(airflow_home):
    code = (
        "import sys; from airflow.providers_manager import ProvidersManager; manager = ProvidersManager();"
        "manager.initialize_providers_list(); "
        "print([name for name in sys.modules if name.startswith('airflow_provider_tiktok')])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.strip().splitlines()[-1]
    assert loaded == "['airflow_provider_tiktok', 'airflow_provider_tiktok.get_provider_info']"
