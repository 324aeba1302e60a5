"""The ad accounts that the emulator's access token reaches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow_provider_tiktok.emulator.pseudo_random import Draws, mix
from airflow_provider_tiktok.emulator.settings import Settings


@dataclass(frozen=True, slots=True)
class Account:
    """One ad account.

    ``money`` is how many of its currency one dollar buys, times 100; ``number`` keeps IDs of one
    account apart from another's.
    """

    advertiser_id: str
    name: str
    currency: str
    zone: str
    posix_zone: str
    country: str
    money: int
    created: date
    special: str
    seed: int
    number: int
    has_campaigns: bool = True
    forbidden: bool = False

    def local_now(self, now: datetime) -> datetime:
        """Give the account's own wall clock."""
        return now.astimezone(ZoneInfo(self.zone))

    @property
    def create_time(self) -> int:
        """Second of the epoch at which the account was opened: its zone's midnight."""
        opened = datetime(self.created.year, self.created.month, self.created.day, tzinfo=ZoneInfo(self.zone))
        return int(opened.timestamp())


# zone, TikTok's Etc form of it (POSIX sign: minus is east), currency, country, 100 x per dollar
_PLACES: tuple[tuple[str, str, str, str, int], ...] = (
    ("America/Los_Angeles", "Etc/GMT+8", "USD", "US", 100),
    ("Europe/Berlin", "Etc/GMT-1", "EUR", "DE", 90),
    ("Asia/Tokyo", "Etc/GMT-9", "JPY", "JP", 15_000),
    ("Asia/Kolkata", "Etc/GMT-5:30", "INR", "IN", 8_300),
    ("America/Sao_Paulo", "Etc/GMT+3", "BRL", "BR", 500),
    ("Pacific/Auckland", "Etc/GMT-12", "NZD", "NZ", 160),
)
_NAMES = ("Acme Outdoor, Inc.", "Brüder Grün GmbH", "東京コーヒー", "Chai & Co", "Praia Verde", "Kiwi Merino")
BC_ID = "7000000000000000123"
"""The Business Center that all accounts belong to."""

_FIRST_OPENED = date(2023, 1, 9)
_BASE_ID = 7_100_000_000_000_000_000


def make_accounts(settings: Settings) -> dict[str, Account]:
    """Open the accounts of a world: the ordinary ones, then those that are special."""
    count = len(_PLACES) if settings.accounts is None else settings.accounts
    made = [
        _account(settings.seed, number, f"{_NAMES[number % 6]}{_round(number)}") for number in range(count)
    ]
    if settings.empty_account:
        made.append(_account(settings.seed, 10_000_000, "Empty Shelf", "no campaigns", has_campaigns=False))
    if settings.forbidden_account:
        special = "listed, but grants nothing"
        made.append(_account(settings.seed, 10_000_001, "Locked Door", special, forbidden=True))
    return {account.advertiser_id: account for account in made}


def _round(number: int) -> str:
    return f" {number // 6 + 1}" if number >= len(_NAMES) else ""


def _account(
    seed: int,
    number: int,
    name: str,
    special: str = "",
    *,
    has_campaigns: bool = True,
    forbidden: bool = False,
) -> Account:
    start = mix(mix(seed) ^ number)
    draws = Draws(start)
    zone, posix_zone, currency, country, money = _PLACES[number % len(_PLACES)]
    created = _FIRST_OPENED + timedelta(days=draws.below(500))
    return Account(
        # the account's number keeps IDs apart, the rest keeps them from looking like a row
        advertiser_id=str(_BASE_ID + number * 10**10 + draws.below(10**10)),
        name=name,
        currency=currency,
        zone=zone,
        posix_zone=posix_zone,
        country=country,
        money=money,
        created=created,
        special=special,
        seed=start,
        number=number,
        has_campaigns=has_campaigns,
        forbidden=forbidden,
    )
