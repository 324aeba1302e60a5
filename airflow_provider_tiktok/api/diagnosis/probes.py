"""What the check and the examination of a connection ask in the same way."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.codes import About, subject_of
from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokPermissionError,
    TikTokTransportError,
)

NETWORK, APP, TOKEN, ACCOUNT, TIKTOK = "Network", "App", "Token", "Account", "TikTok"
"""What an error is about."""


def part_of(error: TikTokAPIError) -> str:
    """Return what an error is about."""
    about = subject_of(error)
    if isinstance(error, TikTokTransportError) or about is About.NETWORK:
        return NETWORK
    if about is About.APP:
        return APP
    if isinstance(error, TikTokAuthError):
        return TOKEN
    return ACCOUNT if isinstance(error, TikTokPermissionError) else TIKTOK


def call_with_token(client: TikTokClient) -> None:
    """Make the cheapest call that TikTok refuses without a token.

    :raises TikTokAPIError: it was refused, or no answer came.
    """
    client.get("user/info/", {}, subject="test of the token", needs_data=False)


def has_app(credentials: TikTokCredentials) -> bool:
    """Return whether a connection has both App ID and App secret, so that TikTok lists the token's accounts."""
    return bool(credentials.app_id and credentials.app_secret)


def unreached(credentials: TikTokCredentials, reached: Collection[str]) -> list[str]:
    """Return the accounts that a connection names and the token doesn't reach."""
    return [name for name in credentials.named_advertisers if name not in reached]


def first_of(ids: Sequence[str], count: int) -> str:
    """Return so many IDs as text, with the number of the others."""
    more = f" and {len(ids) - count} more" if len(ids) > count else ""
    return ", ".join(ids[:count]) + more
