"""Reports into tables: SQLite, PostgreSQL with its fast paths, and PostgreSQL as a generic database."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import date
from decimal import Decimal
from importlib.util import find_spec

import pytest

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok.api import envelope
from airflow_provider_tiktok.emulator.world.accounts import BC_ID
from airflow_provider_tiktok.exceptions import (
    TikTokIncompleteReportError,
    TikTokOutputError,
    TikTokStoppedError,
)
from airflow_provider_tiktok.operators._outputs import sql
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator
from airflow_provider_tiktok.storage.tables import table as tables
from airflow_provider_tiktok.storage.tables.table import SqlTable
from tests.conftest import SECRET, TOKEN
from tests.databases import needs_postgres, open_database, use_hooks
from tests.operators.test_report_operator import accounts, days_cut, truth

METRICS = ["ad_name", "campaign_id", "spend", "impressions", "ctr", "secondary_goal_result"]
DAILY = {
    "dimensions": ["ad_id", "stat_time_day"],
    "metrics": METRICS,
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-09-15",
}
TWO_DAYS = DAILY | {"metrics": ["spend"], "report_end_date": "2026-08-02"}

needs_airflow_3 = pytest.mark.skipif(
    find_spec("airflow.sdk") is None,
    reason="Airflow 2 has no airflow.sdk, and runs an operator in the main thread only",
)
# without `--full` only the tests of tables run with these
MYSQL, DUCKDB = (pytest.param(name, marks=pytest.mark.full) for name in ("mysql", "duckdb"))
THREADED = ["sqlite", "postgres", MYSQL]
KNOWN = [*THREADED, DUCKDB]  # which is one process's


@pytest.fixture(params=[*KNOWN, pytest.param("generic", marks=pytest.mark.full)])
def database(request, tmp_path, monkeypatch, connect):
    """Return an empty database for the connection ``warehouse``; generic is PostgreSQL as any database."""
    yield from warehouse(request.param, tmp_path, monkeypatch, connect)


@pytest.fixture(params=KNOWN)
def known_database(request, tmp_path, monkeypatch, connect):
    """Return an empty database that this package supports directly."""
    yield from warehouse(request.param, tmp_path, monkeypatch, connect)


@pytest.fixture
def lite(tmp_path, monkeypatch, connect):
    """Return an empty SQLite database."""
    yield from warehouse("sqlite", tmp_path, monkeypatch, connect)


@pytest.fixture
def server(tmp_path, monkeypatch, connect):
    """Return an empty PostgreSQL schema."""
    yield from warehouse("postgres", tmp_path, monkeypatch, connect)


def warehouse(name, tmp_path, monkeypatch, connect):
    connect()
    opened = open_database("postgres" if name == "generic" else name, tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", opened.connection())
    use_hooks(monkeypatch.setattr)
    if name == "generic":
        monkeypatch.setattr(tables, "DATABASES", {})
    yield opened
    opened.drop()


def operator(**parameters):
    return TikTokReportToSqlOperator(
        task_id="report", **{"sql_conn_id": "warehouse", "table": "ads", **parameters}
    )


def run(**parameters):
    summary = operator(**parameters).execute({})
    json.dumps(summary)
    return summary


def normalized(rows):
    """Return rows of a database with their numbers' digits and their days as ISO text, sorted."""
    return sorted(
        tuple(
            cell if cell is None or isinstance(cell, str) else cell.isoformat() if isinstance(cell, date)
            else str(Decimal(str(cell)).normalize()) for cell in row
        )
        for row in rows
    )  # fmt: skip


def expected(emulator, ids, columns, **parameters):
    """Return what the emulator holds, as :func:`normalized` does."""
    rows = [row for name in ids for row in days_cut(truth(emulator, name, metrics=METRICS, **parameters))]
    numbers = {"spend", "impressions", "ctr", "secondary_goal_result"}
    return sorted(
        tuple(
            str(Decimal(row[name]).normalize()) if name in numbers and row[name] is not None else row[name]
            for name in columns
        )
        for row in rows
    )


