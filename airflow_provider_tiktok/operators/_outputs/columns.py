"""What the columns of rows are called where the rows go, and the columns that TikTok's rows lack.

These are the time of the load, and the day of hourly rows, where folders are by day.

All that reads, plans, checks and compares rows knows TikTok's names. An output renames what it writes: this is where it
asks for the names. What it gets is one :class:`OutputColumns`, which is made before any call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from airflow_provider_tiktok.reports.params.coerce import did_you_mean, invalid, optional, structure, text
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import DAY, DAY_LENGTH, HOUR, Cell
from airflow_provider_tiktok.storage.columns import DATE, NUMBER_TYPES, UTC_TIMESTAMP

REPORT = "report"
"""What rows are of that are no entity's."""

UPDATED_AT = "updated_at"
"""The time of a change, in a table that keeps all changes, and in Fivetran's tables."""

NAMED: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "fivetran": {
        REPORT: {
            "video_views_p25": "video_views_p_25",
            "video_views_p50": "video_views_p_50",
            "video_views_p75": "video_views_p_75",
            "video_views_p100": "video_views_p_100",
            "video_watched_2s": "video_watched_2_s",
            "video_watched_6s": "video_watched_6_s",
        },
        "advertiser": {"advertiser_id": "id"},
        "campaign": {"modify_time": UPDATED_AT, "secondary_status": "status"},
        "adgroup": {
            "modify_time": UPDATED_AT,
            "category_id": "category",
            "interest_category_ids": "interest_category_v_2",
        },
        "ad": {"modify_time": UPDATED_AT},
    }
}
"""Mappings that have a name: new name by TikTok's, for reports and for each entity."""

_SHOWN = 6  # columns that an error suggests

_ODD = re.compile(r"[\x00-\x1f\x7f]|^\s|\s$")

