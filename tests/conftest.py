"""Fixtures for all tests: a separate Airflow home, and TikTok's API on loopback."""

import fcntl
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.clock import MovedClock
from tests.sampling import SEED, Run, beyond_the_sample, grows

# before anything imports Airflow, which reads its configuration then
_HOME = tempfile.TemporaryDirectory(prefix="tiktok-airflow-")
os.environ["AIRFLOW_HOME"] = _HOME.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] = "False"
for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
    del os.environ[name]

IS_MAIN_AIRFLOW = metadata.version("apache-airflow").startswith("3.3.")
"""Whether this is the Airflow that the package is written for; all tests run with it."""

# on that one, whatever it says of deprecated names fails the test that hears it
_DEPRECATIONS = (
    "airflow.exceptions.AirflowProviderDeprecationWarning",
    "airflow.exceptions.RemovedInAirflow4Warning",
    "airflow.sdk.exceptions.RemovedInAirflow4Warning",
    "airflow.utils.deprecation_tools.DeprecatedImportWarning",
)


_PROCESSES = 3  # of a run of all tests, of which some wait: for servers, processes and files


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full",
        action="store_true",
        help="run everything: tests marked `full` and `alone`, and all generated cases instead of a sample",
    )
    parser.addoption("--rest", action="store_true", help="run what a run without --full or --rest leaves out")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run all tests in several processes, unless the run is full or sets a number of processes."""
    option = config.option
    if hasattr(config, "workerinput") or not config.pluginmanager.hasplugin("xdist"):
        return  # a worker starts no others
    asked_for_all = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    in_one = option.full or option.rest or option.usepdb or option.collectonly
    if option.numprocesses is None and asked_for_all and not in_one:
        option.numprocesses = _PROCESSES
    if option.numprocesses and option.dist == "no":
        option.dist = "worksteal"


def pytest_configure(config: pytest.Config) -> None:
    """Set the number of generated cases, and add filters.

    They aren't in pyproject.toml, where they would import Airflow before its home is set.
    """
    Run.full = config.getoption("full") or config.getoption("rest")
    with suppress(ImportError):  # where few tests run, it may not be there
        from hypothesis import HealthCheck, settings

        patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
        settings.register_profile("full", patient)
        settings.register_profile("sample", patient, max_examples=20, derandomize=True)
        settings.load_profile("full" if Run.full else "sample")
    if IS_MAIN_AIRFLOW:
        for category in _DEPRECATIONS:
            config.addinivalue_line("filterwarnings", f"error::{category}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Keep the garbage collector off thousands of tests and all of Airflow, while they are read and ever after.

    They stay until the end of the process, and to look through them again and again takes a tenth of the time of all tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_report_header(config: pytest.Config) -> str:
    if config.getoption("rest"):
        return "all generated cases, without the tests of a run without --rest"
    return (
        "all generated cases"
        if Run.full
        else f"a sample of the generated cases, seed {SEED}; --full runs all"
    )


_MEASURED_AGAIN = 3
"""How often a measurement is repeated that fails: another process of the machine may have disturbed it.

What is really slower than promised fails every time.
"""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that this run excludes: measurements run without other tests."""
    if config.pluginmanager.hasplugin("rerunfailures") and not config.option.usepdb:
        for item in items:
            if item.get_closest_marker("alone"):
                item.add_marker(pytest.mark.flaky(reruns=_MEASURED_AGAIN, reruns_delay=1))
    beyond = beyond_the_sample(items)
    rest = config.getoption("rest")
    is_worker = hasattr(config, "workerinput")
    wanted, others = [], []
    for item in items:
        is_wanted = item in beyond or grows(item) if rest else Run.full or item not in beyond
        if is_worker and item.get_closest_marker("alone"):
            is_wanted = False
        (wanted if is_wanted else others).append(item)
    items[:] = wanted
    config.hook.pytest_deselected(items=others)


