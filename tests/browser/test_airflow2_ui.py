"""What people see of this package in the UI of Airflow 2."""

import re

import pytest

from airflow_provider_tiktok._compat import AIRFLOW_3
from airflow_provider_tiktok.emulator.settings import APP_ID
from tests.browser.conftest import accounts
from tests.conftest import SECRET, TOKEN

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.full,
    pytest.mark.skipif(AIRFLOW_3, reason="the UI of Airflow 3 has its own test module"),
]


@pytest.fixture(scope="module")
def connection(visitor, ui, _session_emulator):
    """Fill in the connection form and save it; give the titles of its fields."""
    page = visitor.new_page()
    page.goto(f"{ui.url}/connection/add")
    page.locator("#conn_id").fill("tiktok_default")
    # the script that shows a type's fields may not have started yet
    page.wait_for_function(
        "() => { $('#conn_type').val('tiktok').trigger('change');"
        " return $('[name=extra__tiktok__app_id]').is(':visible') }",
        polling=500,
    )
    page.locator("input[name=host]").fill(_session_emulator.url)
    page.locator("input[name=password]").fill(TOKEN)
    page.locator("input[name=extra__tiktok__app_id]").fill(APP_ID)
    page.locator("input[name=extra__tiktok__app_secret]").fill(SECRET)
    page.locator("input[name=extra__tiktok__advertiser_ids]").fill(", ".join(accounts(_session_emulator)))
    titles = [label.inner_text() for label in page.locator("label").all() if label.is_visible()]
    page.get_by_role("button", name=re.compile("Save")).click()
    page.get_by_text("Added Row").wait_for()
    page.close()
    return titles


def test_the_connection_form_shows_our_fields_with_their_titles(connection):
    assert connection[2:] == [
        *("Description", "API host", "Access token", "App ID", "App secret", "Advertiser IDs", "Environment"),
        *("API version", "Requests per second", "Timeout"),
    ]


def test_what_the_form_saved_is_read_by_the_hook(ui, connection, emulator):
    assert ui.connection() == [True, TOKEN, APP_ID, SECRET, accounts(emulator), 10, 60]


def test_a_dag_is_triggered_from_its_form_with_parameters(ui, connection, page, picture):
    ui.wait_for_dag("example_tiktok_parametrised")
    page.goto(f"{ui.url}/dags/example_tiktok_parametrised/trigger")
    page.locator("#element_metrics").fill("spend, clicks")
    picture("airflow2-trigger")
    page.get_by_role("button", name="Trigger").last.click()
    (run_id,) = ui.wait_for_run("example_tiktok_parametrised", "success")
    columns = ui.xcom("example_tiktok_parametrised", run_id, "report")["columns"]
    # PostgreSQL keeps no order of keys
    assert columns.keys() == {"advertiser_id", "campaign_id", "stat_time_day", "spend", "clicks"}


def test_the_links_of_ordinary_deferred_and_mapped_tasks_work(output_link):
    assert "/grid?" in output_link
