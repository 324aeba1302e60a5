"""The catalogue of entities: the fields of each, and their types.

The facts are data, in one CSV file for each entity, next to this module: a field that TikTok adds is one
more line there. The files are read on first use and cached; nothing is read on import.

``<entity>.csv``
    ``name``, the field's name at the top level of TikTok's object; ``type``, one of :data:`TYPES`; and a
    ``note`` on what is easily misunderstood.

A name is left out if only version 1.2 of TikTok's API or an SDK has it, and so is ``company_name_editable``,
which TikTok sends alone.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TYPES: tuple[str, ...] = ("id", "text", "money", "integer", "number", "boolean", "time", "json")
"""What a field holds: ``money`` is in the account's currency, ``number`` a double, ``time`` in UTC, ``json`` nested."""

_DATA = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity."""

    name: str
    type: str
    note: str


@functools.cache
def entities() -> tuple[str, ...]:
    """Return the names of the entities that have a catalogue."""
    return tuple(sorted(path.stem for path in _DATA.glob("*.csv")))


@functools.cache
def fields(entity: str) -> Mapping[str, Field]:
    """Return the fields of an entity by name, in TikTok's order."""
    with (_DATA / f"{entity}.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: Field(row["name"], row["type"], row["note"]) for row in csv.DictReader(file)}
