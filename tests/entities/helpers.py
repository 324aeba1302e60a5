"""A client that makes no calls, and small lists for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from airflow_provider_tiktok.api.calls import JsonNumber
from airflow_provider_tiktok.entities.fetch import open_source
from airflow_provider_tiktok.entities.plan import plan_entities
from airflow_provider_tiktok.entities.request import parse_entities
from airflow_provider_tiktok.entities.rows import open_rows, to_dicts
from tests.reports.helpers import FakeClient

ONE, TWO = "7000000000000000001", "7000000000000000002"


class ListClient(FakeClient):
    """Answers the calls of a list from a function of path and parameters, and records them."""

    def __init__(self, answer: Callable[[str, dict[str, Any]], Any], seconds: float = 0) -> None:
        super().__init__(delay=lambda: seconds)
        self._list = answer

    def get(self, path: str, params: dict[str, Any], *, marks_numbers: bool = False, **about: Any) -> Any:
        assert marks_numbers
        return super().get(path, params, **about)

    def _answer(self, path: str, params: dict[str, Any]) -> Any:
        return self._list(path, params)


def page_of(items: list[Any], params: dict[str, Any], key: str = "list", **changes: Any) -> dict[str, Any]:
    """Return a page of these items, with numbers as a client reads them."""
    page, size = params["page"], params["page_size"]
    info = {"page": page, "page_size": size, "total_number": len(items), "total_page": -(-len(items) // size)}
    read = json.loads(json.dumps(items[(page - 1) * size : page * size]), parse_float=JsonNumber)
    return {key: read, "page_info": info | changes}


def sweep_of(params: dict[str, Any]) -> str:
    """Return which of the three sweeps of campaigns, ad groups and ads a call is of."""
    filtering = params["filtering"] or {}
    if "RESERVATION_TOP_VIEW" in filtering.get("buying_types", []):
        return "top view"
    return "promote" if "campaign_system_origins" in filtering else "first"


def listed(
    client: ListClient, entity: str, *, accounts: Any = ONE, policy: str = "fail", **parameters: Any
) -> list[dict]:
    """Return all rows of a list as dicts."""
    plan = plan_entities(client, parse_entities(entity=entity, advertiser_ids=accounts, **parameters))
    source = open_source(client, plan, encode=open_rows, on_advertiser_error=policy)
    rows = [row for batch in source.batches() for row in to_dicts(source.reader.schema, batch, str)]
    client.result = source.result
    return rows