def test_every_row_arrives_digit_for_digit(emulator, database):
    ids = accounts(emulator)
    summary = run(**DAILY, advertiser_ids=ids)
    columns = ["advertiser_id", "ad_id", "stat_time_day", *METRICS]
    assert list(summary["columns"]) == columns
    assert normalized(database.query(f"SELECT {', '.join(columns)} FROM ads")) == expected(
        emulator, ids, columns
    )
    assert (summary["row_count"], summary["table"]) == (2 * 40 * 46, "ads")
    assert (summary["rows_deleted"], summary["rows_inserted"]) == (0, 2 * 40 * 46)
    assert (summary["complete"], summary["paths"], summary["manifest"]) == (True, [], None)


def test_a_second_run_replaces_the_rows_of_the_first(emulator, database):
    ids = accounts(emulator)
    run(**TWO_DAYS, advertiser_ids=ids)
    before = normalized(database.query("SELECT * FROM ads"))
    summary = run(**TWO_DAYS, advertiser_ids=ids)
    assert (summary["rows_deleted"], summary["rows_inserted"]) == (160, 160)
    assert normalized(database.query("SELECT * FROM ads")) == before


def test_only_the_accounts_and_days_of_the_run_are_replaced(emulator, database):
    mine, other = accounts(emulator)
    run(**TWO_DAYS, advertiser_ids=mine)
    old = [
        (mine, "gone", "2026-08-01", 7),  # an ad without rows any more
        (mine, "kept", "2026-07-31", 7),
        (mine, "kept", "2026-08-03", 7),
        (other, "kept", "2026-08-01", 7),
    ]
    for row in old:
        database.query(
            f"INSERT INTO ads (advertiser_id, ad_id, stat_time_day, spend) VALUES ('{row[0]}', '{row[1]}', '{row[2]}', 7)"
        )
    summary = run(**TWO_DAYS, advertiser_ids=mine)
    assert summary["rows_deleted"] == 81
    assert normalized(
        database.query("SELECT advertiser_id, stat_time_day FROM ads WHERE ad_id IN ('gone', 'kept')")
    ) == sorted([(mine, "2026-07-31"), (mine, "2026-08-03"), (other, "2026-08-01")])


def test_a_skipped_account_keeps_its_rows(emulator, forbidden, known_database):
    run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))
    known_database.query(
        f"INSERT INTO ads (advertiser_id, ad_id, stat_time_day) VALUES ('{forbidden}', 'old', '2026-08-01')"
    )
    summary = run(**TWO_DAYS, advertiser_ids=[*accounts(emulator, 1), forbidden], on_advertiser_error="skip")
    assert (list(summary["skipped_advertisers"]), summary["rows_deleted"]) == ([forbidden], 80)
    assert known_database.query(f"SELECT ad_id FROM ads WHERE advertiser_id = '{forbidden}'") == [("old",)]


def test_an_empty_report_makes_the_table_and_empties_its_days(emulator, known_database):
    ids = accounts(emulator, 1)
    run(**TWO_DAYS, advertiser_ids=ids)
    emulator.set_faults([])
    nothing = {"field_name": "ad_ids", "filter_type": "IN", "filter_value": ["1"]}
    summary = run(**TWO_DAYS, advertiser_ids=ids, filters=[nothing], table="others")
    assert summary["rows_inserted"] == 0
    assert known_database.query("SELECT count(*) FROM others") == [(0,)]
    assert known_database.query("SELECT count(*) FROM ads") == [(80,)]


def test_hours_of_a_day_are_replaced(emulator, database):
    hourly = {
        "dimensions": ["ad_id", "stat_time_hour"],
        "metrics": "spend",
        "advertiser_ids": accounts(emulator, 1),
    }
    first = run(**hourly, report_start_date="2026-08-01", report_end_date="2026-08-02")
    again = run(**hourly, report_start_date="2026-08-02")
    assert first["rows_inserted"] == 2 * again["rows_inserted"] == 2 * again["rows_deleted"]
    assert database.query("SELECT count(*) FROM ads") == [(first["row_count"],)]


def test_without_a_time_dimension_the_rows_say_of_which_days_they_are(emulator, database):
    report = {"dimensions": "ad_id", "metrics": "spend", "advertiser_ids": accounts(emulator, 1)}
    for day in ("2026-08-01", "2026-08-02", "2026-08-02"):
        summary = run(**report, report_start_date=day)
    assert summary["rows_deleted"] == 40
    assert summary["columns"] == {
        "advertiser_id": "string", "ad_id": "string", "spend": "decimal",
        "report_start_date": "date", "report_end_date": "date",
    }  # fmt: skip
    counts = database.query(
        "SELECT report_start_date, report_end_date, count(*) FROM ads GROUP BY report_start_date, report_end_date"
    )
    assert normalized(counts) == [("2026-08-01", "2026-08-01", "4E+1"), ("2026-08-02", "2026-08-02", "4E+1")]


