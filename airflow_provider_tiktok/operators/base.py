"""What all operators of this package have in common: connection, stop, and how an error ends a task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok._compat import AirflowFailException, BaseOperator
from airflow_provider_tiktok.exceptions import TikTokError, TikTokStoppedError

if TYPE_CHECKING:
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook


@contextmanager
def open_hook(tiktok_conn_id: str | None, stop: threading.Event, *, fail_fast: bool) -> Iterator[TikTokHook]:
    """Give a hook for the length of a ``with`` block.

    :param tiktok_conn_id: the Airflow connection; the default one where a template rendered to nothing.
    :param stop: ends every wait of the hook's calls.
    :param fail_fast: turn an error that can't pass by itself into one that Airflow doesn't retry.
    """
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook  # loads requests

    hook = TikTokHook(tiktok_conn_id or TikTokHook.default_conn_name, stop=stop)
    try:
        yield hook
    except TikTokError as error:
        if fail_fast and not error.retryable:
            raise AirflowFailException(str(error)) from error
        raise
    finally:
        hook.close()


class TikTokBaseOperator(BaseOperator):
    """Runs :meth:`run` with a hook that a kill of the task stops.

    :param tiktok_conn_id: the Airflow connection.
    :param fail_fast: end the task without Airflow's retries when an error can't pass by itself.
    """

    ui_color = "#25f4ee"
    ui_fgcolor = "#000000"

    def __init__(
        self, *, tiktok_conn_id: str = "tiktok_default", fail_fast: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.tiktok_conn_id = tiktok_conn_id
        self.fail_fast = fail_fast
        self._stop: threading.Event | None = None

    def execute(self, context: Any) -> Any:
        """Do the work; turn an error that can't pass by itself into one that Airflow doesn't retry."""
        return self.with_hook(lambda hook: self.run_with(hook, context))

    def with_hook(self, work: Callable[[TikTokHook], Any]) -> Any:
        """Do work with a hook that a kill stops."""
        self._stop = threading.Event()
        with open_hook(self.tiktok_conn_id, self._stop, fail_fast=self.fail_fast) as hook:
            return work(hook)

    def run_with(self, hook: TikTokHook, context: Any) -> Any:
        """Do the operator's work."""
        raise NotImplementedError

    def on_kill(self) -> None:
        """End every wait, so that a killed task stops at once."""
        if self._stop is not None:
            self._stop.set()

    def check_stopped(self) -> None:
        """Raise :class:`TikTokStoppedError` when the task was killed in the meantime."""
        if self._stop is not None and self._stop.is_set():
            raise TikTokStoppedError(
                "The task was stopped before its result was published; nothing is changed."
            )
