"""The accounts that a token can access, requested a hundred at a time."""

from __future__ import annotations

import json
import threading

import pytest

from airflow_provider_tiktok.api.endpoints.advertisers import (
    AccountLookup,
    Advertiser,
    describe,
    describe_batch,
    list_advertisers,
    list_authorised,
)
from airflow_provider_tiktok.api.retry import RetryPolicy
from airflow_provider_tiktok.exceptions import (
    TikTokConfigError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
    TikTokTransportError,
)
from tests.threads import wait_for_calls

from .conftest import SECRET, ok, refusal

AUTHORISED = "/open_api/v1.3/oauth2/advertiser/get/"


def ids(count: int) -> list[str]:
    return [str(7000000000000000000 + index) for index in range(count)]


def asked(call) -> list[str]:
    return json.loads(call.query["advertiser_ids"])


def info(forbidden=(), absent=(), text="advertiser does not grant you /advertiser/info/:GET permission"):
    def reply(call):
        if set(asked(call)) & set(forbidden):
            return refusal(40001, text)
        return ok(
            {"list": [{"advertiser_id": name, "name": "N"} for name in asked(call) if name not in absent]}
        )

    return reply


@pytest.mark.parametrize(
    ("count", "batches"), [(0, []), (1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])]
)
def test_accounts_are_looked_up_a_hundred_a_call(client, server, count, batches):
    server.script = info()
    details = describe(client, ids(count))
    assert list(details.found) == ids(count)
    assert [len(asked(call)) for call in server.calls] == batches


def test_a_refused_call_is_halved_until_the_account_is_found(client, server):
    bad = [ids(100)[0], ids(100)[37]]
    server.script = info(forbidden=bad)
    details = describe(client, ids(100))
    assert list(details.refused) == bad
    assert sorted(details.found) == sorted(set(ids(100)) - set(bad))
    assert len(server.calls) <= 2 * 2 * 7 + 1
    assert bad[1] in str(details.refused[bad[1]])


def test_a_missing_scope_is_not_looked_for_by_halves(client, server):
    server.script = info(
        ids(100), text="Permission error: lacks the required scope, reauthorize your API App"
    )
    assert sorted(describe(client, ids(100)).refused) == ids(100)
    assert len(server.calls) == 1


def test_another_refusal_is_raised(client, server):
    server.script = [refusal(40006)]
    with pytest.raises(TikTokInvalidRequestError):
        describe_batch(client, ids(2))


def test_an_account_about_which_nothing_is_said_is_absent(client, server):
    server.script = info(absent=["7000000000000000001"])
    details = describe(client, ids(2))
    assert (list(details.found), details.refused) == (["7000000000000000000"], {})


def test_an_account_that_is_described_twice_comes_once_or_fails(client, server):
    item = {"advertiser_id": "7", "timezone": "Asia/Tokyo"}
    server.script = [ok({"list": [item, item]}), ok({"list": [item, {**item, "timezone": "Europe/Rome"}]})]
    assert describe_batch(client, ["7"]) == {"7": Advertiser("7", timezone="Asia/Tokyo")}
    with pytest.raises(TikTokTransportError, match="has advertiser 7 twice, with different values"):
        describe(client, ["7"])


@pytest.mark.parametrize(
    ("fields", "zone"),
    [
        ({"timezone": "Etc/GMT+8", "display_timezone": "America/Los_Angeles"}, "America/Los_Angeles"),
        ({"timezone": "Etc/GMT+8"}, "Etc/GMT+8"),
        ({"timezone": "Etc/GMT+8", "display_timezone": ""}, "Etc/GMT+8"),
        ({"timezone": "Etc/GMT+8", "display_timezone": "Mars/Olympus"}, "Etc/GMT+8"),
        ({"timezone": "Mars/Olympus", "display_timezone": None}, "Mars/Olympus"),
        ({"timezone": "Mars/Olympus", "display_timezone": "Venus/Maxwell"}, "Venus/Maxwell"),
        ({"timezone": "Etc/GMT-5", "display_timezone": "UTC+05:30"}, "UTC+05:30"),
        ({}, None),
    ],
)
def test_the_display_time_zone_is_preferred(client, server, fields, zone):
    item = {"advertiser_id": 7, "name": "Ad, \u00e9", "currency": "JPY", "status": "STATUS_ENABLE", **fields}
    server.script = [ok({"list": [item]})]
    found = describe(client, ["7"]).found
    assert found == {"7": Advertiser("7", "Ad, \u00e9", "JPY", zone, "STATUS_ENABLE")}


