"""A worker pool: a few threads make calls side by side, one thread takes their outcomes."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_Job, _Result]):
    """What became of a job.

    :param job: the job.
    :param future: holds its result, or its error.
    """

    job: _Job
    future: Future[_Result]


class WorkerPool(Generic[_Job, _Result]):
    """Makes calls in several threads.

    More jobs than threads are taken, so that a thread whose call is done begins the next one while the outcome waits to
    be dealt with. Outcomes come in the order in which the calls ended: what came before a failure is known before it.

    :param work: does a job; runs in a thread.
    :param concurrency: threads.
    :param waiting: jobs that are taken beyond those, whose outcomes may wait in memory.
    """

    def __init__(self, work: Callable[[_Job], _Result], concurrency: int, *, waiting: int) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="tiktok-report")
        self._outcomes: queue.SimpleQueue[Outcome[_Job, _Result]] = queue.SimpleQueue()
        self._concurrency = concurrency
        self._most = concurrency + waiting
        self._taken = 0

    @property
    def has_capacity(self) -> bool:
        """Whether another job should be submitted now."""
        return self._taken < self._most

    @property
    def has_idle(self) -> bool:
        """Whether a thread has nothing to do."""
        return self._taken - self._outcomes.qsize() < self._concurrency

    @property
    def is_empty(self) -> bool:
        """Whether no job is under way."""
        return self._taken == 0

    def submit(self, job: _Job) -> None:
        """Take a job."""
        self._taken += 1
        future = self._pool.submit(self._work, job)
        future.add_done_callback(lambda done: self._outcomes.put(Outcome(job, done)))

    def next(self, seconds: float) -> Outcome[_Job, _Result] | None:
        """Return an outcome, waiting so long for one if need be; ``None`` when none comes."""
        try:
            outcome = self._outcomes.get(timeout=seconds) if seconds else self._outcomes.get_nowait()
        except queue.Empty:
            return None
        self._taken -= 1
        return outcome

    def close(self) -> None:
        """Drop the jobs that haven't begun, and don't wait for the others."""
        self._pool.shutdown(wait=False, cancel_futures=True)