def test_without_a_time_dimension_more_days_than_a_call_takes_are_refused(emulator, known_database):
    with pytest.raises(AirflowFailException, match=r"`dimensions` have no time.*at most 365 days"):
        run(
            dimensions="ad_id", metrics="spend", advertiser_ids=accounts(emulator, 1),
            report_start_date="2024-01-01", report_end_date="2026-08-02",
        )  # fmt: skip


def test_a_lifetime_report_replaces_all_rows_of_its_accounts(emulator, database):
    report = {"dimensions": "ad_id", "metrics": "spend", "query_lifetime": True}
    run(**report, advertiser_ids=accounts(emulator))
    summary = run(**report, advertiser_ids=accounts(emulator, 1))
    assert (summary["rows_deleted"], summary["rows_inserted"]) == (40, 40)
    assert database.query("SELECT count(*) FROM ads") == [(80,)]


@pytest.mark.parametrize(
    ("fixture", "types"),
    [
        ("lite", ["TEXT", "TEXT", "TIMESTAMP", "TEXT", "NUMERIC", "INTEGER"]),
        pytest.param(
            "server",
            ["text", "text", "timestamp without time zone", "text", "numeric", "bigint"],
            marks=needs_postgres,
        ),
    ],
)
def test_the_table_has_the_catalogues_types(emulator, request, fixture, types):
    opened = request.getfixturevalue(fixture)
    run(
        dimensions="ad_id, stat_time_hour", metrics="ad_name,spend,impressions",
        report_start_date="2026-08-01", advertiser_ids=accounts(emulator, 1),
    )  # fmt: skip
    assert list(opened.types("ads").values()) == types


def test_a_column_that_the_table_lacks_is_named_before_tiktok_is_called(emulator, database):
    ids = accounts(emulator, 1)
    run(**TWO_DAYS, advertiser_ids=ids)
    emulator.clear()
    with pytest.raises(AirflowFailException, match=r"lacks the column\(s\) clicks, ctr.*add_columns=True"):
        run(**TWO_DAYS | {"metrics": ["spend", "clicks", "ctr"]}, advertiser_ids=ids)
    assert emulator.calls == []


def test_a_column_that_the_table_lacks_is_added_when_that_is_allowed(emulator, database):
    ids = accounts(emulator, 1)
    run(**TWO_DAYS, advertiser_ids=ids)
    run(**TWO_DAYS | {"metrics": ["spend", "impressions"], "report_start_date": "2026-08-02"},
        advertiser_ids=ids, add_columns=True)  # fmt: skip
    filled = database.query(
        "SELECT stat_time_day, count(*), count(impressions) FROM ads GROUP BY stat_time_day"
    )
    assert normalized(filled) == [("2026-08-01", "4E+1", "0"), ("2026-08-02", "4E+1", "4E+1")]


def test_metrics_that_the_report_does_not_ask_for_are_not_wiped_unasked(emulator, known_database, caplog):
    ids = accounts(emulator, 1)
    both = TWO_DAYS | {"metrics": ["spend", "impressions"]}
    run(**both, advertiser_ids=ids)
    with pytest.raises(
        AirflowFailException,
        match="would lose values of columns that this report doesn't ask for: impressions",
    ):
        run(**TWO_DAYS, advertiser_ids=ids)
    assert known_database.query("SELECT count(impressions) FROM ads") == [(80,)]
    run(**TWO_DAYS, advertiser_ids=ids, add_columns=True)
    assert known_database.query("SELECT count(impressions), count(spend) FROM ads") == [(0, 80)]
    assert "which doesn't ask for them: impressions." in caplog.text


@pytest.mark.parametrize("dimensions", ["campaign_id, stat_time_day", "ad_id"])
def test_the_table_of_a_report_grouped_otherwise_is_refused(emulator, database, dimensions):
    ids = accounts(emulator, 1)
    run(**TWO_DAYS, advertiser_ids=ids)
    before = database.query("SELECT count(*) FROM ads")
    with pytest.raises(AirflowFailException, match="separate table"):
        run(**TWO_DAYS | {"dimensions": dimensions}, advertiser_ids=ids, add_columns=True)
    assert database.query("SELECT count(*) FROM ads") == before


