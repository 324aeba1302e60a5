"""An emulator of TikTok's API on loopback, for demos, tests and a user's own CI.

In a test::

    from airflow_provider_tiktok.emulator import Settings, serve

    with serve(Settings(seed=1)) as emulator:
        ...  # call emulator.url
        assert [call.code for call in emulator.calls] == [0]

As a process: ``python -m airflow_provider_tiktok.emulator --port 8765``. ``GET /_emulator/calls/`` returns the
recorded calls, and ``DELETE`` clears them.

It serves every synchronous report, report tasks with their files, GMV Max and Smart+ reports, and the
lists of accounts, campaigns, ad groups, ads, Upgraded Smart+, videos, images, identities, audiences and
pixels. The consent page at ``/portal/auth`` confirms immediately.
``oauth2/access_token/`` exchanges its code for a token, and ``oauth2/revoke_token/`` revokes the token.

It refuses what TikTok refuses:

- A token that begins with ``revoked``, ``invalid``, ``bad`` or ``wrong`` is refused as revoked.
- A token that begins with ``expired`` is refused as expired.
- An app secret that begins with ``wrong``, ``bad`` or ``invalid`` is refused as another app's, and so is every
  app ID except the one in the settings.
- A call of which the app lacks the scope is refused; by default the app has all scopes.
- Everything else is accepted, unless the settings list the accepted tokens.

:mod:`airflow_provider_tiktok.emulator.faults` describes how to inject faults.

Importing this package loads neither the web server nor the catalogue.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_tiktok.emulator.http.calls import Call
    from airflow_provider_tiktok.emulator.server import Emulator, EmulatorError, serve
    from airflow_provider_tiktok.emulator.settings import Settings
    from airflow_provider_tiktok.emulator.world.world import World

__all__ = ["Call", "Emulator", "EmulatorError", "Settings", "World", "serve"]

_MODULES = {
    "Call": "http.calls",
    "Emulator": "server",
    "EmulatorError": "server",
    "Settings": "settings",
    "World": "world.world",
    "serve": "server",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use and return it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
