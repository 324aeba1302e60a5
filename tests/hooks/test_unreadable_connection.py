"""A connection that is set and can't be read is distinguished from one that isn't set."""

from __future__ import annotations

import json
import random

import pytest

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok._compat_late import AirflowNotFoundException, BaseHook
from airflow_provider_tiktok.api.connection import unreadable
from airflow_provider_tiktok.cli.main import main
from airflow_provider_tiktok.exceptions import TikTokConfigError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator
from tests.conftest import TOKEN, connection_json

VARIABLE = "AIRFLOW_CONN_TIKTOK_DEFAULT"
START = f"The environment variable {VARIABLE} is set, but Airflow can't read it as a connection: "

_JSON = f'{{"conn_type": "tiktok", "password": "{TOKEN}"'
UNREADABLE = {
    "trailing comma": (_JSON + ",}", "line 1, column 63: there is a comma too many before it"),
    "trailing comma in the extra": (_JSON + ', "extra": {"qps": 5,}}', "a comma too many before it"),
    "unknown key": (
        _JSON + ', "extras": {}}',
        "it has 'extras', and a connection has conn_type, description, host,",
    ),
    "a secret for a key": (json.dumps({TOKEN * 2: 1}), "it has 'toke...'"),
    "unquoted host": (
        _JSON + ', "host": http://127.0.0.1:8765}',
        "column 72: a value must be in double quotes",
    ),
    "unquoted key": (_JSON + ', host: "x"}', "a name in double quotes must be here"),
    "single quotes": (str({"password": TOKEN}), "a name in double quotes must be here"),
    "no end": (_JSON, "column 62: it lacks a ',' delimiter"),
    "text after the end": (_JSON + "};", "more text after the closing brace"),
    "a number for the token": ('{"conn_type": "tiktok", "password": 123456}', "its password must be text"),
    "a port in words": (_JSON + ', "port": "http"}', "its port must be a whole number"),
    "blank": (" ", "it is blank"),
    "only the token": (TOKEN, "neither a JSON object in braces nor a URI"),
    "a quoted URI": (f"'tiktok://:{TOKEN}@'", "neither a JSON object in braces nor a URI"),
    "an unquoted host in a URI": (
        f"tiktok://:{TOKEN}@http://127.0.0.1:8765",
        "the host has a scheme of its own",
    ),
    "a slash in the token of a URI": (
        f"tiktok://:{TOKEN[:5]}/{TOKEN[5:]}@",
        "Quote characters such as : / ?",
    ),
    "a port that is none": (f"tiktok://:{TOKEN}@127.0.0.1:http", "its host or port can't be read"),
}


@pytest.fixture(params=UNREADABLE.values(), ids=UNREADABLE)
def problem(request, monkeypatch):
    text, expected = request.param
    monkeypatch.setenv(VARIABLE, text)
    return expected


def test_what_cannot_be_read_is_named_without_its_values(problem):
    with pytest.raises(TikTokConfigError) as caught:
        TikTokHook().read_credentials()
    text = str(caught.value)
    assert text.startswith(START)
    assert problem in text
    assert TOKEN[5:] not in text
    assert TikTokHook().test_connection() == (False, text)


def test_doctor_names_it_as_well(problem, capsys):
    assert main(["doctor"]) == 1
    assert "BAD   connection" in (shown := capsys.readouterr().out)
    assert START in " ".join(shown.split())


@pytest.mark.sampled(12)
@pytest.mark.parametrize("seed", range(20))
def test_whatever_airflow_cannot_read_has_a_reason(monkeypatch, seed):
    chance = random.Random(seed)
    good = [
        connection_json("http://127.0.0.1:8765"),
        f"tiktok://:{TOKEN}@http%3A%2F%2F127.0.0.1%3A8765?qps=5",
    ]
    unread = 0
    for _ in range(20):
        text = chance.choice(good)
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice(["", *"{}[],:\"'/@#? 1x"]) + text[place + chance.randrange(2) :]
        monkeypatch.setenv("AIRFLOW_CONN_X", text)
        try:
            BaseHook.get_connection("x")
        except AirflowNotFoundException:
            unread += 1
            assert unreadable("x"), text
            assert TOKEN[:-1] not in unreadable("x").replace(" ", "")
    assert unread


def test_a_good_connection_is_no_problem(monkeypatch):
    monkeypatch.setenv(VARIABLE, connection_json("http://127.0.0.1:8765"))
    assert unreadable("tiktok_default") == ""
    assert unreadable("another") == ""


def test_one_that_is_not_set_is_missing():
    with pytest.raises(
        TikTokConfigError, match=r"Airflow has no connection 'missing'\. Create it .* AIRFLOW_CONN_MISSING"
    ):
        TikTokHook("missing").read_credentials()


@pytest.mark.parametrize("conn_id", [None, "", "  ", 5, ["tiktok_default"]])
def test_an_id_that_is_none_is_named_as_such(connect, conn_id):
    connect()
    works, text = TikTokHook(conn_id).test_connection()
    assert not works
    assert text.startswith(f"`tiktok_conn_id` is {conn_id!r}, which names no connection.")


def test_the_text_none_is_named_as_what_nothing_renders_to(connect):
    connect()
    works, text = TikTokHook("None").test_connection()
    assert not works
    assert text.startswith(
        "Airflow has no connection 'None'. A template, or another task's result, that is nothing"
    )


_URI_EXTRAS = [
    *(
        (f"shared_budget={text}", "shared_budget", False)
        for text in ("false", "False", "FALSE", "0", "no", "off")
    ),
    *((f"shared_budget={text}", "shared_budget", True) for text in ("true", "True", "1", "yes", "on", "")),
    *(
        (f"{name}={text}", name, 5.0)
        for name in ("qps", "timeout")
        for text in ("5", "5.0", "%205", "5e0", "%2B5", "05")
    ),
    ("qps=.5", "qps", 0.5),
    ("app_id=77", "app_id", "77"),
    ("advertiser_ids=7%2C8", "advertiser_ids", ("7", "8")),
]


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("query", "name", "value"), _URI_EXTRAS)
def test_a_uri_can_express_all_that_json_can(monkeypatch, query, name, value):
    monkeypatch.setenv(VARIABLE, f"tiktok://:{TOKEN}@127.0.0.1/?{query}")
    assert getattr(TikTokHook().read_credentials(), name) == value


@pytest.mark.parametrize("text", [_JSON + ",}", _JSON + ', "hots": "x"}', " "])
@pytest.mark.parametrize("parameter", ["output_conn_id", "sql_conn_id"])
def test_connections_of_outputs_are_distinguished_as_well(connect, monkeypatch, parameter, text):
    connect()
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", text)
    report = {"task_id": "x", "dimensions": "ad_id", "advertiser_ids": "7", "report_start_date": "2026-08-01"}
    task = (
        TikTokReportOperator(**report, output_path="s3://bucket/x", output_conn_id="other")
        if parameter == "output_conn_id"
        else TikTokReportToSqlOperator(**report, sql_conn_id="other", table="ads")
    )
    with pytest.raises(
        AirflowFailException, match=r"AIRFLOW_CONN_OTHER is set, but Airflow can't read it"
    ) as caught:
        task.execute({})
    assert TOKEN not in str(caught.value)
