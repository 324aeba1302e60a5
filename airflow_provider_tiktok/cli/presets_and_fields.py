"""The commands ``presets`` and ``fields``, which need neither Airflow nor a network."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any

from airflow_provider_tiktok.cli.terminal import as_json, listing
from airflow_provider_tiktok.exceptions import TikTokError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.rules import METRIC_RULES
from airflow_provider_tiktok.reports.presets import PRESETS, Preset
from airflow_provider_tiktok.reports.report_types import REPORT_TYPES

Field = catalog.Dimension | catalog.Metric

_WIDTH = 100
_INDENT = " " * 14
_TEXTS = ("string", "id_string", "string_array", "boolean_string", "datetime")
_OTHER_RULES: Mapping[str, str] = {
    "sync_only": 'isn\'t in report tasks (mode="async")',
    "always_sent": "comes with every report of this type",
    "text_beside_search_terms": "is text in reports by search_terms",
}
_PRESETS = """\
One preset is shown in full: its name, a part of it that no other has, or --details.

examples:
  airflow-tiktok presets
  airflow-tiktok presets audience_country
  airflow-tiktok presets ad_daily
"""
_FIELDS = """\
One field is shown in full, with its rules in words: its name, a word that no other has, or --details.

examples:
  airflow-tiktok fields spend
  airflow-tiktok fields purchase --level ad --details
  airflow-tiktok fields gender --report-type AUDIENCE
"""


def add_presets(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``presets``."""
    parser.add_argument("word", nargs="?", default="", help="only names that contain this word")
    _add_output(parser)
    parser.epilog = _PRESETS
    parser.set_defaults(run=_presets)


