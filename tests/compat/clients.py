"""The clients of other makers, their jobs, and how to run one in its environment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
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
class Listed:
    """A client's stream as a list of entities.

    :param filters: what makes this package list no more than the client does.
    :param epochs: times that the client leaves as numbers of seconds.
    :param altered: the fields of which the client's values differ: its own, or numbers too long for a double.
    """

    entity: str
    key: str
    filters: dict[str, Any] = field(default_factory=dict)
    altered: frozenset[str] = frozenset()
    epochs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Client:
    """A client, and the streams of it that are compared."""

    name: str
    package: str
    streams: dict[str, Report]
    entities: dict[str, Listed] = field(default_factory=dict)


DAILY = ("ad_id", "stat_time_day")
# other clients know neither TopView nor Promote
ORDINARY = {"buying_types": "AUCTION,RESERVATION_RF", "campaign_system_origins": "TT_ADS_PLATFORM"}
EPOCHS = frozenset({"create_time"})
# Singer fills an absent modify_time with create_time, adds a status of its own, and writes two lists as text
SINGERS = frozenset({"current_status", "modify_time", "landing_page_urls", "sku_ids"})
# numbers, or what a client makes numbers of, too long for a double
DOUBLES = frozenset(
    {
        *("page_id", "tracking_pixel_id", "category_id", "product_set_id", "split_test_adgroup_ids"),
        *("included_pangle_audience_package_ids", "excluded_pangle_audience_package_ids"),
    }
)
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
        {
            "advertisers": Listed("advertiser", "advertiser_id", altered=frozenset({"create_time"})),
            "campaigns": Listed("campaign", "campaign_id", ORDINARY, altered=SINGERS),
            "adgroups": Listed("adgroup", "adgroup_id", ORDINARY, altered=SINGERS | DOUBLES),
            "ads": Listed("ad", "ad_id", ORDINARY, altered=SINGERS | DOUBLES),
        },
    ),
    Client(
        "airbyte",
        "airbyte-source-tiktok-marketing",
        {
            "ads_reports_daily": Report(DAILY, include_deleted=True),
            "ads_audience_reports_by_country_daily": Report((*DAILY, "country_code"), "AUDIENCE"),
        },
        {
            "advertisers": Listed("advertiser", "advertiser_id", epochs=EPOCHS),
            "campaigns": Listed(
                "campaign", "campaign_id", ORDINARY | {"secondary_status": "CAMPAIGN_STATUS_ALL"}
            ),
            "ad_groups": Listed(
                "adgroup",
                "adgroup_id",
                ORDINARY | {"secondary_status": "ADGROUP_STATUS_ALL"},
                altered=DOUBLES,
            ),
            "ads": Listed("ad", "ad_id", ORDINARY | {"secondary_status": "AD_STATUS_ALL"}, altered=DOUBLES),
            "creative_assets_videos": Listed("video", "video_id"),
            "creative_assets_images": Listed("image", "image_id"),
            "audiences": Listed("audience", "audience_id"),
            "pixels": Listed("pixel", "pixel_id"),
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
                data = record["data"]
                yield record["stream"], data["dimensions"] | data["metrics"] if "metrics" in data else data
            else:
                yield message["stream"], record
