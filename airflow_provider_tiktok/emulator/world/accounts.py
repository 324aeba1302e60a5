"""The advertiser accounts that the emulator's access token can access."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow_provider_tiktok.emulator.settings import Settings
from airflow_provider_tiktok.emulator.world.pseudo_random import RandomStream, mix


@dataclass(frozen=True, slots=True)
class Account:
    """One advertiser account.

    ``per_dollar`` is the price of one dollar in the account's currency, times 100. ``number`` makes the
    account's IDs different from those of other accounts.
    """

    advertiser_id: str
    name: str
    currency: str
    zone: str
    posix_zone: str
    country: str
    per_dollar: int
    created: date
    special: str
    seed: int
    number: int
    has_campaigns: bool = True
    forbidden: bool = False

    def local_now(self, now: datetime) -> datetime:
        """Return a time in the account's time zone."""
        return now.astimezone(ZoneInfo(self.zone))

    @property
    def create_time(self) -> int:
        """Return the Unix timestamp of the account's creation: midnight in its time zone."""
        created = datetime(
            self.created.year, self.created.month, self.created.day, tzinfo=ZoneInfo(self.zone)
        )
        return int(created.timestamp())


# time zone, its Etc form as TikTok sends it (POSIX sign: minus is east), currency, country, 100 x per dollar
_LOCATIONS: tuple[tuple[str, str, str, str, int], ...] = (
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

_FIRST_CREATED = date(2023, 1, 9)
_BASE_ID = 7_100_000_000_000_000_000


def make_accounts(settings: Settings) -> dict[str, Account]:
    """Return the accounts by ID: the ordinary ones, then the special ones."""
    count = len(_LOCATIONS) if settings.accounts is None else settings.accounts
    made = [
        _account(settings.seed, number, f"{_NAMES[number % 6]}{_round(number)}") for number in range(count)
    ]
    if settings.empty_account:
        made.append(_account(settings.seed, 10_000_000, "Empty Shelf", "no campaigns", has_campaigns=False))
    if settings.forbidden_account:
        special = "listed, but not readable"
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
    account_seed = mix(mix(seed) ^ number)
    rng = RandomStream(account_seed)
    zone, posix_zone, currency, country, per_dollar = _LOCATIONS[number % len(_LOCATIONS)]
    created = _FIRST_CREATED + timedelta(days=rng.below(500))
    return Account(
        # the account's number makes IDs unique, the random part makes them not consecutive
        advertiser_id=str(_BASE_ID + number * 10**10 + rng.below(10**10)),
        name=name,
        currency=currency,
        zone=zone,
        posix_zone=posix_zone,
        country=country,
        per_dollar=per_dollar,
        created=created,
        special=special,
        seed=account_seed,
        number=number,
        has_campaigns=has_campaigns,
        forbidden=forbidden,
    )
