"""The rules of a faults file: which faults to inject, and into which calls.

The file is a JSON list of rules. Each rule has a ``fault``, and selectors if it does not apply to every
call. A rule matches a call if all of its selectors match; the first rule that matches applies::

    [
      {"fault": "code:40100", "every": 5},
      {"fault": "reset", "at": [2, 3], "path": "report/integrated/get/"},
      {"fault": "drop_row", "advertiser_id": "7100000007131187933", "page": 2, "first": 1}
    ]

Faults of the connection: ``timeout`` (no answer for ``seconds``, default 600, then closed), ``slow``
(answers after ``seconds``, default 5), ``reset`` (closed before the answer, or after ``after_bytes`` of
its body), ``truncated`` (closed before ``Content-Length`` is reached).

Faults of the answer: ``http_500``, ``http_502_html``, ``html_200``, ``broken_json``, ``empty_body``,
``not_object``, ``code:NNNNN`` (TikTok's return code and message, or your ``message``).

Faults of a report, which apply only to reports: ``drop_row``, ``duplicate_row``, ``short_page``,
``moving_total``, ``endless_pages`` (one row a page, and a count of 999,999,999), ``throttle_header``,
``search_ads_throttle`` and ``uv_invalid`` (flags in ``data.extra_info``: rows are omitted, figures about
people are missing).

Faults of a list of entities, which apply from page 2 on: ``list_grows`` (a new entity has moved the rows by
one, so that the last row of the page before comes again, and the count is one higher) and ``list_shrinks``
(an entity is gone from a page before, so that a row is never sent, and the count is one lower). A list also
has the faults of a report, if ``path`` names the list: ``{"fault": "drop_row", "path": "campaign/get/"}``.

Faults of a CSV file, which apply to downloads of report tasks' files, and with the ``path``
``report/task/download/`` to files that are sent as an answer: ``drop_row``, ``duplicate_row``, ``cut_file``
(ends in the middle of a row, with a matching ``Content-Length``).

Faults of a report task, which apply to its creation: ``task_failed`` (with your ``message``),
``task_canceled``, ``task_stuck`` (never finishes).

Faults of the consent page: ``deny_consent`` (redirects the browser without a code), ``wrong_state``.

Selectors: ``path`` (the end of the path), ``advertiser_id`` and ``page`` select calls. ObjectFilter the selected
calls, ``every`` k applies to every k-th, ``first`` n to the first n, and ``at`` to the listed positions,
which start at 1.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_tiktok.emulator.errors import MESSAGES

CONNECTION_FAULTS = ("timeout", "slow", "reset", "truncated")
ANSWER_FAULTS = ("http_500", "http_502_html", "html_200", "broken_json", "empty_body", "not_object")
CONSENT_FAULTS = ("deny_consent", "wrong_state")
EXTRA_INFO_FAULTS = ("search_ads_throttle", "uv_invalid")
REPORT_FAULTS = (
    *("drop_row", "duplicate_row", "short_page", "moving_total", "endless_pages", "throttle_header"),
    *EXTRA_INFO_FAULTS,
)
LIST_FAULTS = ("list_grows", "list_shrinks")
FILE_FAULTS = ("drop_row", "duplicate_row", "cut_file")
TASK_FAULTS = ("task_failed", "task_canceled", "task_stuck")
"""The outcomes of a report task that is created successfully."""

FILE_PATH = "/wsos_v2/statistics/object/"
"""The path of files, on TikTok's host for files and on this one; a selector's ``path`` can be its end."""

LIST_PATHS = (
    *("campaign/get/", "adgroup/get/", "ad/get/", "file/video/ad/search/", "file/image/ad/search/"),
    *("identity/get/", "dmp/custom_audience/list/", "pixel/list/"),
)
"""The ends of the paths of lists of entities; those of Smart+ and of GMV Max end like the others."""

_DOWNLOAD_PATH = "report/task/download/"
_PATHS: tuple[tuple[tuple[str, ...], str], ...] = (
    (REPORT_FAULTS, "report/integrated/get/"),
    *((LIST_FAULTS, path) for path in LIST_PATHS),
    (FILE_FAULTS, FILE_PATH),
    (TASK_FAULTS, "report/task/create/"),
    (CONSENT_FAULTS, "/portal/auth"),
)
"""The faults that apply only to some calls, and the end of the path of those calls."""

_DEFAULT_SECONDS = {"timeout": 600.0, "slow": 5.0}
_KEYS: dict[str, tuple[type, ...]] = {
    "fault": (str,),
    "path": (str,),
    "advertiser_id": (str,),
    "page": (int,),
    "every": (int,),
    "first": (int,),
    "at": (list,),
    "seconds": (int, float),
    "after_bytes": (int,),
    "message": (str,),
}


class FaultError(ValueError):
    """A faults file, or a rule, that is invalid."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule. The module's docstring describes its fields."""

    kind: str
    path: str | None = None
    advertiser_id: str | None = None
    page: int | None = None
    every: int | None = None
    first: int | None = None
    at: frozenset[int] | None = None
    seconds: float = 0.0
    after_bytes: int = 0
    message: str | None = None

    @property
    def code(self) -> int | None:
        """Return the return code of the fault; ``None`` for other faults."""
        return int(self.kind.removeprefix("code:")) if self.kind.startswith("code:") else None

    def selects(self, path: str, advertiser_ids: Iterable[str], page: int) -> bool:
        """Return whether the rule selects a call."""
        return (
            (self.path is None or path.endswith(self.path))
            and (self.advertiser_id is None or self.advertiser_id in advertiser_ids)
            and (self.page is None or self.page == page)
            and self._can_apply(path)
        )

    def _can_apply(self, path: str) -> bool:
        """Return whether calls of a path can have this fault."""
        if self.code is not None:
            return not path.endswith(FILE_PATH)  # the host of files has no return codes
        if self.path is not None and self.kind in FILE_FAULTS and path.endswith(_DOWNLOAD_PATH):
            return True
        if self.path is not None and self.kind in REPORT_FAULTS and path.endswith(LIST_PATHS):
            return True
        paths = [end for kinds, end in _PATHS if self.kind in kinds]
        return not paths or path.endswith(tuple(paths))

    def applies(self, position: int) -> bool:
        """Return whether the rule applies to the selected call at a position, counted from 1."""
        return (
            (self.every is None or position % self.every == 0)
            and (self.first is None or position <= self.first)
            and (self.at is None or position in self.at)
        )


