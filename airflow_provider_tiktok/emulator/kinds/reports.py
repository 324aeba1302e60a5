"""The answers of reports."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_tiktok.emulator.errors import PERMISSION, TIMED_OUT, TOO_LARGE, ApiError
from airflow_provider_tiktok.emulator.kinds.accounts import authorized_account
from airflow_provider_tiktok.emulator.kinds.answers import Answer, Endpoint, page_info
from airflow_provider_tiktok.emulator.schemas.base import Params, ReportSchema
from airflow_provider_tiktok.emulator.schemas.business_center import BusinessCenter, Member
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


def report_of(schema: ReportSchema, path: str = REPORT_PATH) -> Endpoint:
    """Return the endpoint of one report type, for reports on given accounts.

    :param path: the path for which accounts must grant permission.
    """

    def serve(world: World, params: Params) -> Answer:
        query = schema.query(params)
        for advertiser_id in query.advertiser_ids:
            account = authorized_account(world, advertiser_id, path)
            if query.store is not None and query.store not in stores(account):
                raise ApiError(PERMISSION, f"No permission to operate store {query.store}.")
        return _answer(world, query)

    return serve


def bc_report(schema: BusinessCenter) -> Endpoint:
    """Return the endpoint of reports on the accounts of a Business Center."""

    def serve(world: World, params: Params) -> Answer:
        query = schema.query(params)
        if params.get("bc_id") != BC_ID:
            raise ApiError(PERMISSION, f"No permission to operate Business Center {params.get('bc_id')}.")
        predicates = [one.predicate("") for one in query.filters]

        def dollars(account: Account) -> float:
            total = Query(
                advertiser_ids=(account.advertiser_id,),
                level="",
                dimensions=(),
                metrics=query.metrics,
                report_type=query.report_type,
                start=query.start,
                end=query.end,
                merged=True,  # merged reports are in dollars
            )
            return world.table(total).sums(["spend"])["spend"] / 100

        accounts = tuple(
            account.advertiser_id
            for account in world.accounts.values()
            if not account.forbidden and all(matches(Member(account, dollars)) for matches in predicates)
        )
        return _answer(world, replace(query, advertiser_ids=accounts, filters=()))

    return serve


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
        rest=page_info(world, page, size, total),
    )
    if table.truncated and world.settings.cut_header:
        answer.headers.update(THROTTLE_HEADER)
    elif table.truncated:
        answer.rest["extra_info"] = {"search_ads_throttle": True}
    if query.totals:
        answer.rest["total_metrics"] = table.total_metrics()
    return answer
