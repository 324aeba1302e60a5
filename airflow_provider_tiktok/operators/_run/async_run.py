"""One run of the report operator in ``mode="async"``: report tasks are created, waited for, and fetched.

The wait is in this worker or in the triggerer. After a triggerer's wait another process goes on, with nothing but
what was given along.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok._compat import AirflowSkipException
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.codes import look_up
from airflow_provider_tiktok.api.endpoints.report_tasks import (
    QUEUING,
    RUNNING,
    SUCCESS,
    ReportTask,
    TaskState,
)
from airflow_provider_tiktok.exceptions import (
    TikTokError,
    TikTokRateLimitError,
    TikTokReportTaskError,
    TikTokStoppedError,
)
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._run.job_store import TaskMemory
from airflow_provider_tiktok.operators._run.run import (
    PATIENCE,
    _fetch,
    _publish,
    _read_request,
    began_at,
    wait_elsewhere,
)
from airflow_provider_tiktok.operators._run.schedule import run_time
from airflow_provider_tiktok.reports.async_reports.cancel import stop_tasks
from airflow_provider_tiktok.reports.async_reports.create import TaskCreation, still_good
from airflow_provider_tiktok.reports.async_reports.files import FileSource, task_error
from airflow_provider_tiktok.reports.async_reports.poll import DONE, ERROR, TIMEOUT, TaskWatch, WatchEnd
from airflow_provider_tiktok.reports.async_reports.submission import Submission, fingerprint
from airflow_provider_tiktok.reports.planning.planner import make_plan

if TYPE_CHECKING:
    from airflow_provider_tiktok.operators.report import TikTokReportOperator

_BACKSTOP = timedelta(minutes=10)
"""How much later than its own deadlines Airflow itself gives a trigger up, which no triggerer may be running."""

_AT_LEAST = 15.0
"""Seconds that a wait in the triggerer lasts. A busy scheduler that hears of a task's return before it has heard of
its deferral takes the task for killed, and fails it."""

_HANDLER = 0.6  # seconds that a kill waits for its cancellations
_AT_EXIT = 3.0  # seconds that the process then waits for them; Airflow waits 5 before it kills for good


class TasksAtWork:
    """The report tasks that are to be cancelled when the Airflow task is killed.

    :param client: whose credentials that takes.
    """

    def __init__(self, client: TikTokClient) -> None:
        self._credentials = client.credentials
        self.tasks: Sequence[ReportTask] = ()
        self.watch: TaskWatch | None = None
        self._cancelled: list[ReportTask] = []

    @property
    def running(self) -> list[ReportTask]:
        """Those that are not known to be done."""
        return self.watch.pending if self.watch is not None else list(self.tasks)

    def cancel(self) -> None:
        """Cancel them, once each. It may be called amid any other work, from the handler of a signal.

        A server that sends nothing holds no kill up: the cancellations go on while the task ends.
        """
        tasks = [one for one in self.running if one not in self._cancelled]
        self._cancelled += tasks
        stopping = threading.Thread(target=stop_tasks, args=(self._credentials, tasks))
        stopping.start()
        stopping.join(_HANDLER)
        if (
            stopping.is_alive()
        ):  # Airflow runs what is registered in a task's process, and waits for no thread
            atexit.register(stopping.join, _AT_EXIT)


class TaskReport:
    """A report that TikTok makes in report tasks.

    :param task: the operator, with its templates rendered.
    :param hook: calls TikTok.
    :param context: Airflow's context; may be empty.
    """

    def __init__(self, task: TikTokReportOperator, hook: TikTokHook, context: Any) -> None:
        self._task = task
        self._hook = hook
        self._context = context
        self._request, self._reconciliation = _read_request(task)
        self._client = hook.get_conn(
            connections=task.max_concurrency, suspension_patience=PATIENCE if task.deferrable else None
        )
        self._fingerprint = fingerprint(self._request, self._client.credentials)
        self._memory = TaskMemory(context, self._fingerprint, durable=task.durable)
        self._at_work = TasksAtWork(self._client)
        self._created: Sequence[ReportTask] = ()
        self._unwanted: Sequence[ReportTask] = ()
        self._began = clock.time()
        task.at_work = self._at_work

    def begin(self, unfinished: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Create the report tasks; then wait for them, or let the triggerer wait.

        :param unfinished: what this attempt had created before it waited for TikTok to take calls again.
        :return: the summary.
        """
        # what is wrong with the output is told before TikTok is asked for anything
        output = self._task.open_output(self._request)
        output.discard()
        self._began = began_at(unfinished)
        known = self._recall(unfinished)
        with self._cleaning_up():
            plan = make_plan(self._client, self._request, run_time(self._context))
            output.check(plan)
            self._task.link_facts = plan.facts()
            creation = TaskCreation(
                self._client,
                plan,
                on_advertiser_error=self._task.on_advertiser_error,
                drop_invalid_metrics=self._task.drop_invalid_metrics,
            )
            deadlines = self._deadlines()
            states = self._take_over(creation, known)
            self._create(creation)
            submission = replace(creation.submission(self._fingerprint, self._began), deadlines=deadlines)
            waiting = _in_state(submission.tasks, states, *RUNNING)
            self._task.log.info(
                "%d report task(s), of which %d are to be waited for", len(submission.tasks), len(waiting)
            )
            if waiting and self._task.deferrable:
                self._defer(submission, deadlines)
            end = self._wait(submission, deadlines) if waiting else WatchEnd(DONE, states=states)
            return self._finish(submission, end)

    def resume(self, event: Any) -> dict[str, Any]:
        """Go on after the triggerer's wait.

        :param event: the trigger's.
        :return: the summary.
        """
        if not _is_end(event):
            raise _retryable(
                "The triggerer came back without a word on the report tasks. Give triggerer and worker the same "
                "version of airflow-provider-tiktok, and run the task again."
            )
        given = Submission.from_dict(event["submission"])
        end = WatchEnd.from_dict({name: value for name, value in event.items() if name != "submission"})
        self._created = given.tasks
        self._began = given.began
        self._at_work.tasks = _in_state(given.tasks, end.states, *RUNNING)
        with self._cleaning_up():
            if given.fingerprint != self._fingerprint:
                raise _retryable(
                    "The report's parameters, or the connection's token, changed while its report tasks were made, so "
                    "these are of no use. Run the task again."
                )
            self._count(given.calls)
            self._client.counts.api_calls += end.api_calls
            return self._finish(given, end)

    def _count(self, calls: Mapping[str, int]) -> None:
        """Count calls that were made before a wait."""
        for name, number in calls.items():
            setattr(self._client.counts, name, getattr(self._client.counts, name) + number)

    def _recall(self, unfinished: Mapping[str, Any] | None) -> list[ReportTask]:
        """Give the report tasks of use that there are already, and note those that nobody wants any more."""
        if not unfinished:
            known, self._unwanted = self._memory.recall()
        else:
            known, unwanted = (
                list(map(ReportTask.from_list, unfinished[name])) for name in ("report_tasks", "unwanted")
            )
            self._count(unfinished["calls"])
            if unfinished["fingerprint"] != self._fingerprint:
                known, unwanted = [], known + unwanted
            self._unwanted = unwanted
        self._created = self._at_work.tasks = known
        return known

    def _take_over(self, creation: TaskCreation, known: list[ReportTask]) -> dict[str, TaskState]:
        """Give the creation the tasks that there are, and cancel what nobody wants any more."""
        states: dict[str, TaskState] = {}
        unwanted = [*self._unwanted, *(one for one in known if not creation.needs(one))]
        for one in known:
            if not creation.needs(one):
                continue
            if (state := still_good(self._client, one)) is not None:
                states[one.report_task_id] = state
                creation.take_over([one])
                self._task.log.info("Took over %s from an earlier attempt; it is %s.", one, state.status)
        self._created = self._at_work.tasks = creation.tasks
        if self._task.cancel_on_kill:
            good = ((one, still_good(self._client, one)) for one in unwanted)
            self._cancel([one for one, state in good if state and state.status in RUNNING])
        self._unwanted = ()
        return states

    def _create(self, creation: TaskCreation) -> None:
        for tasks in creation.create():
            self._created = self._at_work.tasks = tasks
            self._memory.remember(tasks)
            # a kill that came while TikTok answered knew nothing of this one
            if self._client.stop.is_set():
                if self._task.cancel_on_kill:
                    self._at_work.cancel()
                self._task.check_stopped()

    def _deadlines(self) -> dict[str, float]:
        """Say until when the report tasks are waited for, as seconds since the epoch.

        In a worker Airflow itself ends a task in time; in the triggerer nobody does. A wait for TikTok's quota counts
        towards ``execution_timeout``, and not towards ``wait_timeout``, which is for TikTok's work at the report.
        """
        deadlines = {"wait_timeout": clock.time() + seconds(self._task.wait_timeout)}
        limit = self._task.execution_timeout
        if self._task.deferrable and limit is not None:
            deadlines["execution_timeout"] = self._began + limit.total_seconds()
        return deadlines

    def _defer(self, submission: Submission, deadlines: dict[str, float]) -> None:
        from airflow_provider_tiktok.triggers.report import TikTokReportTrigger

        task = self._task
        poll_interval = seconds(task.poll_interval)
        left = timedelta(seconds=max(0.0, min(deadlines.values()) - clock.time()) + 2 * poll_interval)
        task.defer(
            trigger=TikTokReportTrigger(
                tiktok_conn_id=task.tiktok_conn_id or TikTokHook.default_conn_name,
                report_tasks=[one.as_list() for one in submission.tasks],
                poll_interval=poll_interval,
                deadlines=deadlines,
                stop_at_failure=task.on_advertiser_error == "fail",
                cancel_on_kill=task.cancel_on_kill,
                fire_after=clock.time() + _AT_LEAST,
                submission=submission.as_dict(),
            ),
            method_name="execute_complete",
            timeout=left + _BACKSTOP,
        )

    def _wait(self, submission: Submission, deadlines: Mapping[str, float]) -> WatchEnd:
        """Wait in this worker; a kill ends the wait at once."""
        watch = self._at_work.watch = TaskWatch(
            submission.tasks,
            poll_interval=seconds(self._task.poll_interval),
            deadlines=deadlines,
            stop_at_failure=self._task.on_advertiser_error == "fail",
        )
        while (end := watch.poll(self._client)) is None:
            self._client.pause(watch.pause())
        return end

    def _finish(self, submission: Submission, end: WatchEnd) -> dict[str, Any]:
        """Fetch what the report tasks made, and publish it."""
        self._check(submission, end)
        output = self._task.open_output(self._request)
        try:
            fetch = FileSource(
                self._client,
                submission.plan(self._request),
                submission.tasks,
                end.states,
                refused=submission.refused,
                poll_interval=seconds(self._task.poll_interval),
                deadlines=submission.deadlines or self._deadlines(),
                encode=output.encode,
                on_advertiser_error=self._task.on_advertiser_error,
                reconciliation=self._reconciliation,
            )
            try:
                _fetch(self._task, fetch, output)
            finally:
                if fetch.unusable:
                    self._keep([one for one in submission.tasks if one not in fetch.unusable])
            self._task.check_stopped()
            return _publish(self._task, self._context, fetch, output, self._client.counts, hook=self._hook)
        finally:
            output.discard()

    def _check(self, submission: Submission, end: WatchEnd) -> None:
        """Raise what keeps the report from being fetched; cancel what is not wanted any more then."""
        running = _in_state(submission.tasks, end.states, *RUNNING)
        done = _in_state(submission.tasks, end.states, SUCCESS)
        failed = [one for one in submission.tasks if one not in running and one not in done]
        self._at_work.tasks, self._at_work.watch = running, None
        if end.status == ERROR:
            raise _watch_error(end)
        given_up = end.status == TIMEOUT or (failed and self._task.on_advertiser_error == "fail")
        if not given_up:
            return
        self._cancel(running)
        self._at_work.tasks = ()
        self._keep(done)
        if failed and end.status == DONE:
            raise task_error(failed[0], end.states[failed[0].report_task_id])
        raise _retryable(
            f"{end.message}, so they were cancelled. Large reports take TikTok long: allow more time, or ask for fewer "
            "days or accounts at once."
        )

    def _cancel(self, tasks: Sequence[ReportTask]) -> None:
        stop_tasks(self._client.credentials, tasks)

    def _keep(self, tasks: Sequence[ReportTask]) -> None:
        """Leave only these to a later attempt."""
        if tasks:
            self._memory.remember(tasks)
        else:
            self._memory.forget()

    @contextmanager
    def _waiting_elsewhere(self) -> Iterator[None]:
        """Free the worker while TikTok takes no calls; the report tasks go on at TikTok's.

        A kill amid that wait cancels none of them, for TikTok would not take that call either.
        """
        try:
            yield
        except TikTokRateLimitError as error:
            unfinished = {
                "began": self._began,
                "report_tasks": [one.as_list() for one in self._created],
                "unwanted": [one.as_list() for one in self._unwanted],
                "fingerprint": self._fingerprint,
                "calls": dict(vars(self._client.counts)),
            }
            wait_elsewhere(self._task, error, unfinished)
            raise

    @contextmanager
    def _cleaning_up(self) -> Iterator[None]:
        """Leave nothing behind that nobody will fetch: neither report tasks at TikTok's nor what Airflow remembers."""
        try:
            with self._waiting_elsewhere():
                yield
        except TikTokStoppedError:
            raise  # whoever killed the task has had them cancelled, or wanted them to go on
        except TikTokError as error:
            if not (error.retryable and self._memory.serves_a_retry):
                self._cancel(self._at_work.running)
                self._memory.forget()
            raise
        except AirflowSkipException:
            self._memory.forget()
            raise
        else:
            self._memory.forget()


def seconds(value: float | timedelta) -> float:
    """Read a time that may be given as a number or as a ``timedelta``."""
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _in_state(tasks: Sequence[ReportTask], states: Mapping[str, TaskState], *wanted: str) -> list[ReportTask]:
    """Give the tasks with one of these statuses; those of which nothing is known are queuing."""
    unknown = TaskState(QUEUING)
    return [one for one in tasks if states.get(one.report_task_id, unknown).status in wanted]


def _is_end(event: Any) -> bool:
    """Say whether an event is the trigger's."""
    return (
        isinstance(event, Mapping)
        and event.get("status") in {DONE, TIMEOUT, ERROR}
        and bool(event.get("submission"))
    )


def _watch_error(end: WatchEnd) -> TikTokError:
    """Give the error that ended a watch, as what it was."""
    if end.code is None:
        error: TikTokError = TikTokReportTaskError(end.message)
        error.retryable = end.retryable
        return error
    return look_up(end.code).error(
        end.message, code=end.code, request_id=end.request_id, retryable=end.retryable
    )


def _retryable(text: str) -> TikTokReportTaskError:
    error = TikTokReportTaskError(text)
    error.retryable = True
    return error
