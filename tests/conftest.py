"""What all tests share: an Airflow home of their own, and TikTok's API on loopback."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.clock import MovedClock

# before anything imports Airflow, which reads its configuration then
_HOME = tempfile.TemporaryDirectory(prefix="tiktok-airflow-")
os.environ["AIRFLOW_HOME"] = _HOME.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] = "False"
for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
    del os.environ[name]

# on the Airflow that this is written for, whatever it says of deprecated names fails the test that hears it
_DEPRECATIONS = (
    "airflow.exceptions.AirflowProviderDeprecationWarning",
    "airflow.exceptions.RemovedInAirflow4Warning",
    "airflow.sdk.exceptions.RemovedInAirflow4Warning",
    "airflow.utils.deprecation_tools.DeprecatedImportWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    """Add the filters here and not in pyproject.toml, where they would import Airflow before its home is set."""
    if metadata.version("apache-airflow").startswith("3.3."):
        for category in _DEPRECATIONS:
            config.addinivalue_line("filterwarnings", f"error::{category}")


# Airflow 3.1 takes a connection in the environment whose extra is no JSON object for one that isn't there
needs_bad_extra = pytest.mark.skipif(
    metadata.version("apache-airflow").startswith("3.1."), reason="Airflow 3.1 hides such a connection"
)

TOKEN = "token-of-the-tests-4f1c"
SECRET = "secret-of-the-tests-9a2e"


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """Give an Airflow home with a metadata database."""
    airflow = Path(sys.executable).with_name("airflow")
    subprocess.run([str(airflow), "db", "migrate"], check=True, capture_output=True)
    return Path(_HOME.name)


@pytest.fixture(scope="session")
def _session_emulator():
    from airflow_provider_tiktok.emulator import Settings, serve

    with serve(Settings(seed=7)) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _no_call_of_another_test():
    """Let the calls end that a failing report left in flight, before the next test counts its own."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("tiktok-report"):
            thread.join(30)


@pytest.fixture(autouse=True)
def _no_server_of_airflows():
    """Let no command make this process look for connections in Airflow's database from then on."""
    yield
    os.environ.pop("_AIRFLOW_PROCESS_CONTEXT", None)


@pytest.fixture
def emulator(_session_emulator):
    """Give TikTok's API on loopback, without faults and with an empty list of calls."""
    _session_emulator.set_faults([])
    _session_emulator.clear()
    yield _session_emulator
    _session_emulator.set_faults([])


@pytest.fixture
def forbidden(emulator):
    """Add an account that is listed and grants nothing, and give its ID."""
    emulator.configure(forbidden_account=True)
    yield next(name for name, account in emulator.world.accounts.items() if account.forbidden)
    emulator.configure(forbidden_account=False)


def connection_json(url: str, **extra: object) -> str:
    """Write a connection as Airflow reads it from the environment."""
    from airflow_provider_tiktok.emulator.settings import APP_ID

    extra = {"app_id": APP_ID, "app_secret": SECRET, "qps": 100_000, "timeout": 5} | extra
    return json.dumps({"conn_type": "tiktok", "host": url, "password": TOKEN, "extra": extra})


@pytest.fixture
def connect(monkeypatch, emulator):
    """Give a function that sets the connection ``tiktok_default``, to the emulator unless told otherwise."""

    def set_connection(url: str | None = None, conn_id: str = "tiktok_default", **extra: object) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", connection_json(url or emulator.url, **extra))

    return set_connection


@pytest.fixture
def moved_clock(monkeypatch, tmp_path_factory) -> Iterator[MovedClock]:
    """Let waits move the package's clock, and that of emulators in this process, instead of lasting.

    The rate limiter gets a folder of its own: elsewhere its file would hold times of days to come.
    """
    from airflow_provider_tiktok import clock
    from airflow_provider_tiktok.api import ledger
    from airflow_provider_tiktok.api.client import TikTokClient

    moved, attempt, folder = MovedClock(), TikTokClient._attempt, tmp_path_factory.mktemp("limiter")

    def on_its_way(*args: Any) -> Any:
        with moved.call():
            return attempt(*args)

    monkeypatch.setattr(TikTokClient, "_attempt", on_its_way)
    monkeypatch.setattr(ledger, "_folder", lambda: folder)
    with clock.replaced(moved):
        yield moved


@pytest.fixture
def fast_retries(monkeypatch) -> None:
    """Make the client's pauses short."""
    from airflow_provider_tiktok.api import client

    quick = client.RetryPolicy(first_pause=0.01, longest_pause=0.02, throttle_patience=0.2)
    monkeypatch.setattr(client, "RetryPolicy", lambda **_: quick)
