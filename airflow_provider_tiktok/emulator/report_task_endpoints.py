"""The endpoints of report tasks: create, check, download, cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from airflow_provider_tiktok.emulator.access import CreationLimit
from airflow_provider_tiktok.emulator.endpoints import Answer, Endpoint, granted
from airflow_provider_tiktok.emulator.errors import NOT_ALLOWED, TASK_ERROR, TASK_NOT_READY, ApiError
from airflow_provider_tiktok.emulator.faults import Fault
from airflow_provider_tiktok.emulator.filters import not_deleted
from airflow_provider_tiktok.emulator.kinds.report_task import parse_task
from airflow_provider_tiktok.emulator.params import Params
from airflow_provider_tiktok.emulator.report_tasks import (
    CANCELED,
    FAILED,
    PROCESSING,
    QUEUING,
    SUCCESS,
    Task,
    Tasks,
)
from airflow_provider_tiktok.emulator.world import World

CREATE_PATH = "report/task/create/"
CHECK_PATH = "report/task/check/"
DOWNLOAD_PATH = "report/task/download/"
CANCEL_PATH = "report/task/cancel/"

METHODS = {CREATE_PATH: "POST", CHECK_PATH: "GET", DOWNLOAD_PATH: "GET", CANCEL_PATH: "POST"}
"""The paths of report tasks, with the one method that each takes."""

_TaskEndpoint = Callable[[Tasks, Task, Params], Answer]


def task_endpoints(tasks: Tasks) -> dict[str, Endpoint]:
    """Make the endpoints that share some tasks."""
    limit = CreationLimit(tasks.clock)

    def create(world: World, params: Params) -> Answer:
        _check_allowed(world)
        order = parse_task(params)
        for advertiser_id in order.query.advertiser_ids:
            granted(world, advertiser_id, CREATE_PATH)
        limit.take(order.query.advertiser_ids, world.settings)
        hidden = None if world.settings.task_deleted else not_deleted(order.query.level)
        if hidden:
            query = replace(order.query, filters=(*order.query.filters, hidden))
            order = replace(order, query=query)
        return Answer(rest={"task_id": tasks.create(order, params.token, world).task_id})

    def on_task(serve: _TaskEndpoint) -> Endpoint:
        def endpoint(world: World, params: Params) -> Answer:
            _check_allowed(world)
            params.require("advertiser_id", "task_id")
            advertiser_id, task_id = params.identifier("advertiser_id"), params.identifier("task_id")
            return serve(tasks, tasks.find(task_id or "", advertiser_id or "", params.token), params)

        return endpoint

    return {
        CREATE_PATH: create,
        CHECK_PATH: on_task(_check),
        DOWNLOAD_PATH: on_task(_download),
        CANCEL_PATH: on_task(_cancel),
    }


def strike_task(tasks: Tasks, answer: Answer, fault: Fault) -> None:
    """Let a fault decide what becomes of the task that was just created."""
    for task in tasks.all():
        if task.task_id == answer.rest.get("task_id"):
            task.fault, task.message = fault.kind, fault.message


def _check_allowed(world: World) -> None:
    if not world.settings.report_tasks:
        raise ApiError(NOT_ALLOWED)


def _check(tasks: Tasks, task: Task, params: Params) -> Answer:
    status = task.status(tasks.clock())
    return Answer(rest={"status": status, "message": task.failure if status == FAILED else ""})


def _download(tasks: Tasks, task: Task, params: Params) -> Answer:
    status = task.status(tasks.clock())
    if status in (QUEUING, PROCESSING):
        raise ApiError(TASK_NOT_READY)
    if status != SUCCESS:
        raise ApiError(TASK_ERROR)
    file, form = tasks.file(task), task.order.output_format
    if form == "CSV_STRING":
        return Answer(file=file)
    extension = ".xlsx" if form == "XLSX_DOWNLOAD" else ".csv"
    rest: dict[str, Any] = {
        "output_format": form,
        "file_name": f"{task.order.file_name or task.task_id}{extension}",
        "download_url": f"{params.host}{tasks.address(task)}",
    }
    return Answer(rest=rest)


def _cancel(tasks: Tasks, task: Task, params: Params) -> Answer:
    status = task.status(tasks.clock())
    if status not in (QUEUING, PROCESSING):
        raise ApiError(TASK_ERROR, f"The task cannot be canceled, its status is {status}.")
    task.canceled = True
    return Answer(rest={"status": CANCELED})
