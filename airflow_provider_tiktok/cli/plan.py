"""The command ``plan``: what a report would cost, without fetching it.

It reads an Airflow connection, and calls TikTok only if a time zone or the list of accounts decides something.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_tiktok.reports.planning.plan import ReportPlan

_OPTIONS = (
    *("preset", "advertiser-ids", "exclude-advertiser-ids", "report-type", "data-level", "dimensions"),
    *("metrics", "filters", "report-start-date", "report-end-date", "lookback-days", "request-params"),
)


def add_command(commands: Any) -> None:
    """Add ``plan`` to the command line."""
    plan = commands.add_parser("plan", help="show what a report would cost, without fetching it")
    plan.add_argument("--conn-id", default="tiktok_default", help="the Airflow connection")
    for name in _OPTIONS:
        plan.add_argument(f"--{name}", help="as the operator's parameter")
    plan.add_argument(
        "--query-lifetime", action="store_true", default=None, help="as the operator's parameter"
    )
    plan.add_argument("--with-parents", action="store_true", help="as the operator's parameter")
    plan.set_defaults(run=_plan)


def _plan(options: argparse.Namespace) -> Iterator[str]:
    # importing Airflow takes a second or more, and `presets` and `fields` don't need it
    from airflow_provider_tiktok._compat_late import read_all_connections
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    read_all_connections()
    given = {name: getattr(options, name) for name in (option.replace("-", "_") for option in _OPTIONS)}
    parameters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    hook = TikTokHook(options.conn_id)
    plan = hook.plan_report(
        **parameters, query_lifetime=options.query_lifetime, with_parents=options.with_parents
    )
    yield from describe_plan(plan, hook.get_conn().credentials.qps)


def describe_plan(plan: ReportPlan, qps: float) -> Iterator[str]:
    """Yield the lines that describe what a plan costs.

    :param qps: the connection's rate limit in requests per second.
    """
    request = plan.request
    level = f", {request.data_level}" if request.data_level else ""
    yield f"report      {request.report_type}{level}, by {', '.join(request.dimensions)}; {len(request.metrics)} metrics"
    yield f"accounts    {len(plan.advertiser_ids):,}"
    yield f"days        {plan.span}"
    yield f"windows     {len({call.window for call in plan.calls}):,}"
    yield f"calls       {len(plan):,} (first pages; more follow where a window has more than {request.page_size:,} rows)"
    yield f"quota       {plan.share_of_quota:.3%} of the {request.kind.daily_calls:,} calls a day of TikTok's basic level"
    yield f"time        {plan.shortest_seconds(qps):,.1f} s at least, at {qps:g} calls a second"
    for account, error in plan.refused.items():
        yield f"refused     {account}: {error}"
