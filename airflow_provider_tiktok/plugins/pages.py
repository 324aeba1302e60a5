"""Serve the files of a page, as an ASGI application that Airflow's API server mounts.

Airflow serves such pages without a login, so that they may hold no data. The files are few and fixed: what is asked for is
looked up among them, and no path is ever made of a request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("static")

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
}
"""What is served, by extension; Python's own table depends on the machine."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",  # Airflow shows the page in a frame
    )
)
"""The content security policy: nothing inline and nothing from outside."""

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-cache",  # after an update of the package, modules of two versions must not meet
}

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class StaticPages:
    """Serves the files in :data:`FOLDER`.

    :param url_prefix: where the application is mounted.
    """

    def __init__(self, url_prefix: str) -> None:
        self._mount = f"{url_prefix}/"

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """Return all files by their path below the prefix."""
        found = (path for path in FOLDER.rglob("*") if path.suffix in MEDIA_TYPES)
        return {path.relative_to(FOLDER).as_posix(): path for path in found}

    async def __call__(self, scope: Mapping[str, Any], receive: object, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        # Airflow may have a base path in front, and its versions disagree on whether the path has it
        name = scope["path"].rpartition(self._mount)[2]
        if scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, 405, b"", "text/plain")
        elif name not in self.files:
            await _answer(send, 404, b"", "text/plain")
        else:
            path = self.files[name]
            body = path.read_bytes()
            await _answer(
                send, 200, b"" if scope["method"] == "HEAD" else body, MEDIA_TYPES[path.suffix], len(body)
            )


async def _answer(send: Send, status: int, body: bytes, media_type: str, length: int | None = None) -> None:
    headers = _HEADERS | {
        "content-type": media_type,
        "content-length": str(len(body) if length is None else length),
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
