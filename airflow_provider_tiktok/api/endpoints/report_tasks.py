"""TikTok's report tasks: create one, check it, download what it made, cancel it.

A task belongs to the token that created it, and lives for 30 days (TikTok's pages on asynchronous reports).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.codes import lacks_scope
from airflow_provider_tiktok.api.endpoints.downloads import LapsedAddressError, fetch_file
from airflow_provider_tiktok.api.transport.redaction import without_signatures
from airflow_provider_tiktok.api.transport.secret import Secret
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokError,
    TikTokPermissionError,
    TikTokReportTaskError,
    TikTokTransportError,
)

log = logging.getLogger(__name__)

QUEUING, PROCESSING, SUCCESS, FAILED, CANCELED = "QUEUING", "PROCESSING", "SUCCESS", "FAILED", "CANCELED"
RUNNING = frozenset({QUEUING, PROCESSING})
STATUSES = frozenset({*RUNNING, SUCCESS, FAILED, CANCELED})

NOT_READY = 40201
"""TikTok's code for a task that is still at work."""

NOT_ALLOWED = 40118
"""TikTok's code for a feature that it has not switched on for the app."""

_NO_PERMISSION = 40001
_ATTEMPTS = 3
_CANCELS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class ReportJob:
    """One report task, and what it makes.

    :param report_task_id: TikTok's ID of it.
    :param advertiser_id: the account.
    :param start_date: first day, as ISO 8601; ``None`` for a lifetime.
    :param end_date: last day.
    :param part: which part of the account's days it is, where several tasks share them; else empty.
    :param dropped: metrics that TikTok refused, and it was created without.
    """

    report_task_id: str
    advertiser_id: str
    start_date: str | None = None
    end_date: str | None = None
    part: str = ""
    dropped: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"report task {self.report_task_id} of advertiser {self.advertiser_id}"

    @property
    def identity(self) -> tuple[str, str | None, str | None, str]:
        """What of a report it is, whatever its ID."""
        return self.advertiser_id, self.start_date, self.end_date, self.part

    def as_list(self) -> list[Any]:
        """Return it as JSON takes it, short, for there may be hundreds of them."""
        return [
            *(self.report_task_id, self.advertiser_id, self.start_date, self.end_date, self.part),
            list(self.dropped),
        ]

    @classmethod
    def from_list(cls, values: Iterable[Any]) -> ReportJob:
        """Read what :meth:`as_list` gave.

        :raises ValueError: it is something else.
        """
        report_task_id, advertiser_id, start, end, part, dropped = values
        return cls(
            str(report_task_id),
            str(advertiser_id),
            None if start is None else str(start),
            None if end is None else str(end),
            str(part),
            tuple(map(str, dropped)),
        )


@dataclass(frozen=True, slots=True)
class JobState:
    """What TikTok says of a task.

    :param status: one of :data:`STATUSES`; ``QUEUING`` where it says no more than "not ready".
    :param message: why it failed, if it did.
    :param request_id: TikTok's ID of the call.
    :param about_account: whether it was the account that TikTok refused, and not the task that failed.
    """

    status: str
    message: str = ""
    request_id: str = field(default="", compare=False)
    about_account: bool = field(default=False, kw_only=True)


def create_task(client: TikTokClient, body: Mapping[str, Any], subject: str) -> str:
    """Create a report task.

    The call is not made again when its answer is lost: TikTok may be at work already, and has no list of tasks
    in which to look.

    :param body: TikTok's parameters.
    :param subject: what it is about, for messages.
    :return: the task's ID.
    :raises TikTokPermissionError: the account, or report tasks as such, are not allowed for the app.
    :raises TikTokReportTaskError: it is not known whether a task was created.
    """
    try:
        answer = client.post("report/task/create/", body, subject=subject, is_create=True)
    except TikTokPermissionError as error:
        raise _with_allow_list(error) from error
    except TikTokTransportError as error:
        if not error.retryable:
            raise
        raise TikTokReportTaskError(
            f"The answer to the creation of a report task was lost, so TikTok may be making a report that no one will "
            "fetch; it goes away by itself after 30 days. The creation is not repeated blindly: run the task again. "
            f"{error}",
            retryable=True,
        ) from error
    report_task_id = str(answer.data.get("task_id") or "")
    if not report_task_id.isalnum():
        raise TikTokReportTaskError(
            f"TikTok accepted the creation of a report task, but gave no ID for it ({subject}). Run the task again; if it "
            f"stays, airflow-provider-tiktok needs an upgrade. [request_id {answer.request_id}]"
        )
    return report_task_id


