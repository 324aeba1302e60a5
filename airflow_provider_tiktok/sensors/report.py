"""The sensor that waits until TikTok has finished with a day's figures."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok._compat import default_deferrable
from airflow_provider_tiktok._compat_late import BaseSensorOperator
from airflow_provider_tiktok.exceptions import TikTokStoppedError
from airflow_provider_tiktok.operators.base import GivenParameters

if TYPE_CHECKING:
    from airflow_provider_tiktok.reports.params.coerce import Filters, Ids, Names

_WORTH_DEFERRING = timedelta(seconds=30)
"""A shorter wait is the worker's. An executor reports a deferred task's process some 5 seconds after the deferral; a
scheduler that has queued the task again by then takes it for killed, and begins another attempt."""


class TikTokReportReadySensor(GivenParameters, BaseSensorOperator):
    """Waits until a report's figures are final for all its accounts.

    They are when the report's last day is over in each account's own time zone, the latency that TikTok
    documents for the slowest of its metrics and dimensions has passed (half an hour for most, 16 hours for
    reach), and TikTok's daily correction has run, at 12:00 UTC. Conversions go on changing for up to 28 days
    where an attribution window says so: ``lookback_days`` of the report reads those days again.

    .. code-block:: python

        report = {"preset": "ad_daily", "advertiser_ids": "*"}
        TikTokReportReadySensor(task_id="ready", deferrable=True, **report) >> TikTokReportOperator(
            task_id="report", output_path="s3://lake/tiktok/ads/", **report
        )

    TikTok is asked for no more than the accounts' time zones: the time follows from the calendar. With
    ``deferrable`` no worker waits for it. Parameters of
    :class:`~airflow_provider_tiktok.operators.report.TikTokReportOperator` mean the same here.

    :param tiktok_conn_id: the Airflow connection. (templated)
    :param advertiser_ids: as the report's; the latest account decides. (templated)
    :param exclude_advertiser_ids: as the report's. (templated)
    :param preset: as the report's. (templated)
    :param report_type: as the report's. (templated)
    :param data_level: as the report's. (templated)
    :param dimensions: as the report's. (templated)
    :param metrics: as the report's. (templated)
    :param filters: as the report's. (templated)
    :param request_params: as the report's. (templated)
    :param report_start_date: as the report's; without ``report_end_date`` it is the day. (templated)
    :param report_end_date: the day to wait for, which may lie in the future; if neither is given it is the
        last day of the run's data interval or, where that has no length, each account's last complete day
        before the run. (templated)
    :param correction: wait for TikTok's daily correction, too.
    :param fail_fast: end the task without Airflow's retries when an error can't pass by itself.
    :param deferrable: wait in the triggerer; Airflow's ``operators.default_deferrable`` if not given.
    :param kwargs: ``timeout`` and the others of Airflow's sensors; ``poke_interval`` means nothing, for
        the time is known.
    :return: the time from which on the figures are final, in UTC, as ISO 8601 text.
    """

    template_fields: Sequence[str] = (
        "tiktok_conn_id",
        "advertiser_ids",
        "exclude_advertiser_ids",
        "preset",
        "report_type",
        "data_level",
        "dimensions",
        "metrics",
        "filters",
        "request_params",
        "report_start_date",
        "report_end_date",
    )
    template_fields_renderers = dict.fromkeys(
        ("advertiser_ids", "exclude_advertiser_ids", "dimensions", "metrics", "filters", "request_params"),
        "json",
    )
    ui_color = "#25f4ee"
    ui_fgcolor = "#000000"

    def __init__(
        self,
        *,
        tiktok_conn_id: str = "tiktok_default",
        advertiser_ids: Ids | None = None,
        exclude_advertiser_ids: Ids | None = None,
        preset: str | None = None,
        report_type: str | None = None,
        data_level: str | None = None,
        dimensions: Names | None = None,
        metrics: Names | None = None,
        filters: Filters | None = None,
        request_params: str | Mapping[str, Any] | None = None,
        report_start_date: Any = None,
        report_end_date: Any = None,
        correction: bool = True,
        fail_fast: bool = True,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tiktok_conn_id = tiktok_conn_id
        self.advertiser_ids = advertiser_ids
        self.exclude_advertiser_ids = exclude_advertiser_ids
        self.preset = preset
        self.report_type = report_type
        self.data_level = data_level
        self.dimensions = dimensions
        self.metrics = metrics
        self.filters = filters
        self.request_params = request_params
        self.report_start_date = report_start_date
        self.report_end_date = report_end_date
        self.correction = correction
        self.fail_fast = fail_fast
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        for name in ("correction", "fail_fast", "deferrable"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"`{name}` must be True or False, not {getattr(self, name)!r}.")
        self._stop: threading.Event | None = None  # made where it is used: Airflow copies tasks
        self._final_time: datetime | None = None

    def execute(self, context: Any) -> Any:
        """Wait in the triggerer, or as Airflow's sensors do."""
        self._stop = threading.Event()
        time = self._find_final_time(context) if self.deferrable else _now()
        if min(time - _now(), timedelta(seconds=self.timeout)) > _WORTH_DEFERRING:
            from airflow_provider_tiktok._compat_late import time_trigger

            self.defer(
                trigger=time_trigger(time),
                method_name="execute_complete",
                kwargs={"moment": time.isoformat()},
                timeout=timedelta(seconds=self.timeout),
            )
        super().execute(context)
        return self._end()

    def execute_complete(self, context: Any, event: Any = None, moment: str = "") -> str:
        """End the task, once the triggerer says that the time has come.

        :param moment: the time, under the name that deferred tasks have stored.
        """
        self._final_time = datetime.fromisoformat(moment)
        return self._end()

    def poke(self, context: Any) -> bool:
        """Return whether the time has come; a worker that has to wait does so here, where a kill ends it."""
        left = (self._find_final_time(context) - _now()).total_seconds()
        waits = left > 0 and not self.reschedule
        if waits and self._stop is not None and clock.wait(self._stop, min(left, self.timeout + 1)):
            raise TikTokStoppedError("The task was stopped while it waited.")
        return self._find_final_time(context) <= _now()

    def on_kill(self) -> None:
        """End the wait, so that a killed task stops at once."""
        if self._stop is not None:
            self._stop.set()

    def _get_next_poke_interval(self, started_at: Any, run_duration: Any, poke_count: int) -> float:
        """Return the seconds until the time, or until the sensor times out: nothing happens before."""
        left: float = (self._final_time - _now()).total_seconds() if self._final_time else self.poke_interval
        return float(max(0.0, min(left, self.timeout + 1 - run_duration())))

    def _end(self) -> str:
        """Log and return the time from which on the figures are final."""
        time = self._final_time or _now()
        self.log.info("The figures are final since %s UTC.", f"{time:%Y-%m-%d %H:%M}")
        return time.isoformat()

    def _find_final_time(self, context: Any) -> datetime:
        """Return the time, which is found once a process."""
        if self._final_time is None:
            # what follows is not for DAG files to wait for
            from airflow_provider_tiktok.operators._run.session import open_hook
            from airflow_provider_tiktok.sensors.report_run import find_final_time

            stop = self._stop or threading.Event()
            report = {name: getattr(self, name) for name in self.template_fields if name != "tiktok_conn_id"}
            with open_hook(self.tiktok_conn_id, stop, fail_fast=self.fail_fast) as hook:
                self.check_rendered()
                self._final_time = find_final_time(report, hook, context, _now(), correction=self.correction)
        return self._final_time


def _now() -> datetime:
    return clock.now()
