"""Lists of entities in tables that keep all changes: a row for each state, and the newest is the present one."""

import random
import threading
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokInvalidRequestError,
    TikTokOutputError,
    TikTokStoppedError,
)
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators.entities_to_sql import TikTokEntitiesToSqlOperator
from airflow_provider_tiktok.storage.tables.table import SqlTable
from tests.emulator.entity_lists import OWN
from tests.operators.test_entities import OTHER, _server, tiktok  # noqa: F401 - fixtures
from tests.operators.test_entities_to_sql import CAMPAIGNS, database, lite, load  # noqa: F401 - fixtures
from tests.operators.test_report_to_sql import needs_airflow_3

FIRST, SECOND, THIRD = sorted(CAMPAIGNS)[:3]
START = datetime(2026, 12, 1, tzinfo=timezone.utc)
FIELDS = ["campaign_name", "budget", "modify_time", "secondary_status", "is_smart_performance_campaign"]
VALUES = "campaign_name, budget, is_deleted"


class FixedClock(clock.Clock):
    """A clock whose time of day a test sets."""

    now = START

    def time(self):
        return self.now.timestamp()


@pytest.fixture
def day():
    """Return the clock of the runs."""
    with clock.replaced(FixedClock()) as _:
        yield clock._clock


def keep(**parameters):
    return load(**{"history": True, "table": "history", **parameters})


def states(base, columns=VALUES, where="1 = 1", table="history", key="campaign_id"):
    """Return the rows of each entity, oldest first: some values, and `updated_at`."""
    found = {}
    for name, *values, time in base.query(
        f"SELECT {key}, {columns}, updated_at FROM {table} WHERE {where} ORDER BY {key}, updated_at"
    ):
        found.setdefault(name, []).append((*map(plain, values), str(time)[:19]))
    return found


def plain(value):
    if isinstance(value, (int, float, Decimal)):
        return Decimal(str(int(value) if isinstance(value, bool) else value)).normalize()
    return None if value is None else str(value)


def of(base, name, **more):
    return states(base, where=f"campaign_id = '{name}'", **more).get(name, [])


def model(history, listed, now):
    """Add what a run adds, as the contract has it."""
    for name in {*history, *listed}:
        rows = history.setdefault(name, [])
        before = rows[-1] if rows else None
        if name in listed:
            state = {key: plain(value) for key, value in listed[name].items()}
            time = state["modify_time"]
        elif before["state"]["is_deleted"] == 1:
            continue
        else:
            state, time = {**before["state"], "is_deleted": plain(True)}, None
        if before and before["state"] == state:
            continue
        if time is not None:
            time = datetime.fromisoformat(time.replace("Z", "+00:00"))
        last = before and before["time"]
        if time is None or (last and time <= last):
            time = max(now, last + timedelta(seconds=1)) if last else now
        rows.append({"state": state, "time": time})


