"""Store a connection in Airflow's database, with Airflow's own command, or in a file.

Every user of the machine can see a command line, so Airflow's command gets the connection in a file that
only this user can read and that is deleted afterwards.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.exceptions import TikTokError

_COMMAND_TIMEOUT = 120.0  # seconds for one of Airflow's commands
_STDOUT = "-"


def check_airflow() -> None:
    """Check, before the user is asked for consent, that there is an Airflow to store the connection in.

    :raises TikTokError: its database can't be reached.
    """
    done = _airflow("db", "check")
    if done.returncode:
        raise TikTokError(
            "Airflow's database can't be reached from here, so the connection couldn't be stored: `airflow db check` "
            "fails. Run this where Airflow is configured, or write the connection to a file with --print json --output."
        )


def save(conn_id: str, connection: Mapping[str, Any]) -> None:
    """Store a connection in Airflow's database; it replaces one of the same ID.

    :raises TikTokError: Airflow's command failed.
    """
    with tempfile.TemporaryDirectory(prefix="tiktok-connection-") as folder:  # only this user can read it
        path = Path(folder, "connection.json")
        _write(path, json.dumps({conn_id: connection}))
        done = _airflow("connections", "import", "--overwrite", str(path))
    if done.returncode or f"Imported connection {conn_id}" not in done.stdout:
        raise TikTokError(
            f"Airflow didn't store the connection {conn_id!r}: `airflow connections import` ended with code "
            f"{done.returncode}. The new token is lost; run the command again when that works, or write the connection to "
            "a file with --print json --output."
        )


def delete(conn_id: str) -> None:
    """Delete a connection from Airflow's database.

    :raises TikTokError: it isn't there, as one from the environment or a secrets backend isn't.
    """
    done = _airflow("connections", "delete", conn_id)
    if done.returncode:
        raise TikTokError(
            f"Airflow's database has no connection {conn_id!r} that could be deleted. Where it comes from an environment "
            "variable or a secrets backend, delete it there."
        )


def check_output(kind: str | None, output: str | None) -> None:
    """Refuse to show a token in a terminal, before there is a token.

    :raises TikTokError: the options contradict each other, or the output would be a terminal.
    """
    if output is not None and kind is None:
        raise TikTokError(
            "--output says where to write what --print json or --print env makes; give that too."
        )
    if kind is not None and output is None and sys.stdout.isatty():
        raise TikTokError(
            f"--print {kind} holds the token, which would stay in this terminal. Give --output FILE, redirect the output, "
            "or give --output - to show it."
        )
    if output not in (None, _STDOUT) and not Path(output or "").absolute().parent.is_dir():
        raise TikTokError(f"--output {output}: there is no such folder.")


def render(kind: str, conn_id: str, connection: Mapping[str, Any]) -> str:
    """Return a connection as text.

    :param kind: ``json`` as ``airflow connections add --conn-json`` reads it; ``env`` as a line for a shell.
    """
    text = json.dumps(connection)
    return f"AIRFLOW_CONN_{conn_id.upper()}={shlex.quote(text)}" if kind == "env" else text


def put_out(text: str, output: str | None) -> None:
    """Write a connection to a file that only this user can read, or to standard output."""
    if output in (None, _STDOUT):
        print(text)
        return
    target = Path(output or "")
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, text + "\n")
        draft.replace(target)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise TikTokError(
            f"{str(target)!r} can't be written ({error.strerror}). The new token is lost; run the command again with "
            "another --output."
        ) from None


def _write(path: Path, text: str) -> None:
    """Create a file that only this user can read; an existing file or a link is refused."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)


def _airflow(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the Airflow in this Python environment, and capture its output."""
    command: Sequence[str] = (sys.executable, "-m", "airflow", *arguments)
    try:
        return subprocess.run(  # noqa: S603 - no shell, and the connection's ID is the only foreign text
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT,
            check=False,
            env={name: value for name, value in os.environ.items() if not name.startswith("TIKTOK_")},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TikTokError(
            f"`airflow {sanitize(' '.join(arguments[:2]))}` could not be run ({type(error).__name__})."
        ) from None
