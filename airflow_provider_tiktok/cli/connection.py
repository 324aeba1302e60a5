"""The options and the hook that several commands share."""

from __future__ import annotations

import argparse
import re
import threading
from typing import TYPE_CHECKING

from airflow_provider_tiktok.cli.prompts import APP_ID_VARIABLE
from airflow_provider_tiktok.exceptions import TikTokError

if TYPE_CHECKING:
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

DEFAULT = "tiktok_default"
"""The connection that is meant where none is named."""

_CONN_ID = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}"
)  # an ID that Airflow takes, and that isn't an option


def add_connection_options(parser: argparse.ArgumentParser, *, positional: bool = True) -> None:
    """Add the ID of the connection to a command.

    :param positional: whether it may also be given without the option's name.
    """
    if positional:
        parser.add_argument(
            "conn_id", nargs="?", type=_conn_id, metavar="CONN_ID", help=f"default: {DEFAULT}"
        )
    text = "the same" if positional else f"the Airflow connection (default: {DEFAULT})"
    parser.add_argument(
        "--conn-id", "--tiktok-conn-id", dest="named", type=_conn_id, metavar="CONN_ID", help=text
    )


def add_app_options(parser: argparse.ArgumentParser) -> None:
    """Add the developer app to a command."""
    parser.add_argument("--app-id", help=f"ID of the developer app; or the variable {APP_ID_VARIABLE}")
    parser.add_argument("--app-secret-file", metavar="FILE", help="a file that holds the app secret")


def conn_id_of(options: argparse.Namespace) -> str:
    """Return the ID of the connection that a command line names.

    :raises TikTokError: it names two.
    """
    conn_id: str = getattr(options, "conn_id", None) or options.named or DEFAULT
    if options.named and options.named != conn_id:
        raise TikTokError("Two different connections are named; name one.")
    return conn_id


def new_hook(conn_id: str, stop: threading.Event | None = None) -> TikTokHook:
    """Return a hook that reads all of Airflow's connections.

    :param stop: ends every wait of its calls.
    """
    from airflow_provider_tiktok._compat_late import read_all_connections
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    read_all_connections()
    return TikTokHook(conn_id, stop=stop)


def _conn_id(text: str) -> str:
    if not _CONN_ID.fullmatch(text):
        raise argparse.ArgumentTypeError("a connection's ID is made of letters, digits, and _ . -")
    return text
