"""Chromium in front of a real Airflow; skipped where either is missing."""

import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from airflow_provider_tiktok._compat import AIRFLOW_3
from tests.airflow.live import metadata_database
from tests.browser.airflow_ui import AirflowUi, settings
from tests.conftest import SECRET

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
STEP_TIMEOUT = 120_000  # milliseconds that one step may take on a busy machine
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")
"""The folder that ``make screenshots`` fills with the documentation's pictures; else no picture is taken."""
WIDTH, HEIGHT = 1280, 800


LINKED = [
    ("example_tiktok_daily_files", "report", -1, "perf/creative"),
    ("linked", "deferred", -1, "perf/campaign"),
    ("example_tiktok_mapped_accounts", "report", 1, "perf/campaign"),
]
"""An ordinary, a deferred and a mapped task, and the page of TikTok Ads Manager with the same content."""


def accounts(emulator):
    """Return the accounts of the connection that is filled in."""
    return [name for name in emulator.world.accounts if name.startswith("71")][:2]


# not for the session: the driver keeps an event loop running, so no other test could run one
@pytest.fixture(scope="package")
def browser():
    """Return Debian's Chromium, driven by Playwright."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs Playwright, see requirements/dev.txt"
    )
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        # Chromium's sandbox doesn't work for root, which containers use
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def ui(browser, tmp_path_factory):
    """Return an Airflow with the example DAGs and those next to this file, and no connection yet."""
    folder = tmp_path_factory.mktemp("browser")
    # readers of a picture see the examples' own folder
    output = Path("/tmp/tiktok_reports") if SCREENSHOTS else folder / "output"
    for path in (output, folder / "logs"):
        path.mkdir(exist_ok=True)
    shutil.copytree(ROOT / "example_dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (Path(__file__).parent / "dags").glob("*.py"):
        shutil.copy(path, folder / "dags")
    home = folder / "home"
    with (
        metadata_database(home) as database,
        AirflowUi(settings(home, folder / "dags", output, database), folder / "logs") as airflow,
    ):
        yield airflow


@pytest.fixture(scope="package")
def visitor(browser, ui):
    """Return a browser's context that is logged in: its pages and requests are a user's of this Airflow."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    context.set_default_timeout(STEP_TIMEOUT)
    if AIRFLOW_3:  # 3.1 goes to its home page after a login, wherever one wanted to go
        assert context.request.get(f"{ui.url}/auth/token/login").ok
    yield context
    context.close()


@pytest.fixture
def page(visitor):
    """Return an empty page."""
    page = visitor.new_page()
    yield page
    page.close()


@pytest.fixture(params=LINKED, ids=lambda case: case[1] + str(case[2]))
def output_link(request, ui, connection, page, picture, emulator):
    """Return the address of a task's link "Output", after checking that "TikTok Ads Manager" opens its account."""
    dag_id, task_id, map_index, page_of_ads_manager = request.param
    ui.run(dag_id, "links", "success")
    page.goto(ui.task_page(dag_id, "links", task_id, map_index, "details"))
    link = page.get_by_role("link", name="TikTok Ads Manager")
    link.wait_for()
    if task_id == "report" and map_index < 0:
        picture("links" if AIRFLOW_3 else "airflow2-links")
    account = list(emulator.world.accounts)[max(map_index, 0)]
    assert link.get_attribute("href").startswith(
        f"https://ads.tiktok.com/i18n/{page_of_ads_manager}?aadvid={account}&st=2026-"
    )
    return page.get_by_role("link", name="Output").get_attribute("href")


@pytest.fixture
def picture(page):
    """Return a function that takes a picture of the page."""
    return partial(take_picture, page)


def take_picture(page, name, width=WIDTH, height=HEIGHT, beside=None):
    """Check that a page shows no secret, and take its picture for the documentation where one is wanted.

    :param beside: what the picture begins with on the left; all of the page if not given.
    """
    assert SECRET not in page.inner_text("body")
    if SCREENSHOTS:
        page.set_viewport_size({"width": width, "height": max(height, HEIGHT)})
        page.wait_for_timeout(1_000)  # charts and menus move into place
        left = beside.bounding_box()["x"] - 16 if beside else 0
        clip = {"x": left, "y": 0, "width": width - left, "height": height}
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", clip=clip)
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
