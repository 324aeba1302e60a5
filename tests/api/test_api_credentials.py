"""The fields of an Airflow connection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_tiktok.api.credentials import TikTokCredentials, parse_advertiser_ids, read_credentials
from airflow_provider_tiktok.exceptions import TikTokConfigError


def read(extra: Any = None, **fields: Any) -> TikTokCredentials:
    known = {"password": "tok", "host": None, **fields}
    text = extra if isinstance(extra, str) or extra is None else json.dumps(extra)
    return read_credentials("tt", extra=text, **known)


def problem(*args: Any, **fields: Any) -> str:
    with pytest.raises(TikTokConfigError) as caught:
        read(*args, **fields)
    return str(caught.value)


def test_only_the_token_is_needed():
    assert read() == TikTokCredentials(
        access_token="tok",
        base_url="https://business-api.tiktok.com",
        api_version="v1.3",
        app_id="",
        app_secret="",
        advertiser_ids=(),
        qps=10.0,
        timeout=60.0,
    )


@pytest.mark.parametrize("extra", ["", "  ", "{}", None, '{"qps": "", "app_id": "", "advertiser_ids": ""}'])
def test_empty_extras_are_the_defaults(extra):
    assert read(extra) == read()


def test_every_field_is_read():
    extra = {
        "app_id": 7123,
        "app_secret": "sec",
        "advertiser_ids": ["7000000000000000001", 7000000000000000002],
        "environment": "Sandbox",
        "api_version": "v2.0",
        "qps": "2.5",
        "timeout": 15,
    }
    assert read(extra, password="  tok\n") == TikTokCredentials(
        access_token="tok",
        base_url="https://sandbox-ads.tiktok.com",
        api_version="v2.0",
        app_id="7123",
        app_secret="sec",
        advertiser_ids=("7000000000000000001", "7000000000000000002"),
        qps=2.5,
        timeout=15.0,
    )


def test_extras_of_old_forms_have_a_prefix():
    assert read({"extra__tiktok__app_id": "77"}).app_id == "77"


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "http://127.0.0.1:8765"}, "http://127.0.0.1:8765"),
        ({"host": "http://127.0.0.1:8765/"}, "http://127.0.0.1:8765"),
        ({"host": " https://proxy.example/tiktok/ "}, "https://proxy.example/tiktok"),
        ({"host": "https://business-api.tiktok.com/open_api"}, "https://business-api.tiktok.com"),
        ({"host": "proxy.example"}, "https://proxy.example"),
        ({"host": "127.0.0.1", "port": 8765, "schema": "http"}, "http://127.0.0.1:8765"),
        ({"host": "127.0.0.1", "port": 8765}, "https://127.0.0.1:8765"),
        ({"host": "http://127.0.0.1:1", "port": 2}, "http://127.0.0.1:1"),
        ({"host": "http://proxy.example/x", "port": 81}, "http://proxy.example:81/x"),
        ({"host": "http://[::1]", "port": 8765}, "http://[::1]:8765"),
        ({"host": "proxy.example", "schema": "nonsense"}, "https://proxy.example"),
    ],
)
def test_the_host_wins_over_the_environment(fields, url):
    assert read({"environment": "sandbox"}, **fields).base_url == url


@pytest.mark.parametrize(
    "host",
    ["ftp://x", "http://", "http://x:99999", "http://x:port", "http://x?a=1", "http://x#a", "a b", "::1"],
)
def test_a_malformed_host_is_named(host):
    assert problem(host=host) == (
        "The host of connection 'tt' is not a base URL. Leave it empty for TikTok itself, or write scheme and "
        "host, such as http://127.0.0.1:8765."
    )


def test_a_host_with_a_password_is_refused_without_showing_it():
    assert "hunter2" not in problem(host="http://user:hunter2@x")


@pytest.mark.parametrize("password", [None, "", "   \n"])
def test_a_missing_token_is_named(password):
    assert problem(password=password) == (
        "Connection 'tt' has no access token. Put TikTok's access token into its password field (the form calls it "
        "'Access token')."
    )


@pytest.mark.parametrize("password", ["Bearer abc123", "abc\n123", "t\u00f6ken123"])
def test_a_token_that_cannot_be_one_is_refused_without_showing_it(password):
    text = problem(password=password)
    assert text.startswith(
        "The access token of connection 'tt' holds blanks or characters that no token has."
    )
    assert "123" not in text


LONG = "f00d" * 10
"""A token, maybe, in the wrong field."""


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ("{not json", "The extra of connection 'tt' is not valid JSON. Correct it."),
        (
            "[1]",
            'The extra of connection \'tt\' must be a JSON object such as {"app_id": "..."}.',
        ),
        (
            {"qps": "many"},
            "Extra field 'qps' of connection 'tt' must be a number above 0 and at most 1,000,000, not 'many'.",
        ),
        (
            {"qps": 0},
            "Extra field 'qps' of connection 'tt' must be a number above 0 and at most 1,000,000, not 0.",
        ),
        (
            {"qps": True},
            "Extra field 'qps' of connection 'tt' must be a number above 0 and at most 1,000,000, not True.",
        ),
        (
            {"timeout": "nan"},
            "Extra field 'timeout' of connection 'tt' must be a number above 0 and at most 1,000,000, not 'nan'.",
        ),
        (
            {"timeout": "inf"},
            "Extra field 'timeout' of connection 'tt' must be a number above 0 and at most 1,000,000, not 'inf'.",
        ),
        (
            {"timeout": [1]},
            "Extra field 'timeout' of connection 'tt' must be a number above 0 and at most 1,000,000, not [1].",
        ),
        *(
            (
                {name: bad},
                f"Extra field {name!r} of connection 'tt' must be a number above 0 and at most 1,000,000, not {bad!r}.",
            )
            for name in ("qps", "timeout")
            for bad in (
                "1_000",
                "0x10",
                "\u0665",
                "5 s",
                "1,000",
                "-5",
                "0",
                "1e7",
                "1e999",
                "true",
                float("inf"),
            )
        ),
        (
            {"qps": 10**400},
            "Extra field 'qps' of connection 'tt' must be a number above 0 and at most 1,000,000, not of the type int.",
        ),
        *(
            (
                {"shared_budget": bad},
                f"Extra field 'shared_budget' of connection 'tt' must be true or false, not {bad!r}.",
            )
            for bad in ("maybe", "2", 2, 1.5, [], "None", "truefalse")
        ),
        (
            {"shared_budget": LONG},
            "Extra field 'shared_budget' of connection 'tt' must be true or false, not 'f00d...'.",
        ),
        ({"app_id": ["1"]}, "Extra field 'app_id' of connection 'tt' must be text."),
        ({"app_secret": True}, "Extra field 'app_secret' of connection 'tt' must be text."),
        (
            {"environment": "staging"},
            "Extra field 'environment' of connection 'tt' must be production or sandbox, not 'staging'.",
        ),
        (
            {"api_version": "1.3"},
            "Extra field 'api_version' of connection 'tt' must look like v1.3, not '1.3'.",
        ),
        (
            {"environment": LONG},
            "Extra field 'environment' of connection 'tt' must be production or sandbox, not 'f00d...'.",
        ),
        (
            {"api_version": LONG},
            "Extra field 'api_version' of connection 'tt' must look like v1.3, not 'f00d...'.",
        ),
        (
            {"qps": LONG},
            "Extra field 'qps' of connection 'tt' must be a number above 0 and at most 1,000,000, not 'f00d...'.",
        ),
        (
            {"timeout": [LONG]},
            "Extra field 'timeout' of connection 'tt' must be a number above 0 and at most 1,000,000, not of the type "
            "list.",
        ),
        (
            {"advertiser_ids": "*,700"},
            "Extra field 'advertiser_ids' of connection 'tt' can't be read: advertiser_ids: '*' is not an advertiser "
            "ID, which is a number.",
        ),
        (
            {"advertiser_ids": "700,seven"},
            "Extra field 'advertiser_ids' of connection 'tt' can't be read: advertiser_ids: 'seven' is not an "
            "advertiser ID, which is a number.",
        ),
        (
            {"advertiser_ids": {"a": 1}},
            "Extra field 'advertiser_ids' of connection 'tt' can't be read: advertiser_ids must be a list of "
            "advertiser IDs or text with commas, not dict.",
        ),
    ],
)
def test_a_malformed_extra_is_named(extra, sentence):
    assert problem(extra) == sentence


@pytest.mark.parametrize("value", [False, "false", " FALSE ", "0", 0, "no", "Off", "n", "f"])
def test_a_switch_may_be_text(value):
    assert read({"shared_budget": value}).shared_budget is False


@pytest.mark.parametrize("value", [True, "true", "True", "1", 1, "yes", "on", "", None])
def test_a_switch_that_is_on(value):
    assert read({"shared_budget": value}).shared_budget is True


@pytest.mark.parametrize("value", [2.5, "2.5", " 2.5 ", "2.50", "25e-1", "+2.5", "0.25E1"])
def test_a_number_may_be_text(value):
    credentials = read({"qps": value, "timeout": value})
    assert (credentials.qps, credentials.timeout) == (2.5, 2.5)


@pytest.mark.parametrize(
    "value",
    [
        ["1", "22"],
        ("1", 22),
        "1,22",
        " 1 , 22 ",
        "1;22",
        "1 22",
        '["1", "22"]',
        "[1, 22]",
        "1,22,1",
        "1\n22\n",
    ],
)
def test_advertiser_ids_have_many_spellings(value):
    assert parse_advertiser_ids(value, name="x") == ("1", "22")


@pytest.mark.parametrize("value", ["*", " * ", ["*"], '["*"]'])
def test_a_star_is_every_account(value):
    credentials = read({"advertiser_ids": value})
    assert credentials.advertiser_ids == ("*",)
    assert credentials.named_advertisers == ()


def test_one_advertiser_id_may_be_a_number():
    assert parse_advertiser_ids(7000000000000000001, name="x") == ("7000000000000000001",)


def test_secrets_are_not_in_the_repr():
    credentials = read({"app_secret": "sec-ret", "app_id": "77"}, password="tok-en")
    assert "sec-ret" not in repr(credentials)
    assert "tok-en" not in repr(credentials)
    assert credentials.secrets == ("tok-en", "sec-ret")
