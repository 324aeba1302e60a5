"""How the findings about a connection are shown: one line each, with what to do below it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_provider_tiktok.api.transport.sanitize import plain

if TYPE_CHECKING:
    from airflow_provider_tiktok.api.diagnosis.examination import Finding
    from airflow_provider_tiktok.api.endpoints.advertisers import Advertiser

_WIDTH = 110
_INDENT = " " * 18
_SHOWN_ACCOUNTS = 10


class Report:
    """Shows findings, and keeps count of them."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    @property
    def is_bad(self) -> bool:
        """Whether something keeps the connection from working."""
        return bool(self._counts.get("BAD"))

    @property
    def verdict(self) -> str:
        """The last line."""
        bad, doubtful = self._counts.get("BAD", 0), self._counts.get("look", 0)
        if bad:
            return f"The connection doesn't work: {bad} finding(s) to mend."
        return f"The connection works{f'; {doubtful} finding(s) to look at' if doubtful else ''}."

    def lines(self, findings: Iterator[Finding]) -> Iterator[str]:
        """Show findings as they come."""
        for finding in findings:
            self._counts[finding.state] = self._counts.get(finding.state, 0) + 1
            yield from _wrapped(f"{finding.state:<6}{finding.part:<12}", finding.text)
            yield from (_INDENT + line for line in account_lines(finding.accounts))
            if finding.advice:
                yield from _wrapped(f"{_INDENT}-> ", finding.advice)


def account_lines(accounts: Sequence[Advertiser]) -> Iterator[str]:
    """Show accounts as a table, the first of many."""
    shown = [
        (
            plain(one.advertiser_id, 20),
            one.currency or "-",
            one.timezone or "-",
            one.status or "-",
            plain(one.advertiser_name, 40),
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
        plain(text, 1_500),
        _WIDTH,
        initial_indent=beginning,
        subsequent_indent=" " * max(len(_INDENT), len(beginning.rstrip()) + 1 if beginning.isspace() else 18),
        break_long_words=False,
        break_on_hyphens=False,
    )
