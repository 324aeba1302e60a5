"""The operator that lists advertiser accounts, to map further tasks over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.exceptions import TikTokPermissionError
from airflow_provider_tiktok.operators.base import TikTokBaseOperator

if TYPE_CHECKING:
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook
    from airflow_provider_tiktok.operators._run.outcome import Finished


class TikTokListAdvertisersOperator(TikTokBaseOperator):
    """Lists the IDs of the advertiser accounts that the connection's token reaches.

    .. code-block:: python

        accounts = TikTokListAdvertisersOperator(task_id="accounts")
        TikTokReportOperator.partial(task_id="report", preset="ad_group_summary").expand(
            advertiser_ids=accounts.output
        )

    :param tiktok_conn_id: the Airflow connection; with App ID and App secret TikTok is asked, else it
        is the connection's own list. (templated)
    :param fail_fast: end the task without Airflow's retries when an error can't pass by itself.
    :return: advertiser IDs as text.
    """

    template_fields: Sequence[str] = ("tiktok_conn_id",)

    def run_with(self, hook: TikTokHook, context: Any) -> Finished:
        """Ask TikTok, and log each account with currency, time zone and status."""
        from airflow_provider_tiktok.operators._run.outcome import Finished

        advertisers = hook.list_advertisers()
        if not advertisers:
            raise TikTokPermissionError(
                "No advertiser account has authorised this app, so there is nothing to map over. Authorise the app again "
                "and tick the accounts."
            )
        self.log.info("The token reaches %d advertiser account(s).", len(advertisers))
        for advertiser in advertisers:
            self.log.info(
                "%s  %s  %s  %s  %r",
                advertiser["advertiser_id"],
                advertiser["currency"],
                advertiser["timezone"],
                advertiser["status"],
                advertiser["advertiser_name"],
            )
        return Finished([str(advertiser["advertiser_id"]) for advertiser in advertisers])