Encode = Callable[[Page], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class OutputColumns:
    """The columns of an output.

    :param names: the output's name of each column by TikTok's, in the order of a row's cells.
    :param types: type by the output's name, in the order of a row's cells; the time of the load is the last one.
    :param loaded_at: the column with the time of the load, which TikTok has no name for; ``None`` without one.
    :param kind: the entity whose rows they are; reports by default.
    :param named: the name of the mapping that the names are from; empty for a mapping of the user's own.
    :param hour_index: of the hour in TikTok's rows, where its day is the last of ``names``; else ``None``.
    """

    names: Mapping[str, str]
    types: Mapping[str, str]
    loaded_at: str | None = None
    kind: str = REPORT
    named: str = ""
    hour_index: int | None = None

    def name_of(self, name: str) -> str:
        """Return the output's name of a column; one that rows lack stays as it is."""
        return self.names.get(name, name)

    def renamed(self, names: Iterable[str]) -> list[str]:
        """Return the output's names of columns."""
        return list(map(self.name_of, names))

    def originals(self, names: Iterable[str]) -> list[str]:
        """Return TikTok's names of columns, which may be written with either; one that rows lack stays as it is."""
        known = {new: name for name, new in self.names.items()}
        return [known.get(name, name) for name in names]

    def partition_columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return TikTok's names of the columns that become folders.

        :param names: the user's, which are the output's names or TikTok's.
        :raises TikTokInvalidRequestError: a column is unknown, is named twice, is the time of the load, or is named like
            no data.
        """
        found = self.originals(names)
        for index, name in enumerate(found):
            new = self.name_of(name)
            if name in found[:index]:
                raise invalid(
                    "partition_by",
                    f"names one column twice, as {names[found.index(name)]} and {names[index]}.",
                )
            if name == self.loaded_at:
                raise invalid(
                    "partition_by",
                    f"has {name}, the time of the load (`loaded_at`). Each run would write folders of its own, and those of "
                    "earlier runs would stay. Leave it out.",
                )
            if name not in self.names:
                raise invalid("partition_by", f"has {name}, which the rows don't have.{self._nearest(name)}")
            if new != name and new.startswith(("_", ".")):
                raise invalid(
                    "partition_by",
                    f"has {name}, which `column_names` calls {new}. Readers take no folder for data whose name begins with "
                    f"{new[0]!r}. Choose another name.",
                )
        return tuple(found)

    def _nearest(self, name: str) -> str:
        """Return a sentence with the column that is probably meant, or else with those that folders mostly are of."""
        names = tuple(dict.fromkeys((*((DAY,) if HOUR in self.names else ()), *self.names.values())))
        usual = tuple(each for each in names if self.types.get(each) not in NUMBER_TYPES)
        close = did_you_mean(name.lower(), usual) or did_you_mean(name.lower(), names)
        return close or f" It can be {', '.join(usual[:_SHOWN])}{', ...' * (len(usual) > _SHOWN)}."

    def all_named(self) -> dict[str, str]:
        """Return the names that mappings which have a name give to columns of this kind, whether rows have them or not.

        :return: TikTok's name by the new one.
        """
        return {new: name for mapping in NAMED.values() for name, new in mapping.get(self.kind, {}).items()}

    def taken(self) -> dict[str, str]:
        """Return the names, in lower case, that no further column can have, and why. Databases fold case."""
        found = {name.lower(): f"the rows have a column {name} already" for name in self.names}
        for name, new in self.names.items():
            if new != name:
                found[new.lower()] = (
                    f"`column_names` calls {name} so; give {name} another name there to keep this field, too"
                )
        if self.loaded_at is not None:
            found[self.loaded_at.lower()] = (
                "it is the name in `loaded_at`; choose another one there to keep this field"
            )
        return found

    def other_names(self) -> dict[str, set[str]]:
        """Return the names that a column has elsewhere: TikTok's, and those of the mappings that have a name.

        :return: by the output's name, without names that other columns have here.
        """
        mapped, names = self.mapped_names(), self.tiktok_names()
        return {new: names[new] | mapped[new] for new in names}

    def tiktok_names(self) -> dict[str, set[str]]:
        """Return TikTok's names of columns, as :meth:`other_names`."""
        return {new: self._free([name]) for name, new in self.names.items()}

    def mapped_names(self) -> dict[str, set[str]]:
        """Return the names that mappings which have a name give to columns, as :meth:`other_names`."""
        named = [mapping.get(self.kind, {}) for mapping in NAMED.values()]
        return {
            new: self._free(one[name] for one in named if name in one) for name, new in self.names.items()
        }

    def _free(self, names: Iterable[str]) -> set[str]:
        """Return names that no column has here."""
        taken = {name.lower() for name in self.types}
        return {name for name in names if name.lower() not in taken}

    def encoder(self, encode: Encode, began: float) -> Encode:
        """Return a function that adds to pages the columns that TikTok's rows lack, and encodes them.

        :param encode: encodes pages of the output's columns.
        :param began: when the load began, as Unix timestamp.
        """
        if self.loaded_at is None and self.hour_index is None:
            return encode
        cell, hour = utc_cell(began), self.hour_index

        def encode_more(page: Page) -> Sequence[Any]:
            if not len(page):
                return encode(page)
            columns, clean = list(page.columns), list(page.clean)
            if hour is not None:
                columns.append(_days_of(page.columns[hour]))
                clean.append(page.clean[hour])
            if self.loaded_at is not None:
                columns.append([cell] * len(page))
                clean.append(True)
            return encode(Page(columns, clean))

        return encode_more


def _days_of(hours: Sequence[Cell]) -> Sequence[Cell]:
    """Return the day of each hour. Few of them are different."""
    days = {hour: hour and hour[:DAY_LENGTH] for hour in set(hours)}
    return list(map(days.__getitem__, hours))


def utc_cell(unix_time: float) -> str:
    """Return a time in UTC as rows hold it, to the second."""
    return f"{datetime.fromtimestamp(int(unix_time), timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def read_columns(
    types: Mapping[str, str],
    column_names: object = None,
    loaded_at: object = None,
    *,
    kind: str = REPORT,
    partition_by: Sequence[str] = (),
) -> OutputColumns:
    """Return the columns of an output.

    :param types: type by TikTok's name, in the order of a row's cells.
    :param column_names: the user's: a mapping, the same as JSON text, or the name of one in :data:`NAMED`.
    :param loaded_at: the user's: name of the column with the time of the load.
    :param kind: the entity whose rows they are; reports by default.
    :param partition_by: the user's names of the columns that become folders, of which one may be the day of hourly rows.
    :raises TikTokInvalidRequestError: rows lack a column, or two would have one name.
    """
    given = structure(optional(column_names, "column_names"))
    hour_index = None
    if _adds_day(types, given, partition_by):
        hour_index, types = list(types).index(HOUR), {**types, DAY: DATE}
    mapping = _named(given, types, kind) if isinstance(given, str) else _checked(given, types)
    names = {name: mapping.get(name, name) for name in types}
    time_column = text(loaded_at, "loaded_at")
    if time_column is not None:
        _check_name("loaded_at", time_column)
    _check_unique(names, time_column)
    renamed = {names[name]: column_type for name, column_type in types.items()}
    if time_column is not None:
        renamed[time_column] = UTC_TIMESTAMP
    named = given.strip().lower() if isinstance(given, str) else ""
    return OutputColumns(names, renamed, time_column, kind, named, hour_index)


