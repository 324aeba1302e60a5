"""The files of report tasks: the rows of a synchronous report, as CSV or as a workbook."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from airflow_provider_tiktok.emulator.async_reports.titles import cells_of, columns_of, title_of
from airflow_provider_tiktok.emulator.kinds.answers import ReportTaskFile
from airflow_provider_tiktok.emulator.schemas.report_task import ReportTaskRequest
from airflow_provider_tiktok.emulator.world.world import World

_BATCH_SIZE = 1000
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def write_file(path: Path, request: ReportTaskRequest, world: World) -> ReportTaskFile:
    """Write the file of a report task and return it.

    :param path: the path of the new file.
    """
    table = world.table(request.query)
    columns = columns_of(request.query)

    def lines() -> Iterator[list[str]]:
        yield [title_of(name) if request.titles else name for name in columns]
        for first in range(0, len(table), _BATCH_SIZE):
            rows = json.loads(f"[{','.join(table.render(first, first + _BATCH_SIZE))}]")
            for row in rows:
                yield cells_of(row, columns, request.query, titles=request.titles)

    if request.output_format == "XLSX_DOWNLOAD":
        _write_workbook(path, lines())
        return ReportTaskFile(path, len(table), _XLSX)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines())
    return ReportTaskFile(path, len(table), "text/csv")


def _write_workbook(path: Path, rows: Iterator[list[str]]) -> None:
    import xlsxwriter  # noqa: PLC0415 - slow to import, and seldom needed

    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
