"""``connect``: from consent to a connection, its questions, and what it never shows."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace

import pytest
import requests

from airflow_provider_tiktok.cli import store
from airflow_provider_tiktok.cli.main import main
from airflow_provider_tiktok.emulator.settings import APP_ID

SECRET = "app-secret-of-connect-51c"


@pytest.fixture(autouse=True)
def _settings(monkeypatch):
    for name in ("TIKTOK_APP_ID", "_AIRFLOW_PROCESS_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TIKTOK_APP_SECRET", SECRET)
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123


@pytest.fixture
def browser(monkeypatch):
    """Open the consent page as soon as its address is shown."""

    class Browser:
        url = ""
        response = None

    from airflow_provider_tiktok.cli import connect

    real = connect.echo

    def say(text: str = "") -> None:
        real(text)
        if found := re.search(r"http\S+/portal/auth\S+", text):
            Browser.url = found[0]
            threading.Thread(target=visit, daemon=True).start()

    def visit() -> None:
        Browser.response = requests.get(Browser.url, timeout=60)

    monkeypatch.setattr(connect, "echo", say)
    return Browser


@pytest.fixture
def saved(monkeypatch):
    """Store connections here instead of in Airflow's database, and let Airflow read them."""
    stored = {}

    def save(conn_id, connection):
        stored[conn_id] = connection
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))

    monkeypatch.setattr(store, "save", save)
    monkeypatch.setattr(store, "check_airflow", lambda: None)
    return stored


def connect(emulator, *more: str) -> int:
    return main(["connect", "--host", emulator.url, "--app-id", APP_ID, "--port", "0", *more])


def test_a_connection_is_made(emulator, browser, saved, capsys):
    assert connect(emulator, "mine", "--advertiser-ids", "*") == 0
    connection = saved["mine"]
    assert {name: connection[name] for name in ("conn_type", "host")} == {
        "conn_type": "tiktok",
        "host": emulator.url,
    }
    assert connection["extra"] == {
        "app_id": APP_ID,
        "app_secret": SECRET,
        "advertiser_ids": "*",
        "scopes": '["1", "2", "3", "4", "6", "8", "7533163835474346001"]',
    }
    assert re.fullmatch(r"[0-9a-f]{40}", connection["password"])
    assert connection["port"] == 0  # with null, Airflow 3.3 refuses to test the stored connection
    assert browser.response.status_code == 200
    shown = capsys.readouterr()
    assert "Airflow's connection 'mine' holds the new token." in shown.err
    assert (
        "The token has the scopes Ad Account Management, Ads Management, Audience Management, Reporting, Creative "
        "Management, Pixel Management, number 7533163835474346001."
    ) in shown.err
    for account in emulator.world.accounts.values():
        assert re.search(rf"{account.advertiser_id}  {account.currency}  {account.zone} ", shown.err)
    code = re.search(r"auth_code=(\w+)", browser.response.url)[1]
    for secret in (connection["password"], SECRET, code):
        assert secret not in shown.out + shown.err


def test_scopes_that_a_token_lacks_are_named_with_what_they_are_for(
    emulator, browser, saved, capsys, monkeypatch
):
    from airflow_provider_tiktok.api.endpoints import oauth

    real = oauth.exchange_code
    monkeypatch.setattr(oauth, "exchange_code", lambda *given: replace(real(*given), scopes=("4",)))
    assert connect(emulator, "--advertiser-ids", "*") == 0
    assert "the scopes Reporting; it lacks Ad Account Management (accounts with" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "stored"), [("", "*"), ("*", "*"), ("71, 72", "71, 72"), ("none", None)])
def test_all_accounts_are_offered(emulator, browser, saved, capsys, monkeypatch, answer, stored):
    monkeypatch.setattr("sys.stdin", Terminal([answer]))
    monkeypatch.setattr("airflow_provider_tiktok.cli.listener._silent_input", nullcontext)
    assert connect(emulator) == 0
    assert saved["tiktok_default"]["extra"].get("advertiser_ids") == stored
    shown = capsys.readouterr().err
    assert "* is every account that the token reaches" in shown
    assert ("--advertiser-ids '*'" in shown) == (stored is None)


class Terminal:
    def __init__(self, lines):
        self.lines = iter(lines)

    def isatty(self):
        return True

    def fileno(self):
        raise OSError

    def readline(self):
        return f"{next(self.lines)}\n"


def test_the_result_as_json_has_no_token(emulator, browser, saved, capsys):
    assert connect(emulator, "--advertiser-ids", "*", "--json") == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["scopes"][0] == "1"
    assert [one["advertiser_id"] for one in found["accounts"]] == list(emulator.world.accounts)
    assert saved["tiktok_default"]["password"] not in shown.out + shown.err


