"""The clients of other makers, their jobs, and how to run one in its environment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """A client's stream as a report of this package; its metrics are those that its rows have."""

    dimensions: tuple[str, ...]
    report_type: str = "BASIC"
    include_deleted: bool = False


@dataclass(frozen=True)
class Client:
    """A client, and the streams of it that are compared."""

    name: str
    package: str
    streams: dict[str, Report]


DAILY = ("ad_id", "stat_time_day")
CLIENTS = (
    Client("sdk", "tiktok-business-api-sdk-official", {"ad_daily": Report(DAILY)}),
    Client(
        "singer",
        "tap-tiktok-ads",
        {
            "ad_insights": Report(DAILY),
            "ad_insights_by_age_and_gender": Report((*DAILY, "age", "gender"), "AUDIENCE"),
            "ad_insights_by_country": Report((*DAILY, "country_code"), "AUDIENCE"),
        },
    ),
    Client(
        "airbyte",
        "airbyte-source-tiktok-marketing",
        {
            "ads_reports_daily": Report(DAILY, include_deleted=True),
            "ads_audience_reports_by_country_daily": Report((*DAILY, "country_code"), "AUDIENCE"),
        },
    ),
)


def python_of(client: Client) -> Path:
    """Return the Python of the environment that the nox session ``client`` made, in a folder that TIKTOK_CLIENTS names."""
    return ROOT / os.environ["TIKTOK_CLIENTS"] / f"client-{client.name}" / "bin" / "python"


def command(client: Client, job: dict[str, Any], folder: Path) -> list[str]:
    """Return the command that fetches a job with a client; the records go into ``rows.jsonl`` in the folder."""
    path = folder / "job.json"
    path.write_text(json.dumps(job | {"output": str(folder / "rows.jsonl")}), encoding="utf-8")
    return [str(python_of(client)), "-B", "-m", f"tests.compat.{client.name}", str(path)]


def records(folder: Path) -> Iterator[tuple[str, Row]]:
    """Yield the stream and the row of each record: Singer's messages, or Airbyte's."""
    with (folder / "rows.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line, parse_float=Decimal) if line.startswith("{") else {}
            if message.get("type") != "RECORD":
                continue
            record = message["record"]
            if "data" in record and "stream" in record:
                yield record["stream"], record["data"]["dimensions"] | record["data"]["metrics"]
            else:
                yield message["stream"], record
