"""An endpoint, and its answer: data, or a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_tiktok.emulator.schemas.base import CallValues, Lines, Params, read
from airflow_provider_tiktok.emulator.world.world import World


@dataclass(frozen=True, slots=True)
class ReportTaskFile:
    """A complete file.

    :param rows: the number of rows, without the header.
    """

    path: Path
    rows: int
    media_type: str


@dataclass
class Answer:
    """The ``data`` of an envelope.

    :param rows: the list, each row as JSON; ``None`` if the data has no list.
    :param key: the data's key of the list.
    :param shifted: returns the rows of the same page in a list that has moved: by -1 if it has a row more before the
        page, by 1 if it has a row less; ``None`` if the data has no list of entities.
    :param rest: the other keys of the data.
    :param headers: additional response headers.
    :param file: the file to send instead of an envelope.
    """

    rows: list[str] | None = None
    key: str = "list"
    shifted: Callable[[int], list[str]] | None = None
    rest: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    file: ReportTaskFile | None = None

    def to_json(self) -> str:
        """Return the data as JSON."""
        rest = json.dumps(self.rest, ensure_ascii=False)
        if self.rows is None:
            return rest
        return f'{{"{self.key}":[{",".join(self.rows)}]{", " if self.rest else ""}{rest[1:]}'


def with_edits(row: dict[str, Any], edit: Mapping[str, Any], names: Collection[str] = ()) -> dict[str, Any]:
    """Return an entity's row with the values of an edit.

    :param names: the fields that the call asks for; empty is all, and the edit can add new ones.
    """
    return row | {
        name: value
        for name, value in edit.items()
        if name != "primary_status" and (not names or name in names)
    }


Endpoint = Callable[[World, Params], Answer]


def endpoint(lines: Lines, answer: Callable[[World, CallValues], Answer]) -> Endpoint:
    """Return the endpoint that answers the calls that lines accept."""
    return lambda world, params: answer(world, read(lines, params))


def page_info(world: World, page: int, size: int, total: int) -> dict[str, Any]:
    """Return the ``page_info`` of an answer."""
    pages = -(-total // size) if total else world.settings.empty_total_page
    return {"page_info": {"page": page, "page_size": size, "total_number": total, "total_page": pages}}
