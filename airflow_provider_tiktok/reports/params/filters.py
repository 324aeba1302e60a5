"""Read, check and encode the filters of a report as TikTok expects them."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_tiktok.reports.params.coerce import (
    as_json,
    check_sendable,
    did_you_mean,
    invalid,
    optional,
    structure,
)
from airflow_provider_tiktok.reports.params.filter_fields import (
    EXCLUDE_EACH_OTHER,
    FILTER_FIELDS,
    NEVER_FIELDS,
    FilterField,
)
from airflow_provider_tiktok.reports.params.suggestions import check_names

log = logging.getLogger(__name__)

KEYS = ("field_name", "filter_type", "filter_value")

LIST_TYPES = ("IN", "NOT_IN", "CONTAIN_ANY_OF")
"""Filter types whose value is a JSON list in text."""

RANGE_TYPES = ("BETWEEN", "RANGE")
"""Filter types whose value is a JSON list of exactly two strings; TikTok's gateway treats both names as the same."""

TYPES = (*LIST_TYPES, *RANGE_TYPES, "MATCH", "GREATER_EQUAL", "GREATER_THAN", "LOWER_EQUAL", "LOWER_THAN")

ID_FIELDS = ("campaign_ids", "adgroup_ids", "ad_ids", "ad_ids_v2")
MAX_IDS = 100
"""How many IDs a filter takes in one call."""

MAX_IDS_OF_A_JOB = 20_000
"""How many IDs a filter takes in one report task, except for ``ad_ids_v2``."""

ROW_IDS = ("campaign_id", "adgroup_id", "ad_id", "ad_id_v2")
"""Dimensions with which each row is of one campaign, ad group or ad."""

LEVELS_OF_ID_FIELDS = {
    "campaign_ids": ("AUCTION_CAMPAIGN", "AUCTION_ADGROUP", "AUCTION_AD"),
    "adgroup_ids": ("AUCTION_ADGROUP", "AUCTION_AD"),
    "ad_ids": ("AUCTION_AD",),
    "ad_ids_v2": ("AUCTION_AD",),
}
"""Data levels at which each row belongs to exactly one of the IDs of a filter."""

STATUS_FIELDS = {
    "AUCTION_CAMPAIGN": "campaign_status",
    "AUCTION_ADGROUP": "adgroup_status",
    "AUCTION_AD": "ad_status",
}
"""The filter that decides about deleted entities, by data level. At the account's level everything counts."""

_WITH_COMMAS = ("campaign_label_names",)  # whose values may hold commas themselves
_IS_ID = re.compile(r"[0-9]+")
_IS_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_IS_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?")
_TIME = "it takes a day or a time in UTC, such as 2026-11-01 or 2026-11-01 13:00:00"

_EXAMPLE = '[{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": ["123"]}]'


def parse_filters(
    value: object, report_type: str = "BASIC", *, check: bool = True
) -> tuple[dict[str, str], ...]:
    """Read filters from a list or JSON text.

    :param value: list of objects with ``field_name``, ``filter_type`` and ``filter_value``, or the same
        as JSON text; a value may be a list, number or text.
    :param report_type: decides which fields are known.
    :param check: whether fields, their types and their values are checked.
    :return: the filters as TikTok expects them: every ``filter_value`` is text, lists as JSON inside it.
    :raises TikTokInvalidRequestError: with the number of the filter and what is wrong with it.
    """
    found = []
    for index, item in enumerate(_items(value)):
        where = f"filters[{index}]"
        one = _parse_filter(where, item, report_type)
        if check:
            _check_filter(where, one, report_type)
        found.append(one)
    check_sendable(found, "filters")
    return tuple(found)


def parse_filter_object(value: object, report_type: str, *, check: bool = True) -> dict[str, Any]:
    """Read filters for an endpoint that takes one object, such as ``{"campaign_ids": ["1"]}``.

    :param value: that object, or a list of filters as in other reports, or either as JSON text.
    :param check: whether fields, their types and their values are checked.
    :return: the object.
    :raises TikTokInvalidRequestError: a filter can't be put into the object.
    """
    read = structure(optional(value, "filters"))
    found: dict[str, Any] = {}
    if isinstance(read, Mapping):
        new = {str(name): item for name, item in read.items() if name not in FILTER_FIELDS[report_type]}
        if check:
            check_names("filters", new, FILTER_FIELDS[report_type])
        found = {name: as_json(item) for name, item in new.items()}
        items: Sequence[object] = _as_items(read, report_type)
    else:
        items = _items(value)
    for index, item in enumerate(items):
        where = f"filters[{index}]" if not isinstance(read, Mapping) else "filters"
        one = _parse_filter(where, item, report_type)
        if one["filter_type"] not in {"IN", "MATCH"}:
            raise invalid(
                f"{where}.filter_type",
                f"is {one['filter_type']}; {report_type} reports take IN and MATCH only.",
            )
        if check:
            _check_filter(where, one, report_type)
        is_list = one["filter_type"] == "IN"
        found[one["field_name"]] = json.loads(one["filter_value"]) if is_list else one["filter_value"]
    both = [name for name in EXCLUDE_EACH_OTHER.get(report_type, ()) if name in found]
    if check and len(both) > 1:
        raise invalid(
            "filters",
            f"holds {' and '.join(both)}, of which TikTok takes one in a {report_type} report. Drop one.",
        )
    check_sendable(found, "filters")
    return found