def test_a_report_with_other_filters_does_not_take_the_rows_away(emulator, known_database):
    ids = accounts(emulator, 1)
    run(**TWO_DAYS, advertiser_ids=ids)
    some = {"field_name": "ad_ids", "filter_type": "IN", "filter_value": ["1"]}
    with pytest.raises(
        AirflowFailException, match=r"contains another report.*drop its (index|constraint|comment) tiktok_"
    ):
        run(**TWO_DAYS, advertiser_ids=ids, filters=[some])
    assert known_database.query("SELECT count(*) FROM ads") == [(80,)]


def test_a_users_own_table_and_columns_are_kept(emulator, known_database):
    known_database.query(
        "CREATE TABLE ads (loaded_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, ad_id VARCHAR(30), advertiser_id VARCHAR(30), "
        "spend TEXT, stat_time_day DATE)"
    )
    run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))
    assert known_database.query("SELECT count(loaded_at), count(spend) FROM ads") == [(80, 80)]
    held = {
        row["spend"] for row in truth(emulator, accounts(emulator, 1)[0], metrics=["spend"], end="2026-08-02")
    }
    assert {spend for (spend,) in known_database.query("SELECT spend FROM ads")} == held


def test_a_users_own_table_of_another_level_is_refused(emulator, known_database):
    known_database.query(
        "CREATE TABLE ads (advertiser_id TEXT, ad_id TEXT, adgroup_id TEXT, stat_time_day DATE, spend NUMERIC)"
    )
    with pytest.raises(
        AirflowFailException,
        match="is that of another report: it also has adgroup_id, by which this one is not grouped",
    ):
        run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))


@needs_postgres
def test_a_column_too_narrow_for_the_digits_is_refused_and_nothing_rounded(emulator, server):
    server.query(
        "CREATE TABLE ads (advertiser_id TEXT, ad_id TEXT, stat_time_day DATE, spend NUMERIC(12, 1))"
    )
    with pytest.raises(AirflowFailException, match=r"The table's column spend, NUMERIC\(12, 1\), can't"):
        run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))
    assert server.query("SELECT count(*) FROM ads") == [(0,)]


def test_a_table_that_is_missing_is_an_error_where_none_is_to_be_made(emulator, database):
    with pytest.raises(AirflowFailException, match="no table ads, and `create_table` is False"):
        run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1), create_table=False)
    assert emulator.calls == []
    assert database.types("ads") == {}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("table", ["order", "Ads of 'May'", 'x"; DROP TABLE ads; --', "50%s"])
def test_any_name_is_only_a_name(emulator, database, table):
    run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))
    quoted = '"' + table.replace('"', '""') + '"'
    for _ in range(2):
        summary = run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1), table=quoted)
    assert (summary["table"], summary["rows_deleted"]) == (table, 80)
    assert database.query(f"SELECT count(*) FROM {quoted}") == [(80,)]
    assert database.query("SELECT count(*) FROM ads") == [(80,)]


@needs_postgres
def test_a_table_in_a_schema_is_the_same_as_the_one_in_the_search_path(emulator, server):
    run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1), table=f"{server.schema}.ads")
    assert run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))["rows_deleted"] == 80


@needs_postgres
def test_a_schema_that_is_missing_is_named(emulator, server):
    with pytest.raises(AirflowFailException, match='schema "nowhere" does not exist'):
        run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1), table="nowhere.ads")


@needs_postgres
def test_the_older_driver_writes_the_same(emulator, server, monkeypatch):
    module = pytest.importorskip("airflow.providers.postgres.hooks.postgres")
    run(**TWO_DAYS | {"metrics": METRICS}, advertiser_ids=accounts(emulator, 1))
    monkeypatch.setattr(module, "USE_PSYCOPG3", False)
    run(**TWO_DAYS | {"metrics": METRICS}, advertiser_ids=accounts(emulator, 1), table="older")
    assert normalized(server.query("SELECT * FROM older")) == normalized(server.query("SELECT * FROM ads"))


