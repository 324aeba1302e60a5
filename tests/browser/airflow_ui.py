"""A real Airflow with its UI for the browser, of any version, on loopback and without a login."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from airflow_provider_tiktok._compat import AIRFLOW_3
from tests.airflow.live import AIRFLOW, end, free_port

_PARTS = (
    (
        ["api-server"],
        ["scheduler", "--skip-serve-logs"],
        ["dag-processor"],
        ["triggerer", "--skip-serve-logs"],
    )
    if AIRFLOW_3
    else (
        ["webserver", "--workers", "1"],
        ["scheduler", "--skip-serve-logs"],
        ["triggerer", "--skip-serve-logs"],
    )
)
_HEALTH = "/api/v2/monitor/health" if AIRFLOW_3 else "/health"
_FINISHED = {"success", "failed"}
# Makes every user of Airflow 2's web server an administrator.
_WEBSERVER_CONFIG = 'AUTH_ROLE_PUBLIC = "Admin"\nWTF_CSRF_ENABLED = True\n'


def settings(home: Path, dags: Path, output: Path, database: str) -> dict[str, str]:
    url = f"http://127.0.0.1:{free_port()}"
    port = url.rpartition(":")[2]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    common = {
        "AIRFLOW_HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",  # its runs would begin before there is a connection
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "TIKTOK_EXAMPLE_OUTPUT": str(output),
        "AIRFLOW_CONN_TIKTOK_TABLES": json.dumps({"conn_type": "sqlite", "host": str(output / "tables.db")}),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    if AIRFLOW_3:
        return (
            inherited
            | common
            | {
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
                "AIRFLOW__API__HOST": "127.0.0.1",
                "AIRFLOW__API__PORT": port,
                "AIRFLOW__API__BASE_URL": url,
                "AIRFLOW__API__WORKERS": "1",
                "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",  # no file changes
            }
        )
    return (
        inherited
        | common
        | {
            "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
            "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": port,
            "AIRFLOW__WEBSERVER__BASE_URL": url,
            "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
        }
    )


# Outside a task Airflow 3 reads no connection from its database; the environment is read by every version.
_READ_BACK = """
import json, os
from airflow.models.connection import Connection
from airflow.utils.session import create_session
with create_session() as session:
    stored = session.query(Connection).filter(Connection.conn_id == "tiktok_default").one()
    os.environ["AIRFLOW_CONN_TIKTOK_DEFAULT"] = stored.get_uri()
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
hook = TikTokHook("tiktok_default")
found = hook.get_conn().credentials
print(json.dumps([hook.test_connection()[0], found.access_token, found.app_id, found.app_secret,
    list(found.advertiser_ids), found.qps, found.timeout]))
"""


class AirflowUi:
    """Starts Airflow's parts, runs DAGs, and reads its database."""

    def __init__(self, env: dict[str, str], logs: Path) -> None:
        self.env = env
        self.url = env.get("AIRFLOW__API__BASE_URL") or env["AIRFLOW__WEBSERVER__BASE_URL"]
        self._home = Path(env["AIRFLOW_HOME"])
        self._logs = logs
        self._parts: list[subprocess.Popen[bytes]] = []
        self._engine = create_engine(env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])

    def __enter__(self) -> "AirflowUi":
        self._home.mkdir(exist_ok=True)
        (self._home / "webserver_config.py").write_text(_WEBSERVER_CONFIG)
        self.command("db", "migrate")
        try:
            for command in _PARTS:
                with (self._logs / f"{command[0]}.log").open("wb") as log:
                    self._parts.append(
                        subprocess.Popen(
                            [AIRFLOW, *command], env=self.env, stdout=log, stderr=log, start_new_session=True
                        )
                    )
            self._wait_until(self._is_healthy, "healthy")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        end(self._parts)
        self._engine.dispose()

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [AIRFLOW, *arguments], env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
        return done.stdout

    def python(self, code: str) -> str:
        """Run code in a separate process and return the last line that it prints."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
        return done.stdout.strip().splitlines()[-1]

    def connection(self) -> list[Any]:
        """Return the hook's view of the stored connection: whether it works, and its fields."""
        return json.loads(self.python(_READ_BACK))

    def run(self, dag_id: str, run_id: str, state: str, seconds: float = 240) -> None:
        """Trigger a DAG and wait for its end."""
        self.wait_for_dag(dag_id)
        self.command("dags", "trigger", dag_id, "--run-id", run_id)
        self.wait(dag_id, run_id, state, seconds)

    def wait(self, dag_id: str, run_id: str, state: str, seconds: float = 240) -> None:
        """Wait for the end of a run.

        :param state: the state that it has to end in.
        """
        query = "SELECT state FROM dag_run WHERE dag_id = :dag AND run_id = :run"
        found: list[tuple[Any, ...]] = []

        def is_finished() -> bool:
            found[:] = self.query(query, dag=dag_id, run=run_id)
            return bool(found) and found[0][0] in _FINISHED

        self._wait_until(is_finished, f"{dag_id} done", seconds)
        assert found == [(state,)], f"{dag_id}: {found}"

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until Airflow has read a DAG."""
        self._wait_until(
            lambda: self.query("SELECT 1 FROM serialized_dag WHERE dag_id = :dag", dag=dag_id),
            f"{dag_id} read",
        )

    def wait_for_run(self, dag_id: str, state: str) -> list[str]:
        """Wait for the start and the end of a DAG's run, and return its ID."""
        query = "SELECT run_id FROM dag_run WHERE dag_id = :dag"
        self._wait_until(lambda: self.query(query, dag=dag_id), f"{dag_id} triggered")
        ids = [row[0] for row in self.query(query, dag=dag_id)]
        for run_id in ids:
            self.wait(dag_id, run_id, state)
        return ids

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return what a task returned."""
        ((value,),) = self.query(
            "SELECT value FROM xcom WHERE dag_id = :dag AND run_id = :run AND task_id = :task AND key = 'return_value'",
            dag=dag_id,
            run=run_id,
            task=task_id,
        )
        while isinstance(
            value, (str, bytes, memoryview)
        ):  # versions and databases differ in their automatic conversions
            value = json.loads(bytes(value) if isinstance(value, memoryview) else value)
        return value

    def query(self, statement: str, **values: str) -> list[tuple[Any, ...]]:
        """Ask Airflow's database."""
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def task_page(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, tab: str = "") -> str:
        """Return the address of a task instance's page.

        :param tab: Airflow 3's name of the tab; empty is the log.
        """
        if AIRFLOW_3:
            if tab == "task_instances":  # the list of the mapped ones
                return f"{self.url}/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/mapped"
            mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
            return f"{self.url}/dags/{dag_id}/runs/{run_id}/tasks/{task_id}{mapped}" + (
                f"/{tab}" if tab else ""
            )
        index = f"&map_index={map_index}" if map_index >= 0 else ""
        tab = {"": "logs", "rendered_templates": "rendered_templates", "details": "details"}[tab]
        return f"{self.url}/dags/{dag_id}/grid?dag_run_id={run_id}&task_id={task_id}{index}&tab={tab}"

    def _is_healthy(self) -> bool:
        for part in self._parts:
            assert part.poll() is None, f"a part of Airflow ended; see {self._logs}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.url + _HEALTH, timeout=10) as answer:
                health = answer.read().decode().replace(" ", "")
        except OSError:
            return False
        return health.count('"healthy"') >= len(_PARTS)

    def _wait_until(self, ready: Any, what: str, seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < deadline, f"not {what} after {seconds:g} s; see {self._logs}"
            time.sleep(0.5)
