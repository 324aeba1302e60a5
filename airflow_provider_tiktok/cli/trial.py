"""The commands ``report`` and ``entities``: the work of an operator, tried without a DAG.

It is the operators' own run, which writes files, complete or not at all. Rows that are to be shown go into a temporary
file first, so that they, too, are all there or none.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.cli.connection import DEFAULT, add_connection_options, conn_id_of, new_hook
from airflow_provider_tiktok.cli.dag_code import dag_code
from airflow_provider_tiktok.cli.parameters import add_parameters, given, parameters_of
from airflow_provider_tiktok.cli.prompts import echo
from airflow_provider_tiktok.cli.terminal import as_json, row_table, write_rows
from airflow_provider_tiktok.exceptions import TikTokError

if TYPE_CHECKING:
    from airflow_provider_tiktok.operators._run.outcome import Finished
    from airflow_provider_tiktok.operators._run.run import Run

_PACKAGE = "airflow_provider_tiktok"
_SHOWN = 20  # rows in a terminal
_LISTS = frozenset({"NAMES", "IDS"})
_ROWS = """\
Rows are shown as a table in a terminal, where the first --limit come, and with tabs between values in a pipe, where all
come. --json is a list of all rows; with --output-path, which writes files as the operator does, it is the summary.
Nothing is shown or written unless every row that TikTok counted is here."""
_REPORT = f"""\
dates: YYYY-MM-DD, in the account's time zone. Without dates, the report is of the account's last complete day.
{_ROWS}

examples:
  airflow-tiktok report --preset ad_daily
  airflow-tiktok report --preset ad_hourly --report-start-date 2026-11-01
  airflow-tiktok report --dimensions campaign_id,stat_time_day --metrics spend,clicks --advertiser-ids '*'
  airflow-tiktok report --preset ad_daily --output-path ads/ --output-format parquet --partition-by stat_time_day
  airflow-tiktok report --preset ad_daily --as-dag > dags/tiktok.py
"""
_ENTITIES = f"""\
{_ROWS}

examples:
  airflow-tiktok entities campaign
  airflow-tiktok entities ad --fields ad_name,landing_page_url --output-path ads.csv
  airflow-tiktok entities advertiser --advertiser-ids '*' --as-dag > dags/tiktok_accounts.py
"""


@dataclass(frozen=True, slots=True)
class _Command:
    """What distinguishes the two commands.

    :param operator: its class.
    :param run: makes a run of options, a hook and a stop.
    :param check: refuses options that TikTok surely refuses, without a call.
    :param word: parameter that names the DAG.
    """

    module: str
    operator: str
    run: Callable[..., Run]
    check: Callable[[Any], object]
    word: str

    @property
    def names(self) -> dict[str, Any]:
        """The operator's parameters."""
        return parameters_of(self.module, self.operator)


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``report``."""
    _add_options(parser, _REPORT_COMMAND, _REPORT)
    add_parameters(parser, _REPORT_COMMAND.names)


def add_entities(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``entities``."""
    parameters = _ENTITY_COMMAND.names
    entity = parameters.pop("entity")
    parser.add_argument("entity", help=entity.about)
    _add_options(parser, _ENTITY_COMMAND, _ENTITIES, "entity [options]")
    add_parameters(parser, parameters)


def _add_options(
    parser: argparse.ArgumentParser, command: _Command, epilog: str, usage: str = "[options]"
) -> None:
    add_connection_options(parser, positional=False)
    parser.add_argument(
        "--limit",
        type=_count,
        default=_SHOWN,
        metavar="N",
        help="rows in a terminal, 0 for all (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--as-dag", action="store_true", help="print a DAG with these parameters; no call")
    parser.usage = f"%(prog)s {usage}"
    parser.epilog = epilog
    parser.set_defaults(run=lambda options: _run(options, command))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rows; 0 shows all")
    return int(text)


