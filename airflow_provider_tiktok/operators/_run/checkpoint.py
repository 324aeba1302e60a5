"""The rows of finished windows, kept beside the output, so that a retry need not fetch them again.

They stand in the folder ``_tiktok_unfinished`` at the output, which every worker reaches, under the name of the task
instance. Only a retry takes them, or the same attempt after it has waited in the triggerer; a cleared task begins anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok import __version__, clock
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.operators._run.task_instance import is_retry, life_of, may_retry, task_of
from airflow_provider_tiktok.reports.fetch.snapshot import fingerprint, restore, snapshot

if TYPE_CHECKING:
    from airflow_provider_tiktok.api.client import TikTokClient
    from airflow_provider_tiktok.operators._outputs.files import Output
    from airflow_provider_tiktok.operators.report import TikTokReportOperator
    from airflow_provider_tiktok.reports.fetch.source import FetchResult, Position, RowSource
    from airflow_provider_tiktok.reports.planning.plan import ReportPlan
    from airflow_provider_tiktok.storage.checkpoint import Checkpoint

log = logging.getLogger(__name__)

_MAX_AGE = 24 * 3600
"""Seconds after which kept rows are fetched anew: TikTok's figures have changed by then."""


class KeptRows:
    """Keeps rows for another attempt, where one may come and can find them; else it does nothing.

    :param task: the operator, with its templates rendered.
    :param context: Airflow's context; may be empty.
    :param plan: of the report.
    :param output: where its rows go.
    :param client: whose calls they are of; its counts get those of the attempt before.
    :param goes_on: whether this attempt has waited in the triggerer, and kept its own rows.
    """

    def __init__(
        self,
        task: TikTokReportOperator,
        context: Any,
        plan: ReportPlan,
        output: Output,
        client: TikTokClient,
        *,
        goes_on: bool = False,
    ) -> None:
        self.begin_at: tuple[Position, FetchResult] | None = None
        self._client = client
        self._counts = client.counts
        self._started_at = clock.time()
        self._windows = 0
        # the last attempt takes rows over, and has nobody to keep them for
        self._keeps = task.deferrable or may_retry(context)
        wanted = task.durable and (self._keeps or is_retry(context))
        self._checkpoint = self._open(task, context, plan, output) if wanted else None
        if self._checkpoint is None:
            return
        # a first attempt finds rows where a run was deleted and made again under the same name
        if (state := self._checkpoint.load()) is not None and (goes_on or is_retry(context)):
            self._take_over(state, len(plan.windows))
        elif state is not None:
            self._checkpoint.restart()

    def pass_on(self, fetch: RowSource, output: Output) -> None:
        """Give the output the rows of the attempt before.

        :raises TikTokIncompleteReportError: they are not as many as that attempt passed on; the next one starts anew.
        """
        if self._checkpoint is None or self.begin_at is None:
            return
        count, wanted = 0, self.begin_at[0].row_count
        for batch in self._checkpoint.rows():
            count += len(batch)
            output.write(fetch, batch)
        if count != wanted:
            self._checkpoint.discard()
            self._checkpoint = None
            raise TikTokIncompleteReportError(
                f"An earlier attempt has kept {wanted:,} rows, of which {count:,} are there. They are thrown away; run the "
                "task again, which fetches all of them.",
                retryable=True,
            )

    def note(self, fetch: RowSource, batch: Sequence[Any] = ()) -> None:
        """Keep a batch, which has just come. What came before it is whole windows, if the fetch's position has moved."""
        if self._checkpoint is None or not self._keeps:
            return
        if fetch.position.windows != self._windows:
            self._windows = fetch.position.windows
            self._checkpoint.set_resume_point(lambda: self._state(fetch))
        self._checkpoint.add(batch)

    def save(self, fetch: RowSource) -> None:
        """Leave to the next attempt what is whole, if there is one."""
        if not self._keeps:
            self.discard()
        elif self._checkpoint is not None:
            self.note(fetch)
            self._checkpoint.save(self._state(fetch))  # with the calls since the last resume point

    def discard(self) -> None:
        """Leave nothing."""
        if self._checkpoint is not None:
            self._checkpoint.discard()

    def close(self) -> None:
        """Let go of what is local."""
        if self._checkpoint is not None:
            self._checkpoint.close()

    def _open(
        self, task: TikTokReportOperator, context: Any, plan: ReportPlan, output: Output
    ) -> Checkpoint | None:
        names = task_of(context)
        if names is None or not hasattr(output, "checkpoint"):
            return None
        name = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:24]
        identity = {
            "task": names,
            "life": life_of(context),
            "plan": fingerprint(plan, self._client.credentials),
            "package": __version__,
            "policy": [task.on_advertiser_error, task.drop_invalid_metrics, task.reconcile],
        }
        checkpoint: Checkpoint = output.checkpoint(name, identity)
        return checkpoint

    def _take_over(self, state: Any, windows: int) -> None:
        assert self._checkpoint is not None  # noqa: S101 - it gave the state
        with suppress(KeyError, TypeError, ValueError):
            age = clock.time() - float(state["started_at"])
            if 0 <= age <= _MAX_AGE:
                position, result = restore(state)
                for name, number in state["calls"].items():
                    setattr(self._counts, name, getattr(self._counts, name) + int(number))
                self.begin_at = (position, result)
                self._windows = position.windows
                self._started_at = float(state["started_at"])
                log.info(
                    "Going on after %d of %d window(s), whose %s rows an earlier attempt has kept.",
                    position.windows,
                    windows,
                    f"{position.row_count:,}",
                )
                return
        self._checkpoint.restart()

    def _state(self, fetch: RowSource) -> dict[str, Any]:
        return {**snapshot(fetch), "calls": asdict(self._counts), "started_at": self._started_at}
