"""What surrounds the work of operators and sensors: a hook that is closed, and errors told to the task log."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.exceptions import TikTokError, TikTokStoppedError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._run.rendered import check_rendered

log = logging.getLogger(__name__)

_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z`])|\n+")


@contextmanager
def open_hook(task: Any, stop: threading.Event) -> Iterator[TikTokHook]:
    """Give a hook for the length of a ``with`` block, once the task's templates have rendered to something.

    With the task's ``fail_fast``, an error that can't pass by itself becomes one that Airflow doesn't retry.

    :param task: the operator or sensor; its ``tiktok_conn_id`` is the default one where it is empty.
    :param stop: ends every wait of the hook's calls.
    :raises TikTokInvalidRequestError: a templated parameter rendered to ``None``.
    """
    try:
        check_rendered(task)
        with closing(TikTokHook(task.tiktok_conn_id or TikTokHook.default_conn_name, stop=stop)) as hook:
            yield hook
    except TikTokError as error:
        if task.fail_fast and not error.retryable:
            # its sentence says all; where in this package it was raised helps nobody who reads the log
            log.debug("Raised here", exc_info=error)
            raise _final(error) from error.with_traceback(None)
        raise


def _final(error: TikTokError) -> AirflowFailException:
    """Give an error as one that Airflow doesn't retry, and which is still of its own class as well."""
    final = _final_kind(type(error))(*error.args)  # type: ignore[arg-type]
    vars(final).update(vars(error))
    return final


@cache
def _final_kind(kind: type[TikTokError]) -> type[Any]:
    def __init__(self: Any, *args: Any) -> None:  # noqa: N807 - the class's own would want more than its text
        Exception.__init__(self, *args)

    def __reduce__(self: Any) -> tuple[Any, ...]:  # noqa: N807 - this class is in no module
        return AirflowFailException, (str(self),)

    own = {"__init__": __init__, "__reduce__": __reduce__, "__module__": AirflowFailException.__module__}
    return type(AirflowFailException.__name__, (AirflowFailException, kind), own)


def do_work(task: Any, stop: threading.Event, work: Callable[[TikTokHook], Any]) -> Any:
    """Do an operator's work with a hook, and tell an error sentence by sentence."""
    try:
        with open_hook(task, stop) as hook:
            return work(hook)
    except (TikTokError, AirflowFailException) as error:
        for sentence in _SENTENCE_END.split(str(error)):  # the UI cuts a long line off at the right
            task.log.error("%s", sentence)  # noqa: TRY400 - Airflow logs the traceback
        raise


def raise_stopped() -> None:
    """Say that the task was killed.

    :raises TikTokStoppedError: always.
    """
    raise TikTokStoppedError("The task was stopped before its result was published; nothing is changed.")
