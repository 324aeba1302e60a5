"""The emulator's command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Sequence

from airflow_provider_tiktok.emulator import faults as fault_rules
from airflow_provider_tiktok.emulator.accounts import BC_ID
from airflow_provider_tiktok.emulator.server import Emulator, EmulatorError, bind, url_of
from airflow_provider_tiktok.emulator.settings import APP_ID, Settings
from airflow_provider_tiktok.emulator.shop import stores

_LAST_PORT = 65_535
_EPILOG = (
    "Tokens that begin with revoked, invalid, bad or wrong are refused as revoked, with expired as expired; "
    "app secrets that begin with wrong, bad or invalid as another app's, and so is any app ID but --app-id's. "
    "Everything else is let in, unless --token names the only good ones.\n\n" + (fault_rules.__doc__ or "")
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted.

    :return: the exit code: 0 after a stop, 2 when it could not start.
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
        # uvicorn stops at these and then raises them again, for whoever had them before
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, lambda *_: None)
        emulator.make_server().run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_tiktok.emulator",
        description="TikTok's API on loopback, for demos, tests and CI.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_port, default=8765, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the world (default: %(default)s)")
    parser.add_argument("--latency-ms", type=float, default=0, help="how long each call takes")
    parser.add_argument("--qps", type=int, default=0, help="calls a second of the app; 0 is no limit")
    parser.add_argument("--faults", metavar="FILE", help="a JSON list of rules, see below")
    parser.add_argument("--accounts", type=int, help="ordinary accounts (default: the six of the demo world)")
    parser.add_argument("--ads", type=int, default=40, help="ads per account (default: %(default)s)")
    parser.add_argument(
        "--max-entities", type=int, default=20_000, help="TikTok's cut (default: %(default)s)"
    )
    parser.add_argument(
        "--max-cells", type=int, default=0, help="rows times metrics before a report is too large"
    )
    parser.add_argument(
        "--slow-cells", type=int, default=0, help="rows times metrics before a report times out"
    )
    _add_task_options(parser)
    parser.add_argument(
        "--forbidden-account", action="store_true", help="add an account that is listed and grants nothing"
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
        "--token", action="append", default=[], metavar="T", help="an accepted access token; may be repeated"
    )
    return parser


def _add_task_options(parser: argparse.ArgumentParser) -> None:
    usual = Settings()
    group = parser.add_argument_group("report tasks")
    group.add_argument(
        "--no-report-tasks",
        dest="report_tasks",
        action="store_false",
        help="the app is not on TikTok's allow list for them",
    )
    for flag, kind, default, text in (
        ("--task-seconds", float, usual.task_seconds, "how long each takes"),
        (
            "--task-qps",
            int,
            usual.task_qps,
            "creations a second of the app; 0 is no limit, here and below",
        ),
        (
            "--task-qpm",
            int,
            usual.task_qpm,
            "creations a minute; one more closes the door for five minutes",
        ),
        ("--task-qpd", int, usual.task_qpd, "creations a day of UTC"),
        ("--task-account-hour", int, usual.task_account_hour, "creations an hour for one account"),
        ("--download-seconds", float, usual.download_seconds, "how long a file's address is good"),
    ):
        group.add_argument(flag, type=kind, default=default, help=f"{text} (default: %(default)s)")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; ports are 0 to {_LAST_PORT}")
    return int(text)


def _more(emulator: Emulator) -> str:
    """Name what GMV Max and BC reports ask for."""
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
        f"TikTok emulator on {emulator.url} (Ctrl-C stops it)\n\n{table}\n\n{_more(emulator)}"
        f"AIRFLOW_CONN_TIKTOK_DEFAULT='{json.dumps(connection)}'"
    )
