"""A small TikTok in which few ads have few figures, and which refuses calls that are oversized."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_tiktok.api.calls import Answer
from airflow_provider_tiktok.exceptions import (
    TikTokAPIError,
    TikTokInvalidRequestError,
    TikTokTransportError,
)

from .helpers import paged

TOO_LARGE = TikTokAPIError("too large", code=40067)


def timed_out() -> TikTokTransportError:
    return TikTokTransportError("no answer", timed_out=True)


FIGURES = ("spend", "impressions", "clicks", "conversion", "real_time_conversion", "result", "reach", "likes")
LEVELS = {"ad_id": 2, "adgroup_id": 1, "campaign_id": 0}


class Figures:
    """Ads with few figures each, in a TikTok that omits ads without any of the requested figures.

    :param most: figures of one call above which it is oversized, unless it is of a single campaign.
    :param how: whether such a call is truncated, refused, or times out.
    :param refuses: metrics that are refused at a level of these dimensions.
    :param cuts_lists: whether a list of campaigns is oversized, too, where ads would be truncated.
    """

    def __init__(self, rng, *, campaigns=8, most=12, how="large", refuses=(), cuts_lists=False):
        self.ads = {
            (str(100 + campaign), str(1000 + 10 * campaign + group), f"{1000 + 10 * campaign + group}{ad}"): {
                name: rng.randrange(1, 9) for name in rng.sample(FIGURES, rng.randrange(3))
            }
            for campaign in range(campaigns)
            for group in range(rng.randrange(1, 4))
            for ad in range(rng.randrange(1, 4))
        }
        self.most, self.how, self.refuses, self.cuts_lists = most, how, dict(refuses), cuts_lists
        self.asked: list[dict[str, Any]] = []
        self.listed: list[tuple[str, dict[str, Any]]] = []

    def rows(self, dimension, metrics, wanted=None):
        found: dict[str, dict[str, int]] = {}
        for path, figures in self.ads.items():
            if not any(path[place] not in ids for place, ids in (wanted or {}).items()):
                name = "7" if dimension == "advertiser_id" else path[LEVELS[dimension]]
                sums = found.setdefault(name, dict.fromkeys(metrics, 0))
                for name in sums.keys() & figures.keys():
                    sums[name] += figures[name]
        return {name: sums for name, sums in found.items() if any(sums.values())}

    def __call__(self, params):
        self.asked.append(params)
        (dimension,) = params["dimensions"]
        refused = [name for name in params["metrics"] if name in self.refuses.get(dimension, ())]
        if refused:
            message = f"Invalid metric fields: {refused}"
            raise TikTokInvalidRequestError("refused", code=40002, message=message)
        places = {"campaign_ids": 0, "adgroup_ids": 1}
        wanted = {
            places[item["field_name"]]: json.loads(item["filter_value"])
            for item in params.get("filtering") or []
            if item["field_name"] in places
        }
        found = self.rows(dimension, params["metrics"], wanted)
        made = [
            {"dimensions": {dimension: name}, "metrics": {key: str(value) for key, value in sums.items()}}
            for name, sums in found.items()
        ]
        if len(made) * len(params["metrics"]) > self.most and (
            dimension != "campaign_id" or self.how != "cut" or self.cuts_lists
        ):
            if self.how == "cut" and not wanted:
                return Answer(paged(made[: self.most])(params), "R1", "cut")
            if self.how == "large" and (not wanted or len(made) > 1):
                raise TOO_LARGE
            if self.how == "slow" and (not wanted or len(made) > 1):
                raise timed_out()
        return paged(made)(params)

    def list_all(self, path, params):
        """Return a page of all campaigns or ad groups, with figures or without."""
        self.listed.append((path, params))
        filtering = params["filtering"]
        assert filtering["primary_status"] == "STATUS_ALL"
        if {"buying_types", "campaign_system_origins"} & filtering.keys():
            return paged([])(params)
        level = ("campaign/get/", "adgroup/get/").index(path)
        found = {
            place[level]: None
            for place in self.ads
            if all(
                place[at] in filtering.get(name, place[at])
                for at, name in enumerate(("campaign_ids", "adgroup_ids"))
            )
        }
        name = ("campaign_id", "adgroup_id")[level]
        return paged([{"advertiser_id": "7", name: one} for one in sorted(found, reverse=True)])(params)
