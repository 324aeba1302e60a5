"""Plan a request: its accounts, and the days of each, as calls that TikTok accepts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, tzinfo

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.credentials import ALL_ADVERTISERS
from airflow_provider_tiktok.api.endpoints import advertisers
from airflow_provider_tiktok.api.endpoints.advertisers import Advertiser
from airflow_provider_tiktok.api.zones import read_zone
from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokInvalidRequestError
from airflow_provider_tiktok.reports.params.checks import check_sandbox
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.model import ReportRequest, Request
from airflow_provider_tiktok.reports.planning.finality import LAST_TO_END, complete_at, corrected_at
from airflow_provider_tiktok.reports.planning.plan import ReportCall, ReportPlan, RunTime
from airflow_provider_tiktok.reports.planning.windows import days_of, windows_of

log = logging.getLogger(__name__)


def make_plan(
    client: TikTokClient, request: ReportRequest, run: RunTime, *, now: datetime | None = None
) -> ReportPlan:
    """Return the plan of a report. TikTok is asked about the accounts only if the answer matters.

    :param client: for ``"*"`` and for time zones.
    :param request: the report.
    :param run: decides the days if the request names none.
    :param now: the current time; for tests.
    :raises TikTokInvalidRequestError: there is no account.
    """
    if client.credentials.is_sandbox:
        check_sandbox(request.shape)
        if request.is_async:
            raise invalid("mode", "is async, and TikTok's sandbox has no report tasks. Use sync there.")
    ids = _accounts(client, request)
    zones: dict[str, tzinfo] = {}
    described: Mapping[str, Advertiser] | None = None
    refused: dict[str, TikTokAPIError] = {}
    if _days_depend_on_zones(request, run):
        zones, details = _zones(client, ids)
        described = details.found
        unknown = [name for name in ids if name not in zones and name not in details.refused]
        refused = details.refused | {name: _zone_unknown(name, details) for name in unknown}
    elif _finality_depends_on_zones(request, run, now):
        zones, described = _zones_if_possible(client, ids)
    common = request.params()
    filters = request.split_filters()
    calls = [
        ReportCall(
            advertiser_id,
            window,
            {**common, "filtering": filtering} if filtering else common,
            request.kind.account,
            f"filter {number} of {len(filters)}" if len(filters) > 1 else "",
        )
        for advertiser_id in ids
        if advertiser_id not in refused
        for window in windows_of(request, days_of(request, run, zones.get(advertiser_id)))
        for number, filtering in enumerate(filters, start=1)
    ]
    return ReportPlan(request, ids, tuple(calls), refused, zones, described)


def final_times(
    client: TikTokClient, request: ReportRequest, run: RunTime, *, correction: bool = True, now: datetime
) -> dict[str, datetime]:
    """Return when the figures of each account's last day are final.

    TikTok is asked about the accounts at most, and not at all if the day is final everywhere on Earth.

    :param run: decides the day if the request names none.
    :param correction: wait for TikTok's daily correction, too.
    :return: times in UTC by account, or by the business center that represents its accounts; under an empty name
        if one time is late enough for every account.
    :raises TikTokAPIError: TikTok refuses an account, or doesn't send the time zone that decides its day.
    """
    if request.query_lifetime:
        raise invalid("query_lifetime", "is True, and lifetime figures are never final. Name a day instead.")
    final_at = corrected_at if correction else complete_at
    last = request.end_date or (run.days[1] if run.days else None)
    if last is not None and (everywhere := final_at(request, last, LAST_TO_END)) <= now:
        return {"": everywhere}
    ids = _accounts(client, request)
    zones: dict[str, tzinfo] = {}
    details = advertisers.Details()
    if request.kind.account == "advertiser_id":
        zones, details = _zones(client, ids)
        for error in details.refused.values():
            raise error
    times = {}
    for name in ids:
        if name not in zones and _days_depend_on_zones(request, run):
            raise _zone_unknown(name, details)
        if days := days_of(request, run, zones.get(name)):
            times[name] = final_at(request, days[1], zones.get(name, LAST_TO_END))
    return times


def _accounts(client: TikTokClient, request: ReportRequest) -> tuple[str, ...]:
    """Return the accounts of a report, or the business center of a report on one."""
    if request.kind.account != "advertiser_id":
        return (str(request.extra[request.kind.account]),)
    return list_accounts(client, request)


def list_accounts(client: TikTokClient, request: Request) -> tuple[str, ...]:
    """Return the accounts that a request is of.

    :raises TikTokInvalidRequestError: there is none.
    """
    ids = _named_accounts(client, request)
    left = tuple(name for name in ids if name not in request.exclude_advertiser_ids)
    if not left:
        raise invalid("exclude_advertiser_ids", "holds every account. Leave at least one.")
    return left


def _named_accounts(client: TikTokClient, request: Request) -> tuple[str, ...]:
    named = client.credentials.advertiser_ids if request.advertiser_ids is None else request.advertiser_ids
    if not named:
        raise TikTokInvalidRequestError(
            "`advertiser_ids` is given neither here nor in the Airflow connection. Name the accounts, or "
            'use "*" for every account that the token reaches.'
        )
    if named == (ALL_ADVERTISERS,):
        ids = tuple(sorted(advertisers.list_authorised(client)))  # TikTok lists them in any order
        if not ids:
            raise TikTokInvalidRequestError(
                '`advertiser_ids` is "*", but no advertiser account has authorised this app. Authorise the app again '
                "and tick the accounts."
            )
        return ids
    return named


def _days_depend_on_zones(request: ReportRequest, run: RunTime) -> bool:
    """Return whether the report covers each account's own last complete day."""
    return (
        request.kind.account == "advertiser_id"
        and not request.query_lifetime
        and request.end_date is None
        and run.days is None
    )


def _finality_depends_on_zones(request: ReportRequest, run: RunTime, now: datetime | None) -> bool:
    """Return whether the last day isn't final everywhere on Earth yet."""
    last = request.end_date or (run.days[1] if run.days else None)
    if request.query_lifetime or last is None or request.kind.account != "advertiser_id":
        return False
    return (now or clock.now()) < complete_at(request, last, LAST_TO_END)


def _zones(client: TikTokClient, ids: tuple[str, ...]) -> tuple[dict[str, tzinfo], advertisers.Details]:
    """Return the known time zones by account, and TikTok's complete answer."""
    details = advertisers.describe(client, ids)
    zones = {name: zone for name, found in details.found.items() if (zone := read_zone(found.timezone))}
    return zones, details


def _zones_if_possible(
    client: TikTokClient, ids: tuple[str, ...]
) -> tuple[dict[str, tzinfo], Mapping[str, Advertiser]]:
    """Return the zones, and what else TikTok says; only the summary uses them, so the report doesn't need them."""
    try:
        zones, details = _zones(client, ids)
    except TikTokAPIError as error:
        log.warning("The accounts' time zones are unknown, so the figures count as not final. %s", error)
        return {}, {}
    return zones, details.found


def _zone_unknown(advertiser_id: str, details: advertisers.Details) -> TikTokInvalidRequestError:
    found = details.found.get(advertiser_id)
    problem = (
        f"TikTok names the time zone of advertiser {advertiser_id} {found.timezone!r}, which Python doesn't know"
        if found and found.timezone
        else f"TikTok doesn't send the time zone of advertiser {advertiser_id}"
    )
    return TikTokInvalidRequestError(
        f"{problem}, so its last complete day is unknown. Set `report_start_date`."
    )
