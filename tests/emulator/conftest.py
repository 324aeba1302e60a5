"""The shared emulator of these tests, at a fixed time, and a client for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import requests

from airflow_provider_tiktok.emulator import Emulator, Settings, World, serve
from airflow_provider_tiktok.emulator.kinds.endpoints import ENDPOINTS, ENDPOINTS_V2
from airflow_provider_tiktok.emulator.schemas.base import Params

TODAY = datetime(2026, 11, 20, 20, 30, tzinfo=timezone.utc)
TOKEN = "good-token"
REPORT = "report/integrated/get/"


class Client:
    """An HTTP client of one emulator."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.session = requests.Session()

    def get(self, path: str, token: str | None = TOKEN, **params: Any) -> requests.Response:
        encoded = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in params.items()
            if value is not None
        }
        headers = {"Access-Token": token} if token is not None else {}
        return self.session.get(
            f"{self.emulator.url}/open_api/v1.3/{path}", params=encoded, headers=headers, timeout=60
        )

    def post(self, path: str, token: str = TOKEN, **body: Any) -> dict[str, Any]:
        """Send a JSON body and return the answer; ``None`` omits a parameter."""
        answer: dict[str, Any] = self.session.post(
            f"{self.emulator.url}/open_api/v1.3/{path}",
            json={name: value for name, value in body.items() if value is not None},
            headers={"Access-Token": token},
            timeout=60,
        ).json()
        return answer

    def report(self, **changes: Any) -> dict[str, Any]:
        """Return the answer to a valid report with changes; ``None`` omits a parameter."""
        answer: dict[str, Any] = self.get(REPORT, **{**self.legal(), **changes}).json()
        return answer

    def legal(self) -> dict[str, Any]:
        return {
            "advertiser_id": ordinary(self.emulator.world),
            "report_type": "BASIC",
            "data_level": "AUCTION_AD",
            "dimensions": ["ad_id", "stat_time_day"],
            "metrics": ["spend", "impressions"],
            "start_date": "2026-11-01",
            "end_date": "2026-11-03",
        }


def ordinary(world: World, place: int = 0) -> str:
    return list(world.accounts)[place]


def fetch(world: World, path: str = REPORT, *, v2: bool = False, **params: Any) -> dict[str, Any]:
    """Return the data of a report without HTTP; ``None`` omits a parameter."""
    given = {name: value for name, value in params.items() if value is not None}
    answer = (ENDPOINTS_V2 if v2 else ENDPOINTS)[path](world, Params(query={}, body=given))
    data: dict[str, Any] = json.loads(answer.to_json())
    return data


@pytest.fixture(scope="session")
def session_emulator() -> Iterator[Emulator]:
    with serve(Settings(today=TODAY, forbidden_account=True)) as emulator:
        yield emulator


@pytest.fixture
def client(session_emulator: Emulator) -> Iterator[Client]:
    yield Client(session_emulator)
    session_emulator.set_faults([])
    session_emulator.clear()


@pytest.fixture(scope="session")
def world(session_emulator: Emulator) -> World:
    return session_emulator.world


@pytest.fixture
def own_client() -> Iterator[Callable[..., Client]]:
    """Start an emulator with separate settings and return its client."""
    running = []

    def start(**settings: Any) -> Client:
        context = serve(Settings(**{"today": TODAY, **settings}))
        running.append(context)
        return Client(context.__enter__())

    yield start
    for context in running:
        context.__exit__(None, None, None)
