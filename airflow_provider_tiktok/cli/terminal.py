"""What commands print: tables and colours by rich, which comes with Airflow and is loaded only where it is used."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.api.transport.sanitize import sanitize
from airflow_provider_tiktok.storage.columns import NUMBER_TYPES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Shown = Any
"""A line of text, or what rich shows."""

_STATES: Mapping[str, str] = {"ok": "green", "look": "yellow", "BAD": "bold red"}
_PIPE = 10_000  # columns of a line that no terminal wraps
_CELL = 200  # characters of a value in a terminal


def show(item: Shown) -> None:
    """Print one thing that a command yields."""
    if isinstance(item, str):
        print(item, flush=True)
    else:
        console().print(item)


def console(*, stderr: bool = False) -> Console:
    """Return rich's console; its colours are for terminals only, and not where NO_COLOR is set."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def as_json(value: object) -> str:
    """Return a value as JSON for programs."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def listing(rows: Iterable[Sequence[str]], titles: Sequence[str]) -> Table:
    """Return a short list with a line for each row; the last column takes what is left of a terminal's width."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False, header_style="bold")
    for title in titles[:-1]:
        table.add_column(title, no_wrap=True)
    table.add_column(titles[-1])
    for row in rows:
        table.add_row(*row)
    return table


def with_state(line: str) -> Shown:
    """Return a line that begins with a finding's state, which has a colour in a terminal."""
    state = line.partition(" ")[0]
    if state not in _STATES or not sys.stdout.isatty():
        return line
    from rich.text import Text

    return Text.assemble((state, _STATES[state]), line.removeprefix(state))


def row_table(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> Iterator[Shown]:
    """Yield a table of rows where it fits into the terminal, and else one block for each row.

    :param types: of the columns, by name; numbers are on the right.
    """
    from rich.measure import Measurement
    from rich.text import Text

    table = listing(
        ([Text(_cell(row.get(name))) for name in types] for row in rows),  # type: ignore[misc]
        list(types),
    )
    for column, kind in zip(table.columns, types.values(), strict=True):
        column.no_wrap = True
        column.justify = "right" if kind in NUMBER_TYPES else "left"
    screen = console()
    if Measurement.get(screen, screen.options.update(max_width=_PIPE), table).maximum <= screen.width:
        yield table
        return
    width = max(map(len, types))
    for number, row in enumerate(rows, 1):
        yield f"row {number}"
        yield from (f"  {name:<{width}}  {_cell(row.get(name))}".rstrip() for name in types)


def write_rows(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Print all rows with tabs between their values, for a program that reads them."""
    writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(row.get(name)) for name in names] for row in rows)


def _cell(value: object) -> str:
    return sanitize(_text(value), _CELL) if value is not None else "-"


def _text(value: object) -> str:
    """Return a value of a row as text: null is empty, booleans are as in JSON."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
