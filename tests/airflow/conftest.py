"""One real Airflow for all tests here, with the example DAGs and those of the tests."""

import shutil
import uuid
from pathlib import Path

import pytest

from tests.airflow.live import LiveAirflow, free_port, metadata_database, migrate, settings
from tests.conftest import connection_json

ROOT = Path(__file__).parent.parent.parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Leave a scheduler and a triggerer to full runs; `airflow dags test` is enough for the others."""
    for item in items:
        if {"live", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.full)


def accounts(emulator):
    return [name for name in emulator.world.accounts if name.startswith("71")]


@pytest.fixture(scope="package")
def folder(tmp_path_factory):
    """Return a folder with the DAGs, the output and the logs."""
    folder = tmp_path_factory.mktemp("live")
    shutil.copytree(ROOT / "example_dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "tests" / "airflow" / "dags").glob("*.py"):
        shutil.copy(path, folder / "dags")
    for name in ("output", "logs"):
        (folder / name).mkdir()
    return folder


@pytest.fixture(scope="package")
def env(folder, airflow_home, _session_emulator):
    ids = accounts(_session_emulator)
    # separate accounts and a separate app, whose used-up daily quota blocks no other test
    own = {"app_id": str(uuid.uuid4().int % 10**18), "advertiser_ids": ids[4:6]}
    with metadata_database(airflow_home) as database:
        variables = settings(free_port(), folder / "dags", folder / "output", database) | {
            "AIRFLOW_CONN_TIKTOK_DEFAULT": connection_json(_session_emulator.url, advertiser_ids=ids[:2]),
            "AIRFLOW_CONN_TIKTOK_TASKS": connection_json(_session_emulator.url, advertiser_ids=ids[:1]),
            "AIRFLOW_CONN_TIKTOK_SUSPENDED": connection_json(
                _session_emulator.url, advertiser_ids=ids[3:4], app_id=str(uuid.uuid4().int % 10**18)
            ),
            # a crashed triggerer is detected soon
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
            "AIRFLOW_CONN_TIKTOK_LONG_WAIT": connection_json(_session_emulator.url, **own),
        }
        if not database.startswith("sqlite"):  # whose tables are in the home
            migrate(variables)
        yield variables


@pytest.fixture(scope="package")
def live(env, folder):
    with LiveAirflow(env, folder / "logs") as airflow:
        yield airflow
