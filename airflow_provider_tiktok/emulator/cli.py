"""The emulator's command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Sequence

from airflow_provider_tiktok.emulator import faults as fault_rules
from airflow_provider_tiktok.emulator.server import Emulator, EmulatorError, bind, url_of
from airflow_provider_tiktok.emulator.settings import APP_ID, Settings
from airflow_provider_tiktok.emulator.world.accounts import BC_ID
from airflow_provider_tiktok.emulator.world.shop import stores

_LAST_PORT = 65_535
_EPILOG = (
    "Tokens that begin with revoked, invalid, bad or wrong are refused as revoked. "
    "Tokens that begin with expired are refused as expired. "
    "App secrets that begin with wrong, bad or invalid are refused as another app's, "
    "and so is every app ID except that of --app-id. "
    "Everything else is accepted, unless --token lists the accepted tokens.\n\n" + (fault_rules.__doc__ or "")
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted.

    :return: the exit code: 0 after a stop, 2 if the emulator cannot start.
    """
    options = vars(_parser().parse_args(arguments))
    port, faults = options.pop("port"), options.pop("faults")
    try:
        rules = fault_rules.read_faults(faults) if faults else []
        lists = {name: tuple(options[name]) for name in ("tokens", "redirect_uris", "scopes")}
        lists["scopes"] = lists["scopes"] or Settings().scopes
        settings = Settings(**options | lists)
        emulator = Emulator(settings, rules)
        listener = bind(port)
    except (EmulatorError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    with contextlib.closing(listener):
        emulator.url = url_of(listener)
        print(_banner(emulator), flush=True)
        # uvicorn stops at these signals and then raises them again for the previous handler
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, lambda *_: None)
        emulator.make_server().run(sockets=[listener])
    return 0


_NUMBERS: tuple[tuple[str, Callable[[str], float], str], ...] = (
    ("seed", int, "seed of accounts, ads and figures"),
    ("latency_ms", float, "minimum duration of each call"),
    ("qps", int, "rate limit of the app (calls per second); 0 is no limit, as with all limits"),
    ("accounts", int, "number of ordinary accounts; None is the six of the demo"),
    ("ads", int, "ads per account"),
    ("videos", int, "videos per account; TikTok lists the latest 10,000"),
    ("images", int, "images per account, likewise"),
    ("max_entities", int, "ads, ad groups or campaigns in one report; TikTok truncates at this"),
    ("max_cells", int, "rows times metrics above which a report is too large"),
    ("slow_cells", int, "rows times metrics above which a report times out"),
    ("task_seconds", float, "duration of each report task"),
    ("task_qps", int, "creations of report tasks per second"),
    ("task_qpm", int, "creations per minute; after one more, creations are refused for five minutes"),
    ("task_qpd", int, "creations per UTC day"),
    ("task_account_hour", int, "creations per hour for one account"),
    ("download_seconds", float, "validity of a file's download URL"),
)
"""The settings that are numbers, each with its type and its help."""


def _parser() -> argparse.ArgumentParser:
    """Return the parser, whose options are the port, the faults file and settings."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_tiktok.emulator",
        description="An emulator of TikTok's API on loopback, for demos, tests and CI.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    defaults, shown = Settings(), "(default: %(default)s)"
    parser.add_argument("--port", type=_port, default=8765, help=f"port; 0 is a free one {shown}")
    parser.add_argument("--faults", metavar="FILE", help="a JSON file with a list of fault rules, see below")
    for name, kind, text in _NUMBERS:
        flag, default = f"--{name.replace('_', '-')}", getattr(defaults, name)
        parser.add_argument(flag, type=kind, default=default, help=f"{text} {shown}")
    parser.add_argument(
        "--no-report-tasks",
        dest="report_tasks",
        action="store_false",
        help="the app is not on TikTok's allow list for report tasks",
    )
    parser.add_argument(
        "--forbidden-account",
        action="store_true",
        help="add an account that is listed but that the token may not read",
    )
    parser.add_argument(
        "--scope",
        dest="scopes",
        action="append",
        type=int,
        default=[],
        metavar="N",
        help="a scope of the app, as TikTok numbers them; can be repeated (default: all). "
        "A report-only app has 1 (Ad Account Management) and 4 (Reporting); 2 is Ads Management, "
        "3 Audience Management, 6 Creative Management, 8 Pixel Management",
    )
    parser.add_argument("--app-id", default=APP_ID, help=f"the developer app of all tokens {shown}")
    for flag, name, value, text in (
        ("--redirect-uri", "redirect_uris", "URL", "a redirect URL of the app (default: any)"),
        ("--token", "tokens", "T", "an accepted access token; can be repeated (default: any)"),
    ):
        parser.add_argument(flag, dest=name, action="append", default=[], metavar=value, help=text)
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; ports are 0 to {_LAST_PORT}")
    return int(text)


def _banner(emulator: Emulator) -> str:
    accounts = emulator.world.accounts.values()
    first = next(iter(accounts))
    rows = [("advertiser_id", "name", "currency", "time zone", "since", "special")]
    rows += [
        (one.advertiser_id, one.name, one.currency, one.zone, one.created.isoformat(), one.special)
        for one in accounts
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    token = emulator.settings.tokens[0] if emulator.settings.tokens else "emulator"
    connection = {
        "conn_type": "tiktok",
        "host": emulator.url,
        "password": token,
        "extra": {
            "app_id": emulator.settings.app_id,
            "app_secret": "emulator",
            "advertiser_ids": [first.advertiser_id],
        },
    }
    return (
        f"TikTok emulator on {emulator.url} (Ctrl-C stops it)\n\n{table}\n\n"
        f"Business Center of all accounts: bc_id {BC_ID}\n"
        f"TikTok Shops of the first account: store_ids {', '.join(stores(first))}\n\n"
        "The connection of the first account, for the shell's `export`:\n"
        f"AIRFLOW_CONN_TIKTOK_DEFAULT='{json.dumps(connection)}'"
    )
