"""``revoke``: the token is refused afterwards, and the connection is deleted only on request."""

import json

import pytest

from airflow_provider_tiktok.cli import store
from airflow_provider_tiktok.cli.main import main
from airflow_provider_tiktok.emulator.settings import APP_ID

TOKEN = "token-to-be-revoked-77e"


@pytest.fixture(autouse=True)
def deleted(monkeypatch, emulator):
    gone = []
    fields = {
        "conn_type": "tiktok",
        "host": emulator.url,
        "password": TOKEN,
        "extra": {"app_id": APP_ID, "app_secret": "secret-of-the-app"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", json.dumps(fields))
    for name in ("TIKTOK_APP_ID", "TIKTOK_APP_SECRET", "_AIRFLOW_PROCESS_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123
    monkeypatch.setattr(store, "delete", gone.append)
    yield gone
    emulator._service.grants._revoked.clear()


def answers(monkeypatch, *lines: str) -> None:
    class Terminal:
        given = iter(lines)

        def isatty(self):
            return True

        def readline(self):
            return next(self.given)

    monkeypatch.setattr("sys.stdin", Terminal())


def is_good(emulator) -> bool:
    import requests

    answer = requests.get(
        f"{emulator.url}/open_api/v1.3/user/info/", headers={"Access-Token": TOKEN}, timeout=60
    ).json()
    return answer["code"] == 0


def test_a_revoked_token_is_refused(emulator, deleted, capsys):
    assert main(["revoke", "--yes"]) == 0
    assert not is_good(emulator)
    shown = capsys.readouterr()
    assert "it reached 7 advertiser account(s)" in shown.err
    assert "is kept" in shown.err
    assert TOKEN not in shown.out + shown.err
    assert deleted == []


def test_nothing_is_revoked_without_a_yes(emulator, deleted, monkeypatch, capsys):
    assert main(["revoke"]) == 1
    assert "give --yes to confirm" in capsys.readouterr().err
    answers(monkeypatch, "n\n")
    assert main(["revoke"]) == 1
    assert is_good(emulator)


@pytest.mark.parametrize(
    ("more", "lines", "gone"),
    [
        ((), ("y\n", "yes\n"), ["tiktok_default"]),
        ((), ("y\n", "\n"), []),
        (("--keep",), ("y\n",), []),
        (("--delete",), ("y\n",), ["tiktok_default"]),
    ],
)
def test_the_connection_is_deleted_on_request(emulator, deleted, monkeypatch, more, lines, gone):
    answers(monkeypatch, *lines)
    assert main(["revoke", *more]) == 0
    assert deleted == gone
    assert not is_good(emulator)


def test_a_token_that_is_no_longer_good_needs_no_revocation(emulator, deleted, capsys):
    main(["revoke", "--yes"])
    assert main(["revoke", "--yes", "--delete"]) == 0
    assert "there is nothing to revoke" in capsys.readouterr().err
    assert deleted == ["tiktok_default"]


def test_a_revocation_that_fails_deletes_nothing(emulator, deleted, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", json.dumps({
        "conn_type": "tiktok", "host": emulator.url, "password": TOKEN,
        "extra": {"app_id": APP_ID, "app_secret": "wrong-secret"},
    }))  # fmt: skip
    assert main(["revoke", "--yes", "--delete"]) == 1
    assert deleted == []
    assert is_good(emulator)


def test_keep_and_delete_contradict_each_other(emulator, deleted):
    assert main(["revoke", "--yes", "--keep", "--delete"]) == 1
    assert is_good(emulator)
