"""What one account's failure means for the others: ``on_advertiser_error``."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from airflow_provider_tiktok.api.codes import is_about_one_account
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokError,
    TikTokIncompleteReportError,
    TikTokInvalidRequestError,
    TikTokReportTaskError,
)
from airflow_provider_tiktok.reports.params.coerce import invalid

log = logging.getLogger(__name__)

FAIL, FAIL_AT_END, SKIP = "fail", "fail_at_end", "skip"
ON_ADVERTISER_ERROR = (FAIL, FAIL_AT_END, SKIP)


class AccountFailures:
    """Records the accounts that failed, as far as the report may continue without them.

    :param policy: ``fail`` at once, ``fail_at_end`` after the other accounts, or ``skip`` the account, when TikTok
        refuses one account.
    :param advertiser_ids: the report's accounts, in order.
    :raises TikTokInvalidRequestError: there is no such policy.
    """

    def __init__(self, policy: str, advertiser_ids: Sequence[str]) -> None:
        if policy not in ON_ADVERTISER_ERROR:
            known = ", ".join(ON_ADVERTISER_ERROR)
            raise invalid("on_advertiser_error", f"is {policy!r}; it can be {known}.")
        self.policy = policy
        self._advertiser_ids = advertiser_ids
        self._errors: dict[str, TikTokError] = {}

    def __contains__(self, advertiser_id: str) -> bool:
        return advertiser_id in self._errors

    @property
    def skipped(self) -> dict[str, str]:
        """Why accounts are skipped, by ID in the report's order."""
        return {name: str(error) for name, error in self._in_order().items()} if self.policy == SKIP else {}

    @property
    def fail_the_report(self) -> bool:
        """Whether :meth:`raise_at_end` raises, however many accounts are still to come."""
        return bool(self._errors) and self.policy != SKIP

    def resume(self, skipped: Mapping[str, str]) -> None:
        """Skip the accounts that an earlier fetch has skipped."""
        self._errors |= {name: TikTokInvalidRequestError(reason) for name, reason in skipped.items()}

    def record(self, advertiser_id: str, error: TikTokError) -> None:
        """Record that an account failed.

        :raises TikTokError: the error itself, where it ends the report.
        """
        if not continues_after(self.policy, error):
            raise error
        if self.policy == SKIP:
            log.warning("Advertiser %s is skipped. %s", advertiser_id, error)
        else:
            log.error(
                "Advertiser %s failed; the others are fetched before the task fails. %s", advertiser_id, error
            )
        self._errors[advertiser_id] = error

    def raise_at_end(self) -> None:
        """Raise what failed, unless it is to be skipped and other accounts are left.

        :raises TikTokError: the error of the one account, or one that names all of them.
        """
        errors, accounts = self._in_order(), len(self._advertiser_ids)
        if not errors or (self.policy == SKIP and len(errors) < accounts):
            return
        first, *others = errors.values()
        if not others:
            raise first
        text = f"{len(errors)} of {accounts} advertiser accounts failed. " + " ".join(
            f"{advertiser_id}: {error}" for advertiser_id, error in errors.items()
        )
        retryable = any(error.retryable for error in errors.values())
        if all(isinstance(error, TikTokIncompleteReportError) for error in errors.values()):
            raise TikTokIncompleteReportError(text, retryable=retryable)
        raise TikTokAPIError(
            text,
            code=getattr(first, "code", None),
            message=getattr(first, "message", ""),
            request_id=getattr(first, "request_id", ""),
            retryable=retryable,
        )

    def _in_order(self) -> dict[str, TikTokError]:
        return {name: self._errors[name] for name in self._advertiser_ids if name in self._errors}


def continues_after(policy: str, error: TikTokError) -> bool:
    """Return whether a report continues after an error of one account's calls.

    :param policy: one of :data:`ON_ADVERTISER_ERROR`.
    """
    if (
        isinstance(error, TikTokAuthError)
        or policy == FAIL
        or not isinstance(error, (TikTokAPIError, TikTokIncompleteReportError, TikTokReportTaskError))
        or getattr(error, "retry_after", None)
        is not None  # it is the app that has to wait, with all accounts
    ):
        return False
    if policy == FAIL_AT_END:
        return True
    if isinstance(error, TikTokReportTaskError):
        return error.about_one_account
    # without a code it is the plan's own: TikTok hides the account's time zone
    of_the_plan = isinstance(error, TikTokInvalidRequestError) and error.code is None
    return of_the_plan or (isinstance(error, TikTokAPIError) and is_about_one_account(error))
