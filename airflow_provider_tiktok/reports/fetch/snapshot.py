"""How far a fetch has come, as JSON, so that another attempt can resume from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_tiktok.api.credentials import TikTokCredentials
from airflow_provider_tiktok.fingerprint import fingerprint_of
from airflow_provider_tiktok.reports.fetch.source import FetchResult, Position, RowSource
from airflow_provider_tiktok.reports.planning.plan import Plan


def fingerprint(plan: Plan, credentials: TikTokCredentials) -> str:
    """Return a text that is the same for plans of the same calls to the same host with the same token, and for no others."""
    calls = [
        [list(map(str, (call.advertiser_id, call.window.start, call.window.end))), call.params]
        for call in plan.calls
    ]
    request = {**plan.request.params(), "reads": sorted(plan.accounts), "refused": sorted(plan.refused)}
    return fingerprint_of([request, calls, credentials.identity])


def snapshot(source: RowSource) -> dict[str, Any]:
    """Return the last position of a source, with what it brought until there."""
    position, result = source.position, source.result
    return {
        "windows": position.windows,
        "row_count": position.row_count,
        "totals": result.totals[: position.totals],
        "tallies": result.tallies[: position.tallies],
        "skipped": dict(result.skipped),
        "dropped": {name: list(names) for name, names in result.dropped.items()},
        "refetched": result.refetched,
        "seen_metrics": sorted(result.seen_metrics),
        "cut": list(result.cut),
    }


def restore(state: Mapping[str, Any]) -> tuple[Position, FetchResult]:
    """Read a snapshot.

    :raises KeyError: it is none.
    """
    totals = [(account, values) for account, values in state["totals"]]
    tallies = [(account, text) for account, text in state["tallies"]]
    result = FetchResult(
        row_count=state["row_count"],
        skipped=dict(state["skipped"]),
        totals=totals,
        tallies=tallies,
        dropped={name: list(names) for name, names in state["dropped"].items()},
        refetched=state["refetched"],
        seen_metrics=set(state["seen_metrics"]),
        cut=list(state["cut"]),
    )
    return Position(state["windows"], state["row_count"], len(totals), len(tallies)), result