@needs_postgres
@pytest.mark.parametrize("is_newer", [True, False])
def test_a_connection_whose_rows_are_dicts_is_as_good(emulator, server, monkeypatch, is_newer):
    module = pytest.importorskip("airflow.providers.postgres.hooks.postgres")
    monkeypatch.setattr(module, "USE_PSYCOPG3", module.USE_PSYCOPG3 and is_newer)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", server.connection(cursor="dictcursor"))
    for deleted in (0, 80):
        assert run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))["rows_deleted"] == deleted


def test_an_error_in_the_last_batch_leaves_the_old_rows(emulator, known_database, monkeypatch):
    ids = accounts(emulator, 1)
    run(**TWO_DAYS, advertiser_ids=ids)
    known_database.query("UPDATE ads SET spend = 12345")
    original = SqlTable.replace

    def replace(self, slices, rows, **more):
        def and_a_bad_one():
            yield from rows
            raise RuntimeError("the disk is full")

        return original(self, slices, and_a_bad_one(), **more)

    monkeypatch.setattr(SqlTable, "replace", replace)
    with pytest.raises(TikTokOutputError, match=r"RuntimeError: the disk is full.*rows are unchanged"):
        run(**TWO_DAYS, advertiser_ids=ids, batch_size=10)
    assert known_database.query("SELECT count(*), count(DISTINCT spend) FROM ads") == [(80, 1)]


KILLED = """
import sys, time
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator
from airflow_provider_tiktok.storage.tables.table import SqlTable
from tests.databases import use_hooks

use_hooks()
original = SqlTable.replace

def replace(self, slices, rows, **more):
    def half():
        batches = iter(rows)
        yield next(batches)
        print("half", flush=True)
        time.sleep(60)
    return original(self, slices, half(), **more)

SqlTable.replace = replace
TikTokReportToSqlOperator(
    task_id="report", sql_conn_id="warehouse", table="ads", dimensions="ad_id, stat_time_day", metrics="spend",
    report_start_date="2026-08-01", report_end_date="2026-09-15", advertiser_ids=sys.argv[1], batch_size=10,
).execute({})
"""


