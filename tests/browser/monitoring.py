"""What tests of the page `TikTok` look at, in the frame in which Airflow shows it."""

import re
from typing import Any

READ = re.compile("^Read at ")


def open_page(page: Any, ui: Any, view: str = "#/") -> Any:
    """Open a view and return its frame, once everything is read."""
    page.goto(f"{ui.url}/plugin/tiktok{view}")
    frame = page.frame_locator("iframe")
    frame.get_by_text(READ).wait_for()
    return frame


def cells(frame: Any, dag_id: str, task_id: str) -> dict[str, str]:
    """Return the cells of a task's row in the overview, by the titles of their columns."""
    table = frame.get_by_role("table")
    titles = table.get_by_role("columnheader").all_inner_texts()
    row = table.get_by_role("row").filter(
        has=frame.get_by_role("rowheader", name=re.compile(rf"^{dag_id}\s+{task_id}\b"))
    )
    found = [cell.inner_text() for cell in row.locator("th, td").all()]
    return {title.strip(): " ".join(text.split()) for title, text in zip(titles, found, strict=True)}


def replace_answers(page: Any, pattern: str, change: Any) -> None:
    """Change the answers of Airflow's API: ``change`` gets the JSON, or is the status of an error."""

    def handle(route: Any) -> None:
        if isinstance(change, int):
            route.fulfill(status=change, json={"detail": "changed by the test"})
        else:
            route.fulfill(json=change(route.fetch().json()))

    page.route(re.compile(pattern), handle)


def tables_without_names(frame: Any) -> list[str]:
    """Return what of a view's tables and charts a screen reader couldn't name or read."""
    return frame.locator("body").evaluate(
        """body => {
          const lacks = [];
          for (const table of body.querySelectorAll("table:not(.u-legend)")) {
            if (!table.caption?.textContent) lacks.push("table without a caption");
            for (const th of table.querySelectorAll("th")) if (!th.scope) lacks.push(`th ${th.textContent}`);
          }
          for (const chart of body.querySelectorAll(".chart")) {
            if (!chart.getAttribute("aria-label")) lacks.push("chart without a name");
            if (!chart.parentElement.querySelector("details table")) lacks.push("chart without its figures");
          }
          for (const field of body.querySelectorAll("input, select")) {
            if (!field.labels.length) lacks.push("field without a label");
          }
          for (const link of body.querySelectorAll("a, button")) {
            if (!link.textContent.trim()) lacks.push("link without text");
          }
          if (/undefined|NaN|\\[object|null/.test(body.innerText)) lacks.push(body.innerText);
          return lacks;
        }"""
    )
