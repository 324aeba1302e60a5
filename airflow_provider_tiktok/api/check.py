"""Whether a connection works: which of token, app, account and network is wrong, in one sentence."""

from __future__ import annotations

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.codes import lacks_scope
from airflow_provider_tiktok.api.endpoints.advertisers import (
    MAX_IDS_PER_CALL,
    describe_batch,
    list_authorised,
)
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokPermissionError,
    TikTokTransportError,
)

_MAX_TEXT = 1_500
_TOKEN_OF_ANOTHER_APP = frozenset({40000, 40001, 40002})
_MAX_NAMED = 5
_APP_FIELDS = ("App ID", "App secret")
_ABOUT_APP = {40101, 40113, 40116, 40118, 40119, *range(40121, 40126)}
_ABOUT_NETWORK = {-1, 41000}  # TikTok refuses the worker's country
_REACH = "Correct Advertiser IDs, or have the accounts' owner authorise the app."


def check_connection(client: TikTokClient) -> tuple[bool, str]:
    """Make one or two cheap calls and judge by them.

    :param client: made from the connection.
    :return: whether it works, and a sentence.
    """
    try:
        return True, _check(client)
    except _UnusableError as problem:
        return False, str(problem)[:_MAX_TEXT]
    except TikTokAPIError as error:
        return False, f"{_what_is_wrong(error)} {error}"[:_MAX_TEXT]


class _UnusableError(Exception):
    """Something that TikTok's answers show without being an error of TikTok's."""


def _check(client: TikTokClient) -> str:
    credentials = client.credentials
    if credentials.app_id and credentials.app_secret:
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
    client.get("user/info/", {}, subject="test of the token", needs_data=False)
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
    missing = [name for name in client.credentials.named_advertisers if name not in authorised]
    if missing:
        raise _UnusableError(
            f"Account: token and app are good, but they don't reach {_some(missing)}. {_REACH}"
        )
    if client.credentials.named_advertisers:
        _check_accounts(client)  # an account may be authorised and grant nothing
    return f"Token and app are good; they reach {len(authorised)} advertiser account(s)."


def _check_accounts(client: TikTokClient) -> str:
    ids = client.credentials.advertiser_ids[:MAX_IDS_PER_CALL]
    found = describe_batch(client, ids)
    missing = [advertiser_id for advertiser_id in ids if advertiser_id not in found]
    if missing:
        raise _UnusableError(f"Account: the token is good, but it doesn't reach {_some(missing)}. {_REACH}")
    return f"The token is good; it reaches the {len(ids)} advertiser account(s) of this connection."


def _some(ids: list[str]) -> str:
    shown = ", ".join(ids[:_MAX_NAMED])
    return f"{shown} and {len(ids) - _MAX_NAMED} more" if len(ids) > _MAX_NAMED else shown


def _what_is_wrong(error: TikTokAPIError) -> str:
    if isinstance(error, TikTokTransportError) or error.code in _ABOUT_NETWORK:
        return "Network:"
    if error.code in _ABOUT_APP or lacks_scope(error):
        return "App:"
    if isinstance(error, TikTokAuthError):
        return "Token:"
    if isinstance(error, TikTokPermissionError):
        return "Account:"
    return "TikTok:"
