"""The commands ``connect``, ``revoke`` and ``doctor``. What they say goes to standard error, but for results."""

from __future__ import annotations

import argparse
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.cli.prompts import (
    APP_ID_VARIABLE,
    SECRET_VARIABLE,
    confirm,
    read_app_id,
    read_app_secret,
    say,
)
from airflow_provider_tiktok.exceptions import TikTokAuthError, TikTokConfigError, TikTokError

if TYPE_CHECKING:
    from airflow_provider_tiktok.api.credentials import TikTokCredentials
    from airflow_provider_tiktok.api.endpoints.oauth import Grant
    from airflow_provider_tiktok.hooks.tiktok import StoredConnection, TikTokHook

PORT = 8766
"""Where the redirect is waited for unless told otherwise: the app in TikTok's portal must know the URL."""

_DEFAULT = "tiktok_default"
_PATIENCE = 600.0  # seconds for the consent
_LAST_PORT = 65_535
_TO_COME = "a-token-yet-to-come"
_CONN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")  # what Airflow takes as an ID, and is no option
_CONNECT = f"""
The app secret comes from --app-secret-file, the environment variable {SECRET_VARIABLE}, the connection that is
there already, or a question. The redirect URL must stand in the app's settings in TikTok's portal.
"""


def add_commands(commands: Any) -> None:
    """Add the commands to the command line's own."""
    connect = commands.add_parser(
        "connect", help="authorise the app, and store the connection", epilog=_CONNECT
    )
    _add_connection(connect)
    _add_app(connect)
    connect.add_argument(
        "--port", type=_port, default=PORT, help="where the redirect comes (default: %(default)s)"
    )
    connect.add_argument(
        "--redirect-uri", help="the app's redirect URL, if it is another; the address is pasted then"
    )
    connect.add_argument(
        "--paste", action="store_true", help="listen on no port; the redirect's address is pasted"
    )
    connect.add_argument(
        "--timeout", type=float, default=_PATIENCE, help="seconds to wait (default: %(default)g)"
    )
    connect.add_argument("--host", help="API host of the connection: the emulator, a proxy")
    connect.add_argument("--consent-url", help="the consent page, if it is not TikTok's")
    connect.add_argument("--advertiser-ids", help="default accounts of the connection, with commas, or *")
    connect.add_argument(
        "--overwrite", action="store_true", help="update a connection that is there without asking"
    )
    connect.add_argument(
        "--print", choices=("json", "env"), help="write the connection out instead of storing it"
    )
    connect.add_argument(
        "--output", metavar="FILE", help="where --print writes, readable by you alone; - shows it"
    )
    connect.set_defaults(run=_connect)

    revoke = commands.add_parser("revoke", help="take a connection's token back from TikTok")
    _add_connection(revoke)
    _add_app(revoke)
    revoke.add_argument("--yes", action="store_true", help="revoke without asking")
    revoke.add_argument("--delete", action="store_true", help="delete the connection as well, without asking")
    revoke.add_argument("--keep", action="store_true", help="keep the connection, without asking")
    revoke.set_defaults(run=_revoke)

    doctor = commands.add_parser("doctor", help="say what is wrong with a connection")
    _add_connection(doctor)
    doctor.set_defaults(run=_doctor)


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("conn_id", nargs="?", type=_conn_id, metavar="CONN_ID", help=f"default: {_DEFAULT}")
    parser.add_argument("--conn-id", dest="named", type=_conn_id, help="the same")


def _add_app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--app-id", help=f"ID of the developer app; or the variable {APP_ID_VARIABLE}")
    parser.add_argument("--app-secret-file", metavar="FILE", help="a file that holds the app secret")


def _conn_id(text: str) -> str:
    if not _CONN_ID.fullmatch(text):
        raise argparse.ArgumentTypeError("a connection's ID is made of letters, digits, and _ . -")
    return text


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; ports are 0 to {_LAST_PORT}")
    return int(text)


def _id_of(options: argparse.Namespace) -> str:
    conn_id: str = options.conn_id or options.named or _DEFAULT
    if options.named and options.named != conn_id:
        raise TikTokError("Two different connections are named; name one.")
    return conn_id


def _connect(options: argparse.Namespace) -> Iterator[str]:
    from airflow_provider_tiktok.api.endpoints.advertisers import list_advertisers
    from airflow_provider_tiktok.cli import store
    from airflow_provider_tiktok.cli.clients import new_client
    from airflow_provider_tiktok.cli.doctor import account_lines

    conn_id = _id_of(options)
    store.check_output(options.print, options.output)
    present = _hook(conn_id).stored_connection()
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
    if options.advertiser_ids:
        wanted["advertiser_ids"] = options.advertiser_ids
    host = options.host or (present.host if present else "")
    credentials = _credentials(conn_id, host, {**before, **wanted})
    grant = _ask_for_consent(credentials, options)
    fields = _fields(present, host, {**before, **wanted, "scopes": json.dumps(grant.scopes)}, grant)
    # the token is kept first: a look at the accounts may fail, and the code is used
    if options.print:
        store.put_out(store.render(options.print, conn_id, fields), options.output)
    else:
        store.save(conn_id, fields)
        say(f"Airflow's connection {conn_id!r} holds the new token.")
        _check_what_airflow_reads(conn_id, grant)
    say(f"The token has the scopes {', '.join(grant.scopes) or '(TikTok names none)'}, and reaches:")
    with closing(new_client(credentials, grant.access_token)) as client:
        for line in account_lines(list_advertisers(client)):
            say(line)
    if "advertiser_ids" not in {**before, **wanted}:
        say("The connection names no accounts, so each report must; --advertiser-ids sets them.")
    yield from ()


