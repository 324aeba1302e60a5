"""The code of a DAG for what was tried on the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_WIDTH = 88  # ruff's and black's
_STEP = " " * 4


def dag_code(
    dag_id: str, task_id: str, operator: type, parameters: Mapping[str, Any], *, airflow_3: bool
) -> str:
    """Return a DAG file with one task, formatted as ruff and black do.

    :param parameters: of the operator, as they were given.
    :param airflow_3: whether the file is for Airflow 3, which has DAGs elsewhere.
    """
    from airflow_provider_tiktok import clock  # loads asyncio, which no help is to wait for

    has_dates = bool(parameters.keys() & {"report_start_date", "report_end_date"})
    schedule = "None" if has_dates else '"@daily"'
    remark = "  # the dates are fixed; without them, each run takes its own day" if has_dates else ""
    module = operator.__module__
    today = clock.now()
    arguments = {"task_id": task_id, **parameters}
    lines = [
        "import pendulum",
        f"from {'airflow.sdk' if airflow_3 else 'airflow'} import DAG",
        f"from {module} import {operator.__name__}",
        "",
        "with DAG(",
        f"{_STEP}{literal(dag_id)},",
        f"{_STEP}schedule={schedule},{remark}",
        f'{_STEP}start_date=pendulum.datetime({today.year}, {today.month}, 1, tz="UTC"),',
        f"{_STEP}catchup=False,",
        "):",
        f"{_STEP}{operator.__name__}(",
        *(f"{_STEP * 2}{name}={_value(value, len(name) + 10)}," for name, value in arguments.items()),
        f"{_STEP})",
    ]
    return "\n".join(lines)


def literal(value: object) -> str:
    """Return a value as Python has it, in one line; text in double quotes, where these need no backslash."""
    if isinstance(value, str):
        shown = repr(value)
        plain = shown.startswith("'") and '"' not in value and "\\'" not in shown
        return f'"{shown[1:-1]}"' if plain else shown
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def _value(value: object, column: int, depth: int = 2) -> str:
    """Return a value in one line if that is not too long, and else with a line for each item.

    :param column: where it begins.
    :param depth: of the line that it begins in.
    """
    line = literal(value)
    if column + len(line) + 1 <= _WIDTH or not (isinstance(value, (Mapping, list)) and value):
        return line
    opening, closing = ("{", "}") if isinstance(value, Mapping) else ("[", "]")
    body = "".join(f"{_STEP * (depth + 1)}{item},\n" for item in _items(value, depth + 1))
    return f"{opening}\n{body}{_STEP * depth}{closing}"


def _items(value: Any, depth: int) -> Iterator[str]:
    start = len(_STEP) * depth
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = f"{literal(key)}: "
            yield name + _value(item, start + len(name), depth)
    else:
        for item in value:
            yield _value(item, start, depth)
