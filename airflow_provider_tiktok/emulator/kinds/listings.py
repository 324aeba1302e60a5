"""The lists of entities: campaigns, ad groups, ads, and an account's library. One row for each path."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_tiktok.emulator.errors import PERMISSION, ApiError
from airflow_provider_tiktok.emulator.kinds.accounts import authorized_account
from airflow_provider_tiktok.emulator.kinds.answers import Answer, Endpoint, endpoint, page_info, with_edits
from airflow_provider_tiktok.emulator.schemas import base, entities
from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.entities import DELETED, Ad, Campaign, smart_ads
from airflow_provider_tiktok.emulator.world.objects import adgroups, ads, campaigns, library
from airflow_provider_tiktok.emulator.world.objects.fields import Readers, View, make_object
from airflow_provider_tiktok.emulator.world.objects.special_campaigns import PROMOTE, TOP_VIEW
from airflow_provider_tiktok.emulator.world.shop import is_live, store_of, stores
from airflow_provider_tiktok.emulator.world.world import World
from airflow_provider_tiktok.entities import catalog

_NOT_DELETED, _ALL = "STATUS_NOT_DELETE", "STATUS_ALL"
_LATEST = 10_000
"""The videos, or images, that TikTok lists: those that were changed last."""


@dataclass(frozen=True)
class Listing:
    """The list of one kind of entity.

    :param entity: its name in the catalogue.
    :param items: returns the items of an account that a call can get, deleted ones included, in the list's order.
    :param fields: the fields of a row, each with its reader.
    :param keys: the keys of ``filtering``.
    :param most: the most rows of a page.
    :param default: the rows of a page, if the call doesn't say.
    :param key: the answer's key of the list.
    :param more: the parameters of this list only.
    :param campaign_of: returns an item's campaign, where it can be a Promote one, of which few fields come.
    :param level: what begins the secondary status that selects all entities; empty if there is none.
    :param reach: how many items, those that were changed last, come at all; after them pages are empty.
    """

    entity: str
    items: Callable[[World, Account, base.CallValues], Iterable[Any]]
    fields: Readers
    keys: entities.Keys = field(default_factory=dict)
    most: int = 1000
    default: int = 10
    key: str = "list"
    more: base.Lines = field(default_factory=dict)
    campaign_of: Callable[[Any], Campaign] | None = None
    level: str = ""
    reach: int | None = None


def _delivered_ads(world: World, account: Account, call: base.CallValues) -> list[Ad]:
    """Return the ads of the buying types and of the origins that a call asks for."""
    given, own = call["filtering"], account.advertiser_id
    types = given.get("buying_types", entities.BUYING_TYPES[:2])
    origins = given.get("campaign_system_origins", entities.ORIGINS[:1])
    found: list[Ad] = []
    if "TT_ADS_PLATFORM" in origins:
        if entities.TOP_VIEW in types:
            found += world.special_ads(own, TOP_VIEW)
        if "AUCTION" in types:
            found += world.ads(own)
    if "PROMOTE" in origins and "AUCTION" in types:
        found += world.special_ads(own, PROMOTE)
    return found


def _upgraded_ads(world: World, account: Account) -> list[Ad]:
    return [ad for ad in world.ads(account.advertiser_id) if campaigns.is_upgraded(ad.group.campaign)]


def _gmv_max_campaigns(world: World, account: Account, call: base.CallValues) -> list[Any]:
    given, known = call["filtering"], stores(account)
    wanted = given.get("store_ids", known)
    for store in wanted:
        if store not in known:
            raise ApiError(PERMISSION, f"No permission to operate store {store}.")
    live = given["gmv_max_promotion_types"] == ("LIVE_GMV_MAX",)
    return [
        ad.group.campaign
        for ad in world.shop_ads(account.advertiser_id)
        if is_live(ad) is live and store_of(account, ad) in wanted
    ]


def _files(kind: str) -> Callable[[World, Account, base.CallValues], list[Any]]:
    """Return the function that returns videos or images in the order that a call asks for."""

    def read(world: World, account: Account, call: base.CallValues) -> list[Any]:
        by_creation = call["sort_field"] == "CREATE_TIME"
        return sorted(
            world.assets(account.advertiser_id, kind),
            key=(lambda asset: asset.number) if by_creation else library.modified,
            reverse=call["sort_type"] == "DESC",
        )

    return read


def _identities(world: World, account: Account, call: base.CallValues) -> list[Any]:
    found, kind = world.assets(account.advertiser_id, "identity"), call["identity_type"]
    view = View(account, world.settings.now())
    return [one for one in found if kind in (None, library.IDENTITY["identity_type"](view, one))]


def _audiences(world: World, account: Account, call: base.CallValues) -> list[Any]:
    wanted = call["custom_audience_ids"]
    return [
        one for one in world.assets(account.advertiser_id, "audience") if wanted is None or one.id in wanted
    ]


def _pixels(world: World, account: Account, call: base.CallValues) -> list[Any]:
    view = View(account, world.settings.now())
    found = world.assets(account.advertiser_id, "pixel")
    for name, of in (("pixel_id", "pixel_id"), ("code", "pixel_code"), ("name", "pixel_name")):
        wanted = call[name]
        found = [one for one in found if wanted in (None, library.PIXEL[of](view, one))]
    return found[::-1] if call["order_by"] == "EARLIEST_CREATE" else found


LISTINGS: Mapping[str, Listing] = {
    "campaign/get/": Listing(
        "campaign",
        lambda *call: (ad.group.campaign for ad in _delivered_ads(*call)),
        campaigns.CAMPAIGN,
        entities.CAMPAIGN,
        campaign_of=lambda campaign: campaign,
        level="CAMPAIGN",
    ),
    "adgroup/get/": Listing(
        "adgroup",
        lambda *call: (ad.group for ad in _delivered_ads(*call)),
        adgroups.ADGROUP,
        entities.ADGROUP,
        campaign_of=lambda group: group.campaign,
        level="ADGROUP",
    ),
    "ad/get/": Listing(
        *("ad", _delivered_ads, ads.AD, entities.AD),
        campaign_of=lambda ad: ad.group.campaign,
        level="AD",
    ),
    "smart_plus/campaign/get/": Listing(
        "smart_plus_campaign",
        lambda world, account, call: (ad.group.campaign for ad in _upgraded_ads(world, account)),
        campaigns.SMART_PLUS_CAMPAIGN,
        entities.SMART_PLUS_CAMPAIGN,
        level="CAMPAIGN",
    ),
    "smart_plus/adgroup/get/": Listing(
        "smart_plus_adgroup",
        lambda world, account, call: (ad.group for ad in _upgraded_ads(world, account)),
        adgroups.SMART_PLUS_ADGROUP,
        entities.SMART_PLUS_ADGROUP,
        level="ADGROUP",
    ),
    "smart_plus/ad/get/": Listing(
        "smart_plus_ad",
        lambda world, account, call: smart_ads(_upgraded_ads(world, account)),
        ads.SMART_PLUS_AD,
        entities.SMART_PLUS_AD,
        most=100,
        level="AD",
    ),
    "gmv_max/campaign/get/": Listing(
        "gmv_max_campaign",
        _gmv_max_campaigns,
        campaigns.GMV_MAX_CAMPAIGN,
        entities.GMV_MAX_CAMPAIGN,
        most=100,
        more=entities.GMV_MAX_LINES,
        level="CAMPAIGN",
    ),
    "file/video/ad/search/": Listing(
        *("video", _files("video"), library.VIDEO, entities.VIDEO, 100, 20),
        more=entities.FILE_LINES,
        reach=_LATEST,
    ),
    "file/image/ad/search/": Listing(
        *("image", _files("image"), library.IMAGE, entities.IMAGE, 100, 20),
        more=entities.FILE_LINES,
        reach=_LATEST,
    ),
    "identity/get/": Listing(
        *("identity", _identities, library.IDENTITY, {}, 100, 20, "identity_list"),
        more=entities.IDENTITY_LINES,
    ),
    "dmp/custom_audience/list/": Listing(
        *("audience", _audiences, library.AUDIENCE, {}, 100),
        more=entities.AUDIENCE_LINES,
    ),
    "pixel/list/": Listing(
        *("pixel", _pixels, library.PIXEL, entities.PIXEL, 20, 10, "pixels"), more=entities.PIXEL_LINES
    ),
}
"""The list of each path."""


def listing_of(path: str) -> Endpoint:
    """Return the endpoint of a list."""
    listing = LISTINGS[path]
    names = tuple(catalog.fields(listing.entity))

    def serve(world: World, call: base.CallValues) -> Answer:
        account = authorized_account(world, call["advertiser_id"], path)
        view = View(account, world.settings.now())
        items = _select(listing, world, view, call)
        page, size = call["page"], call["page_size"]
        first = (page - 1) * size
        reachable = _reachable(items, listing.reach)

        def rows(shift: int) -> list[str]:
            found = reachable[max(0, first + shift) : first + shift + size]
            return [_row(listing, world.settings.edits, view, item, call) for item in found]

        info = page_info(world, page, size, len(items))
        return Answer(rows=rows(0), key=listing.key, shifted=rows, rest=info)

    # TikTok takes what is in `ad_configuration` by its own name, too
    accepted = (*names, *sorted(ads.CONFIGURATION_FIELDS)) if listing.entity == "smart_plus_ad" else names
    lines = entities.lines(accepted, listing.keys, listing.most, listing.default, listing.more)
    return endpoint(lines, serve)


def _select(listing: Listing, world: World, view: View, call: base.CallValues) -> list[Any]:
    """Return the items that a call asks for, each once, newest first where they have a status."""
    found = _edited(world.settings.edits, dict.fromkeys(listing.items(world, view.account, call)))
    if listing.level:
        has_status = _status_filter(listing.level, call["filtering"])
        found = sorted(filter(has_status, found), key=lambda item: str(item.id), reverse=True)
    for name, given in call["filtering"].items():
        key = listing.keys[name]
        if key.of and not (name == "secondary_status" and given in _groups(listing.level)):
            read, matches = listing.fields[key.of], key.matches
            found = [item for item in found if matches(read(view, item), given)]
    return list(found)


def _reachable(items: list[Any], reach: int | None) -> list[Any]:
    """Return the items that come at all, in their order."""
    if reach is None or len(items) <= reach:
        return items
    latest = frozenset(sorted(items, key=library.modified, reverse=True)[:reach])
    return [item for item in items if item in latest]


def _edited(edits: Mapping[str, Any], items: Iterable[Any]) -> Iterable[Any]:
    """Return items without those that are gone, and with the status that an edit gives them."""
    if not edits:
        return items
    left = [(item, edits.get(item.id, {})) for item in items]
    return [
        dataclasses.replace(item, status=edit["primary_status"]) if "primary_status" in edit else item
        for item, edit in left
        if edit is not None
    ]


def _groups(level: str) -> tuple[str, str]:
    """Return the secondary statuses that stand for several: all, and all but deleted."""
    return f"{level}_STATUS_ALL", f"{level}_STATUS_NOT_DELETE"


def _status_filter(level: str, given: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Return whether an item has the status that a call asks for; by default it isn't deleted."""
    secondary = given.get("secondary_status", _groups(level)[1])
    wanted = given.get("primary_status", _NOT_DELETED if secondary == _groups(level)[1] else _ALL)
    if wanted == _ALL:
        return lambda item: True
    if wanted == _NOT_DELETED:
        return lambda item: bool(item.status != DELETED)
    return lambda item: bool(item.status == wanted)


def _row(listing: Listing, edits: Mapping[str, Any], view: View, item: Any, call: base.CallValues) -> str:
    """Return an item as JSON, with the fields that a call asks for."""
    names = call["fields"] or tuple(catalog.fields(listing.entity))
    inner = ads.CONFIGURATION_FIELDS.difference(listing.fields).intersection(names)
    own = dict.fromkeys("ad_configuration" if name in inner else name for name in names)
    if listing.campaign_of and listing.campaign_of(item).automation == PROMOTE:
        own = {name: None for name in own if name in campaigns.PROMOTE_FIELDS}
    row = make_object(view, item, [(name, listing.fields[name]) for name in own])
    if inner and "ad_configuration" not in names:
        row["ad_configuration"] = {name: row["ad_configuration"][name] for name in sorted(inner)}
    if edits:
        row = with_edits(row, edits.get(item.id, {}), call["fields"] or ())
    if call.get("exclude_field_types_in_response"):
        row = {name: value for name, value in row.items() if value is not None}
    return json.dumps(row, ensure_ascii=False)