def _as_items(filters: Mapping[Any, Any], report_type: str) -> list[dict[str, Any]]:
    """Return the known filters of an object as a list of filters."""
    return [
        {"field_name": name, "filter_type": field.types[0], "filter_value": filters[name]}
        for name, field in FILTER_FIELDS[report_type].items()
        if name in filters
    ]


def _items(value: object) -> Sequence[object]:
    value = optional(value, "filters")
    if value is None:
        return ()
    items = structure(value)
    if isinstance(items, str):
        raise invalid("filters", f"is not JSON. Write a list such as {_EXAMPLE}.")
    if not isinstance(items, (list, tuple)):
        raise invalid("filters", f"must be a list such as {_EXAMPLE}, not {type(items).__name__}.")
    return items


def keep_deleted(filters: tuple[dict[str, str], ...], data_level: str) -> tuple[dict[str, str], ...]:
    """Add the filter that keeps deleted entities in, unless the user filters by status already.

    Without it TikTok leaves deleted campaigns, ad groups or ads out, and sums fall short of the account's.
    """
    field = STATUS_FIELDS.get(data_level)
    given = {item["field_name"] for item in filters} & set(STATUS_FIELDS.values())
    if field is None or given:
        if field is not None and field not in given:
            log.warning(
                "TikTok leaves out what is deleted at this level: the filter on %s says nothing about %s. Add a filter "
                "%s IN STATUS_ALL to count it.",
                ", ".join(sorted(given)),
                field,
                field,
            )
        return filters
    return (*filters, {"field_name": field, "filter_type": "IN", "filter_value": '["STATUS_ALL"]'})


def max_ids(field_name: str, *, is_async: bool) -> int:
    """Return how many IDs a filter takes in one call, or in one report task."""
    return MAX_IDS_OF_A_JOB if is_async and field_name != "ad_ids_v2" else MAX_IDS


def split_filter(item: dict[str, str], *, is_async: bool = False) -> list[dict[str, str]]:
    """Return a filter as several filters, each with at most as many IDs as TikTok takes."""
    if item["field_name"] not in ID_FIELDS or item["filter_type"] != "IN":
        return [item]
    ids = json.loads(item["filter_value"])
    most = max_ids(item["field_name"], is_async=is_async)
    return [
        {**item, "filter_value": json.dumps(ids[first : first + most])} for first in range(0, len(ids), most)
    ]


def check_splittable(
    filters: Sequence[Mapping[str, str]],
    data_level: str | None,
    dimensions: Sequence[str],
    *,
    is_async: bool = False,
) -> None:
    """Refuse long lists of IDs in a report whose rows don't each belong to one of them.

    Otherwise the list is split over several calls, and each row comes from one of them.

    :raises TikTokInvalidRequestError: rows would have to be added up.
    """
    for index, item in enumerate(filters):
        if item["field_name"] not in ID_FIELDS or item["filter_type"] not in LIST_TYPES:
            continue
        most = max_ids(item["field_name"], is_async=is_async)
        if len(json.loads(item["filter_value"])) <= most:
            continue
        levels = LEVELS_OF_ID_FIELDS[item["field_name"]]
        if item["filter_type"] != "IN" or data_level not in levels or not set(dimensions) & set(ROW_IDS):
            raise invalid(
                f"filters[{index}].filter_value",
                f"holds {len(json.loads(item['filter_value']))} IDs, and TikTok takes {most} in one call. The list can "
                "be split over several calls only with IN, and where each row is of one of the IDs, as in reports by ID "
                f"of {', '.join(levels)}. Name fewer IDs.",
            )


def _parse_filter(where: str, item: object, report_type: str) -> dict[str, str]:
    item = structure(item)
    if not isinstance(item, Mapping):
        raise invalid(where, f"must be an object with {', '.join(KEYS)}, not {item!r}.")
    missing = [key for key in KEYS if key not in item]
    if missing:
        raise invalid(where, f"lacks {', '.join(missing)}. A filter has {', '.join(KEYS)}.")
    extra = [key for key in item if key not in KEYS]
    if extra:
        raise invalid(
            where, f"has {', '.join(map(str, extra))}, which filters don't have; they have {', '.join(KEYS)}."
        )
    field_name = str(item["field_name"]).strip()
    filter_type = str(item["filter_type"]).strip().upper()
    if filter_type not in TYPES:
        raise invalid(f"{where}.filter_type", f"is {item['filter_type']!r}; it can be {', '.join(TYPES)}.")
    return {
        "field_name": field_name,
        "filter_type": filter_type,
        "filter_value": _encode(f"{where}.filter_value", field_name, filter_type, item["filter_value"]),
    }