def test_a_connection_that_is_there_keeps_what_the_user_had_set(emulator, browser, saved, connect_before):
    assert connect(emulator, "--overwrite") == 0
    connection = saved["tiktok_default"]
    assert connection["password"] != "old-token-1234"
    assert connection["description"] == "mine"
    assert connection["extra"]["qps"] == 7
    assert connection["extra"]["advertiser_ids"] == "71"
    assert connection["extra"]["app_secret"] == SECRET


@pytest.fixture
def connect_before(monkeypatch):
    fields = {
        "conn_type": "tiktok",
        "password": "old-token-1234",
        "description": "mine",
        "extra": {"qps": 7, "advertiser_ids": "71", "app_secret": "old-secret-1234"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", json.dumps(fields))


def test_a_connection_that_is_there_is_not_touched_unasked(emulator, saved, connect_before, capsys):
    assert connect(emulator) == 1
    assert "give --overwrite to confirm" in capsys.readouterr().err
    assert saved == {}
    assert emulator.calls == []


def test_another_connection_that_shadows_the_new_one_is_reported(
    emulator, browser, saved, connect_before, monkeypatch, capsys
):
    monkeypatch.setattr(store, "save", lambda *_: None)
    assert connect(emulator, "--overwrite") == 0
    assert "environment variable AIRFLOW_CONN_TIKTOK_DEFAULT" in capsys.readouterr().err


def test_a_pasted_address_is_as_good(emulator, saved, monkeypatch, capsys):
    from airflow_provider_tiktok.cli import listener

    def paste(seconds: float) -> str:
        url = re.search(r"http\S+/portal/auth\S+", capsys.readouterr().err)[0]
        return requests.get(url, allow_redirects=False, timeout=60).headers["Location"] + "\n"

    monkeypatch.setattr(listener, "_read_line", paste)
    assert connect(emulator, "--redirect-uri", "https://example.com/tiktok") == 0
    assert "tiktok_default" in saved


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ([{"fault": "wrong_state"}], "`state` is not the one"),
        ([{"fault": "deny_consent"}], "the consent was not given"),
        ([{"fault": "code:40110", "path": "access_token/"}], "code is used or has expired"),
        ([{"fault": "reset", "path": "access_token/"}], "No usable answer"),
    ],
)
def test_a_consent_that_fails_stores_nothing(emulator, browser, saved, capsys, faults, says):
    emulator.set_faults(faults)
    assert connect(emulator) == 1
    assert says in capsys.readouterr().err
    assert saved == {}
    assert len([call for call in emulator.calls if call.method == "POST"]) <= 1


def test_a_look_at_the_accounts_that_fails_loses_no_token(emulator, browser, saved, capsys):
    emulator.set_faults([{"fault": "code:40001", "path": "advertiser/get/"}])
    assert connect(emulator) == 1
    assert "tiktok_default" in saved


@pytest.mark.parametrize("kind", ["json", "env"])
def test_the_connection_goes_into_a_file_that_only_its_user_can_read(
    emulator, browser, saved, tmp_path, capsys, kind
):
    target = tmp_path / "connection"
    target.write_text("of before")
    target.chmod(0o644)
    assert connect(emulator, "--print", kind, "--output", str(target)) == 0
    text = target.read_text()
    if kind == "env":
        (text,) = shlex.split(text)
        name, _, text = text.partition("=")
        assert name == "AIRFLOW_CONN_TIKTOK_DEFAULT"
    connection = json.loads(text)
    assert (connection["conn_type"], connection["extra"]["app_secret"]) == ("tiktok", SECRET)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["connection"]
    shown = capsys.readouterr()
    assert connection["password"] not in shown.out + shown.err
    assert saved == {}


def test_a_link_is_replaced_and_what_it_points_to_is_not_written(emulator, browser, saved, tmp_path):
    other = tmp_path / "other"
    other.write_text("somebody's")
    (tmp_path / "link").symlink_to(other)
    assert connect(emulator, "--print", "json", "--output", str(tmp_path / "link")) == 0
    assert other.read_text() == "somebody's"
    assert not (tmp_path / "link").is_symlink()


def test_output_that_is_read_by_a_program_may_hold_the_token(emulator, browser, saved, capsys):
    assert connect(emulator, "--print", "json") == 0
    assert json.loads(capsys.readouterr().out)["extra"]["app_id"] == APP_ID


