"""TikTok's API on loopback, for demos, tests and a user's own CI.

In a test::

    from airflow_provider_tiktok.emulator import Settings, serve

    with serve(Settings(seed=1)) as emulator:
        ...  # call emulator.url
        assert [call.code for call in emulator.calls] == [0]

As a process: ``python -m airflow_provider_tiktok.emulator --port 8765``; its calls are at
``GET /_emulator/calls/``, and ``DELETE`` forgets them.

It serves every synchronous report, report tasks with their files, GMV Max and Smart+ reports, and the
lists of accounts, campaigns, ad groups and ads. The consent page
at ``/portal/auth`` confirms at once; ``oauth2/access_token/`` and ``oauth2/revoke_token/`` give a token for its
code and take it back. It refuses what TikTok refuses. A token that begins with
``revoked``, ``invalid``, ``bad`` or ``wrong`` is refused as revoked, one that begins with ``expired`` as
expired, and an app secret that begins with ``wrong``, ``bad`` or ``invalid`` as another app's, as is any
app ID but the one of the settings; everything else is let in, unless tokens are named. How to order faults
says :mod:`airflow_provider_tiktok.emulator.faults`.

Importing this package loads neither the web server nor the catalogue.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_tiktok.emulator.calls import Call
    from airflow_provider_tiktok.emulator.server import Emulator, EmulatorError, serve
    from airflow_provider_tiktok.emulator.settings import Settings
    from airflow_provider_tiktok.emulator.world import World

__all__ = ["Call", "Emulator", "EmulatorError", "Settings", "World", "serve"]

_HOME = {
    "Call": "calls",
    "Emulator": "server",
    "EmulatorError": "server",
    "Settings": "settings",
    "World": "world",
    "serve": "server",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
