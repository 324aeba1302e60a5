"""A report on several accounts, as one table."""

from __future__ import annotations

import json

from airflow_provider_tiktok.emulator.world.formulas import DASH, Column
from airflow_provider_tiktok.emulator.world.table import Run, Table
from airflow_provider_tiktok.reports import catalog

_MERGED_ATTRIBUTES = {"currency": "USD"}


class MergedTable(Table):
    """A report in which rows of several accounts with the same dimensions are one row.

    Money is in dollars.
    """

    def _make_order(self) -> list[int] | None:
        rows: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for row, run in enumerate(self._single_runs(range(self._size))):
            width = len(run.section.split.values)
            label, values = (
                run.section.labels[run.first // width],
                run.section.split.values[run.first % width],
            )
            rows.setdefault((label, values), []).append(row)
        # accounts begin at different times
        keys = sorted(rows, key=lambda key: key[0])
        self._members = {rows[key][0]: rows[key] for key in keys}
        return self._sorted_rows([rows[key][0] for key in keys])

    def _counted(self, runs: list[Run], names: list[str]) -> dict[str, list[int]]:
        columns: list[list[int]] = [[] for _ in names]
        for run in runs:
            found = [self._count(one, names) for one in self._single_runs(self._members[self._row(run)])]
            for place, column in enumerate(columns):
                column.append(sum(one[place][0] for one in found))
        return dict(zip(names, columns, strict=True))

    def _row(self, run: Run) -> int:
        """Return the index of a run of one row among all rows."""
        before = 0
        for section in self.sections:
            if section is run.section:
                break
            before += len(section)
        return before + run.entity * run.section.block + run.first

    def _attributes(self, runs: list[Run], name: str) -> Column:
        text = json.dumps("0" if self._several else _MERGED_ATTRIBUTES.get(name, DASH))
        return [text] * len(runs)

    def _figures(self, name: str, counted: dict[str, list[int]]) -> Column:
        column = super()._figures(name, counted)
        return [DASH] * len(column) if self._has_no_sum(name) else column

    def _value_template(self, name: str) -> str:
        return '"%s"' if self._has_no_sum(name) else super()._value_template(name)

    def _has_no_sum(self, name: str) -> bool:
        """Return whether TikTok sends no sum of a metric over the accounts that a call names: costs."""
        return (
            self._several
            and not self._is_attribute(name)
            and catalog.metrics(self._query.report_type)[name].type == "currency"
        )
