"""Breakdowns: which values a dimension splits an entity's figures into, and how, to the last unit.

The first ``n`` units of a figure are dealt to the values in turns of 100, so that every value's share
is a whole number at any moment and the shares always add up to ``n``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from airflow_provider_tiktok.emulator.accounts import Account
from airflow_provider_tiktok.emulator.pseudo_random import mix, mix_text

_TURN = 100
_STRIDE = 37
"""Coprime to the turn: neighbouring units go to different values."""


@dataclass(frozen=True, slots=True)
class Split:
    """The values of one or two breakdown dimensions, and each one's share in a hundred units.

    :param dimensions: the dimensions split by; none is the whole.
    :param values: one tuple per cell, a value per dimension.
    :param deals: per cell, how many of a turn's first units it gets, for 0 to 100 units.
    """

    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    deals: tuple[tuple[int, ...], ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is split."""
        return not self.dimensions

    def share(self, cell: int, counts: list[int]) -> list[int]:
        """Give a cell's part of running counts."""
        deal = self.deals[cell]
        full = deal[_TURN]
        return [count // _TURN * full + deal[count % _TURN] for count in counts]


WHOLE = Split(dimensions=(), values=((),), deals=())

# values with their percentages; IDs are made per account
_FIXED: dict[tuple[str, ...], tuple[tuple[tuple[str, ...], int], ...]] = {
    ("ad_type",): ((("VIDEO",), 71), (("IMAGE",), 18), (("SPARK_ADS",), 11)),
    ("custom_event_type",): ((("SignUp",), 55), (("QuizDone",), 45)),
    ("search_terms",): ((("running shoes",), 60), (('"trail" running, shoes',), 37), (("läufer 👟",), 3)),
    ("search_keyword",): ((("shoes",), 64), (("trail shoes",), 36)),
    ("match_type",): ((("BROAD",), 50), (("PHRASE",), 30), (("EXACT",), 20)),
    ("search_keyword", "match_type"): (
        (("shoes", "BROAD"), 50),
        (("shoes", "EXACT"), 14),
        (("trail shoes", "PHRASE"), 36),
    ),
    ("component_name",): ((("Button",), 62), (("Carousel",), 38)),
    ("skan_postback_sequence",): ((("0",), 70), (("1",), 20), (("2",), 10)),
    # who saw it; some of it TikTok cannot tell
    ("gender", "age"): tuple(
        ((gender, age), share)
        for age, shares in (
            ("AGE_13_17", (3, 2, 1)),
            ("AGE_18_24", (15, 11, 1)),
            ("AGE_25_34", (14, 11, 1)),
            ("AGE_35_44", (8, 7, 1)),
            ("AGE_45_54", (6, 5, 1)),
            ("AGE_55_100", (4, 3, 1)),
            ("NONE", (2, 1, 2)),
        )
        for gender, share in zip(("FEMALE", "MALE", "NONE"), shares, strict=True)
    ),
    ("ac",): ((("WIFI",), 61), (("4G",), 25), (("5G",), 12), (("3G",), 1), (("2G",), 1)),
    ("language",): ((("en",), 72), (("es",), 15), (("zh",), 8), (("NONE",), 5)),
    ("platform",): ((("ANDROID",), 47), (("IPHONE",), 41), (("IPAD",), 5), (("WAP",), 7)),
    ("placement",): ((("TikTok",), 81), (("Pangle",), 12), (("Global App Bundle",), 7)),
    ("interest_category",): ((("15",), 44), (("13",), 30), (("10",), 19), (("25",), 7)),
    ("interest_category_tier2",): ((("15100",), 52), (("13104",), 33), (("10101",), 15)),
    ("interest_category_tier3",): ((("15100102",), 55), (("13104100",), 45)),
    ("interest_category_tier4",): ((("15100102001",), 60), (("13104100003",), 40)),
    ("contextual_tag",): ((("Sports",), 58), (("Food & Drink",), 42)),
    ("hashtag",): ((("#summer",), 48), (('#"trail", running',), 32), (("#läufer",), 20)),
    ("audience_tags",): ((("SHOPPER",), 63), (("VIEWER",), 37)),
    ("purchase_intention",): ((("HIGH",), 21), (("MEDIUM",), 34), (("LOW",), 45)),
    ("additional_interests",): ((("Hiking",), 66), (("Travel, by train",), 34)),
}
_MERGED: dict[tuple[str, ...], tuple[str, ...]] = {
    ("age",): ("gender", "age"),
    ("gender",): ("gender", "age"),
}
"""What is made from a finer split, so that its shares are sums of the finer one's."""

INTERESTS_NOW = {"15": "15000", "13": "13000", "10": "10000", "25": "25000"}
"""TikTok's present IDs of interest categories, by the older ones that reports group by."""

_NEIGHBOURS = {
    "US": ("CA", "MX"),
    "DE": ("AT", "CH"),
    "JP": ("KR", "TW"),
    "IN": ("LK", "NP"),
    "BR": ("PT", "AR"),
    "NZ": ("AU", "FJ"),
}
_ID_SHARES = (52, 31, 17)


@functools.lru_cache(maxsize=256)
def split_of(account: Account, dimensions: tuple[str, ...]) -> Split:
    """Find how an account's figures split by breakdown dimensions."""
    if not dimensions:
        return WHOLE
    if dimensions in _MERGED:
        return _merged(split_of(account, _MERGED[dimensions]), dimensions)
    cells = _FIXED.get(dimensions) or _own_values(account, dimensions)
    return Split(
        dimensions=dimensions,
        values=tuple(values for values, _ in cells),
        deals=_deals([share for _, share in cells]),
    )


def _own_values(account: Account, dimensions: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], int], ...]:
    if dimensions == ("country_code",):
        codes = (account.country, *_NEIGHBOURS[account.country])
        return tuple(((code,), share) for code, share in zip(codes, (82, 11, 7), strict=True))
    if dimensions == ("playable_id", "country_code"):  # each playable in each country
        countries = _own_values(account, ("country_code",))
        return tuple(
            ((playable, country), part)
            for (playable,), share in _own_values(account, ("playable_id",))
            for (country,), part in zip(
                (values for values, _ in countries),
                _apportion(share, [part for _, part in countries]),
                strict=True,
            )
        )
    if len(dimensions) > 1:  # a page with its components: each page has its own
        pages = _own_values(account, dimensions[:1])
        return tuple(
            ((page, component), part)
            for (page,), share in ((values, share) for values, share in pages)
            for component, part in (("Button", share - share // 3), ("Carousel", share // 3))
        )
    salt = mix(account.seed ^ mix_text(dimensions[0]))
    return tuple(
        ((str(7_200_000_000_000_000_000 + mix(salt + place) % 10**17),), share)
        for place, share in enumerate(_ID_SHARES)
    )


def _apportion(units: int, percentages: list[int]) -> list[int]:
    """Share out whole units; the first takes what rounding leaves."""
    rest = [units * percentage // 100 for percentage in percentages[1:]]
    return [units - sum(rest), *rest]


def _merged(fine: Split, dimensions: tuple[str, ...]) -> Split:
    """Put cells of a finer split together that agree in some dimensions."""
    places = [fine.dimensions.index(name) for name in dimensions]
    deals: dict[tuple[str, ...], tuple[int, ...]] = {}
    for values, deal in zip(fine.values, fine.deals, strict=True):
        kept = tuple(values[place] for place in places)
        deals[kept] = tuple(map(sum, zip(deals[kept], deal, strict=True))) if kept in deals else deal
    return Split(dimensions, tuple(deals), tuple(deals.values()))


def _deals(shares: list[int]) -> tuple[tuple[int, ...], ...]:
    """Deal a turn of 100 units: for each cell, its running count after 0 to 100 units."""
    owner = [cell for cell, share in enumerate(shares) for _ in range(share)]
    running = [[0] for _ in shares]
    for unit in range(_TURN):
        got = owner[unit * _STRIDE % _TURN]
        for cell, counts in enumerate(running):
            counts.append(counts[-1] + (cell == got))
    return tuple(tuple(counts) for counts in running)