def killed_later(account):
    """Start a run in another process and return it when half of its rows are in the table."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", KILLED, account], stdout=subprocess.PIPE, text=True
    )
    assert any(line.strip() == "half" for line in process.stdout)
    return process


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.sampled(1)
def test_a_killed_run_leaves_the_old_rows_and_the_next_one_is_not_held_up(emulator, known_database):
    (account,) = accounts(emulator, 1)
    run(**TWO_DAYS, advertiser_ids=account)
    known_database.query("UPDATE ads SET spend = 12345")
    kill(killed_later(account))
    assert known_database.query("SELECT count(*), count(DISTINCT spend) FROM ads") == [(80, 1)]
    assert run(**TWO_DAYS, advertiser_ids=account)["rows_deleted"] == 80


@pytest.mark.full
def test_a_run_waits_for_one_in_another_process(emulator, known_database, monkeypatch):
    (account,) = accounts(emulator, 1)
    run(**TWO_DAYS, advertiser_ids=account)
    other = killed_later(account)
    waited = []

    def sleep(seconds):
        if seconds:
            waited.append(seconds)
            if len(waited) == 3:
                kill(other)

    monkeypatch.setattr(sql.time, "sleep", sleep)
    assert run(**TWO_DAYS, advertiser_ids=account)["rows_deleted"] == 80
    assert len(waited) >= 3


@needs_airflow_3
@pytest.mark.sampled(3)
@pytest.mark.parametrize("days", [("2026-08-01", "2026-08-01"), ("2026-08-01", "2026-08-03")])
@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("known_database", THREADED, indirect=True)
def test_two_runs_side_by_side_end_with_one_copy_of_each_row(
    emulator, known_database, monkeypatch, days, exists
):
    ids = accounts(emulator, 1)
    if exists:
        run(**TWO_DAYS, advertiser_ids=ids)
    together = threading.Barrier(2, timeout=30)
    original = SqlTable.replace

    def replace(self, *arguments, **more):
        together.wait()
        return original(self, *arguments, **more)

    monkeypatch.setattr(SqlTable, "replace", replace)
    errors = []

    def one(start):
        try:
            run(**TWO_DAYS | {"report_start_date": start, "report_end_date": f"{start[:-1]}4"},
                advertiser_ids=ids, batch_size=10)  # fmt: skip
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(day,)) for day in days]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert normalized(
        known_database.query("SELECT stat_time_day, count(*) FROM ads GROUP BY stat_time_day")
    ) == [(f"2026-08-0{day}", "4E+1") for day in (1, 2, 3, 4)]


def test_the_database_is_free_while_rows_are_still_to_come(emulator, lite, monkeypatch):
    original = sql.SqlOutput.write
    written = []

    def write(self, rows):
        with sqlite3.connect(lite.path, timeout=0) as other:
            other.execute("CREATE TABLE IF NOT EXISTS other (x)")
            other.execute("INSERT INTO other VALUES (1)")
        written.append(len(rows))
        original(self, rows)

    monkeypatch.setattr(sql.SqlOutput, "write", write)
    run(**DAILY, advertiser_ids=accounts(emulator, 1))
    assert lite.query("SELECT count(*) FROM other") == [(len(written),)]
    assert sum(written) == 40 * 46


def test_a_kill_before_the_commit_changes_nothing(emulator, known_database, monkeypatch):
    ids = accounts(emulator, 1)
    run(**TWO_DAYS, advertiser_ids=ids)
    known_database.query("UPDATE ads SET spend = 12345")
    task = operator(**TWO_DAYS, advertiser_ids=ids, batch_size=10)
    original = SqlTable.replace

    def replace(self, slices, rows, **more):
        def and_then_killed():
            yield from rows
            task.on_kill()

        return original(self, slices, and_then_killed(), **more)

    monkeypatch.setattr(SqlTable, "replace", replace)
    with pytest.raises(TikTokStoppedError):
        task.execute({})
    assert known_database.query("SELECT count(*), count(DISTINCT spend) FROM ads") == [(80, 1)]


@needs_postgres
def test_a_wrong_password_is_not_shown(emulator, server, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", server.connection(password="geheim-4f1c"))
    with pytest.raises(TikTokOutputError, match="could not be reached") as caught:
        run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))
    assert caught.value.retryable
    assert caught.value.__suppress_context__
    for secret in ("geheim-4f1c", TOKEN, SECRET):
        assert secret not in str(caught.value) + caplog.text
    assert emulator.calls == []


def test_a_password_is_not_shown_as_a_url_holds_it_either(emulator, lite, monkeypatch):
    connection = json.loads(lite.connection()) | {"password": "geheim/4f1c ü"}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))

    def fail(_):
        raise OSError("no route to x://me:geheim%2F4f1c+%C3%BC@host or x://me:geheim%2F4f1c%20%C3%BC@host")

    monkeypatch.setattr(tables, "open_engine", fail)
    with pytest.raises(TikTokOutputError, match="no route to") as caught:
        run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))
    assert "4f1c" not in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"sql_conn_id": "nowhere"}, "no connection 'nowhere'"),
        ({"sql_conn_id": " "}, "`sql_conn_id` is missing"),
        ({"sql_conn_id": "tiktok_default"}, "whose hook speaks no SQL"),
        ({"sql_conn_id": "strange"}, "of type 'strange', for which no installed Airflow provider has a hook"),
        ({"table": ""}, "`table` is missing"),
        ({"table": "a.b.c.d"}, "table, schema.table or catalog.schema.table"),
        ({"table": 'a"b'}, "not the name of a table"),
    ],
)
def test_what_cannot_be_a_table_is_refused_before_any_call(emulator, lite, monkeypatch, parameters, words):
    monkeypatch.setenv("AIRFLOW_CONN_STRANGE", json.dumps({"conn_type": "strange"}))
    with pytest.raises(AirflowFailException, match=words):
        run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1), **parameters)
    assert emulator.calls == []


def test_a_provider_that_is_not_installed_is_named(emulator, lite, monkeypatch):
    from airflow_provider_tiktok._compat_late import BaseHook

    def fail(*_: object, **__: object):
        raise ImportError("no such provider")

    monkeypatch.setattr(type(BaseHook.get_connection("warehouse")), "get_hook", fail)
    with pytest.raises(AirflowFailException, match="pip install apache-airflow-providers-sqlite"):
        run(**TWO_DAYS, advertiser_ids=accounts(emulator, 1))
    assert emulator.calls == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"output_path": "x"}, {"partition_by": "ad_id"}, {"max_xcom_bytes": 1},
        {"batch_size": 0}, {"create_table": "yes"}, {"add_columns": None},
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense_are_refused_when_the_dag_is_read(parameters):
    with pytest.raises(ValueError, match=f"`{next(iter(parameters))}`"):
        operator(**parameters)


def test_connection_and_table_are_templates():
    task = operator(table="ads_{{ level }}", sql_conn_id="{{ where }}", metrics="{{ what }}")
    task.render_template_fields({"level": "daily", "where": "warehouse", "what": "spend"})
    assert (task.table, task.sql_conn_id, task.metrics) == ("ads_daily", "warehouse", "spend")
    assert "output_path" not in task.template_fields


@needs_airflow_3
@pytest.mark.full
def test_importing_it_loads_no_database_and_no_client():
    code = (
        "import sys; from airflow.sdk import DAG, BaseHook, BaseOperator; before = set(sys.modules);"
        "import airflow_provider_tiktok.operators.report_to_sql; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.strip().splitlines()[-1].split()
    heavy = ("requests", "sqlite3", "psycopg", "airflow.providers.", "airflow_provider_tiktok.storage")
    assert [name for name in loaded if name.startswith(heavy)] == []
    assert "airflow_provider_tiktok.operators.report_to_sql" in loaded


def test_a_report_on_a_business_center_replaces_the_centers_days(emulator, database):
    center = {"preset": "bc_daily", "request_params": {"bc_id": BC_ID}}
    first = run(**center, report_start_date="2026-08-01", report_end_date="2026-08-03")
    again = run(**center, report_start_date="2026-08-02", report_end_date="2026-08-04")
    assert (first["row_count"], again["rows_deleted"], again["rows_inserted"]) == (3, 2, 3)
    assert database.query("SELECT count(*), count(DISTINCT bc_id), count(advertiser_id) FROM ads") == [
        (4, 1, 0)
    ]


def test_weeks_that_began_before_the_window_are_replaced(emulator, database):
    weekly = {
        "report_type": "BC",
        "dimensions": ["stat_time_week"],
        "metrics": ["spend"],
        "request_params": {"bc_id": BC_ID},
    }
    first = run(**weekly, report_start_date="2026-08-03", report_end_date="2026-08-16")
    again = run(**weekly, report_start_date="2026-08-12", report_end_date="2026-08-16")
    assert (first["rows_inserted"], again["rows_deleted"], again["rows_inserted"]) == (2, 1, 1)
    assert database.query("SELECT count(*) FROM ads") == [(2,)]


def test_a_report_made_of_a_call_a_day_is_keyed_by_the_day(emulator, known_database):
    report = {"preset": "campaign_audience_interest_daily", "advertiser_ids": accounts(emulator, 1)}
    first = run(**report, report_start_date="2026-08-01", report_end_date="2026-08-02")
    again = run(**report, report_start_date="2026-08-02")
    assert first["row_count"] > again["row_count"] == again["rows_deleted"] > 0
    assert known_database.query("SELECT count(*) FROM ads") == [(first["row_count"],)]


@pytest.mark.parametrize("dimensions", [["advertiser_id", "stat_time_day"], ["advertiser_id"]])
@pytest.mark.parametrize("value", [None, "-", "", {}])
def test_a_row_of_no_account_leaves_the_table_as_it_was(emulator, lite, monkeypatch, dimensions, value):
    """No later run would delete it, since each deletes the rows of its accounts."""
    ids = accounts(emulator)[:1]
    asked = {
        "dimensions": dimensions,
        "metrics": ["spend"],
        "report_start_date": "2026-08-01",
        "advertiser_ids": ids,
    }
    run(**asked)
    before = lite.query("SELECT * FROM ads")
    real = envelope.read_json

    def spoiled(body, number=str):
        answer = real(body, number)
        for row in answer.get("data", {}).get("list", []):
            if "dimensions" in row:
                row["dimensions"]["advertiser_id"] = value
        return answer

    monkeypatch.setattr(envelope, "read_json", spoiled)
    for _ in range(2):
        with pytest.raises(TikTokIncompleteReportError, match=r"advertiser_id.*\(row 1, advertiser"):
            run(**asked)
    assert lite.query("SELECT * FROM ads") == before
