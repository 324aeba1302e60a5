"""Read and check a report's parameters, in any of their spellings, into one frozen request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta, timezone
from typing import Any

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.credentials import ALL_ADVERTISERS
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params import coerce
from airflow_provider_tiktok.reports.params.accounts import read_accounts, read_excluded, without_excluded
from airflow_provider_tiktok.reports.params.async_rules import check_async
from airflow_provider_tiktok.reports.params.checks import allowed_metrics, check, objections
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.filters import (
    check_splittable,
    keep_deleted,
    parse_filter_object,
    parse_filters,
)
from airflow_provider_tiktok.reports.params.grouping import read_grouping
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.params.suggestions import check_metric_names
from airflow_provider_tiktok.reports.presets import PRESETS
from airflow_provider_tiktok.reports.report_types import REPORT_TYPES, ReportType

log = logging.getLogger(__name__)

MODES = ("sync", "async")
ORDER_TYPES = ("ASC", "DESC")
SERVICE_TYPES = ("AUCTION", "RESERVATION")

PARENTS = {
    "AUCTION_ADVERTISER": ("advertiser_name",),
    "AUCTION_CAMPAIGN": ("campaign_name",),
    "AUCTION_ADGROUP": ("campaign_id", "campaign_name", "adgroup_name"),
    "AUCTION_AD": ("campaign_id", "campaign_name", "adgroup_id", "adgroup_name", "ad_name"),
}
"""IDs and names that ``with_parents`` adds, by data level, if the report type has them."""

_PARAMETER_OF = {
    "report_type": "report_type",
    "service_type": "service_type",
    "data_level": "data_level",
    "dimensions": "dimensions",
    "metrics": "metrics",
    "filtering": "filters",
    "order_field": "order_field",
    "order_type": "order_type",
    "sort_field": "order_field",
    "sort_type": "order_type",
    "start_date": "report_start_date",
    "end_date": "report_end_date",
    "query_lifetime": "query_lifetime",
    "advertiser_id": "advertiser_ids",
    "advertiser_ids": "advertiser_ids",
}
"""The operator's parameters, by the name of TikTok's parameter that they set."""

_FIRST_TO_BEGIN = timezone(timedelta(hours=14))  # the zone on Earth where a day begins first


def parse_request(
    *,
    advertiser_ids: object = None,
    exclude_advertiser_ids: object = None,
    preset: object = None,
    report_type: object = None,
    service_type: object = None,
    data_level: object = None,
    dimensions: object = None,
    metrics: object = None,
    filters: object = None,
    order_field: object = None,
    order_type: object = None,
    report_start_date: object = None,
    report_end_date: object = None,
    lookback_days: object = 0,
    query_lifetime: bool | None = None,
    include_deleted: bool = True,
    with_parents: bool = False,
    request_params: object = None,
    mode: object = "sync",
    check_fields: bool = True,
) -> ReportRequest:
    """Read and check a report's parameters, before any call.

    The parameters are :class:`~airflow_provider_tiktok.operators.report.TikTokReportOperator`'s.
    Without ``check_fields``, TikTok alone checks names and combinations.

    :raises TikTokInvalidRequestError: a parameter can't be right; the text names it and what to do.
    """
    base = _preset(preset)
    chosen_mode = coerce.choice(mode, "mode", MODES) or "sync"
    kind = REPORT_TYPES[
        coerce.choice(report_type, "report_type", tuple(REPORT_TYPES)) or base.get("report_type", "BASIC")
    ]
    level, dimension_names = read_grouping(kind, data_level, dimensions, base, check=check_fields)
    # an explicit False wins over a preset, as every explicit parameter does
    lifetime = bool(base.get("query_lifetime", False)) if query_lifetime is None else query_lifetime
    start, end = _dates(report_start_date, report_end_date)
    lookback = coerce.whole_number(lookback_days, "lookback_days")
    if lifetime and (start or lookback):
        log.warning(
            "`%s` means nothing in a lifetime report (`query_lifetime`, or a preset `..._lifetime`): its figures cover the "
            "entities' whole lifetime. For these days, set `query_lifetime=False`, or use a preset `..._daily`.",
            "report_start_date" if start else "lookback_days",
        )
    excluded = read_excluded(exclude_advertiser_ids)
    accounts = without_excluded(kind, read_accounts(advertiser_ids), excluded)
    extra, page_size = _extra(kind, request_params)
    request = ReportRequest(
        advertiser_ids=accounts,
        exclude_advertiser_ids=excluded,
        report_type=kind.name,
        service_type=_service_type(kind, service_type, base),
        data_level=level,
        dimensions=dimension_names,
        metrics=_metrics(metrics) or base.get("metrics", ()),
        filters=_filters(
            kind,
            filters,
            (level, dimension_names),
            include_deleted=include_deleted and chosen_mode == "sync",
            accounts=accounts,
            check=check_fields,
            is_async=chosen_mode == "async",
        ),
        order_field=coerce.text(order_field, "order_field"),
        order_type=_order_type(order_type, order_field),
        start_date=start,
        end_date=end,
        lookback_days=lookback,
        query_lifetime=lifetime,
        extra=extra,
        page_size=page_size,
        by_day=bool(base.get("by_day"))
        and not any(name.startswith("stat_time_") for name in dimension_names),
        mode=chosen_mode,
    )
    if check_fields and not _metrics(metrics) and coerce.optional(dimensions, "dimensions") is not None:
        request = _without_misfits(request, coerce.text(preset, "preset"))
    request = _with_metrics(request, with_parents)
    if request.is_async:
        check_async(request, include_deleted=include_deleted, check_fields=check_fields)
    if check_fields:
        check_metric_names("metrics", request.metrics, kind.name)
        _check_order_field(request)
        check(request.shape)
    return request


def _without_misfits(request: ReportRequest, preset: str | None) -> ReportRequest:
    """Leave out a preset's metrics that don't go with the dimensions that the user chose instead of the preset's."""
    misfits = [
        name for name in request.metrics if any(certain for _, certain in objections(name, request.shape))
    ]
    if misfits:
        log.warning(
            "`preset` %s has metrics that don't go with these dimensions, and are left out: %s.",
            preset,
            ", ".join(misfits),
        )
    return replace(request, metrics=tuple(name for name in request.metrics if name not in misfits))


