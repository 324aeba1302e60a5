"""The page `TikTok` in the navigation of Airflow 3.1 and newer.

The page is static files, which hold no data: their JavaScript reads Airflow's REST API with the viewer's own login. Every
process of Airflow loads its plugins, so this module imports nothing that they don't have.
"""

from __future__ import annotations

from typing import Any

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from airflow_provider_tiktok.plugins.pages import StaticPages

NAME = "tiktok_monitoring"
URL_PREFIX = "/tiktok-monitoring"


def is_wanted() -> bool:
    """Return whether this Airflow shows the page: from 3.1 on, unless ``[tiktok] monitoring_page`` is false."""
    can_show = hasattr(AirflowPlugin, "external_views")
    return can_show and bool(conf.getboolean("tiktok", "monitoring_page", fallback=True))


def _apps() -> list[dict[str, Any]]:
    return [{"app": StaticPages(URL_PREFIX), "url_prefix": URL_PREFIX, "name": NAME}] if is_wanted() else []


def _views() -> list[dict[str, Any]]:
    if not is_wanted():
        return []
    view = {
        "name": "TikTok",
        "href": f"{URL_PREFIX.lstrip('/')}/index.html",  # relative, so that it works below a base path, too
        "destination": "nav",
        "url_route": "tiktok",
    }
    return [view]


class TikTokMonitoringPlugin(AirflowPlugin):
    """Adds the page, and its files, to the API server."""

    name = NAME
    fastapi_apps = _apps()
    external_views = _views()
