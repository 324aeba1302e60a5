"""Lists of entities in tables: one row for each, and nothing of others touched."""

import logging
from decimal import Decimal

import pytest

from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokInvalidRequestError, TikTokOutputError
from airflow_provider_tiktok.operators.entities_to_sql import TikTokEntitiesToSqlOperator
from tests.databases import open_database, use_hooks
from tests.emulator.entity_lists import OWN, all_rows
from tests.operators.test_entities import OTHER, _server, tiktok  # noqa: F401 - fixtures

CAMPAIGNS = {row["campaign_id"]: row for row in all_rows("campaign/get/")}


@pytest.fixture(
    params=[
        "sqlite",
        *(pytest.param(name, marks=pytest.mark.full) for name in ("postgres", "mysql", "duckdb")),
    ]
)
def database(request, tmp_path, monkeypatch, tiktok):  # noqa: F811
    """Return an empty database for the connection ``warehouse``."""
    yield from warehouse(request.param, tmp_path, monkeypatch)


@pytest.fixture
def lite(tmp_path, monkeypatch, tiktok):  # noqa: F811
    """Return an empty SQLite database."""
    yield from warehouse("sqlite", tmp_path, monkeypatch)


def warehouse(name, tmp_path, monkeypatch):
    opened = open_database(name, tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", opened.connection())
    use_hooks(monkeypatch.setattr)
    yield opened
    opened.drop()


def load(**parameters):
    known = {"task_id": "load", "entity": "campaign", "advertiser_ids": OWN, "sql_conn_id": "warehouse"}
    return TikTokEntitiesToSqlOperator(**{**known, "table": "campaigns", **parameters}).execute({})


def counts(database, table="campaigns"):
    return dict(database.query(f"SELECT advertiser_id, count(*) FROM {table} GROUP BY 1"))


def test_a_table_holds_each_entity_once_with_its_values(database):
    for _ in range(2):
        summary = load()
    assert (summary["rows_deleted"], summary["rows_inserted"]) == (len(CAMPAIGNS), len(CAMPAIGNS))
    found = database.query(
        "SELECT campaign_id, campaign_name, budget, is_deleted, create_time FROM campaigns"
    )
    assert len(found) == len(CAMPAIGNS)
    for name, title, budget, is_deleted, created in found:
        truth = CAMPAIGNS[name]
        assert title == truth["campaign_name"]
        assert (None if budget is None else Decimal(str(budget))) == (
            None if truth.get("budget") is None else Decimal(str(truth["budget"]))
        )
        assert bool(is_deleted) == truth["secondary_status"].endswith("_DELETE")
        assert str(created)[:19] == truth["create_time"]


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    "entity", ["advertiser", "adgroup", "ad", "smart_plus_ad", "gmv_max_campaign", "video"]
)
def test_every_kind_fits_into_a_table(database, entity):
    first, again = load(entity=entity, table=entity), load(entity=entity, table=entity)
    assert first["rows_inserted"] == again["rows_deleted"] == again["rows_inserted"] > 0


def test_other_accounts_and_skipped_ones_keep_their_rows(lite, tiktok):  # noqa: F811
    load(advertiser_ids=[OWN, OTHER])
    before = counts(lite)
    assert set(before) == {OWN, OTHER}
    load()
    tiktok.set_faults([{"fault": "code:40300", "advertiser_id": OTHER}])
    summary = load(advertiser_ids=[OWN, OTHER], on_advertiser_error="skip")
    assert list(summary["skipped_advertisers"]) == [OTHER]
    with pytest.raises(TikTokAPIError):
        load(advertiser_ids=[OWN, OTHER])
    assert counts(lite) == before


def test_what_is_gone_is_gone(lite, tiktok):  # noqa: F811
    load()
    gone = min(CAMPAIGNS)
    tiktok.configure(edits={gone: None})
    load()
    assert counts(lite) == {OWN: len(CAMPAIGNS) - 1}
    assert lite.query(f"SELECT * FROM campaigns WHERE campaign_id = '{gone}'") == []


