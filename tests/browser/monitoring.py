"""The page `TikTok`, in the frame in which Airflow shows it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

_READ = re.compile("^Read at ")

# what a screen reader couldn't name or read, and what is no text for people
_FAULTS = """body => {
  const found = [];
  for (const table of body.querySelectorAll("table:not(.u-legend)")) {
    if (!table.caption?.textContent) found.push("table without a caption");
    for (const th of table.querySelectorAll("th")) if (!th.scope) found.push(`no scope: ${th.textContent}`);
  }
  for (const chart of body.querySelectorAll(".chart")) {
    if (!chart.getAttribute("aria-label")) found.push("chart without a name");
    if (!chart.parentElement.querySelector("details table")) found.push("chart without its figures");
  }
  for (const field of body.querySelectorAll("input, select")) {
    if (!field.labels.length) found.push("field without a label");
  }
  for (const link of body.querySelectorAll("a, button")) {
    if (!link.textContent.trim()) found.push("link without text");
  }
  if (/undefined|NaN|\\[object|null/.test(body.innerText)) found.push(body.innerText);
  return found;
}"""


class Monitor:
    """Opens the page once, for all tests: Airflow's own page around it takes longest to load.

    :param page: the browser's.
    :param url: of Airflow.
    """

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.host = urlsplit(url).netloc
        self.hosts: set[str] = set()
        self.dialogs: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(f"{url}/plugin/tiktok")
        self.view = page.frame_locator("iframe")
        self.view.get_by_text(_READ).wait_for()

    def show(self, view: str) -> None:
        """Show a view and wait until everything is read."""
        self.view.locator("html").evaluate("(_, view) => { location.hash = view; }", view)
        self.refresh()
        self.view.get_by_text(_READ).wait_for()

    def refresh(self) -> None:
        """Let the view read everything again."""
        self.view.get_by_role("button", name="Refresh").click()

    def cells(self, dag_id: str, task_id: str) -> dict[str, str]:
        """Return the cells of a task's row in the overview, by the titles of their columns."""
        table = self.view.get_by_role("table")
        titles = table.get_by_role("columnheader").all_inner_texts()
        name = self.view.get_by_role("rowheader", name=re.compile(rf"^{dag_id}\s+{task_id}\b"))
        found = table.get_by_role("row").filter(has=name).locator("th, td").all_inner_texts()
        return {title.strip(): " ".join(text.split()) for title, text in zip(titles, found, strict=True)}

    def column(self, title: str) -> list[str]:
        """Return the cells below a title."""
        table = self.view.get_by_role("table")
        titles = [text.strip() for text in table.get_by_role("columnheader").all_inner_texts()]
        return table.locator(f"tbody tr > :nth-child({titles.index(title) + 1})").all_inner_texts()

    def faults(self) -> list[str]:
        """Return what people couldn't read, or not with a screen reader."""
        return self.view.locator("body").evaluate(_FAULTS)

    @contextmanager
    def changed(self, pattern: str, change: Any) -> Iterator[None]:
        """Change answers of Airflow's API: ``change`` gets the JSON, or is the status of an error."""

        def handle(route: Any) -> None:
            if isinstance(change, int):
                route.fulfill(status=change, json={"detail": HTTPStatus(change).phrase})
                return
            answer = route.fetch()
            if answer.ok:
                route.fulfill(json=change(answer.json()))
            else:
                route.fulfill(response=answer)

        self.page.route(re.compile(pattern), handle)
        yield
        self.page.unroute_all(behavior="ignoreErrors")
