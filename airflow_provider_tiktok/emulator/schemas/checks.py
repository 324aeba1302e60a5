"""The checks that report types share, with their limits and messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from airflow_provider_tiktok.emulator.errors import ApiError, parameter_error
from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.emulator.world.table import is_attribute
from airflow_provider_tiktok.reports import catalog

MAX_METRICS = 100
_MAX_DIMENSIONS = 4
_MAX_DAYS: dict[str | None, int] = {"stat_time_hour": 1, "stat_time_day": 30}
_YEAR = 365
_PAIRS = ({"search_keyword", "match_type"}, {"page_id", "component_name"}, {"age", "gender"})
"""The breakdowns that can be combined."""

Check = Callable[[Query], None]
IsInvalid = Callable[[str, Query], bool]


def time_dimension(names: Sequence[str]) -> str | None:
    """Return the first time dimension, if any."""
    return next((name for name in names if name.startswith("stat_time_")), None)


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return names without duplicates."""
    return tuple(dict.fromkeys(names))


def dimension_names(
    names: Sequence[str], report_type: str, level: str | None = None, also: Sequence[str] = ()
) -> None:
    """Raise ApiError if the number of dimensions is wrong, or a dimension does not exist at this level.

    :param also: dimensions of another level that are accepted too.
    """
    if not 1 <= len(names) <= _MAX_DIMENSIONS:
        raise parameter_error(f"dimensions: Length must be between 1 and {_MAX_DIMENSIONS}")
    known = catalog.dimensions(report_type)
    for name in names:
        if name not in known:
            raise wrong_dimensions(f"{name} is not supported")
        if level is not None and level not in known[name].levels and name not in also:
            raise wrong_dimensions(f"data_level {level} and dimension {name} do not match")
    if len(set(names)) < len(names):
        raise wrong_dimensions("duplicate dimensions are not supported")


def one_time_dimension(query: Query) -> None:
    """Raise ApiError if there are several time dimensions, or one in a lifetime report."""
    times = [name for name in query.dimensions if name.startswith("stat_time_")]
    if len(times) > 1:
        raise wrong_dimensions("only one time dimension is supported")
    if times and query.lifetime:
        raise wrong_dimensions(f"{times[0]} is not supported when query_lifetime is true")


def one_breakdown(query: Query) -> None:
    """Raise ApiError if there are several breakdowns that TikTok has no values of together."""
    if len(query.breakdowns) > 1 and set(query.breakdowns) not in _PAIRS:
        raise wrong_dimensions(f"{' and '.join(query.breakdowns)} cannot be used together")


def dates(query: Query) -> None:
    """Raise ApiError if the dates are in the wrong order or too far apart."""
    date_order(query)
    if query.start is None or query.end is None:
        return
    time = query.time_dimension if query.report_type != "BC" else None
    most = _MAX_DAYS.get(time, _YEAR)
    if query.end - query.start + 1 > most:
        span = f"{most} day{'s' if most > 1 else ''}"
        raise parameter_error(
            f"max time span is {span} when use {time if time in _MAX_DAYS else 'no time dimension'}"
        )


def date_order(query: Query) -> None:
    """Raise ApiError if a report ends before it starts."""
    if query.start is not None and query.end is not None and query.start > query.end:
        raise parameter_error("start_date must be earlier than or equal to end_date")


def is_unknown(name: str, query: Query) -> bool:
    """Return whether a report type does not have a metric at this level."""
    metric = catalog.metrics(query.report_type).get(name)
    return metric is None or (bool(query.level) and query.level not in metric.levels)


def metrics(query: Query, is_invalid: IsInvalid = is_unknown) -> None:
    """Raise ApiError if the number of metrics is wrong, or a metric does not exist here."""
    if not 1 <= len(query.metrics) <= MAX_METRICS:
        raise parameter_error(f"metrics: Length must be between 1 and {MAX_METRICS}")
    invalid = [name for name in query.metrics if is_invalid(name, query)]
    if invalid:
        # the space at the end is TikTok's
        raise parameter_error(
            "Please correct the information in invalid metric fields and try again. "
            f"Invalid metric fields: {invalid}. "
        )


def order(query: Query, is_invalid: IsInvalid = is_unknown, parameter: str = "order_field") -> None:
    """Raise ApiError if rows cannot be sorted by the requested metric."""
    name = query.order_field
    if name is not None and (is_invalid(name, query) or is_attribute(name, query.report_type)):
        raise parameter_error(f"Invalid value for {parameter}: {name} is not supported")


def totals(query: Query) -> None:
    """Raise ApiError if totals are requested of a report that TikTok makes none for."""
    if query.totals and (query.breakdowns or query.time_dimension == "stat_time_hour"):
        raise parameter_error(
            "enable_total_metrics is only supported with one ID dimension, alone or with stat_time_day"
        )


def wrong_dimensions(what: str) -> ApiError:
    """Return the refusal of dimensions."""
    return parameter_error(f"Invalid value for dimensions: {what}")


def conflict() -> ApiError:
    """Return the refusal of metrics that cannot be used with the dimensions."""
    return parameter_error(
        "Conflict occurs. The input params including metrics and dimensions have no relation."
    )
