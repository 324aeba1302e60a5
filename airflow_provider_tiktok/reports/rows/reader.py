"""Read TikTok's row objects into flat, typed rows with one schema.

A page is read column by column: checking a thousand numbers is then one regular expression, and a
writer that knows what was checked doesn't check again.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any, Protocol

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.rows.schema import DAY_LENGTH, Cell, Row, Schema, schema_of
from airflow_provider_tiktok.storage.columns import (
    DATE,
    DECIMAL,
    FIXED_PATTERN,
    INTEGER,
    INTEGER_PATTERN,
    NUMBER_TYPES,
    STRING,
    TIMESTAMP,
    canonical_number,
    column_test,
    number_test,
)

log = logging.getLogger(__name__)

_NULL = "-"
_SCALARS = frozenset({str, int, float, type(None)})  # allowed types of a dimension's value
_JSON_TYPES: dict[type, str] = {dict: "an object", list: "a list", bool: "true or false"}  # other types


def _time_test(pattern: str) -> Callable[[Sequence[Any]], bool]:
    """Return a test of a column of times, of which few are different, so that each is looked at once."""
    matches = column_test(pattern)

    def each_matches(values: Sequence[Any]) -> bool:
        try:
            return matches(list(set(values)))
        except TypeError:  # a value is a list or an object
            return False

    return each_matches


_IS_CANONICAL = {
    INTEGER: number_test(INTEGER_PATTERN),
    DECIMAL: number_test(FIXED_PATTERN),
    DATE: _time_test(r"[0-9]{4}-[0-9]{2}-[0-9]{2} 00:00:00"),
    TIMESTAMP: _time_test(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"),
}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_END = "\0\0"  # separates the strings of a key: it sorts before everything that could follow
_NULL_KEY = "\0\1"  # a null in a key: it sorts after empty text, before all other text


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one answer, column by column.

    :param columns: the cells of each column of the schema.
    :param clean: for each column, whether it is known to hold no null and, if its type is a number,
        only JSON numbers.
    """

    columns: list[Sequence[Cell]]
    clean: list[bool]

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def rows(self) -> list[Row]:
        """Return the rows of the page."""
        return list(zip(*self.columns, strict=True))

    def keys(self, indexes: Sequence[int]) -> list[tuple[str, ...]]:
        """Return each row's key, as a tuple that can be compared."""
        return list(self._keys(indexes))

    def text_keys(self, indexes: Sequence[int]) -> list[str]:
        """Return each of the :meth:`keys` as one text that compares the same, and faster."""
        # no tuple is kept, so that `zip` uses one again and again
        return list(map(_END.join, self._keys(indexes)))

    def _keys(self, indexes: Sequence[int]) -> Iterator[tuple[str, ...]]:
        return zip(*map(self._comparable, indexes), strict=True)

    def _comparable(self, index: int) -> Sequence[str]:
        """Return a column's cells with nulls replaced, and with zero characters escaped."""
        cells = self.columns[index]
        if self.clean[index] and "\0" not in "".join(cells):  # type: ignore[arg-type]
            return cells  # type: ignore[return-value]
        return [_NULL_KEY if cell is None else cell.replace("\0", "\0\2") for cell in cells]


def first_of_key(key: Any) -> str:
    """Return the first text of a key, which is the time if rows have one."""
    return key.partition(_END)[0] if isinstance(key, str) else key[0]


class Reader(Protocol):
    """Reads TikTok's rows, and knows their columns."""

    @property
    def schema(self) -> Schema:
        """The columns of the rows."""

    def finish(self, row_count: int) -> None:
        """Log what is odd about all rows together."""


