"""What people see of this package in the UI of Airflow 3."""

import re

import pytest

from airflow_provider_tiktok._compat import AIRFLOW_3
from airflow_provider_tiktok.emulator.settings import APP_ID
from tests.browser.conftest import accounts, take_picture
from tests.conftest import SECRET, TOKEN

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.full,
    pytest.mark.skipif(not AIRFLOW_3, reason="the UI of Airflow 2 has its own test module"),
]


@pytest.fixture(scope="module")
def connection(visitor, ui, _session_emulator):
    """Fill in the connection form and save it; give the titles of its fields."""
    page = visitor.new_page()
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
