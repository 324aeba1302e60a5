"""TikTok's return codes in one table: what each means, is about, and what client and user do.

The codes and their classes are TikTok's (document 1737172488964097, "Return codes"), with the ones
added that public clients report but TikTok doesn't document. A new code is one more line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from airflow_provider_tiktok.api.scopes import scope_of
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokRateLimitError,
    TikTokTransportError,
)


class Action(Enum):
    """What the client does when a code comes."""

    RETRY = "retry"
    """Repeat the call after a backoff, a few times."""
    THROTTLE = "throttle"
    """Slow down, and repeat the call for as long as TikTok suspends an app for a minute's quota."""
    THROTTLE_ONE = "throttle one account"
    """The same, for calls about one advertiser account only."""
    TIMEOUT = "timeout"
    """Repeat the call once; then ask for less, for TikTok blocks apps that repeat a call that times out."""
    POLL = "poll"
    """Not an error: ask again later."""
    PERMANENT = "permanent"
    """Repeating the call gives the same answer."""
    REAUTHORISE = "reauthorise"
    """Nothing works until someone authorises the app again."""
    UNKNOWN = "unknown"
    """A code this version has not heard of: the call isn't repeated, the task may be."""


class About(Enum):
    """What a refusal is about, where its code says so."""

    ACCOUNT = "account"
    """It may be about the account that was asked for, so that ``on_advertiser_error`` may skip it."""
    APP = "app"
    """TikTok refuses the app, whatever token and account are; a connection test must blame neither."""
    NETWORK = "network"
    """TikTok refuses the country that the worker calls from."""


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One return code of TikTok's."""

    meaning: str
    action: Action
    advice: str
    error: type[TikTokAPIError]
    about: About | None = None


_AUTHORISE = (
    "Authorise the app again, and put the new access token into the field 'Access token' of the Airflow connection, which "
    "is its password."
)
_GRANT = "Ask the owner of the advertiser account to grant it to your app, or leave the account out of `advertiser_ids`."
_FIX_REQUEST = "Correct the parameter that the message names."
_FIX_APP = "Check App ID and App secret in the Airflow connection against the TikTok developer portal."
_LATER = "The failure is on TikTok's side; run the task again later."
SLOWER = (
    "Lower `qps` in the Airflow connection, run fewer tasks of this app at once (an Airflow pool helps), or ask "
    "TikTok for a higher level of API access."
)
_SANDBOX = "TikTok's sandbox lacks this; use the production environment."
_IP = "TikTok refuses calls from this country; run the worker elsewhere or call through a proxy (field Host)."
_OTHER_ENDPOINT = (
    "None of this package's calls has this answer; check the API host and version in the Airflow connection."
)
_TICKET = "Ask TikTok's support, with the request ID."


def _add_scope(scope: str) -> str:
    return (
        f"In the TikTok developer portal, add the {scope or 'missing'} scope to the app (My Apps > the app > Scope of "
        "permission), wait for its approval and authorise the app again."
    )


def _permanent(
    meaning: str, advice: str, error: type[TikTokAPIError] = TikTokAPIError, about: About | None = None
) -> ReturnCode:
    return ReturnCode(meaning, Action.PERMANENT, advice, error, about)


def _invalid(meaning: str, advice: str = _FIX_REQUEST, about: About | None = None) -> ReturnCode:
    return ReturnCode(meaning, Action.PERMANENT, advice, TikTokInvalidRequestError, about)


def _reauthorise(meaning: str) -> ReturnCode:
    return ReturnCode(meaning, Action.REAUTHORISE, _AUTHORISE, TikTokAuthError)


def _auth(meaning: str, advice: str = _FIX_APP, about: About | None = None) -> ReturnCode:
    return ReturnCode(meaning, Action.PERMANENT, advice, TikTokAuthError, about)


def _retry(meaning: str, advice: str = _LATER) -> ReturnCode:
    return ReturnCode(meaning, Action.RETRY, advice, TikTokAPIError)


