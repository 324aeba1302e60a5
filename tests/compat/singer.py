"""Singer's tap: the streams of the job, found by its own discovery."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from tap_tiktok_ads import main as tap

from tests.compat import host, job


def main() -> None:
    """Discover, select, and let the tap write its messages."""
    wanted = job.read()
    host.redirect(wanted["url"])
    folder = Path(wanted["output"]).parent
    config, catalog = folder / "config.json", folder / "catalog.json"
    settings = {
        "access_token": wanted["token"],
        "accounts": ",".join(wanted["accounts"]),
        "start_date": f"{wanted['start']}T00:00:00Z",
        "end_date": f"{wanted['end']}T00:00:00Z",
        "page_size": wanted["page_size"],
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    sys.argv = ["tap-tiktok-ads", "--config", str(config), "--discover"]
    with redirect_stdout(io.StringIO()) as found:
        tap()
    streams = [
        stream
        for stream in json.loads(found.getvalue())["streams"]
        if stream["tap_stream_id"] in wanted["streams"]
    ]
    for stream in streams:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    catalog.write_text(json.dumps({"streams": streams}), encoding="utf-8")
    sys.argv = ["tap-tiktok-ads", "--config", str(config), "--catalog", str(catalog)]
    tap()


if __name__ == "__main__":
    main()
