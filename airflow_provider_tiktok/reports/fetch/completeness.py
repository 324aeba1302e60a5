"""Refuses answers of which TikTok itself says that rows or figures are missing."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.fetch.extra_info import ExtraInfo, read_extra_info

log = logging.getLogger(__name__)


class CompletenessCheck:
    """Checks the answers of one report; may be used by several threads."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def check(self, answer: Answer, metrics: Sequence[str], subject: str) -> None:
        """Raise if TikTok says that rows, or figures of these metrics, are missing.

        :raises TikTokIncompleteReportError: it does.
        """
        extra = read_extra_info(answer.data)
        self._log_unknown(extra)
        if answer.truncated or extra.cut:
            raise _truncated(subject, answer)
        if missing := extra.missing(metrics):
            raise TikTokIncompleteReportError(
                f"TikTok says that figures about people are missing for a while ({subject}): {', '.join(missing)}. "
                "Nothing is published; run the task again later, or leave them out of `metrics`. "
                f"[request_id {answer.request_id}]"
            )

    def _log_unknown(self, extra: ExtraInfo) -> None:
        """Log once what an answer says that this version doesn't know."""
        for name in extra.odd:
            if name not in self._logged:
                self._logged.add(name)
                log.warning(
                    "TikTok's answer holds %s in `extra_info`, which this version doesn't know and passes over.",
                    name,
                )


def _truncated(subject: str, answer: Answer) -> TikTokIncompleteReportError:
    return TikTokIncompleteReportError(
        f"TikTok left rows out ({subject}): it gives at most 20,000 campaigns, ad groups or ads, "
        f"the newest ones. [request_id {answer.request_id}]",
        truncated=True,
        retryable=False,  # the rows are no fewer next time
    )
