"""The client of interactive commands."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.retry import RetryPolicy


def new_client(credentials: TikTokCredentials, access_token: str | None = None) -> TikTokClient:
    """Return a client that waits at most a few seconds.

    :param access_token: replaces the credentials' token.
    """
    if access_token is not None:
        credentials = replace(credentials, access_token=access_token)
    return TikTokClient(credentials, retry=RetryPolicy(attempts=3, max_throttle_wait=10.0))
