"""The advertiser accounts that a token reaches, with their time zones and currencies."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any, TypeVar

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.codes import lacks_scope
from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.api.zones import read_zone
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokAuthError,
    TikTokConfigError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokTransportError,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_IDS_PER_CALL = 100
"""How many accounts one call of ``advertiser/info/`` takes."""

_FIELDS = ["advertiser_id", "name", "currency", "timezone", "display_timezone", "status"]


@dataclass(frozen=True, slots=True)
class Advertiser:
    """One advertiser account.

    :param advertiser_id: TikTok's ID.
    :param advertiser_name: the account's name; empty where TikTok doesn't say.
    :param currency: ISO 4217 code of the account's money.
    :param timezone: name of the zone in which the account's days begin: IANA's, or else what TikTok sent.
    :param status: TikTok's status, such as ``STATUS_ENABLE``.
    """

    advertiser_id: str
    advertiser_name: str = ""
    currency: str | None = None
    timezone: str | None = None
    status: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """Return the fields by name."""
        return asdict(self)


def list_authorised(client: TikTokClient) -> dict[str, str]:
    """Return the accounts that have authorised the app: names by advertiser ID, in TikTok's order.

    TikTok documents no pages here. Where an answer says that there are more, they are read.

    :raises TikTokConfigError: the connection lacks ``app_id`` or ``app_secret``.
    :raises TikTokTransportError: the list can't be read, or accounts are missing from it.
    """
    credentials = client.credentials
    if not (credentials.app_id and credentials.app_secret):
        raise TikTokConfigError(
            "TikTok wants App ID and App secret to say which advertiser accounts the token reaches: put them "
            "into the Airflow connection, or name the accounts in `advertiser_ids`."
        )
    app = {"app_id": credentials.app_id, "secret": credentials.app_secret}
    names: dict[str, str] = {}
    for page in count(1):
        answer = client.get(
            "oauth2/advertiser/get/",
            app if page == 1 else {**app, "page": page},
            subject="authorised advertiser accounts" + (f", page {page}" if page > 1 else ""),
        )
        known = len(names)
        names |= {
            str(item["advertiser_id"]): str(item.get("advertiser_name") or "") for item in _items(answer)
        }
        total, pages = _page_info(answer)
        if page > 1 and len(names) == known:
            raise _unreadable(
                answer,
                f"page_info counts {total:,} accounts on {pages:,} page(s), and TikTok lists {known:,}",
            )
        if len(names) >= total and page >= pages:
            break
    return names


@dataclass(frozen=True, slots=True)
class Details:
    """What TikTok says about accounts.

    :param found: the accounts by ID. One about which TikTok says nothing is absent.
    :param refused: TikTok's refusals, by the ID of the account that they are about.
    """

    found: dict[str, Advertiser] = field(default_factory=dict)
    refused: dict[str, TikTokAPIError] = field(default_factory=dict)


def describe(client: TikTokClient, advertiser_ids: Sequence[str]) -> Details:
    """Look accounts up by ID, 100 a call. When TikTok refuses a call, the accounts behind it are found."""
    details = Details()
    for first in range(0, len(advertiser_ids), MAX_IDS_PER_CALL):
        batch = advertiser_ids[first : first + MAX_IDS_PER_CALL]
        for asked, outcome in ask_by_halves(batch, lambda some: describe_batch(client, some)):
            if isinstance(outcome, TikTokAPIError):
                details.refused.update(dict.fromkeys(asked, outcome))
            else:
                details.found.update(outcome)
    return details


def describe_if_told(
    client: TikTokClient, advertiser_ids: Sequence[str], cancel: threading.Event | None = None
) -> dict[str, Advertiser]:
    """Look accounts up by ID in one call per 100, for nothing but a summary: what TikTok doesn't tell is absent.

    :param cancel: as of :meth:`~airflow_provider_tiktok.api.client.TikTokClient.get`.
    :raises TikTokAuthError: the token is of no use any more.
    """
    found: dict[str, Advertiser] = {}
    for first in range(0, len(advertiser_ids), MAX_IDS_PER_CALL):
        try:
            found |= describe_batch(client, advertiser_ids[first : first + MAX_IDS_PER_CALL], cancel)
        except TikTokAuthError:
            raise
        except TikTokAPIError as error:
            log.info("Names and currencies of accounts are missing in the summary. %s", error)
            if error.retryable or lacks_scope(error):
                break  # TikTok would refuse the next call, too
    return found


class AccountLookup:
    """Looks accounts up for a summary, next to other calls if it begins early enough.

    :param client: makes the calls.
    """

    def __init__(self, client: TikTokClient) -> None:
        self._client = client
        self._cancel = threading.Event()
        self._asked: Sequence[str] = ()
        self._found: Future[dict[str, Advertiser]] | None = None

    def begin(self, advertiser_ids: Sequence[str]) -> None:
        """Look accounts up in another thread, if that has not begun."""
        if self._found is None:
            self._asked = advertiser_ids
            pool = ThreadPoolExecutor(1, thread_name_prefix="tiktok-accounts")
            self._found = pool.submit(describe_if_told, self._client, advertiser_ids, self._cancel)
            pool.shutdown(wait=False)

    def read(self, advertiser_ids: Sequence[str]) -> dict[str, Advertiser]:
        """Return the accounts that TikTok describes, by ID; what has not begun is asked for now.

        :raises TikTokAuthError: the token is of no use any more.
        """
        asked = set(self._asked)
        if self._found is None or not asked <= set(advertiser_ids):
            # an account has failed since, for which TikTok may have refused the whole call
            return describe_if_told(self._client, advertiser_ids)
        more = [name for name in advertiser_ids if name not in asked]
        return self._found.result() | describe_if_told(self._client, more)

    def close(self) -> None:
        """Cancel a lookup that no one needs any more."""
        self._cancel.set()


def ask_by_halves(
    advertiser_ids: Sequence[str], ask: Callable[[Sequence[str]], T]
) -> Iterator[tuple[Sequence[str], T | TikTokAPIError]]:
    """Ask for accounts in one call; where TikTok refuses it for some of them, find these by halves.

    :param ask: makes a call for some of the accounts.
    :return: some of the accounts, in their order, each time with what came, or with why TikTok refuses them.
    """
    try:
        answer = ask(advertiser_ids)
    except (TikTokPermissionError, TikTokInvalidRequestError) as error:
        if len(advertiser_ids) == 1 or lacks_scope(error):
            yield advertiser_ids, error
            return
    else:
        yield advertiser_ids, answer
        return
    # one account is enough for TikTok to refuse the call
    half = len(advertiser_ids) // 2
    yield from ask_by_halves(advertiser_ids[:half], ask)
    yield from ask_by_halves(advertiser_ids[half:], ask)


def describe_batch(
    client: TikTokClient, batch: Sequence[str], cancel: threading.Event | None = None
) -> dict[str, Advertiser]:
    """Look up to 100 accounts up in one call.

    :param cancel: as of :meth:`~airflow_provider_tiktok.api.client.TikTokClient.get`.
    :raises TikTokPermissionError: TikTok refuses, maybe for one of them.
    :raises TikTokTransportError: the list can't be read, or has an account twice, with different values.
    """
    subject = (
        f"details of {len(batch)} advertiser accounts"
        if len(batch) > 1
        else f"details of advertiser {batch[0]}"
    )
    params = {"advertiser_ids": list(batch), "fields": _FIELDS}
    answer = client.get("advertiser/info/", params, subject=subject, cancel=cancel)
    found: dict[str, Advertiser] = {}
    for advertiser in map(read_advertiser, _items(answer)):
        name = advertiser.advertiser_id
        if found.setdefault(name, advertiser) != advertiser:
            raise _unreadable(answer, f"it has advertiser {name} twice, with different values")
    return found


def _items(answer: Answer) -> list[dict[str, Any]]:
    """Return the accounts of an answer.

    :raises TikTokTransportError: there is no list, or an entry of it is no account.
    """
    items = answer.data.get("list")
    if not isinstance(items, list):
        raise _unreadable(answer, "`list` is " + ("missing" if items is None else "not a list"))
    for number, item in enumerate(items, start=1):
        name = item.get("advertiser_id") if isinstance(item, dict) else None
        text = str(name) if isinstance(name, (str, int)) else ""
        if not (text.isascii() and text.isdigit() and text.strip("0")):  # it goes into logs, paths and calls
            what = f"has the advertiser ID {sanitize(name, 40)!r}" if name else "has no advertiser ID"
            raise _unreadable(answer, f"entry {number} of {len(items)} {what}")
    return items


def _page_info(answer: Answer) -> tuple[int, int]:
    """Return how many accounts there are in all, and on how many pages; 0 where TikTok doesn't say.

    :raises TikTokTransportError: the counts can't be read.
    """
    info = answer.data.get("page_info") or {}
    try:
        total, pages = (int(info.get(name) or 0) for name in ("total_number", "total_page"))
    except (AttributeError, TypeError, ValueError):
        raise _unreadable(answer, "the counts in page_info can't be read") from None
    return total, pages


def _unreadable(answer: Answer, problem: str) -> TikTokTransportError:
    """Return the error for a list that would lose accounts."""
    return TikTokTransportError(
        f"TikTok's list of advertiser accounts can't be used: {problem}. Run the task again; if it stays, check the API "
        f"host in the Airflow connection, or name the accounts in `advertiser_ids`. [request_id {answer.request_id}]",
        request_id=answer.request_id,
    )


def read_advertiser(item: Mapping[str, Any]) -> Advertiser:
    """Read what TikTok says of an account."""
    return Advertiser(
        str(item["advertiser_id"]),
        str(item.get("name") or ""),
        _word(item.get("currency")),
        _zone_name(item),
        _word(item.get("status")),
    )


def _word(value: object) -> str | None:
    """Read a code such as ``USD``, which goes into logs as it is."""
    return (sanitize(value, 60) or None) if isinstance(value, str) else None


def _zone_name(item: Mapping[str, Any]) -> str | None:
    """Return the name of an account's zone; an unknown one as TikTok sent it."""
    # `timezone` counts its sign as POSIX does ("Etc/GMT+8" is west); the display zone has summer time
    names = [word for key in ("display_timezone", "timezone") if (word := _word(item.get(key)))]
    return next(filter(read_zone, names), names[0] if names else None)


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
