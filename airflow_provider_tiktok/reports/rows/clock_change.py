"""Detect the hour that comes twice on the day on which an account's clock is set back.

How TikTok reports it by the hour is unknown. One row for both hours is their sum, and rows whose times differ, by an
offset for example, are kept unchanged. If two rows have the same time, nothing distinguishes them: keeping one would
lose spend, and keeping both would break the key of a table or of a join.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta, tzinfo

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.endpoints.advertisers import describe
from airflow_provider_tiktok.api.zones import read_zone
from airflow_provider_tiktok.exceptions import TikTokAPIError, TikTokIncompleteReportError
from airflow_provider_tiktok.reports.planning.plan import ReportCall, ReportPlan
from airflow_provider_tiktok.reports.report_types import HOUR


def is_repeated(hour: datetime, zone: tzinfo) -> bool:
    """Return whether some time within an hour comes twice in a time zone.

    :param hour: when the hour begins, in the zone's local time.
    """
    for minute in range(60):
        time = (hour + timedelta(minutes=minute)).replace(tzinfo=zone)
        first, second = time.replace(fold=0).utcoffset(), time.replace(fold=1).utcoffset()
        if first is not None and second is not None and first > second:
            return True
    return False


def repeated_hour_error(
    client: TikTokClient, plan: ReportPlan, call: ReportCall, times: Collection[str]
) -> TikTokIncompleteReportError | None:
    """Return the error for rows that came twice because their hour did; ``None`` if that isn't the reason.

    :param client: asks for the account's time zone if the plan didn't need it.
    :param times: of the rows that came twice.
    """
    if HOUR not in plan.request.dimensions or not times:
        return None
    zone = plan.zones.get(call.advertiser_id) or _zone_of(client, call.advertiser_id)
    try:
        hours = sorted(datetime.fromisoformat(text) for text in times)
    except ValueError:
        return None
    if zone is None or not all(hour.tzinfo is None and is_repeated(hour, zone) for hour in hours):
        return None
    day = hours[0].date()
    return TikTokIncompleteReportError(
        f"The report has an hour twice: on {day} the clock of {zone} is set back, the time zone of {call.account}, "
        f"{call.window}, and TikTok sent rows of {', '.join(f'{hour:%H:%M}' for hour in hours)} twice, with nothing that "
        "tells the two hours apart. Nothing is published, and running the task again won't help. Leave that day out of the "
        "hourly report, and ask for it by stat_time_day, or without stat_time_hour.",
        retryable=False,
    )


def _zone_of(client: TikTokClient, advertiser_id: str) -> tzinfo | None:
    try:
        found = describe(client, [advertiser_id]).found.get(advertiser_id)
    except TikTokAPIError:
        return None
    return read_zone(found.timezone) if found else None
