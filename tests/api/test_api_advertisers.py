"""Which accounts a token reaches, asked a hundred at a time."""

from __future__ import annotations

import json

import pytest

from airflow_provider_tiktok.api.advertisers import (
    Advertiser,
    describe,
    describe_batch,
    list_advertisers,
    list_authorised,
)
from airflow_provider_tiktok.exceptions import (
    TikTokConfigError,
    TikTokInvalidRequestError,
    TikTokPermissionError,
)

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


@pytest.mark.parametrize(
    ("fields", "zone"),
    [
        ({"timezone": "Etc/GMT+8", "display_timezone": "America/Los_Angeles"}, "America/Los_Angeles"),
        ({"timezone": "Etc/GMT+8"}, "Etc/GMT+8"),
        ({"timezone": "Etc/GMT+8", "display_timezone": ""}, "Etc/GMT+8"),
        ({}, None),
    ],
)
def test_the_display_time_zone_is_preferred(client, server, fields, zone):
    item = {"advertiser_id": 7, "name": "Ad, \u00e9", "currency": "JPY", "status": "STATUS_ENABLE", **fields}
    server.script = [ok({"list": [item]})]
    found = describe(client, ["7"]).found
    assert found == {"7": Advertiser("7", "Ad, \u00e9", "JPY", zone, "STATUS_ENABLE")}


@pytest.mark.parametrize("ids", [("1",), ("*",)])
def test_with_an_app_tiktok_is_asked_which_accounts_there_are(make_client, server, ids):
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


def test_a_refusal_of_one_is_kept_with_its_account(client, server):
    server.script = info(forbidden=["5"])
    (error,) = describe(client, ["5"]).refused.values()
    assert isinstance(error, TikTokPermissionError)
    assert "(details of advertiser 5)" in str(error)
