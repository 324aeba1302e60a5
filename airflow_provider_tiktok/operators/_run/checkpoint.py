"""A checkpoint next to the output: the rows of the request windows that are complete, which a retry need not fetch again.

It is in the folder ``_tiktok_unfinished`` at the output, which every worker reaches, under the name of the task
instance. Only a retry resumes from it, or the same attempt after it has waited in the triggerer; a cleared task starts
from scratch.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from typing import Any

from airflow_provider_tiktok import __version__, clock
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.exceptions import TikTokError, TikTokIncompleteReportError
from airflow_provider_tiktok.fingerprint import fingerprint_of
from airflow_provider_tiktok.operators._outputs.base import Output
from airflow_provider_tiktok.operators._run.options import RunOptions
from airflow_provider_tiktok.operators._run.task_instance import (
    generation_of,
    is_retry,
    may_retry,
    task_instance_key,
)
from airflow_provider_tiktok.reports.fetch.snapshot import fingerprint, restore, snapshot
from airflow_provider_tiktok.reports.fetch.source import FetchResult, Position, RowSource
from airflow_provider_tiktok.reports.planning.plan import Plan
from airflow_provider_tiktok.storage.checkpoint import Checkpoint

log = logging.getLogger(__name__)

_MAX_AGE = 24 * 3600
"""Seconds after which rows are fetched again: TikTok's figures have changed by then."""


class RunCheckpoint:
    """Saves rows for another attempt, where one may come and can find them; else it does nothing.

    :param options: of the run.
    :param context: Airflow's context; may be empty.
    :param plan: of the report.
    :param output: where its rows go.
    :param client: which makes the calls; its counts get those of the attempt before.
    :param resumed: whether this attempt has waited in the triggerer, and saved its own rows.

    ``started_at`` is when the first of these rows were asked for, as Unix timestamp: by this attempt, or by the one before
    whose rows it resumes with.
    """

    def __init__(
        self,
        options: RunOptions,
        context: Any,
        plan: Plan,
        output: Output,
        client: TikTokClient,
        *,
        resumed: bool = False,
    ) -> None:
        self.resume_from: tuple[Position, FetchResult] | None = None
        self._fail_fast = options.fail_fast
        self._client = client
        self._counts = client.counts
        self.started_at = clock.time()
        self._windows = 0
        # the last attempt resumes from a checkpoint, and has no one to save one for
        self._saves = options.deferrable or may_retry(context)
        wanted = options.durable and (self._saves or is_retry(context))
        self._storage = self._open(options, context, plan, output) if wanted else None
        if self._storage is None:
            return
        # a first attempt finds rows where a run was deleted and made again under the same name
        if (state := self._storage.load()) is not None and (resumed or is_retry(context)):
            self._resume(state, len(plan.windows))
        elif state is not None:
            self._storage.restart()

    def batches(self, source: RowSource) -> Generator[Sequence[Any], None, None]:
        """Return the rows of the attempt before, then those of a source, which are saved on the way.

        :raises TikTokIncompleteReportError: that attempt saved more rows than are there; the next one starts from scratch.
        """
        if self._storage is None:
            yield from source.batches()
            return
        if self.resume_from is not None:
            yield from self._saved_rows(self._storage, self.resume_from[0].row_count)
        with closing(source.batches()) as batches:
            for batch in batches:
                self._add(source, batch)
                yield batch
        self._add(source)

    @contextmanager
    def saved_on_error(self, source: RowSource) -> Iterator[None]:
        """Leave the rows of complete windows to another attempt where one will come, and else nothing."""
        try:
            yield
        except Exception as error:
            if isinstance(error, TikTokError) and not error.retryable and self._fail_fast:
                self._discard()
            else:
                self._save(source)
            raise
        self._discard()

    def close(self) -> None:
        """Free what is local."""
        if self._storage is not None:
            self._storage.close()

    def _open(self, options: RunOptions, context: Any, plan: Plan, output: Output) -> Checkpoint | None:
        names = task_instance_key(context)
        if names is None:
            return None
        name = fingerprint_of(names, 24)
        identity = {
            "task": names,
            "life": generation_of(context),
            "plan": fingerprint(plan, self._client.credentials),
            "package": __version__,
            "policy": options.policy,
        }
        return output.checkpoint(name, identity)

    def _resume(self, state: Mapping[str, Any], windows: int) -> None:
        assert self._storage is not None  # noqa: S101 - it returned the state
        with suppress(KeyError, TypeError, ValueError):
            age = clock.time() - float(state["started_at"])
            if 0 <= age <= _MAX_AGE:
                position, result = restore(state)
                self._counts.add(state["calls"])
                self.resume_from = (position, result)
                self._windows = position.windows
                self.started_at = float(state["started_at"])
                log.info(
                    "Resuming after %d of %d window(s), whose %s rows an earlier attempt has saved.",
                    position.windows,
                    windows,
                    f"{position.row_count:,}",
                )
                return
        self._storage.restart()

    def _saved_rows(self, storage: Checkpoint, expected: int) -> Iterator[Sequence[Any]]:
        count = 0
        for batch in storage.rows():
            count += len(batch)
            yield batch
        if count != expected:
            storage.discard()
            storage.close()
            self._storage = None
            raise TikTokIncompleteReportError(
                f"An earlier attempt has saved {expected:,} rows, of which {count:,} are there. They are discarded; run "
                "the task again, which fetches all of them."
            )

    def _add(self, source: RowSource, batch: Sequence[Any] = ()) -> None:
        """Add a batch, which has just come. What came before it is complete windows if the source's position has moved."""
        if self._storage is None or not self._saves:
            return
        if source.position.windows != self._windows:
            self._windows = source.position.windows
            self._storage.set_resume_point(lambda: self._state(source))
        self._storage.add(batch)

    def _save(self, source: RowSource) -> None:
        """Leave the rows of complete windows to the next attempt, if there is one."""
        if not self._saves:
            self._discard()
        elif self._storage is not None:
            self._add(source)
            self._storage.save(self._state(source))  # with the calls since the last resume point

    def _discard(self) -> None:
        if self._storage is not None:
            self._storage.discard()

    def _state(self, source: RowSource) -> dict[str, Any]:
        return {**snapshot(source), "calls": asdict(self._counts), "started_at": self.started_at}
