"""Every operator, sensor, hook and policy has a page with all its parameters: defaults, and whether they are templated."""

import inspect
import re
from datetime import timedelta
from importlib import import_module

import pytest

from airflow_provider_tiktok.get_provider_info import get_provider_info
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators.advertisers import TikTokListAdvertisersOperator
from airflow_provider_tiktok.operators.base import OF_FILES
from airflow_provider_tiktok.operators.entities import TikTokEntitiesOperator
from airflow_provider_tiktok.operators.entities_to_sql import TikTokEntitiesToSqlOperator
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator
from airflow_provider_tiktok.retry_policy import TikTokRetryPolicy
from airflow_provider_tiktok.sensors.report import TikTokReportReadySensor
from tests.docs.examples import ROOT

PAGES = {
    TikTokReportOperator: "report-operator",
    TikTokReportToSqlOperator: "database",
    TikTokEntitiesOperator: "entities",
    TikTokEntitiesToSqlOperator: "entities-to-sql",
    TikTokListAdvertisersOperator: "list-advertisers",
    TikTokReportReadySensor: "sensor",
    TikTokHook: "hook",
    TikTokRetryPolicy: "retry-policy",
}
HEADINGS = ("Prerequisites", "Example", "Parameters", "Result")
INTO_TABLES = {
    TikTokReportToSqlOperator: TikTokReportOperator,
    TikTokEntitiesToSqlOperator: TikTokEntitiesOperator,
}
"""Operators whose page refers to the table of another one, for all parameters that aren't about files."""

_IN_WORDS = {"None", "21600"}  # defaults that a table describes


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def table(name: str) -> dict[str, tuple[str, str]]:
    """Return for each parameter of a page its cells about templates and the default."""
    section = page(name).partition("\n## Parameters\n")[2].partition("\n## ")[0]
    found = {}
    for line in section.splitlines():
        if not line.startswith("| `"):
            continue
        names, *cells = (cell.strip() for cell in re.split(r" *(?<!\\)\|", line.strip("|")))
        for parameter in re.findall(r"`(\w+)`", names):
            found[parameter] = ("no" if len(cells) == 2 else cells[0]), cells[-2]
    return found


def parameters(cls: type) -> dict[str, object]:
    """Return the parameters that a class and its bases in this package declare, with their defaults."""
    return {
        name: parameter.default
        for base in cls.__mro__
        if base.__module__.startswith("airflow_provider_tiktok.") and "__init__" in vars(base)
        for name, parameter in inspect.signature(base.__init__).parameters.items()
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    }


def of_the_page(cls: type) -> dict[str, object]:
    """Return the parameters that are in the table of a class's own page."""
    known = parameters(cls)
    if other := INTO_TABLES.get(cls):
        assert OF_FILES.isdisjoint(cls.template_fields)
        return {name: default for name, default in known.items() if name not in parameters(other)}
    return known


def in_words(default: object) -> str:
    """Return a default as a table has it."""
    if default is inspect.Parameter.empty:
        return "required"
    if isinstance(default, timedelta):
        return f"{default // timedelta(minutes=1)} min"
    return str(default)


def test_every_class_that_users_write_has_a_page():
    info = get_provider_info()
    modules = [name for key in ("operators", "sensors", "hooks") for name in info[key][0]["python-modules"]]
    found = {
        member
        for name in modules
        for member in vars(import_module(name)).values()
        if inspect.isclass(member) and member.__module__ == name and member.__name__.startswith("TikTok")
    }
    assert found | {TikTokRetryPolicy} == set(PAGES)


@pytest.mark.parametrize("cls", PAGES, ids=lambda cls: cls.__name__)
def test_the_page_of_a_class_has_the_same_parts(cls):
    text = page(PAGES[cls])
    assert text.startswith(f"# {cls.__name__}\n")
    places = [text.index(f"\n## {heading}\n") for heading in HEADINGS]
    assert places == sorted(places)


@pytest.mark.parametrize("cls", PAGES, ids=lambda cls: cls.__name__)
def test_the_table_has_every_parameter_as_the_class_has_it(cls):
    found, known = table(PAGES[cls]), of_the_page(cls)
    assert found.keys() == known.keys()
    for name, default in known.items():
        templated, cell = found[name]
        assert (templated == "yes") == (name in getattr(cls, "template_fields", ())), name
        if in_words(default) not in _IN_WORDS:
            words = cell.replace(",", "").replace("`", "")
            assert re.search(rf"(?<!\w){re.escape(in_words(default))}(?!\w)", words), (name, cell)


@pytest.mark.parametrize("cls", INTO_TABLES, ids=lambda cls: cls.__name__)
def test_a_page_about_a_table_leaves_out_what_is_about_files(cls):
    text = " ".join(page(PAGES[cls]).split())
    listed = re.search(r"except those for files and XCom \(([^)]+)\)", text)[1]
    assert set(re.findall(r"\w+", listed)) == OF_FILES & parameters(INTO_TABLES[cls]).keys()