def test_with_modified_since_only_what_changed_is_replaced(database, tiktok):  # noqa: F811
    load(entity="ad", table="ads")
    before = counts(database, "ads")
    changed = min(row["ad_id"] for row in all_rows("ad/get/") if row.get("modify_time"))
    tiktok.configure(edits={changed: {"ad_name": "changed"}})
    none = load(entity="ad", table="ads", modified_since="2099-01-01")
    assert (none["rows_deleted"], none["rows_inserted"]) == (0, 0)
    some = load(entity="ad", table="ads", modified_since="2000-01-01T00:00:00Z")
    assert 0 < some["rows_inserted"] < before[OWN]  # Smart+ ads without a time stay
    assert some["rows_deleted"] == some["rows_inserted"]
    assert counts(database, "ads") == before
    assert database.query(f"SELECT ad_name FROM ads WHERE ad_id = '{changed}'") == [("changed",)]


def test_the_table_of_another_entity_is_refused_before_any_call(lite, tiktok):  # noqa: F811
    load()
    tiktok.clear()
    with pytest.raises(
        TikTokOutputError, match=r"one row for each .*campaign_id \(campaign, .*this list of ads"
    ):
        load(entity="ad")
    with pytest.raises(TikTokOutputError, match=r"another list: .* another entity than smart_plus_campaign"):
        load(entity="smart_plus_campaign", add_columns=True)
    with pytest.raises(TikTokOutputError, match="other filters"):
        load(filters={"campaign_ids": ["1"]})
    lite.query(
        "CREATE TABLE reports (advertiser_id TEXT, campaign_id TEXT, stat_time_day DATE, spend NUMERIC)"
    )
    with pytest.raises(TikTokOutputError, match=r"that of a report: it also has stat_time_day,"):
        load(table="reports", fields="campaign_id", add_columns=True)
    lite.query("CREATE TABLE groups_of (advertiser_id TEXT, campaign_id TEXT, adgroup_id TEXT)")
    with pytest.raises(TikTokOutputError, match="seems to be that of adgroup"):
        load(table="groups_of", fields="campaign_id", add_columns=True)
    with pytest.raises(TikTokOutputError, match="doesn't ask for"):
        load(fields="campaign_name")
    assert tiktok.calls == []


def test_a_field_that_this_version_does_not_know_fails_no_load(lite, tiktok, caplog):  # noqa: F811
    load()
    tiktok.configure(edits={min(CAMPAIGNS): {"brand_new": "x"}})
    with caplog.at_level(logging.WARNING):
        assert load()["rows_inserted"] == len(CAMPAIGNS)
    assert "no column for brand_new" in caplog.text
    load(add_columns=True)
    assert lite.query("SELECT brand_new FROM campaigns WHERE brand_new IS NOT NULL") == [("x",)]
    load()
    assert lite.query("SELECT count(*) FROM campaigns WHERE brand_new IS NOT NULL") == [(1,)]


def test_a_new_field_with_a_name_of_fivetran_s_leaves_the_renamed_column_alone(database, tiktok, caplog):  # noqa: F811
    fivetran = {"column_names": "fivetran", "loaded_at": "_fivetran_synced", "add_columns": True}
    load(**fivetran)
    query = "SELECT campaign_id, status, updated_at, budget FROM campaigns ORDER BY 1"
    before = database.query(query)
    new = ("status", "updated_at", "_fivetran_synced", "Budget", "id")
    tiktok.configure(edits={name: dict.fromkeys(new, "new") for name in CAMPAIGNS})
    for add in (True, False):
        caplog.clear()
        load(**{**fivetran, "add_columns": add})
        assert database.query(query) == before
        assert [caplog.text.count(f"the field {name},") for name in new] == [1] * len(new)
        assert caplog.text.count("it is left out") == 4
    assert database.query("SELECT DISTINCT id FROM campaigns") == [("new",)]


