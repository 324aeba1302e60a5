"""Ask the user, and read secrets from a prompt, the environment or a file, never from the command line."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from airflow_provider_tiktok.api.transport.secret import Secret
from airflow_provider_tiktok.exceptions import TikTokError

APP_ID_VARIABLE = "TIKTOK_APP_ID"
SECRET_VARIABLE = "TIKTOK_APP_SECRET"  # noqa: S105 - the variable's name

_LARGEST = 10_000  # bytes of a file that holds a secret


def echo(text: str = "") -> None:
    """Print a message to standard error, apart from the command's output."""
    print(text, file=sys.stderr, flush=True)


def read_app_id(given: str | None, known: str) -> str:
    """Return the App ID from an option, the environment, the present connection, or a question."""
    value = given or os.environ.get(APP_ID_VARIABLE, "").strip() or known
    if not value and sys.stdin.isatty():
        value = input("App ID: ").strip()
    if not value:
        raise TikTokError(
            f"The App ID is missing. Give --app-id, or the environment variable {APP_ID_VARIABLE}."
        )
    if not (value.isascii() and value.isdigit()):
        raise TikTokError("The App ID is not a number. TikTok's portal shows it under My Apps.")
    return value


def read_app_secret(file: str | None, known: str) -> Secret:
    """Return the app secret from a file, the environment, the present connection, or a question."""
    if file is not None:
        return _from_file(Path(file))
    value = os.environ.get(SECRET_VARIABLE, "").strip() or known
    if not value and sys.stdin.isatty():
        value = getpass.getpass("App secret (not shown): ").strip()
    if not value:
        raise TikTokError(
            f"The app secret is missing. Run this in a terminal, or give the environment variable {SECRET_VARIABLE} or "
            "--app-secret-file. It isn't an option, because other users of this machine can see the command line."
        )
    return _checked(value)


def confirm(question: str, *, yes: bool, option: str) -> bool:
    """Ask a question, and return whether the answer is yes.

    :param yes: the answer was given on the command line.
    :param option: that option, for the message if there is no terminal.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise TikTokError(f"{question} There is no terminal to ask on; give {option} to confirm.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def ask(question: str) -> str:
    """Ask for a line of text."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise TikTokError(f"The file {str(path)!r} can't be read ({error.strerror}).") from None
    try:
        value = text.decode("ascii").strip() if len(text) <= _LARGEST else ""
    except UnicodeDecodeError:
        value = ""
    if not value:
        raise TikTokError(f"The file {str(path)!r} must hold the app secret and nothing else.")
    return _checked(value)


def _checked(value: str) -> Secret:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise TikTokError("The app secret holds blanks or characters that no secret has. Copy it again.")
    return Secret(value)
