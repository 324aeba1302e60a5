"""The advertiser accounts that a token reaches, with their time zones and currencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeGuard

import pendulum

from airflow_provider_tiktok.api.client import Answer, TikTokClient
from airflow_provider_tiktok.api.codes import lacks_scope
from airflow_provider_tiktok.api.plain import plain
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokConfigError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokTransportError,
)

MAX_IDS_PER_CALL = 100
"""How many accounts one call of ``advertiser/info/`` takes."""

_FIELDS = ["advertiser_id", "name", "currency", "timezone", "display_timezone", "status"]


@dataclass(frozen=True, slots=True)
class Advertiser:
    """One advertiser account.

    :param advertiser_id: TikTok's ID.
    :param advertiser_name: the account's name; empty where TikTok doesn't say.
    :param currency: ISO 4217 code of the account's money.
    :param timezone: IANA name of the zone in which the account's days begin.
    :param status: TikTok's status, such as ``STATUS_ENABLE``.
    """

    advertiser_id: str
    advertiser_name: str = ""
    currency: str | None = None
    timezone: str | None = None
    status: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """Give the fields by name."""
        return asdict(self)


def list_authorised(client: TikTokClient) -> dict[str, str]:
    """Ask which accounts have authorised the app: names by advertiser ID, in TikTok's order.

    :raises TikTokConfigError: the connection lacks ``app_id`` or ``app_secret``.
    """
    credentials = client.credentials
    if not (credentials.app_id and credentials.app_secret):
        raise TikTokConfigError(
            "To find out which advertiser accounts the token reaches, TikTok wants App ID and App secret: put them "
            "into the Airflow connection, or name the accounts in `advertiser_ids`."
        )
    answer = client.get(
        "oauth2/advertiser/get/",
        {"app_id": credentials.app_id, "secret": credentials.app_secret},
        subject="authorised advertiser accounts",
    )
    return {str(item["advertiser_id"]): str(item.get("advertiser_name") or "") for item in _items(answer)}


@dataclass(frozen=True, slots=True)
class Details:
    """What TikTok tells about accounts.

    :param found: the accounts by ID. One about which TikTok says nothing is absent.
    :param refused: TikTok's refusals, by the ID of the account that they are about.
    """

    found: dict[str, Advertiser] = field(default_factory=dict)
    refused: dict[str, TikTokAPIError] = field(default_factory=dict)


def describe(client: TikTokClient, advertiser_ids: Sequence[str]) -> Details:
    """Look accounts up by ID, 100 a call. When TikTok refuses a call, the accounts behind it are found."""
    details = Details()
    for first in range(0, len(advertiser_ids), MAX_IDS_PER_CALL):
        _describe_batch(client, advertiser_ids[first : first + MAX_IDS_PER_CALL], details)
    return details


def describe_batch(client: TikTokClient, batch: Sequence[str]) -> dict[str, Advertiser]:
    """Look up to 100 accounts up in one call.

    :raises TikTokPermissionError: TikTok refuses, maybe for one of them.
    """
    subject = (
        f"details of {len(batch)} advertiser accounts"
        if len(batch) > 1
        else f"details of advertiser {batch[0]}"
    )
    answer = client.get(
        "advertiser/info/", {"advertiser_ids": list(batch), "fields": _FIELDS}, subject=subject
    )
    return {advertiser.advertiser_id: advertiser for advertiser in map(_advertiser, _items(answer))}


def _items(answer: Answer) -> list[dict[str, Any]]:
    """Give the accounts of an answer; what names no account is none."""
    items = answer.data.get("list")
    listed = items if isinstance(items, list) else []
    found = [item for item in listed if isinstance(item, dict) and item.get("advertiser_id")]
    for item in found:
        name = str(item["advertiser_id"])
        if not (name.isascii() and name.isdigit()):  # it would stand in logs, paths and calls
            raise TikTokTransportError(
                f"TikTok's list of accounts names {plain(name, 40)!r}, which is no advertiser ID. Run the task again; if it "
                f"stays, check the API host in the Airflow connection. [request_id {answer.request_id}]"
            )
    return found


def _describe_batch(client: TikTokClient, batch: Sequence[str], details: Details) -> None:
    try:
        details.found.update(describe_batch(client, batch))
    except (TikTokPermissionError, TikTokInvalidRequestError) as error:
        if len(batch) == 1 or lacks_scope(error):
            details.refused.update(dict.fromkeys(batch, error))
            return
        # one account is enough for TikTok to refuse the whole call: find it by halves
        half = len(batch) // 2
        _describe_batch(client, batch[:half], details)
        _describe_batch(client, batch[half:], details)


def _advertiser(item: dict[str, Any]) -> Advertiser:
    return Advertiser(
        str(item["advertiser_id"]),
        str(item.get("name") or ""),
        _word(item.get("currency")),
        # `timezone` counts its sign as POSIX does ("Etc/GMT+8" is west); the display zone has summer time
        next(
            (str(zone) for zone in (item.get("display_timezone"), item.get("timezone")) if is_zone(zone)),
            None,
        ),
        _word(item.get("status")),
    )


def _word(value: object) -> str | None:
    """Read a code such as ``USD``, which stands in logs as it is."""
    return (plain(value, 60) or None) if isinstance(value, str) else None


def is_zone(name: object) -> TypeGuard[str]:
    """Say whether this is the name of a time zone that Python knows."""
    try:
        return isinstance(name, str) and bool(pendulum.timezone(name))
    except (ValueError, KeyError, OSError):
        return False


def list_advertisers(client: TikTokClient) -> list[Advertiser]:
    """List the accounts that the token reaches.

    With App ID and App secret TikTok is asked which they are; else it is the connection's own list.

    :raises TikTokConfigError: the connection has neither.
    """
    credentials = client.credentials
    if credentials.named_advertisers and not (credentials.app_id and credentials.app_secret):
        names = dict.fromkeys(credentials.named_advertisers, "")
    else:
        names = list_authorised(client)
    found = describe(client, list(names)).found
    return [
        found.get(advertiser_id) or Advertiser(advertiser_id, name) for advertiser_id, name in names.items()
    ]
