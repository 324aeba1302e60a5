"""The emulator's web application: routes, checks in the order in which TikTok makes them, faults, the log of calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_tiktok import clock
from airflow_provider_tiktok.emulator.access import RateLimit, check_scope
from airflow_provider_tiktok.emulator.async_reports.endpoints import (
    DOWNLOAD_PATH,
    apply_task_fault,
    report_task_endpoints,
)
from airflow_provider_tiktok.emulator.async_reports.jobs import ReportTasks
from airflow_provider_tiktok.emulator.errors import ApiError, parameter_error
from airflow_provider_tiktok.emulator.faults import FILE_PATH, TASK_FAULTS, Fault, Faults, message_of
from airflow_provider_tiktok.emulator.http.calls import Call, CallLog, decode
from airflow_provider_tiktok.emulator.http.consent import EXCHANGE_PATH, PAGE, REVOKE_PATH, Grants
from airflow_provider_tiktok.emulator.http.responses import (
    BrokenResponse,
    apply_fault,
    apply_list_fault,
    envelope,
    file_response,
    forbidden,
    not_found,
    wrong_method,
)
from airflow_provider_tiktok.emulator.kinds.answers import Answer, Endpoint
from airflow_provider_tiktok.emulator.kinds.endpoints import ENDPOINTS, ENDPOINTS_V2
from airflow_provider_tiktok.emulator.schemas import fields
from airflow_provider_tiktok.emulator.schemas.base import CallValues, Params
from airflow_provider_tiktok.emulator.settings import Settings
from airflow_provider_tiktok.emulator.world.world import World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from starlette.requests import Request

    from airflow_provider_tiktok.emulator.kinds.answers import ReportTaskFile

BASE = "/open_api/v1.3/"
BASE_V2 = "/open_api/v2.0/"


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """One call as received.

    :param readable: whether the body, if any, was a JSON object.
    """

    method: str
    path: str
    params: Params
    readable: bool


class Service:
    """The state that all calls share: accounts and ads, rate limit, faults, log of calls, tokens, report tasks."""

    def __init__(self, settings: Settings) -> None:
        self.world = World(settings)
        self.faults = Faults()
        self.calls = CallLog()
        self.limit = RateLimit()
        self.grants = Grants()
        self.tasks = ReportTasks()

    def choose_fault(self, parsed: ParsedRequest) -> Fault | None:
        """Return the fault that applies to a call, if any."""
        if not self.faults:
            return None
        return self.faults.choose(parsed.path, _advertiser_ids(parsed.params), _page(parsed.params))

    def respond(self, endpoint: Endpoint, parsed: ParsedRequest, fault: Fault | None) -> Response:
        """Return the response to a call, with the fault applied, and record the call."""
        try:
            answer, code, message = self._answer(endpoint, parsed, fault), 0, "OK"
        except ApiError as error:
            answer, code, message = Answer(), error.code, error.message
        if answer.file:
            return self.send(parsed, answer.file, fault)
        response = envelope(code, message, answer.to_json(), answer.headers)
        return self._send(parsed, fault, response, code, len(answer.rows or ()))

    def send(self, parsed: ParsedRequest, file: ReportTaskFile | None, fault: Fault | None) -> Response:
        """Return the response with a file, or a refusal without one, and record the call."""
        if file is None:
            return self._send(parsed, fault, forbidden(), None, 0)
        return self._send(parsed, fault, file_response(file, fault), None, file.rows)

    def _send(
        self, parsed: ParsedRequest, fault: Fault | None, response: Response, code: int | None, rows: int
    ) -> Response:
        faulty = apply_fault(response, fault) if fault else response
        if faulty is response:
            self.record(parsed, fault, response.status_code, code, rows)
        else:
            self.record(parsed, fault, 0 if isinstance(faulty, BrokenResponse) else faulty.status_code)
        return faulty

    def record(
        self,
        parsed: ParsedRequest,
        fault: Fault | None,
        status: int = 0,
        code: int | None = None,
        rows: int = 0,
    ) -> None:
        """Record a call."""
        query = decode({**parsed.params.body, **parsed.params.query})
        self.calls.add(
            Call(
                parsed.method,
                parsed.path,
                query,
                status,
                code,
                rows,
                fault=fault.kind if fault else None,
                with_token=bool(parsed.params.token),
            )
        )

    def _answer(self, endpoint: Endpoint, parsed: ParsedRequest, fault: Fault | None) -> Answer:
        """Return the answer to a call, after TikTok's checks in TikTok's order.

        :raises ApiError: if TikTok would refuse the call, or a fault refuses it.
        """
        settings = self.world.settings
        if not parsed.path.endswith(EXCHANGE_PATH):  # its caller has no token yet
            self.grants.check(parsed.params.token, settings)
            check_scope(parsed.path.removeprefix(BASE).removeprefix(BASE_V2), settings)
        self.limit.acquire(settings)
        if fault and fault.code is not None:
            ids = _advertiser_ids(parsed.params) or ("0",)
            raise ApiError(fault.code, message_of(fault, app_id=settings.app_id, advertiser_id=ids[0]))
        if not parsed.readable:
            raise parameter_error("Invalid JSON in the request body.")
        answer = endpoint(self.world, parsed.params)
        if fault and fault.kind in TASK_FAULTS:
            apply_task_fault(self.tasks, answer, fault)
        elif fault:
            apply_list_fault(answer, fault.kind)
        return answer


def make_app(service: Service) -> Starlette:
    """Return the web application."""
    paths: dict[str, tuple[str, Endpoint]] = {
        **{BASE + path: ("GET", endpoint) for path, endpoint in ENDPOINTS.items()},
        **{BASE_V2 + path: ("GET", endpoint) for path, endpoint in ENDPOINTS_V2.items()},
        **{BASE + path: serve for path, serve in report_task_endpoints(service.tasks).items()},
        BASE + EXCHANGE_PATH: ("POST", service.grants.exchange),
        BASE + REVOKE_PATH: ("POST", service.grants.revoke),
    }
    routes = [Route(path, _serve(service, one), methods=[method]) for path, (method, one) in paths.items()]
    app = Starlette(
        routes=[
            *routes,
            Route(PAGE, _consent_page(service), methods=["GET"]),
            Route(f"{FILE_PATH}{{name}}", _serve_files(service), methods=["GET"]),
            Route("/_emulator/calls/", _serve_calls(service), methods=["GET", "DELETE"]),
            Route(
                "/open_api/{version}/{path:path}",
                _other_path(paths),
                methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            ),
        ],
        exception_handlers={404: _not_found, 405: _wrong_method},
    )
    app.router.redirect_slashes = False
    return app


def _serve(service: Service, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        started = time.perf_counter()
        parsed = _read(request, await request.body())
        fault = service.choose_fault(parsed)
        if fault and fault.kind == "timeout":
            return await _never_answer(service, request, parsed, fault)
        if parsed.path.endswith(DOWNLOAD_PATH):  # writing a large file must not block other calls
            response = await asyncio.to_thread(service.respond, endpoint, parsed, fault)
        else:
            response = service.respond(endpoint, parsed, fault)
        # the latency includes the time that this machine takes to answer
        latency = service.world.settings.latency_ms / 1000 + (fault.seconds if fault else 0)
        await _wait(request, latency - (time.perf_counter() - started))
        return response

    return serve


def _consent_page(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        query = dict(request.query_params)
        parsed = ParsedRequest("GET", request.url.path, Params(query=query, body={}), readable=True)
        fault = service.choose_fault(parsed)
        response = service.grants.consent(query, service.world.settings, fault)
        service.record(parsed, fault, response.status_code)
        return response

    return page


def _serve_files(service: Service) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of report tasks' files, which accepts every signed URL that has not expired."""

    async def serve(request: Request) -> Response:
        parsed = _read(request, b"")
        fault = service.faults.choose(FILE_PATH, (), 1)
        if fault and fault.kind == "timeout":
            return await _never_answer(service, request, parsed, fault)
        signed = [request.query_params.get(name, "") for name in ("expire", "timeStamp", "sign")]
        file = await asyncio.to_thread(service.tasks.file_at, parsed.path, *signed)
        response = service.send(parsed, file, fault)
        await _wait(request, service.world.settings.latency_ms / 1000 + (fault.seconds if fault else 0))
        return response

    return serve


