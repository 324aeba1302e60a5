"""Hourly reports in folders of days: the day is that of the hour, which stays in the rows."""

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError, TikTokOutputError
from airflow_provider_tiktok.operators._outputs.columns import read_columns
from airflow_provider_tiktok.operators._outputs.files import FileOutput
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.reports.result.summary import make_summary
from airflow_provider_tiktok.reports.rows.schema import schema_of
from airflow_provider_tiktok.storage.formats import EXTENSIONS
from tests.operators.test_column_names import rows_of, text
from tests.operators.test_report_operator import accounts, forbid
from tests.reports.helpers import FakeClient, all_rows, fetch, paged, plan

DAY, HOUR = "stat_time_day", "stat_time_hour"
HOURLY = {
    "dimensions": ["campaign_id", HOUR],
    "metrics": ["campaign_name", "spend", "clicks"],
    "report_start_date": "2026-08-01",
    "report_end_date": "2026-08-03",
}
COLUMNS = {
    "advertiser_id": "string",
    "campaign_id": "string",
    HOUR: "timestamp",
    "campaign_name": "string",
    "spend": "decimal",
    "clicks": "integer",
    DAY: "date",
}


def data_files(folder):
    """Return the bytes of each data file, by its folder."""
    return {
        str(path.parent.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name[0] not in "._"
    }


# the day of any hour: days of 23, 24 and 25 hours, and the ways in which TikTok may write an hour


DAYS = {
    "23 hours": (
        *("2026-03-28", "2026-03-29", "%Y-%m-%d %H:%M:%S"),
        {"1": "Europe/Berlin", "2": "Asia/Kolkata"},
    ),
    "25 hours": (
        *("2026-11-01", "2026-11-02", "%Y-%m-%dT%H:%M:%S"),
        {"1": "America/New_York", "2": "Pacific/Auckland"},
    ),
    "half an hour": (
        *("2026-04-04", "2026-04-05", "%Y-%m-%d %H:%M"),
        {"1": "Australia/Lord_Howe", "2": "America/Los_Angeles"},
    ),
    "no midnight": ("2026-03-07", "2026-03-08", None, {"1": "America/Havana", "2": "UTC"}),
}
"""First and last day, how an hour is written (``None``: midnight as a day), and the accounts' zones."""

SHAPES = [
    ((DAY,), None),
    ((DAY, "advertiser_id"), {HOUR: "hour"}),
    (("ad_id", "day"), {DAY: "day"}),
    ((DAY, HOUR), None),
]


def hours_of(zone, day):
    """Return the hours of a day, each once, as far as the zone's clock shows them."""
    first = datetime.combine(day, datetime.min.time(), timezone.utc) - timedelta(days=1)
    local = [(first + timedelta(minutes=30 * step)).astimezone(ZoneInfo(zone)) for step in range(3 * 48)]
    return sorted({time.replace(tzinfo=None, minute=0, fold=0) for time in local if time.date() == day})


def spelt(hour, spelling):
    if spelling is None:
        return f"{hour:%Y-%m-%d}" if not hour.hour else f"{hour:%Y-%m-%d %H:%M:%S}"
    return hour.strftime(spelling)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("output_format", EXTENSIONS)
@pytest.mark.parametrize("days", DAYS)
@pytest.mark.parametrize(("partition_by", "names"), SHAPES, ids=str)
def test_each_row_is_in_the_folder_of_its_hours_day(tmp_path, output_format, days, partition_by, names):
    if output_format == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    start, end, spelling, zones = DAYS[days]

    def report(params):
        account, day = params["advertiser_id"], date.fromisoformat(params["start_date"])
        assert params["start_date"] == params["end_date"]
        hours = [spelt(hour, spelling) for hour in hours_of(zones[account], day)]
        return paged(
            [
                {"dimensions": {"ad_id": f"{account}{ad}", HOUR: hour}, "metrics": {"spend": "0.10"}}
                for hour in hours
                for ad in (8, 9)
            ]
        )(params)

    client = FakeClient(report, zones)
    made = plan(
        client,
        dimensions=f"ad_id,{HOUR}",
        advertiser_ids="1,2",
        report_start_date=start,
        report_end_date=end,
    )
    expected = sorted((*row[:2], row[2][:16], row[2][:10]) for row in all_rows(fetch(client, made)))
    columns = read_columns(schema_of(made.request).columns, names, partition_by=partition_by)
    output = FileOutput(
        f"{tmp_path}/",
        made,
        columns,
        output_format=output_format,
        partition_by=columns.partition_columns(partition_by),
    )
    source = fetch(client, made, encode=columns.encoder(output.encode, 0.0))
    for batch in source.batches():
        output.write(batch)
    summary = make_summary(source, client.counts, datetime.now(timezone.utc))
    output.publish(source, summary, datetime.now(timezone.utc))
    output.close()

    new = [columns.name_of(name) for name in ("advertiser_id", "ad_id", HOUR, DAY)]
    rows = [row for path in summary["paths"] for row in rows_of(path)]
    cells = ([text(row[name]).replace("%3A", ":") for name in new] for row in rows)
    found = sorted((account, ad, hour[:16], day) for account, ad, hour, day in cells)
    assert found == expected
    assert len(found) == 2 * sum(
        len(hours_of(zone, date.fromisoformat(day))) for zone in zones.values() for day in (start, end)
    )
    assert {row[3] for row in found} == {start, end}
    assert all(f"{new[3]}={start}" in path or f"{new[3]}={end}" in path for path in summary["paths"])
    assert columns.types[new[3]] == "date"


def test_rows_without_an_hour_have_no_day():
    columns = read_columns({"ad_id": "string", HOUR: "timestamp"}, partition_by=[DAY])
    from airflow_provider_tiktok.reports.rows.reader import Page

    page = Page([["1", "2"], ["2026-11-21T05:00:00", None]], [True, False])
    encoded = columns.encoder(lambda more: more, 0.0)(page)
    assert encoded.columns[2] == ["2026-11-21", None]
    assert encoded.clean == [True, False, False]


# the operator


@pytest.fixture
def run(emulator, connect):
    """Return a function that executes an operator for two accounts."""
    connect(advertiser_ids=accounts(emulator, 2))
    emulator.configure(zero_rows=True)

    def execute(folder, **parameters):
        found = {**HOURLY, "output_path": f"{folder}/", "partition_by": DAY, **parameters}
        summary = TikTokReportOperator(task_id="report", **found).execute({})
        json.dumps(summary)
        return summary

    yield execute
    emulator.configure(zero_rows=True, ads=40)


@pytest.fixture
def expected(run, tmp_path):
    """Return all rows of the report, from one file."""
    return rows_of(run(tmp_path / "one.jsonl".removesuffix("/"), partition_by=None)["paths"][0])


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("mode", "loaded_at"), [("sync", None), ("async", "_loaded")])
@pytest.mark.parametrize("partition_by", [DAY, ["campaign_id", DAY]], ids=str)
@pytest.mark.parametrize("output_format", EXTENSIONS)
def test_files_by_day_hold_the_same_rows(
    run, expected, tmp_path, output_format, partition_by, loaded_at, mode
):
    summary = run(
        tmp_path / "lake",
        output_format=output_format,
        partition_by=partition_by,
        loaded_at=loaded_at,
        mode=mode,
        poll_interval=0.1,
    )
    types = COLUMNS | ({loaded_at: "timestamp_utc"} if loaded_at else {})
    assert list(summary["columns"].items()) == list(types.items())
    rows = [row for path in summary["paths"] for row in rows_of(path)]
    assert all(set(row) == set(types) for row in rows)
    same = [name for name in COLUMNS if name not in (DAY, "spend", "clicks")]

    def normal(found):
        return sorted(
            [*(text(row[name]) for name in same), float(row["spend"]), float(row["clicks"]), row.get(DAY)]
            for row in found
        )

    assert normal(rows) == normal({**row, DAY: row[HOUR][:10]} for row in expected)
    assert summary["row_count"] == len(rows) == 3 * 24 * len({row["campaign_id"] for row in rows})
    manifest = json.loads(Path(summary["manifest"]).read_text(encoding="utf-8"))
    assert manifest["columns"] == types
    assert {file["partition"][DAY] for file in manifest["files"]} == {f"2026-08-0{day}" for day in (1, 2, 3)}
    assert summary["days"].keys() == {f"2026-08-0{day}" for day in (1, 2, 3)}


