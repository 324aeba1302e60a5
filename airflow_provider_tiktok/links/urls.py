"""Build the addresses of pages about a report, from known facts only: no call is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from airflow_provider_tiktok.api.credentials import ALL_ADVERTISERS, parse_advertiser_ids
from airflow_provider_tiktok.exceptions import TikTokError
from airflow_provider_tiktok.reports.params import coerce
from airflow_provider_tiktok.reports.presets import PRESETS
from airflow_provider_tiktok.storage.files.target import parse_target

ADS_MANAGER = "https://ads.tiktok.com/i18n"
BUSINESS_CENTER = "https://business.tiktok.com/manage/overview"

PAGES = {
    "campaign": "perf/campaign",
    "adgroup": "perf/adgroup",
    "ad": "perf/creative",
}
"""Pages of Ads Manager by the ID of the rows; other reports are on the dashboard.

TikTok documents none of its pages. These, and ``aadvid`` for the account, come from links that users share.
"""

_DASHBOARD = "dashboard"
_LEVEL = re.compile(r"\b(campaign|adgroup|ad)_id(?:_v2)?\b")


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """The known facts about a task's report; each may be missing.

    :param advertiser_id: its account, or the first of several.
    :param bc_id: the business center of a ``BC`` report.
    :param level: the entity of the rows: ``campaign``, ``adgroup``, ``ad`` or empty.
    :param start_date: first day, as ``YYYY-MM-DD``.
    :param end_date: last day.
    :param output_path: file or folder; empty if rows go to XCom.
    :param is_folder: whether it is a folder.
    """

    advertiser_id: str = ""
    bc_id: str = ""
    level: str = ""
    start_date: str = ""
    end_date: str = ""
    output_path: str = ""
    is_folder: bool = False


def read_facts(fields: Mapping[str, Any], known: Mapping[str, Any]) -> ReportFacts:
    """Return the facts from the operator's fields and the report's summary.

    :param fields: the operator's template fields, rendered if possible.
    :param known: the report's summary, or the part of it that is known so far.
    """
    output_path, is_folder = _output(fields)
    return ReportFacts(
        advertiser_id=_first_account(known.get("advertiser_ids") or fields.get("advertiser_ids")),
        bc_id=_business_center(fields.get("request_params")),
        level=_level(fields),
        start_date=_day(known.get("report_start_date") or fields.get("report_start_date")),
        end_date=_day(known.get("report_end_date") or fields.get("report_end_date")),
        output_path=output_path,
        is_folder=is_folder,
    )


def ads_manager_url(facts: ReportFacts) -> str:
    """Return the page of Ads Manager with the report's account at its level, or that of the Business Center.

    The days are passed as ``st`` and ``et``; a version of Ads Manager that doesn't know these shows its own
    default days.
    """
    if facts.bc_id:
        return f"{BUSINESS_CENTER}?{urlencode({'org_id': facts.bc_id})}"
    if not facts.advertiser_id:
        return ""
    days = {"st": facts.start_date or facts.end_date, "et": facts.end_date or facts.start_date}
    query = {"aadvid": facts.advertiser_id, **{name: day for name, day in days.items() if day}}
    return f"{ADS_MANAGER}/{PAGES.get(facts.level, _DASHBOARD)}?{urlencode(query)}"


def output_url(facts: ReportFacts, xcom_page: str) -> str:
    """Return the page that shows the output.

    A browser opens no local file from a page, so the link of a local file is the task's XCom page, which
    names the files; so is the link of rows in XCom. The path follows ``#``, so that users can copy it.

    :param xcom_page: address of the XCom page of the task; may be empty.
    """
    if not facts.output_path:
        return xcom_page
    parts = urlsplit(facts.output_path)
    scheme = parts.scheme.lower() if "://" in facts.output_path else ""
    if scheme in {"", "file", "local"}:
        return f"{xcom_page}#{quote(facts.output_path, safe='/:=@')}" if xcom_page else ""
    console = CONSOLES.get(scheme)
    host = parts.netloc.rpartition("@")[2]  # an Airflow connection may precede it
    return console(host, parts.path.strip("/"), facts) if console else ""


def _s3(bucket: str, key: str, facts: ReportFacts) -> str:
    kind, slash = ("buckets", "/") if facts.is_folder else ("object", "")
    prefix = f"{key}{slash}" if key else ""
    return f"https://console.aws.amazon.com/s3/{kind}/{quote(bucket)}?{urlencode({'prefix': prefix})}"


def _gcs(bucket: str, key: str, facts: ReportFacts) -> str:
    kind = "browser" if facts.is_folder else "browser/_details"
    return f"https://console.cloud.google.com/storage/{kind}/{quote(bucket)}/{quote(key)}"


def _azure(host: str, path: str, facts: ReportFacts) -> str:
    """Return the blob's own address; the portal's address needs a subscription's ID."""
    container, _, account = urlsplit(facts.output_path).netloc.partition("@")
    if not account.endswith((".dfs.core.windows.net", ".blob.core.windows.net")):
        return ""
    return f"https://{host.replace('.dfs.', '.blob.', 1)}/{quote(container)}/{quote(path)}"


CONSOLES: dict[str, Callable[[str, str, ReportFacts], str]] = {
    **dict.fromkeys(("s3", "s3a", "s3n"), _s3),
    **dict.fromkeys(("gs", "gcs"), _gcs),
    **dict.fromkeys(("abfs", "abfss", "wasb"), _azure),
}
"""The functions that build a storage's addresses, by the scheme of its URLs."""


def _first_account(value: object) -> str:
    try:
        ids = parse_advertiser_ids(coerce.structure(value) or (), name="advertiser_ids", star=True)
    except ValueError:
        return ""  # a template that is not rendered
    return ids[0] if ids and ids[0] != ALL_ADVERTISERS else ""


def _business_center(request_params: object) -> str:
    parameters = coerce.structure(request_params)
    found = str(parameters.get("bc_id") or "") if isinstance(parameters, Mapping) else ""
    return found if found.isascii() and found.isdigit() else ""


def _level(fields: Mapping[str, Any]) -> str:
    """Return the lowest entity of the rows, from the operator's dimensions or else from the preset."""
    listed = str(fields.get("entity") or "").strip().removeprefix("smart_plus_").removeprefix("gmv_max_")
    if listed in PAGES:
        return listed
    for source in (fields, PRESETS.get(str(fields.get("preset")).strip(), {})):
        found = set(_LEVEL.findall(str(source.get("dimensions") or "")))
        found.add(str(source.get("data_level") or "").strip().upper().removeprefix("AUCTION_").lower())
        for level in reversed(PAGES):
            if level in found:
                return level
        if source.get("dimensions"):
            break  # they name no such ID, and take precedence over the preset's
    return ""


def _day(value: object) -> str:
    try:
        day = coerce.day(value, "day")
    except ValueError:
        return ""
    return day.isoformat() if day else ""


def _output(fields: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the output path, and whether it is a folder; no path if the fields aren't valid."""
    try:
        path = coerce.path(fields.get("output_path"), "output_path") or ""
        output_format = coerce.text(fields.get("output_format"), "output_format")
        partition_by = coerce.names(fields.get("partition_by"), "partition_by") or ()
        return path, bool(path) and parse_target(path, output_format, partition_by).is_folder
    except TikTokError:
        return "", False
