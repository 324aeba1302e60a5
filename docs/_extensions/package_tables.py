"""Tables that the package itself holds, so that no page can say something else.

``return-codes``, ``presets`` and ``connection-fields`` become Markdown tables; ``modules`` becomes the
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
from airflow_provider_tiktok.reports.presets import PRESETS

_ACTIONS = {
    Action.RETRY: "repeats the call a few times, then leaves it to Airflow's `retries`",
    Action.THROTTLE: "slows the app down and waits",
    Action.THROTTLE_ONE: "slows this account down and waits",
    Action.TIMEOUT: "repeats the call once, then asks for less",
    Action.POLL: "asks again later",
    Action.PERMANENT: "ends the task at once",
    Action.REAUTHORISE: "ends the task at once",
    Action.UNKNOWN: "ends the call, leaves it to Airflow's `retries`",
}


def return_codes() -> str:
    """Write TikTok's codes with what they mean, what the package does and what the reader does."""
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
    """Write every preset with its type, level and dimensions."""
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
    """Write the fields of the connection's form that go into its extra."""
    return table(
        ("field", "in the extra", "meaning", "default"),
        (
            (field["label"], f"`{name}`", field["description"], str(field["schema"].get("default", "")))
            for name, field in CONNECTION_TYPE["conn-fields"].items()
        ),
    )


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


class Table(SphinxDirective):
    """Puts one of the tables there."""

    make: Callable[[], str]

    def run(self) -> list[nodes.Node]:
        """Write the table and let it be read like the page around it."""
        return self.parse_text_to_nodes(type(self).make())


class Modules(SphinxDirective):
    """Puts the reference of a group of modules there."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Hand every module over to autodoc."""
        found: list[nodes.Node] = []
        for module in groups()[self.arguments[0]]:
            options = "".join(
                f"   :{option}:\n" for option in ("members", "ignore-module-all", "show-inheritance")
            )
            text = f"```{{eval-rst}}\n.. automodule:: {module}\n{options}```"
            found += self.parse_text_to_nodes(text)
        return found


def groups() -> dict[str, list[str]]:
    """Give all modules by group: what the package names to Airflow, what else users import, and the inside."""
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
    """Give the modules under a key of what Airflow is told; none where the package has no such thing."""
    return [module for entry in info.get(key, ()) for module in entry["python-modules"]]


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx the directives."""
    for name, make in (
        ("return-codes", return_codes),
        ("presets", presets),
        ("connection-fields", connection_fields),
    ):
        app.add_directive(name, type(make.__name__, (Table,), {"make": staticmethod(make)}))
    app.add_directive("modules", Modules)
    return {"parallel_read_safe": True}