def test_a_new_field_may_have_a_name_that_fivetran_gives_to_another_column(lite, tiktok):  # noqa: F811
    tiktok.configure(edits={min(CAMPAIGNS): {"status": "new"}})
    for add in (True, True, False):
        load(add_columns=add)
        assert lite.query("SELECT count(*) FROM campaigns WHERE status = 'new'") == [(1,)]
    rows = lite.query("SELECT secondary_status FROM campaigns WHERE secondary_status IS NULL")
    assert rows == []


DURATIONS = [
    8.541666666666666,
    0.041666666666666664,
    60.06666666666667,
    3e-7,
    12,
    12.5,
    86399.99999999999,
    123456789.12345679,
]


def test_a_duration_keeps_all_digits_that_tiktok_sends(database, tiktok, tmp_path):  # noqa: F811
    videos = sorted(row["video_id"] for row in all_rows("file/video/ad/search/"))[: len(DURATIONS)]
    right = dict(zip(videos, DURATIONS, strict=True))
    tiktok.configure(edits={name: {"duration": value, "bit_rate": value} for name, value in right.items()})
    names = {"entity": "video", "table": "videos", "fields": "duration,bit_rate"}
    quoted = ", ".join(f"'{name}'" for name in videos)
    query = f"SELECT video_id, duration, bit_rate FROM videos WHERE video_id IN ({quoted})"
    for _ in range(2):
        load(**names)
        found = {name: values for name, *values in database.query(query)}
        assert found == {name: [value, value] for name, value in right.items()}
    assert load(**names | {"table": "history"}, history=True)["rows_inserted"] >= len(videos)
    assert load(**names | {"table": "history"}, history=True)["rows_inserted"] == 0
    tiktok.configure(edits={videos[0]: {"duration": 8.5416666666666}})
    assert load(**names | {"table": "history"}, history=True)["rows_inserted"] == len(videos)


def test_a_table_of_before_takes_the_durations_that_fit(database, tiktok):  # noqa: F811
    text = f"VARCHAR(100){' CHARACTER SET utf8mb4' if database.name == 'mysql' else ''}"
    database.query(f"CREATE TABLE videos (advertiser_id {text}, video_id {text}, duration NUMERIC(38, 10))")
    one, *_ = sorted(row["video_id"] for row in all_rows("file/video/ad/search/"))
    names = {"entity": "video", "table": "videos", "fields": "duration"}
    for digits in (8.5416666666, 12345678.12345678):
        tiktok.configure(edits={one: {"duration": digits}})
        load(**names)
        ((found,),) = database.query(f"SELECT duration FROM videos WHERE video_id = '{one}'")
        assert Decimal(str(found)) == Decimal(str(digits))
    if database.name == "sqlite":
        return  # whose numbers have no declared digits
    tiktok.configure(edits={one: {"duration": 8.541666666666666}})
    with pytest.raises(
        TikTokOutputError, match=r"column duration, .*can't store '8.541666666666666' unchanged"
    ):
        load(**names)


def test_options_about_files_are_refused():
    with pytest.raises(ValueError, match="TikTokEntitiesOperator"):
        load(output_path="x")
    with pytest.raises(ValueError, match="batch_size"):
        load(batch_size=0)


def test_a_column_of_fivetrans_is_not_lost_when_fewer_fields_are_asked_for(lite):
    load(column_names="fivetran", fields=["campaign_name", "modify_time", "secondary_status"])
    before = lite.query("SELECT campaign_id, status, updated_at FROM campaigns ORDER BY 1")
    for names in ("fivetran", None):
        with pytest.raises(TikTokOutputError, match="status"):
            load(column_names=names, fields=["campaign_name"])
    assert lite.query("SELECT campaign_id, status, updated_at FROM campaigns ORDER BY 1") == before


def test_what_was_deleted_is_not_left_as_it_was(lite, tiktok):  # noqa: F811
    load(entity="ad", table="ads", include_deleted=False)
    before = lite.query("SELECT count(*) FROM ads")
    tiktok.clear()
    with pytest.raises(TikTokInvalidRequestError, match="include_deleted=False"):
        load(entity="ad", table="ads", include_deleted=False, modified_since="2020-01-01")
    assert (tiktok.calls, lite.query("SELECT count(*) FROM ads")) == ([], before)