def check_task(client: TikTokClient, task: ReportJob) -> JobState:
    """Ask how far a task is.

    :raises TikTokReportTaskError: TikTok gives a status that this version doesn't know.
    """
    try:
        answer = client.get("report/task/check/", _which(task), subject=str(task))
    except TikTokAPIError as error:
        if error.code == NOT_READY:
            return JobState(QUEUING, request_id=error.request_id)
        raise
    status = str(answer.data.get("status") or "").upper()
    status = {"CANCELLED": CANCELED}.get(status, status)
    if status not in STATUSES:
        raise TikTokReportTaskError(
            f"This version doesn't know the status {status[:40]!r}, which TikTok gives {task}; it knows "
            f"{', '.join(sorted(STATUSES))}. Upgrade airflow-provider-tiktok. [request_id {answer.request_id}]"
        )
    message = without_signatures(client.redact(" ".join(str(answer.data.get("message") or "").split())))[:500]
    return JobState(status, message, answer.request_id)


def download_task(client: TikTokClient, task: ReportJob, into: IO[bytes]) -> dict[str, Any]:
    """Write the file that a task made into a file of ours.

    TikTok answers with the file itself, or with an address that is good for an hour; when that has lapsed, or
    breaks off, it is asked for a new one.

    :return: its ``bytes``, and ``is_complete``: whether the host said where it ends.
    :raises TikTokTransportError: the file didn't come.
    """
    saved = _download(client, task, into)
    client.redact_file(into)
    return saved


def _download(client: TikTokClient, task: ReportJob, into: IO[bytes]) -> dict[str, Any]:
    problem = ""
    for _ in range(_ATTEMPTS):
        answer = client.get("report/task/download/", _which(task), subject=str(task), into=into)
        if "bytes" in answer.data:
            return answer.data
        try:
            return _fetch_from_address(client, task, answer, into)
        except LapsedAddressError as error:
            problem = f"its host says {error}"
        except TikTokTransportError as error:
            if not error.retryable:
                raise
            problem = str(error)
        client.wait(1.0)
        log.warning(
            "The file of %s did not come (%s); TikTok is asked for a new address.", task, problem or "?"
        )
    raise TikTokTransportError(
        f"A file did not come in {_ATTEMPTS} attempts: {problem} ({task}). Run the task again."
    )


def _fetch_from_address(
    client: TikTokClient, task: ReportJob, answer: Answer, into: IO[bytes]
) -> dict[str, Any]:
    """Write the file at the address that TikTok answered into a file of ours.

    :raises TikTokReportTaskError: there is no address, or it leads to a host that files are not fetched from.
    :raises LapsedAddressError: the host refuses the address.
    :raises TikTokTransportError: the file didn't come.
    """
    # anyone who has the address has the file: the variables of a traceback must not show it
    url = Secret(answer.data.pop("download_url", None) or "")
    answer.data.clear()  # nor under another name
    if not url:
        raise TikTokReportTaskError(
            f"TikTok gave no address for the file of {task}. Run the task again; if it stays, "
            f"airflow-provider-tiktok needs an upgrade. [request_id {answer.request_id}]"
        )
    return fetch_file(
        url,
        into,
        api_url=client.credentials.base_url,
        timeout=client.credentials.timeout,
        stop=client.stop,
        subject=str(task),
    )


def cancel_task(client: TikTokClient, task: ReportJob) -> JobState:
    """Cancel a report task.

    :raises TikTokAPIError: TikTok can't, for example because the task is done.
    """
    answer = client.post("report/task/cancel/", _which(task), subject=str(task), needs_data=False)
    return JobState(str(answer.data.get("status") or "").upper(), request_id=answer.request_id)


def cancel_all(client: TikTokClient, tasks: Iterable[ReportJob]) -> None:
    """Cancel report tasks, as far as TikTok can; log what it can't."""
    wanted = list(tasks)
    if not wanted:
        return
    with ThreadPoolExecutor(min(_CANCELS_AT_ONCE, len(wanted)), "tiktok-cancel") as pool:
        list(pool.map(lambda task: _try_to_cancel(client, task), wanted))


def _try_to_cancel(client: TikTokClient, task: ReportJob) -> None:
    try:
        state = cancel_task(client, task)
    except TikTokError as error:
        log.warning("%s was not cancelled. %s", f"{task}".capitalize(), error)
    else:
        log.info("Cancelled %s. [request_id %s]", task, state.request_id)


def _which(task: ReportJob) -> dict[str, str]:
    return {"advertiser_id": task.advertiser_id, "task_id": task.report_task_id}


def _with_allow_list(error: TikTokPermissionError) -> TikTokPermissionError:
    """Return a refusal with a sentence about TikTok's allow-list, where that may be the cause."""
    about_account = "advertiser" in error.message.lower() or "grant" in error.message.lower()
    if error.code == NOT_ALLOWED:
        advice = "The app is not on TikTok's allow-list for report tasks"
    elif error.code == _NO_PERMISSION and not lacks_scope(error) and not about_account:
        advice = "It may be that the app is not on TikTok's allow-list for report tasks"
    else:
        return error
    return TikTokPermissionError(
        f"{advice}, which `mode='async'` needs: ask your TikTok representative for it, or use `mode='sync'`, which needs "
        f"none. {error}",
        code=error.code,
        message=error.message,
        request_id=error.request_id,
        retryable=False,
    )
