"""Spend, accounts and days of a run's summary, whichever way the rows come and wherever they go."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.operators.entities import TikTokEntitiesOperator
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator
from tests.databases import open_database, use_hooks
from tests.operators.test_report_operator import accounts, truth

REPORT = {
    "dimensions": "ad_id,stat_time_day",
    "metrics": "spend,clicks",
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-08-03",
    "max_xcom_bytes": 10_000_000,
}
INFO = "/open_api/v1.3/advertiser/info/"
KEYS = ("spend", "accounts", "days")


@pytest.fixture(autouse=True)
def _ready(connect, fast_retries):
    connect()


def run(**parameters):
    summary = TikTokReportOperator(task_id="report", **{**REPORT, **parameters}).execute({})
    return json.loads(json.dumps(summary))


def figures(summary):
    return {key: summary[key] for key in KEYS}


def expected(emulator, names, metrics=("spend", "clicks"), dimensions=("ad_id", "stat_time_day")):
    """Return what the summary must say, from the emulator's rows."""
    days = [(date(2026, 8, 1) + timedelta(days=i)).isoformat() for i in range(3)]
    rows = {
        name: [
            row
            for day in days  # one by one, as hours are asked for
            for row in truth(emulator, name, metrics=metrics, dimensions=dimensions, start=day, end=day)
        ]
        for name in names
    }
    time = dimensions[-1]

    def spend(some):
        return str(sum((Decimal(row["spend"]) for row in some if row["spend"] is not None), Decimal(0)))

    def by_currency(some):
        found = {}
        for name in names:
            found.setdefault(emulator.world.accounts[name].currency, []).extend(some[name])
        return {currency: spend(each) for currency, each in found.items() if each}

    return {
        "spend": by_currency(rows),
        "accounts": {
            name: {
                "name": emulator.world.accounts[name].name,
                "currency": emulator.world.accounts[name].currency,
                "timezone": emulator.world.accounts[name].zone,
                "rows": len(rows[name]),
                "spend": spend(rows[name]),
                "start": days[0],
                "end": days[-1],
            }
            for name in names
        },
        "days": {
            day: {
                "rows": sum(row[time].startswith(day) for name in names for row in rows[name]),
                "spend": by_currency(
                    {name: [row for row in rows[name] if row[time].startswith(day)] for name in names}
                ),
            }
            for day in days
        },
    }


def info_calls(emulator):
    return [call for call in emulator.calls if call.path == INFO]


def test_the_summary_says_what_the_rows_say(emulator, tmp_path):
    names = accounts(emulator, 3)
    right = expected(emulator, names)
    assert figures(run(advertiser_ids=names)) == right
    assert len(info_calls(emulator)) == 1
    assert figures(run(advertiser_ids=names, output_path=f"{tmp_path}/")) == right
    renamed = run(advertiser_ids=names, column_names={"spend": "cost", "stat_time_day": "day"})
    assert figures(renamed) == right


def test_accounts_are_looked_up_next_to_the_last_of_many_pages(emulator, monkeypatch):
    [name] = accounts(emulator, 1)
    answered, get = [], TikTokClient.get

    def get_and_note(client, path, params, **options):
        answer = get(client, path, params, **options)
        answered.append((path, params.get("page")))
        return answer

    monkeypatch.setattr(TikTokClient, "get", get_and_note)
    right, count = expected(emulator, [name]), 120  # 40 ads on three days
    report = "report/integrated/get/"
    for pages, looked_up in ((3, [("advertiser/info/", None)]), (12, [(report, 12)])):
        emulator.set_faults([{"fault": "slow", "path": report, "page": pages, "seconds": 1.5}])
        answered.clear()
        summary = run(advertiser_ids=[name], request_params={"page_size": count // pages}, max_concurrency=4)
        assert len(answered) == summary["api_calls"] == pages + 1
        assert answered[-1:] == looked_up
        assert figures(summary) == right


def test_a_report_task_says_the_same(emulator, moved_clock):
    names = accounts(emulator, 2)
    summary = run(advertiser_ids=names, mode="async", poll_interval=0.1, wait_timeout=20)
    assert figures(summary) == expected(emulator, names)


def test_a_table_says_the_same(emulator, tmp_path, monkeypatch):
    opened = open_database("sqlite", tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", opened.connection())
    use_hooks(monkeypatch.setattr)
    names = accounts(emulator, 2)
    report = {name: value for name, value in REPORT.items() if name != "max_xcom_bytes"}
    operator = TikTokReportToSqlOperator(
        task_id="report", sql_conn_id="warehouse", table="ads", advertiser_ids=names, **report
    )
    assert figures(operator.execute({})) == expected(emulator, names)


def test_hours_count_to_their_days(emulator):
    names = accounts(emulator, 1)
    summary = run(advertiser_ids=names, dimensions="ad_id,stat_time_hour")
    assert figures(summary) == expected(emulator, names, dimensions=("ad_id", "stat_time_hour"))


def test_figures_without_days_have_none(emulator):
    summary = run(
        advertiser_ids=accounts(emulator, 1),
        dimensions="ad_id",
        query_lifetime=True,
        report_start_date=None,
        report_end_date=None,
    )
    (account,) = summary["accounts"].values()
    assert summary["days"] == {}
    assert (account["start"], account["end"]) == (None, None)
    assert summary["spend"] == {account["currency"]: account["spend"]}


def test_a_skipped_account_is_not_among_them(emulator, forbidden):
    names = accounts(emulator, 1)
    summary = run(advertiser_ids=[forbidden, *names], on_advertiser_error="skip")
    assert list(summary["accounts"]) == names
    assert (
        summary["spend"].keys()
        == summary["days"]["2026-08-01"]["spend"].keys()
        == {emulator.world.accounts[names[0]].currency}
    )


def test_an_app_without_the_scope_of_accounts_loads_as_before(emulator, caplog):
    names = accounts(emulator, 1)
    emulator.set_faults([{"fault": "code:40001", "path": "advertiser/info/", "at": list(range(1, 99))}])
    summary = run(advertiser_ids=names)
    assert len(info_calls(emulator)) == 1
    (account,) = summary["accounts"].values()
    assert (account["name"], account["currency"], account["timezone"]) == (None, None, None)
    assert summary["spend"] == {"": account["spend"]}
    assert summary["complete"]
    assert not [
        record for record in caplog.records if record.levelname == "WARNING" and "ames" in record.message
    ]


def test_the_run_that_asked_for_zones_asks_no_more(emulator):
    names = accounts(emulator, 2)
    summary = run(advertiser_ids=names, report_start_date=None, report_end_date=None)
    assert len(info_calls(emulator)) == 1
    assert [one["name"] for one in summary["accounts"].values()] == [
        emulator.world.accounts[name].name for name in names
    ]


@pytest.mark.parametrize("entity", ["campaign", "advertiser"])
def test_a_list_counts_its_accounts(emulator, entity):
    names = accounts(emulator, 2)
    summary = TikTokEntitiesOperator(
        task_id="list", entity=entity, advertiser_ids=names, max_xcom_bytes=10_000_000
    ).execute({})
    assert len(info_calls(emulator)) == 1
    assert list(summary["accounts"]) == names
    assert sum(one["rows"] for one in summary["accounts"].values()) == summary["row_count"] > 1
    assert [one["currency"] for one in summary["accounts"].values()] == [
        emulator.world.accounts[name].currency for name in names
    ]
    assert "days" not in summary
