"""The endpoints' answers, without HTTP.

An endpoint is a function that takes the world and a call's parameters and returns an :class:`Answer`.
To add an endpoint, add its function to :data:`ENDPOINTS`; to add a report type, add it to :data:`REPORTS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_tiktok.emulator.access import check_app
from airflow_provider_tiktok.emulator.errors import PERMISSION, TIMED_OUT, TOO_LARGE, ApiError, not_acceptable
from airflow_provider_tiktok.emulator.kinds.answers import Answer
from airflow_provider_tiktok.emulator.kinds.listings import LISTINGS, read_fields, read_filter, rows_of
from airflow_provider_tiktok.emulator.schemas.basic import parse_audience, parse_basic, parse_catalog
from airflow_provider_tiktok.emulator.schemas.business_center import Member, parse_bc
from airflow_provider_tiktok.emulator.schemas.checks import read_page
from airflow_provider_tiktok.emulator.schemas.gmv_max import parse_gmv_max, parse_gmv_max_v2, parse_videos_v2
from airflow_provider_tiktok.emulator.schemas.params import Params
from airflow_provider_tiktok.emulator.schemas.playable import parse_playable
from airflow_provider_tiktok.emulator.schemas.smart_plus import parse_breakdown, parse_overview
from airflow_provider_tiktok.emulator.schemas.tt_shop import parse_tt_shop
from airflow_provider_tiktok.emulator.world.accounts import BC_ID, Account
from airflow_provider_tiktok.emulator.world.query import Query
from airflow_provider_tiktok.emulator.world.shop import stores
from airflow_provider_tiktok.emulator.world.world import World

THROTTLE_HEADER = {
    "X-Tt-Ads-Throttle": (
        "Number of ad ids is equal or more than 20k, only return the top 20k id's results, "
        "sorting by create time desc order."
    )
}
REPORT_PATH = "report/integrated/get/"
_INFO_PATH = "advertiser/info/"
_MAX_ACCOUNTS = 100


Endpoint = Callable[[World, Params], Answer]


def report(world: World, params: Params) -> Answer:
    """Return the answer of ``report/integrated/get/``."""
    params.require("report_type")
    kind = params.choice("report_type", tuple(REPORTS)) or ""
    return REPORTS[kind](world, params)


def report_of(parse: Callable[[Params], Query], path: str = REPORT_PATH) -> Endpoint:
    """Return the endpoint of one report type, for reports on given accounts.

    :param parse: returns the checked report of a call.
    :param path: the path for which accounts must grant permission.
    """

    def serve(world: World, params: Params) -> Answer:
        query = parse(params)
        for advertiser_id in query.advertiser_ids:
            account = authorized_account(world, advertiser_id, path)
            if query.store is not None and query.store not in stores(account):
                raise ApiError(PERMISSION, f"No permission to operate store {query.store}.")
        return _answer(world, query)

    return serve


def bc_report(world: World, params: Params) -> Answer:
    """Return the answer of a BC report, on the accounts of a Business Center."""
    query, filters = parse_bc(params)
    if params.string("bc_id") != BC_ID:
        raise ApiError(PERMISSION, f"No permission to operate Business Center {params.string('bc_id')}.")
    predicates = [one.predicate("") for one in filters]

    def dollars(account: Account) -> float:
        total = replace(
            query,
            advertiser_ids=(account.advertiser_id,),
            dimensions=(),
            id_dimensions=(),
            time_dimension=None,
            breakdowns=(),
            order_field=None,
            merged=True,  # merged reports are in dollars
        )
        return world.table(total).sums(["spend"])["spend"] / 100

    accounts = tuple(
        account.advertiser_id
        for account in world.accounts.values()
        if not account.forbidden and all(matches(Member(account, dollars)) for matches in predicates)
    )
    return _answer(world, replace(query, advertiser_ids=accounts))


def _answer(world: World, query: Query) -> Answer:
    table = world.table(query)
    total = len(table)
    figures = total * len(query.metrics)
    for limit, code in ((world.settings.max_cells, TOO_LARGE), (world.settings.slow_cells, TIMED_OUT)):
        if limit and figures > limit:
            raise ApiError(code)
    if query.unpaged:
        page, size, first = 1, max(total, 1), 0
    else:
        page, size, first = query.page, query.page_size, (query.page - 1) * query.page_size
    answer = Answer(
        rows=table.render(first, first + size),
        rest=_page_info(world, page, size, total),
    )
    if table.truncated and world.settings.cut_header:
        answer.headers.update(THROTTLE_HEADER)
    elif table.truncated:
        answer.rest["extra_info"] = {"search_ads_throttle": True}
    if query.totals:
        answer.rest["total_metrics"] = table.total_metrics()
    return answer


def _page_info(world: World, page: int, size: int, total: int) -> dict[str, Any]:
    pages = -(-total // size) if total else world.settings.empty_total_page
    return {"page_info": {"page": page, "page_size": size, "total_number": total, "total_page": pages}}


def listing_of(path: str) -> Endpoint:
    """Return the endpoint that lists an account's campaigns, ad groups or ads."""
    listing = LISTINGS[path]

    def serve(world: World, params: Params) -> Answer:
        params.require("advertiser_id")
        advertiser_id = params.identifier("advertiser_id") or ""
        fields, matches = read_fields(listing, params), read_filter(listing, params)
        page, size = read_page(params)
        account = authorized_account(world, advertiser_id, path)
        rows = rows_of(listing, account, list(filter(matches, world.ads(advertiser_id))), fields)
        first = (page - 1) * size
        return Answer(rows=rows[first : first + size], rest=_page_info(world, page, size, len(rows)))

    return serve


