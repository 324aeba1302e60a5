"""A client that makes no calls, and small reports for it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.api.client import CallCounts
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.entities.plan import list_all
from airflow_provider_tiktok.exceptions import TikTokPermissionError
from airflow_provider_tiktok.reports.fetch.paged import PagedSource
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.params.request import parse_request
from airflow_provider_tiktok.reports.planning.plan import ReportPlan, RunTime
from airflow_provider_tiktok.reports.planning.planner import make_plan

UTC = timezone.utc
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_AGO = date(2026, 1, 5)
REPORT_PATHS = (
    "report/integrated/get/",
    "gmv_max/report/get/",
    "smart_plus/material_report/overview/",
    "smart_plus/material_report/breakdown/",
)
LIST_PATHS = ("campaign/get/", "adgroup/get/")


class FakeClient:
    """Answers from functions and records its calls.

    :param report: returns ``data`` (or an :class:`Answer`, or raises) for a call of the report.
    :param accounts: what ``advertiser/info/`` says by ID: a zone's name, an error, or ``None``.
    :param lists: returns ``data`` (or raises) for a call of a list of entities; if not given, the app may not list them.
    """

    def __init__(
        self,
        report: Callable[[dict[str, Any]], Any] | None = None,
        accounts: dict[str, Any] | None = None,
        *,
        delay: Callable[[], float] = lambda: 0.0,
        authorised: tuple[str, ...] = (),
        lists: Callable[[str, dict[str, Any]], Any] | None = None,
        **credentials: Any,
    ) -> None:
        self.credentials = TikTokCredentials(access_token="t", **credentials)
        self.counts = CallCounts()
        self.stop = threading.Event()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.subjects: list[str] = []
        self.most_in_flight = 0
        self._report = report
        self._accounts = accounts or {}
        self._authorised = authorised
        self._lists = lists
        self._delay = delay
        self._in_flight = 0
        self._lock = threading.Lock()

    def asked(self, path: str) -> list[dict[str, Any]]:
        return [params for name, params in self.calls if name == path]

    def get(
        self,
        path: str,
        params: dict[str, Any],
        *,
        subject: str = "",
        cancel: Any = None,
        marks_numbers: bool = False,
    ) -> Answer:
        with self._lock:
            self.calls.append((path, dict(params)))
            self.subjects.append(subject)
            self.counts.api_calls += 1
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            if delay := self._delay():
                time.sleep(delay)
            answer = self._answer(path, params)
        finally:
            with self._lock:
                self._in_flight -= 1
        return answer if isinstance(answer, Answer) else Answer(answer, "R1", "")

    def wait(self, seconds: float) -> None:
        clock.wait(self.stop, seconds)

    def _answer(self, path: str, params: dict[str, Any]) -> Any:
        if path == "advertiser/info/":
            found = [(name, self._accounts.get(name)) for name in params["advertiser_ids"]]
            for _, zone in found:
                if isinstance(zone, Exception):
                    raise zone
            return {"list": [{"advertiser_id": n, "display_timezone": z} for n, z in found if z is not None]}
        if path == "oauth2/advertiser/get/":
            return {"list": [{"advertiser_id": name, "advertiser_name": "n"} for name in self._authorised]}
        if path in LIST_PATHS:
            if self._lists is None:
                raise TikTokPermissionError(
                    "no scope", code=40001, message="your App lacks the required scope"
                )
            return self._lists(path, params)
        assert path in REPORT_PATHS
        assert self._report is not None, "no report call was expected"
        return self._report(params)


def request(**parameters: Any) -> ReportRequest:
    known = {"dimensions": "ad_id", "metrics": "spend", "advertiser_ids": "7", **parameters}
    return parse_request(**known)


def plan(
    client: FakeClient, *, run: RunTime | None = None, now: datetime = NOW, **parameters: Any
) -> ReportPlan:
    return make_plan(client, request(**parameters), run or RunTime(NOW), now=now)


def old_plan(client: FakeClient, **parameters: Any) -> ReportPlan:
    """Plan a report of a day that is long over in every time zone."""
    return plan(client, **{"report_start_date": LONG_AGO, **parameters})


def paged(items: list[Any], **changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a report of these rows, page by page."""

    def report(params: dict[str, Any]) -> dict[str, Any]:
        page, size = params["page"], params["page_size"]
        info = {
            "page": page,
            "page_size": size,
            "total_number": len(items),
            "total_page": -(-len(items) // size),
            **changes,
        }
        return {"list": items[(page - 1) * size : page * size], "page_info": info}

    return report


def items(count: int, *, seed: int | None = None) -> list[dict[str, Any]]:
    """Return row objects of one ad each, shuffled if a seed is given."""
    made = [
        {"dimensions": {"ad_id": str(10_000 + index)}, "metrics": {"spend": f"{index}.50"}}
        for index in range(count)
    ]
    if seed is not None:
        random.Random(seed).shuffle(made)
    return made


def fetch(client: FakeClient, report_plan: ReportPlan, **options: Any) -> PagedSource:
    return PagedSource(client, report_plan, **{"list_all": list_all, **options})


def all_rows(report_fetch: PagedSource) -> list[tuple[str | None, ...]]:
    return [row for batch in report_fetch.batches() for row in batch]