def _throttle(meaning: str, action: Action = Action.THROTTLE) -> ReturnCode:
    return ReturnCode(meaning, action, SLOWER, TikTokRateLimitError)


RETURN_CODES: dict[int, ReturnCode] = {
    -1: _permanent("blocked by country", _IP, TikTokPermissionError, About.NETWORK),
    20001: _retry("partly successful", "Half an answer is of no use; run the task again later."),
    40000: _invalid("invalid parameters", about=About.ACCOUNT),
    40001: _permanent("no permission", f"{_GRANT} {_add_scope('')}", TikTokPermissionError, About.ACCOUNT),
    40002: _invalid("parameter error", about=About.ACCOUNT),
    40006: _invalid("incompatible API version", "Set API version in the Airflow connection to v1.3."),
    40007: _invalid("the object or operation does not exist", about=About.ACCOUNT),
    40008: _permanent("endpoint not implemented", _OTHER_ENDPOINT),
    40009: _invalid("unsupported in the sandbox", _SANDBOX),
    40010: _permanent("domain not supported", "Check the API host in the Airflow connection."),
    40011: _invalid("too many IDs in one request", "Ask for fewer IDs at a time."),
    40013: _permanent("no such sandbox account", _SANDBOX, TikTokPermissionError, About.ACCOUNT),
    40014: _invalid("unsupported feature of the sandbox", _SANDBOX),
    40016: _throttle("too many requests of this app"),
    40050: _invalid("duplicated request"),
    40051: _invalid("invalid API version", "Set API version in the Airflow connection to v1.3."),
    40052: _invalid("automated creative optimisation error", _OTHER_ENDPOINT),
    40053: _invalid("video ID error", _OTHER_ENDPOINT),
    40065: _invalid("age policy error", _OTHER_ENDPOINT),
    40067: _invalid(
        "query too large",
        "Ask for a shorter date range, fewer metrics, or campaigns by a `campaign_ids` filter.",
    ),
    40100: _throttle("too many requests of this app"),
    40101: _auth("invalid app ID, secret or authorisation code", about=About.APP),
    40102: _reauthorise("the access token has expired"),
    40103: _reauthorise("the refresh token has expired"),
    40104: _auth(
        "no access token was sent",
        "Put the access token into the field 'Access token' of the Airflow connection.",
    ),
    40105: _reauthorise("the access token is wrong or revoked"),
    40106: _reauthorise("the user behind the token is invalid"),
    40107: _reauthorise("the refresh token is invalid"),
    40108: _auth("invalid grant type"),
    40109: _auth("the authorisation is refused"),
    40110: _auth("the authorisation code is used or has expired", _AUTHORISE),
    40111: _auth("the authorisation is refused"),
    40112: _auth("the authorisation is refused"),
    40113: _auth("the app does not fit the token, or is blocked", about=About.APP),
    40114: _auth("the authorisation is refused"),
    40115: _auth("wrong timestamp", "Set the clock of the Airflow worker."),
    40116: _auth("wrong signature", about=About.APP),
    40117: _auth("wrong signature method"),
    40118: _permanent(
        "the feature is not allow-listed for this app",
        "Ask your TikTok representative to allow-list the app.",
        TikTokPermissionError,
        About.APP,
    ),
    40119: _auth("app and account belong to different companies", about=About.APP),
    40121: _permanent("no developer permission", _FIX_APP, TikTokPermissionError, About.APP),
    40122: _permanent("no developer permission", _FIX_APP, TikTokPermissionError, About.APP),
    40123: _permanent("no developer permission", _FIX_APP, TikTokPermissionError, About.APP),
    40124: _permanent("no developer permission", _FIX_APP, TikTokPermissionError, About.APP),
    40125: _permanent("no developer permission", _FIX_APP, TikTokPermissionError, About.APP),
    40132: _throttle("too many requests for one field value", Action.THROTTLE_ONE),
    40133: _throttle("too many requests for this advertiser account", Action.THROTTLE_ONE),
    40200: _retry("a report task failed"),
    40201: ReturnCode("the report task is not ready", Action.POLL, "Ask again later.", TikTokAPIError),
    40202: _retry("two writes at once"),
    40300: _permanent(
        "the advertiser account does not exist",
        "Check `advertiser_ids`; `hook.list_advertisers()` shows the accounts that the token reaches.",
        TikTokPermissionError,
        About.ACCOUNT,
    ),
    40301: _permanent(
        "the advertiser account can't be matched",
        "Check `advertiser_ids`; `hook.list_advertisers()` shows the accounts that the token reaches.",
        TikTokPermissionError,
        About.ACCOUNT,
    ),
    40502: _invalid("advertisement limit reached", _OTHER_ENDPOINT),
    40700: _retry("internal validation error"),
    41000: _permanent("blocked by country", _IP, TikTokPermissionError, About.NETWORK),
    41001: _permanent(
        "the interface is offline", "Upgrade airflow-provider-tiktok.", TikTokInvalidRequestError
    ),
    41002: _invalid("fields that are no longer in use"),
    50000: _retry("system error"),
    50002: _retry("processing error"),
    51000: _retry("internal service error"),
    51001: ReturnCode("internal service timed out", Action.TIMEOUT, _LATER, TikTokTransportError),
    51002: _retry("internal service error"),
    51004: _retry("internal service error"),
    51010: ReturnCode("internal service timed out", Action.TIMEOUT, _LATER, TikTokTransportError),
    51039: ReturnCode("internal service timed out", Action.TIMEOUT, _LATER, TikTokTransportError),
    51041: _retry("internal service error"),
    51305: _retry("satellite service error"),
    60001: _retry("maintenance"),
} | dict.fromkeys(range(40900, 40916), _invalid("file error", _OTHER_ENDPOINT))

