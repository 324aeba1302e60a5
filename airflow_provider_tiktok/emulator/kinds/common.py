"""What the report types share: the order of a call's parameters, limits, and TikTok's texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from airflow_provider_tiktok.emulator.errors import ApiError, parameter_error
from airflow_provider_tiktok.emulator.params import Params
from airflow_provider_tiktok.emulator.query import Query
from airflow_provider_tiktok.emulator.table import is_attribute
from airflow_provider_tiktok.reports import catalog

MAX_METRICS = 100
MAX_PAGE_SIZE = 1000
MAX_DIMENSIONS = 4
MAX_DAYS = {"stat_time_hour": 1, "stat_time_day": 30}
YEAR = 365
CONFLICT = "Conflict occurs. The input params including metrics and dimensions have no relation."
SERVICES = ("AUCTION", "RESERVATION")
_SPAN_TEXT = {
    "stat_time_hour": "max time span is 1 day when use stat_time_hour",
    "stat_time_day": "max time span is 30 days when use stat_time_day",
    None: "max time span is 365 days when use no time dimension",
}

Check = Callable[[Query], None]


def time_dimension(names: Sequence[str]) -> str | None:
    """Find the time dimension, the first if there are several."""
    return next((name for name in names if name.startswith("stat_time_")), None)


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Leave out what was named before."""
    return tuple(dict.fromkeys(names))


def read_dates(params: Params) -> tuple[int | None, int | None]:
    """Read both dates, which must be there."""
    params.require("start_date", "end_date")
    return params.day("start_date"), params.day("end_date")


def read_page(params: Params, max_size: int = MAX_PAGE_SIZE) -> tuple[int, int]:
    """Read the page and its size."""
    return params.whole("page", 1, 1, None), params.whole("page_size", 10, 1, max_size)


def refuse(params: Params, report_type: str, *names: str) -> None:
    """Refuse parameters that a report type does not have."""
    for name in names:
        if params.has(name):
            raise unsupported(name, report_type)


def refuse_true(params: Params, report_type: str, *names: str) -> None:
    """Refuse switches that a report type does not have; switched off they do no harm."""
    for name in names:
        if params.boolean(name):
            raise unsupported(name, report_type)


def refuse_chunks(params: Params, report_type: str) -> None:
    """Refuse the query mode that only BASIC reports have."""
    if params.choice("query_mode", ("REGULAR", "CHUNK"), "REGULAR") == "CHUNK":
        raise unsupported("query_mode CHUNK", report_type)


def refuse_reservation(params: Params, report_type: str) -> None:
    """Refuse the service type that only BASIC reports have."""
    if params.choice("service_type", SERVICES, "AUCTION") == "RESERVATION":
        raise unsupported("service_type RESERVATION", report_type)


def check_dimension_names(
    names: Sequence[str], report_type: str, level: str | None = None, also: Sequence[str] = ()
) -> None:
    """Check dimensions one by one: how many, that they exist, and at this level.

    :param also: dimensions of another level that may stand beside this one's.
    """
    if not 1 <= len(names) <= MAX_DIMENSIONS:
        raise parameter_error(f"dimensions: Length must be between 1 and {MAX_DIMENSIONS}")
    known = catalog.dimensions(report_type)
    for name in names:
        if name not in known:
            raise wrong_dimensions(f"{name} is not supported")
        if level is not None and level not in known[name].levels and name not in also:
            raise wrong_dimensions(f"data_level {level} and dimension {name} do not match")
    if len(set(names)) < len(names):
        raise wrong_dimensions("duplicate dimensions are not supported")


def check_one_time_dimension(query: Query) -> None:
    """Check that rows are cut by one stretch of time at most, and a lifetime by none."""
    times = [name for name in query.dimensions if name.startswith("stat_time_")]
    if len(times) > 1:
        raise wrong_dimensions("only one time dimension is supported")
    if times and query.lifetime:
        raise wrong_dimensions(f"{times[0]} is not supported when query_lifetime is true")


def check_dates(query: Query) -> None:
    """Check the order of the dates, and how far apart they are."""
    check_date_order(query)
    if query.start is None or query.end is None:
        return
    limited = query.report_type != "BC" and query.time_dimension in MAX_DAYS
    if query.end - query.start + 1 > (MAX_DAYS[query.time_dimension or ""] if limited else YEAR):
        raise parameter_error(_SPAN_TEXT[query.time_dimension] if limited else _SPAN_TEXT[None])


def check_date_order(query: Query) -> None:
    """Check that a report does not end before it begins."""
    if query.start is not None and query.end is not None and query.start > query.end:
        raise parameter_error("start_date must be earlier than or equal to end_date")


def check_metrics(query: Query, is_bad: Callable[[str, Query], bool], most: int = MAX_METRICS) -> None:
    """Check how many metrics there are, and that all exist here."""
    if not 1 <= len(query.metrics) <= most:
        raise parameter_error(f"metrics: Length must be between 1 and {most}")
    bad = [name for name in query.metrics if is_bad(name, query)]
    if bad:
        raise invalid_metrics(bad)


def is_unknown(name: str, query: Query) -> bool:
    """Say whether a report type lacks a metric, at this level."""
    metric = catalog.metrics(query.report_type).get(name)
    return metric is None or (bool(query.level) and query.level not in metric.levels)


def check_order(query: Query, is_bad: Callable[[str, Query], bool], parameter: str = "order_field") -> None:
    """Check that rows can be sorted by what the call asks for."""
    name = query.order_field
    if name is not None and (is_bad(name, query) or is_attribute(name, query.report_type)):
        raise parameter_error(f"Invalid value for {parameter}: {name} is not supported")


def wrong_dimensions(what: str) -> ApiError:
    """Make the refusal of dimensions."""
    return parameter_error(f"Invalid value for dimensions: {what}")


def conflict() -> ApiError:
    """Make the refusal of metrics that do not go with the dimensions."""
    return parameter_error(CONFLICT)


def unsupported(what: str, report_type: str) -> ApiError:
    """Make the refusal of a parameter that a report type does not have."""
    return parameter_error(f"{what} is not supported when report_type is {report_type}")


def invalid_metrics(names: list[str]) -> ApiError:
    """Make the refusal of metrics, which names all of them."""
    # the blank at the end is TikTok's
    return parameter_error(
        "Please correct the information in invalid metric fields and try again. "
        f"Invalid metric fields: {names}. "
    )
