"""The lists of campaigns, ad groups and ads, with the fields that other clients read.

Their ``filtering`` is one object, and their times are in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from marshmallow import ValidationError

from airflow_provider_tiktok.emulator.errors import missing, not_acceptable
from airflow_provider_tiktok.emulator.kinds.accounts import authorized_account
from airflow_provider_tiktok.emulator.kinds.answers import Answer, Endpoint, endpoint, page_info
from airflow_provider_tiktok.emulator.schemas import base, fields
from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.conditions import MAX_IDS, STATUSES
from airflow_provider_tiktok.emulator.world.entities import DELETED, Ad
from airflow_provider_tiktok.emulator.world.world import World

_Reader = Callable[[Account, Ad], Any]


@dataclass(frozen=True)
class Listing:
    """The list of one kind of entity.

    :param key: returns the ID of an ad's entity.
    :param fields: the fields of a row, each with a function that returns its value.
    :param status: returns an entity's primary status.
    :param ids: the filters by ID, each with a function that returns the ID.
    :param all_secondary: the secondary status that selects all entities, including deleted ones.
    """

    key: Callable[[Ad], str]
    fields: Mapping[str, _Reader]
    status: Callable[[Ad], str]
    ids: Mapping[str, Callable[[Ad], str]]
    all_secondary: str


def _time(day: int) -> str:
    return f"{date.fromordinal(day)} 08:00:00"


def _switch(status: str) -> str:
    return "DISABLE" if status in ("STATUS_DISABLE", DELETED) else "ENABLE"


def _always(value: Any) -> _Reader:
    return lambda account, ad: value


_CAMPAIGN: dict[str, _Reader] = {
    "advertiser_id": lambda account, ad: account.advertiser_id,
    "campaign_id": lambda account, ad: ad.group.campaign.id,
    "campaign_name": lambda account, ad: ad.group.campaign.name,
}
_CAMPAIGN_ID = {"campaign_ids": lambda ad: ad.group.campaign.id}
_ADGROUP_ID = {**_CAMPAIGN_ID, "adgroup_ids": lambda ad: ad.group.id}

LISTINGS: Mapping[str, Listing] = {
    "campaign/get/": Listing(
        key=lambda ad: ad.group.campaign.id,
        fields={
            **_CAMPAIGN,
            "objective_type": lambda account, ad: ad.group.campaign.objective,
            "budget": lambda account, ad: ad.group.campaign.budget / 100,
            "budget_mode": _always("BUDGET_MODE_DAY"),
            "operation_status": lambda account, ad: _switch(ad.group.campaign.status),
            "secondary_status": lambda account, ad: _secondary("CAMPAIGN", ad.group.campaign.status),
            "campaign_type": _always("REGULAR_CAMPAIGN"),
            "campaign_system_origin": _always("TT_ADS_PLATFORM"),
            "campaign_automation_type": lambda account, ad: ad.group.campaign.automation,
            "is_smart_performance_campaign": _always(False),
            "is_new_structure": _always(True),
            "create_time": lambda account, ad: _time(ad.group.campaign.created),
            "modify_time": lambda account, ad: _time(ad.group.campaign.created + 1),
        },
        status=lambda ad: ad.group.campaign.status,
        ids=_CAMPAIGN_ID,
        all_secondary="CAMPAIGN_STATUS_ALL",
    ),
    "adgroup/get/": Listing(
        key=lambda ad: ad.group.id,
        fields={
            **_CAMPAIGN,
            "adgroup_id": lambda account, ad: ad.group.id,
            "adgroup_name": lambda account, ad: ad.group.name,
            "budget": lambda account, ad: ad.group.budget / 100,
            "budget_mode": _always("BUDGET_MODE_DAY"),
            "placement_type": _always("PLACEMENT_TYPE_AUTOMATIC"),
            "billing_event": _always("CPC"),
            "optimization_goal": _always("CONVERT"),
            "promotion_type": _always("WEBSITE"),
            "operation_status": lambda account, ad: _switch(ad.group.status),
            "secondary_status": lambda account, ad: _secondary("ADGROUP", ad.group.status),
            "create_time": lambda account, ad: _time(ad.group.created),
            "modify_time": lambda account, ad: _time(ad.group.created + 1),
        },
        status=lambda ad: ad.group.status,
        ids=_ADGROUP_ID,
        all_secondary="ADGROUP_STATUS_ALL",
    ),
    "ad/get/": Listing(
        key=lambda ad: ad.id,
        fields={
            **_CAMPAIGN,
            "adgroup_id": lambda account, ad: ad.group.id,
            "adgroup_name": lambda account, ad: ad.group.name,
            "ad_id": lambda account, ad: ad.id,
            "ad_name": lambda account, ad: ad.name,
            "ad_text": lambda account, ad: f"Now with more {ad.name.strip()}",
            "ad_format": _always("SINGLE_VIDEO"),
            "call_to_action": _always("LEARN_MORE"),
            "operation_status": lambda account, ad: _switch(ad.status),
            "secondary_status": lambda account, ad: _secondary("AD", ad.status),
            "create_time": lambda account, ad: _time(ad.created),
            "modify_time": lambda account, ad: _time(ad.created + 1),
        },
        status=lambda ad: ad.status,
        ids={**_ADGROUP_ID, "ad_ids": lambda ad: ad.id},
        all_secondary="AD_STATUS_ALL",
    ),
}
"""The list of each path."""

_STATES = {
    "STATUS_DELIVERY_OK": "DELIVERY_OK",
    "STATUS_DISABLE": "DISABLE",
    "STATUS_NOT_DELIVERY": "NOT_DELIVERY",
    DELETED: "DELETE",
}


def _secondary(kind: str, status: str) -> str:
    return f"{kind}_STATUS_{_STATES[status]}"


def listing_of(path: str) -> Endpoint:
    """Return the endpoint that lists an account's campaigns, ad groups or ads."""
    listing = LISTINGS[path]

    def serve(world: World, call: base.CallValues) -> Answer:
        account = authorized_account(world, call["advertiser_id"], path)
        ads = filter(call["filtering"], world.ads(account.advertiser_id))
        rows = _rows(listing, account, ads, call["fields"] or tuple(listing.fields))
        page, size = call["page"], call["page_size"]
        first = (page - 1) * size
        return Answer(rows=rows[first : first + size], rest=page_info(world, page, size, len(rows)))

    page, page_size = base.paging()
    lines: base.Lines = {
        "needed": base.required("advertiser_id"),
        "advertiser_id": fields.identifier(),
        "fields": fields.strings(accepted=tuple(listing.fields)),
        "filtering": fields.mapping(partial(_predicate, listing)),
        "page": page,
        "page_size": page_size,
    }
    return endpoint(lines, serve)