def _with_metrics(request: ReportRequest, with_parents: bool) -> ReportRequest:
    """Add the metrics that the user didn't name: the defaults, and the parents of the row's entity."""
    metrics = request.metrics or _default_metrics(request)
    if with_parents:
        known = catalog.metrics(request.report_type)
        parents = [
            name
            for name in PARENTS.get(request.data_level or "", ())
            if name in known and not any(objections(name, request.shape))
        ]
        if not parents:
            log.warning("`with_parents`: %s reports of this grouping have no parents.", request.report_type)
        metrics = tuple(dict.fromkeys((*parents, *metrics)))
    return replace(request, metrics=metrics)


def _default_metrics(request: ReportRequest) -> tuple[str, ...]:
    """Return TikTok's default metrics that fit this grouping; all metrics that fit if TikTok has no default."""
    defaults = request.kind.default_metrics
    fitting = tuple(name for name in defaults if not any(objections(name, request.shape)))
    return fitting or defaults or allowed_metrics(request.shape)


def _preset(value: object) -> Mapping[str, Any]:
    name = coerce.text(value, "preset")
    if name is None:
        return {}
    if name not in PRESETS:
        known = tuple(PRESETS)
        raise invalid(
            "preset", f"is {name!r}; it can be {', '.join(known)}.{coerce.did_you_mean(name, known)}"
        )
    return PRESETS[name]


def _filters(
    kind: ReportType,
    value: object,
    grouping: tuple[str | None, tuple[str, ...]],
    *,
    include_deleted: bool,
    accounts: tuple[str, ...] | None,
    check: bool,
    is_async: bool,
) -> tuple[dict[str, str], ...] | dict[str, Any]:
    level, dimensions = grouping
    if kind.filters == "none":
        if coerce.structure(coerce.optional(value, "filters")):
            raise invalid("filters", f"is given, but {kind.name} reports take no filters. Leave it out.")
        return ()
    if kind.filters == "object":
        settings = parse_filter_object(value, kind.name, check=check)
        status = kind.status_filter(dimensions)
        return {status: ["STATUS_ALL"], **settings} if include_deleted and status else settings
    found = parse_filters(value, kind.name, check=check)
    if kind.account != "advertiser_id" and accounts not in (None, (ALL_ADVERTISERS,)):
        # this report isn't made for one account, so its accounts are a filter
        found += parse_filters(
            [{"field_name": "advertiser_id", "filter_type": "IN", "filter_value": list(accounts or ())}],
            kind.name,
        )
    check_splittable(found, level, dimensions, is_async=is_async)
    return keep_deleted(found, level) if include_deleted and kind.deleted and level else found


def _service_type(kind: ReportType, value: object, base: Mapping[str, Any]) -> str | None:
    own = coerce.choice(value, "service_type", SERVICE_TYPES)
    if not kind.has_service_type:
        if own is not None:
            raise invalid("service_type", f"is {own}, but {kind.name} reports don't take it. Leave it out.")
        return None
    service_type: str | None = own or base.get("service_type")
    if service_type == "RESERVATION":
        raise invalid(
            "service_type",
            "is RESERVATION, which TikTok retired: AUCTION reports hold reservation ads as well. Leave it out; a "
            "filter on `buying_type` (RESERVATION_RF or RESERVATION_TOP_VIEW) picks reservation ads.",
        )
    return service_type


