"""PostgreSQL, MariaDB and Redis for tests: each is started when a test first asks for it, and ends with its process.

A server of one's own is named by ``TIKTOK_TEST_POSTGRES``, ``TIKTOK_TEST_MARIADB`` or ``TIKTOK_TEST_REDIS``. Where there is
none, the tests that need it are skipped: on Debian, ``apt-get install postgresql mariadb-server redis-server``.
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

USER = "tiktok"
_START_SECONDS = 30
_READY = re.compile(
    "ready (to accept|for) connections|sentinel id is", re.IGNORECASE
)  # what the servers' logs say
_POSTGRES_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parts[-2]))
# Data is thrown away: PostgreSQL ends at once and with its processes on SIGQUIT, the others start no processes.
_DEATH = {"postgres": signal.SIGQUIT, "mysql": signal.SIGKILL, "": signal.SIGKILL}
# of a server that no one misses after a crash
_POSTGRES = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "unix_socket_directories=")


class MissingServerError(Exception):
    """A server can't be had on this machine."""


def has_postgres() -> bool:
    """Return whether this machine has a PostgreSQL, without starting it."""
    return bool(os.environ.get("TIKTOK_TEST_POSTGRES") or shutil.which("initdb") or _POSTGRES_PROGRAMS)


@cache
def postgres() -> str:
    """Return the URL of a PostgreSQL in which tests may make databases.

    :raises MissingServerError: there is none, or it doesn't start.
    """
    if url := os.environ.get("TIKTOK_TEST_POSTGRES"):
        return url
    initdb, server = (_program(name, *_POSTGRES_PROGRAMS[-1:]) for name in ("initdb", "postgres"))
    folder, port, password = _folder("postgres"), free_port(), secrets.token_hex(16)
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o644)  # in a folder that only the server's user can read
    command = [initdb, "-D", folder / "data", "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}"]
    _run([*_user("postgres"), *command, "--locale=C", "--encoding=UTF8", "--no-sync"])
    settings = [f"--{setting}" for setting in (*_POSTGRES, f"port={port}", "listen_addresses=127.0.0.1")]
    _serve("postgres", [server, "-D", folder / "data", *settings], folder)
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}/postgres"


@cache
def mariadb() -> str:
    """Return the URL of a MariaDB in which tests may make databases.

    :raises MissingServerError: there is none, or it doesn't start.
    """
    if url := os.environ.get("TIKTOK_TEST_MARIADB"):
        return url
    install, server = _program("mariadb-install-db"), _program("mariadbd", Path("/usr/sbin"))
    folder, port, password = _folder("mysql"), free_port(), secrets.token_hex(16)
    data = [f"--datadir={folder / 'data'}", f"--tmpdir={folder}"]
    _run(
        [
            *_user("mysql"),
            install,
            "--no-defaults",
            *data,
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]
    )
    users = folder / "users.sql"
    users.write_text(
        f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO {USER}@'127.0.0.1';\n"
        "DROP USER root@localhost;\n"
    )
    users.chmod(0o644)  # in a folder that only the server's user can read
    settings = [
        f"--port={port}",
        "--bind-address=127.0.0.1",
        f"--socket={folder / 'socket'}",
        f"--init-file={users}",
    ]
    settings += ["--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite"]
    _serve("mysql", [server, "--no-defaults", *data, *settings], folder)
    return f"mysql://{USER}:{password}@127.0.0.1:{port}/mysql"


@cache
def redis() -> str:
    """Return the URL of a Redis whose databases tests may fill.

    :raises MissingServerError: there is none, or it doesn't start.
    """
    if url := os.environ.get("TIKTOK_TEST_REDIS"):
        return url
    server, folder, port, password = (
        _program("redis-server"),
        _folder(""),
        free_port(),
        secrets.token_hex(16),
    )
    settings = f'bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\nsave ""\nappendonly no\n'
    # settings come on the standard input: a password on the command line could be read by all
    _serve("", [server, "-"], folder, settings)
    return f"redis://:{password}@127.0.0.1:{port}/0"


class OwnRedis:
    """A Redis that a test may kill, freeze and start again. It keeps nothing.

    :param settings: further lines of its configuration; ``{port}`` is replaced.
    :param options: further arguments of the program.
    :raises MissingServerError: there is none, or it doesn't start.
    """

    def __init__(self, *settings: str, options: tuple[str, ...] = ()) -> None:
        self.folder, self.port = _folder(""), free_port()
        own = ("bind 127.0.0.1", f"dir {self.folder}", 'save ""', "appendonly no")
        lines = (f"port {self.port}", *own) if not any(line.startswith("port ") for line in settings) else own
        self._settings = "\n".join((*lines, *settings, "")).replace("{port}", str(self.port))
        self._options = options
        self.start()

    def start(self) -> None:
        """Start it, or start it again after :meth:`kill`."""
        # Sentinel keeps what it learns in its file of settings, and so needs one
        file = self.folder / "redis.conf"
        file.touch(0o600)
        file.write_text(self._settings)
        self._process = _serve("", [_program("redis-server"), file, *self._options], self.folder)

    def kill(self) -> None:
        """End it at once, with all that it holds."""
        _end(self._process, "")

    def freeze(self) -> None:
        """Let it take connections and answer nothing, until :meth:`thaw`."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        self._process.send_signal(signal.SIGCONT)


def or_skip(server: Any) -> str:
    """Return a server's URL, or skip the test and say why."""
    try:
        return str(server())
    except MissingServerError as missing:
        pytest.skip(str(missing))


def _program(name: str, *folders: Path) -> str:
    """Find a program on the path or in folders that Debian has on no path."""
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)]))
    if found is None:
        raise MissingServerError(f"{name} is not installed")
    return found


def _user(name: str) -> list[str | Path]:
    """Return how to run a program as another user where this is root, as which servers refuse to run.

    The kernel ends it when this process ends, in whatever way.
    """
    who = [] if os.geteuid() or not name else [f"--reuid={name}", f"--regid={name}", "--clear-groups"]
    return ["setpriv", f"--pdeathsig={_DEATH[name].name[3:]}", *who]


def _folder(user: str) -> Path:
    """Return a folder of the server's, which is removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="tiktok-server-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if user and not os.geteuid():
        shutil.chown(folder, user, user)
    return folder


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(
        command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MissingServerError(f"{Path(command[-1]).name} failed: {done.stderr.strip()[-500:]}")


def _serve(user: str, command: list[str | Path], folder: Path, stdin: str = "") -> subprocess.Popen[bytes]:
    """Start a server and wait until its log says that it takes connections, which PostgreSQL's port is early with."""
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*_user(user), *command],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # on Ctrl-C it has to outlive what uses it
        )
    atexit.register(_end, server, user)
    assert server.stdin is not None
    with server.stdin:
        server.stdin.write(stdin.encode())
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if _READY.search(log.read_text(errors="replace")):
            return server
        time.sleep(0.05)
    raise MissingServerError(f"The server does not start: {log.read_text(errors='replace').strip()[-500:]}")


def _end(server: subprocess.Popen[bytes], name: str) -> None:
    server.send_signal(_DEATH[name])
    server.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
