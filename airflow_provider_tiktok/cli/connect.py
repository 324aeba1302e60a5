"""The command ``connect``: authorise the app, and store the connection.

Messages go to standard error, results to standard output.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.api.scopes import lacking, name_of
from airflow_provider_tiktok.cli.connection import (
    add_app_options,
    add_connection_options,
    conn_id_of,
    new_hook,
)
from airflow_provider_tiktok.cli.prompts import (
    SECRET_VARIABLE,
    ask,
    confirm,
    echo,
    read_app_id,
    read_app_secret,
)
from airflow_provider_tiktok.cli.terminal import as_json
from airflow_provider_tiktok.exceptions import TikTokError

if TYPE_CHECKING:
    from airflow_provider_tiktok.api.credentials import TikTokCredentials
    from airflow_provider_tiktok.api.endpoints.oauth import Grant
    from airflow_provider_tiktok.hooks.tiktok import StoredConnection

PORT = 8766
"""The default port for the redirect: the app in TikTok's portal must know the URL."""

_CONSENT_TIMEOUT = 600.0  # seconds
_LAST_PORT = 65_535
_PLACEHOLDER = "placeholder"
_CONNECT = f"""\
The app secret comes from --app-secret-file, the environment variable {SECRET_VARIABLE}, the connection that is
there already, or a question. The redirect URL must be in the app's settings in TikTok's portal.

examples:
  airflow-tiktok connect --app-id 7350000000000000001
  airflow-tiktok connect tiktok_agency --advertiser-ids '*'
  airflow-tiktok connect --print env --output connection.env
"""
_ACCOUNTS = """\
Of which accounts are reports that name none? * is every account that the token reaches. IDs with commas are these. After
none, each report must name its own."""


