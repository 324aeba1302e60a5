"""The command line: a table of commands, and how one of them is run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from airflow_provider_tiktok import __version__

PROGRAM = "airflow-tiktok"

COMMANDS: Mapping[str, tuple[str, str]] = {
    "report": ("trial", "try a report: fetch it, and show its rows or write them to a file"),
    "entities": ("trial", "list campaigns, ads, videos, ...: what the IDs of reports stand for"),
    "plan": ("plan", "show what a report would cost, without fetching it"),
    "presets": ("presets_and_fields", "list the named reports"),
    "fields": ("presets_and_fields", "search the dimensions and metrics"),
    "doctor": ("doctor", "show what is wrong with a connection"),
    "connect": ("connect", "authorise the app, and store the connection"),
    "revoke": ("revoke", "take a connection's token back from TikTok"),
    "docs": ("documentation", "say where to read more"),
}
"""The module and the help of each command. The module has a function ``add_<command>``, which adds options to a parser
and sets ``run``."""

_EXAMPLES = """\
examples:
  airflow-tiktok connect --app-id 7350000000000000001
  airflow-tiktok presets
  airflow-tiktok report --preset ad_daily
  airflow-tiktok report --preset ad_daily --as-dag > dags/tiktok.py

`airflow-tiktok <command> --help` has the options of a command. It ends with code 0 when all is well, 1 when something
failed, and 2 when it doesn't understand its options.
"""


class CommandParser(argparse.ArgumentParser):
    """The options of a command, which are only built for the command that was called.

    :param load: adds the options.
    """

    def __init__(self, *, load: Callable[[argparse.ArgumentParser], None] | None = None, **more: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **more)
        self._load = load

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Build the options, then read them."""
        load, self._load = self._load, None
        if load is not None:
            load(self)
        return super().parse_known_args(args, namespace)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    :return: the process's exit code.
    """
    options = build_parser().parse_args(arguments)
    from airflow_provider_tiktok.cli.log import logged_to_stderr
    from airflow_provider_tiktok.cli.terminal import show
    from airflow_provider_tiktok.exceptions import TikTokError

    run: Callable[[argparse.Namespace], Iterator[Any]] = options.run
    try:
        with logged_to_stderr():
            for item in run(options):
                show(item)
        sys.stdout.flush()
    except TikTokError as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has closed its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def run() -> None:
    """Run the command that the process was started with."""
    sys.exit(main())


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets ``run`` to its function."""
    parser = CommandParser(
        prog=PROGRAM, description="TikTok Ads reports in Apache Airflow.", epilog=_EXAMPLES
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(
        title="commands", required=True, metavar="command", parser_class=CommandParser
    )
    for name, (module, text) in COMMANDS.items():
        commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            load=_loader(module, name),
        )
    return parser


def _loader(module: str, command: str) -> Callable[[argparse.ArgumentParser], None]:
    def load(parser: argparse.ArgumentParser) -> None:
        add = getattr(import_module(f"airflow_provider_tiktok.cli.{module}"), f"add_{command}")
        add(parser)

    return load
