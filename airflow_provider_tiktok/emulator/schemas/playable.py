"""The parameters of PLAYABLE_MATERIAL reports, which TikTok hardly documents."""

from __future__ import annotations

from typing import Any

from airflow_provider_tiktok.emulator.schemas import base, checks, fields
from airflow_provider_tiktok.emulator.schemas.filters import filters
from airflow_provider_tiktok.emulator.world.conditions import Field


def _check_playable(call: base.CallValues) -> None:
    if "playable_id" not in call["dimensions"]:
        raise checks.wrong_dimensions("dimension playable_id is required")


def _check_lifetime(call: base.CallValues) -> None:
    if call["query_lifetime"] and "country_code" in call["dimensions"]:
        raise checks.wrong_dimensions("country_code is not supported when query_lifetime is true")


class Playable(base.ReportSchema):
    """PLAYABLE_MATERIAL reports."""

    kind = "PLAYABLE_MATERIAL"
    rules = (checks.dates, checks.metrics, checks.order)

    needed = base.required("advertiser_id", "dimensions")
    service_type = base.NO_RESERVATION
    query_mode = base.NO_CHUNKS
    enable_total_metrics = base.never("enable_total_metrics")
    dimensions = base.dimensions()
    playable = base.Step(_check_playable)
    query_lifetime = fields.flag()
    lifetime = base.Step(_check_lifetime)
    metrics = fields.strings()
    dates = base.dates()
    filtering = filters({"playable_status": Field(lambda ad, _: "STATUS_NOT_DELETE")})
    page, page_size = base.paging()
    advertiser_id = fields.identifier()
    order_field, order_type = base.ordering()

    def parts(self, call: base.CallValues) -> dict[str, Any]:
        """Return a split by playables, without filters: all emulated playables have the same status."""
        breakdowns = tuple(name for name in ("playable_id", "country_code") if name in call["dimensions"])
        return {"id_dimensions": (), "breakdowns": breakdowns, "filters": ()}
