"""What goes wrong, and when: the rules of a faults file.

The file is a JSON list of rules. Each has a ``fault`` and, if it shall not strike at every call,
selectors; all selectors of a rule must agree, and the first rule that agrees strikes::

    [
      {"fault": "code:40100", "every": 5},
      {"fault": "reset", "at": [2, 3], "path": "report/integrated/get/"},
      {"fault": "drop_row", "advertiser_id": "7100000007131187933", "page": 2, "first": 1}
    ]

Faults of the connection: ``timeout`` (silent for ``seconds``, 600 unless told, then closed), ``slow``
(answers after ``seconds``, 5 unless told), ``reset`` (closed before the answer, or ``after_bytes`` of
its body), ``truncated`` (closed before ``Content-Length`` is reached). Faults of the answer:
``http_500``, ``http_502_html``, ``html_200``, ``broken_json``, ``empty_body``, ``not_object``,
``code:NNNNN`` (TikTok's return code and text, or your ``message``). Faults of a report, which strike only
at reports: ``drop_row``, ``duplicate_row``, ``short_page``, ``moving_total``, ``endless_pages`` (one row
a page, and a count of 999,999,999), ``throttle_header``, ``search_ads_throttle`` and ``uv_invalid`` (flags in
``data.extra_info``: rows are left out, figures about people are missing). Faults of a
CSV file, which strike where report tasks' files are, and with the ``path`` ``report/task/download/`` at
files that come as an answer: ``drop_row``, ``duplicate_row``, ``cut_file`` (ends in the middle of a row, its
``Content-Length`` agreeing). Faults of a report task, which strike at its creation: ``task_failed`` (with
your ``message``), ``task_canceled``, ``task_stuck`` (is never done). Faults of the consent
page: ``deny_consent`` (it sends the browser back without a code), ``wrong_state``.

Selectors: ``path`` (how it ends), ``advertiser_id``, ``page`` choose calls; among the chosen,
``every`` k strikes at every k-th, ``first`` n at the first n, ``at`` at those places, from 1.
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
FILE_FAULTS = ("drop_row", "duplicate_row", "cut_file")
TASK_FAULTS = ("task_failed", "task_canceled", "task_stuck")
"""What becomes of a report task that is created well."""

FILE_PATH = "/wsos_v2/statistics/object/"
"""Where files are, on TikTok's host for files as on this one; a selector's ``path`` may be its end."""

_DOWNLOAD_PATH = "report/task/download/"
_PLACES: tuple[tuple[tuple[str, ...], str], ...] = (
    (REPORT_FAULTS, "report/integrated/get/"),
    (FILE_FAULTS, FILE_PATH),
    (TASK_FAULTS, "report/task/create/"),
    (CONSENT_FAULTS, "/portal/auth"),
)
"""The faults that strike only at some calls, and how the path of those ends."""

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
    """A faults file, or a rule, that makes no sense."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule. See the module for what its parts mean."""

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
        """The return code that it answers with."""
        return int(self.kind.removeprefix("code:")) if self.kind.startswith("code:") else None

    def concerns(self, path: str, advertiser_ids: Iterable[str], page: int) -> bool:
        """Say whether a call is one of those it chooses."""
        return (
            (self.path is None or path.endswith(self.path))
            and (self.advertiser_id is None or self.advertiser_id in advertiser_ids)
            and (self.page is None or self.page == page)
            and self._can_strike(path)
        )

    def _can_strike(self, path: str) -> bool:
        """Say whether a call is of those that have what this spoils."""
        if self.code is not None:
            return not path.endswith(FILE_PATH)  # the host of files has no return codes
        if self.kind in FILE_FAULTS and self.path is not None and path.endswith(_DOWNLOAD_PATH):
            return True
        places = [place for kinds, place in _PLACES if self.kind in kinds]
        return not places or path.endswith(tuple(places))

    def strikes(self, place: int) -> bool:
        """Say whether it strikes at the so-manieth of its calls."""
        return (
            (self.every is None or place % self.every == 0)
            and (self.first is None or place <= self.first)
            and (self.at is None or place in self.at)
        )


class Faults:
    """The rules in force, with how many calls each has seen; safe to change while serving."""

    def __init__(self, rules: Iterable[Mapping[str, Any] | Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self._seen: list[int] = []
        self.set(rules)

    def set(self, rules: Iterable[Mapping[str, Any] | Fault]) -> None:
        """Put other rules in force, counting from the beginning.

        :raises FaultError: when a rule makes no sense; the old ones stay.
        """
        parsed = [rule if isinstance(rule, Fault) else parse_fault(rule) for rule in rules]
        with self._lock:
            self._rules, self._seen = parsed, [0] * len(parsed)

    def choose(self, path: str, advertiser_ids: Iterable[str], page: int) -> Fault | None:
        """Count a call, and find the fault that strikes at it."""
        ids = tuple(advertiser_ids)
        with self._lock:
            struck: Fault | None = None
            for number, rule in enumerate(self._rules):
                if rule.concerns(path, ids, page):
                    self._seen[number] += 1
                    if struck is None and rule.strikes(self._seen[number]):
                        struck = rule
            return struck


def read_faults(path: str | Path) -> list[Fault]:
    """Read a faults file.

    :raises FaultError: with one sentence on what is wrong with it.
    """
    try:
        rules = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FaultError(f"The faults file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise FaultError(f"The faults file {path} is not valid JSON: {error}.") from error
    if not isinstance(rules, list):
        raise FaultError(f"The faults file {path} must hold a JSON list of rules.")
    return [parse_fault(rule, f"Rule {place} of {path}") for place, rule in enumerate(rules, start=1)]


def parse_fault(rule: Any, where: str = "A fault rule") -> Fault:
    """Check one rule.

    :param where: how to speak of it in an error.
    :raises FaultError: with one sentence on what is wrong with it.
    """
    if not isinstance(rule, Mapping):
        raise FaultError(f"{where} must be an object with a 'fault'.")
    for key, value in rule.items():
        _check_key(key, value, where)
    kind = rule.get("fault")
    if kind is None:
        raise FaultError(f"{where} has no 'fault'.")
    _check_kind(kind, where)
    places = rule.get("at")
    return Fault(
        kind=kind,
        seconds=float(rule.get("seconds", _DEFAULT_SECONDS.get(kind, 0.0))),
        at=None if places is None else frozenset(places),
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
    least = 0 if key in ("seconds", "after_bytes") else 1
    if any(not isinstance(number, int | float) or number < least for number in numbers):
        raise FaultError(f"{where} has a {key!r} below {least}: {value!r}.")


def _check_kind(kind: str, where: str) -> None:
    known = dict.fromkeys(
        (*CONNECTION_FAULTS, *ANSWER_FAULTS, *REPORT_FAULTS, *FILE_FAULTS, *TASK_FAULTS, *CONSENT_FAULTS)
    )
    code = kind.removeprefix("code:")
    if kind not in known and not (code != kind and code.lstrip("-").isdecimal()):
        raise FaultError(f"{where} has an unknown fault {kind!r}; known are {', '.join(known)}, code:NNNNN.")


def message_of(fault: Fault, **named: str) -> str:
    """Give the text that goes with a return code."""
    if fault.message is not None:
        return fault.message
    return MESSAGES.get(fault.code or 0, "Unknown error.").format(**named)