def _predicate(listing: Listing, given: dict[str, Any]) -> Callable[[Ad], bool]:
    """Return the predicate of a listing's ``filtering`` object; unknown keys are refused first."""
    for name in given:
        if name not in (*listing.ids, "primary_status", "secondary_status"):
            raise ValidationError(f"{name}: Unknown field.")
    primary = given.get("primary_status", "STATUS_NOT_DELETE")
    if primary not in STATUSES:
        raise not_acceptable("primary_status", STATUSES)
    everything = primary == "STATUS_ALL" or given.get("secondary_status") == listing.all_secondary
    wanted = {name: _ids(name, given[name]) for name in listing.ids if name in given}

    def matches(ad: Ad) -> bool:
        status = listing.status(ad)
        selected = everything or (status != DELETED if primary == "STATUS_NOT_DELETE" else status == primary)
        return selected and all(listing.ids[name](ad) in ids for name, ids in wanted.items())

    return matches


def _rows(listing: Listing, account: Account, ads: Iterable[Ad], fields: tuple[str, ...]) -> list[str]:
    """Return one row per entity as JSON, in the order of its first ad."""
    first: dict[str, Ad] = {}
    for ad in ads:
        first.setdefault(listing.key(ad), ad)
    return [
        json.dumps({name: listing.fields[name](account, ad) for name in fields}, ensure_ascii=False)
        for ad in first.values()
    ]


def _ids(name: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValidationError(f"{name}: Not a valid list of strings.")
    if not value:
        raise missing(f"filtering.{name}")
    if len(value) > MAX_IDS:
        raise ValidationError(f"{name}: Longer than maximum length {MAX_IDS}.")
    return frozenset(value)
