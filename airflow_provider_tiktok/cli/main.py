"""The command line: one module of this package for each command, or for two that belong together."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from airflow_provider_tiktok.cli import connect, doctor, plan, presets_and_fields, revoke
from airflow_provider_tiktok.exceptions import TikTokError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    :return: the process's exit code.
    """
    options = build_parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], Iterator[str]] = options.run
    try:
        for line in run(options):
            print(line)
    except TikTokError as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has closed its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets ``run`` to its function."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_tiktok", description="TikTok Ads reports in Apache Airflow."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    presets_and_fields.add_commands(commands)
    plan.add_command(commands)
    connect.add_command(commands)
    revoke.add_command(commands)
    doctor.add_command(commands)
    return parser
