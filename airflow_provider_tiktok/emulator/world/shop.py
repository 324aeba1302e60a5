"""TikTok Shops and their GMV Max campaigns.

They use the same classes as other campaigns, so that their figures are computed in the same way: a product,
or a livestream, is an ad group, and a creative is an ad.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.entities import DELETED, Ad, AdGroup, Campaign
from airflow_provider_tiktok.emulator.world.pseudo_random import RandomStream, mix

PRODUCT, LIVE = "PRODUCT", "LIVE"
PRODUCT_CARD = "-1"
"""TikTok's ID of the only creative that is not a post: the card of a product."""

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
    """Return the IDs of the TikTok Shops that an account advertises for."""
    return tuple(
        str(7_490_000_000_000_000_000 + account.number * 10**10 + number * 10**5 + 123)
        for number in range(_STORES)
    )


def store_of(account: Account, ad: Ad) -> str:
    """Return the ID of a creative's shop."""
    return stores(account)[_store_number(ad.group.campaign)]


def is_live(ad: Ad) -> bool:
    """Return whether a creative is a livestream."""
    return ad.group.campaign.objective == LIVE


def duration(campaign: Campaign) -> str:
    """Return the start of the time range in which a campaign kept its target; here it is the entire campaign."""
    return f"{date.fromordinal(campaign.created)} 00:00:00"


def delivery_status(ad: Ad) -> str:
    """Return a creative's state."""
    return _STATES_IN_USE[ad.seed % len(_STATES_IN_USE)]


def _store_number(campaign: Campaign) -> int:
    return int(campaign.id[-3])


def make_shop_ads(account: Account) -> list[Ad]:
    """Return all creatives of an account's GMV Max campaigns, with their parents, newest first."""
    if not account.has_campaigns:
        return []
    ads = list(_ads(account))
    ads.reverse()
    return ads


def _ads(account: Account) -> Iterator[Ad]:
    for store in range(_STORES):
        for number, (kind, status) in enumerate(_CAMPAIGNS):
            day = account.created.toordinal() + 30 + 10 * (store * len(_CAMPAIGNS) + number)
            rng = RandomStream(mix(account.seed ^ 0x5408 ^ (store << 8) ^ number))
            campaign = Campaign(
                id=_id(account, 5, number, day, store),
                name=f'GMV Max, "{kind.title()}" {number + 1}',
                status=status,
                created=day,
                objective=kind,
                automation="GMV_MAX",
                budget=rng.between(500, 5000) * account.per_dollar,
            )
            for place in range(_GROUPS):
                yield from _creatives(account, rng, campaign, place, store)


def _creatives(
    account: Account, rng: RandomStream, campaign: Campaign, place: int, store: int
) -> Iterator[Ad]:
    live = campaign.objective == LIVE
    # the campaigns of one shop advertise the same products, but each livestream has one campaign
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
        spend = (rng.between(500, 9_000) * account.per_dollar // 100) << 16
        impressions = spend * 1000 // max(1, rng.between(250, 900) * account.per_dollar // 100)
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
            clicks=impressions * rng.between(8_000, 30_000) // 1_000_000,
            group=group,
        )


def _id(account: Account, kind: int, number: int, day: int, store: int) -> str:
    """Return an entity's ID in the form of ads' IDs; the third digit from the right is the shop's."""
    owner = (account.number * 7 + 123) % 1000
    place = number * 10**8 + kind * 10**7 + owner * 10**4 + store * 100 + 7
    return str(17 * 10**17 + (day - 700_000) * 10**13 + place)
