"""Explain, from the catalogue, why TikTok refused a report."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import TypeVar

from airflow_provider_tiktok.exceptions import TikTokError, TikTokInvalidRequestError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.checks import find, objections
from airflow_provider_tiktok.reports.params.filter_fields import FILTER_FIELDS
from airflow_provider_tiktok.reports.params.model import ReportRequest
from airflow_provider_tiktok.reports.params.suggestions import NEVER_METRICS, NEVER_METRICS_OF

_LIST = re.compile(r"[Ii]nvalid metric fields?:\s*\[([^\]]*)\]")
_NAME = re.compile(r"[\w.]+")

E = TypeVar("E", bound=TikTokError)


def refused_metrics(message: str) -> list[str]:
    """Return the metrics that TikTok's message refuses by name.

    :param message: TikTok's text, which ends in a list such as ['voucher_spend', 'cash_spend'] if it refuses some.
    :return: the names; empty if the message is about something else.
    """
    found = _LIST.search(message)
    return list(dict.fromkeys(_NAME.findall(found[1]))) if found else []


def explained(error: TikTokInvalidRequestError, request: ReportRequest) -> TikTokInvalidRequestError:
    """Return TikTok's error together with what this version knows about the refused parameter."""
    if error.code is None:
        return error
    text = next(
        (
            said
            for pattern, explain in _EXPLANATIONS
            if (found := pattern.search(error.message)) and (said := explain(found, request))
        ),
        "",
    )
    return with_advice(error, text) if text else error


def with_advice(error: E, advice: str) -> E:
    """Return a copy of the error with one more sentence."""
    again = copy.copy(error)
    again.args = (f"{error} {advice}",)
    return again


def _metrics(found: re.Match[str], request: ReportRequest) -> str:
    reasons = [_reason(name, request) for name in refused_metrics(found.string)]
    if not reasons:
        return ""
    return f"Refused: {'; '.join(reasons)}. Drop them from `metrics`, or set `drop_invalid_metrics=True` to go on without."


def _conflict(found: re.Match[str], request: ReportRequest) -> str:
    known = [f"`{finding.parameter}` {finding.text}" for finding in find(request.shape)]
    if known:
        return f"What this version knows: {' '.join(known)}"
    return (
        f"Some of `metrics` don't go with the dimensions {', '.join(request.dimensions)}: try with fewer of them, or "
        "group by the ID alone."
    )


def _unsupported(found: re.Match[str], request: ReportRequest) -> str:
    parameter, name = found["parameter"], found["name"]
    own = {"filtering": "filters", "sort_field": "order_field"}.get(parameter, parameter)
    if own == "order_field":
        return f"TikTok doesn't order this report by {name}: use another metric in `order_field`."
    if own == "filters":
        known = ", ".join(FILTER_FIELDS[request.report_type]) or "none"
        return f"Check `filters`: {request.report_type} reports have the fields {known}."
    findings = [f"`{finding.parameter}` {finding.text}" for finding in find(request.shape)]
    close = get_close_matches(name, list(catalog.dimensions(request.report_type)), n=1, cutoff=0.6)
    if name not in catalog.dimensions(request.report_type) and close:
        findings.insert(0, f"Did you mean {close[0]!r} in `dimensions`?")
    return " ".join(findings) or f"Leave {name} out of `dimensions`, or look for another `report_type`."


def _level(found: re.Match[str], request: ReportRequest) -> str:
    ids = ", ".join(request.dimensions)
    return f"`dimensions` and `data_level` don't fit: leave `data_level` out, and it follows from the ID among {ids}."


def _length(found: re.Match[str], request: ReportRequest) -> str:
    return f"`{found['parameter']}` must hold {found['least']} to {found['most']} names."


def _missing(found: re.Match[str], request: ReportRequest) -> str:
    names = found["names"].strip(" .")
    return f"TikTok wants {names}: set it in `request_params`, unless the operator has a parameter for it."


def _bare(found: re.Match[str], request: ReportRequest) -> str:
    """Explain a message that names no parameter."""
    name = found["name"]
    if name in request.metrics:
        return f"Refused: {_reason(name, request)}. Drop it from `metrics`."
    if name in request.dimensions:
        return f"Drop {name} from `dimensions`, or group otherwise."
    return ""


_EXPLANATIONS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], ReportRequest], str]], ...] = (
    (_LIST, _metrics),
    (re.compile(r"Conflict occurs|have no relation"), _conflict),
    (re.compile(r"data_level (?P<name>\w+) and .*do not match"), _level),
    (re.compile(r"(?P<parameter>\w+): Length must be between (?P<least>\d+) and (?P<most>\d+)"), _length),
    (re.compile(r"Missing required field\(s\): (?P<names>.+)"), _missing),
    (
        re.compile(r"(?:Invalid value for )?(?P<parameter>\w+): .*?(?P<name>\w+) (?:is|are) not supported"),
        _unsupported,
    ),
    (re.compile(r"(?P<parameter>dimensions|filtering): (?P<name>\w+)"), _unsupported),
    (re.compile(r"\b(?P<name>\w+) is not supported"), _bare),
)
"""Patterns of TikTok's messages, each with the function that explains it; the first explanation that isn't empty is used."""


def _reason(name: str, request: ReportRequest) -> str:
    return f"{name} ({', '.join(_reasons(name, request)) or 'known, but not for this account or grouping'})"


def _reasons(name: str, request: ReportRequest) -> Iterator[str]:
    yield from (reason for reason, _ in objections(name, request.shape))
    known = catalog.metrics(request.report_type)
    if name in known:
        return
    meant = {**NEVER_METRICS, **NEVER_METRICS_OF.get(request.report_type, {})}.get(name)
    close = [meant] if meant else get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    yield f"did you mean {close[0]}?" if close else "unknown to this version as well"
