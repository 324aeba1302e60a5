"""Adds up TikTok's ``total_metrics`` of several calls, where that is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.storage.columns import canonical_number


def total_metrics(report_type: str, totals: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any] | None:
    """Return a report's totals by metric; ``None`` where TikTok sent none.

    Totals of several calls are added up where that is right; where it isn't (rates, people, money of several
    accounts, whose currencies may differ), the value is ``None``.

    :param totals: of each call that has rows, with its account.
    """
    if not any(values for _, values in totals):
        return None
    several_accounts = len({advertiser_id for advertiser_id, _ in totals}) > 1
    names = dict.fromkeys(name for _, values in totals for name in values)
    return {
        name: add_totals(report_type, name, [values.get(name) for _, values in totals], several_accounts)
        for name in names
    }


def add_totals(
    report_type: str, name: str, values: list[Any], several_accounts: bool
) -> int | float | str | None:
    """Return the total of one metric over several calls; ``None`` where it is no sum."""
    metric = catalog.metrics(report_type).get(name) or catalog.metrics().get(name)
    digits = [canonical_number(str(value).strip()) for value in values if value not in (None, "-")]
    numbers = [Decimal(text) for text in digits if text is not None]
    if len(numbers) < len(digits):
        return sanitize(values[0], 200) if len(values) == 1 else None
    additive = metric is not None and metric.additive and not (several_accounts and metric.type == "currency")
    if not numbers or None in values or (len(values) > 1 and not additive):
        return None
    total = sum(numbers, Decimal(0))
    is_integer = metric is not None and metric.type == "integer" and total == total.to_integral_value()
    return int(total) if is_integer else float(total)
