"""The endpoints of report tasks: create, check, download, cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from airflow_provider_tiktok.emulator.access import CreationLimit
from airflow_provider_tiktok.emulator.async_reports.jobs import (
    CANCELED,
    FAILED,
    FAILURE,
    PROCESSING,
    QUEUING,
    SUCCESS,
    ReportJob,
    ReportTasks,
)
from airflow_provider_tiktok.emulator.errors import NOT_ALLOWED, TASK_ERROR, TASK_NOT_READY, ApiError
from airflow_provider_tiktok.emulator.faults import Fault
from airflow_provider_tiktok.emulator.kinds.accounts import authorized_account
from airflow_provider_tiktok.emulator.kinds.answers import Answer, Endpoint
from airflow_provider_tiktok.emulator.schemas import base, fields
from airflow_provider_tiktok.emulator.schemas.base import Params
from airflow_provider_tiktok.emulator.schemas.report_task import read_report_task
from airflow_provider_tiktok.emulator.world.conditions import not_deleted
from airflow_provider_tiktok.emulator.world.world import World

CREATE_PATH = "report/task/create/"
DOWNLOAD_PATH = "report/task/download/"

_REPORT_TASK: base.Lines = {
    "needed": base.required("advertiser_id", "task_id"),
    "advertiser_id": fields.identifier(),
    "task_id": fields.identifier(),
}
_ReportTaskEndpoint = Callable[[ReportTasks, ReportJob, Params], Answer]


def report_task_endpoints(tasks: ReportTasks) -> dict[str, tuple[str, Endpoint]]:
    """Return the endpoints of a set of report tasks, each with its method."""
    limit = CreationLimit(tasks.clock)

    def create(world: World, params: Params) -> Answer:
        _check_allowed(world)
        request = read_report_task(params)
        for advertiser_id in request.query.advertiser_ids:
            authorized_account(world, advertiser_id, CREATE_PATH)
        limit.acquire(request.query.advertiser_ids, world.settings)
        default = None if world.settings.task_deleted else not_deleted(request.query.level)
        if default:
            query = replace(request.query, filters=(*request.query.filters, default))
            request = replace(request, query=query)
        return Answer(rest={"task_id": tasks.create(request, params.token, world).task_id})

    def on_task(serve: _ReportTaskEndpoint) -> Endpoint:
        def endpoint(world: World, params: Params) -> Answer:
            _check_allowed(world)
            call = base.read(_REPORT_TASK, params)
            return serve(tasks, tasks.find(call["task_id"], call["advertiser_id"], params.token), params)

        return endpoint

    return {
        CREATE_PATH: ("POST", create),
        "report/task/check/": ("GET", on_task(_check)),
        DOWNLOAD_PATH: ("GET", on_task(_download)),
        "report/task/cancel/": ("POST", on_task(_cancel)),
    }


def apply_task_fault(tasks: ReportTasks, answer: Answer, fault: Fault) -> None:
    """Set the outcome of the report task that was just created."""
    for task in tasks.all():
        if task.task_id == answer.rest.get("task_id"):
            task.fault, task.message = fault.kind, fault.message


def _check_allowed(world: World) -> None:
    if not world.settings.report_tasks:
        raise ApiError(NOT_ALLOWED)


def _check(tasks: ReportTasks, task: ReportJob, params: Params) -> Answer:
    status = task.status(tasks.clock())
    return Answer(rest={"status": status, "message": (task.message or FAILURE) if status == FAILED else ""})


def _download(tasks: ReportTasks, task: ReportJob, params: Params) -> Answer:
    status = task.status(tasks.clock())
    if status in (QUEUING, PROCESSING):
        raise ApiError(TASK_NOT_READY)
    if status != SUCCESS:
        raise ApiError(TASK_ERROR)
    file, output_format = tasks.file(task), task.request.output_format
    if output_format == "CSV_STRING":
        return Answer(file=file)
    extension = ".xlsx" if output_format == "XLSX_DOWNLOAD" else ".csv"
    rest: dict[str, Any] = {
        "output_format": output_format,
        "file_name": f"{task.request.file_name or task.task_id}{extension}",
        "download_url": f"{params.host}{tasks.signed_path(task)}",
    }
    return Answer(rest=rest)


def _cancel(tasks: ReportTasks, task: ReportJob, params: Params) -> Answer:
    status = task.status(tasks.clock())
    if status not in (QUEUING, PROCESSING):
        raise ApiError(TASK_ERROR, f"The task cannot be canceled, its status is {status}.")
    task.canceled = True
    return Answer(rest={"status": CANCELED})
