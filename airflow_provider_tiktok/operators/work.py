"""What surrounds the work of operators and sensors: a hook that is closed, and errors told to the task log."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.exceptions import TikTokError, TikTokStoppedError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook

log = logging.getLogger(__name__)

_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z`])|\n+")


@contextmanager
def open_hook(tiktok_conn_id: str | None, stop: threading.Event, *, fail_fast: bool) -> Iterator[TikTokHook]:
    """Give a hook for the length of a ``with`` block.

    :param tiktok_conn_id: the Airflow connection; the default one where a template rendered to nothing.
    :param stop: ends every wait of the hook's calls.
    :param fail_fast: turn an error that can't pass by itself into one that Airflow doesn't retry.
    """
    hook = TikTokHook(tiktok_conn_id or TikTokHook.default_conn_name, stop=stop)
    try:
        yield hook
    except TikTokError as error:
        if fail_fast and not error.retryable:
            # its sentence says all; where in this package it was raised helps nobody who reads the log
            log.debug("Raised here", exc_info=error)
            raise _final(error) from error.with_traceback(None)
        raise
    finally:
        hook.close()


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
        with open_hook(task.tiktok_conn_id, stop, fail_fast=task.fail_fast) as hook:
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
