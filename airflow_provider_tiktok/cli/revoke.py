"""The command ``revoke``: end a connection's token, and delete the connection if the user wants it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing

from airflow_provider_tiktok.cli.connection import (
    add_app_options,
    add_connection_options,
    conn_id_of,
    new_hook,
)
from airflow_provider_tiktok.cli.prompts import confirm, echo, read_app_id, read_app_secret
from airflow_provider_tiktok.cli.terminal import as_json
from airflow_provider_tiktok.exceptions import TikTokAuthError, TikTokError

_INVALID_TOKEN = frozenset({40102, 40105})
"""TikTok's codes for a token that no longer works."""

_EPILOG = """\
examples:
  airflow-tiktok revoke
  airflow-tiktok revoke tiktok_agency --yes --delete
"""


def add_revoke(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``revoke``."""
    add_connection_options(parser)
    add_app_options(parser)
    parser.add_argument("--yes", action="store_true", help="revoke without asking")
    parser.add_argument("--delete", action="store_true", help="delete the connection as well, without asking")
    parser.add_argument("--keep", action="store_true", help="keep the connection, without asking")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = _EPILOG
    parser.set_defaults(run=_revoke)


def _revoke(options: argparse.Namespace) -> Iterator[str]:
    from dataclasses import replace

    from airflow_provider_tiktok.api.endpoints.oauth import revoke_token
    from airflow_provider_tiktok.cli import store
    from airflow_provider_tiktok.cli.clients import new_client

    conn_id = conn_id_of(options)
    if options.delete and options.keep:
        raise TikTokError("--delete and --keep contradict each other; give one.")
    credentials = new_hook(conn_id).read_credentials()
    credentials = replace(
        credentials,
        app_id=read_app_id(options.app_id, credentials.app_id),
        app_secret=read_app_secret(options.app_secret_file, credentials.app_secret),
    )
    question = f"Revoke the token of {conn_id!r}? Whatever uses it fails from then on."
    if not confirm(question, yes=options.yes, option="--yes"):
        raise TikTokError("Nothing was done.")
    was_valid = True
    with closing(new_client(credentials)) as client:
        try:
            accounts = revoke_token(client)
            echo(
                f"TikTok has revoked the token of {conn_id!r}; it reached {len(accounts)} advertiser account(s)."
            )
        except TikTokAuthError as error:
            if error.code not in _INVALID_TOKEN:
                raise
            was_valid = False
            echo(f"TikTok refuses the token of {conn_id!r} already; there is nothing to revoke.")
    keep = options.keep or (not options.delete and not _wants_deletion(conn_id))
    if keep:
        echo(f"The connection {conn_id!r} is kept; `connect` gives it a new token.")
    else:
        store.delete(conn_id)
        echo(f"The connection {conn_id!r} is deleted.")
    if options.json:
        yield as_json({"conn_id": conn_id, "was_valid": was_valid, "is_deleted": not keep})


def _wants_deletion(conn_id: str) -> bool:
    try:
        return confirm(f"Delete the connection {conn_id!r} as well?", yes=False, option="--delete")
    except TikTokError:  # no terminal to ask on: don't delete
        return False
