"""From TikTok's entity objects to flat, typed rows with one schema."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from airflow_provider_tiktok.api.calls import JsonNumber
from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.entities import catalog
from airflow_provider_tiktok.entities.request import IS_DELETED, EntityRequest
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.fetch.collectors import Encode
from airflow_provider_tiktok.reports.planning.plan import ReportCall
from airflow_provider_tiktok.reports.rows.checks import NUMBERS, is_number_id
from airflow_provider_tiktok.reports.rows.reader import Page
from airflow_provider_tiktok.reports.rows.schema import Cell, Row, Schema, to_python
from airflow_provider_tiktok.storage.columns import (
    BOOLEAN,
    DECIMAL,
    FLOAT,
    INTEGER,
    STRING,
    UTC_TIMESTAMP,
    canonical_number,
)

log = logging.getLogger(__name__)

_ACCOUNT = "advertiser_id"
_PARENTS = ("campaign_id", "adgroup_id")
_COLUMN_TYPES = {
    "id": STRING,
    "text": STRING,
    "money": DECIMAL,
    "integer": INTEGER,
    "number": FLOAT,
    "boolean": BOOLEAN,
    "time": UTC_TIMESTAMP,
    "json": STRING,
}
_BOOLEANS = {"true": "true", "1": "true", "false": "false", "0": "false"}
_DELETED = ("_DELETE", "_DELETED")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST_SECOND, _LAST_SECOND = 10**9, 4_102_444_800  # the years 2001 and 2100
_MILLISECONDS = 10**11  # a time of that many seconds is in the year 5138, so the number counts milliseconds
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


@dataclass(frozen=True, slots=True)
class EntityPage(Page):
    """The entities of one answer, column by column.

    :param more: the cells of each field that has no column.
    """

    more: dict[str, Sequence[Cell]] = field(default_factory=dict)


def entity_schema(request: EntityRequest) -> Schema:
    """Return the columns of a list: the account, TikTok's fields, those that the catalogue lacks, and ``is_deleted``."""
    known, kind = catalog.fields(request.kind.name), request.kind
    wanted = (kind.key, *request.fields) if request.fields else tuple(known)
    if kind.key in request.fields:
        wanted = request.fields
    types = {_ACCOUNT: STRING}
    for name in (*wanted, *request.more):
        # a name that the catalogue lacks is text: TikTok's values pass through
        types.setdefault(name, _COLUMN_TYPES[known[name].type] if name in known else STRING)
    if kind.status is not None:
        types[IS_DELETED] = BOOLEAN
    return Schema(types, tuple(dict.fromkeys((_ACCOUNT, kind.key))))