def _read(request: Request, raw: bytes) -> ParsedRequest:
    body, readable = _read_body(raw)
    path: str = request.scope["path"]  # request.url makes a URL first, which takes long
    host = str(request.base_url).rstrip("/") if path.endswith(DOWNLOAD_PATH) else ""
    # the consent endpoints read the body only, so that no secret is in a URL
    text = (
        "" if path.endswith((EXCHANGE_PATH, REVOKE_PATH)) else request.scope["query_string"].decode("latin-1")
    )
    query = dict(parse_qsl(text, keep_blank_values=True))
    params = Params(query, body, token=request.headers.get("Access-Token", ""), host=host)
    return ParsedRequest(request.method, path, params, readable)


async def _never_answer(service: Service, request: Request, parsed: ParsedRequest, fault: Fault) -> Response:
    service.record(parsed, fault)  # before the wait, because the client may disconnect first
    # in real time, because the client's socket waits in real time
    await _wait(request, fault.seconds, asyncio.sleep)
    return BrokenResponse()


def _serve_calls(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        if request.method == "DELETE":
            service.calls.clear()
        return JSONResponse([asdict(call) for call in service.calls.all()])

    return serve


def _other_path(paths: Collection[str]) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of other methods of paths, of other paths, and of other versions of the API."""

    async def serve(request: Request) -> Response:
        if request.url.path in paths:
            return wrong_method()
        version, path = request.path_params["version"], request.path_params["path"]
        if version == "v1.3" or not path.endswith("/"):
            return not_found()
        return envelope(40051, f"Invalid API version: {version}.")

    return serve


async def _not_found(request: Request, error: Exception) -> Response:
    return not_found()


async def _wrong_method(request: Request, error: Exception) -> Response:
    return wrong_method()


async def _wait(
    request: Request, seconds: float, sleep: Callable[[float], Awaitable[None]] = clock.sleep
) -> None:
    """Wait for some seconds, or until the client disconnects."""
    if seconds <= 0:
        return
    waits = [asyncio.ensure_future(one) for one in (request.receive(), sleep(seconds))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()


def _read_body(body: bytes) -> tuple[dict[str, Any], bool]:
    """Return a JSON body, and whether it is valid."""
    if not body.strip():
        return {}, True
    try:
        found = json.loads(body)
    except ValueError:
        return {}, False
    return (found, True) if isinstance(found, dict) else ({}, False)


def _advertiser_ids(params: Params) -> tuple[str, ...]:
    """Return the accounts of a call, even if its other parameters are invalid."""
    for name, field in (("advertiser_ids", fields.strings()), ("advertiser_id", fields.string())):
        with contextlib.suppress(ApiError):
            found = CallValues(params).read(name, field)
            if found:
                return found if isinstance(found, tuple) else (found,)
    return ()


def _page(params: Params) -> int:
    try:
        return int(CallValues(params).read("page", fields.whole(1)))
    except ApiError:
        return 1
