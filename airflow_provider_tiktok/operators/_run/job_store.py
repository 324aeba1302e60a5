"""The report tasks that an attempt has created, stored for a retry in Airflow's task state store.

Airflow has such a store from 3.3 on. It lasts over retries and, in 3.3.2, over the clearing of a task as well, which
asks for a fresh report; so what is stored also says which life of the task instance it belongs to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob
from airflow_provider_tiktok.operators._run.task_instance import generation_of, may_retry

log = logging.getLogger(__name__)

KEY = "tiktok_report_tasks"
MAX_AGE = timedelta(hours=24)
"""After this time a report is made from scratch: its figures would be old. TikTok keeps a report task for 30 days."""


class JobStore:
    """Stores the report tasks of one task instance.

    :param context: Airflow's context; may be empty.
    :param fingerprint: of the report; tasks of another one are of no use.
    :param durable: whether to store at all.
    :param clock: returns Unix timestamps.
    """

    def __init__(
        self, context: Any, fingerprint: str, *, durable: bool, clock: Callable[[], float] = clock.time
    ) -> None:
        self._store = context.get("task_state_store") if durable else None
        self._fingerprint = fingerprint
        self._generation = generation_of(context)
        self._may_retry = may_retry(context)
        self._clock = clock
        self._submitted_at = clock()

    @property
    def serves_a_retry(self) -> bool:
        """Whether another attempt can follow, and will find what this one stores."""
        return self._store is not None and self._may_retry

    def load(self) -> tuple[list[ReportJob], list[ReportJob]]:
        """Return the jobs of an earlier attempt: those that may serve this one, and those that can't."""
        if self._store is None:
            return [], []
        try:
            stored = self._store.get(KEY)
            if not stored:
                return [], []
            jobs = [ReportJob.from_list(item) for item in stored["tasks"]]
            submitted_at = float(stored["submitted_at"])
            known = stored["fingerprint"] == self._fingerprint and list(stored["life"]) == self._generation
        except Exception as error:  # a report can do without the store
            log.warning(
                "What an earlier attempt did can't be read (%s), so the report is made from scratch.", error
            )
            return [], []
        age = self._clock() - submitted_at
        if known and 0 <= age <= MAX_AGE.total_seconds():
            self._submitted_at = submitted_at
            return jobs, []
        return [], jobs

    def save(self, jobs: Sequence[ReportJob]) -> None:
        """Store which jobs there are."""
        if self._store is None:
            return
        try:
            self._store.set(
                KEY,
                {
                    "report_task_ids": [job.report_task_id for job in jobs],
                    "tasks": [job.as_list() for job in jobs],
                    "fingerprint": self._fingerprint,
                    "submitted_at": self._submitted_at,
                    "life": self._generation,
                },
            )
        except Exception as error:
            log.warning(
                "Airflow can't keep the report tasks' IDs (%s), so a retry would make new ones.", error
            )

    def clear(self) -> None:
        """Leave nothing to a later attempt."""
        if self._store is None:
            return
        try:
            self._store.delete(KEY)
        except Exception as error:
            log.warning("Airflow can't drop the report tasks' IDs (%s).", error)
