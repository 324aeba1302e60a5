"""The only change in a client: its host."""

from __future__ import annotations

from typing import Any

import requests

HOSTS = ("https://business-api.tiktok.com", "https://sandbox-ads.tiktok.com")


def redirect(url: str) -> None:
    """Send to ``url`` what a client with the library requests sends to TikTok."""
    send = requests.Session.send

    def send_there(self: Any, request: Any, **settings: Any) -> Any:
        for host in HOSTS:
            if request.url.startswith(f"{host}/"):
                request.url = url + request.url[len(host) :]
        return send(self, request, **settings)

    requests.Session.send = send_there  # type: ignore[method-assign]
