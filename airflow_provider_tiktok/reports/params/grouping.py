"""Read what a report's rows are grouped by: its dimensions, and the data level that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params import coerce
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.suggestions import check_dimension_names
from airflow_provider_tiktok.reports.report_types import ID_DIMENSION_LEVELS, ReportType


def read_grouping(
    kind: ReportType,
    written_level: object,
    written_dimensions: object,
    base: Mapping[str, Any],
    *,
    check: bool,
) -> tuple[str | None, tuple[str, ...]]:
    """Read dimensions and data level, which the ID dimension decides where there is one.

    :param kind: the report type.
    :param written_level: the user's ``data_level``.
    :param written_dimensions: the user's ``dimensions``.
    :param base: the preset.
    :param check: whether names are checked.
    :return: the data level, ``None`` where the type has none, and the dimensions.
    :raises TikTokInvalidRequestError: a name is certainly wrong, or the two don't fit.
    """
    own = coerce.names(written_dimensions, "dimensions")
    names: tuple[str, ...] | None = own or base.get("dimensions")
    if names is None:
        raise invalid("dimensions", "is missing. Name an ID dimension such as ad_id, or choose a `preset`.")
    level = _level(kind, coerce.text(written_level, "data_level"))
    if check:
        check_dimension_names(names, kind.name)
    if not kind.has_level:
        return None, names
    ids = [name for name in names if name in ID_DIMENSION_LEVELS]
    if len(ids) == 1:
        return _fitting(level, ids[0], check), names
    level = level or (None if own else base.get("data_level"))
    if level is None and not ids and kind.counts.get("id", (0, 0))[0] == 0:
        raise invalid(
            "data_level",
            f"is missing. Without an ID dimension the level is unknown; it can be {', '.join(_levels(kind))}.",
        )
    return level or next((ID_DIMENSION_LEVELS[name] for name in ids), None), names


def _fitting(level: str | None, id_dimension: str, check: bool) -> str:
    expected = ID_DIMENSION_LEVELS[id_dimension]
    if level is not None and level != expected and check:
        raise invalid(
            "data_level",
            f"is {level}, which does not fit the dimension {id_dimension}. That dimension is of {expected}; leave "
            "`data_level` out and it follows from the dimensions.",
        )
    return level or expected


def _level(kind: ReportType, written: str | None) -> str | None:
    if written is None:
        return None
    if not kind.has_level:
        raise invalid(
            "data_level", f"is {written}, but {kind.name} reports have no data level. Leave it out."
        )
    if written.upper().startswith("RESERVATION_"):
        raise invalid(
            "data_level",
            f"is {written}, which TikTok retired: the AUCTION levels hold reservation ads as well. Use "
            f"AUCTION_{written.upper().removeprefix('RESERVATION_')}; a `buying_type` filter picks reservation ads.",
        )
    return coerce.choice(written, "data_level", _levels(kind))


def _levels(kind: ReportType) -> tuple[str, ...]:
    return catalog.LEVELS_OF[kind.name]
