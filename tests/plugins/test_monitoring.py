"""The plugin with the page `TikTok`: what it adds to Airflow, and what its files may not do."""

import asyncio
import configparser
import hashlib
import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.plugins_manager import AirflowPlugin

from airflow_provider_tiktok.plugins import monitoring
from airflow_provider_tiktok.plugins.pages import FOLDER, MEDIA_TYPES, POLICY, StaticPages

ROOT = Path(__file__).parent.parent.parent
FILES = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.is_file()}
OWN = {name: path for name, path in FILES.items() if not name.startswith("vendor/")}
SHOWS_PAGES = hasattr(AirflowPlugin, "external_views")
NODE = shutil.which("node")

UPLOT = {
    "vendor/LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "vendor/uPlot.esm.js": "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba",
    "vendor/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


def ask(path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Ask the application as Airflow's server does, below a base path."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "root_path": "/airflow/tiktok-monitoring"}
    asyncio.run(StaticPages(monitoring.URL_PREFIX)(scope, None, send))
    start, body = sent
    return (
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        body["body"],
    )


@pytest.mark.skipif(not SHOWS_PAGES, reason="this Airflow shows no pages of plugins")
def test_the_plugin_adds_the_files_and_an_entry_in_the_navigation():
    (app,), (view,) = (
        monitoring.TikTokMonitoringPlugin.fastapi_apps,
        monitoring.TikTokMonitoringPlugin.external_views,
    )
    assert (app["url_prefix"], view["name"], view["destination"]) == ("/tiktok-monitoring", "TikTok", "nav")
    assert view["href"] == "tiktok-monitoring/index.html"
    assert ask(f"/{view['href']}")[0] == 200


@pytest.mark.skipif(SHOWS_PAGES, reason="this Airflow shows pages of plugins")
def test_an_older_airflow_gets_nothing():
    assert monitoring.TikTokMonitoringPlugin.fastapi_apps == []
    assert monitoring.TikTokMonitoringPlugin.external_views == []


def test_an_option_switches_the_page_off(monkeypatch):
    monkeypatch.setenv("AIRFLOW__TIKTOK__MONITORING_PAGE", "False")
    off = importlib.reload(monitoring).TikTokMonitoringPlugin
    assert (off.fastapi_apps, off.external_views) == ([], [])
    monkeypatch.delenv("AIRFLOW__TIKTOK__MONITORING_PAGE")
    assert bool(importlib.reload(monitoring).TikTokMonitoringPlugin.external_views) == SHOWS_PAGES


def test_the_entry_point_names_the_plugin():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    name, _, target = setup["options.entry_points"]["airflow.plugins"].strip().partition(" = ")
    module, _, plugin = target.partition(":")
    found = getattr(importlib.import_module(module), plugin)
    assert (found.name, found.__name__) == (name, "TikTokMonitoringPlugin")


def test_the_package_holds_every_file_of_the_page():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    patterns = setup["options.package_data"]["airflow_provider_tiktok.plugins"].split()
    packed = {path for pattern in patterns for path in FOLDER.parent.glob(pattern) if path.is_file()}
    assert packed == set(FILES.values())


@pytest.mark.full
def test_processes_of_airflow_load_next_to_nothing_with_it():
    code = (
        "import sys, json, airflow.plugins_manager; before = set(sys.modules);"
        "import airflow_provider_tiktok.plugins.monitoring;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(json.dumps(sorted(new - set(sys.stdlib_module_names))))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.strip().splitlines()[-1]) == ["airflow_provider_tiktok"]


@pytest.mark.parametrize("name", sorted(name for name in FILES if Path(name).suffix in MEDIA_TYPES))
@pytest.mark.parametrize("base", ["", "/airflow"])
def test_every_file_is_served(name, base):
    status, headers, body = ask(f"{base}/tiktok-monitoring/{name}")
    assert (status, body) == (200, FILES[name].read_bytes())
    assert headers["content-type"] == MEDIA_TYPES[Path(name).suffix]
    assert headers["content-security-policy"] == POLICY
    assert ask(f"{base}/tiktok-monitoring/{name}", "HEAD")[1:] == (headers, b"")


@pytest.mark.parametrize(
    "name",
    [
        *("", "index", "../pages.py", "../../__init__.py", "vendor/../../pages.py", "/etc/passwd"),
        *("vendor/LICENSE", "vendor/README.md", "vendor", "index.html/", "%2e%2e/pages.py"),
    ],
)
def test_nothing_else_is_served(name):
    status, headers, body = ask(f"/tiktok-monitoring/{name}")
    assert (status, body) == (404, b"")
    assert headers["content-security-policy"] == POLICY


def test_the_files_take_no_data():
    assert ask("/tiktok-monitoring/index.html", "POST")[0] == 405


def test_the_policy_forbids_what_is_inline_or_from_outside():
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules.pop("default-src") == "'none'"
    assert set(rules.values()) == {"'self'", "'none'"}
    assert rules["script-src"] == rules["frame-ancestors"] == "'self'"


_MAKES_HTML = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|srcdoc|document\.write"
    r"|\beval\b|new Function|setTimeout\(\s*[\"'`]|javascript:"
)


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_text_becomes_html_or_code(name):
    assert not _MAKES_HTML.search(FILES[name].read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(OWN))
def test_nothing_is_loaded_from_outside(name):
    text = OWN[name].read_text(encoding="utf-8")
    assert not re.search(r"(?:https?:)?//[a-z0-9.]+\.[a-z]|@import|url\(", text)
    for target in re.findall(r'(?:from|import|src=|href=)\s*"([^"]+)"', text):
        if not target.startswith("#"):
            assert (OWN[name].parent / target).is_file(), target
    if name.endswith(".html"):
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)


def test_the_chart_library_is_the_published_one():
    assert {name: hashlib.sha256(FILES[name].read_bytes()).hexdigest() for name in UPLOT} == UPLOT


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_what_the_page_makes_of_runs_and_summaries():
    tests = sorted(map(str, Path(__file__).parent.glob("*.test.mjs")))
    done = subprocess.run([NODE, "--test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert re.search(r"^# pass [1-9]\d", done.stdout, re.MULTILINE)
