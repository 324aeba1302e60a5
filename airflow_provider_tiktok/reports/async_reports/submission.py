"""The report tasks that a plan needs, and which of them exist already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.endpoints.advertisers import Advertiser
from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob
from airflow_provider_tiktok.api.zones import read_zone
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
)
from airflow_provider_tiktok.fingerprint import fingerprint_of
from airflow_provider_tiktok.reports.params.async_rules import OUTPUT_FORMATS
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.planning.plan import ReportCall, ReportPlan, Window

_HAS_TITLES = frozenset({"BASIC", "AUDIENCE"})
"""Report types that take ``enable_report_title_translation``."""


def job_of(call: ReportCall, report_task_id: str = "", dropped: Iterable[str] = ()) -> ReportJob:
    """Return the job, with or without its ID, that makes the rows of a planned call."""
    start, end = call.window.start, call.window.end
    return ReportJob(
        report_task_id,
        call.advertiser_id,
        start.isoformat() if start else None,
        end.isoformat() if end else None,
        call.part,
        tuple(dropped),
    )


def job_body(call: ReportCall, request: ReportRequest, dropped: Iterable[str] = ()) -> dict[str, Any]:
    """Return TikTok's parameters for the job of a planned call.

    One account a task: packed together, TikTok drops the decimals of money.

    :param dropped: metrics to go without.
    """
    body = {name: value for name, value in call.params.items() if name != "page" and value is not None}
    body["metrics"] = [name for name in body["metrics"] if name not in set(dropped)]
    titles = {"enable_report_title_translation": False} if request.report_type in _HAS_TITLES else {}
    return {"output_format": OUTPUT_FORMATS[0], **titles, **body}


def fingerprint(request: ReportRequest, credentials: TikTokCredentials) -> str:
    """Return what distinguishes one report from another, whatever its days: a job of one is of no use to the other.

    The token is part of it, for a task belongs to the token that created it; a digest gives none of it away.
    """
    return fingerprint_of([request.params(), request.by_day, credentials.identity], 32)


@dataclass(frozen=True, slots=True)
class Submission:
    """The tasks of a report, and what of its plan has to outlast a wait in the triggerer.

    :param tasks: in the order of the plan.
    :param advertiser_ids: the accounts, in order.
    :param refused: why accounts have no task, by ID.
    :param zones: names of time zones, by account, where they are known.
    :param fingerprint: of the report.
    :param calls: numbers of calls made so far, as the summary counts them.
    :param began: Unix timestamp at which the attempt began.
    :param planned: how many tasks each account was to have; ``None`` where that is not known.
    :param deadlines: when the wait for TikTok is given up, by the name of the limit; ``None`` where that is not known.
    :param described: what TikTok said of the accounts; ``None`` if it wasn't asked.
    """

    tasks: tuple[ReportJob, ...]
    advertiser_ids: tuple[str, ...]
    refused: Mapping[str, TikTokAPIError]
    zones: Mapping[str, str]
    fingerprint: str
    calls: Mapping[str, int]
    began: float
    planned: Mapping[str, int] | None = None
    deadlines: Mapping[str, float] | None = None
    described: Mapping[str, Advertiser] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            "tasks": [task.as_list() for task in self.tasks],
            "advertiser_ids": list(self.advertiser_ids),
            "refused": {
                name: [str(error), error.code, error.message, error.request_id, error.retryable]
                for name, error in self.refused.items()
            },
            "zones": dict(self.zones),
            "fingerprint": self.fingerprint,
            "calls": dict(self.calls),
            "began": self.began,
            "planned": None if self.planned is None else dict(self.planned),
            "deadlines": None if self.deadlines is None else dict(self.deadlines),
            "described": None
            if self.described is None
            else [list(found.as_dict().values()) for found in self.described.values()],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Submission:
        """Read what :meth:`as_dict` gave."""
        return cls(
            tuple(ReportJob.from_list(item) for item in values["tasks"]),
            tuple(values["advertiser_ids"]),
            {name: _error(*facts) for name, facts in values["refused"].items()},
            dict(values["zones"]),
            values["fingerprint"],
            dict(values["calls"]),
            float(values["began"]),
            values.get("planned"),  # a task that waits since an older version has none
            values.get("deadlines"),  # nor these
            None if values.get("described") is None else _accounts(values["described"]),  # nor these
        )

    def plan(self, request: ReportRequest) -> ReportPlan:
        """Return the plan that the jobs were made for: the same accounts and days, whatever the present is.

        :raises TikTokIncompleteReportError: a task of it is missing.
        """
        there = Counter(task.advertiser_id for task in self.tasks)
        for name, count in (self.planned or {}).items():
            if name not in self.refused and there[name] != count:
                raise TikTokIncompleteReportError(
                    f"Advertiser {name} has {there[name]} report task(s) where {count} were planned. This is a mistake in "
                    "airflow-provider-tiktok; please report it. Running the task again may help."
                )
        common = request.params()
        calls = [
            ReportCall(
                task.advertiser_id,
                Window(_day(task.start_date), _day(task.end_date)),
                common,
                request.kind.account,
                task.part,
            )
            for task in self.tasks
        ]
        zones = {name: zone for name, text in self.zones.items() if (zone := read_zone(text))}
        return ReportPlan(request, self.advertiser_ids, tuple(calls), {}, zones, self.described)


def _error(text: str, code: int | None, message: str, request_id: str, retryable: bool) -> TikTokAPIError:
    kind = TikTokInvalidRequestError if code is None else TikTokAPIError
    return kind(text, code=code, message=message, request_id=request_id, retryable=retryable)


def _accounts(items: Iterable[Iterable[Any]]) -> dict[str, Advertiser]:
    return {found.advertiser_id: found for found in (Advertiser(*item) for item in items)}


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
