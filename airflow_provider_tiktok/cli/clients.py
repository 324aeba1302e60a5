"""Clients for somebody who waits in front of a terminal."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.api.retry import RetryPolicy


def new_client(credentials: TikTokCredentials, access_token: str | None = None) -> TikTokClient:
    """Make a client that doesn't wait for long.

    :param access_token: another than the credentials'.
    """
    if access_token is not None:
        credentials = replace(credentials, access_token=access_token)
    return TikTokClient(credentials, retry=RetryPolicy(attempts=3, max_throttle_wait=10.0))
