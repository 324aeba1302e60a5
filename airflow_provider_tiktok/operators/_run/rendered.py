"""The one rule for templates that render to ``None``.

Empty text means "not given", as does an explicit ``None`` in Python. What the DAG gave and what renders to ``None``
is a mistake: an upstream task without a ``return``, or a misspelt XCom key, would else make all accounts of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.reports.params.coerce import invalid, is_none, structure

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_BETWEEN_PARTS = re.compile(r"[,/=]")  # of a list in text, and of a path


def check_rendered(given: Mapping[str, Any], rendered: Mapping[str, Any]) -> None:
    """Refuse templated parameters that the DAG gave and that rendered to ``None``, entirely or in part.

    :param given: what the DAG gave for each parameter, if anything.
    :param rendered: every templated parameter, as it is now.
    :raises TikTokInvalidRequestError: names the parameter, its template and the remedy.
    """
    for name, value in rendered.items():
        template = _lost(given.get(name), value)
        if template is not None:
            raise invalid(
                name,
                f"renders to None, or to something that holds None, and is given in the DAG as {sanitize(template, 300)}. "
                'That is not taken for "not given", for the rows could then be of other accounts, filters or days. '
                "Check that the task or variable behind it has a value, and that its name and XCom key are spelled "
                "right. If it may be missing, let it render to empty text, as {{ params.example or '' }} does: that "
                'means "not given".',
            )


def _lost(given: Any, rendered: Any) -> Any:
    """Return what of a given value rendered to ``None``; ``None`` if nothing did."""
    if given is None or _is_same(given, rendered):
        return given if is_none(rendered) else None
    pairs = _pairs(given, rendered)
    if pairs is not None:
        return next((lost for pair in pairs if (lost := _lost(*pair)) is not None), None)
    filled = _filled(given, rendered)
    return given if _holds_none(rendered) or any(map(is_none, filled)) else None


def _filled(given: Any, rendered: Any) -> list[str]:
    """Return the text for each part of a template that is between braces, as far as that is known."""
    before, *literals = _JINJA.split(str(given))
    text = str(rendered)
    if not literals or not text.startswith(before) or not text.endswith(literals[-1]):
        return []
    rest = text[len(before) : len(text) - len(literals.pop())]
    parts = []
    for literal in filter(None, literals):
        part, _, rest = rest.partition(literal)
        parts.append(part)
    return [*parts, rest]


def _is_same(given: Any, rendered: Any) -> bool:
    """Return whether nothing was rendered."""
    return given is rendered or (type(given) is type(rendered) and bool(given == rendered))


def _pairs(given: Any, rendered: Any) -> list[tuple[Any, Any]] | None:
    """Return the items of two containers of the same form; ``None`` if they aren't."""
    if isinstance(given, Mapping) and isinstance(rendered, Mapping) and given.keys() == rendered.keys():
        return [(given[key], rendered[key]) for key in given]
    if (
        isinstance(given, (list, tuple))
        and isinstance(rendered, (list, tuple))
        and len(given) == len(rendered)
    ):
        return list(zip(given, rendered, strict=True))
    return None


def _holds_none(value: Any) -> bool:
    """Return whether a value is ``None`` or holds one: a list, an object, text of them, a path."""
    if is_none(value):
        return True
    if isinstance(value, str):
        read = structure(value)
        if isinstance(read, (str, int, float)):
            return any(part.strip() == "None" for part in _BETWEEN_PARTS.split(value))
        value = read
    if isinstance(value, Mapping):
        return any(map(_holds_none, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(_holds_none, value))
    return hasattr(value, "protocol") and _holds_none(str(value))  # a path of Airflow's object storage
