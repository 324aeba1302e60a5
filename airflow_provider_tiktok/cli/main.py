"""What can be asked on a command line: which reports there are, which fields, and what one would cost.

``presets`` and ``fields`` need neither Airflow nor network. ``plan`` reads an Airflow connection, and
calls TikTok only where a time zone or the list of accounts decides something. ``connect``, ``revoke`` and
``doctor`` are in :mod:`airflow_provider_tiktok.cli`.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.cli.connect import add_commands
from airflow_provider_tiktok.exceptions import TikTokError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.presets import PRESETS

if TYPE_CHECKING:
    from airflow_provider_tiktok.reports.planning.plan import ReportPlan

_PLAN_OPTIONS = (
    *("preset", "advertiser-ids", "exclude-advertiser-ids", "report-type", "data-level", "dimensions"),
    *("metrics", "filters", "report-start-date", "report-end-date", "lookback-days", "request-params"),
)
_WIDTH = 100
_INDENT = " " * 14


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    :return: the process's exit code.
    """
    options = _parser().parse_args(arguments)
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
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_tiktok", description="TikTok Ads reports in Apache Airflow."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    presets = commands.add_parser("presets", help="list the named reports")
    presets.add_argument("word", nargs="?", default="", help="only names that hold this word")
    presets.set_defaults(run=_presets)

    fields = commands.add_parser("fields", help="search the dimensions and metrics")
    fields.add_argument("word", nargs="?", default="", help="part of a name, section or note")
    fields.add_argument("--report-type", default="BASIC", type=str.upper, choices=tuple(catalog.LEVELS_OF))
    fields.add_argument("--level", default="", help="only what this level has, such as AUCTION_AD or ad")
    fields.set_defaults(run=_fields)

    plan = commands.add_parser("plan", help="say what a report would cost, without fetching it")
    plan.add_argument("--conn-id", default="tiktok_default", help="the Airflow connection")
    for name in _PLAN_OPTIONS:
        plan.add_argument(f"--{name}", help="as the operator's parameter")
    plan.add_argument(
        "--query-lifetime", action="store_true", default=None, help="as the operator's parameter"
    )
    plan.add_argument("--with-parents", action="store_true", help="as the operator's parameter")
    plan.set_defaults(run=_plan)
    add_commands(commands)
    return parser


def _presets(options: argparse.Namespace) -> Iterator[str]:
    for name, preset in PRESETS.items():
        if options.word.lower() not in name:
            continue
        yield name
        level = preset.get("data_level", "no data level")
        more = [
            text
            for key, text in (("query_lifetime", "lifetime"), ("by_day", "one call a day"))
            if preset.get(key)
        ]
        yield f"  {'level':<12}{', '.join((preset['report_type'], level, *more))}"
        for key in ("dimensions", "metrics"):
            yield _wrapped(key, ", ".join(preset[key]))
        yield ""


def _fields(options: argparse.Namespace) -> Iterator[str]:
    report_type, word = options.report_type, options.word.lower()
    level = _level(report_type, options.level)
    dimensions, metrics = catalog.dimensions(report_type), catalog.metrics(report_type)
    found = 0
    fields: list[catalog.Dimension | catalog.Metric] = [*dimensions.values(), *metrics.values()]
    for field in fields:
        about = field.section if isinstance(field, catalog.Metric) else field.kind
        if level and level not in field.levels:
            continue
        if not any(word in text.lower() for text in (field.name, about, field.note)):
            continue
        found += 1
        what = "metric" if isinstance(field, catalog.Metric) else "dimension"
        yield f"{what:<{len(_INDENT)}}{field.name}  [{'; '.join(_remarks(report_type, field, about))}]"
        if field.note:
            yield f"{_INDENT}{field.note}"
    yield f"{found} of {len(dimensions) + len(metrics)} fields of {report_type} reports"


def _remarks(report_type: str, field: catalog.Dimension | catalog.Metric, about: str) -> Iterator[str]:
    yield f"{field.type}, {about}"
    every = catalog.LEVELS_OF[report_type]
    if len(field.levels) < len(every):
        yield "|".join(level.removeprefix("AUCTION_").lower() for level in every if level in field.levels)
    if isinstance(field, catalog.Metric):
        if not field.additive and field.type not in _TEXTS:
            yield "not additive"
        yield from sorted(field.rules)
    elif field.name in (restricted := catalog.metrics_by_dimension(report_type)):
        yield f"{len(restricted[field.name])} metrics only"
    if field.confidence != "high":
        yield f"{field.confidence} confidence"


_TEXTS = ("string", "id_string", "string_array", "boolean_string", "datetime")


def _plan(options: argparse.Namespace) -> Iterator[str]:
    # Airflow takes a second or more to import, and only this command needs it
    from airflow_provider_tiktok._compat_late import read_all_connections
    from airflow_provider_tiktok.hooks.tiktok import TikTokHook

    read_all_connections()
    given: dict[str, Any] = {
        name.replace("-", "_"): getattr(options, name.replace("-", "_")) for name in _PLAN_OPTIONS
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    hook = TikTokHook(options.conn_id)
    plan = hook.plan_report(
        **parameters, query_lifetime=options.query_lifetime, with_parents=options.with_parents
    )
    yield from describe_plan(plan, hook.get_conn().credentials.qps)


def describe_plan(plan: ReportPlan, qps: float) -> Iterator[str]:
    """Say what a plan costs, in lines.

    :param qps: the connection's calls a second.
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


def _level(report_type: str, written: str) -> str:
    """Read a level in full or short; one that the report type lacks is an error with the right ones."""
    levels = catalog.LEVELS_OF[report_type]
    for name in (f"AUCTION_{written.upper()}", written.upper()):
        if name in levels:
            return name
    if written:
        known = f"it can be {', '.join(levels)}" if levels else "it has none"
        raise TikTokError(f"--level {written} is not a level of {report_type} reports; {known}.")
    return ""


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=f"  {label:<12}", subsequent_indent=_INDENT)
