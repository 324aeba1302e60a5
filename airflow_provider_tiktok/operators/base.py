"""What all operators of this package have in common: connection, stop, and how an error ends a task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok._compat import BaseOperator

if TYPE_CHECKING:
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook


class LazyLinks:
    """The links of :mod:`airflow_provider_tiktok.links`, loaded by whoever looks at them first."""

    def __iter__(self) -> Iterator[Any]:
        from airflow_provider_tiktok.links import LINKS

        return iter(LINKS)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, link: object) -> bool:
        return any(link == one for one in self)


class GivenParameters:
    """Remembers what the DAG gave for each templated parameter, which rendering replaces.

    :func:`~airflow_provider_tiktok.operators._run.rendered.check_rendered` compares the two. That Airflow copies an
    operator, or makes one of a mapped operator, changes nothing: what was given is set before it is rendered.
    """

    template_fields: Sequence[str]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if value is not None and name in self.template_fields:
            vars(self).setdefault("_given", {}).setdefault(name, value)


class TikTokBaseOperator(GivenParameters, BaseOperator):
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
        # what links may use beside the fields; execute fills it, and Airflow 3 asks the same object afterwards
        self.link_facts: dict[str, Any] = {}

    def execute(self, context: Any) -> Any:
        """Do the work; turn an error that can't pass by itself into one that Airflow doesn't retry."""
        return self.with_hook(lambda hook: self.run_with(hook, context))

    def with_hook(self, work: Callable[[TikTokHook], Any]) -> Any:
        """Do work with a hook that a kill stops."""
        from airflow_provider_tiktok.operators._run.session import do_work  # loads requests

        self._stop = threading.Event()
        return do_work(self, self._stop, work)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Go on after a deferral, with a new object; let links know what came of it."""
        result = super().resume_execution(next_method, next_kwargs, context)
        if isinstance(result, dict):
            self.link_facts = {**self.link_facts, **result}
        return result

    def run_with(self, hook: TikTokHook, context: Any) -> Any:
        """Do the operator's work."""
        raise NotImplementedError

    def on_kill(self) -> None:
        """End every wait, so that a killed task stops at once."""
        if self._stop is not None:
            self._stop.set()

    def check_stopped(self) -> None:
        """Raise :class:`~airflow_provider_tiktok.exceptions.TikTokStoppedError` when the task was killed in the meantime."""
        if self._stop is not None and self._stop.is_set():
            from airflow_provider_tiktok.operators._run.session import raise_stopped

            raise_stopped()
