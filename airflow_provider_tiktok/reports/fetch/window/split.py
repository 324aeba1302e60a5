"""How a call that is oversized for TikTok becomes smaller ones, whose rows together are the same.

TikTok cuts reports at 20,000 campaigns, ad groups or ads; refuses others as too large (40067) or as naming
too many IDs (40011); and times out on the rest, for which it punishes an app that repeats the same call. The
strategies, in the order of :data:`STRATEGIES`: fewer days, some of the filter's IDs, some of the campaigns, some of the
ad groups. Which of them helps depends on the reason; which of them is right depends on the report: rows are
only split along what they are grouped by, so that no row has to be put together from two. Where a report is
split by campaigns or ad groups, :func:`list_metrics` says why none is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokIncompleteReportError,
    TikTokTransportError,
)
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.checks import ADVISED_METRICS, objections
from airflow_provider_tiktok.reports.params.filters import LEVELS_OF_ID_FIELDS, ROW_IDS, STATUS_FIELDS
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.params.rules import Shape
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.reports.planning.windows import split_days
from airflow_provider_tiktok.reports.report_types import DAY, HOUR, INTEGRATED_PATH, REPORT_TYPES

CUT, LARGE, IDS, TIMEOUT = "cut", "large", "ids", "timeout"
"""Why a call is oversized: rows left out, refused as too large, too many IDs in a filter, no answer in time."""

DAYS, FILTERED_IDS, CAMPAIGNS, ADGROUPS = "days", "filtered IDs", "campaigns", "ad groups"

LIST_METRICS = "the metrics of its lists"
"""How an oversized list of campaigns or ad groups is split, and nothing else."""

LIST_ALL = "TikTok's list of all campaigns"
"""What takes the place of a list that is oversized however few metrics it has."""

STRATEGIES: Mapping[str, tuple[str, ...]] = {
    CUT: (FILTERED_IDS, CAMPAIGNS, ADGROUPS),  # the same entities are too many on each day
    LARGE: (DAYS, FILTERED_IDS, CAMPAIGNS, ADGROUPS),
    TIMEOUT: (DAYS, FILTERED_IDS, CAMPAIGNS, ADGROUPS),
    IDS: (FILTERED_IDS,),
}
"""What may help against what, the first choice first."""

_WEEK = 7  # days; TikTok's advice for reports that time out
_CAMPAIGNS_AT_ONCE = {"AUCTION_CAMPAIGN": 100}
_MOST_CAMPAIGNS = 100
_FEW_CAMPAIGNS = 30  # TikTok's advice for reports on what is below them
_ADGROUPS_AT_ONCE = 100
_CODES = {40067: LARGE, 40011: IDS}
_FIELD = {CAMPAIGNS: "campaign_ids", ADGROUPS: "adgroup_ids"}
_ENTITY = {CAMPAIGNS: "campaign", ADGROUPS: "adgroup"}
_LEVEL = {CAMPAIGNS: "AUCTION_CAMPAIGN", ADGROUPS: "AUCTION_ADGROUP"}
_SUMMED = ("spend", "impressions", "clicks")
"""Metrics whose values of all ads of a campaign are known to add up to the campaign's."""

_FILTERS_OF_LISTS = ("campaign_system_origins", "campaign_automation_type", "buying_type", "objective_type")
"""Filters on campaigns, which hold in a list of them as well."""


def oversized_reason(error: Exception) -> str:
    """Return why a call was oversized; empty when it failed for another reason."""
    if isinstance(error, TikTokIncompleteReportError) and getattr(error, "truncated", False):
        return CUT
    if isinstance(error, TikTokTransportError) and error.timed_out:
        return TIMEOUT
    if isinstance(error, TikTokAPIError):
        return _CODES.get(error.code or 0, "")
    return ""


def can_split(request: ReportRequest, call: ReportCall, strategy: str) -> bool:
    """Return whether a strategy makes a call smaller while its rows stay what they are."""
    if strategy == DAYS:
        window = call.window
        return DAY in request.dimensions and window.start is not None and window.start != window.end
    if strategy == FILTERED_IDS:
        return _has_ids(request) and bool(_splittable_filter(request, call))
    return _has_entities(request, call, strategy)


def _has_ids(request: ReportRequest) -> bool:
    """Return whether each row is of one campaign, ad group or ad, and a filter on their IDs is known."""
    kind = request.kind
    return (
        kind.filters == "list"
        and kind.path == INTEGRATED_PATH
        and bool(set(ROW_IDS) & set(request.dimensions))
    )


