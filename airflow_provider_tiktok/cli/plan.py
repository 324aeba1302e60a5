"""The command ``plan``: what a report would cost, without fetching it.

It reads an Airflow connection, and calls TikTok only if a time zone or the list of accounts decides something.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from inspect import signature
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.cli.connection import add_connection_options, conn_id_of, new_hook
from airflow_provider_tiktok.cli.parameters import add_parameters, given, parameters_of
from airflow_provider_tiktok.cli.terminal import as_json
from airflow_provider_tiktok.reports.params.request import parse_request

if TYPE_CHECKING:
    from airflow_provider_tiktok.reports.planning.plan import ReportPlan

_NAMES = tuple(signature(parse_request).parameters)
_OPERATOR = ("airflow_provider_tiktok.operators.report", "TikTokReportOperator")
_EPILOG = """\
dates: YYYY-MM-DD, in the account's time zone. Without dates, the report is of the account's last complete day.

examples:
  airflow-tiktok plan --preset ad_daily --report-start-date 2026-01-01 --report-end-date 2026-06-30
  airflow-tiktok plan --preset ad_hourly --advertiser-ids '*' --json
"""


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``plan``."""
    add_connection_options(parser, positional=False)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_parameters(parser, parameters_of(*_OPERATOR), _NAMES)
    parser.usage = "%(prog)s [options]"
    parser.epilog = _EPILOG
    parser.set_defaults(run=_plan)


def _plan(options: argparse.Namespace) -> Iterator[str]:
    with closing(new_hook(conn_id_of(options))) as hook:
        plan = hook.plan_report(**given(options, _NAMES))
        qps = hook.get_conn().credentials.qps
    yield from [as_json(_facts(plan, qps))] if options.json else describe_plan(plan, qps)


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


def _facts(plan: ReportPlan, qps: float) -> dict[str, Any]:
    request = plan.request
    return {
        "report_type": request.report_type,
        "data_level": request.data_level,
        "dimensions": list(request.dimensions),
        "metrics": list(request.metrics),
        "advertiser_ids": list(plan.advertiser_ids),
        "days": str(plan.span),
        "windows": len({call.window for call in plan.calls}),
        "calls": len(plan),
        "share_of_daily_quota": plan.share_of_quota,
        "shortest_seconds": plan.shortest_seconds(qps),
        "refused": {account: str(error) for account, error in plan.refused.items()},
    }