@pytest.mark.parametrize("ids", [("1",), ("*",)])
def test_with_an_app_the_accounts_come_from_tiktok(make_client, server, ids):
    def reply(call):
        if call.path == AUTHORISED:
            return ok(
                {"list": [{"advertiser_id": name, "advertiser_name": f"n{name}"} for name in ("8", "7")]}
            )
        return ok({"list": [{"advertiser_id": "7", "name": "Seven", "currency": "EUR"}]})

    server.script = reply
    client = make_client(app_id="77", app_secret=SECRET, advertiser_ids=ids)
    assert list_advertisers(client) == [Advertiser("8", "n8"), Advertiser("7", "Seven", "EUR")]
    assert server.calls[0].query == {"app_id": "77", "secret": SECRET}


def test_without_an_app_the_accounts_are_the_connections(make_client, server):
    server.script = info()
    client = make_client(advertiser_ids=("2", "1"))
    assert list_advertisers(client) == [Advertiser("2", "N"), Advertiser("1", "N")]
    assert [call.path for call in server.calls] == ["/open_api/v1.3/advertiser/info/"]


def test_a_refused_account_is_listed_without_details(make_client, server):
    server.script = info(forbidden=["2"])
    assert list_advertisers(make_client(advertiser_ids=("2", "1"))) == [
        Advertiser("2", ""),
        Advertiser("1", "N"),
    ]


@pytest.mark.parametrize(
    "fields", [{}, {"app_id": "7"}, {"app_secret": "s"}, {"advertiser_ids": ("*",)}], ids=str
)
def test_with_neither_app_nor_accounts_no_call_is_made(make_client, server, fields):
    with pytest.raises(TikTokConfigError, match=r"TikTok wants App ID and App secret"):
        list_advertisers(make_client(**fields))
    assert server.calls == []


def test_no_authorised_account_is_an_empty_list(make_client, server):
    server.script = [ok({"list": []})]
    assert list_authorised(make_client(app_id="7", app_secret="s")) == {}


def test_a_refusal_is_recorded_with_its_account(client, server):
    server.script = info(forbidden=["5"])
    (error,) = describe(client, ["5"]).refused.values()
    assert isinstance(error, TikTokPermissionError)
    assert "(details of advertiser 5)" in str(error)


# lists that would lose accounts

_GOOD = {"advertiser_id": "7", "advertiser_name": "Seven"}
_BAD_ENTRIES = [
    *(None, "8", 8, True, [], ["8"], {}, {"advertiser_name": "Eight"}),
    *(
        {"advertiser_id": bad}
        for bad in (None, "", 0, "0", "-", True, "8.0", [8], {"id": 8}, "../8", "\u0668")
    ),
]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("bad", _BAD_ENTRIES, ids=repr)
def test_an_entry_that_is_no_account_fails_and_may_pass(make_client, server, bad, place):
    entries = [_GOOD, {**_GOOD, "advertiser_id": "9"}]
    entries.insert(place, bad)
    server.script = [ok({"list": entries})]
    client = make_client(app_id="77", app_secret=SECRET)
    for ask in (lambda: list_authorised(client), lambda: describe(client, ["7", "8", "9"])):
        with pytest.raises(
            TikTokTransportError, match=rf"entry {place + 1} of 3 has .*request_id R1"
        ) as caught:
            ask()
        assert caught.value.retryable
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    "data", [{}, {"list": None}, {"list": {}}, {"list": {"7": _GOOD}}, {"list": "7"}], ids=str
)
def test_a_list_that_is_none_is_no_empty_one(make_client, server, data):
    server.script = [ok(data)]
    client = make_client(app_id="77", app_secret=SECRET)
    for ask in (
        lambda: list_authorised(client),
        lambda: list_advertisers(client),
        lambda: describe(client, ["7"]),
    ):
        with pytest.raises(TikTokTransportError, match=r"`list` is .*request_id R1") as caught:
            ask()
        assert caught.value.retryable


