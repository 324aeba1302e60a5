"""Servers that some tests need, started for one run and thrown away.

``python -m tools.servers start FOLDER`` prints the variables by which the tests find them, for a shell to
``eval``; ``python -m tools.servers stop FOLDER`` ends them. What can't be had on a machine is left out with
a word on stderr, and the tests that need it are skipped.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

POSTGRES_VARIABLE = "TIKTOK_TEST_POSTGRES"
"""Names the URL of a PostgreSQL in which tests may make databases."""

REDIS_VARIABLE = "TIKTOK_TEST_REDIS"
"""Names the URL of a Redis whose databases tests may fill."""

_USER = "tiktok"
_APT_SECONDS = 600
_START_SECONDS = 15
_NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
# of a server that nobody misses after a crash
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "unix_socket_directories=")


class Missing(Exception):  # noqa: N818 - it is no error where tests can be skipped
    """A server can't be had on this machine."""


def start_postgres(folder: Path) -> str:
    """Start a PostgreSQL of its own on a free port of the loopback interface.

    :param folder: an empty folder for its data; it is given to the user that the server runs as.
    :return: its URL, with the password of a user who may do everything.
    :raises Missing: the machine has none, or it doesn't start.
    """
    programs = _postgres_programs()
    user = _server_user()
    folder.mkdir(parents=True, exist_ok=True)
    password, port = secrets.token_hex(16), _free_port()
    secret = folder / "password"
    secret.write_text(password)
    if user:
        for path in (folder, secret):
            shutil.chown(path, user, pwd.getpwnam(user).pw_gid)
    _as_server_user(
        [programs / "initdb", "-D", folder / "data", "-U", _USER, "-A", "scram-sha-256", f"--pwfile={secret}",
         "--locale=C", "--encoding=UTF8", "--no-sync"], folder, user,
    )  # fmt: skip
    options = [f"-p {port}", "-c listen_addresses=127.0.0.1", *(f"-c {setting}" for setting in _SETTINGS)]
    _as_server_user(
        [programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "server.log", "-o", " ".join(options), "start"],
        folder,
        user,
    )  # fmt: skip
    return f"postgresql://{_USER}:{password}@127.0.0.1:{port}/postgres"


def stop_postgres(folder: Path) -> None:
    """End what :func:`start_postgres` started, if it did, and remove its folder."""
    if (folder / "data" / "postmaster.pid").exists():
        command = [_postgres_programs() / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"]
        with suppress(Missing):  # it was killed, and has left its file behind
            _as_server_user(command, folder, _server_user())
    shutil.rmtree(folder, ignore_errors=True)


def install_postgres() -> None:
    """Install Debian's package where that is possible: as root, with apt.

    :raises Missing: it isn't possible.
    """
    apt = _apt("PostgreSQL")
    if not _NO_CLUSTER.parent.exists():  # nobody asked for a server that runs all the time
        _NO_CLUSTER.parent.mkdir(parents=True)
        _NO_CLUSTER.write_text("create_main_cluster = false\n")
    _install(apt, "postgresql")


def start_redis(folder: Path) -> str:
    """Start a Redis of its own on a free port of the loopback interface, which keeps nothing on the disk.

    :param folder: an empty folder for its settings and its log.
    :return: its URL, with the password.
    :raises Missing: the machine has none, or it doesn't start.
    """
    program = _redis_program()
    folder.mkdir(parents=True, exist_ok=True)
    password, port = secrets.token_hex(16), _free_port()
    settings = folder / "redis.conf"
    settings.touch(mode=0o600)  # a password on the command line could be read by all
    settings.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndaemonize yes\ndir {folder}\n"
        f'pidfile {folder}/redis.pid\nlogfile {folder}/redis.log\nsave ""\nappendonly no\n'
    )
    done = subprocess.run([program, settings], capture_output=True, text=True, check=False)
    end = time.monotonic() + _START_SECONDS
    while not done.returncode and time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return f"redis://:{password}@127.0.0.1:{port}/0"
        time.sleep(0.05)
    stop_redis(folder)
    raise Missing(f"Redis doesn't start: {(done.stdout + done.stderr).strip()[-500:]}")


def stop_redis(folder: Path) -> None:
    """End what :func:`start_redis` started, if it did, and remove its folder."""
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        pid = int((folder / "redis.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            os.kill(pid, 0)  # until it is gone
            time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def install_redis() -> None:
    """Install Debian's package where that is possible: as root, with apt.

    :raises Missing: it isn't possible.
    """
    _install(_apt("Redis"), "redis-server")


def _redis_program() -> Path:
    found = shutil.which("redis-server")
    if found is None:
        raise Missing("Redis is not installed")
    return Path(found)


def _apt(server: str) -> str:
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        raise Missing(f"{server} is not installed, and only root can install it with apt-get")
    return apt


def _install(apt: str, package: str) -> None:
    # at this runlevel Debian starts no server after it is installed: nobody asked for one that runs all the time
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", package]):
        try:
            done = subprocess.run(
                [apt, "-qq", *command],
                env=env,
                capture_output=True,
                text=True,
                check=False,
                timeout=_APT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Missing(f"apt-get {command[0]} takes more than {_APT_SECONDS} s") from None
        if done.returncode:
            raise Missing(f"apt-get {command[0]} failed: {done.stderr.strip()[-300:]}")


def _postgres_programs() -> Path:
    """Give the folder of the newest PostgreSQL's programs; Debian has them on no path."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdecimal() else 0,
    )
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        raise Missing("PostgreSQL is not installed")
    return Path(initdb).resolve().parent


def _server_user() -> str | None:
    """Name the user that the server runs as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise Missing("there is no user to run PostgreSQL as")


def _as_server_user(command: list[Any], folder: Path, user: str | None) -> None:
    who: dict[str, Any] = (
        {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    )
    # the server keeps its output open, so that a pipe would never end
    with (folder / "commands.log").open("ab") as log:
        done = subprocess.run(
            [str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            check=False, env=os.environ | {"LC_ALL": "C"}, **who,
        )  # fmt: skip
    if done.returncode:
        text = (folder / "commands.log").read_text(errors="replace").strip()
        raise Missing(f"PostgreSQL doesn't start: {text[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Server = tuple[
    str, str, Callable[[], Path], Callable[[], None], Callable[[Path], str], Callable[[Path], None]
]
"""Its name, the variable with its URL, and how it is found, installed, started and stopped."""


def servers() -> dict[str, Server]:
    """Give every server, by the name of its folder."""
    return {
        "postgres": (
            *("PostgreSQL", POSTGRES_VARIABLE),
            *(_postgres_programs, install_postgres, start_postgres, stop_postgres),
        ),
        "redis": ("Redis", REDIS_VARIABLE, _redis_program, install_redis, start_redis, stop_redis),
    }


def main(command: str, folder: Path) -> None:
    """Start or stop every server."""
    if command == "stop":
        for name, (*_, stop) in servers().items():
            stop(folder / name)
        return
    folder.chmod(0o755)  # the servers' users have to come through
    for name, (title, variable, find, install, start, _) in servers().items():
        try:
            try:
                find()
            except Missing:
                install()
            print(f"export {variable}={start(folder / name)}")
        except (Missing, OSError, subprocess.SubprocessError) as reason:
            print(f"    without {title}, whose tests are skipped: {reason}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in {"start", "stop"}:
        sys.exit("usage: python -m tools.servers {start,stop} FOLDER")
    main(sys.argv[1], Path(sys.argv[2]).resolve())
