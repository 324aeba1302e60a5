"""What TikTok's report tasks can't do that its synchronous reports can, refused before any call.

From TikTok's pages on asynchronous reports ("Create an asynchronous report task").
"""

from __future__ import annotations

import logging

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.filters import ID_FIELDS, STATUS_FIELDS
from airflow_provider_tiktok.reports.params.model import ReportRequest

log = logging.getLogger(__name__)

REPORT_TYPES = ("BASIC", "AUDIENCE", "CATALOG")
OUTPUT_FORMATS = ("CSV_DOWNLOAD", "CSV_STRING")
"""TikTok's formats that rows are read from; the first one is asked for."""

_PEOPLE = ("reach", "cost_per_1000_reached", "frequency", "average_video_play_per_user", "live_play_count")
_RESULTS = ("result", "cost_per_result", "result_rate")
NOT_BY_AUDIENCE = frozenset({*_PEOPLE, *_RESULTS, *(f"real_time_{name}" for name in _RESULTS)})
"""Metrics that report tasks don't give by age, gender and the like."""

_REFUSED_PARAMETERS = {
    "enable_total_metrics": "totals",
    "query_mode": "query modes",
}


def check_async(request: ReportRequest, *, include_deleted: bool, check_fields: bool) -> None:
    """Refuse what report tasks can't do.

    :param include_deleted: whether the user wants deleted entities counted, which can't be asked for.
    :param check_fields: whether metrics are checked.
    :raises TikTokInvalidRequestError: the parameter is named, and a way out.
    """
    if request.report_type not in REPORT_TYPES:
        raise invalid(
            "mode",
            f"is async, and TikTok makes {', '.join(REPORT_TYPES)} reports so, not {request.report_type}. Use sync.",
        )
    _check_filters(request)
    _check_parameters(request)
    if check_fields:
        _check_metrics(request)
    if include_deleted and request.kind.deleted and request.data_level in STATUS_FIELDS:
        log.warning(
            "What is deleted may be missing: report tasks take no filter on %s, and TikTok doesn't say whether they count "
            "it. `reconcile=True` fails a BASIC report whose spend isn't the account's; `mode='sync'` counts it for sure.",
            STATUS_FIELDS[request.data_level or ""],
        )
    if "country_code" in request.dimensions:
        log.warning(
            "In report tasks TikTok writes names of countries into country_code, and not their codes."
        )


def _check_filters(request: ReportRequest) -> None:
    for index, item in enumerate(request.filters):
        name = item["field_name"] if isinstance(item, dict) else str(item)
        if name not in ID_FIELDS or item["filter_type"] != "IN":  # type: ignore[index]
            raise invalid(
                f"filters[{index}]",
                f"is on {name}, and report tasks take {', '.join(ID_FIELDS)} with IN only. Drop it, or use `mode='sync'`.",
            )


def _check_parameters(request: ReportRequest) -> None:
    for name, what in _REFUSED_PARAMETERS.items():
        if name in request.extra and str(request.extra[name]).lower() not in {"false", "none"}:
            raise invalid(
                "request_params",
                f"holds {name}, and report tasks have no {what}. Leave it out, or use `mode='sync'`.",
            )
    if request.page_size != request.kind.page_size:
        raise invalid("request_params", "holds page_size, and report tasks have no pages. Leave it out.")
    wanted = str(request.extra.get("output_format", OUTPUT_FORMATS[0]))
    if wanted not in OUTPUT_FORMATS:
        raise invalid(
            "request_params",
            f"holds output_format {wanted}; rows are read from {' or '.join(OUTPUT_FORMATS)}. What is written is "
            "decided by the operator's own `output_format`.",
        )


def _check_metrics(request: ReportRequest) -> None:
    known = catalog.metrics(request.report_type)
    sync_only = [name for name in request.metrics if name in known and "sync_only" in known[name].rules]
    by_audience = [name for name in request.metrics if name in NOT_BY_AUDIENCE]
    for names, reason in (
        (sync_only, "TikTok has in synchronous reports only"),
        (by_audience if request.report_type == "AUDIENCE" else [], "report tasks don't give by audience"),
    ):
        if names:
            raise invalid(
                "metrics", f"holds {', '.join(names)}, which {reason}. Drop it, or use `mode='sync'`."
            )
