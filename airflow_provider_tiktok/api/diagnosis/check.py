"""Whether a connection works: which of token, app, account and network is wrong, in one sentence."""

from __future__ import annotations

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.diagnosis.probes import (
    call_with_token,
    first_of,
    has_app,
    part_of,
    unreached,
)
from airflow_provider_tiktok.api.endpoints.advertisers import (
    MAX_IDS_PER_CALL,
    describe_batch,
    list_authorised,
)
from airflow_provider_tiktok.exceptions import TikTokAPIError

_MAX_TEXT = 1_500
_TOKEN_OF_ANOTHER_APP = frozenset({40000, 40001, 40002})
_MAX_NAMED = 5
_APP_FIELDS = ("App ID", "App secret")
_REACH = "Correct Advertiser IDs, or have the accounts' owner authorise the app."


def check_connection(client: TikTokClient) -> tuple[bool, str]:
    """Return whether a connection works, by one or two cheap calls.

    :param client: made from the connection.
    :return: whether it works, and a sentence.
    """
    try:
        return True, _check(client) + _rate_limit_note(client)
    except _UnusableError as problem:
        return False, str(problem)[:_MAX_TEXT]
    except TikTokAPIError as error:
        return False, f"{part_of(error)}: {error}"[:_MAX_TEXT]


def _rate_limit_note(client: TikTokClient) -> str:
    """Return what keeps the connection's rate limit from being shared; it works all the same."""
    problem = client.rate_limit_status().problem
    return problem and (
        f" But its rate limit is shared by tasks of one machine only, for the Redis of connection "
        f"{client.credentials.rate_limit_conn_id!r} can't be used: {problem}."
    )


class _UnusableError(Exception):
    """A fault of the connection that TikTok's answers show without an error code."""


def _check(client: TikTokClient) -> str:
    credentials = client.credentials
    if has_app(credentials):
        return _check_app(client)
    sentence = _check_accounts(client) if credentials.named_advertisers else _check_token(client)
    if credentials.app_id or credentials.app_secret:
        there, missing = _APP_FIELDS if credentials.app_id else _APP_FIELDS[::-1]
        raise _UnusableError(
            f"App: the token is good, but the connection has {there} without {missing}; TikTok wants both. Add "
            f"{missing}, or take {there} out."
        )
    if credentials.advertiser_ids and not credentials.named_advertisers:
        raise _UnusableError(
            'App: the token is good, but Advertiser IDs are "*", every account that it reaches, and to find them out '
            "TikTok wants App ID and App secret. Add these, or name the accounts."
        )
    return sentence


def _check_token(client: TikTokClient) -> str:
    call_with_token(client)
    return (
        "The token is good. The connection has neither App ID and App secret nor advertiser IDs, so every report must "
        "name its accounts."
    )


def _check_app(client: TikTokClient) -> str:
    try:
        authorised = list_authorised(client)
    except TikTokAPIError as error:
        if error.code in _TOKEN_OF_ANOTHER_APP:  # nothing but token, app ID and secret was sent
            raise _UnusableError(
                f"App: TikTok refuses App ID and App secret together with this token; they must be of one app. {error}"
            ) from None
        raise
    if not authorised:
        raise _UnusableError(
            "Account: the token is good, but no advertiser account has authorised this app. Authorise the app again "
            "and tick the accounts."
        )
    if missing := unreached(client.credentials, authorised):
        raise _UnusableError(
            f"Account: token and app are good, but they don't reach {first_of(missing, _MAX_NAMED)}. {_REACH}"
        )
    if client.credentials.named_advertisers:
        _check_accounts(client)  # an account may be authorised and grant nothing
    return f"Token and app are good; they reach {len(authorised)} advertiser account(s)."


def _check_accounts(client: TikTokClient) -> str:
    ids = client.credentials.advertiser_ids[:MAX_IDS_PER_CALL]
    found = describe_batch(client, ids)
    missing = [advertiser_id for advertiser_id in ids if advertiser_id not in found]
    if missing:
        raise _UnusableError(
            f"Account: the token is good, but it doesn't reach {first_of(missing, _MAX_NAMED)}. {_REACH}"
        )
    return f"The token is good; it reaches the {len(ids)} advertiser account(s) of this connection."
