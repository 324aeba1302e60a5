"""In which order the emulator refuses, and that no value of any parameter breaks it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_tiktok.emulator.errors import ApiError
from airflow_provider_tiktok.emulator.kinds.listings import LISTINGS

from .conftest import REPORT, fetch
from .test_report_types import (
    AUDIENCE,
    BC,
    BREAKDOWN,
    CATALOG,
    FIRST,
    GMV,
    GMV_MAX,
    MATERIALS,
    OVERVIEW,
    PLAYABLE,
    SMART,
    TT_SHOP,
    V2,
    VIDEOS,
    WORLD,
    by,
)

BASIC = {**AUDIENCE, "report_type": "BASIC", "dimensions": ["ad_id", "stat_time_day"]}
ENTITY = {"advertiser_id": FIRST.advertiser_id}
GMV_MAX_TYPES = {"filtering": {"gmv_max_promotion_types": ["LIVE_GMV_MAX"]}}
CALLS: list[tuple[str, dict[str, Any], bool]] = [
    *((REPORT, legal, False) for legal in (BASIC, AUDIENCE, BC, TT_SHOP, CATALOG, PLAYABLE)),
    (GMV_MAX, GMV, False),
    (GMV_MAX, V2, True),
    (VIDEOS, {**V2, "dimensions": ["item_id"]}, True),
    (OVERVIEW, SMART, False),
    (BREAKDOWN, MATERIALS, False),
    *((path, ENTITY | GMV_MAX_TYPES if path.startswith("gmv") else ENTITY, False) for path in LISTINGS),
    ("advertiser/info/", {"advertiser_ids": [FIRST.advertiser_id]}, False),
    ("oauth2/advertiser/get/", {"app_id": WORLD.settings.app_id, "secret": "s"}, False),
]
OPTIONAL = (
    *(
        "advertiser_ids",
        "service_type",
        "data_level",
        "metrics",
        "query_lifetime",
        "order_field",
        "order_type",
    ),
    *(
        "sort_field",
        "sort_type",
        "filtering",
        "query_mode",
        "enable_total_metrics",
        "page",
        "page_size",
        "fields",
        "exclude_field_types_in_response",
        "custom_audience_ids",
        "identity_type",
        "order_by",
        "pixel_id",
        "code",
    ),
)
JUNK = (
    "",
    " ",
    "x",
    "1",
    0,
    -1,
    1.5,
    True,
    [],
    ["x"],
    ["1", "1"],
    [None],
    {},
    {"x": 1},
    [{}],
    "[",
    "null",
    10**19,
)


def refusal(path: str, call: dict[str, Any], *, v2: bool) -> str:
    """Return code and message of a refusal; empty if the call is accepted."""
    try:
        fetch(WORLD, path, v2=v2, **call)
    except ApiError as error:
        return f"{error.code} {error.message}"
    return ""


@pytest.mark.sampled(12)
@pytest.mark.parametrize(
    ("path", "legal", "v2"),
    CALLS,
    ids=[f"{legal.get('report_type', path)}-{v2}" for path, legal, v2 in CALLS],
)
def test_no_value_of_a_parameter_breaks_a_call(path: str, legal: dict[str, Any], v2: bool) -> None:
    assert not refusal(path, legal, v2=v2)
    for name in {**legal, **dict.fromkeys(OPTIONAL)}:
        for value in JUNK:
            refused = refusal(path, {**legal, name: value}, v2=v2)
            assert refused[:5] in {"", "40001", "40002", "40113"}, (name, value)


ORDER: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    # what is needed, before types; types, before names; names, before pages; the report, at last
    (REPORT, BASIC, {"advertiser_id": None, "data_level": None}, "Missing required field(s): advertiser_id"),
    (REPORT, BASIC, {"data_level": None, "dimensions": None, "service_type": "x"}, "data_level, dimensions"),
    (REPORT, BASIC, {"dimensions": ["x"], "metrics": "x"}, "metrics: Not a valid list."),
    (REPORT, BASIC, {"dimensions": ["x"], "start_date": None}, "Missing required field(s): start_date"),
    (REPORT, BASIC, {"dimensions": ["x"], "page": 0}, "Invalid value for dimensions: x is not supported"),
    (REPORT, BASIC, {"page": 0, "filtering": "x"}, "page: Must be greater than or equal to 1."),
    (REPORT, BASIC, {"order_type": "x", "metrics": ["x"]}, "correct is ['ASC', 'DESC']"),
    (REPORT, BASIC, {"start_date": "2026-10-01", "metrics": ["x"]}, "max time span is 30 days"),
    (REPORT, AUDIENCE, {"advertiser_id": None, "query_mode": "CHUNK"}, "query_mode CHUNK is not supported"),
    (REPORT, AUDIENCE, {"service_type": "x", "query_lifetime": True}, "service_type: one or more value"),
    (
        REPORT,
        CATALOG,
        {"advertiser_id": None, "query_mode": "CHUNK"},
        "Missing required field(s): advertiser_id",
    ),
    (REPORT, BC, {"bc_id": "x", "data_level": "x"}, "bc_id: Not a valid ID"),
    (
        REPORT,
        BC,
        {"service_type": "x", "dimensions": ["x"]},
        "service_type is not supported when report_type is BC",
    ),
    (REPORT, PLAYABLE, by("country_code", metrics="x"), "dimension playable_id is required"),
    (REPORT, TT_SHOP, {"filtering": [], "service_type": "RESERVATION"}, "filtering is not supported"),
    (REPORT, TT_SHOP, by("campaign_id", data_level="x"), "data_level: one or more value"),
    (GMV_MAX, GMV, {"store_ids": [], "dimensions": ["x"]}, "store_ids: Length must be between 1 and 1"),
    (
        GMV_MAX,
        GMV,
        by("campaign_id", metrics="x"),
        "Missing required field(s): filtering.gmv_max_promotion_types",
    ),
    (OVERVIEW, SMART, {"query_lifetime": 1, "advertiser_id": None}, "query_lifetime: Not a valid boolean."),
    (OVERVIEW, SMART, {"metrics": ["x"], "filtering": "x"}, "Invalid metric fields: ['x']. "),
    (OVERVIEW, SMART, by("campaign_id", filtering="x"), "filtering: Not a valid object."),
    ("ad/get/", ENTITY, {"filtering": {"ad_ids": 1, "x": 1}}, "filtering: x: Unknown field."),
    (
        "ad/get/",
        ENTITY,
        {"fields": ["x"], "page": 0},
        "fields: one or more value of the param is not acceptable",
    ),
]


@pytest.mark.parametrize(("path", "legal", "changes", "text"), ORDER, ids=[text[:60] for *_, text in ORDER])
def test_the_first_refusal_is_the_answer(
    path: str, legal: dict[str, Any], changes: dict[str, Any], text: str
) -> None:
    assert text in refusal(path, {**legal, **changes}, v2=False)


@pytest.mark.parametrize(("path", "legal"), [(GMV_MAX, V2), (VIDEOS, {**V2, "dimensions": ["item_id"]})])
def test_an_empty_metric_to_sort_by_is_unknown(path: str, legal: dict[str, Any]) -> None:
    assert refusal(path, {**legal, "sort_field": ""}, v2=True) == "40002 Invalid metric:  is not exist"
