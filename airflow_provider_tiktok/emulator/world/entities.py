"""An account's campaigns, ad groups and ads, newest first.

Deleted entities keep their spend, as on TikTok. The children of a deleted parent are deleted too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.pseudo_random import RandomStream, mix, mix_text

DELETED = "STATUS_DELETE"

_GROWTH_DAYS = 400
"""The number of days after its creation in which an account creates ads."""
_ADS_PER_GROUP = 4
_GROUPS_PER_CAMPAIGN = 2
_CREATIVES_PER_SMART_AD = 3


@dataclass(frozen=True, slots=True)
class _EveryNth:
    """A rule that selects one entity in every ``period``, so that even small accounts have some."""

    period: int
    place: int

    def selects(self, number: int) -> bool:
        return number % self.period == self.place


# with the children of deleted parents, this deletes 11 % of campaigns, 18 % of ad groups and 24 % of ads
_DELETED_CAMPAIGN, _DELETED_GROUP, _DELETED_AD = _EveryNth(9, 2), _EveryNth(13, 1), _EveryNth(13, 3)

OBJECTIVES = ("TRAFFIC", "WEB_CONVERSIONS", "REACH", "VIDEO_VIEWS", "APP_PROMOTION", "LEAD_GENERATION")
AUTOMATIONS = ("MANUAL", "MANUAL", "UPGRADED_SMART_PLUS", "SMART_PLUS")

# An ad delivers on p days of every q. Over all ads about a quarter of the days are empty.
_DELIVERY_PATTERNS = ((1, 1), (1, 1), (1, 1), (1, 1), (3, 4), (3, 4), (3, 4), (1, 2), (1, 2), (2, 7))

_NAME_TEMPLATES = (
    "{kind} {number}",
    'The "Big" {kind}, no. {number}',
    "{kind} {number} 🎉 ünïcödé",
    "  {kind} {number} with spaces  ",
    "=SUM({number},1) {kind}",
    "{kind}\nsecond line {number}",
    "{kind} | {number} \\ tab\there",
    "{kind}, {number}, {number}",
)


@dataclass(slots=True, eq=False)
class Campaign:
    """One campaign."""

    id: str
    name: str
    status: str
    created: int
    objective: str
    automation: str
    budget: int
    seed: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.seed = mix(int(self.id))


@dataclass(slots=True, eq=False)
class AdGroup:
    """One ad group. ``created`` is an ordinal day, as everywhere in this module; ``budget`` is in minor units."""

    id: str
    name: str
    status: str
    created: int
    budget: int
    placement: int
    campaign: Campaign
    seed: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.seed = mix(int(self.id))


@dataclass(slots=True, eq=False)
class Ad:
    """One ad, or one creative of an Upgraded Smart+ ad, with the parameters of its figures.

    ``spend``, ``impressions`` and ``clicks`` are the expected values of a day with delivery, times 65,536.
    """

    id: str
    id_v2: str
    name: str
    status: str
    created: int
    seed: int
    active: int
    period: int
    phase: int
    spend: int
    impressions: int
    clicks: int
    group: AdGroup


def make_ads(account: Account, count: int) -> list[Ad]:
    """Return an account's ads, with their parents, newest first.

    :param count: the number of ads; it determines the numbers of campaigns and ad groups.
    """
    if not account.has_campaigns:
        return []
    ads = list(_ads(account, count))
    ads.reverse()
    return ads


def _ads(account: Account, count: int) -> Iterator[Ad]:
    groups = max(1, math.ceil(count / _ADS_PER_GROUP))
    campaign: Campaign | None = None
    created = 0
    for number in range(groups):
        day = account.created.toordinal() + number * _GROWTH_DAYS // groups
        rng = RandomStream(mix(account.seed ^ (number << 20)))
        if campaign is None or number % _GROUPS_PER_CAMPAIGN == 0:
            campaign = _campaign(account, rng, number, day)
        group = _group(account, rng, number, day, campaign)
        for _ in range(min(_ADS_PER_GROUP, count - created)):
            yield _ad(account, created, day, group)
            created += 1


def _campaign(account: Account, rng: RandomStream, number: int, day: int) -> Campaign:
    index = number // _GROUPS_PER_CAMPAIGN
    return Campaign(
        id=entity_id(account, 1, number, day),
        name=_name("Campaign", index),
        status=_status(rng, "STATUS_DELIVERY_OK", deleted=_DELETED_CAMPAIGN.selects(index)),
        created=day,
        objective=OBJECTIVES[index % len(OBJECTIVES)],
        automation=AUTOMATIONS[index % len(AUTOMATIONS)],
        budget=rng.between(50, 500) * account.per_dollar,
    )


def _group(account: Account, rng: RandomStream, number: int, day: int, campaign: Campaign) -> AdGroup:
    return AdGroup(
        id=entity_id(account, 2, number, day),
        name=_name("Ad group", number),
        status=_status(rng, campaign.status, deleted=_DELETED_GROUP.selects(number)),
        created=day,
        budget=rng.between(20, 200) * account.per_dollar,
        placement=rng.below(2),
        campaign=campaign,
    )


def _ad(account: Account, number: int, day: int, group: AdGroup) -> Ad:
    seed = mix(account.seed ^ (number << 24) ^ 0xAD)
    rng = RandomStream(seed)
    ad_id = entity_id(account, 3, number, day)
    active, period = _DELIVERY_PATTERNS[rng.below(len(_DELIVERY_PATTERNS))]
    spend = (rng.between(300, 20_000) * account.per_dollar // 100) << 16
    per_mille = rng.between(250, 900) * account.per_dollar // 100
    impressions = spend * 1000 // max(1, per_mille)
    return Ad(
        id=ad_id,
        id_v2=_smart_ad_id(account, number, day, group) or ad_id,
        name=_name("Ad", number),
        status=_status(rng, group.status, deleted=_DELETED_AD.selects(number)),
        created=day,
        seed=seed,
        active=active,
        period=period,
        phase=rng.below(period),
        spend=spend,
        impressions=impressions,
        clicks=impressions * rng.between(4_000, 24_000) // 1_000_000,
        group=group,
    )


def _smart_ad_id(account: Account, number: int, day: int, group: AdGroup) -> str | None:
    """Return the ID that the creatives of one Upgraded Smart+ ad share; ``None`` for other ads."""
    if group.campaign.automation != "UPGRADED_SMART_PLUS":
        return None
    place = number % _ADS_PER_GROUP // _CREATIVES_PER_SMART_AD
    return entity_id(account, 4, (number // _ADS_PER_GROUP) * _CREATIVES_PER_SMART_AD + place, day)


def entity_id(account: Account, kind: int, number: int, day: int) -> str:
    """Return an entity's ID: 19 digits, ascending by creation, and too long for a float."""
    owner = (account.number * 7 + 123) % 1000
    return str(17 * 10**17 + (day - 700_000) * 10**13 + number * 10**5 + kind * 10_000 + owner * 10 + 7)


