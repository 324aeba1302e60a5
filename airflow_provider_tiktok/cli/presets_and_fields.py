"""The commands ``presets`` and ``fields``, which need neither Airflow nor a network."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from typing import Any

from airflow_provider_tiktok.exceptions import TikTokError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.presets import PRESETS

_WIDTH = 100
_INDENT = " " * 14
_TEXTS = ("string", "id_string", "string_array", "boolean_string", "datetime")


def add_commands(commands: Any) -> None:
    """Add ``presets`` and ``fields`` to the command line."""
    presets = commands.add_parser("presets", help="list the named reports")
    presets.add_argument("word", nargs="?", default="", help="only names that contain this word")
    presets.set_defaults(run=_presets)

    fields = commands.add_parser("fields", help="search the dimensions and metrics")
    fields.add_argument("word", nargs="?", default="", help="part of a name, section or note")
    fields.add_argument("--report-type", default="BASIC", type=str.upper, choices=tuple(catalog.LEVELS_OF))
    fields.add_argument("--level", default="", help="only fields of this level, such as AUCTION_AD or ad")
    fields.set_defaults(run=_fields)


def _presets(options: argparse.Namespace) -> Iterator[str]:
    for name, preset in PRESETS.items():
        if options.word.lower() not in name:
            continue
        yield name
        level = preset.get("data_level", "no data level")
        more = [
            text
            for key, text in (("query_lifetime", "lifetime"), ("by_day", "one call a day"))
            if preset.get(key)
        ]
        yield f"  {'level':<12}{', '.join((preset['report_type'], level, *more))}"
        for key in ("dimensions", "metrics"):
            yield _wrapped(key, ", ".join(preset[key]))
        yield ""


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=f"  {label:<12}", subsequent_indent=_INDENT)


def _fields(options: argparse.Namespace) -> Iterator[str]:
    report_type, word = options.report_type, options.word.lower()
    level = _level(report_type, options.level)
    dimensions, metrics = catalog.dimensions(report_type), catalog.metrics(report_type)
    found = 0
    fields: list[catalog.Dimension | catalog.Metric] = [*dimensions.values(), *metrics.values()]
    for field in fields:
        about = field.section if isinstance(field, catalog.Metric) else field.kind
        if level and level not in field.levels:
            continue
        if not any(word in text.lower() for text in (field.name, about, field.note)):
            continue
        found += 1
        what = "metric" if isinstance(field, catalog.Metric) else "dimension"
        yield f"{what:<{len(_INDENT)}}{field.name}  [{'; '.join(_remarks(report_type, field, about))}]"
        if field.note:
            yield f"{_INDENT}{field.note}"
    yield f"{found} of {len(dimensions) + len(metrics)} fields of {report_type} reports"


def _remarks(report_type: str, field: catalog.Dimension | catalog.Metric, about: str) -> Iterator[str]:
    yield f"{field.type}, {about}"
    every = catalog.LEVELS_OF[report_type]
    if len(field.levels) < len(every):
        yield "|".join(level.removeprefix("AUCTION_").lower() for level in every if level in field.levels)
    if isinstance(field, catalog.Metric):
        if not field.additive and field.type not in _TEXTS:
            yield "not additive"
        yield from sorted(field.rules)
    elif field.name in (restricted := catalog.metrics_by_dimension(report_type)):
        yield f"{len(restricted[field.name])} metrics only"
    if field.confidence != "high":
        yield f"{field.confidence} confidence"


def _level(report_type: str, written: str) -> str:
    """Return a level that was written in full or short.

    :raises TikTokError: the report type doesn't have it; the text lists the levels that it has.
    """
    levels = catalog.LEVELS_OF[report_type]
    for name in (f"AUCTION_{written.upper()}", written.upper()):
        if name in levels:
            return name
    if written:
        known = f"it can be {', '.join(levels)}" if levels else "it has none"
        raise TikTokError(f"--level {written} is not a level of {report_type} reports; {known}.")
    return ""
