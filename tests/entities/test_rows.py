"""From TikTok's objects to typed rows."""

from __future__ import annotations

import logging
import random
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import DateTime

from airflow_provider_tiktok.api.calls import JsonNumber
from airflow_provider_tiktok.api.envelope import read_json
from airflow_provider_tiktok.entities.kinds import KINDS
from airflow_provider_tiktok.entities.request import parse_entities
from airflow_provider_tiktok.entities.rows import (
    EntityReader,
    UnknownFieldsError,
    closed,
    entity_schema,
    json_text,
)
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError, TikTokOutputError
from airflow_provider_tiktok.storage.columns import UTC_TIMESTAMP
from airflow_provider_tiktok.storage.formats.parquet import Parquet
from airflow_provider_tiktok.storage.tables.values import Binder, Column, NumberStorage

ONE = "7000000000000000001"


def cell(entity: str, name: str, value: Any, **more: Any) -> Any:
    """Return what a value becomes in a row."""
    reader = EntityReader(parse_entities(entity=entity))
    key = KINDS[entity].key
    page = reader.read([ONE], [{key: ONE, **more, name: value}], "a test")
    return dict(zip(reader.schema.columns, page.rows()[0], strict=True))[name]


@pytest.mark.parametrize(
    ("entity", "name", "value", "expected"),
    [
        ("campaign", "campaign_id", 1714125051115569, "1714125051115569"),
        ("campaign", "app_id", "", ""),
        ("campaign", "budget", JsonNumber("50.10"), "50.10"),
        ("campaign", "budget", JsonNumber("12345678901234567.891"), "12345678901234567.891"),
        ("campaign", "budget", 0, "0"),
        ("campaign", "budget", None, None),
        ("campaign", "budget", "", None),
        ("campaign", "budget_optimize_on", True, "true"),
        ("adgroup", "skip_learning_phase", 0, "false"),
        ("adgroup", "skip_learning_phase", 1, "true"),
        ("campaign", "is_search_campaign", "True", "true"),
        ("campaign", "create_time", "2026-11-01 13:00:00", "2026-11-01T13:00:00Z"),
        ("advertiser", "create_time", 1793538000, "2026-11-01T13:00:00Z"),
        ("advertiser", "create_time", 1793538000000, "2026-11-01T13:00:00Z"),
        ("video", "create_time", "2026-11-01T13:00:00Z", "2026-11-01T13:00:00Z"),
        ("video", "modify_time", "2026-11-01T14:00:00+01:00", "2026-11-01T13:00:00Z"),
        ("video", "modify_time", "", None),
        ("video", "modify_time", "2026-11-01 14:00:00.5+0100", "2026-11-01T13:00:00.500000Z"),
        ("video", "modify_time", "2026-11-01", "2026-11-01T00:00:00Z"),
        ("advertiser", "create_time", JsonNumber("1793538000.25"), "2026-11-01T13:00:00.250000Z"),
        ("advertiser", "create_time", JsonNumber("1.793538e9"), "2026-11-01T13:00:00Z"),
        ("campaign", "budget", "-", None),
        ("campaign", "create_time", " - ", None),
        ("campaign", "is_search_campaign", "-", None),
        ("campaign", "campaign_name", "-", "-"),
        ("adgroup", "actions", [{"b": JsonNumber("0.10"), "a": None}], '[{"b":0.10,"a":null}]'),
        ("adgroup", "age_groups", None, None),
        ("adgroup", "location_ids", ["6252001"], '["6252001"]'),
        ("adgroup", "frequency", JsonNumber("3.0"), "3"),
        ("campaign", "campaign_name", {"a": "\u00e9"}, '{"a":"\u00e9"}'),
        ("campaign", "campaign_name", JsonNumber("1.50"), "1.50"),
    ],
)
def test_a_value_has_the_type_of_its_field(entity, name, value, expected) -> None:
    assert cell(entity, name, value) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget", "many"),
        ("create_time", "yesterday"),
        ("create_time", "9999-12-31T23:59:59-05:00"),
        ("create_time", "0001-01-01T00:00:00+05:00"),
        ("is_search_campaign", "perhaps"),
        ("budget", True),
    ],
)
def test_an_odd_value_passes_and_is_logged_once(name, value, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        assert cell("campaign", name, value) == (value if isinstance(value, str) else "true")
    assert caplog.text.count("passed on unchanged") == 1


_INSTANT = datetime(2026, 11, 1, 13, 5, 9, tzinfo=timezone.utc)
_NO_TIMES = (
    *(
        "%Y%m%d",
        "%Y%m%d%H",
        "%Y%m%d%H%M",
        "%Y%m%d%H%M%S",
        "%Y%m%dT%H%M%SZ",
        "%d.%m.%Y",
        "%m/%d/%Y",
        "%Y",
        "%H:%M:%S",
    ),
    *(
        "%Y/%m/%d %H:%M:%S",
        "%G-W%V-%u",
        "%Y-%j",
        "%Y-%m",
        "%Y-%m-%dT%H",
        "%Y-%m-%d %H:%M:%S UTC",
        "%Y-%m-%d  %H:%M:%S",
    ),
    *(
        "%Y-%m-%d %H:%M:%S +0100",
        "%Y-%m-%d 25:00:00",
        "%Y-13-01 00:00:00",
        "%Y-02-30 00:00:00",
        "0000-00-00 00:00:00",
    ),
    *(
        "0",
        "-1",
        "1793538309",
        "1793538309000",
        "1793538309.5",
        "1.793538309e9",
        "%Y-%m-%d %H:%M:%S.1234567",
        "０",
    ),
)
_NO_NUMBERS = (
    20261101,
    2026,
    202611011305,
    20261101130509,
    -1793538309,
    10**9 - 1,
    4_102_444_800,
    10**20,
    10**400,
)


@pytest.mark.parametrize(
    "value", [*map(_INSTANT.strftime, _NO_TIMES), *_NO_NUMBERS, *map(JsonNumber, ("20261101.0", "1e300"))]
)
def test_what_is_no_time_never_becomes_one(value, caplog) -> None:
    assert cell("campaign", "create_time", value) == str(value)
    assert caplog.text.count("passed on unchanged") == 1
    columns = {"create_time": UTC_TIMESTAMP}
    binder = Binder(Column("create_time", UTC_TIMESTAMP, DateTime()), NumberStorage(), {})
    with pytest.raises(TikTokOutputError, match=r"^The table's column create_time, .*, can't store "):
        binder.check([str(value)])
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    parquet = Parquet(columns)
    with suppress(TikTokOutputError):  # unless it is a spelling that Arrow knows
        (found,) = parquet.table(parquet.lines([[str(value)]], [False])).column(0).to_pylist()
        assert found in {_INSTANT, _INSTANT.replace(minute=0, second=0)}


@pytest.mark.parametrize("seed", range(20))
def test_a_time_is_the_same_however_it_is_written(seed) -> None:
    dice = random.Random(seed)
    time = datetime.fromtimestamp(dice.randrange(10**9, 4 * 10**9), timezone.utc)
    zone = timezone(timedelta(minutes=15 * dice.randint(-56, 56)))
    stamp, there = int(time.timestamp()), time.astimezone(zone)
    spellings = [
        f"{time:%Y-%m-%d %H:%M:%S}",
        f"{time:%Y-%m-%dT%H:%M:%SZ}",
        f"{time:%Y-%m-%d %H:%M:%S}.000",
        there.isoformat(),
        f"{there:%Y-%m-%d %H:%M:%S%z}",
        stamp,
        stamp * 1000,
        JsonNumber(f"{stamp}.0"),
    ]
    assert {cell("campaign", "create_time", one) for one in spellings} == {f"{time:%Y-%m-%dT%H:%M:%SZ}"}


@pytest.mark.parametrize(
    ("status", "deleted"),
    [
        ("AD_STATUS_DELETE", "true"),
        ("AD_STATUS_CAMPAIGN_DELETE", "true"),
        ("AD_STATUS_ADGROUP_DELETE", "true"),
        ("AD_STATUS_DELIVERY_OK", "false"),
        ("AD_STATUS_NOT_DELETE", "false"),
        (None, None),
    ],
)
def test_a_status_says_what_is_deleted(status, deleted) -> None:
    assert cell("ad", "is_deleted", "never", secondary_status=status) == deleted


def test_the_columns_are_the_account_the_fields_and_what_follows_from_them() -> None:
    schema = entity_schema(parse_entities(entity="smart_plus_adgroup"))
    assert list(schema.columns)[:2] == ["advertiser_id", "campaign_id"]
    assert "is_deleted" not in schema.columns
    assert schema.key == ("advertiser_id", "adgroup_id")
    chosen = entity_schema(parse_entities(entity="campaign", fields=["budget", "campaign_name"]))
    assert chosen.columns == {
        "advertiser_id": "string",
        "campaign_id": "string",
        "budget": "decimal",
        "campaign_name": "string",
        "is_deleted": "boolean",
    }
    assert next(iter(entity_schema(parse_entities(entity="pixel")).columns)) == "advertiser_id"
    assert entity_schema(parse_entities(entity="advertiser")).key == ("advertiser_id",)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ([], "no object"),
        ({"campaign_name": "x"}, "without campaign_id"),
        ({"campaign_id": None}, "without campaign_id"),
        *(
            ({"campaign_id": no_id}, "whose campaign_id is .*, which is no ID")
            for no_id in (
                "",
                "-",
                " 1",
                "1 ",
                "1\n",
                "one",
                "１",
                "1.0",
                JsonNumber("1.5"),
                True,
                ["1"],
                {"id": "1"},
            )
        ),
        ({"campaign_id": "1", "advertiser_id": "8"}, "of advertiser 8"),
    ],
)
def test_what_is_no_entity_of_the_account_is_refused(item, message) -> None:
    reader = EntityReader(parse_entities(entity="campaign"))
    with pytest.raises(TikTokIncompleteReportError, match=message):
        reader.read([ONE, ONE], [{"campaign_id": "1"}, item], "a test")