def test_a_terminal_is_shown_no_token(emulator, saved, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert connect(emulator, "--print", "json") == 1
    assert "would stay in this terminal" in capsys.readouterr().err
    assert emulator.calls == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--output", "x"), "give that too"),
        (("--print", "json", "--output", "/no/such/folder/x"), "there is no such folder"),
        (("one", "--conn-id", "two"), "Two different connections"),
        (("--app-id", "seven"), "not a number"),
        (("--app-secret-file", "/no/such/file"), "can't be read"),
        (("--host", "ftp://x"), "not a base URL"),
        (("--advertiser-ids", "x"), "not an advertiser ID"),
    ],
)
def test_what_cannot_be_right_is_refused_before_the_consent(emulator, saved, capsys, arguments, says):
    assert connect(emulator, *arguments) == 1
    assert says in capsys.readouterr().err
    assert emulator.calls == []


@pytest.mark.parametrize("text", ["", "two words", "caf\u00e9", "x" * 20_000, "bell\x07"])
def test_a_file_that_holds_no_secret_is_refused_without_showing_it(emulator, saved, tmp_path, capsys, text):
    (tmp_path / "secret").write_text(text)
    assert connect(emulator, "--app-secret-file", str(tmp_path / "secret")) == 1
    shown = capsys.readouterr().err
    assert text[:9] not in shown or not text
    assert emulator.calls == []


def test_a_secret_comes_from_a_file(emulator, browser, saved, tmp_path):
    (tmp_path / "secret").write_text("from-a-file-77\n")
    assert connect(emulator, "--app-secret-file", str(tmp_path / "secret")) == 0
    assert saved["tiktok_default"]["extra"]["app_secret"] == "from-a-file-77"


def test_a_missing_secret_is_prompted_for_without_showing_it(emulator, browser, saved, monkeypatch):
    monkeypatch.delenv("TIKTOK_APP_SECRET")
    monkeypatch.setattr("airflow_provider_tiktok.cli.prompts.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("airflow_provider_tiktok.cli.listener._silent_input", nullcontext)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "typed-secret-1")
    assert connect(emulator) == 0
    assert saved["tiktok_default"]["extra"]["app_secret"] == "typed-secret-1"


def test_without_a_terminal_a_missing_secret_is_reported(emulator, saved, monkeypatch, capsys):
    monkeypatch.delenv("TIKTOK_APP_SECRET")
    assert connect(emulator) == 1
    assert "The app secret is missing." in capsys.readouterr().err


def test_no_option_takes_a_secret(capsys):
    for command in ("connect", "revoke", "doctor"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert not options & {
            "--app-secret",
            "--secret",
            "--token",
            "--access-token",
            "--password",
            "--auth-code",
        }


@pytest.mark.parametrize("conn_id", ["a b", "../x", "x;y", "", "x" * 201, "--x"])
def test_what_is_no_connection_id_is_refused(conn_id):
    with pytest.raises(SystemExit):
        main(["connect", f"--conn-id={conn_id}"])


@pytest.mark.airflow
@pytest.mark.full
def test_a_real_airflow_stores_updates_reads_and_deletes_it(
    emulator, airflow_home, browser, capsys, monkeypatch
):
    """Run the first command in a process as a user does, the others in this one, and look into Airflow's database."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")  # this process has read its configuration without one

    def run_in_process(*arguments: str) -> tuple[int, str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow_provider_tiktok", *arguments],
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"http\S+/portal/auth\S+", line):
                requests.get(found[0], timeout=60)
        return process.wait(60), "".join(lines)

    def run_here(*arguments: str) -> tuple[int, str]:
        code = main([*arguments])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    def stored() -> Connection:
        with create_session() as session:
            found = session.query(Connection).filter(Connection.conn_id == "real_one").one()
            session.expunge(found)
            return found

    begin = ("connect", "real_one", "--host", emulator.url, "--app-id", APP_ID, "--port", "0")
    code, shown = run_in_process(*begin)
    assert code == 0, shown
    first = stored()
    assert (first.conn_type, first.host) == ("tiktok", emulator.url)
    assert first.extra_dejson["app_secret"] == SECRET
    assert first.port == 0
    assert first.password not in shown

    monkeypatch.setattr(store, "check_airflow", lambda: None)  # which the first command has done
    code, shown = run_here("connect", "real_one", "--port", "0", "--overwrite", "--advertiser-ids", "*")
    assert code == 0, shown
    second = stored()
    assert second.id == first.id
    assert second.password != first.password
    assert second.extra_dejson == first.extra_dejson | {"advertiser_ids": "*"}

    code, shown = run_here("doctor", "real_one")
    assert (code, shown.splitlines()[-1]) == (0, "The connection works.")
    code, shown = run_here("revoke", "real_one", "--yes", "--delete")
    assert code == 0, shown
    assert SECRET not in shown
    code, shown = run_here("doctor", "real_one")
    assert (code, "no connection 'real_one'" in " ".join(shown.split())) == (1, True)
