"""What Airflow discovers at every start: one plain dict, built without importing anything heavy.

The connection form stands here once. Airflow 3.2 and later read it from this dict;
:class:`~airflow_provider_tiktok.hooks.tiktok.TikTokHook` makes the form of earlier versions from the
same entry.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_tiktok import __version__

NAME = "TikTok"

CONNECTION_TYPE: dict[str, Any] = {
    "connection-type": "tiktok",
    "hook-class-name": "airflow_provider_tiktok.hooks.tiktok.TikTokHook",
    "hook-name": NAME,
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "login", "port", "extra"],
        "relabeling": {"password": "Access token", "host": "API host"},
        "placeholders": {
            "password": "long-term access token of the Marketing API",
            "host": "empty for TikTok itself; or http://127.0.0.1:8765, a proxy",
        },
    },
    "conn-fields": {
        "app_id": {
            "label": "App ID",
            "description": "ID of the developer app. Needed with the secret where reports are of all accounts (*).",
            "schema": {"type": ["string", "null"]},
        },
        "app_secret": {
            "label": "App secret",
            "description": "Secret of the developer app.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "advertiser_ids": {
            "label": "Advertiser IDs",
            "description": (
                "Default accounts of every report, comma-separated: 7000000000000000001, 7000000000000000002; or * for "
                "all that the token reaches, which needs App ID and App secret."
            ),
            "schema": {"type": ["string", "null"]},
        },
        "environment": {
            "label": "Environment",
            "description": "TikTok's production or sandbox API; a token is good for one of them.",
            "schema": {
                "type": ["string", "null"],
                "enum": ["production", "sandbox"],
                "default": "production",
            },
        },
        "api_version": {
            "label": "API version",
            "description": "Version of TikTok's Marketing API; v1.3 if empty.",
            # no default, which the form would store: Airflow warns of any shorter text in an extra than it can mask
            "schema": {"type": ["string", "null"]},
        },
        "qps": {
            "label": "Requests per second",
            "description": "Calls that this app may make in a second. TikTok's basic level has 10.",
            "schema": {"type": ["number", "null"], "default": 10, "exclusiveMinimum": 0},
        },
        "timeout": {
            "label": "Timeout",
            "description": "Seconds that one HTTP call may take.",
            "schema": {"type": ["number", "null"], "default": 60, "exclusiveMinimum": 0},
        },
        "rate_limit_conn_id": {
            "label": "Rate limit connection",
            "description": "ID of a connection of the type Redis, through which tasks on all machines share the rate limit.",
            "schema": {"type": ["string", "null"]},
        },
    },
}


def get_provider_info() -> dict[str, Any]:
    """Describe the package to Airflow."""
    return {
        "package-name": "airflow-provider-tiktok",
        "name": NAME,
        "description": "Reports of TikTok Ads, complete or failed, in XCom or storage.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": NAME,
                "external-doc-url": "https://business-api.tiktok.com/portal/docs",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": NAME, "python-modules": ["airflow_provider_tiktok.hooks.tiktok"]}],
        "operators": [
            {
                "integration-name": NAME,
                "python-modules": [
                    "airflow_provider_tiktok.operators.report",
                    "airflow_provider_tiktok.operators.report_to_sql",
                    "airflow_provider_tiktok.operators.entities",
                    "airflow_provider_tiktok.operators.entities_to_sql",
                    "airflow_provider_tiktok.operators.advertisers",
                ],
            }
        ],
        "sensors": [{"integration-name": NAME, "python-modules": ["airflow_provider_tiktok.sensors.report"]}],
        "triggers": [
            {"integration-name": NAME, "python-modules": ["airflow_provider_tiktok.triggers.report"]}
        ],
        "connection-types": [CONNECTION_TYPE],
        "config": {
            "tiktok": {
                "description": "The TikTok provider.",
                "options": {
                    "monitoring_page": {
                        "description": "Show the page `TikTok` in the navigation of Airflow 3.",
                        "version_added": "0.2.0",
                        "type": "boolean",
                        "example": None,
                        "default": "True",
                    }
                },
            }
        },
        "extra-links": [
            "airflow_provider_tiktok.links.TikTokAdsManagerLink",
            "airflow_provider_tiktok.links.TikTokOutputLink",
        ],
    }
