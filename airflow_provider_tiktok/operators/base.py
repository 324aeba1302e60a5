"""What all operators of this package have in common: connection, stop, and how an error ends a task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok._compat import AirflowSkipException, BaseOperator

if TYPE_CHECKING:
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook
    from airflow_provider_tiktok.operators._outputs.base import TableOptions
    from airflow_provider_tiktok.operators._run.outcome import Deferred, Finished
    from airflow_provider_tiktok.reports.planning.plan import Plan


class LazyLinks:
    """The links of :mod:`airflow_provider_tiktok.links`, loaded when they are first looked at."""

    def __iter__(self) -> Iterator[Any]:
        from airflow_provider_tiktok.links import LINKS

        return iter(LINKS)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, link: object) -> bool:
        return any(link == one for one in self)


class GivenParameters:
    """Remembers what the DAG gave for each templated parameter, which rendering replaces.

    That Airflow copies an operator, or makes one of a mapped operator, changes nothing: what was given is set before it
    is rendered.
    """

    template_fields: Sequence[str]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if value is not None and name in self.template_fields:
            vars(self).setdefault("_given", {}).setdefault(name, value)

    def check_rendered(self) -> None:
        """Compare what was given with what it rendered to.

        :raises TikTokInvalidRequestError: a given parameter rendered to ``None``.
        """
        from airflow_provider_tiktok._compat_late import mapped_sources
        from airflow_provider_tiktok.operators._run.rendered import check_rendered

        check_rendered(
            {**vars(self).get("_given", {}), **mapped_sources(self)},
            {name: getattr(self, name, None) for name in self.template_fields},
        )


class TikTokBaseOperator(GivenParameters, BaseOperator):
    """Does its work with a hook that a kill of the task stops.

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
        self._result: Any = None  # of the last attempt
        # what links may use next to the fields; a run fills it, and Airflow 3 asks the same object afterwards
        self.link_facts: dict[str, Any] = {}

    def execute(self, context: Any) -> Any:
        """Do the work."""
        return self.attempt(lambda hook: self.run_with(hook, context))

    def attempt(self, work: Callable[[TikTokHook], Finished | Deferred]) -> Any:
        """Do work with a hook that a kill stops, and end or defer the task as it says.

        :return: the work's result.
        :raises AirflowFailException: an error can't pass by itself, and ``fail_fast`` is set.
        """
        from airflow_provider_tiktok.operators._run.outcome import Deferred
        from airflow_provider_tiktok.operators._run.session import logged_errors, open_hook  # loads requests

        self._stop = threading.Event()
        self.link_facts, self._result = {}, None
        with (
            logged_errors(self.log),
            open_hook(self.tiktok_conn_id, self._stop, fail_fast=self.fail_fast) as hook,
        ):
            self.check_rendered()
            outcome = work(hook)
        if isinstance(outcome, Deferred):
            self.defer(
                trigger=outcome.trigger,
                method_name=outcome.method_name,
                kwargs=outcome.kwargs,
                timeout=outcome.timeout,
            )
        else:
            self._result = outcome.result
            if outcome.skip_reason:
                raise AirflowSkipException(outcome.skip_reason)
        return self._result

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Resume after a deferral, with a new object; let links know what came of it."""
        result = super().resume_execution(next_method, next_kwargs, context)
        if isinstance(result, dict):
            self.link_facts = {**self.link_facts, **result}
        return result

    def run_with(self, hook: TikTokHook, context: Any) -> Finished | Deferred:
        """Do the operator's work."""
        raise NotImplementedError

    def on_kill(self) -> None:
        """End every wait, so that a killed task stops at once."""
        if self._stop is not None:
            self._stop.set()


class RowsOperator(TikTokBaseOperator):
    """Writes TikTok's rows to XCom, storage or a table.

    :param output_path: as the operator's.
    """

    operator_extra_links = LazyLinks()
    output_path: Any
    overwrite_rtif_after_execution = True  # Airflow 3 stores the rendered fields again when the task ends

    def note_plan(self, plan: Plan) -> None:
        """Show in the task's links and rendered fields what a plan has decided."""
        self.link_facts.update(plan.facts())
        # a field of its own, next to what the DAG gave: an operator that runs again reads that. It is no parameter, so the
        # class doesn't have it, and it isn't given, as what __setattr__ sees is
        fields = (*type(self).template_fields, "decided")
        self.__dict__.update(decided=plan.decided(), template_fields=fields)

    def run_with(
        self, hook: TikTokHook, context: Any, unfinished: Mapping[str, Any] | None = None
    ) -> Finished | Deferred:
        """Fetch and publish the rows.

        :param unfinished: what :meth:`go_on` was given.
        """
        raise NotImplementedError

    def go_on(self, context: Any, event: Any = None, unfinished: Mapping[str, Any] | None = None) -> Any:
        """Resume after a wait for TikTok's quota, with the rows that were saved or the report tasks that were created.

        :param event: the trigger's; it says nothing but that the time has come.
        :param unfinished: what there was when the wait began: since when, and in async mode the report tasks.
        :return: the summary.
        """
        return self.attempt(lambda hook: self.run_with(hook, context, unfinished))

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what the task wrote to OpenLineage, where it is installed; calls no one."""
        from airflow_provider_tiktok.operators._run.lineage import openlineage_facets

        return openlineage_facets(self.output_path, self._result)


OF_FILES = frozenset(
    {"output_path", "output_format", "output_conn_id", "partition_by", "max_xcom_bytes", "restatement"}
)
"""Parameters of operators that a table has no use for."""


def refuse_file_options(given: Iterable[str], other: str) -> None:
    """Refuse parameters about files or XCom, where rows go into a table.

    :param other: the operator that takes them.
    :raises ValueError: names the parameter.
    """
    if foreign := OF_FILES.intersection(given):
        raise ValueError(
            f"`{min(foreign)}` is about files or XCom, and these rows go into a table. Leave it out, or use {other}."
        )


def read_table(operator: Any) -> TableOptions:
    """Return the table that an operator's rows go to."""
    from airflow_provider_tiktok.operators._outputs.base import TableOptions

    return TableOptions(
        operator.sql_conn_id, operator.table, operator.create_table, operator.add_columns, operator.batch_size
    )


def check_table(operator: Any) -> None:
    """Refuse options about a table that no run could use, when a DAG file makes the operator.

    :raises ValueError: names the option.
    """
    from airflow_provider_tiktok.operators._run.checks import check_count, check_switch

    check_switch("create_table", operator.create_table)
    check_switch("add_columns", operator.add_columns)
    check_count("batch_size", operator.batch_size)
