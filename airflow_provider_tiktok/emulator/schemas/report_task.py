"""The parameters of ``report/task/create/``, checked as TikTok checks them.

A report task covers any date range and any number of entities. It filters only by IDs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from airflow_provider_tiktok.emulator.errors import parameter_error
from airflow_provider_tiktok.emulator.schemas.basic import (
    AUDIENCE_CHECKS,
    BASIC_CHECKS,
    CATALOG_CHECKS,
    check_ids,
    parse,
)
from airflow_provider_tiktok.emulator.schemas.checks import (
    Check,
    check_date_order,
    check_dates,
    conflict,
    refuse,
    refuse_reservation,
    refuse_true,
)
from airflow_provider_tiktok.emulator.schemas.filters import parse_filters
from airflow_provider_tiktok.emulator.schemas.params import Params
from airflow_provider_tiktok.emulator.world.conditions import FIELDS, Filter
from airflow_provider_tiktok.emulator.world.query import Query

OUTPUT_FORMATS = ("CSV_STRING", "CSV_DOWNLOAD", "XLSX_DOWNLOAD")
_LONGEST_NAME = 255
_FORBIDDEN_IN_NAMES = frozenset("/\t\b@#$%^&*()[]")
_FILTERS = {
    **{name: replace(FIELDS[name], max_ids=20_000) for name in ("campaign_ids", "adgroup_ids", "ad_ids")},
    "ad_ids_v2": replace(FIELDS["ad_ids_v2"], types=("IN",)),
}
_UNIQUE_VIEWERS = frozenset(
    {
        *("average_video_play_per_user", "frequency", "cost_per_1000_reached", "reach", "live_play_count"),
        *("result", "result_rate", "cost_per_result"),
        *("real_time_result", "real_time_result_rate", "real_time_cost_per_result"),
    }
)
"""The metrics that count people, which cannot be used with an audience dimension of a report task."""


@dataclass(frozen=True, slots=True)
class ReportTaskRequest:
    """The report and the file that a report task creates.

    :param titles: whether the columns have the titles of TikTok Ads Manager.
    """

    query: Query
    output_format: str
    file_name: str
    titles: bool


def parse_report_task(params: Params) -> ReportTaskRequest:
    """Return the request of a report task, validated.

    :raises ApiError: with TikTok's message.
    """
    params.require("report_type", "dimensions")
    report_type = params.choice("report_type", tuple(_CHECKS)) or ""
    refuse(params, "asynchronous", "page", "page_size", "query_mode")
    refuse_true(params, "asynchronous", "enable_total_metrics")
    if report_type != "BASIC":
        refuse_reservation(params, report_type)
        refuse_true(params, report_type, "query_lifetime")
    if report_type == "CATALOG":
        params.require("advertiser_id")
    query = parse(params, report_type, _CHECKS[report_type], _read_filters, pair_ids=True)
    output_format = params.choice("output_format", OUTPUT_FORMATS, OUTPUT_FORMATS[0]) or ""
    translated = params.boolean("enable_report_title_translation")
    requested = params.has("enable_report_title_translation") and report_type != "CATALOG"
    return ReportTaskRequest(
        query=replace(query, untruncated=True),
        output_format=output_format,
        file_name=_file_name(params),
        titles=translated if requested else True,
    )


def _file_name(params: Params) -> str:
    name = (params.string("file_name") or "").strip()
    if len(name) > _LONGEST_NAME:
        raise parameter_error(f"file_name: Longer than maximum length {_LONGEST_NAME}.")
    if _FORBIDDEN_IN_NAMES & set(name):
        raise parameter_error("file_name: Special characters are not supported.")
    return name


def _read_filters(params: Params, level: str) -> tuple[Filter, ...]:
    return parse_filters(params.array("filtering") or [], _FILTERS)


def _check_id_of_level(query: Query) -> None:
    """Raise ApiError if the account is the only ID and not the level's own."""
    if query.id_dimensions:
        check_ids(query)


def _check_people(query: Query) -> None:
    if _UNIQUE_VIEWERS & set(query.metrics):
        raise conflict()


def _report_task_checks(checks: tuple[Check, ...], *more: Check) -> tuple[Check, ...]:
    """Return the checks of a report task, made from those of a synchronous report."""
    return (*(check_date_order if check is check_dates else check for check in checks), *more)


_CHECKS: dict[str, tuple[Check, ...]] = {
    "BASIC": _report_task_checks(BASIC_CHECKS),
    "AUDIENCE": _report_task_checks(AUDIENCE_CHECKS, _check_id_of_level, _check_people),
    "CATALOG": _report_task_checks(CATALOG_CHECKS),
}
"""The report types that have report tasks, each with its checks."""
