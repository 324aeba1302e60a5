"""What surrounds the work of operators and sensors: a hook that is closed, and errors that are logged."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.exceptions import TikTokError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook

log = logging.getLogger(__name__)

_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z`])|\n+")


@contextmanager
def open_hook(conn_id: str | None, stop: threading.Event, *, fail_fast: bool) -> Iterator[TikTokHook]:
    """Return a hook for the length of a ``with`` block.

    :param conn_id: the Airflow connection; the default one where it is empty.
    :param stop: ends every wait of the hook's calls.
    :param fail_fast: turn an error that can't pass by itself into one that Airflow doesn't retry.
    """
    try:
        with closing(TikTokHook(conn_id or TikTokHook.default_conn_name, stop=stop)) as hook:
            yield hook
    except TikTokError as error:
        if fail_fast and not error.retryable:
            # its text says all; where in this package it was raised helps no one who reads the log
            log.debug("Raised here", exc_info=error)
            raise _final(error) from error.with_traceback(None)
        raise


@contextmanager
def logged_errors(task_log: Any) -> Iterator[None]:
    """Log an error sentence by sentence, since Airflow's UI cuts a long line off at the right."""
    try:
        yield
    except (TikTokError, AirflowFailException) as error:
        for sentence in _SENTENCE_END.split(str(error)):
            task_log.error("%s", sentence)
        raise


class _FinalError(AirflowFailException):
    """An error that Airflow doesn't retry."""

    def __reduce__(self) -> tuple[Any, ...]:
        return AirflowFailException, (str(self),)  # a class that is made at run time can't be pickled


def _final(error: TikTokError) -> AirflowFailException:
    """Return an error that Airflow doesn't retry, and which ``except TikTokAuthError`` around ``execute`` still catches.

    Code that runs an operator itself, such as a test of a DAG, catches this package's own classes.
    """
    bases = (_FinalError, type(error))
    final_class = type(AirflowFailException.__name__, bases, {"__module__": AirflowFailException.__module__})
    final: AirflowFailException = final_class.__new__(final_class, *error.args)
    vars(final).update(vars(error))
    return final