def test_the_folders_are_those_of_daily_reports(run, tmp_path):
    run(tmp_path / "hours")
    run(tmp_path / "days", dimensions=f"campaign_id,{DAY}")
    assert data_files(tmp_path / "hours").keys() == data_files(tmp_path / "days").keys()
    assert data_files(tmp_path / "hours").keys() == {f"{DAY}=2026-08-0{day}" for day in (1, 2, 3)}


def test_a_later_run_replaces_its_own_days_and_no_others(run, emulator, tmp_path):
    run(tmp_path)
    before = data_files(tmp_path)
    run(tmp_path, report_start_date="2026-08-03", report_end_date="2026-08-03", lookback_days=1)
    assert data_files(tmp_path) == before
    emulator.configure(zero_rows=False, ads=0)
    run(tmp_path, report_start_date="2026-08-02", report_end_date="2026-08-02")
    left = data_files(tmp_path)
    assert left == {folder: data for folder, data in before.items() if not folder.endswith("02")}


def test_a_folder_by_hour_becomes_one_by_day_and_nothing_is_restated(run, tmp_path):
    def folders():
        return {folder.partition("/")[0] for folder in data_files(tmp_path)}

    first = run(tmp_path, partition_by=HOUR)
    assert len(folders()) == 72
    found = run(tmp_path, report_start_date="2026-08-02", restatement=True)["restatement"]
    assert {name[:24] for name in folders()} == {
        f"{HOUR}=2026-08-01"[:24],
        *(f"{DAY}=2026-08-0{day}" for day in (2, 3)),
    }
    assert found["rows_before"] == found["rows_after"] == first["row_count"] * 2 // 3
    assert [found[f"rows_{what}"] for what in ("added", "removed", "changed")] == [0, 0, 0]
    run(tmp_path, partition_by=HOUR)  # and back
    assert len(folders()) == 72
    assert all(name.startswith(HOUR) for name in folders())


