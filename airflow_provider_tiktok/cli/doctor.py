"""The command ``doctor``: show what is wrong with a connection, and what to do."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.cli.connection import add_connection_options, conn_id_of, new_hook
from airflow_provider_tiktok.cli.terminal import as_json, with_state
from airflow_provider_tiktok.exceptions import TikTokConfigError, TikTokError

if TYPE_CHECKING:
    from airflow_provider_tiktok.api.diagnosis.examination import Finding
    from airflow_provider_tiktok.api.endpoints.advertisers import Advertiser

_WIDTH = 110
_INDENT = " " * 18
_SHOWN_ACCOUNTS = 10
_EPILOG = """\
It makes some ten cheap calls, and shows no secret. It ends with code 1 if the connection doesn't work.

examples:
  airflow-tiktok doctor
  airflow-tiktok doctor tiktok_agency --json
"""


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``doctor``."""
    add_connection_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = _EPILOG
    parser.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> Iterator[Any]:
    from airflow_provider_tiktok.api.diagnosis.examination import examine, unusable

    conn_id = conn_id_of(options)
    hook = new_hook(conn_id)
    report = Report()
    shown = report.facts if options.json else report.lines
    try:
        stored = hook.stored_connection()
        scopes = _scopes(stored.extra.get("scopes")) if stored else ()
        client = hook.new_short_wait_client()
    except TikTokConfigError as error:
        yield from shown(iter([unusable(conn_id, str(error))]))
    else:
        with closing(client):
            yield from shown(examine(client, conn_id, scopes))
    if report.is_bad:
        raise TikTokError(report.verdict)
    if not options.json:
        yield report.verdict


def _scopes(value: object) -> tuple[str, ...]:
    """Return the scopes that ``connect`` stored in the connection."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    return tuple(map(str, found)) if isinstance(found, list) else ()


class Report:
    """Formats findings, and counts them."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    @property
    def is_bad(self) -> bool:
        """Whether the connection doesn't work."""
        return bool(self._counts.get("BAD"))

    @property
    def verdict(self) -> str:
        """The last line."""
        bad, doubtful = self._counts.get("BAD", 0), self._counts.get("look", 0)
        if bad:
            return f"The connection doesn't work: {bad} finding(s) to fix."
        return f"The connection works{f'; {doubtful} finding(s) to look at' if doubtful else ''}."

    def lines(self, findings: Iterator[Finding]) -> Iterator[Any]:
        """Yield the lines of findings, one finding at a time."""
        for finding in self._counted(findings):
            yield from map(with_state, _wrapped(f"{finding.state:<6}{finding.part:<12}", finding.text))
            yield from (_INDENT + line for line in account_lines(finding.accounts))
            if finding.advice:
                yield from _wrapped(f"{_INDENT}-> ", finding.advice)

    def facts(self, findings: Iterator[Finding]) -> Iterator[str]:
        """Yield the findings as JSON."""
        yield as_json([asdict(finding) for finding in self._counted(findings)])

    def _counted(self, findings: Iterator[Finding]) -> Iterator[Finding]:
        for finding in findings:
            self._counts[finding.state] = self._counts.get(finding.state, 0) + 1
            yield finding


def account_lines(accounts: Sequence[Advertiser]) -> Iterator[str]:
    """Yield the lines of a table of accounts, at most the first ten."""
    shown = [
        (
            sanitize(one.advertiser_id, 20),
            one.currency or "-",
            one.timezone or "-",
            one.status or "-",
            sanitize(one.advertiser_name, 40),
        )
        for one in accounts[:_SHOWN_ACCOUNTS]
    ]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for cells in shown:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    if len(accounts) > _SHOWN_ACCOUNTS:
        yield f"... and {len(accounts) - _SHOWN_ACCOUNTS} more"


def _wrapped(beginning: str, text: str) -> list[str]:
    return textwrap.wrap(
        sanitize(text, 1_500),
        _WIDTH,
        initial_indent=beginning,
        subsequent_indent=" " * max(len(_INDENT), len(beginning.rstrip()) + 1 if beginning.isspace() else 18),
        break_long_words=False,
        break_on_hyphens=False,
    )
