"""Report tasks: their states, permissions and files.

A report task is ``QUEUING`` for a quarter of its duration, then ``PROCESSING``, then ``SUCCESS``. A fault
makes it ``FAILED``, and it can be ``CANCELED``. Its file is written at the first download and never changes.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import secrets
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.emulator.async_reports.files import write_file
from airflow_provider_tiktok.emulator.errors import NO_SUCH_OBJECT, PERMISSION, ApiError
from airflow_provider_tiktok.emulator.faults import FILE_PATH
from airflow_provider_tiktok.emulator.kinds.answers import ReportTaskFile
from airflow_provider_tiktok.emulator.schemas.report_task import ReportTaskRequest
from airflow_provider_tiktok.emulator.world.pseudo_random import mix
from airflow_provider_tiktok.emulator.world.world import World

QUEUING, PROCESSING, SUCCESS, FAILED, CANCELED = "QUEUING", "PROCESSING", "SUCCESS", "FAILED", "CANCELED"

_LIFETIME = 30 * 86_400
_QUEUED_SHARE = 0.25
"""The share of a report task's duration that it waits in the queue."""
FAILURE = "Internal error, please create the task again."


@dataclass
class ReportJob:
    """One report task.

    :param created: the Unix timestamp of its creation.
    :param seconds: its duration.
    :param fault: its outcome instead of a file, see :data:`~airflow_provider_tiktok.emulator.faults.TASK_FAULTS`.
    :param message: the message of its failure; ``None`` is TikTok's.
    """

    task_id: str
    request: ReportTaskRequest
    token: str = field(repr=False)
    world: World = field(repr=False)
    created: float
    seconds: float
    fault: str | None = None
    message: str | None = None
    canceled: bool = False
    file: ReportTaskFile | None = field(default=None, repr=False)

    def status(self, now: float) -> str:
        """Return its status at a Unix timestamp."""
        if self.canceled:
            return CANCELED
        age = now - self.created
        if age < self.seconds * _QUEUED_SHARE:
            return QUEUING
        if age < self.seconds or self.fault == "task_stuck":
            return PROCESSING
        return {"task_failed": FAILED, "task_canceled": CANCELED}.get(self.fault or "", SUCCESS)


class ReportTasks:
    """All report tasks since the start, and their files.

    :param clock: a clock that returns a Unix timestamp.
    """

    def __init__(self, clock: Callable[[], float] = clock.time) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._serial = itertools.count(1)
        self._tasks: dict[str, ReportJob] = {}
        self._key = secrets.token_bytes(32)
        self._folder = tempfile.TemporaryDirectory(prefix="tiktok-emulator-", ignore_cleanup_errors=True)

    def all(self) -> list[ReportJob]:
        """Return all report tasks, oldest first."""
        with self._lock:
            return list(self._tasks.values())

    def create(self, request: ReportTaskRequest, token: str, world: World) -> ReportJob:
        """Create a report task and return it."""
        serial = next(self._serial)
        task = ReportJob(
            task_id=str(7_500_000_000_000_000_000 + mix(serial) % 10**17),
            request=request,
            token=token,
            world=world,
            created=self.clock(),
            seconds=world.settings.task_seconds,
        )
        with self._lock:
            self._tasks[task.task_id] = task
        return task

    def find(self, task_id: str, advertiser_id: str, token: str) -> ReportJob:
        """Return a report task to the token that created it.

        :raises ApiError: if it does not exist, is too old, or belongs to another token.
        """
        with self._lock:
            task = self._tasks.get(task_id)
        if task is None or self.clock() - task.created > _LIFETIME:
            raise ApiError(NO_SUCH_OBJECT, f"The task {task_id} does not exist.")
        if task.token != token or advertiser_id not in task.request.query.advertiser_ids:
            raise ApiError(PERMISSION, f"No permission to operate task {task_id}.")
        return task

    def file(self, task: ReportJob) -> ReportTaskFile:
        """Return the file of a successful report task, written on first use."""
        with self._writing:
            if task.file is None:
                task.file = write_file(Path(self._folder.name) / task.task_id, task.request, task.world)
            return task.file

    def signed_path(self, task: ReportJob) -> str:
        """Return the signed path of a report task's file, valid without a token until it expires."""
        now = int(self.clock())
        expire = now + int(task.world.settings.download_seconds)
        path = f"{FILE_PATH}wsos{int(task.task_id):x}"
        query = {"expire": expire, "skipCookie": "true", "timeStamp": now}
        return f"{path}?{urlencode({**query, 'sign': self._sign(path, str(expire), str(now))})}"

    def file_at(self, path: str, expire: str, time_stamp: str, sign: str) -> ReportTaskFile | None:
        """Return the file at a signed path; ``None`` if the signature is invalid or has expired."""
        valid = hmac.compare_digest(self._sign(path, expire, time_stamp).encode(), sign.encode())
        if not valid or self.clock() >= int(expire):
            return None
        with self._lock:
            task = self._tasks.get(str(int(path.removeprefix(f"{FILE_PATH}wsos"), 16)))
        return self.file(task) if task else None

    def _sign(self, path: str, expire: str, time_stamp: str) -> str:
        return hmac.new(self._key, f"{path}\n{expire}\n{time_stamp}".encode(), hashlib.sha256).hexdigest()