def test_a_restatement_is_told_by_day(run, tmp_path):
    path = Path(run(tmp_path, restatement=True)["paths"][1])
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[0] = json.dumps(json.loads(lines[0]) | {"clicks": 10**6}) + "\n"
    path.write_text("".join(lines), encoding="utf-8")
    found = run(tmp_path, restatement=True)["restatement"]
    assert [found[f"rows_{what}"] for what in ("added", "removed", "changed")] == [0, 0, 1]
    assert list(found["days"]) == ["2026-08-02"]


def test_a_skipped_account_keeps_its_rows(run, emulator, tmp_path):
    run(tmp_path / "shared")
    run(tmp_path / "own", partition_by=[DAY, "advertiser_id"])
    before = data_files(tmp_path)
    forbid(emulator, accounts(emulator, 2)[1])
    with pytest.raises(Exception, match="contains rows of advertiser") as caught:
        run(tmp_path / "shared", on_advertiser_error="skip")
    assert isinstance(caught.value, TikTokOutputError)
    assert run(tmp_path / "own", partition_by=[DAY, "advertiser_id"], on_advertiser_error="skip")["paths"]
    assert data_files(tmp_path) == before


def test_accounts_whose_days_differ_need_folders_of_their_own(run, emulator, tmp_path):
    """Los Angeles and Berlin have two last complete days at 00:30 UTC."""
    zones = {"1": "Europe/Berlin", "2": "America/Los_Angeles"}
    from airflow_provider_tiktok.reports.planning.plan import RunTime

    night = datetime(2026, 11, 21, 0, 30, tzinfo=timezone.utc)
    made = plan(
        FakeClient(None, zones),
        run=RunTime(night),
        now=night,
        dimensions=f"ad_id,{HOUR}",
        advertiser_ids="1,2",
    )
    for partition_by, refused in (((DAY,), True), ((DAY, "advertiser_id"), False)):
        columns = read_columns(schema_of(made.request).columns, partition_by=partition_by)
        if refused:
            with pytest.raises(TikTokOutputError, match=f"days differ, and `partition_by` has {DAY} without"):
                FileOutput(f"{tmp_path}/", made, columns, partition_by=partition_by)
        else:
            FileOutput(f"{tmp_path}/", made, columns, partition_by=partition_by).close()


def test_overlaps_of_hourly_runs_ask_for_folders_by_day(run, tmp_path, caplog):
    run(tmp_path / "days", lookback_days=1, report_start_date="2026-08-03")
    assert "runs overlap" not in caplog.text
    run(tmp_path / "none", lookback_days=1, report_start_date="2026-08-03", partition_by=None)
    assert "Add stat_time_day to `partition_by`, and each day has one file." in caplog.text