class EntityReader:
    """Reads the objects of a list, and warns of each oddity once.

    :param request: the list.
    :param warned: what was warned of before, where a list is read again; it is added to.
    """

    def __init__(self, request: EntityRequest, warned: set[str] | None = None) -> None:
        self.request = request
        self.schema = entity_schema(request)
        self._kind = request.kind
        self._fields = {
            name: column_type
            for name, column_type in self.schema.columns.items()
            if name not in {_ACCOUNT, IS_DELETED}
        }
        self._known = {*catalog.fields(request.kind.name), _ACCOUNT, *self._fields}
        if self._kind.status is not None:
            self._known.add(IS_DELETED)
        self._warned = set() if warned is None else warned

    def read_page(self, call: ReportCall, page: int, items: list[Any]) -> EntityPage:
        """Read one page of an account's list.

        :raises TikTokIncompleteReportError: an item isn't an entity of the account.
        """
        return self.read([call.advertiser_id] * len(items), items, call.subject(page))

    def read(self, accounts: Sequence[str], items: Sequence[Any], subject: str) -> EntityPage:
        """Read entities.

        :param accounts: of each of them.
        :param subject: where they are, for messages.
        :raises TikTokIncompleteReportError: an item isn't an entity of its account.
        """
        if not items:
            return EntityPage([], [])
        for number, (account, item) in enumerate(zip(accounts, items, strict=True), start=1):
            if fault := self._fault(account, item):
                raise TikTokIncompleteReportError(
                    f"TikTok sent {fault} (row {number:,} of {subject}). Nothing is published; run the task again."
                )
        columns = {name: self._cells(name, kind, items) for name, kind in self._fields.items()}
        columns[_ACCOUNT] = list(accounts), True
        if self._kind.status is not None:
            deleted = [_is_deleted(item.get(self._kind.status)) for item in items]
            columns[IS_DELETED] = deleted, None not in deleted
        cells, clean = zip(*(columns[name] for name in self.schema.columns), strict=True)
        return EntityPage(list(cells), list(clean), self._unknown(items))

    def finish(self, row_count: int) -> None:
        """Log nothing: a field that no entity has is not odd."""

    def _fault(self, account: str, item: Any) -> str:
        """Return why an item is no entity of an account; empty if it is one."""
        if not isinstance(item, dict):
            return "an entry that is no object"
        if item.get(self._kind.key) is None:
            return f"an entry without {self._kind.key}"
        for name in dict.fromkeys((self._kind.key, *_PARENTS)):
            value = item.get(name)
            if value is not None and not _is_id(name, value):
                return f"an entry whose {name} is {sanitize(_text(value), 60)!r}, which is no ID"
        owner = item.get(_ACCOUNT)
        if owner is not None and str(owner) != account:
            return f"an entry of advertiser {sanitize(owner, 60)}, which was not asked for"
        return ""

    def _cells(self, name: str, column_type: str, items: Sequence[Any]) -> tuple[Sequence[Cell], bool]:
        """Return a field's cells, and whether they are clean."""
        read, fit = _READERS[column_type], True
        cells: list[Cell] = []
        for item in items:
            value = item.get(name)
            cell = None if value is None else read(value)
            if cell is _ODD:
                cell, fit = _text(value), False
                self._warn_once(
                    f"Field {sanitize(name, 80)} is {column_type}, but TikTok sent {sanitize(cell, 80)!r}; such values are "
                    "passed on unchanged.",
                    about=name,
                )
            cells.append(cell)
        return cells, fit and None not in cells

    def _unknown(self, items: Sequence[dict[str, Any]]) -> dict[str, Sequence[Cell]]:
        """Return what has no column, where all that TikTok has is wanted.

        A field whose name a column of the output has already is left out: it would be in that column's place.
        """
        if self.request.fields:
            return {}
        found: dict[str, Sequence[Cell]] = {}
        taken = dict(self.request.taken)
        # TikTok's names are in lower case, so that of two that differ in nothing else this one is the likelier
        for name in sorted(
            set().union(*set(map(tuple, items))) - self._known, key=lambda name: (name != name.lower(), name)
        ):
            why = taken.get(name.lower())
            fate = "passed on as text" if why is None else f"left out, because {why}"
            self._warn_once(
                f"TikTok sent the field {sanitize(name, 80)}, which this version doesn't know; it is {fate}.",
                about=name,
            )
            if why is None:
                found[name] = [None if item.get(name) is None else _text(item[name]) for item in items]
            if taken:
                taken.setdefault(name.lower(), f"{sanitize(name, 80)} is the same name to many databases")
        return found

    def _warn_once(self, text: str, *, about: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            log.warning("%s", text)


class UnknownFieldsError(Exception):
    """TikTok sent fields that the columns of a list lack.

    :param names: of the fields.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


def closed(encode: Encode) -> Encode:
    """Return a function that encodes pages whose fields all have a column.

    :param encode: encodes pages.
    :raises UnknownFieldsError: a field has none.
    """

    def encode_known(page: Page) -> Sequence[Any]:
        if isinstance(page, EntityPage) and page.more:
            raise UnknownFieldsError(list(page.more))
        return encode(page)

    return encode_known


def open_rows(page: Page) -> Sequence[Any]:
    """Return a page's rows, each with a dict of what has no column."""
    more = page.more if isinstance(page, EntityPage) else {}
    extra = [dict(zip(more, cells, strict=True)) for cells in zip(*more.values(), strict=True)]
    rows = page.rows()
    return list(zip(rows, extra or [{}] * len(rows), strict=True))


def to_dicts(
    schema: Schema, rows: Iterable[tuple[Row, dict[str, Cell]]], number: Callable[[str], Any]
) -> Iterator[dict[str, Any]]:
    """Yield rows of :func:`open_rows` as dicts.

    :param number: makes a number from its digits.
    """
    pairs = list(rows)
    for row, (_, extra) in zip(to_python(schema, (one for one, _ in pairs), number), pairs, strict=True):
        yield {**row, **extra}


class _Odd(str):
    """The type of :data:`_ODD`."""

    __slots__ = ()


_ODD = _Odd()
"""What a reader of values returns for one that doesn't fit its type."""


def json_text(value: Any) -> str:
    """Write a value as JSON, with TikTok's order of keys and digits of numbers."""
    if isinstance(value, JsonNumber):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(name)}:{json_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _is_id(name: str, value: Any) -> bool:
    """Return whether a value can be an ID: of a campaign, an ad group or an ad as in reports, else a word."""
    if not isinstance(value, (str, int)) or isinstance(value, (bool, JsonNumber)):
        return False
    text = str(value)
    return (
        is_number_id(text)
        if name in NUMBERS
        else text.isprintable() and text not in _NOTHING and " " not in text
    )


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else json_text(value)


_NOTHING = frozenset({"", "-"})
"""What TikTok writes where there is no number, flag or time."""


def _number(value: Any) -> Cell:
    if isinstance(value, str) and value.strip() in _NOTHING:
        return None
    number = None if isinstance(value, bool) else canonical_number(str(value).strip())
    return _ODD if number is None else number


def _integer(value: Any) -> Cell:
    number = _number(value)
    if number is None or number is _ODD:
        return number
    digits, _, fraction = number.partition(".")
    return _ODD if fraction.strip("0") else digits


def _boolean(value: Any) -> Cell:
    word = _text(value).strip().lower()
    return None if word in _NOTHING else _BOOLEANS.get(word, _ODD)


def _time(value: Any) -> Cell:
    """Read a time in UTC, however an endpoint writes it: as text, with or without a zone, or as a number of seconds."""
    if isinstance(value, (int, JsonNumber)):
        return _ODD if isinstance(value, bool) else _time_of_number(value)
    word = _text(value).strip()
    if word in _NOTHING:
        return None
    found = _TIME.fullmatch(word)
    if found is None:
        return _ODD
    day, minutes, seconds, fraction, zone = found.groups()
    offset = {None: "+00:00", "Z": "+00:00"}.get(zone) or f"{zone[:3]}:{zone[-2:]}"
    try:
        time = datetime.fromisoformat(
            f"{day}T{minutes or '00:00'}:{seconds or '00'}.{fraction or '':0<6}{offset}"
        )
        return _time_cell(time.astimezone(timezone.utc))
    except (ValueError, OverflowError):
        return _ODD


def _time_of_number(value: int | str) -> Cell:
    """Read seconds since 1970, or milliseconds; a number that is far from the present is something else, as 20261101 is."""
    digits = canonical_number(str(value))
    if digits is None:
        return _ODD
    number = Decimal(digits)
    seconds = number / 1000 if number >= _MILLISECONDS else number
    if seconds and not _FIRST_SECOND <= seconds < _LAST_SECOND:
        return _ODD
    return _time_cell(_EPOCH + timedelta(microseconds=int(seconds * 10**6)))


def _time_cell(time: datetime) -> Cell:
    return f"{time.replace(tzinfo=None).isoformat()}Z"


_READERS: dict[str, Callable[[Any], Cell]] = {
    STRING: _text,
    DECIMAL: _number,
    FLOAT: _number,
    INTEGER: _integer,
    BOOLEAN: _boolean,
    UTC_TIMESTAMP: _time,
}


def _is_deleted(status: Any) -> Cell:
    """Return whether a status says that an entity, or what it belongs to, is deleted."""
    if not isinstance(status, str) or not status:
        return None
    is_deleted = status.endswith(_DELETED) and not status.endswith("_NOT_DELETE")
    return "true" if is_deleted else "false"
