"""A real Airflow for tests: API server, scheduler, DAG processor and triggerer on loopback."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests import servers

AIRFLOW = str(Path(sys.executable).with_name("airflow"))
_PARTS = (
    ["api-server"],
    ["scheduler", "--skip-serve-logs"],
    ["dag-processor"],
    ["triggerer", "--skip-serve-logs"],
)
_FINISHED = {"success", "failed"}
_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def metadata_database(home: Path) -> Iterator[str]:
    """Return the URL of a database for Airflow, without tables.

    :param home: Airflow's own folder.

    All parts of Airflow write at the same time, which SQLite bears badly: with it the API server hangs now and then. So
    it is PostgreSQL where the tests have one.
    """
    if not servers.has_postgres():
        # all of Airflow's parts write into one file, so SQLite's default timeout of 5 s is too short for a command
        yield f"sqlite:///{home}/airflow.db?timeout=60"
        return
    server = servers.postgres()
    name = f"airflow_{secrets.token_hex(6)}"
    _execute(server, f"CREATE DATABASE {name}")
    try:
        url = f"{server.rpartition('/')[0]}/{name}"
        yield url.replace("postgresql://", "postgresql+psycopg2://", 1)
    finally:
        _execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _execute(server: str, statement: str) -> None:
    import psycopg

    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(statement)


def migrate(env: dict[str, str]) -> None:
    """Make Airflow's tables."""
    done = subprocess.run([AIRFLOW, "db", "migrate"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def parse_time(text: str) -> datetime:
    """Read a time as Airflow's API writes it, with a Z that Python 3.10 doesn't read."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def end(parts: list[subprocess.Popen[bytes]]) -> None:
    """End parts of Airflow and their processes: signal all before waiting for the first."""
    for part in parts:
        os.killpg(part.pid, signal.SIGTERM)
    for part in parts:
        try:
            part.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(part.pid, signal.SIGKILL)
            part.wait()


def settings(port: int, dags: Path, output: Path, database: str) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        _DATABASE: database,
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        # no file changes: to parse all of them again and again would take as long as the tests
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        "TIKTOK_EXAMPLE_OUTPUT": str(output),
    }


class LiveAirflow:
    """Starts Airflow's parts and calls their REST API."""

    def __init__(self, env: dict[str, str], logs: Path) -> None:
        self.url = env["AIRFLOW__API__BASE_URL"]
        self.env = env
        # the parts may block each other while they wait for the file, and retry by themselves
        self._parts_env = env | {_DATABASE: env[_DATABASE].partition("?")[0]}
        self._logs = logs
        self._token = ""
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._parts: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "LiveAirflow":
        try:
            self._start(_PARTS[0])
            self._wait_until_healthy("metadatabase")
            for part in _PARTS[1:]:  # a task that is started before the API server answers has failed
                self._start(part)
            self._wait_until_healthy("metadatabase", "scheduler", "dag_processor", "triggerer")
            self._token = self.call("/auth/token")["access_token"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        end(self._parts)

    def restart(self, command: str) -> None:
        """Kill a part of Airflow, as a crash of its machine would, and start it again."""
        index = next(index for index, one in enumerate(_PARTS) if one[0] == command)
        os.killpg(self._parts[index].pid, signal.SIGKILL)
        self._parts[index].wait()
        with (self._logs / f"{command}.log").open("ab") as log:
            self._parts[index] = subprocess.Popen(
                [AIRFLOW, *_PARTS[index]], env=self.env, stdout=log, stderr=log, start_new_session=True
            )

    def call(
        self, path: str, body: Any = None, method: str | None = None, accept: str = "application/json"
    ) -> Any:
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "Accept": accept,
            },
            method=method,
        )
        for last in (False, False, False, True):
            try:
                with self._opener.open(request, timeout=90) as answer:
                    text = answer.read().decode()
                break
            except urllib.error.HTTPError as error:
                if error.code != 500 or last:  # SQLite is sometimes locked
                    raise
                time.sleep(2)
            except TimeoutError:
                if last or request.data is not None:
                    raise
        return json.loads(text) if accept == "application/json" else text

    def run(self, dag_id: str, conf: dict[str, Any] | None = None, seconds: float = 120) -> "Run":
        """Trigger a DAG, as the UI does, and wait for its end."""
        deadline = time.monotonic() + seconds
        run = self.start(dag_id, conf, seconds)
        run.wait(deadline - time.monotonic())
        return run

    def start(self, dag_id: str, conf: dict[str, Any] | None = None, seconds: float = 120) -> "Run":
        """Trigger a DAG, as the UI does."""
        deadline = time.monotonic() + seconds
        while True:  # the DAG processor may not have parsed it yet
            try:
                made = self.call(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})
                break
            except urllib.error.HTTPError as error:
                if error.code != 404 or time.monotonic() > deadline:
                    raise AssertionError(
                        f"{dag_id}: HTTP {error.code} {error.read().decode()[:500]}"
                    ) from None
                time.sleep(1)
        return Run(self, dag_id, made["dag_run_id"])

    def latest(self, dag_id: str, seconds: float = 120) -> "Run":
        """Wait for the end of a run that a schedule has made."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                runs = self.call(f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after&limit=1")["dag_runs"]
            except urllib.error.HTTPError as error:
                if error.code != 404:  # the DAG processor may not have parsed it yet
                    raise
                runs = []
            if runs and runs[0]["state"] in _FINISHED:
                return Run(self, dag_id, runs[0]["dag_run_id"], runs[0])
            assert time.monotonic() < deadline, f"{dag_id}: {runs}"
            time.sleep(0.5)

    def backfill(
        self, dag_id: str, first: str, last: str, *, max_active_runs: int, seconds: float = 120
    ) -> list[dict[str, Any]]:
        """Backfill a DAG's days, and return its runs when all have ended."""
        body = {
            "dag_id": dag_id,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T00:00:00Z",
            "max_active_runs": max_active_runs,
        }
        deadline = time.monotonic() + seconds
        made = self.call("/api/v2/backfills", body)["id"]
        while self.call(f"/api/v2/backfills/{made}")["completed_at"] is None:
            assert time.monotonic() < deadline, f"the backfill of {dag_id} is not over"
            time.sleep(0.5)
        return self.all_of(f"/api/v2/dags/{dag_id}/dagRuns", "dag_runs")

    def all_of(self, path: str, key: str) -> list[dict[str, Any]]:
        """Return all entries of a list, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.call(f"{path}?limit=100&offset={len(found)}")
            found += page[key]
            if len(found) >= page["total_entries"]:
                return found

    def _start(self, command: list[str]) -> None:
        with (self._logs / f"{command[0]}.log").open("wb") as log:
            self._parts.append(
                subprocess.Popen(
                    [AIRFLOW, *command], env=self._parts_env, stdout=log, stderr=log, start_new_session=True
                )
            )

    def _wait_until_healthy(self, *names: str, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        health: Any = None
        while time.monotonic() < deadline:
            for part in self._parts:
                assert part.poll() is None, f"a part of Airflow ended; see {self._logs}"
            try:
                health = self.call("/api/v2/monitor/health")
                if all((health.get(name) or {}).get("status") == "healthy" for name in names):
                    return
            except OSError:
                pass
            time.sleep(0.5)
        raise AssertionError(f"Airflow is not healthy after {seconds:g} s: {health}")


class Run:
    """One DAG run."""

    def __init__(
        self, airflow: LiveAirflow, dag_id: str, run_id: str, facts: dict[str, Any] | None = None
    ) -> None:
        self._airflow = airflow
        self.facts = facts or {}
        self._dag_id, self._run_id = dag_id, run_id
        self._path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"

    def state(self) -> str:
        return self._airflow.call(self._path)["state"]

    def wait(self, seconds: float = 120) -> None:
        """Wait for its end."""
        deadline = time.monotonic() + seconds
        while self.state() not in _FINISHED:
            assert time.monotonic() < deadline, f"{self._dag_id} is {self.state()}: {self.states()}"
            time.sleep(0.5)

    def wait_for_task(self, task_id: str, state: str, seconds: float = 60) -> None:
        """Wait until a task is in a state."""
        deadline = time.monotonic() + seconds
        while (now := self.states().get(f"{task_id}[-1]")) != state:
            assert time.monotonic() < deadline, f"{task_id} is {now}, not {state}"
            time.sleep(0.3)

    def mark(self, task_id: str, state: str) -> None:
        """Mark a task, as the UI does."""
        self._airflow.call(f"{self._path}/taskInstances/{task_id}", {"new_state": state}, "PATCH")

    def clear(self, task_id: str) -> None:
        """Clear a task, as the UI does."""
        body = {"dry_run": False, "dag_run_id": self._run_id, "task_ids": [task_id], "only_failed": False}
        self._airflow.call(
            f"/api/v2/dags/{self._dag_id}/clearTaskInstances", {**body, "reset_dag_runs": True}
        )

    def tasks(self) -> list[dict[str, Any]]:
        return self._airflow.call(f"{self._path}/taskInstances")["task_instances"]

    def all_tasks(self) -> list[dict[str, Any]]:
        """Return all task instances, however many."""
        return self._airflow.all_of(f"{self._path}/taskInstances", "task_instances")

    def states(self) -> dict[str, str]:
        return {f"{task['task_id']}[{task['map_index']}]": task["state"] for task in self.tasks()}

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        path = (
            f"{self._path}/taskInstances/{task_id}/xcomEntries/{key}?map_index={map_index}&deserialize=false"
        )
        value = self._airflow.call(path)["value"]
        return json.loads(value) if isinstance(value, str) else value

    def log(self, task_id: str, attempt: int = 1, map_index: int = -1) -> str:
        path = f"{self._path}/taskInstances/{task_id}/logs/{attempt}?map_index={map_index}"
        return self._airflow.call(path, accept="application/x-ndjson")
