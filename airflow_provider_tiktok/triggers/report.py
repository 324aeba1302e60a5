"""Waits in Airflow's triggerer for TikTok's report tasks, without a worker.

One process runs the triggers of many tasks in one event loop, so nothing here blocks it: the Airflow connection
is read once, with the loop's own means, and every call to TikTok is made in one of a few threads that never touch
Airflow.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_tiktok import clock
from airflow_provider_tiktok._compat_late import get_connection_in_loop
from airflow_provider_tiktok.api.connection import credentials_of, unreadable, with_rate_limit_redis
from airflow_provider_tiktok.exceptions import TikTokConfigError, TikTokError

if TYPE_CHECKING:
    from airflow_provider_tiktok.api.client import TikTokClient
    from airflow_provider_tiktok.api.credentials import TikTokCredentials
    from airflow_provider_tiktok.reports.async_reports.poll import JobWatch, WatchEnd

log = logging.getLogger(__name__)

_THREADS = ThreadPoolExecutor(8, "tiktok-trigger")
"""Make the calls of all triggers of the process. They start when the first call is made."""

_CONNECTIONS = 2

_Result = TypeVar("_Result")


class TikTokReportTrigger(BaseTrigger):
    """Fires when TikTok has made every report task of a report, or won't.

    The event says ``status`` (``done``, ``timeout`` or ``error``), ``message``, ``code`` and ``request_id`` of
    an error, whether it is ``retryable``, the ``states`` of the tasks by their IDs, and the ``submission``. It holds
    no rows, no address and no token; nor do the trigger's own parameters, which Airflow keeps in its database.

    :param tiktok_conn_id: the Airflow connection.
    :param report_tasks: the tasks, as :meth:`~airflow_provider_tiktok.api.endpoints.report_tasks.ReportJob.as_list` returns
        them.
    :param poll_interval: longest seconds between two polls.
    :param deadlines: Unix timestamps at which the wait ends, by the name of the limit. They
        are absolute, so that a trigger which starts again elsewhere doesn't start its time again.
    :param stop_at_failure: fire as soon as one task has failed.
    :param cancel_on_kill: cancel the tasks when a user ends the Airflow task (from Airflow 3.3 on).
    :param fire_after: Unix timestamp before which it doesn't fire, for Airflow has to hear of the deferral
        first.
    :param submission: what the operator needs when it resumes. ``airflow dags test`` hands the event on and
        nothing else.
    """

    def __init__(
        self,
        *,
        tiktok_conn_id: str,
        report_tasks: Sequence[Sequence[Any]],
        poll_interval: float,
        deadlines: dict[str, float],
        stop_at_failure: bool = True,
        cancel_on_kill: bool = True,
        fire_after: float = 0.0,
        submission: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.tiktok_conn_id = tiktok_conn_id
        self.report_tasks = [list(task) for task in report_tasks]
        self.poll_interval = poll_interval
        self.deadlines = dict(deadlines)
        self.stop_at_failure = stop_at_failure
        self.cancel_on_kill = cancel_on_kill
        self.fire_after = fire_after
        self.submission = dict(submission or {})
        self._credentials: TikTokCredentials | None = None
        self._watch: JobWatch | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments that create this trigger again."""
        names = (
            *("tiktok_conn_id", "report_tasks", "poll_interval", "deadlines"),
            *("stop_at_failure", "cancel_on_kill", "fire_after", "submission"),
        )
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {name: getattr(self, name) for name in names},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire once."""
        client: TikTokClient | None = None
        try:
            client = await _in_thread(_new_client, await self._read_connection())
            end = await self._wait(client)
            event = end.as_dict()
        except TikTokError as error:
            event = _error_event(str(error), retryable=error.retryable)
        except Exception as error:
            log.exception("The wait for TikTok's report tasks ended with an error")
            event = _error_event(f"The trigger ended with {type(error).__name__}; its log says more.")
        finally:
            if client is not None:
                client.stop.set()  # a call whose answer no one needs would keep its thread from others
                _THREADS.submit(client.close)
        await clock.sleep(max(0.0, self.fire_after - clock.time()))
        yield TriggerEvent({**event, "submission": self.submission})

    async def on_kill(self) -> None:
        """Cancel the tasks: a user has marked the Airflow task, or cleared it."""
        if not self.cancel_on_kill:
            return
        await _in_thread(_cancel, await self._read_connection(), self.report_tasks, self._watch)

    async def _wait(self, client: TikTokClient) -> WatchEnd:
        self._watch = watch = await _in_thread(self._new_watch)
        while True:
            end = await _in_thread(watch.poll, client)
            if end is not None:
                return end
            await clock.sleep(watch.pause())

    async def _read_connection(self) -> TikTokCredentials:
        """Read the connection, once."""
        if self._credentials is None:
            connection = await _find_connection(self.tiktok_conn_id)
            credentials = await _in_thread(credentials_of, self.tiktok_conn_id, connection)
            if credentials.rate_limit_conn_id:
                redis = await _find_connection(credentials.rate_limit_conn_id)
                credentials = await _in_thread(with_rate_limit_redis, credentials, self.tiktok_conn_id, redis)
            self._credentials = credentials
        return self._credentials

    def _new_watch(self) -> JobWatch:
        from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob
        from airflow_provider_tiktok.reports.async_reports.poll import JobWatch

        return JobWatch(
            [ReportJob.from_list(task) for task in self.report_tasks],
            poll_interval=self.poll_interval,
            deadlines=self.deadlines,
            stop_at_failure=self.stop_at_failure,
        )


async def _find_connection(conn_id: str) -> Any:
    """Return Airflow's connection.

    :raises TikTokConfigError: it has none, or can't read it.
    """
    try:
        return await get_connection_in_loop(conn_id)
    except Exception as error:
        raise TikTokConfigError(
            unreadable(conn_id)
            or f"The triggerer can't read the connection {conn_id!r} ({type(error).__name__}). "
            "Create it where the triggerer finds it too: under Admin > Connections, or in its environment."
        ) from error


async def _in_thread(work: Callable[..., _Result], *args: Any) -> _Result:
    """Run a function in a thread of this module, where it blocks no other trigger's use of Airflow."""
    context = contextvars.copy_context()  # by which Airflow knows whose log a line belongs to
    return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(context.run, work, *args))


# in a thread: what is imported here loads requests


def _new_client(credentials: TikTokCredentials) -> TikTokClient:
    from airflow_provider_tiktok.api.client import TikTokClient
    from airflow_provider_tiktok.api.retry import RetryPolicy

    # the watch waits; a thread that waited would be missing for others
    retry = RetryPolicy(attempts=2, max_throttle_wait=3.0)
    return TikTokClient(credentials, retry=retry, connections=_CONNECTIONS)


def _cancel(
    credentials: TikTokCredentials, report_tasks: Sequence[Sequence[Any]], watch: JobWatch | None
) -> None:
    from airflow_provider_tiktok.api.endpoints.report_tasks import ReportJob
    from airflow_provider_tiktok.reports.async_reports.cancel import cancel_jobs

    tasks = watch.pending if watch else [ReportJob.from_list(task) for task in report_tasks]
    cancel_jobs(credentials, tasks)


def _error_event(message: str, *, retryable: bool = True) -> dict[str, Any]:
    names: dict[str, Any] = {"code": None, "request_id": "", "api_calls": 0, "states": {}}
    return {"status": "error", "message": message, "retryable": retryable, **names}
