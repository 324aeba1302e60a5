"""The parameters of ``report/task/create/``.

A report task covers any date range and any number of entities. It filters only by IDs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import Schema, ValidationError

from airflow_provider_tiktok.emulator.schemas import base, basic, checks, fields
from airflow_provider_tiktok.emulator.schemas.base import Params
from airflow_provider_tiktok.emulator.schemas.checks import Check
from airflow_provider_tiktok.emulator.schemas.filters import filters
from airflow_provider_tiktok.emulator.world.conditions import FIELDS
from airflow_provider_tiktok.emulator.world.query import Query

_FORMATS = ("CSV_STRING", "CSV_DOWNLOAD", "XLSX_DOWNLOAD")
_LONGEST_NAME = 255
_FORBIDDEN_IN_NAMES = frozenset("/\t\b@#$%^&*()[]")
_FILTERS = {
    **{name: replace(FIELDS[name], max_ids=20_000) for name in ("campaign_ids", "adgroup_ids", "ad_ids")},
    "ad_ids_v2": replace(FIELDS["ad_ids_v2"], types=("IN",)),
}
_UNIQUE_VIEWERS = frozenset(
    {
        *("average_video_play_per_user", "frequency", "cost_per_1000_reached", "reach", "live_play_count"),
        *("result", "result_rate", "cost_per_result"),
        *("real_time_result", "real_time_result_rate", "real_time_cost_per_result"),
    }
)
"""The metrics that count people, which cannot be used with an audience dimension of a report task."""


def _rules(rules: tuple[Check, ...], *more: Check) -> tuple[Check, ...]:
    """Return the rules of a report task, made from those of a synchronous report."""
    return (*(checks.date_order if rule is checks.dates else rule for rule in rules), *more)


def _check_id_of_level(query: Query) -> None:
    """Raise ApiError if the account is the only ID and not the level's own."""
    if query.id_dimensions:
        basic.check_ids(query)


def _check_people(query: Query) -> None:
    if _UNIQUE_VIEWERS & set(query.metrics):
        raise checks.conflict()


class _TaskLines(Schema):
    """The lines that differ from those of a synchronous report."""

    # a call on several accounts can group by account in addition to the level's own ID
    other_ids = base.Step(lambda call: ("advertiser_id",) if call.get("advertiser_ids") else ())
    filtering = filters(_FILTERS)
    excludes_deleted = False


class _BasicTask(_TaskLines, basic.Basic):
    rules = _rules(basic.Basic.rules)


class _AudienceTask(_TaskLines, basic.Audience):
    rules = _rules(basic.Audience.rules, _check_id_of_level, _check_people)


class _CatalogTask(_TaskLines, basic.Basic, basic.OneAccount, basic.OnlyRegular):
    kind = basic.Catalog.kind
    rules = _rules(basic.Catalog.rules)

    class Meta(basic.Catalog.Meta):
        """The same as in a synchronous report."""


_REPORTS: Mapping[str, base.ReportSchema] = {
    "BASIC": _BasicTask(),
    "AUDIENCE": _AudienceTask(),
    "CATALOG": _CatalogTask(),
}
"""The report types that have report tasks."""


_HEAD: base.Lines = {
    "needed": base.required("report_type", "dimensions"),
    "report_type": fields.choice(tuple(_REPORTS)),
    "refused": base.refused("page", "page_size", "query_mode"),
    "totals": base.never("enable_total_metrics"),
}
"""What is read before the report."""


def _file_name(value: Any) -> str:
    name = str(fields.string().deserialize(value)).strip()
    if len(name) > _LONGEST_NAME:
        raise ValidationError(f"Longer than maximum length {_LONGEST_NAME}.")
    if _FORBIDDEN_IN_NAMES & set(name):
        raise ValidationError("Special characters are not supported.")
    return name


_FILE: base.Lines = {
    "output_format": fields.choice(_FORMATS, load_default=_FORMATS[0]),
    "enable_report_title_translation": fields.flag(default=True),
    "file_name": fields.Typed(_file_name, load_default=""),
}
"""What is read after the report."""


@dataclass(frozen=True, slots=True)
class ReportTaskRequest:
    """The report and the file that a report task creates.

    :param titles: whether the columns have the titles of TikTok Ads Manager.
    """

    query: Query
    output_format: str
    file_name: str
    titles: bool


def read_report_task(params: Params) -> ReportTaskRequest:
    """Return the request of a report task.

    :raises ApiError: with TikTok's message.
    """
    report_type = base.read(_HEAD, params, "asynchronous")["report_type"]
    query = _REPORTS[report_type].query(params)
    file = base.read(_FILE, params)
    return ReportTaskRequest(
        query=replace(query, untruncated=True),
        output_format=file["output_format"],
        file_name=file["file_name"],
        titles=file["enable_report_title_translation"] or report_type == "CATALOG",
    )
