"""The emulator as a web application: routes, the order of TikTok's checks, faults, the record of calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_tiktok.emulator.access import RateLimit
from airflow_provider_tiktok.emulator.calls import Call, CallLog, decode
from airflow_provider_tiktok.emulator.consent import EXCHANGE_PATH, PAGE, REVOKE_PATH, Grants
from airflow_provider_tiktok.emulator.endpoints import ENDPOINTS, ENDPOINTS_V2, Answer, Endpoint
from airflow_provider_tiktok.emulator.errors import ApiError, parameter_error
from airflow_provider_tiktok.emulator.faults import Fault, Faults, message_of
from airflow_provider_tiktok.emulator.params import Params
from airflow_provider_tiktok.emulator.responses import (
    BrokenResponse,
    envelope,
    not_found,
    spoil,
    spoil_answer,
    wrong_method,
)
from airflow_provider_tiktok.emulator.settings import Settings
from airflow_provider_tiktok.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

BASE = "/open_api/v1.3/"
BASE_V2 = "/open_api/v2.0/"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as it came in.

    :param readable: whether its body, if any, was a JSON object.
    """

    method: str
    path: str
    token: str | None
    params: Params
    readable: bool


class Service:
    """What all calls share: the world, the rate limit, the faults and the record."""

    def __init__(self, settings: Settings) -> None:
        self.world = World(settings)
        self.faults = Faults()
        self.calls = CallLog()
        self.limit = RateLimit()
        self.grants = Grants()

    def choose_fault(self, asked: Asked) -> Fault | None:
        """Find the fault that strikes at a call."""
        return self.faults.choose(asked.path, _advertiser_ids(asked.params), _page(asked.params))

    def respond(self, endpoint: Endpoint, asked: Asked, fault: Fault | None) -> Response:
        """Answer a call, right or wrong, and remember it."""
        try:
            answer, code, message = self._answer(endpoint, asked, fault), 0, "OK"
        except ApiError as error:
            answer, code, message = Answer(), error.code, error.message
        response = envelope(code, message, answer.to_json(), answer.headers)
        spoiled = spoil(response, fault) if fault else response
        if spoiled is response:
            self.remember(asked, fault, 200, code, len(answer.rows or ()))
        else:
            self.remember(asked, fault, 0 if isinstance(spoiled, BrokenResponse) else spoiled.status_code)
        return spoiled

    def remember(
        self, asked: Asked, fault: Fault | None, status: int = 0, code: int | None = None, rows: int = 0
    ) -> None:
        """Put a call on record."""
        query = decode({**asked.params.body, **asked.params.query})
        self.calls.add(
            Call(asked.method, asked.path, query, status, code, rows, fault=fault.kind if fault else None)
        )

    def _answer(self, endpoint: Endpoint, asked: Asked, fault: Fault | None) -> Answer:
        """Check a call in TikTok's order, and answer it.

        :raises ApiError: when TikTok would refuse it, or a fault says so.
        """
        settings = self.world.settings
        if not asked.path.endswith(EXCHANGE_PATH):  # whoever calls that has no token yet
            self.grants.check(asked.token, settings)
        self.limit.take(settings)
        if fault and fault.code is not None:
            ids = _advertiser_ids(asked.params) or ("0",)
            raise ApiError(fault.code, message_of(fault, app_id=settings.app_id, advertiser_id=ids[0]))
        if not asked.readable:
            raise parameter_error("Invalid JSON in the request body.")
        answer = endpoint(self.world, asked.params)
        if fault:
            spoil_answer(answer, fault.kind)
        return answer


def make_app(service: Service) -> Starlette:
    """Make the web application."""
    api = [
        Route(base + path, _serve(service, endpoint), methods=["GET"])
        for base, endpoints in ((BASE, ENDPOINTS), (BASE_V2, ENDPOINTS_V2))
        for path, endpoint in endpoints.items()
    ]
    consent = [
        Route(BASE + EXCHANGE_PATH, _serve(service, service.grants.exchange), methods=["POST"]),
        Route(BASE + REVOKE_PATH, _serve(service, service.grants.revoke), methods=["POST"]),
        Route(PAGE, _consent_page(service), methods=["GET"]),
    ]
    own = Route("/_emulator/calls/", _record_of(service), methods=["GET", "DELETE"])
    other = Route("/open_api/{version}/{path:path}", _other_version, methods=_METHODS)
    app = Starlette(
        routes=[*api, *consent, own, other],
        exception_handlers={404: _not_found, 405: _wrong_method},
    )
    app.router.redirect_slashes = False
    return app


def _serve(service: Service, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        started = time.perf_counter()
        body, readable = _read_body(await request.body())
        asked = Asked(
            method=request.method,
            path=request.url.path,
            token=request.headers.get("Access-Token"),
            # what is posted stands in the body only, and no secret in a URL
            params=Params(query=dict(request.query_params) if request.method == "GET" else {}, body=body),
            readable=readable,
        )
        fault = service.choose_fault(asked)
        if fault and fault.kind == "timeout":
            service.remember(asked, fault)  # now: the client will not wait until the end
            await _wait(request, fault.seconds)
            return BrokenResponse()
        response = service.respond(endpoint, asked, fault)
        # the latency is that of the whole call, whatever this machine takes for its part in it
        latency = service.world.settings.latency_ms / 1000 + (fault.seconds if fault else 0)
        await _wait(request, latency - (time.perf_counter() - started))
        return response

    return serve


def _consent_page(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        query = dict(request.query_params)
        asked = Asked("GET", request.url.path, None, Params(query=query, body={}), readable=True)
        fault = service.choose_fault(asked)
        response = service.grants.consent(query, service.world.settings, fault)
        service.remember(asked, fault, response.status_code)
        return response

    return page


def _record_of(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def record(request: Request) -> Response:
        if request.method == "DELETE":
            service.calls.clear()
        return JSONResponse([asdict(call) for call in service.calls.all()])

    return record


async def _other_version(request: Request) -> Response:
    """Answer another version of the API, or a path that v1.3 does not have."""
    version, path = request.path_params["version"], request.path_params["path"]
    if path in {"v1.3": {*ENDPOINTS, EXCHANGE_PATH, REVOKE_PATH}, "v2.0": ENDPOINTS_V2}.get(version, ()):
        return wrong_method()
    if version == "v1.3" or not path.endswith("/"):
        return not_found()
    return envelope(40051, f"Invalid API version: {version}.")


async def _not_found(request: Request, error: Exception) -> Response:
    return not_found()


async def _wrong_method(request: Request, error: Exception) -> Response:
    return wrong_method()


async def _wait(request: Request, seconds: float) -> None:
    """Wait, but not for a client that has gone."""
    if seconds <= 0:
        return
    gone = asyncio.ensure_future(request.receive())
    try:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(gone, seconds)
    finally:
        gone.cancel()


def _read_body(body: bytes) -> tuple[dict[str, Any], bool]:
    """Read a JSON body; say whether it made sense."""
    if not body.strip():
        return {}, True
    try:
        found = json.loads(body)
    except ValueError:
        return {}, False
    return (found, True) if isinstance(found, dict) else ({}, False)


def _advertiser_ids(params: Params) -> tuple[str, ...]:
    """Find the accounts of a call, however wrong the rest of it is."""
    with contextlib.suppress(ApiError):
        several = params.texts("advertiser_ids")
        if several:
            return several
    with contextlib.suppress(ApiError):
        one = params.text("advertiser_id")
        return (one,) if one else ()
    return ()


def _page(params: Params) -> int:
    try:
        return params.whole("page", 1, 1, None)
    except ApiError:
        return 1
