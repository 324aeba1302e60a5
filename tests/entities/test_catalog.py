"""The catalogue of entities: that its files are well formed, and what is in and out."""

import pytest

from airflow_provider_tiktok.entities import catalog

COUNTS = {
    "ad": 93,
    "adgroup": 157,
    "advertiser": 31,
    "audience": 11,
    "campaign": 40,
    "gmv_max_campaign": 9,
    "identity": 13,
    "image": 13,
    "pixel": 11,
    "smart_plus_ad": 22,
    "smart_plus_adgroup": 66,
    "smart_plus_campaign": 32,
    "video": 18,
}
KEYS = {"audience": "audience_id", "gmv_max_campaign": "campaign_id", "smart_plus_ad": "smart_plus_ad_id"}
OLD_NAMES = ("company_name_editable", "is_comment_disable", "pangle_block_app_list_id", "avatar_icon_web_url")


def test_every_entity_has_a_catalogue():
    assert catalog.entities() == tuple(COUNTS)


@pytest.mark.parametrize(("entity", "count"), COUNTS.items())
def test_fields(entity, count):
    fields = catalog.fields(entity)
    assert len(fields) == count
    assert {field.type for field in fields.values()} <= set(catalog.TYPES)
    key = KEYS.get(entity, f"{entity.removeprefix('smart_plus_')}_id")
    assert fields[key].type == "id"
    assert not set(fields).intersection(OLD_NAMES)
    assert all(field.note == "" or field.note.endswith(".") for field in fields.values())
    assert all(field.type == "id" for name, field in fields.items() if name.endswith("_id"))
