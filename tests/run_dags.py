"""DAG files that tests run as ``airflow dags test`` does, all in one process, which costs Airflow's start once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

_MARK = "== job "
"""What begins the line before the output of a job."""


def run_dags(jobs: list[dict[str, Any]], folder: Path, **env: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Run DAG files one after the other in another process, each alone in a folder.

    Airflow reads all files of the folder and writes them to its database, for each run of a DAG.

    :param jobs: each a ``name``, a ``path``, and optionally a ``date`` to run for, and ``env``: changes of the environment,
        which the jobs after it have as well.
    :param folder: for files between the processes.
    :return: what became of each job, and its output, by its name.
    """
    given, made = folder / "jobs.json", folder / "results.json"
    for job in jobs:
        (alone := folder / "dags" / job["name"]).mkdir(parents=True)
        shutil.copy(job["path"], alone)
    placed = [job | {"folder": str(folder / "dags" / job["name"])} for job in jobs]
    given.write_text(json.dumps(placed), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-u", "-W", "ignore", "-m", "tests.run_dags", str(given), str(made)],
        cwd=Path(__file__).parent.parent,  # from the folder of this file, tests/airflow would be Airflow
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    parts = (part.partition("\n") for part in done.stdout.split(f"\n{_MARK}")[1:])
    return json.loads(made.read_text(encoding="utf-8")), {name: output for name, _, output in parts}


def _result(job: dict[str, Any]) -> dict[str, Any]:
    """Parse a file as Airflow does, and run its DAGs."""
    import pendulum
    from airflow import settings
    from airflow.dag_processing.dagbag import DagBag

    os.environ.update(job.get("env", {}))
    settings.DAGS_FOLDER = job["folder"]
    bag = DagBag(job["folder"])
    errors = list(bag.import_errors.values())
    date = {"logical_date": pendulum.parse(job["date"])} if "date" in job else {}
    return {"errors": errors, "runs": [] if errors else [_outcome(dag, **date) for dag in bag.dags.values()]}


def _outcome(dag: Any, **date: Any) -> dict[str, Any]:
    """Run a DAG, and return the states of the run and its tasks."""
    run = dag.test(**date)
    states = {f"{task.task_id}[{task.map_index}]": str(task.state) for task in run.get_task_instances()}
    return {"dag": dag.dag_id, "state": str(run.state), "tasks": states}


def _main(given: str, made: str) -> None:
    results = {}
    for job in json.loads(Path(given).read_text(encoding="utf-8")):
        print(f"\n{_MARK}{job['name']}", flush=True)
        results[job["name"]] = _result(job)
    Path(made).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])
