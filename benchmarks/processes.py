"""An emulator and tasks in processes of their own, for the benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for what the tests measure with

from tests.scale.measure import Memory, session  # noqa: E402

REPORT = "report/integrated/get/"


@contextmanager
def emulator(**settings: object) -> Iterator[str]:
    """Run an emulator with these settings, and yield its URL."""
    options = [
        text for name, value in settings.items() for text in (f"--{name.replace('_', '-')}", f"{value}")
    ]
    command = [sys.executable, "-m", "airflow_provider_tiktok.emulator", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[3]
        # a thousand accounts are more than a pipe holds
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield url
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def calls(url: str) -> int:
    """Return the number of report calls that an emulator has had."""
    with urllib.request.urlopen(f"{url}/_emulator/calls/") as answer:
        return sum(call["path"].endswith(REPORT) for call in json.load(answer))


def clear(url: str) -> None:
    """Let an emulator forget its calls."""
    urllib.request.urlopen(urllib.request.Request(f"{url}/_emulator/calls/", method="DELETE")).close()


def environment(home: str, **variables: str) -> dict[str, str]:
    """Return the environment of a task, whose Airflow has its files in a folder."""
    return {
        **os.environ,
        "AIRFLOW_HOME": home,
        "TMPDIR": home,
        "PYTHONWARNINGS": "ignore",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        **variables,
    }


class Task:
    """A script's own process in which a task runs: it writes lines of JSON, the last of which is its result.

    :param script: called with ``--task`` and the job.
    :param job: for the script, as JSON.
    :param env: of the process.
    """

    def __init__(self, script: str, job: dict, env: dict[str, str]) -> None:
        self.lines: list[dict] = []
        self._process = subprocess.Popen(
            [sys.executable, script, "--task", json.dumps(job)],
            env=env, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.memory = Memory(lambda: session(self._process.pid))

    def __enter__(self) -> Task:
        self.memory.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self.memory.__exit__()

    def read(self) -> Iterator[dict]:
        """Yield what the process writes, until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self.lines.append(json.loads(line))
                yield self.lines[-1]
            else:  # what Airflow logs
                sys.stderr.write(line)

    def result(self) -> dict:
        """Wait for the end, and return the last line."""
        for _ in self.read():
            pass
        if self._process.wait():
            raise SystemExit("the task failed; see above")
        return self.lines[-1]

    def kill(self) -> None:
        """Kill the process, as the loss of its machine would."""
        self._process.kill()
        self._process.wait()


def attempt(number: int) -> dict:
    """Return Airflow's context of the first or second attempt of a task."""
    instance = SimpleNamespace(
        dag_id="benchmark", run_id="run", task_id="report", map_index=-1, try_number=number, max_tries=1
    )
    instance.xcom_push = lambda *_, **__: None
    return {"ti": instance, "dag_run": SimpleNamespace(clear_number=0)}


def peak() -> int:
    """Return the most bytes that this process has had in memory."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