def _ask_for_consent(credentials: TikTokCredentials, options: argparse.Namespace) -> Grant:
    """Walk through the consent."""
    from contextlib import nullcontext

    from airflow_provider_tiktok.api.credentials import is_loopback
    from airflow_provider_tiktok.api.endpoints import oauth
    from airflow_provider_tiktok.cli.clients import new_client
    from airflow_provider_tiktok.cli.listener import Listener, await_redirect

    if options.paste and not options.redirect_uri:
        say(f"The redirect URL is http://127.0.0.1:{options.port}/callback; --redirect-uri names another.")
    pastes = options.paste or options.redirect_uri
    page = options.consent_url or (
        credentials.base_url + oauth.CONSENT_PATH if is_loopback(credentials.base_url) else oauth.CONSENT_URL
    )
    state = secrets.token_urlsafe(32)
    with nullcontext() if pastes else Listener(options.port) as listener:
        uri = options.redirect_uri or (
            listener.redirect_uri if listener else f"http://127.0.0.1:{options.port}/callback"
        )
        say("Open this address as somebody who may manage the ad accounts, tick the accounts, and confirm:\n")
        say(f"  {oauth.consent_url(page, credentials.app_id, uri, state)}\n")
        say(
            "Then paste the address that the browser ends at (it is not shown):"
            if listener is None
            else f"The answer is awaited at {uri}. If the browser runs elsewhere and can't come there, paste the address "
            "that it ends at (it is not shown)."
        )
        code = oauth.read_redirect(await_redirect(listener, options.timeout), state)
    with closing(new_client(credentials)) as client:
        return oauth.exchange_code(client, code)


def _hook(conn_id: str) -> TikTokHook:
    """Make the hook, in a process that sees all of Airflow's connections."""
    from airflow_provider_tiktok._compat_late import read_all_connections
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    read_all_connections()
    return TikTokHook(conn_id)


def _credentials(conn_id: str, host: str, extra: Mapping[str, Any]) -> TikTokCredentials:
    """Check what the connection will hold, with a token that is yet to come."""
    from dataclasses import replace

    from airflow_provider_tiktok.api.credentials import read_credentials

    text = json.dumps(extra)
    return replace(read_credentials(conn_id, password=_TO_COME, host=host, extra=text), access_token="")


def _fields(
    present: StoredConnection | None, host: str, extra: Mapping[str, Any], grant: Grant
) -> dict[str, Any]:
    """Give the connection's fields; what the user had set beside the token stays."""
    fields: dict[str, Any] = {"conn_type": "tiktok", "password": grant.access_token}
    if host:
        fields["host"] = host
    if present and present.description:
        fields["description"] = present.description
    return {**fields, "extra": dict(extra)}


def _check_what_airflow_reads(conn_id: str, grant: Grant) -> None:
    """Say where another connection of the same ID hides the new one."""
    stored = _hook(conn_id).stored_connection()
    if stored is None or stored.password != grant.access_token:
        say(
            f"But Airflow reads another connection {conn_id!r} first: from the environment variable "
            f"AIRFLOW_CONN_{conn_id.upper()}, or a secrets backend. Remove that one."
        )


def _revoke(options: argparse.Namespace) -> Iterator[str]:
    from dataclasses import replace

    from airflow_provider_tiktok.api.endpoints.oauth import revoke_token
    from airflow_provider_tiktok.cli import store
    from airflow_provider_tiktok.cli.clients import new_client

    conn_id = _id_of(options)
    if options.delete and options.keep:
        raise TikTokError("--delete and --keep contradict each other; give one.")
    credentials = _hook(conn_id).read_credentials()
    credentials = replace(
        credentials,
        app_id=read_app_id(options.app_id, credentials.app_id),
        app_secret=read_app_secret(options.app_secret_file, credentials.app_secret),
    )
    question = f"Revoke the token of {conn_id!r}? Whatever uses it fails from then on."
    if not confirm(question, yes=options.yes, option="--yes"):
        raise TikTokError("Nothing was done.")
    with closing(new_client(credentials)) as client:
        try:
            accounts = revoke_token(client)
            say(
                f"TikTok has revoked the token of {conn_id!r}; it reached {len(accounts)} advertiser account(s)."
            )
        except TikTokAuthError as error:
            if error.code not in _NO_LONGER_GOOD:
                raise
            say(f"TikTok refuses the token of {conn_id!r} already; there is nothing to revoke.")
    if options.keep or (not options.delete and not _wants_deletion(conn_id)):
        say(f"The connection {conn_id!r} is kept; `connect` gives it a new token.")
    else:
        store.delete(conn_id)
        say(f"The connection {conn_id!r} is deleted.")
    yield from ()


_NO_LONGER_GOOD = frozenset({40102, 40105})


def _wants_deletion(conn_id: str) -> bool:
    try:
        return confirm(f"Delete the connection {conn_id!r} as well?", yes=False, option="--delete")
    except TikTokError:  # nobody to ask: what wasn't asked for isn't done
        return False


def _scopes(value: object) -> tuple[str, ...]:
    """Read the scopes that ``connect`` noted."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _doctor(options: argparse.Namespace) -> Iterator[str]:
    from airflow_provider_tiktok.api.diagnosis.examination import examine, unusable
    from airflow_provider_tiktok.cli.doctor import Report

    conn_id = _id_of(options)
    hook = _hook(conn_id)
    report = Report()
    try:
        stored = hook.stored_connection()
        scopes = _scopes(stored.extra.get("scopes")) if stored else ()
        client = hook.new_impatient_client()
    except TikTokConfigError as error:
        yield from report.lines(iter([unusable(conn_id, str(error))]))
    else:
        with closing(client):
            yield from report.lines(examine(client, conn_id, scopes))
    if report.is_bad:
        raise TikTokError(report.verdict)
    yield report.verdict
