"""TikTok's refusals: return codes with their messages.

Known messages are TikTok's own, byte for byte, with trailing spaces. Where no message is known, the
message follows TikTok's style.
"""

from __future__ import annotations

from collections.abc import Sequence

PARAMETER = 40002
PERMISSION = 40001
NO_SUCH_OBJECT = 40007
TOO_MANY_IDS = 40011
TOO_LARGE = 40067
TOO_MANY = 40100
NOT_ALLOWED = 40118
TOO_MANY_FOR_ACCOUNT = 40133
TASK_ERROR = 40200
TASK_NOT_READY = 40201
TIMED_OUT = 51010

MESSAGES: dict[int, str] = {
    -1: "Client IP address is in banned Country list.",
    20001: "Partial success.",
    40000: "Invalid parameters.",
    40001: "No permission.",
    40002: "Parameter error.",
    40006: "The API version is incompatible.",
    40007: "The object or operation does not exist.",
    40008: "The endpoint is not implemented.",
    40009: "Unsupported data_level in sandbox environment: AUCTION_ADVERTISER. ",
    40010: "The domain is not supported.",
    40011: "Too many IDs in a request.",
    40013: "No such account in sandbox environment.",
    40014: "Unsupported feature in sandbox environment.",
    40016: "Request too frequent.",
    40050: "Duplicated request.",
    40051: "Invalid API version.",
    40052: "Automated Creative Optimization error.",
    40053: "Invalid video ID.",
    40065: "The age setting violates the policy.",
    40067: "Your query is too large",
    40100: "Due to too many requests, requests from App {app_id} are temporarily restricted.",
    40101: "Invalid authorization parameter values.",
    40102: "Access token has expired.",
    40103: "Refresh token has expired.",
    40104: "Access token is null, you should set it in http header with key Access-Token.",
    40105: "Access token is incorrect or has been revoked.",
    40106: "The core user is invalid.",
    40107: "Refresh token is invalid.",
    40108: "Invalid grant_type.",
    40109: "Deciphering failed.",
    40110: "The auth_code is canceled. Please re-authorize and try again with a new auth_code.",
    **dict.fromkeys((40111, 40114), "Authorization failed."),
    40112: "Incorrect password.",
    40113: "The app_id is inconsistent with the token's app information. Please retry after correcting it. ",
    40115: "Invalid timestamp.",
    40116: "Invalid signature.",
    40117: "Invalid signature method.",
    40118: "The developer is not in the allow list.",
    40119: "The company of the app does not match the company of the account.",
    **dict.fromkeys(range(40121, 40126), "No developer permission."),
    40132: "Request too frequent for the field value.",
    40133: (
        "Advertiser ({advertiser_id})'s QPS (11) reaches QPS limit 10 for current path, "
        "request is temporarily restricted."
    ),
    40200: "Task error.",
    40201: "Task is not ready.",
    40202: "Write conflict.",
    40300: "The advertiser is missing.",
    40301: "The advertiser cannot be matched.",
    40502: "The number of ads reaches the limit.",
    40700: "Internal service validation error.",
    **dict.fromkeys(range(40900, 40916), "File error."),
    41000: "Client IP address is in banned Country list.",
    41001: "The interface is offline.",
    41002: "The fields are not in use.",
    50000: "System error.",
    50002: "Service error.",
    **dict.fromkeys((51000, 51004, 51041), "Internal service error."),
    **dict.fromkeys((51001, 51010, 51039), "Internal service timed out"),
    51002: "Internal service error … Please retry later.",
    51305: "Satellite service error.",
    60001: "The system is under maintenance.",
}
"""TikTok's messages by return code; braces are placeholders for values of the call."""


class ApiError(Exception):
    """A refusal that is answered with an envelope: HTTP 200, a code other than 0, and no data."""

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "Unknown error.")
        super().__init__(code, self.message)


def parameter_error(message: str) -> ApiError:
    """Return the refusal of an invalid parameter."""
    return ApiError(PARAMETER, message)


def missing(*names: str) -> ApiError:
    """Return the refusal of a call without required parameters."""
    return parameter_error(f"Missing required field(s): {', '.join(names)}")


UNACCEPTABLE = "one or more value of the param is not acceptable"


def unacceptable(accepted: Sequence[str]) -> str:
    """Return the text about a value that is not in an enumeration."""
    return f"{UNACCEPTABLE}, correct is {list(accepted)}"


def not_acceptable(name: str, accepted: Sequence[str]) -> ApiError:
    """Return the refusal of a value that is not in an enumeration."""
    return parameter_error(f"{name}: {unacceptable(accepted)}")
