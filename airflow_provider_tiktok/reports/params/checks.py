"""Check a report against the rules.

A finding is either sure, and the report is refused before any call, or in doubt, and the report is sent
with a warning. A finding is sure if TikTok documents it or two independent sources confirm it; if sources
disagree or there is only one, TikTok decides.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from airflow_provider_tiktok.reports import catalog
from airflow_provider_tiktok.reports.params.coerce import invalid
from airflow_provider_tiktok.reports.params.rules import DIMENSION_RULES, METRIC_RULES, Shape, wants_totals
from airflow_provider_tiktok.reports.report_types import ID_DIMENSION_LEVELS, MAX_DIMENSIONS, ReportType

log = logging.getLogger(__name__)

ADVISED_METRICS = 100
"""TikTok advises against more metrics in one report; whether it refuses them is not known."""

_HIGH = "high"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that TikTok refuses, or may refuse.

    :param parameter: the user's parameter that holds it.
    :param text: what is wrong and what would be right; it follows the parameter's name.
    :param sure: whether TikTok is known to refuse it.
    """

    parameter: str
    text: str
    sure: bool = True


def check(shape: Shape) -> None:
    """Refuse what TikTok certainly refuses, and warn of what it may refuse.

    :raises TikTokInvalidRequestError: at least one finding is sure; the text is that of the first one.
    """
    findings = list(find(shape))
    for finding in findings:
        if not finding.sure:
            log.warning("`%s` %s. It is sent as it is; TikTok decides.", finding.parameter, finding.text)
    for finding in findings:
        if finding.sure:
            raise invalid(finding.parameter, finding.text)


def check_sandbox(shape: Shape) -> None:
    """Refuse what TikTok's sandbox lacks (TikTok's page on the sandbox).

    :raises TikTokInvalidRequestError: the report needs the production environment.
    """
    for broken, parameter, text in (
        (shape.kind.name not in {"BASIC", "AUDIENCE"}, "report_type", f"is {shape.kind.name}"),
        ("AUCTION_ADVERTISER" in shape.levels, "data_level", "is AUCTION_ADVERTISER"),
        (wants_totals(shape), "request_params", "holds enable_total_metrics"),
    ):
        if broken:
            raise invalid(
                parameter,
                f"{text}, which TikTok's sandbox lacks. Use a connection to the production environment, or another report.",
            )


def find(shape: Shape) -> Iterator[Finding]:
    """Yield every rule that a report breaks."""
    yield from _counts(shape)
    yield from _grouping(shape)
    yield from _dimension_levels(shape)
    for rule in DIMENSION_RULES:
        if (not rule.types or shape.kind.name in rule.types) and rule.broken(shape):
            yield Finding(rule.parameter, rule.text, rule.sure)
    yield from _metrics(shape)


def objections(name: str, shape: Shape) -> Iterator[tuple[str, bool]]:
    """Yield the reasons why a metric of the catalogue doesn't fit into a report, and whether each is sure."""
    metric = catalog.metrics(shape.kind.name).get(name)
    if metric is None:
        return
    certain = metric.confidence == _HIGH
    if shape.levels and not shape.levels & metric.levels:
        yield f"exists at {_listed(_in_order(shape.kind.name, metric.levels))} only", certain
        return
    for word in sorted(metric.rules & METRIC_RULES.keys()):
        rule = METRIC_RULES[word]
        if rule.broken(name, shape):
            yield rule.reason, certain and rule.sure
    if metric.section != "attribute" or shape.kind.lists_names:
        # other lists of TikTok's are about figures only, and don't say whether names go with them
        for dimension, allowed in catalog.metrics_by_dimension(shape.kind.name).items():
            if shape.has(dimension) and name not in allowed:
                # with an ID, its entity's names may be available, no matter what else rows are grouped by
                is_name = metric.section == "attribute" and bool(shape.of_kind("id"))
                yield f"doesn't go with the dimension {dimension}", not is_name


def allowed_metrics(shape: Shape) -> tuple[str, ...]:
    """Return the metrics of the catalogue that fit into a report."""
    return tuple(name for name in catalog.metrics(shape.kind.name) if not any(objections(name, shape)))


