"""Airbyte's source: the streams of the job, read in full."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from source_tiktok_marketing.run import run

from tests.compat import host, job


def main() -> None:
    """Let the source write its messages."""
    wanted = job.read()
    host.redirect(wanted["url"])
    folder = Path(wanted["output"]).parent
    config, catalog = folder / "config.json", folder / "catalog.json"
    credentials = {
        "auth_type": "oauth2.0",
        "app_id": wanted["app_id"],
        "secret": wanted["app_secret"],
        "access_token": wanted["token"],
        "advertiser_id": wanted["accounts"][0],
    }
    settings = {
        "credentials": credentials,
        "start_date": wanted["start"],
        "end_date": wanted["end"],
        "include_deleted": True,
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    streams = [
        {
            "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
            "sync_mode": "full_refresh",
            "destination_sync_mode": "overwrite",
        }
        for name in wanted["streams"]
    ]
    catalog.write_text(json.dumps({"streams": streams}), encoding="utf-8")
    sys.argv = ["source-tiktok-marketing", "read", "--config", str(config), "--catalog", str(catalog)]
    run()


if __name__ == "__main__":
    main()
