"""TikTok's consent (OAuth): its page, its redirect, the token, and the token's revocation.

The steps and their rules are those of TikTok's documents "Authentication" and "Obtain a long-term access
token": the code is good for an hour, once; the token until it is revoked.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.api.transport.secret import Secret
from airflow_provider_tiktok.exceptions import TikTokConfigError, TikTokError

CONSENT_PATH = "/portal/auth"
CONSENT_URL = "https://business-api.tiktok.com" + CONSENT_PATH

_TOKEN = re.compile(r"[\x21-\x7e]{4,1000}")
_CODES = ("auth_code", "code")  # TikTok sends both


@dataclass(frozen=True, slots=True)
class Grant:
    """What TikTok gives for a code.

    :param access_token: good until it is revoked.
    :param scopes: what the app may do, as TikTok numbers it. Text, for some numbers are beyond what a
        JavaScript number, and so Airflow's UI, can hold.
    :param advertiser_ids: the accounts that were ticked.
    """

    access_token: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    advertiser_ids: tuple[str, ...] = ()


def consent_url(page: str, app_id: str, redirect_uri: str, state: str) -> str:
    """Return the address at which an advertiser gives consent.

    :param page: TikTok's page, :data:`CONSENT_URL`.
    :param state: a text that no one can guess; the redirect must bring it back.
    """
    return f"{page}?{urlencode({'app_id': app_id, 'state': state, 'redirect_uri': redirect_uri})}"


def read_redirect(url: str, state: str) -> Secret:
    """Take the code out of the URL that TikTok redirects to.

    :param url: as it is in the browser's address line; its path and query are enough.
    :param state: what was sent.
    :raises TikTokError: it is not the answer to this request, or the consent wasn't given.
    """
    try:
        query = parse_qs(urlsplit(url.strip()).query)
    except ValueError:
        query = {}
    if not query:
        raise TikTokError(
            "This is not the address that TikTok redirects to. Copy the complete line from the browser after the "
            "confirmation; it holds auth_code=... and state=...."
        )
    returned = query.get("state", [""])
    if len(returned) != 1 or not hmac.compare_digest(returned[0].encode(), state.encode()):
        raise TikTokError(
            "The redirect's `state` is not the one that was sent, so it answers another request, or an older "
            "one. Nothing was done. Run the command again and open the new address."
        )
    codes = {code for name in _CODES for code in query.get(name, [])}
    if not codes:
        said = sanitize(" ".join(query.get("error", []) + query.get("error_description", [])), 200)
        raise TikTokError(
            f"TikTok's redirect brings no code, so the consent was not given{f' ({said})' if said else ''}. Run the "
            "command again, tick the advertiser accounts and confirm."
        )
    if len(codes) > 1:
        raise TikTokError("TikTok's redirect brings two different codes. Run the command again.")
    return Secret(codes.pop())


def exchange_code(client: TikTokClient, code: str) -> Grant:
    """Get a token for a code.

    The call is made once: a code whose answer was lost is used all the same.

    :param client: of credentials without a token, but with app ID and secret.
    :raises TikTokAPIError: TikTok refused, or gave no usable answer.
    :raises TikTokError: the answer holds no token.
    """
    client.add_secret(code)
    answer = client.post(
        "oauth2/access_token/",
        {**_app(client), "auth_code": Secret(code)},
        subject="exchange of the code",
        once=True,
    )
    token = answer.data.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise TikTokError(
            f"TikTok took the code, but its answer holds no token. Run the command again. [request_id {answer.request_id}]"
        )
    client.add_secret(token)
    return Grant(Secret(token), _texts(answer.data.get("scope")), _texts(answer.data.get("advertiser_ids")))


def revoke_token(client: TikTokClient) -> tuple[str, ...]:
    """Have TikTok refuse the client's token from now on.

    Making the call again does no harm, so it is repeated when its answer is lost.

    :return: the accounts that it reached.
    :raises TikTokAPIError: TikTok refused, or gave no usable answer.
    """
    answer = client.post(
        "oauth2/revoke_token/",
        {**_app(client), "access_token": client.credentials.access_token},
        subject="revocation of the token",
        needs_data=False,
    )
    return _texts(answer.data.get("advertiser_ids"))


def _app(client: TikTokClient) -> dict[str, str]:
    credentials = client.credentials
    if not (credentials.app_id and credentials.app_secret):
        raise TikTokConfigError(
            "TikTok wants App ID and App secret for this; the connection lacks one of them."
        )
    return {"app_id": credentials.app_id, "secret": credentials.app_secret}


def _texts(values: object) -> tuple[str, ...]:
    return tuple(sanitize(value, 40) for value in values) if isinstance(values, list) else ()