def _has_entities(request: ReportRequest, call: ReportCall, strategy: str) -> bool:
    """Return whether a call may be of several campaigns or ad groups, and each row of one of them."""
    if not _has_ids(request) or request.data_level not in LEVELS_OF_ID_FIELDS[_FIELD[strategy]]:
        return False
    named = len(call.campaigns if strategy == CAMPAIGNS else call.adgroups)
    # an ad group is looked for in one campaign; one ID can't be split
    return named != 1 and (strategy == CAMPAIGNS or len(call.campaigns) == 1)


def wants_list(call: ReportCall, strategy: str) -> bool:
    """Return whether the IDs to split a call by aren't known yet."""
    return (strategy == CAMPAIGNS and not call.campaigns) or (strategy == ADGROUPS and not call.adgroups)


def split_call(request: ReportRequest, call: ReportCall, strategy: str) -> list[ReportCall]:
    """Return the smaller calls, in order."""
    if strategy == DAYS:
        return list(_by_days(call))
    if strategy == LIST_METRICS:
        return list(_by_metrics(call))
    if strategy == FILTERED_IDS:
        return list(_by_filter(call, _splittable_filter(request, call)))
    ids = call.campaigns if strategy == CAMPAIGNS else call.adgroups
    return by_ids(request, call, strategy, ids, (len(ids) + 1) // 2)


@dataclass
class Size:
    """The size that calls about one account may have, after some were oversized.

    :param days: at most; 0 is no limit.
    :param campaigns: at most; 0 is no limit.
    """

    days: int = 0
    campaigns: int = 0

    def shrink(self, call: ReportCall, strategy: str) -> None:
        """Shrink to the calls that a call is split into."""
        if strategy == DAYS:
            self.days = min(self.days or _WEEK, _span(call))
        elif strategy == CAMPAIGNS:
            half = (len(call.campaigns) + 1) // 2 or _MOST_CAMPAIGNS
            self.campaigns = min(self.campaigns or half, half)


def strategy_for_size(request: ReportRequest, call: ReportCall, size: Size) -> str:
    """Return the strategy for a call that is larger than a size; empty when it isn't larger, or can't be split."""
    start, end = call.window.start, call.window.end
    days = (end - start).days + 1 if start and end else 0
    if size.days and days > size.days and can_split(request, call, DAYS):
        return DAYS
    if size.campaigns and can_split(request, call, CAMPAIGNS):
        return CAMPAIGNS if not call.campaigns or len(call.campaigns) > size.campaigns else ""
    return ""


def _span(call: ReportCall) -> int:
    """Return the days of the calls that a call is split into."""
    start, end = call.window.start, call.window.end
    return 1 if start and end and (end - start).days < _WEEK else _WEEK


def by_ids(
    request: ReportRequest, call: ReportCall, strategy: str, ids: Sequence[str], size: int | None = None
) -> list[ReportCall]:
    """Return calls for some IDs each.

    :param ids: the campaigns, or the ad groups of the call's one campaign.
    :param size: how many at once; what TikTok advises if not given.
    """
    if size is None:
        size = _ADGROUPS_AT_ONCE
        if strategy == CAMPAIGNS:
            size = _CAMPAIGNS_AT_ONCE.get(request.data_level or "", _FEW_CAMPAIGNS)
    found = []
    for first in range(0, len(ids), size):
        some = tuple(ids[first : first + size])
        part = f"{strategy} {some[0]}" + (f" to {some[-1]}, {len(some)} of them" if len(some) > 1 else "")
        smaller = replace(_filtered(call, _FIELD[strategy], some), part=part)
        found.append(
            replace(smaller, campaigns=some) if strategy == CAMPAIGNS else replace(smaller, adgroups=some)
        )
    return found


def list_metrics(
    request: ReportRequest, call: ReportCall, strategy: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the metrics that a list of campaigns or ad groups is asked with, and the figures that it can't have.

    The list is a report itself, for that names only what has figures: of the thousands of campaigns that an account
    ever had, often a hundred, which one page holds.

    TikTok leaves out of a report what has none of the figures that the call asks for. Figures are never negative, so
    a campaign has every figure that one of its ads has. The list therefore asks for all of the report's figures, of
    deleted campaigns too and of the same days: it holds every campaign that a row with a figure can be of. An oversized
    list is asked in several calls with some of the metrics each; what is in one of them is listed. Where
    a figure doesn't exist at the list's level, nothing shows that the list is complete: then TikTok's list of all
    campaigns, with figures or without, is read as well. Names and settings are no figures; a report that has some gets
    a list with names. Spend,
    impressions and clicks are asked for too, where there is room: a campaign whose rate rounds to zero, or whose
    corrections cancel out, still has those.

    TikTok's count of the unsplit call is no proof: of a call that is cut it counts what it left, one that is too
    large has none, and it may count rows of zeros of campaigns that lists leave out.
    """
    listed = Shape(REPORT_TYPES["BASIC"], frozenset({_LEVEL[strategy]}), (f"{_ENTITY[strategy]}_id",))
    listed = replace(listed, lifetime=request.query_lifetime)
    known, more = catalog.metrics(request.report_type), catalog.metrics()
    asked: dict[str, None] = {}
    unlisted = []
    for name in call.params["metrics"]:
        metric = known.get(name) or more.get(name)
        if metric is not None and metric.section == "attribute":
            asked[f"{_ENTITY[strategy]}_name"] = None
        elif (name in known and name not in more) or any(sure for _, sure in objections(name, listed)):
            unlisted.append(name)
        else:
            asked[name] = None
    refused = set(request.metrics).difference(call.params["metrics"])
    for name in _SUMMED:
        if len(asked) < ADVISED_METRICS and name not in refused:
            asked[name] = None
    return tuple(asked), tuple(unlisted)


def obstacle(strategy: str, unlisted: Sequence[str], scope: str) -> str:
    """Return why a report can't be split by campaigns or ad groups that an app may not list, and what to do.

    :param unlisted: the figures that a list can't have; none where it can't have any.
    :param scope: what the app lacks.
    """
    by = f" by {', '.join(unlisted)}" if unlisted else ""
    advice = f"Leave {' and '.join(unlisted)} out of `metrics`, filter" if unlisted else "Filter"
    return (
        f"It can't be split by {strategy}: TikTok doesn't list those{by}, so some could be missing, and the app lacks the "
        f"scope {scope}, with which TikTok lists all of them. {advice} by campaign_ids, some at a time, or add {scope} to "
        "the app's scopes in the TikTok developer portal and authorise the app again."
    )


def list_call(request: ReportRequest, call: ReportCall, strategy: str) -> ReportCall:
    """Return the call that lists the campaigns, or the ad groups of one campaign, which have figures in a window."""
    filters = [
        item for item in _filters(call) if item["field_name"] in (*_FILTERS_OF_LISTS, _FIELD[CAMPAIGNS])
    ]
    if strategy == ADGROUPS:
        filters += [item for item in _filters(call) if item["field_name"] == _FIELD[ADGROUPS]]
    status = STATUS_FIELDS[_LEVEL[strategy]]
    filters.append({"field_name": status, "filter_type": "IN", "filter_value": '["STATUS_ALL"]'})
    common = {
        "report_type": "BASIC",
        "data_level": _LEVEL[strategy],
        "dimensions": [f"{_ENTITY[strategy]}_id"],
        "metrics": list(list_metrics(request, call, strategy)[0]),
        "filtering": filters,
        "query_lifetime": True if request.query_lifetime else None,
        "page_size": request.page_size,
    }
    return replace(call, common=common, part=f"list of {strategy}")


def entity_of(strategy: str) -> str:
    """Return the kind of entity that is listed."""
    return _ENTITY[strategy]


def filters_of_all(call: ReportCall, strategy: str) -> dict[str, list[str]]:
    """Return the filters for the list of all campaigns, or of all ad groups in one campaign.

    That list has deleted ones, too, and what has no figures. It costs a call for a thousand of them.
    """
    named = {name: named_ids(call, name) for name in (_FIELD[CAMPAIGNS], _FIELD[strategy])}
    return {name: sorted(ids) for name, ids in named.items() if ids}


def named_ids(call: ReportCall, field_name: str) -> frozenset[str] | None:
    """Return the IDs that all of a call's filters on a field name; ``None`` where there is none."""
    named = [
        frozenset(map(str, json.loads(item["filter_value"])))
        for item in _filters(call)
        if item["field_name"] == field_name and item["filter_type"] == "IN"
    ]
    return frozenset.intersection(*named) if named else None


def wanted(call: ReportCall, strategy: str, ids: Iterable[str]) -> list[str]:
    """Return the listed IDs that a call's filters leave, in order."""
    named = named_ids(call, _FIELD[strategy])
    return sorted(name for name in ids if named is None or name in named)


def list_sums(request: ReportRequest, call: ReportCall, strategy: str) -> tuple[str, ...]:
    """Return the metrics whose sum over a call's rows must be that over the listed campaigns or ad groups."""
    status = STATUS_FIELDS.values()
    # of a report on some ad groups, the campaigns' own figures are more
    ids = _FIELD.values() if strategy == ADGROUPS else (_FIELD[CAMPAIGNS],)
    adds_up = (
        request.report_type == "BASIC"
        and not set(request.dimensions) - {*ROW_IDS, DAY, HOUR}
        # lists have the figures of what is deleted, too
        and any(item["field_name"] in status for item in _filters(call))
        and all(
            item["field_name"] in (*_FILTERS_OF_LISTS, *ids)
            or (item["field_name"] in status and "STATUS_ALL" in item["filter_value"])
            for item in _filters(call)
        )
    )
    return tuple(name for name in _SUMMED if adds_up and name in call.params["metrics"])


def total_call(request: ReportRequest, call: ReportCall, strategy: str) -> ReportCall | None:
    """Return the call for an account's own figures, which are the sum of its campaigns'; ``None`` where they aren't.

    Where no report can name the campaigns that have figures, these show that TikTok's list of all campaigns lacks none.
    """
    sums = list_sums(request, call, strategy)
    is_filtered = any(item["field_name"] not in STATUS_FIELDS.values() for item in _filters(call))
    if strategy != CAMPAIGNS or not sums or is_filtered:
        return None
    common = {
        "report_type": "BASIC",
        "data_level": "AUCTION_ADVERTISER",
        "dimensions": ["advertiser_id"],
        "metrics": list(sums),
        "query_lifetime": True if request.query_lifetime else None,
        "page_size": request.page_size,
    }
    return replace(call, common=common, part="the account's own figures")


def _by_days(call: ReportCall) -> Iterator[ReportCall]:
    start, end = call.window.start, call.window.end
    assert start is not None and end is not None  # noqa: S101, PT018 - can_split has looked
    for window in split_days(start, end, _span(call)):
        yield replace(call, window=window)


def _by_metrics(call: ReportCall) -> Iterator[ReportCall]:
    metrics = call.params["metrics"]
    half = (len(metrics) + 1) // 2
    for some in (metrics[:half], metrics[half:]):
        part = f"{call.part.partition(' by ')[0]} by {some[0]}" + (
            f" and {len(some) - 1} more metrics" if len(some) > 1 else ""
        )
        yield replace(call, common={**call.common, "metrics": some}, part=part)


def _by_filter(call: ReportCall, item: Mapping[str, str]) -> Iterator[ReportCall]:
    ids = json.loads(item["filter_value"])
    half = (len(ids) + 1) // 2
    for some in (ids[:half], ids[half:]):
        part = f"{len(some)} of the {item['field_name']}"
        others = [one for one in _filters(call) if one is not item]  # one on the same field holds as well
        yield replace(_with_filter(call, others, item["field_name"], some), part=part)


def _splittable_filter(request: ReportRequest, call: ReportCall) -> Mapping[str, str]:
    """Return the longest filter of IDs that can be split without splitting a row; empty where there is none."""
    made_here = {
        name for name, ids in (("campaign_ids", call.campaigns), ("adgroup_ids", call.adgroups)) if ids
    }
    found = [
        (len(json.loads(item["filter_value"])), item)
        for item in _filters(call)
        if item["filter_type"] == "IN"
        and item["field_name"] not in made_here
        and request.data_level in LEVELS_OF_ID_FIELDS.get(item["field_name"], ())
    ]
    count, item = max(found, key=lambda pair: pair[0], default=(0, {}))
    return item if count > 1 else {}


def _filters(call: ReportCall) -> list[dict[str, str]]:
    filters = call.common.get("filtering")
    return list(filters) if isinstance(filters, list) else []


def _filtered(call: ReportCall, field_name: str, ids: Sequence[str]) -> ReportCall:
    """Return a call with a filter of IDs, in the place of all on the same field."""
    others = [item for item in _filters(call) if item["field_name"] != field_name]
    return _with_filter(call, others, field_name, ids)


def _with_filter(
    call: ReportCall, others: list[dict[str, str]], field_name: str, ids: Sequence[str]
) -> ReportCall:
    wanted = {"field_name": field_name, "filter_type": "IN", "filter_value": json.dumps(list(ids))}
    return replace(call, common={**call.common, "filtering": [*others, wanted]})
