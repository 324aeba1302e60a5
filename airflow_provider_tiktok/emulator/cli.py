"""The emulator's command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Sequence

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
    options = _parser().parse_args(arguments)
    try:
        rules = fault_rules.read_faults(options.faults) if options.faults else []
        settings = Settings(
            seed=options.seed,
            accounts=options.accounts,
            ads=options.ads,
            app_id=options.app_id,
            tokens=tuple(options.token),
            latency_ms=options.latency_ms,
            qps=options.qps,
            forbidden_account=options.forbidden_account,
            max_entities=options.max_entities,
            max_cells=options.max_cells,
            slow_cells=options.slow_cells,
            redirect_uris=tuple(options.redirect_uri),
            report_tasks=options.report_tasks,
            task_seconds=options.task_seconds,
            task_qps=options.task_qps,
            task_qpm=options.task_qpm,
            task_qpd=options.task_qpd,
            task_account_hour=options.task_account_hour,
            download_seconds=options.download_seconds,
        )
        emulator = Emulator(settings, rules)
        listener = bind(options.port)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_tiktok.emulator",
        description="An emulator of TikTok's API on loopback, for demos, tests and CI.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=_port, default=8765, help="port; 0 is a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of accounts, ads and figures (default: %(default)s)"
    )
    parser.add_argument("--latency-ms", type=float, default=0, help="minimum duration of each call")
    parser.add_argument(
        "--qps", type=int, default=0, help="rate limit of the app (calls per second); 0 is no limit"
    )
    parser.add_argument("--faults", metavar="FILE", help="a JSON file with a list of fault rules, see below")
    parser.add_argument(
        "--accounts", type=int, help="number of ordinary accounts (default: the six of the demo)"
    )
    parser.add_argument("--ads", type=int, default=40, help="ads per account (default: %(default)s)")
    parser.add_argument(
        "--max-entities",
        type=int,
        default=20_000,
        help="ads, ad groups or campaigns in one report; TikTok truncates at this (default: %(default)s)",
    )
    parser.add_argument(
        "--max-cells",
        type=int,
        default=0,
        help="rows times metrics above which a report is too large; 0 is no limit",
    )
    parser.add_argument(
        "--slow-cells",
        type=int,
        default=0,
        help="rows times metrics above which a report times out; 0 is no limit",
    )
    _add_task_options(parser)
    parser.add_argument(
        "--forbidden-account",
        action="store_true",
        help="add an account that is listed but that the token may not read",
    )
    parser.add_argument(
        "--app-id", default=APP_ID, help="the developer app of all tokens (default: %(default)s)"
    )
    parser.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        metavar="URL",
        help="a redirect URL of the app (default: any)",
    )
    parser.add_argument(
        "--token",
        action="append",
        default=[],
        metavar="T",
        help="an accepted access token; can be repeated (default: any)",
    )
    return parser


def _add_task_options(parser: argparse.ArgumentParser) -> None:
    defaults = Settings()
    group = parser.add_argument_group("report tasks")
    group.add_argument(
        "--no-report-tasks",
        dest="report_tasks",
        action="store_false",
        help="the app is not on TikTok's allow list for them",
    )
    for flag, kind, default, text in (
        ("--task-seconds", float, defaults.task_seconds, "duration of each report task"),
        (
            "--task-qps",
            int,
            defaults.task_qps,
            "creations per second of the app; 0 is no limit, here and below",
        ),
        (
            "--task-qpm",
            int,
            defaults.task_qpm,
            "creations per minute; after one more, creations are refused for five minutes",
        ),
        ("--task-qpd", int, defaults.task_qpd, "creations per UTC day"),
        ("--task-account-hour", int, defaults.task_account_hour, "creations per hour for one account"),
        ("--download-seconds", float, defaults.download_seconds, "validity of a file's download URL"),
    ):
        group.add_argument(flag, type=kind, default=default, help=f"{text} (default: %(default)s)")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; ports are 0 to {_LAST_PORT}")
    return int(text)


def _other_ids(emulator: Emulator) -> str:
    """Return the lines of the banner with the IDs that GMV Max and BC reports require."""
    first = next(iter(emulator.world.accounts.values()))
    return (
        f"Business Center of all accounts: bc_id {BC_ID}\n"
        f"TikTok Shops of the first account: store_ids {', '.join(stores(first))}\n\n"
    )


def _banner(emulator: Emulator) -> str:
    accounts = emulator.world.accounts.values()
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
            "advertiser_ids": [next(iter(accounts)).advertiser_id],
        },
    }
    return (
        f"TikTok emulator on {emulator.url} (Ctrl-C stops it)\n\n{table}\n\n{_other_ids(emulator)}"
        f"AIRFLOW_CONN_TIKTOK_DEFAULT='{json.dumps(connection)}'"
    )
