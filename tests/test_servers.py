"""Servers for tests: they run for as long as they are wanted, or are left out."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tools import servers

ROOT = Path(__file__).parent.parent


def tools(*arguments):
    return subprocess.run(
        [sys.executable, "-B", "-m", "tools.servers", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip


def has(find):
    try:
        find()
    except servers.Missing:
        return False
    return True


@pytest.mark.skipif(not has(servers._postgres_programs), reason="PostgreSQL is not installed")
def test_a_postgres_is_started_and_thrown_away():
    psycopg = pytest.importorskip("psycopg")
    with tempfile.TemporaryDirectory(prefix="tiktok-servers-") as folder:
        # the user that the server runs as has to come through
        lines = tools("start", folder).stdout.splitlines()
        try:
            exported = dict(line.removeprefix("export ").split("=", 1) for line in lines)
            url = exported["TIKTOK_TEST_POSTGRES"]
            with psycopg.connect(url) as connection:
                assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        finally:
            tools("stop", folder)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        assert list(Path(folder).iterdir()) == []


@pytest.mark.skipif(not has(servers._redis_program), reason="Redis is not installed")
def test_a_redis_is_started_behind_a_password_and_thrown_away(tmp_path):
    url = urlsplit(servers.start_redis(tmp_path / "redis"))
    try:
        assert url.hostname == "127.0.0.1"
        assert ask(url.port, "PING").startswith("-NOAUTH")
        assert ask(url.port, f"AUTH {url.password}") == "+OK"
        assert (tmp_path / "redis" / "redis.conf").stat().st_mode & 0o777 == 0o600
    finally:
        servers.stop_redis(tmp_path / "redis")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="refused"):
        ask(url.port, "PING")


@pytest.mark.skipif(not has(servers._postgres_programs), reason="PostgreSQL is not installed")
def test_a_postgres_that_was_killed_is_cleared_away():
    with tempfile.TemporaryDirectory(prefix="tiktok-servers-") as name:
        folder = Path(name, "postgres")
        Path(name).chmod(0o755)  # the user that the server runs as has to come through
        servers.start_postgres(folder)
        killed = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(killed, signal.SIGKILL)
        while Path(f"/proc/{killed}").exists():
            time.sleep(0.05)
        servers.stop_postgres(folder)
        assert not folder.exists()


def ask(port, command):
    """Send one command as Redis reads it from a terminal."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(200).decode().strip()


@pytest.mark.parametrize(
    ("install", "title"), [(servers.install_postgres, "PostgreSQL"), (servers.install_redis, "Redis")]
)
def test_without_root_nothing_is_installed(monkeypatch, install, title):
    monkeypatch.setattr(servers.os, "geteuid", lambda: 1000)
    with pytest.raises(servers.Missing, match=f"{title} is not installed, and only root can install it"):
        install()


def test_what_cannot_be_had_is_said_and_left_out(tmp_path, monkeypatch, capsys):
    def missing():
        raise servers.Missing("it is not installed")

    for name in ("_postgres_programs", "install_postgres", "_redis_program", "install_redis"):
        monkeypatch.setattr(servers, name, missing)
    servers.main("start", tmp_path)
    said = capsys.readouterr()
    assert said.out == ""
    assert "without PostgreSQL, whose tests are skipped: it is not installed" in said.err
    assert "without Redis, whose tests are skipped: it is not installed" in said.err
