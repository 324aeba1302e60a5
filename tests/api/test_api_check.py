"""The test of a connection: which of token, app, account and network is wrong."""

from __future__ import annotations

import pytest

from airflow_provider_tiktok.api.diagnosis.check import check_connection

from .conftest import SECRET, TOKEN, Reply, ok, refusal

APP = {"app_id": "77", "app_secret": SECRET}


def accounts(*ids):
    return ok({"list": [{"advertiser_id": name, "advertiser_name": "n"} for name in ids]})


@pytest.mark.parametrize(
    ("fields", "reply", "sentence"),
    [
        (APP, accounts("1", "2"), "Token and app are good; they reach 2 advertiser account(s)."),
        (
            {"advertiser_ids": ("1", "2")},
            accounts("1", "2"),
            "The token is good; it reaches the 2 advertiser account(s) of this connection.",
        ),
        (
            {**APP, "advertiser_ids": ("*",)},
            accounts("1", "2"),
            "Token and app are good; they reach 2 advertiser account(s).",
        ),
        (
            {},
            ok(),
            "The token is good. The connection has neither App ID and App secret nor advertiser IDs, so every report "
            "must name its accounts.",
        ),
    ],
)
def test_a_good_connection_is_reported_after_one_cheap_call(make_client, server, fields, reply, sentence):
    server.script = [reply]
    assert check_connection(make_client(**fields)) == (True, sentence)
    assert len(server.calls) == 1


def test_named_accounts_are_looked_up_as_well(make_client, server):
    server.script = [accounts("1", "2"), accounts("1")]
    good = "Token and app are good; they reach 2 advertiser account(s)."
    assert check_connection(make_client(**APP, advertiser_ids=("1",))) == (True, good)
    server.script = [accounts("1", "2"), refusal(40001, "advertiser does not grant you permission")]
    works, sentence = check_connection(make_client(**APP, advertiser_ids=("1",)))
    assert (works, sentence[:9]) == (False, "Account: ")


@pytest.mark.parametrize(
    ("fields", "reply", "start"),
    [
        ({}, refusal(40105), "Token: "),
        (APP, refusal(40105), "Token: "),
        (APP, refusal(40101), "App: "),
        (APP, refusal(40113, "The app_id is inconsistent with the token's app information."), "App: "),
        (APP, refusal(40118), "App: "),
        (APP, refusal(40123), "App: "),
        ({}, refusal(40001, "Permission error: lacks the required scope, reauthorize your API App"), "App: "),
        ({"advertiser_ids": ("1",)}, refusal(40001, "advertiser does not grant you permission"), "Account: "),
        ({"advertiser_ids": ("1",)}, refusal(40300), "Account: "),
        ({}, refusal(41000, "Client IP address is in banned Country list."), "Network: "),
        ({}, refusal(-1, "Client IP address is in banned Country list."), "Network: "),
        ({}, Reply(b"<html>", 502), "Network: No usable answer from http://127.0.0.1:"),
        ({}, Reply(b"<html>", 401), "Network: No usable answer from http://127.0.0.1:"),
        ({}, Reply(fault="reset"), "Network: No usable answer from http://127.0.0.1:"),
        ({}, refusal(40100), "TikTok: "),
        ({"app_id": "77"}, refusal(40105), "Token: "),
        (
            {"app_id": "77"},
            ok(),
            "App: the token is good, but the connection has App ID without App secret; TikTok wants both. Add App "
            "secret, or take App ID out.",
        ),
        (
            {"app_secret": SECRET, "advertiser_ids": ("1",)},
            accounts("1"),
            "App: the token is good, but the connection has App secret without App ID; TikTok wants both. Add App ID, "
            "or take App secret out.",
        ),
        (
            {"advertiser_ids": ("*",)},
            ok(),
            'App: the token is good, but Advertiser IDs are "*", every account that it reaches, and to find them out '
            "TikTok wants App ID and App secret. Add these, or name the accounts.",
        ),
        (
            APP,
            accounts(),
            "Account: the token is good, but no advertiser account has authorised this app. Authorise the app again "
            "and tick the accounts.",
        ),
        (
            {**APP, "advertiser_ids": ("1", "9", "8")},
            accounts("1"),
            "Account: token and app are good, but they don't reach 9, 8. Correct Advertiser IDs, or have the "
            "accounts' owner authorise the app.",
        ),
        (
            {"advertiser_ids": tuple("123456789")},
            accounts("1"),
            "Account: the token is good, but it doesn't reach 2, 3, 4, 5, 6 and 3 more. Correct Advertiser IDs",
        ),
    ],
)
def test_a_bad_connection_is_reported_with_its_problem(make_client, server, fields, reply, start):
    server.script = [reply]
    works, sentence = check_connection(make_client(**fields))
    assert works is False
    assert sentence.startswith(start)


def test_a_token_that_is_taken_without_data_is_good(make_client, server):
    server.script = [Reply({"code": 0, "message": "OK", "request_id": "R1", "data": None})]
    works, sentence = check_connection(make_client())
    assert (works, sentence[:18]) == (True, "The token is good.")


def test_a_list_of_accounts_without_data_is_no_empty_one(make_client, server):
    server.script = [Reply({"code": 0, "message": "OK", "request_id": "R1", "data": None})]
    works, sentence = check_connection(make_client(**APP))
    assert works is False
    assert "sent no data" in sentence
    assert "[code 0, request_id R1]" in sentence
    assert len(server.calls) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_host_that_refuses_everyone_points_to_token_and_proxy(make_client, server, status):
    server.script = [Reply(b"<html>Forbidden</html>", status)]
    _, sentence = check_connection(make_client())
    assert f"HTTP {status}, the host refuses the token, or a proxy before it wants a login" in sentence
    assert len(server.calls) == 1


def test_the_sentence_shows_no_secret(make_client, server):
    server.script = [refusal(40105, f"{TOKEN} and {SECRET}")]
    works, sentence = check_connection(make_client(**APP))
    assert works is False
    assert TOKEN not in sentence
    assert SECRET not in sentence


def test_the_sentence_stays_short(make_client, server):
    server.script = [refusal(40001, "x" * 100_000)]
    assert len(check_connection(make_client(advertiser_ids=("1",)))[1]) <= 1_500
