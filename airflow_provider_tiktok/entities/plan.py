"""The plan of a list of entities: its accounts, and the sweeps of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any, ClassVar

from airflow_provider_tiktok.api.client import TikTokClient
from airflow_provider_tiktok.api.endpoints.advertisers import Advertiser
from airflow_provider_tiktok.entities.kinds import KINDS
from airflow_provider_tiktok.entities.request import EntityRequest
from airflow_provider_tiktok.exceptions import TikTokAPIError
from airflow_provider_tiktok.reports.planning.plan import ReportCall, Window, first_of, windows_in
from airflow_provider_tiktok.reports.planning.planner import list_accounts


@dataclass(frozen=True, slots=True)
class Everything(Window):
    """All entities of an account: the one window of a list, which has no days.

    :param what: their plural.
    """

    what: str = "entities"

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True)
class EntityPlan:
    """The calls of a list of entities: those of each account are its sweeps, whose rows are one list.

    :param request: what is listed.
    :param advertiser_ids: the accounts, in order.
    :param calls: the first call of every sweep.
    :param described: what TikTok said of the accounts, where they are what is listed; ``None`` if it wasn't asked.
    """

    request: EntityRequest
    advertiser_ids: tuple[str, ...]
    calls: tuple[ReportCall, ...]
    described: Mapping[str, Advertiser] | None = None

    refused: ClassVar[Mapping[str, TikTokAPIError]] = {}
    zones: ClassVar[Mapping[str, tzinfo]] = {}
    start_date: ClassVar[date | None] = None
    end_date: ClassVar[date | None] = None

    def __len__(self) -> int:
        return len(self.calls)

    @property
    def path(self) -> str:
        """TikTok's endpoint."""
        return self.request.kind.path

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts."""
        return self.advertiser_ids

    @property
    def windows(self) -> list[tuple[ReportCall, ...]]:
        """The sweeps of each account."""
        return windows_in(self.calls)

    def facts(self) -> dict[str, Any]:
        """Return what is known before the first row, as the summary has it."""
        return {"advertiser_ids": list(self.advertiser_ids), "entity": self.request.kind.name}

    def decided(self) -> dict[str, Any]:
        """Return what is listed, for people who read the task's rendered fields."""
        return {
            "entity": self.request.kind.name,
            "fields": list(self.request.fields) or "all",
            "accounts": first_of(dict.fromkeys(self.advertiser_ids, self.request.kind.plural)),
            "lists": len(self.calls),
        }


def plan_entities(client: TikTokClient, request: EntityRequest) -> EntityPlan:
    """Return the plan of a list of entities.

    :param client: for ``"*"``.
    :raises TikTokInvalidRequestError: there is no account.
    """
    accounts = list_accounts(client, request)
    calls = [call for advertiser_id in accounts for call in _calls_of(request, advertiser_id)]
    return EntityPlan(request, accounts, tuple(calls))


def list_all(entity: str, advertiser_id: str, filters: Mapping[str, Any]) -> list[ReportCall]:
    """Return the calls that list all of an account's entities of a kind, deleted ones included, by their IDs.

    :param entity: the kind's name.
    :param filters: as TikTok's ``filtering`` has them.
    """
    kind = KINDS[entity]
    return _calls_of(EntityRequest(kind, (advertiser_id,), (), (kind.key,), filters), advertiser_id)


def _calls_of(request: EntityRequest, advertiser_id: str) -> list[ReportCall]:
    """Return the first call of each of an account's sweeps."""
    kind = request.kind
    return [
        ReportCall(
            advertiser_id,
            Everything(what=kind.plural),
            params,
            part=name,
            list_key=kind.list_key,
            reach=kind.reach,
            path=kind.path,
            options={"marks_numbers": True},
        )
        for name, params in request.calls()
    ]