class RowReader:
    """Reads the row objects of TikTok's pages, and warns of each oddity once.

    ``dropped`` are the metrics that the report continued without, ``seen_metrics`` those that some row had.

    :param request: the report that the pages belong to.
    """

    def __init__(self, request: ReportRequest) -> None:
        self.request = request
        self.schema = schema_of(request)
        self._warned: set[str] = set()
        self.seen_metrics: set[str] = set()
        self.dropped: set[str] = set()

    def read(
        self,
        advertiser_id: str | None,
        items: Sequence[Any],
        subject: str = "",
        day: date | None = None,
        first: int = 1,
    ) -> Page:
        """Read one page.

        :param advertiser_id: the account of the page; ``None`` if it has several.
        :param items: ``data.list`` of the answer.
        :param subject: the account, window and page, for messages.
        :param day: the day of the page, for a report whose rows don't have it.
        :param first: number of the first row, for messages.
        :raises TikTokIncompleteReportError: an item isn't a row, lacks a dimension, or has one that isn't text or a number.
        """
        if not items:
            return Page([], [])
        where = subject or f"advertiser {advertiser_id}"
        try:
            dimensions = list(map(itemgetter("dimensions"), items))
            metrics = list(map(itemgetter("metrics"), items))
            if {*map(type, dimensions), *map(type, metrics)} != {dict}:
                raise TypeError  # noqa: TRY301 - reported below, with the other faults
            columns = _columns(dimensions, self.request.dimensions)
        except (KeyError, TypeError):
            faults = (_fault(item, self.request.dimensions) for item in items)
            index, fault = next((index, fault) for index, fault in enumerate(faults) if fault)
            raise _no_row(fault, index + first, where) from None
        if set(map(len, dimensions)) != {len(columns)}:
            self._warn_of_extra_names(dimensions)
        for name, value in self._fixed(advertiser_id, day).items():
            columns.setdefault(name, [value] * len(items))
        for name in self.schema.key:
            if name not in columns:  # TikTok adds it to a dimension
                columns[name] = [_either(name, *pair) for pair in zip(dimensions, metrics, strict=True)]
        columns |= self._metrics(metrics, [name for name in self.schema.columns if name not in columns])
        cells, clean = zip(
            *(self._canonical(name, kind, columns[name]) for name, kind in self.schema.columns.items()),
            strict=True,
        )
        for name, is_clean in zip(self.schema.key, clean, strict=False):  # the key's columns come first
            odd = set() if is_clean else set(map(type, columns[name])) - _SCALARS
            if odd:
                index = next(index for index, value in enumerate(columns[name]) if type(value) in odd)
                kind = _JSON_TYPES[type(columns[name][index])]
                raise _no_row(f"whose {name} is {kind}", index + first, where)
        return Page(list(cells), list(clean))

    def finish(self, row_count: int) -> None:
        """Warn of requested metrics that no row had.

        :param row_count: number of rows of the report.
        """
        absent = [name for name in self.request.metrics if name in self.schema.columns]
        absent = [
            name
            for name in absent
            if name not in self.seen_metrics and name not in self.schema.key and name not in self.dropped
        ]
        if row_count and absent:
            log.warning("TikTok sent no value at all for %s; the column is null.", ", ".join(absent))

    def _fixed(self, advertiser_id: str | None, day: date | None) -> dict[str, str | None]:
        """Return the key columns that follow from the call, because TikTok's rows may lack them."""
        request = self.request
        fixed = {"advertiser_id": advertiser_id}
        if request.kind.account != "advertiser_id":
            fixed[request.kind.account] = str(request.extra.get(request.kind.account, ""))
        if request.by_day:
            fixed["stat_time_day"] = f"{day} 00:00:00"
        return fixed

    def _metrics(self, metrics: list[dict[str, Any]], names: list[str]) -> dict[str, Sequence[Any]]:
        """Return the metrics of all items; a metric that TikTok left out of an item is null."""
        try:
            columns = _columns(metrics, names)
        except KeyError:
            columns = {name: [item.get(name) for item in metrics] for name in names}
            self._warn_of_extra_names(metrics)
            self.seen_metrics |= set().union(*metrics) & columns.keys()
        else:
            if set(map(len, metrics)) != {len(names)}:
                self._warn_of_extra_names(metrics)
            self.seen_metrics |= columns.keys()
        return columns

    def _warn_of_extra_names(self, items: list[dict[str, Any]]) -> None:
        # rows of a page mostly have the same names, so there are few different sets
        names = set().union(*set(map(tuple, items)))
        for name in sorted(names - self.schema.columns.keys()):
            self._warn_once(
                name,
                f"TikTok also sent {sanitize(name, 80)}, which was not asked for; add it to `metrics` to keep it.",
            )

    def _warn_once(self, about: str, text: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            log.warning("%s", text)

    def _canonical(self, name: str, kind: str, values: Sequence[Any]) -> tuple[Sequence[Cell], bool]:
        """Return a column's cells, and whether they are clean."""
        if kind == STRING:
            if _NULL not in values and set(map(type, values)) == {str}:
                return values, True
            return [None if value is None or value == _NULL else _as_text(value) for value in values], False
        is_canonical = _IS_CANONICAL[kind]
        if is_canonical(values):
            return _FAST[kind](values), True
        if kind in NUMBER_TYPES and _NULL in values:
            filled = ["0" if value == _NULL else value for value in values]
            if is_canonical(filled):
                return [None if value == _NULL else value for value in values], False
        slow = _SLOW[kind]
        cells: list[Cell] = []
        for value in values:
            cell, fits = slow(value)
            if not fits:
                self._warn_once(
                    f"{name} is odd",
                    f"Column {name} is {kind}, but TikTok sent {str(value)[:80]!r}; such values are passed on unchanged.",
                )
            cells.append(cell)
        return cells, False


def _fault(item: Any, names: Sequence[str]) -> str:
    """Return why an item isn't a row; empty if it is one."""
    if not isinstance(item, dict):
        return "that is not made as rows are"
    for part in ("dimensions", "metrics"):
        if part not in item:
            return f"without {part!r}"
        if not isinstance(item[part], dict):
            return f"whose {part} are no object"
    return next((f"without {name!r}" for name in names if name not in item["dimensions"]), "")


def _no_row(fault: str, number: int, where: str) -> TikTokIncompleteReportError:
    return TikTokIncompleteReportError(
        f"TikTok sent a row {fault} (row {number:,}, {where}). Run the task again; if it stays, TikTok changed its answers "
        "and airflow-provider-tiktok needs an upgrade."
    )


def _columns(items: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return the values of all items by name.

    :raises KeyError: an item lacks one.
    """
    if len(names) < 2:  # noqa: PLR2004 - itemgetter returns a value then, not a tuple
        return {name: [item[name] for item in items] for name in names}
    return dict(zip(names, zip(*map(itemgetter(*names), items), strict=True), strict=True))


def _either(name: str, dimensions: dict[str, Any], metrics: dict[str, Any]) -> Any:
    return dimensions[name] if name in dimensions else metrics.get(name)


def _same(values: Sequence[str]) -> Sequence[Cell]:
    return values


def _days(values: Sequence[str]) -> Sequence[Cell]:
    return _few(values, lambda value: value[:DAY_LENGTH])


def _hours(values: Sequence[str]) -> Sequence[Cell]:
    return _few(values, lambda value: value.replace(" ", "T"))


def _few(values: Sequence[str], make: Callable[[str], str]) -> Sequence[Cell]:
    """Convert strings of which few are different, so that equal results are one object and compare fast."""
    made = {value: sys.intern(make(value)) for value in set(values)}
    return list(map(made.__getitem__, values))


_FAST: dict[str, Callable[[Sequence[str]], Sequence[Cell]]] = {
    INTEGER: _same,
    DECIMAL: _same,
    DATE: _days,
    TIMESTAMP: _hours,
}


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in {_NULL, ""})


def _slow_decimal(value: Any) -> tuple[Cell, bool]:
    """Return a number's canonical text, and whether it is a number."""
    if _is_null(value):
        return None, True
    text = _as_text(value)
    number = None if isinstance(value, bool) else canonical_number(text.strip())
    return (text, False) if number is None else (number, True)


def _slow_integer(value: Any) -> tuple[Cell, bool]:
    text, fits = _slow_decimal(value)
    if text is None or not fits:
        return text, fits
    digits, _, fraction = text.partition(".")
    # "116.0" is 116, as in TikTok's own examples; "116.5" keeps its digits
    return (digits, True) if not fraction.strip("0") else (text, False)


def _slow_day(value: Any) -> tuple[Cell, bool]:
    if _is_null(value):
        return None, True
    text = _as_text(value).strip()
    if _DAY.fullmatch(text) or (_DAY.match(text) and text[DAY_LENGTH:].strip(" T0:") == ""):
        return text[:DAY_LENGTH], True
    return text, False


def _slow_hour(value: Any) -> tuple[Cell, bool]:
    if _is_null(value):
        return None, True
    text = _as_text(value).strip()
    if _DAY.fullmatch(text):
        return f"{text}T00:00:00", True
    return text.replace(" ", "T", 1), bool(_DAY.match(text))


_SLOW: dict[str, Callable[[Any], tuple[Cell, bool]]] = {
    INTEGER: _slow_integer,
    DECIMAL: _slow_decimal,
    DATE: _slow_day,
    TIMESTAMP: _slow_hour,
}
