"""The web server's HTTP protocol, which gives faults access to the connection."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_Base: Any = AutoHTTPProtocol


class Protocol(_Base):  # type: ignore[misc]
    """uvicorn's protocol, with the transport in every request's ``scope["state"]``."""

    app_state: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Store the transport in the application's state."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)
