"""The parameters of lists of entities: what ``filtering`` may name, and how many rows a page may have.

Unlike a report's, ``filtering`` is an object.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from marshmallow.fields import Field

from airflow_provider_tiktok.emulator.errors import missing, parameter_error
from airflow_provider_tiktok.emulator.schemas import base, fields
from airflow_provider_tiktok.emulator.world.conditions import MAX_IDS, STATUSES
from airflow_provider_tiktok.emulator.world.entities import AUTOMATIONS

TOP_VIEW = "RESERVATION_TOP_VIEW"
BUYING_TYPES = ("AUCTION", "RESERVATION_RF", TOP_VIEW)
ORIGINS = ("TT_ADS_PLATFORM", "PROMOTE")
GMV_MAX_TYPES = ("PRODUCT_GMV_MAX", "LIVE_GMV_MAX")
NULL_FIELD = "NULL_FIELD"

_TOP_VIEW_SIZE = 100
"""The rows of a page of TopView entities."""
_ALONE = (
    f"Invalid param: 'filtering.buying_types'. The value '{TOP_VIEW}' cannot be combined with other enum values "
    "for this parameter. Please check and try again."
)
_OBJECTIVES = (
    *("APP_PROMOTION", "WEB_CONVERSIONS", "REACH", "TRAFFIC", "VIDEO_VIEWS", "PRODUCT_SALES"),
    *("ENGAGEMENT", "LEAD_GENERATION", "RF_REACH"),
)
_BELOW_CAMPAIGNS = ("STATUS_FROZEN", "STATUS_TIME_DONE", "STATUS_RF_CLOSED")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of ``filtering``.

    :param field: the type of its value.
    :param of: the field of an entity that it looks at; empty is none.
    :param matches: returns whether the field's value is what the call asks for.
    """

    field: Field[Any]
    of: str = ""
    matches: Callable[[Any, Any], bool] = operator.eq


Keys = Mapping[str, Key]


def _ids(of: str, most: int = MAX_IDS) -> Key:
    return Key(fields.id_filter(most), of, lambda actual, given: actual in given)


def _text(of: str) -> Key:
    return Key(fields.string(), of)


def _choice(of: str, *values: str) -> Key:
    return Key(fields.choice(values), of)


def _part(of: str) -> Key:
    return Key(fields.string(), of, _contains)


def _contains(actual: Any, given: str) -> bool:
    return isinstance(actual, str) and given.casefold() in actual.casefold()


def _any_of(of: str, *values: str) -> Key:
    return Key(fields.values(len(values), values), of, lambda actual, given: actual in given)


def _number(of: str) -> Key:
    return Key(fields.whole(0), of)


def _flag(of: str) -> Key:
    return Key(fields.flag(), of)


def _from(of: str) -> Key:
    """Return the key of a lower bound; an entity without the time doesn't reach it."""
    return Key(fields.time(), of, lambda actual, given: isinstance(actual, str) and actual >= given)


def _until(of: str) -> Key:
    return Key(fields.time(), of, lambda actual, given: isinstance(actual, str) and actual <= given)


def _common(kind: str, *statuses: str) -> Keys:
    return {
        "primary_status": Key(fields.choice((*STATUSES, *statuses))),
        "secondary_status": Key(fields.code(f"{kind}_STATUS_"), "secondary_status"),
        "objective_type": _choice("objective_type", *_OBJECTIVES),
        "creation_filter_start_time": _from("create_time"),
        "creation_filter_end_time": _until("create_time"),
    }


_BUYING: Keys = {
    "buying_types": Key(fields.values(len(BUYING_TYPES), BUYING_TYPES)),
    "campaign_system_origins": Key(fields.values(len(ORIGINS), ORIGINS)),
    "campaign_automation_type": _choice("campaign_automation_type", *dict.fromkeys(AUTOMATIONS)),
    "optimization_goal": _text("optimization_goal"),
}
_MODES = ("CUSTOM", "DYNAMIC", "SMART_CREATIVE")
_DESTINATIONS = ("TIKTOK_SHOP", "WEBSITE", "APP", "WEB_AND_APP")
_CAMPAIGN_IDS: Keys = {"campaign_ids": _ids("campaign_id")}
_ADGROUP_IDS: Keys = {**_CAMPAIGN_IDS, "adgroup_ids": _ids("adgroup_id")}

