"""The entities that can be listed: where TikTok has each, and what a complete list of it takes.

A new entity is one more line in :data:`KINDS`, and one file in :mod:`~airflow_provider_tiktok.entities.catalog`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_tiktok.api.scopes import scope_of

TOP_VIEW = "RESERVATION_TOP_VIEW"
"""The buying type that TikTok takes alone only, and gives in smaller pages."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One of the calls that a complete list takes.

    :param filtering: what tells it from the others.
    :param name: for messages; empty for the first one.
    :param is_deleted: whether it is of deleted entities only.
    :param page_size: the largest that TikTok takes here, where that is not the kind's.
    """

    filtering: Mapping[str, Any]
    name: str = ""
    is_deleted: bool = False
    page_size: int | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entity.

    :param name: as users write it.
    :param plural: for messages.
    :param path: TikTok's endpoint.
    :param key: the field with the ID.
    :param list_key: where ``data`` has the list.
    :param page_size: the largest that TikTok takes; the number of accounts of a call for accounts.
    :param filters: what ``filtering`` may name.
    :param parameters: what ``filters`` may name, too, and TikTok takes next to ``filtering``.
    :param sweeps: the calls that a complete list takes.
    :param all_statuses: what includes deleted entities in every sweep; empty where a sweep of their own has them.
    :param takes_fields: whether TikTok can be asked for some of the fields.
    :param status: the field that says whether an entity is deleted; ``None`` where none does.
    :param modified: the filter by the time of the last change; ``None`` where there is none.
    :param is_shared: whether several accounts may have the same one, so that its ID alone identifies none of an account.
    :param reach: how many entities TikTok lists at most, the newest ones; ``None`` for all.
    """

    name: str
    plural: str
    path: str
    key: str
    list_key: str = "list"
    page_size: int = 1000
    filters: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    sweeps: tuple[Sweep, ...] = (Sweep({}),)
    all_statuses: str = ""
    takes_fields: bool = True
    status: str | None = None
    modified: str | None = None
    reach: int | None = None
    is_shared: bool = False

    @property
    def scope(self) -> str:
        """The permission that an app needs."""
        return scope_of(self.path)


_STATUS = "secondary_status"
_DELIVERED: tuple[Sweep, ...] = (
    Sweep({}),
    Sweep({"buying_types": [TOP_VIEW]}, "TopView", page_size=100),
    Sweep({"campaign_system_origins": ["PROMOTE"]}, "Promote"),
)
_GMV_MAX = tuple(
    Sweep(
        {"gmv_max_promotion_types": [f"{kind}_GMV_MAX"], **status},
        f"{kind.lower()}{', deleted' if status else ''}",
        is_deleted=bool(status),
    )
    for kind in ("PRODUCT", "LIVE")
    for status in ({}, {"primary_status": "STATUS_DELETE"})
)
_COMMON = (
    "primary_status",
    "secondary_status",
    "objective_type",
    "creation_filter_start_time",
    "creation_filter_end_time",
)
_BUYING = ("buying_types", "campaign_system_origins", "campaign_automation_type", "optimization_goal")
_WITH_STATUS: dict[str, Any] = {"all_statuses": "STATUS_ALL", "status": _STATUS}
_LIBRARY: dict[str, Any] = {"page_size": 100, "takes_fields": False, "is_shared": True}

_LISTED = (
    Kind("advertiser", "accounts", "advertiser/info/", "advertiser_id", page_size=100),
    Kind(
        "campaign",
        "campaigns",
        "campaign/get/",
        "campaign_id",
        filters=(
            *(*_COMMON, *_BUYING, "campaign_ids", "campaign_name", "campaign_type"),
            *("campaign_product_source", "creative_campaign_type", "is_smart_performance_campaign"),
            *("sales_destination", "split_test_enabled"),
        ),
        sweeps=_DELIVERED,
        **_WITH_STATUS,
    ),
    Kind(
        "adgroup",
        "ad groups",
        "adgroup/get/",
        "adgroup_id",
        filters=(
            *(*_COMMON, *_BUYING, "campaign_ids", "adgroup_ids", "adgroup_name", "promotion_type"),
            *("bid_strategy", "billing_events", "creative_material_mode", "split_test_enabled"),
        ),
        sweeps=_DELIVERED,
        **_WITH_STATUS,
    ),
    Kind(
        "ad",
        "ads",
        "ad/get/",
        "ad_id",
        filters=(
            *(*_COMMON, *_BUYING, "campaign_ids", "adgroup_ids", "ad_ids", "ad_ids_v2"),
            *("creative_material_mode", "destination", "modified_after"),
        ),
        sweeps=_DELIVERED,
        modified="modified_after",
        **_WITH_STATUS,
    ),
    Kind(
        "smart_plus_campaign",
        "Smart+ campaigns",
        "smart_plus/campaign/get/",
        "campaign_id",
        filters=(*_COMMON, "campaign_ids", "campaign_name", "sales_destination"),
        **_WITH_STATUS,
    ),
    Kind(
        "smart_plus_adgroup",
        "Smart+ ad groups",
        "smart_plus/adgroup/get/",
        "adgroup_id",
        filters=(
            *(*_COMMON, "campaign_ids", "adgroup_ids", "adgroup_name"),
            *("promotion_type", "optimization_goal"),
        ),
        **{**_WITH_STATUS, "status": None},
    ),
    Kind(
        "smart_plus_ad",
        "Smart+ ads",
        "smart_plus/ad/get/",
        "smart_plus_ad_id",
        page_size=100,
        filters=(
            *(*_COMMON, "campaign_ids", "adgroup_ids", "smart_plus_ad_ids"),
            *("optimization_goal", "modified_after"),
        ),
        modified="modified_after",
        **_WITH_STATUS,
    ),
    Kind(
        "gmv_max_campaign",
        "GMV Max campaigns",
        "gmv_max/campaign/get/",
        "campaign_id",
        page_size=100,
        filters=("gmv_max_promotion_types", "store_ids", "campaign_ids", "primary_status"),
        sweeps=_GMV_MAX,
        status=_STATUS,
    ),
    Kind(
        "video",
        "videos",
        "file/video/ad/search/",
        "video_id",
        filters=("video_ids", "material_ids", "video_name", "video_material_sources"),
        reach=10_000,
        **_LIBRARY,
    ),
    Kind(
        "image",
        "images",
        "file/image/ad/search/",
        "image_id",
        filters=("image_ids", "material_ids", "width", "height", "ratio", "displayable"),
        reach=10_000,
        **_LIBRARY,
    ),
    Kind(
        "identity",
        "identities",
        "identity/get/",
        "identity_id",
        list_key="identity_list",
        parameters=("identity_type", "identity_authorized_bc_id"),
        **_LIBRARY,
    ),
    Kind(
        "audience",
        "audiences",
        "dmp/custom_audience/list/",
        "audience_id",
        page_size=100,
        parameters=("custom_audience_ids",),
        takes_fields=False,
        is_shared=True,
    ),
    Kind(
        "pixel",
        "pixels",
        "pixel/list/",
        "pixel_id",
        list_key="pixels",
        page_size=20,
        filters=("available_for_catalog_only",),
        parameters=("pixel_id", "code", "name", "order_by"),
        takes_fields=False,
        is_shared=True,
    ),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _LISTED}
"""The kinds of entities by name."""