@pytest.mark.parametrize("entity", sorted(KINDS))
def test_an_id_is_digits_or_a_word(entity) -> None:
    kind = KINDS[entity]
    reader = EntityReader(parse_entities(entity=entity))
    parents = [
        name for name in ("campaign_id", "adgroup_id") if name in reader.schema.columns and name != kind.key
    ]
    right = {kind.key: ONE, **dict.fromkeys(parents, "1")}
    reader.read([ONE], [right], "a test")
    reader.read([ONE], [right | dict.fromkeys(parents)], "a test")
    if kind.key in {"video_id", "image_id", "identity_id"}:
        reader.read([ONE], [{kind.key: "ad-site-i18n-sg/2020_ü.x"}], "a test")
    for name in (kind.key, *parents):
        for no_id in ("", "-", " 1", "1 ", "1\t", "1\u00a0", "\0", JsonNumber("1.5"), True):
            with pytest.raises(TikTokIncompleteReportError, match=f"{name} is .*, which is no ID.*a test"):
                reader.read([ONE], [right | {name: no_id}], "a test")


def test_unknown_fields_are_text_and_named_once(caplog) -> None:
    items = [{"pixel_id": "1", "new": JsonNumber("1.50"), "newer": {"b": [True]}}, {"pixel_id": "2"}]
    reader = EntityReader(parse_entities(entity="pixel"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            page = reader.read([ONE, ONE], items, "a test")
    assert page.more == {"new": ["1.50", None], "newer": ['{"b":[true]}', None]}
    assert [caplog.text.count(f"the field {name},") for name in ("new", "newer")] == [1, 1]
    with pytest.raises(UnknownFieldsError) as raised:
        closed(lambda found: found.rows())(page)
    assert raised.value.names == ("new", "newer")
    known = EntityReader(reader.request.with_more(raised.value.names))
    page = known.read([ONE, ONE], items, "a test")
    assert (page.more, page.rows()[0][-2:]) == ({}, ("1.50", '{"b":[true]}'))
    assert (
        EntityReader(parse_entities(entity="pixel", fields="code", check_fields=False))
        .read([ONE], items[:1], "a test")
        .more
        == {}
    )


def test_nested_json_is_written_as_it_came() -> None:
    text = '{"z":{"b":0.10,"a":1e5},"y":[1,-2.50,null,true,"\u00e9\\"\\n"],"x":"0.10"}'
    assert json_text(read_json(text.encode(), JsonNumber)) == text