EDITS = (
    {},
    None,
    {"budget": 99.5},
    {"budget": 0.1, "modify_time": "2026-11-29 10:00:00"},
    {"budget": 99.50, "modify_time": "2026-11-01 10:00:00"},
    {"campaign_name": "Ä 'x'\n\t\\ \"y\" "},
    {"campaign_name": "ä 'x'\n\t\\ \"y\" "},
    {"campaign_name": ""},
    {"budget": None, "modify_time": None},
    {"primary_status": "STATUS_DELETE", "secondary_status": "CAMPAIGN_STATUS_DELETE"},
    {"is_smart_performance_campaign": None},
)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(4))
def test_generated_worlds_leave_the_rows_that_a_model_says(database, tiktok, day, seed):  # noqa: F811
    dice, history = random.Random(seed), {}
    names = dice.sample(sorted(CAMPAIGNS), 12)
    edits = {}
    for step in range(7):
        day.now += timedelta(seconds=dice.choice([0, 0, 1, 86_400]))
        edits = {**edits, **{name: dice.choice(EDITS) for name in dice.sample(names, 6)}}
        tiktok.configure(edits={name: edit for name, edit in edits.items() if edit != {}})
        summary = keep(fields=FIELDS)
        listed = {
            row["campaign_id"]: {key: row[key] for key in (*FIELDS, "is_deleted")}
            for row in TikTokHook().iter_entities("campaign", advertiser_ids=OWN, fields=FIELDS)
        }
        before = sum(map(len, history.values()))
        model(history, listed, day.now)
        assert summary["rows_inserted"] == sum(map(len, history.values())) - before, (seed, step)
        assert states(database) == {
            name: [
                (*(row["state"][key] for key in VALUES.split(", ")), f"{row['time']:%Y-%m-%d %H:%M:%S}")
                for row in rows
            ]
            for name, rows in history.items()
        }, (seed, step)
        assert keep(fields=FIELDS)["rows_inserted"] == 0, (seed, step)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "entity",
    ["advertiser", "adgroup", "ad", "smart_plus_adgroup", "gmv_max_campaign", "image", "identity", "pixel"],
)
@pytest.mark.parametrize("names", [None, "fivetran"])
def test_a_repeated_run_adds_nothing_of_any_kind(database, tiktok, entity, names):  # noqa: F811
    options = {"entity": entity, "advertiser_ids": [OWN, OTHER], "column_names": names, "loaded_at": "loaded"}
    assert keep(**options)["rows_inserted"] > 0
    assert keep(**options, batch_size=7)["rows_inserted"] == 0
    assert database.query("SELECT count(*) FROM history WHERE updated_at IS NULL") == [(0,)]
    columns = [name.lower() for name in database.types("history")]
    assert columns.count("updated_at") == 1
    assert columns.count("is_deleted") == 1
    if names == "fivetran" and entity in {"adgroup", "ad"}:
        assert "modify_time" not in columns


def test_an_old_state_that_comes_back_with_its_old_time_is_one_more_row(database, tiktok, day):  # noqa: F811
    for edit in ({}, {"budget": 1, "modify_time": "2026-11-30 00:00:00"}, {}):
        tiktok.configure(edits={FIRST: edit})
        keep()
    assert of(database, FIRST)[1][-1] == "2026-11-30 00:00:00"
    assert [values[:-1] for values in of(database, FIRST)][::2] == [of(database, FIRST)[0][:-1]] * 2
    assert of(database, FIRST)[2][-1] == f"{START:%Y-%m-%d %H:%M:%S}"
    assert database.keys("history") == [["campaign_id", "updated_at"]] or sorted(
        database.keys("history")[0]
    ) == ["campaign_id", "updated_at"]


@pytest.mark.parametrize(
    ("entity", "name"), [("campaign", "updated_at"), ("video", "updated_at"), ("video", "is_deleted")]
)
def test_a_new_field_with_a_name_of_a_history_s_own_changes_nothing(lite, tiktok, caplog, entity, name):  # noqa: F811
    keep(entity=entity, add_columns=True)
    before = lite.query(f"SELECT * FROM history ORDER BY {entity}_id")
    tiktok.configure(edits={row[1]: {name: "x"} for row in before})
    assert keep(entity=entity, add_columns=True)["rows_inserted"] == 0
    assert lite.query(f"SELECT * FROM history ORDER BY {entity}_id") == before
    assert caplog.text.count(f"the field {name}, which this version doesn't know; it is left out") == 1
    tiktok.clear()
    with pytest.raises(
        TikTokInvalidRequestError, match="names updated_at, and a table with `history=True` has"
    ):
        keep(entity=entity, fields="updated_at", check_fields=False)
    assert tiktok.calls == []


def test_two_changes_in_one_second_are_two_rows(lite, tiktok, day):  # noqa: F811
    for budget in (1, 2, 3, 2):
        tiktok.configure(edits={FIRST: {"budget": budget, "modify_time": None}})
        keep()
    assert [(int(budget), time[-2:]) for _, budget, _, time in of(lite, FIRST)] == [
        *((1, "00"), (2, "01"), (3, "02"), (2, "03"))
    ]


