"""Envelopes, and every way in which a response can come out wrong."""

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

from airflow_provider_tiktok.emulator.endpoints import THROTTLE_HEADER, Answer
from airflow_provider_tiktok.emulator.faults import EXTRA_INFO_FAULTS
from airflow_provider_tiktok.emulator.pseudo_random import mix

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from airflow_provider_tiktok.emulator.faults import Fault
    from airflow_provider_tiktok.emulator.report_task_files import TaskFile

_serial = itertools.count(1)
_SPLIT = 2
_ENDLESS = 999_999_999


def request_id() -> str:
    """Make an ID as TikTok's are: the second in UTC, then 20 hexadecimal digits."""
    number = next(_serial)
    return f"{datetime.now(timezone.utc):%Y%m%d%H%M%S}{mix(number):016X}{number & 0xFFFF:04X}"


def envelope(code: int, message: str, data: str = "{}", headers: dict[str, str] | None = None) -> Response:
    """Wrap an answer as TikTok does: HTTP 200, whatever the code.

    :param data: as JSON.
    """
    identity = request_id()
    head = json.dumps({"code": code, "message": message, "request_id": identity}, ensure_ascii=False)
    return Response(
        f'{head[:-1]},"data":{data}}}',
        media_type="application/json",
        headers={"X-TT-LOGID": identity, **(headers or {})},
    )


def not_found() -> Response:
    """Answer a path that does not exist."""
    return PlainTextResponse("404 page not found", status_code=404)


def wrong_method() -> Response:
    """Answer a method that a path does not have."""
    return HTMLResponse("<html><body><h1>405 Method Not Allowed</h1></body></html>", status_code=405)


def spoil_answer(answer: Answer, kind: str) -> None:
    """Do to a report what a fault of a report says; ``total_number`` stays, unless that moves."""
    rows = answer.rows
    if rows is None or "page_info" not in answer.rest:
        return
    if kind == "drop_row" and rows:
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


def file_response(file: TaskFile, fault: Fault | None) -> Response:
    """Send a report task's file.

    :param fault: what of it a fault of a CSV file spoils.
    """
    kind = fault.kind if fault else None
    if kind is None or kind == "slow":
        return FileResponse(file.path, media_type=file.media_type)
    body = file.path.read_bytes()  # whole, for whoever breaks it off
    if file.media_type == "text/csv":
        body = _spoil_file(body, kind)
    return Response(body, media_type=file.media_type)


def _spoil_file(body: bytes, kind: str) -> bytes:
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
    """Answer an address that is not, or no longer, signed."""
    return PlainTextResponse("Forbidden", status_code=403)


def spoil(response: Response, fault: Fault) -> Response:
    """Do to a response what a fault of the answer or the connection says."""
    if isinstance(response, FileResponse):  # which faults that need its text do not get
        return response
    kind, body = fault.kind, bytes(response.body)
    if kind == "broken_json":
        return Response(body[: max(1, len(body) // _SPLIT)], media_type="application/json")
    if kind == "reset":
        return BrokenResponse(body, sent=fault.after_bytes, reset=True)
    if kind == "truncated":
        return BrokenResponse(body, sent=len(body) // _SPLIT, reset=False)
    made = _WHOLE.get(kind)
    return made() if made else response


_WHOLE: dict[str, Any] = {
    "http_500": lambda: PlainTextResponse("Internal Server Error", status_code=500),
    "http_502_html": lambda: HTMLResponse(
        "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", status_code=502
    ),
    "html_200": lambda: HTMLResponse("<!DOCTYPE html><html><body>Please wait...</body></html>"),
    "empty_body": lambda: Response(b"", media_type="application/json"),
    "not_object": lambda: Response(b'["OK"]', media_type="application/json"),
}


class BrokenResponse(Response):
    """A response whose connection ends before it does.

    :param body: what a whole response would have said.
    :param sent: how much of it goes out first; none sends no status line either.
    :param reset: whether the peer sees the connection reset, or only closed.
    """

    def __init__(self, body: bytes = b"", *, sent: int = 0, reset: bool = False) -> None:
        super().__init__(body, media_type="application/json")
        self._sent = sent
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the beginning and break off."""
        if self._sent:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send(
                {
                    "type": "http.response.body",
                    "body": bytes(self.body)[: min(self._sent, len(self.body) - 1)],
                    "more_body": True,
                }
            )
            await asyncio.sleep(0.02)  # what was sent shall arrive before the connection ends
        transport: asyncio.Transport = scope["state"]["transport"]
        if self._reset:
            with contextlib.suppress(OSError):  # nothing lingers: the peer is told at once
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            transport.abort()
        else:
            transport.close()
