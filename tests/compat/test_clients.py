"""Other makers' clients have the rows that this package has; skipped unless ``make compat`` has installed them."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
from decimal import Decimal

import pytest

from tests.compat import clients
from tests.compat.clients import CLIENTS, ROOT
from tests.conftest import SECRET, TOKEN

# Two request windows, old enough that no figure grows any more; pages small enough that there are several.
END = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=40)
START = END - datetime.timedelta(days=34)
PAGE_SIZE = 200
LONG_AGO = "2020-01-01"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.0+)?Z?)?")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")

pytestmark = pytest.mark.skipif("TIKTOK_CLIENTS" not in os.environ, reason="needs other clients: make compat")


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request):
    if not clients.python_of(request.param).exists():
        pytest.skip(f"{request.param.package} could not be installed on this Python")
    return request.param


def test_a_client_has_the_rows_that_this_package_has(client, emulator, connect, tmp_path):
    account = next(name for name in emulator.world.accounts if name.startswith("71"))
    theirs = fetch(client, emulator.url, account, tmp_path, client.streams, START)
    connect(advertiser_ids=[account])
    for stream, report in client.streams.items():
        rows = theirs[stream]
        ours = fetch_same(report, list(rows[0]), account)
        print(f"\n{client.package}, {stream}: {len(rows)} rows, ours {len(ours)}")
        assert ordered(rows, report, rows[0]) == ordered(ours, report, rows[0])


@pytest.mark.parametrize("client", [client for client in CLIENTS if client.entities], indirect=True)
def test_a_client_lists_what_this_package_lists(client, emulator, connect, tmp_path):
    """The client's own calls are accepted, and each of its fields has this package's value."""
    connect()
    account = next(name for name in emulator.world.accounts if name.startswith("71"))
    theirs = fetch(client, emulator.url, account, tmp_path, client.entities, LONG_AGO)
    for stream, listed in client.entities.items():
        ours = {row[listed.key]: row for row in entities_of(account, listed)}
        rows = {str(row[listed.key]): row for row in theirs[stream]}
        print(f"\n{client.package}, {stream}: {len(theirs[stream])} entities, ours {len(ours)}")
        assert len(theirs[stream]) == len(ours)
        assert rows.keys() == ours.keys()
        for key, row in rows.items():
            values = {
                name: normalized(in_utc(value) if name in listed.epochs else value)
                for name, value in row.items()
                if name not in listed.altered
            }
            # the schemas of both make false of a flag that is null
            expected = {name: normalized(ours[key].get(name)) for name in values}
            assert values == {
                name: False if values[name] is False and value is None else value
                for name, value in expected.items()
            }


def entities_of(account, listed):
    """Yield this package's entities, nested values as objects."""
    from airflow_provider_tiktok.entities import catalog
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    fields = catalog.fields(listed.entity)
    for row in TikTokHook().iter_entities(
        listed.entity, advertiser_ids=[account], filters=listed.filters, include_deleted=False
    ):
        yield {
            name: json.loads(value, parse_float=Decimal)
            if value is not None and name in fields and fields[name].type == "json"
            else value
            for name, value in row.items()
        }


def in_utc(seconds):
    """Return a time that a client leaves as TikTok's number."""
    return f"{datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc):%Y-%m-%d %H:%M:%S}"


def fetch(client, url, account, folder, streams, start):
    """Return the client's rows by stream."""
    job = {
        "url": url,
        "token": TOKEN,
        "app_id": "7350000000000000001",
        "app_secret": SECRET,
        "accounts": [account],
        "start": str(start),
        "end": str(END),
        "page_size": PAGE_SIZE,
        "streams": list(streams),
    }
    done = subprocess.run(
        clients.command(client, job, folder), cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = {stream: [] for stream in streams}
    for stream, row in clients.records(folder):
        found[stream].append(row)
    return found


def fetch_same(report, columns, account):
    """Return this package's rows with the columns of a client's."""
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    metrics = [name for name in columns if name not in {*report.dimensions, "advertiser_id"}]
    rows = TikTokHook().iter_report(
        report_type=report.report_type,
        data_level="AUCTION_AD",
        dimensions=list(report.dimensions),
        metrics=metrics,
        include_deleted=report.include_deleted,
        advertiser_ids=[account],
        report_start_date=str(START),
        report_end_date=str(END),
    )
    return list(rows)


def ordered(rows, report, columns):
    """Return the rows' columns in one order and one form."""
    found = [{name: normalized(row[name]) for name in columns} for row in rows]
    return sorted(found, key=lambda row: [str(row[name]) for name in report.dimensions])


def normalized(value):
    """Return a value without what clients do to its type: numbers as numbers, times as times, ``-`` as none."""
    if isinstance(value, list):
        return [normalized(item) for item in value]
    if isinstance(value, dict):
        return {name: normalized(item) for name, item in value.items()}
    if value is None or value == "-":
        return None
    text = str(value)
    if text in {"True", "False"}:
        return text == "True"
    time = _TIME.fullmatch(text)
    if time:
        return time[1] if time[2] in {None, "00:00:00"} else f"{time[1]} {time[2]}"
    return Decimal(text) if _NUMBER.fullmatch(text) else text