def advertisers(world: World, params: Params) -> Answer:
    """Return the answer of ``oauth2/advertiser/get/``: the accounts that the token can access."""
    params.require("app_id", "secret")
    check_app(params.identifier("app_id") or "", params.string("secret") or "", world.settings)
    return Answer(
        rows=[
            _json({"advertiser_id": account.advertiser_id, "advertiser_name": account.name})
            for account in world.accounts.values()
        ]
    )


def advertiser_info(world: World, params: Params) -> Answer:
    """Return the answer of ``advertiser/info/``: the accounts' currencies, time zones and so on."""
    params.require("advertiser_ids")
    wanted = params.identifiers("advertiser_ids", _MAX_ACCOUNTS) or ()
    fields = params.strings("fields")
    if fields is not None and not set(fields) <= set(_INFO):
        raise not_acceptable("fields", tuple(_INFO))
    # one account without permission fails the call
    accounts = [authorized_account(world, one, _INFO_PATH) for one in dict.fromkeys(wanted)]
    return Answer(
        rows=[_json({name: _INFO[name](account) for name in fields or _INFO}) for account in accounts]
    )


def user_info(world: World, params: Params) -> Answer:
    """Return the answer of ``user/info/``: the owner of the token."""
    return Answer(
        rest={
            "core_user_id": str(7_000_000_000_000_000_000 + world.settings.seed),
            "create_time": 1_670_000_000,
            "display_name": "Emulated user",
            "email": "u***r@example.com",
        }
    )


def authorized_account(world: World, advertiser_id: str, path: str) -> Account:
    """Return an account that the token may read.

    :raises ApiError: if the account does not exist or does not grant permission.
    """
    account = world.accounts.get(advertiser_id)
    if account is None:
        raise ApiError(PERMISSION, f"The advertiser {advertiser_id} doesn't exist or has been deleted.")
    if account.forbidden:
        raise ApiError(PERMISSION, f"advertiser does not grant you /{path}:GET permission")
    return account


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _always(value: Any) -> Callable[[Account], Any]:
    return lambda account: value


_INFO: Mapping[str, Callable[[Account], Any]] = {
    "advertiser_id": lambda account: account.advertiser_id,
    "name": lambda account: account.name,
    "company": lambda account: account.name,
    "status": _always("STATUS_ENABLE"),
    "role": _always("ROLE_ADVERTISER"),
    "currency": lambda account: account.currency,
    "timezone": lambda account: account.posix_zone,
    "display_timezone": lambda account: account.zone,
    "country": lambda account: account.country,
    "language": _always("en"),
    "balance": _always(0.0),
    "create_time": lambda account: account.create_time,
    "advertiser_account_type": _always("AUCTION"),
    "owner_bc_id": _always(BC_ID),
    "industry": _always("292108"),
    "promotion_area": _always("0"),
    "rejection_reason": _always(""),
    "description": _always(""),
    "license_no": _always(""),
    "license_url": _always(None),
    "ads_only_mode": _always(False),
    **dict.fromkeys(
        (
            *("address", "brand", "cellphone_number", "contacter", "email", "license_city"),
            *("license_province", "promotion_center_city", "promotion_center_province", "telephone_number"),
        ),
        _always(None),
    ),
}

REPORTS: dict[str, Endpoint] = {
    "BASIC": report_of(parse_basic),
    "AUDIENCE": report_of(parse_audience),
    "PLAYABLE_MATERIAL": report_of(parse_playable),
    "CATALOG": report_of(parse_catalog),
    "BC": bc_report,
    "TT_SHOP": report_of(parse_tt_shop),
}
"""The endpoint of each report type."""

_GMV_MAX_PATH = "gmv_max/report/get/"
_VIDEO_PATH = "gmv_max/video_list/report/get/"
_OVERVIEW_PATH = "smart_plus/material_report/overview/"
_BREAKDOWN_PATH = "smart_plus/material_report/breakdown/"

ENDPOINTS: dict[str, Endpoint] = {
    REPORT_PATH: report,
    _GMV_MAX_PATH: report_of(parse_gmv_max, _GMV_MAX_PATH),
    _OVERVIEW_PATH: report_of(parse_overview, _OVERVIEW_PATH),
    _BREAKDOWN_PATH: report_of(parse_breakdown, _BREAKDOWN_PATH),
    "oauth2/advertiser/get/": advertisers,
    _INFO_PATH: advertiser_info,
    "user/info/": user_info,
    "user/info": user_info,  # Singer's tap calls it without the slash
    **{path: listing_of(path) for path in LISTINGS},
}
"""The endpoint of each path of v1.3; all are GET."""

ENDPOINTS_V2: dict[str, Endpoint] = {
    _GMV_MAX_PATH: report_of(parse_gmv_max_v2, _GMV_MAX_PATH),
    _VIDEO_PATH: report_of(parse_videos_v2, _VIDEO_PATH),
}
"""The endpoint of each path of v2.0 that is served; all are GET."""
