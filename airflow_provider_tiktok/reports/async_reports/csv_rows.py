"""Reads the CSV file of a report task into the rows that a synchronous report has.

The file's first line names the columns, raw as they were asked for, or in the words of TikTok Ads Manager
(``Ad Group ID``, ``Cost``). Each row becomes the row object of a synchronous report, so that typing, checks and
warnings are the same from there on.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from airflow_provider_tiktok.api.transport.sanitize import well_formed
from airflow_provider_tiktok.exceptions import TikTokIncompleteReportError
from airflow_provider_tiktok.reports.rows.schema import Schema

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1_000

_LONGEST_CELL = 2**22  # characters; the texts of ads are long, and Python's own limit is 128 KiB
_TITLES: Mapping[str, tuple[str, ...]] = {
    "spend": ("cost", "total_cost", "amount_spent"),
    "impressions": ("impression",),
    "clicks": ("click", "clicks_all", "clicks_destination"),
    "conversion": ("conversions",),
    "stat_time_day": ("date", "day", "by_day"),
    "stat_time_hour": ("time", "hour", "by_hour"),
    "country_code": ("country", "country_region"),
    "advertiser_id": ("account_id",),
    "advertiser_name": ("account_name",),
}
"""TikTok's words for columns where they aren't the name with blanks for underlines."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def read_rows(
    file: IO[bytes], schema: Schema, dimensions: Sequence[str], wanted: Sequence[str], subject: str
) -> Iterator[list[dict[str, Any]]]:
    """Read a file's rows, a thousand at a time, as the ``list`` of a synchronous report has them.

    :param file: the file, from its beginning.
    :param schema: the report's columns.
    :param dimensions: the dimensions that were asked for.
    :param wanted: the metrics that were asked for.
    :param subject: what the file is, for messages.
    :raises TikTokIncompleteReportError: a column is missing, or a row is cut off.
    """
    file.seek(0)
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogatepass", newline="")
    try:
        lines = csv.reader(map(well_formed, text), strict=True)
        header = next(lines, [])
        names = column_names(header, [*schema.columns], [*dimensions, *wanted], subject)
        places = [(index, name, name in dimensions) for index, name in enumerate(names) if name is not None]
        items: list[dict[str, Any]] = []
        for cells in lines:
            if len(cells) != len(names):
                raise _cut_off(subject, lines.line_num, f"{len(cells)} cells of {len(names)}")
            items.append(_item(cells, places))
            if len(items) >= ROWS_AT_ONCE:
                yield items
                items = []
        if items:
            yield items
    except (csv.Error, UnicodeDecodeError) as error:
        raise _cut_off(subject, lines.line_num, str(error)) from None
    finally:
        with suppress(ValueError):  # its owner has closed it already
            text.detach()  # the file is its owner's to close


def column_names(
    header: Sequence[str], known: Sequence[str], wanted: Sequence[str], subject: str
) -> list[str | None]:
    """Return the name of each column of a file; ``None`` for one that was not asked for.

    :param known: columns that the report may have.
    :param wanted: columns that it must have.
    :raises TikTokIncompleteReportError: one is missing, or there twice.
    """
    by_title = {_plain(title): name for name in reversed(known) for title in (name, *_TITLES.get(name, ()))}
    raw = {title.strip() for title in header}
    names = [title.strip() if title.strip() in known else by_title.get(_plain(title)) for title in header]
    found = [name for name in names if name is not None]
    missing = [name for name in wanted if name not in found]
    doubled = sorted({name for name in found if found.count(name) > 1})
    if missing or doubled:
        problem = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(doubled)} twice"
        raise TikTokIncompleteReportError(
            f"The file of a report task {problem} ({subject}); its columns are {', '.join(header)[:300] or 'none'}. Run "
            "the task again; if it stays, TikTok changed its files: use `mode='sync'`, and tell the provider's maintainers."
        )
    extra = [title for title, name in zip(header, names, strict=True) if name is None]
    if extra:
        log.warning("TikTok also sent the columns %s, which were not asked for.", ", ".join(extra)[:300])
    if not raw >= set(wanted):
        log.info("TikTok wrote titles of its own into the file (%s).", ", ".join(header)[:300])
    return names


def ends_with_line(file: IO[bytes]) -> bool:
    """Return whether a file ends with the end of a line, as one does that was not cut off; empty files don't."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 1))
    return file.read(1) in {b"\n", b"\r"}


def _item(cells: Sequence[str], places: Sequence[tuple[int, str, bool]]) -> dict[str, Any]:
    """Return what a synchronous report has for a line; an empty cell is TikTok's ``-``."""
    dimensions: dict[str, str] = {}
    metrics: dict[str, str] = {}
    for index, name, is_dimension in places:
        (dimensions if is_dimension else metrics)[name] = cells[index]
    return {"dimensions": dimensions, "metrics": metrics}


def _plain(title: str) -> str:
    """Return a title's letters and digits: ``Ad Group ID`` is ``adgroup_id``."""
    return _NOT_IN_NAMES.sub("", title.lower())


def _cut_off(subject: str, line: int, problem: str) -> TikTokIncompleteReportError:
    return TikTokIncompleteReportError(
        f"The file of a report task is broken at line {line:,} ({subject}): {problem[:200]}. It was cut off on the way, or "
        "TikTok changed its files. Run the task again."
    )