def test_only_an_account_that_was_read_in_full_has_entities_that_are_gone(lite, tiktok):  # noqa: F811
    keep(advertiser_ids=[OWN, OTHER])
    tiktok.configure(edits={FIRST: None})
    assert keep(advertiser_ids=OTHER)["rows_inserted"] == 0
    tiktok.set_faults([{"fault": "code:40300", "advertiser_id": OWN}])
    assert keep(advertiser_ids=[OWN, OTHER], on_advertiser_error="skip")["rows_inserted"] == 0
    with pytest.raises(TikTokAPIError):
        keep(advertiser_ids=[OWN, OTHER])
    tiktok.set_faults([])
    keep(loaded_at=None)
    assert [int(deleted) for *_, deleted, _ in of(lite, FIRST)] == [0, 1]


@pytest.mark.parametrize(
    "parameters",
    [
        {"filters": {"objective_type": "TRAFFIC"}},
        {"include_deleted": False},
        {"entity": "ad", "modified_since": "2099-01-01"},
        {"entity": "video"},
    ],
    ids=str,
)
def test_what_a_list_leaves_out_is_not_gone(lite, tiktok, parameters, monkeypatch):  # noqa: F811
    keep(**{name: value for name, value in parameters.items() if name != "modified_since"})
    key = f"{parameters.get('entity', 'campaign')}_id"
    ((gone,),) = lite.query(f"SELECT min({key}) FROM history")
    tiktok.configure(edits={gone: None})
    if key == "video_id":  # more videos than TikTok lists
        from airflow_provider_tiktok.operators._outputs.entity_history import EntityHistory

        original = EntityHistory.publish

        def publish(self, source, *more):
            source.result.cut.append(OWN)
            original(self, source, *more)

        monkeypatch.setattr(EntityHistory, "publish", publish)
    assert keep(**parameters)["rows_inserted"] == 0


def test_what_is_gone_is_marked_where_no_status_says_it(lite, tiktok):  # noqa: F811
    keep(entity="video")
    ((gone,),) = lite.query("SELECT min(video_id) FROM history")
    for edits, expected in (({gone: None}, [None, 1]), ({}, [None, 1, None])):
        tiktok.configure(edits=edits)
        for added in (1, 0):
            assert keep(entity="video")["rows_inserted"] == added
        found = lite.query(f"SELECT is_deleted FROM history WHERE video_id = '{gone}' ORDER BY updated_at")
        assert [one for (one,) in found] == expected


def test_a_new_column_adds_rows_only_where_it_holds_something(lite, tiktok):  # noqa: F811
    keep(fields=["campaign_name"])
    with pytest.raises(TikTokOutputError, match="budget"):
        keep(fields=["campaign_name", "budget"])
    with_budget = sum(row.get("budget") is not None for row in CAMPAIGNS.values())
    wide = {"fields": ["campaign_name", "budget"], "add_columns": True}
    assert keep(**wide)["rows_inserted"] == with_budget
    assert keep(**wide)["rows_inserted"] == 0


def test_the_time_of_change_always_comes(lite, tiktok):  # noqa: F811
    keep(fields="campaign_name")
    assert of(lite, FIRST, columns="campaign_name")[0][-1] == CAMPAIGNS[FIRST]["modify_time"]


def test_a_table_made_without_history_is_refused_and_the_other_way_round(lite, tiktok):  # noqa: F811
    keep()
    load()
    tiktok.clear()
    with pytest.raises(
        TikTokOutputError, match=r"updated_at \(campaign, .*with `history=True`\), and this list"
    ):
        load(table="history")
    with pytest.raises(TikTokOutputError, match="one for each campaign_id, updated_at"):
        keep(table="campaigns")
    with pytest.raises(TikTokOutputError, match=r"campaign, .*with `history=True`\), and this list of ads"):
        keep(entity="ad")
    with pytest.raises(TikTokOutputError, match="another entity than smart_plus_campaign"):
        keep(entity="smart_plus_campaign", add_columns=True)
    with pytest.raises(TikTokOutputError, match=r"has modify_time.* for what this task calls updated_at"):
        keep(column_names="fivetran", add_columns=True)
    with pytest.raises(TikTokInvalidRequestError, match="updated_at"):
        keep(column_names={"campaign_name": "updated_at"})
    with pytest.raises(TikTokInvalidRequestError, match="updated_at"):
        keep(loaded_at="updated_at")
    with pytest.raises(ValueError, match="history"):
        keep(history="yes")
    assert tiktok.calls == []


