"""Upgraded Smart+ ads: the materials and settings that TikTok combines in them."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_tiktok.emulator.world.entities import Ad
from airflow_provider_tiktok.emulator.world.pseudo_random import mix_text

AUTOMATION = "UPGRADED_SMART_PLUS"

CHOICES = {
    "main_material_id": 2,
    "ad_text_entity_id": 3,
    "call_to_action_entity_id": 2,
    "interactive_add_on_entity_id": 1,
}
"""The kinds of materials and settings of a Smart+ ad, and how many it has of each."""


def entity_of(kind: str) -> Callable[[Ad], str]:
    """Return a function that returns the ID of the material or setting that a creative uses.

    :param kind: the dimension's name.
    """

    def read(ad: Ad) -> str:
        choice = ad.seed % CHOICES[kind]
        return str(7_300_000_000_000_000_000 + mix_text(f"{kind} {ad.id_v2} {choice}") % 10**15 * 10 + 3)

    return read
