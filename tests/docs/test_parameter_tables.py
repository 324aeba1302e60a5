"""The table of an operator's parameters names each, says whether it is templated, and what its default is."""

import inspect
import re

from airflow_provider_tiktok.operators.base import TikTokBaseOperator
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from tests.docs.examples import ROOT

_IN_WORDS = {"None", "30", "21600"}  # defaults that the table describes


def table() -> dict[str, tuple[str, str]]:
    """Return for each parameter whether it is templated, and the cell with its default."""
    text = (ROOT / "docs" / "report-operator.md").read_text(encoding="utf-8")
    found = {}
    for names, templated, default in re.findall(r"^\| (`[^|]+`) \| (yes|no) \|([^|]*)\|", text, re.M):
        for name in re.findall(r"`(\w+)`", names):
            found[name] = templated, default.strip()
    return found


def test_the_table_has_every_parameter_as_the_operator_has_it():
    found = table()
    known = {
        name: parameter.default
        for base in (TikTokBaseOperator, TikTokReportOperator)
        for name, parameter in inspect.signature(base.__init__).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert found.keys() == known.keys()
    for name, default in known.items():
        templated, cell = found[name]
        assert (templated == "yes") == (name in TikTokReportOperator.template_fields), name
        if str(default) not in _IN_WORDS:
            assert str(default) in cell.replace(",", "").replace("`", "").split(), name