def _check_filter(where: str, item: Mapping[str, str], report_type: str) -> None:
    """Refuse a field, a type or a value that TikTok certainly refuses, and warn of what it may refuse."""
    name, filter_type = item["field_name"], item["filter_type"]
    fields = FILTER_FIELDS[report_type]
    if name in NEVER_FIELDS and name not in fields:
        raise invalid(f"{where}.field_name", f"is {name}. {NEVER_FIELDS[name]}.")
    elsewhere = [kind for kind, known in FILTER_FIELDS.items() if name in known]
    if name not in fields and elsewhere:
        raise invalid(
            f"{where}.field_name",
            f"is {name}, which {report_type} reports don't have, only {', '.join(elsewhere)}. They have "
            f"{', '.join(fields)}.",
        )
    if name not in fields:
        check_names(f"{where}.field_name", (name,), fields)
        return
    field = fields[name]
    if field.types and filter_type not in field.types:
        text = f"is {filter_type}, but {name} takes {' or '.join(field.types)}."
        if field.sure:
            raise invalid(f"{where}.filter_type", text)
        log.warning("`%s.filter_type` %s It is sent as it is; TikTok decides.", where, text)
    _check_values(where, item, field, report_type)


def _check_values(where: str, item: Mapping[str, str], field: FilterField, report_type: str) -> None:
    is_list = item["filter_type"] in LIST_TYPES + RANGE_TYPES
    values = json.loads(item["filter_value"]) if is_list else [item["filter_value"]]
    if field.most and len(values) > field.most and FILTER_FIELDS[report_type] is not FILTER_FIELDS["BASIC"]:
        raise invalid(
            f"{where}.filter_value",
            f"holds {len(values)} {item['field_name']}; TikTok takes {field.most} in a {report_type} report. Split the "
            "list over tasks.",
        )
    checks = {
        "id": (_IS_ID, "IDs are numbers"),
        "number": (_IS_NUMBER, "it takes a number"),
        "time": (_IS_TIME, _TIME),
    }
    pattern, wanted = checks.get(field.kind, (None, ""))
    wrong = next((value for value in values if pattern and not pattern.fullmatch(value)), None)
    if wrong is not None:
        raise invalid(f"{where}.filter_value", f"holds {wrong!r}; {wanted}.")
    unknown = [value for value in values if field.values and value not in field.values]
    if unknown:
        text = f"holds {', '.join(unknown)}; {item['field_name']} is known to take {', '.join(field.values)}"
        if field.closed:
            raise invalid(f"{where}.filter_value", f"{text}.")
        log.warning(
            "`%s.filter_value` %s. It is sent as it is; TikTok decides.%s",
            where,
            text,
            did_you_mean(unknown[0], field.values),
        )


def _encode(where: str, field_name: str, filter_type: str, value: Any) -> str:
    if filter_type not in LIST_TYPES + RANGE_TYPES:
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        return _scalar(where, field_name, value)
    values = [_scalar(where, field_name, item) for item in _as_list(field_name, value)]
    if not values:
        raise invalid(where, "is empty; name at least one value, or leave the filter out.")
    if filter_type in RANGE_TYPES and len(values) != 2:  # noqa: PLR2004
        raise invalid(where, f"must hold two values, the lowest and the highest, not {len(values)}.")
    wrong = [text for text in values if field_name in ID_FIELDS and not _IS_ID.fullmatch(text)]
    if wrong:
        raise invalid(where, f"holds {wrong[0]!r}; IDs are numbers.")
    return json.dumps(
        list(dict.fromkeys(values)) if filter_type in LIST_TYPES else values, ensure_ascii=False
    )


def _as_list(field_name: str, value: Any) -> list[Any]:
    """Read a list that may be a list, JSON text, text with commas, or one value."""
    if isinstance(value, str) and value.strip().startswith("["):
        value = structure(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str) and field_name not in _WITH_COMMAS:
        return [part for part in re.split(r"\s*,\s*", value.strip()) if part]
    return [value]


def _scalar(where: str, field_name: str, value: Any) -> str:
    """Return a value as text, and a boolean as JSON's, even if a template rendered it to text and the field isn't a name."""
    if isinstance(value, str) and field_name.startswith("is_"):
        value = as_json(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value)):
        return str(value).strip()
    raise invalid(where, f"holds {value!r}; values are text or numbers.")
