"""The page `TikTok` in Airflow 3, after runs of all kinds."""

import json
import re
from datetime import timedelta

import pytest

from airflow_provider_tiktok._compat import AIRFLOW_3
from airflow_provider_tiktok.clock import now
from tests.browser.conftest import SCREENSHOTS, accounts, take_picture
from tests.browser.monitoring import Monitor
from tests.conftest import IS_MAIN_AIRFLOW, connection_json

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(not AIRFLOW_3, reason="Airflow 2 shows no pages of plugins"),
    # with other versions of Airflow it is one of the short tests, which run without --full
    *([pytest.mark.full] if IS_MAIN_AIRFLOW else []),
]

RUNS = {
    "monitored": "success",
    "example_tiktok_daily_files": "success",
    "failing": "failed",
}
"""The DAGs of which the page shows a run, and how that ends."""


def send(method, ui, path, body):
    """Call Airflow's API."""
    answer = method(f"{ui.url}/api/v2/{path}", data=body)
    assert answer.ok, answer.text()


def store_connection(visitor, ui, emulator):
    """Store the connection without the form, in the place of one that the form's tests may have left."""
    told = json.loads(connection_json(emulator.url, advertiser_ids=", ".join(accounts(emulator))))
    entity = told | {"connection_id": "tiktok_default", "extra": json.dumps(told["extra"])}
    create = {"action": "create", "entities": [entity], "action_on_existence": "overwrite"}
    send(visitor.request.patch, ui, "connections", {"actions": [create]})


@pytest.fixture(scope="module")
def monitor(visitor, ui, _session_emulator):
    """Return the page `TikTok`, after runs of all kinds: good, failed, mapped, deferred, throttled, and more."""
    store_connection(visitor, ui, _session_emulator)
    throttled = {
        "path": "report/integrated/get/",
        "advertiser_id": accounts(_session_emulator)[0],
        "first": 1,
    }
    _session_emulator.set_faults([{"fault": "code:40100", **throttled}])
    for dag_id in RUNS:
        ui.wait_for_dag(dag_id)
        send(
            visitor.request.post, ui, f"dags/{dag_id}/dagRuns", {"dag_run_id": "kinds", "logical_date": None}
        )
    for dag_id, state in RUNS.items():
        ui.wait(dag_id, "kinds", state)
    if SCREENSHOTS:  # charts of two runs show little
        days = [f"{now() - timedelta(days=days):%Y-%m-%d}" for days in range(14, 1, -1)]
        dates = ("--from-date", days[0], "--to-date", days[-1])
        ui.command("backfill", "create", "--dag-id", "example_tiktok_daily_files", *dates)
        for day in days:
            ui.wait("example_tiktok_daily_files", f"backfill__{day}T00:00:00+00:00", "success")
    page = visitor.new_page()
    monitor = Monitor(page, ui.url)
    yield monitor
    page.close()


def test_the_page_shows_every_task_red_first(monitor):
    view = monitor.view
    states = [badge.inner_text() for badge in view.locator(".badge").all()]
    assert sorted(states, key=lambda state: state != "failed") == states
    assert monitor.cells("failing", "report")["State"] == "failed"
    good = monitor.cells("example_tiktok_daily_files", "report")
    assert (good["State"], good["Rows"]) == ("success", "240")
    mapped = monitor.cells("monitored", "mapped")
    assert (mapped["State"], mapped["Rows"]) == ("success 2 of 2", "20")
    skipping = monitor.cells("monitored", "skipping")
    assert (skipping["Skipped"], skipping["Figures"].split(",")[0]) == ("1", "incomplete")
    assert "1 account(s) skipped" in skipping["Task"]
    for task, loads in (
        ("into_table", "campaign_daily"),
        ("deferred", "BASIC by campaign_id, stat_time_day"),
        ("campaigns", "campaign list"),
    ):
        cells = monitor.cells("monitored", task)
        assert (cells["State"], cells["Loads"]) == ("success", loads)
    assert monitor.cells("never_run", "report")["State"] == "not run yet"
    throttled = [text.partition(" of ")[0] for text in monitor.column("Throttled") if " of " in text]
    assert throttled.count("1") == 1
    assert set(throttled) == {"0", "1"}
    assert monitor.hosts - {""} == {
        monitor.host
    }  # nothing from outside, but data: addresses of Airflow's own icons
    assert not monitor.faults()
    take_picture(monitor.page, "monitoring")


def test_the_page_is_sorted_and_filtered_with_the_keyboard(monitor):
    view, keyboard = monitor.view, monitor.page.keyboard
    header = view.get_by_role("columnheader", name="Rows")
    assert header.get_attribute("aria-sort") == "none"
    header.get_by_role("button").focus()
    for direction in ("descending", "ascending"):
        keyboard.press("Enter")
        assert header.get_attribute("aria-sort") == direction
    outline = header.get_by_role("button").evaluate("button => getComputedStyle(button).outlineStyle")
    assert outline == "solid"
    view.get_by_role("searchbox").fill("skipping")
    assert len(view.get_by_role("rowheader").all()) == 1
    view.get_by_role("link", name="skipping").focus()
    keyboard.press("Enter")
    view.get_by_role("heading", name="skipping").wait_for()
    monitor.page.go_back()
    view.get_by_role("heading", name="TikTok tasks").wait_for()
    view.get_by_role("searchbox").fill("")


