"""The column titles and the cells of a report task's file."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.emulator.world.table import is_attribute

_TITLES = {
    "ad_id": "AD ID",
    "adgroup_id": "Ad Group ID",
    "adgroup_name": "Ad Group Name",
    "clicks": "Click",
    "country_code": "Country",
    "impressions": "Impression",
    "spend": "Cost",
    "stat_time_day": "Date",
    "stat_time_hour": "Time",
}
_CAPITALS = frozenset({"id", "cpa", "cpc", "cpm", "ctr", "cvr", "skan", "url", "vta", "cta", "evta"})
_FIRST = (
    *("advertiser_id", "advertiser_name", "campaign_id", "campaign_name", "adgroup_id", "adgroup_name"),
    *("ad_id", "ad_id_v2", "ad_name"),
)
"""The columns that come first, in any order of the call."""

_COUNTRIES = {
    **{"US": "United States", "CA": "Canada", "MX": "Mexico", "DE": "Germany", "AT": "Austria"},
    **{"CH": "Switzerland", "JP": "Japan", "KR": "South Korea", "TW": "Taiwan", "IN": "India"},
    **{"LK": "Sri Lanka", "NP": "Nepal", "BR": "Brazil", "PT": "Portugal", "AR": "Argentina"},
    **{"NZ": "New Zealand", "AU": "Australia", "FJ": "Fiji"},
}


def columns_of(query: Query) -> list[str]:
    """Return a file's columns in order: IDs with their names, the other dimensions, the metrics."""
    names = list(dict.fromkeys((*query.dimensions, *query.metrics)))
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))


def title_of(name: str) -> str:
    """Return the title of a dimension or metric in TikTok's files."""
    if name in _TITLES:
        return _TITLES[name]
    return " ".join(word.upper() if word in _CAPITALS else word.capitalize() for word in name.split("_"))


def cells_of(row: dict[str, dict[str, Any]], columns: list[str], query: Query, *, titles: bool) -> list[str]:
    """Return one row of a report as the cells of a file.

    :param row: the row of a synchronous report.
    :param titles: whether audiences have the names of TikTok Ads Manager.
    """
    return [_cell(name, row, query, titles) for name in columns]


def _cell(name: str, row: dict[str, dict[str, Any]], query: Query, titles: bool) -> str:
    if name in row["dimensions"]:
        return _dimension(name, str(row["dimensions"][name]), titles)
    value = row["metrics"][name]
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value if is_attribute(name, query.report_type) else _figure(value)


def _dimension(name: str, value: str, titles: bool) -> str:
    if name == "country_code":
        return _COUNTRIES.get(value, value)  # TikTok's known issue: its files have names instead of codes
    if titles and name == "age":
        return value.removeprefix("AGE_").replace("_", "-")
    return value.lower() if titles and name == "gender" else value


def _figure(value: str) -> str:
    """Return a figure as in TikTok's files: without trailing zeros."""
    return value.rstrip("0").rstrip(".") if "." in value else value