def _run(options: argparse.Namespace, command: _Command) -> Iterator[Any]:
    names = command.names
    parameters = given(options, names)
    conn_id = conn_id_of(options)
    operator_class = getattr(import_module(command.module), command.operator)
    try:
        operator = operator_class(
            task_id=command.word, tiktok_conn_id=conn_id, deferrable=False, **parameters
        )
    except ValueError as error:  # as a DAG file would see it
        raise TikTokError(str(error)) from None
    run_options = operator.read_options()
    if options.as_dag:
        from airflow_provider_tiktok._compat import AIRFLOW_3

        command.check(run_options)
        tried = {name: _as_code(names[name].metavar, value, name) for name, value in parameters.items()}
        if conn_id != DEFAULT:
            tried["tiktok_conn_id"] = conn_id
        dag_id = f"tiktok_{parameters.get('preset') or parameters.get('entity') or command.word}"
        yield dag_code(dag_id, command.word, operator_class, tried, airflow_3=AIRFLOW_3)
        return
    with tempfile.TemporaryDirectory(prefix="airflow-tiktok-") as folder:
        is_shown = run_options.output_path is None
        rows = Path(folder, "rows.jsonl")
        if is_shown:
            run_options = replace(run_options, output_path=str(rows), output_format="jsonl")
        finished = _fetch(command, run_options, conn_id)
        summary = finished.result
        if not is_shown:
            yield from _written(summary, options)
        elif options.json:
            yield from _all_as_json(rows)
        elif sys.stdout.isatty():
            yield from row_table(list(islice(_read(rows), options.limit or None)), summary["columns"])
        else:
            write_rows(_read(rows), list(summary["columns"]))
        _remark(finished, options, is_shown=is_shown)


def _fetch(command: _Command, run_options: Any, conn_id: str) -> Finished:
    """Fetch and publish the rows, and show how far it is meanwhile."""
    from airflow_provider_tiktok.cli.progress_bar import watched

    stop = threading.Event()
    with closing(new_hook(conn_id, stop=stop)) as hook:
        run = command.run(run_options, hook, {}, stop)
        return watched(run, stop)


def _report_run(*arguments: Any) -> Run:
    from airflow_provider_tiktok.operators._run.run import ReportRun

    return ReportRun(*arguments)


def _entity_run(*arguments: Any) -> Run:
    from airflow_provider_tiktok.operators._run.entity_run import EntityRun

    return EntityRun(*arguments)


def _check_report(run_options: Any) -> object:
    from airflow_provider_tiktok.reports.params.request import parse_request

    return parse_request(**run_options.report)


def _check_entities(run_options: Any) -> object:
    from airflow_provider_tiktok.entities.request import parse_entities

    return parse_entities(**run_options.entities)


_REPORT_COMMAND = _Command(
    f"{_PACKAGE}.operators.report", "TikTokReportOperator", _report_run, _check_report, "report"
)
_ENTITY_COMMAND = _Command(
    f"{_PACKAGE}.operators.entities", "TikTokEntitiesOperator", _entity_run, _check_entities, "entities"
)


def _as_code(metavar: str, value: Any, name: str) -> Any:
    """Return a value from the command line as a DAG has it: lists and objects instead of their text."""
    from airflow_provider_tiktok.reports.params import coerce

    if not isinstance(value, str):
        return value
    if metavar in _LISTS and value != "*":
        return list(coerce.names(value, name) or ())
    read = coerce.structure(value) if value.lstrip().startswith(("[", "{")) else value
    return int(value) if metavar == "N" and value.isdecimal() else read


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file, numbers as the text that TikTok sent."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line, parse_float=str, parse_int=str)


def _all_as_json(path: Path) -> Iterator[str]:
    """Yield the lines of a JSON list of all rows, with the digits that TikTok sent."""
    with path.open(encoding="utf-8") as file:
        before = ""
        yield "["
        for line in file:
            if before:
                yield f"  {before},"
            before = line.rstrip("\n")
        if before:
            yield f"  {before}"
        yield "]"


def _written(summary: Mapping[str, Any], options: argparse.Namespace) -> Iterator[str]:
    if options.json:
        yield as_json(summary)
        return
    yield from summary["paths"]
    if (more := summary["path_count"] - len(summary["paths"])) > 0:
        yield f"... and {more:,} more, which the manifest lists: {summary['manifest']}"


def _remark(finished: Finished, options: argparse.Namespace, *, is_shown: bool) -> None:
    """Print one line about what came, on stderr."""
    summary = finished.result
    count = summary["row_count"]
    days = [summary.get("report_start_date"), summary.get("report_end_date")]
    span = f", {days[0]} to {days[1]}" if all(days) else ""
    text = f"{count:,} rows of {len(summary['advertiser_ids']):,} account(s){span}, {summary['api_calls']:,} call(s)."
    if is_shown and not options.json and sys.stdout.isatty() and 0 < options.limit < count:
        text += (
            f" The first {options.limit} are shown: --limit 0 shows all, --output-path writes them to a file."
        )
    echo(finished.skip_reason or text)