@pytest.mark.parametrize(
    ("pattern", "status", "said"),
    [
        (r"/api/v2/dags\?", 401, "Log in again"),
        (r"/api/v2/dags\?", 403, "Your role in Airflow may not read DAGs."),
        ("/api/v2/dags/[^/]+/tasks", 403, "may not read task instances."),
        ("/api/v2/dags/~/dagRuns/~/taskInstances", 403, "may not read DAG runs and task instances."),
        ("/api/v2/dags/~/dagRuns/~/taskInstances", 500, "answered with the error 500"),
    ],
)
def test_an_error_of_the_api_says_what_to_do(monitor, pattern, status, said):
    with monitor.changed(pattern, status):
        monitor.refresh()
        assert said in monitor.view.get_by_role("alert").inner_text()
    monitor.view.get_by_role("button", name="Try again").click()
    monitor.view.get_by_role("table").wait_for()


def test_a_role_without_xcoms_sees_runs_and_that_their_figures_are_missing(monitor):
    said = "The summary can't be read. Your role in Airflow may not read XComs."
    with monitor.changed("/xcomEntries/", 403):
        monitor.show("#/")
        skipping = monitor.cells("monitored", "skipping")
        assert (skipping["State"], skipping["Rows"], said in skipping["Task"]) == ("success", "–", True)
        monitor.show("#/task/monitored/skipping")
        assert said in monitor.view.get_by_role("alert").inner_text()
        assert monitor.view.get_by_role("table", name="The last 1 run(s)").count() == 1
        assert monitor.view.get_by_role("table", name="Accounts").count() == 0
        monitor.show("#/app")
        assert said in monitor.view.get_by_role("alert").inner_text()
        assert monitor.view.locator("dl").count() == 0
        assert not monitor.faults()
    monitor.show("#/")


def test_a_role_without_any_dag_is_told_so(monitor):
    with monitor.changed(r"/api/v2/dags\?", lambda _: {"dags": [], "total_entries": 0}):
        monitor.refresh()
        monitor.view.get_by_text("there is none yet, or your role may not read any").wait_for()


def test_without_a_tiktok_task_the_page_says_how_to_start(monitor):
    with monitor.changed("/api/v2/dags/[^/]+/tasks", lambda _: {"tasks": [], "total_entries": 0}):
        monitor.refresh()
        monitor.view.get_by_text("TikTokReportOperator(").wait_for()


def test_the_app_shows_the_calls_of_a_day(monitor):
    monitor.show("#/app")
    assert monitor.view.locator("dl").inner_text().split("\n")[0] == "Calls"
    assert "monitored" in monitor.view.get_by_role("table", name="Tasks, by calls").inner_text()
    assert not monitor.faults()
    take_picture(monitor.page, "monitoring-app")


def test_a_task_shows_spend_by_day(monitor):
    monitor.show("#/task/example_tiktok_daily_files/report")
    assert monitor.view.get_by_role("img", name=re.compile("^Spend by day, ")).count() > 0
    assert not monitor.faults()
    take_picture(monitor.page, "monitoring-task", height=1500)


def test_the_page_fits_a_small_screen_and_follows_airflows_colours(monitor):
    html, page = monitor.view.locator("html"), monitor.page
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    monitor.show("#/")
    assert html.evaluate("html => html.scrollWidth <= html.clientWidth")
    assert html.get_attribute("class") == "dark"
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_a_task_shows_its_runs_and_names_are_text(monitor, emulator):
    name = "<img src=x onerror=alert(1)> & <script>alert(2)</script>"
    told = {"name": name, "currency": "EUR", "timezone": "Asia/Tokyo", "rows": 2, "spend": "1234.50"}
    found = {
        "spend": {"EUR": "1234.50"},
        "accounts": {accounts(emulator)[0]: told},
        "days": {"2026-11-03": {"rows": 2, "spend": {"EUR": "1234.50"}}},
    }
    path = "/dags/monitored/.*/skipping/xcomEntries/return_value"
    with monitor.changed(path, lambda answer: answer | {"value": answer["value"] | found}):
        monitor.refresh()
        monitor.show("#/task/monitored/skipping")
        table = monitor.view.get_by_role("table", name="Accounts").inner_text()
        assert name in table
        assert "Skipped: " in table
        assert monitor.view.get_by_role("img", name="Spend by day, EUR").locator("canvas").count() == 1
        monitor.view.get_by_text("Figures").first.click()
        assert "1,234.50" in monitor.view.get_by_role("table", name="Spend by day, EUR").inner_text()
        assert not monitor.faults()
    assert not monitor.dialogs
    monitor.view.get_by_role("link", name="Log of run kinds").click()
    monitor.page.wait_for_url("**/dags/monitored/runs/kinds/tasks/skipping")
