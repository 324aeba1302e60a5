"""The data of an answer, or the file in its place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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

    :param rows: the ``list``, each row as JSON; ``None`` if the data has no list.
    :param rest: the other keys of the data.
    :param headers: additional response headers.
    :param file: the file to send instead of an envelope.
    """

    rows: list[str] | None = None
    rest: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    file: ReportTaskFile | None = None

    def to_json(self) -> str:
        """Return the data as JSON."""
        rest = json.dumps(self.rest, ensure_ascii=False)
        if self.rows is None:
            return rest
        return f'{{"list":[{",".join(self.rows)}]{", " if self.rest else ""}{rest[1:]}'