def _counts(shape: Shape) -> Iterator[Finding]:
    if len(shape.dimensions) > MAX_DIMENSIONS:
        yield Finding("dimensions", f"holds {len(shape.dimensions)} names; TikTok takes {MAX_DIMENSIONS}.")
    for kind, (least, most) in shape.kind.counts.items():
        found = shape.of_kind(kind)
        if least <= len(found) <= most:
            continue
        word = "ID" if kind == "id" else kind
        amount = {(1, 1): "exactly one", (0, 1): "at most one", (1, 2): "one or two"}.get(
            (least, most), f"at most {most}"
        )
        noun = f"{word} dimension{'s' if most > 1 else ''}"
        # a dimension that only TikTok knows may be the one that is missing
        sure = len(found) > most or not shape.unknown
        if least:
            known = [one.name for one in catalog.dimensions(shape.kind.name).values() if one.kind == kind]
            noun = f"{noun} ({', '.join(known)}), and it has {', '.join(found) or 'none'}"
        else:
            noun = f"{noun}: {', '.join(found)}"
        end = "." if sure else f", unless {' or '.join(shape.unknown)} is one"
        if kind == "id" and len(found) > most:
            end += _parents_hint(found)
        yield Finding("dimensions", f"must have {amount} {noun}{end}", sure)


def _parents_hint(ids: list[str]) -> str:
    """Return how to get the IDs of a row's parents, where that is what several ID dimensions are for."""
    levels = {ID_DIMENSION_LEVELS[name]: name for name in ids if name in ID_DIMENSION_LEVELS}
    if len(levels) != len(ids):
        return ""
    lowest = levels[max(levels, key=catalog.LEVELS.index)]
    return f" Group by {lowest} alone: `with_parents=True` adds IDs and names of what is above it."


def _grouping(shape: Shape) -> Iterator[Finding]:
    kind, wanted = shape.kind, frozenset(shape.dimensions)
    documented = kind.groupings or kind.unproven
    if not documented or wanted in documented:
        return
    if kind.groupings and wanted <= catalog.dimensions(kind.name).keys() and wanted not in kind.unproven:
        yield Finding(
            "dimensions",
            f"is a grouping that {kind.name} reports don't have. They have: {_groupings(kind)}.",
        )
    else:
        yield Finding(
            "dimensions",
            f"is a grouping that TikTok's documents don't have for {kind.name} reports",
            sure=False,
        )


def _groupings(kind: ReportType) -> str:
    """List the groupings of a type, short ones first, in the catalogue's order of names."""
    order = list(catalog.dimensions(kind.name))
    listed = sorted(sorted(map(order.index, grouping)) for grouping in kind.groupings)
    return "; ".join(", ".join(order[index] for index in one) for one in sorted(listed, key=len))


def _dimension_levels(shape: Shape) -> Iterator[Finding]:
    known = catalog.dimensions(shape.kind.name)
    for name in shape.dimensions:
        dimension = known.get(name)
        if dimension is None or not shape.levels or not dimension.levels or shape.levels & dimension.levels:
            continue
        if dimension.kind == "id" or not shape.kind.has_level:
            continue  # the ID dimension decides the level, and is checked with it
        levels = _listed(_in_order(shape.kind.name, dimension.levels))
        yield Finding(
            "dimensions",
            f"holds {name}, which exists at {levels} only{'.' if dimension.confidence == _HIGH else ''}",
            dimension.confidence == _HIGH,
        )


def _metrics(shape: Shape) -> Iterator[Finding]:
    if len(shape.metrics) > ADVISED_METRICS:
        yield Finding(
            "metrics",
            f"holds {len(shape.metrics)} names, and TikTok advises {ADVISED_METRICS} at most",
            sure=False,
        )
    sure: list[str] = []
    doubts: list[str] = []
    for name in shape.metrics:
        for reason, certain in objections(name, shape):
            (sure if certain else doubts).append(f"{name}, which {reason}")
    if sure:
        advice = "Drop it" if len(sure) == 1 else "Drop them"
        yield Finding("metrics", f"holds {'; '.join(sure)}. {advice}, or choose other `dimensions`.")
    if doubts:
        yield Finding("metrics", f"holds {'; '.join(doubts)}", sure=False)


def _in_order(report_type: str, levels: Iterable[str]) -> list[str]:
    return [level for level in catalog.LEVELS_OF[report_type] if level in levels]


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "no level"
