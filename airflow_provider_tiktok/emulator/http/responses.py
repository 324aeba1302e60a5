"""Envelopes, files, and the faults of responses."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import itertools
import json
import socket
import struct
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response

from airflow_provider_tiktok.emulator.faults import EXTRA_INFO_FAULTS
from airflow_provider_tiktok.emulator.kinds.answers import Answer
from airflow_provider_tiktok.emulator.kinds.reports import THROTTLE_HEADER
from airflow_provider_tiktok.emulator.world.pseudo_random import mix

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from airflow_provider_tiktok.emulator.faults import Fault
    from airflow_provider_tiktok.emulator.kinds.answers import ReportTaskFile

_serial = itertools.count(1)

_ENDLESS = 999_999_999


def request_id() -> str:
    """Return an ID in TikTok's form: the time in UTC to the second, then 20 hexadecimal digits."""
    number = next(_serial)
    return f"{datetime.now(timezone.utc):%Y%m%d%H%M%S}{mix(number):016X}{number & 0xFFFF:04X}"


def envelope(code: int, message: str, data: str = "{}", headers: dict[str, str] | None = None) -> Response:
    """Return an answer in TikTok's envelope: HTTP 200 with every code.

    :param data: the ``data`` as JSON.
    """
    identity = request_id()
    head = json.dumps({"code": code, "message": message, "request_id": identity}, ensure_ascii=False)
    return Response(
        f'{head[:-1]},"data":{data}}}',
        media_type="application/json",
        headers={"X-TT-LOGID": identity, **(headers or {})},
    )


def not_found() -> Response:
    """Return the response for a path that does not exist."""
    return PlainTextResponse("404 page not found", status_code=404)


def wrong_method() -> Response:
    """Return the response for a method that a path does not have."""
    return HTMLResponse("<html><body><h1>405 Method Not Allowed</h1></body></html>", status_code=405)


_MOVES = {"list_grows": -1, "list_shrinks": 1}


def apply_list_fault(answer: Answer, kind: str) -> None:
    """Apply a fault of a report or of a list of entities to an answer; most leave the totals alone."""
    rows = answer.rows
    if rows is None or "page_info" not in answer.rest:
        return
    if kind in _MOVES and answer.shifted is not None:
        _move(answer, answer.shifted, _MOVES[kind])
    elif kind == "drop_row" and rows:
        del rows[len(rows) // 2]
    elif kind == "duplicate_row" and rows:
        rows.insert(len(rows) // 2, rows[len(rows) // 2])
    elif kind == "short_page":
        del rows[(len(rows) + 1) // 2 :]
    elif kind == "moving_total":
        info = answer.rest["page_info"]
        info["total_number"] += 1 + next(_serial) % 7
        info["total_page"] = -(-info["total_number"] // info["page_size"])
    elif kind == "throttle_header":
        answer.headers.update(THROTTLE_HEADER)
    elif kind == "endless_pages":
        del rows[1:]
        info = answer.rest["page_info"]
        info |= {"total_number": _ENDLESS, "total_page": -(-_ENDLESS // info["page_size"])}
    elif kind in EXTRA_INFO_FAULTS:
        answer.rest["extra_info"] = {kind: True}


def _move(answer: Answer, shifted: Callable[[int], list[str]], places: int) -> None:
    """Let a list have moved by some places since its first page was read."""
    info = answer.rest["page_info"]
    if info["page"] > 1:
        answer.rows = shifted(places)
        info["total_number"] -= places
        info["total_page"] = -(-info["total_number"] // info["page_size"])


def file_response(file: ReportTaskFile, fault: Fault | None) -> Response:
    """Return a response with a report task's file.

    :param fault: the fault of a CSV file to apply, if any.
    """
    kind = fault.kind if fault else None
    if kind is None or kind == "slow":
        return FileResponse(file.path, media_type=file.media_type)
    body = file.path.read_bytes()  # faults need the complete body
    if file.media_type == "text/csv":
        body = _apply_file_fault(body, kind)
    return Response(body, media_type=file.media_type)


def _apply_file_fault(body: bytes, kind: str) -> bytes:
    if kind == "cut_file":
        return body[: len(body) * 2 // 3].rstrip(b"\n")
    rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
    middle = len(rows) // 2
    if kind == "drop_row" and middle:
        del rows[middle]
    elif kind == "duplicate_row" and middle:
        rows.insert(middle, rows[middle])
    else:
        return body
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def forbidden() -> Response:
    """Return the response for a URL that is not signed or has expired."""
    return PlainTextResponse("Forbidden", status_code=403)


def apply_fault(response: Response, fault: Fault) -> Response:
    """Return a response with a fault of the answer or the connection applied."""
    if isinstance(response, FileResponse):  # file_response has applied the fault to files
        return response
    kind, body = fault.kind, bytes(response.body)
    if kind == "broken_json":
        return Response(body[: max(1, len(body) // 2)], media_type="application/json")
    if kind == "reset":
        return BrokenResponse(body, sent=fault.after_bytes, reset=True)
    if kind == "truncated":
        return BrokenResponse(body, sent=len(body) // 2, reset=False)
    replacement = _REPLACEMENTS.get(kind)
    return replacement() if replacement else response


_REPLACEMENTS: dict[str, Any] = {
    "http_500": lambda: PlainTextResponse("Internal Server Error", status_code=500),
    "http_502_html": lambda: HTMLResponse(
        "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", status_code=502
    ),
    "html_200": lambda: HTMLResponse("<!DOCTYPE html><html><body>Please wait...</body></html>"),
    "empty_body": lambda: Response(b"", media_type="application/json"),
    "not_object": lambda: Response(b'["OK"]', media_type="application/json"),
}


class BrokenResponse(Response):
    """A response whose connection closes before the body is complete.

    :param body: the complete body.
    :param sent: how many bytes are sent first; 0 sends no status line either.
    :param reset: whether the client sees the connection reset, or only closed.
    """

    def __init__(self, body: bytes = b"", *, sent: int = 0, reset: bool = False) -> None:
        super().__init__(body, media_type="application/json")
        self._sent = sent
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the beginning of the body and close the connection."""
        if self._sent:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send(
                {
                    "type": "http.response.body",
                    "body": bytes(self.body)[: min(self._sent, len(self.body) - 1)],
                    "more_body": True,
                }
            )
            await asyncio.sleep(0.02)  # so that the bytes arrive before the connection closes
        transport: asyncio.Transport = scope["state"]["transport"]
        if self._reset:
            with contextlib.suppress(OSError):  # without lingering, the client sees the reset immediately
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            transport.abort()
        else:
            transport.close()
