"""Pages use the words of the field, which CONTRIBUTING.md asks for, and not others for the same."""

import re

import pytest

from tests.docs.examples import PAGES, ROOT

_WORDS = {
    "whole": "complete",
    "anew": "from scratch",
    "unfinished": "a checkpoint, or not done",
    "beside": "next to, or in",
    "nobody": "no one",
    "whoever": "the user who",
    "lest": "so that ... not",
    "amid": "during",
    "mend": "fix",
    "tell": "log, report, show",
    "tells": "logs, reports, shows",
    "told": "logged, reported, shown",
    "patience": "max wait",
    "barren": "exhausted",
    "too much": "oversized, or too many rows",
    "take over": "reuse",
    "takes over": "reuses",
    "time-out": "timeout",
    "stands in": "is in",
    "belongs into": "belongs in",
}
_FENCED = re.compile(r"^ *```.*?^ *```$|`[^`]+`", re.M | re.S)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_a_page_uses_the_words_of_the_field(page):
    text = " ".join(_FENCED.sub("", page.read_text(encoding="utf-8")).lower().split())
    found = {word: better for word, better in _WORDS.items() if re.search(rf"\b{word}\b", text)}
    assert not found
