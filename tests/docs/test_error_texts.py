"""The page about errors quotes texts that the package writes."""

import ast
import re
from functools import cache

import pytest

from airflow_provider_tiktok.api.codes import RETURN_CODES
from tests.docs.examples import MODULES, ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (`.+?) \|", re.M)
_QUOTED = re.compile(r"``(.+?)``|`(.+?)`")
_VARIABLE = "\0"


@cache
def written() -> str:
    """Return all texts of the package but its docstrings; what a text is filled with is one character."""
    texts = []
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else _VARIABLE for part in node.values)
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                node.value.value = None  # a docstring, which comes after its expression
    return "\n".join(texts)


def quoted() -> list[str]:
    return [double or single for row in _ROW.findall(PAGE) for double, single in _QUOTED.findall(row)]


@pytest.mark.parametrize("text", quoted())
def test_a_quoted_text_is_one_that_the_package_writes(text):
    if code := re.fullmatch(r"code (\d+)", text):
        assert int(code[1]) in RETURN_CODES
        return
    pattern = r"[^\n]{1,200}?".join(map(re.escape, text.split("...")))
    assert re.search(pattern, written()), text


def test_the_page_quotes_no_text_twice():
    assert len(quoted()) == len(set(quoted())) > 40
