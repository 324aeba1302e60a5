"""TikTok Shops and their GMV Max campaigns.

They are made of the same parts as other campaigns, so that their figures come from the same clockwork:
a product, or a livestream, stands where an ad group does, and a creative where an ad does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from airflow_provider_tiktok.emulator.accounts import Account
from airflow_provider_tiktok.emulator.entities import DELETED, Ad, AdGroup, Campaign
from airflow_provider_tiktok.emulator.pseudo_random import Draws, mix

PRODUCT, LIVE = "PRODUCT", "LIVE"
PRODUCT_CARD = "-1"
"""TikTok's ID of the one creative that is no post: the card of a product."""

DELIVERY_STATUSES = (
    *("IN_QUEUE", "LEARNING", "DELIVERING", "NOT_DELIVERYING", "AUTHORIZATION_NEEDED"),
    *("EXCLUDED", "UNAVAILABLE", "REJECTED", "NOT_ACTIVE"),
)
"""The states of a creative; the spelling is TikTok's."""

_STORES = 2
_CAMPAIGNS = (
    (PRODUCT, "STATUS_DELIVERY_OK"),
    (LIVE, "STATUS_DELIVERY_OK"),
    (PRODUCT, DELETED),
    (LIVE, DELETED),
)
"""The campaigns of each store."""
_GROUPS = 3
_CREATIVES = 3
_STATES_IN_USE = ("DELIVERING", "LEARNING", "UNAVAILABLE")


def stores(account: Account) -> tuple[str, ...]:
    """Give the IDs of the TikTok Shops that an account advertises for."""
    return tuple(
        str(7_490_000_000_000_000_000 + account.number * 10**10 + number * 10**5 + 123)
        for number in range(_STORES)
    )


def store_of(account: Account, ad: Ad) -> str:
    """Give the ID of a creative's shop."""
    return stores(account)[_store_number(ad.group.campaign)]


def is_live(ad: Ad) -> bool:
    """Say whether a creative is a livestream."""
    return ad.group.campaign.objective == LIVE


def duration(campaign: Campaign) -> str:
    """Name the stretch of time in which a campaign kept its target; here that is all of its time."""
    return f"{date.fromordinal(campaign.created)} 00:00:00"


def delivery_status(ad: Ad) -> str:
    """Tell a creative's state."""
    return _STATES_IN_USE[ad.seed % len(_STATES_IN_USE)]


def _store_number(campaign: Campaign) -> int:
    return int(campaign.id[-3])


def make_shop_ads(account: Account) -> list[Ad]:
    """Make all creatives of an account's GMV Max campaigns, with their parents, newest first."""
    if not account.has_campaigns:
        return []
    ads = list(_ads(account))
    ads.reverse()
    return ads


def _ads(account: Account) -> Iterator[Ad]:
    for store in range(_STORES):
        for number, (kind, status) in enumerate(_CAMPAIGNS):
            day = account.created.toordinal() + 30 + 10 * (store * len(_CAMPAIGNS) + number)
            draws = Draws(mix(account.seed ^ 0x5408 ^ (store << 8) ^ number))
            campaign = Campaign(
                id=_id(account, 5, number, day, store),
                name=f'GMV Max, "{kind.title()}" {number + 1}',
                status=status,
                created=day,
                objective=kind,
                automation="GMV_MAX",
                budget=draws.between(500, 5000) * account.money,
            )
            for place in range(_GROUPS):
                yield from _creatives(account, draws, campaign, place, store)


def _creatives(account: Account, draws: Draws, campaign: Campaign, place: int, store: int) -> Iterator[Ad]:
    live = campaign.objective == LIVE
    # the campaigns of one shop advertise the same products; no two show the same livestream
    number = place if not live else place + _GROUPS * int(campaign.id[-9])
    group = AdGroup(
        id=_id(account, 6 + live, number, account.created.toordinal(), store),
        name=f"{'LIVE' if live else 'Product'} {number + 1} 🛒",
        status=campaign.status,
        created=campaign.created,
        budget=0,
        placement=0,
        campaign=campaign,
    )
    for creative in range(1 if live else _CREATIVES):
        card = not live and creative == _CREATIVES - 1
        seed = mix(int(campaign.id) ^ account.seed ^ (place << 32) ^ (creative << 40))
        spend = (draws.between(500, 9_000) * account.money // 100) << 16
        impressions = spend * 1000 // max(1, draws.between(250, 900) * account.money // 100)
        post = _id(account, 8, creative + _CREATIVES * number, campaign.created, store)
        yield Ad(
            id=PRODUCT_CARD if card else post,
            id_v2=post,
            name=f"Creative {creative + 1} of {group.name}",
            status=campaign.status,
            created=campaign.created,
            seed=seed,
            active=2 if creative else 1,
            period=3 if creative else 1,
            phase=0,
            spend=spend,
            impressions=impressions,
            clicks=impressions * draws.between(8_000, 30_000) // 1_000_000,
            group=group,
        )


def _id(account: Account, kind: int, number: int, day: int, store: int) -> str:
    """Number an entity as ads are numbered; the third digit from the right is the shop's."""
    owner = (account.number * 7 + 123) % 1000
    place = number * 10**8 + kind * 10**7 + owner * 10**4 + store * 100 + 7
    return str(17 * 10**17 + (day - 700_000) * 10**13 + place)