def add_connect(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``connect``."""
    add_connection_options(parser)
    add_app_options(parser)
    parser.add_argument(
        "--port", type=_port, default=PORT, help="where the redirect comes (default: %(default)s)"
    )
    parser.add_argument(
        "--redirect-uri", help="the app's redirect URL, if it is another; the address is pasted then"
    )
    parser.add_argument(
        "--paste", action="store_true", help="listen on no port; the redirect's address is pasted"
    )
    parser.add_argument(
        "--timeout", type=float, default=_CONSENT_TIMEOUT, help="seconds to wait (default: %(default)g)"
    )
    parser.add_argument("--host", help="API host of the connection: the emulator, a proxy")
    parser.add_argument("--consent-url", help="the consent page, if it is not TikTok's")
    parser.add_argument(
        "--advertiser-ids",
        metavar="IDS",
        help="accounts of reports that name none, with commas; or '*' for every account that the token reaches",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="update a connection that is there without asking"
    )
    parser.add_argument(
        "--print", choices=("json", "env"), help="write the connection out instead of storing it"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="where --print writes, readable by you alone; - shows it"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the scopes and accounts as JSON, without the token"
    )
    parser.epilog = _CONNECT
    parser.set_defaults(run=_connect)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; ports are 0 to {_LAST_PORT}")
    return int(text)


def _connect(options: argparse.Namespace) -> Iterator[str]:
    from airflow_provider_tiktok.api.endpoints.advertisers import list_advertisers
    from airflow_provider_tiktok.cli import store
    from airflow_provider_tiktok.cli.clients import new_client
    from airflow_provider_tiktok.cli.doctor import account_lines

    conn_id = conn_id_of(options)
    store.check_output(options.print, options.output)
    present = new_hook(conn_id).stored_connection()
    if not options.print:
        store.check_airflow()
        if present is not None and not confirm(
            f"Airflow has a connection {conn_id!r}. Update it?", yes=options.overwrite, option="--overwrite"
        ):
            raise TikTokError("Nothing was done.")
    before = present.extra if present else {}
    wanted: dict[str, Any] = {
        "app_id": read_app_id(options.app_id, str(before.get("app_id") or "")),
        "app_secret": read_app_secret(options.app_secret_file, str(before.get("app_secret") or "")),
    }
    if accounts := options.advertiser_ids or _ask_for_accounts(before):
        wanted["advertiser_ids"] = accounts
    host = options.host or (present.host if present else "")
    credentials = _credentials(conn_id, host, {**before, **wanted})
    grant = _ask_for_consent(credentials, options)
    fields = _fields(present, host, {**before, **wanted, "scopes": json.dumps(grant.scopes)}, grant)
    # the token is stored first: listing the accounts may fail, and the code can't be used again
    if options.print:
        store.put_out(store.render(options.print, conn_id, fields), options.output)
    else:
        store.save(conn_id, fields)
        echo(f"Airflow's connection {conn_id!r} holds the new token.")
        _check_what_airflow_reads(conn_id, grant)
    echo(_in_words(grant.scopes))
    echo("It reaches:")
    with closing(new_client(credentials, grant.access_token)) as client:
        reached = list_advertisers(client)
    for line in account_lines(reached):
        echo(line)
    if "advertiser_ids" not in {**before, **wanted}:
        echo(
            "The connection names no accounts, so each report must; `--advertiser-ids '*'` sets all that the token reaches."
        )
    if options.json:
        yield as_json(
            {"conn_id": conn_id, "scopes": grant.scopes, "accounts": [one.as_dict() for one in reached]}
        )


def _ask_for_accounts(before: Mapping[str, Any]) -> str:
    """Ask for the accounts of a connection that has none, if there is a terminal to ask on; all are offered."""
    if before.get("advertiser_ids") or not sys.stdin.isatty():
        return ""
    echo(_ACCOUNTS)
    answer = ask("Accounts [*]: ") or "*"
    return "" if answer == "none" else answer


def _in_words(scopes: Sequence[str]) -> str:
    """Return what a token is good for."""
    if not scopes:
        return "TikTok names no scopes of the token."
    without = lacking(scopes)
    named = ", ".join(map(name_of, scopes))
    return f"The token has the scopes {named}{'; it lacks ' if without else ''}{', '.join(without)}."


def _ask_for_consent(credentials: TikTokCredentials, options: argparse.Namespace) -> Grant:
    """Ask the user for consent, and return the grant."""
    from contextlib import nullcontext

    from airflow_provider_tiktok.api.credentials import is_loopback
    from airflow_provider_tiktok.api.endpoints import oauth
    from airflow_provider_tiktok.cli.clients import new_client
    from airflow_provider_tiktok.cli.listener import Listener, await_redirect

    if options.paste and not options.redirect_uri:
        echo(f"The redirect URL is http://127.0.0.1:{options.port}/callback; --redirect-uri names another.")
    pastes = options.paste or options.redirect_uri
    page = options.consent_url or (
        credentials.base_url + oauth.CONSENT_PATH if is_loopback(credentials.base_url) else oauth.CONSENT_URL
    )
    state = secrets.token_urlsafe(32)
    with nullcontext() if pastes else Listener(options.port) as listener:
        uri = options.redirect_uri or (
            listener.redirect_uri if listener else f"http://127.0.0.1:{options.port}/callback"
        )
        echo("Open this address as a user who may manage the ad accounts, tick the accounts, and confirm:\n")
        echo(f"  {oauth.consent_url(page, credentials.app_id, uri, state)}\n")
        echo(
            "Then paste the address that the browser ends at (it is not shown):"
            if listener is None
            else f"The answer is awaited at {uri}. If the browser runs elsewhere and can't come there, paste the address "
            "that it ends at (it is not shown)."
        )
        code = oauth.read_redirect(await_redirect(listener, options.timeout), state)
    with closing(new_client(credentials)) as client:
        return oauth.exchange_code(client, code)


def _credentials(conn_id: str, host: str, extra: Mapping[str, Any]) -> TikTokCredentials:
    """Return the checked credentials of the future connection, without its token."""
    from dataclasses import replace

    from airflow_provider_tiktok.api.credentials import read_credentials

    text = json.dumps(extra)
    return replace(read_credentials(conn_id, password=_PLACEHOLDER, host=host, extra=text), access_token="")


def _fields(
    present: StoredConnection | None, host: str, extra: Mapping[str, Any], grant: Grant
) -> dict[str, Any]:
    """Return the connection's fields; the user's other fields stay.

    The port is 0, which means none: the UI of Airflow 3.3 refuses to test a stored connection whose port is null.
    """
    fields: dict[str, Any] = {"conn_type": "tiktok", "password": grant.access_token, "port": 0}
    if host:
        fields["host"] = host
    if present and present.description:
        fields["description"] = present.description
    return {**fields, "extra": dict(extra)}


def _check_what_airflow_reads(conn_id: str, grant: Grant) -> None:
    """Warn if another connection of the same ID takes precedence over the new one."""
    stored = new_hook(conn_id).stored_connection()
    if stored is None or stored.password != grant.access_token:
        echo(
            f"But Airflow reads another connection {conn_id!r} first: from the environment variable "
            f"AIRFLOW_CONN_{conn_id.upper()}, or a secrets backend. Remove that one."
        )
