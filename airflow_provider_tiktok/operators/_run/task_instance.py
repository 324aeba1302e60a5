"""What an attempt to run a task knows of the attempts before and after it."""

from __future__ import annotations

from typing import Any


def generation_of(context: Any) -> list[int | None]:
    """Return what a clearing of the task changes, and a retry doesn't: a user who clears a task asks for a fresh report.

    Clearing raises the run's ``clear_number`` and the task's ``max_tries``.
    """
    run, task_instance = context.get("dag_run"), context.get("ti")
    found = (getattr(run, "clear_number", None), getattr(task_instance, "max_tries", None))
    return [value if isinstance(value, int) else None for value in found]


def may_retry(context: Any) -> bool:
    """Return whether another attempt can follow this one by itself."""
    task_instance = context.get("ti")
    tries = [getattr(task_instance, name, None) for name in ("try_number", "max_tries")]
    return all(isinstance(number, int) for number in tries) and tries[0] <= tries[1]  # type: ignore[operator]


def is_retry(context: Any) -> bool:
    """Return whether an attempt came before this one."""
    number = getattr(context.get("ti"), "try_number", None)
    return isinstance(number, int) and number > 1


def task_instance_key(context: Any) -> list[str | int] | None:
    """Return what identifies the task instance over all its attempts; ``None`` outside of Airflow."""
    task_instance = context.get("ti")
    names = [getattr(task_instance, name, None) for name in ("dag_id", "run_id", "task_id")]
    if not all(isinstance(name, str) for name in names):
        return None
    map_index = getattr(task_instance, "map_index", -1)
    return [*(str(name) for name in names), map_index if isinstance(map_index, int) else -1]