class Faults:
    """The current rules, each with its number of selected calls; safe to change while serving."""

    def __init__(self, rules: Iterable[Mapping[str, Any] | Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self._counts: list[int] = []
        self.set(rules)

    def set(self, rules: Iterable[Mapping[str, Any] | Fault]) -> None:
        """Replace the rules and reset their counts.

        :raises FaultError: if a rule is invalid; the old rules stay.
        """
        parsed = [rule if isinstance(rule, Fault) else parse_fault(rule) for rule in rules]
        with self._lock:
            self._rules, self._counts = parsed, [0] * len(parsed)

    def __len__(self) -> int:
        return len(self._rules)

    def choose(self, path: str, advertiser_ids: Iterable[str], page: int) -> Fault | None:
        """Count a call and return the fault that applies to it, if any."""
        ids = tuple(advertiser_ids)
        with self._lock:
            chosen: Fault | None = None
            for number, rule in enumerate(self._rules):
                if rule.selects(path, ids, page):
                    self._counts[number] += 1
                    if chosen is None and rule.applies(self._counts[number]):
                        chosen = rule
            return chosen


def read_faults(path: str | Path) -> list[Fault]:
    """Return the rules of a faults file.

    :raises FaultError: with a sentence that says what is invalid.
    """
    try:
        rules = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FaultError(f"The faults file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise FaultError(f"The faults file {path} is not valid JSON: {error}.") from error
    if not isinstance(rules, list):
        raise FaultError(f"The faults file {path} must contain a JSON list of rules.")
    return [parse_fault(rule, f"Rule {position} of {path}") for position, rule in enumerate(rules, start=1)]


def parse_fault(rule: Any, where: str = "A fault rule") -> Fault:
    """Return one rule, validated.

    :param where: the rule's name in an error.
    :raises FaultError: with a sentence that says what is invalid.
    """
    if not isinstance(rule, Mapping):
        raise FaultError(f"{where} must be an object with a 'fault'.")
    for key, value in rule.items():
        _check_key(key, value, where)
    kind = rule.get("fault")
    if kind is None:
        raise FaultError(f"{where} has no 'fault'.")
    _check_kind(kind, where)
    positions = rule.get("at")
    return Fault(
        kind=kind,
        seconds=float(rule.get("seconds", _DEFAULT_SECONDS.get(kind, 0.0))),
        at=None if positions is None else frozenset(positions),
        **{
            key: rule[key]
            for key in ("path", "advertiser_id", "page", "every", "first", "after_bytes", "message")
            if key in rule
        },
    )


def _check_key(key: str, value: Any, where: str) -> None:
    if key not in _KEYS:
        raise FaultError(f"{where} has an unknown key {key!r}; known are {', '.join(_KEYS)}.")
    if not isinstance(value, _KEYS[key]) or isinstance(value, bool):
        raise FaultError(f"{where} has a {key!r} of the wrong type: {value!r}.")
    numbers = value if isinstance(value, list) else [value] if isinstance(value, int | float) else []
    minimum = 0 if key in ("seconds", "after_bytes") else 1
    if any(not isinstance(number, int | float) or number < minimum for number in numbers):
        raise FaultError(f"{where} has a {key!r} below {minimum}: {value!r}.")


def _check_kind(kind: str, where: str) -> None:
    known = dict.fromkeys(
        (
            *(*CONNECTION_FAULTS, *ANSWER_FAULTS, *REPORT_FAULTS, *LIST_FAULTS),
            *(*FILE_FAULTS, *TASK_FAULTS, *CONSENT_FAULTS),
        )
    )
    code = kind.removeprefix("code:")
    if kind not in known and not (code != kind and code.lstrip("-").isdecimal()):
        raise FaultError(f"{where} has an unknown fault {kind!r}; known are {', '.join(known)}, code:NNNNN.")


def message_of(fault: Fault, **named: str) -> str:
    """Return the message of a fault's return code."""
    if fault.message is not None:
        return fault.message
    return MESSAGES.get(fault.code or 0, "Unknown error.").format(**named)
