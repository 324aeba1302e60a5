"""The web server's HTTP protocol, which lets a fault reach for the connection itself."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_Base: Any = AutoHTTPProtocol


class Protocol(_Base):  # type: ignore[misc]
    """uvicorn's protocol; every request's scope has its transport in ``scope["state"]``."""

    app_state: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Keep the transport where the application finds it."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)
