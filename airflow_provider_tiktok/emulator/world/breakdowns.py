"""The values of breakdown dimensions, and the exact split of an entity's figures among them.

The first ``n`` units of a figure are allocated to the values in cycles of 100, so that every value's share
is an integer at any time and the shares always add up to ``n``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.pseudo_random import mix, mix_text

_CYCLE = 100
_STRIDE = 37
"""Coprime to the cycle, so that consecutive units go to different values."""


@dataclass(frozen=True, slots=True)
class Split:
    """The values of one or two breakdown dimensions, and the share of each in a hundred units.

    :param dimensions: the dimensions to split by; empty is no split.
    :param values: one tuple per cell, a value per dimension.
    :param allocations: per cell, how many of a cycle's first units it gets, for 0 to 100 units.
    """

    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    allocations: tuple[tuple[int, ...], ...]

    @property
    def is_unsplit(self) -> bool:
        """Return whether there are no dimensions to split by."""
        return not self.dimensions

    def share(self, cell: int, counts: list[int]) -> list[int]:
        """Return a cell's share of cumulative counts."""
        allocation = self.allocations[cell]
        full = allocation[_CYCLE]
        return [count // _CYCLE * full + allocation[count % _CYCLE] for count in counts]


UNSPLIT = Split(dimensions=(), values=((),), allocations=())

# values with their percentages; IDs are generated per account
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
    # audiences; NONE is the part that TikTok does not know
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
"""The splits that are made from a finer split, so that their shares are sums of its shares."""

INTERESTS_NOW = {"15": "15000", "13": "13000", "10": "10000", "25": "25000"}
"""TikTok's current IDs of interest categories, by the older IDs that reports group by."""

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
    """Return the split of an account's figures by breakdown dimensions."""
    if not dimensions:
        return UNSPLIT
    if dimensions in _MERGED:
        return _merged(split_of(account, _MERGED[dimensions]), dimensions)
    cells = _FIXED.get(dimensions) or _account_values(account, dimensions)
    return Split(
        dimensions=dimensions,
        values=tuple(values for values, _ in cells),
        allocations=_allocate([share for _, share in cells]),
    )


def _account_values(account: Account, dimensions: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], int], ...]:
    if dimensions == ("country_code",):
        codes = (account.country, *_NEIGHBOURS[account.country])
        return tuple(((code,), share) for code, share in zip(codes, (82, 11, 7), strict=True))
    if dimensions == ("playable_id", "country_code"):  # each playable in each country
        countries = _account_values(account, ("country_code",))
        return tuple(
            ((playable, country), part)
            for (playable,), share in _account_values(account, ("playable_id",))
            for (country,), part in zip(
                (values for values, _ in countries),
                _apportion(share, [part for _, part in countries]),
                strict=True,
            )
        )
    if len(dimensions) > 1:  # pages with their components
        pages = _account_values(account, dimensions[:1])
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
    """Return units split by percentages, as integers; the first share takes the rounding remainder."""
    rest = [units * percentage // 100 for percentage in percentages[1:]]
    return [units - sum(rest), *rest]


def _merged(fine: Split, dimensions: tuple[str, ...]) -> Split:
    """Return a finer split, with the cells merged that have the same values in some dimensions."""
    places = [fine.dimensions.index(name) for name in dimensions]
    merged: dict[tuple[str, ...], tuple[int, ...]] = {}
    for values, allocation in zip(fine.values, fine.allocations, strict=True):
        key = tuple(values[place] for place in places)
        merged[key] = (
            tuple(map(sum, zip(merged[key], allocation, strict=True))) if key in merged else allocation
        )
    return Split(dimensions, tuple(merged), tuple(merged.values()))


def _allocate(shares: list[int]) -> tuple[tuple[int, ...], ...]:
    """Return, for each cell, how many units of a cycle it has after 0 to 100 units."""
    owner = [cell for cell, share in enumerate(shares) for _ in range(share)]
    cumulative = [[0] for _ in shares]
    for unit in range(_CYCLE):
        target = owner[unit * _STRIDE % _CYCLE]
        for cell, counts in enumerate(cumulative):
            counts.append(counts[-1] + (cell == target))
    return tuple(tuple(counts) for counts in cumulative)
