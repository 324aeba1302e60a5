"""What follows when TikTok doesn't answer a call as it was made: smaller calls, or fewer metrics."""

from __future__ import annotations

import logging

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.codes import lacks_scope
from airflow_provider_tiktok.api.scopes import scope_of
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
)
from airflow_provider_tiktok.reports.fetch.dropped_metrics import DroppedMetrics, refused_of
from airflow_provider_tiktok.reports.fetch.window import split
from airflow_provider_tiktok.reports.fetch.window.calls import Listing, WindowCalls
from airflow_provider_tiktok.reports.fetch.window.window import PageJob, WindowFetch
from airflow_provider_tiktok.reports.params.explain import explained, with_advice
from airflow_provider_tiktok.reports.planning.plan import ReportPlan
from airflow_provider_tiktok.reports.rows.clock_change import repeated_hour_error

log = logging.getLogger(__name__)

_ASK_FOR_LESS = (
    "Ask for less at a time: group by campaign_id, adgroup_id or ad_id, where the report has it, or filter by "
    "campaign_ids."
)
_BY_CAMPAIGN_IDS = "filter by campaign_ids, some at a time"
_ASK_FOR_SPEND = (
    "or ask for spend, with deleted entities and without filters: then TikTok's list of all campaigns is used, and the "
    "account's own spend shows that none is missing."
)
_MAX_TIMEOUTS = 12  # calls in a row that time out, however small they are made


class CallRecovery:
    """Changes the calls of a report so that TikTok answers them, and their rows stay what they are.

    :param client: asks for an account's time zone where an hour came twice.
    :param plan: of the report.
    :param dropped: metrics that the report does without.
    """

    def __init__(self, client: TikTokClient, plan: ReportPlan, dropped: DroppedMetrics) -> None:
        self.timeouts = 0
        self._client = client
        self._plan = plan
        self._request = plan.request
        self._dropped = dropped
        self._sizes: dict[str, split.Size] = {}
        self._causes: dict[str, TikTokError] = {}
        self._logged: set[tuple[str, str]] = set()

    def prepare(self, job: PageJob) -> bool:
        """Decide, before its first page, which metrics a call asks for, and whether it is too large for its account.

        :return: whether the page is to be fetched; not where the call was split.
        """
        if job.page != 1:
            return True
        account = job.window.advertiser_id
        job.call.metrics = self._dropped.left(account, job.call.call.params.get("metrics", ()))
        size = self._sizes.get(account)
        if size is None or not (strategy := _calls(job).strategy_for_size(job.call, size)):
            return True
        _calls(job).split(job.call, strategy, size)
        return False

    def succeeded(self) -> None:
        """Note that TikTok answered a call in time."""
        self.timeouts = 0

    def recover(self, job: PageJob, error: TikTokError) -> TikTokError | None:
        """Split the call that failed, or make it again with fewer metrics.

        :return: where neither helps, the error, and what this version knows about it; else ``None``.
        """
        calls = _calls(job)
        reason = split.oversized_reason(error)
        if reason == split.TIMEOUT:
            # those that were under way together count as one
            self.timeouts = max(self.timeouts, job.timeouts_before + 1)
        may_split = reason and self.timeouts < _MAX_TIMEOUTS
        if strategy := calls.strategy_against(job.call, reason) if may_split else "":
            self._split(job, strategy, error)
        elif not (isinstance(error, TikTokInvalidRequestError) and self._does_without(job, error)):
            return self._explained(job, error, reason)
        return None

    def incomplete(self, window: WindowFetch, problem: str) -> TikTokIncompleteReportError:
        """Return the error of a window whose rows were not those that TikTok counted, in every attempt."""
        repeated = repeated_hour_error(self._client, self._plan, window.planned[0], window.doubled_times())
        return repeated or TikTokIncompleteReportError(
            f"The report could not be made complete in {window.attempts} attempts: {problem} ({window}). "
            "TikTok's figures may be moving; run the task again later."
        )

    def _split(self, job: PageJob, strategy: str, error: TikTokError) -> None:
        account = job.window.advertiser_id
        if strategy != split.LIST_METRICS:
            self._causes[account] = error
        if (account, strategy) not in self._logged:
            self._logged.add((account, strategy))
            log.warning("%s The report of this account is split by %s, and joined again.", error, strategy)
        size = self._sizes.setdefault(account, split.Size())
        _calls(job).split(job.call, strategy, size)

    def _does_without(self, job: PageJob, error: TikTokInvalidRequestError) -> bool:
        """Make a call again without the metrics that TikTok refuses by name; return whether that is possible."""
        calls, account = _calls(job), job.window.advertiser_id
        listing = calls.listing_of(job.call)
        if listing is None:
            is_dropped = self._dropped.drop(job.call.call, job.call.metrics, error)
            if is_dropped:
                job.call.restart()
            return is_dropped
        if self._dropped.are_refused(job.call.call, job.call.metrics, error):
            # the list was made before the report does without; it is made from scratch, with all that follows from it
            job.window.restart()
            return True
        refused = refused_of(job.call.metrics, error) if job.call is not listing.total else {}
        if refused:  # what can't be listed may well be in the rows
            self._causes[account] = with_advice(error, _of_list(listing))
            calls.list_without(job.call, tuple(refused))
        return bool(refused)

    def _explained(self, job: PageJob, error: TikTokError, reason: str) -> TikTokError:
        """Add to the error of a call what this version knows about it, and what helps.

        :param reason: why the call was oversized, if it was.
        """
        if listing := _calls(job).listing_of(job.call):
            return self._explained_list(job, listing, error, reason)
        if isinstance(error, TikTokInvalidRequestError):
            error = explained(error, self._request)
        if reason == split.TIMEOUT:
            return with_advice(error, f"{_ASK_FOR_LESS} Fewer metrics or days help too.")
        return with_advice(error, _ASK_FOR_LESS) if reason == split.CUT else error

    def _explained_list(self, job: PageJob, listing: Listing, error: TikTokError, reason: str) -> TikTokError:
        """Add to the error of a list's call what helps; where the app may not make it, its cause is what fails."""
        path = job.call.call.path
        if path and isinstance(error, TikTokAPIError) and lacks_scope(error):
            cause = self._causes[job.window.advertiser_id]
            return with_advice(cause, split.obstacle(listing.strategy, listing.unlisted, scope_of(path)))
        if not (reason or isinstance(error, TikTokInvalidRequestError)):
            return error
        if job.call is listing.total:
            return with_advice(error, f"{_BY_CAMPAIGN_IDS.capitalize()}.")
        if not reason:
            advice = f"Leave out of `metrics` what TikTok's message names, or {_BY_CAMPAIGN_IDS}."
        elif path or listing.strategy != split.CAMPAIGNS:
            advice = f"{_BY_CAMPAIGN_IDS.capitalize()}."
        else:
            advice = f"{_BY_CAMPAIGN_IDS.capitalize()}, {_ASK_FOR_SPEND}"
        return with_advice(error, f"{_of_list(listing)} {advice}")


def _of_list(listing: Listing) -> str:
    return f"The call lists the {listing.strategy} by which the report has to be split."


def _calls(job: PageJob) -> WindowCalls:
    calls = job.window.calls
    assert isinstance(calls, WindowCalls)  # noqa: S101 - the windows of a report have these
    return calls
