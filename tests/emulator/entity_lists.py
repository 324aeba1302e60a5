"""The lists of entities of one world, for tests of them."""

from __future__ import annotations

from typing import Any

from airflow_provider_tiktok.emulator import Settings, World
from airflow_provider_tiktok.emulator.kinds.listings import LISTINGS

from .conftest import TODAY, fetch, ordinary

ADS = 160
WORLD = World(Settings(seed=4, ads=ADS, today=TODAY, forbidden_account=True))
OWN = ordinary(WORLD)
CAMPAIGN, ADGROUP, AD = "campaign/get/", "adgroup/get/", "ad/get/"
SMART_CAMPAIGN, SMART_ADGROUP, SMART_AD = (f"smart_plus/{path}" for path in (CAMPAIGN, ADGROUP, AD))
GMV_MAX = "gmv_max/campaign/get/"
VIDEO, IMAGE = "file/video/ad/search/", "file/image/ad/search/"
IDENTITY, AUDIENCE, PIXEL = "identity/get/", "dmp/custom_audience/list/", "pixel/list/"
TOP_VIEW = {"buying_types": ["RESERVATION_TOP_VIEW"]}
PROMOTE = {"campaign_system_origins": ["PROMOTE"]}
PRODUCT, LIVE = ({"gmv_max_promotion_types": [f"{kind}_GMV_MAX"]} for kind in ("PRODUCT", "LIVE"))
EVERYTHING, DELETED = {"primary_status": "STATUS_ALL"}, {"primary_status": "STATUS_DELETE"}
KEYS = {SMART_AD: "smart_plus_ad_id", GMV_MAX: "campaign_id", AUDIENCE: "audience_id"}
WITH_STATUS = tuple(path for path, listing in LISTINGS.items() if listing.level and path != GMV_MAX)


def key_of(path: str) -> str:
    return KEYS.get(path, f"{LISTINGS[path].entity.removeprefix('smart_plus_')}_id")


def data_of(
    path: str, filtering: dict[str, Any] | None = None, *, world: World = WORLD, **params: Any
) -> Any:
    """Return the data of a list; by default a page has as many rows as it can."""
    given = PRODUCT if path == GMV_MAX and filtering is None else filtering
    size = 100 if given and "buying_types" in given else LISTINGS[path].most
    own = ordinary(world)
    return fetch(world, path, **{"advertiser_id": own, "filtering": given, "page_size": size, **params})


def rows(path: str, filtering: dict[str, Any] | None = None, **params: Any) -> list[dict[str, Any]]:
    """Return all rows of a list, of all pages."""
    found: list[dict[str, Any]] = []
    for page in range(1, 100):
        data = data_of(path, filtering, page=page, **params)
        found += data[LISTINGS[path].key]
        if page >= data["page_info"]["total_page"]:
            break
    return found


def ids(path: str, filtering: dict[str, Any] | None = None, **params: Any) -> list[str]:
    return [row[key_of(path)] for row in rows(path, filtering, **params)]


def all_rows(path: str) -> list[dict[str, Any]]:
    """Return the rows of every sweep."""
    if path == GMV_MAX:
        return [
            row for kind in (PRODUCT, LIVE) for status in ({}, DELETED) for row in rows(path, kind | status)
        ]
    sweeps = [EVERYTHING] if path in WITH_STATUS else [None]
    if path in (CAMPAIGN, ADGROUP, AD):
        sweeps += [EVERYTHING | TOP_VIEW, EVERYTHING | PROMOTE]
    return [row for sweep in sweeps for row in rows(path, sweep)]
