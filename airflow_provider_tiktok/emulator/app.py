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

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.emulator.access import RateLimit
from airflow_provider_tiktok.emulator.calls import Call, CallLog, decode
from airflow_provider_tiktok.emulator.consent import EXCHANGE_PATH, PAGE, REVOKE_PATH, Grants
from airflow_provider_tiktok.emulator.endpoints import ENDPOINTS, ENDPOINTS_V2, Answer, Endpoint
from airflow_provider_tiktok.emulator.errors import ApiError, parameter_error
from airflow_provider_tiktok.emulator.faults import FILE_PATH, TASK_FAULTS, Fault, Faults, message_of
from airflow_provider_tiktok.emulator.params import Params
from airflow_provider_tiktok.emulator.report_task_endpoints import (
    DOWNLOAD_PATH,
    METHODS,
    strike_task,
    task_endpoints,
)
from airflow_provider_tiktok.emulator.report_tasks import Tasks
from airflow_provider_tiktok.emulator.responses import (
    BrokenResponse,
    envelope,
    file_response,
    forbidden,
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

    from airflow_provider_tiktok.emulator.report_task_files import TaskFile

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
        self.tasks = Tasks()

    def choose_fault(self, asked: Asked) -> Fault | None:
        """Find the fault that strikes at a call."""
        return self.faults.choose(asked.path, _advertiser_ids(asked.params), _page(asked.params))

    def respond(self, endpoint: Endpoint, asked: Asked, fault: Fault | None) -> Response:
        """Answer a call, right or wrong, and remember it."""
        try:
            answer, code, message = self._answer(endpoint, asked, fault), 0, "OK"
        except ApiError as error:
            answer, code, message = Answer(), error.code, error.message
        if answer.file:
            return self.send(asked, answer.file, fault)
        response = envelope(code, message, answer.to_json(), answer.headers)
        return self._send(asked, fault, response, code, len(answer.rows or ()))

    def send(self, asked: Asked, file: TaskFile | None, fault: Fault | None) -> Response:
        """Send a file, or none where its address is not good, and remember it."""
        if file is None:
            return self._send(asked, fault, forbidden(), None, 0)
        return self._send(asked, fault, file_response(file, fault), None, file.rows)

    def _send(
        self, asked: Asked, fault: Fault | None, response: Response, code: int | None, rows: int
    ) -> Response:
        spoiled = spoil(response, fault) if fault else response
        if spoiled is response:
            self.remember(asked, fault, response.status_code, code, rows)
        else:
            self.remember(asked, fault, 0 if isinstance(spoiled, BrokenResponse) else spoiled.status_code)
        return spoiled

    def remember(
        self, asked: Asked, fault: Fault | None, status: int = 0, code: int | None = None, rows: int = 0
    ) -> None:
        """Put a call on record."""
        query = decode({**asked.params.body, **asked.params.query})
        self.calls.add(
            Call(
                asked.method,
                asked.path,
                query,
                status,
                code,
                rows,
                fault=fault.kind if fault else None,
                with_token=bool(asked.token),
            )
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
        if fault and fault.kind in TASK_FAULTS:
            strike_task(self.tasks, answer, fault)
        elif fault:
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
    tasks = [
        Route(BASE + path, _serve(service, endpoint), methods=[METHODS[path]])
        for path, endpoint in task_endpoints(service.tasks).items()
    ]
    files = Route(f"{FILE_PATH}{{name}}", _serve_files(service), methods=["GET"])
    own = Route("/_emulator/calls/", _record_of(service), methods=["GET", "DELETE"])
    other = Route("/open_api/{version}/{path:path}", _other_version, methods=_METHODS)
    app = Starlette(
        routes=[*api, *tasks, *consent, files, own, other],
        exception_handlers={404: _not_found, 405: _wrong_method},
    )
    app.router.redirect_slashes = False
    return app


def _serve(service: Service, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        started = time.perf_counter()
        asked = _read(request, await request.body())
        fault = service.choose_fault(asked)
        if fault and fault.kind == "timeout":
            return await _say_nothing(service, request, asked, fault)
        if asked.path.endswith(DOWNLOAD_PATH):  # writing a large file shall hold up nobody
            response = await asyncio.to_thread(service.respond, endpoint, asked, fault)
        else:
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


def _serve_files(service: Service) -> Callable[[Request], Awaitable[Response]]:
    """Serve the files of report tasks, to whoever has an address that is signed and still good."""

    async def serve(request: Request) -> Response:
        asked = _read(request, b"")
        fault = service.faults.choose(FILE_PATH, (), 1)
        if fault and fault.kind == "timeout":
            return await _say_nothing(service, request, asked, fault)
        signed = [request.query_params.get(name, "") for name in ("expire", "timeStamp", "sign")]
        file = await asyncio.to_thread(service.tasks.open, asked.path, *signed)
        response = service.send(asked, file, fault)
        await _wait(request, service.world.settings.latency_ms / 1000 + (fault.seconds if fault else 0))
        return response

    return serve


def _read(request: Request, raw: bytes) -> Asked:
    body, readable = _read_body(raw)
    token = request.headers.get("Access-Token")
    host = str(request.base_url).rstrip("/")
    # what is posted to the consent's endpoints stands in the body only, and no secret in a URL
    posted = request.url.path.endswith((EXCHANGE_PATH, REVOKE_PATH))
    query = {} if posted else dict(request.query_params)
    return Asked(
        method=request.method,
        path=request.url.path,
        token=token,
        params=Params(query=query, body=body, token=token or "", host=host),
        readable=readable,
    )


async def _say_nothing(service: Service, request: Request, asked: Asked, fault: Fault) -> Response:
    service.remember(asked, fault)  # now: the client will not wait until the end
    await _wait(request, fault.seconds, asyncio.sleep)  # until the client's socket has waited for long enough
    return BrokenResponse()


def _record_of(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def record(request: Request) -> Response:
        if request.method == "DELETE":
            service.calls.clear()
        return JSONResponse([asdict(call) for call in service.calls.all()])

    return record


async def _other_version(request: Request) -> Response:
    """Answer another version of the API, or a path that v1.3 does not have."""
    version, path = request.path_params["version"], request.path_params["path"]
    if path in {"v1.3": {*ENDPOINTS, *METHODS, EXCHANGE_PATH, REVOKE_PATH}, "v2.0": {*ENDPOINTS_V2}}.get(
        version, ()
    ):
        return wrong_method()
    if version == "v1.3" or not path.endswith("/"):
        return not_found()
    return envelope(40051, f"Invalid API version: {version}.")


async def _not_found(request: Request, error: Exception) -> Response:
    return not_found()


async def _wrong_method(request: Request, error: Exception) -> Response:
    return wrong_method()


async def _wait(
    request: Request, seconds: float, sleep: Callable[[float], Awaitable[None]] = clock.sleep
) -> None:
    """Wait, but not for a client that has gone."""
    if seconds <= 0:
        return
    waits = [asyncio.ensure_future(one) for one in (request.receive(), sleep(seconds))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()


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