def _adds_day(types: Mapping[str, str], given: object, partition_by: Sequence[str]) -> bool:
    """Return whether folders are by the day of rows that have the hour only.

    :param given: the user's mapping of names, not checked yet. It may give the day's name to another column.
    """
    if HOUR not in types or DAY in types:
        return False
    renamed = given if isinstance(given, Mapping) else {}
    taken = [renamed.get(name, name) for name in types]
    return any(name in partition_by and name not in taken for name in (DAY, renamed.get(DAY, DAY)))


def _named(word: str, types: Mapping[str, str], kind: str) -> Mapping[str, str]:
    """Return the mapping of a name, without names that rows lack."""
    named = NAMED.get(word.strip().lower())
    if named is None:
        known = ", ".join(map(repr, NAMED))
        raise invalid(
            "column_names",
            f"is {word.strip()!r}; it can be a mapping from TikTok's names to yours, or {known}."
            f"{did_you_mean(word.strip().lower(), tuple(NAMED))}",
        )
    return {name: new for name, new in named.get(kind, {}).items() if name in types}


def _checked(given: object, types: Mapping[str, str]) -> Mapping[str, str]:
    """Return a user's own mapping."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(
        isinstance(part, str) for pair in given.items() for part in pair
    ):
        raise invalid(
            "column_names",
            f"must be an object such as {{'spend': 'cost'}}, from TikTok's names to yours, not {given!r}.",
        )
    for name, new in given.items():
        if name not in types:
            meant = did_you_mean(name, tuple(types))
            raise invalid(
                "column_names",
                f"renames {name!r}, which the rows don't have.{meant} They have {', '.join(types)}.",
            )
        _check_name("column_names", new)
    return given


def _check_name(parameter: str, name: str) -> None:
    if not name or _ODD.search(name):
        raise invalid(parameter, f"has the name {name!r}. A column's name is text without spaces around it.")


def _check_unique(names: Mapping[str, str], loaded_at: str | None) -> None:
    """Refuse two columns of one name; databases and readers of files take upper and lower case for the same."""
    owners: dict[str, str] = {}
    for name, new in names.items():
        other = owners.setdefault(new.lower(), name)
        if other != name:
            raise invalid(
                "column_names",
                f"gives two columns the name {new!r}: {other} and {name}. Leave one of them out, or rename one in a mapping "
                "of your own.",
            )
    if loaded_at is not None and loaded_at.lower() in owners:
        taken = owners[loaded_at.lower()]
        raise invalid(
            "loaded_at", f"is {loaded_at!r}, which is already the name of {taken}. Choose another name."
        )
