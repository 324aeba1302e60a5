"""Airflow with two Celery workers, and an emulator whose app has a rate limit that they share."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from airflow_provider_tiktok.emulator import Settings, serve
from tests import servers
from tests.airflow.live import LiveAirflow, free_port, metadata_database, migrate, settings
from tests.conftest import connection_json
from tests.scale.cluster import Cluster, celery_settings

ACCOUNTS = int(os.environ.get("SCALE_ACCOUNTS", "24"))
DAYS = int(os.environ.get("SCALE_DAYS", "8"))
QPS = int(os.environ.get("SCALE_QPS", "8"))
"""Calls a second that the app may make: so few that two tasks which don't know of each other make too many.

The connection asks for a few less, as docs/scaling.md advises.
"""
WORKERS = ("first", "second")


@pytest.fixture(scope="session")
def _needs():
    if importlib.util.find_spec("celery") is None:
        pytest.skip("Celery is not installed; `make scale` installs it")
    for server in (servers.postgres, servers.redis):
        servers.or_skip(server)


@pytest.fixture(scope="session")
def limited(_needs):
    """Return TikTok's API with many small accounts and an app's limit."""
    with serve(Settings(seed=7, accounts=ACCOUNTS, empty_account=False, ads=10, qps=QPS)) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("scale-output")


@pytest.fixture(scope="session")
def cluster(_needs, limited, output, tmp_path_factory):
    """Return an Airflow with two workers."""
    folder = tmp_path_factory.mktemp("scale")
    for name in ("dags", "logs"):
        (folder / name).mkdir()
    shutil.copy(Path(__file__).parent / "dags" / "scale.py", folder / "dags")
    with metadata_database(folder) as database:
        env = settings(free_port(), folder / "dags", output, database)
        env |= celery_settings(servers.redis(), database)
        fields = {"qps": QPS * 0.8, "timeout": 30, "advertiser_ids": list(limited.world.accounts)[:5]}
        env["AIRFLOW_CONN_TIKTOK_DEFAULT"] = connection_json(limited.url, **fields)
        env["AIRFLOW_CONN_TIKTOK_SHARED"] = connection_json(
            limited.url, **fields, rate_limit_conn_id="limits"
        )
        env["AIRFLOW_CONN_LIMITS"] = servers.redis()
        migrate(env)
        with LiveAirflow(env, folder / "logs") as airflow:
            cluster = Cluster(airflow, folder / "logs")
            try:
                cluster.start_workers(*WORKERS)
                yield cluster
            finally:
                cluster.stop()
