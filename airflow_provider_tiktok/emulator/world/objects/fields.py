"""How an object is made of its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from airflow_provider_tiktok.emulator.world.accounts import Account
from airflow_provider_tiktok.emulator.world.entities import DELETED
from airflow_provider_tiktok.emulator.world.objects.alternatives import ALTERNATIVES
from airflow_provider_tiktok.emulator.world.pseudo_random import mix_text
from airflow_provider_tiktok.entities import catalog


class _Absent:
    """The type of :data:`ABSENT`."""


ABSENT: Final = _Absent()
"""The value of a field that an object does not have, which is not the same as null."""


@dataclass(frozen=True, slots=True)
class View:
    """What a field depends on besides the object.

    :param now: the time of the call.
    """

    account: Account
    now: datetime


Reader = Callable[[View, Any], Any]
"""A function that returns the value of a field."""

Readers = Mapping[str, Reader]


def always(value: Any) -> Reader:
    """Return the reader of a constant."""
    return lambda view, item: value


def readers(entity: str, own: Readers) -> Readers:
    """Return the readers of all fields of an entity: the catalogue's, then those that only filters read.

    :param own: the readers of what is not one of the alternatives.
    """
    names = dict.fromkeys((*catalog.fields(entity), *own))
    return {name: own.get(name) or _alternative(name) for name in names}


def make_object(view: View, item: Any, fields: Iterable[tuple[str, Reader]]) -> dict[str, Any]:
    """Return an object with some of its fields, in their order."""
    return {name: value for name, read in fields if (value := read(view, item)) is not ABSENT}


def _alternative(name: str) -> Reader:
    values = ALTERNATIVES.get(name, (None,))
    if len(values) == 1:
        return always(values[0])
    # each field looks at other bits of the seed
    shift, count = mix_text(name) % 50, len(values)
    return lambda view, item: values[(item.seed >> shift) % count]


# what several entities have

_STATES = {
    "STATUS_DELIVERY_OK": "DELIVERY_OK",
    "STATUS_DISABLE": "DISABLE",
    "STATUS_NOT_DELIVERY": "NOT_DELIVERY",
    DELETED: "DELETE",
}
_SECONDS = 50_000
"""The seconds of a day in which entities are created, so that later ones have later times."""


def money(minor: int) -> float:
    """Return an amount in major units."""
    return minor / 100


def switch(status: str) -> str:
    """Return the operation status of a primary status."""
    return "DISABLE" if status in ("STATUS_DISABLE", DELETED) else "ENABLE"


def secondary(kind: str, status: str) -> str:
    """Return the secondary status of a primary status: ``CAMPAIGN_STATUS_DELETE``."""
    return f"{kind}_STATUS_{_STATES[status]}"


def time_text(day: int, seconds: int = 0) -> str:
    """Return a time as most endpoints write it: in UTC, without a zone."""
    time = datetime.fromordinal(day) + timedelta(hours=8, seconds=seconds)
    return f"{time:%Y-%m-%d %H:%M:%S}"


def created_at(item: Any) -> str:
    """Return the time at which an entity was created: the second in which its ID counts it."""
    return time_text(item.created, int(item.id[-10:-5]) % _SECONDS)


def modified_at(item: Any) -> str:
    """Return the time of an entity's latest change: up to 200 days after its creation."""
    return time_text(item.created + 1 + item.seed % 200, item.seed % _SECONDS)


def day_text(day: int) -> str:
    """Return a date."""
    return str(date.fromordinal(day))
