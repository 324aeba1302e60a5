"""The sample of a plain run, and the rest."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def functions(path: Path) -> list[ast.FunctionDef]:
    text = path.read_text(encoding="utf-8")
    if not re.search(r"\bsample\b|\bRun\b", text):
        return []  # most files; to read them all takes seconds
    return [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: path.name)
def test_what_takes_more_cases_in_a_full_run_is_marked(path):
    """Otherwise `--rest` leaves it out, because a plain run has made some of its cases."""
    for test in functions(path):
        names = {ast.unparse(node) for node in ast.walk(test) if isinstance(node, (ast.Name, ast.Attribute))}
        marks = {ast.unparse(mark).partition("(")[0] for mark in test.decorator_list}
        assert not names & {"sample", "Run.full"} or "pytest.mark.grows" in marks, test.name
