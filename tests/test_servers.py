"""Servers for tests: they run for as long as they are wanted, or are left out."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tools import servers

ROOT = Path(__file__).parent.parent


def tools(*arguments):
    return subprocess.run(
        [sys.executable, "-B", "-m", "tools.servers", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip


def has_postgres():
    try:
        servers._postgres_programs()
    except servers.Missing:
        return False
    return True


@pytest.mark.skipif(not has_postgres(), reason="PostgreSQL is not installed")
def test_a_postgres_is_started_and_thrown_away():
    psycopg = pytest.importorskip("psycopg")
    with tempfile.TemporaryDirectory(prefix="tiktok-servers-") as folder:
        # the user that the server runs as has to come through
        out = tools("start", folder).stdout.strip()
        name, _, url = out.removeprefix("export ").partition("=")
        try:
            assert name == "TIKTOK_TEST_POSTGRES"
            with psycopg.connect(url) as connection:
                assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        finally:
            tools("stop", folder)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        assert list(Path(folder).iterdir()) == []


def test_without_root_nothing_is_installed(monkeypatch):
    monkeypatch.setattr(servers.os, "geteuid", lambda: 1000)
    with pytest.raises(servers.Missing, match="only root can install it"):
        servers.install_postgres()


def test_what_cannot_be_had_is_said_and_left_out(tmp_path, monkeypatch, capsys):
    def missing():
        raise servers.Missing("PostgreSQL is not installed")

    monkeypatch.setattr(servers, "_postgres_programs", missing)
    monkeypatch.setattr(servers, "install_postgres", missing)
    servers.main("start", tmp_path)
    said = capsys.readouterr()
    assert said.out == ""
    assert "without PostgreSQL, whose tests are skipped: PostgreSQL is not installed" in said.err