_TOGETHER = {
    "tests/airflow/": "airflow",
    "tests/browser/": "browser",
    "tests/docs/test_docs_examples.py": "docs",
    "tests/test_dags.py": "dags",
}
"""Groups of tests that run in one process, by the beginning of their IDs."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests that share a running Airflow, or a run of all DAGs of the docs, in one process, with ``--dist=loadgroup``.

    With pytest 9.2 xdist ignores its mark ``xdist_group``.
    """
    from xdist.scheduler import LoadGroupScheduling  # where tests run in one process, it may not be there

    class OneAirflow(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((group for start, group in _TOGETHER.items() if nodeid.startswith(start)), nodeid)

    return OneAirflow(config, log) if config.option.dist == "loadgroup" else None


# Airflow 3.1 takes a connection in the environment whose extra is no JSON object for one that isn't there
needs_bad_extra = pytest.mark.skipif(
    metadata.version("apache-airflow").startswith("3.1."), reason="Airflow 3.1 hides such a connection"
)

TOKEN = "token-of-the-tests-4f1c"
SECRET = "secret-of-the-tests-9a2e"


@pytest.fixture(scope="session")
def airflow_home(pytestconfig, tmp_path_factory) -> Path:
    """Return an Airflow home with a metadata database, which is made once for all processes and runs."""
    version = metadata.version("apache-airflow")
    if (cache := getattr(pytestconfig, "cache", None)) is not None:
        folder = cache.mkdir(f"airflow-{version}-{sys.version_info.major}.{sys.version_info.minor}")
    else:
        folder = tmp_path_factory.getbasetemp()
    database, made = Path(_HOME.name, "airflow.db"), folder / "airflow.db"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            airflow = Path(sys.executable).with_name("airflow")
            subprocess.run([str(airflow), "db", "migrate"], check=True, capture_output=True)
            shutil.copy(database, folder / "new")
            (folder / "new").rename(made)
        shutil.copy(made, database)
    return database.parent


@pytest.fixture(scope="session")
def _session_emulator():
    from airflow_provider_tiktok.emulator import Settings, serve

    with serve(Settings(seed=7)) as emulator:
        yield emulator


@pytest.fixture(autouse=True, scope="module")
def _figures_of_one_moment():
    """Keep emulators in this process at the time when a module's tests begin: today's figures grow by the minute."""
    from airflow_provider_tiktok.emulator.settings import Settings

    began = datetime.now(timezone.utc)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settings, "now", lambda settings: settings.today or began)
        yield


@pytest.fixture(autouse=True)
def _no_call_of_another_test():
    """Wait for running calls of a failed or killed report, before the next test counts calls and reads the log."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith(("tiktok-report", "tiktok-cancel")):
            thread.join(30)


@pytest.fixture(autouse=True)
def _no_server_of_airflows():
    """Prevent commands from making this process look for connections in Airflow's database."""
    yield
    os.environ.pop("_AIRFLOW_PROCESS_CONTEXT", None)


@pytest.fixture
def emulator(_session_emulator):
    """Return TikTok's API on loopback, without faults and with an empty list of calls."""
    _session_emulator.set_faults([])
    _session_emulator.clear()
    yield _session_emulator
    _session_emulator.set_faults([])


@pytest.fixture
def forbidden(emulator):
    """Add an account that is listed and grants nothing, and return its ID."""
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
    """Return a function that sets the connection ``tiktok_default``, by default to the emulator."""

    def set_connection(url: str | None = None, conn_id: str = "tiktok_default", **extra: object) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", connection_json(url or emulator.url, **extra))

    return set_connection


@pytest.fixture
def moved_clock(monkeypatch, tmp_path_factory) -> Iterator[MovedClock]:
    """Replace waits by moving the clock of the package and of emulators in this process.

    The rate limiter gets a separate folder: its file would hold future times elsewhere.
    """
    from airflow_provider_tiktok import clock
    from airflow_provider_tiktok.api.client import TikTokClient
    from airflow_provider_tiktok.api.rate_limit import state

    moved, attempt, folder = MovedClock(), TikTokClient._attempt, tmp_path_factory.mktemp("limiter")

    def on_its_way(*args: Any) -> Any:
        with moved.call():
            return attempt(*args)

    monkeypatch.setattr(TikTokClient, "_attempt", on_its_way)
    monkeypatch.setattr(state, "_folder", lambda: folder)
    with clock.replaced(moved):
        yield moved


@pytest.fixture
def real_clock() -> Iterator[None]:
    """Restore real waits in a module whose other tests move the clock: the test ends them."""
    from airflow_provider_tiktok import clock

    with clock.replaced(clock.Clock()):
        yield


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.alone)], ids=["ends", "in time"])
def within(request) -> Callable[[float], AbstractContextManager[None]]:
    """Return a context whose block may take so many seconds: measured only if the test runs alone on the machine."""

    @contextmanager
    def block(seconds: float) -> Iterator[None]:
        began = time.monotonic()
        yield
        assert not request.param or time.monotonic() - began < seconds

    return block


def kill_later(task: Any, seconds: float) -> None:
    """Kill a task so many seconds after its attempt has begun: a kill before that would be none."""

    def kill() -> None:
        while task._stop is None:
            time.sleep(0.01)
        time.sleep(seconds)
        task.on_kill()

    threading.Thread(target=kill, daemon=True).start()


@pytest.fixture
def fast_retries(monkeypatch) -> None:
    """Make the client's backoffs short."""
    from airflow_provider_tiktok.api import retry

    quick = retry.RetryPolicy(initial_backoff=0.01, max_backoff=0.02, max_throttle_wait=0.2)
    monkeypatch.setattr(retry, "RetryPolicy", lambda **_: quick)
