"""The metrics that TikTok refuses by name, and that a report does without: ``drop_invalid_metrics``."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports.params.explain import refused_metrics
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.planning.plan import ReportCall

log = logging.getLogger(__name__)


class DroppedMetrics:
    """Drops metrics of a report, for each account by itself.

    :param request: the report.
    :param allowed: whether the user wants the report without such metrics, instead of an error.
    :param by_account: names that are dropped already; new ones are added.
    """

    def __init__(self, request: ReportRequest, *, allowed: bool, by_account: dict[str, list[str]]) -> None:
        self._order_field = request.order_field
        self._allowed = allowed
        self._by_account = by_account

    @property
    def names(self) -> set[str]:
        """The metrics that are dropped for any account."""
        return {name for names in self._by_account.values() for name in names}

    def of(self, advertiser_id: str) -> tuple[str, ...]:
        """Return the metrics that are dropped for an account."""
        return tuple(self._by_account.get(advertiser_id, ()))

    def left(self, advertiser_id: str, metrics: Sequence[str]) -> tuple[str, ...]:
        """Return those of some metrics that are not dropped for an account; all of them where none would be left."""
        dropped = self.of(advertiser_id)
        return tuple([name for name in metrics if name not in dropped] or metrics)

    def are_refused(self, call: ReportCall, asked: Collection[str], error: TikTokInvalidRequestError) -> bool:
        """Return whether an error refuses metrics of a call that the report does without already."""
        refused = refused_of(asked, error)
        return bool(refused) and refused.keys() <= set(self.of(call.advertiser_id))

    def drop(self, call: ReportCall, asked: Collection[str], error: TikTokInvalidRequestError) -> bool:
        """Drop the metrics that an error refuses by name, where that is wanted and leaves a report.

        :param asked: the metrics that the call asked for.
        :return: whether the call can be made again without them.
        """
        refused = refused_of(asked, error)
        left = set(asked).difference(refused, self.of(call.advertiser_id))
        if not (self._allowed and refused and left) or self._order_field in refused:
            return False
        dropped = self._by_account.setdefault(call.advertiser_id, [])
        if new := [name for name in refused if name not in dropped]:
            dropped += new
            log.warning("%s: TikTok refused %s; the report goes on without.", call.account, ", ".join(new))
        return True


def refused_of(asked: Collection[str], error: TikTokInvalidRequestError) -> dict[str, None]:
    """Return the metrics of a call that an error refuses by name, in TikTok's order."""
    return dict.fromkeys(name for name in refused_metrics(error.message) if name in asked)