def _check_order_field(request: ReportRequest) -> None:
    name = request.order_field
    if name is None:
        return
    known = catalog.metrics(request.report_type)
    check_metric_names("order_field", (name,), request.report_type)
    if name in known and known[name].section == "attribute":
        example = next(
            (one for one in request.metrics if one in known and known[one].section != "attribute"), ""
        )
        raise invalid(
            "order_field",
            f"is {name}, by which TikTok doesn't sort. Use a metric with numbers{', such as ' if example else ''}{example}.",
        )
    for reason, sure in objections(name, request.shape):
        if sure:
            raise invalid("order_field", f"is {name}, which {reason}. Order by another metric.")
        log.warning("`order_field` is %s, which %s. It is sent as it is; TikTok decides.", name, reason)


def _order_type(value: object, order_field: object) -> str | None:
    """Read the direction; it isn't sent without a field to order by."""
    direction = coerce.choice(value, "order_type", ORDER_TYPES)
    if coerce.optional(order_field, "order_field") is not None:
        return direction
    if direction is not None:
        log.warning("`order_type` means nothing without `order_field`, and is left out.")
    return None


def read_dates(start_value: object, end_value: object) -> tuple[date | None, date | None]:
    """Read the first and the last day; one alone means both.

    :raises TikTokInvalidRequestError: one isn't a date, or the first is after the last.
    """
    start = coerce.day(start_value, "report_start_date")
    end = coerce.day(end_value, "report_end_date")
    start, end = start or end, end or start
    if start is None or end is None:
        return None, None
    if start > end:
        raise invalid("report_start_date", f"is {start}, after `report_end_date`, which is {end}. Swap them.")
    return start, end


def _dates(start_value: object, end_value: object) -> tuple[date | None, date | None]:
    start, end = read_dates(start_value, end_value)
    if end is not None and end > clock.now().astimezone(_FIRST_TO_BEGIN).date():
        is_end = coerce.optional(end_value, "report_end_date") is not None
        name = "report_end_date" if is_end else "report_start_date"
        raise invalid(
            name,
            f"is {end}, which is in the future. TikTok has no figures yet; end the report today or before.",
        )
    return start, end


def _metrics(value: object) -> tuple[str, ...] | None:
    if isinstance(value, str) and not value.strip():
        raise invalid("metrics", "is empty. Name at least one, or leave the parameter out for the default.")
    return coerce.names(value, "metrics")


def _extra(kind: ReportType, value: object) -> tuple[dict[str, Any], int]:
    """Read TikTok's other parameters, and the page size among them."""
    extra = coerce.mapping(value, "request_params")
    if "store_ids" in extra:
        given = extra["store_ids"]
        written = [str(item) for item in given] if isinstance(given, (list, tuple)) else str(given)
        extra["store_ids"] = list(coerce.names(written, "store_ids") or ())
        if len(extra["store_ids"]) > 1:
            raise invalid(
                "request_params", "holds several store_ids; TikTok takes one. Map the task over the stores."
            )
    for name in kind.required:
        if coerce.optional(extra.get(name), f"request_params.{name}") in (None, []):
            raise invalid(
                "request_params", f"lacks {name}, without which TikTok has no {kind.name} report. Add it."
            )
    for name in extra:
        if name in _PARAMETER_OF:
            raise invalid(
                "request_params",
                f"holds {name}; the operator's own parameter `{_PARAMETER_OF[name]}` sets that.",
            )
    if str(extra.get("multi_adv_report_in_utc_time", "")).lower() == "true":
        raise invalid(
            "request_params",
            "holds multi_adv_report_in_utc_time, which TikTok takes only in calls for several accounts. Each account has "
            "its own calls here, so that no digit of its money is lost. Days are the account's.",
        )
    if "page" in extra:
        raise invalid("request_params", "holds page; every page is fetched anyway.")
    if str(extra.get("query_mode", "REGULAR")).upper() != "REGULAR":
        raise invalid(
            "request_params", "holds query_mode CHUNK, which turns paging off, so rows could be missing."
        )
    page_size = extra.pop("page_size", kind.page_size)
    if not str(page_size).isdecimal() or not 1 <= int(page_size) <= kind.page_size:
        raise invalid("request_params", f"holds page_size {page_size!r}; it can be 1 to {kind.page_size}.")
    return extra, int(page_size)
