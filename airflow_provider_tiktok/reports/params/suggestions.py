"""Distinguish a misspelled name from one that TikTok may have added since this version."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.coerce import invalid

log = logging.getLogger(__name__)

_CODE = 4  # letters of a word in a name that may be a code
_MAX_SLIPS = 2  # a wrong letter counts two, a missing or doubled one counts one

NEVER_METRICS: Mapping[str, str] = {
    "conversions": "conversion",
    "video_views": "video_play_actions",
    "purchases": "complete_payment",
    "conversion_value": "total_complete_payment_rate",
    "cpa": "cost_per_conversion",
    "cvr": "conversion_rate",
}
"""Names that people try and TikTok is known to refuse, with what they are after.

``total_complete_payment_rate`` is the value of website purchases in money, despite its name.
"""

NEVER_METRICS_OF: Mapping[str, Mapping[str, str]] = {
    "GMV_MAX": {
        "spend": "cost",
        "conversion": "orders",
        "conversions": "orders",
        "purchases": "orders",
        "revenue": "gross_revenue",
        "conversion_value": "gross_revenue",
        "roas": "roi",
    },
}
"""The same, for report types whose names differ from BASIC's."""

NEVER_DIMENSIONS: Mapping[str, str] = {
    "platform_type": "platform",
    "os_platform": "platform",
    "device_brand": "device_brand_id",
    "device_model": "device_brand_id",
}

_CLOSED = ("BASIC", "AUDIENCE", "BC", "TT_SHOP", "GMV_MAX", "SMART_PLUS")
"""Report types whose dimensions TikTok documents in full."""

_CLOSED_METRICS = ("BC", "TT_SHOP", "GMV_MAX", "SMART_PLUS")
"""Report types whose metrics it documents in full."""

_OPEN = ("CATALOG", "PLAYABLE_MATERIAL")
"""Report types whose names are hardly documented; BASIC's names are used for them."""


def check_metric_names(parameter: str, wanted: Iterable[str], report_type: str) -> None:
    """Refuse metrics that a report type certainly lacks, and warn of unknown ones.

    :raises TikTokInvalidRequestError: at least one name is certainly wrong.
    """
    wanted = tuple(wanted)
    never = {**NEVER_METRICS, **NEVER_METRICS_OF.get(report_type, {})}
    own = catalog.metrics(report_type)
    foreign = _elsewhere((name for name in wanted if name not in never), own, catalog.metrics)
    if foreign and report_type in _CLOSED_METRICS:
        raise invalid(parameter, _foreign("metrics", foreign, report_type))
    if foreign and report_type not in _OPEN:
        log.warning(
            "`%s`: %s not known to be in %s reports; sent to TikTok as they are.",
            parameter,
            ", ".join(foreign),
            report_type,
        )
    known = catalog.metrics() if report_type in _OPEN else own
    check_names(parameter, (name for name in wanted if name not in foreign), known, never)


def check_dimension_names(wanted: Iterable[str], report_type: str) -> None:
    """Refuse dimensions that a report type certainly lacks, and warn of unknown ones.

    :raises TikTokInvalidRequestError: at least one name is certainly wrong.
    """
    wanted = tuple(wanted)
    own = catalog.dimensions(report_type)
    metrics = catalog.metrics().keys() | catalog.metrics(report_type).keys()
    foreign = _elsewhere((name for name in wanted if name not in NEVER_DIMENSIONS), own, catalog.dimensions)
    attributes = [name for name in wanted if name not in own and name not in foreign and name in metrics]
    if attributes:
        raise invalid(
            "dimensions",
            f"holds {', '.join(attributes)}, which TikTok has as metrics only. Move to `metrics`.",
        )
    if foreign and report_type in _CLOSED:
        raise invalid("dimensions", _foreign("dimensions", foreign, report_type))
    check_names("dimensions", (name for name in wanted if name not in foreign), own, NEVER_DIMENSIONS)


def _elsewhere(
    names: Iterable[str], own: Iterable[str], lookup: Callable[[str], Mapping[str, object]]
) -> dict[str, list[str]]:
    """Return, by name, the report types that have the names which this report type lacks."""
    own = set(own)
    found = {
        name: [kind for kind in catalog.LEVELS_OF if name in lookup(kind)]
        for name in names
        if name not in own
    }
    return {name: kinds for name, kinds in found.items() if kinds}


def _foreign(what: str, found: Mapping[str, list[str]], report_type: str) -> str:
    each = "; ".join(f"{name} ({', '.join(kinds)})" for name, kinds in found.items())
    return (
        f"holds {what} that {report_type} reports don't have, only others: {each}. Drop them, or choose another "
        "`report_type`."
    )


def check_names(
    parameter: str, wanted: Iterable[str], known: Iterable[str], never: Mapping[str, str] | None = None
) -> None:
    """Refuse names that are certainly wrong, and warn of those that are only unknown.

    A name one or two slips away from a known one is a misspelling. Any other unknown name may be new
    at TikTok, so it is sent, with a warning.

    :param parameter: the parameter that holds the names, for messages.
    :param wanted: what the user wrote.
    :param known: the catalogue's names.
    :param never: names known to be refused, with the right ones.
    :raises TikTokInvalidRequestError: at least one name is certainly wrong; the text names it, and
        what was probably meant.
    """
    known = list(known)
    lookup = set(known)
    wrong = []
    for name in wanted:
        if name in lookup:
            continue
        meant = (never or {}).get(name) or misspelling_of(name, known)
        if meant:
            wrong.append(f"{name!r} (did you mean {meant!r}?)")
        else:
            close = get_close_matches(name.lower(), known, n=3, cutoff=0.6)
            log.warning(
                "`%s`: this version doesn't know %r; it is sent to TikTok as it is.%s",
                parameter,
                name,
                f" Similar names: {', '.join(close)}." if close else "",
            )
    if wrong:
        raise invalid(parameter, f"holds names that TikTok doesn't have: {', '.join(wrong)}.")


def misspelling_of(name: str, known: list[str]) -> str:
    """Return the known name of which this one is a misspelling; empty text if there is none.

    ``get_close_matches`` alone would refuse new names of TikTok's: at a cutoff that finds ``spent``, four of five
    metrics of the catalogue count as misspellings of another one. Slips, numbers and codes separate the two.
    """
    lowered = name.lower().replace("-", "_").replace(" ", "_")
    for candidate in (lowered, f"{lowered}_id"):
        if candidate in known:
            return candidate
    alike = [
        one for one in known if abs(len(one) - len(lowered)) <= _MAX_SLIPS
    ]  # the others can't be few slips away
    for candidate in get_close_matches(lowered, alike, n=3, cutoff=0.6):
        # two names that differ in their numbers are two metrics (`..._day0`, `..._day6`), not one misspelled
        if (
            re.findall(r"\d+", lowered) == re.findall(r"\d+", candidate)
            and _slips(lowered, candidate) <= _MAX_SLIPS
            and not _are_siblings(lowered, candidate)
        ):
            return candidate
    return ""


def _are_siblings(one: str, other: str) -> bool:
    """Return whether two names differ in one short code only, as ``cpc`` and ``cpm`` do, or ``vta_...`` and ``cta_...``."""
    words, others = one.split("_"), other.split("_")
    differing = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    return (
        len(words) == len(others)
        and len(differing) == 1
        and len(differing[0][0]) == len(differing[0][1]) <= _CODE
        and sorted(differing[0][0]) != sorted(differing[0][1])  # letters that changed places are a slip
    )


def _slips(one: str, other: str) -> int:
    common = sum(
        block.size for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    )
    return len(one) + len(other) - 2 * common
