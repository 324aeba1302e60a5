"""Finds the examples in README, guides and docstrings, and replaces the reader's hosts and paths by local ones.

A block is run or checked by its language. For a block that can't be, the line before it has the reason:
``<!-- not run: needs a TikTok account -->``; ``<!-- not run on this page: reason -->`` is for a page.
A block after ``<!-- output -->`` is the output of the previous one.
"""

import ast
import inspect
import re
from dataclasses import dataclass, replace
from pathlib import Path

# Imports that a block of tasks without a DAG omits, because the page has shown them before.
PRELUDE = """\
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators.advertisers import TikTokListAdvertisersOperator
from airflow_provider_tiktok.operators.report import TikTokReportOperator
"""

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = sorted((ROOT / "airflow_provider_tiktok").rglob("*.py"))

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[^\s`]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S
)
_PAGE_MARK = re.compile(r"^<!-- not run on this page: (?P<reason>[^\n]+) -->$", re.M)
_MARK = re.compile(r"<!-- (?P<mark>not run|output)(?:: (?P<reason>[^\n]+))? -->\s*\Z")
_DIRECTIVE = re.compile(
    r"^(?P<indent> *)\.\. code-block:: (?P<language>\w+)\n(?P<text>(?:\n|(?P=indent)   .*\n?)+)", re.M
)


@dataclass(frozen=True)
class Block:
    """One example."""

    path: Path
    line: int
    language: str
    text: str
    reason: str = ""
    output: str | None = None

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks() -> list[Block]:
    """Return every example that a reader may copy."""
    found = [block for page in PAGES for block in in_page(page, page.read_text(encoding="utf-8"))]
    return found + [
        block for module in MODULES for block in in_docstrings(module, module.read_text(encoding="utf-8"))
    ]


def in_page(path: Path, text: str) -> list[Block]:
    """Return the fenced blocks of a page; Sphinx checks its own directives."""
    found: list[Block] = []
    page_mark = _PAGE_MARK.search(text)
    for match in _FENCE.finditer(text):
        language = match["language"]
        mark = _MARK.search(text[: match.start()])
        body = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.M)
        if mark and mark["mark"] == "output" and found:
            found[-1] = replace(found[-1], output=body)
        elif not language.startswith("{"):
            reason = (mark or page_mark or {"reason": ""})["reason"] or ""
            found.append(Block(path, text.count("\n", 0, match.start()) + 1, language, body, reason))
    return found


def in_docstrings(path: Path, source: str) -> list[Block]:
    """Return the code blocks in a module's docstrings."""
    found: list[Block] = []
    if ".. code-block::" not in source:
        return found  # to parse every module would take seconds
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            line = getattr(node, "lineno", 1)
            for match in _DIRECTIVE.finditer(f"{ast.get_docstring(node) or ''}\n"):
                text = inspect.cleandoc(match["text"]) + "\n"
                if match["language"] == "python" and isinstance(node, ast.ClassDef):
                    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                    text = f"from {dotted} import {node.name}\n{text}"
                found.append(Block(path, line, match["language"], text))
    return found


def localised(text: str, url: str, accounts: list[str], folder: Path) -> str:
    """Replace TikTok by the emulator, and the reader's storage by a folder."""
    places = {
        "https://business-api.tiktok.com": url,
        "7000000000000000001": accounts[0],
        "7000000000000000002": accounts[1],
        "s3://lake": folder.as_uri(),
        "gs://lake": folder.as_uri(),
        "/tmp/": f"{folder}/",
        "marketing.tiktok_ads": "tiktok_ads",  # SQLite has no schemas
        # a day with final figures, so that the sensor does not wait for yesterday's
        '"advertiser_ids": "*"}': '"advertiser_ids": "*", "report_start_date": "2026-10-01"}',
    }
    for there, here in places.items():
        text = text.replace(there, here)
    return text


def code(block: Block) -> str:
    """Return a Python block with all its imports."""
    only_tasks = "Operator(" in block.text and "DAG(" not in block.text
    return (PRELUDE if only_tasks else "") + block.text
