"""What a summary says of each account and day: rows and spend, and what an account is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from airflow_provider_tiktok.api.endpoints.advertisers import Advertiser
from airflow_provider_tiktok.reports.fetch.source import RowSource
from airflow_provider_tiktok.reports.rows.tally import Figures, add_exactly, number_text, read_tally

MAX_ACCOUNTS = 200
"""How many accounts a summary names."""

MAX_DAYS = 400
"""How many days a summary names."""

Describe = Callable[[Sequence[str]], Mapping[str, Advertiser]]
"""Returns what TikTok tells of accounts."""


class AccountFigures:
    """Rows and spend by account and day, once all rows have come.

    :param source: the source of the rows.
    :param has_spend: whether the rows were to say their spend.
    :param describe: asks TikTok for names and currencies, where the plan doesn't have them.
    """

    def __init__(self, source: RowSource, describe: Describe, *, has_spend: bool = False) -> None:
        self._has_spend = has_spend
        # accounts that TikTok reports no rows of are in the plan, those of a business center are in the rows only
        self._accounts = {
            name: Figures() for name in source.plan.accounts if name not in source.result.skipped
        }
        self._days: dict[str, dict[str, Figures]] = {}
        for _, text in source.result.tallies:
            for (account, day), figures in read_tally(text).items():
                self._accounts.setdefault(account or "", Figures()).add(figures)
                if day is not None:
                    self._days.setdefault(day, {}).setdefault(account or "", Figures()).add(figures)
        planned = set(source.plan.accounts)
        more = sorted(name for name in self._accounts if name and name not in planned)
        self._names = [name for name in self._accounts if name in planned] + more
        described = source.plan.described
        if described is None and self._names:
            described = describe(self._names if has_spend else self._names[:MAX_ACCOUNTS])
        self._described = described or {}

    def as_dict(self, dates: Mapping[str, Sequence[str | None]] | None = None) -> dict[str, Any]:
        """Return the keys of the summary.

        :param dates: first and last day of accounts.
        """
        return {
            "spend": self._by_currency(self._accounts),
            "accounts": {
                name: self._account(name, (dates or {}).get(name, (None, None)))
                for name in self._names[:MAX_ACCOUNTS]
            },
            "days": {
                day: {
                    "rows": sum(figures.rows for figures in self._days[day].values()),
                    "spend": self._by_currency(self._days[day]),
                }
                for day in sorted(self._days)[:MAX_DAYS]
            },
        }

    def _account(self, name: str, days: Sequence[str | None]) -> dict[str, Any]:
        told, figures = self._described.get(name), self._accounts[name]
        spend = self._spend(figures)
        return {
            "name": (told and told.advertiser_name) or None,
            "currency": told and told.currency,
            "timezone": told and told.timezone,
            "rows": figures.rows,
            "spend": None if spend is None else number_text(spend),
            "start": days[0],
            "end": days[1],
        }

    def _spend(self, figures: Figures) -> Decimal | None:
        """Return a spend, which is nothing where there are no rows, and unknown where these don't say it."""
        nothing = Decimal(0) if self._has_spend and not figures.rows else None
        return nothing if figures.spend is None else figures.spend

    def _by_currency(self, accounts: Mapping[str, Figures]) -> dict[str, str]:
        found: dict[str, list[Decimal]] = {}
        for name, figures in accounts.items():
            if (spend := self._spend(figures)) is not None:
                told = self._described.get(name)
                found.setdefault((told and told.currency) or "", []).append(spend)
        return {currency: number_text(add_exactly(found[currency])) for currency in sorted(found)}
