"""Report tasks: what becomes of each, who may ask for it, and where its file is.

A task is ``QUEUING`` for a quarter of its time, then ``PROCESSING``, then ``SUCCESS`` - or ``FAILED``
where a fault says so, or ``CANCELED``. Its file is written when it is first asked for, and stays as it is.
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
from airflow_provider_tiktok.emulator.errors import NO_SUCH_OBJECT, PERMISSION, ApiError
from airflow_provider_tiktok.emulator.faults import FILE_PATH
from airflow_provider_tiktok.emulator.kinds.report_task import Order
from airflow_provider_tiktok.emulator.pseudo_random import mix
from airflow_provider_tiktok.emulator.report_task_files import TaskFile, write_file
from airflow_provider_tiktok.emulator.world import World

QUEUING, PROCESSING, SUCCESS, FAILED, CANCELED = "QUEUING", "PROCESSING", "SUCCESS", "FAILED", "CANCELED"

_LIFETIME = 30 * 86_400
_QUEUE = 0.25
"""The part of a task's time that it waits in the queue."""
_FAILURE = "Internal error, please create the task again."


@dataclass
class Task:
    """One report task.

    :param created: second of the epoch.
    :param seconds: how long it takes.
    :param fault: what becomes of it instead of a file, see :data:`~airflow_provider_tiktok.emulator.faults.TASK_FAULTS`.
    :param message: why it failed, where that is not left to TikTok.
    """

    task_id: str
    order: Order
    token: str = field(repr=False)
    world: World = field(repr=False)
    created: float
    seconds: float
    fault: str | None = None
    message: str | None = None
    canceled: bool = False
    file: TaskFile | None = field(default=None, repr=False)

    @property
    def failure(self) -> str:
        """Say why it failed."""
        return self.message or _FAILURE

    def status(self, now: float) -> str:
        """Say how far it is."""
        if self.canceled:
            return CANCELED
        age = now - self.created
        if age < self.seconds * _QUEUE:
            return QUEUING
        if age < self.seconds or self.fault == "task_stuck":
            return PROCESSING
        return {"task_failed": FAILED, "task_canceled": CANCELED}.get(self.fault or "", SUCCESS)


class Tasks:
    """All report tasks since the start, and their files.

    :param clock: seconds of the epoch.
    """

    def __init__(self, clock: Callable[[], float] = clock.time) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._serial = itertools.count(1)
        self._tasks: dict[str, Task] = {}
        self._key = secrets.token_bytes(32)
        self._folder = tempfile.TemporaryDirectory(prefix="tiktok-emulator-", ignore_cleanup_errors=True)

    def all(self) -> list[Task]:
        """Give all tasks, oldest first."""
        with self._lock:
            return list(self._tasks.values())

    def create(self, order: Order, token: str, world: World) -> Task:
        """Begin a task."""
        serial = next(self._serial)
        task = Task(
            task_id=str(7_500_000_000_000_000_000 + mix(serial) % 10**17),
            order=order,
            token=token,
            world=world,
            created=self.clock(),
            seconds=world.settings.task_seconds,
        )
        with self._lock:
            self._tasks[task.task_id] = task
        return task

    def find(self, task_id: str, advertiser_id: str, token: str) -> Task:
        """Find a task for the token that created it.

        :raises ApiError: when there is none, it is too old, or another's.
        """
        with self._lock:
            task = self._tasks.get(task_id)
        if task is None or self.clock() - task.created > _LIFETIME:
            raise ApiError(NO_SUCH_OBJECT, f"The task {task_id} does not exist.")
        if task.token != token or advertiser_id not in task.order.query.advertiser_ids:
            raise ApiError(PERMISSION, f"No permission to operate task {task_id}.")
        return task

    def file(self, task: Task) -> TaskFile:
        """Give a finished task's file."""
        with self._writing:
            if task.file is None:
                task.file = write_file(Path(self._folder.name) / task.task_id, task.order, task.world)
            return task.file

    def address(self, task: Task) -> str:
        """Make the address of a task's file, without the host: good for a while, and for whoever has it."""
        now = int(self.clock())
        expire = now + int(task.world.settings.download_seconds)
        path = f"{FILE_PATH}wsos{int(task.task_id):x}"
        query = {"expire": expire, "skipCookie": "true", "timeStamp": now}
        return f"{path}?{urlencode({**query, 'sign': self._sign(path, str(expire), str(now))})}"

    def open(self, path: str, expire: str, time_stamp: str, sign: str) -> TaskFile | None:
        """Give the file at an address; none where its signature is wrong or it has expired."""
        genuine = hmac.compare_digest(self._sign(path, expire, time_stamp).encode(), sign.encode())
        if not genuine or self.clock() >= int(expire):
            return None
        with self._lock:
            task = self._tasks.get(str(int(path.removeprefix(f"{FILE_PATH}wsos"), 16)))
        return self.file(task) if task else None

    def _sign(self, path: str, expire: str, time_stamp: str) -> str:
        return hmac.new(self._key, f"{path}\n{expire}\n{time_stamp}".encode(), hashlib.sha256).hexdigest()
