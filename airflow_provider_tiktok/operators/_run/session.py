"""What surrounds the work of operators and sensors: a hook that is closed, and errors that are logged."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.exceptions import TikTokError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook

log = logging.getLogger(__name__)

_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z`])|\n+")


class open_hook(AbstractContextManager[TikTokHook]):  # noqa: N801 - it is called as a function is
    """Open a hook for the length of a ``with`` block, whose errors leave it short.

    The text of an error says all. Where in this package it was raised helps no one who reads a task's log, and fills a
    screen there; it is logged as debug output. The error stays the same object, for callbacks and retry policies.

    :param conn_id: the Airflow connection; the default one where it is empty.
    :param stop: ends every wait of the hook's calls.
    :param fail_fast: turn an error that can't pass by itself into one that Airflow doesn't retry.
    """

    # a generator with @contextmanager would give an error that it raises again its old traceback back

    def __init__(self, conn_id: str | None, stop: threading.Event, *, fail_fast: bool) -> None:
        self._conn_id = conn_id or TikTokHook.default_conn_name
        self._stop = stop
        self._fail_fast = fail_fast

    def __enter__(self) -> TikTokHook:
        self._hook = TikTokHook(self._conn_id, stop=self._stop)
        return self._hook

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hook.close()
        if not isinstance(error, TikTokError):
            return
        log.debug("Raised here", exc_info=error)
        if self._fail_fast and not error.retryable:
            raise _final(error) from error.with_traceback(None)
        raise error.with_traceback(None) from None


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