def add_fields(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``fields``."""
    parser.add_argument("word", nargs="?", default="", help="part of a name, section or note")
    types = tuple(catalog.LEVELS_OF)
    parser.add_argument(
        "--report-type",
        default="BASIC",
        type=str.upper,
        choices=types,
        metavar="TYPE",
        help=f"{', '.join(types)} (default: %(default)s)",
    )
    parser.add_argument("--level", default="", help="only fields of this level, such as AUCTION_AD or ad")
    _add_output(parser)
    parser.epilog = _FIELDS
    parser.set_defaults(run=_fields)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--details", action="store_true", help="show all of each")
    parser.add_argument("--json", action="store_true", help="print JSON, with all of each")


def _presets(options: argparse.Namespace) -> Iterator[Any]:
    found = {name: preset for name, preset in PRESETS.items() if options.word.lower() in name}
    if options.word in PRESETS:
        found = {options.word: PRESETS[options.word]}
    if not found:
        raise TikTokError(
            f"No preset has {options.word!r} in its name.{_close(options.word, PRESETS)} `airflow-tiktok presets` lists all."
        )
    if options.json:
        yield as_json({name: dict(preset) for name, preset in found.items()})
    elif options.details or len(found) == 1:
        for name, preset in found.items():
            yield from _preset_details(name, preset)
    else:
        rows = [
            (name, _level_of(preset), str(len(preset["metrics"])), ", ".join(preset["dimensions"]))
            for name, preset in found.items()
        ]
        yield listing(rows, ("preset", "level", "metrics", "grouped by"))


def _preset_details(name: str, preset: Preset) -> Iterator[str]:
    yield name
    more = [
        text
        for key, text in (("query_lifetime", "lifetime"), ("by_day", "one call a day"))
        if preset.get(key)
    ]
    yield f"  {'level':<12}{', '.join((_level_of(preset), *more))}"
    for key in ("dimensions", "metrics"):
        yield _wrapped(key, ", ".join(preset[key]))
    if needed := REPORT_TYPES[preset["report_type"]].required:
        yield f"  {'needs':<12}request_params with {', '.join(needed)}"
    yield ""


def _level_of(preset: Preset) -> str:
    return f"{preset['report_type']}, {preset.get('data_level', 'no data level')}"


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f"  {label:<12}",
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _fields(options: argparse.Namespace) -> Iterator[Any]:
    report_type, word = options.report_type, options.word.lower()
    level = _level(report_type, options.level)
    known = _fields_of(report_type)
    found = [field for field in known if (not level or level in field.levels) and _has(field, word)]
    if named := [field for field in found if field.name == word]:
        found = named  # a dimension, a metric, or both
    if not found:
        raise TikTokError(_nothing(options, [field.name for field in known]))
    if options.json:
        yield as_json([_as_dict(field) for field in found])
    elif options.details or len(found) == 1 or named:
        for field in found:
            yield from _field_details(report_type, field)
    else:
        yield listing(
            [(field.name, _kind(field), field.type, _about(field)) for field in found],
            ("name", "kind", "type", "section"),
        )
    if not options.json:
        yield f"{len(found)} of {len(known)} fields of {report_type} reports"


def _fields_of(report_type: str) -> list[Field]:
    return [*catalog.dimensions(report_type).values(), *catalog.metrics(report_type).values()]


def _has(field: Field, word: str) -> bool:
    return any(word in text.lower() for text in (field.name, _about(field), field.note))


def _nothing(options: argparse.Namespace, known: Collection[str]) -> str:
    """Return what to say where no field is found: a name like it, or a report type that has one."""
    word = options.word.lower()
    elsewhere = [
        name
        for name in catalog.LEVELS_OF
        if name != options.report_type and any(_has(field, word) for field in _fields_of(name))
    ]
    text = f"No field of {options.report_type} reports has {options.word!r}"
    text += f" at the level {options.level}." if options.level else "."
    text += _close(word, known)
    if elsewhere:
        text += f" Other report types do: --report-type {', '.join(elsewhere)}."
    return text


def _close(word: str, known: Collection[str]) -> str:
    close = get_close_matches(word.lower(), known, n=3, cutoff=0.6)
    if not close and word:  # a part of a name, misspelled: "daly" of "ad_daily"
        parts = {part: name for name in known for part in name.split("_")}
        close = [parts[part] for part in get_close_matches(word.lower(), parts, n=3, cutoff=0.8)]
    return f" Did you mean {', '.join(close)}?" if close else ""


def _field_details(report_type: str, field: Field) -> Iterator[str]:
    yield field.name
    yield f"  {'kind':<12}{_kind(field)}, {field.type}, {_about(field)}"
    every = catalog.LEVELS_OF[report_type]
    if len(field.levels) < len(every):
        yield _wrapped("levels", ", ".join(level for level in every if level in field.levels) or "none")
    for label, texts in (("rules", list(_rules(report_type, field))), ("note", [field.note])):
        if any(texts):
            yield _wrapped(label, "; ".join(texts))
    yield ""


def _rules(report_type: str, field: Field) -> Iterator[str]:
    """Yield in words what restricts the use of a field."""
    if isinstance(field, catalog.Metric):
        if not field.additive and field.type not in _TEXTS:
            yield "values of several days or entities can't be added up"
        for rule in sorted(field.rules):
            yield METRIC_RULES[rule].reason if rule in METRIC_RULES else _OTHER_RULES[rule]
    elif field.name in (restricted := catalog.metrics_by_dimension(report_type)):
        yield f"goes with {len(restricted[field.name])} metrics only"
    if field.confidence != "high":
        yield f"{field.confidence} confidence that TikTok has it"


def _as_dict(field: Field) -> dict[str, Any]:
    more = {"levels": sorted(field.levels)} | (
        {"rules": sorted(field.rules)} if isinstance(field, catalog.Metric) else {}
    )
    return {"field": _kind(field), **asdict(field), **more}


def _kind(field: Field) -> str:
    return "metric" if isinstance(field, catalog.Metric) else "dimension"


def _about(field: Field) -> str:
    return field.section if isinstance(field, catalog.Metric) else field.kind


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
