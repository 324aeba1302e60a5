"""Why TikTok refused a report, in the words of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.names import NEVER_METRICS, NEVER_METRICS_OF
from airflow_provider_tiktok.reports.request import ReportRequest
from airflow_provider_tiktok.reports.rules import objections

_LIST = re.compile(r"[Ii]nvalid metric fields?:\s*\[([^\]]*)\]")
_NAME = re.compile(r"[\w.]+")


def refused_metrics(message: str) -> list[str]:
    """Read the metrics that a message of TikTok's refuses by name.

    :param message: such as ``... Invalid metric fields: ['voucher_spend', 'cash_spend']. ``
    :return: the names; empty when the message is about something else.
    """
    found = _LIST.search(message)
    return list(dict.fromkeys(_NAME.findall(found[1]))) if found else []


def explained(error: TikTokInvalidRequestError, request: ReportRequest) -> TikTokInvalidRequestError:
    """Add to an error what the catalogue knows about the metrics that TikTok refused."""
    reasons = [_reason(name, request) for name in refused_metrics(error.message)]
    if not reasons:
        return error
    return TikTokInvalidRequestError(
        f"{error} Refused: {'; '.join(reasons)}. Drop them from `metrics`, or set `drop_invalid_metrics=True` to go on "
        "without.",
        code=error.code,
        message=error.message,
        request_id=error.request_id,
        retryable=error.retryable,
    )


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
