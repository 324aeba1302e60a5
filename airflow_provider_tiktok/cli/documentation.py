"""The command ``docs``: where to read more."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import metadata

from airflow_provider_tiktok import __version__

_DISTRIBUTION = "airflow-provider-tiktok"
_COMMANDS = (
    ("airflow-tiktok <command> --help", "a command's options, with examples"),
    ("airflow-tiktok presets <name>", "a ready-made report: level, dimensions, metrics"),
    ("airflow-tiktok fields <word>", "dimensions and metrics, with their rules in words"),
    ("airflow-tiktok doctor", "what is wrong with the connection, and what to do"),
)


def add_docs(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``docs``."""
    parser.set_defaults(run=_docs)


def _docs(options: argparse.Namespace) -> Iterator[str]:
    urls = metadata.metadata(_DISTRIBUTION).get_all("Project-URL") or []
    for label, _, url in (entry.partition(", ") for entry in urls):
        yield f"{label:<24}{url}"
    yield f"{'Guides':<24}the folder docs/ of {_DISTRIBUTION}-{__version__}.tar.gz; start with getting-started.md"
    yield ""
    yield "Here in the terminal:"
    yield from (f"  {command:<34}{text}" for command, text in _COMMANDS)
