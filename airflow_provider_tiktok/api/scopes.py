"""The scopes of an app: TikTok's permissions, the calls that each allows, and what users need them for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_ACCOUNTS, _ADS, _AUDIENCES = "Ad Account Management", "Ads Management", "Audience Management"
_REPORTING, _CREATIVES, _PIXELS = "Reporting", "Creative Management", "Pixel Management"

NUMBERS: Mapping[str, str] = {
    "1": _ACCOUNTS,
    "2": _ADS,
    "3": _AUDIENCES,
    "4": _REPORTING,
    "6": _CREATIVES,
    "8": _PIXELS,
}
"""The scopes that this package has a use for, by the number that comes with a token."""

USES: Mapping[str, str] = {
    _REPORTING: "reports",
    _ACCOUNTS: "accounts with their time zones and currencies",
    _ADS: "lists of campaigns, ad groups and ads",
    _CREATIVES: "lists of videos, images and identities",
    _AUDIENCES: "lists of audiences",
    _PIXELS: "lists of pixels",
}
"""What each scope is needed for."""

SCOPES: Mapping[str, str] = {
    "advertiser/info/": _ACCOUNTS,
    "oauth2/advertiser/get/": _ACCOUNTS,
    "campaign/get/": _ADS,
    "adgroup/get/": _ADS,
    "ad/get/": _ADS,
    "gmv_max/campaign/get/": _ADS,
    "smart_plus/": _ADS,
    "smart_plus/material_report/": _REPORTING,
    "gmv_max/": _REPORTING,
    "report/": _REPORTING,
    "file/": _CREATIVES,
    "identity/": _CREATIVES,
    "dmp/": _AUDIENCES,
    "pixel/": _PIXELS,
}
"""The scope that an app needs, by the longest beginning of a path."""


def scope_of(path: str) -> str:
    """Return the scope that an app needs for an endpoint; empty where that isn't known."""
    return SCOPES.get(max(filter(path.startswith, SCOPES), key=len, default=""), "")


def name_of(scope: str) -> str:
    """Return a scope's name, with its number where this version knows none."""
    return NUMBERS.get(scope, f"number {scope}")


def lacking(scopes: Iterable[str]) -> list[str]:
    """Return the scopes that an app lacks, each with what it is needed for; none where no number of its own is known.

    :param scopes: the numbers that came with the token.
    """
    had = {NUMBERS[scope] for scope in scopes if scope in NUMBERS}
    return [f"{scope} ({use})" for scope, use in USES.items() if scope not in had] if had else []


def meaning_of(scopes: Sequence[str]) -> str:
    """Return what an app can and can't do with scopes, in sentences; empty where no number of them is known.

    :param scopes: the numbers that came with the token.
    """
    had = [NUMBERS[scope] for scope in scopes if scope in NUMBERS]
    without = lacking(scopes)
    if not had:
        return ""
    return f"They include {', '.join(had)}{', but not ' if without else ''}{', '.join(without)}."
