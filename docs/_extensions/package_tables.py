"""Tables generated from the package, so that no page can contradict it.

``return-codes``, ``presets``, ``connection-fields`` and ``fivetran-columns`` become Markdown tables; ``modules`` becomes the
reference of a group of modules. Every module of the package is in one group.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import airflow_provider_tiktok
from airflow_provider_tiktok.api.codes import RETURN_CODES, Action
from airflow_provider_tiktok.get_provider_info import CONNECTION_TYPE, get_provider_info
from airflow_provider_tiktok.operators._outputs.columns import NAMED, REPORT
from airflow_provider_tiktok.reports.presets import PRESETS

_ACTIONS = {
    Action.RETRY: "retries the call a few times, then leaves it to Airflow's `retries`",
    Action.THROTTLE: "slows the app down and waits",
    Action.THROTTLE_ONE: "slows this account down and waits",
    Action.TIMEOUT: "retries the call once, then requests less",
    Action.POLL: "polls again later",
    Action.PERMANENT: "ends the task at once",
    Action.REAUTHORISE: "ends the task at once",
    Action.UNKNOWN: "ends the call, leaves it to Airflow's `retries`",
}


def return_codes() -> str:
    """Return a table of TikTok's codes: their meaning, what the package does and what to do."""
    rows: list[tuple[str, str, str, str, str]] = []
    for code, known in sorted(RETURN_CODES.items()):
        said = (known.meaning, f"`{known.error.__name__}`", _ACTIONS[known.action], known.advice)
        if rows and rows[-1][1:] == said and code - 1 in RETURN_CODES:
            first = rows.pop()[0].partition("–")[0]
            rows.append((f"{first}–{code}", *said))
        else:
            rows.append((str(code), *said))
    return table(("code", "meaning", "error", "the package", "what to do"), rows)


def presets() -> str:
    """Return a table of all presets with type, level and dimensions."""
    return table(
        ("preset", "report type", "level", "dimensions"),
        (
            (
                f"`{name}`",
                str(preset.get("report_type", "BASIC")),
                str(preset.get("data_level", "")),
                ", ".join(f"`{dimension}`" for dimension in preset.get("dimensions", ())),
            )
            for name, preset in PRESETS.items()
        ),
    )


def connection_fields() -> str:
    """Return a table of the connection's extra fields."""
    return table(
        ("field", "in the extra", "meaning", "default"),
        (
            (field["label"], f"`{name}`", field["description"], str(field["schema"].get("default", "")))
            for name, field in CONNECTION_TYPE["conn-fields"].items()
        ),
    )


def fivetran_columns() -> str:
    """Return a table of the columns that ``column_names="fivetran"`` renames."""
    return table(
        ("rows", "TikTok's name", "Fivetran's name"),
        (
            ("reports" if kind == REPORT else kind, f"`{name}`", f"`{new}`")
            for kind, names in NAMED["fivetran"].items()
            for name, new in names.items()
        ),
    )


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


class Table(SphinxDirective):
    """A directive for one of the tables."""

    make: Callable[[], str]

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the table, parsed like the page around it."""
        return self.parse_text_to_nodes(type(self).make())


class Modules(SphinxDirective):
    """A directive for the reference of a group of modules."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes that autodoc makes of every module."""
        found: list[nodes.Node] = []
        for module in groups()[self.arguments[0]]:
            options = "".join(
                f"   :{option}:\n" for option in ("members", "ignore-module-all", "show-inheritance")
            )
            text = f"```{{eval-rst}}\n.. automodule:: {module}\n{options}```"
            found += self.parse_text_to_nodes(text)
        return found


def groups() -> dict[str, list[str]]:
    """Return all modules by group: those declared to Airflow, others that users import, and internal ones."""
    package = airflow_provider_tiktok.__name__
    every = [module.name for module in pkgutil.walk_packages(airflow_provider_tiktok.__path__, f"{package}.")]
    info = get_provider_info()
    found = {
        "dags": [module for key in ("operators", "sensors", "triggers") for module in named(info, key)],
        "hooks": named(info, "hooks"),
        "errors": [f"{package}.exceptions"],
        "emulator": [f"{package}.emulator", f"{package}.emulator.settings", f"{package}.emulator.server"],
        "more": [f"{package}.retry_policy", f"{package}.reports.presets", f"{package}.get_provider_info"],
    }
    found = {group: [module for module in modules if module in every] for group, modules in found.items()}
    public = {module for modules in found.values() for module in modules}
    inside = [name for name in every if name not in public and not name.endswith("__main__")]
    return found | {"inside": inside}


def named(info: dict[str, Any], key: str) -> list[str]:
    """Return the modules under a key of the provider info, or none if the key is missing."""
    return [module for entry in info.get(key, ()) for module in entry["python-modules"]]


def setup(app: Any) -> dict[str, Any]:
    """Register the directives with Sphinx."""
    for name, make in (
        ("return-codes", return_codes),
        ("presets", presets),
        ("connection-fields", connection_fields),
        ("fivetran-columns", fivetran_columns),
    ):
        app.add_directive(name, type(make.__name__, (Table,), {"make": staticmethod(make)}))
    app.add_directive("modules", Modules)
    return {"parallel_read_safe": True}
