"""What people see of this package in the UI of Airflow 3."""

import re

import pytest

from airflow_provider_tiktok._compat import AIRFLOW_3
from airflow_provider_tiktok.emulator.settings import APP_ID
from tests.browser.conftest import accounts
from tests.browser.monitoring import cells, open_page, replace_answers, tables_without_names
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
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    form.locator("input[name=element_app_id]").fill(APP_ID)
    form.locator("input[name=element_app_secret]").fill(SECRET)
    form.locator("input[name=element_advertiser_ids]").fill(", ".join(accounts(_session_emulator)))
    titles += form.inner_text()
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
    picture("log")
    shown = page.inner_text("body")
    assert "BASIC report of AUCTION_AD by ad_id, stat_time_day: 2 account(s)" in shown
    assert shown.index("2 window(s)") < shown.index("Windows") < shown.index("240 rows")
    assert shown.count("120 rows in 1 page(s)") == 2  # one line a window


def test_the_log_of_a_failed_run_ends_with_what_happened_and_what_to_do(ui, connection, page, picture):
    ui.run("failing", "bad", "failed")
    page.goto(ui.task_page("failing", "bad", "report"))
    page.get_by_text("AirflowFailException").first.wait_for()
    picture("failed")
    lines = [line for line in page.inner_text("body").splitlines() if " ERROR " in line]
    assert "TikTok refused the call (advertiser 7999999999999999999" in lines[0]
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
def runs(ui, connection, _session_emulator):
    """Return the address of Airflow after runs of all kinds: good, failed, mapped, deferred, throttled, and more."""
    _session_emulator.set_faults([{"fault": "code:40100", "path": "report/integrated/get/", "first": 1}])
    ui.run("monitored", "kinds", "success")
    return ui


def test_the_page_shows_every_task_red_first(runs, page, picture, emulator):
    requests = []
    page.on("requestfinished", lambda request: requests.append(request.url))
    frame = open_page(page, runs)
    picture("monitoring")
    first = frame.get_by_role("rowheader").first.inner_text().split()
    assert first == ["failing", "report"]
    assert cells(frame, "failing", "report")["State"] == "failed"
    good = cells(frame, "example_tiktok_daily_files", "report")
    assert (good["State"], good["Rows"]) == ("success", "240")
    assert cells(frame, "linked", "deferred")["State"] == "success"
    assert re.fullmatch(
        r"success (\d+) of \1", cells(frame, "example_tiktok_mapped_accounts", "report")["State"]
    )
    skipping = cells(frame, "monitored", "skipping")
    assert (skipping["Skipped"], skipping["Figures"].split(",")[0]) == ("1", "incomplete")
    assert "1 account(s) skipped" in skipping["Task"]
    assert cells(frame, "monitored", "campaigns")["Loads"] == "campaign list"
    assert cells(frame, "never_run", "report")["State"] == "not run yet"
    throttled = [cells(frame, "monitored", task)["Throttled"] for task in ("skipping", "into_table")]
    assert sorted(text.partition(" of ")[0] for text in throttled) == ["0", "1"]
    assert {url.split("/")[2] for url in requests} == {runs.url.split("/")[2]}  # nothing from outside
    assert not tables_without_names(frame)


def test_the_page_is_sorted_and_filtered_with_the_keyboard(runs, page):
    frame = open_page(page, runs)
    header = frame.get_by_role("columnheader", name="Rows")
    assert header.get_attribute("aria-sort") == "none"
    header.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    outline = header.get_by_role("button").evaluate("button => getComputedStyle(button).outlineStyle")
    assert outline == "solid"
    frame.get_by_role("searchbox").fill("skipping")
    assert len(frame.get_by_role("rowheader").all()) == 1
    frame.get_by_role("link", name="skipping").focus()
    page.keyboard.press("Enter")
    frame.get_by_role("heading", name="skipping").wait_for()
    page.go_back()
    frame.get_by_role("heading", name="TikTok tasks").wait_for()


def test_a_task_shows_its_runs_and_names_are_text(runs, page, picture, emulator):
    account = accounts(emulator)[0]
    name = "<img src=x onerror=alert(1)> & <script>alert(2)</script>"
    told = {
        "name": name,
        "currency": "EUR",
        "timezone": "Asia/Tokyo",
        "rows": 2,
        "spend": "1234.50",
        "end": "2026-11-03",
    }
    day = {"rows": 2, "spend": {"EUR": "1234.50"}}

    def add(answer):  # with what the summaries of a version say that knows more
        answer["value"] |= {
            "spend": {"EUR": "1234.50"},
            "accounts": {account: told},
            "days": {"2026-11-03": day},
        }
        return answer

    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))
    replace_answers(page, "/xcomEntries/return_value", add)
    frame = open_page(page, runs, "#/task/monitored/skipping")
    picture("monitoring-task")
    assert name in frame.get_by_role("table", name="Accounts").inner_text()
    assert "Skipped: " in frame.get_by_role("table", name="Accounts").inner_text()
    assert frame.get_by_role("img", name="Spend by day, EUR").locator("canvas").count() == 1
    frame.get_by_text("Figures").first.click()
    assert "1,234.50" in frame.get_by_role("table", name="Spend by day, EUR").inner_text()
    assert not tables_without_names(frame)
    assert not dialogs
    frame.get_by_role("link", name="Log of run kinds").click()
    page.wait_for_url("**/dags/monitored/runs/kinds/tasks/skipping")
    page.get_by_text("Skipped accounts").first.wait_for()


def test_the_app_shows_the_calls_of_a_day(runs, page, picture):
    frame = open_page(page, runs, "#/app")
    picture("monitoring-app")
    assert frame.locator("dl").inner_text().split("\n")[0] == "Calls"
    assert "monitored" in frame.get_by_role("table", name="Tasks, by calls").inner_text()
    assert not tables_without_names(frame)


@pytest.mark.parametrize(
    ("pattern", "status", "said"),
    [
        ("/api/v2/dags\\?", 401, "Log in again"),
        ("/api/v2/dags\\?", 403, "Your role in Airflow may not read this"),
        ("/api/v2/dags/~/dagRuns/~/taskInstances", 500, "answered with the error 500"),
    ],
)
def test_an_error_of_the_api_says_what_to_do(runs, page, pattern, status, said):
    replace_answers(page, pattern, status)
    page.goto(f"{runs.url}/plugin/tiktok")
    frame = page.frame_locator("iframe")
    assert said in frame.get_by_role("alert").inner_text()
    page.unroute_all()
    frame.get_by_role("button", name="Try again").click()
    frame.get_by_role("table").wait_for()


def test_without_a_tiktok_task_the_page_says_how_to_start(runs, page):
    replace_answers(page, "/api/v2/dags/[^/]+/tasks", lambda _: {"tasks": [], "total_entries": 0})
    assert "TikTokReportOperator(" in open_page(page, runs).locator("body").inner_text()


def test_the_page_fits_a_small_screen_and_follows_airflows_colours(runs, page, picture):
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    frame = open_page(page, runs)
    picture("monitoring-small")
    assert frame.locator("html").evaluate("html => html.scrollWidth <= html.clientWidth")
    assert frame.locator("html").get_attribute("class") == "dark"
