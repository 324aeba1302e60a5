"""TopView and Promote campaigns, which TikTok lists only when asked for, and which have no figures here.

They use the same classes as other campaigns. They hold the values that hurt readers: markup, quotes and
line breaks in names, a budget of 0, deleted entities.
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.entities import DELETED, Ad, AdGroup, Campaign, entity_id
from airflow_provider_tiktok.emulator.world.pseudo_random import mix

TOP_VIEW, PROMOTE = "TOP_VIEW", "PROMOTE"

_RUNNING = "STATUS_DELIVERY_OK"
_CAMPAIGNS = {
    TOP_VIEW: (
        ('<script>alert("TopView")</script>', "RF_REACH", _RUNNING),
        ("TopView & <b>Friends</b>; DROP TABLE ads; --", "RF_REACH", "STATUS_DISABLE"),
        ("TopView, 終わり\r\n🎬", "RF_REACH", DELETED),
    ),
    PROMOTE: (
        ("Promote\u200b «ünïcödé» \u2028 👍🏽", "TRAFFIC", _RUNNING),
        ("Promote\t\"2\", '2', `2`", "TRAFFIC", "STATUS_DISABLE"),
        ("", "TRAFFIC", DELETED),
    ),
}
"""The campaigns of each kind: name, objective and status."""
_KINDS = {TOP_VIEW: 5, PROMOTE: 8}
"""The digit of each kind in IDs: of campaigns; ad groups and ads have the two that follow."""
_GROUPS = 2


def make_special_ads(account: Account, automation: str) -> list[Ad]:
    """Return an account's ads in campaigns of one kind, with their parents, newest first.

    :param automation: :data:`TOP_VIEW` or :data:`PROMOTE`.
    """
    if not account.has_campaigns:
        return []
    ads = list(_ads(account, automation))
    ads.reverse()
    return ads


def _ads(account: Account, automation: str) -> Iterator[Ad]:
    kind = _KINDS[automation]
    for number, (name, objective, status) in enumerate(_CAMPAIGNS[automation]):
        day = account.created.toordinal() + 100 + 20 * number
        campaign = Campaign(
            entity_id(account, kind, number, day), name, status, day, objective, automation, budget=0
        )
        for place in range(_GROUPS):
            count = number * _GROUPS + place
            group = AdGroup(
                id=entity_id(account, kind + 1, count, day),
                name=f"{automation} ad group {count}",
                status=status if place or status == DELETED else "STATUS_NOT_DELIVERY",
                created=day,
                budget=0,
                placement=0,
                campaign=campaign,
            )
            # the digits of kinds end at 9
            ad_id = entity_id(account, (kind + 2) % 10, count, day)
            yield Ad(
                id=ad_id,
                id_v2=ad_id,
                name=f"{automation} ad <{count}>",
                status=group.status,
                created=day,
                seed=mix(int(ad_id)),
                active=1,
                period=1,
                phase=0,
                spend=0,
                impressions=0,
                clicks=0,
                group=group,
            )