_FIRST_SERVER_CODE = 50000


def look_up(code: int, message: str = "", path: str = "report/") -> ReturnCode:
    """Return what a return code means and what to do.

    A code that isn't in the table is retried when it is in the range of TikTok's server faults
    (50000 and above); else the call isn't repeated, and the task may be.

    :param code: TikTok's ``code``; not 0.
    :param message: TikTok's ``message``, which distinguishes the two kinds of 40001.
    :param path: the endpoint, which decides the scope that may be missing; that of a report if not given.
    """
    if code == 40001:  # noqa: PLR2004
        return _permission(message, path)
    known = RETURN_CODES.get(code)
    if known is not None:
        return known
    if code >= _FIRST_SERVER_CODE:
        return _retry(f"a fault of TikTok's that this version doesn't know (code {code})")
    return ReturnCode(
        f"a code that this version doesn't know ({code})", Action.UNKNOWN, _TICKET, TikTokAPIError
    )


def subject_of(error: TikTokAPIError) -> About | None:
    """Return what a refusal is about; ``None`` where it has no code, or one that doesn't say so."""
    return None if error.code is None else look_up(error.code, error.message).about


def is_about_one_account(error: TikTokAPIError) -> bool:
    """Return whether a refusal may be about the account that was asked for, and not about app, token or country."""
    return subject_of(error) is About.ACCOUNT


def lacks_scope(error: TikTokAPIError) -> bool:
    """Return whether TikTok refused because of the app's scopes, so that it would refuse any account."""
    return error.code == 40001 and _is_scope(error.message)  # noqa: PLR2004


def _is_scope(message: str) -> bool:
    return "scope" in message.lower() or "reauthorize" in message.lower()


def _permission(message: str, path: str) -> ReturnCode:
    """Return whether a scope is missing or an account isn't granted.

    TikTok uses one code for both; only the text differs (seen live in August 2026).
    """
    text = message.lower()
    if _is_scope(message):
        return _permanent(
            "the app lacks a scope", _add_scope(scope_of(path)), TikTokPermissionError, About.APP
        )
    if "grant" in text:
        return _permanent(
            "the account isn't granted to this app", _GRANT, TikTokPermissionError, About.ACCOUNT
        )
    if "exist" in text or "deleted" in text:
        return RETURN_CODES[40300]
    return RETURN_CODES[40001]
