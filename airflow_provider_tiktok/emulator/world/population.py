"""The emulated accounts and ads, and the entities that a report covers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from airflow_provider_tiktok.emulator.settings import Settings
from airflow_provider_tiktok.emulator.world.accounts import Account, make_accounts
from airflow_provider_tiktok.emulator.world.entities import CHOICES, Ad, entity_of, make_ads
from airflow_provider_tiktok.emulator.world.objects.assets import Asset, make_assets
from airflow_provider_tiktok.emulator.world.objects.special_campaigns import make_special_ads
from airflow_provider_tiktok.emulator.world.pseudo_random import mix, mix_text
from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.emulator.world.shop import duration, make_shop_ads, store_of

_T = TypeVar("_T")

SHOP_REPORTS = frozenset({"GMV_MAX", "TT_SHOP"})
"""The report types on GMV Max campaigns, which BASIC reports do not show."""

_KEY: dict[str, Callable[[Ad], str]] = {
    "campaign_id": lambda ad: ad.group.campaign.id,
    "adgroup_id": lambda ad: ad.group.id,
    "ad_id": lambda ad: ad.id,
    "ad_id_v2": lambda ad: ad.id_v2,
    # dimensions of GMV Max
    "item_group_id": lambda ad: ad.group.id,
    "spu_id": lambda ad: ad.group.id,
    "room_id": lambda ad: ad.group.id,
    "item_id": lambda ad: ad.id,
    "duration": lambda ad: duration(ad.group.campaign),
    # dimensions of Smart+
    "smart_plus_ad_id": lambda ad: ad.id_v2,
    **{kind: entity_of(kind) for kind in CHOICES},
}

_ASSETS = 23
"""Identities, audiences and pixels per account: more than a page of pixels holds."""

Entity = tuple[tuple[str, ...], tuple[Ad, ...]]
"""A row's entity: the values of its ID dimensions, and its ads."""


@dataclass(frozen=True)
class Selection:
    """The entities that a report covers, in the report's order, each with its ads."""

    entities: tuple[Entity, ...]
    truncated: bool = False
    key: Hashable = field(default=None, compare=False)


def _always(value: str) -> Callable[[Ad], str]:
    return lambda ad: value


class Cache:
    """A cache of the most recently used results, safe to use from several threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return the cached result of a key, or compute and cache it."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                found: _T = self._entries[key]
                return found
        result = make()
        with self._lock:
            self._entries[key] = result
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return result


class Population:
    """The accounts and ads that a seed determines, with caches of sums over them.

    :param settings: see :class:`Settings`.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.accounts: dict[str, Account] = make_accounts(self.settings)
        self.sums = Cache(4096)
        self.orders = Cache(16)
        self._ads = Cache(max(16, len(self.accounts)))
        self._shop_ads = Cache(max(16, len(self.accounts)))
        self._special_ads = Cache(32)
        self._assets = Cache(64)
        self._selections = Cache(64)

    def ads(self, advertiser_id: str) -> list[Ad]:
        """Return an account's ads, including deleted ones, newest first."""
        return self._ads.get(advertiser_id, lambda: make_ads(self.accounts[advertiser_id], self.settings.ads))

    def shop_ads(self, advertiser_id: str) -> list[Ad]:
        """Return the creatives of an account's GMV Max campaigns, including deleted ones, newest first."""
        return self._shop_ads.get(advertiser_id, lambda: make_shop_ads(self.accounts[advertiser_id]))

    def special_ads(self, advertiser_id: str, automation: str) -> list[Ad]:
        """Return an account's ads in TopView or Promote campaigns, including deleted ones, newest first."""
        return self._special_ads.get(
            (advertiser_id, automation), lambda: make_special_ads(self.accounts[advertiser_id], automation)
        )

    def assets(self, advertiser_id: str, kind: str) -> list[Asset]:
        """Return an account's videos, images, identities, audiences or pixels, newest first."""
        count = {"video": self.settings.videos, "image": self.settings.images}.get(kind, _ASSETS)
        return self._assets.get(
            (advertiser_id, kind), lambda: make_assets(self.accounts[advertiser_id], kind, count)
        )

    def select(self, account: Account, query: Query) -> Selection:
        """Return the entities that a report covers."""
        shop = query.report_type in SHOP_REPORTS
        key = (
            *(account.advertiser_id, query.level, query.id_dimensions, query.filters),
            *(query.matches_nothing, shop, query.store, query.untruncated),
        )
        return self._selections.get(key, lambda: self._select(account, query, key))

    def _select(self, account: Account, query: Query, key: Hashable) -> Selection:
        if query.matches_nothing:
            return Selection((), key=key)
        if query.report_type in SHOP_REPORTS:
            ads = self.shop_ads(account.advertiser_id)
            if query.store is not None:
                ads = [ad for ad in ads if store_of(account, ad) == query.store]
        else:
            ads = self.ads(account.advertiser_id)
        for matches in [one.predicate(query.level) for one in query.filters]:
            ads = list(filter(matches, ads))
        own = account.advertiser_id
        if query.id_dimensions in ((), ("advertiser_id",)):
            entity = ((own,) if query.id_dimensions else (), tuple(ads))
            return Selection((entity,) if account.has_campaigns else (), key=key)
        groups: dict[tuple[str, ...], list[Ad]] = {}
        names = [_KEY[name] if name in _KEY else _always(own) for name in query.id_dimensions]
        for ad in ads:
            groups.setdefault(tuple([name(ad) for name in names]), []).append(ad)
        entities = [(ids, tuple(members)) for ids, members in groups.items()]
        limit = len(entities) + 1 if query.untruncated else self.settings.max_entities
        covered = self._in_order(entities[:limit])
        return Selection(tuple(covered), truncated=len(entities) >= limit, key=key)

    def _in_order(self, entities: list[Entity]) -> Iterable[Entity]:
        """Return entities newest first, or in the order of the order seed."""
        salt = self.settings.order_seed
        return sorted(entities, key=lambda pair: mix_text(pair[0][-1], mix(salt) >> 32)) if salt else entities
