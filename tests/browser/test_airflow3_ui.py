"""What people see of this package in the UI of Airflow 3."""

import re
from datetime import timedelta

import pytest

from airflow_provider_tiktok._compat import AIRFLOW_3
from airflow_provider_tiktok.clock import now
from airflow_provider_tiktok.emulator.settings import APP_ID
from tests.browser.conftest import HEIGHT, SCREENSHOTS, STEP_TIMEOUT, WIDTH, accounts, take_picture
from tests.browser.monitoring import Monitor
from tests.conftest import SECRET, TOKEN

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.full,
    pytest.mark.skipif(not AIRFLOW_3, reason="the UI of Airflow 2 has its own test module"),
]


@pytest.fixture(scope="module")
def connection(browser, ui, _session_emulator):
    """Fill in the connection form and save it; give the titles of its fields."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(120_000)
    page.goto(f"{ui.url}/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill("tiktok_default")
    form.get_by_role("combobox").click()
    page.keyboard.type("tiktok")
    page.keyboard.press("Enter")
    form.locator("input[name=host]").fill(_session_emulator.url)
    form.locator("input[name=password]").fill(TOKEN)
    titles = form.inner_text()
    take_picture(page, "connection")
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    form.locator("input[name=element_app_id]").fill(APP_ID)
    form.locator("input[name=element_app_secret]").fill(SECRET)
    form.locator("input[name=element_advertiser_ids]").fill(", ".join(accounts(_session_emulator)))
    titles += form.inner_text()
    take_picture(page, "connection-extra", height=1500)
    form.get_by_role("button", name="Save").click()
    form.wait_for(state="hidden")
    page.close()
    return titles


def test_the_connection_form_shows_our_fields_with_their_titles(connection):
    for title in ("API host", "Access token", "App ID", "App secret", "Advertiser IDs", "Environment",
                  "API version", "Requests per second", "Timeout"):  # fmt: skip
        assert re.search(rf"^{title}$", connection, re.MULTILINE), title
    for hidden in ("Login", "Schema", "Port"):
        assert not re.search(rf"^{hidden}$", connection, re.MULTILINE), hidden


def test_what_the_form_saved_is_read_by_the_hook(ui, connection, emulator):
    assert ui.connection() == [True, TOKEN, APP_ID, SECRET, accounts(emulator), 10, 60]


def test_a_dag_is_triggered_from_its_form_with_parameters(ui, connection, page, picture):
    ui.wait_for_dag("example_tiktok_parametrised")
    page.goto(f"{ui.url}/dags/example_tiktok_parametrised")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    form.locator("input[name=element_metrics]").fill("spend, clicks")
    picture("trigger")
    form.get_by_role("button", name="Trigger").last.click()
    (run_id,) = ui.wait_for_run("example_tiktok_parametrised", "success")
    columns = ui.xcom("example_tiktok_parametrised", run_id, "report")["columns"]
    # PostgreSQL keeps no order of keys
    assert columns.keys() == {"advertiser_id", "campaign_id", "stat_time_day", "spend", "clicks"}


def test_the_log_of_a_good_run_is_a_few_lines_and_a_group(ui, connection, page, picture):
    ui.run("example_tiktok_daily_files", "good", "success")
    page.goto(ui.task_page("example_tiktok_daily_files", "good", "report"))
    page.get_by_text("240 rows").wait_for()
    page.get_by_text(re.compile("Windows$")).first.click()
    page.get_by_text("rows in 1 page(s)").first.wait_for()
    picture("log", 1700, 480, beside=page.get_by_text("Operator", exact=True).first)
    shown = page.inner_text("body")
    assert "BASIC report of AUCTION_AD by ad_id, stat_time_day: 2 account(s)" in shown
    assert shown.index("2 window(s)") < shown.index("Windows") < shown.index("240 rows")
    assert shown.count("120 rows in 1 page(s)") == 2  # one line a window


def test_the_log_of_a_failed_run_ends_with_what_happened_and_what_to_do(ui, connection, page, picture):
    ui.run("failing", "bad", "failed")
    page.goto(ui.task_page("failing", "bad", "report"))
    page.get_by_text("AirflowFailException").first.wait_for()
    picture("failed", 1700, 450, beside=page.get_by_text("Operator", exact=True).first)
    lines = [line for line in page.inner_text("body").splitlines() if " ERROR " in line]
    assert "TikTok refused the call: " in lines[0]
    assert "(advertiser 7999999999999999999" in lines[0]
    assert lines[-1].endswith("Task failed with exception")


def test_the_links_of_ordinary_deferred_and_mapped_tasks_work(output_link, page):
    page.goto(output_link)
    page.get_by_text("return_value").wait_for()


def test_rendered_templates_show_json_with_its_structure(ui, connection, page, picture):
    page.goto(ui.task_page("failing", "bad", "report", tab="rendered_templates"))
    page.get_by_text("filter_type").first.wait_for()
    picture("rendered")
    assert page.locator("pre, code").filter(has_text='"campaign_id"').count() > 0


def test_mapped_accounts_show_their_names(ui, connection, page, picture, emulator):
    page.goto(ui.task_page("example_tiktok_mapped_accounts", "links", "report", tab="task_instances"))
    first, account = next(iter(emulator.world.accounts.items()))
    page.get_by_text(f"{account.name} ({first})").first.wait_for()
    picture("mapped")


@pytest.fixture(scope="module")
def monitor(browser, ui, connection, _session_emulator):
    """Return the page `TikTok`, after runs of all kinds: good, failed, mapped, deferred, throttled, and more."""
    _session_emulator.set_faults([{"fault": "code:40100", "path": "report/integrated/get/", "first": 1}])
    ui.run("monitored", "kinds", "success")
    if SCREENSHOTS:  # charts of two runs show little
        days = [f"{now() - timedelta(days=days):%Y-%m-%d}" for days in range(14, 1, -1)]
        dates = ("--from-date", days[0], "--to-date", days[-1])
        ui.command("backfill", "create", "--dag-id", "example_tiktok_daily_files", *dates)
        for day in days:
            ui.wait("example_tiktok_daily_files", f"backfill__{day}T00:00:00+00:00", "success")
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(STEP_TIMEOUT)
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
    assert monitor.cells("linked", "deferred")["State"] == "success"
    mapped = monitor.cells("example_tiktok_mapped_accounts", "report")
    assert re.fullmatch(r"success (\d+) of \1", mapped["State"])
    skipping = monitor.cells("monitored", "skipping")
    assert (skipping["Skipped"], skipping["Figures"].split(",")[0]) == ("1", "incomplete")
    assert "1 account(s) skipped" in skipping["Task"]
    assert monitor.cells("monitored", "campaigns")["Loads"] == "campaign list"
    assert monitor.cells("never_run", "report")["State"] == "not run yet"
    throttled = [monitor.cells("monitored", task)["Throttled"] for task in ("skipping", "into_table")]
    assert sorted(text.partition(" of ")[0] for text in throttled) == ["0", "1"]
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
        (r"/api/v2/dags\?", 403, "Your role in Airflow may not read this"),
        ("/api/v2/dags/~/dagRuns/~/taskInstances", 500, "answered with the error 500"),
    ],
)
def test_an_error_of_the_api_says_what_to_do(monitor, pattern, status, said):
    with monitor.changed(pattern, status):
        monitor.refresh()
        assert said in monitor.view.get_by_role("alert").inner_text()
    monitor.view.get_by_role("button", name="Try again").click()
    monitor.view.get_by_role("table").wait_for()


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
