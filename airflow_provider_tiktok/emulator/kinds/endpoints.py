"""The endpoints: one row for each path.

A report is a schema; another endpoint is the lines of its parameters and a function that makes the answer.
"""

from __future__ import annotations

from airflow_provider_tiktok.emulator.kinds.accounts import (
    APP,
    INFO,
    INFO_PATH,
    advertiser_info,
    advertisers,
    user_info,
)
from airflow_provider_tiktok.emulator.kinds.answers import Answer, Endpoint, endpoint
from airflow_provider_tiktok.emulator.kinds.listings import LISTINGS, listing_of
from airflow_provider_tiktok.emulator.kinds.reports import REPORT_PATH, bc_report, report_of
from airflow_provider_tiktok.emulator.schemas import base, fields
from airflow_provider_tiktok.emulator.schemas.base import Params
from airflow_provider_tiktok.emulator.schemas.basic import Audience, Basic, Catalog
from airflow_provider_tiktok.emulator.schemas.business_center import BusinessCenter
from airflow_provider_tiktok.emulator.schemas.gmv_max import GmvMax
from airflow_provider_tiktok.emulator.schemas.gmv_max_v2 import GmvMaxV2, VideosV2
from airflow_provider_tiktok.emulator.schemas.playable import Playable
from airflow_provider_tiktok.emulator.schemas.smart_plus import Breakdown, Overview
from airflow_provider_tiktok.emulator.schemas.tt_shop import TikTokShop
from airflow_provider_tiktok.emulator.world.world import World

REPORTS: dict[str, Endpoint] = {
    "BASIC": report_of(Basic()),
    "AUDIENCE": report_of(Audience()),
    "PLAYABLE_MATERIAL": report_of(Playable()),
    "CATALOG": report_of(Catalog()),
    "BC": bc_report(BusinessCenter()),
    "TT_SHOP": report_of(TikTokShop()),
}
"""The endpoint of each report type of ``report/integrated/get/``."""


_REPORT_TYPE: base.Lines = {
    "needed": base.required("report_type"),
    "report_type": fields.choice(tuple(REPORTS)),
}


def report(world: World, params: Params) -> Answer:
    """Return the answer of ``report/integrated/get/``."""
    return REPORTS[base.read(_REPORT_TYPE, params)["report_type"]](world, params)


_GMV_MAX_PATH = "gmv_max/report/get/"
_VIDEO_PATH = "gmv_max/video_list/report/get/"
_OVERVIEW_PATH = "smart_plus/material_report/overview/"
_BREAKDOWN_PATH = "smart_plus/material_report/breakdown/"

ENDPOINTS: dict[str, Endpoint] = {
    REPORT_PATH: report,
    _GMV_MAX_PATH: report_of(GmvMax(), _GMV_MAX_PATH),
    _OVERVIEW_PATH: report_of(Overview(), _OVERVIEW_PATH),
    _BREAKDOWN_PATH: report_of(Breakdown(), _BREAKDOWN_PATH),
    "oauth2/advertiser/get/": endpoint(APP, advertisers),
    INFO_PATH: endpoint(INFO, advertiser_info),
    "user/info/": endpoint({}, user_info),
    "user/info": endpoint({}, user_info),  # Singer's tap calls it without the slash
    **{path: listing_of(path) for path in LISTINGS},
}
"""The endpoint of each path of v1.3; all are GET."""

ENDPOINTS_V2: dict[str, Endpoint] = {
    _GMV_MAX_PATH: report_of(GmvMaxV2(), _GMV_MAX_PATH),
    _VIDEO_PATH: report_of(VideosV2(), _VIDEO_PATH),
}
"""The endpoint of each path of v2.0 that is served; all are GET."""
