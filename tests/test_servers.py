"""Servers for tests: they run as long as the process that uses them, or their tests are skipped with a reason."""

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

from tests import servers

ROOT = Path(__file__).parent.parent
HOLD = """
import sys
from tests import servers
print(getattr(servers, sys.argv[1])(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def open_folder():
    """Yield a folder that the servers' users can enter, as they can't pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield folder


@pytest.mark.parametrize("killed", [False, True], ids=["ends", "is-killed"])
@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.full) for name in ("postgres", "mariadb")), "redis"]
)
def test_a_server_listens_on_loopback_and_ends_with_the_process_that_started_it(name, killed, open_folder):
    servers.or_skip(getattr(servers, name))
    env = {key: value for key, value in os.environ.items() if not key.startswith("TIKTOK_TEST_")}
    env["TMPDIR"] = open_folder
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, name],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as user:
        url = urlsplit(user.stdout.readline().strip())
        assert url.hostname == "127.0.0.1"
        assert url.password
        assert listens(url.port)
        if killed:
            user.send_signal(signal.SIGKILL)
        else:
            user.stdin.close()
        user.wait(30)
    deadline = time.monotonic() + 10
    while listens(url.port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listens(url.port)


def test_redis_wants_its_password():
    url = urlsplit(servers.or_skip(servers.redis))
    with socket.create_connection(("127.0.0.1", url.port), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(200).startswith(b"-NOAUTH")


def test_a_test_is_skipped_with_the_reason_where_a_server_is_missing(monkeypatch):
    monkeypatch.delenv("TIKTOK_TEST_REDIS", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(pytest.skip.Exception, match="redis-server is not installed"):
        servers.or_skip(servers.redis.__wrapped__)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
