"""An operator's parameters as options of a command, read from the text of the operator's module.

To import an operator loads Airflow, which takes seconds, and ``--help`` is not to wait for that. Names, defaults and
descriptions are the operator's own: there is no second list of them.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OF_TASKS = frozenset({"deferrable", "durable", "asset_partitions", "max_xcom_bytes"})
"""Parameters that mean something only in a task of Airflow's."""

_PARAMETER = re.compile(r"^:param (\w+): (.*?)(?=^:|\Z)", re.M | re.S)
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`|``(.+?)``")
_SENTENCE = re.compile(r"(?<=[^.]\.)\s")
_METAVARS: Mapping[str, str] = {
    "Ids | None": "IDS",
    "Names | None": "NAMES",
    "Filters | None": "JSON",
    "str | Mapping[str, Any] | None": "JSON",
    "str | Mapping[str, str] | None": "JSON",
    "int": "N",
    "int | str": "N",
    "float": "X",
    "float | timedelta": "SECONDS",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operator.

    :param annotation: its type, as the source has it.
    :param default: ``None`` if it has none.
    :param about: its description, without markup.
    """

    name: str
    annotation: str
    default: Any
    about: str

    @property
    def is_switch(self) -> bool:
        """Whether it is true or false."""
        return self.annotation.startswith("bool")

    @property
    def metavar(self) -> str:
        """What stands for the value in the help."""
        if self.name.endswith("_date"):
            return "YYYY-MM-DD"
        return _METAVARS.get(self.annotation, "TEXT")

    @property
    def help(self) -> str:
        """The first sentence of the description, and the default."""
        text = re.sub(r"(?<=[^.])\.$", "", _SENTENCE.split(self.about)[0])
        shown = self.default not in (None, "") and "default" not in text
        return f"{text} (default: {self.default})" if shown else text


def parameters_of(module: str, class_name: str) -> dict[str, Parameter]:
    """Return the keyword parameters of an operator by name, but for those that only a task has a use for.

    :param module: name of the operator's module, which isn't imported.
    """
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None  # noqa: S101, PT018 - it is of this package
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name)
    about = dict(_PARAMETER.findall(inspect.cleandoc(ast.get_docstring(found) or "")))
    make = next(node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return {
        argument.arg: Parameter(
            argument.arg,
            ast.unparse(argument.annotation) if argument.annotation else "",
            ast.literal_eval(default) if default else None,
            _plain(about[argument.arg]),
        )
        for argument, default in zip(make.args.kwonlyargs, make.args.kw_defaults, strict=True)
        if argument.arg not in OF_TASKS
    }


def add_parameters(
    parser: argparse.ArgumentParser,
    parameters: Mapping[str, Parameter],
    names: Collection[str] | None = None,
) -> None:
    """Add an option for each parameter; those that aren't given leave nothing in the namespace.

    :param names: only these; all if not given.
    """
    group = parser.add_argument_group("parameters, as the operator's")
    for name, parameter in parameters.items():
        if names is not None and name not in names:
            continue
        option = f"--{name.replace('_', '-')}"
        text = parameter.help.replace("%", "%%")
        if parameter.is_switch:
            group.add_argument(
                option, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text
            )
        else:
            kind = {"int": int, "float": float, "float | timedelta": float}.get(parameter.annotation, str)
            group.add_argument(
                option, type=kind, metavar=parameter.metavar, default=argparse.SUPPRESS, help=text
            )


def given(options: argparse.Namespace, parameters: Collection[str]) -> dict[str, Any]:
    """Return the parameters that a command line gives."""
    return {name: value for name, value in vars(options).items() if name in parameters}


def _plain(text: str) -> str:
    """Return a description without reST's markup, in one line."""
    text = _ROLE.sub(lambda found: found[1] or found[2], text)
    return " ".join(text.replace("(templated)", "").split())
