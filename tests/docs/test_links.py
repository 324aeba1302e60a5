"""Links lead somewhere: to a page, a heading, a file; those of the README from anywhere, PyPI's page as well."""

import configparser
import re

import pytest

from airflow_provider_tiktok import __version__
from tests.docs.examples import PAGES, ROOT

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,4} (.+)$", re.M)
_FENCED = re.compile(r"^ *```.*?^ *```$", re.M | re.S)

README = ROOT / "README.md"
_PIN = re.compile(r"airflow-provider-tiktok(?:\[[\w,]+\])?==([\w.]+)")
MOST_LINES = 220


def source() -> str:
    """Return the address of the repository."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    urls = dict(re.findall(r"^(.+?) = (\S+)$", setup["metadata"]["project_urls"], re.M))
    return urls["Source"]


def links(text: str) -> list[str]:
    return _LINK.findall(_FENCED.sub("", text))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and myst make them."""
    titles = _HEADING.findall(_FENCED.sub("", text))
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles)
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", [page for page in PAGES if page != README], ids=lambda page: page.name)
def test_links_of_a_page_lead_to_a_file_or_a_heading(page):
    text = page.read_text(encoding="utf-8")
    for link in links(text):
        if re.match(r"[a-z]+://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_links_and_images_of_the_readme_work_on_every_site():
    text = README.read_text(encoding="utf-8")
    found = links(text)
    assert len(found) > 20
    for link in found:
        assert link.startswith("https://"), link
        if link.startswith(source()):
            kind, path = re.fullmatch(r"/(blob|raw)/main/(.+)", link.removeprefix(source())).groups()
            assert (ROOT / path).exists(), link
            assert (kind == "raw") == path.endswith(".png"), link


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^([a-z-]+)$", index, re.M))
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"} <= listed


def test_versions_that_pages_pin_are_this_one():
    found = {version for page in PAGES for version in _PIN.findall(page.read_text(encoding="utf-8"))}
    assert found == {__version__}


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = next(title for title in re.findall(r"^## \[(.+?)\]", text, re.M) if title != "Unreleased")
    assert newest == __version__


def test_every_picture_is_shown_and_can_be_taken_again():
    stored = {path.stem for path in (ROOT / "docs" / "images").glob("*.png")}
    shown = {name for page in PAGES for name in re.findall(r"images/([\w-]+)\.png", page.read_text("utf-8"))}
    taken = {
        name
        for path in (ROOT / "tests" / "browser").glob("*.py")
        for name in re.findall(r"picture\((?:\w[\w.]*, )?\"([\w-]+)\"", path.read_text("utf-8"))
        if not name.startswith("airflow2-")
    }
    assert stored == shown == taken
