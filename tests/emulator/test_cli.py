"""The emulator as a process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from airflow_provider_tiktok.emulator import EmulatorError, Settings, serve
from airflow_provider_tiktok.emulator import cli as command
from airflow_provider_tiktok.emulator.server import bind

COMMAND = [sys.executable, "-m", "airflow_provider_tiktok.emulator"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_starts_prints_its_url_and_stops(stop: signal.Signals) -> None:
    process = subprocess.Popen(
        [
            *COMMAND,
            *("--port", "0", "--accounts", "2"),
            *("--forbidden-account", "--token", "tok", "--app-id", "77"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        banner = ""
        assert process.stdout
        for line in process.stdout:
            banner += line
            if line.startswith("AIRFLOW_CONN_TIKTOK_DEFAULT="):
                break
        connection = json.loads(banner.rsplit("AIRFLOW_CONN_TIKTOK_DEFAULT='", 1)[1].rstrip("'\n"))
        info = requests.get(
            f"{connection['host']}/open_api/v1.3/advertiser/info/",
            params={"advertiser_ids": json.dumps(connection["extra"]["advertiser_ids"])},
            headers={"Access-Token": connection["password"]},
            timeout=60,
        ).json()
        assert info["code"] == 0
        assert connection["extra"]["app_id"] == "77"
        assert len(re.findall(r"^\d{19}  ", banner, re.MULTILINE)) == 4
        assert "no campaigns" in banner
        process.send_signal(stop)
        assert process.wait(10) == 0
        assert process.stderr
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()


def test_a_busy_port(capsys: pytest.CaptureFixture[str]) -> None:
    with bind(0) as listener:
        port = listener.getsockname()[1]
        assert command.main(["--port", str(port)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in err


def test_a_bad_faults_file_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "faults.json"
    file.write_text('[{"fault": "explode"}]')
    assert command.main(["--port", "0", "--faults", str(file)]) == 2
    assert "unknown fault 'explode'" in capsys.readouterr().err


def test_no_faults_file_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--port", "0", "--faults", "/nonexistent.json"]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_invalid_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--ads", "-1"]) == 2
    assert "ads must be 0 or more" in capsys.readouterr().err


def test_an_app_id_that_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--app-id", "app"]) == 2
    assert capsys.readouterr().err == "app_id must be a number as text, not 'app'\n"


def test_without_a_web_server_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    monkeypatch.delitem(sys.modules, "airflow_provider_tiktok.emulator.http.app", raising=False)
    assert command.main(["--port", "0"]) == 2
    assert 'pip install "airflow-provider-tiktok[emulator]"' in capsys.readouterr().err


def test_the_help_describes_tokens_and_faults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    printed = capsys.readouterr().out
    assert "revoked" in printed
    assert "drop_row" in printed


def test_importing_it_is_light() -> None:
    code = (
        "import sys, airflow_provider_tiktok.emulator;"
        "print([name for name in ('starlette', 'uvicorn', 'airflow', 'csv', 'json') if name in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def test_serving_never_loads_airflow_or_the_client() -> None:
    code = (
        "import sys\n"
        "from airflow_provider_tiktok.emulator import serve\n"
        "with serve(): pass\n"
        "print([name for name in sys.modules if name == 'airflow' or name.startswith('airflow.')"
        " or name.startswith('airflow_provider_tiktok.api')])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def test_serve_stops_listening() -> None:
    with serve() as emulator:
        url = emulator.url
        assert requests.get(f"{url}/_emulator/calls/", timeout=60).json() == []
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=1)


def test_serve_on_a_busy_port() -> None:
    with (
        bind(0) as listener,
        pytest.raises(EmulatorError, match="cannot be used"),
        serve(port=listener.getsockname()[1]),
    ):
        pass


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Return the settings of the emulators that the command would start."""
    found: list[Settings] = []

    def refuse(settings: Settings, rules: object) -> None:
        found.append(settings)
        raise EmulatorError

    monkeypatch.setattr(command, "Emulator", refuse)
    return found


def test_the_options_of_report_tasks(made: list[Settings]) -> None:
    options = ["--task-seconds=7", "--task-qps=3", "--task-qpm=4", "--task-qpd=5", "--task-account-hour=6"]
    assert command.main([*options, "--download-seconds=8", "--no-report-tasks"]) == 2
    assert command.main([]) == 2
    named = ("task_seconds", "task_qps", "task_qpm", "task_qpd", "task_account_hour", "download_seconds")
    assert [getattr(made[0], name) for name in named] == [7, 3, 4, 5, 6, 8]
    assert [made[0].report_tasks, made[1].report_tasks] == [False, True]
    assert [getattr(made[1], name) for name in named] == [1, 2, 60, 4500, 500, 3600]


def test_the_options_of_entities(made: list[Settings]) -> None:
    assert command.main(["--scope=1", "--scope", "4", "--videos=11", "--images=12"]) == 2
    assert command.main([]) == 2
    assert [(one.scopes, one.videos, one.images) for one in made] == [
        ((1, 4), 11, 12),
        (Settings().scopes, 15, 15),
    ]
    assert command.main(["--videos=9"]) == 2  # ads use ten
    assert len(made) == 2