CAMPAIGN: Keys = {
    **_CAMPAIGN_IDS,
    **_common("CAMPAIGN"),
    **_BUYING,
    "campaign_name": _part("campaign_name"),
    "campaign_type": _choice("campaign_type", "REGULAR_CAMPAIGN", "IOS14_CAMPAIGN"),
    "campaign_product_source": _choice("campaign_product_source", "CATALOG", "STORE"),
    "creative_campaign_type": _choice("creative_campaign_type", "SPC", "SEARCH_CAMPAIGN", "OTHER"),
    "is_smart_performance_campaign": _flag("is_smart_performance_campaign"),
    "sales_destination": _choice("sales_destination", *_DESTINATIONS),
    "split_test_enabled": _flag("split_test_enabled"),
}
ADGROUP: Keys = {
    **_ADGROUP_IDS,
    **_common("ADGROUP", *_BELOW_CAMPAIGNS),
    **_BUYING,
    "adgroup_name": _part("adgroup_name"),
    "promotion_type": _text("promotion_type"),
    "bid_strategy": _text("bid_strategy"),
    "billing_events": _any_of("billing_event", "CPC", "CPM", "OCPM", "CPV", "GD"),
    "creative_material_mode": _choice("creative_material_mode", *_MODES),
    "split_test_enabled": _flag("split_test_enabled"),
}
AD: Keys = {
    **_ADGROUP_IDS,
    **_common("AD", *_BELOW_CAMPAIGNS, "STATUS_CLOSED"),
    **_BUYING,
    "ad_ids": _ids("ad_id"),
    "ad_ids_v2": _ids("ad_id_v2"),
    "creative_material_mode": _choice("creative_material_mode", *_MODES),
    "destination": _text("destination"),
    "modified_after": _from("modify_time"),
}
SMART_PLUS_CAMPAIGN: Keys = {
    **_CAMPAIGN_IDS,
    **_common("CAMPAIGN"),
    "campaign_name": _part("campaign_name"),
    "sales_destination": _choice("sales_destination", *_DESTINATIONS),
}
SMART_PLUS_ADGROUP: Keys = {
    **_ADGROUP_IDS,
    **_common("ADGROUP", *_BELOW_CAMPAIGNS),
    "adgroup_name": _part("adgroup_name"),
    "promotion_type": _text("promotion_type"),
    "optimization_goal": _text("optimization_goal"),
}
SMART_PLUS_AD: Keys = {
    **_ADGROUP_IDS,
    **_common("AD", *_BELOW_CAMPAIGNS, "STATUS_CLOSED"),
    "smart_plus_ad_ids": _ids("smart_plus_ad_id"),
    "optimization_goal": _text("optimization_goal"),
    "modified_after": _from("modify_time"),
}
GMV_MAX_CAMPAIGN: Keys = {
    **_CAMPAIGN_IDS,
    "gmv_max_promotion_types": Key(fields.values(1, GMV_MAX_TYPES)),
    "store_ids": Key(fields.id_filter(10)),
    "primary_status": Key(fields.choice(("STATUS_DELIVERY_OK", "STATUS_DISABLE", "STATUS_DELETE"))),
}
VIDEO: Keys = {
    # these are text, not numbers
    "video_ids": Key(
        fields.id_filter(MAX_IDS, digits=False), "video_id", lambda actual, given: actual in given
    ),
    "material_ids": _ids("material_id", 20),
    "video_name": _part("file_name"),
    "video_material_sources": Key(fields.strings()),
}
IMAGE: Keys = {
    "image_ids": Key(
        fields.id_filter(MAX_IDS, digits=False), "image_id", lambda actual, given: actual in given
    ),
    "material_ids": _ids("material_id"),
    "width": _number("width"),
    "height": _number("height"),
    "ratio": Key(fields.strings()),
    "displayable": _flag("displayable"),
}
PIXEL: Keys = {"available_for_catalog_only": Key(fields.flag())}


def lines(names: tuple[str, ...], keys: Keys, most: int, default: int, more: base.Lines) -> base.Lines:
    """Return the lines of a list of entities.

    :param names: what ``fields`` may name.
    :param most: the most rows of a page.
    :param default: the rows of a page, if the call doesn't say.
    :param more: the parameters of this list only.
    """
    return {
        "needed": base.required("advertiser_id"),
        "advertiser_id": fields.identifier(),
        "fields": fields.strings(accepted=names),
        "filtering": fields.known({name: key.field for name, key in keys.items()}, names_first=True),
        **(_NULLS if "buying_types" in keys else {}),
        **more,
        "page": fields.whole(1),
        "page_size": fields.whole(1, most, default=default),
        "buying": base.Step(_check_buying_types),
    }


def _check_buying_types(call: base.CallValues) -> None:
    types = frozenset(call["filtering"].get("buying_types", ()))
    if TOP_VIEW not in types:
        return
    if len(types) > 1:
        raise parameter_error(_ALONE)
    if call["page_size"] > _TOP_VIEW_SIZE:
        raise parameter_error(f"page_size: Must be between 1 and {_TOP_VIEW_SIZE}.")


def _need_promotion_types(call: base.CallValues) -> None:
    if "gmv_max_promotion_types" not in call["filtering"]:
        raise missing("filtering.gmv_max_promotion_types")


def _need_bc_id(call: base.CallValues) -> None:
    if call["identity_type"] == "BC_AUTH_TT":
        call.require("identity_authorized_bc_id")


def _sorting(*names: str) -> base.Lines:
    return {
        "sort_field": fields.choice(names, load_default="MODIFY_TIME"),
        "sort_type": fields.choice(("ASC", "DESC"), load_default="DESC"),
    }


_NULLS: base.Lines = {"exclude_field_types_in_response": fields.strings(accepted=(NULL_FIELD,))}
GMV_MAX_LINES: base.Lines = {"promotion_types": base.Step(_need_promotion_types)}
FILE_LINES: base.Lines = _sorting("CREATE_TIME", "MODIFY_TIME")
IDENTITY_LINES: base.Lines = {
    "identity_type": fields.choice(("CUSTOMIZED_USER", "AUTH_CODE", "TT_USER", "BC_AUTH_TT")),
    "identity_authorized_bc_id": fields.identifier(),
    "bc": base.Step(_need_bc_id),
}
AUDIENCE_LINES: base.Lines = {"custom_audience_ids": fields.array(partial(fields.id_list, MAX_IDS))}
PIXEL_LINES: base.Lines = {
    "pixel_id": fields.identifier(),
    "code": fields.string(),
    "name": fields.string(),
    "order_by": fields.choice(("EARLIEST_CREATE", "LATEST_CREATE"), load_default="LATEST_CREATE"),
}
