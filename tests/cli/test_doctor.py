"""``doctor``: one screen, the exit code, and what to do about each finding."""

import json

import pytest

from airflow_provider_tiktok.cli.main import main
from tests.conftest import SECRET, TOKEN, connection_json


@pytest.fixture
def doctor(capsys, monkeypatch):
    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT", raising=False)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["doctor", *arguments])
        shown = capsys.readouterr()
        assert TOKEN not in shown.out + shown.err
        assert SECRET not in shown.out + shown.err
        return code, shown.out + shown.err

    return run


def test_a_good_connection_is_reported_part_by_part(emulator, connect, doctor):
    connect(scopes='["4", "7533163835474346001"]', qps=10)
    code, shown = doctor()
    assert code == 0
    parts = [line[6:18].strip() for line in shown.splitlines() if line[:2] == "ok"]
    for part in ("host", "token", "app", "accounts", "scopes", "reports", "clock", "latency", "rate limit"):
        assert part in parts, shown
    for account in emulator.world.accounts.values():
        assert f"{account.advertiser_id}  {account.currency}  {account.zone}" in shown
    assert "TikTok gave 4, 7533163835474346001" in shown
    assert "10 calls a second for all tasks on this machine" in shown
    assert shown.splitlines()[-1].startswith("The connection works")
    assert len(shown.splitlines()) <= 40
    assert max(map(len, shown.splitlines())) <= 110


def test_a_connection_by_another_name(emulator, connect, doctor):
    connect(conn_id="mine")
    assert doctor("mine")[0] == doctor("--conn-id", "mine")[0] == 0
    assert doctor("missing")[0] == 1


@pytest.mark.parametrize(
    ("fields", "part", "advises"),
    [
        ({"password": "revoked-token-1"}, "token", "`airflow-tiktok connect tiktok_default`"),
        ({"password": ""}, "connection", "connect tiktok_default` makes one"),
        ({"host": "http://127.0.0.1:9"}, "network", "Fix the connection to the host first"),
        ({"extra": {"app_id": "7", "app_secret": SECRET}}, "app", "must be of one app"),
        ({"extra": {"advertiser_ids": "1"}}, "accounts", "leave them out"),
    ],
)
def test_what_is_wrong_with_a_connection_is_reported_with_what_to_do(
    emulator, monkeypatch, doctor, fields, part, advises
):
    good = {"conn_type": "tiktok", "host": emulator.url, "password": TOKEN, "extra": {}}
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", json.dumps(good | fields))
    code, shown = doctor()
    assert code == 1
    assert f"BAD   {part}" in shown
    assert advises in " ".join(shown.split())
    assert "The connection doesn't work" in shown


def test_names_of_somebody_else_cannot_write_lines_of_their_own(emulator, connect, doctor, monkeypatch):
    from dataclasses import replace

    first = next(iter(emulator.world.accounts))
    evil = replace(emulator.world.accounts[first], name="A\x1b[2J\nok    token       fine\r\u202e")
    monkeypatch.setitem(emulator.world.accounts, first, evil)
    connect()
    _, shown = doctor()
    assert "A [2J ok token fine" in shown
    assert all(char.isprintable() for line in shown.splitlines() for char in line)


def test_many_accounts_fit_on_a_screen(emulator, connect, doctor):
    emulator.configure(accounts=150)
    connect()
    code, shown = doctor()
    emulator.configure(accounts=None)
    assert code == 0
    assert "The token reaches 151:" in shown
    assert "... and 141 more" in shown


def test_it_does_not_wait_for_long(emulator, monkeypatch, doctor):
    emulator.set_faults([{"fault": "code:40100"}])
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", connection_json(emulator.url))
    code, shown = doctor()
    assert code == 1
    assert "BAD   token" in shown
