"""An account's library: videos, images, identities, audiences and pixels, and which of them its ads use."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.entities import Ad, is_spark
from airflow_provider_tiktok.emulator.world.pseudo_random import mix

IN_USE = 10
"""The videos, images and pixels that ads use: the first ones, so that a small library has them."""

IDENTITY_TYPES = ("CUSTOMIZED_USER", "AUTH_CODE", "TT_USER", "BC_AUTH_TT")

_SPARK_TYPES = IDENTITY_TYPES[1:]
_PER_DAY = 30


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset of a library. ``created`` is an ordinal day; ``number`` counts the assets of its kind."""

    id: str
    number: int
    created: int
    seed: int


def _digits(kind: int) -> Callable[[Account, int], str]:
    """Return a function that returns the IDs of a kind: 19 digits."""
    return lambda account, number: str(
        7_200_000_000_000_000_000 + number * 10**9 + account.number % 10**7 * 100 + kind
    )


def _text(prefix: str, name: str) -> Callable[[Account, int], str]:
    """Return a function that returns the IDs of a kind: text that begins with a prefix."""

    def make(account: Account, number: int) -> str:
        text = f"{name} {account.seed} {number}".encode()
        return f"{prefix}{hashlib.sha256(text).hexdigest()[:24]}"

    return make


def identity_type_of(number: int) -> str:
    """Return the type of an identity."""
    return IDENTITY_TYPES[number % len(IDENTITY_TYPES)]


def _identity(account: Account, number: int) -> str:
    customized = identity_type_of(number) == IDENTITY_TYPES[0]
    return (_digits(3) if customized else _text("", "identity"))(account, number)


material_id = _digits(9)
_IDS: Mapping[str, Callable[[Account, int], str]] = {
    "video": _text("v10033g50000c", "video"),
    "image": _text("ad-site-i18n-sg/2025", "image"),
    "identity": _identity,
    "audience": _digits(4),
    "pixel": _digits(5),
}
"""The IDs of each kind of asset."""


def make_assets(account: Account, kind: str, count: int) -> list[Asset]:
    """Return the assets of a kind, newest first; an account without campaigns has none."""
    if not account.has_campaigns:
        return []
    first, make = account.created.toordinal(), _IDS[kind]
    return [
        Asset(
            make(account, number), number, first + number // _PER_DAY, mix(account.seed ^ number ^ len(kind))
        )
        for number in reversed(range(count))
    ]


# which of them ads use


def video_of(account: Account, ad: Ad) -> str | None:
    """Return the ID of an ad's video; Spark ads show a post instead."""
    return None if is_spark(ad) else _IDS["video"](account, ad.seed % IN_USE)


def image_of(account: Account, ad: Ad) -> str:
    """Return the ID of the image on the cover of an ad."""
    return _IDS["image"](account, ad.seed % IN_USE)


def identity_number(ad: Ad) -> int:
    """Return the number of an ad's identity."""
    kind = _SPARK_TYPES[ad.seed % len(_SPARK_TYPES)] if is_spark(ad) else IDENTITY_TYPES[0]
    return IDENTITY_TYPES.index(kind)


def identity_of(account: Account, ad: Ad) -> str:
    """Return the ID of an ad's identity."""
    return _IDS["identity"](account, identity_number(ad))


def asset_id(account: Account, kind: str, number: int) -> str:
    """Return the ID of the audience, pixel or other asset with a number below :data:`IN_USE`."""
    return _IDS[kind](account, number % IN_USE)