def pages_of(names, size, ignores_page=False, says=None):
    """Answer in pages, which TikTok's documents do not mention."""

    def reply(call):
        page = 1 if ignores_page else int(call.query.get("page", 1))
        shown = names[(page - 1) * size : page * size]
        info = {
            "page": page,
            "page_size": size,
            "total_page": -(-len(names) // size),
            "total_number": len(names),
        }
        items = [{"advertiser_id": name, "advertiser_name": f"n{name}"} for name in shown]
        return ok({"list": items, "page_info": info if says is None else says})

    return reply


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_further_pages_are_read(make_client, server, count, size):
    names = ids(count)
    server.script = pages_of(names, size)
    assert list_authorised(make_client(app_id="77", app_secret=SECRET)) == {
        name: f"n{name}" for name in names
    }
    assert len(server.calls) == max(1, -(-count // size))
    assert all(call.query["app_id"] == "77" for call in server.calls)


@pytest.mark.parametrize(
    ("says", "count"),
    [
        ({"total_number": 3}, 2),
        ({"total_number": "3"}, 2),
        ({"total_page": 2}, 2),
        ({"total_number": 1}, 0),
        ({"page": 1, "page_size": 100, "total_page": 1, "total_number": 101}, 100),
    ],
)
def test_accounts_that_are_counted_and_not_listed_fail(make_client, server, says, count):
    server.script = pages_of(ids(count), 100, ignores_page=True, says=says)
    with pytest.raises(
        TikTokTransportError, match=r"page_info counts .*TikTok lists \d+.*request_id R1"
    ) as caught:
        list_authorised(make_client(app_id="77", app_secret=SECRET))
    assert caught.value.retryable
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    "says", ["many", [1], 3, {"total_number": "many"}, {"total_page": [1]}, {"total_page": "1.5"}]
)
def test_counts_that_cannot_be_read_fail(make_client, server, says):
    server.script = pages_of(ids(2), 100, says=says)
    with pytest.raises(TikTokTransportError, match="counts in page_info can't be read"):
        list_authorised(make_client(app_id="77", app_secret=SECRET))


@pytest.mark.parametrize(
    "says", [{}, {"total_number": None}, {"total_number": 2, "total_page": 1}, {"total_page": 0}]
)
def test_counts_that_are_not_there_or_right_cost_no_call(make_client, server, says):
    server.script = pages_of(ids(2), 100, says=says)
    assert list(list_authorised(make_client(app_id="77", app_secret=SECRET))) == ids(2)
    assert len(server.calls) == 1


def test_a_lookup_that_has_begun_is_not_made_again(client, server):
    server.script = info()
    lookup = AccountLookup(client)
    lookup.begin(ids(3))
    lookup.begin(ids(5))
    assert list(lookup.read(ids(3))) == ids(3)
    assert list(map(asked, server.calls)) == [ids(3)]


def test_a_lookup_adds_accounts_that_it_has_not_begun_with(client, server):
    server.script = info()
    lookup = AccountLookup(client)
    lookup.begin(ids(2))
    assert list(lookup.read(ids(4))) == ids(4)
    assert sorted(map(asked, server.calls)) == [ids(2), ids(4)[2:]]


def test_a_lookup_that_has_not_begun_is_made_when_it_is_read(client, server):
    server.script = info()
    assert list(AccountLookup(client).read(ids(2))) == ids(2)
    assert list(map(asked, server.calls)) == [ids(2)]


def test_a_lookup_is_made_again_without_an_account_that_failed_meanwhile(client, server):
    good, bad = ids(2)
    server.script = info(forbidden=[bad])
    lookup = AccountLookup(client)
    lookup.begin([good, bad])
    assert list(lookup.read([good])) == [good]
    assert [good] in map(asked, server.calls)


def test_a_closed_lookup_makes_no_further_call(make_client, server):
    came = threading.Event()

    def refuse(call):
        came.set()
        return refusal(40100)

    server.script = refuse
    lookup = AccountLookup(make_client(retry=RetryPolicy(initial_backoff=60, max_backoff=60)))
    lookup.begin(ids(1))
    assert came.wait(10)
    lookup.close()
    wait_for_calls()
    assert len(server.calls) == 1
