"""The parameters, limits and messages that the report types share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from airflow_provider_tiktok.emulator.errors import ApiError, parameter_error
from airflow_provider_tiktok.emulator.schemas.params import Params
from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.emulator.world.table import is_attribute
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
    """Return the first time dimension, if any."""
    return next((name for name in names if name.startswith("stat_time_")), None)


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return names without duplicates."""
    return tuple(dict.fromkeys(names))


def read_dates(params: Params) -> tuple[int | None, int | None]:
    """Return both dates, which are required."""
    params.require("start_date", "end_date")
    return params.day("start_date"), params.day("end_date")


def read_page(params: Params, max_size: int = MAX_PAGE_SIZE) -> tuple[int, int]:
    """Return the page and its size."""
    return params.integer("page", 1, 1, None), params.integer("page_size", 10, 1, max_size)


def refuse(params: Params, report_type: str, *names: str) -> None:
    """Raise ApiError if a call has parameters that its report type does not have."""
    for name in names:
        if params.has(name):
            raise unsupported(name, report_type)


def refuse_true(params: Params, report_type: str, *names: str) -> None:
    """Raise ApiError if flags that a report type does not have are true; false is accepted."""
    for name in names:
        if params.boolean(name):
            raise unsupported(name, report_type)


def refuse_chunks(params: Params, report_type: str) -> None:
    """Raise ApiError for the query mode that only BASIC reports have."""
    if params.choice("query_mode", ("REGULAR", "CHUNK"), "REGULAR") == "CHUNK":
        raise unsupported("query_mode CHUNK", report_type)


def refuse_reservation(params: Params, report_type: str) -> None:
    """Raise ApiError for the service type that only BASIC reports have."""
    if params.choice("service_type", SERVICES, "AUCTION") == "RESERVATION":
        raise unsupported("service_type RESERVATION", report_type)


def check_dimension_names(
    names: Sequence[str], report_type: str, level: str | None = None, also: Sequence[str] = ()
) -> None:
    """Raise ApiError if the number of dimensions is wrong, or a dimension does not exist at this level.

    :param also: dimensions of another level that are accepted too.
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
    """Raise ApiError if there are several time dimensions, or one in a lifetime report."""
    times = [name for name in query.dimensions if name.startswith("stat_time_")]
    if len(times) > 1:
        raise wrong_dimensions("only one time dimension is supported")
    if times and query.lifetime:
        raise wrong_dimensions(f"{times[0]} is not supported when query_lifetime is true")


def check_dates(query: Query) -> None:
    """Raise ApiError if the dates are in the wrong order or too far apart."""
    check_date_order(query)
    if query.start is None or query.end is None:
        return
    limited = query.report_type != "BC" and query.time_dimension in MAX_DAYS
    if query.end - query.start + 1 > (MAX_DAYS[query.time_dimension or ""] if limited else YEAR):
        raise parameter_error(_SPAN_TEXT[query.time_dimension] if limited else _SPAN_TEXT[None])


def check_date_order(query: Query) -> None:
    """Raise ApiError if a report ends before it starts."""
    if query.start is not None and query.end is not None and query.start > query.end:
        raise parameter_error("start_date must be earlier than or equal to end_date")


def check_metrics(query: Query, is_invalid: Callable[[str, Query], bool], limit: int = MAX_METRICS) -> None:
    """Raise ApiError if the number of metrics is wrong, or a metric does not exist here."""
    if not 1 <= len(query.metrics) <= limit:
        raise parameter_error(f"metrics: Length must be between 1 and {limit}")
    invalid = [name for name in query.metrics if is_invalid(name, query)]
    if invalid:
        raise invalid_metrics(invalid)


def is_unknown(name: str, query: Query) -> bool:
    """Return whether a report type does not have a metric at this level."""
    metric = catalog.metrics(query.report_type).get(name)
    return metric is None or (bool(query.level) and query.level not in metric.levels)


def check_order(
    query: Query, is_invalid: Callable[[str, Query], bool], parameter: str = "order_field"
) -> None:
    """Raise ApiError if rows cannot be sorted by the requested metric."""
    name = query.order_field
    if name is not None and (is_invalid(name, query) or is_attribute(name, query.report_type)):
        raise parameter_error(f"Invalid value for {parameter}: {name} is not supported")


def wrong_dimensions(what: str) -> ApiError:
    """Return the refusal of dimensions."""
    return parameter_error(f"Invalid value for dimensions: {what}")


def conflict() -> ApiError:
    """Return the refusal of metrics that cannot be used with the dimensions."""
    return parameter_error(CONFLICT)


def unsupported(what: str, report_type: str) -> ApiError:
    """Return the refusal of a parameter that a report type does not have."""
    return parameter_error(f"{what} is not supported when report_type is {report_type}")


def invalid_metrics(names: list[str]) -> ApiError:
    """Return the refusal of metrics, which lists all invalid ones."""
    # the space at the end is TikTok's
    return parameter_error(
        "Please correct the information in invalid metric fields and try again. "
        f"Invalid metric fields: {names}. "
    )
