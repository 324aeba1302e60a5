"""Writes the file of a report task: the rows of a synchronous report, as CSV or as a workbook."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_tiktok.emulator.kinds.report_task import Order
from airflow_provider_tiktok.emulator.titles import cells_of, columns_of, title_of
from airflow_provider_tiktok.emulator.workbook import write_workbook
from airflow_provider_tiktok.emulator.world import World

_AT_ONCE = 1000
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A finished file.

    :param rows: how many rows it has, without the titles.
    """

    path: Path
    rows: int
    media_type: str


def write_file(path: Path, order: Order, world: World) -> TaskFile:
    """Write the file of a report task.

    :param path: where it shall be.
    """
    table = world.table(order.query)
    columns = columns_of(order.query)

    def lines() -> Iterator[list[str]]:
        yield [title_of(name) if order.titles else name for name in columns]
        for first in range(0, len(table), _AT_ONCE):
            rows = json.loads(f"[{','.join(table.render(first, first + _AT_ONCE))}]")
            for row in rows:
                yield cells_of(row, columns, order.query, titles=order.titles)

    if order.output_format == "XLSX_DOWNLOAD":
        write_workbook(path, lines())
        return TaskFile(path, len(table), _XLSX)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines())
    return TaskFile(path, len(table), "text/csv")
