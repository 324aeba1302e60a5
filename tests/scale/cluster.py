"""A real Airflow with CeleryExecutor: Redis, PostgreSQL, and workers that can be killed."""

import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

from tests.airflow.live import AIRFLOW, LiveAirflow
from tests.scale.measure import session

CONCURRENCY = 4
_QUIET = ("--skip-serve-logs", "--without-mingle", "--without-gossip")


def celery_settings(broker: str, database: str) -> dict[str, str]:
    """Return a function that adds workers to an Airflow and lets it notice a lost worker soon.

    A message that a dead worker held comes back after the visibility timeout. It has to be longer than any task here
    takes, for Celery gives a task that takes longer to a second worker, where Airflow refuses it.
    """
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__PARALLELISM": "16",
        "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "16",
        # what an earlier run has left in Redis is not this one's
        "AIRFLOW__OPERATORS__DEFAULT_QUEUE": f"scale-{secrets.token_hex(4)}",
        "AIRFLOW__CELERY__BROKER_URL": broker,
        "AIRFLOW__CELERY__RESULT_BACKEND": database.replace("postgresql+psycopg2://", "db+postgresql://", 1),
        "AIRFLOW__CELERY__TASK_ACKS_LATE": "True",
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "120",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    }


class Cluster:
    """An Airflow and its workers.

    :param airflow: the parts that schedule.
    :param folder: where the workers' logs go.
    """

    def __init__(self, airflow: LiveAirflow, folder: Path) -> None:
        self.airflow = airflow
        self._folder = folder
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    def start_workers(self, *names: str, apart: bool = False) -> None:
        """Start workers and wait until they accept tasks.

        :param apart: give each a separate temporary folder, as if it were on a separate machine.
        """
        for name in names:
            env = self.airflow.env
            if apart:
                own = self._folder / f"tmp-{name}"
                own.mkdir()
                env = env | {"TMPDIR": str(own)}
            with self._log(name).open("wb") as output:
                self._workers[name] = subprocess.Popen(
                    [AIRFLOW, "celery", "worker", "--concurrency", str(CONCURRENCY), *_QUIET,
                     "--celery-hostname", f"{name}@%h"],
                    env=env, stdout=output, stderr=output, start_new_session=True,
                )  # fmt: skip
        deadline = time.monotonic() + 120
        for name in names:
            while b" ready." not in self._log(name).read_bytes():
                text = self._log(name).read_text(errors="replace")[-3000:]
                assert self._workers[name].poll() is None, text
                assert time.monotonic() < deadline, text
                time.sleep(0.3)

    def worker_of(self, pids: set[int]) -> str | None:
        """Return the name of a worker that one of these processes belongs to."""
        found = (name for name, worker in self._workers.items() if pids & set(session(worker.pid)))
        return next(found, None)

    def kill_worker(self, name: str) -> None:
        """Kill a worker and all its processes at once, as the loss of its machine would."""
        worker = self._workers.pop(name)
        for pid in session(worker.pid):
            os.kill(pid, signal.SIGKILL)
        worker.wait()

    def _log(self, name: str) -> Path:
        return self._folder / f"worker-{name}.log"

    def stop(self) -> None:
        """End the workers and their tasks."""
        for worker in self._workers.values():
            worker.send_signal(signal.SIGTERM)
        for name, worker in list(self._workers.items()):
            try:
                worker.wait(15)
                del self._workers[name]
            except subprocess.TimeoutExpired:
                self.kill_worker(name)

    def processes(self) -> list[int]:
        """Return the IDs of all workers' processes, tasks among them."""
        return [pid for worker in self._workers.values() for pid in session(worker.pid)]
