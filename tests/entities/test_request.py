"""The parameters of a list: what is refused before any call, and which calls it takes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_tiktok.entities import catalog
from airflow_provider_tiktok.entities.kinds import KINDS
from airflow_provider_tiktok.entities.request import parse_entities
from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError

TOP_VIEW, PROMOTE = ["RESERVATION_TOP_VIEW"], ["PROMOTE"]


def filterings(entity: str, **parameters):
    return [params["filtering"] for _, params in parse_entities(entity=entity, **parameters).calls()]


def test_every_kind_has_a_catalogue_a_scope_and_its_key() -> None:
    assert set(KINDS) == set(catalog.entities())
    for kind in KINDS.values():
        assert kind.key in catalog.fields(kind.name)
        assert kind.scope.endswith("Management")
        assert kind.status is None or kind.status in catalog.fields(kind.name)


@pytest.mark.parametrize("entity", ["campaign", "adgroup", "ad"])
def test_a_complete_list_takes_three_sweeps(entity) -> None:
    everything = {"primary_status": "STATUS_ALL"}
    assert filterings(entity) == [
        everything,
        everything | {"buying_types": TOP_VIEW},
        everything | {"campaign_system_origins": PROMOTE},
    ]
    assert filterings(entity, include_deleted=False) == [
        None,
        {"buying_types": TOP_VIEW},
        {"campaign_system_origins": PROMOTE},
    ]
    sizes = [params["page_size"] for _, params in parse_entities(entity=entity).calls()]
    assert sizes == [1000, 100, 1000]


def test_deleted_gmv_max_campaigns_take_sweeps_of_their_own() -> None:
    product, live = ({"gmv_max_promotion_types": [f"{kind}_GMV_MAX"]} for kind in ("PRODUCT", "LIVE"))
    deleted = {"primary_status": "STATUS_DELETE"}
    assert filterings("gmv_max_campaign") == [product, product | deleted, live, live | deleted]
    assert filterings("gmv_max_campaign", include_deleted=False) == [product, live]
    chosen = filterings("gmv_max_campaign", filters={"gmv_max_promotion_types": "LIVE_GMV_MAX"})
    assert chosen == [live, live | deleted]
    assert filterings("gmv_max_campaign", filters={"primary_status": "STATUS_DISABLE"}) == [
        product | {"primary_status": "STATUS_DISABLE"},
        live | {"primary_status": "STATUS_DISABLE"},
    ]
    assert filterings("gmv_max_campaign", filters={"gmv_max_promotion_types": ["OTHER"]}) == [
        {"gmv_max_promotion_types": ["OTHER"]}
    ]


def test_filters_of_the_user_win() -> None:
    assert filterings("ad", filters='{"primary_status": "STATUS_DISABLE", "ad_ids": [1, 2]}')[0] == {
        "primary_status": "STATUS_DISABLE",
        "ad_ids": ["1", "2"],
    }
    everything = {"primary_status": "STATUS_ALL"}
    auction = filterings("campaign", filters={"buying_types": ["AUCTION"]})
    assert auction == [
        everything | {"buying_types": ["AUCTION"]},
        everything | {"buying_types": ["AUCTION"], "campaign_system_origins": PROMOTE},
    ]
    both = filterings("campaign", filters={"buying_types": ["AUCTION", *TOP_VIEW]})
    assert both == [*auction, everything | {"buying_types": TOP_VIEW}]
    assert filterings("campaign", filters={"buying_types": TOP_VIEW}) == [
        everything | {"buying_types": TOP_VIEW}
    ]
    assert filterings("campaign", filters={"campaign_system_origins": PROMOTE}) == [
        everything | {"campaign_system_origins": PROMOTE},
        everything | {"buying_types": TOP_VIEW, "campaign_system_origins": PROMOTE},
    ]


def test_what_tiktok_takes_beside_filtering_is_sent_there() -> None:
    ((_, params),) = parse_entities(entity="identity", filters={"identity_type": "TT_USER"}).calls()
    assert params == {"filtering": None, "fields": None, "page_size": 100, "identity_type": "TT_USER"}


@pytest.mark.parametrize(
    "since",
    [
        "2026-11-01T13:00:00Z",
        "2026-11-01 13:00:00",
        "2026-11-01T14:00:00+01:00",
        datetime(2026, 11, 1, 13, tzinfo=timezone.utc),
        datetime(2026, 11, 1, 6, tzinfo=timezone(timedelta(hours=-7))),
    ],
)
def test_a_time_is_sent_in_utc(since) -> None:
    for entity in ("ad", "smart_plus_ad"):
        sent = filterings(entity, modified_since=since)
        assert {one["modified_after"] for one in sent} == {"2026-11-01 13:00:00"}
    assert parse_entities(entity="ad", filters={"modified_after": str(since)}).is_partial


def test_only_the_fields_that_are_needed_are_asked_for() -> None:
    asked = parse_entities(entity="ad", fields="ad_name, budget", check_fields=False)
    assert {tuple(params["fields"]) for _, params in asked.calls()} == {
        ("advertiser_id", "ad_id", "ad_name", "budget", "secondary_status")
    }
    assert {params["fields"] for _, params in parse_entities(entity="ad").calls()} == {None}
    assert {params["fields"] for _, params in parse_entities(entity="video", fields="size").calls()} == {None}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"entity": "campain"}, "did you mean 'campaign'"),
        ({"entity": "ads"}, "did you mean 'ad'"),
        ({"entity": "ad group"}, "did you mean 'adgroup'"),
        ({"entity": ""}, "is missing"),
        ({"entity": "ad", "fields": "ad_nme"}, "did you mean 'ad_name'"),
        ({"entity": "campaign", "fields": "ad_text"}, "a field of ad only"),
        ({"entity": "campaign", "fields": "zzz"}, "which the catalogue lacks"),
        ({"entity": "campaign", "filters": {"adgroup_ids": ["1"]}}, "a filter of adgroup, ad"),
        ({"entity": "campaign", "filters": {"campaign_idz": ["1"]}}, "did you mean 'campaign_ids'"),
        ({"entity": "advertiser", "filters": {"status": "x"}}, "no filters"),
        ({"entity": "ad", "filters": {"ad_ids": list(range(101))}}, "takes 100 at most"),
        ({"entity": "ad", "filters": "[1]"}, "must be an object such as"),
        ({"entity": "campaign", "modified_since": "2026-11-01"}, "ad, smart_plus_ad only"),
        ({"entity": "ad", "modified_since": "yesterday"}, "not a time"),
        ({"entity": "ad", "modified_since": "9999-12-31T23:59:59-05:00"}, "not a time"),
        (
            {"entity": "ad", "modified_since": "2026-11-01", "filters": {"modified_after": "2026-11-01"}},
            "Give one of them",
        ),
    ],
)
def test_what_can_not_be_right_is_refused_with_what_is_right(parameters, message) -> None:
    with pytest.raises(TikTokInvalidRequestError) as raised:
        parse_entities(**parameters)
    assert message.lower() in str(raised.value).lower()


LISTS = {
    name
    for kind in KINDS.values()
    for name in (*kind.filters, *kind.parameters)
    if name.endswith(("_ids", "_ids_v2", "_types", "_origins", "_events", "_sources")) or name == "ratio"
}
FLAGS = {"is_smart_performance_campaign", "split_test_enabled", "displayable", "available_for_catalog_only"}
TIMES = {"creation_filter_start_time", "creation_filter_end_time"}
FILTERS = [
    (kind.name, name)
    for kind in KINDS.values()
    for name in (*kind.filters, *kind.parameters)
    if name not in {kind.modified, "buying_types", "campaign_system_origins", "gmv_max_promotion_types"}
]


def sent(entity: str, name: str, value: object) -> object:
    """Return what TikTok gets of a filter; ``None`` if nothing."""
    parsed = parse_entities(entity=entity, filters={name: value}, include_deleted=False)
    found = [params.get(name, (params["filtering"] or {}).get(name)) for _, params in parsed.calls()]
    assert all(one == found[0] for one in found)
    assert parsed.filters.get(name) == found[0]
    return found[0]


@pytest.mark.parametrize(("entity", "name"), FILTERS)
def test_a_filter_has_tiktok_s_type_however_it_is_written(entity, name) -> None:
    for nothing in (None, "", " "):
        assert sent(entity, name, nothing) is None
    bad: list[object] = [{"a": 1}, object(), [None], [[]], float("nan"), "None", "null", ["1", None], b"1"]
    if name in LISTS:
        for spelling in (
            "1,2",
            " 1 , 2,",
            "1,2,1",
            '["1", "2"]',
            "('1', '2')",
            ["1", "2"],
            ("1", "2"),
            {"2", "1"},
            ["1 ", " 2", ""],
        ):
            assert sent(entity, name, spelling) == ["1", "2"], spelling
        assert sent(entity, name, [1, 2]) == ([1, 2] if name == "ratio" else ["1", "2"])
        assert sent(entity, name, 1) == ([1] if name == "ratio" else ["1"])
        for nothing in ([], (), "[]", ",", [""]):
            assert sent(entity, name, nothing) is None
        bad += [True, "1,None", [False], *([1.5] if name != "ratio" else ())]
        if name.endswith(("_ids", "_ids_v2")):
            bad += [
                list(map(str, range(101))),
                *(["x", "1,x", ["1 2"], -1] if name not in {"video_ids", "image_ids"} else ()),
            ]
    elif name in FLAGS:
        assert [sent(entity, name, one) for one in (True, "true", "True", [True])] == [True] * 4
        assert [sent(entity, name, one) for one in (False, "false", "False")] == [False] * 3
        bad += [1, "yes", [True, False]]
    elif name in {"width", "height"}:
        assert [sent(entity, name, one) for one in (720, "720", ["720"])] == [720] * 3
        bad += [True, -1, 1.5, "wide", [1, 2]]
    elif name in TIMES:
        for spelling in ("2026-11-01 13:00:00", "2026-11-01T14:00:00+01:00", datetime(2026, 11, 1, 13)):
            assert sent(entity, name, spelling) == "2026-11-01 13:00:00"
        bad += [True, "yesterday", "20261101130000", 0, ["2026-11-01", "2026-11-02"]]
    else:
        for text in ("X", "a, b", "[2026]", "True", "1"):
            assert sent(entity, name, text) == text
        assert sent(entity, name, ["X"]) == "X"
        assert sent(entity, name, 5) == "5"
        bad += [True, 1.5, ["X", "Y"], []]
    for value in bad:
        with pytest.raises(TikTokInvalidRequestError, match=f"filters.{name}`"):
            sent(entity, name, value)


@pytest.mark.parametrize("nothing", [None, "", [], "[]", ","])
def test_a_filter_that_is_none_leaves_all_sweeps(nothing) -> None:
    for entity, name in (
        ("campaign", "buying_types"),
        ("ad", "campaign_system_origins"),
        ("gmv_max_campaign", "gmv_max_promotion_types"),
    ):
        assert filterings(entity, filters={name: nothing}) == filterings(entity)
    assert filterings("ad", filters={"modified_after": None}) == filterings("ad")