def test_a_kill_before_the_commit_leaves_the_old_state(database, tiktok, monkeypatch):  # noqa: F811
    keep()
    before = states(database)
    tiktok.configure(edits={FIRST: {"budget": 1}, SECOND: None, THIRD: {"budget": 2}})
    task = TikTokEntitiesToSqlOperator(
        task_id="load",
        entity="campaign",
        advertiser_ids=OWN,
        sql_conn_id="warehouse",
        table="history",
        history=True,
        batch_size=1,
    )
    original = SqlTable._insert

    def insert(self, connection, batches, wait):
        def then_killed():
            for number, batch in enumerate(batches):
                if number:
                    task.on_kill()
                yield batch

        return original(self, connection, then_killed(), wait)

    monkeypatch.setattr(SqlTable, "_insert", insert)
    with pytest.raises(TikTokStoppedError):
        task.execute({})
    monkeypatch.undo()
    assert states(database) == before


@needs_airflow_3
@pytest.mark.parametrize("exists", [True, False])
def test_two_runs_side_by_side_add_each_change_once(database, tiktok, monkeypatch, exists):  # noqa: F811
    if database.name == "duckdb":
        pytest.skip("one process at a time has a file of DuckDB open")
    if exists:
        keep()
    tiktok.configure(edits={FIRST: {"budget": 1}, SECOND: None} if exists else {})
    together, errors = threading.Barrier(2, timeout=30), []
    original = SqlTable.add_versions

    def add_versions(self, *arguments, **more):
        together.wait()
        return original(self, *arguments, **more)

    monkeypatch.setattr(SqlTable, "add_versions", add_versions)

    def one():
        try:
            keep(batch_size=3)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    found = states(database)
    assert {name for name, rows in found.items() if len(rows) == 2} == ({FIRST, SECOND} if exists else set())
    assert sum(map(len, found.values())) == len(CAMPAIGNS) + 2 * exists


def test_values_that_a_table_of_the_user_s_own_holds_are_compared_as_stored(database, tiktok):  # noqa: F811
    number = {"mysql": "DOUBLE", "sqlite": "TEXT"}.get(database.name, "DOUBLE PRECISION")
    time = {"mysql": "DATETIME", "postgres": "TIMESTAMP WITH TIME ZONE"}.get(database.name, "TIMESTAMP")
    text = f"VARCHAR(200){' CHARACTER SET utf8mb4' if database.name == 'mysql' else ''}"
    database.query(
        f"CREATE TABLE history (advertiser_id {text}, campaign_id {text}, campaign_name {text}, budget {number},"
        f" create_time {time}, modify_time {time}, is_deleted BOOLEAN, updated_at {time}, note {text})"
    )
    fields = ["campaign_name", "budget", "create_time"]
    for edits, added in (
        ({}, len(CAMPAIGNS)),
        ({}, 0),
        ({FIRST: {"budget": 0.1}, SECOND: None, THIRD: {"create_time": "2026-01-01 00:00:01"}}, 3),
        ({FIRST: {"budget": 0.1}, SECOND: None, THIRD: {"create_time": "2026-01-01 00:00:01"}}, 0),
        ({}, 3),
    ):
        tiktok.configure(edits=edits)
        assert keep(fields=fields)["rows_inserted"] == added
    assert database.query("SELECT count(*) FROM history WHERE note IS NOT NULL") == [(0,)]