def _status(rng: RandomStream, parent: str, *, deleted: bool) -> str:
    if deleted or parent == DELETED:
        return DELETED
    if parent != "STATUS_DELIVERY_OK":
        return "STATUS_NOT_DELIVERY"
    return "STATUS_DELIVERY_OK" if rng.chance(75) else "STATUS_DISABLE"


def _name(kind: str, number: int) -> str:
    return _NAME_TEMPLATES[number % len(_NAME_TEMPLATES)].format(kind=kind, number=number)


def is_spark(ad: Ad) -> bool:
    """Return whether an ad shows a post of a TikTok account instead of a video of its own."""
    return ad.seed >> 20 & 3 == 0


# Upgraded Smart+ ads: the materials and settings that TikTok combines in them

AUTOMATION = "UPGRADED_SMART_PLUS"

CHOICES = {
    "main_material_id": 2,
    "ad_text_entity_id": 3,
    "call_to_action_entity_id": 2,
    "interactive_add_on_entity_id": 1,
}
"""The kinds of materials and settings of a Smart+ ad, and how many it has of each."""


def entity_of(kind: str) -> Callable[[Ad], str]:
    """Return a function that returns the ID of the material or setting that a creative uses.

    :param kind: the dimension's name.
    """

    def read(ad: Ad) -> str:
        choice = ad.seed % CHOICES[kind]
        return str(7_300_000_000_000_000_000 + mix_text(f"{kind} {ad.id_v2} {choice}") % 10**15 * 10 + 3)

    return read


@dataclass(slots=True, eq=False)
class SmartAd:
    """One Upgraded Smart+ ad, which is deleted when all of its creatives are."""

    id: str
    name: str
    status: str
    created: int
    seed: int
    group: AdGroup
    creatives: list[Ad]


def smart_ads(ads: Iterable[Ad]) -> list[SmartAd]:
    """Return the Upgraded Smart+ ads of which ads are the creatives, in the order of the first creatives."""
    members: dict[str, list[Ad]] = {}
    for ad in ads:
        if ad.group.campaign.automation == AUTOMATION:
            members.setdefault(ad.id_v2, []).append(ad)
    return [_smart_ad(identity, creatives) for identity, creatives in members.items()]


def _smart_ad(identity: str, creatives: list[Ad]) -> SmartAd:
    first = creatives[0]
    status = next((ad.status for ad in creatives if ad.status != DELETED), DELETED)
    return SmartAd(identity, first.name, status, first.created, mix(int(identity)), first.group, creatives)