@pytest.mark.parametrize(
    ("column_names", "partition_by", "folder"),
    [
        ({HOUR: "hour"}, DAY, DAY),
        ({DAY: "day"}, "day", "day"),
        ({DAY: "day"}, DAY, "day"),
        ({"campaign_name": DAY}, DAY, DAY),  # a column of yours with the day's name is that column
        ({HOUR: DAY}, DAY, DAY),
        ("fivetran", DAY, DAY),
    ],
    ids=str,
)
def test_folders_have_the_names_that_columns_have(run, tmp_path, column_names, partition_by, folder):
    summary = run(tmp_path, column_names=column_names, partition_by=partition_by)
    values = {path.partition("/")[0].partition("=")[2] for path in data_files(tmp_path)}
    assert all(path.startswith(f"{folder}=") for path in data_files(tmp_path))
    assert folder in summary["columns"]
    is_day = not (isinstance(column_names, dict) and DAY in column_names.values())
    assert (values == {"2026-08-01", "2026-08-02", "2026-08-03"}) is is_day
    assert len(summary["columns"]) == (7 if is_day else 6)


# what is refused, and what is suggested


LIFETIME = {
    **dict.fromkeys(("dimensions", "metrics", "report_start_date", "report_end_date")),
    "preset": "campaign_lifetime",
    "partition_by": DAY,
}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"partition_by": "stat_time_dai"}, "has stat_time_dai, which the rows don't have. Did you mean 'stat_time_day'?"),
        ({"partition_by": "Stat_Time_Day"}, "has Stat_Time_Day, which the rows don't have. Did you mean 'stat_time_day'?"),
        ({"partition_by": "stat_time_hours"}, "which the rows don't have. Did you mean 'stat_time_hour'?"),
        ({"partition_by": "advertiser"}, "which the rows don't have. Did you mean 'advertiser_id'?"),
        ({"partition_by": "spendd"}, "which the rows don't have. Did you mean 'spend'?"),
        (
            {"partition_by": "country"},
            "has country, which the rows don't have. It can be stat_time_day, advertiser_id, campaign_id, "
            "stat_time_hour, campaign_name.",
        ),
        (LIFETIME, "has stat_time_day, which the rows don't have. It can be advertiser_id, campaign_id, "),
        (
            {"partition_by": DAY, "dimensions": "campaign_id"},
            "has stat_time_day, which the rows don't have. It can be advertiser_id, campaign_id, campaign_name.",
        ),
        (
            {"partition_by": HOUR, "dimensions": f"campaign_id,{DAY}"},
            "has stat_time_hour, which the rows don't have. Did you mean 'stat_time_day'?",
        ),
        ({"partition_by": f"{DAY},{DAY.upper()}"}, "has STAT_TIME_DAY, which"),
        (
            {"partition_by": "tag", "column_names": {"campaign_id": "campaign"}},
            "It can be stat_time_day, advertiser_id, campaign, ",
        ),
        ({"partition_by": DAY, "column_names": {DAY: "day", "spend": "day"}}, "gives two columns the name 'day'"),
        ({"partition_by": DAY, "column_names": {"spend": "STAT_TIME_DAY"}}, "gives two columns the name"),
        ({"partition_by": "_day", "column_names": {DAY: "_day"}}, "has stat_time_day, which `column_names` calls _day"),
        ({"partition_by": "day", "column_names": {DAY: "_day"}}, f"renames {DAY!r}, which the rows don't have"),
        ({"partition_by": "campaign_id", "column_names": {DAY: "day"}}, f"renames {DAY!r}, which the rows don't have"),
        ({"partition_by": f"day,{DAY}", "column_names": {DAY: "day"}}, f"names one column twice, as day and {DAY}"),
        ({"partition_by": DAY, "column_names": {"spend": 5}}, "must be an object such as"),
        ({"partition_by": DAY, "column_names": {"spend": ["x"], DAY: {}}}, "must be an object such as"),
        ({"partition_by": DAY, "loaded_at": DAY}, f"`loaded_at` is {DAY!r}, which is already the name of {DAY}"),
    ],
    ids=lambda value: json.dumps(value)[:70] if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_no_folder_can_be_of_is_refused_before_any_call(run, emulator, tmp_path, parameters, message):
    emulator.clear()
    with pytest.raises(TikTokInvalidRequestError) as caught:
        run(tmp_path / "lake", **parameters)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 220
    assert emulator.calls == []
    assert data_files(tmp_path) == {}
